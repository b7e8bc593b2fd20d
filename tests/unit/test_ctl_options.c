// SPDX-License-Identifier: MIT
/* The option table of sluicectl's commands. */
#include "ctl/options.h"

#include <stdarg.h>
#include <string.h>

#include "kselftest_harness.h"

struct values {
	const char *file;
	uint64_t count, size;
	bool all, brief;
};

static const struct ctl_option options[] = {
	{'c', "config", "FILE", "configuration", NULL, ctl_take_text,
	 offsetof(struct values, file)},
	{'n', "count", "COUNT", "how many", NULL, ctl_take_count,
	 offsetof(struct values, count)},
	{0, "size", "BYTES", "how large", "1K 1M", ctl_take_size,
	 offsetof(struct values, size)},
	{'a', "all", NULL, "all of them", NULL, ctl_take_flag, offsetof(struct values, all)},
	{'b', "brief", NULL, "less", NULL, ctl_take_flag, offsetof(struct values, brief)},
	CTL_OPTIONS_END};

/* Where complaints go. */
static char complaint[4096];

/* clang-format off */
FIXTURE(line) {
	struct values v;
	char copy[16][64];
	char *argv[16];
};
/* clang-format on */

FIXTURE_SETUP(line)
{
	memset(self, 0, sizeof(*self));
	fflush(stderr);
	setvbuf(stderr, NULL, _IONBF, 0);
}

FIXTURE_TEARDOWN(line)
{
}

/* Parses words that are separated by spaces; at most two operands. */
static int parse(FIXTURE_DATA(line) *self, const char *text)
{
	FILE *real = stderr;
	char words[256], *word, *next = words;
	int argc = 0, n;

	memset(&self->v, 0, sizeof(self->v));
	snprintf(words, sizeof(words), "%s", text);
	while ((word = strsep(&next, " ")))
		if (*word) {
			strcpy(self->copy[argc], word);
			self->argv[argc] = self->copy[argc];
			argc++;
		}
	stderr = fmemopen(complaint, sizeof(complaint), "w");
	n = ctl_options("test", options, argc, self->argv, 2, &self->v);
	fclose(stderr);
	stderr = real;
	return n;
}

TEST_F(line, nothing)
{
	EXPECT_EQ(0, parse(self, ""));
	EXPECT_EQ(NULL, self->v.file);
}

TEST_F(line, every_spelling)
{
	static const char *const lines[] = {"-c x -n 7 one two -a", "one --config x two --count=7 --all",
					    "-cx -n7 -a one two", "--config=x one -an7 two",
					    "-an 7 -c x one -- two"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ASSERT_EQ(2, parse(self, lines[i]));
		EXPECT_STREQ("x", self->v.file);
		EXPECT_EQ(7, self->v.count);
		EXPECT_TRUE(self->v.all);
		EXPECT_FALSE(self->v.brief);
		EXPECT_STREQ("one", self->argv[0]);
		EXPECT_STREQ("two", self->argv[1]);
	}
}

TEST_F(line, letters_together)
{
	EXPECT_EQ(0, parse(self, "-abn3"));
	EXPECT_TRUE(self->v.all && self->v.brief);
	EXPECT_EQ(3, self->v.count);
}

TEST_F(line, behind_the_dashes)
{
	ASSERT_EQ(2, parse(self, "-- -c --all"));
	EXPECT_STREQ("-c", self->argv[0]);
	EXPECT_FALSE(self->v.all);
	/* One dash is a word. */
	ASSERT_EQ(1, parse(self, "-"));
}

TEST_F(line, sizes)
{
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = {{"--size 0", 0},
		    {"--size 17", 17},
		    {"--size=3K", 3 << 10},
		    {"--size 5M", 5 << 20},
		    {"--size 2T", 2ull << 40},
		    {"--size 18446744073709551615", UINT64_MAX}};
	static const char *const bad[] = {
		"--size M",	"--size -1", "--size 1Q", "--size 1KB", "--size 99999999999999999999",
		"--size 99999999999T", "--size= "};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		EXPECT_EQ(0, parse(self, good[i].text));
		EXPECT_EQ(good[i].size, self->v.size);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-1, parse(self, bad[i])) TH_LOG("%s", bad[i]);
		EXPECT_NE(NULL, strstr(complaint, "test --size: "));
	}
}

TEST_F(line, complaints)
{
	static const struct {
		const char *text, *said;
	} bad[] = {{"-x", "test: unknown option \"-x\"; expected one of --config, --count"},
		   {"--cow", "unknown option \"--cow\""},
		   {"--counter 7", "unknown option \"--counter\""},
		   {"-ax", "unknown option \"-x\""},
		   {"-n", "test --count: expected COUNT behind it"},
		   {"-n 0", "test --count: \"0\"; expected a count, 1 or more"},
		   {"-n -3", "test --count: \"-3\""},
		   {"-n 3x", "test --count: \"3x\""},
		   {"--config=", "test --config: \"\"; expected something"},
		   {"--all=7", "test --all: no argument is expected"},
		   {"a b c", "test: \"c\" is one word too many"}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-1, parse(self, bad[i].text)) TH_LOG("%s", bad[i].text);
		EXPECT_NE(NULL, strstr(complaint, bad[i].said)) TH_LOG("%s", complaint);
	}
}

TEST_F(line, help_and_completion)
{
	char text[2048] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	ctl_options_help(options, f);
	fclose(f);
	EXPECT_NE(NULL, strstr(text, "  -c, --config FILE  configuration\n"));
	EXPECT_NE(NULL, strstr(text, "      --size BYTES   how large\n"));
	f = fmemopen(text, sizeof(text), "w");
	ctl_options_words(options, NULL, f);
	ctl_options_words(options, "-c", f);
	ctl_options_words(options, "--size", f);
	ctl_options_words(options, "--all", f);
	ctl_options_words(options, "word", f);
	ctl_options_words(NULL, NULL, f);
	fclose(f);
	EXPECT_STREQ("--config\n--count\n--size\n--all\n--brief\nFILE\n1K\n1M\n", text);
}

TEST_HARNESS_MAIN
