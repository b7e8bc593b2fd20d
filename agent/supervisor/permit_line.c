// SPDX-License-Identifier: MIT
/* What the ledger says of a request and of its end. */
#include "supervisor/permit.h"

#include "policy/ecs.h"

#include <string.h>

static json_t *hash_json(const uint8_t sha256[static SHA256_SIZE])
{
	char text[SHA256_TEXT];

	return json_string(sha256_text(sha256, text));
}

static json_t *id_json(const uint8_t id[static SIGHTING_ID_SIZE])
{
	char text[SIGHTING_ID_TEXT];

	return json_string(sighting_id_text(id, text));
}

/* Bytes of a field's value that this request has. */
static uint32_t field_bytes(const struct permit_envelope *e, uint64_t carries,
			    enum sluice_field f)
{
	if (carries & CLOUD_CARRIES_ENVELOPE)
		return e->report.field[f].bytes;
	if (f == SLUICE_FIELD_FILENAME && (carries & CLOUD_CARRIES_NAME))
		return (uint32_t)e->name_bytes;
	if (f == SLUICE_FIELD_URL && (carries & CLOUD_CARRIES_SAMPLE))
		return (uint32_t)e->link_bytes;
	return 0;
}

/* Those with a value in it, and those that policy kept back. */
static json_t *fields(bool *failed, const struct permit_envelope *e, uint64_t carries)
{
	json_t *all = json_object();

	for (unsigned int f = 0; carries && f < SLUICE_FIELD_COUNT; f++) {
		char mode[POLICY_FIELD_TEXT_MAX];
		uint32_t bytes = field_bytes(e, carries, f);

		if (!bytes && policy_mode(&e->effective, f) == POLICY_SHARE)
			continue;
		ecs_set(failed, all, policy_field_name(f),
			json_pack("{s:s, s:I}", "mode",
				  policy_field_text(&e->effective, f, mode), "bytes",
				  (json_int_t)bytes));
	}
	return all;
}

/* What the request is about: one, or several in the order in which they stand in it. */
static void set_about(bool *failed, json_t *line, const struct permit *t)
{
	json_t *samples, *sightings;

	if (!t->members) {
		ecs_set(failed, line, "sample", hash_json(t->sample));
		ecs_set(failed, line, "sighting", id_json(t->id));
		return;
	}
	samples = json_array();
	sightings = json_array();
	for (size_t i = 0; i < t->members; i++) {
		const struct permit_member *m = &t->member[i];

		*failed |= json_array_append_new(samples, hash_json(m->sample)) ||
			   json_array_append_new(sightings, id_json(m->id));
	}
	ecs_set(failed, line, "samples", samples);
	ecs_set(failed, line, "sightings", sightings);
}

/* What it told of each, and under which policy; of a list in the order of its sightings. */
static void set_told(bool *failed, json_t *line, const struct permit *t)
{
	json_t *policies, *all;

	if (!t->members || !t->carries) {
		ecs_set(failed, line, "policy",
			t->carries ? json_string(t->envelope.policy) : json_null());
		ecs_set(failed, line, "fields", fields(failed, &t->envelope, t->carries));
		return;
	}
	policies = json_array();
	all = json_array();
	for (size_t i = 0; i < t->members; i++) {
		const struct permit_envelope *e = t->member[i].envelope;

		*failed |= json_array_append_new(policies, json_string(e->policy)) ||
			   json_array_append_new(all, fields(failed, e, t->carries));
	}
	ecs_set(failed, line, "policies", policies);
	ecs_set(failed, line, "fields", all);
}

static json_t *whole(json_t *line, bool failed)
{
	if (!failed)
		return line;
	json_decref(line);
	return NULL;
}

json_t *permit_line_request(const struct permit *t, const struct cloud_config *cloud)
{
	json_t *line = json_object(), *body = json_object();
	bool failed = false;

	ecs_set(&failed, line, "type", json_string("request"));
	ecs_set(&failed, line, "cloud", json_string(cloud->name));
	ecs_set(&failed, line, "kind", json_string(cloud->ops->kind));
	ecs_set(&failed, line, "request", ecs_text(t->request, strlen(t->request)));
	ecs_set(&failed, line, "url", ecs_text(t->url, strlen(t->url)));
	set_about(&failed, line, t);
	ecs_set(&failed, line, "envelope", json_boolean(t->carries & CLOUD_CARRIES_ENVELOPE));
	set_told(&failed, line, t);
	ecs_set(&failed, body, "sha256", hash_json(t->sha256));
	ecs_set(&failed, body, "bytes", json_integer((json_int_t)t->bytes));
	ecs_set(&failed, line, "body", body);
	return whole(line, failed);
}

json_t *permit_line_result(const struct permit_result *r)
{
	json_t *line = json_object();
	bool failed = false;

	ecs_set(&failed, line, "type", json_string("result"));
	/* Of which line is not known after a restart. */
	ecs_set(&failed, line, "of",
		r->end.line ? json_integer((json_int_t)r->end.line) : json_null());
	ecs_set(&failed, line, "cloud", json_string(r->cloud));
	if (r->end.line)
		ecs_set(&failed, line, "sample", hash_json(r->end.sample));
	ecs_set(&failed, line, "sighting", id_json(r->id));
	ecs_set(&failed, line, "outcome", json_string(cloud_outcome_name(r->outcome)));
	if (r->verdict != CLOUD_VERDICT_NONE)
		ecs_set(&failed, line, "verdict", json_integer(r->verdict));
	ecs_set(&failed, line, "detail", ecs_text(r->detail, strlen(r->detail)));
	return whole(line, failed);
}
