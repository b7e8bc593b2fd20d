// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/size.h"

TEST(parse)
{
	static const struct {
		const char *text;
		bool units, ok;
		uint64_t n;
	} rows[] = {
		{"0", true, true, 0},
		{"16M", true, true, 16 << 20},
		{"3072K", true, true, 3072 << 10},
		{"2G", true, true, 2ull << 30},
		{"18446744073709551615", false, true, UINT64_MAX},
		{"18446744073709551616", true, false, 0},
		{"17179869183G", true, true, 17179869183ull << 30},
		{"17179869184G", true, false, 0},
		{"16M", false, false, 0},
		{"", true, false, 0},
		{"M", true, false, 0},
		{"1MB", true, false, 0},
		{"1m", true, false, 0},
		{" 1", true, false, 0},
		{"-1", true, false, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t n = 0;

		EXPECT_EQ(rows[i].ok, size_parse(rows[i].text, rows[i].units, &n)) {
			TH_LOG("'%s'", rows[i].text);
		}
		if (rows[i].ok)
			EXPECT_EQ(rows[i].n, n);
	}
}

TEST(text)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {
		{0, "0"}, {1023, "1023"}, {1024, "1K"}, {16 << 20, "16M"}, {3 << 20, "3M"},
		{1536 << 10, "1536K"}, {1ull << 40, "1024G"}, {UINT64_MAX, "none"},
		{UINT64_MAX - 1, "18446744073709551614"},
	};
	char text[SIZE_TEXT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EXPECT_STREQ(rows[i].text, size_text(rows[i].n, text));
}

TEST_HARNESS_MAIN
