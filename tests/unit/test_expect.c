// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "proto/expect.h"

#include <netinet/in.h>
#include <string.h>

FIXTURE(expect)
{
	struct counters counters;
	struct expect_set *set;
	struct session_info s;
};

FIXTURE_SETUP(expect)
{
	memset(self, 0, sizeof(*self));
	self->set = expect_set_new(16, EXPECT_LIFETIME, &self->counters);
	ASSERT_NE(NULL, self->set);
	self->s = (struct session_info){.id = 1,
					.netns = 4026531840,
					.zone = 3,
					.vrf = 7,
					.vlan = {100, 200},
					.protocol = IPPROTO_TCP};
	inet_parse("192.0.2.1", &self->s.end[DIR_OPENER]);
	inet_parse("192.0.2.2", &self->s.end[DIR_ANSWERER]);
	self->s.end[DIR_OPENER].port = 40000;
	self->s.end[DIR_ANSWERER].port = 1025;
}

FIXTURE_TEARDOWN(expect)
{
	expect_set_free(self->set);
}

static void released(void *arg)
{
}

static bool announce(struct expect_set *set, const struct session_info *by, void *arg)
{
	struct expectation e = {
		.protocol = IPPROTO_TCP,
		.answerer = by->end[DIR_ANSWERER],
		.arg = arg,
		.release = released,
	};

	return expect_add(set, by, &e, 1);
}

/* The same addresses in another network are somebody else. */
TEST_F(expect, networks)
{
	struct expectation e;

	ASSERT_TRUE(announce(self->set, &self->s, self));
#define OTHER(change)                                           \
	do {                                                    \
		struct session_info s = self->s;                \
                                                                \
		change;                                         \
		EXPECT_FALSE(expect_take(self->set, &s, 2, &e)) \
		TH_LOG(#change);                                \
	} while (0)
	OTHER(s.netns++);
	OTHER(s.zone++);
	OTHER(s.vrf++);
	OTHER(s.vlan[0]++);
	OTHER(s.vlan[1]++);
	OTHER(s.protocol = IPPROTO_UDP);
	OTHER(s.end[DIR_ANSWERER].port++);
#undef OTHER
	EXPECT_TRUE(expect_take(self->set, &self->s, 2, &e));
	EXPECT_EQ(self, e.arg);
}

/* And several of them wait side by side. */
TEST_F(expect, side_by_side)
{
	struct session_info other = self->s;
	struct expectation e;
	int a, b;

	other.zone = 4;
	ASSERT_TRUE(announce(self->set, &self->s, &a));
	ASSERT_TRUE(announce(self->set, &other, &b));
	EXPECT_TRUE(expect_take(self->set, &other, 2, &e));
	EXPECT_EQ(&b, e.arg);
	EXPECT_TRUE(expect_take(self->set, &self->s, 2, &e));
	EXPECT_EQ(&a, e.arg);
	EXPECT_EQ(0, self->counters.value[COUNTER_EXPECTATIONS_EVICTED]);
}

TEST_HARNESS_MAIN
