// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/buf.h"
#include "proto/multipart.h"

/*
 * What a form turns into, written down: "<disposition|type>content" and "!" for a
 * part that is not whole, "." for one that is.
 */
struct log {
	struct buf text;
};

static void on_begin(void *arg, const struct multipart_part *part)
{
	struct log *l = arg;

	buf_printf(&l->text, "<%s|%s", part->disposition ? part->disposition : "",
		   part->type ? part->type : "");
	buf_printf(&l->text, part->range ? "|%s>" : ">", part->range);
}

static void on_data(void *arg, const uint8_t *p, size_t n)
{
	struct log *l = arg;

	buf_add(&l->text, p, n);
}

static void on_end(void *arg, bool whole)
{
	struct log *l = arg;

	buf_add_string(&l->text, whole ? "." : "!");
}

static const struct multipart_ops ops = {on_begin, on_data, on_end};

#define TYPE "multipart/form-data; boundary=XX"
#define HEAD(name) "Content-Disposition: " name "\r\n\r\n"

static const struct {
	const char *form, *parts;
} forms[] = {
	/* the CRLF before a boundary is never content */
	{"--XX\r\n" HEAD("a") "one\r\n--XX\r\n" HEAD("b") "two\r\n\r\n--XX--\r\n",
	 "<a|>one.<b|>two\r\n."},
	{"--XX\r\n" HEAD("a") "\r\n--XX--\r\n", "<a|>."},
	/* ... nor, leniently, is a bare LF, and an empty part needs no line of its own */
	{"--XX\n" "Content-Disposition: a\n\none\n--XX--\n", "<a|>one."},
	{"--XX\r\n" HEAD("a") "--XX--\r\n", "<a|>."},
	/* what only looks like a boundary is content */
	{"--XX\r\n" HEAD("a") "x\r\n--XY\r\n--X\r\n-\r\n\r\r\n--XX-z\r\n--XXz\r\n--XX--",
	 "<a|>x\r\n--XY\r\n--X\r\n-\r\n\r\r\n--XX-z\r\n--XXz."},
	{"--XX\r\n" HEAD("a") "x--XX\r\n--XX--", "<a|>x--XX."},
	/* blanks behind a boundary, line breaks before the first one */
	{"\r\n--XX \t\r\n" HEAD("a") "x\r\n--XX-- \r\nepilogue", "<a|>x."},
	/* field names in any case, folded values, fields nobody reads */
	{"--XX\r\nX: y\r\ncontent-disposition: a;\r\n b\r\nCONTENT-TYPE:t/u\r\n\r\nx\r\n--XX--",
	 "<a; b|t/u>x."},
	{"--XX\r\n\r\nx\r\n--XX--", "<|>x."},
	{"--XX\r\nContent-type: t/u\r\nContent-range: bytes 1-1/9\r\n\r\nx\r\n--XX--",
	 "<|t/u|bytes 1-1/9>x."},
	/* what stands before the first boundary is not lost */
	{"preamble\r\n--XX\r\n" HEAD("a") "x\r\n--XX--", "<|>preamble.<a|>x."},
	{"no form at all\r\n", "<|>no form at all\r\n!"},
	{"--X", "<|>--X!"},
	/* cut short */
	{"--XX\r\n" HEAD("a") "x\r\n", "<a|>x\r\n!"},
	{"--XX\r\n" HEAD("a") "x\r\n--XX", "<a|>x."},
	{"--XX\r\n" "Content-Disp", ""},
	{"", ""},
};

/* Every form in pieces of every size: the result may not depend on them. */
TEST(parts)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t n = strlen(forms[i].form);

		for (size_t step = 1; step <= n + 1; step++) {
			struct log log;
			struct multipart *m = multipart_new(MULTIPART_FORM, TYPE, strlen(TYPE), &ops, &log);

			ASSERT_NE(NULL, m);
			buf_init(&log.text, 4096);
			for (size_t at = 0; at < n; at += step)
				multipart_data(m, (const uint8_t *)forms[i].form + at,
					       n - at < step ? n - at : step);
			multipart_end(m);
			EXPECT_STREQ(forms[i].parts, buf_string(&log.text))
				TH_LOG("form %zu in pieces of %zu", i, step);
			multipart_free(m);
			buf_free(&log.text);
		}
	}
}

TEST(content_types)
{
	static const struct {
		const char *type;
		bool form;
	} types[] = {
		{"multipart/form-data; boundary=x", true},
		{"Multipart/Form-Data;charset=a;Boundary=\"a b\"", true},
		{"multipart/form-data", false},
		{"multipart/form-data; boundary=", false},
		{"multipart/mixed; boundary=x", false},
		{"text/plain", false},
	};
	struct log log;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct multipart *m =
			multipart_new(MULTIPART_FORM, types[i].type, strlen(types[i].type), &ops, &log);

		EXPECT_EQ(types[i].form, m != NULL) TH_LOG("%s", types[i].type);
		multipart_free(m);
	}
	EXPECT_EQ(NULL, multipart_new(MULTIPART_FORM, NULL, 0, &ops, &log));
}

TEST(gap)
{
	struct log log;
	struct multipart *m = multipart_new(MULTIPART_FORM, TYPE, strlen(TYPE), &ops, &log);
	const char *before = "--XX\r\n" HEAD("a") "begin\r\n--X";
	const char *after = "end\r\n--XX\r\n" HEAD("b") "x\r\n--XX--\r\n";

	buf_init(&log.text, 4096);
	multipart_data(m, (const uint8_t *)before, strlen(before));
	multipart_gap(m);
	multipart_data(m, (const uint8_t *)after, strlen(after));
	multipart_end(m);
	EXPECT_STREQ("<a|>begin\r\n--Xend!<b|>x.", buf_string(&log.text));
	multipart_free(m);
	buf_free(&log.text);
}

TEST(header_limit)
{
	struct log log;
	struct multipart *m = multipart_new(MULTIPART_FORM, TYPE, strlen(TYPE), &ops, &log);
	const char *begin = "--XX\r\nContent-Disposition: a\r\nX: ";
	const char *end = "\r\n\r\nx\r\n--XX--";

	buf_init(&log.text, 4096);
	multipart_data(m, (const uint8_t *)begin, strlen(begin));
	for (int i = 0; i < 100000; i++)
		multipart_data(m, (const uint8_t *)"y", 1);
	multipart_data(m, (const uint8_t *)end, strlen(end));
	multipart_end(m);
	EXPECT_STREQ("<a|>x.", buf_string(&log.text));
	multipart_free(m);
	buf_free(&log.text);
}

TEST_HARNESS_MAIN
