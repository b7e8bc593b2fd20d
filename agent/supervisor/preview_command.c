// SPDX-License-Identifier: MIT
#include "supervisor/preview_command.h"

#include "sample/spool.h"
#include "supervisor/live.h"
#include "supervisor/preview.h"

#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------- sightings */

struct ids {
	struct control_client *client;
	uint8_t last[SIGHTING_ID_SIZE];
	bool any;
};

static void tell_id(void *arg, const uint8_t *id)
{
	char text[SIGHTING_ID_TEXT];
	struct ids *ids = arg;

	/* Those of one sighting stand together, one for each cloud. */
	if (ids->any && !memcmp(ids->last, id, SIGHTING_ID_SIZE))
		return;
	ids->any = true;
	memcpy(ids->last, id, SIGHTING_ID_SIZE);
	control_line(ids->client, json_pack("{s:s}", "sighting", sighting_id_text(id, text)));
}

static void tell_sent(void *arg, const struct store_sent *sent)
{
	tell_id(arg, sent->id);
}

void preview_command_sightings(struct control_client *c, void *arg, json_t *request)
{
	const char *sample = json_string_value(json_object_get(request, "sample"));
	json_int_t last = json_integer_value(json_object_get(request, "last"));
	const struct supervisor *s = arg;
	struct ids ids = {.client = c};
	uint8_t sha256[SHA256_SIZE];
	bool ok;

	if (sample ? !sha256_parse(sample, sha256) : last < 1 || last > PREVIEW_SIGHTINGS_MAX) {
		control_error(c,
			      "policy.sightings: expected the member \"sample\", of 64 "
			      "hexadecimal digits, or \"last\", of 1 to %d",
			      PREVIEW_SIGHTINGS_MAX);
		return;
	}
	ok = sample ? store_sample(s->store, sha256, PREVIEW_SIGHTINGS_MAX, tell_sent, &ids)
		    : store_last(s->store, (size_t)last, tell_id, &ids);
	if (!ok)
		control_error(c, "policy.sightings: the database cannot be read: %s",
			      store_error(s->store));
}

/* ----------------------------------------------------------------- preview */

static json_t *message(const struct sighting *sighting)
{
	json_t *text = NULL;
	struct msg m;
	char *hex;

	msg_init(&m);
	msg_begin(&m, MSG_SIGHTING);
	buf_reset(&m.buf); /* what stands before the attributes belongs to sending */
	hex = sighting_encode(sighting, &m) ? malloc(2 * m.buf.len + 1) : NULL;
	for (size_t i = 0; hex && i < m.buf.len; i++)
		sprintf(hex + 2 * i, "%02x", m.buf.data[i]);
	if (hex)
		text = json_string(hex);
	free(hex);
	msg_free(&m);
	return text;
}

static json_t *names(const struct config *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->clouds; i++)
		json_array_append_new(list, json_string(c->cloud[i].name));
	return list;
}

static json_t *describe(struct supervisor *s, const struct store_submission *seen,
			const char *path)
{
	return json_pack("{s:o, s:s, s:s, s:o, s:I, s:I}", "clouds", names(s->c), "config",
			 s->config_path ? s->config_path : "", "sample_path", path, "message",
			 message(&seen->sighting), "switches",
			 (json_int_t)deliver_mask(&s->deliver), "switches_seen",
			 (json_int_t)seen->share_mask);
}

/* For one cloud; NULL: out of memory. */
static json_t *of_cloud(struct supervisor *s, const struct store_submission *seen, size_t cloud,
			const char *path)
{
	struct store_submission sub;
	struct preview p = {
		.c = s->c,
		.users = s->users,
		.cloud = cloud,
		.s = &seen->sighting,
		.sample_path = path,
		.of = PREVIEW_PASSED,
		.switches = deliver_mask(&s->deliver),
		.switches_seen = seen->share_mask,
	};
	json_t *answer;
	bool loaded = store_load(s->store, seen->sighting.id, s->c->cloud[cloud].name, &sub) ==
		      STORE_OK;

	if (loaded) {
		p.of = PREVIEW_SUBMITTED;
		p.seen = &sub.policy;
		if (!sub.policy_readable)
			p.refusal = "the policy it was seen under cannot be read";
	}
	answer = preview_make(&p);
	if (loaded)
		sighting_free(&sub.sighting);
	return answer;
}

static void answer(struct control_client *c, struct supervisor *s,
		   const struct store_submission *seen, const char *cloud)
{
	char path[SPOOL_PATH_MAX] = "";
	size_t i = 0;

	spool_path(s->spool_dir, seen->sighting.sha256, path, sizeof(path));
	while (cloud && i < s->c->clouds && strcmp(s->c->cloud[i].name, cloud) != 0)
		i++;
	if (!cloud)
		control_line(c, describe(s, seen, path));
	else if (i == s->c->clouds)
		control_error(c, "policy.preview: there is no [cloud %s]", cloud);
	else
		control_line(c, of_cloud(s, seen, i, path));
}

void preview_command(struct control_client *c, void *arg, json_t *request)
{
	const char *text = json_string_value(json_object_get(request, "sighting"));
	const char *cloud = json_string_value(json_object_get(request, "cloud"));
	struct store_submission seen;
	uint8_t id[SIGHTING_ID_SIZE];
	struct supervisor *s = arg;

	if (!text || !sighting_id_parse(text, id)) {
		control_error(c, "policy.preview: expected the member \"sighting\", an "
				 "event.id of the local log");
		return;
	}
	switch (store_sighting(s->store, id, &seen)) {
	case STORE_OK:
		answer(c, s, &seen, cloud);
		sighting_free(&seen.sighting);
		break;
	case STORE_ABSENT:
		control_error(c,
			      "policy.preview: sighting %s went to no cloud, or was forgotten "
			      "since",
			      text);
		break;
	default:
		control_error(c, "policy.preview: the database cannot be read: %s",
			      store_error(s->store));
	}
}
