// SPDX-License-Identifier: MIT
/* Which lines of the local log are wanted, as bytes and as values. */
#include <kselftest_harness.h>

#include "ctl/filter.h"
#include "ctl/sighting_text.h"
#include "sample/type.h"

#include <time.h>

static const char sighting[] =
	"{\"@timestamp\":\"2026-11-24T12:00:00.500000000Z\","
	"\"source\":{\"ip\":\"192.0.2.80\",\"port\":80,\"nat\":{\"ip\":\"198.51.100.1\"}},"
	"\"destination\":{\"ip\":\"2001:db8::7\",\"user\":{\"name\":\"CORP\\\\Bob\"}},"
	"\"network\":{\"application\":\"web-browsing\"},\"user\":{\"name\":\"alice\"},"
	"\"file\":{\"name\":\"dir/Invoice.PDF\",\"hash\":{\"sha256\":"
	"\"ab00000000000000000000000000000000000000000000000000000000000001\"}},"
	"\"rule\":{\"name\":\"downloads\"},\"sluice\":{\"virtual_system\":\"main site\","
	"\"kind\":\"file\",\"direction\":\"download\",\"login\":\"b.ob\",\"file\":{"
	"\"state\":\"truncated\",\"reason\":\"gap\",\"traits\":[\"nested\",\"bomb\"],"
	"\"container\":{\"sha256\":"
	"\"cd00000000000000000000000000000000000000000000000000000000000002\","
	"\"path\":\"a/b.exe\"}}}}";

/* 1: matches, 0: does not.  What a look at the bytes excludes must not match. */
static int match(struct filter *f)
{
	json_t *j = json_loads(sighting, 0, NULL);
	bool possible, matches;

	if (!j || !filter_ready(f))
		abort();
	possible = filter_possible(f, sighting, sizeof(sighting) - 1);
	matches = filter_match(f, j);
	json_decref(j);
	filter_free(f);
	return matches ? possible ? 1 : -1 : 0;
}

#define IS(wanted, ...)                         \
	do {                                    \
		struct filter f_ = __VA_ARGS__; \
		EXPECT_EQ(wanted, match(&f_));  \
	} while (0)

TEST(words)
{
	IS(1, {0});
	IS(1, {.application = "web-browsing"});
	IS(1, {.application = "smtp,web-browsing"});
	IS(0, {.application = "web"});
	IS(0, {.application = "smtp,ftp"});
	IS(0, {.application = "none"});
	IS(1, {.type = "none"});
	IS(1, {.type = "pe,none"});
	IS(0, {.type = "pe"});
	IS(1, {.rule = "downloads", .state = "truncated", .reason = "limit,gap"});
	IS(0, {.rule = "downloads", .state = "complete"});
	IS(1, {.direction = "download", .vsys = "main site", .kind = "link,file"});
	IS(0, {.direction = "upload"});
	IS(1, {.trait = "bomb"});
	IS(1, {.trait = "encrypted,nested"});
	IS(0, {.trait = "encrypted"});
	IS(0, {.trait = "none"});
	/* A value elsewhere in the line is none of this key. */
	IS(0, {.application = "file"});
	IS(0, {.user = "bomb"});
}

TEST(users_and_names)
{
	IS(1, {.user = "alice"});
	IS(1, {.user = "ALICE"});
	IS(1, {.user = "corp\\bob"});
	IS(1, {.user = "b.ob"});
	IS(0, {.user = "bob"});
	IS(0, {.user = "corp\\\\bob"});
	IS(1, {.name = "*.pdf"});
	IS(1, {.name = "invoice.pdf"});
	IS(1, {.name = "dir/*"});
	IS(1, {.name = "I?voice*"});
	IS(1, {.name = "[hi]nvoice.pdf"});
	IS(1, {.name = "b.EXE"});
	IS(1, {.name = "*"});
	IS(0, {.name = "*.exe.*"});
	IS(0, {.name = "voice.pdf"});
}

TEST(hashes)
{
	IS(1, {.sha256 = "ab000000"});
	IS(1, {.sha256 = "AB000000000"});
	IS(1, {.sha256 = "cd0000000000"});
	IS(0, {.sha256 = "b0000000"});
	IS(0, {.sha256 = "00000001"});
}

TEST(prefixes)
{
	static const struct {
		const char *text;
		int sender, receiver;
	} cases[] = {
		{"192.0.2.80", 1, 0},	   {"192.0.2.81", 0, 0},    {"192.0.2.0/24", 1, 0},
		{"192.0.2.80/31", 1, 0},   {"192.0.2.82/31", 0, 0}, {"198.51.100.0/25", 1, 0},
		{"0.0.0.0/0", 1, 0},	   {"2001:db8::/32", 0, 1}, {"2001:db8::7", 0, 1},
		{"2001:db8::8/125", 0, 0}, {"::/0", 0, 1}};
	static const char *const bad[] = {
		"",	  "x",		"192.0.2.0/33", "192.0.2/24",
		"::/129", "192.0.2.1/", "192.0.2.1/-1", "192.0.2.1/8x"};
	struct filter_prefix p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&p, 0, sizeof(p));
		ASSERT_EQ(NULL, filter_take_prefix(cases[i].text, &p));
		IS(cases[i].sender, {.sender = p});
		IS(cases[i].receiver, {.receiver = p});
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_NE(NULL, filter_take_prefix(bad[i], &p));
}

TEST(times)
{
	/* 2026-11-24 12:00:00 UTC */
	const int64_t noon = 1795521600;
	static const struct {
		const char *text, *utc;
	} good[] = {{"10m", "2026-11-24T11:50:00"},
		    {"30s", "2026-11-24T11:59:30"},
		    {"3h", "2026-11-24T09:00:00"},
		    {"2d", "2026-11-22T12:00:00"},
		    {"1w", "2026-11-17T12:00:00"},
		    {"today", "2026-11-23T23:00:00"},
		    {"yesterday", "2026-11-22T23:00:00"},
		    {"2026-11-24", "2026-11-23T23:00:00"},
		    {"2026-07-01 10:30", "2026-07-01T08:30:00"},
		    {"2026-07-01T10:30:15", "2026-07-01T08:30:15"},
		    {"2026-07-01T10:30:15Z", "2026-07-01T10:30:15"},
		    {"2026-07-01 10:30-0500", "2026-07-01T15:30:00"}};
	static const char *const bad[] = {"",
					  "10",
					  "m",
					  "-5m",
					  "10mm",
					  "10y",
					  "2026",
					  "noon",
					  "2026-11-24x",
					  "2026-07-01T10:30:15.Z",
					  "99999999999999999999h",
					  "2026-13-01"};
	char text[FILTER_TIME_MAX], want[64];

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ASSERT_EQ(NULL, filter_time(good[i].text, noon, text))
		TH_LOG("%s", good[i].text);
		sprintf(want, "%s.000000000Z", good[i].utc);
		EXPECT_STREQ(want, text);
	}
	ASSERT_EQ(NULL, filter_time("2026-07-01T10:30:15.125Z", noon, text));
	EXPECT_STREQ("2026-07-01T10:30:15.125000000Z", text);
	ASSERT_EQ(NULL, filter_time("2026-07-01 10:30:15.0000000019", noon, text));
	EXPECT_STREQ("2026-07-01T08:30:15.000000001Z", text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_NE(NULL, filter_time(bad[i], noon, text));
	IS(1, {.since = "2026-11-24T12:00:00.000000000Z"});
	IS(1, {.since = "2026-11-24T12:00:00.500000000Z"});
	IS(0, {.since = "2026-11-24T12:00:01.000000000Z"});
	IS(0, {.until = "2026-11-24T12:00:00.500000000Z"});
	IS(1, {.until = "2026-11-24T12:00:01.000000000Z"});
}

/* What cannot match is not parsed. */
TEST(possible)
{
	static const struct filter filters[] = {
		{.application = "smtp"},
		{.user = "carol"},
		{.name = "*.exf"},
		{.sha256 = "12345678"},
		{.since = "2026-11-25T00:00:00.000000000Z"},
	};

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct filter f = filters[i];

		ASSERT_TRUE(filter_ready(&f));
		EXPECT_FALSE(filter_possible(&f, sighting, sizeof(sighting) - 1));
		filter_free(&f);
	}
}

/* The completion offers the built-in types. */
TEST(type_words)
{
	struct file_types *types = file_types_read(NULL);
	char words[512], word[64];

	ASSERT_NE(NULL, types);
	snprintf(words, sizeof(words), " %s ", SIGHTING_TYPE_WORDS);
	for (size_t i = 0; i < file_types_count(types); i++) {
		snprintf(word, sizeof(word), " %s ", file_types_name(types, i));
		EXPECT_NE(NULL, strstr(words, word)) TH_LOG("%s", word);
	}
	file_types_free(types);
}

TEST_HARNESS_MAIN
