// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/msg.h"
#include "scratch.h"

#include <sys/socket.h>

static uint8_t room[MSG_MAX];

/* Parses from a block of exactly n bytes, so that a sanitizer sees a read beyond it. */
static bool parse_exact(const uint8_t *p, size_t n, struct msg_view *v, uint8_t **copy)
{
	*copy = malloc(n ? n : 1);
	memcpy(*copy, p, n);
	return msg_parse(*copy, n, v);
}

/* Walks every attribute and reads every byte of it. */
static size_t walk(const struct msg_view *v, uint64_t *sum)
{
	const uint8_t *p;
	uint16_t tag;
	size_t n, i, at = 0, count = 0;

	for (; msg_next(v, &at, &tag, &p, &n); count++)
		for (i = 0; i < n; i++)
			*sum += p[i];
	return count;
}

static void set16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void set32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

/* The header that msg_send() writes. */
static void set_header(uint8_t *p, size_t n, uint16_t type)
{
	set32(p, n);
	set16(p + 4, type);
	set16(p + 6, MSG_VERSION);
}

FIXTURE(msg)
{
	struct msg m;
	int fd[2];
};

FIXTURE_SETUP(msg)
{
	msg_init(&self->m);
	ASSERT_TRUE(msg_pair(self->fd));
}

FIXTURE_TEARDOWN(msg)
{
	msg_free(&self->m);
	close(self->fd[0]);
	close(self->fd[1]);
}

TEST_F(msg, there_and_back)
{
	struct msg_view v;
	char text[8];
	uint8_t sha[32] = {1, 2, 3}, got[32];
	uint64_t value;
	const uint8_t *p;
	size_t n;

	msg_begin(&self->m, MSG_RESULT);
	EXPECT_TRUE(msg_put_u64(&self->m, MSG_A_SIZE, 1ull << 63 | 5));
	EXPECT_TRUE(msg_put_string(&self->m, MSG_A_TEXT, "seven.7"));
	EXPECT_TRUE(msg_put(&self->m, MSG_A_SHA256, sha, sizeof(sha)));
	EXPECT_TRUE(msg_put(&self->m, MSG_A_JSON, NULL, 0));
	EXPECT_TRUE(msg_put(&self->m, MSG_A_FILENAME, "a\0b", 3));
	EXPECT_TRUE(msg_put_string(&self->m, MSG_A_TEXT, "second"));
	EXPECT_EQ(MSG_OK, msg_send(self->fd[0], &self->m));
	ASSERT_EQ(MSG_OK, msg_receive(self->fd[1], room, &v));
	EXPECT_EQ(MSG_RESULT, v.type);
	EXPECT_TRUE(msg_get_u64(&v, MSG_A_SIZE, &value));
	EXPECT_EQ(1ull << 63 | 5, value);
	EXPECT_TRUE(msg_get_string(&v, MSG_A_TEXT, text, sizeof(text)));
	EXPECT_STREQ("seven.7", text);
	EXPECT_FALSE(msg_get_string(&v, MSG_A_TEXT, text, sizeof(text) - 1));
	EXPECT_FALSE(msg_get_string(&v, MSG_A_FILENAME, text, sizeof(text)));
	EXPECT_TRUE(msg_get_string(&v, MSG_A_JSON, text, 1));
	EXPECT_TRUE(msg_get_exact(&v, MSG_A_SHA256, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(sha, got, sizeof(sha)));
	EXPECT_FALSE(msg_get_exact(&v, MSG_A_SHA256, got, sizeof(got) - 1));
	EXPECT_FALSE(msg_get_u64(&v, MSG_A_TEXT, &value) && value);
	EXPECT_FALSE(msg_get_u64(&v, MSG_A_SHA256, &value));
	EXPECT_FALSE(msg_get(&v, MSG_A_ID, &p, &n));
	EXPECT_TRUE(msg_get(&v, MSG_A_JSON, &p, &n));
	EXPECT_EQ(0, n);

	/* The same message may be used again. */
	msg_begin(&self->m, MSG_QUEUED);
	EXPECT_EQ(MSG_OK, msg_send(self->fd[0], &self->m));
	ASSERT_EQ(MSG_OK, msg_receive(self->fd[1], room, &v));
	EXPECT_EQ(MSG_QUEUED, v.type);
	EXPECT_EQ(0, v.len);
}

TEST_F(msg, largest_message)
{
	static uint8_t big[MSG_MAX];
	const size_t most = MSG_MAX - 16;	/* two headers */
	struct msg_view v;
	const uint8_t *p;
	size_t n;

	memset(big, 'x', sizeof(big));
	msg_begin(&self->m, MSG_ENVELOPE);
	EXPECT_TRUE(msg_put(&self->m, MSG_A_JSON, big, most));
	EXPECT_EQ(MSG_OK, msg_send(self->fd[0], &self->m));
	ASSERT_EQ(MSG_OK, msg_receive(self->fd[1], room, &v));
	EXPECT_TRUE(msg_get(&v, MSG_A_JSON, &p, &n));
	EXPECT_EQ(most, n);

	msg_begin(&self->m, MSG_ENVELOPE);
	EXPECT_FALSE(msg_put(&self->m, MSG_A_JSON, big, most + 1));
	EXPECT_EQ(MSG_BAD, msg_send(self->fd[0], &self->m));
	msg_begin(&self->m, MSG_ENVELOPE);
	EXPECT_FALSE(msg_put(&self->m, MSG_A_JSON, big, (size_t)UINT32_MAX + 17));
	EXPECT_EQ(MSG_BAD, msg_send(self->fd[0], &self->m));
	EXPECT_EQ(-1, recv(self->fd[1], room, 1, MSG_DONTWAIT));
}

TEST_F(msg, too_long_for_the_receiver)
{
	static uint8_t big[MSG_MAX + 8];
	struct msg_view v;

	/* What fits into the receiver's buffer would be a good message. */
	set_header(big, MSG_MAX, MSG_ENVELOPE);
	set16(big + 8, MSG_A_JSON);
	set32(big + 12, MSG_MAX - 16);
	ASSERT_EQ(MSG_MAX, send(self->fd[0], big, MSG_MAX, 0));
	EXPECT_EQ(MSG_OK, msg_receive(self->fd[1], room, &v));
	ASSERT_EQ(sizeof(big), send(self->fd[0], big, sizeof(big), 0));
	EXPECT_EQ(MSG_BAD, msg_receive(self->fd[1], room, &v));
}

TEST_F(msg, ends_and_waits)
{
	struct msg_view v;

	EXPECT_EQ(0, fcntl(self->fd[1], F_SETFL, O_NONBLOCK));
	EXPECT_EQ(MSG_AGAIN, msg_receive(self->fd[1], room, &v));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd[0], F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd[1], F_GETFD));

	EXPECT_EQ(0, fcntl(self->fd[0], F_SETFL, O_NONBLOCK));
	msg_begin(&self->m, MSG_SHUNT);
	msg_put(&self->m, MSG_A_TEXT, room, 60000);
	while (msg_send(self->fd[0], &self->m) == MSG_OK)
		;
	EXPECT_EQ(MSG_AGAIN, msg_send(self->fd[0], &self->m));
	close(self->fd[0]);
	while (msg_receive(self->fd[1], room, &v) == MSG_OK)
		;
	EXPECT_EQ(MSG_CLOSED, msg_receive(self->fd[1], room, &v));
	self->fd[0] = dup(self->fd[1]);
	EXPECT_EQ(MSG_CLOSED, msg_send(self->fd[1], &self->m));
	EXPECT_EQ(MSG_ERROR, msg_send(-1, &self->m));
	EXPECT_EQ(MSG_ERROR, msg_receive(-1, room, &v));
}

/* What a peer sent before it died is read, also when it died with something unread. */
TEST_F(msg, last_words)
{
	struct msg_view v;

	msg_begin(&self->m, MSG_SHUNT);
	EXPECT_EQ(MSG_OK, msg_send(self->fd[1], &self->m));
	msg_begin(&self->m, MSG_FINISHED);
	EXPECT_EQ(MSG_OK, msg_send(self->fd[0], &self->m));
	close(self->fd[0]);
	EXPECT_EQ(MSG_OK, msg_receive(self->fd[1], room, &v));
	EXPECT_EQ(MSG_FINISHED, v.type);
	EXPECT_EQ(MSG_CLOSED, msg_receive(self->fd[1], room, &v));
	self->fd[0] = dup(self->fd[1]);
}

/* A descriptor that nobody asked for is not taken. */
TEST_F(msg, descriptor_refused)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct msghdr h = {.msg_control = &control, .msg_controllen = sizeof(control)};
	struct iovec part;
	struct msg_view v;
	int before = dup(0), after;

	close(before);
	msg_begin(&self->m, MSG_SHUNT);
	set_header(self->m.buf.data, self->m.buf.len, MSG_SHUNT);
	part = (struct iovec){self->m.buf.data, self->m.buf.len};
	h.msg_iov = &part;
	h.msg_iovlen = 1;
	memcpy(CMSG_DATA(&control.header), &self->fd[0], sizeof(int));
	ASSERT_EQ(8, sendmsg(self->fd[0], &h, 0));
	EXPECT_EQ(MSG_BAD, msg_receive(self->fd[1], room, &v));
	after = dup(0);
	EXPECT_EQ(before, after);
}

static void sample_message(struct msg *m, uint8_t p[static MSG_MAX], size_t *n)
{
	int fd[2];

	msg_begin(m, MSG_ENVELOPE);
	msg_put_string(m, MSG_A_CLOUD, "private");
	msg_put_u64(m, MSG_A_STATUS, 3);
	msg_put_string(m, MSG_A_JSON, "{\"a\":1}x");
	msg_put(m, MSG_A_FILENAME, NULL, 0);
	msg_put_string(m, MSG_A_TEXT, "t");
	if (!msg_pair(fd))
		return;
	msg_send(fd[0], m);
	*n = recv(fd[1], p, MSG_MAX, 0);
	close(fd[0]);
	close(fd[1]);
}

TEST_F(msg, one_wrong_thing)
{
	/* Offsets: header 0..7, first attribute (7 bytes of value, 1 of padding) from 8. */
	static const struct {
		const char *what;
		size_t at;
		int size;
		uint32_t value;
	} rows[] = {
		{"length too small", 0, 4, 8},
		{"length too large", 0, 4, UINT32_MAX},
		{"length zero", 0, 4, 0},
		{"type none", 4, 2, MSG_NONE},
		{"type unknown", 4, 2, MSG_TYPE_COUNT},
		{"version", 6, 2, MSG_VERSION + 1},
		{"tag none", 8, 2, MSG_A_NONE},
		{"not zero", 10, 2, 1},
		{"attribute beyond the end", 12, 4, 4096},
		{"attribute of 4 GiB", 12, 4, UINT32_MAX},
		{"attribute that wraps with padding", 12, 4, UINT32_MAX - 7},
		{"padding not zero", 23, 1, 1},
	};
	uint8_t good[MSG_MAX], *copy;
	struct msg_view v;
	size_t n = 0, i;

	sample_message(&self->m, good, &n);
	ASSERT_TRUE(parse_exact(good, n, &v, &copy));
	free(copy);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bad[MSG_MAX];

		memcpy(bad, good, n);
		if (rows[i].size == 4)
			set32(bad + rows[i].at, rows[i].value);
		else if (rows[i].size == 2)
			set16(bad + rows[i].at, rows[i].value);
		else
			bad[rows[i].at] = rows[i].value;
		EXPECT_FALSE(parse_exact(bad, n, &v, &copy)) TH_LOG("%s", rows[i].what);
		EXPECT_EQ(0, v.len);
		EXPECT_EQ(MSG_NONE, v.type);
		free(copy);
	}
}

TEST_F(msg, cut_at_every_length)
{
	uint8_t good[MSG_MAX], *copy;
	struct msg_view v;
	size_t n = 0, cut, whole = 0;
	uint64_t sum = 0;

	sample_message(&self->m, good, &n);
	ASSERT_LT(40, n);
	for (cut = 0; cut < n; cut++) {
		EXPECT_FALSE(parse_exact(good, cut, &v, &copy));
		free(copy);
	}
	/* With the length corrected only cuts between attributes are messages. */
	for (cut = 8; cut < n; cut++) {
		set32(good, cut);
		if (parse_exact(good, cut, &v, &copy)) {
			EXPECT_EQ(whole, walk(&v, &sum));
			whole++;
		}
		free(copy);
	}
	EXPECT_EQ(5, whole);
}

TEST_F(msg, random_changes)
{
	uint8_t good[MSG_MAX], bad[256], *copy;
	uint64_t state = 88172645463325252ull, sum = 0;
	size_t n = 0, i, k, accepted = 0;
	struct msg_view v;
	char text[64];

	sample_message(&self->m, good, &n);
	for (i = 0; i < 200000; i++) {
		memcpy(bad, good, n);
		for (k = scratch_random(&state) % 4 + 1; k; k--)
			bad[scratch_random(&state) % n] = scratch_random(&state);
		if (parse_exact(bad, n, &v, &copy)) {
			accepted++;
			walk(&v, &sum);
			for (k = 0; k < MSG_A_SIGHTING; k++)
				msg_get_string(&v, k, text, sizeof(text));
		}
		free(copy);
	}
	EXPECT_LT(0, accepted);
	EXPECT_GT(200000, accepted);
}

TEST(type_names)
{
	EXPECT_STREQ("sighting", msg_type_text(MSG_SIGHTING));
	EXPECT_STREQ("result", msg_type_text(MSG_RESULT));
	EXPECT_STREQ("unknown", msg_type_text(MSG_TYPE_COUNT));
	EXPECT_STREQ("unknown", msg_type_text(UINT32_MAX));
}

TEST_HARNESS_MAIN
