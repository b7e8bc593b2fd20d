// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "proto/dotted.h"
#include "proto/line.h"

#include <stdio.h>
#include <string.h>

/* Lines of a text that comes in pieces of `step` bytes, "|" behind each, "+" where cut. */
static const char *lines(const char *text, size_t step, size_t max)
{
	static char out[1024];
	size_t n = strlen(text), at = 0, len = 0;
	struct line l;

	line_init(&l, max);
	while (at < n) {
		size_t piece = n - at < step ? n - at : step;
		size_t used = line_add(&l, (const uint8_t *)text + at, piece);

		if (l.whole)
			len += snprintf(out + len, sizeof(out) - len, "%s%s|", line_text(&l),
					l.cut ? "+" : "");
		at += used;
	}
	out[len] = 0;
	line_free(&l);
	return out;
}

TEST(lines_in_pieces)
{
	for (size_t step = 1; step < 20; step++) {
		EXPECT_STREQ("EHLO a||x|", lines("EHLO a\r\n\r\nx\nrest", step, 100));
		EXPECT_STREQ("01234+|b|", lines("0123456789\r\nb\r\n", step, 5));
		EXPECT_STREQ("01234|b|", lines("01234\r\nb\r\n", step, 5));
		EXPECT_STREQ("a\rb|", lines("a\rb\r\n", step, 5));
	}
}

TEST(words)
{
	const char *rest;

	EXPECT_TRUE(line_word("mail  x", "MAIL", &rest));
	EXPECT_STREQ("x", rest);
	EXPECT_TRUE(line_word("QUIT", "QUIT", &rest));
	EXPECT_STREQ("", rest);
	EXPECT_FALSE(line_word("QUITE", "QUIT", &rest));
	EXPECT_FALSE(line_word("QUI", "QUIT", &rest));
}

TEST(a_wiped_line_is_gone)
{
	struct line l;

	line_init(&l, 100);
	line_add(&l, (const uint8_t *)"PASS secret\r\n", 13);
	line_wipe(&l);
	for (size_t i = 0; i < l.text.room; i++)
		EXPECT_EQ(0, l.text.data[i]);
	line_free(&l);
}

struct out {
	char text[1024];
	size_t n;
};

static void out_add(void *arg, const uint8_t *p, size_t n)
{
	struct out *o = arg;

	memcpy(o->text + o->n, p, n);
	o->n += n;
	o->text[o->n] = 0;
}

/* The text, then "|" and what is behind its end; "?" where it did not end. */
static const char *undotted(const char *text, size_t step)
{
	static struct out o;
	size_t n = strlen(text), at = 0;
	struct dotted d;

	dotted_begin(&d);
	o.n = 0;
	o.text[0] = 0;
	while (at < n && !dotted_ended(&d)) {
		size_t piece = n - at < step ? n - at : step;

		at += dotted_data(&d, (const uint8_t *)text + at, piece, out_add, &o);
	}
	out_add(&o, (const uint8_t *)(dotted_ended(&d) ? "|" : "?"), 1);
	out_add(&o, (const uint8_t *)text + at, n - at);
	return o.text;
}

TEST(dots_are_undone)
{
	for (size_t step = 1; step < 20; step++) {
		EXPECT_STREQ("a\r\n.b\r\n..\r\n|QUIT\r\n",
			     undotted("a\r\n..b\r\n...\r\n.\r\nQUIT\r\n", step));
		EXPECT_STREQ("|x", undotted(".\r\nx", step));
		EXPECT_STREQ("|x", undotted(".\nx", step));
		EXPECT_STREQ("a\nb\n|x", undotted("a\nb\n.\nx", step));
		EXPECT_STREQ("a\r\n.\r\r\n|", undotted("a\r\n..\r\r\n.\r\n", step));
	}
}

TEST(a_dot_between_other_line_breaks_is_content)
{
	for (size_t step = 1; step < 20; step++) {
		EXPECT_STREQ("a\r\nb\n.\nc\r\n|x", undotted("a\r\nb\n.\nc\r\n.\r\nx", step));
		EXPECT_STREQ("a\r\nb\n.\r\n|x", undotted("a\r\nb\n.\r\n.\r\nx", step));
		EXPECT_STREQ("a\r\n.\nb\r\n|", undotted("a\r\n.\nb\r\n.\r\n", step));
	}
}

TEST(such_a_dot_may_have_been_the_end)
{
	struct dotted d;
	struct out o = {.n = 0};

	dotted_begin(&d);
	dotted_data(&d, (const uint8_t *)"a\r\nb\n.\n", 7, out_add, &o);
	EXPECT_TRUE(dotted_maybe_ended(&d));
	dotted_data(&d, (const uint8_t *)"c", 1, out_add, &o);
	EXPECT_FALSE(dotted_maybe_ended(&d));
}

TEST_HARNESS_MAIN
