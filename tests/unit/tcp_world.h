/* SPDX-License-Identifier: MIT */
/*
 * One TCP connection fed segment by segment, and what comes out of it.
 */
#ifndef SLUICE_TESTS_UNIT_TCP_WORLD_H
#define SLUICE_TESTS_UNIT_TCP_WORLD_H

#include "stream/tcp.h"

#include <stdlib.h>
#include <string.h>

#define ROOM 4096
#define SECOND 1000000000ull

/* What came out of one direction; a byte of a gap is '?'. */
struct out {
	uint8_t byte[ROOM];
	size_t n;
	size_t gaps;
	int eofs;
	const uint8_t *last;
};

struct world {
	struct counters counters;
	struct tcp_limits limits;
	struct tcp *tcp;
	struct out out[DIR_COUNT];
	char both[ROOM]; /* of both directions, as they came; '?': a gap */
	bool failed;
};

static void on_data(void *arg, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct world *w = arg;
	struct out *o = &w->out[dir];

	if (!n || n > ROOM - o->n || o->eofs) {
		w->failed = true;
		return;
	}
	memcpy(o->byte + o->n, p, n);
	o->n += n;
	o->last = p;
	if (strlen(w->both) + n < ROOM)
		strncat(w->both, (const char *)p, n);
}

static void on_gap(void *arg, enum dir dir, uint64_t n, uint64_t time)
{
	struct world *w = arg;
	struct out *o = &w->out[dir];

	if (!n || o->eofs)
		w->failed = true;
	o->gaps++;
	if (strlen(w->both) + 1 < ROOM)
		strcat(w->both, "?");
	for (; n && o->n < ROOM; n--)
		o->byte[o->n++] = '?';
}

static void on_eof(void *arg, enum dir dir, uint64_t time)
{
	struct world *w = arg;

	w->out[dir].eofs++;
}

static void world_open(struct world *w)
{
	static const struct tcp_sink sink = {.data = on_data, .gap = on_gap, .eof = on_eof};

	memset(w, 0, sizeof(*w));
	w->limits = (struct tcp_limits)TCP_LIMITS_DEFAULT;
	w->tcp = tcp_new(&w->limits, &w->counters, &sink, w);
}

static void world_close(struct world *w)
{
	tcp_free(w->tcp);
}

static uint64_t count(const struct world *w, enum counter c)
{
	return w->counters.value[c];
}

/*
 * The payload is copied to the end of a block of its own, which is gone after
 * the call: reading too far or keeping a pointer is seen by the sanitizer.
 */
static enum tcp_end feed(struct world *w, struct tcp_segment s, const void *payload, size_t n)
{
	uint8_t *p = malloc(n ? n : 1);
	enum tcp_end end;

	if (n)
		memcpy(p, payload, n);
	s.payload = p;
	s.len = n;
	if (s.wire_len < n)
		s.wire_len = n;
	end = tcp_segment(w->tcp, &s);
	free(p);
	return end;
}

#define SEG(...) ((struct tcp_segment){__VA_ARGS__})

static enum tcp_end text(struct world *w, enum dir dir, uint32_t sequence, const char *s)
{
	return feed(w, SEG(.dir = dir, .flags = TCP_ACK, .sequence = sequence), s, strlen(s));
}

static enum tcp_end flags(struct world *w, enum dir dir, uint8_t f, uint32_t sequence)
{
	return feed(w, SEG(.dir = dir, .flags = f, .sequence = sequence), NULL, 0);
}

static enum tcp_end ack(struct world *w, enum dir dir, uint32_t number, uint64_t time)
{
	return feed(w,
		    SEG(.dir = dir, .flags = TCP_ACK, .sequence = 9000,
			.acknowledgment = number, .time = time),
		    NULL, 0);
}

static bool out_is(const struct world *w, enum dir dir, const char *want)
{
	const struct out *o = &w->out[dir];

	return !w->failed && o->n == strlen(want) && memcmp(o->byte, want, o->n) == 0;
}

#define EXPECT_OUT(w, dir, want)                                                               \
	EXPECT_TRUE(out_is(w, dir, want))                                                      \
	{                                                                                      \
		TH_LOG("got '%.*s' instead of '%s'", (int)(w)->out[dir].n, (w)->out[dir].byte, \
		       want);                                                                  \
	}

static void swap(int *a, int *b)
{
	int t = *a;

	*a = *b;
	*b = t;
}

static bool next_permutation(int *p, int n)
{
	int i = n - 2, j = n - 1;

	while (i >= 0 && p[i] > p[i + 1])
		i--;
	if (i < 0)
		return false;
	while (p[j] < p[i])
		j--;
	swap(&p[i], &p[j]);
	for (i++, j = n - 1; i < j; i++, j--)
		swap(&p[i], &p[j]);
	return true;
}

#endif
