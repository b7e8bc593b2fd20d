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

uint32_t tcp_before_fin(const struct flow *f, uint32_t sequence, size_t n)
{
	int32_t left;

	if (!f->fin_known)
		return (uint32_t)n;
	left = distance(sequence, f->fin);
	if (left <= 0)
		return 0;
	return (size_t)left < n ? (uint32_t)left : (uint32_t)n;
}

void tcp_came_again(struct tcp *t, const uint8_t *kept, const uint8_t *p, size_t n)
{
	counter_add(t->counters, COUNTER_TCP_RETRANSMITTED, n);
	if (kept && memcmp(kept, p, n) != 0)
		for (size_t i = 0; i < n; i++)
			if (kept[i] != p[i])
				counter_add(t->counters, COUNTER_TCP_CONFLICTS, 1);
}

bool tcp_trim(struct tcp *t, const struct flow *f, struct block *b)
{
	int32_t old = distance(b->sequence, f->next);
	uint32_t n;

	if (old > 0) {
		/* A keep-alive probe repeats the last byte, or one that is none. */
		bool probe = old == 1 && b->len == 1 && !b->cut;

		n = (uint32_t)old < b->len ? (uint32_t)old : b->len;
		if (!probe)
			tcp_came_again(t, NULL, b->data, n);
		b->data += n;
		b->len -= n;
		old -= (int32_t)n;
		b->cut = (uint32_t)old < b->cut ? b->cut - (uint32_t)old : 0;
		b->sequence = f->next;
	}
	n = tcp_before_fin(f, b->sequence, b->len);
	if (n < b->len) {
		b->len = n;
		b->cut = 0;
	}
	return b->len || b->cut;
}

/* -------------------------------------------------------------------- skip */

/* Fewer are not worth two messages. */
#define SKIP_MIN (64u << 10)
/* At most so many at a time: what comes behind them must not look like another stream. */
#define SKIP_PART (512u << 20)

bool tcp_edge(const struct flow *f, uint32_t *sequence)
{
	if (f->fin_known && (!pending(f) || distance(f->fin, first(f)->sequence) > 0))
		*sequence = f->fin;
	else if (pending(f))
		*sequence = first(f)->sequence;
	else
		return false;
	return true;
}

/* Asks for what is not wanted from next on, as far as it has not come by already. */
static void ask(struct tcp *t, enum dir dir, uint64_t n)
{
	struct flow *f = &t->flow[dir];
	uint32_t part = n < SKIP_PART ? (uint32_t)n : SKIP_PART;
	int32_t come = distance(f->next, f->top);

	f->skip_more = 0;
	if (f->done || f->fin_known || n < SKIP_MIN ||
	    (come > 0 && n - SKIP_MIN < (uint32_t)come))
		return;
	f->skipping = true;
	f->skip_to = f->next + part;
	f->skip_more = n == UINT64_MAX ? n : n - part;
	counter_add(t->counters, COUNTER_SKIPS, 1);
	counter_add(t->counters, COUNTER_SKIP_BYTES, part);
	t->sink.skip(t->arg, dir, f->next, part);
}

void tcp_skip(struct tcp *t, enum dir dir, uint64_t n)
{
	struct flow *f = &t->flow[dir];
	uint32_t left;

	if (!t->sink.skip || !n)
		return;
	if (!f->skipping) {
		ask(t, dir, n);
		return;
	}
	left = f->skip_to - f->next;
	if (n > left && n - left > f->skip_more)
		f->skip_more = n - left;
}

void tcp_skip_passed(struct tcp *t, enum dir dir)
{
	struct flow *f = &t->flow[dir];
	int32_t beyond = distance(f->skip_to, f->next);
	uint64_t more = f->skip_more;

	if (!f->skipping || beyond < 0)
		return;
	f->skipping = false;
	if (more != UINT64_MAX)
		more = more > (uint32_t)beyond ? more - (uint32_t)beyond : 0;
	ask(t, dir, more);
}

uint32_t tcp_left_out(const struct flow *f, uint32_t to)
{
	uint32_t edge;

	if (!f->skipping)
		return 0;
	/* Not over what waits. */
	if (tcp_edge(f, &edge) && distance(edge, to) > 0)
		to = edge;
	if (distance(f->skip_to, to) > 0)
		to = f->skip_to;
	return distance(f->next, to) > 0 ? to - f->next : 0;
}
