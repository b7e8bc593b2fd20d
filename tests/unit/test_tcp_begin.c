// SPDX-License-Identifier: MIT
/*
 * Where a TCP stream begins: with its SYN, wherever the capture has it, or without one.
 */
#include <kselftest_harness.h>

#include "tcp_world.h"

TEST(midstream_start)
{
	static const char *const part[] = {"ab", "cd", "ef", "gh"};
	int order[] = {0, 1, 2, 3};

	do {
		struct world w;

		world_open(&w);
		for (int i = 0; i < 4; i++)
			text(&w, DIR_OPENER, 0xfffffffd + 2 * (uint32_t)order[i],
			     part[order[i]]);
		EXPECT_OUT(&w, DIR_OPENER, "abcdefgh");
		EXPECT_EQ(0, w.out[0].gaps);
		world_close(&w);
	} while (next_permutation(order, 4));
}

TEST(midstream_start_by_acknowledgment)
{
	struct world w;

	/* The other end said which byte it wants: no need to wait for others. */
	world_open(&w);
	feed(&w,
	     SEG(.dir = DIR_ANSWERER, .flags = TCP_ACK, .sequence = 500, .acknowledgment = 70),
	     "x", 1);
	text(&w, DIR_OPENER, 70, "GET");
	EXPECT_OUT(&w, DIR_OPENER, "GET");
	world_close(&w);

	/* Or it acknowledged what had come: a request before its answer. */
	world_open(&w);
	text(&w, DIR_OPENER, 70, "GET");
	EXPECT_OUT(&w, DIR_OPENER, "");
	ack(&w, DIR_ANSWERER, 73, 0);
	EXPECT_OUT(&w, DIR_OPENER, "GET");
	world_close(&w);

	/* Or nothing ever answers. */
	world_open(&w);
	text(&w, DIR_OPENER, 70, "GET");
	tcp_flush(w.tcp, 0);
	EXPECT_OUT(&w, DIR_OPENER, "GET");
	EXPECT_EQ(0, w.out[0].gaps);
	world_close(&w);
}

TEST(handshake_captured_late)
{
	struct world w;

	world_open(&w);
	text(&w, DIR_OPENER, 104, "def");
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	EXPECT_OUT(&w, DIR_OPENER, "");
	text(&w, DIR_OPENER, 101, "abc");
	EXPECT_OUT(&w, DIR_OPENER, "abcdef");
	/* The same SYN again says nothing new, another one is not of this connection. */
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	feed(&w, SEG(.dir = DIR_OPENER, .flags = TCP_SYN, .sequence = 106), "evil", 4);
	text(&w, DIR_OPENER, 107, "ghi");
	EXPECT_OUT(&w, DIR_OPENER, "abcdefghi");
	world_close(&w);
}

/* Its SYN comes behind what an early acknowledgment let go on: still this connection's. */
TEST(handshake_captured_after_what_it_began)
{
	struct world w;

	world_open(&w);
	feed(&w,
	     SEG(.dir = DIR_OPENER, .flags = TCP_ACK, .sequence = 101, .acknowledgment = 501),
	     NULL, 0);
	text(&w, DIR_OPENER, 101, "GET");
	flags(&w, DIR_OPENER, TCP_SYN, 100);
	feed(&w,
	     SEG(.dir = DIR_ANSWERER, .flags = TCP_ACK | TCP_FIN, .sequence = 506,
		 .acknowledgment = 104),
	     NULL, 0);
	feed(&w,
	     SEG(.dir = DIR_OPENER, .flags = TCP_ACK, .sequence = 105, .acknowledgment = 507),
	     NULL, 0);
	text(&w, DIR_ANSWERER, 501, "hello");
	feed(&w,
	     SEG(.dir = DIR_ANSWERER, .flags = TCP_SYN | TCP_ACK, .sequence = 500,
		 .acknowledgment = 101),
	     NULL, 0);
	EXPECT_OUT(&w, DIR_OPENER, "GET");
	EXPECT_OUT(&w, DIR_ANSWERER, "hello");
	EXPECT_EQ(0, w.out[DIR_ANSWERER].gaps);
	EXPECT_EQ(1, w.out[DIR_ANSWERER].eofs);
	world_close(&w);
}

/* Its SYN was never captured, but the answer to it was. */
TEST(begin_said_by_the_answer)
{
	struct world w;

	world_open(&w);
	feed(&w,
	     SEG(.dir = DIR_ANSWERER, .flags = TCP_SYN | TCP_ACK, .sequence = 500,
		 .acknowledgment = 101),
	     NULL, 0);
	text(&w, DIR_OPENER, 104, "def");
	feed(&w,
	     SEG(.dir = DIR_ANSWERER, .flags = TCP_ACK, .sequence = 501, .acknowledgment = 107),
	     NULL, 0);
	EXPECT_OUT(&w, DIR_OPENER, "");
	text(&w, DIR_OPENER, 101, "abc");
	EXPECT_OUT(&w, DIR_OPENER, "abcdef");
	EXPECT_EQ(0, w.out[DIR_OPENER].gaps);
	world_close(&w);
}

TEST(data_with_syn)
{
	struct world w;

	/* taken */
	world_open(&w);
	feed(&w, SEG(.dir = DIR_OPENER, .flags = TCP_SYN, .sequence = 100), "fast", 4);
	EXPECT_OUT(&w, DIR_OPENER, "");
	feed(&w,
	     SEG(.dir = DIR_ANSWERER, .flags = TCP_SYN | TCP_ACK, .sequence = 900,
		 .acknowledgment = 105),
	     NULL, 0);
	EXPECT_OUT(&w, DIR_OPENER, "fast");
	text(&w, DIR_OPENER, 105, " open");
	EXPECT_OUT(&w, DIR_OPENER, "fast open");
	world_close(&w);

	/* not taken: what is sent then need not be the same */
	world_open(&w);
	feed(&w, SEG(.dir = DIR_OPENER, .flags = TCP_SYN, .sequence = 100), "fast", 4);
	feed(&w,
	     SEG(.dir = DIR_ANSWERER, .flags = TCP_SYN | TCP_ACK, .sequence = 900,
		 .acknowledgment = 101),
	     NULL, 0);
	text(&w, DIR_OPENER, 101, "slow");
	EXPECT_OUT(&w, DIR_OPENER, "slow");
	world_close(&w);

	/* never answered */
	world_open(&w);
	feed(&w, SEG(.dir = DIR_OPENER, .flags = TCP_SYN, .sequence = 100), "fast", 4);
	tcp_flush(w.tcp, 0);
	EXPECT_OUT(&w, DIR_OPENER, "fast");
	world_close(&w);
}

TEST_HARNESS_MAIN
