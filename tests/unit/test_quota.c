// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "forwarder/quota.h"

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
/* 2026-11-24 00:00:00 UTC */
#define MIDNIGHT (20781 * DAY)
#define BEGIN (MIDNIGHT + DAY - MINUTE) /* 23:59:00 of that day */

TEST(said_that_the_day_is_over)
{
	EXPECT_EQ(BEGIN, quota_renewed(MIDNIGHT + 5 * MINUTE, 0));
	EXPECT_EQ(BEGIN, quota_renewed(MIDNIGHT + 12 * HOUR, 0));
	EXPECT_EQ(BEGIN, quota_renewed(BEGIN - 1, 0));
	/* Somewhere in the first minute. */
	EXPECT_EQ(BEGIN + MINUTE, quota_renewed(MIDNIGHT + 12 * HOUR, UINT32_MAX));
	EXPECT_LT(BEGIN + 29 * SECOND, quota_renewed(MIDNIGHT + 12 * HOUR, UINT32_MAX / 2));
	EXPECT_GT(BEGIN + 31 * SECOND, quota_renewed(MIDNIGHT + 12 * HOUR, UINT32_MAX / 2));
}

TEST(said_so_at_the_begin_of_the_day)
{
	EXPECT_EQ(BEGIN + 5 * MINUTE, quota_renewed(BEGIN, 0));
	EXPECT_EQ(BEGIN + 5 * MINUTE, quota_renewed(BEGIN + 5 * MINUTE - 1, 0));
	EXPECT_EQ(BEGIN + DAY, quota_renewed(BEGIN + 5 * MINUTE, 0));
	EXPECT_GE(CLOUD_PAUSE_MAX * SECOND,
		  quota_renewed(BEGIN + 5 * MINUTE, UINT32_MAX) - (BEGIN + 5 * MINUTE));
}

TEST(a_day_of_ours_begins_with_theirs)
{
	struct quota quota[CLOUD_QUOTA_COUNT] = {0};
	const uint32_t limit[CLOUD_QUOTA_COUNT] = {
		[CLOUD_UPLOADS_PER_DAY] = 2, [CLOUD_QUERIES_PER_DAY] = 1};
	enum cloud_quota which = CLOUD_QUOTA_COUNT;

	quota_charge(quota, true, BEGIN - HOUR);
	EXPECT_EQ(1, quota_left(quota, limit, true, BEGIN - HOUR));
	EXPECT_EQ(1, quota_left(quota, limit, false, BEGIN - HOUR));
	EXPECT_EQ(0, quota_again(quota, limit, BEGIN - HOUR, NULL));
	quota_charge(quota, true, BEGIN - 1);
	EXPECT_EQ(0, quota_left(quota, limit, true, BEGIN - 1));
	EXPECT_EQ(BEGIN, quota_again(quota, limit, BEGIN - 1, &which));
	EXPECT_EQ(CLOUD_UPLOADS_PER_DAY, which);
	EXPECT_EQ(2, quota_left(quota, limit, true, BEGIN));
	EXPECT_EQ(0, quota_again(quota, limit, BEGIN, NULL));
}

TEST(used_up)
{
	const uint32_t limit[CLOUD_QUOTA_COUNT] = {
		[CLOUD_UPLOADS_PER_MINUTE] = 2,
		[CLOUD_UPLOADS_PER_DAY] = 3,
	};
	const int64_t noon = MIDNIGHT + 12 * HOUR;
	struct quota quota[CLOUD_QUOTA_COUNT] = {0};
	enum cloud_quota which = CLOUD_QUOTA_COUNT;

	EXPECT_EQ(UINT64_MAX, quota_left(quota, limit, false, noon));
	EXPECT_EQ(2, quota_left(quota, limit, true, noon));
	EXPECT_EQ(0, quota_again(quota, limit, noon, NULL));
	quota_charge(quota, true, noon);
	quota_charge(quota, false, noon);
	EXPECT_EQ(1, quota_left(quota, limit, true, noon + 59999));
	quota_charge(quota, true, noon + 59999);
	EXPECT_EQ(0, quota_left(quota, limit, true, noon + 59999));
	EXPECT_EQ(noon + 60000, quota_again(quota, limit, noon + 59999, &which));
	EXPECT_EQ(CLOUD_UPLOADS_PER_MINUTE, which);
	/* The next minute has one more, and the day no more than that. */
	EXPECT_EQ(0, quota_again(quota, limit, noon + 60000, NULL));
	EXPECT_EQ(1, quota_left(quota, limit, true, noon + 60000));
	quota_charge(quota, true, noon + 60000);
	EXPECT_EQ(0, quota_left(quota, limit, true, noon + 120000));
	EXPECT_EQ(BEGIN, quota_again(quota, limit, noon + 120000, &which));
	EXPECT_EQ(CLOUD_UPLOADS_PER_DAY, which);
	EXPECT_EQ(0, quota_left(quota, limit, true, BEGIN - 1));
	EXPECT_EQ(2, quota_left(quota, limit, true, BEGIN));
	/* A clock that went back does not make it wait for years. */
	EXPECT_EQ(2, quota_left(quota, limit, true, DAY));
}

TEST_HARNESS_MAIN
