/* SPDX-License-Identifier: MIT */
/*
 * Rules: which clouds a file goes to.
 *
 * A rule has no action: no rule that matches means nothing is sent.  A file
 * that matches a private and a public cloud goes to the private one only.  A form's
 * field that names no file goes nowhere.
 */
#ifndef SLUICE_POLICY_RULE_H
#define SLUICE_POLICY_RULE_H

#include "lib/sighting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rule_direction { RULE_BOTH, RULE_DOWNLOAD, RULE_UPLOAD };

#define RULE_NAME_MAX 64
#define RULE_APPLICATIONS_MAX 32

struct rule {
	char name[RULE_NAME_MAX];
	bool any_application;
	char application[RULE_APPLICATIONS_MAX][RULE_NAME_MAX];
	size_t applications;
	enum rule_direction direction;
	uint64_t clouds; /* bit i: cloud i of the configuration */
};

/*
 * Bits of the clouds that a complete file goes to; 0: none.  private_clouds:
 * bits of the clouds with scope private.  *chosen: index of the first rule that
 * contributed a cloud that remains, or `count`.
 */
uint64_t rule_match(const struct rule *rules, size_t count, uint64_t private_clouds,
		    const struct sighting *s, size_t *chosen);

#endif
