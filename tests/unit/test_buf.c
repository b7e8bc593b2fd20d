// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/buf.h"

#include <string.h>

TEST(starts_empty)
{
	struct buf b;

	buf_init(&b, 10);
	EXPECT_EQ(0, b.len);
	EXPECT_EQ(NULL, b.data);
	EXPECT_STREQ("", buf_string(&b));
	buf_free(&b);
}

/* Every limit around the growth steps: exactly max bytes fit, one more does not. */
TEST(limit_is_exact)
{
	static const size_t limits[] = {0, 1, 2, 255, 256, 257, 511, 512, 513, 65536};
	size_t i, n;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct buf b;

		buf_init(&b, limits[i]);
		for (n = 0; n < limits[i]; n++)
			ASSERT_TRUE(buf_add(&b, "x", 1));
		EXPECT_EQ(limits[i], b.len);
		EXPECT_EQ(limits[i], strlen(buf_string(&b)));
		EXPECT_LE(b.room, limits[i] + 1);
		EXPECT_TRUE(buf_add(&b, NULL, 0));
		EXPECT_FALSE(buf_add(&b, "x", 1));
		EXPECT_TRUE(b.failed);
		EXPECT_STREQ("", buf_string(&b));
		EXPECT_EQ(limits[i], b.len);
		buf_free(&b);
	}
}

TEST(failure_stays_until_reset)
{
	struct buf b;

	buf_init(&b, 4);
	EXPECT_TRUE(buf_add_string(&b, "abc"));
	EXPECT_FALSE(buf_add_string(&b, "de"));
	EXPECT_FALSE(buf_add(&b, "d", 1));
	EXPECT_FALSE(buf_printf(&b, "%s", ""));
	buf_reset(&b);
	EXPECT_FALSE(b.failed);
	EXPECT_TRUE(buf_add_string(&b, "wxyz"));
	EXPECT_STREQ("wxyz", buf_string(&b));
	buf_free(&b);
}

TEST(huge_sizes_do_not_wrap)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	EXPECT_TRUE(buf_add_string(&b, "a"));
	EXPECT_FALSE(buf_add(&b, "", SIZE_MAX));
	EXPECT_TRUE(b.failed);
	buf_reset(&b);
	EXPECT_TRUE(buf_add_string(&b, "a"));
	EXPECT_FALSE(buf_add(&b, "", SIZE_MAX - 1));
	buf_free(&b);
}

TEST(printf_up_to_the_limit)
{
	struct buf b;

	buf_init(&b, 1000);
	EXPECT_TRUE(buf_printf(&b, "%d-%s", 42, "x"));
	EXPECT_TRUE(buf_printf(&b, "%0300d", 7));
	EXPECT_EQ(304, b.len);
	EXPECT_STREQ("007", buf_string(&b) + 301);
	buf_reset(&b);
	EXPECT_FALSE(buf_printf(&b, "%01001d", 7));
	buf_free(&b);
	EXPECT_EQ(1000, b.max);
}

TEST_HARNESS_MAIN
