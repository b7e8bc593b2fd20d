// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "stream/fragment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SECOND 1000000000ull
#define TCP 6

struct world {
	struct counters counters;
	struct fragment_limits limits;
	struct fragment_table *table;
};

static void world_open(struct world *w)
{
	w->table = fragment_table_new(&w->limits, &w->counters);
}

static const struct fragment_limits few = {
	.datagrams = 8,
	.bytes = 1 << 20,
	.pieces = 16,
	.time = 30 * SECOND,
};

static uint64_t dropped(const struct world *w)
{
	return w->counters.value[COUNTER_FRAGMENTS_DROPPED];
}

struct piece {
	uint32_t offset;
	const char *text;
	bool more;
};

/* Adds it from a block of exactly its size; the whole datagram as text, or NULL. */
static const char *add(struct world *w, uint8_t family, uint32_t id, const struct piece *piece,
		       uint64_t time)
{
	static char whole[70000];
	size_t n = strlen(piece->text), len;
	uint8_t *p = malloc(n ? n : 1), next = 0;
	struct fragment f = {
		.key = {.family = family, .id = id, .source = {10}, .destination = {20}},
		.p = p,
		.len = n,
		.offset = piece->offset,
		.more = piece->more,
		.next = piece->offset ? 99 : TCP,
		.time = time,
	};
	const uint8_t *out;

	memcpy(p, piece->text, n);
	out = fragment_add(w->table, &f, &len, &next);
	free(p);
	if (!out)
		return NULL;
	memcpy(whole, out, len);
	whole[len] = '\0';
	fragment_recycle(w->table);
	return next == TCP ? whole : "wrong protocol";
}

static void swap(int *a, int *b)
{
	int t = *a;

	*a = *b;
	*b = t;
}

/* All orders of n pieces by Heap's algorithm; how many did not end with `want`. */
static int wrong_orders(uint8_t family, const char *want, const struct piece *piece, int n)
{
	int order[6], state[6] = {0}, wrong = 0;

	for (int i = 0; i < n; i++)
		order[i] = i;
	for (int i = 0;;) {
		struct world w = {.limits = few};
		const char *got = NULL;

		world_open(&w);
		for (int k = 0; k < n; k++) {
			const char *whole = add(&w, family, 7, &piece[order[k]], 0);

			got = whole ? whole : got;
		}
		wrong += want ? !got || strcmp(got, want) != 0 : got != NULL;
		fragment_table_free(w.table);
		while (i < n && state[i] >= i)
			state[i++] = 0;
		if (i >= n)
			return wrong;
		swap(&order[i % 2 ? state[i] : 0], &order[i]);
		state[i]++;
		i = 0;
	}
}

static const struct piece apart[] = {
	{0, "01234567", true},		{8, "89abcdef", true}, {16, "ghijklmn", true},
	{24, "opqrstuvwxyzABCD", true}, {40, "end", false},
};

TEST(every_order)
{
	const char *want = "0123456789abcdefghijklmnopqrstuvwxyzABCDend";

	EXPECT_EQ(0, wrong_orders(AF_INET, want, apart, 5));
	EXPECT_EQ(0, wrong_orders(AF_INET6, want, apart, 5));
}

TEST(one_missing)
{
	for (int i = 0; i < 5; i++) {
		struct piece some[4];

		for (int k = 0, n = 0; k < 5; k++)
			if (k != i)
				some[n++] = apart[k];
		EXPECT_EQ(0, wrong_orders(AF_INET, NULL, some, 4));
	}
}

TEST(copies)
{
	struct world w = {.limits = few};

	world_open(&w);
	for (uint8_t family = AF_INET; family; family = family == AF_INET ? AF_INET6 : 0) {
		EXPECT_EQ(NULL, add(&w, family, 1, &apart[0], 0));
		EXPECT_EQ(NULL, add(&w, family, 1, &apart[1], 0));
		EXPECT_EQ(NULL, add(&w, family, 1, &apart[0], 0));
		EXPECT_STREQ("0123456789abcdefgh",
			     add(&w, family, 1, &(struct piece){16, "gh", false}, 0));
	}
	EXPECT_EQ(0, dropped(&w));
	fragment_table_free(w.table);
}

TEST(overlap_ipv4_first_wins)
{
	struct world w = {.limits = few};

	world_open(&w);
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &(struct piece){8, "BBBBBBBB", true}, 0));
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &(struct piece){24, "DD", false}, 0));
	EXPECT_STREQ(
		"aaaaaaaaBBBBBBBBaaaaaaaaDD",
		add(&w, AF_INET, 1, &(struct piece){0, "aaaaaaaaaaaaaaaaaaaaaaaa", true}, 0));
	EXPECT_EQ(0, dropped(&w));
	fragment_table_free(w.table);
}

TEST(overlap_ipv6_is_dropped)
{
	struct world w = {.limits = few};

	world_open(&w);
	EXPECT_EQ(NULL, add(&w, AF_INET6, 1, &(struct piece){8, "BBBBBBBB", true}, 0));
	EXPECT_EQ(NULL, add(&w, AF_INET6, 1, &(struct piece){8, "BBBBXBBB", true}, 0));
	EXPECT_EQ(2, dropped(&w));
	/* And so is what comes later of that datagram. */
	EXPECT_EQ(NULL, add(&w, AF_INET6, 1, &(struct piece){0, "aaaaaaaa", true}, 0));
	EXPECT_EQ(NULL, add(&w, AF_INET6, 1, &(struct piece){8, "bb", false}, 0));
	EXPECT_EQ(4, dropped(&w));
	fragment_table_free(w.table);
}

TEST(contradicting_lengths)
{
	static const struct piece two_ends[] = {
		{0, "01234567", true}, {16, "x", false}, {8, "y", false}};
	static const struct piece beyond[] = {
		{16, "01234567", true}, {8, "y", false}, {0, "01234567", true}};

	EXPECT_EQ(0, wrong_orders(AF_INET, NULL, two_ends, 2));
	EXPECT_EQ(0, wrong_orders(AF_INET6, NULL, beyond, 2));
}

TEST(malformed)
{
	struct world w = {.limits = few};

	world_open(&w);
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &(struct piece){0, "1234567", true}, 0));
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &(struct piece){0, "", true}, 0));
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &(struct piece){65528, "12345678", false}, 0));
	EXPECT_EQ(3, dropped(&w));
	/* The last byte there can be is fine. */
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &(struct piece){65528, "1234567", false}, 0));
	EXPECT_EQ(3, dropped(&w));
	fragment_table_free(w.table);
}

TEST(keys_are_apart)
{
	struct world w = {.limits = few};

	world_open(&w);
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &apart[0], 0));
	EXPECT_EQ(NULL, add(&w, AF_INET, 2, &(struct piece){8, "x", false}, 0));
	EXPECT_EQ(NULL, add(&w, AF_INET6, 1, &(struct piece){8, "x", false}, 0));
	EXPECT_STREQ("01234567y", add(&w, AF_INET, 1, &(struct piece){8, "y", false}, 0));
	fragment_table_free(w.table);
}

TEST(time_limit)
{
	struct world w = {.limits = few};

	world_open(&w);
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &apart[0], 5 * SECOND));
	EXPECT_STREQ("01234567y",
		     add(&w, AF_INET, 1, &(struct piece){8, "y", false}, 35 * SECOND));
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &apart[0], 40 * SECOND));
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &(struct piece){8, "y", false}, 70 * SECOND + 1));
	EXPECT_EQ(1, dropped(&w));
	fragment_table_free(w.table);
}

TEST(limit_of_datagrams)
{
	struct world w = {.limits = few};

	world_open(&w);
	for (uint32_t id = 0; id < 9; id++)
		EXPECT_EQ(NULL, add(&w, AF_INET, id, &apart[0], 0));
	EXPECT_EQ(1, dropped(&w));
	/* The oldest went, the others are there. */
	EXPECT_NE(NULL, add(&w, AF_INET, 1, &(struct piece){8, "y", false}, 0));
	EXPECT_EQ(NULL, add(&w, AF_INET, 0, &(struct piece){8, "y", false}, 0));
	fragment_table_free(w.table);
	EXPECT_EQ(9, dropped(&w));
}

TEST(limit_of_bytes)
{
	struct world w = {.limits = few};

	w.limits.bytes = 100000;
	world_open(&w);
	/* Each needs a buffer up to its offset. */
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &(struct piece){65000, "x", false}, 0));
	EXPECT_EQ(NULL, add(&w, AF_INET, 2, &(struct piece){65000, "x", false}, 0));
	EXPECT_EQ(1, dropped(&w));
	EXPECT_EQ(NULL, add(&w, AF_INET, 3, &apart[0], 0));
	EXPECT_EQ(1, dropped(&w));
	fragment_table_free(w.table);

	w = (struct world){.limits = few};
	w.limits.bytes = 1000;
	world_open(&w);
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &(struct piece){4000, "x", false}, 0));
	EXPECT_EQ(1, dropped(&w));
	fragment_table_free(w.table);
}

TEST(limit_of_pieces)
{
	struct world w = {.limits = few};

	w.limits.pieces = 4;
	world_open(&w);
	for (uint32_t i = 0; i < 4; i++)
		EXPECT_EQ(NULL,
			  add(&w, AF_INET, 1, &(struct piece){16 * i, "01234567", true}, 0));
	EXPECT_EQ(0, dropped(&w));
	EXPECT_EQ(NULL, add(&w, AF_INET, 1, &(struct piece){64, "01234567", true}, 0));
	EXPECT_EQ(5, dropped(&w));
	fragment_table_free(w.table);
}

TEST_HARNESS_MAIN
