// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "conversation.h"

#include <zlib.h>

FIXTURE(imap)
{
	struct conversation c;
};

FIXTURE_SETUP(imap)
{
	ASSERT_TRUE(conversation_begin(&self->c));
	/* The message as it was transferred is what the transport is about. */
	self->c.env.private_talk = self->c.env.whole_mails = true;
}

FIXTURE_TEARDOWN(imap)
{
	conversation_end(&self->c);
}

#define MESSAGE "Subject: s\r\n\r\nhello\r\n" /* 21 bytes */

#define MAILS() of_kind(&self->c, SIGHTING_KIND_MAIL)
#define MAIL(n) nth(&self->c, SIGHTING_KIND_MAIL, n)
#define FILES() of_kind(&self->c, SIGHTING_KIND_FILE)
#define FILE_AT(n) nth(&self->c, SIGHTING_KIND_FILE, n)

static void login(struct conversation *c)
{
	answer(c, "* OK [CAPABILITY IMAP4rev1] ready\r\n");
	ask(c, "a1 LOGIN alice \"sec ret\"\r\n");
	answer(c, "a1 OK in\r\n");
	ask(c, "a2 SELECT INBOX\r\n");
	answer(c, "* 3 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\na2 OK selected\r\n");
}

TEST_F(imap, message)
{
	login(&self->c);
	ask(&self->c, "a3 UID FETCH 7 (UID BODY.PEEK[])\r\n");
	answer(&self->c,
	       "* 1 FETCH (UID 7 BODY[] {21}\r\n" MESSAGE " FLAGS (\\Seen))\r\na3 OK\r\n");
	ASSERT_EQ(1, MAILS());
	EXPECT_TRUE(has_text(&self->c, MAIL(0), MESSAGE));
	EXPECT_STREQ("imap", text_at(&self->c, MAIL(0), SIGHTING_APPLICATION));
	EXPECT_STREQ("alice", text_at(&self->c, MAIL(0), SIGHTING_USER));
	EXPECT_EQ(DIRECTION_DOWNLOAD, self->c.seen[MAIL(0)].direction);
}

TEST_F(imap, byte_by_byte)
{
	const char *talk = "* 1 FETCH (RFC822.SIZE 21 RFC822 {21}\r\n" MESSAGE ")\r\n"
			   "* 2 FETCH (BODY[] \"Subject: s\\\"\\\\\")\r\na3 OK\r\n";

	login(&self->c);
	for (; *talk; talk++)
		say(&self->c, DIR_ANSWERER, talk, 1);
	ASSERT_EQ(2, MAILS());
	EXPECT_TRUE(has_text(&self->c, MAIL(0), MESSAGE));
	EXPECT_TRUE(has_text(&self->c, MAIL(1), "Subject: s\"\\"));
}

TEST_F(imap, the_server_alone)
{
	answer(&self->c,
	       "* OK IMAP4rev1\r\na OK\r\n* 1 FETCH (BODY[] {21}\r\n" MESSAGE ")\r\n");
	fin(&self->c, DIR_OPENER);
	fin(&self->c, DIR_ANSWERER);
	conversation_close(&self->c, FILE_REASON_NONE);
	ASSERT_EQ(1, MAILS());
	EXPECT_TRUE(has_text(&self->c, MAIL(0), MESSAGE));
}

#define STRUCTURE                                                                             \
	"((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"utf-8\") NIL NIL \"7BIT\" 5 1 NIL NIL NIL NIL)"  \
	"(\"APPLICATION\" \"PDF\" (\"NAME\" \"a \\\"b\\\".pdf\") NIL NIL \"BASE64\" 8 NIL "   \
	"(\"ATTACHMENT\" (\"FILENAME\" \"a \\\"b\\\".pdf\")) NIL NIL)"                        \
	"(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 99 (NIL \"inner\" NIL NIL NIL NIL NIL " \
	"NIL NIL NIL) "                                                                       \
	"((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 1)(\"APPLICATION\" \"ZIP\" NIL NIL NIL " \
	"\"BASE64\" 8 NIL (\"ATTACHMENT\" (\"FILENAME*\" {16}\r\nutf-8''%C3%BC.zi)) NIL) "    \
	"\"MIXED\") 9) "                                                                      \
	"\"MIXED\" (\"BOUNDARY\" \"B\") NIL NIL)"
#define ENVELOPE                                                                            \
	"(\"date\" \"the =?utf-8?q?s=C3=BCbject?=\" ((\"A \\\"x\\\" B\" NIL \"a\" \"x\")) " \
	"NIL NIL "                                                                          \
	"((NIL NIL \"b\" \"y\")(\"=?utf-8?q?=C3=BC?=\" NIL \"c\" \"z\")) NIL NIL NIL "      \
	"\"<i@x>\")"

TEST_F(imap, part_known_by_structure_and_envelope)
{
	size_t f;

	login(&self->c);
	answer(&self->c,
	       "* 2 FETCH (UID 9 ENVELOPE " ENVELOPE " BODYSTRUCTURE " STRUCTURE ")\r\n");
	answer(&self->c, "* 2 FETCH (UID 9 BODY[2] {8}\r\naGVsbG8=)\r\n");
	ASSERT_EQ(1, FILES());
	f = FILE_AT(0);
	EXPECT_TRUE(has_text(&self->c, f, "hello"));
	EXPECT_STREQ("a \"b\".pdf", text_at(&self->c, f, SIGHTING_FILENAME));
	EXPECT_STREQ("the s\xc3\xbc"
		     "bject",
		     text_at(&self->c, f, SIGHTING_EMAIL_SUBJECT));
	EXPECT_TRUE(strstr(text_at(&self->c, f, SIGHTING_EMAIL_SENDER), "a@x"));
	EXPECT_TRUE(strstr(text_at(&self->c, f, SIGHTING_EMAIL_RECIPIENT), "b@y"));
	EXPECT_TRUE(strstr(text_at(&self->c, f, SIGHTING_EMAIL_RECIPIENT), "c@z"));
}

TEST_F(imap, part_of_a_nested_message)
{
	login(&self->c);
	answer(&self->c,
	       "* 2 FETCH (BODYSTRUCTURE " STRUCTURE " BODY[3.2] {8}\r\naGVsbG8=)\r\n");
	ASSERT_EQ(1, FILES());
	EXPECT_TRUE(has_text(&self->c, FILE_AT(0), "hello"));
	EXPECT_STREQ("\xc3\xbc.zi", text_at(&self->c, FILE_AT(0), SIGHTING_FILENAME));
}

TEST_F(imap, part_known_by_its_mime_header)
{
	login(&self->c);
	answer(&self->c,
	       "* 2 FETCH (BODY[2.MIME] {103}\r\n"
	       "Content-Type: application/pdf\r\n"
	       "Content-Transfer-Encoding:\r\n base64\r\n"
	       "Content-Disposition: attachment\r\n\r\n BODY[2] {8}\r\naGVsbG8=)\r\n");
	ASSERT_EQ(1, FILES());
	EXPECT_TRUE(has_text(&self->c, FILE_AT(0), "hello"));
	EXPECT_STREQ("application/pdf", text_at(&self->c, FILE_AT(0), SIGHTING_CONTENT_TYPE));
}

TEST_F(imap, part_of_unknown_encoding_is_no_sample)
{
	login(&self->c);
	answer(&self->c, "* 2 FETCH (BODY[2] {8}\r\naGVsbG8=)\r\n");
	for (size_t i = 0; i < self->c.files; i++)
		EXPECT_EQ(FILE_REASON_DECODE, self->c.seen[i].reason);
}

TEST_F(imap, part_decoded_by_the_server)
{
	login(&self->c);
	answer(&self->c, "* 2 FETCH (BODYSTRUCTURE " STRUCTURE " BINARY[2] ~{5}\r\n");
	say(&self->c, DIR_ANSWERER, "he\0lo)\r\n", 8);
	ASSERT_EQ(1, FILES());
	EXPECT_TRUE(has_content(&self->c, FILE_AT(0), "he\0lo", 5));
}

TEST_F(imap, text_behind_a_header_fetched_before)
{
	login(&self->c);
	answer(&self->c, "* 1 FETCH (BODY[HEADER] {14}\r\nSubject: s\r\n\r\n)\r\n");
	answer(&self->c, "* 1 FETCH (BODY[TEXT] {7}\r\nhello\r\n)\r\n");
	ASSERT_EQ(1, MAILS());
	EXPECT_TRUE(has_text(&self->c, MAIL(0), MESSAGE));
}

TEST_F(imap, text_behind_a_structure)
{
	login(&self->c);
	answer(&self->c, "* 1 FETCH (BODYSTRUCTURE " STRUCTURE ")\r\n");
	answer(&self->c,
	       "* 1 FETCH (RFC822.TEXT {82}\r\n--B\r\n\r\ntext\r\n--B\r\n"
	       "Content-Type: application/pdf; name=\"a.pdf\"\r\n\r\nhello\r\n--B--\r\n)\r\n");
	ASSERT_EQ(1, FILES());
	EXPECT_TRUE(has_text(&self->c, FILE_AT(0), "hello"));
	EXPECT_STREQ("a.pdf", text_at(&self->c, FILE_AT(0), SIGHTING_FILENAME));
}

TEST_F(imap, pieces)
{
	login(&self->c);
	ask(&self->c, "a3 UID FETCH 7 BODY.PEEK[]<0.10>\r\n");
	answer(&self->c, "* 1 FETCH (UID 7 BODY[]<0> {10}\r\nSubject: s)\r\na3 OK\r\n");
	ask(&self->c, "a4 UID FETCH 7 BODY.PEEK[]<10.10>\r\n");
	answer(&self->c, "* 1 FETCH (UID 7 BODY[]<10> {10}\r\n\r\n\r\nhello\r)\r\na4 OK\r\n");
	EXPECT_EQ(0, MAILS());
	ask(&self->c, "a5 UID FETCH 7 BODY.PEEK[]<20.10>\r\n");
	answer(&self->c, "* 1 FETCH (UID 7 BODY[]<20> {1}\r\n\n)\r\na5 OK\r\n");
	ASSERT_EQ(1, MAILS());
	EXPECT_TRUE(has_text(&self->c, MAIL(0), MESSAGE));
}

TEST_F(imap, pieces_of_a_known_size)
{
	login(&self->c);
	answer(&self->c, "* 1 FETCH (UID 7 RFC822.SIZE 21)\r\n");
	answer(&self->c, "* 1 FETCH (UID 7 BODY[]<0> {10}\r\nSubject: s)\r\na3 OK\r\n");
	answer(&self->c, "* 1 FETCH (UID 7 BODY[]<10> {11}\r\n\r\n\r\nhello\r\n)\r\na4 OK\r\n");
	ASSERT_EQ(1, MAILS());
	EXPECT_TRUE(has_text(&self->c, MAIL(0), MESSAGE));
}

TEST_F(imap, pieces_that_are_not_all)
{
	login(&self->c);
	answer(&self->c, "* 1 FETCH (BODY[]<0> {10}\r\nSubject: s)\r\n");
	answer(&self->c, "* 1 FETCH (BODY[]<15> {6}\r\nllo\r\n\r)\r\n");
	conversation_close(&self->c, FILE_REASON_NONE);
	ASSERT_EQ(2, MAILS());
	EXPECT_EQ(FILE_REASON_PARTIAL, self->c.seen[MAIL(0)].reason);
	EXPECT_EQ(FILE_STATE_TRUNCATED, self->c.seen[MAIL(1)].state);
}

TEST_F(imap, append)
{
	login(&self->c);
	ask(&self->c, "a3 APPEND {4}\r\n");
	answer(&self->c, "+ go\r\n");
	ask(&self->c, "Sent (\\Seen) \"01-Jan-2026 00:00:00 +0000\" {21}\r\n");
	answer(&self->c, "+ go\r\n");
	ask(&self->c, MESSAGE);
	/* another one (RFC 3502), without waiting (RFC 7888) */
	ask(&self->c, " (\\Seen) {21+}\r\n" MESSAGE "\r\n");
	answer(&self->c, "a3 OK\r\n");
	ASSERT_EQ(2, MAILS());
	EXPECT_TRUE(has_text(&self->c, MAIL(0), MESSAGE));
	EXPECT_TRUE(has_text(&self->c, MAIL(1), MESSAGE));
	EXPECT_EQ(DIRECTION_UPLOAD, self->c.seen[MAIL(0)].direction);
}

TEST_F(imap, append_refused)
{
	login(&self->c);
	ask(&self->c, "a3 APPEND Sent {21}\r\n");
	answer(&self->c, "a3 NO [TRYCREATE] no\r\n");
	ask(&self->c, "a4 APPEND Sent {21+}\r\n" MESSAGE "\r\n");
	ASSERT_EQ(1, MAILS());
	EXPECT_TRUE(has_text(&self->c, MAIL(0), MESSAGE));
}

TEST_F(imap, literals_that_are_none)
{
	login(&self->c);
	answer(&self->c, "* OK see {99}\r\n* NO {5}\r\na9 BAD {7}\r\n+ {3}\r\n");
	answer(&self->c, "* LIST () \"/\" {5}\r\nINBOX\r\n");
	answer(&self->c, "* 1 FETCH (BODY[] {21}\r\n" MESSAGE ")\r\n");
	ASSERT_EQ(1, MAILS());
	EXPECT_TRUE(has_text(&self->c, MAIL(0), MESSAGE));
}

TEST_F(imap, login_in_literals)
{
	answer(&self->c, "* OK IMAP4rev1 ready\r\n");
	ask(&self->c, "a1 LOGIN {5}\r\n");
	answer(&self->c, "+ go\r\n");
	ask(&self->c, "alice {6}\r\n");
	answer(&self->c, "+ go\r\n");
	ask(&self->c, "secret\r\n");
	answer(&self->c, "a1 OK in\r\n* 1 FETCH (BODY[] {21}\r\n" MESSAGE ")\r\n");
	ASSERT_EQ(1, MAILS());
	EXPECT_STREQ("alice", text_at(&self->c, MAIL(0), SIGHTING_USER));
}

TEST_F(imap, login_by_sasl)
{
	answer(&self->c, "* OK IMAP4rev1 ready\r\n");
	ask(&self->c, "a1 AUTHENTICATE PLAIN\r\n");
	answer(&self->c, "+ \r\n");
	ask(&self->c, "AGFsaWNlAHNlY3JldA==\r\n");
	answer(&self->c, "a1 OK in\r\n* 1 FETCH (BODY[] {21}\r\n" MESSAGE ")\r\n");
	ASSERT_EQ(1, MAILS());
	EXPECT_STREQ("alice", text_at(&self->c, MAIL(0), SIGHTING_USER));
}

TEST_F(imap, login_refused)
{
	answer(&self->c, "* OK IMAP4rev1 ready\r\n");
	ask(&self->c, "a1 LOGIN alice x\r\n");
	answer(&self->c, "a1 NO\r\n* 1 FETCH (BODY[] {21}\r\n" MESSAGE ")\r\n");
	EXPECT_STREQ("", text_at(&self->c, MAIL(0), SIGHTING_USER));
}

TEST_F(imap, starttls_ends_it)
{
	answer(&self->c, "* OK IMAP4rev1 ready\r\n");
	ask(&self->c, "a1 STARTTLS\r\n");
	EXPECT_EQ(0, self->c.shunts);
	answer(&self->c, "a1 OK begin\r\n");
	EXPECT_EQ(0, self->c.shunts);
	tls_hellos(&self->c);
	EXPECT_EQ(1, self->c.shunts);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_TLS]);
}

TEST_F(imap, starttls_refused)
{
	answer(&self->c, "* OK IMAP4rev1 ready\r\n");
	ask(&self->c, "a1 STARTTLS\r\n");
	answer(&self->c, "a1 BAD no\r\n* 1 FETCH (BODY[] {21}\r\n" MESSAGE ")\r\n");
	EXPECT_EQ(1, MAILS());
}

struct deflater {
	z_stream z;
	uint8_t out[4096];
	size_t n;
};

static void deflate_text(struct deflater *d, const char *text)
{
	d->z.next_in = (Bytef *)text;
	d->z.avail_in = (uInt)strlen(text);
	d->z.next_out = d->out;
	d->z.avail_out = sizeof(d->out);
	deflate(&d->z, Z_SYNC_FLUSH);
	d->n = sizeof(d->out) - d->z.avail_out;
}

TEST_F(imap, compressed)
{
	struct deflater server = {.n = 0}, client = {.n = 0};
	char joined[8192];
	size_t n;

	deflateInit2(&server.z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
	deflateInit2(&client.z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
	login(&self->c);
	ask(&self->c, "a3 COMPRESS DEFLATE\r\n");
	/* the first compressed bytes come with the last plain ones */
	deflate_text(&server, "* 1 FETCH (BODY[] {21}\r\n" MESSAGE ")\r\n");
	n = (size_t)snprintf(joined, sizeof(joined), "a3 OK active\r\n");
	memcpy(joined + n, server.out, server.n);
	say(&self->c, DIR_ANSWERER, joined, n + server.n);
	ASSERT_EQ(1, MAILS());
	EXPECT_TRUE(has_text(&self->c, MAIL(0), MESSAGE));
	deflate_text(&client, "a4 APPEND Sent {21+}\r\n" MESSAGE "\r\n");
	for (size_t i = 0; i < client.n; i++)
		say(&self->c, DIR_OPENER, client.out + i, 1);
	EXPECT_EQ(2, MAILS());
	/* a hole in one direction leaves the other */
	proto_session_gap(self->c.ps, DIR_OPENER, 10, 1);
	say(&self->c, DIR_OPENER, "xyz", 3);
	deflate_text(&server, "* 2 FETCH (BODY[] {21}\r\n" MESSAGE ")\r\n");
	say(&self->c, DIR_ANSWERER, server.out, server.n);
	EXPECT_EQ(3, MAILS());
	EXPECT_EQ(0, self->c.shunts);
	deflateEnd(&server.z);
	deflateEnd(&client.z);
}

TEST_F(imap, bytes_lost_within_a_literal)
{
	login(&self->c);
	answer(&self->c, "* 1 FETCH (BODY[] {21}\r\nSubject: s");
	proto_session_gap(self->c.ps, DIR_ANSWERER, 5, 1);
	answer(&self->c, "ello\r\n)\r\n* 2 FETCH (BODY[] {21}\r\n" MESSAGE ")\r\n");
	ASSERT_EQ(2, MAILS());
	EXPECT_EQ(FILE_REASON_GAP, self->c.seen[MAIL(0)].reason);
	EXPECT_TRUE(has_text(&self->c, MAIL(1), MESSAGE));
}

TEST_F(imap, bytes_lost_beyond_a_literal)
{
	login(&self->c);
	answer(&self->c, "* 1 FETCH (BODY[] {21}\r\nSubject: s");
	proto_session_gap(self->c.ps, DIR_ANSWERER, 50, 1);
	answer(&self->c,
	       "* 9 FETCH torn)\r\n* a list {5}\r\n* 3 FETCH (BODY[] {21}\r\n" MESSAGE ")\r\n");
	ASSERT_EQ(2, MAILS());
	EXPECT_EQ(FILE_REASON_GAP, self->c.seen[MAIL(0)].reason);
	EXPECT_TRUE(has_text(&self->c, MAIL(1), MESSAGE));
}

TEST_F(imap, expunged_messages_move_up)
{
	login(&self->c);
	answer(&self->c, "* 3 FETCH (BODYSTRUCTURE " STRUCTURE ")\r\n* 1 EXPUNGE\r\n");
	answer(&self->c, "* 2 FETCH (BODY[2] {8}\r\naGVsbG8=)\r\n");
	EXPECT_TRUE(has_text(&self->c, FILE_AT(0), "hello"));
	/* and another mailbox has others */
	answer(&self->c, "* OK [UIDVALIDITY 2] ok\r\n* 2 FETCH (BODY[2] {8}\r\naGVsbG8=)\r\n");
	for (size_t i = FILE_AT(0) + 1; i < self->c.files; i++)
		EXPECT_EQ(FILE_STATE_TRUNCATED, self->c.seen[i].state);
}

TEST_F(imap, a_line_without_end)
{
	static char junk[300000];

	login(&self->c);
	memset(junk, 'x', sizeof(junk) - 1);
	answer(&self->c, "* 1 FETCH (X ");
	answer(&self->c, junk);
	answer(&self->c,
	       " BODY[] {5}\r\n* a\r\n)\r\n* 2 FETCH (BODY[] {21}\r\n" MESSAGE ")\r\n");
	ASSERT_EQ(1, MAILS());
	EXPECT_TRUE(has_text(&self->c, MAIL(0), MESSAGE));
}

TEST_F(imap, cut_off)
{
	login(&self->c);
	answer(&self->c, "* 1 FETCH (BODY[] {21}\r\nSubject: s");
	conversation_close(&self->c, FILE_REASON_NONE);
	ASSERT_EQ(1, MAILS());
	EXPECT_EQ(FILE_REASON_RESET, self->c.seen[MAIL(0)].reason);
}

static enum probe probed(const char *client, const char *server, bool whole)
{
	struct proto_head head[DIR_COUNT] = {
		{(const uint8_t *)client, strlen(client), whole},
		{(const uint8_t *)server, strlen(server), whole},
	};

	return proto_imap.probe(head);
}

TEST(found_by_its_bytes)
{
	EXPECT_EQ(PROBE_MORE, probed("", "* OK ready\r\n", false));
	EXPECT_EQ(PROBE_YES, probed("", "* OK ready\r\n", true));
	EXPECT_EQ(PROBE_YES, probed("a1 CAPABILITY\r\n", "", false));
	EXPECT_EQ(PROBE_YES, probed("a1 LOGIN a b\r\n", "* OK ready\r\n", false));
	EXPECT_EQ(PROBE_YES, probed("", "* 1 FETCH (BODY[] {5}\r\n", true));
	EXPECT_EQ(PROBE_NO, probed("", "* hello\r\n", true));
	EXPECT_EQ(PROBE_NO, probed("USER a\r\n", "+OK\r\n", false));
	EXPECT_EQ(PROBE_NO, probed("EHLO me\r\n", "220 x\r\n", false));
	EXPECT_EQ(PROBE_NO, probed("GET / HTTP/1.1\r\n", "", false));
	EXPECT_EQ(PROBE_MORE, probed("a1 LOG", "", false));
}

TEST_HARNESS_MAIN
