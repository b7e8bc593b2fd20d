// SPDX-License-Identifier: MIT
/*
 * What TLS and QUIC say in the clear: hellos built by hand by RFC 8446, 6066 and 7301.
 */
#include <kselftest_harness.h>

#include "conversation.h"
#include "proto/tls_hello.h"

#define NAME "www.example.com"
#define ROOM 4096

static struct {
	struct session_note note;
	unsigned int count;
} noted;

static void on_note(void *arg, const struct session_note *n)
{
	noted.note = *n;
	noted.count++;
}

static const char *refine(void *arg, const char *application, const char *host, size_t n)
{
	return n == strlen(NAME) && !memcmp(host, NAME, n) ? "example-base" : application;
}

FIXTURE(tls)
{
	struct conversation c;
	struct buf client, server; /* messages, without records */
};

FIXTURE_SETUP(tls)
{
	ASSERT_TRUE(conversation_begin(&self->c));
	memset(&noted, 0, sizeof(noted));
	self->c.env.note = on_note;
	self->c.env.refine = refine;
	buf_init(&self->client, ROOM);
	buf_init(&self->server, ROOM);
}

FIXTURE_TEARDOWN(tls)
{
	buf_free(&self->client);
	buf_free(&self->server);
	conversation_end(&self->c);
}

static void be(struct buf *b, uint64_t v, size_t n)
{
	for (size_t i = n; i > 0; i--) {
		uint8_t byte = v >> 8 * (i - 1);

		buf_add(b, &byte, 1);
	}
}

/* Room for a length, filled in by close_length(). */
static size_t open_length(struct buf *b, size_t n)
{
	be(b, 0, n);
	return b->len;
}

static void close_length(struct buf *b, size_t at, size_t n)
{
	size_t v = b->len - at;

	for (size_t i = 0; i < n; i++)
		b->data[at - 1 - i] = v >> 8 * i;
}

static void name_extension(struct buf *b, const char *name)
{
	be(b, 0, 2);
	be(b, strlen(name) + 5, 2);
	be(b, strlen(name) + 3, 2);
	be(b, 0, 1);
	be(b, strlen(name), 2);
	buf_add_string(b, name);
}

static void alpn_extension(struct buf *b, const char *list, size_t n)
{
	be(b, 16, 2);
	be(b, n + 2, 2);
	be(b, n, 2);
	buf_add(b, list, n);
}

enum { WITH_NAME = 1, WITH_ALPN = 2, WITH_VERSIONS = 4, WITH_ECH = 8, WITH_GREASE = 16 };

/* A client's hello up to its extensions; where its length is to stand. */
static size_t client_hello_begin(struct buf *b)
{
	uint8_t random[32] = {0};
	size_t message;

	buf_reset(b);
	be(b, 1, 1);
	message = open_length(b, 3);
	be(b, 0x0303, 2);
	buf_add(b, random, 32);
	be(b, 0, 1);
	be(b, 2, 2);
	be(b, 0x1301, 2);
	be(b, 1, 1);
	be(b, 0, 1);
	return message;
}

static void client_hello(struct buf *b, unsigned int with)
{
	size_t message = client_hello_begin(b), extensions;

	if (with) {
		extensions = open_length(b, 2);
		if (with & WITH_GREASE) {
			be(b, 0x2a2a, 2);
			be(b, 1, 2);
			be(b, 0, 1);
		}
		if (with & WITH_VERSIONS) {
			be(b, 43, 2);
			be(b, 7, 2);
			be(b, 6, 1);
			be(b, 0xfafa, 2); /* GREASE */
			be(b, 0x0304, 2);
			be(b, 0x0303, 2);
		}
		if (with & WITH_NAME)
			name_extension(b, NAME);
		if (with & WITH_ALPN)
			alpn_extension(b, "\2\x3a\x3a\2h2\10http/1.1", 15);
		if (with & WITH_ECH) {
			be(b, 0xfe0d, 2);
			be(b, 1, 2);
			be(b, 0, 1);
		}
		close_length(b, extensions, 2);
	}
	close_length(b, message, 3);
}

static void server_hello(struct buf *b, uint16_t version, uint16_t chosen, const char *alpn)
{
	size_t message, extensions;
	uint8_t random[32] = {0};

	buf_reset(b);
	be(b, 2, 1);
	message = open_length(b, 3);
	be(b, version, 2);
	buf_add(b, random, 32);
	be(b, 0, 1);
	be(b, 0x1301, 2);
	be(b, 0, 1);
	extensions = open_length(b, 2);
	if (chosen) {
		be(b, 43, 2);
		be(b, 2, 2);
		be(b, chosen, 2);
	}
	if (alpn) {
		be(b, 16, 2);
		be(b, strlen(alpn) + 3, 2);
		be(b, strlen(alpn) + 1, 2);
		be(b, strlen(alpn), 1);
		buf_add_string(b, alpn);
	}
	close_length(b, extensions, 2);
	close_length(b, message, 3);
}

/* The message in records of that many bytes; heap. */
static struct buf in_records(const struct buf *message, size_t each)
{
	struct buf b;

	buf_init(&b, 1u << 20);
	for (size_t at = 0; at < message->len; at += each) {
		size_t n = message->len - at < each ? message->len - at : each;

		be(&b, 22, 1);
		be(&b, 0x0301, 2);
		be(&b, n, 2);
		buf_add(&b, message->data + at, n);
	}
	return b;
}

static void say_in(struct conversation *c, enum dir dir, const struct buf *message,
		   size_t record, size_t segment)
{
	struct buf b = in_records(message, record);

	for (size_t at = 0; at < b.len; at += segment)
		say(c, dir, b.data + at, b.len - at < segment ? b.len - at : segment);
	buf_free(&b);
}

#define ALL SIZE_MAX / 2

TEST_F(tls, all_that_is_said)
{
	client_hello(&self->client, WITH_NAME | WITH_ALPN | WITH_VERSIONS | WITH_GREASE);
	server_hello(&self->server, 0x0303, 0x0304, NULL);
	say_in(&self->c, DIR_OPENER, &self->client, ALL, ALL);
	EXPECT_EQ(0, noted.count);
	EXPECT_TRUE(proto_session_wanted(self->c.ps));
	say_in(&self->c, DIR_ANSWERER, &self->server, ALL, ALL);
	ASSERT_EQ(1, noted.count);
	EXPECT_STREQ(NAME, noted.note.server_name);
	EXPECT_STREQ("h2\nhttp/1.1", noted.note.offers);
	EXPECT_STREQ("", noted.note.alpn);
	EXPECT_STREQ("tls", noted.note.protocol);
	EXPECT_STREQ("example-base", noted.note.application);
	EXPECT_STREQ("", noted.note.carrier);
	EXPECT_EQ(0x0304, noted.note.version);
	EXPECT_EQ(0x0304, noted.note.offered);
	EXPECT_EQ(DIR_OPENER, noted.note.client);
	EXPECT_FALSE(noted.note.ech);
	EXPECT_FALSE(proto_session_wanted(self->c.ps));
	EXPECT_EQ(1, self->c.shunts);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_TLS]);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_TLS_NAMED]);
	/* Nothing more comes of it. */
	conversation_close(&self->c, FILE_REASON_NONE);
	EXPECT_EQ(1, noted.count);
}

TEST_F(tls, older_versions_say_which_protocol)
{
	client_hello(&self->client, WITH_ALPN);
	server_hello(&self->server, 0x0303, 0, "http/1.1");
	say_in(&self->c, DIR_OPENER, &self->client, ALL, ALL);
	say_in(&self->c, DIR_ANSWERER, &self->server, ALL, ALL);
	ASSERT_EQ(1, noted.count);
	EXPECT_STREQ("http/1.1", noted.note.alpn);
	EXPECT_EQ(0x0303, noted.note.version);
	EXPECT_STREQ("", noted.note.server_name);
	EXPECT_STREQ("ssl", noted.note.application);
	EXPECT_EQ(0, self->c.counters.value[COUNTER_SESSIONS_TLS_NAMED]);
}

TEST_F(tls, without_extensions)
{
	client_hello(&self->client, 0);
	say_in(&self->c, DIR_OPENER, &self->client, ALL, ALL);
	/* An alert is all this server says. */
	say(&self->c, DIR_ANSWERER, "\x15\3\1\0\2\2\x28", 7);
	ASSERT_EQ(1, noted.count);
	EXPECT_EQ(0x0303, noted.note.offered);
	EXPECT_EQ(0, noted.note.version);
	EXPECT_EQ(1, self->c.shunts);
}

TEST_F(tls, outer_hello)
{
	client_hello(&self->client, WITH_NAME | WITH_ECH);
	server_hello(&self->server, 0x0303, 0x7f1c, NULL);
	say_in(&self->c, DIR_OPENER, &self->client, ALL, ALL);
	say_in(&self->c, DIR_ANSWERER, &self->server, ALL, ALL);
	ASSERT_EQ(1, noted.count);
	EXPECT_TRUE(noted.note.ech);
	EXPECT_EQ(0x0304, noted.note.version);
}

/* Records and segments of any size, down to single bytes. */
TEST_F(tls, split_in_every_way)
{
	static const size_t sizes[] = {1, 2, 3, 5, 7, 40, 97};

	client_hello(&self->client, WITH_NAME | WITH_ALPN | WITH_VERSIONS);
	server_hello(&self->server, 0x0303, 0x0304, NULL);
	for (size_t r = 0; r < sizeof(sizes) / sizeof(sizes[0]); r++) {
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			struct proto_session *ps =
				proto_session_new(&self->c.env, &self->c.info);
			struct conversation c = self->c;

			c.ps = ps;
			memset(&noted, 0, sizeof(noted));
			say_in(&c, DIR_OPENER, &self->client, sizes[r], sizes[s]);
			say_in(&c, DIR_ANSWERER, &self->server, sizes[s], sizes[r]);
			ASSERT_EQ(1, noted.count)
			TH_LOG("records of %zu, segments of %zu", sizes[r], sizes[s]);
			EXPECT_STREQ(NAME, noted.note.server_name);
			EXPECT_EQ(0x0304, noted.note.version);
			EXPECT_FALSE(proto_session_wanted(ps));
			proto_session_free(ps, FILE_REASON_NONE, 1);
		}
	}
}

/* Cut anywhere: what was there before is read, nothing behind. */
TEST_F(tls, truncated_everywhere)
{
	struct tls_hello whole, h;
	size_t body;

	client_hello(&self->client,
		     WITH_NAME | WITH_ALPN | WITH_VERSIONS | WITH_ECH | WITH_GREASE);
	body = self->client.len - 4;
	ASSERT_TRUE(tls_hello_read(1, self->client.data + 4, body, &whole));
	for (size_t n = 0; n < body; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, self->client.data + 4, n);
		/* Up to the extensions a hello is as SSL 3.0 knew it. */
		EXPECT_EQ(n == 2 + 32 + 1 + 4 + 2, tls_hello_read(1, copy, n, &h));
		EXPECT_LE(h.server_name.n, strlen(NAME));
		if (h.server_name.p) {
			EXPECT_EQ(0, memcmp(h.server_name.p, NAME, h.server_name.n));
		}
		free(copy);
	}
	server_hello(&self->server, 0x0303, 0x0304, "h2");
	body = self->server.len - 4;
	for (size_t n = 0; n < body; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, self->server.data + 4, n);
		EXPECT_EQ(n == 2 + 32 + 1 + 3, tls_hello_read(2, copy, n, &h));
		free(copy);
	}
}

TEST_F(tls, every_byte_wrong)
{
	struct tls_hello h;

	client_hello(&self->client, WITH_NAME | WITH_ALPN | WITH_VERSIONS | WITH_ECH);
	for (size_t i = 4; i < self->client.len; i++) {
		for (int v = 0; v < 256; v++) {
			uint8_t was = self->client.data[i];
			const uint8_t *end = self->client.data + self->client.len;
			struct tls_bytes name;

			self->client.data[i] = (uint8_t)v;
			tls_hello_read(1, self->client.data + 4, self->client.len - 4, &h);
			if (h.server_name.p) {
				EXPECT_LE(h.server_name.p + h.server_name.n, end);
			}
			while (tls_alpn_next(&h.alpn, &name)) {
				EXPECT_LE(name.p + name.n, end);
			}
			self->client.data[i] = was;
		}
	}
}

TEST_F(tls, names_that_are_none)
{
	static const char *const names[] = {"", "two words.example", "line\nbreak.example",
					    "t\tab.example"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct buf *b = &self->client;
		size_t message = client_hello_begin(b), extensions = open_length(b, 2);

		name_extension(b, names[i]);
		close_length(b, extensions, 2);
		close_length(b, message, 3);
		proto_session_free(self->c.ps, FILE_REASON_NONE, 1);
		self->c.ps = proto_session_new(&self->c.env, &self->c.info);
		noted.count = 0;
		say_in(&self->c, DIR_OPENER, b, ALL, ALL);
		fin(&self->c, DIR_ANSWERER);
		ASSERT_EQ(1, noted.count);
		EXPECT_STREQ("", noted.note.server_name);
		EXPECT_STREQ("ssl", noted.note.application);
	}
}

TEST_F(tls, the_other_side_never_comes_by)
{
	static uint8_t record[5 + 16000] = {23, 3, 3, 0x3e, 0x80};

	client_hello(&self->client, WITH_NAME);
	say_in(&self->c, DIR_OPENER, &self->client, ALL, ALL);
	for (int i = 0; i < 5; i++)
		say(&self->c, DIR_OPENER, record, sizeof(record));
	EXPECT_EQ(1, noted.count);
	EXPECT_STREQ(NAME, noted.note.server_name);
	EXPECT_EQ(1, self->c.shunts);
}

TEST_F(tls, a_hole_ends_the_wait)
{
	client_hello(&self->client, WITH_NAME);
	say_in(&self->c, DIR_OPENER, &self->client, ALL, ALL);
	proto_session_gap(self->c.ps, DIR_ANSWERER, 100, 1);
	EXPECT_EQ(1, self->c.shunts);
	EXPECT_STREQ(NAME, noted.note.server_name);
}

TEST_F(tls, endless_records_of_nothing)
{
	static const uint8_t empty[5] = {22, 3, 1, 0, 0};

	say(&self->c, DIR_OPENER, "\x16\3\1\0\1\1", 6);
	for (int i = 0; i < 20000 && proto_session_wanted(self->c.ps); i++)
		say(&self->c, DIR_OPENER, empty, sizeof(empty));
	EXPECT_FALSE(proto_session_wanted(self->c.ps));
	EXPECT_EQ(1, noted.count);
}

TEST_F(tls, a_hello_beyond_all_bounds)
{
	static uint8_t record[5 + 16384] = {22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff};

	for (int i = 0; i < 3; i++)
		say(&self->c, DIR_OPENER, record, sizeof(record));
	fin(&self->c, DIR_ANSWERER);
	EXPECT_EQ(1, noted.count);
	EXPECT_EQ(1, self->c.shunts);
}

TEST_F(tls, ends_before_anything_was_said)
{
	say(&self->c, DIR_OPENER, "\x16\3\1\0\x50\1\0", 7);
	conversation_close(&self->c, FILE_REASON_RESET);
	ASSERT_EQ(1, noted.count);
	EXPECT_STREQ("ssl", noted.note.application);
}

TEST_F(tls, client_is_who_answered)
{
	client_hello(&self->client, WITH_NAME);
	server_hello(&self->server, 0x0303, 0, NULL);
	say_in(&self->c, DIR_ANSWERER, &self->client, ALL, ALL);
	say_in(&self->c, DIR_OPENER, &self->server, ALL, ALL);
	ASSERT_EQ(1, noted.count);
	EXPECT_EQ(DIR_ANSWERER, noted.note.client);
	EXPECT_STREQ(NAME, noted.note.server_name);
	EXPECT_EQ(0x0303, noted.note.version);
}

TEST_F(tls, through_a_proxy)
{
	ask(&self->c, "CONNECT " NAME ":443 HTTP/1.1\r\nHost: " NAME ":443\r\n\r\n");
	answer(&self->c, "HTTP/1.1 200 Connection established\r\n\r\n");
	client_hello(&self->client, WITH_NAME);
	server_hello(&self->server, 0x0303, 0x0304, NULL);
	say_in(&self->c, DIR_OPENER, &self->client, ALL, ALL);
	say_in(&self->c, DIR_ANSWERER, &self->server, ALL, ALL);
	ASSERT_EQ(1, noted.count);
	EXPECT_STREQ(NAME, noted.note.server_name);
	EXPECT_STREQ("http", noted.note.carrier);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_TLS]);
}

/* The words before it, by protocol, and whether the client waits for the server's. */
static const struct {
	const char *carrier, *greeting, *ask, *answer;
} starts[] = {
	{"smtp", "220 mx.example ESMTP\r\n", "STARTTLS\r\n", "220 go ahead\r\n"},
	{"pop3", "+OK POP3 ready\r\n", "STLS\r\n", "+OK begin\r\n"},
	{"imap", "* OK IMAP4rev1 ready\r\n", "a1 STARTTLS\r\n", "a1 OK begin\r\n"},
	{"ftp", "220 FTP server ready\r\n", "AUTH TLS\r\n", "234 go ahead\r\n"},
};

static void start_over(struct conversation *c)
{
	proto_session_free(c->ps, FILE_REASON_NONE, 1);
	c->ps = proto_session_new(&c->env, &c->info);
	memset(&noted, 0, sizeof(noted));
	memset(&c->counters, 0, sizeof(c->counters));
	c->shunts = 0;
}

TEST_F(tls, behind_words)
{
	client_hello(&self->client, WITH_NAME);
	server_hello(&self->server, 0x0303, 0x0304, NULL);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		/* The client's hello before the server's last word, as a capture may have it. */
		for (int early = 0; early < 2; early++) {
			start_over(&self->c);
			answer(&self->c, starts[i].greeting);
			ask(&self->c, starts[i].ask);
			if (!early)
				answer(&self->c, starts[i].answer);
			say_in(&self->c, DIR_OPENER, &self->client, ALL, ALL);
			if (early)
				answer(&self->c, starts[i].answer);
			EXPECT_EQ(0, noted.count);
			say_in(&self->c, DIR_ANSWERER, &self->server, ALL, ALL);
			ASSERT_EQ(1, noted.count)
			TH_LOG("%s, early %d", starts[i].carrier, early);
			EXPECT_STREQ(NAME, noted.note.server_name);
			EXPECT_STREQ(starts[i].carrier, noted.note.carrier);
			EXPECT_EQ(0x0304, noted.note.version);
			EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_TLS]);
			EXPECT_EQ(1, self->c.shunts);
		}
	}
}

/* ------------------------------------------------------------------------ QUIC */

static void datagram(struct conversation *c, uint32_t version, uint8_t first, size_t n)
{
	uint8_t p[1500] = {first, version >> 24, version >> 16, version >> 8, version, 8};

	p[14] = 8;
	proto_session_free(c->ps, FILE_REASON_NONE, 1);
	c->info.protocol = IPPROTO_UDP;
	c->ps = proto_session_new(&c->env, &c->info);
	noted.count = 0;
	proto_session_datagram(c->ps, DIR_OPENER, p, n, 1);
}

TEST_F(tls, quic)
{
	static const struct {
		uint32_t version;
		uint8_t first;
		size_t n;
		unsigned int noted;
	} cases[] = {
		{1, 0xc0, 1200, 1},	 {1, 0xc3, 1350, 1},	  {0x6b3343cf, 0xd0, 1200, 1},
		{0xff00001d, 0xc0, 1200, 1}, {0x1a2a3a4a, 0xc0, 1200, 1}, {1, 0xc0, 1199, 0},
		{1, 0xd0, 1200, 0},	 {1, 0x80, 1200, 0},	  {1, 0x40, 1200, 0},
		{0, 0xc0, 1200, 0},	 {0x12345678, 0xc0, 1200, 0}, {0x6b3343cf, 0xc0, 1200, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		datagram(&self->c, cases[i].version, cases[i].first, cases[i].n);
		EXPECT_EQ(cases[i].noted, noted.count)
		TH_LOG("version %x, first byte %x, %zu bytes", cases[i].version,
		       cases[i].first, cases[i].n);
		if (cases[i].noted) {
			EXPECT_STREQ("quic", noted.note.application);
			EXPECT_STREQ("quic", noted.note.protocol);
			EXPECT_FALSE(proto_session_wanted(self->c.ps));
		}
	}
	EXPECT_EQ(5, self->c.counters.value[COUNTER_SESSIONS_QUIC]);
}

TEST_F(tls, quic_ids_of_any_length_stay_inside)
{
	uint8_t p[1200] = {0xc0, 0, 0, 0, 1};

	for (int length = 0; length < 256; length++) {
		p[5] = (uint8_t)length;
		self->c.info.protocol = IPPROTO_UDP;
		proto_session_free(self->c.ps, FILE_REASON_NONE, 1);
		self->c.ps = proto_session_new(&self->c.env, &self->c.info);
		noted.count = 0;
		proto_session_datagram(self->c.ps, DIR_OPENER, p, sizeof(p), 1);
		EXPECT_EQ(length <= 20, noted.count);
	}
}

TEST_HARNESS_MAIN
