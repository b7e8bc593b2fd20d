// SPDX-License-Identifier: MIT
/* Lines of a log, from its end and on from a place. */
#include <kselftest_harness.h>

#include "ctl/follow.h"
#include "ctl/lines.h"
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

FIXTURE(lines)
{
	char dir[SCRATCH_MAX], path[2 * SCRATCH_MAX], old[2 * SCRATCH_MAX];
	int fd;
};

FIXTURE_SETUP(lines)
{
	ASSERT_TRUE(scratch_make(self->dir));
	strcpy(self->path, scratch_path(self->dir, "log"));
	strcpy(self->old, scratch_path(self->dir, "log.1"));
	self->fd = open(self->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(lines)
{
	close(self->fd);
	scratch_remove(self->dir);
}

static void put(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
}

static void put_long(int fd, size_t n, char c)
{
	char *text = malloc(n + 2);

	memset(text, c, n);
	strcpy(text + n, "\n");
	put(fd, text);
	free(text);
}

static uint64_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : (uint64_t)st.st_size;
}

/* All lines backwards, joined by '|'; long ones as their length. */
static void backwards(int fd, char *text, uint64_t *end)
{
	struct lines l;
	const char *line;
	size_t n;

	*text = 0;
	if (!lines_last(&l, fd, size_of(fd)))
		abort();
	*end = lines_end(&l);
	while ((line = lines_back(&l, &n))) {
		char there[8] = "";

		if (n > 100)
			sprintf(text + strlen(text), "%zu%c|", n, line[n / 2]);
		else
			sprintf(text + strlen(text), "%.*s|", (int)n, line);
		/* Where it stands. */
		if (pread(fd, there, 1, (off_t)l.begin) != 1 || (n && there[0] != line[0]))
			abort();
	}
	if (l.too_long)
		sprintf(text + strlen(text), "too long: %d", (int)l.too_long);
	if (l.error)
		abort();
	lines_free(&l);
}

TEST_F(lines, backwards)
{
	static const struct {
		const char *content, *lines;
		uint64_t end;
	} cases[] = {{"", "", 0},	      {"\n", "|", 1},
		     {"a\n", "a|", 2},	      {"a\nbb\n\nc\n", "c||bb|a|", 8},
		     {"half", "", 0},	      {"a\nhalf", "a|", 2},
		     {"\n\n\n", "|||", 3},    {"a\n\nhalf", "|a|", 3}};
	char text[256];
	uint64_t end;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ASSERT_EQ(0, ftruncate(self->fd, 0));
		put(self->fd, cases[i].content);
		backwards(self->fd, text, &end);
		EXPECT_STREQ(cases[i].lines, text);
		EXPECT_EQ(cases[i].end, end);
	}
}

/* Ends of lines everywhere around the ends of blocks. */
TEST_F(lines, blocks)
{
	char text[512], want[512];
	uint64_t end;

	for (int shift = -3; shift <= 3; shift++) {
		size_t n = (size_t)((128 << 10) + shift);

		ASSERT_EQ(0, ftruncate(self->fd, 0));
		put(self->fd, "first\n");
		put_long(self->fd, n, 'x');
		put_long(self->fd, 3 * n, 'y');
		put(self->fd, "last\n");
		put_long(self->fd, n, 'z');
		backwards(self->fd, text, &end);
		sprintf(want, "%zuz|last|%zuy|%zux|first|", n, 3 * n, n);
		EXPECT_STREQ(want, text);
		EXPECT_EQ(size_of(self->fd), end);
	}
}

TEST_F(lines, too_long)
{
	struct lines l;
	char text[512];
	uint64_t end;
	size_t n;

	put(self->fd, "first\n");
	put_long(self->fd, LINES_MAX + (300 << 10), 'x');
	put(self->fd, "last\n");
	backwards(self->fd, text, &end);
	EXPECT_STREQ("last|first|too long: 1", text);
	ASSERT_TRUE(lines_from(&l, self->fd, 0));
	ASSERT_NE(NULL, lines_on(&l, &n));
	EXPECT_EQ(5, n);
	ASSERT_NE(NULL, lines_on(&l, &n));
	EXPECT_EQ(4, n);
	EXPECT_EQ(NULL, lines_on(&l, &n));
	EXPECT_EQ(1, l.too_long);
	lines_free(&l);
	/* At the very beginning. */
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	put_long(self->fd, LINES_MAX + (300 << 10), 'x');
	put(self->fd, "last\n");
	backwards(self->fd, text, &end);
	EXPECT_STREQ("last|too long: 1", text);
}

TEST_F(lines, on_while_it_grows)
{
	struct lines l;
	const char *line;
	size_t n;

	put(self->fd, "one\ntw");
	ASSERT_TRUE(lines_from(&l, self->fd, 0));
	line = lines_on(&l, &n);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(0, strncmp("one", line, n));
	EXPECT_EQ(NULL, lines_on(&l, &n));
	put(self->fd, "o");
	EXPECT_EQ(NULL, lines_on(&l, &n));
	put(self->fd, "\nthree\n");
	line = lines_on(&l, &n);
	ASSERT_NE(NULL, line);
	ASSERT_EQ(3, n);
	EXPECT_EQ(0, strncmp("two", line, n));
	EXPECT_EQ(4, l.begin);
	ASSERT_NE(NULL, lines_on(&l, &n));
	EXPECT_EQ(5, n);
	EXPECT_EQ(NULL, lines_on(&l, &n));
	lines_free(&l);
}

static bool next_is(struct follow *f, const char *text)
{
	size_t n;
	const char *line = follow_next(f, &n);

	return text ? line && n == strlen(text) && !memcmp(line, text, n) : !line;
}

TEST_F(lines, follow_renamed)
{
	struct follow f;
	int fresh;

	put(self->fd, "one\n");
	ASSERT_TRUE(follow_open(&f, self->path, self->dir, dup(self->fd), 4));
	EXPECT_TRUE(next_is(&f, NULL));
	/* Renamed; the writer does not know yet. */
	ASSERT_EQ(0, rename(self->path, self->old));
	put(self->fd, "two\n");
	EXPECT_TRUE(next_is(&f, "two"));
	EXPECT_TRUE(next_is(&f, NULL));
	fresh = open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	put(self->fd, "three\n");
	EXPECT_TRUE(next_is(&f, "three"));
	/* Its last line, and the first of the new one, before anybody looked. */
	put(self->fd, "four\n");
	put(fresh, "five\n");
	EXPECT_TRUE(next_is(&f, "four"));
	EXPECT_TRUE(next_is(&f, "five"));
	EXPECT_TRUE(next_is(&f, NULL));
	put(fresh, "six\n");
	EXPECT_TRUE(next_is(&f, "six"));
	close(fresh);
	follow_close(&f);
}

TEST_F(lines, follow_emptied)
{
	struct follow f;

	put(self->fd, "one and more\n");
	ASSERT_TRUE(follow_open(&f, self->path, self->dir, dup(self->fd), 0));
	EXPECT_TRUE(next_is(&f, "one and more"));
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	put(self->fd, "two\n");
	EXPECT_TRUE(next_is(&f, "two"));
	EXPECT_TRUE(next_is(&f, NULL));
	follow_close(&f);
}

TEST_F(lines, follow_what_is_not_there_yet)
{
	struct follow f;

	ASSERT_EQ(0, unlink(self->path));
	ASSERT_TRUE(follow_open(&f, self->path, self->dir, -1, 0));
	EXPECT_TRUE(next_is(&f, NULL));
	close(self->fd);
	self->fd = open(self->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	put(self->fd, "one\n");
	EXPECT_TRUE(next_is(&f, "one"));
	EXPECT_TRUE(next_is(&f, NULL));
	follow_close(&f);
}

TEST_HARNESS_MAIN
