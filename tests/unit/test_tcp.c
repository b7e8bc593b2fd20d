// SPDX-License-Identifier: MIT
/*
 * TCP order against an oracle that keeps, for every byte, the first copy that came.
 */
#include <kselftest_harness.h>

#include "tcp_world.h"

/* ------------------------------------------------------------ permutations */

/* Sequence numbers of SYN that put the wrap everywhere within and around the data. */
static const uint32_t origins[] = {
	0,	    1000,	0x7ffffff0, 0x7fffffff, 0xffffffff,
	0xfffffffe, 0xfffffffa, 0xfffffff0, 0xffffff00,
};

struct piece {
	uint32_t from;
	uint32_t to;
	bool fin;
};

/* Every order of the pieces after SYN, from every origin, gives the text. */
static int wrong_orders(const char *want, const struct piece *piece, int n, bool fin)
{
	int wrong = 0;

	for (size_t o = 0; o < ARRAY_SIZE(origins); o++) {
		int order[8];

		for (int i = 0; i < n; i++)
			order[i] = i;
		do {
			struct world w;

			world_open(&w);
			flags(&w, DIR_OPENER, TCP_SYN, origins[o]);
			for (int i = 0; i < n; i++) {
				const struct piece *p = &piece[order[i]];

				feed(&w,
				     SEG(.dir = DIR_OPENER, .flags = p->fin ? TCP_FIN : 0,
					 .sequence = origins[o] + 1 + p->from),
				     want + p->from, p->to - p->from);
			}
			wrong += !out_is(&w, DIR_OPENER, want) || w.out[0].gaps ||
				 w.out[0].eofs != fin || count(&w, COUNTER_TCP_CONFLICTS);
			world_close(&w);
		} while (next_permutation(order, n));
	}
	return wrong;
}

TEST(permutations_apart)
{
	static const struct piece p[] = {
		{0, 1, 0}, {1, 4, 0}, {4, 9, 0}, {9, 10, 0}, {10, 16, 0}, {16, 20, 0},
	};

	EXPECT_EQ(0, wrong_orders("the quick brown fox.", p, 6, false));
}

TEST(permutations_fin_with_data)
{
	static const struct piece p[] = {
		{0, 3, 0}, {3, 4, 0}, {4, 10, 0}, {10, 15, 0}, {15, 20, 1},
	};

	EXPECT_EQ(0, wrong_orders("the quick brown fox.", p, 5, true));
}

TEST(permutations_bare_fin)
{
	static const struct piece p[] = {
		{0, 3, 0}, {3, 4, 0}, {4, 10, 0}, {10, 20, 0}, {20, 20, 1}, {20, 20, 1},
	};

	EXPECT_EQ(0, wrong_orders("the quick brown fox.", p, 6, true));
}

TEST(permutations_overlapping)
{
	static const struct piece p[] = {
		{0, 6, 0}, {4, 9, 0}, {0, 2, 0}, {8, 20, 0}, {12, 14, 0}, {3, 20, 1},
	};

	EXPECT_EQ(0, wrong_orders("the quick brown fox.", p, 6, true));
}

/* ----------------------------------------------------------------- oracle */

static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

#define SPAN 60

/*
 * Random segments, each with content of its own: repeated, overlapping, some bytes
 * never sent.  The first copy of a byte must come out, and '?' where there was none.
 */
static bool oracle_agrees(uint32_t seed, bool *gapped)
{
	uint8_t want[SPAN], content[SPAN];
	bool have[SPAN] = {false};
	uint64_t sent = 0, unique = 0, reached = 0;
	uint32_t isn;
	int n;
	struct world w;
	bool ok;

	random_state = seed;
	isn = origins[pick(ARRAY_SIZE(origins))] - pick(SPAN);
	n = 1 + (int)pick(12);
	world_open(&w);
	flags(&w, DIR_ANSWERER, TCP_SYN, isn);
	for (int i = 0; i < n; i++) {
		uint32_t from = pick(SPAN), len = 1 + pick(SPAN - from);

		if (len > 20)
			len = 20;
		for (uint32_t k = from; k < from + len; k++) {
			content[k] = (uint8_t)('a' + i);
			if (!have[k]) {
				have[k] = true;
				want[k] = content[k];
				unique++;
			}
		}
		if (from + len > reached)
			reached = from + len;
		sent += len;
		feed(&w, SEG(.dir = DIR_ANSWERER, .sequence = isn + 1 + from), content + from,
		     len);
	}
	tcp_flush(w.tcp, 0);
	*gapped = unique != reached;
	for (uint32_t k = 0; k < reached; k++)
		if (!have[k])
			want[k] = '?';
	ok = !w.failed && w.out[1].n == reached && memcmp(w.out[1].byte, want, reached) == 0 &&
	     count(&w, COUNTER_TCP_GAP_BYTES) == reached - unique;
	/* One byte that was just delivered and comes alone is a keep-alive probe. */
	ok &= count(&w, COUNTER_TCP_RETRANSMITTED) <= sent - unique &&
	      count(&w, COUNTER_TCP_RETRANSMITTED) + 12 >= sent - unique;
	world_close(&w);
	return ok;
}

TEST(random_segments)
{
	int gapped = 0;

	for (uint32_t seed = 0; seed < 30000; seed++) {
		bool gap;

		ASSERT_TRUE(oracle_agrees(seed, &gap))
		{
			TH_LOG("seed %u", seed);
		}
		gapped += gap;
	}
	/* Both kinds were tried. */
	EXPECT_LT(500, gapped);
	EXPECT_LT(500, 30000 - gapped);
}

/* -------------------------------------------------------------------- ends */

TEST(both_fins)
{
	struct world w;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	flags(&w, DIR_ANSWERER, TCP_SYN | TCP_ACK, 200);
	EXPECT_EQ(TCP_OPEN, flags(&w, DIR_OPENER, TCP_FIN, 101));
	EXPECT_EQ(1, w.out[0].eofs);
	EXPECT_EQ(TCP_OPEN, text(&w, DIR_ANSWERER, 201, "late"));
	/* Nothing comes behind FIN. */
	text(&w, DIR_OPENER, 101, "more");
	text(&w, DIR_OPENER, 102, "more");
	EXPECT_OUT(&w, DIR_OPENER, "");
	EXPECT_EQ(TCP_CLOSED_FIN, flags(&w, DIR_ANSWERER, TCP_FIN, 205));
	EXPECT_OUT(&w, DIR_ANSWERER, "late");
	world_close(&w);
}

TEST(fin_behind_a_hole)
{
	struct world w;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	feed(&w, SEG(.dir = DIR_OPENER, .flags = TCP_FIN, .sequence = 104), "de", 2);
	EXPECT_EQ(0, w.out[0].eofs);
	/* What is behind FIN is cut off, whichever way it comes. */
	text(&w, DIR_OPENER, 106, "ghost");
	text(&w, DIR_OPENER, 103, "cdefgh");
	text(&w, DIR_OPENER, 101, "ab");
	EXPECT_OUT(&w, DIR_OPENER, "abcde");
	EXPECT_EQ(1, w.out[0].eofs);
	world_close(&w);
}

TEST(data_across_fin)
{
	struct world w;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	flags(&w, DIR_OPENER, TCP_FIN, 105);
	text(&w, DIR_OPENER, 101, "abcdefgh");
	EXPECT_OUT(&w, DIR_OPENER, "abcd");
	EXPECT_EQ(1, w.out[0].eofs);
	world_close(&w);
}

TEST(fin_and_flush)
{
	struct world w;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	text(&w, DIR_OPENER, 110, "xyz");
	flags(&w, DIR_OPENER, TCP_FIN, 105);
	tcp_flush(w.tcp, 0);
	EXPECT_OUT(&w, DIR_OPENER, "????");
	EXPECT_EQ(1, w.out[0].eofs);
	world_close(&w);

	/* The same without a known beginning. */
	world_open(&w);
	text(&w, DIR_OPENER, 110, "xyz");
	flags(&w, DIR_OPENER, TCP_FIN, 105);
	tcp_flush(w.tcp, 0);
	EXPECT_OUT(&w, DIR_OPENER, "");
	EXPECT_EQ(1, w.out[0].eofs);
	world_close(&w);
}

TEST(resets)
{
	/* X(sequence relative to the next byte, believed) */
	static const struct {
		int32_t at;
		enum tcp_end end;
	} rows[] = {
		{0, TCP_CLOSED_RST},	 {1, TCP_OPEN},	 {-1, TCP_OPEN},
		{1000, TCP_OPEN},	 {-5, TCP_OPEN}, {0x40000000, TCP_OPEN},
		{-0x7fffffff, TCP_OPEN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world w;

		world_open(&w);
		flags(&w, DIR_OPENER, TCP_SYN, 0xfffffffc);
		flags(&w, DIR_ANSWERER, TCP_SYN | TCP_ACK, 500);
		text(&w, DIR_OPENER, 0xfffffffd, "hello");
		EXPECT_EQ(rows[i].end, feed(&w,
					    SEG(.dir = DIR_OPENER, .flags = TCP_RST,
						.sequence = 2 + (uint32_t)rows[i].at),
					    "No, text of RST is not data", 27));
		text(&w, DIR_OPENER, 2, " all");
		EXPECT_OUT(&w, DIR_OPENER, "hello all");
		world_close(&w);
	}
}

TEST(reset_elsewhere)
{
	struct world w;

	/* The answer to a SYN that is refused. */
	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	EXPECT_EQ(TCP_OPEN, feed(&w,
				 SEG(.dir = DIR_ANSWERER, .flags = TCP_RST | TCP_ACK,
				     .acknowledgment = 100),
				 NULL, 0));
	EXPECT_EQ(TCP_OPEN, feed(&w, SEG(.dir = DIR_ANSWERER, .flags = TCP_RST), NULL, 0));
	EXPECT_EQ(TCP_CLOSED_RST, feed(&w,
				       SEG(.dir = DIR_ANSWERER, .flags = TCP_RST | TCP_ACK,
					   .acknowledgment = 101),
				       NULL, 0));
	world_close(&w);

	/* Behind FIN, and behind a hole, where the other end has everything. */
	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	flags(&w, DIR_OPENER, TCP_FIN, 101);
	EXPECT_EQ(TCP_CLOSED_RST, flags(&w, DIR_OPENER, TCP_RST, 102));
	world_close(&w);

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	text(&w, DIR_OPENER, 105, "efg");
	EXPECT_EQ(TCP_OPEN, flags(&w, DIR_OPENER, TCP_RST, 108)); /* what is in it may come */
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(TCP_OPEN, ack(&w, DIR_ANSWERER, 101, 2 * SECOND));
	EXPECT_EQ(TCP_CLOSED_RST, ack(&w, DIR_ANSWERER, 101, 2 * SECOND));
	tcp_flush(w.tcp, 0);
	EXPECT_OUT(&w, DIR_OPENER, "????efg");
	EXPECT_EQ(0, w.out[0].eofs);
	world_close(&w);
}

/* ------------------------------------------------------------------- holes */

TEST(hole_acknowledged)
{
	struct world w;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	flags(&w, DIR_ANSWERER, TCP_SYN | TCP_ACK, 8999);
	text(&w, DIR_OPENER, 101, "ab");
	text(&w, DIR_OPENER, 105, "ef");
	ack(&w, DIR_ANSWERER, 103, SECOND);
	ack(&w, DIR_ANSWERER, 103, 90 * SECOND); /* it waits for the same bytes */
	EXPECT_OUT(&w, DIR_OPENER, "ab");
	ack(&w, DIR_ANSWERER, 107, 100 * SECOND);
	EXPECT_OUT(&w, DIR_OPENER, "ab"); /* may only be captured in disorder */
	ack(&w, DIR_ANSWERER, 107, 101 * SECOND + 1);
	EXPECT_OUT(&w, DIR_OPENER, "ab"); /* with times that jump */
	for (int i = 0; i < 10; i++)
		ack(&w, DIR_ANSWERER, 107, 101 * SECOND + 2);
	EXPECT_OUT(&w, DIR_OPENER, "ab??ef");
	EXPECT_EQ(1, count(&w, COUNTER_TCP_GAPS));
	EXPECT_EQ(2, count(&w, COUNTER_TCP_GAP_BYTES));
	text(&w, DIR_OPENER, 103, "cdefgh");
	EXPECT_OUT(&w, DIR_OPENER, "ab??efgh");
	world_close(&w);
}

/* text() that acknowledges. */
static void answer(struct world *w, enum dir dir, uint32_t sequence, const char *s,
		   uint32_t ack, uint64_t time)
{
	feed(w,
	     SEG(.dir = dir, .flags = TCP_ACK, .sequence = sequence, .acknowledgment = ack,
		 .time = time),
	     s, strlen(s));
}

static void handshake(struct world *w)
{
	world_open(w);
	flags(w, DIR_OPENER, TCP_SYN, 100);
	feed(w,
	     SEG(.dir = DIR_ANSWERER, .flags = TCP_SYN | TCP_ACK, .sequence = 200,
		 .acknowledgment = 101),
	     NULL, 0);
}

TEST(answer_comes_after_its_question)
{
	struct world w;

	handshake(&w);
	answer(&w, DIR_ANSWERER, 201, "A1", 103, 0);
	EXPECT_OUT(&w, DIR_ANSWERER, "");
	answer(&w, DIR_OPENER, 103, "q2", 203, 0); /* which was asked after the first answer */
	EXPECT_OUT(&w, DIR_OPENER, "");
	answer(&w, DIR_ANSWERER, 203, "A2", 105, 0);
	EXPECT_OUT(&w, DIR_ANSWERER, "");
	answer(&w, DIR_OPENER, 101, "q1", 201, 0);
	EXPECT_OUT(&w, DIR_OPENER, "q1q2");
	EXPECT_OUT(&w, DIR_ANSWERER, "A1A2");
	EXPECT_EQ(0, w.out[0].gaps + w.out[1].gaps);
	world_close(&w);
}

TEST(answer_to_what_never_comes)
{
	struct world w;

	handshake(&w);
	answer(&w, DIR_ANSWERER, 201, "A1", 103, SECOND);
	for (int i = 0; i < 11; i++)
		ack(&w, DIR_OPENER, 203, SECOND);
	EXPECT_OUT(&w, DIR_ANSWERER, "");
	ack(&w, DIR_OPENER, 203, 2 * SECOND + 1);
	EXPECT_OUT(&w, DIR_ANSWERER, "A1");
	/* Nor is it waited for again, but for what comes after it. */
	answer(&w, DIR_ANSWERER, 203, "A2", 103, 3 * SECOND);
	EXPECT_OUT(&w, DIR_ANSWERER, "A1A2");
	answer(&w, DIR_ANSWERER, 205, "A3", 105, 3 * SECOND);
	EXPECT_OUT(&w, DIR_ANSWERER, "A1A2");
	tcp_flush(w.tcp, 3 * SECOND);
	EXPECT_OUT(&w, DIR_ANSWERER, "A1A2A3");
	EXPECT_EQ(0, w.out[1].gaps);
	world_close(&w);
}

TEST(end_comes_after_what_it_answers)
{
	struct world w;

	handshake(&w);
	feed(&w,
	     SEG(.dir = DIR_ANSWERER, .flags = TCP_ACK | TCP_FIN, .sequence = 201,
		 .acknowledgment = 103),
	     NULL, 0);
	EXPECT_EQ(0, w.out[1].eofs);
	answer(&w, DIR_OPENER, 101, "q1", 201, 0);
	EXPECT_EQ(1, w.out[1].eofs);
	world_close(&w);
}

TEST(reset_comes_after_what_was_sent_before)
{
	struct world w;

	handshake(&w);
	answer(&w, DIR_OPENER, 101, "q1", 201, 0);
	ack(&w, DIR_ANSWERER, 105, 0);
	EXPECT_EQ(TCP_OPEN, flags(&w, DIR_OPENER, TCP_RST, 105));
	EXPECT_EQ(TCP_CLOSED_RST, text(&w, DIR_OPENER, 103, "q2"));
	EXPECT_OUT(&w, DIR_OPENER, "q1q2");
	world_close(&w);
	/* Nor does it end what it acknowledges. */
	handshake(&w);
	EXPECT_EQ(TCP_OPEN, feed(&w,
				 SEG(.dir = DIR_OPENER, .flags = TCP_RST | TCP_ACK,
				     .sequence = 101, .acknowledgment = 203),
				 NULL, 0));
	EXPECT_EQ(TCP_CLOSED_RST, text(&w, DIR_ANSWERER, 201, "A1"));
	EXPECT_OUT(&w, DIR_ANSWERER, "A1");
	world_close(&w);
}

TEST(acknowledgments_that_wait_for_each_other)
{
	struct world w;

	handshake(&w);
	answer(&w, DIR_OPENER, 101, "q1", 203, 0);
	answer(&w, DIR_ANSWERER, 201, "A1", 103, 0);
	tcp_flush(w.tcp, 0);
	EXPECT_OUT(&w, DIR_OPENER, "q1");
	EXPECT_OUT(&w, DIR_ANSWERER, "A1");
	world_close(&w);
}

/* Holes are given up one by one, and what follows them goes on question by question. */
TEST(order_behind_a_lost_question)
{
	struct world w;

	handshake(&w);
	answer(&w, DIR_ANSWERER, 201, "A1", 103, 0); /* 101: lost */
	for (uint32_t i = 1; i < 9; i++) {
		char q[3] = {'q', '1' + i}, a[3] = {'A', '1' + i};

		answer(&w, DIR_OPENER, 101 + 2 * i, q, 201 + 2 * i, SECOND / 4 * i);
		answer(&w, DIR_ANSWERER, 201 + 2 * i, a, 103 + 2 * i, SECOND / 4 * i);
	}
	EXPECT_STREQ("?A1q2A2q3A3q4A4q5A5q6A6q7A7q8A8q9A9", w.both);
	world_close(&w);
}

TEST(order_behind_a_lost_answer)
{
	struct world w;

	handshake(&w);
	answer(&w, DIR_OPENER, 101, "q1", 201, 0); /* 201: lost */
	for (uint32_t i = 1; i < 9; i++) {
		char q[3] = {'q', '1' + i}, a[3] = {'A', '1' + i};

		answer(&w, DIR_OPENER, 101 + 2 * i, q, 201 + 2 * i, SECOND / 4 * i);
		answer(&w, DIR_ANSWERER, 201 + 2 * i, a, 103 + 2 * i, SECOND / 4 * i);
	}
	EXPECT_STREQ("q1?q2A2q3A3q4A4q5A5q6A6q7A7q8A8q9A9", w.both);
	world_close(&w);
}

TEST(hole_closed_after_acknowledgment)
{
	struct world w;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	text(&w, DIR_OPENER, 105, "ef");
	ack(&w, DIR_ANSWERER, 107, SECOND);
	text(&w, DIR_OPENER, 101, "abcd");
	ack(&w, DIR_ANSWERER, 107, 100 * SECOND);
	EXPECT_OUT(&w, DIR_OPENER, "abcdef");
	EXPECT_EQ(0, w.out[0].gaps);
	world_close(&w);
}

TEST(next_hole_is_judged_anew)
{
	struct world w;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	text(&w, DIR_OPENER, 103, "c");
	text(&w, DIR_OPENER, 105, "e");
	ack(&w, DIR_ANSWERER, 104, SECOND);
	text(&w, DIR_OPENER, 101, "ab");
	/* The second one is not acknowledged, however long ago the first one was. */
	feed(&w, SEG(.dir = DIR_OPENER, .sequence = 107, .time = 50 * SECOND), "g", 1);
	EXPECT_OUT(&w, DIR_OPENER, "abc");
	text(&w, DIR_OPENER, 104, "defg");
	EXPECT_OUT(&w, DIR_OPENER, "abcdefg");
	world_close(&w);
}

TEST(hole_lost_by_source)
{
	struct world w;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	text(&w, DIR_OPENER, 101, "ab");
	feed(&w, SEG(.dir = DIR_OPENER, .sequence = 105, .lost_before = true), "ef", 2);
	EXPECT_OUT(&w, DIR_OPENER, "ab??ef");
	/* In order although something was lost: it was a copy, or is still ahead. */
	feed(&w, SEG(.dir = DIR_OPENER, .sequence = 107, .lost_before = true), "gh", 2);
	text(&w, DIR_OPENER, 111, "kl");
	EXPECT_OUT(&w, DIR_OPENER, "ab??efgh");
	feed(&w, SEG(.dir = DIR_OPENER, .sequence = 113, .time = 2 * SECOND), "m", 1);
	EXPECT_OUT(&w, DIR_OPENER, "ab??efgh??klm");
	world_close(&w);
}

TEST(limits)
{
	struct tcp_pool pool = {.max = 12};
	struct world w;

	world_open(&w);
	w.limits.pending_bytes = 8;
	w.limits.pool = &pool;
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	flags(&w, DIR_ANSWERER, TCP_SYN, 200);
	text(&w, DIR_OPENER, 103, "cdef");
	text(&w, DIR_OPENER, 109, "ijkl");
	EXPECT_EQ(8, pool.used);
	EXPECT_OUT(&w, DIR_OPENER, "");
	text(&w, DIR_OPENER, 115, "o"); /* no room: the first hole goes */
	EXPECT_OUT(&w, DIR_OPENER, "??cdef");
	EXPECT_EQ(5, pool.used);
	text(&w, DIR_ANSWERER, 203, "cdefgh");
	text(&w, DIR_ANSWERER, 210, "jklmnopq"); /* too large for the pool as it is */
	EXPECT_OUT(&w, DIR_ANSWERER, "??cdefgh?jklmnopq");
	text(&w, DIR_OPENER, 107, "ghijklmn");
	EXPECT_OUT(&w, DIR_OPENER, "??cdefghijklmno");
	EXPECT_EQ(0, pool.used);
	text(&w, DIR_OPENER, 120, "z");
	EXPECT_EQ(1, pool.used);
	world_close(&w);
	EXPECT_EQ(0, pool.used);

	world_open(&w);
	w.limits.pending_segments = 2;
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	text(&w, DIR_OPENER, 102, "b");
	text(&w, DIR_OPENER, 104, "d");
	text(&w, DIR_OPENER, 106, "f");
	EXPECT_OUT(&w, DIR_OPENER, "?b");
	world_close(&w);
}

TEST(room_made_before_the_first_block)
{
	struct world w;

	/* What needs room stands before all that waits: only the hole before it is given up. */
	world_open(&w);
	w.limits.pending_bytes = 4;
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	text(&w, DIR_OPENER, 111, "klmn");
	text(&w, DIR_OPENER, 103, "cd");
	EXPECT_OUT(&w, DIR_OPENER, "??cd");
	text(&w, DIR_OPENER, 105, "efghij");
	EXPECT_OUT(&w, DIR_OPENER, "??cdefghijklmn");
	world_close(&w);
}

/* ------------------------------------------------------------- odd segments */

TEST(in_order_is_not_copied)
{
	static const uint8_t payload[] = "as it is";
	struct world w;
	struct tcp_segment s = {.sequence = 11, .payload = payload, .len = 8, .wire_len = 8};

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 10);
	tcp_segment(w.tcp, &s);
	EXPECT_EQ(&payload[0], w.out[0].last);
	world_close(&w);
}

TEST(conflicts)
{
	struct world w;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	text(&w, DIR_OPENER, 103, "cdef");
	text(&w, DIR_OPENER, 102, "bXdeYg");
	text(&w, DIR_OPENER, 101, "aZ");
	EXPECT_OUT(&w, DIR_OPENER, "abcdefg");
	EXPECT_EQ(3, count(&w, COUNTER_TCP_CONFLICTS));
	EXPECT_EQ(5, count(&w, COUNTER_TCP_RETRANSMITTED));
	world_close(&w);
}

TEST(keep_alive_is_not_a_retransmission)
{
	struct world w;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	text(&w, DIR_OPENER, 101, "ab");
	text(&w, DIR_OPENER, 102, "?");
	flags(&w, DIR_OPENER, TCP_ACK, 102);
	EXPECT_EQ(0, count(&w, COUNTER_TCP_RETRANSMITTED));
	text(&w, DIR_OPENER, 101, "ab");
	EXPECT_EQ(2, count(&w, COUNTER_TCP_RETRANSMITTED));
	text(&w, DIR_OPENER, 103, "c");
	EXPECT_OUT(&w, DIR_OPENER, "abc");
	world_close(&w);
}

TEST(capture_cut_short)
{
	struct world w;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	feed(&w, SEG(.dir = DIR_OPENER, .sequence = 101, .wire_len = 4), "ab", 2);
	EXPECT_OUT(&w, DIR_OPENER, "ab??");
	/* Out of order, and one that another segment fills. */
	feed(&w, SEG(.dir = DIR_OPENER, .sequence = 109, .wire_len = 3), "i", 1);
	text(&w, DIR_OPENER, 111, "kl");
	feed(&w, SEG(.dir = DIR_OPENER, .sequence = 105, .wire_len = 4), "efg", 3);
	EXPECT_OUT(&w, DIR_OPENER, "ab??efg?i?kl");
	/* Nothing of it captured; and never beyond FIN. */
	flags(&w, DIR_OPENER, TCP_FIN, 116);
	feed(&w, SEG(.dir = DIR_OPENER, .sequence = 113, .wire_len = 40), NULL, 0);
	EXPECT_OUT(&w, DIR_OPENER, "ab??efg?i?kl???");
	EXPECT_EQ(1, w.out[0].eofs);
	world_close(&w);
}

TEST(far_away)
{
	struct world w;
	uint32_t far = 101 + 0x48000000u;

	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	for (int i = 0; i < 10; i++) /* the other end never took these */
		text(&w, DIR_OPENER, far + (uint32_t)i * 4, "evil");
	text(&w, DIR_OPENER, 101, "good");
	EXPECT_OUT(&w, DIR_OPENER, "good");
	/* But it takes these: the capture has missed more than a gigabyte. */
	far += 1000;
	ack(&w, DIR_ANSWERER, far + 4, 0);
	text(&w, DIR_OPENER, far, "xxxx");
	text(&w, DIR_OPENER, far + 4, "yyyy");
	EXPECT_OUT(&w, DIR_OPENER, "good");
	text(&w, DIR_OPENER, far + 8, "zzzz");
	EXPECT_EQ(1, w.out[0].gaps);
	EXPECT_EQ(far + 8 - 105, count(&w, COUNTER_TCP_GAP_BYTES));
	EXPECT_EQ(0, memcmp(w.out[0].byte, "good????", 8));
	world_close(&w);
}

TEST(flush_is_in_order_of_time)
{
	struct world w;

	/* Both directions wait; flushing ends, and leaves nothing. */
	world_open(&w);
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	flags(&w, DIR_ANSWERER, TCP_SYN, 200);
	text(&w, DIR_OPENER, 105, "e");
	text(&w, DIR_OPENER, 107, "g");
	text(&w, DIR_ANSWERER, 203, "c");
	tcp_flush(w.tcp, 0);
	tcp_flush(w.tcp, 0);
	EXPECT_OUT(&w, DIR_OPENER, "????e?g");
	EXPECT_OUT(&w, DIR_ANSWERER, "??c");
	world_close(&w);
}

TEST_HARNESS_MAIN
