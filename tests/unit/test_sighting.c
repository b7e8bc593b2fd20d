// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/sighting.h"
#include "scratch.h"

#include <sys/socket.h>

static uint8_t wire[MSG_MAX];

/* Every field something else than zero. */
static void fill(struct sighting *s)
{
	unsigned int i;

	sighting_init(s);
	s->session = (struct session_info){
		.id = 0x0102030405060708, .start = 1700000000000000001, .related = 11,
		.netns = 4026531840, .zone = 3, .vlan = {100, 200}, .vrf = 7, .uid = 1000,
		.local = SESSION_LOCAL_ANSWERER,
		.ct_mark = 0xdeadbeef, .share_mask = 0xfff, .protocol = 6, .midstream = true,
		.in_name = "eth0", .out_name = "fifteen.letters",
	};
	inet_parse("192.0.2.1", &s->session.end[DIR_OPENER]);
	inet_parse("2001:db8::2", &s->session.end[DIR_ANSWERER]);
	inet_parse("198.51.100.3", &s->session.nat[DIR_OPENER]);
	s->session.end[DIR_OPENER].port = 40000;
	s->session.end[DIR_ANSWERER].port = 65535;
	s->direction = DIRECTION_UPLOAD;
	s->begin = 1700000000000000002;
	s->end = 1700000000000000003;
	s->number = 4;
	s->http_status = 206;
	s->state = FILE_STATE_COMPLETE;
	s->size_known = true;
	s->declared = 99;
	s->size = 1234;
	s->seen = 1234;
	s->overlap = 17;
	s->stored = true;
	memset(s->sha256, 0xab, sizeof(s->sha256));
	for (i = 0; i < SIGHTING_TEXT_COUNT; i++) {
		char text[32];

		snprintf(text, sizeof(text), "text %u \xff\n", i);
		sighting_set(s, i, text, strlen(text));
	}
	s->cut = 1 << SIGHTING_URL;
	sighting_make_id(s);
}

static bool same(const struct sighting *a, const struct sighting *b)
{
	struct sighting x = *a, y = *b;
	unsigned int i;

	for (i = 0; i < SIGHTING_TEXT_COUNT; i++) {
		if (!x.text[i] != !y.text[i] || x.text_len[i] != y.text_len[i])
			return false;
		if (x.text[i] && memcmp(x.text[i], y.text[i], x.text_len[i] + 1))
			return false;
		x.text[i] = y.text[i] = NULL;
	}
	/* Both were zeroed before they were filled, so padding is equal. */
	return !memcmp(&x, &y, sizeof(x));
}

/* Through a socket, as the processes do it. */
static bool cross(struct msg *m, struct sighting *out)
{
	struct msg_view v;
	bool ok = false;
	int fd[2];

	if (!msg_pair(fd))
		return false;
	ok = msg_send(fd[0], m) == MSG_OK && msg_receive(fd[1], wire, &v) == MSG_OK &&
	     sighting_decode(out, &v);
	close(fd[0]);
	close(fd[1]);
	return ok;
}

TEST(there_and_back)
{
	struct sighting s, got;
	struct msg m;

	fill(&s);
	msg_init(&m);
	msg_begin(&m, MSG_SIGHTING);
	EXPECT_TRUE(sighting_encode(&s, &m));
	ASSERT_TRUE(cross(&m, &got));
	EXPECT_TRUE(same(&s, &got));
	sighting_free(&got);
	sighting_free(&s);

	/* The smallest one, cut short, without any text. */
	s.state = FILE_STATE_TRUNCATED;
	s.reason = FILE_REASON_OPEN_FILES;
	s.missing = UINT64_MAX;
	msg_begin(&m, MSG_SIGHTING);
	EXPECT_TRUE(sighting_encode(&s, &m));
	ASSERT_TRUE(cross(&m, &got));
	EXPECT_TRUE(same(&s, &got));
	sighting_free(&got);
	msg_free(&m);
}

TEST(every_text_at_its_limit_fits)
{
	struct sighting s, got;
	char *long_text = malloc(20000);
	struct msg m;
	unsigned int i;

	memset(long_text, 'x', 20000);
	fill(&s);
	for (i = 0; i < SIGHTING_TEXT_COUNT; i++)
		sighting_set(&s, i, long_text, 20000);
	EXPECT_EQ((1u << SIGHTING_TEXT_COUNT) - 1, s.cut);
	EXPECT_EQ(8192, s.text_len[SIGHTING_URL]);
	EXPECT_EQ(63, s.text_len[SIGHTING_RULE]);
	msg_init(&m);
	msg_begin(&m, MSG_SIGHTING);
	EXPECT_TRUE(sighting_encode(&s, &m));
	ASSERT_TRUE(cross(&m, &got));
	EXPECT_TRUE(same(&s, &got));
	sighting_free(&got);
	sighting_free(&s);
	msg_free(&m);
	free(long_text);
}

TEST(texts)
{
	struct sighting s, copy;

	sighting_init(&s);
	EXPECT_EQ(NULL, sighting_get(&s, SIGHTING_USER));
	sighting_set(&s, SIGHTING_USER, "alice and more", 5);
	EXPECT_STREQ("alice", sighting_get(&s, SIGHTING_USER));
	EXPECT_EQ(0, s.cut);
	sighting_set(&s, SIGHTING_USER, "a\0b", 3);
	EXPECT_STREQ("a", sighting_get(&s, SIGHTING_USER));
	EXPECT_EQ(1 << SIGHTING_USER, s.cut);
	/* From itself, whole again. */
	sighting_set(&s, SIGHTING_USER, sighting_get(&s, SIGHTING_USER), 1);
	EXPECT_STREQ("a", sighting_get(&s, SIGHTING_USER));
	EXPECT_EQ(0, s.cut);
	sighting_set(&s, SIGHTING_USER, "\0b", 2);
	EXPECT_EQ(NULL, sighting_get(&s, SIGHTING_USER));
	EXPECT_EQ(1 << SIGHTING_USER, s.cut);
	sighting_set(&s, SIGHTING_USER, "a", 0);
	EXPECT_EQ(0, s.cut);
	sighting_set(&s, SIGHTING_USER, "a", 1);
	sighting_set(&s, SIGHTING_USER, NULL, 5);
	EXPECT_EQ(NULL, sighting_get(&s, SIGHTING_USER));
	sighting_free(&s);

	fill(&s);
	ASSERT_TRUE(sighting_copy(&copy, &s));
	EXPECT_TRUE(same(&s, &copy));
	EXPECT_NE(s.text[0], copy.text[0]);
	sighting_free(&s);
	sighting_free(&copy);
}

TEST(id)
{
	struct sighting a, b;
	char text[SIGHTING_ID_TEXT];
	uint8_t first[SIGHTING_ID_SIZE];
	int i;

	fill(&a);
	fill(&b);
	EXPECT_EQ(0, memcmp(a.id, b.id, sizeof(a.id)));
	sighting_id_text(a.id, text);
	EXPECT_EQ(36, strlen(text));
	EXPECT_EQ('8', text[14]);
	EXPECT_NE(NULL, strchr("89ab", text[19]));
	for (i = 8; i < 24; i += 5)
		EXPECT_EQ('-', text[i]);
	/* What is not the file and its place in the session does not matter. */
	sighting_set(&b, SIGHTING_URL, "other", 5);
	b.end++;
	sighting_make_id(&b);
	EXPECT_EQ(0, memcmp(a.id, b.id, sizeof(a.id)));
	/* What is, does. */
	memcpy(first, a.id, sizeof(first));
#define CHANGED(change)                                                  \
	do {                                                             \
		fill(&b);                                                \
		b.change;                                                \
		sighting_make_id(&b);                                    \
		EXPECT_NE(0, memcmp(first, b.id, sizeof(first)));        \
		sighting_free(&b);                                       \
	} while (0)
	sighting_free(&b);
	CHANGED(session.id++);
	CHANGED(session.start++);
	CHANGED(number++);
	CHANGED(begin++);
	CHANGED(sha256[31]++);
	sighting_free(&a);
}

TEST(hash_text)
{
	static const char good[] = "00112233445566778899aAbBcCdDeEfF00112233445566778899aabbccddeeff";
	static const char *const bad[] = {
		"", "0", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeef",
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0",
		"g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		"0x112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		"00112233445566778899aabbccddeeff 0112233445566778899aabbccddeeff",
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeef\xe6",
	};
	uint8_t sha256[SHA256_SIZE];
	char text[SHA256_TEXT], id[SIGHTING_ID_TEXT];
	size_t i;

	ASSERT_TRUE(sha256_parse(good, sha256));
	EXPECT_EQ(0xaa, sha256[10]);
	EXPECT_STREQ("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		     sha256_text(sha256, text));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_FALSE(sha256_parse(bad[i], sha256)) TH_LOG("row %zu", i);
	EXPECT_STREQ("00112233-4455-6677-8899-aabbccddeeff", sighting_id_text(sha256, id));
}

TEST(reasons)
{
	EXPECT_STREQ("none", file_reason_text(FILE_REASON_NONE));
	EXPECT_STREQ("open-files", file_reason_text(FILE_REASON_OPEN_FILES));
	EXPECT_STREQ("unknown", file_reason_text(FILE_REASON_COUNT));
}

/* ------------------------------------------------------ what must be refused */

static bool decodes(struct msg *m)
{
	struct sighting got;
	bool ok = cross(m, &got);

	/* Refused or not, it may be freed. */
	sighting_free(&got);
	return ok;
}

TEST(wrong_values)
{
	struct sighting s;
	struct msg m;

	msg_init(&m);
	msg_begin(&m, MSG_SIGHTING);
	EXPECT_FALSE(decodes(&m));
#define REFUSED(change)                                                  \
	do {                                                             \
		fill(&s);                                                \
		msg_begin(&m, MSG_SIGHTING);                             \
		{ change; }                                              \
		EXPECT_TRUE(sighting_encode(&s, &m));                    \
		EXPECT_FALSE(decodes(&m)) TH_LOG("%s", #change);         \
		sighting_free(&s);                                       \
	} while (0)
	REFUSED(s.direction = 2);
	REFUSED(s.state = 2);
	REFUSED(s.state = -1);
	REFUSED(s.state = FILE_STATE_TRUNCATED);
	REFUSED(s.state = FILE_STATE_TRUNCATED; s.reason = FILE_REASON_GAP);
	REFUSED(s.reason = FILE_REASON_GAP);
	REFUSED(s.reason = FILE_REASON_COUNT; s.state = FILE_STATE_TRUNCATED; s.stored = false);
	REFUSED(s.missing = 1);
	REFUSED(s.seen--);
	REFUSED(s.cut = 1u << SIGHTING_TEXT_COUNT);
	REFUSED(s.session.end[0].family = AF_UNIX);
	REFUSED(s.session.nat[1].family = 255);
	REFUSED(memset(s.session.in_name, 'x', 16));
	REFUSED(memset(s.session.out_name, 'x', 16));
	REFUSED(s.text[SIGHTING_USER][2] = 0);
	REFUSED(s.text_len[SIGHTING_USER] = 0);
	REFUSED(s.text_len[SIGHTING_USER]++);	/* its NUL */
	REFUSED(free(s.text[SIGHTING_RULE]); s.text[SIGHTING_RULE] = strdup(
		"0123456789012345678901234567890123456789012345678901234567890123");
		s.text_len[SIGHTING_RULE] = 64);
	REFUSED(msg_put_u64(&m, MSG_A_SIGHTING - 1, 1));
	REFUSED(msg_put_u64(&m, MSG_A_SIGHTING + 1000, 1));
	/* What an address does not use is cleared, not refused. */
	fill(&s);
	s.session.end[0].ip[15] = 1;
	s.session.end[0].reserved = 1;
	msg_begin(&m, MSG_SIGHTING);
	EXPECT_TRUE(sighting_encode(&s, &m));
	EXPECT_TRUE(decodes(&m));
	sighting_free(&s);
	msg_free(&m);
}

/* Each attribute left out, doubled, one byte longer, one byte shorter. */
TEST(each_attribute)
{
	enum { DROPPED, TWICE, LONGER, SHORTER, WAYS };
	struct sighting s;
	struct msg good, m;
	struct msg_view v;
	const uint8_t *p;
	uint16_t tag;
	size_t n, at, i, way, count = 0, texts = 0;
	bool ok;

	fill(&s);
	for (i = 0; i < SIGHTING_TEXT_COUNT; i++)
		sighting_set(&s, i, "xx", 2);
	msg_init(&good);
	msg_init(&m);
	msg_begin(&good, MSG_SIGHTING);
	sighting_encode(&s, &good);
	v = (struct msg_view){MSG_SIGHTING, good.buf.data + 8, good.buf.len - 8};
	for (at = 0; msg_next(&v, &at, &tag, &p, &n);)
		count++;
	for (i = 0; i < count * WAYS; i++) {
		size_t k = 0;
		bool text = false;

		way = i % WAYS;
		msg_begin(&m, MSG_SIGHTING);
		for (at = 0; msg_next(&v, &at, &tag, &p, &n); k++) {
			uint8_t longer[64] = {0};

			if (k != i / WAYS) {
				msg_put(&m, tag, p, n);
				continue;
			}
			text = n == 2;
			memcpy(longer, p, n);
			longer[n] = 'x';
			if (way == TWICE)
				msg_put(&m, tag, p, n);
			if (way != DROPPED)
				msg_put(&m, tag, longer,
					n + (way == LONGER) - (way == SHORTER));
		}
		ok = decodes(&m);
		EXPECT_EQ(text && way != TWICE, ok)
			TH_LOG("attribute %zu, way %zu", i / WAYS, way);
		texts += text;
	}
	EXPECT_EQ(SIGHTING_TEXT_COUNT * WAYS, texts);
	sighting_free(&s);
	msg_free(&good);
	msg_free(&m);
}

TEST(random_changes)
{
	struct sighting s, got;
	struct msg m;
	struct msg_view v;
	uint64_t state = 88172645463325252ull;
	size_t i, k, n, accepted = 0;
	uint32_t length;
	uint8_t *bad;

	fill(&s);
	msg_init(&m);
	msg_begin(&m, MSG_SIGHTING);
	sighting_encode(&s, &m);
	n = m.buf.len;
	/* Header as msg_send() writes it. */
	length = n;
	memcpy(m.buf.data, &length, 4);
	m.buf.data[4] = MSG_SIGHTING;
	m.buf.data[6] = MSG_VERSION;
	for (i = 0; i < 100000; i++) {
		bad = malloc(n);
		memcpy(bad, m.buf.data, n);
		for (k = scratch_random(&state) % 3 + 1; k; k--)
			bad[8 + scratch_random(&state) % (n - 8)] = scratch_random(&state);
		if (msg_parse(bad, n, &v) && sighting_decode(&got, &v)) {
			accepted++;
			ASSERT_LT((unsigned int)got.reason, FILE_REASON_COUNT);
			ASSERT_LE((unsigned int)got.state, FILE_STATE_TRUNCATED);
			for (k = 0; k < SIGHTING_TEXT_COUNT; k++)
				if (got.text[k])
					ASSERT_EQ(got.text_len[k], strlen(got.text[k]));
			sighting_free(&got);
		}
		free(bad);
	}
	EXPECT_LT(0, accepted);
	EXPECT_GT(100000, accepted);
	sighting_free(&s);
	msg_free(&m);
}

TEST_HARNESS_MAIN
