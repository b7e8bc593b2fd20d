// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "conversation.h"

FIXTURE(pop3)
{
	struct conversation c;
};

FIXTURE_SETUP(pop3)
{
	ASSERT_TRUE(conversation_begin(&self->c));
	/* The message as it was transferred is what the transport is about. */
	self->c.env.private_talk = self->c.env.whole_mails = true;
}

FIXTURE_TEARDOWN(pop3)
{
	conversation_end(&self->c);
}

#define MESSAGE "Subject: s\r\n\r\nhello\r\nyou\r\n"
#define DOTTED MESSAGE ".\r\n"

#define mails(c) of_kind(c, SIGHTING_KIND_MAIL)
#define mail(c, n) nth(c, SIGHTING_KIND_MAIL, n)

static void login(struct conversation *c)
{
	answer(c, "+OK POP3 ready\r\n");
	ask(c, "USER alice\r\n");
	answer(c, "+OK\r\n");
	ask(c, "PASS secret\r\n");
	answer(c, "+OK in\r\n");
}

TEST_F(pop3, message)
{
	size_t m;

	login(&self->c);
	ask(&self->c, "RETR 1\r\n");
	answer(&self->c, "+OK 40 octets\r\nSubject: s\r\n\r\n..\r\n..a\r\n.\r\n");
	ASSERT_EQ(1, mails(&self->c));
	m = mail(&self->c, 0);
	EXPECT_TRUE(has_text(&self->c, m, "Subject: s\r\n\r\n.\r\n.a\r\n"));
	EXPECT_STREQ("pop3", text_at(&self->c, m, SIGHTING_APPLICATION));
	EXPECT_STREQ("alice", text_at(&self->c, m, SIGHTING_USER));
	EXPECT_EQ(DIRECTION_DOWNLOAD, self->c.seen[m].direction);
}

TEST_F(pop3, byte_by_byte)
{
	const char *talk = "+OK\r\n+OK list\r\n1 20\r\n.\r\n+OK\r\n" DOTTED "+OK bye\r\n";

	ask(&self->c, "USER a\r\n");
	answer(&self->c, "+OK\r\n");
	ask(&self->c, "PASS b\r\nLIST\r\nRETR 1\r\nQUIT\r\n");
	answer(&self->c, "+OK\r\n");
	for (; *talk; talk++)
		say(&self->c, DIR_ANSWERER, talk, 1);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
}

TEST_F(pop3, lists_and_capabilities_are_no_messages)
{
	login(&self->c);
	ask(&self->c, "CAPA\r\nSTAT\r\nLIST\r\nLIST 1\r\nUIDL\r\nUIDL 1\r\nRETR 1\r\n");
	answer(&self->c,
	       "+OK\r\nTOP\r\nUIDL\r\nRESP-CODES: x\r\n.\r\n+OK 1 20\r\n+OK\r\n1 20\r\n.\r\n"
	       "+OK 1 20\r\n+OK\r\n1 a:b\r\n.\r\n+OK 1 a:b\r\n+OK\r\n" DOTTED);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
}

TEST_F(pop3, top_is_cut_unless_the_message_is_shorter)
{
	login(&self->c);
	ask(&self->c, "TOP 1 2\r\n");
	answer(&self->c, "+OK\r\n" DOTTED);
	ask(&self->c, "TOP 1 3\r\n");
	answer(&self->c, "+OK\r\n" DOTTED);
	ask(&self->c, "TOP 1 0\r\n");
	answer(&self->c, "+OK\r\nSubject: s\r\n\r\n.\r\n");
	ASSERT_EQ(3, mails(&self->c));
	EXPECT_EQ(FILE_REASON_PARTIAL, self->c.seen[mail(&self->c, 0)].reason);
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 1), MESSAGE));
	EXPECT_EQ(FILE_REASON_PARTIAL, self->c.seen[mail(&self->c, 2)].reason);
}

TEST_F(pop3, errors_have_one_line)
{
	login(&self->c);
	ask(&self->c, "RETR 9\r\nRETR 1\r\n");
	answer(&self->c, "-ERR no such\r\n+OK\r\n" DOTTED);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
}

TEST_F(pop3, the_same_message_twice_is_two_sightings)
{
	login(&self->c);
	ask(&self->c, "RETR 1\r\nRETR 1\r\n");
	answer(&self->c, "+OK\r\n" DOTTED "+OK\r\n" DOTTED);
	EXPECT_EQ(2, mails(&self->c));
}

TEST_F(pop3, user_by_sasl)
{
	answer(&self->c, "+OK POP3 ready\r\n");
	ask(&self->c, "AUTH PLAIN\r\n");
	answer(&self->c, "+ \r\n");
	ask(&self->c, "AGFsaWNlAHNlY3JldA==\r\n");
	answer(&self->c, "+OK in\r\n");
	ask(&self->c, "RETR 1\r\n");
	answer(&self->c, "+OK\r\n" DOTTED);
	EXPECT_STREQ("alice", text_at(&self->c, mail(&self->c, 0), SIGHTING_USER));
}

TEST_F(pop3, user_by_apop)
{
	answer(&self->c, "+OK <1@x>\r\n");
	ask(&self->c, "APOP bob c4c9334bac560ecc979e58001b3e22fb\r\n");
	answer(&self->c, "+OK\r\n");
	ask(&self->c, "RETR 1\r\n");
	answer(&self->c, "+OK\r\n" DOTTED);
	EXPECT_STREQ("bob", text_at(&self->c, mail(&self->c, 0), SIGHTING_USER));
}

TEST_F(pop3, stls_ends_it)
{
	answer(&self->c, "+OK POP3 ready\r\n");
	ask(&self->c, "STLS\r\n");
	answer(&self->c, "+OK begin\r\n");
	EXPECT_EQ(0, self->c.shunts);
	tls_hellos(&self->c);
	EXPECT_EQ(1, self->c.shunts);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_TLS]);
}

TEST_F(pop3, stls_refused)
{
	answer(&self->c, "+OK POP3 ready\r\n");
	ask(&self->c, "STLS\r\n");
	answer(&self->c, "-ERR no\r\n");
	ask(&self->c, "RETR 1\r\n");
	answer(&self->c, "+OK\r\n" DOTTED);
	EXPECT_EQ(1, mails(&self->c));
	EXPECT_EQ(0, self->c.shunts);
}

TEST_F(pop3, the_server_alone)
{
	/* sizes that agree tell RETR from TOP */
	answer(&self->c, "+OK POP3 ready\r\n+OK\r\n+OK in\r\n+OK 1 26\r\n+OK\r\n1 26\r\n.\r\n");
	answer(&self->c,
	       "+OK 26 octets\r\n" DOTTED "+OK 99 octets\r\n" DOTTED "+OK\r\n" DOTTED);
	answer(&self->c, "+OK bye\r\n");
	fin(&self->c, DIR_ANSWERER);
	fin(&self->c, DIR_OPENER);
	conversation_close(&self->c, FILE_REASON_NONE);
	ASSERT_EQ(3, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
	EXPECT_EQ(FILE_REASON_PARTIAL, self->c.seen[mail(&self->c, 1)].reason);
	EXPECT_EQ(FILE_REASON_PARTIAL, self->c.seen[mail(&self->c, 2)].reason);
}

TEST_F(pop3, the_answer_before_its_command)
{
	login(&self->c);
	answer(&self->c, "+OK\r\nSubject: s\r\n\r\nhello\r\n");
	ask(&self->c, "RETR 1\r\n");
	answer(&self->c, "you\r\n.\r\n");
	ask(&self->c, "RETR 1\r\n");
	answer(&self->c, "+OK\r\n" DOTTED);
	ASSERT_EQ(2, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 1), MESSAGE));
}

TEST_F(pop3, picked_up_midstream)
{
	proto_session_free(self->c.ps, FILE_REASON_NONE, 1);
	self->c.info.midstream = true;
	self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	ask(&self->c, "RETR 1\r\n");
	answer(&self->c, "+OK\r\n" DOTTED);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
}

/* The first packet captured may be an ACK that came before its SYN. */
TEST_F(pop3, taken_for_midstream_at_its_begin)
{
	proto_session_free(self->c.ps, FILE_REASON_NONE, 1);
	self->c.info.midstream = true;
	self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	ask(&self->c, "AUTH\r\n");
	answer(&self->c, "+OK POP server ready\r\n-ERR 1 argument required\r\n");
	ask(&self->c, "RETR 1\r\n");
	answer(&self->c, "+OK\r\n" DOTTED);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
}

TEST_F(pop3, bytes_lost_within_a_message)
{
	login(&self->c);
	ask(&self->c, "RETR 1\r\nRETR 2\r\n");
	answer(&self->c, "+OK\r\nSubject: s\r\n\r\nhel");
	proto_session_gap(self->c.ps, DIR_ANSWERER, 5, 1);
	answer(&self->c, "lo\r\nyou\r\n.\r\n+OK\r\n" DOTTED);
	ASSERT_EQ(2, mails(&self->c));
	EXPECT_EQ(FILE_REASON_GAP, self->c.seen[mail(&self->c, 0)].reason);
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 1), MESSAGE));
}

TEST_F(pop3, the_end_lost)
{
	login(&self->c);
	ask(&self->c, "RETR 1\r\nRETR 2\r\n");
	answer(&self->c, "+OK\r\nSubject: s\r\n\r\nhel");
	proto_session_gap(self->c.ps, DIR_ANSWERER, 50, 1);
	answer(&self->c, "lo\r\n+OK 26 octets\r\n" DOTTED);
	ASSERT_EQ(2, mails(&self->c));
	EXPECT_EQ(FILE_REASON_GAP, self->c.seen[mail(&self->c, 0)].reason);
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 1), MESSAGE));
}

TEST_F(pop3, a_reply_lost)
{
	login(&self->c);
	ask(&self->c, "STAT\r\nRETR 1\r\n");
	proto_session_gap(self->c.ps, DIR_ANSWERER, 5, 1);
	answer(&self->c, " 20\r\n+OK 26 octets\r\n" DOTTED);
	ask(&self->c, "RETR 2\r\n");
	answer(&self->c, "+OK\r\n" DOTTED);
	ASSERT_EQ(2, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 1), MESSAGE));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
}

TEST_F(pop3, cut_off)
{
	login(&self->c);
	ask(&self->c, "RETR 1\r\n");
	answer(&self->c, "+OK\r\n" MESSAGE);
	fin(&self->c, DIR_ANSWERER);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_EQ(FILE_REASON_RESET, self->c.seen[mail(&self->c, 0)].reason);
}

static enum probe probed(const char *client, const char *server, bool whole)
{
	struct proto_head head[DIR_COUNT] = {
		{(const uint8_t *)client, strlen(client), whole},
		{(const uint8_t *)server, strlen(server), whole},
	};

	return proto_pop3.probe(head);
}

TEST(found_by_its_bytes)
{
	EXPECT_EQ(PROBE_MORE, probed("", "+OK ready\r\n", false));
	EXPECT_EQ(PROBE_MORE, probed("", "+O", false));
	EXPECT_EQ(PROBE_MORE, probed("USER a\r\n", "", false));
	EXPECT_EQ(PROBE_YES, probed("USER a\r\n", "+OK ready\r\n", false));
	EXPECT_EQ(PROBE_YES, probed("CAPA\r\n", "+OK\r\n", false));
	EXPECT_EQ(PROBE_NO, probed("USER a\r\n", "220 ftp\r\n", false));
	EXPECT_EQ(PROBE_NO, probed("*1\r\n$4\r\nPING\r\n", "+OK\r\n", false));
	EXPECT_EQ(PROBE_NO, probed("", "+OK\r\n", true));
	EXPECT_EQ(PROBE_YES, probed("", "+OK POP3 ready\r\n", true));
	EXPECT_EQ(PROBE_NO, probed("GET / HTTP/1.1\r\n", "", false));
}

TEST_HARNESS_MAIN
