// SPDX-License-Identifier: MIT
/*
 * Streams of public HTTP test material ($CORPUS/libhtp-streams, lines ">>>" and "<<<"
 * before what client and server say), whole and byte by byte: the files must be the same.
 */
#include <kselftest_harness.h>

#include "conversation.h"

#define STREAM_MAX (4u << 20)

static const char *folder(void)
{
	static char path[SCRATCH_MAX];
	const char *corpus = getenv("CORPUS");

	snprintf(path, sizeof(path), "%s/libhtp-streams", corpus ? corpus : "../shared/pcaps");
	return path;
}

static bool is_marker(const char *p, size_t n)
{
	return n >= 3 && (!strncmp(p, ">>>", 3) || !strncmp(p, "<<<", 3)) &&
	       (n == 3 || p[3] == '\r' || p[3] == '\n');
}

static void tell(struct conversation *c, const char *p, size_t n, size_t step)
{
	const char *end = p + n, *from = NULL;
	enum dir dir = DIR_OPENER;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *next = nl ? nl + 1 : end;

		if (is_marker(p, (size_t)(end - p))) {
			/* the line break before a marker belongs to it */
			size_t len = from ? (size_t)(p - from) : 0;

			while (len && (from[len - 1] == '\n' || from[len - 1] == '\r')) {
				len--;
				if (from[len] == '\r' || !len || from[len - 1] != '\r')
					break;
			}
			for (size_t at = 0; at < len; at += step)
				say(c, dir, from + at, len - at < step ? len - at : step);
			dir = *p == '>' ? DIR_OPENER : DIR_ANSWERER;
			from = next;
		}
		p = next;
	}
	if (from)
		for (size_t at = 0; at < (size_t)(end - from); at += step)
			say(c, dir, from + at,
			    (size_t)(end - from) - at < step ? (size_t)(end - from) - at : step);
	fin(c, DIR_OPENER);
	fin(c, DIR_ANSWERER);
	conversation_close(c, FILE_REASON_NONE);
}

TEST(streams)
{
	DIR *d = opendir(folder());
	char *text = malloc(STREAM_MAX);
	struct dirent *entry;
	size_t streams = 0, files = 0;

	if (!d)
		SKIP(return, "no corpus at %s", folder());
	while ((entry = readdir(d))) {
		struct conversation whole, bytes;
		FILE *f;
		size_t n;

		if (!strstr(entry->d_name, ".t"))
			continue;
		f = fopen(scratch_path(folder(), entry->d_name), "rb");
		ASSERT_NE(NULL, f);
		n = fread(text, 1, STREAM_MAX, f);
		fclose(f);
		ASSERT_TRUE(conversation_begin(&whole));
		ASSERT_TRUE(conversation_begin(&bytes));
		tell(&whole, text, n, SIZE_MAX / 2);
		tell(&bytes, text, n, 1);
		streams++;
		files += whole.files;
		for (size_t i = 0; i < whole.files && i < bytes.files; i++) {
			if (whole.seen[i].state != FILE_STATE_COMPLETE ||
			    bytes.seen[i].state != FILE_STATE_COMPLETE)
				continue;
			EXPECT_EQ(whole.seen[i].size, bytes.seen[i].size)
				TH_LOG("%s, file %zu", entry->d_name, i);
		}
		conversation_end(&whole);
		conversation_end(&bytes);
	}
	closedir(d);
	free(text);
	EXPECT_LT(0, streams);
	EXPECT_LT(0, files);
}

TEST_HARNESS_MAIN
