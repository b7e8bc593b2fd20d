/* SPDX-License-Identifier: MIT */
/*
 * Narrowings: what some sightings may tell less of than the cloud's policy says.
 *
 * Of all that fit a sighting the strictest treatment of each field holds, together with the
 * cloud's policy: none of them makes anything looser.
 */
#ifndef SLUICE_POLICY_NARROW_H
#define SLUICE_POLICY_NARROW_H

#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

#define NARROWS_MAX 64
#define NARROW_NAME_MAX 64

/*
 * What a narrowing asks of a sighting: each a list of words with commas between them, of which
 * one must fit.
 * X(CONSTANT, name)
 */
#define NARROW_CRITERIA(X)                  \
	X(CLOUD, "cloud")                   \
	X(RULE, "rule")                     \
	X(VIRTUAL_SYSTEM, "virtual_system") \
	X(FILE_TYPE, "file_type")           \
	X(USER_GROUP, "user_group")

enum narrow_criterion {
#define NARROW_ENUM(id, name) NARROW_##id,
	NARROW_CRITERIA(NARROW_ENUM)
#undef NARROW_ENUM
		NARROW_CRITERION_COUNT
};

const char *narrow_criterion_name(enum narrow_criterion c);

struct narrow {
	char name[NARROW_NAME_MAX];
	int line;
	char *list[NARROW_CRITERION_COUNT]; /* heap; NULL: not asked */
	struct policy policy;		    /* share: no opinion */
};

/* What is held against them. */
struct narrow_subject {
	const char
		*text[NARROW_CRITERION_COUNT]; /* NULL: it has none; of USER_GROUP the user */
	bool (*in_group)(void *arg, const char *user, const char *group);
	void *arg;
};

void narrow_free(struct narrow *n);
bool narrow_fits(const struct narrow *n, const struct narrow_subject *s);
struct policy narrow_apply(const struct narrow *list, size_t count,
			   const struct narrow_subject *s, struct policy share);

/*
 * The next word of a list, without white space around it; false: there is none.  *list is
 * moved behind it.
 */
bool narrow_word(const char **list, const char **word, size_t *n);

#endif
