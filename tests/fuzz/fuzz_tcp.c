// SPDX-License-Identifier: MIT
/*
 * The TCP order against a simple model.  Every byte of a direction is a function of its
 * sequence number, so that wherever it comes from, one delivered in the wrong place shows.
 *
 * An input is: the begins of both sequence spaces (two bytes each, the upper ones), then
 * segments: flags and direction, sequence and acknowledgment as signed offsets from the
 * begins, length, time.
 */
#include "fuzz.h"

#include "stream/tcp.h"

#include <string.h>

#define SPAN 65536 /* sequence numbers from a begin that the model knows */
#define OTHER_DIR 0x40
#define CUT 0x80

struct model {
	uint32_t begin[DIR_COUNT]; /* of the first byte */
	uint32_t next[DIR_COUNT];
	bool sent[DIR_COUNT][SPAN]; /* that byte went by */
	bool ended[DIR_COUNT];
	uint64_t gaps[DIR_COUNT];
};

static uint8_t content(enum dir dir, uint32_t sequence)
{
	return (uint8_t)((sequence * 2654435761u + dir * 97u) >> 21);
}

static void on_data(void *arg, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct model *m = arg;

	MUST(n > 0 && !m->ended[dir]);
	for (size_t i = 0; i < n; i++) {
		uint32_t sequence = m->next[dir] + (uint32_t)i;
		uint32_t at = sequence - m->begin[dir];

		MUST(p[i] == content(dir, sequence));
		MUST(at >= SPAN || m->sent[dir][at]);
	}
	m->next[dir] += (uint32_t)n;
}

static void on_gap(void *arg, enum dir dir, uint64_t n, uint64_t time)
{
	struct model *m = arg;

	MUST(n > 0 && n <= UINT32_MAX && !m->ended[dir]);
	m->next[dir] += (uint32_t)n;
	m->gaps[dir] += n;
}

static void on_eof(void *arg, enum dir dir, uint64_t time)
{
	struct model *m = arg;

	MUST(!m->ended[dir]);
	m->ended[dir] = true;
}

static enum tcp_end syn(struct tcp *t, const struct model *m, enum dir dir)
{
	struct tcp_segment s = {
		.dir = dir,
		.flags = dir == DIR_OPENER ? TCP_SYN : TCP_SYN | TCP_ACK,
		.sequence = m->begin[dir] - 1,
		.acknowledgment = m->begin[DIR_OPENER],
	};

	return tcp_segment(t, &s);
}

static enum tcp_end segment(struct tcp *t, struct model *m, struct fuzz_input *in,
			    uint64_t *time)
{
	uint8_t first = fuzz_u8(in), payload[2048];
	enum dir dir = first & OTHER_DIR ? DIR_ANSWERER : DIR_OPENER;
	struct tcp_segment s = {
		.dir = dir,
		.flags = first & (TCP_FIN | TCP_RST | TCP_ACK),
		.sequence = m->begin[dir] + (uint32_t)(int16_t)fuzz_u16(in),
		.acknowledgment = m->begin[dir_other(dir)] + (uint32_t)(int16_t)fuzz_u16(in),
		.payload = payload,
		.lost_before = first & 0x20,
	};

	s.len = fuzz_u16(in) % sizeof(payload);
	s.wire_len = s.len + (first & CUT ? 64 : 0);
	*time += fuzz_u8(in) * 10000000ull;
	s.time = *time;
	for (size_t i = 0; i < s.len; i++) {
		uint32_t sequence = s.sequence + (uint32_t)i;

		payload[i] = content(dir, sequence);
		if (!(s.flags & TCP_RST) && sequence - m->begin[dir] < SPAN)
			m->sent[dir][sequence - m->begin[dir]] = true;
	}
	return tcp_segment(t, &s);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct tcp_sink sink = {on_data, on_gap, on_eof};
	static struct model m;
	struct tcp_pool pool = {.max = 40000};
	struct tcp_limits limits = {
		.pending_bytes = 16384, .pending_segments = 24, .pool = &pool};
	struct fuzz_input in = {p, n};
	struct counters counters = {0};
	uint64_t time = 1000000000;
	struct tcp *t;

	memset(&m, 0, sizeof(m));
	for (int dir = 0; dir < DIR_COUNT; dir++)
		m.begin[dir] = m.next[dir] = (uint32_t)fuzz_u16(&in) << 16;
	t = tcp_new(&limits, &counters, &sink, &m);
	MUST(t);
	if (syn(t, &m, DIR_OPENER) == TCP_OPEN && syn(t, &m, DIR_ANSWERER) == TCP_OPEN)
		while (in.n && segment(t, &m, &in, &time) == TCP_OPEN)
			;
	tcp_flush(t, time);
	/* Where nothing was given up, nothing that came is missing. */
	for (int dir = 0; dir < DIR_COUNT; dir++) {
		uint32_t at = m.next[dir] - m.begin[dir];

		MUST(m.ended[dir] || m.gaps[dir] || at >= SPAN || !m.sent[dir][at]);
	}
	MUST(pool.used <= pool.max);
	tcp_free(t);
	MUST(pool.used == 0);
	return 0;
}
