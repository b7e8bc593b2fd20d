/* SPDX-License-Identifier: MIT */
/*
 * Policies with a name, from all shared to next to nothing.
 *
 * Each is at least as strict as the one before it, in every field.
 */
#ifndef SLUICE_POLICY_PRESET_H
#define SLUICE_POLICY_PRESET_H

#include "policy/policy.h"

struct preset {
	const char *name;
	const char *what; /* a line for people */
	const char *text; /* as policy_parse() reads it */
};

/* From the least to the most strict; the first is what the reference shares by default. */
extern const struct preset presets[];
extern const size_t preset_count;

/* The policy of that name; false: there is none, and *p omits everything. */
bool preset_find(const char *name, struct policy *p);
/* Their names, separated by commas, for messages. */
const char *preset_names(void);

#endif
