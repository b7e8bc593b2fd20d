// SPDX-License-Identifier: MIT
#include "supervisor/preview.h"

#include "lib/json.h"
#include "policy/ecs.h"
#include "policy/envelope.h"
#include "policy/place.h"
#include "supervisor/intake.h"
#include "supervisor/reasons.h"
#include "supervisor/sharing.h"

#include <stdio.h>
#include <string.h>

#define ENVELOPE_TEXT_MAX (1u << 20)
#define REFUSAL_MAX 256

/* A preview under way. */
struct making {
	const struct preview *p;
	const struct cloud_config *cloud;
	json_t *object;
	bool failed;
	struct reasons reasons;
	struct sharing sharing;
};

static void set(struct making *m, const char *key, json_t *v)
{
	ecs_set(&m->failed, m->object, key, v);
}

/* ---------------------------------------------------------------- refusals */

static const char *const fate_text[] = {
	[RULE_FATE_CHOSEN] = "",
	[RULE_FATE_NO_RULE] = "no [rule] sends it there",
	[RULE_FATE_LIMIT] = "it is larger than the limit of its type",
	[RULE_FATE_KIND] = "nothing of its kind leaves",
	[RULE_FATE_NO_SHARE] = "the cloud receives nothing: it has no [share]",
	[RULE_FATE_PRIVATE] = "a private cloud receives it, so that this public one does not",
};

/* By what it is, and by the rules; "": they choose the cloud. */
static const char *by_rules(const struct preview *p)
{
	struct rule_file f = intake_rule_file(p->c, p->s);
	struct rule_set rules = config_rules(p->c);

	if (p->s->state != FILE_STATE_COMPLETE)
		return "it did not come by whole";
	if (!p->s->stored)
		return "its bytes were not kept";
	return fate_text[rule_explain(&rules, &f, p->cloud)];
}

/* Why nothing of it leaves; "": it does. */
static void refusal(struct making *m, const struct policy *effective,
		    char text[static REFUSAL_MAX])
{
	const struct preview *p = m->p;
	const char *why = p->of == PREVIEW_SUBMITTED ? "" : by_rules(p);

	if (p->refusal)
		why = p->refusal;
	if (!*why && p->of == PREVIEW_PASSED)
		why = "it was seen before the configuration that would send it there";
	if (!*why && !p->c->has_share[p->cloud])
		why = fate_text[RULE_FATE_NO_SHARE];
	if (!*why && !envelope_allowed(p->s, effective))
		why = "it is a link, and url is not shared";
	snprintf(text, REFUSAL_MAX, "%s", why);
	if (!*why && m->cloud->max_size && p->s->size > m->cloud->max_size)
		snprintf(text, REFUSAL_MAX, "%llu bytes, the cloud's limit is %llu",
			 (unsigned long long)p->s->size,
			 (unsigned long long)m->cloud->max_size);
}

/* ------------------------------------------------------------------ fields */

static const char *mark(json_t *seen, json_t *sent)
{
	if (!seen && !sent)
		return "nothing";
	if (!sent)
		return "left out";
	return json_equal(seen, sent) ? "shared" : "changed";
}

/* Whether the envelope says that it was shortened because of another one. */
static bool withheld(json_t *envelope, enum sluice_field field)
{
	json_t *list = json_at(envelope, "sluice.withheld"), *name;
	size_t i;

	json_array_foreach(list, i, name) if (!strcmp(json_string_value(name),
						      policy_field_name(field))) return true;
	return false;
}

static json_t *field(struct making *m, enum sluice_field f, json_t *line, json_t *envelope)
{
	json_t *seen = place_seen(line, f), *sent = place_sent(envelope, f);
	json_t *because = reasons_of(&m->reasons, f);
	char mode[POLICY_FIELD_TEXT_MAX];

	if (!m->cloud->session) {
		sent = NULL;
		json_array_append_new(because, json_string("session = no"));
	} else if (withheld(envelope, f)) {
		json_array_append_new(because,
				      json_string("another field in it, or its length"));
	}
	return json_pack("{s:s, s:s, s:O?, s:O?, s:o}", "mode",
			 policy_field_text(&m->sharing.policy, f, mode), "mark",
			 mark(seen, sent), "seen", seen, "sent", sent, "because", because);
}

static void add_fields(struct making *m, json_t *envelope)
{
	json_t *fields = json_object(), *line = envelope_local(m->p->s);

	m->failed = m->failed || !line;
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		ecs_set(&m->failed, fields, policy_field_name(f), field(m, f, line, envelope));
	set(m, "fields", fields);
	json_decref(line);
}

/* ---------------------------------------------------------------- envelope */

static void add_envelope(struct making *m)
{
	const struct policy_key *key = m->sharing.context.key;
	struct envelope_report report;
	struct buf text, name;
	json_t *envelope;

	buf_init(&text, ENVELOPE_TEXT_MAX);
	buf_init(&name, ENVELOPE_TEXT_MAX);
	if (!envelope_render(m->p->s, &m->sharing.policy, &m->sharing.context, &text,
			     &report) ||
	    !envelope_upload_name(m->p->s, &m->sharing.policy, &name))
		m->failed = true;
	envelope = json_loadb((const char *)text.data, text.len, 0, NULL);
	set(m, "policy", json_string(m->sharing.id));
	set(m, "key", key ? json_string(key->id) : json_null());
	add_fields(m, envelope);
	set(m, "session", json_boolean(m->cloud->session));
	set(m, "sightings", json_string(cloud_all_envelopes(m->cloud) ? "all" : "first"));
	set(m, "envelope", envelope);
	set(m, "envelope_text", json_stringn((const char *)text.data, text.len));
	set(m, "upload_name", json_stringn((const char *)name.data, name.len));
	set(m, "sample_path", json_string(m->p->sample_path));
	buf_free(&text);
	buf_free(&name);
}

/* --------------------------------------------------------------------- all */

static void add_what(struct making *m)
{
	const struct sighting *s = m->p->s;
	char hash[SHA256_TEXT], id[SIGHTING_ID_TEXT];

	set(m, "cloud", json_string(m->cloud->name));
	set(m, "scope", json_string(m->cloud->scope == CLOUD_PRIVATE ? "private" : "public"));
	set(m, "kind", json_string(m->cloud->ops->kind));
	set(m, "target",
	    json_string((m->cloud->ops->takes & CLOUD_SETTING_PATH) ? m->cloud->path
								    : m->cloud->url));
	if (m->cloud->ops->needs & CLOUD_SETTING_USER)
		set(m, "cloud_user", json_string(m->cloud->user));
	set(m, "sighting", json_string(sighting_id_text(s->id, id)));
	set(m, "sample",
	    s->state == FILE_STATE_COMPLETE ? json_string(sha256_text(s->sha256, hash))
					    : json_null());
	set(m, "size", json_integer((json_int_t)s->size));
	set(m, "what", json_string(sighting_kind_text(s->kind)));
}

/* The same as what a submission is given: supervisor/deliver.c. */
static struct policy effective(struct making *m)
{
	const struct preview *p = m->p;
	struct policy now = sharing_policy(p->c, p->users, p->cloud, p->s);
	struct narrow_subject subject = sharing_subject(p->c, p->users, p->cloud, p->s);

	reasons_configured(&m->reasons, p->c, p->cloud, &subject);
	if (p->seen)
		reasons_add(&m->reasons, "the policy when it was seen", *p->seen);
	reasons_add(&m->reasons, "the kernel's switch when it was seen",
		    policy_masked(policy_all(POLICY_SHARE), p->switches_seen));
	reasons_add(&m->reasons, "the kernel's switch",
		    policy_masked(policy_all(POLICY_SHARE), p->switches));
	if (p->seen)
		now = policy_strictest(*p->seen, now);
	return policy_masked(now, p->switches_seen & p->switches);
}

json_t *preview_make(const struct preview *p)
{
	struct making m = {.p = p, .cloud = &p->c->cloud[p->cloud], .object = json_object()};
	struct policy policy = effective(&m);
	struct counters none = {0}; /* nothing is missing until something is sent */
	char why[REFUSAL_MAX];

	add_what(&m);
	refusal(&m, &policy, why);
	if (*why) {
		set(&m, "refused", json_string(why));
	} else {
		reasons_keys(&m.reasons, p->c->policy_keys[p->cloud]);
		m.failed =
			!sharing_begin(&m.sharing, p->c, p->cloud, &policy, &none) || m.failed;
		add_envelope(&m);
		sharing_end(&m.sharing);
	}
	if (!m.failed)
		return m.object;
	json_decref(m.object);
	return NULL;
}
