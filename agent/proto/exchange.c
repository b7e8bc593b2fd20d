// SPDX-License-Identifier: MIT
/*
 * Commands and replies, in order.
 */
#include "proto/exchange.h"

#include <stdlib.h>

#define ROOM_FIRST 16

void exchange_free(struct exchange *x)
{
	free(x->item);
	*x = (struct exchange){.lost = false};
}

void exchange_reset(struct exchange *x)
{
	x->first = x->count = 0;
	x->lost = false;
	x->loose = true;
}

uint32_t exchange_waiting(const struct exchange *x, enum exchange_side side)
{
	return x->side == side ? x->count : 0;
}

const struct exchange_item *exchange_first(const struct exchange *x, enum exchange_side side)
{
	return exchange_waiting(x, side) ? &x->item[x->first] : NULL;
}

void exchange_drop(struct exchange *x)
{
	if (!x->count)
		return;
	x->first = (x->first + 1) % x->room;
	x->count--;
}

static bool grow(struct exchange *x)
{
	uint32_t room = x->room ? x->room * 2 : ROOM_FIRST;
	struct exchange_item *item;

	if (room > EXCHANGE_MAX)
		return false;
	item = malloc(room * sizeof(*item));
	if (!item)
		return false;
	for (uint32_t i = 0; i < x->count; i++)
		item[i] = x->item[(x->first + i) % x->room];
	free(x->item);
	x->item = item;
	x->room = room;
	x->first = 0;
	return true;
}

bool exchange_meet(struct exchange *x, enum exchange_side side, struct exchange_item mine,
		   struct exchange_item *other)
{
	if (x->lost)
		return false;
	if (x->count && x->side != side) {
		*other = x->item[x->first];
		exchange_drop(x);
		return true;
	}
	if (side == EXCHANGE_REPLY && x->loose)
		return false;
	if (x->count == x->room && !grow(x)) {
		x->count = 0;
		x->lost = true;
		return false;
	}
	x->side = side;
	x->item[(x->first + x->count) % x->room] = mine;
	x->count++;
	return false;
}
