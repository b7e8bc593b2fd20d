// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "conversation.h"

FIXTURE(smtp)
{
	struct conversation c;
};

FIXTURE_SETUP(smtp)
{
	ASSERT_TRUE(conversation_begin(&self->c));
	/* The message as it was transferred is what the transport is about. */
	self->c.env.private_talk = self->c.env.whole_mails = true;
}

FIXTURE_TEARDOWN(smtp)
{
	conversation_end(&self->c);
}

#define MESSAGE "Subject: s\r\n\r\nhello\r\n"
#define DOTTED MESSAGE ".\r\n"

#define mails(c) of_kind(c, SIGHTING_KIND_MAIL)
#define mail(c, n) nth(c, SIGHTING_KIND_MAIL, n)

static void greet(struct conversation *c)
{
	answer(c, "220 mx ESMTP\r\n");
	ask(c, "EHLO me\r\n");
	answer(c, "250-mx\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
}

static void envelope(struct conversation *c)
{
	ask(c, "MAIL FROM:<a@x>\r\n");
	answer(c, "250 ok\r\n");
	ask(c, "RCPT TO:<b@y>\r\n");
	answer(c, "250 ok\r\n");
}

static void transfer(struct conversation *c)
{
	ask(c, "DATA\r\n");
	answer(c, "354 go\r\n");
	ask(c, DOTTED);
}

TEST_F(smtp, message)
{
	size_t m;

	greet(&self->c);
	envelope(&self->c);
	ask(&self->c, "DATA\r\n");
	answer(&self->c, "354 go\r\n");
	ask(&self->c, "Subject: s\r\n\r\n..\r\n..a\r\n.\r\n");
	answer(&self->c, "250 ok\r\n");
	ASSERT_EQ(1, mails(&self->c));
	m = mail(&self->c, 0);
	EXPECT_TRUE(has_text(&self->c, m, "Subject: s\r\n\r\n.\r\n.a\r\n"));
	EXPECT_STREQ("smtp", text_at(&self->c, m, SIGHTING_APPLICATION));
	EXPECT_STREQ("a@x", text_at(&self->c, m, SIGHTING_SMTP_MAIL_FROM));
	EXPECT_STREQ("b@y", text_at(&self->c, m, SIGHTING_SMTP_RCPT_TO));
	EXPECT_EQ(DIRECTION_UPLOAD, self->c.seen[m].direction);
}

TEST_F(smtp, byte_by_byte)
{
	const char *talk =
		"EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n" DOTTED "QUIT\r\n";

	for (; *talk; talk++)
		say(&self->c, DIR_OPENER, talk, 1);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
}

TEST_F(smtp, one_side_only)
{
	ask(&self->c, "EHLO me\r\nMAIL FROM:<a@x> SIZE=10\r\nRCPT TO:<b@y>\r\nDATA\r\n");
	ask(&self->c, DOTTED "MAIL FROM:<>\r\nRCPT TO:<c@z>\r\nDATA\r\n" DOTTED);
	ASSERT_EQ(2, mails(&self->c));
	EXPECT_STREQ("a@x", text_at(&self->c, mail(&self->c, 0), SIGHTING_SMTP_MAIL_FROM));
	EXPECT_STREQ("", text_at(&self->c, mail(&self->c, 1), SIGHTING_SMTP_MAIL_FROM));
	EXPECT_STREQ("c@z", text_at(&self->c, mail(&self->c, 1), SIGHTING_SMTP_RCPT_TO));
}

TEST_F(smtp, paths)
{
	greet(&self->c);
	ask(&self->c, "mail from: <\"a > b\"@x> SMTPUTF8 BODY=8BITMIME\r\n");
	ask(&self->c, "RCPT TO:<@r,@s:b@y> NOTIFY=NEVER\r\nrcpt to:c@y\r\nRCPT TO : d@y \r\n"
		      "RCPT TO:<\xc3\xbc@y>\r\nDATA\r\n");
	ask(&self->c, DOTTED);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_STREQ("\"a > b\"@x",
		     text_at(&self->c, mail(&self->c, 0), SIGHTING_SMTP_MAIL_FROM));
	EXPECT_STREQ("b@y\nc@y\nd@y\n\xc3\xbc@y",
		     text_at(&self->c, mail(&self->c, 0), SIGHTING_SMTP_RCPT_TO));
}

TEST_F(smtp, refused_recipients_get_nothing)
{
	greet(&self->c);
	ask(&self->c,
	    "MAIL FROM:<a@x>\r\nRCPT TO:<no1@y>\r\nRCPT TO:<b@y>\r\nRCPT TO:<no2@y>\r\n"
	    "RCPT TO:<c@y>\r\nRCPT TO:<no3@y>\r\nDATA\r\n");
	answer(&self->c, "250 ok\r\n550 no\r\n250 ok\r\n550-n\r\n550 o\r\n250 ok\r\n450 "
			 "no\r\n354 go\r\n");
	ask(&self->c, DOTTED);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_STREQ("b@y\nc@y", text_at(&self->c, mail(&self->c, 0), SIGHTING_SMTP_RCPT_TO));
}

TEST_F(smtp, replies_before_their_commands)
{
	greet(&self->c);
	answer(&self->c, "250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n");
	ask(&self->c, "MAIL FROM:<a@x>\r\nRCPT TO:<no@y>\r\nRCPT TO:<b@y>\r\nDATA\r\n");
	answer(&self->c, "250 taken\r\n250 ok\r\n");
	ask(&self->c, DOTTED "MAIL FROM:<c@x>\r\n");
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
	EXPECT_STREQ("b@y", text_at(&self->c, mail(&self->c, 0), SIGHTING_SMTP_RCPT_TO));
}

TEST_F(smtp, data_refused)
{
	greet(&self->c);
	ask(&self->c, "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n");
	answer(&self->c, "250 ok\r\n550 no\r\n554 no valid recipients\r\n");
	ask(&self->c, "MAIL FROM:<c@x>\r\nRCPT TO:<d@y>\r\nDATA\r\n");
	answer(&self->c, "250 ok\r\n250 ok\r\n354 go\r\n");
	ask(&self->c, DOTTED);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_STREQ("d@y", text_at(&self->c, mail(&self->c, 0), SIGHTING_SMTP_RCPT_TO));
}

TEST_F(smtp, data_refused_by_a_server_not_heard)
{
	ask(&self->c, "EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n");
	ask(&self->c, "RSET\r\nMAIL FROM:<c@x>\r\nRCPT TO:<d@y>\r\nDATA\r\n");
	ask(&self->c, DOTTED);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_STREQ("d@y", text_at(&self->c, mail(&self->c, 0), SIGHTING_SMTP_RCPT_TO));
}

TEST_F(smtp, a_message_refused_behind_its_end_has_crossed)
{
	greet(&self->c);
	envelope(&self->c);
	transfer(&self->c);
	answer(&self->c, "550 5.7.1 virus\r\n");
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
}

TEST_F(smtp, chunks)
{
	greet(&self->c);
	envelope(&self->c);
	ask(&self->c,
	    "BDAT 14\r\nSubject: s\r\n\r\nBDAT 0\r\nBDAT 7\r\n.\r\nhi\r\nBDAT 0 LAST\r\n"
	    "MAIL FROM:<c@x>\r\n");
	answer(&self->c, "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
	ask(&self->c, "RCPT TO:<d@y>\r\nBDAT 21 last\r\n" MESSAGE);
	ASSERT_EQ(2, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), "Subject: s\r\n\r\n.\r\nhi\r\n"));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 1), MESSAGE));
	EXPECT_STREQ("c@x", text_at(&self->c, mail(&self->c, 1), SIGHTING_SMTP_MAIL_FROM));
}

TEST_F(smtp, chunks_of_no_size)
{
	static const char *const bad[] = {
		"BDAT -1 LAST", "BDAT 15555555557777777777 LAST", "BDAT", "BDAT 5 X", "BDAT 5x",
	};

	greet(&self->c);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask(&self->c, bad[i]);
		ask(&self->c, "\r\n");
		answer(&self->c, "501 no\r\n");
	}
	envelope(&self->c);
	ask(&self->c, "BDAT 21 LAST\r\n" MESSAGE);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
}

TEST_F(smtp, chunks_given_up)
{
	greet(&self->c);
	envelope(&self->c);
	ask(&self->c, "BDAT 14\r\nSubject: s\r\n\r\nRSET\r\n");
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_EQ(FILE_STATE_TRUNCATED, self->c.seen[mail(&self->c, 0)].state);
}

TEST_F(smtp, ehlo_and_rset_begin_anew)
{
	greet(&self->c);
	envelope(&self->c);
	ask(&self->c, "RSET\r\n");
	answer(&self->c, "250 ok\r\n");
	ask(&self->c, "MAIL FROM:<c@x>\r\n");
	answer(&self->c, "250 ok\r\n");
	ask(&self->c, "EHLO me\r\n");
	answer(&self->c, "250 mx\r\n");
	ask(&self->c, "MAIL FROM:<e@x>\r\nRCPT TO:<f@y>\r\nDATA\r\n");
	answer(&self->c, "250 ok\r\n250 ok\r\n354 go\r\n");
	ask(&self->c, DOTTED);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_STREQ("e@x", text_at(&self->c, mail(&self->c, 0), SIGHTING_SMTP_MAIL_FROM));
	EXPECT_STREQ("f@y", text_at(&self->c, mail(&self->c, 0), SIGHTING_SMTP_RCPT_TO));
}

TEST_F(smtp, user)
{
	greet(&self->c);
	ask(&self->c, "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n");
	answer(&self->c, "235 welcome\r\n");
	envelope(&self->c);
	transfer(&self->c);
	EXPECT_STREQ("alice", text_at(&self->c, mail(&self->c, 0), SIGHTING_USER));
}

TEST_F(smtp, user_and_password_in_lines)
{
	greet(&self->c);
	ask(&self->c, "AUTH LOGIN\r\n");
	answer(&self->c, "334 VXNlcm5hbWU6\r\n");
	ask(&self->c, "YWxpY2U=\r\n");
	answer(&self->c, "334 UGFzc3dvcmQ6\r\n");
	ask(&self->c, "c2VjcmV0\r\n");
	answer(&self->c, "235 welcome\r\n");
	envelope(&self->c);
	transfer(&self->c);
	EXPECT_STREQ("alice", text_at(&self->c, mail(&self->c, 0), SIGHTING_USER));
}

TEST_F(smtp, user_refused)
{
	greet(&self->c);
	ask(&self->c, "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n");
	answer(&self->c, "535 no\r\n");
	envelope(&self->c);
	transfer(&self->c);
	EXPECT_STREQ("", text_at(&self->c, mail(&self->c, 0), SIGHTING_USER));
}

TEST_F(smtp, starttls_ends_it)
{
	greet(&self->c);
	ask(&self->c, "STARTTLS\r\n");
	EXPECT_EQ(0, self->c.shunts);
	answer(&self->c, "220 go\r\n");
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_TLS]);
	EXPECT_EQ(0, self->c.shunts);
	tls_hellos(&self->c);
	EXPECT_EQ(1, self->c.shunts);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_TLS]);
	EXPECT_FALSE(proto_session_wanted(self->c.ps));
}

TEST_F(smtp, starttls_without_the_server)
{
	ask(&self->c, "EHLO me\r\nSTARTTLS\r\n");
	ask(&self->c, "\x16\x03\x01\x02");
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_TLS]);
}

TEST_F(smtp, starttls_refused)
{
	greet(&self->c);
	ask(&self->c, "STARTTLS\r\n");
	answer(&self->c, "454 not now\r\n");
	envelope(&self->c);
	transfer(&self->c);
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
	EXPECT_EQ(0, self->c.counters.value[COUNTER_SESSIONS_TLS]);
}

/* suricata-verify smtp-long-DATA-line, bug-5981: a long line puts nothing out of step */
TEST_F(smtp, long_lines)
{
	static char line[100000];
	size_t n;

	memset(line, 'x', sizeof(line) - 1);
	greet(&self->c);
	ask(&self->c, line);
	ask(&self->c, "\r\n");
	answer(&self->c, "500 too long\r\n");
	envelope(&self->c);
	ask(&self->c, "DATA\r\n");
	answer(&self->c, "354 go\r\n");
	ask(&self->c, line);
	ask(&self->c, "\r\n.\r\nQUIT\r\n");
	ASSERT_EQ(1, mails(&self->c));
	n = strlen(line);
	memcpy(line + n - 2, "\r\n", 2);
	EXPECT_EQ(n + 2, self->c.seen[mail(&self->c, 0)].size);
	EXPECT_EQ(FILE_STATE_COMPLETE, self->c.seen[mail(&self->c, 0)].state);
}

TEST_F(smtp, lmtp_answers_for_each_recipient)
{
	answer(&self->c, "220 mx LMTP\r\n");
	ask(&self->c, "LHLO me\r\n");
	answer(&self->c, "250 mx\r\n");
	ask(&self->c,
	    "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nRCPT TO:<no@y>\r\nRCPT TO:<c@y>\r\nDATA\r\n");
	answer(&self->c, "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n");
	ask(&self->c, DOTTED);
	answer(&self->c, "250 b\r\n");
	answer(&self->c, "550 c\r\n");
	ask(&self->c, "MAIL FROM:<d@x>\r\nRCPT TO:<e@y>\r\nRCPT TO:<no@y>\r\nDATA\r\n");
	answer(&self->c, "250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n");
	ask(&self->c, DOTTED);
	ASSERT_EQ(2, mails(&self->c));
	EXPECT_STREQ("e@y", text_at(&self->c, mail(&self->c, 1), SIGHTING_SMTP_RCPT_TO));
}

TEST_F(smtp, a_dot_the_server_takes_for_the_end)
{
	greet(&self->c);
	envelope(&self->c);
	ask(&self->c, "DATA\r\n");
	answer(&self->c, "354 go\r\n");
	ask(&self->c, "Subject: s\r\n\r\nhello\r\n.\n");
	EXPECT_EQ(0, mails(&self->c));
	answer(&self->c, "250 taken\r\n");
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
	envelope(&self->c);
	transfer(&self->c);
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 1), MESSAGE));
}

TEST_F(smtp, a_dot_the_server_does_not)
{
	greet(&self->c);
	envelope(&self->c);
	ask(&self->c, "DATA\r\n");
	answer(&self->c, "354 go\r\n");
	ask(&self->c, "Subject: s\r\n\r\na\n.\r\nMAIL FROM:<evil@x>\r\n.\r\n");
	answer(&self->c, "250 taken\r\n");
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0),
			     "Subject: s\r\n\r\na\n.\r\nMAIL FROM:<evil@x>\r\n"));
}

TEST_F(smtp, bytes_lost_within_a_message)
{
	greet(&self->c);
	envelope(&self->c);
	ask(&self->c, "DATA\r\n");
	answer(&self->c, "354 go\r\n");
	ask(&self->c, "Subject: s\r\n\r\nhel");
	proto_session_gap(self->c.ps, DIR_OPENER, 10, 1);
	ask(&self->c, "lo\r\n.\r\n");
	answer(&self->c, "250 taken\r\n");
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_EQ(FILE_STATE_TRUNCATED, self->c.seen[mail(&self->c, 0)].state);
	EXPECT_EQ(FILE_REASON_GAP, self->c.seen[mail(&self->c, 0)].reason);
	envelope(&self->c);
	transfer(&self->c);
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 1), MESSAGE));
}

TEST_F(smtp, the_end_lost)
{
	greet(&self->c);
	envelope(&self->c);
	ask(&self->c, "DATA\r\n");
	answer(&self->c, "354 go\r\n");
	ask(&self->c, "Subject: s\r\n\r\nhel");
	answer(&self->c, "250 taken\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	proto_session_gap(self->c.ps, DIR_OPENER, 10, 1);
	ask(&self->c, "rest\r\nMAIL FROM:<c@x>\r\nRCPT TO:<d@y>\r\nDATA\r\n" DOTTED);
	ASSERT_EQ(2, mails(&self->c));
	EXPECT_EQ(FILE_REASON_GAP, self->c.seen[mail(&self->c, 0)].reason);
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 1), MESSAGE));
	EXPECT_STREQ("d@y", text_at(&self->c, mail(&self->c, 1), SIGHTING_SMTP_RCPT_TO));
}

TEST_F(smtp, a_command_in_a_torn_message_is_text_while_no_reply_came)
{
	greet(&self->c);
	envelope(&self->c);
	ask(&self->c, "DATA\r\n");
	answer(&self->c, "354 go\r\n");
	ask(&self->c, "Subject: s\r\n\r\nhel");
	proto_session_gap(self->c.ps, DIR_OPENER, 10, 1);
	ask(&self->c, "rest\r\nMAIL FROM:<c@x>\r\nRCPT TO:<d@y>\r\nDATA\r\n" DOTTED);
	answer(&self->c, "250 taken\r\n");
	EXPECT_EQ(1, mails(&self->c));
}

TEST_F(smtp, bytes_lost_within_a_chunk)
{
	greet(&self->c);
	envelope(&self->c);
	ask(&self->c, "BDAT 21 LAST\r\nSubject: s\r\n");
	proto_session_gap(self->c.ps, DIR_OPENER, 5, 1);
	ask(&self->c, "lo\r\nMAIL FROM:<c@x>\r\nRCPT TO:<d@y>\r\nBDAT 21 LAST\r\n" MESSAGE);
	ASSERT_EQ(2, mails(&self->c));
	EXPECT_EQ(FILE_REASON_GAP, self->c.seen[mail(&self->c, 0)].reason);
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 1), MESSAGE));
	EXPECT_STREQ("c@x", text_at(&self->c, mail(&self->c, 1), SIGHTING_SMTP_MAIL_FROM));
}

TEST_F(smtp, commands_lost)
{
	greet(&self->c);
	ask(&self->c, "MAIL FROM:<a@x>\r\n");
	proto_session_gap(self->c.ps, DIR_OPENER, 30, 1);
	ask(&self->c,
	    "text of a message\r\n.\r\nMAIL FROM:<c@x>\r\nRCPT TO:<d@y>\r\nDATA\r\n" DOTTED);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_STREQ("c@x", text_at(&self->c, mail(&self->c, 0), SIGHTING_SMTP_MAIL_FROM));
}

TEST_F(smtp, replies_lost)
{
	greet(&self->c);
	ask(&self->c, "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nRCPT TO:<c@y>\r\nDATA\r\n");
	answer(&self->c, "250 o");
	proto_session_gap(self->c.ps, DIR_ANSWERER, 20, 1);
	answer(&self->c, "50 ok\r\n354 go\r\n");
	ask(&self->c, DOTTED);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
}

TEST_F(smtp, cut_off)
{
	greet(&self->c);
	envelope(&self->c);
	ask(&self->c, "DATA\r\n");
	answer(&self->c, "354 go\r\n");
	ask(&self->c, MESSAGE);
	fin(&self->c, DIR_OPENER);
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_EQ(FILE_REASON_RESET, self->c.seen[mail(&self->c, 0)].reason);
}

TEST_F(smtp, picked_up_midstream)
{
	proto_session_free(self->c.ps, FILE_REASON_NONE, 1);
	self->c.info.midstream = true;
	self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	/* and by the server's half first, which is the opener here */
	say(&self->c, DIR_OPENER, "250 ok\r\n", 8);
	say(&self->c, DIR_ANSWERER, "MAIL FROM:<a@x>\r\n", 17);
	say(&self->c, DIR_OPENER, "250 ok\r\n", 8);
	say(&self->c, DIR_ANSWERER, "RCPT TO:<b@y>\r\n", 15);
	say(&self->c, DIR_OPENER, "250 ok\r\n", 8);
	say(&self->c, DIR_ANSWERER, "DATA\r\n", 6);
	say(&self->c, DIR_OPENER, "354 go\r\n", 8);
	say(&self->c, DIR_ANSWERER, DOTTED, strlen(DOTTED));
	ASSERT_EQ(1, mails(&self->c));
	EXPECT_TRUE(has_text(&self->c, mail(&self->c, 0), MESSAGE));
	EXPECT_STREQ("b@y", text_at(&self->c, mail(&self->c, 0), SIGHTING_SMTP_RCPT_TO));
}

static enum probe probed(const char *client, const char *server, bool whole)
{
	struct proto_head head[DIR_COUNT] = {
		{(const uint8_t *)client, strlen(client), whole},
		{(const uint8_t *)server, strlen(server), whole},
	};

	return proto_smtp.probe(head);
}

TEST(found_by_its_bytes)
{
	EXPECT_EQ(PROBE_MORE, probed("", "220 ftp ready\r\n", false));
	EXPECT_EQ(PROBE_YES, probed("EHLO me\r\n", "", false));
	EXPECT_EQ(PROBE_YES, probed("HELO\r\n", "220 x\r\n", false));
	EXPECT_EQ(PROBE_MORE, probed("EHL", "", false));
	EXPECT_EQ(PROBE_NO, probed("USER a\r\n", "220 ftp ready\r\n", false));
	EXPECT_EQ(PROBE_NO, probed("FEAT\r\n", "220 ftp ready\r\n", false));
	EXPECT_EQ(PROBE_NO, probed("AUTH TLS\r\n", "220 ftp ready\r\n", false));
	EXPECT_EQ(PROBE_MORE, probed("NOOP\r\n", "220 ready\r\n", false));
	EXPECT_EQ(PROBE_YES, probed("NOOP\r\n", "220 ESMTP\r\n", false));
	EXPECT_EQ(PROBE_NO, probed("GET / HTTP/1.1\r\n", "", false));
	EXPECT_EQ(PROBE_NO, probed("a1 LOGIN a b\r\n", "* OK x\r\n", false));
	EXPECT_EQ(PROBE_NO, probed("DATA\r\n", "", false));
	EXPECT_EQ(PROBE_YES, probed("DATA\r\n", "354 go\r\n", false));
	EXPECT_EQ(PROBE_NO, probed("\x16\x03\x01", "", false));
}

TEST_HARNESS_MAIN
