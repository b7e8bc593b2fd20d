// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/log.h"
#include "lib/sandbox.h"
#include "mime/charset.h"

#include <sys/wait.h>
#include <unistd.h>

/* A short text in the charset, and in UTF-8. */
static const struct {
	const char *charset, *text, *utf8;
} texts[] = {
	{"utf-8", "\xc3\xa9", "\xc3\xa9"},
	{"us-ascii", "abc", "abc"},
	{"us-ascii", "\xc3\xa9", "\xc3\xa9"},
	{"us-ascii", "\xe9", "\xc3\xa9"},
	{"ISO-8859-1", "\xe9\x92", "\xc3\xa9\xe2\x80\x99"},
	{"latin1", "\xe9", "\xc3\xa9"},
	{"ISO-8859-2", "\xb1", "\xc4\x85"},
	{"iso-8859-5", "\xb0", "\xd0\x90"},
	{"iso-8859-7", "\xc1", "\xce\x91"},
	{"iso-8859-8-i", "\xe0", "\xd7\x90"},
	{"iso-8859-15", "\xa4", "\xe2\x82\xac"},
	{"windows-1250", "\xb9", "\xc4\x85"},
	{"Windows-1251", "\xc0", "\xd0\x90"},
	{"cp1252", "\x80", "\xe2\x82\xac"},
	{"x-cp1252", "\x80", "\xe2\x82\xac"},
	{"windows-1253", "\xc1", "\xce\x91"},
	{"windows-1254", "\xfe", "\xc5\x9f"},
	{"windows-1255", "\xe0", "\xd7\x90"},
	{"windows-1256", "\xc7", "\xd8\xa7"},
	{"windows-1257", "\xe0", "\xc4\x85"},
	{"windows-1258", "\xfe", "\xe2\x82\xab"},
	{"koi8-r", "\xc1", "\xd0\xb0"},
	{"koi8-u", "\xa4", "\xd1\x94"},
	{"ibm437", "\x82", "\xc3\xa9"},
	{"cp850", "\x82", "\xc3\xa9"},
	{"cp866", "\x80", "\xd0\x90"},
	{"macintosh", "\x8e", "\xc3\xa9"},
	{"tis-620", "\xa1", "\xe0\xb8\x81"},
	{"windows-874", "\xa1", "\xe0\xb8\x81"},
	{"iso-2022-jp", "\x1b$BF|\x1b(B", "\xe6\x97\xa5"},
	{"shift_jis", "\x93\xfa", "\xe6\x97\xa5"},
	{"x-sjis", "\x93\xfa", "\xe6\x97\xa5"},
	{"euc-jp", "\xc6\xfc", "\xe6\x97\xa5"},
	{"gb2312", "\xd6\xd0", "\xe4\xb8\xad"},
	{"gbk", "\x81\x40", "\xe4\xb8\x82"},
	{"gb18030", "\x81\x30\x81\x30", "\xc2\x80"},
	{"big5", "\xa4\xa4", "\xe4\xb8\xad"},
	{"euc-kr", "\xb0\xa1", "\xea\xb0\x80"},
	{"ks_c_5601-1987", "\xb0\xa1", "\xea\xb0\x80"},
	{"iso-2022-kr", "\x1b$)C\x0e" "0!\x0f", "\xea\xb0\x80"},
	{"utf-7", "+AOk-", "\xc3\xa9"},
	{"unicode-1-1-utf-7", "+AOk-", "\xc3\xa9"},
	{"nobody knows it", "\xc3\xa9", "\xc3\xa9"},
	{"nobody knows it", "\xe9", "\xc3\xa9"},
	/* what is none of the charset */
	{"utf-8", "a\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd"},
	{"utf-8", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	{"shift_jis", "a\x93", "a\xef\xbf\xbd"},
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static bool decodes(size_t i)
{
	struct buf out;
	bool same;

	buf_init(&out, 100);
	charset_decode(texts[i].charset, strlen(texts[i].charset), texts[i].text,
		       strlen(texts[i].text), &out);
	same = !strcmp(buf_string(&out), texts[i].utf8);
	buf_free(&out);
	return same;
}

TEST(texts_of_many_charsets)
{
	for (size_t i = 0; i < TEXTS; i++) {
		bool ok = decodes(i);

		EXPECT_TRUE(ok)
		{
			TH_LOG("%s, text %zu", texts[i].charset, i);
		}
	}
}

TEST(utf_16_has_zeros)
{
	struct buf out;

	buf_init(&out, 100);
	charset_decode("utf-16", 6, "\xfe\xff\0a\0\xe9", 6, &out);
	EXPECT_STREQ("a\xc3\xa9", buf_string(&out));
	buf_reset(&out);
	charset_decode("utf-16le", 8, "a\0\xe9\0", 4, &out);
	EXPECT_STREQ("a\xc3\xa9", buf_string(&out));
	/* What one text said of its byte order says nothing of the next one. */
	buf_reset(&out);
	charset_decode("utf-16", 6, "\xff\xfe" "a\0", 4, &out);
	charset_decode("utf-16", 6, "\xfe\xff\0a", 4, &out);
	EXPECT_STREQ("aa", buf_string(&out));
	/* A NUL would end the text for whoever reads it. */
	buf_reset(&out);
	charset_decode("utf-16le", 8, "a\0\0\0b\0", 6, &out);
	EXPECT_STREQ("ab", buf_string(&out));
	buf_free(&out);
}

static void keep(void *arg, const uint8_t *p, size_t n)
{
	buf_add(arg, p, n);
}

TEST(in_pieces)
{
	for (size_t i = 0; i < TEXTS; i++) {
		struct charset_stream *s =
			charset_stream_new(texts[i].charset, strlen(texts[i].charset));
		size_t n = strlen(texts[i].text);
		struct buf out;

		/* None is needed for UTF-8, none is known for what nobody knows. */
		if (!s)
			continue;
		buf_init(&out, 100);
		for (size_t at = 0; at < n; at++)
			charset_stream_push(s, (const uint8_t *)texts[i].text + at, 1, keep,
					    &out);
		charset_stream_close(s, keep, &out);
		EXPECT_STREQ(texts[i].utf8, buf_string(&out))
		{
			TH_LOG("%s", texts[i].charset);
		}
		buf_free(&out);
	}
	EXPECT_EQ(NULL, charset_stream_new("utf-8", 5));
	EXPECT_EQ(NULL, charset_stream_new("nobody knows it", 15));
	EXPECT_EQ(NULL, charset_stream_new(NULL, 0));
}

/* Each text where no file can be opened any more and no library mapped. */
static int in_sandbox(void)
{
	const struct sandbox_path nothing = {"/nonexistent", SANDBOX_READ};

	log_init("test_charset", LOG_LEVEL_ERROR);
	if (!charset_prepare() || !sandbox_enter(SANDBOX_INSPECTOR, &nothing, 1, false))
		return 100;
	for (size_t i = 0; i < TEXTS; i++)
		if (!decodes(i))
			return 1 + (int)i;
	return 0;
}

TEST(in_the_sandbox)
{
	pid_t pid = fork();
	int status;

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(in_sandbox());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status))
	{
		TH_LOG("ended by signal %d", WTERMSIG(status));
	}
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
