/* SPDX-License-Identifier: MIT */
/*
 * Why a field is treated as it is: which section, switch or other thing says so.
 */
#ifndef SLUICE_SUPERVISOR_REASONS_H
#define SLUICE_SUPERVISOR_REASONS_H

#include "policy/narrow.h"
#include "supervisor/config.h"

#include <jansson.h>

/* [share], [narrow] sections, what held when it was seen, switches, and the lack of a key. */
#define REASONS_MAX (NARROWS_MAX + 8)
#define REASON_TEXT 96

struct reasons {
	struct {
		char name[REASON_TEXT];
		struct policy policy;
	} source[REASONS_MAX];
	size_t sources;
	struct policy effective; /* of all of them */
};

/* What the configuration says about a cloud and such a sighting; the first to be called. */
void reasons_configured(struct reasons *r, const struct config *c, size_t cloud,
			const struct narrow_subject *subject);
/* And something else that holds, by its name. */
void reasons_add(struct reasons *r, const char *name, struct policy p);
/* The last: what needs a key is omitted where the cloud has none. */
void reasons_keys(struct reasons *r, const struct policy_keys *keys);

/* Names of those that make the field as strict as it is: an array. */
json_t *reasons_of(const struct reasons *r, enum sluice_field field);

#endif
