/* SPDX-License-Identifier: MIT */
/*
 * Which parts of a file are there: ranges [start, end), apart from each other
 * (touching ones are joined), in order, of a limited number.
 */
#ifndef SLUICE_SAMPLE_EXTENT_H
#define SLUICE_SAMPLE_EXTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct extent {
	uint64_t start;
	uint64_t end;
};

/* All zero is empty. */
struct extents {
	struct extent *list;
	size_t count;
	size_t room;
};

void extents_free(struct extents *x);
/* Index of the first extent that ends behind `at`; count when there is none. */
size_t extents_find(const struct extents *x, uint64_t at);
/*
 * Adds a range that overlaps no extent.  False when that would make more than
 * `limit` extents, or out of memory; nothing changed then.
 */
bool extents_add(struct extents *x, uint64_t start, uint64_t end, size_t limit);
/* Removes the first one; there must be one. */
struct extent extents_shift(struct extents *x);

#endif
