// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "supervisor/child.h"
#include "supervisor/passwd.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>

/* Instead of the system's clock and databases. */
static uint64_t now = 1000000, takes;
static unsigned int asked;
static const char *name;
static int fails;

uint64_t child_clock(void)
{
	return now;
}

int getpwuid_r(uid_t uid, struct passwd *entry, char *room, size_t size, struct passwd **found)
{
	asked++;
	now += takes;
	entry->pw_name = (char *)name;
	*found = name && !fails ? entry : NULL;
	return fails;
}

/* Everything known is forgotten. */
static void later(void)
{
	now += 10000000;
	asked = 0;
	takes = 0;
	fails = 0;
	name = "alice";
}

TEST(asked_once_a_minute)
{
	later();
	for (int i = 0; i < 60; i++, now += 1000)
		EXPECT_STREQ("alice", passwd_name(1000));
	EXPECT_EQ(1, asked);
	name = "renamed";
	EXPECT_STREQ("renamed", passwd_name(1000));
	EXPECT_EQ(2, asked);
	/* Another one in its place. */
	name = "bob";
	EXPECT_STREQ("bob", passwd_name(1000 + 1024));
	EXPECT_STREQ("bob", passwd_name(1000));
	EXPECT_EQ(4, asked);
}

TEST(who_has_no_name)
{
	later();
	name = NULL;
	EXPECT_STREQ("uid:0", passwd_name(0));
	EXPECT_STREQ("uid:4294967294", passwd_name(4294967294u));
	EXPECT_STREQ("uid:0", passwd_name(0));
	EXPECT_EQ(2, asked);
	name = "";
	EXPECT_STREQ("uid:5", passwd_name(5));
	name = "too much of it";
	fails = ERANGE;
	EXPECT_STREQ("uid:6", passwd_name(6));
	EXPECT_STREQ("uid:6", passwd_name(6));
	EXPECT_EQ(4, asked);
}

/* Capturing stands still meanwhile: a tenth of the time at most. */
TEST(a_directory_that_is_slow)
{
	uint64_t begin;

	later();
	EXPECT_STREQ("alice", passwd_name(1));
	now += 70000;
	takes = 5000;
	name = "slow";
	EXPECT_STREQ("slow", passwd_name(2));
	asked = 0;
	/* What was known stands, what was not has a number, and neither for longer than needed.
	 */
	EXPECT_STREQ("alice", passwd_name(1));
	EXPECT_STREQ("uid:3", passwd_name(3));
	EXPECT_STREQ("slow", passwd_name(2));
	EXPECT_EQ(0, asked);
	now += 45000;
	EXPECT_STREQ("slow", passwd_name(3));
	EXPECT_EQ(1, asked);
	begin = now;
	for (uint32_t uid = 0; now < begin + 1000000; uid++, now += 10)
		passwd_name(uid);
	EXPECT_GE(21, asked);
	EXPECT_LE(19, asked);
	/* Answers as they come from a file do not count. */
	later();
	takes = 2;
	for (uint32_t uid = 100; uid < 200; uid++)
		EXPECT_STREQ("alice", passwd_name(uid));
	EXPECT_EQ(100, asked);
}

TEST_HARNESS_MAIN
