// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/narrow.h"

static bool in_group(void *arg, const char *user, const char *group)
{
	return strcmp(user, "alice") == 0 && strcmp(group, arg) == 0;
}

static struct narrow_subject subject = {
	.text = {[NARROW_CLOUD] = "a", [NARROW_RULE] = "r1", [NARROW_VIRTUAL_SYSTEM] = "blue side",
		 [NARROW_FILE_TYPE] = "pe", [NARROW_USER_GROUP] = "alice"},
	.in_group = in_group,
	.arg = (void *)"hr",
};

TEST(criteria)
{
	static const struct {
		enum narrow_criterion c;
		const char *list;
		bool fits;
	} rows[] = {
		{NARROW_CLOUD, "a", true},	 {NARROW_CLOUD, "b, a", true},
		{NARROW_CLOUD, "b,ab", false},	 {NARROW_CLOUD, "A", false},
		{NARROW_RULE, "\tr1 ,r2", true}, {NARROW_RULE, "r", false},
		{NARROW_VIRTUAL_SYSTEM, "x,  blue side ", true},
		{NARROW_VIRTUAL_SYSTEM, "blue, side", false},
		{NARROW_FILE_TYPE, "pdf,pe", true}, {NARROW_FILE_TYPE, "pdf", false},
		{NARROW_USER_GROUP, "it, hr", true}, {NARROW_USER_GROUP, "it", false},
		{NARROW_USER_GROUP, "alice", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct narrow n = {.list = {[0] = NULL}};
		struct narrow_subject without = subject;

		n.list[rows[i].c] = strdup(rows[i].list);
		EXPECT_EQ(rows[i].fits, narrow_fits(&n, &subject)) {
			TH_LOG("%s = %s", narrow_criterion_name(rows[i].c), rows[i].list);
		}
		/* What is not known fits nothing that asks for it. */
		without.text[rows[i].c] = NULL;
		EXPECT_FALSE(narrow_fits(&n, &without));
		/* All that are asked must fit. */
		n.list[(rows[i].c + 1) % NARROW_CRITERION_COUNT] = strdup("something else");
		EXPECT_FALSE(narrow_fits(&n, &subject));
		narrow_free(&n);
	}
	EXPECT_TRUE(narrow_fits(&(struct narrow){.line = 1}, &subject));
}

/* Whatever fits, in whatever order: as strict as the strictest. */
TEST(strictest)
{
	struct narrow n[3] = {{.line = 1}, {.line = 2}, {.line = 3}};
	struct policy share = policy_all(POLICY_SHARE), one, two;

	for (int i = 0; i < 3; i++)
		n[i].policy = policy_all(POLICY_SHARE);
	policy_set(&share, SLUICE_FIELD_USER, POLICY_PSEUDONYMISE);
	policy_set(&n[0].policy, SLUICE_FIELD_USER, POLICY_OMIT);
	policy_set(&n[1].policy, SLUICE_FIELD_URL, POLICY_TRUNCATE);
	n[2].policy = policy_all(POLICY_OMIT);
	n[2].list[NARROW_CLOUD] = strdup("another");
	one = narrow_apply(n, 3, &subject, share);
	EXPECT_EQ(POLICY_OMIT, policy_mode(&one, SLUICE_FIELD_USER));
	EXPECT_EQ(POLICY_TRUNCATE, policy_mode(&one, SLUICE_FIELD_URL));
	EXPECT_EQ(POLICY_SHARE, policy_mode(&one, SLUICE_FIELD_FILENAME));
	EXPECT_TRUE(policy_within(&one, &share));
	two = narrow_apply(n + 1, 2, &subject, narrow_apply(n, 1, &subject, share));
	EXPECT_EQ(0, memcmp(&one, &two, sizeof(one)));
	narrow_free(&n[2]);
}

TEST_HARNESS_MAIN
