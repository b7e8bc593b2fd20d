// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "cloud/cloud.h"
#include "forwarder/verdict.h"
#include "scratch.h"

#define NOW 1000000000000LL

static const struct verdict_times times = {
	.poll = 30, .wait = 86400, .benign = 3600, .malicious = 864000};

TEST(answers_have_a_life)
{
	static const struct {
		int32_t value;
		int64_t life; /* seconds */
	} row[] = {
		{0, 3600},
		{1, 864000},
		{2, 864000},
		{4, 864000},
		{5, 864000},
		{77, 864000}, /* of tomorrow */
		{-101, 0},
		{-102, 0},
		{-103, 0},
		{-104, 0},
		{CLOUD_VERDICT_NONE, 30 * 86400},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct verdict v = verdict_first(&times, row[i].value, NOW);

		EXPECT_EQ(row[i].value, v.value);
		EXPECT_EQ(NOW + row[i].life * 1000, v.until);
		EXPECT_EQ(INT64_MAX, v.next);
	}
}

/* The first question after 30 s, then a wait that doubles up to an hour, to the limit. */
TEST(pending_is_asked_again_until_the_limit)
{
	struct verdict v = verdict_first(&times, CLOUD_VERDICT_PENDING, NOW);
	int64_t now = NOW, wait = 30000;
	unsigned int polls = 0;
	bool late = false;

	while (!late) {
		ASSERT_EQ(v.next < NOW + 86400000 ? now + wait : NOW + 86400000, v.next);
		EXPECT_EQ(NOW + 86400000, v.until);
		now = v.next;
		wait = wait * 2 > 3600000 ? 3600000 : wait * 2;
		v = verdict_next(&times, &v, CLOUD_VERDICT_PENDING, now, &late);
		ASSERT_GT(40, ++polls);
	}
	EXPECT_EQ(NOW + 86400000, now);
	EXPECT_EQ(CLOUD_VERDICT_PENDING, v.value);
	EXPECT_EQ(INT64_MAX, v.next);
	EXPECT_EQ(now, v.until);
	EXPECT_LT(25, polls);
}

TEST(a_verdict_ends_the_questions)
{
	struct verdict v = verdict_first(&times, CLOUD_VERDICT_PENDING, NOW);
	bool late = true;

	v = verdict_next(&times, &v, 1, NOW + 30000, &late);
	EXPECT_FALSE(late);
	EXPECT_EQ(1, v.value);
	EXPECT_EQ(INT64_MAX, v.next);
	EXPECT_EQ(NOW + 30000 + 864000000LL, v.until);
	/* So does a sample that the cloud has forgotten. */
	v = verdict_first(&times, CLOUD_VERDICT_PENDING, NOW);
	v = verdict_next(&times, &v, CLOUD_VERDICT_UNKNOWN, NOW + 30000, &late);
	EXPECT_EQ(INT64_MAX, v.next);
	EXPECT_EQ(NOW + 30000, v.until);
}

TEST(a_clock_that_goes_back)
{
	struct verdict v = verdict_first(&times, CLOUD_VERDICT_PENDING, NOW);
	bool late;

	v = verdict_next(&times, &v, CLOUD_VERDICT_PENDING, NOW - 500000000, &late);
	EXPECT_FALSE(late);
	EXPECT_EQ(NOW - 500000000, v.since);
	EXPECT_EQ(NOW - 500000000 + 60000, v.next);
}

TEST_HARNESS_MAIN
