// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/log.h"
#include "scratch.h"

#include <errno.h>

/* What log_at() writes for a text that came from the network. */
static const char *logged(enum log_level level, const char *text)
{
	static char line[32768];
	int fd[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	if (pipe(fd))
		return NULL;
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	fcntl(fd[1], F_SETPIPE_SZ, 65536);
	dup2(fd[1], STDERR_FILENO);
	log_at(level, "name %s", text);
	dup2(saved, STDERR_FILENO);
	n = read(fd[0], line, sizeof(line) - 1);
	close(fd[0]);
	close(fd[1]);
	close(saved);
	line[n < 0 ? 0 : n] = 0;
	return line;
}

TEST(hostile_text_stays_in_its_line)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"plain.exe", "plain.exe"},
		{"a\nsluiced: error: forged", "a\\x0asluiced: error: forged"},
		{"a\r\t\x1b[2Jb\x7f", "a\\x0d\\x09\\x1b[2Jb\\x7f"},
		{"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\xc2\x9b" "31m", "\\xc2\\x9b31m"},	/* U+009B, control sequence introducer */
		{"\x9b", "\\x9b"},
		{"\xc0\x8a", "\\xc0\\x8a"},		/* line feed in two bytes */
		{"\xe0\x80\x8a", "\\xe0\\x80\\x8a"},	/* in three */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},	/* surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"\xf8\xff", "\\xf8\\xff"},
		{"\xe2\x82", "\\xe2\\x82"},		/* cut short */
	};
	char want[256];
	size_t i;

	log_init("sluiced", LOG_LEVEL_INFO);
	log_role("inspector 0");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(want, sizeof(want), "sluiced: inspector 0: error: name %s\n", rows[i].out);
		EXPECT_STREQ(want, logged(LOG_LEVEL_ERROR, rows[i].in));
	}
}

TEST(levels_and_length)
{
	char *text = malloc(100001);
	const char *line;

	log_init("sluiced", LOG_LEVEL_WARNING);
	EXPECT_STREQ("sluiced: warning: name x\n", logged(LOG_LEVEL_WARNING, "x"));
	EXPECT_STREQ("", logged(LOG_LEVEL_INFO, "x"));
	log_init("sluiced", LOG_LEVEL_DEBUG);
	EXPECT_STREQ("sluiced: name x\n", logged(LOG_LEVEL_INFO, "x"));
	memset(text, 1, 100000);
	text[100000] = 0;
	line = logged(LOG_LEVEL_INFO, text);
	EXPECT_GT(17000, strlen(line));
	EXPECT_STREQ("\\x01...\n", line + strlen(line) - 8);
	free(text);
}

TEST(errno_is_kept)
{
	errno = EXDEV;
	logged(LOG_LEVEL_ERROR, "x");
	errno = EXDEV;
	log_at(LOG_LEVEL_DEBUG, "%s", "");
	EXPECT_EQ(EXDEV, errno);
}

/* The prefix of sd-daemon(3) only while stderr is the journal's stream. */
TEST(journal)
{
	char stream[64], line[128] = "";
	struct stat st;
	int fd[2], saved = dup(STDERR_FILENO);

	ASSERT_EQ(0, pipe(fd));
	ASSERT_EQ(0, fstat(fd[1], &st));
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(fd[1], STDERR_FILENO);
	log_init("sluiced", LOG_LEVEL_INFO);
	log_role("forwarder");
	log_warning("slow");
	dup2(saved, STDERR_FILENO);
	ASSERT_LT(0, read(fd[0], line, sizeof(line) - 1));
	EXPECT_STREQ("<4>forwarder: slow\n", line);
	log_init("sluiced", LOG_LEVEL_INFO);
	EXPECT_STREQ("sluiced: forwarder: warning: name x\n", logged(LOG_LEVEL_WARNING, "x"));
}

TEST_HARNESS_MAIN
