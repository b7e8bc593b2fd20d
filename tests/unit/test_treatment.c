// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/ipcrypt.h"
#include "policy/network.h"
#include "policy/pseudonym.h"

#include <stdlib.h>
#include <sys/socket.h>

static void unhex(const char *text, uint8_t *out)
{
	unsigned int byte;

	for (; text[0]; text += 2, out++) {
		sscanf(text, "%2x", &byte);
		*out = (uint8_t)byte;
	}
}

#define BASIC "0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301"

/* draft-denis-ipcrypt, appendix "Test Vectors". */
TEST(ipcrypt_vectors)
{
	static const struct {
		const char *key, *plain, *secret;
		bool prefix;
	} rows[] = {
		{"0123456789abcdeffedcba9876543210", "0.0.0.0",
		 "bde9:6789:d353:824c:d7c6:f58a:6bd2:26eb", false},
		{"1032547698badcfeefcdab8967452301", "255.255.255.255",
		 "aed2:92f6:ea23:58c3:48fd:8b8:74e8:45d8", false},
		{"2b7e151628aed2a6abf7158809cf4f3c", "192.0.2.1",
		 "1dbd:c1b9:fff1:7586:7d0b:67b4:e76e:4777", false},
		{BASIC, "0.0.0.0", "151.82.155.134", true},
		{BASIC, "255.255.255.255", "94.185.169.89", true},
		{BASIC, "192.0.2.1", "100.115.72.131", true},
		{BASIC, "2001:db8::1", "c180:5dd4:2587:3524:30ab:fa65:6ab6:f88", true},
		{"2b7e151628aed2a6abf7158809cf4f3ca9f5ba40db214c3798f2e1c23456789a",
		 "10.0.0.47", "19.214.210.244", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool (*crypt)(const uint8_t *, bool, struct endpoint *) =
			rows[i].prefix ? ipcrypt_prefix : ipcrypt_single;
		char text[INET_TEXT_MAX];
		struct endpoint e;
		uint8_t key[32];

		unhex(rows[i].key, key);
		ASSERT_TRUE(inet_parse(rows[i].plain, &e));
		e.port = 80;
		EXPECT_TRUE(crypt(key, false, &e));
		EXPECT_STREQ(rows[i].secret, inet_text(&e, text));
		EXPECT_TRUE(crypt(key, true, &e));
		EXPECT_STREQ(rows[i].plain, inet_text(&e, text));
		EXPECT_EQ(80, e.port);
	}
}

static unsigned int common_bits(const struct endpoint *a, const struct endpoint *b)
{
	unsigned int n = 0, max = a->family == AF_INET ? 32 : 128;

	while (n < max && !((a->ip[n / 8] ^ b->ip[n / 8]) & 0x80 >> n % 8))
		n++;
	return n;
}

/* As many bits in common as before, of the same family, and back again. */
TEST(ipcrypt_properties)
{
	unsigned int seed = 5;
	uint8_t key[32];

	for (int i = 0; i < 400; i++) {
		struct endpoint a = {.family = i % 2 ? AF_INET : AF_INET6}, b, x, y;
		unsigned int bits = i % 2 ? 32 : 128, flip;

		for (size_t k = 0; k < sizeof(key); k++)
			key[k] = (uint8_t)rand_r(&seed);
		for (size_t k = 0; k < bits / 8; k++)
			a.ip[k] = (uint8_t)rand_r(&seed);
		b = a;
		flip = (unsigned int)rand_r(&seed) % bits;
		b.ip[flip / 8] ^= 0x80 >> flip % 8;
		x = a;
		y = b;
		ASSERT_TRUE(ipcrypt_prefix(key, false, &x));
		ASSERT_TRUE(ipcrypt_prefix(key, false, &y));
		EXPECT_EQ(a.family, x.family);
		EXPECT_EQ(flip, common_bits(&x, &y));
		ASSERT_TRUE(ipcrypt_prefix(key, true, &x));
		EXPECT_TRUE(inet_equal(&a, &x));
		x = a;
		ASSERT_TRUE(ipcrypt_single(key, false, &x));
		EXPECT_FALSE(inet_equal(&a, &x));
		ASSERT_TRUE(ipcrypt_single(key, true, &x));
		EXPECT_TRUE(inet_equal(&a, &x));
	}
}

/* Nothing of no family is encrypted. */
TEST(ipcrypt_no_address)
{
	struct endpoint e = {.family = 77, .ip = {1, 2, 3, 4}};
	uint8_t key[32] = {0};

	EXPECT_FALSE(ipcrypt_prefix(key, false, &e));
	EXPECT_EQ(0, e.family + e.ip[0]);
	e = (struct endpoint){.ip = {1}};
	EXPECT_FALSE(ipcrypt_single(key, false, &e));
	EXPECT_EQ(0, e.ip[0]);
}

#define SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define LINE "k1 2024-01-31T12:00:00Z " SECRET "\n"

TEST(key_files)
{
	static const struct {
		const char *text, *expected; /* NULL: good */
		unsigned int line;
	} rows[] = {
		{LINE, NULL, 0},
		{"# a\n\n" LINE " \t# b\n", NULL, 0},
		{LINE "k2  2024-02-01T00:00:00Z\t" SECRET "\r\n", NULL, 0},
		{"", "at least one line", 0},
		{"# nothing\n", "at least one line", 0},
		{"k1 2024-01-31T12:00:00Z " SECRET, "newline at its end", 0},
		{LINE "k2 2024-01-31T12:00:00Z 0001", "newline at its end", 0},
		{LINE "k2 2024-01-31T12:00:00Z 0001\n", "64 hex digits", 2},
		{"k1 2024-01-31T12:00:00Z " SECRET "00\n", "64 hex digits", 1},
		{"k1 2024-01-31T12:00:00Z g" SECRET "\n", "64 hex digits", 1},
		{LINE LINE, "each ID once", 2},
		{"k1 " SECRET "\n", "ID CREATED HEX", 1},
		{"k1 2024-01-31T12:00:00Z " SECRET " x\n", "ID CREATED HEX", 1},
		{"K1 2024-01-31T12:00:00Z " SECRET "\n", "an ID", 1},
		{"k23456789 2024-01-31T12:00:00Z " SECRET "\n", "an ID", 1},
		{"k1 yesterday " SECRET "\n", "a time", 1},
		{"k1 2024-01-31T12:00:00+01:00 " SECRET "\n", "a time", 1},
	};
	struct policy_keys *keys = calloc(1, sizeof(*keys));

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int line;
		const char *expected =
			policy_keys_parse(rows[i].text, strlen(rows[i].text), keys, &line);

		EXPECT_EQ(!rows[i].expected, !expected)
		{
			TH_LOG("row %zu: %s", i, expected ? expected : "good");
		}
		if (expected && rows[i].expected) {
			EXPECT_NE(NULL, strstr(expected, rows[i].expected))
			{
				TH_LOG("row %zu: %s", i, expected);
			}
			EXPECT_EQ(rows[i].line, line);
		}
		EXPECT_EQ(!expected, keys->count != 0);
		EXPECT_EQ(!expected, policy_keys_current(keys) != NULL);
	}
	policy_keys_parse(LINE "\0" LINE, 2 * strlen(LINE) + 1, keys, &(unsigned int){0});
	EXPECT_EQ(0, keys->count);
	free(keys);
}

TEST(new_keys)
{
	struct policy_keys *keys = calloc(1, sizeof(*keys));
	uint8_t secret[POLICY_KEY_SECRET] = {1};
	unsigned int line;
	struct buf b;

	buf_init(&b, 4096);
	for (int i = 0; i < 3; i++) {
		secret[0]++;
		ASSERT_TRUE(policy_key_line(keys, 1706702400000000000u, secret, &b));
		ASSERT_EQ(NULL, policy_keys_parse(buf_string(&b), b.len, keys, &line));
	}
	EXPECT_EQ(3, keys->count);
	EXPECT_STREQ("k3", policy_keys_current(keys)->id);
	EXPECT_EQ(1706702400000000000u, policy_keys_find(keys, "k2")->created);
	EXPECT_EQ(NULL, policy_keys_find(keys, "k4"));
	buf_free(&b);
	free(keys);
}

TEST(normalised)
{
	static const struct {
		enum sluice_field field;
		const char *text, *want;
	} rows[] = {
		{SLUICE_FIELD_APPLICATION, " Web-Browsing\n", "web-browsing"},
		{SLUICE_FIELD_USER, "CORP\\Alice ", "corp\\alice"},
		{SLUICE_FIELD_USER, "\xc3\x84lice", "\xc3\x84lice"},
		{SLUICE_FIELD_EMAIL_SENDER, " <Bob@Example.ORG> ", "bob@example.org"},
		{SLUICE_FIELD_EMAIL_SENDER, "<>", ""},
		{SLUICE_FIELD_EMAIL_SENDER, "<a", "<a"},
		{SLUICE_FIELD_EMAIL_RECIPIENT, "< a@b >", "a@b"},
		{SLUICE_FIELD_EMAIL_RECIPIENT, "\"A <x>\" B. <A@b>", "a@b"},
		{SLUICE_FIELD_EMAIL_SENDER, "a@b>", "a@b>"},
		{SLUICE_FIELD_EMAIL_SUBJECT, "  Re:\t\r\n a   B ", "Re: a B"},
		{SLUICE_FIELD_VIRTUAL_SYSTEM, " Blue  side", "Blue side"},
		{SLUICE_FIELD_FILENAME, "C:\\dir/ a b.exe ", "a b.exe"},
		{SLUICE_FIELD_FILENAME, "dir/", ""},
		{SLUICE_FIELD_URL, "HTTP://u:p@Host.EXAMPLE:80/Path?Q#f",
		 "http://host.example/Path?Q"},
		{SLUICE_FIELD_URL, "https://h:443", "https://h/"},
		{SLUICE_FIELD_URL, "https://h:80?q", "https://h:80/?q"},
		{SLUICE_FIELD_URL, "http://h:#x", "http://h/"},
		{SLUICE_FIELD_URL, "/p", "/p"},
		{SLUICE_FIELD_URL, "", "/"},
		{SLUICE_FIELD_SOURCE_PORT, "8080", "8080"},
	};
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b);
		EXPECT_TRUE(pseudonym_normalise(rows[i].field, rows[i].text,
						strlen(rows[i].text), &b));
		EXPECT_STREQ(rows[i].want, buf_string(&b));
	}
	buf_free(&b);
}

/* What Python makes of the same secret; its own HKDF is two HMACs. */
static const char *independent(const char *field, const char *value, char *out, size_t room)
{
	char command[1024];
	FILE *f;

	snprintf(command, sizeof(command),
		 "python3 -c 'import hmac,sys\n"
		 "h=lambda k,d:hmac.new(k,d,\"sha256\").digest()\n"
		 "k=h(h(bytes(32),bytes.fromhex(\"" SECRET
		 "\")),b\"sluice pseudonymise\\x01\")\n"
		 "print(\"p1:k1:\"+h(k,sys.argv[1].encode()+b\"\\0\"+sys.argv[2].encode())"
		 "[:16].hex(),end=\"\")' '%s' '%s'",
		 field, value);
	out[0] = '\0';
	f = popen(command, "r");
	if (f) {
		out[fread(out, 1, room - 1, f)] = '\0';
		pclose(f);
	}
	return out;
}

TEST(pseudonyms)
{
	struct policy_keys *keys = calloc(1, sizeof(*keys));
	char token[PSEUDONYM_MAX], other[PSEUDONYM_MAX], want[128], id[POLICY_KEY_ID_MAX];
	const struct policy_key *key;
	struct endpoint e;
	unsigned int line;

	ASSERT_EQ(NULL, policy_keys_parse(LINE, strlen(LINE), keys, &line));
	key = policy_keys_current(keys);
	ASSERT_TRUE(pseudonym_text(key, SLUICE_FIELD_USER, " Alice", 6, token));
	EXPECT_STREQ(independent("user", "alice", want, sizeof(want)), token);
	EXPECT_TRUE(pseudonym_parse(token, id));
	EXPECT_STREQ("k1", id);
	/* The same value in another field is somebody else. */
	ASSERT_TRUE(pseudonym_text(key, SLUICE_FIELD_APPLICATION, "alice", 5, other));
	EXPECT_STRNE(token, other);

	inet_parse("::ffff:10.1.2.3", &e);
	ASSERT_TRUE(pseudonym_address(key, SLUICE_FIELD_SOURCE_IP, &e, token));
	EXPECT_STREQ(independent("source_ip", "10.1.2.3", want, sizeof(want)), token);
	inet_parse("10.1.2.3", &e);
	ASSERT_TRUE(pseudonym_address(key, SLUICE_FIELD_SOURCE_IP, &e, other));
	EXPECT_STREQ(token, other);
	ASSERT_TRUE(pseudonym_port(key, SLUICE_FIELD_SOURCE_PORT, 443, token));
	EXPECT_STREQ(independent("source_port", "443", want, sizeof(want)), token);

	EXPECT_FALSE(pseudonym_parse("p1:k1:00", id));
	EXPECT_FALSE(pseudonym_parse("p1::00112233445566778899aabbccddeeff", id));
	EXPECT_FALSE(pseudonym_parse("p2:k1:00112233445566778899aabbccddeeff", id));
	EXPECT_FALSE(pseudonym_parse("p1:k23456789:00112233445566778899aabbccddeeff", id));
	EXPECT_FALSE(pseudonym_parse("p1:k1:00112233445566778899AABBCCDDEEFF", id));
	free(keys);
}

TEST(networks)
{
	static const char *const rows[][2] = {
		{"10.1.2.3", "office"},	       {"10.1.9.9", "site"},
		{"10.2.0.1", "internal"},      {"172.31.0.1", "internal"},
		{"172.32.0.1", "external"},    {"192.168.1.1", "internal"},
		{"100.127.0.1", "internal"},   {"100.128.0.1", "external"},
		{"127.9.9.9", "internal"},     {"169.254.1.1", "internal"},
		{"8.8.8.8", "external"},       {"::1", "internal"},
		{"::2", "external"},	       {"fd12::1", "internal"},
		{"fe80::1", "internal"},       {"2001:db8:1::5", "six"},
		{"2001:db8:2::5", "external"}, {"::ffff:10.1.2.3", "office"},
	};
	struct networks *n = calloc(1, sizeof(*n));
	struct endpoint e;

	strcpy(n->network[0].name, "site");
	strcpy(n->network[1].name, "office");
	strcpy(n->network[2].name, "six");
	n->count = 3;
	EXPECT_EQ(NULL, network_add(n, 0, "10.1.0.0/16"));
	EXPECT_EQ(NULL, network_add(n, 1, "10.1.2.0/24"));
	EXPECT_EQ(NULL, network_add(n, 0, "10.1.2.0/24"));
	EXPECT_EQ(NULL, network_add(n, 2, "2001:db8:1::/48"));
	EXPECT_NE(NULL, network_add(n, 2, "10.1.2.3/24"));
	EXPECT_NE(NULL, network_add(n, 2, "10.1.2.0/33"));
	EXPECT_NE(NULL, network_add(n, 2, "site"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ASSERT_TRUE(inet_parse(rows[i][0], &e));
		EXPECT_STREQ(rows[i][1], network_name(n, &e))
		{
			TH_LOG("%s", rows[i][0]);
		}
	}
	inet_parse("10.1.2.3", &e);
	EXPECT_STREQ("internal", network_name(NULL, &e));
	free(n);
}

TEST_HARNESS_MAIN
