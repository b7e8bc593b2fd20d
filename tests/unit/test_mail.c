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

/* The file of that name; SIZE_MAX: none. */
static size_t find(const struct conversation *c, const char *name)
{
	for (size_t i = 0; i < c->files; i++)
		if (!strcmp(text_at(c, i, SIGHTING_FILENAME), name))
			return i;
	return SIZE_MAX;
}

TEST_F(mail, texts_and_the_whole_message_only_as_private_talk)
{
	const char *message = MIXED PART("", "hello") LAST;

	give(&self->c, &self->o, message, 9);
	EXPECT_EQ(0, self->c.files);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_MAIL_TEXTS]);
	self->c.env.private_talk = self->c.env.whole_mails = true;
	give(&self->c, &self->o, message, 9);
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, nth(&self->c, SIGHTING_KIND_MAIL_TEXT, 0), "hello"));
	EXPECT_TRUE(has_text(&self->c, nth(&self->c, SIGHTING_KIND_MAIL, 0), message));
	/* It was begun before its header had come. */
	EXPECT_STREQ("caf\xc3\xa9", text_at(&self->c, nth(&self->c, SIGHTING_KIND_MAIL, 0),
					  SIGHTING_EMAIL_SUBJECT));
}

TEST_F(mail, the_whole_message_alone_where_a_rule_wants_it)
{
	const char *message = MIXED PART("", "hello") LAST;

	self->c.env.whole_mails = true;
	give(&self->c, &self->o, message, 9);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, nth(&self->c, SIGHTING_KIND_MAIL, 0), message));
	EXPECT_EQ(1, self->c.counters.value[COUNTER_MAIL_TEXTS]);
}

TEST_F(mail, the_envelope_where_the_header_says_nothing)
{
	give(&self->c, &self->o, "Content-Type: image/png\r\n\r\nx", 1);
	EXPECT_STREQ("bounce@example.org", text_at(&self->c, 0, SIGHTING_EMAIL_SENDER));
	EXPECT_STREQ("bob@example.com\nlist@example.com",
		     text_at(&self->c, 0, SIGHTING_EMAIL_RECIPIENT));
	EXPECT_STREQ("image/png", text_at(&self->c, 0, SIGHTING_CONTENT_TYPE));
}

/* What makes a text a file: that it is attached, or named. */
TEST_F(mail, texts_that_are_files)
{
	give(&self->c, &self->o,
	     MIXED PART("Content-Type: text/plain\r\nContent-Disposition: attachment\r\n", "one")
		     PART("Content-Type: text/html; name=a.html\r\n", "two")
			     PART("Content-Disposition: inline; filename=b.txt\r\n", "three")
				     PART("Content-Disposition: inline\r\n", "four") LAST,
	     3);
	ASSERT_EQ(3, self->c.files);
	EXPECT_TRUE(has_text(&self->c, find(&self->c, ""), "one"));
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "a.html"), "two"));
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "b.txt"), "three"));
	EXPECT_EQ(4, self->c.counters.value[COUNTER_MAIL_PARTS]);
}

#define INNER                                                                              \
	"From: x@y\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=I\r\n\r\n" \
	"--I\r\n" NAMED("in.bin") BASE64 "\r\naW5uZXI=\r\n--I--"

TEST_F(mail, a_nested_message_is_a_file_and_a_tree)
{
	give(&self->c, &self->o, MIXED PART("Content-Type: message/rfc822; name=m.eml\r\n", INNER) LAST,
	     11);
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "m.eml"), INNER));
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "in.bin"), "inner"));
	/* The session's story is the outer message's. */
	EXPECT_STREQ("caf\xc3\xa9",
		     text_at(&self->c, find(&self->c, "in.bin"), SIGHTING_EMAIL_SUBJECT));
}

TEST_F(mail, a_nested_message_in_base64_is_entered_as_well)
{
	/* "Content-Type: image/png; name=i.png\n\nimage" */
	give(&self->c, &self->o,
	     MIXED PART("Content-Type: message/rfc822\r\n" BASE64,
			"Q29udGVudC1UeXBlOiBpbWFnZS9wbmc7IG5hbWU9aS5wbmcKCmltYWdl") LAST,
	     5);
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "i.png"), "image"));
	EXPECT_TRUE(has_text(&self->c, find(&self->c, ""),
			     "Content-Type: image/png; name=i.png\n\nimage"));
}

/* Each a nested message in the last one: only so deep, and no deeper. */
TEST_F(mail, nested_deeper_than_the_limit)
{
	struct buf text;

	buf_init(&text, 1u << 16);
	for (int i = 0; i < 40; i++)
		buf_add_string(&text, "Content-Type: message/rfc822\n\n");
	buf_add_string(&text, "Content-Type: image/png; name=i.png\n\nimage");
	give(&self->c, &self->o, buf_string(&text), 100);
	EXPECT_EQ(32, self->c.files);
	EXPECT_EQ(SIZE_MAX, find(&self->c, "i.png"));
	EXPECT_EQ(1, self->c.counters.value[COUNTER_MAIL_LIMITS]);
	buf_free(&text);
}

TEST_F(mail, more_parts_than_the_limit)
{
	struct buf text;

	buf_init(&text, 1u << 20);
	buf_add_string(&text, MIXED);
	for (int i = 0; i < 1100; i++)
		buf_printf(&text, "--=_b\n\ntext %d\n", i);
	buf_add_string(&text, PART(NAMED("late.bin"), "late") LAST);
	give(&self->c, &self->o, buf_string(&text), 1000);
	EXPECT_EQ(1024, self->c.counters.value[COUNTER_MAIL_PARTS]);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_MAIL_LIMITS]);
	EXPECT_EQ(0, self->c.files);
	buf_free(&text);
}

TEST_F(mail, a_fragment_is_not_the_file_it_is_of)
{
	give(&self->c, &self->o,
	     "Content-Type: message/partial; number=1; total=2; id=x; name=whole.bin\r\n\r\n" INNER,
	     7);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, INNER));
	EXPECT_STREQ("", text_at(&self->c, 0, SIGHTING_FILENAME));
	/* The only one there is has all of it. */
	give(&self->c, &self->o,
	     "Content-Type: message/partial; number=1; total=1; id=x\r\n\r\n" INNER, 7);
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "in.bin"), "inner"));
}

TEST_F(mail, a_name_longer_than_the_limit_is_cut)
{
	struct buf text;

	buf_init(&text, 1u << 16);
	buf_add_string(&text, HEAD "Content-Type: application; x\r\n"
				   "Content-Disposition: attachment; filename=");
	for (int i = 0; i < 8000; i++)
		buf_add_string(&text, "A");
	buf_add_string(&text, ";\r\n\r\nx");
	give(&self->c, &self->o, buf_string(&text), 100);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(4096, strlen(text_at(&self->c, 0, SIGHTING_FILENAME)));
	EXPECT_EQ('A', text_at(&self->c, 0, SIGHTING_FILENAME)[4095]);
	EXPECT_NE(0, self->c.seen[0].cut & 1u << SIGHTING_FILENAME);
	buf_free(&text);
}

TEST_F(mail, tnef_is_kept_whole)
{
	give(&self->c, &self->o,
	     MIXED PART("Content-Type: application/ms-tnef; name=winmail.dat\r\n", "\x78\x9f>\"") LAST,
	     7);
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "winmail.dat"), "\x78\x9f>\""));
}

#define UU(name) "begin 644 " name "\r\n%:&5L;&\\\r\n`\r\nend\r\n"

TEST_F(mail, files_inside_texts)
{
	self->c.env.private_talk = self->c.env.whole_mails = true;
	give(&self->c, &self->o, HEAD "\r\nhi\r\n" UU("dir/a.txt") "and\r\n" UU("\xe9") "bye\r\n", 3);
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "a.txt"), "hello"));
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "\xc3\xa9"), "hello"));
	EXPECT_TRUE(has_text(&self->c, nth(&self->c, SIGHTING_KIND_MAIL_TEXT, 0),
			     "hi\r\nand\r\nbye\r\n"));
	EXPECT_EQ(3, self->c.counters.value[COUNTER_MAIL_PARTS]);
}

TEST_F(mail, uuencode_as_a_transfer_encoding)
{
	give(&self->c, &self->o,
	     MIXED PART(NAMED("a.bin") "Content-Transfer-Encoding: x-uuencode\r\n", UU("other")) LAST, 3);
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "a.bin"), "hello"));
	give(&self->c, &self->o,
	     MIXED PART(NAMED("b.bin") "Content-Transfer-Encoding: x-uuencode\r\n",
			"begin 644 b\r\n%:&5L;&\\\r\n") LAST,
	     3);
	EXPECT_EQ(FILE_REASON_DECODE, reason_of(&self->c, find(&self->c, "b.bin")));
}

/* The header gives it no name, its first line does. */
TEST_F(mail, uuencode_that_knows_the_name)
{
	give(&self->c, &self->o,
	     MIXED PART("Content-Type: application/octet-stream\r\n"
			"Content-Transfer-Encoding: x-uuencode\r\n",
			UU("a.bin")) LAST,
	     3);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("a.bin", text_at(&self->c, 0, SIGHTING_FILENAME));
}

/* "hello" each; the whole is "hellohello", its check f58c9768 */
#define YENC(part, begin, end, more)                                                        \
	"=ybegin part=" part " total=2 line=128 size=10 name=a.bin\r\n"                      \
	"=ypart begin=" begin " end=" end "\r\n\x92\x8f\x96\x96\x99\r\n=yend size=5 part=" part \
	" pcrc32=3610a686" more "\r\n"

TEST_F(mail, yenc_in_parts_is_put_together)
{
	give(&self->c, &self->o,
	     MIXED PART("", YENC("2", "6", "10", "")) PART("", "text\r\n" YENC("1", "1", "5", "")) LAST,
	     13);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hellohello"));
	EXPECT_STREQ("a.bin", text_at(&self->c, 0, SIGHTING_FILENAME));
	give(&self->c, &self->o,
	     HEAD "\r\n" YENC("1", "1", "5", "") YENC("2", "6", "10", " crc32=f58c9768"), 13);
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 1, "hellohello"));
}

TEST_F(mail, yenc_of_which_a_part_is_missing)
{
	give(&self->c, &self->o, HEAD "\r\n" YENC("2", "6", "10", ""), 13);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
	EXPECT_EQ(10, self->c.seen[0].declared);
}

TEST_F(mail, yenc_whose_whole_has_another_check)
{
	give(&self->c, &self->o,
	     HEAD "\r\n" YENC("1", "1", "5", "") YENC("2", "6", "10", " crc32=00000000"), 13);
	EXPECT_EQ(FILE_REASON_DECODE, reason_of(&self->c, 0));
}

TEST_F(mail, yenc_with_a_wrong_check)
{
	give(&self->c, &self->o,
	     HEAD "\r\n=ybegin line=128 size=5 name=a\r\n\x92\x8f\x96\x96\x99\r\n"
		  "=yend size=5 crc32=00000000\r\n",
	     13);
	EXPECT_EQ(FILE_REASON_DECODE, reason_of(&self->c, 0));
	EXPECT_EQ(5, self->c.seen[0].size);
}

TEST_F(mail, links_once_each)
{
	give(&self->c, &self->o,
	     MIXED PART("", "see http://a.example/x, HTTP://A.EXAMPLE/x and\r\nhttp://b.example")
		     PART("Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n",
			  "<a href=3D\"http://a.exam=\r\nple/x\">x</a><a href=3Dhttps://c.example>")
			     PART("Content-Type: text/html\r\n" NAMED("d.html"), "<a href=http://d>") LAST,
	     5);
	ASSERT_EQ(4, self->c.files);
	for (size_t i = 0; i < 3; i++) {
		static const char *const links[] = {"http://a.example/x", "http://b.example",
						    "https://c.example"};
		size_t at = nth(&self->c, SIGHTING_KIND_LINK, i);

		EXPECT_TRUE(has_text(&self->c, at, links[i]));
		EXPECT_STREQ(links[i], text_at(&self->c, at, SIGHTING_URL));
		EXPECT_STREQ("", text_at(&self->c, at, SIGHTING_FILENAME));
		EXPECT_STREQ("caf\xc3\xa9", text_at(&self->c, at, SIGHTING_EMAIL_SUBJECT));
	}
	EXPECT_EQ(3, self->c.counters.value[COUNTER_MAIL_LINKS]);
}

TEST_F(mail, links_in_a_nested_message)
{
	give(&self->c, &self->o,
	     MIXED PART("Content-Type: message/rfc822\r\n", "Subject: x\r\n\r\nhttp://a.example/x") LAST,
	     4);
	EXPECT_TRUE(has_text(&self->c, nth(&self->c, SIGHTING_KIND_LINK, 0),
			     "http://a.example/x"));
}

TEST_F(mail, links_in_another_charset)
{
	static const char utf16[] = "h\0t\0t\0p\0:\0/\0/\0\xe9\0.\0x\0\n\0";
	struct mail *m = mail_new(&self->o, 1);
	const char *head = "Content-Type: text/plain; charset=utf-16le\r\n\r\n";

	mail_data(m, (const uint8_t *)head, strlen(head), 1);
	for (size_t i = 0; i < sizeof(utf16) - 1; i++)
		mail_data(m, (const uint8_t *)utf16 + i, 1, 1);
	mail_close(m, FILE_REASON_NONE, 1);
	give(&self->c, &self->o,
	     "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\nhttp://a/\x1b$BF|\x1b(B b", 1);
	give(&self->c, &self->o, "\r\nhttp://a/\xe9 b", 1);
	ASSERT_EQ(3, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "http://\xc3\xa9.x"));
	EXPECT_TRUE(has_text(&self->c, 1, "http://a/\xe6\x97\xa5"));
	EXPECT_TRUE(has_text(&self->c, 2, "http://a/\xc3\xa9"));
}

TEST_F(mail, more_links_than_the_limit)
{
	struct buf text;

	buf_init(&text, 1u << 20);
	buf_add_string(&text, HEAD "\r\n");
	for (int i = 0; i < 300; i++)
		buf_printf(&text, "http://a.example/%d\n", i);
	buf_add_string(&text, "http://a.example/1\nhttp://");
	for (int i = 0; i < 3000; i++)
		buf_add_string(&text, "x");
	give(&self->c, &self->o, buf_string(&text), 1000);
	EXPECT_EQ(256, self->c.counters.value[COUNTER_MAIL_LINKS]);
	EXPECT_EQ(44 + 1, self->c.counters.value[COUNTER_MAIL_LINKS_CUT]);
	buf_free(&text);
}

/* Gives text, with a gap where it has a '\f'. */
static void give_gaps(struct conversation *c, const struct mail_options *o, const char *text,
		      enum file_reason reason)
{
	struct mail *m = mail_new(o, c->time);

	while (*text) {
		size_t n = strcspn(text, "\f");

		mail_data(m, (const uint8_t *)text, n, c->time);
		if (text[n])
			mail_gap(m, 100, c->time);
		text += n + (text[n] != 0);
	}
	mail_close(m, reason, c->time);
}

TEST_F(mail, a_gap_hits_one_part)
{
	self->c.env.private_talk = self->c.env.whole_mails = true;
	give_gaps(&self->c, &self->o,
		  MIXED PART(NAMED("a.bin") BASE64, "aGVs\fbG8=") PART(NAMED("b.bin") BASE64, "aGVsbG8=")
			  LAST,
		  FILE_REASON_NONE);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, find(&self->c, "a.bin")));
	EXPECT_EQ(100, self->c.seen[find(&self->c, "a.bin")].missing);
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "b.bin"), "hello"));
	EXPECT_EQ(FILE_REASON_GAP,
		  reason_of(&self->c, nth(&self->c, SIGHTING_KIND_MAIL, 0)));
}

/* The inner message's boundary is found again, its last part and what follows are whole. */
TEST_F(mail, a_gap_in_a_nested_message)
{
	give_gaps(&self->c, &self->o,
		  MIXED "--=_b\r\nContent-Type: message/rfc822; name=m.eml\r\n\r\n"
			"Content-Type: multipart/mixed; boundary=I\r\n\r\n--I\r\n" NAMED("a.bin")
			"\r\none\ftwo\r\n--I\r\n" NAMED("b.bin") "\r\nthree\r\n" PART(NAMED("c.bin"), "four") LAST,
		  FILE_REASON_NONE);
	EXPECT_EQ(4, self->c.files);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, find(&self->c, "m.eml")));
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, find(&self->c, "a.bin")));
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "b.bin"), "three"));
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "c.bin"), "four"));
}

TEST_F(mail, a_gap_in_a_file_inside_a_text)
{
	give_gaps(&self->c, &self->o, HEAD "\r\nbegin 644 a.txt\r\n%:&5L;&\\\r\n\f`\r\nend\r\n",
		  FILE_REASON_NONE);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, find(&self->c, "a.txt")));
}

TEST_F(mail, a_gap_in_a_link)
{
	give_gaps(&self->c, &self->o, HEAD "\r\nhttp://a.example/ http://b.exa\fmple http://c.example",
		  FILE_REASON_NONE);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "http://a.example/"));
}

TEST_F(mail, the_connection_ends_first)
{
	give_gaps(&self->c, &self->o,
		  MIXED PART(NAMED("a.bin"), "one") "--=_b\r\n" NAMED("b.bin") "\r\ntwo http://a.exam",
		  FILE_REASON_RESET);
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "a.bin"), "one"));
	EXPECT_EQ(FILE_REASON_RESET, reason_of(&self->c, find(&self->c, "b.bin")));
	EXPECT_EQ(2, self->c.files);
	/* A link that came whole is one all the same. */
	give_gaps(&self->c, &self->o, HEAD "\r\nhttp://a.example/ http://b.exam", FILE_REASON_RESET);
	ASSERT_EQ(3, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 2, "http://a.example/"));
}

TEST_F(mail, a_nested_message_that_is_cut)
{
	give_gaps(&self->c, &self->o,
		  MIXED "--=_b\r\nContent-Type: message/rfc822; name=m.eml\r\n\r\n"
			"Content-Type: image/png; name=i.png\r\n\r\nima",
		  FILE_REASON_TIMEOUT);
	EXPECT_EQ(FILE_REASON_TIMEOUT, reason_of(&self->c, find(&self->c, "m.eml")));
	EXPECT_EQ(FILE_REASON_TIMEOUT, reason_of(&self->c, find(&self->c, "i.png")));
}

TEST_F(mail, a_part_by_itself)
{
	struct mail_part part = {
		.type = "application/zip;\r\n name=\"a.zip\"",
		.encoding = "base64",
		.from = "=?utf-8?Q?=C3=A9?= <a@example.org>",
		.to = "b@example.org",
		.subject = "=?utf-8?Q?=C3=A9?=",
	};
	struct mail *m = mail_new_part(&self->o, &part, 1);

	mail_data(m, (const uint8_t *)"aGVsbG8=\r\n", 10, 1);
	mail_close(m, FILE_REASON_NONE, 1);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("a.zip", text_at(&self->c, 0, SIGHTING_FILENAME));
	EXPECT_STREQ("\xc3\xa9 <a@example.org>", text_at(&self->c, 0, SIGHTING_EMAIL_SENDER));
	EXPECT_STREQ("b@example.org\nbob@example.com\nlist@example.com",
		     text_at(&self->c, 0, SIGHTING_EMAIL_RECIPIENT));
	EXPECT_STREQ("\xc3\xa9", text_at(&self->c, 0, SIGHTING_EMAIL_SUBJECT));
}

/* A part that is a multipart, and one nothing is known of. */
TEST_F(mail, a_part_of_parts)
{
	struct mail_part part = {.type = "multipart/mixed; boundary==_b"};
	struct mail *m = mail_new_part(&self->o, &part, 1);
	const char *body = PART(NAMED("a.bin"), "one") LAST;

	mail_data(m, (const uint8_t *)body, strlen(body), 1);
	mail_close(m, FILE_REASON_NONE, 1);
	EXPECT_TRUE(has_text(&self->c, find(&self->c, "a.bin"), "one"));
	m = mail_new_part(&self->o, &(struct mail_part){NULL}, 1);
	mail_data(m, (const uint8_t *)"one", 3, 1);
	mail_close(m, FILE_REASON_NONE, 1);
	EXPECT_EQ(1, self->c.files);
}

TEST_HARNESS_MAIN
