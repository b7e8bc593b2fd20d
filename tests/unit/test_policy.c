// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/policy.h"

TEST(names)
{
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		EXPECT_EQ(f, policy_field_find(policy_field_name(f)));
	EXPECT_EQ(SLUICE_FIELD_COUNT, policy_field_find("source_i"));
	EXPECT_EQ(SLUICE_FIELD_COUNT, policy_field_find("source_ips"));
	EXPECT_EQ(SLUICE_FIELD_COUNT, policy_field_find(""));
	EXPECT_EQ(POLICY_SHARE, policy_mode_find("share"));
	EXPECT_EQ(POLICY_OMIT, policy_mode_find("omit"));
	EXPECT_EQ(POLICY_MODE_COUNT, policy_mode_find("truncate"));
	EXPECT_STREQ("unknown", policy_field_name(SLUICE_FIELD_COUNT));
}

/* Every pair of modes in every field: share only where both share. */
TEST(strictest)
{
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		for (unsigned int bits = 0; bits < 4; bits++) {
			struct policy a = policy_all(POLICY_SHARE), b = policy_all(POLICY_SHARE), r;

			a.mode[f] = bits & 1 ? POLICY_OMIT : POLICY_SHARE;
			b.mode[f] = bits & 2 ? POLICY_OMIT : POLICY_SHARE;
			r = policy_strictest(a, b);
			EXPECT_EQ(bits ? POLICY_OMIT : POLICY_SHARE, policy_mode(&r, f));
			EXPECT_EQ(POLICY_SHARE, policy_mode(&r, (f + 1) % SLUICE_FIELD_COUNT));
		}
	}
}

TEST(masked)
{
	for (uint32_t mask = 0; mask <= SLUICE_SHARE_ALL; mask++) {
		struct policy p = policy_masked(policy_all(POLICY_SHARE), mask);

		for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
			ASSERT_EQ(mask & SLUICE_FIELD_BIT(f) ? POLICY_SHARE : POLICY_OMIT,
				  policy_mode(&p, f));
	}
}

/* A mask never adds. */
TEST(masked_omitted)
{
	struct policy p = policy_masked(policy_all(POLICY_OMIT), UINT32_MAX);

	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		EXPECT_EQ(POLICY_OMIT, policy_mode(&p, f));
}

TEST(fails_closed)
{
	struct policy p = policy_all(POLICY_SHARE), r;

	p.mode[SLUICE_FIELD_USER] = 77;
	EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_USER));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_COUNT));
	r = policy_strictest(p, policy_all(POLICY_SHARE));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&r, SLUICE_FIELD_USER));
	EXPECT_STREQ("omit", policy_mode_name(77));
}

TEST(text_and_back)
{
	char text[POLICY_TEXT_MAX];
	struct policy p, back;

	for (uint32_t mask = 0; mask <= SLUICE_SHARE_ALL; mask++) {
		p = policy_masked(policy_all(POLICY_SHARE), mask);
		ASSERT_TRUE(policy_parse(policy_text(&p, text), &back));
		ASSERT_EQ(0, memcmp(&p, &back, sizeof(p)));
	}
	p = policy_all(POLICY_OMIT);
	EXPECT_GT(POLICY_TEXT_MAX / 2, strlen(policy_text(&p, text)));
}

/* What cannot be read is omitted, and only the rest is as it says. */
TEST(parse_broken)
{
	static const char *const broken[] = {
		"", "x", "=", "user", "user=", "=share", "user=maybe", "nobody=share",
		"user=share  url=share", "USER=share", "user=share\n",
	};
	char text[POLICY_TEXT_MAX];
	struct policy all = policy_all(POLICY_SHARE), p;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		EXPECT_FALSE(policy_parse(broken[i], &p));
		EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_SOURCE_IP));
	}
	policy_parse("url=share user=maybe", &p);
	EXPECT_EQ(POLICY_SHARE, policy_mode(&p, SLUICE_FIELD_URL));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_USER));

	policy_text(&all, text);
	strcat(text, " url=share");
	EXPECT_FALSE(policy_parse(text, &p));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_URL));
	EXPECT_EQ(POLICY_SHARE, policy_mode(&p, SLUICE_FIELD_USER));
}

TEST_HARNESS_MAIN
