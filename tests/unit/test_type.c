// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/log.h"
#include "sample/type.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define S(text) (text), sizeof(text) - 1

struct memory {
	const uint8_t *p;
	size_t n;
};

static ssize_t read_memory(void *arg, uint64_t offset, void *p, size_t n)
{
	const struct memory *m = arg;

	memcpy(p, m->p + offset, n);
	return (ssize_t)n;
}

static struct file_type_found identify(const struct file_types *t, const void *p, size_t n)
{
	struct memory m = {p, n};
	struct reader r = {read_memory, &m, n};
	struct file_type_found found;

	file_types_identify(t, &r, &found);
	return found;
}

/* ------------------------------------------------------------------- tables */

/* The last error of a table; "" when there was none. */
static const char *error_of(const char *table)
{
	static char text[1024];
	struct file_types *t;
	int saved = dup(2), pipes[2];
	ssize_t n;

	if (pipe(pipes))
		return "no pipe";
	fflush(stderr);
	dup2(pipes[1], 2);
	close(pipes[1]);
	t = file_types_parse("T", table, strlen(table));
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	n = read(pipes[0], text, t ? 0 : sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(pipes[0]);
	file_types_free(t);
	return text;
}

TEST(errors_say_the_line_and_what_was_expected)
{
	static const struct {
		const char *table, *error;
	} cases[] = {
		{"", "T: expected at least one type"},
		{"type a 1M 1K 2M\n", ""},
		{"type a -\na magic 0 \"x\" -", ""},
		{"type a 1M 2M 3M\n", "T:1: type a: expected its default between"},
		{"type a 1M\n", "T:1: type a: expected '-', or three sizes"},
		{"type a 1M 1K 2M \"a b, c\"\n", ""},
		{"type a - \"b\" -\n", "T:1: type a: '-': expected a number of bytes"},
		{"type a \"b\"\n", "T:1: type a: expected '-', or three sizes"},
		{"type a - \"b\\x1b\"\n", "T:1: type a: expected a text of 1 to 95 printable"},
		{"type a 1M 1X 2M\n", "T:1: type a: '1X': expected a number of bytes"},
		{"type any -\n", "T:1: expected a name behind 'type'"},
		{"type a -\ntype a -\n", "T:2: type a: expected each type once"},
		{"type a -\nb magic 0 \"x\" -\n", "T:2: 'b': expected 'type', 'other', or"},
		{"type a -\na guess\n", "T:2: 'guess': expected one of magic, member"},
		{"type a -\na magic x \"x\" -\n", "T:2: magic: expected an offset"},
		{"type a -\na magic 9-1 \"x\" -\n", "T:2: magic: expected an offset"},
		{"type a -\na magic 0 x -\n", "T:2: magic: expected a string"},
		{"type a -\na magic 0 \"x -\n", "T:2: expected '\"' at the end"},
		{"type a -\na magic 0 \"\\q\" -\n", "T:2: expected one of \\\\"},
		{"type a -\na magic 0 \"x\" check y -\n", "T:2: check: 'y': expected the name"},
		{"type a -\na magic 0 \"x\"\n", "T:2: '': expected a media type"},
		{"type a -\na magic 0 \"x\" text\n", "T:2: 'text': expected a media type"},
		{"type a -\na words 0 \"x\" -\n", "T:2: words: expected how many"},
		{"type a -\na member \"a*b\" -\n", "T:2: member: expected '*' at an end"},
	};

	log_init("test_type", LOG_LEVEL_ERROR);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *error = error_of(cases[i].table);
		bool fits = *cases[i].error ? strstr(error, cases[i].error) != NULL : !*error;

		EXPECT_TRUE(fits)
		{
			TH_LOG("%s: '%s'", cases[i].table, error);
		}
	}
}

TEST(the_built_in_table_has_the_twelve_types)
{
	static const char *const names[] = {"pe",    "apk",    "pdf",	 "ms-office",
					    "jar",   "flash",  "MacOSX", "archive",
					    "linux", "script", "eml",	 "email-link"};
	struct file_types *t = file_types_read(NULL);
	uint64_t min, max;

	ASSERT_NE(NULL, t);
	ASSERT_EQ(12, file_types_count(t));
	for (size_t i = 0; i < 12; i++) {
		EXPECT_STREQ(names[i], file_types_name(t, i));
		EXPECT_STRNE("", file_types_what(t, i));
		EXPECT_EQ(i, file_types_find(t, names[i]));
	}
	file_types_range(t, 2, &min, &max);
	EXPECT_EQ(3072u << 10, file_types_limit(t, 2));
	EXPECT_EQ(100u << 10, min);
	EXPECT_EQ(51200u << 10, max);
	EXPECT_EQ(UINT64_MAX, file_types_limit(t, 11));
	EXPECT_EQ(FILE_TYPES_MAX, file_types_find(t, "any"));
	file_types_free(t);
}

TEST(another_table_takes_its_place)
{
	static const char table[] =
		"type note 1M 1K 2M \"short letters\"\ntype bare -\nnote words 2 \"^dear|hello\" \"regards\" "
		"\"!invoice\" text/x-note\nother magic 1-3 \"B\" a/b\n";
	struct file_types *t = file_types_parse("T", S(table));

	ASSERT_NE(NULL, t);
	EXPECT_STREQ("short letters", file_types_what(t, 0));
	EXPECT_EQ(1u << 20, file_types_limit(t, 0));
	EXPECT_STREQ("", file_types_what(t, 1));
	EXPECT_EQ(0, identify(t, S("Dear x,\nbest Regards\n")).type);
	EXPECT_STREQ("text/x-note", identify(t, S("  DEAR x,\nregards\n")).format);
	EXPECT_EQ(FILE_TYPES_MAX, identify(t, S("x dear x,\nregards\n")).type);
	EXPECT_EQ(FILE_TYPES_MAX, identify(t, S("dear x, invoice\nregards\n")).type);
	EXPECT_STREQ("a/b", identify(t, S("aaaBaa")).format);
	EXPECT_STREQ("", identify(t, S("aaaaB")).format);
	file_types_free(t);
}

/* ------------------------------------------------------------------ content */

#define ZEROS4 "\0\0\0\0"
#define ZEROS16 ZEROS4 ZEROS4 ZEROS4 ZEROS4
#define DOS_HEADER "MZ" ZEROS16 ZEROS16 ZEROS16 ZEROS4 ZEROS4 "\0\0"
/* An archive of one empty member of eleven letters. */
#define LOCAL_OF(name) "PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\13\0\0\0" name
#define DIRECTORY_OF(name)                                                                \
	"PK\1\2\24\0\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\13\0\0\0\0\0\0\0\0\0\0" \
	"\0\0\0\0\0\0\0" name "PK\5\6\0\0\0\0\1\0\1\0\x39\0\0\0\x29\0\0\0\0\0"
#define ZIP_OF(name) LOCAL_OF(name) DIRECTORY_OF(name)

static const struct sample {
	const char *type, *p;
	size_t n;
} samples[] = {
	{"pe", S(DOS_HEADER "\x40\0\0\0PE\0\0rest")},
	{"", S(DOS_HEADER "\x40\0\0\0NE\0\0rest")},
	{"", S(DOS_HEADER "\xff\xff\xff\x7f"
			  "PE\0\0")},
	{"linux", S("\x7f"
		    "ELF\2\1\1")},
	{"jar", S("\xca\xfe\xba\xbe\0\0\0\x34rest")},
	{"jar", S("\xca\xfe\xba\xbe\0\3\0\x2drest")},
	{"MacOSX", S("\xca\xfe\xba\xbe\0\0\0\2rest")},
	{"", S("\xca\xfe\xba\xbe\0\0\0\0rest")},
	{"MacOSX", S("\xcf\xfa\xed\xfe\7\0\0\1")},
	{"MacOSX", S("xar!\0\x1c\0\1")},
	{"", S("xar! is a format of archives, it says here\n")},
	{"flash", S("FWS\x06\x40\0\0\0rest")},
	{"", S("FWS is a beginning, too\n")},
	{"archive", S("7z\xbc\xaf\x27\x1c\0\4")},
	{"archive", S("Rar!\x1a\7\0")},
	{"pdf", S("%PDF-1.7\n")},
	{"pdf", S("\xef\xbb\xbf\r\n%PDF-1.7\n")},
	{"ms-office", S("{\\rtf1 x}")},
	{"ms-office", S("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 too short for more")},
	{"jar", S(ZIP_OF("hello.class"))},
	{"jar", S("something before" ZIP_OF("hello.class"))},
	{"", S(ZIP_OF("hello12.txt"))},
	{"jar", S(LOCAL_OF("hello.class") "no directory")},
	{"script", S("#!/bin/sh\necho\n")},
	{"script", S("#!/bin/sh\n\0\1\2\3 a tail that is no text")},
	{"script", S("\xff\xfe#\0!\0/\0b\0i\0n\0/\0s\0h\0\n\0")},
	{"script", S("@echo off\r\nset A=1\r\n")},
	{"script", S("<html><hta:application></html>")},
	{"", S("<html><script>var a = function(x) { return x; };</script></html>")},
	{"", S("{\"function(\": \"){\", \"return \": [1, true]}")},
	{"", S("#include <stdio.h>\nint main(void) { return 0; }\n")},
	{"", S("Just words, and a function of none.\n")},
	{"eml", S("Received: from a\r\n\tby b\r\nFrom: a\r\nSubject: x\r\n\r\nhello\r\n")},
	{"", S("Date: x\nContent-Type: y\nServer: z\n\nhello\n")},
	{"", S("\xff\xd8\xff\xe0\0\x10JFIF")},
	{"", S("\x1f\x8b\x08\0")},
	{"", S("\0\0\0\x20"
	       "ftypisom")},
	{"", S("x")},
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

FIXTURE(types)
{
	struct file_types *t;
};

FIXTURE_SETUP(types)
{
	log_init("test_type", LOG_LEVEL_ERROR);
	self->t = file_types_read(NULL);
	ASSERT_NE(NULL, self->t);
}

FIXTURE_TEARDOWN(types)
{
	file_types_free(self->t);
}

TEST_F(types, content_decides)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct sample *s = &samples[i];
		struct file_type_found found = identify(self->t, s->p, s->n);
		const char *type =
			found.type < FILE_TYPES_MAX ? file_types_name(self->t, found.type) : "";

		EXPECT_STREQ(s->type, type)
		{
			TH_LOG("sample %zu: %.20s", i, s->p);
		}
	}
}

/* Every place near both ends and near the end of a head, some between. */
static size_t step_from(size_t cut, size_t n)
{
	if (cut < 90 || n - cut <= 40 || (cut > 4080 && cut < 4110) ||
	    (cut > 1010 && cut < 1030))
		return 1;
	return n - cut <= 250 ? 1 : 211;
}

/* Each sample, and what follows when it is longer than a head, cut at any point. */
TEST_F(types, possible_never_excludes_what_it_turns_out_to_be)
{
	static uint8_t whole[FILE_TYPE_HEAD + 600];

	for (size_t i = 0; i < SAMPLES * 3; i++) {
		const struct sample *s = &samples[i / 3];
		size_t n = s->n;
		uint32_t bit;
		size_t cut;

		/* As it is; in front of a long rest; behind a long beginning. */
		memset(whole, i % 3 == 1 ? '\n' : 0, sizeof(whole));
		memcpy(whole + (i % 3 == 2 ? sizeof(whole) - n : 0), s->p, n);
		if (i % 3)
			n = sizeof(whole);
		bit = FILE_TYPE_BIT(identify(self->t, whole, n).type);
		EXPECT_TRUE(file_types_possible(self->t, whole, n, true) & bit);
		for (cut = 0; cut <= n; cut += step_from(cut, n))
			if (!(file_types_possible(self->t, whole, cut, false) & bit))
				break;
		EXPECT_EQ(n + 1, cut)
		{
			TH_LOG("sample %zu, way %zu", i / 3, i % 3);
		}
	}
}

TEST_F(types, possible_only_narrows)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		uint32_t before = FILE_TYPE_ANY, now;

		for (size_t n = 0; n <= samples[i].n; n++) {
			now = file_types_possible(self->t, samples[i].p, n, false);
			EXPECT_EQ(0, now & ~before & ~FILE_TYPE_ARCHIVE_BIT)
			{
				TH_LOG("sample %zu at %zu: %x after %x", i, n, now, before);
			}
			before = now;
		}
	}
}

TEST_F(types, a_format_of_others_excludes_all_types)
{
	static uint8_t head[FILE_TYPE_HEAD];
	static const struct sample owned[] = {
		{"", S("\xff\xd8\xff\xe0")},
		{"", S("\x1f\x8b\x08")},
		{"", S("GIF89a")},
		{"", S("\0\0\0\x20"
		       "ftypisom")},
		{"", S("\x89PNG\r\n\x1a\n")},
	};

	for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
		memset(head, 0, sizeof(head));
		memcpy(head, owned[i].p, owned[i].n);
		EXPECT_EQ(FILE_TYPE_OTHER_BIT,
			  file_types_possible(self->t, head, sizeof(head), false));
	}
	/* Members of an archive may be anything. */
	memcpy(head, "PK\3\4", 4);
	EXPECT_TRUE(file_types_possible(self->t, head, sizeof(head), false) &
		    FILE_TYPE_ARCHIVE_BIT);
}

TEST_HARNESS_MAIN
