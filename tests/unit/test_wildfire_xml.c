// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "cloud/wildfire_xml.h"
#include "scratch.h"

#include <stdlib.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define D "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define VERDICT(hash, verdict)                                         \
	"<get-verdict-info><sha256>" hash "</sha256><verdict>" verdict \
	"</verdict><md5>1234</md5></get-verdict-info>"
#define UPLOAD(hash)                                                       \
	"<upload-file-info><url></url><filename>x</filename><sha256>" hash \
	"</sha256><size>3</size><filetype>PE</filetype></upload-file-info>"

static bool parse(const void *p, size_t n, struct wildfire_answer *a, char *error)
{
	/* A block of exactly n bytes, so that a sanitizer sees a read beyond it. */
	char *copy = malloc(n ? n : 1);
	uint8_t sha256[SHA256_SIZE];
	bool ok;

	memset(sha256, 0xaa, sizeof(sha256));
	memcpy(copy, p, n);
	*error = '\0';
	ok = wildfire_parse(copy, n, sha256, a, error);
	free(copy);
	return ok;
}

static const struct {
	const char *text;
	enum wildfire_answer_kind kind;
	int verdict;
	const char *message;
} good[] = {
	{XML "<wildfire>" VERDICT(A, "-102") "</wildfire>", WILDFIRE_VERDICT, -102, ""},
	{XML "<wildfire>" VERDICT(A, "0") "</wildfire>", WILDFIRE_VERDICT, 0, ""},
	{"\n\r\n \t" XML "<wildfire>" VERDICT(A, " 1\n") "</wildfire>", WILDFIRE_VERDICT, 1,
	 ""},
	{"<wildfire>" VERDICT(" " A "\n", "5") "</wildfire>\n", WILDFIRE_VERDICT, 5, ""},
	{"<wildfire>" VERDICT(
		 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		 "4") "</wildfire>",
	 WILDFIRE_VERDICT, 4, ""},
	{"<wildfire>" VERDICT("", "-100") "</wildfire>", WILDFIRE_VERDICT, -100, ""},
	{"<wildfire>" VERDICT(B, "1") VERDICT(A, "0") VERDICT(B, "2") "</wildfire>",
	 WILDFIRE_VERDICT, 0, ""},
	{"<wildfire>" VERDICT(A, "<![CDATA[2]]>") "</wildfire>", WILDFIRE_VERDICT, 2, ""},
	{"<wildfire><version>2.0</version>" VERDICT(A, "2") "</wildfire>", WILDFIRE_VERDICT, 2,
	 ""},
	{XML "<wildfire>" UPLOAD(A) "</wildfire>", WILDFIRE_UPLOAD, 0, ""},
	{XML "<error><error-message>'Invalid api key'</error-message></error>", WILDFIRE_ERROR,
	 0, "Invalid api key"},
	{"<error><error-message> a &lt; b </error-message></error>", WILDFIRE_ERROR, 0,
	 "a < b"},
	{"<error><error-message/></error>", WILDFIRE_ERROR, 0, ""},
	{"<error><error-message>'</error-message></error>", WILDFIRE_ERROR, 0, "'"},
};

TEST(good_answers)
{
	struct wildfire_answer a;
	char error[128];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ASSERT_TRUE(parse(good[i].text, strlen(good[i].text), &a, error))
		{
			TH_LOG("%zu: %s", i, error);
		}
		EXPECT_EQ(good[i].kind, a.kind)
		{
			TH_LOG("%zu", i);
		}
		EXPECT_EQ(good[i].verdict, a.verdict)
		{
			TH_LOG("%zu", i);
		}
		EXPECT_STREQ(good[i].message, a.message)
		{
			TH_LOG("%zu", i);
		}
	}
}

static const struct {
	const char *text, *error;
} bad[] = {
	{"", "empty"},
	{" \n\n", "empty"},
	{"hello", "syntax error in line 1"},
	{"<html><body>Welcome to the hotel</body></html>", "neither <wildfire> nor <error>"},
	{"<wildfire/>", "no verdict, no upload"},
	{"<wildfire>" VERDICT(B, "0") "</wildfire>", "about another sample"},
	{"<wildfire>" VERDICT("zz", "0") "</wildfire>", "about another sample"},
	{"<wildfire>" UPLOAD(B) "</wildfire>", "about another sample"},
	{"<wildfire>" UPLOAD("") "</wildfire>", "hash of the upload is missing"},
	{"<wildfire>" VERDICT(A, "") "</wildfire>", "verdict is not a number"},
	{"<wildfire>" VERDICT(A, "malware") "</wildfire>", "verdict is not a number"},
	{"<wildfire>" VERDICT(A, "1x") "</wildfire>", "verdict is not a number"},
	{"<wildfire>" VERDICT(A, "99999999999999999999") "</wildfire>",
	 "verdict is not a number"},
	{"<wildfire><get-verdict-info><sha256>" A "</sha256></get-verdict-info></wildfire>",
	 "verdict is missing"},
	/* The verdict of one entry is not that of the next. */
	{"<wildfire>" VERDICT(B, "0") "<get-verdict-info/></wildfire>", "verdict is missing"},
	/* Not at its place. */
	{"<wildfire><x>" VERDICT(A, "0") "</x></wildfire>", "no verdict, no upload"},
	{"<wildfire>" VERDICT(A, "0"), "no element found"},
	{"<wildfire>" VERDICT(A, "0") "</wildfire><wildfire/>", "junk after"},
	{"<!DOCTYPE x [<!ENTITY a \"b\">]><wildfire>" VERDICT(A, "0") "</wildfire>",
	 "document types are not accepted"},
	{"<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><wildfire>" VERDICT(A, "0") "</wildfire>",
	 "document types are not accepted"},
	{"<wildfire>" VERDICT(A, "&x;") "</wildfire>", "undefined entity"},
	{"<wildfire><a><a><a><a><a><a><a><a>", "too many or too deep"},
};

TEST(bad_answers)
{
	struct wildfire_answer a;
	char error[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_FALSE(parse(bad[i].text, strlen(bad[i].text), &a, error))
		{
			TH_LOG("%zu", i);
		}
		EXPECT_NE(NULL, strstr(error, bad[i].error))
		{
			TH_LOG("%zu: %s", i, error);
		}
	}
}

static const uint8_t asked[3][SHA256_SIZE] = {{[0 ... SHA256_SIZE - 1] = 0xaa},
					      {[0 ... SHA256_SIZE - 1] = 0xbb},
					      {[0 ... SHA256_SIZE - 1] = 0xcc}};

static bool parse_many(const char *text, int32_t verdict[static 3], struct wildfire_answer *a)
{
	char error[128];

	return wildfire_parse_verdicts(text, strlen(text), asked, 3, -9999, verdict, a, error);
}

TEST(many)
{
	struct wildfire_answer a;
	int32_t v[3];

	ASSERT_TRUE(parse_many(
		XML "<wildfire>" VERDICT(B, "-102") VERDICT(A, "1") "</wildfire>", v, &a));
	EXPECT_EQ(WILDFIRE_VERDICT, a.kind);
	EXPECT_EQ(1, v[0]);
	EXPECT_EQ(-102, v[1]);
	EXPECT_EQ(-9999, v[2]);
	/* One without a hash could be about any of them. */
	ASSERT_TRUE(parse_many("<wildfire>" VERDICT("", "1") "</wildfire>", v, &a));
	EXPECT_EQ(-9999, v[0]);
	ASSERT_TRUE(
		parse_many("<error><error-message>'Only 500'</error-message></error>", v, &a));
	EXPECT_EQ(WILDFIRE_ERROR, a.kind);
	EXPECT_FALSE(
		parse_many("<wildfire>" VERDICT(A, "1") VERDICT(D, "0") "</wildfire>", v, &a));
	EXPECT_FALSE(
		parse_many("<wildfire>" VERDICT(A, "1") VERDICT(A, "0") "</wildfire>", v, &a));
	EXPECT_FALSE(parse_many("<wildfire></wildfire>", v, &a));
	EXPECT_FALSE(parse_many("<wildfire>" VERDICT(A, "1"), v, &a));
}

TEST(limits)
{
	static char text[WILDFIRE_XML_MAX + 100];
	struct wildfire_answer a;
	char error[128];
	size_t n;

	/* One byte too long, and exactly as long as allowed. */
	memset(text, ' ', sizeof(text));
	memcpy(text, "<wildfire>" VERDICT(A, "0"), strlen("<wildfire>" VERDICT(A, "0")));
	memcpy(text + WILDFIRE_XML_MAX - 11, "</wildfire>", 11);
	EXPECT_TRUE(parse(text, WILDFIRE_XML_MAX, &a, error));
	EXPECT_FALSE(parse(text, WILDFIRE_XML_MAX + 1, &a, error));
	EXPECT_STREQ("too long", error);

	n = (size_t)sprintf(text, "<wildfire>");
	for (int i = 0; i < WILDFIRE_XML_ELEMENTS; i++)
		n += (size_t)sprintf(text + n, "<a/>");
	n += (size_t)sprintf(text + n, "</wildfire>");
	EXPECT_FALSE(parse(text, n, &a, error));
	EXPECT_NE(NULL, strstr(error, "too many"));

	/* A long message is cut, a long number is none. */
	n = (size_t)sprintf(text, "<error><error-message>%05000d</error-message></error>", 7);
	ASSERT_TRUE(parse(text, n, &a, error));
	EXPECT_EQ(WILDFIRE_TEXT_MAX - 1, strlen(a.message));
	n = (size_t)sprintf(text,
			    "<wildfire><get-verdict-info><verdict>1%05000d</verdict>"
			    "</get-verdict-info></wildfire>",
			    7);
	EXPECT_FALSE(parse(text, n, &a, error));
}

/* Every cut, and many changes: never more than a refusal. */
TEST(hostile)
{
	uint64_t state = 88172645463325252ull;
	struct wildfire_answer a;
	char error[128], text[1024];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t n = strlen(good[i].text), whole = n;

		while (whole && strchr(" \n", good[i].text[whole - 1]))
			whole--;
		for (size_t cut = 0; cut < whole; cut++) {
			EXPECT_FALSE(parse(good[i].text, cut, &a, error))
			{
				TH_LOG("%zu, cut after %zu bytes", i, cut);
			}
		}
		for (int round = 0; round < 2000; round++) {
			memcpy(text, good[i].text, n);
			for (int change = 0; change < 3; change++)
				text[scratch_random(&state) % n] = (char)scratch_random(&state);
			parse(text, n, &a, error);
		}
	}
}

TEST_HARNESS_MAIN
