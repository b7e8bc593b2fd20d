// SPDX-License-Identifier: MIT
#include "sample/extent.h"

#include <stdlib.h>
#include <string.h>

#define EXTENTS_FIRST 8

void extents_free(struct extents *x)
{
	free(x->list);
	*x = (struct extents){0};
}

size_t extents_find(const struct extents *x, uint64_t at)
{
	size_t low = 0, high = x->count, middle;

	/* Most data goes on where the last extent ends. */
	if (!x->count || x->list[x->count - 1].end <= at)
		return x->count;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (x->list[middle].end > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void extents_remove(struct extents *x, size_t i)
{
	x->count--;
	memmove(&x->list[i], &x->list[i + 1], (x->count - i) * sizeof(x->list[0]));
}

bool extents_add(struct extents *x, uint64_t start, uint64_t end, size_t limit)
{
	size_t i = extents_find(x, start);
	bool before = i > 0 && x->list[i - 1].end == start;
	bool after = i < x->count && x->list[i].start == end;
	struct extent *list;
	size_t room;

	if (before) {
		x->list[i - 1].end = after ? x->list[i].end : end;
		if (after)
			extents_remove(x, i);
		return true;
	}
	if (after) {
		x->list[i].start = start;
		return true;
	}
	if (x->count >= limit)
		return false;
	if (x->count == x->room) {
		room = x->room ? x->room * 2 : EXTENTS_FIRST;
		list = reallocarray(x->list, room, sizeof(list[0]));
		if (!list)
			return false;
		x->list = list;
		x->room = room;
	}
	memmove(&x->list[i + 1], &x->list[i], (x->count - i) * sizeof(x->list[0]));
	x->list[i] = (struct extent){start, end};
	x->count++;
	return true;
}

struct extent extents_shift(struct extents *x)
{
	struct extent first = x->list[0];

	extents_remove(x, 0);
	return first;
}
