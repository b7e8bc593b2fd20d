// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/inet.h"

#include <arpa/inet.h>

/* Text in, canonical text (RFC 5952) out; NULL: no address. */
TEST(text)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"2001:db8::1", "2001:db8::1"},
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"::", "::"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"", NULL},
		{"192.0.2", NULL},
		{"192.0.2.256", NULL},
		{"192.0.2.1 ", NULL},
		{"192.0.2.1:80", NULL},
		{"2001:db8::1::2", NULL},
		{"[2001:db8::1]", NULL},
		{"fe80::1%eth0", NULL},
		{"localhost", NULL},
	};
	char text[INET_TEXT_MAX];
	struct endpoint e;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EXPECT_EQ(rows[i].out != NULL, inet_parse(rows[i].in, &e)) TH_LOG("%s", rows[i].in);
		EXPECT_STREQ(rows[i].out ? rows[i].out : "", inet_text(&e, text));
		EXPECT_EQ(0, e.port);
	}
	e = (struct endpoint){.family = 99};
	EXPECT_STREQ("", inet_text(&e, text));
}

TEST(equal)
{
	struct endpoint a, b;

	inet_parse("192.0.2.1", &a);
	b = a;
	EXPECT_TRUE(inet_equal(&a, &b));
	b.ip[15] = 1;	/* not part of an IPv4 address */
	EXPECT_TRUE(inet_equal(&a, &b));
	b.port = 80;
	EXPECT_FALSE(inet_equal(&a, &b));
	b.port = 0;
	b.family = AF_INET6;
	EXPECT_FALSE(inet_equal(&a, &b));
	a = b;
	EXPECT_TRUE(inet_equal(&a, &b));
	b.ip[15] ^= 1;
	EXPECT_FALSE(inet_equal(&a, &b));
	a = b = (struct endpoint){0};
	EXPECT_TRUE(inet_equal(&a, &b));
}

TEST_HARNESS_MAIN
