// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "conversation.h"

#define REQUEST "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

FIXTURE(proto)
{
	struct conversation c;
};

FIXTURE_SETUP(proto)
{
	ASSERT_TRUE(conversation_begin(&self->c));
}

FIXTURE_TEARDOWN(proto)
{
	conversation_end(&self->c);
}

TEST_F(proto, request_first)
{
	ask(&self->c, REQUEST);
	answer(&self->c, RESPONSE);
	EXPECT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("http://x/a", text_at(&self->c, 0, SIGHTING_URL));
	EXPECT_TRUE(proto_session_wanted(self->c.ps));
}

/* A capture may show the answer before its request: they still belong together. */
TEST_F(proto, response_first)
{
	answer(&self->c, RESPONSE);
	EXPECT_EQ(0, self->c.files);
	ask(&self->c, REQUEST);
	EXPECT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("http://x/a", text_at(&self->c, 0, SIGHTING_URL));
}

TEST_F(proto, byte_by_byte)
{
	for (const char *p = REQUEST; *p; p++)
		say(&self->c, DIR_OPENER, p, 1);
	for (const char *p = RESPONSE; *p; p++)
		say(&self->c, DIR_ANSWERER, p, 1);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
}

TEST_F(proto, response_alone)
{
	answer(&self->c, RESPONSE);
	conversation_close(&self->c, FILE_REASON_TIMEOUT);
	EXPECT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("", text_at(&self->c, 0, SIGHTING_URL));
	EXPECT_EQ(DIRECTION_DOWNLOAD, self->c.seen[0].direction);
}

TEST_F(proto, response_alone_larger_than_the_head)
{
	static char body[10000];

	memset(body, 'b', sizeof(body));
	answer(&self->c, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");
	say(&self->c, DIR_ANSWERER, body, sizeof(body));
	EXPECT_EQ(1, self->c.files);
	EXPECT_TRUE(has_content(&self->c, 0, body, sizeof(body)));
}

TEST_F(proto, request_alone)
{
	ask(&self->c, "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_EQ(DIRECTION_UPLOAD, self->c.seen[0].direction);
}

TEST_F(proto, unknown_is_given_up_once)
{
	for (int i = 0; i < 20; i++) {
		answer(&self->c, "nothing known\r\n");
		ask(&self->c, "what is this\r\n");
	}
	EXPECT_FALSE(proto_session_wanted(self->c.ps));
	EXPECT_EQ(1, self->c.shunts);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_UNKNOWN]);
	ask(&self->c, REQUEST);
	answer(&self->c, RESPONSE);
	conversation_close(&self->c, FILE_REASON_NONE);
	EXPECT_EQ(0, self->c.files);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_UNKNOWN]);
}

TEST_F(proto, one_side_of_the_unknown)
{
	uint8_t noise[1000];

	memset(noise, 0x81, sizeof(noise));
	for (int i = 0; i < 100; i++)
		say(&self->c, DIR_OPENER, noise, sizeof(noise));
	EXPECT_FALSE(proto_session_wanted(self->c.ps));
	EXPECT_EQ(1, self->c.shunts);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_UNKNOWN]);
}

TEST_F(proto, short_unknown_is_counted)
{
	ask(&self->c, "what is this\r\n");
	conversation_close(&self->c, FILE_REASON_NONE);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_UNKNOWN]);
}

TEST_F(proto, silence_is_not_unknown)
{
	fin(&self->c, DIR_OPENER);
	fin(&self->c, DIR_ANSWERER);
	conversation_close(&self->c, FILE_REASON_NONE);
	EXPECT_EQ(0, self->c.counters.value[COUNTER_SESSIONS_UNKNOWN]);
}

/* What follows a preface that is of no known protocol. */
TEST_F(proto, behind_socks)
{
	say(&self->c, DIR_OPENER, "\x05\x01\0", 3);
	say(&self->c, DIR_ANSWERER, "\x05\0", 2);
	say(&self->c, DIR_OPENER, "\x05\x01\0\x01\xc0\0\x02\x01\0\x50", 10);
	say(&self->c, DIR_ANSWERER, "\x05\0\0\x01\0\0\0\0\0\0", 10);
	ask(&self->c, REQUEST);
	answer(&self->c, RESPONSE);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_EQ(0, self->c.shunts);
}

TEST_F(proto, gap_before_the_first_byte)
{
	proto_session_gap(self->c.ps, DIR_OPENER, 100, 1);
	ask(&self->c, REQUEST);
	answer(&self->c, RESPONSE);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
}

TEST_F(proto, gap_in_what_is_not_yet_known)
{
	ask(&self->c, "GE");
	proto_session_gap(self->c.ps, DIR_OPENER, 100, 1);
	answer(&self->c, RESPONSE);
	ask(&self->c, REQUEST);
	answer(&self->c, RESPONSE);
	conversation_close(&self->c, FILE_REASON_NONE);
	for (size_t i = 0; i < self->c.files; i++)
		EXPECT_TRUE(has_text(&self->c, i, "hello"));
	EXPECT_LE(1, self->c.files);
}

TEST_F(proto, files_are_numbered)
{
	ask(&self->c, REQUEST REQUEST);
	answer(&self->c, RESPONSE RESPONSE);
	EXPECT_EQ(2, self->c.files);
	EXPECT_EQ(0, self->c.seen[0].number);
	EXPECT_EQ(1, self->c.seen[1].number);
	EXPECT_STREQ("web-browsing", text_at(&self->c, 1, SIGHTING_APPLICATION));
}

TEST_F(proto, server_that_seems_to_have_opened)
{
	proto_session_free(self->c.ps, FILE_REASON_NONE, 1);
	self->c.info.midstream = true;
	self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	ASSERT_NE(NULL, self->c.ps);
	say(&self->c, DIR_ANSWERER, REQUEST, strlen(REQUEST));
	say(&self->c, DIR_OPENER, RESPONSE, strlen(RESPONSE));
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("http://x/a", text_at(&self->c, 0, SIGHTING_URL));
	/* whoever opened, the sender is who sent the file, to a client that downloads */
	EXPECT_EQ(DIRECTION_DOWNLOAD, self->c.seen[0].direction);
	EXPECT_EQ(40000, self->c.seen[0].session.end[DIR_ANSWERER].port);
}

TEST_HARNESS_MAIN
