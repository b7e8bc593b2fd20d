// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/buf.h"
#include "mime/text_file.h"

#include <zlib.h>

/*
 * What a text turns into: the text, "<name size offset total:" for a file's begin, its bytes, ">"
 * for its end and "!" for one that is no good.
 */
static void on_text(void *arg, const uint8_t *p, size_t n)
{
	buf_add(arg, p, n);
}

static void on_begin(void *arg, const struct text_file_begin *b)
{
	buf_printf(arg, "<%.*s %llu %llu %u:", (int)b->name_len, b->name,
		   (unsigned long long)b->size, (unsigned long long)b->offset, b->total);
}

static void on_end(void *arg, bool good, const uint32_t *crc)
{
	buf_add_string(arg, good ? ">" : "!");
	if (crc)
		buf_printf(arg, "%08x", *crc);
}

static const struct text_file_ops ops = {on_text, on_begin, on_text, on_end};

static void split(const char *text, size_t n, size_t piece, struct buf *out)
{
	struct text_file *t = text_file_new(&ops, out);

	buf_reset(out);
	for (size_t at = 0; at < n; at += piece) {
		size_t len = n - at < piece ? n - at : piece;
		uint8_t *exact = malloc(len);

		memcpy(exact, text + at, len);
		text_file_data(t, exact, len);
		free(exact);
	}
	text_file_close(t);
}

#define HELLO "%:&5L;&\\\n"

static const struct {
	const char *name, *text, *result;
} texts[] = {
	{"none", "one\r\ntwo\n\nthree", "one\r\ntwo\n\nthree"},
	{"uuencode", "hi\nbegin 644 a b.txt\n" HELLO "`\nend\nbye\n",
	 "hi\n<a b.txt 0 0 0:hello>bye\n"},
	{"with CR LF", "begin 644 a\r\n%:&5L;&\\\r\n`\r\nend\r\nbye", "<a 0 0 0:hello>bye"},
	{"a blank for nothing", "begin 644 a\n" HELLO " \nend\n", "<a 0 0 0:hello>"},
	{"... that was lost", "begin 644 a\n" HELLO "\nend\n", "<a 0 0 0:hello>"},
	{"several", "begin 644 a\n" HELLO "`\nend\nx\nbegin 600 b\n" HELLO "`\nend\n",
	 "<a 0 0 0:hello>x\n<b 0 0 0:hello>"},
	{"one behind the other at once", "begin 644 a\n" HELLO "`\nend\nbegin 644 b\n" HELLO "`\nend",
	 "<a 0 0 0:hello><b 0 0 0:hello>"},
	{"no end", "begin 644 a\n" HELLO, "<a 0 0 0:hello!"},
	{"no end, and text", "begin 644 a\n" HELLO "`\nbye\n", "<a 0 0 0:hello!bye\n"},
	{"text in the middle", "begin 644 a\n" HELLO "and so on\n", "<a 0 0 0:hello!and so on\n"},
	{"a sentence that begins so", "begin 644 times\nand never end\n",
	 "begin 644 times\nand never end\n"},
	{"another", "begin with a word\nMary had a little lamb\n",
	 "begin with a word\nMary had a little lamb\n"},
	{"two in a row", "begin 644 times\nbegin 644 a\n" HELLO "`\nend\n",
	 "begin 644 times\n<a 0 0 0:hello>"},
	{"the text ends with it", "begin 644 a", "begin 644 a"},
	{"not at a line's begin", "x begin 644 a\n" HELLO "`\nend\n", "x begin 644 a\n" HELLO "`\nend\n"},
	/* "hello" + 42 each is "\x92\x8f\x96\x96\x99" */
	{"yEnc", "hi\n=ybegin line=128 size=5 name=a b.bin\n\x92\x8f\x96\x96\x99\n=yend size=5 "
		 "crc32=3610a686\nbye\n",
	 "hi\n<a b.bin 5 0 0:hello>3610a686bye\n"},
	{"CR LF, an escape, several lines",
	 "=ybegin line=2 size=6 name=\"a\"\r\n\x92=\xcf\r\n\x96\x96\r\n\x99=}\r\n=yend size=6\r\n",
	 "<a 6 0 0:hello\x13>"},
	{"the wrong size", "=ybegin line=128 size=4 name=a\n\x92\x8f\x96\x96\x99\n=yend size=5\n",
	 "<a 4 0 0:hello!"},
	{"the wrong check", "=ybegin line=128 size=5 name=a\n\x92\x8f\x96\x96\x99\n=yend size=5 "
			    "crc32=3610a687\n",
	 "<a 5 0 0:hello!3610a687"},
	{"no end", "=ybegin line=128 size=5 name=a\n\x92\x8f\x96\x96\x99\n", "<a 5 0 0:hello!"},
	{"a part", "=ybegin part=2 total=3 line=128 size=15 name=a\n=ypart begin=6 end=10\n"
		   "\x92\x8f\x96\x96\x99\n=yend size=5 part=2 pcrc32=3610A686\n",
	 "<a 15 5 3:hello>"},
	{"a part with the wrong check",
	 "=ybegin part=2 total=3 line=128 size=15 name=a\n=ypart begin=6 end=10\n"
	 "\x92\x8f\x96\x96\x99\n=yend size=5 part=2 pcrc32=00000000\n",
	 "<a 15 5 3:hello!"},
	{"the last part tells the whole's check",
	 "=ybegin part=1 line=128 size=5 name=a\n=ypart begin=1 end=5\n"
	 "\x92\x8f\x96\x96\x99\n=yend size=5 part=1 pcrc32=3610a686 crc32=12345678\n",
	 "<a 5 0 1:hello>12345678"},
	{"a part that says not where it is", "=ybegin part=1 line=128 size=5 name=a\nxyz\n",
	 "=ybegin part=1 line=128 size=5 name=a\nxyz\n"},
	{"a part beyond the end", "=ybegin part=1 line=128 size=5 name=a\n=ypart begin=2 end=6\nx\n",
	 "=ybegin part=1 line=128 size=5 name=a\n=ypart begin=2 end=6\nx\n"},
	{"no name", "=ybegin line=128 size=5\nx\n", "=ybegin line=128 size=5\nx\n"},
	{"another begins first", "=ybegin line=128 size=5 name=a\n\x92\n=ybegin line=128 size=5 name=b\n"
				 "\x92\x8f\x96\x96\x99\n=yend size=5\n",
	 "<a 5 0 0:h!<b 5 0 0:hello>"},
	{"uuencode behind yEnc", "=ybegin line=128 size=1 name=a\n\x92\n=yend size=1\nbegin 644 b\n" HELLO
				 "`\nend\n",
	 "<a 1 0 0:h><b 0 0 0:hello>"},
};

TEST(texts_in_pieces_of_any_size)
{
	struct buf out;

	buf_init(&out, 1u << 16);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t n = strlen(texts[i].text);

		for (size_t piece = 1; piece <= n; piece++) {
			split(texts[i].text, n, piece, &out);
			EXPECT_STREQ(texts[i].result, buf_string(&out))
			{
				TH_LOG("%s, piece %zu", texts[i].name, piece);
			}
		}
	}
	buf_free(&out);
}

/* Every byte there is, as an encoder writes it. */
TEST(all_bytes_by_yenc)
{
	struct buf text, out, want;

	buf_init(&text, 1u << 20);
	buf_init(&out, 1u << 20);
	buf_init(&want, 1u << 20);
	buf_printf(&text, "=ybegin line=128 size=%d name=a\r\n", 256 * 40);
	buf_printf(&want, "<a %d 0 0:", 256 * 40);
	for (int i = 0; i < 256 * 40; i++) {
		uint8_t c = (uint8_t)(i * 7 + i / 256), e = (uint8_t)(c + 42);

		buf_add(&want, &c, 1);
		if (e == 0 || e == '\r' || e == '\n' || e == '=') {
			buf_add_string(&text, "=");
			e = (uint8_t)(e + 64);
		}
		buf_add(&text, &e, 1);
		if (i % 128 == 127)
			buf_add_string(&text, "\r\n");
	}
	buf_printf(&text, "=yend size=%d crc32=%08lx\r\n", 256 * 40,
		   crc32(0, want.data + strlen("<a 10240 0 0:"), 256 * 40));
	for (size_t piece = 1; piece < 9000; piece = piece * 3 + 1) {
		split((const char *)text.data, text.len, piece, &out);
		ASSERT_EQ(want.len + 9, out.len);
		EXPECT_EQ(0, memcmp(want.data, out.data, want.len));
		EXPECT_EQ('>', out.data[want.len]);
	}
	buf_free(&text);
	buf_free(&out);
	buf_free(&want);
}

/* A line with "begin" that never ends is text before long. */
TEST(a_line_that_never_ends)
{
	struct buf text, out;

	buf_init(&text, 1u << 20);
	buf_init(&out, 1u << 20);
	buf_add_string(&text, "begin 644 ");
	for (int i = 0; i < 10000; i++)
		buf_add_string(&text, "x");
	split((const char *)text.data, text.len, 100, &out);
	ASSERT_EQ(text.len, out.len);
	EXPECT_EQ(0, memcmp(text.data, out.data, text.len));
	buf_free(&text);
	buf_free(&out);
}

TEST_HARNESS_MAIN
