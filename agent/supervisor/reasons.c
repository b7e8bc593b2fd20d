// SPDX-License-Identifier: MIT
#include "supervisor/reasons.h"

#include <stdio.h>

void reasons_add(struct reasons *r, const char *name, struct policy p)
{
	if (r->sources < REASONS_MAX) {
		snprintf(r->source[r->sources].name, REASON_TEXT, "%s", name);
		r->source[r->sources++].policy = p;
	}
	r->effective = policy_strictest(r->effective, p);
}

static void add_section(struct reasons *r, const char *kind, const char *name, struct policy p)
{
	char text[REASON_TEXT];

	snprintf(text, sizeof(text), "[%s %s]", kind, name);
	reasons_add(r, text, p);
}

void reasons_configured(struct reasons *r, const struct config *c, size_t cloud,
			const struct narrow_subject *subject)
{
	r->sources = 0;
	r->effective = policy_all(POLICY_SHARE);
	add_section(r, "share", c->cloud[cloud].name, c->share[cloud]);
	for (size_t i = 0; i < c->narrows; i++)
		if (narrow_fits(&c->narrow[i], subject))
			add_section(r, "narrow", c->narrow[i].name, c->narrow[i].policy);
}

void reasons_keys(struct reasons *r, const struct policy_keys *keys)
{
	struct policy p = policy_all(POLICY_SHARE);

	if (keys && policy_keys_current(keys))
		return;
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		if (policy_mode(&r->effective, f) == POLICY_ENCRYPT ||
		    policy_mode(&r->effective, f) == POLICY_PSEUDONYMISE)
			policy_set(&p, f, POLICY_OMIT);
	reasons_add(r, "no key", p);
}

json_t *reasons_of(const struct reasons *r, enum sluice_field field)
{
	struct policy_field wanted = policy_get(&r->effective, field);
	json_t *list = json_array();

	for (size_t i = 0; i < r->sources; i++) {
		struct policy_field f = policy_get(&r->source[i].policy, field);

		/*
		 * Only the first can say that something is shared. Of two that cut addresses
		 * each may be the stricter in one family.
		 */
		if (f.mode == wanted.mode && (i == 0 || f.mode != POLICY_SHARE) &&
		    (f.v4 == wanted.v4 || f.v6 == wanted.v6 || f.variant == wanted.variant))
			json_array_append_new(list, json_string(r->source[i].name));
	}
	return list;
}
