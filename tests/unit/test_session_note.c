// SPDX-License-Identifier: MIT
/*
 * A session that nobody can read: as a message between processes, and as a line of the log.
 */
#include <kselftest_harness.h>

#include "policy/session_log.h"

#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define NAME "www.example.com"

static struct session_note example(void)
{
	struct session_note n = {
		.time = 1700000000123456789,
		.version = 0x0304,
		.offered = 0x0304,
		.client = DIR_OPENER,
		.ech = true,
		.application = "example-base",
		.protocol = "tls",
		.carrier = "smtp",
		.server_name = NAME,
		.alpn = "h2",
		.offers = "h2\nhttp/1.1",
		.session = {.id = 7,
			    .start = 1700000000000000000,
			    .protocol = IPPROTO_TCP,
			    .uid = UINT32_MAX,
			    .local = SESSION_LOCAL_ANSWERER,
			    .in_name = "lan0",
			    .vlan = {5, 6}},
	};

	inet_parse("192.0.2.1", &n.session.end[DIR_OPENER]);
	inet_parse("2001:db8::2", &n.session.end[DIR_ANSWERER]);
	inet_parse("203.0.113.9", &n.session.nat[DIR_OPENER]);
	n.session.end[DIR_OPENER].port = 50000;
	n.session.end[DIR_ANSWERER].port = 443;
	return n;
}

TEST(message_there_and_back)
{
	struct session_note n = example(), back;
	struct msg_view v;
	struct msg m;

	msg_init(&m);
	ASSERT_TRUE(session_note_encode(&n, &m));
	v = (struct msg_view){MSG_SESSION, m.buf.data + 8, m.buf.len - 8};
	ASSERT_TRUE(session_note_decode(&back, &v));
	EXPECT_EQ(n.time, back.time);
	EXPECT_EQ(n.version, back.version);
	EXPECT_EQ(n.offered, back.offered);
	EXPECT_EQ(n.client, back.client);
	EXPECT_EQ(n.ech, back.ech);
	EXPECT_STREQ(n.server_name, back.server_name);
	EXPECT_STREQ(n.application, back.application);
	EXPECT_STREQ(n.protocol, back.protocol);
	EXPECT_STREQ(n.carrier, back.carrier);
	EXPECT_STREQ(n.alpn, back.alpn);
	EXPECT_STREQ(n.offers, back.offers);
	EXPECT_EQ(7, back.session.id);
	EXPECT_EQ(6, back.session.vlan[1]);
	EXPECT_EQ(UINT32_MAX, back.session.uid);
	EXPECT_STREQ("lan0", back.session.in_name);
	EXPECT_EQ(0, memcmp(n.session.end, back.session.end, sizeof(n.session.end)));
	EXPECT_EQ(0, memcmp(n.session.nat, back.session.nat, sizeof(n.session.nat)));
	/* Whatever byte is another one: refused, or decoded into what is in its bounds. */
	for (size_t i = 8; i < m.buf.len; i++) {
		struct msg_view bad;

		m.buf.data[i] ^= 0xff;
		v.attrs = m.buf.data + 8;
		if (msg_parse(m.buf.data, m.buf.len, &bad) && session_note_decode(&back, &bad)) {
			EXPECT_LE(back.client, DIR_ANSWERER);
			EXPECT_LT(strnlen(back.server_name, sizeof(back.server_name)),
				  sizeof(back.server_name));
		}
		m.buf.data[i] ^= 0xff;
	}
	/* Nameless ones make no sense. */
	n.application[0] = '\0';
	ASSERT_TRUE(session_note_encode(&n, &m));
	v = (struct msg_view){MSG_SESSION, m.buf.data + 8, m.buf.len - 8};
	EXPECT_FALSE(session_note_decode(&back, &v));
	msg_free(&m);
}

static const char *at(json_t *root, const char *path)
{
	char copy[128], *state, *key;
	json_t *v = root;

	snprintf(copy, sizeof(copy), "%s", path);
	for (key = strtok_r(copy, ".", &state); key; key = strtok_r(NULL, ".", &state))
		v = json_is_array(v) ? json_array_get(v, (size_t)atoi(key))
				     : json_object_get(v, key);
	return json_is_string(v) ? json_string_value(v) : json_is_true(v) ? "true" : "";
}

TEST(log_line)
{
	static const struct {
		const char *path, *value;
	} expected[] = {
		{"@timestamp", "2023-11-14T22:13:20.123456789Z"},
		{"event.dataset", "sluice.session"},
		{"source.ip", "192.0.2.1"},
		{"client.ip", "192.0.2.1"},
		{"client.nat.ip", "203.0.113.9"},
		{"destination.ip", "2001:db8::2"},
		{"server.ip", "2001:db8::2"},
		{"network.application", "example-base"},
		{"network.protocol", "tls"},
		{"network.transport", "tcp"},
		{"tls.client.server_name", NAME},
		{"tls.next_protocol", "h2"},
		{"tls.version", "1.3"},
		{"tls.version_protocol", "tls"},
		{"tls.established", ""},
		{"sluice.tls.offered_version", "1.3"},
		{"sluice.tls.offered_protocols.1", "http/1.1"},
		{"sluice.tls.encrypted_client_hello", "true"},
		{"sluice.tls.carrier", "smtp"},
		{"sluice.virtual_system", "blue"},
		{"sluice.session.in_interface", "lan0"},
		{"sluice.session.local", "server"},
	};
	struct session_note n = example();
	struct buf out;
	json_t *root;

	buf_init(&out, 1u << 16);
	ASSERT_TRUE(session_log_render(&n, "blue", &out));
	EXPECT_EQ(NULL, memchr(out.data, '\n', out.len));
	root = json_loadb((const char *)out.data, out.len, 0, NULL);
	ASSERT_NE(NULL, root);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		EXPECT_STREQ(expected[i].value, at(root, expected[i].path))
		TH_LOG("%s", expected[i].path);
	}
	json_decref(root);
	/* Of QUIC there is less, and bytes that are no text are made into some. */
	memset(&n, 0, sizeof(n));
	strcpy(n.protocol, "quic");
	strcpy(n.application, "quic");
	strcpy(n.server_name, "\xff\xfe");
	buf_reset(&out);
	ASSERT_TRUE(session_log_render(&n, NULL, &out));
	root = json_loadb((const char *)out.data, out.len, 0, NULL);
	ASSERT_NE(NULL, root);
	EXPECT_EQ(NULL, json_object_get(root, "tls"));
	json_decref(root);
	buf_reset(&out);
	strcpy(n.protocol, "tls");
	ASSERT_TRUE(session_log_render(&n, NULL, &out));
	root = json_loadb((const char *)out.data, out.len, 0, NULL);
	EXPECT_NE(NULL, root);
	json_decref(root);
	buf_free(&out);
}

TEST_HARNESS_MAIN
