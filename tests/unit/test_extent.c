// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "sample/extent.h"
#include "scratch.h"

/* Ranges that are added, and what is there then. */
TEST(joins)
{
	static const struct {
		struct extent add[4];
		size_t count;
		struct extent want[4];
	} rows[] = {
		{{{5, 6}}, 1, {{5, 6}}},
		{{{5, 6}, {7, 8}}, 2, {{5, 6}, {7, 8}}},
		{{{7, 8}, {5, 6}}, 2, {{5, 6}, {7, 8}}},
		{{{5, 6}, {6, 8}}, 1, {{5, 8}}},
		{{{6, 8}, {5, 6}}, 1, {{5, 8}}},
		{{{5, 6}, {7, 8}, {6, 7}}, 1, {{5, 8}}},
		{{{1, 2}, {5, 6}, {3, 4}, {9, 10}}, 4, {{1, 2}, {3, 4}, {5, 6}, {9, 10}}},
		{{{UINT64_MAX - 1, UINT64_MAX}, {0, 1}}, 2, {{0, 1}, {UINT64_MAX - 1, UINT64_MAX}}},
	};
	size_t i, k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct extents x = {0};

		for (k = 0; k < 4 && rows[i].add[k].end; k++)
			EXPECT_TRUE(extents_add(&x, rows[i].add[k].start, rows[i].add[k].end, 4));
		ASSERT_EQ(rows[i].count, x.count) TH_LOG("row %zu", i);
		for (k = 0; k < x.count; k++) {
			EXPECT_EQ(rows[i].want[k].start, x.list[k].start) TH_LOG("row %zu", i);
			EXPECT_EQ(rows[i].want[k].end, x.list[k].end) TH_LOG("row %zu", i);
		}
		extents_free(&x);
	}
}

TEST(find)
{
	struct extents x = {0};
	static const size_t want[] = {0, 0, 0, 1, 1, 1, 1, 2, 2};
	size_t at;

	EXPECT_EQ(0, extents_find(&x, 7));
	extents_add(&x, 1, 3, 9);
	extents_add(&x, 5, 7, 9);
	for (at = 0; at < sizeof(want) / sizeof(want[0]); at++)
		EXPECT_EQ(want[at], extents_find(&x, at)) TH_LOG("at %zu", at);
	EXPECT_EQ(1, extents_shift(&x).start);
	EXPECT_EQ(1, x.count);
	EXPECT_EQ(5, x.list[0].start);
	extents_free(&x);
}

TEST(limit_allows_growing)
{
	struct extents x = {0};
	uint64_t i;

	for (i = 0; i < 100; i++)
		EXPECT_TRUE(extents_add(&x, 1000 - 4 * i, 1001 - 4 * i, 100));
	EXPECT_FALSE(extents_add(&x, 2000, 2001, 100));
	EXPECT_FALSE(extents_add(&x, 2000, 2001, 0));
	EXPECT_TRUE(extents_add(&x, 1001, 1003, 0));
	EXPECT_TRUE(extents_add(&x, 997, 1000, 0));	/* closes a hole */
	EXPECT_EQ(99, x.count);
	EXPECT_TRUE(extents_add(&x, 2000, 2001, 100));
	extents_free(&x);
}

/* Against a map of bytes: every byte is covered by one extent, or none, as added. */
TEST(against_a_model)
{
	enum { SPACE = 400, ROUNDS = 300 };
	uint64_t state = 88172645463325252ull, start, end, at;
	int round, step;

	for (round = 0; round < ROUNDS; round++) {
		struct extents x = {0};
		bool map[SPACE] = {false};

		for (step = 0; step < 200; step++) {
			start = scratch_random(&state) % SPACE;
			if (map[start])
				continue;
			for (end = start; end < SPACE && !map[end] && end < start + 5; end++)
				map[end] = true;
			ASSERT_TRUE(extents_add(&x, start, end, SPACE));
		}
		for (at = 0; at < SPACE; at++) {
			size_t i = extents_find(&x, at);

			ASSERT_EQ(map[at], i < x.count && x.list[i].start <= at);
			if (i)
				ASSERT_LE(x.list[i - 1].end, at);
			if (i && i < x.count)
				ASSERT_LT(x.list[i - 1].end, x.list[i].start);
		}
		extents_free(&x);
	}
}

TEST_HARNESS_MAIN
