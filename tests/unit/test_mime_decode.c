// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/buf.h"
#include "mime/mime_decode.h"

static void keep(void *arg, const uint8_t *p, size_t n)
{
	buf_add(arg, p, n);
}

/* Decodes text in pieces; the result is NUL terminated. */
static bool decode(enum mime_encoding encoding, const char *text, size_t piece, struct buf *out)
{
	struct mime_decoder d;
	size_t n = strlen(text);

	buf_reset(out);
	mime_decoder_init(&d, encoding);
	for (size_t at = 0; at < n; at += piece) {
		size_t len = n - at < piece ? n - at : piece;
		uint8_t *exact = malloc(len);

		memcpy(exact, text + at, len);
		mime_decode(&d, exact, len, keep, out);
		free(exact);
	}
	return mime_decode_end(&d, keep, out);
}

static const struct {
	const char *name, *text, *decoded;
} base64[] = {
	{"whole", "aGVsbG8=", "hello"},
	{"lines of any length", "aG\r\nVs\nbG\r8=\r\n", "hello"},
	{"stray characters are skipped", "aG!Vs bG\t8\x80=*", "hello"},
	{"padding is missing", "aGVsbG8", "hello"},
	{"padding is missing, two bytes of three", "YWI", "ab"},
	{"one sextet is no byte", "YWJjZ", "abc"},
	{"padding in the middle, and data behind it", "NA==Mg==", "42"},
	{"the same over lines (suricata-verify 1313)", "NA=\n=Mg\n==", "42"},
	{"groups with padding, one a line", "aGVs\r\nbG8=\r\nIHdvcmxk\r\n", "hello world"},
	{"too much padding", "YQ=====YWJj", "aabc"},
	{"padding before anything", "=YWJj", "abc"},
	{"padding between whole groups", "YWJj=ZGVm", "abcdef"},
	{"one '=' where two belong, at the end", "YQ=", "a"},
	{"nothing", "\r\n \r\n", ""},
};

TEST(base64_as_clients_read_it)
{
	struct buf out;

	buf_init(&out, 4096);
	for (size_t i = 0; i < sizeof(base64) / sizeof(base64[0]); i++)
		for (size_t piece = 1; piece <= strlen(base64[i].text); piece++) {
			EXPECT_TRUE(decode(MIME_BASE64, base64[i].text, piece, &out));
			EXPECT_STREQ(base64[i].decoded, buf_string(&out))
			{
				TH_LOG("%s, piece %zu", base64[i].name, piece);
			}
		}
	buf_free(&out);
}

static const struct {
	const char *name, *text, *decoded;
} quoted[] = {
	{"escapes", "a=3Db=c3=A9", "a=b\xc3\xa9"},
	{"a soft break", "one=\r\ntwo=\nthree", "onetwothree"},
	{"a soft break with a lone CR", "one=\rtwo", "onetwo"},
	{"blanks behind the '=' of a soft break", "one=  \r\ntwo", "onetwo"},
	{"... that is none", "one=  two", "one=  two"},
	{"blanks at a line's end stay, as everywhere", "one  \r\ntwo \n", "one  \r\ntwo \n"},
	{"line ends stay what they are", "a\r\nb\nc\r", "a\r\nb\nc\r"},
	{"a bad escape stands for itself", "=zz=4G=?", "=zz=4G=?"},
	{"one behind another", "==41=", "=A"},
	{"cut at the end", "a=4", "a=4"},
	{"a soft break at the end", "a=\r\n", "a"},
};

TEST(quoted_printable_as_clients_read_it)
{
	struct buf out;

	buf_init(&out, 4096);
	for (size_t i = 0; i < sizeof(quoted) / sizeof(quoted[0]); i++)
		for (size_t piece = 1; piece <= strlen(quoted[i].text); piece++) {
			EXPECT_TRUE(decode(MIME_QUOTED_PRINTABLE, quoted[i].text, piece, &out));
			EXPECT_STREQ(quoted[i].decoded, buf_string(&out))
			{
				TH_LOG("%s, piece %zu", quoted[i].name, piece);
			}
		}
	buf_free(&out);
}

static const struct {
	const char *name, *text, *decoded;
	bool good;
} uu[] = {
	{"one line", "begin 644 a.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n", "hello", true},
	{"text before and behind it", "hi\nbegin 600 a\n%:&5L;&\\\n`\nend\nbye\n", "hello", true},
	{"no line of no bytes", "begin 644 a\n%:&5L;&\\\nend\n", "hello", true},
	{"blanks lost at a line's end", "begin 644 a\n#  $\nend\n", "\0\0\1", true},
	{"no end", "begin 644 a\n%:&5L;&\\\n", "hello", false},
	{"a line that is none", "begin 644 a\n%:&5L;&\\\nnone of it\n`\nend\n", "hello", false},
	{"no begin", "%:&5L;&\\\n`\nend\n", "", false},
};

TEST(uuencode)
{
	struct buf out;

	buf_init(&out, 4096);
	for (size_t i = 0; i < sizeof(uu) / sizeof(uu[0]); i++)
		for (size_t piece = 1; piece <= strlen(uu[i].text); piece++) {
			EXPECT_EQ(uu[i].good, decode(MIME_UUENCODE, uu[i].text, piece, &out))
			{
				TH_LOG("%s", uu[i].name);
			}
			if (i == 3)
				EXPECT_EQ(3, out.len);
			EXPECT_STREQ(uu[i].decoded, buf_string(&out))
			{
				TH_LOG("%s, piece %zu", uu[i].name, piece);
			}
		}
	buf_free(&out);
}

TEST(names_of_encodings)
{
	EXPECT_EQ(MIME_BASE64, mime_encoding_find("BASE64"));
	EXPECT_EQ(MIME_QUOTED_PRINTABLE, mime_encoding_find("quoted-printable"));
	EXPECT_EQ(MIME_UUENCODE, mime_encoding_find("x-uuencode"));
	EXPECT_EQ(MIME_IDENTITY, mime_encoding_find("8bit"));
	EXPECT_EQ(MIME_IDENTITY, mime_encoding_find("base-64"));
	EXPECT_EQ(MIME_IDENTITY, mime_encoding_find(NULL));
}

/* Much data in one go is what much data in pieces is. */
TEST(large)
{
	size_t n = 100000;
	char *text = malloc(n + 1);
	struct buf all, pieces;

	buf_init(&all, n);
	buf_init(&pieces, n);
	for (size_t i = 0; i < n; i++)
		text[i] = "ABCDwxyz0189+/=\r\n"[i * 2654435761u >> 7 & 15];
	text[n] = 0;
	for (int e = MIME_BASE64; e <= MIME_QUOTED_PRINTABLE; e++) {
		decode((enum mime_encoding)e, text, n, &all);
		decode((enum mime_encoding)e, text, 13, &pieces);
		ASSERT_EQ(all.len, pieces.len);
		EXPECT_EQ(0, memcmp(all.data, pieces.data, all.len));
	}
	buf_free(&all);
	buf_free(&pieces);
	free(text);
}

TEST_HARNESS_MAIN
