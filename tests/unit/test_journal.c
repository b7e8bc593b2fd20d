// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "scratch.h"
#include "supervisor/journal.h"

/* What the log holds once `before` was there and a sighting was added; NULL: it failed. */
static const char *after(const char *dir, const char *before)
{
	static char text[65536];
	struct sighting s;
	struct journal j;
	bool ok;
	ssize_t n = -1;
	int fd;

	sighting_init(&s);
	sighting_make_id(&s);
	ok = scratch_write(dir, JOURNAL_NAME, before, strlen(before)) &&
	     journal_open(&j, dir, JOURNAL_NAME, false) && journal_append(&j, &s);
	journal_close(&j);
	sighting_free(&s);
	fd = ok ? open(scratch_path(dir, JOURNAL_NAME), O_RDONLY) : -1;
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? NULL : text;
}

TEST(a_cut_line_costs_no_other)
{
	static const struct {
		const char *before, *then;
	} rows[] = {
		{"", ""},
		{"{\"a\":1}\n", "{\"a\":1}\n"},
		{"{\"a\":1}\n{\"b\":", "{\"a\":1}\n{\"b\":\n"},
		{"{", "{\n"},
	};
	char dir[SCRATCH_MAX];

	ASSERT_TRUE(scratch_make(dir));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = after(dir, rows[i].before);
		size_t n = strlen(rows[i].then);

		ASSERT_NE(NULL, text);
		EXPECT_EQ(0, strncmp(text, rows[i].then, n));
		EXPECT_EQ('{', text[n]);
		EXPECT_EQ(text + strlen(text) - 1, strchr(text + n, '\n'));
	}
	scratch_remove(dir);
}

TEST_HARNESS_MAIN
