// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/buf.h"
#include "mime/mime.h"
#include "mime/mime_param.h"

/*
 * What a message turns into, written down: "[" its header is there, "<type depth>content", "?"
 * for a gap, "." for a leaf that is whole and "!" for one that is not, "L" for a limit.
 */
struct log {
	struct buf text;
};

static void on_header(void *arg, const struct buf *header)
{
	buf_add_string(&((struct log *)arg)->text, "[");
}

static void on_begin(void *arg, const struct mime_leaf *leaf)
{
	buf_printf(&((struct log *)arg)->text, "<%s %u>", leaf->type, leaf->depth);
}

static void on_data(void *arg, const uint8_t *p, size_t n)
{
	buf_add(&((struct log *)arg)->text, p, n);
}

static void on_gap(void *arg, uint64_t n)
{
	buf_add_string(&((struct log *)arg)->text, "?");
}

static void on_end(void *arg, bool whole)
{
	buf_add_string(&((struct log *)arg)->text, whole ? "." : "!");
}

static void on_limit(void *arg)
{
	buf_add_string(&((struct log *)arg)->text, "L");
}

static const struct mime_ops ops = {on_header, on_begin, on_data, on_gap, on_end, on_limit};

/* '\f' in a message stands for a gap. */
static void parse(const char *text, size_t n, size_t piece, bool whole, struct buf *out)
{
	struct log l;
	struct mime *m = mime_new(&ops, &l, 0);

	buf_init(&l.text, 1u << 20);
	for (size_t at = 0; at < n;) {
		size_t len = n - at < piece ? n - at : piece;
		const char *gap = memchr(text + at, '\f', len);
		uint8_t *exact;

		if (gap)
			len = (size_t)(gap - text) - at;
		exact = malloc(len ? len : 1);
		memcpy(exact, text + at, len);
		mime_data(m, exact, len);
		free(exact);
		if (gap)
			mime_gap(m, 10);
		at += len + (gap ? 1 : 0);
	}
	mime_end(m, whole);
	mime_free(m);
	*out = l.text;
}

#define H(b) "Content-Type: multipart/mixed; boundary=" b "\r\n\r\n"
#define MULTI(b) "Subject: x\r\n" H(b)
#define PDF "Content-Type: application/pdf\r\n\r\n"

static const struct {
	const char *name, *message, *log;
} messages[] = {
	{"no header of MIME is text", "Subject: x\r\n\r\none\r\ntwo\r\n",
	 "[<text/plain 0>one\r\ntwo\r\n."},
	{"nothing but a header", "Subject: x\r\n", "[<text/plain 0>."},
	{"nothing", "", "[<text/plain 0>."},
	{"an empty header", "\r\none", "[<text/plain 0>one."},
	{"bare LF", "Subject: x\nContent-Type: Image/PNG\n\none\ntwo",
	 "[<image/png 0>one\ntwo."},
	{"bare CR", "Subject: x\r" "Content-Type: multipart/mixed; boundary=B\r\r--B\r\rone\r\r--B--\r",
	 "[<text/plain 1>one\r."},
	{"the CRLF before a boundary is never content",
	 MULTI("B") "--B\r\n" PDF "one\r\n--B\r\n\r\ntwo\r\n\r\n--B--\r\n",
	 "[<application/pdf 1>one.<text/plain 1>two\r\n."},
	{"nor is a bare LF", MULTI("B") "--B\n\none\n\n--B--\n", "[<text/plain 1>one\n."},
	{"an empty part", MULTI("B") "--B\r\n" PDF "--B\r\n" PDF "\r\n--B--\r\n",
	 "[<application/pdf 1>.<application/pdf 1>."},
	{"a part whose header runs into the next boundary",
	 MULTI("B") "--B\r\nContent-Type: application/pdf\r\n--B\r\n\r\ntwo\r\n--B--",
	 "[<application/pdf 1>.<text/plain 1>two."},
	{"preamble and epilogue are nobody's",
	 MULTI("B") "pre\r\n--B\r\n\r\none\r\n--B--\r\nepilogue\r\n--B\r\n\r\nno part\r\n",
	 "[<text/plain 1>one."},
	{"blanks behind a boundary", MULTI("B") "--B \t \r\n\r\none\r\n--B--  \r\n",
	 "[<text/plain 1>one."},
	{"blanks at the end of the boundary's parameter",
	 MULTI("\"B \"") "--B\r\n\r\none\r\n--B--\r\n", "[<text/plain 1>one."},
	{"what only begins like a boundary is content",
	 MULTI("B") "--B\r\n\r\n--Bx\r\n--B-\r\n--B--x\r\n --B\r\n--\r\n---B\r\n-B\r\n--B--",
	 "[<text/plain 1>--Bx\r\n--B-\r\n--B--x\r\n --B\r\n--\r\n---B\r\n-B."},
	{"the last boundary is missing", MULTI("B") "--B\r\n\r\none\r\n", "[<text/plain 1>one\r\n."},
	{"the last line is a boundary without an end", MULTI("B") "--B\r\n\r\none\r\n--B",
	 "[<text/plain 1>one."},
	{"one inside another",
	 MULTI("B") "--B\r\n" H("C") "--C\r\n\r\none\r\n--C\r\n\r\ntwo\r\n--C--\r\n--B\r\n\r\nthree"
		    "\r\n--B--\r\n",
	 "[<text/plain 2>one.<text/plain 2>two.<text/plain 1>three."},
	{"an inner one that is not ended",
	 MULTI("B") "--B\r\n" H("C") "--C\r\n\r\none\r\n--B\r\n\r\ntwo\r\n--B--\r\n",
	 "[<text/plain 2>one.<text/plain 1>two."},
	{"a boundary that is the beginning of another",
	 MULTI("B") "--B\r\n" H("BB") "--BB\r\n\r\none\r\n--BB--\r\n--B\r\n\r\ntwo\r\n--B--\r\n",
	 "[<text/plain 2>one.<text/plain 1>two."},
	{"... and the other way round",
	 MULTI("BB") "--BB\r\n" H("B") "--B\r\n\r\none\r\n--B--\r\n--BB\r\n\r\ntwo\r\n--BB--\r\n",
	 "[<text/plain 2>one.<text/plain 1>two."},
	{"the same boundary inside itself",
	 MULTI("B") "--B\r\n" H("B") "--B\r\n\r\none\r\n--B--\r\n--B\r\n\r\ntwo\r\n--B--\r\n",
	 "[<text/plain 2>one.<text/plain 1>two."},
	{"a digest's parts are messages",
	 "Content-Type: multipart/digest; boundary=B\n\n--B\n\nSubject: x\n\none\n--B\n" PDF
	 "two\n--B--\n",
	 "[<message/rfc822 1>Subject: x\n\none.<application/pdf 1>two."},
	{"a nested message is a leaf here",
	 MULTI("B") "--B\r\nContent-Type: message/rfc822\r\n\r\n" MULTI("C") "--C\r\n\r\none\r\n"
		    "--C--\r\n--B--\r\n",
	 "[<message/rfc822 1>" MULTI("C") "--C\r\n\r\none\r\n--C--."},
	{"no boundary is named: one leaf",
	 "Content-Type: multipart/mixed\r\n\r\n--B\r\n\r\none\r\n--B--\r\n",
	 "[<multipart/mixed 0>--B\r\n\r\none\r\n--B--\r\n."},
	{"a boundary in sections (RFC 2231)",
	 "Content-Type: multipart/mixed; boundary*1=B; boundary*0=A\r\n\r\n--AB\r\n\r\none\r\n--AB--",
	 "[<text/plain 1>one."},
	{"a field that is folded, comments, capitals",
	 "CONTENT-type : (x)\r\n Application (y) / PDF\r\n\t; a=b\r\n\r\none",
	 "[<application/pdf 0>one."},
	{"the first of two fields counts",
	 "Content-Type: image/png\r\nContent-Type: image/gif\r\n\r\none", "[<image/png 0>one."},
	{"lines that are no fields are none",
	 "From x Mon Jan\r\nnonsense\r\nContent-Type: image/png\r\n\r\none",
	 "[<image/png 0>one."},
	/* gaps */
	{"a gap in a leaf", MULTI("B") "--B\r\n\r\none\ftwo\r\n--B\r\n\r\nthree\r\n--B--\r\n",
	 "[<text/plain 1>one?two.<text/plain 1>three."},
	{"what follows a gap at once is at no line's begin",
	 MULTI("B") "--B\r\n\r\none\r\n\f--B\r\n\r\ntwo\r\n--B--\r\n",
	 "[<text/plain 1>one?--B\r\n\r\ntwo."},
	{"a gap that ate the end of an inner multipart",
	 MULTI("B") "--B\r\n" H("C") "--C\r\n\r\none\f\r\ntwo\r\n--B\r\n\r\nthree\r\n--B--\r\n",
	 "[<text/plain 2>one?\r\ntwo.<text/plain 1>three."},
	{"a gap in a part's header",
	 MULTI("B") "--B\r\nContent-Type: image/png\r\nX: \f\r\n\r\none\r\n--B\r\n\r\ntwo\r\n--B--\r\n",
	 "[<image/png 1>?\r\n\r\none.<text/plain 1>two."},
	{"a gap in a header that did not say what it is",
	 MULTI("B") "--B\r\nX: \f\r\n\r\none\r\n--B\r\n\r\ntwo\r\n--B--\r\n",
	 "[<application/octet-stream 1>?\r\n\r\none.<text/plain 1>two."},
	{"a gap in a header that had named the boundary",
	 "Content-Type: multipart/mixed; boundary=B\r\nX: \f\r\n\r\n--B\r\n\r\none\r\n--B--\r\n",
	 "[<text/plain 1>one."},
	{"a gap between parts", MULTI("B") "pre\f\r\n--B\r\n\r\none\r\n--B--\r\n",
	 "[<text/plain 1>one."},
};

TEST(messages_in_pieces_of_any_size)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		size_t n = strlen(messages[i].message);

		for (size_t piece = 1; piece <= n + 1; piece++) {
			struct buf out;

			parse(messages[i].message, n, piece, true, &out);
			EXPECT_STREQ(messages[i].log, buf_string(&out))
			{
				TH_LOG("%s, piece %zu", messages[i].name, piece);
			}
			buf_free(&out);
		}
	}
}

TEST(cut_short)
{
	struct buf out;
	const char *text = MULTI("B") "--B\r\n\r\none\r\n--B\r\n\r\ntwo\r\n";

	parse(text, strlen(text), 5, false, &out);
	EXPECT_STREQ("[<text/plain 1>one.<text/plain 1>two\r\n!", buf_string(&out));
	buf_free(&out);
}

TEST(multiparts_deeper_than_the_limit_are_leaves)
{
	struct buf in, out;

	buf_init(&in, 1u << 20);
	for (int i = 0; i < MIME_DEPTH_MAX + 1; i++)
		buf_printf(&in, "Content-Type: multipart/mixed; boundary=B%d\n\n--B%d\n", i, i);
	buf_add_string(&in, "\none");
	parse((const char *)in.data, in.len, 7, true, &out);
	EXPECT_STREQ("[L<multipart/mixed 32>--B32\n\none.", buf_string(&out));
	buf_free(&in);
	buf_free(&out);
}

TEST(a_header_longer_than_the_limit_loses_its_end)
{
	struct buf in, out;

	buf_init(&in, 1u << 20);
	buf_add_string(&in, "Content-Type: image/png\n");
	for (int i = 0; i < 3000; i++)
		buf_printf(&in, "X-Field-%d: abcdefghijklmnopqrstuvwxyz\n", i);
	buf_add_string(&in, "Content-Transfer-Encoding: base64\n\none");
	parse((const char *)in.data, in.len, 999, true, &out);
	EXPECT_STREQ("L[<image/png 0>one.", buf_string(&out));
	buf_free(&in);
	buf_free(&out);
}

/* A line that begins with dashes and never ends is not kept for ever. */
TEST(a_line_longer_than_any_boundary)
{
	struct buf in, out;

	buf_init(&in, 1u << 20);
	buf_add_string(&in, MULTI("B") "--B\r\n\r\n--");
	for (int i = 0; i < 5000; i++)
		buf_add_string(&in, "B");
	buf_add_string(&in, "\r\n--B--");
	for (size_t piece = 1; piece < 6000; piece += 731) {
		parse((const char *)in.data, in.len, piece, true, &out);
		EXPECT_EQ(strlen("[<text/plain 1>--.") + 5000, out.len);
		buf_free(&out);
	}
	buf_free(&in);
}

TEST(a_header_that_is_known_already)
{
	struct log l;
	struct mime *m = mime_new(&ops, &l, 0);
	const char *body = "--B\r\n\r\none\r\n--B--";

	buf_init(&l.text, 1000);
	mime_header(m, "Content-Type: multipart/mixed; boundary=B\n");
	mime_data(m, (const uint8_t *)body, strlen(body));
	mime_end(m, true);
	mime_free(m);
	EXPECT_STREQ("[<text/plain 1>one.", buf_string(&l.text));
	buf_free(&l.text);
}

TEST_HARNESS_MAIN
