/* SPDX-License-Identifier: MIT */
/*
 * A sighting as JSON while it is made: what the envelope and the local log have in common.
 */
#ifndef SLUICE_POLICY_ENVELOPE_RENDER_H
#define SLUICE_POLICY_ENVELOPE_RENDER_H

#include "policy/envelope.h"

struct guard;

#define TEXT_WHOLE SIZE_MAX

/* A rendering under way.  Once failed, nothing more is added. */
struct render {
	const struct sighting *s;
	struct policy policy;
	const struct guard *guard; /* NULL: the local log, nothing is withheld */
	const struct treat_context *context;
	size_t text_max;
	bool failed;
	json_t *withheld; /* names of fields */
	struct envelope_report report;
};

/* Takes the reference of v. */
void render_set(struct render *r, json_t *object, const char *key, json_t *v);
/* The member object of that name, made when missing; borrowed; NULL when out of memory. */
json_t *render_member(struct render *r, json_t *object, const char *key);
/* A text that is in the local log only. */
void render_local_text(struct render *r, json_t *object, const char *key,
		       enum sighting_text which);
/* What both renderings have; the caller drops the reference. */
json_t *render_common(struct render *r);

#endif
