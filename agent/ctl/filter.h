/* SPDX-License-Identifier: MIT */
/*
 * Which lines of the local log are wanted.
 *
 * Most lines of a large log are not, so a line is first looked at as bytes: what
 * cannot match need not be parsed.  What may match is parsed and judged by its values alone.
 */
#ifndef SLUICE_CTL_FILTER_H
#define SLUICE_CTL_FILTER_H

#include "lib/inet.h"
#include "lib/json.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_TIME_MAX 32
#define FILTER_NEEDLES_MAX 12
#define FILTER_WORDS_MAX 32

struct filter_prefix {
	struct endpoint address;
	unsigned int bits;
	bool given;
};

/* All must match; NULL, "" and all zero: whatever it is. */
struct filter {
	/* One of several, separated by commas; "none" stands for what has no type or rule. */
	const char *type, *application, *rule, *state, *reason, *direction, *vsys, *kind,
		*trait;
	/* Of either end, targeted, or of the login; upper and lower case alike. */
	const char *user;
	const char *name;   /* pattern of glob(7), upper and lower case alike */
	const char *sha256; /* its first digits: of the file or of the archive it was in */
	struct filter_prefix sender, receiver;
	char since[FILTER_TIME_MAX], until[FILTER_TIME_MAX]; /* as @timestamp has it */

	/* Set by filter_ready(): one byte string of each must be in a line. */
	struct filter_needle {
		char *word[FILTER_WORDS_MAX];
		size_t words;
	} needle[FILTER_NEEDLES_MAX];
	size_t needles;
	char *fold[2]; /* and these, in upper or lower case */
	size_t folds;
};

/* After the fields are set; false: too many words, or out of memory. */
bool filter_ready(struct filter *f);
void filter_free(struct filter *f);
/* False: a line of n bytes certainly does not match. */
bool filter_possible(const struct filter *f, const char *line, size_t n);
bool filter_match(const struct filter *f, const json_t *sighting);

/* Takers for options: the text is a const char *, a struct filter_prefix, or a time. */
const char *filter_take_prefix(const char *value, void *into);
const char *filter_take_time(const char *value, void *into); /* relative to the clock */
const char *filter_take_hex(const char *value, void *into);
/* The same, with the clock given: s since the epoch.  NULL, or what was expected. */
const char *filter_time(const char *value, int64_t now, char text[static FILTER_TIME_MAX]);

#endif
