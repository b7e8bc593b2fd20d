// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/uid_message.h"

#include <stdlib.h>
#include <string.h>

static struct user_changes changes;

/* In pieces of `piece` bytes; "" when it is complete, and then *used bytes were it. */
static const char *read_pieces(const char *text, size_t n, size_t piece, size_t *used)
{
	enum uid_message_state state = UID_MESSAGE_MORE;
	struct uid_message *m;
	size_t one = 0;

	user_changes_free(&changes);
	user_changes_init(&changes, 100000);
	m = uid_message_new(&changes);
	for (*used = 0; state == UID_MESSAGE_MORE && *used < n; *used += one)
		state = uid_message_feed(m, text + *used,
					 piece < n - *used ? piece : n - *used, &one);
	if (state == UID_MESSAGE_MORE)
		uid_message_cut(m);
	uid_message_free(m);
	return state == UID_MESSAGE_DONE ? "" : changes.error;
}

static const char *read_message(const char *text)
{
	size_t used;

	return read_pieces(text, strlen(text), SIZE_MAX, &used);
}

#define HEAD "<uid-message><version>1.0</version><type>update</type><payload>"
#define TAIL "</payload></uid-message>"

static const char whole[] =
	"<?xml version=\"1.0\"?>\n"
	"<uid-message>\n"
	"  <version>1.0</version>\n"
	"  <type> update </type>\n"
	"  <payload>\n"
	"    <login>\n"
	"      <entry name=\"corp\\alice\" ip=\"10.1.1.1\" timeout=\"20\"/>\n"
	"      <entry name=\"corp\\b&amp;b\" ip=\"2001:db8::1\" timeout=\"0\" vsys=\"red\"></entry>\n"
	"      <entry name=\"corp\\j\xc3\xb6rg\" ip=\"10.1.1.3\"/>\n"
	"    </login>\n"
	"    <logout><entry name=\"corp\\dave\" ip=\"10.1.1.4\"/><entry ip=\"10.1.1.5\"/></logout>\n"
	"    <groups>\n"
	"      <entry name=\"staff\"><members><entry name=\"corp\\alice\"/><entry name=\"x\"/>"
	"</members></entry>\n"
	"      <entry name=\"nobody\"><members/></entry>\n"
	"    </groups>\n"
	"  </payload>\n"
	"</uid-message>";

TEST(whole_message)
{
	const struct user_change *c;

	ASSERT_STREQ("", read_message(whole));
	ASSERT_EQ(9, changes.count);
	c = changes.change;
	EXPECT_EQ(USER_CHANGE_LOGIN, c[0].kind);
	EXPECT_STREQ("corp\\alice", user_changes_at(&changes, c[0].user));
	EXPECT_EQ(1200, c[0].timeout);
	EXPECT_EQ(7, c[0].line);
	EXPECT_STREQ("corp\\b&b", user_changes_at(&changes, c[1].user));
	EXPECT_STREQ("red", user_changes_at(&changes, c[1].vsys));
	EXPECT_TRUE(c[1].has_timeout);
	EXPECT_EQ(0, c[1].timeout);
	EXPECT_STREQ("corp\\j\xc3\xb6rg", user_changes_at(&changes, c[2].user));
	EXPECT_FALSE(c[2].has_timeout);
	EXPECT_EQ(USER_CHANGE_LOGOUT, c[3].kind);
	EXPECT_STREQ("corp\\dave", user_changes_at(&changes, c[3].user));
	EXPECT_STREQ("", user_changes_at(&changes, c[4].user));
	EXPECT_EQ(USER_CHANGE_EMPTY, c[5].kind);
	EXPECT_STREQ("staff", user_changes_at(&changes, c[5].group));
	EXPECT_EQ(USER_CHANGE_JOIN, c[7].kind);
	EXPECT_STREQ("staff", user_changes_at(&changes, c[7].group));
	EXPECT_STREQ("x", user_changes_at(&changes, c[7].user));
	EXPECT_STREQ("nobody", user_changes_at(&changes, c[8].group));
}

/* However it is cut, and whatever comes behind it. */
TEST(pieces)
{
	char text[sizeof(whole) + 64];
	size_t used;

	strcpy(text, whole);
	strcat(text, "\n<uid-message>and so on");
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		ASSERT_STREQ("", read_pieces(text, strlen(text), piece, &used));
		ASSERT_EQ(strlen(whole), used);
		ASSERT_EQ(9, changes.count);
	}
	for (size_t n = 0; n < strlen(whole); n++) {
		ASSERT_NE(0, strlen(read_pieces(text, n, n, &used)));
		ASSERT_NE(NULL, strstr(changes.error, "line "));
	}
}

TEST(refused)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{HEAD "\n<login>\n  <entry name=\"a\" ip=\"10.0.0.1\">\n</login>" TAIL,
		 "line 4, column 3: mismatched tag"},
		{HEAD "<login><entry name=\"a\" ip=\"10.0.0\"/></login>" TAIL,
		 "line 1, column 71: ip=\"10.0.0\": expected an address"},
		{HEAD "<login>\n\n <entry ip=\"10.0.0.1\"/></login>" TAIL,
		 "line 3, column 2: the attribute name is missing"},
		{HEAD "<login><entry name=\"a\"/></login>" TAIL,
		 "line 1, column 71: the attribute ip is missing"},
		{HEAD "<login><entry name=\"\" ip=\"10.0.0.1\"/></login>" TAIL,
		 "line 1, column 71: name=\"\": expected"},
		{HEAD "<login><entry name=\"a\" ip=\"10.0.0.1\" timeout=\"20m\"/></login>" TAIL,
		 "line 1, column 71: timeout=\"20m\": expected minutes"},
		{HEAD "<login><entry name=\"a\" ip=\"10.0.0.1\" timeout=\"\"/></login>" TAIL,
		 "line 1, column 71: timeout=\"\": expected minutes"},
		{HEAD "<login><entry name=\"a\" ip=\"10.0.0.1\" "
		      "timeout=\"99999999999999999999\"/></login>" TAIL,
		 "line 1, column 71: timeout=\"9999"},
		{HEAD "<login><entry name=\"a\" ip=\"10.0.0.1\" colour=\"red\"/></login>" TAIL,
		 "line 1, column 71: attribute 'colour': expected name, ip, timeout or vsys"},
		{HEAD "<logout><entry name=\"a\" ip=\"10.0.0.1\" timeout=\"1\"/></logout>" TAIL,
		 "line 1, column 72: attribute 'timeout': expected name, ip or vsys"},
		{HEAD "<login><entry name=\"a\" name=\"b\" ip=\"10.0.0.1\"/></login>" TAIL,
		 "line 1, column 87: duplicate attribute"},
		{HEAD "<register/>" TAIL, "line 1, column 64: <register>: expected login, logout"},
		{HEAD "text" TAIL, "line 1, column 64: text: expected elements only"},
		{"<uid-message><version>3.0</version>",
		 "line 1, column 26: version '3.0': expected 1.0 or 2.0"},
		{"<uid-message><type>delete</type>", "line 1, column 26: type 'delete': expected"},
		{"<uid-message><type>update</type></uid-message>",
		 "line 1, column 33: <payload> is missing"},
		{"<uid-message><payload></payload></uid-message>",
		 "line 1, column 33: <type> is missing"},
		{HEAD "</payload><payload>", "line 1, column 74: <payload> a second time"},
		{"<uid-message xmlns=\"x\">", "line 1, column 1: attribute 'xmlns': expected none"},
		{"<uid-messages/>", "line 1, column 1: <uid-messages>: expected uid-message"},
		{"<uid-message>\xff", "line 1, column 14: not well-formed"},
		{HEAD "<login><entry name=\"&nbsp;\" ip=\"10.0.0.1\"/>", "line 1, column 71: "},
		{"<!DOCTYPE uid-message>", "line 1, column 22: a document type: expected none"},
		{"", "line 1, column 1: no element found"},
		{"<uid-message>", "line 1, column 14: "},
		{"hello", "line 1, column 1: "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *error = read_message(cases[i].text);

		EXPECT_EQ(0, strncmp(cases[i].error, error, strlen(cases[i].error)))
			TH_LOG("%s: %s", cases[i].text, error);
	}
}

/* No entity of anybody else's: neither the many laughs nor a file. */
TEST(entities)
{
	static const char *const cases[] = {
		"<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [<!ENTITY lol \"lol\">"
		"<!ENTITY lol1 \"&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;\">"
		"<!ENTITY lol2 \"&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;\">"
		"<!ENTITY lol3 \"&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;\">]>" HEAD
		"<login><entry name=\"&lol3;\" ip=\"10.0.0.1\"/></login>" TAIL,
		"<?xml version=\"1.0\"?>\n<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
		HEAD "<login><entry name=\"&x;\" ip=\"10.0.0.1\"/></login>" TAIL,
		"<?xml version=\"1.0\"?>\n<!DOCTYPE r SYSTEM \"http://192.0.2.1/x.dtd\">" HEAD TAIL,
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EXPECT_EQ(0, strncmp(read_message(cases[i]), "line 2, column ", 15));
		EXPECT_NE(NULL, strstr(changes.error, ": a document type: expected none"));
		EXPECT_EQ(0, changes.count);
	}
}

TEST(huge)
{
	size_t n = UID_MESSAGE_MAX + 1, used, at = strlen(HEAD "<login>"), k = 0;
	char *text = malloc(n);
	const char *entry = "<entry name=\"a\" ip=\"10.0.0.1\"/>\n";

	ASSERT_NE(NULL, text);
	memset(text, ' ', n);
	memcpy(text, HEAD "<login>", at);
	EXPECT_NE(NULL, strstr(read_pieces(text, n, 65536, &used), "longer than 16777216 bytes"));
	/* Long, but not too long: only what its entries are. */
	while (at + strlen(entry) < n && k <= 100000) {
		memcpy(text + at, entry, strlen(entry));
		at += strlen(entry);
		k++;
	}
	EXPECT_STREQ("line 100001, column 1: more than 100000 entries, or out of memory",
		     read_pieces(text, n - 1, 65536, &used));
	/* One name alone. */
	at = strlen(HEAD "<login>");
	memset(text + at, 'x', n - at);
	memcpy(text + at, "<entry name=\"", 13);
	memcpy(text + n - 100, "\" ip=\"10.0.0.1\"/>", 17);
	EXPECT_NE(NULL, strstr(read_pieces(text, n - 1, 65536, &used), "expected 1 to 255 bytes"));
	/* Elements in each other, as deep as one likes. */
	for (at = 0; at + 3 < n; at += 3)
		memcpy(text + at, "<a>", 3);
	EXPECT_NE(NULL, strstr(read_pieces(text, n - 1, 65536, &used), "<a>: expected uid-message"));
	free(text);
}

TEST_HARNESS_MAIN
