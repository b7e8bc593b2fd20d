// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "conversation.h"
#include "proto/mail.h"

/* A message given to the mail layer, as a whole or in pieces. */
FIXTURE(mail)
{
	struct conversation c;
	struct mail_options o;
};

FIXTURE_SETUP(mail)
{
	ASSERT_TRUE(conversation_begin(&self->c));
	self->o = (struct mail_options){
		.session = self->c.ps,
		.sender = DIR_OPENER,
		.application = "smtp",
		.mail_from = "bounce@example.org",
		.rcpt_to = "bob@example.com\nlist@example.com",
		.user = "alice",
	};
}

FIXTURE_TEARDOWN(mail)
{
	conversation_end(&self->c);
}

static void give(struct conversation *c, const struct mail_options *o, const char *text,
		 size_t piece)
{
	struct mail *m = mail_new(o, c->time);
	size_t n = strlen(text);

	for (size_t at = 0; at < n; at += piece)
		mail_data(m, (const uint8_t *)text + at, n - at < piece ? n - at : piece,
			  c->time++);
	mail_close(m, FILE_REASON_NONE, c->time);
}

#define HEAD                                                                          \
	"From: =?utf-8?Q?Arne_W=C3=A9lzel?= <arne@example.org>\r\n"                   \
	"To: \"Bob B.\" <BOB@example.com>, carol@example.com\r\n"                     \
	"Subject: =?iso-8859-1?Q?caf=E9?=\r\n"                                        \
	"Message-ID: <1@example.org>\r\n"                                             \
	"MIME-Version: 1.0\r\n"
#define MIXED HEAD "Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\npreamble\r\n"
#define PART(fields, body) "--=_b\r\n" fields "\r\n" body "\r\n"
#define LAST "--=_b--\r\n"
#define NAMED(name) "Content-Disposition: attachment; filename=\"" name "\"\r\n"
#define BASE64 "Content-Transfer-Encoding: base64\r\n"

TEST_F(mail, an_attachment_and_all_that_is_known)
{
	for (size_t piece = 1; piece < 2000; piece = piece * 3 + 1) {
		size_t at = self->c.files;

		give(&self->c, &self->o,
		     MIXED PART("", "hello") PART(NAMED("a.bin") BASE64, "aGVsbG8K") LAST, piece);
		ASSERT_EQ(at + 1, self->c.files);
		EXPECT_TRUE(has_text(&self->c, at, "hello\n"));
		EXPECT_EQ(SIGHTING_KIND_FILE, self->c.seen[at].kind);
		EXPECT_EQ(DIRECTION_UPLOAD, self->c.seen[at].direction);
		EXPECT_STREQ("a.bin", text_at(&self->c, at, SIGHTING_FILENAME));
		EXPECT_STREQ("Arne W\xc3\xa9lzel <arne@example.org>",
			     text_at(&self->c, at, SIGHTING_EMAIL_SENDER));
		EXPECT_STREQ("Bob B. <BOB@example.com>\ncarol@example.com\nlist@example.com",
			     text_at(&self->c, at, SIGHTING_EMAIL_RECIPIENT));
		EXPECT_STREQ("caf\xc3\xa9", text_at(&self->c, at, SIGHTING_EMAIL_SUBJECT));
		EXPECT_STREQ("<1@example.org>", text_at(&self->c, at, SIGHTING_MESSAGE_ID));
		EXPECT_STREQ("bounce@example.org",
			     text_at(&self->c, at, SIGHTING_SMTP_MAIL_FROM));
		EXPECT_STREQ("alice", text_at(&self->c, at, SIGHTING_USER));
		EXPECT_STREQ("smtp", text_at(&self->c, at, SIGHTING_APPLICATION));
	}
	EXPECT_NE(0, self->c.counters.value[COUNTER_MAIL_TEXTS]);
}

TEST_HARNESS_MAIN
