// SPDX-License-Identifier: MIT
#include "stream/tcp_flow.h"

#include <stdlib.h>
#include <string.h>

void tcp_block_release(struct tcp *t, struct flow *f, struct block *b)
{
	f->bytes -= b->len;
	if (t->limits->pool)
		t->limits->pool->used -= b->len;
	free(b->data);
}

void tcp_blocks_free(struct tcp *t, struct flow *f)
{
	for (; pending(f); f->head++)
		tcp_block_release(t, f, first(f));
	free(f->block);
	f->block = NULL;
	f->head = f->count = f->room = 0;
}

size_t tcp_block_find(const struct flow *f, uint32_t sequence)
{
	size_t low = f->head, high = f->count;

	/* Nearly always the segment continues the last block. */
	if (low < high &&
	    distance(f->block[high - 1].sequence + f->block[high - 1].len, sequence) >= 0)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct block *b = &f->block[middle];

		if (distance(b->sequence + b->len, sequence) >= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool block_make_room(struct flow *f, size_t *at)
{
	if (f->head) {
		memmove(f->block, f->block + f->head, (f->count - f->head) * sizeof(*f->block));
		*at -= f->head;
		f->count -= f->head;
		f->head = 0;
	}
	if (f->count == f->room) {
		size_t room = f->room ? f->room * 2 : 16;
		struct block *block = realloc(f->block, room * sizeof(*block));

		if (!block)
			return false;
		f->block = block;
		f->room = room;
	}
	return true;
}

bool tcp_block_insert(struct tcp *t, struct flow *f, size_t at, const struct block *b)
{
	uint8_t *data;

	if (f->count == f->room && !block_make_room(f, &at))
		return false;
	data = malloc(b->len);
	if (!data)
		return false;
	memcpy(data, b->data, b->len);
	memmove(f->block + at + 1, f->block + at, (f->count - at) * sizeof(*b));
	f->block[at] = *b;
	f->block[at].data = data;
	f->count++;
	f->bytes += b->len;
	if (t->limits->pool)
		t->limits->pool->used += b->len;
	counter_add(t->counters, COUNTER_TCP_OUT_OF_ORDER, 1);
	return true;
}
