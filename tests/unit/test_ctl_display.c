// SPDX-License-Identifier: MIT
/* Texts of strangers on a terminal, and the widths of a table. */
#include <kselftest_harness.h>

#include "lib/display.h"
#include "ctl/table.h"

#include <locale.h>

static const char *shown_as(const char *p, size_t n, size_t *columns)
{
	static struct buf out;

	buf_free(&out);
	buf_init(&out, 65536);
	*columns = display_clean(&out, p, n);
	return buf_string(&out);
}

static const char *fit(const char *text, size_t columns, enum display_cut cut, size_t *used)
{
	static struct buf out;

	buf_free(&out);
	buf_init(&out, 65536);
	*used = display_fit(&out, text, columns, cut);
	return buf_string(&out);
}

TEST(clean)
{
	static const struct {
		const char *text, *shown;
		size_t columns;
	} cases[] = {
		{"plain name.txt", "plain name.txt", 14},
		{"\033[2Jx", "\\x1b[2Jx", 8},
		{"a\tb\nc\rd", "a\\tb\\nc\\rd", 10},
		{"\x7f", "\\x7f", 4},
		{"\a\b", "\\x07\\x08", 8},
		/* C1, as UTF-8 and as a bare byte. */
		{"\xc2\x9b"
		 "31m",
		 "\\u009b31m", 9},
		{"\x9b"
		 "31m",
		 "\\x9b31m", 7},
		/* The name that reads invoice_exe.pdf. */
		{"invoice_\xe2\x80\xae"
		 "fdp.exe",
		 "invoice_\\u202efdp.exe", 21},
		{"a\xe2\x80\x8b"
		 "b",
		 "a\\u200bb", 8},
		{"\xef\xbb\xbfx", "\\ufeffx", 7},
		{"\xf3\xa0\x81\x81", "\\U000e0041", 10},
		/* Wide and combining. */
		{"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", 4},
		{"e\xcc\x81", "e\xcc\x81", 1},
		{"\xcc\x81", "\\u0301", 6},
		{"x\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81", "x\xcc\x81\xcc\x81\xcc\x81\xcc\x81\\u0301", 7},
		/* No UTF-8: cut short, overlong, a surrogate, beyond Unicode. */
		{"\xe6\x97", "\\xe6\\x97", 8},
		{"\xc0\x80", "\\xc0\\x80", 8},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80", 12},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 16},
	};
	size_t columns;

	display_init(false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EXPECT_STREQ(cases[i].shown,
			     shown_as(cases[i].text, strlen(cases[i].text), &columns));
		EXPECT_EQ(cases[i].columns, columns);
		EXPECT_EQ(cases[i].columns, display_width(cases[i].shown));
	}
	EXPECT_STREQ("a\\x00b", shown_as("a\0b", 3, &columns));
}

/* Whatever the bytes: nothing below space, no DEL, no C1, valid to the terminal. */
TEST(never_control)
{
	char text[64];
	size_t columns;

	display_init(false);
	srand(1);
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)rand() % sizeof(text);
		const char *shown;

		for (size_t k = 0; k < n; k++)
			text[k] = (char)(rand() % 3 ? 0x80 + rand() % 0x80 : rand());
		shown = shown_as(text, n, &columns);
		EXPECT_EQ(columns, display_width(shown));
		for (; *shown; shown++) {
			ASSERT_TRUE((unsigned char)*shown >= 0x20 && *shown != 0x7f);
			ASSERT_FALSE((unsigned char)*shown == 0xc2 &&
				     (unsigned char)shown[1] < 0xa0);
		}
	}
}

TEST(without_unicode)
{
	size_t columns;

	setenv("LC_ALL", "C", 1);
	display_init(true);
	EXPECT_FALSE(display_unicode());
	EXPECT_STREQ("?? ?x", shown_as("\xe6\x97\xa5\xe6\x9c\xac \x9bx", 9, &columns));
	EXPECT_EQ(5, columns);
	EXPECT_STREQ("abc~", fit("abcdef", 4, DISPLAY_CUT_END, &columns));
	/* A pipe gets UTF-8. */
	display_init(false);
	EXPECT_STREQ("\xe6\x97\xa5", shown_as("\xe6\x97\xa5", 3, &columns));
	EXPECT_EQ(2, columns);
	unsetenv("LC_ALL");
}

TEST(cut)
{
	static const struct {
		const char *text, *shown;
		size_t columns, used;
		enum display_cut cut;
	} cases[] = {
		{"abcdef", "abcdef", 6, 6, DISPLAY_CUT_END},
		{"abcdef", "abcd\xe2\x80\xa6", 5, 5, DISPLAY_CUT_END},
		{"abcdef", "\xe2\x80\xa6", 1, 1, DISPLAY_CUT_END},
		{"abcdef", "", 0, 0, DISPLAY_CUT_END},
		{"a-long-file-name.exe", "a-lo\xe2\x80\xa6.exe", 9, 9, DISPLAY_CUT_MIDDLE},
		/* Half of a wide character is none. */
		{"\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5", "\xe6\x97\xa5\xe2\x80\xa6", 4, 3, DISPLAY_CUT_END},
		{"\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5", "\xe6\x97\xa5\xe6\x9c\xac\xe2\x80\xa6", 5, 5,
		 DISPLAY_CUT_END},
		/* Marks stay with their character, at the cut and behind it. */
		{"ae\xcc\x81"
		 "cd",
		 "ae\xcc\x81\xe2\x80\xa6", 3, 3, DISPLAY_CUT_END},
		{"abcdefe\xcc\x81gh", "abc\xe2\x80\xa6gh", 6, 6, DISPLAY_CUT_MIDDLE},
	};
	size_t used;

	display_init(false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EXPECT_STREQ(cases[i].shown,
			     fit(cases[i].text, cases[i].columns, cases[i].cut, &used));
		EXPECT_EQ(cases[i].used, used);
		EXPECT_EQ(used, display_width(cases[i].shown));
	}
}

static size_t sum(const size_t *width, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		if (width[i])
			total += width[i] + (total ? 2 : 0);
	return total;
}

TEST(widths)
{
	static const struct ctl_column how[] = {
		{0},
		{.rank = 1, .least = 4},
		{.rank = 3, .least = 3},
		{.rank = 2, .least = 5, .stays = true},
	};
	static const size_t wanted[] = {10, 20, 8, 30};
	static const struct {
		size_t most, width[4];
	} cases[] = {
		{0, {10, 20, 8, 30}},  {74, {10, 20, 8, 30}}, {73, {10, 20, 7, 30}},
		{69, {10, 20, 3, 30}}, {60, {10, 20, 3, 21}}, {44, {10, 20, 3, 5}},
		{43, {10, 19, 3, 5}},  {28, {10, 4, 3, 5}},   {27, {10, 8, 0, 5}},
		{20, {10, 0, 0, 8}},   {17, {10, 0, 0, 5}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t width[4];

		memcpy(width, wanted, sizeof(width));
		ctl_table_fit(how, width, 4, cases[i].most);
		for (size_t k = 0; k < 4; k++)
			EXPECT_EQ(cases[i].width[k], width[k]);
		if (cases[i].most)
			EXPECT_GE(cases[i].most, sum(width, 4));
	}
}

TEST_HARNESS_MAIN
