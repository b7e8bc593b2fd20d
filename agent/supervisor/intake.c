// SPDX-License-Identifier: MIT
#include "supervisor/intake.h"

#include "lib/log.h"
#include "policy/envelope.h"
#include "supervisor/sharing.h"

#include <string.h>

struct rule_file intake_rule_file(const struct config *c, const struct sighting *s)
{
	const char *type = sighting_get(s, SIGHTING_FILE_TYPE);
	size_t i = type ? file_types_find(c->file_types, type) : FILE_TYPES_MAX;

	return (struct rule_file){
		.kind = s->kind,
		.direction = s->direction,
		.application = sighting_get(s, SIGHTING_APPLICATION),
		.types = i < FILE_TYPES_MAX ? 1u << i : RULE_TYPE_OTHER,
		.size_known = true,
		.size = s->size,
	};
}

bool intake_oversize(const struct config *c, const struct sighting *s)
{
	struct rule_set rules = config_rules(c);
	struct rule_file f = intake_rule_file(c, s);

	return rule_over_limit(&rules, &f);
}

static uint64_t match(const struct config *c, struct counters *counters, struct sighting *s)
{
	struct rule_set rules = config_rules(c);
	struct rule_file f;
	uint64_t clouds;
	size_t chosen;

	if (s->state != FILE_STATE_COMPLETE || !s->stored)
		return 0;
	f = intake_rule_file(c, s);
	clouds = rule_match(&rules, &f, &chosen);
	if (chosen < c->rules)
		sighting_set(s, SIGHTING_RULE, c->rule[chosen].name,
			     strlen(c->rule[chosen].name));
	if (rule_over_limit(&rules, &f))
		counter_add(counters, COUNTER_SIGHTINGS_OVERSIZE, 1);
	else if (!clouds)
		counter_add(counters, COUNTER_SIGHTINGS_UNMATCHED, 1);
	return clouds;
}

bool intake_sighting(const struct config *c, struct users *users, struct counters *counters,
		     const struct msg_view *v, struct sighting *s, uint64_t *clouds)
{
	sighting_init(s);
	if (!sighting_decode(s, v)) {
		sighting_free(s);
		counter_add(counters, COUNTER_MESSAGES_BAD, 1);
		return false;
	}
	vsys_complete(&c->vsys, c->virtual_system, s);
	users_resolve(users, s);
	/* Rules are the supervisor's: nothing an inspector says about them counts. */
	sighting_set(s, SIGHTING_RULE, NULL, 0);
	sighting_set(s, SIGHTING_OVERLOAD, NULL, 0);
	sighting_make_id(s);
	counter_add(counters, COUNTER_SIGHTINGS, 1);
	*clouds = match(c, counters, s);
	return true;
}

bool intake_session(const struct config *c, struct counters *counters, const struct msg_view *v,
		    struct journal *log)
{
	const struct vsys *vsys;
	struct session_note note;

	if (!session_note_decode(&note, v))
		return false;
	vsys = vsys_find(&c->vsys, &note.session);
	counter_add(counters,
		    journal_append_session(log, &note, vsys ? vsys->name : c->virtual_system)
			    ? COUNTER_SESSIONS_LOGGED
			    : COUNTER_SESSIONS_UNLOGGED,
		    1);
	return true;
}

void intake_check(struct spool *spool, struct counters *counters, struct sighting *s,
		  uint64_t *clouds)
{
	char text[SHA256_TEXT];

	if (!*clouds || spool_has(spool, s->sha256, s->size))
		return;
	log_warning_once("sample %s is not in the spool, where its inspector saw it: not sent",
			 sha256_text(s->sha256, text));
	counter_add(counters, COUNTER_SAMPLES_MISSING, 1);
	s->stored = false;
	s->reason = FILE_REASON_SPOOL_ERROR;
	*clouds = 0;
}

void intake_withhold(const struct config *c, struct users *users, struct counters *counters,
		     const struct sighting *s, uint32_t share_mask, uint64_t *clouds)
{
	for (size_t i = 0; i < c->clouds; i++) {
		struct policy p = policy_masked(sharing_policy(c, users, i, s), share_mask);

		if (!(*clouds & 1ull << i) || envelope_allowed(s, &p))
			continue;
		counter_add(counters, COUNTER_LINKS_WITHHELD, 1);
		*clouds &= ~(1ull << i);
	}
}
