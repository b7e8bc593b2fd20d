// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "conversation.h"
#include "sample/range.h"

#define SECOND 1000000000ull
#define TOTAL 1000

FIXTURE(ranges)
{
	struct conversation c;
	struct range_limits limits;
	struct key key;
	uint8_t content[TOTAL];
	uint8_t other[TOTAL];
};

/* Another set, with other limits. */
static void set_again(FIXTURE_DATA(ranges) *self)
{
	range_set_free(self->c.env.ranges);
	self->c.env.ranges = range_set_new(self->c.env.files, &self->limits,
					   &self->c.counters);
}

FIXTURE_SETUP(ranges)
{
	static const struct key_text thing = {"thing", 5};
	uint64_t random = 5;

	log_init("test_range", LOG_LEVEL_ERROR);
	ASSERT_TRUE(conversation_begin(&self->c));
	self->limits = (struct range_limits)RANGE_LIMITS_DEFAULT;
	set_again(self);
	ASSERT_NE(NULL, self->c.env.ranges);
	for (size_t i = 0; i < TOTAL; i++) {
		self->content[i] = (uint8_t)scratch_random(&random);
		self->other[i] = (uint8_t)~self->content[i];
	}
	ASSERT_TRUE(range_key_make(&self->key, &self->c.info, DIR_OPENER, &thing, 1));
}

FIXTURE_TEARDOWN(ranges)
{
	if (self->c.ps)
		conversation_close(&self->c, FILE_REASON_NONE);
	range_set_free(self->c.env.ranges);
	conversation_end(&self->c);
}

static struct range_piece *open_piece(FIXTURE_DATA(ranges) *self, uint64_t first, uint64_t last,
				      uint64_t session, uint64_t time)
{
	struct byte_range r = {first, last, TOTAL};
	struct range_piece *piece;
	struct sighting meta;

	sighting_init(&meta);
	meta.session.id = session;
	piece = range_open(self->c.env.ranges, &self->key, &r, &meta, time);
	sighting_free(&meta);
	return piece;
}

/* Of a total that nobody knows yet. */
static struct range_piece *open_of_unknown(FIXTURE_DATA(ranges) *self, uint64_t first,
					   uint64_t last)
{
	struct byte_range r = {first, last, 0};
	struct range_piece *piece;
	struct sighting meta;

	sighting_init(&meta);
	piece = range_open(self->c.env.ranges, &self->key, &r, &meta, 1);
	sighting_free(&meta);
	range_data(piece, self->content + first, last - first + 1, 1);
	return piece;
}

static void piece_of(FIXTURE_DATA(ranges) *self, uint64_t first, uint64_t last, uint64_t session,
		     uint64_t time)
{
	struct range_piece *piece = open_piece(self, first, last, session, time);

	range_data(piece, self->content + first, last - first + 1, time);
	range_close(piece);
}

static bool complete(const FIXTURE_DATA(ranges) *self)
{
	return self->c.files == 1 && has_content(&self->c, 0, self->content, TOTAL);
}

/* One file, cut short like this. */
static bool truncated(const FIXTURE_DATA(ranges) *self, enum file_reason reason, uint64_t seen)
{
	const struct sighting *s = &self->c.seen[0];

	return self->c.files == 1 && s->state == FILE_STATE_TRUNCATED && s->reason == reason &&
	       s->seen == seen && s->size == TOTAL && s->missing == TOTAL - seen &&
	       s->size_known && s->declared == TOTAL;
}

TEST_F(ranges, any_order)
{
	static const uint64_t cuts[] = {0, 1, 250, 251, 700, TOTAL};
	static const size_t n = sizeof(cuts) / sizeof(cuts[0]) - 1;
	uint64_t random = 7;
	size_t order[] = {0, 1, 2, 3, 4}, i, j, swap;

	for (size_t run = 0; run < 50; run++) {
		for (i = n - 1; i; i--) {
			j = scratch_random(&random) % (i + 1);
			swap = order[i];
			order[i] = order[j];
			order[j] = swap;
		}
		for (i = 0; i < n; i++) {
			EXPECT_EQ(0, self->c.files);
			piece_of(self, cuts[order[i]], cuts[order[i] + 1] - 1, order[i], i + 1);
		}
		EXPECT_TRUE(complete(self));
		/* It is a file of the session that completed it. */
		EXPECT_EQ(order[n - 1], self->c.seen[0].session.id);
		EXPECT_EQ(1, self->c.seen[0].begin);
		EXPECT_EQ(n, self->c.seen[0].end);
		EXPECT_EQ(0, self->c.seen[0].overlap);
		EXPECT_EQ(run + 1, self->c.counters.value[COUNTER_RANGES_JOINED]);
		sighting_free(&self->c.seen[0]);
		self->c.files = 0;
	}
	range_set_finish(self->c.env.ranges);
	EXPECT_EQ(0, self->c.files);
}

TEST_F(ranges, side_by_side)
{
	struct range_piece *a = open_piece(self, 0, 499, 1, 1);
	struct range_piece *b = open_piece(self, 500, 999, 2, 1);

	for (size_t i = 0; i < 500; i += 100) {
		EXPECT_EQ(0, self->c.files);
		range_data(b, self->content + 500 + i, 100, 2);
		range_data(a, self->content + i, 100, 2);
	}
	/* At once, not when the pieces end. */
	EXPECT_TRUE(complete(self));
	EXPECT_EQ(1, self->c.seen[0].session.id);
	range_close(a);
	range_close(b);
}

TEST_F(ranges, same_bytes_twice)
{
	piece_of(self, 500, 999, 1, 1);
	piece_of(self, 0, 0, 1, 1);
	piece_of(self, 0, 599, 1, 1);
	EXPECT_TRUE(complete(self));
	EXPECT_EQ(101, self->c.seen[0].overlap);
}

TEST_F(ranges, other_bytes_twice)
{
	struct range_piece *piece;

	piece_of(self, 500, 999, 1, 1);
	piece = open_piece(self, 400, 599, 1, 1);
	range_data(piece, self->other + 400, 200, 1);
	range_close(piece);
	piece_of(self, 0, 399, 1, 1);
	EXPECT_TRUE(truncated(self, FILE_REASON_CONFLICT, TOTAL));
	EXPECT_EQ(0, self->c.counters.value[COUNTER_RANGES_JOINED]);
	EXPECT_EQ(0, self->c.counters.value[COUNTER_SAMPLES_NEW]);
}

TEST_F(ranges, more_than_the_range)
{
	struct range_piece *piece = open_piece(self, 0, 499, 1, 1);

	range_data(piece, self->content, 400, 1);
	EXPECT_EQ(100, range_left(piece));
	range_data(piece, self->content + 400, 600, 1);
	EXPECT_EQ(0, range_left(piece));
	range_data(piece, self->content, 10, 1);
	range_gap(piece, UINT64_MAX);
	range_close(piece);
	EXPECT_EQ(0, self->c.files);
	piece_of(self, 500, 999, 1, 1);
	EXPECT_TRUE(complete(self));
}

TEST_F(ranges, a_piece_is_missing)
{
	piece_of(self, 0, 99, 1, 1);
	piece_of(self, 200, 999, 2, 2);
	EXPECT_EQ(0, self->c.files);
	range_set_finish(self->c.env.ranges);
	EXPECT_TRUE(truncated(self, FILE_REASON_PARTIAL, 900));
	/* Neither in a spool nor under a hash. */
	EXPECT_EQ(0, self->c.counters.value[COUNTER_SAMPLES_NEW]);
	EXPECT_EQ(0, scratch_entries(self->c.dir, "tmp"));
}

TEST_F(ranges, hole_in_a_piece)
{
	struct range_piece *piece = open_piece(self, 0, 499, 1, 1);

	range_data(piece, self->content, 100, 1);
	range_gap(piece, 10);
	range_data(piece, self->content + 110, 390, 1);
	range_close(piece);
	piece_of(self, 500, 999, 1, 1);
	EXPECT_EQ(0, self->c.files);
	range_set_finish(self->c.env.ranges);
	EXPECT_TRUE(truncated(self, FILE_REASON_GAP, 990));
}

TEST_F(ranges, hole_that_is_fetched_again)
{
	struct range_piece *piece = open_piece(self, 0, 999, 1, 1);

	range_data(piece, self->content, 100, 1);
	range_gap(piece, 10);
	range_data(piece, self->content + 110, 890, 1);
	range_close(piece);
	piece_of(self, 90, 120, 1, 2);
	EXPECT_TRUE(complete(self));
}

TEST_F(ranges, idle)
{
	piece_of(self, 0, 499, 1, SECOND);
	range_set_expire(self->c.env.ranges, 121 * SECOND);
	EXPECT_EQ(0, self->c.files);
	/* Bytes keep it alive ... */
	piece_of(self, 500, 899, 1, 121 * SECOND);
	range_set_expire(self->c.env.ranges, 241 * SECOND);
	EXPECT_EQ(0, self->c.files);
	/* ... and too late is too late, even when nobody asks until then. */
	piece_of(self, 900, 999, 1, 241 * SECOND + 1);
	EXPECT_TRUE(truncated(self, FILE_REASON_PARTIAL, 900));
	/* What came late began anew. */
	range_set_finish(self->c.env.ranges);
	ASSERT_EQ(2, self->c.files);
	EXPECT_EQ(100, self->c.seen[1].seen);
}

TEST_F(ranges, idle_with_an_open_piece)
{
	struct range_piece *piece = open_piece(self, 0, 999, 1, 1);

	range_data(piece, self->content, 100, 1);
	range_set_expire(self->c.env.ranges, 200 * SECOND);
	EXPECT_TRUE(truncated(self, FILE_REASON_PARTIAL, 100));
	range_data(piece, self->content + 100, 900, 200 * SECOND);
	range_gap(piece, 1);
	range_close(piece);
	EXPECT_EQ(1, self->c.files);
}

TEST_F(ranges, too_many)
{
	static const char names[] = "abcd";

	self->limits.max_joins = 3;
	set_again(self);
	for (size_t i = 0; i < 4; i++) {
		struct key_text thing = {&names[i], 1};

		ASSERT_TRUE(range_key_make(&self->key, &self->c.info, DIR_OPENER, &thing, 1));
		piece_of(self, 0, 9 + i, i, i + 1);
		EXPECT_EQ(i / 3, self->c.files);
	}
	/* The oldest went. */
	EXPECT_TRUE(truncated(self, FILE_REASON_PARTIAL, 10));
	EXPECT_EQ(1, self->c.counters.value[COUNTER_RANGES_EVICTED]);
	range_set_finish(self->c.env.ranges);
	EXPECT_EQ(4, self->c.files);
	EXPECT_EQ(4, self->c.counters.value[COUNTER_FILES_TRUNCATED_PARTIAL]);
}

TEST_F(ranges, larger_than_the_limit)
{
	struct file_limits limits = FILE_LIMITS_DEFAULT;

	limits.max_size = TOTAL - 1;
	range_set_free(self->c.env.ranges);
	file_set_free(self->c.env.files);
	self->c.env.files = file_set_new(self->c.spool, &limits, &self->c.counters,
					 conversation_sink, &self->c);
	self->c.env.ranges = NULL;
	set_again(self);
	piece_of(self, 0, 9, 1, 1);
	EXPECT_EQ(0, scratch_entries(self->c.dir, "tmp"));
	range_set_finish(self->c.env.ranges);
	EXPECT_TRUE(truncated(self, FILE_REASON_LIMIT, 10));
}

/* Everything a key is made of makes another one. */
TEST_F(ranges, keys)
{
	struct session_info base = self->c.info;
	struct key_text texts[] = {{"ab", 2}, {"c", 1}}, moved[] = {{"a", 1}, {"bc", 2}};
	struct key key, same;

#define KEY(change, differs)                                                        \
	do {                                                                         \
		struct session_info s = base;                                        \
		enum dir client = DIR_OPENER;                                        \
		struct key_text *t = texts;                                        \
                                                                                     \
		change;                                                              \
		ASSERT_TRUE(range_key_make(&key, &s, client, t, 2));                 \
		EXPECT_EQ(differs, !!memcmp(&key, &same, sizeof(key))) TH_LOG(#change); \
	} while (0)

	ASSERT_TRUE(range_key_make(&same, &base, DIR_OPENER, texts, 2));
	KEY(, false);
	KEY(s.id = 9; s.start = 9; s.midstream = true, false);
	KEY(s.end[DIR_OPENER].port++, false);
	KEY(s.end[DIR_OPENER].ip[3]++, true);
	KEY(s.end[DIR_ANSWERER].port++, true);
	KEY(s.end[DIR_ANSWERER].ip[3]++, true);
	KEY(client = DIR_ANSWERER, true);
	KEY(s.netns++, true);
	KEY(s.zone++, true);
	KEY(s.vrf++, true);
	KEY(s.vlan[0]++, true);
	KEY(s.vlan[1]++, true);
	KEY(t = moved, true);
#undef KEY
}

/* --------------------------------------------------------------- over HTTP/1 */

/* One exchange in a session of its own. */
static void exchange(struct conversation *c, const char *request, const char *response)
{
	c->info.end[DIR_OPENER].port++;
	c->info.id++;
	c->ps = proto_session_new(&c->env, &c->info);
	ask(c, request);
	answer(c, response);
	fin(c, DIR_ANSWERER);
	conversation_close(c, FILE_REASON_NONE);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\nRange: bytes=x\r\n\r\n"
#define PIECE(fields, range, n, bytes)                                                  \
	"HTTP/1.1 206 Partial\r\n" fields "Content-Range: bytes " range                 \
	"\r\nContent-Length: " n "\r\n\r\n" bytes
#define TAG(x) "ETag: \"" x "\"\r\n"
#define WEAK "ETag: W/\"1\"\r\n"
#define DATE(x) "Last-Modified: " x "\r\n"

/* Two answers, and whether they become "helloworld". */
TEST_F(ranges, what_may_meet)
{
	static const struct {
		const char *what, *request[2], *response[2];
		size_t complete, truncated;
	} rows[] = {
		{"the same", {GET("/a"), GET("/a")},
		 {PIECE(TAG("1"), "0-4/10", "5", "hello"), PIECE(TAG("1"), "5-9/10", "5", "world")},
		 1, 0},
		{"backwards", {GET("/a"), GET("/a")},
		 {PIECE(TAG("1"), "5-9/10", "5", "world"), PIECE(TAG("1"), "0-4/10", "5", "hello")},
		 1, 0},
		{"no validator", {GET("/a"), GET("/a")},
		 {PIECE("", "0-4/10", "5", "hello"), PIECE("", "5-9/10", "5", "world")}, 1, 0},
		{"another path", {GET("/a"), GET("/b")},
		 {PIECE(TAG("1"), "0-4/10", "5", "hello"), PIECE(TAG("1"), "5-9/10", "5", "world")},
		 0, 2},
		{"another query", {GET("/a?1"), GET("/a?2")},
		 {PIECE(TAG("1"), "0-4/10", "5", "hello"), PIECE(TAG("1"), "5-9/10", "5", "world")},
		 0, 2},
		{"another host",
		 {GET("/a"), "GET /a HTTP/1.1\r\nHost: i\r\nRange: bytes=5-\r\n\r\n"},
		 {PIECE(TAG("1"), "0-4/10", "5", "hello"), PIECE(TAG("1"), "5-9/10", "5", "world")},
		 0, 2},
		{"another tag", {GET("/a"), GET("/a")},
		 {PIECE(TAG("1"), "0-4/10", "5", "hello"), PIECE(TAG("2"), "5-9/10", "5", "world")},
		 0, 2},
		{"a tag that looks like a date", {GET("/a"), GET("/a")},
		 {PIECE("ETag: x\r\n", "0-4/10", "5", "hello"),
		  PIECE(DATE("x"), "5-9/10", "5", "world")}, 0, 2},
		{"another date", {GET("/a"), GET("/a")},
		 {PIECE(DATE("1"), "0-4/10", "5", "hello"),
		  PIECE(DATE("2"), "5-9/10", "5", "world")}, 0, 2},
		{"a weak tag does not count, the date does", {GET("/a"), GET("/a")},
		 {PIECE(WEAK DATE("1"), "0-4/10", "5", "hello"),
		  PIECE(WEAK DATE("2"), "5-9/10", "5", "world")}, 0, 2},
		{"another size", {GET("/a"), GET("/a")},
		 {PIECE(TAG("1"), "0-4/10", "5", "hello"), PIECE(TAG("1"), "5-9/11", "5", "world")},
		 0, 2},
		{"no size", {GET("/a"), GET("/a")},
		 {PIECE(TAG("1"), "0-4/*", "5", "hello"), PIECE(TAG("1"), "5-9/*", "5", "world")},
		 0, 2},
		{"beyond the size", {GET("/a"), GET("/a")},
		 {PIECE(TAG("1"), "0-4/10", "5", "hello"), PIECE(TAG("1"), "6-10/10", "5", "world")},
		 0, 2},
		{"more than the range", {GET("/a"), GET("/a")},
		 {PIECE(TAG("1"), "0-4/10", "6", "hello!"), PIECE(TAG("1"), "5-9/10", "5", "world")},
		 0, 2},
		{"a coding", {GET("/a"), GET("/a")},
		 {PIECE(TAG("1") "Content-Encoding: gzip\r\n", "0-4/10", "5", "hello"),
		  PIECE(TAG("1") "Content-Encoding: gzip\r\n", "5-9/10", "5", "world")}, 0, 2},
		{"a coding that is none", {GET("/a"), GET("/a")},
		 {PIECE(TAG("1") "Content-Encoding: identity\r\n", "0-4/10", "5", "hello"),
		  PIECE(TAG("1"), "5-9/10", "5", "world")}, 1, 0},
		{"chunked", {GET("/a"), GET("/a")},
		 {"HTTP/1.1 206 P\r\nTransfer-Encoding: chunked\r\n" TAG("1")
		  "Content-Range: bytes 0-4/10\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
		  PIECE(TAG("1"), "5-9/10", "5", "world")}, 1, 0},
		{"other bytes where they overlap", {GET("/a"), GET("/a")},
		 {PIECE(TAG("1"), "0-6/10", "7", "hellowo"), PIECE(TAG("1"), "5-9/10", "5", "World")},
		 0, 1},
		{"cut short, and fetched again", {GET("/a"), GET("/a")},
		 {PIECE(TAG("1"), "0-9/10", "10", "helloworld"),
		  PIECE(TAG("1"), "0-4/10", "5", "hel")}, 1, 1},
		{"not GET", {"POST /a HTTP/1.1\r\nHost: h\r\nRange: bytes=0-4\r\nContent-Length: 0\r\n\r\n",
		  GET("/a")},
		 {PIECE(TAG("1"), "0-4/10", "5", "hello"), PIECE(TAG("1"), "5-9/10", "5", "world")},
		 0, 2},
	};
	struct conversation *c = &self->c;

	conversation_close(c, FILE_REASON_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t complete = 0, truncated = 0;

		exchange(c, rows[i].request[0], rows[i].response[0]);
		exchange(c, rows[i].request[1], rows[i].response[1]);
		range_set_finish(c->env.ranges);
		for (size_t j = 0; j < c->files; j++) {
			complete += has_text(c, j, "helloworld");
			truncated += c->seen[j].state == FILE_STATE_TRUNCATED;
			sighting_free(&c->seen[j]);
		}
		EXPECT_EQ(rows[i].complete, complete) TH_LOG("%s", rows[i].what);
		EXPECT_EQ(rows[i].truncated, truncated) TH_LOG("%s", rows[i].what);
		EXPECT_EQ(complete + truncated, c->files) TH_LOG("%s", rows[i].what);
		c->files = 0;
	}
}

TEST_F(ranges, cut_short_and_gone_on_with)
{
	struct conversation *c = &self->c;

	conversation_close(c, FILE_REASON_NONE);
	exchange(c, GET("/a/b.bin"), PIECE(TAG("1"), "1-9/10", "9", "ello"));
	exchange(c, GET("/a/b.bin"), PIECE(TAG("1"), "0-0/10", "1", "h"));
	EXPECT_EQ(0, c->files);
	exchange(c, GET("/a/b.bin"),
		 PIECE(TAG("1") "Content-Type: t/u\r\n", "5-9/10", "5", "world"));
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_text(c, 0, "helloworld"));
	EXPECT_STREQ("http://h/a/b.bin", text_at(c, 0, SIGHTING_URL));
	EXPECT_STREQ("b.bin", text_at(c, 0, SIGHTING_FILENAME));
	EXPECT_STREQ("t/u", text_at(c, 0, SIGHTING_CONTENT_TYPE));
	EXPECT_EQ(206, c->seen[0].http_status);
	EXPECT_EQ(c->info.id, c->seen[0].session.id);
	EXPECT_EQ(10, c->seen[0].declared);
}

#define ALL(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define WHOLE(fields, n, bytes) \
	"HTTP/1.1 200 OK\r\n" fields "Content-Length: " n "\r\n\r\n" bytes

/* An answer that was the whole and was cut short, then a range. */
TEST_F(ranges, download_that_is_resumed)
{
	static const struct {
		const char *what, *first, *then;
		size_t complete, truncated;
		enum file_reason reason; /* of the first that is truncated */
	} rows[] = {
		{"the rest", WHOLE(TAG("1"), "10", "hello"),
		 PIECE(TAG("1"), "5-9/10", "5", "world"), 1, 0, FILE_REASON_NONE},
		{"more than the rest", WHOLE(TAG("1"), "10", "hello"),
		 PIECE(TAG("1"), "2-9/10", "8", "lloworld"), 1, 0, FILE_REASON_NONE},
		{"by date", WHOLE(DATE("1"), "10", "hello"),
		 PIECE(DATE("1"), "5-9/10", "5", "world"), 1, 0, FILE_REASON_NONE},
		{"other bytes where they overlap", WHOLE(TAG("1"), "10", "hello"),
		 PIECE(TAG("1"), "4-9/10", "6", "0world"), 0, 1, FILE_REASON_CONFLICT},
		{"not all of the rest", WHOLE(TAG("1"), "10", "hello"),
		 PIECE(TAG("1"), "6-9/10", "4", "orld"), 0, 1, FILE_REASON_PARTIAL},
		{"another tag", WHOLE(TAG("1"), "10", "hello"),
		 PIECE(TAG("2"), "5-9/10", "5", "world"), 0, 2, FILE_REASON_RESET},
		{"another size", WHOLE(TAG("1"), "11", "hello"),
		 PIECE(TAG("1"), "5-9/10", "5", "world"), 0, 2, FILE_REASON_RESET},
		{"no validator", WHOLE("", "10", "hello"),
		 PIECE("", "5-9/10", "5", "world"), 0, 2, FILE_REASON_RESET},
		{"a coding", WHOLE(TAG("1") "Content-Encoding: gzip\r\n", "10", "hello"),
		 PIECE(TAG("1"), "5-9/10", "5", "world"), 0, 2, FILE_REASON_RESET},
		{"not cut short", WHOLE(TAG("1"), "10", "helloworld"),
		 PIECE(TAG("1"), "5-9/10", "5", "world"), 1, 1, FILE_REASON_PARTIAL},
		{"no length", "HTTP/1.1 200 OK\r\n" TAG("1") "\r\nhelloworld",
		 PIECE(TAG("1"), "5-9/10", "5", "world"), 1, 1, FILE_REASON_PARTIAL},
	};
	struct conversation *c = &self->c;

	conversation_close(c, FILE_REASON_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum file_reason reason = FILE_REASON_NONE;
		size_t complete = 0, truncated = 0;

		exchange(c, ALL("/a"), rows[i].first);
		exchange(c, GET("/a"), rows[i].then);
		range_set_finish(c->env.ranges);
		for (size_t j = 0; j < c->files; j++) {
			complete += has_text(c, j, "helloworld");
			if (c->seen[j].state == FILE_STATE_TRUNCATED && !truncated++)
				reason = c->seen[j].reason;
			sighting_free(&c->seen[j]);
		}
		EXPECT_EQ(rows[i].complete, complete) TH_LOG("%s", rows[i].what);
		EXPECT_EQ(rows[i].truncated, truncated) TH_LOG("%s", rows[i].what);
		EXPECT_EQ(rows[i].reason, reason) TH_LOG("%s", rows[i].what);
		c->files = 0;
	}
}

/* Nobody goes on with it: it ends as it would have. */
TEST_F(ranges, download_that_is_never_resumed)
{
	struct conversation *c = &self->c;

	conversation_close(c, FILE_REASON_NONE);
	exchange(c, ALL("/a"), WHOLE(TAG("1"), "10", "hello"));
	EXPECT_EQ(0, c->files);
	/* the same again, while one waits */
	exchange(c, ALL("/a"), WHOLE(TAG("1"), "10", "hell"));
	ASSERT_EQ(1, c->files);
	EXPECT_EQ(4, c->seen[0].seen);
	range_set_expire(c->env.ranges, c->time + 121 * SECOND);
	ASSERT_EQ(2, c->files);
	for (size_t i = 0; i < 2; i++) {
		EXPECT_EQ(FILE_REASON_RESET, c->seen[i].reason);
		EXPECT_EQ(0, c->seen[i].missing);
		EXPECT_EQ(10, c->seen[i].declared);
		EXPECT_EQ(200, c->seen[i].http_status);
	}
	EXPECT_EQ(5, c->seen[1].seen);
}

#define MULTI(length)                                                                   \
	"HTTP/1.1 206 Partial\r\n" TAG("1") length                                      \
	"Content-Type: multipart/byteranges; boundary=B\r\n\r\n"
#define PART(range, bytes)                                                              \
	"\r\n--B\r\nContent-type: t/u\r\nContent-range: bytes " range "\r\n\r\n" bytes
#define PARTS PART("1-1/10", "e") PART("5-9/10", "world")

TEST_F(ranges, parts)
{
	struct conversation *c = &self->c;
	char head[256];

	snprintf(head, sizeof(head), MULTI("Content-Length: %zu\r\n"),
		 strlen(PARTS "\r\n--B--\r\n"));
	ask(c, GET("/a"));
	answer(c, head);
	for (const char *p = PARTS "\r\n--B--\r\n"; *p; p++)
		say(c, DIR_ANSWERER, p, 1);
	EXPECT_EQ(0, c->files);
	ask(c, GET("/a"));
	answer(c, PIECE(TAG("1"), "0-4/10", "5", "hello"));
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_text(c, 0, "helloworld"));
	EXPECT_EQ(1, c->seen[0].overlap);
	/* All in one answer, which says what they are. */
	ask(c, GET("/a"));
	snprintf(head, sizeof(head), MULTI("Content-Length: %zu\r\n"),
		 strlen(PART("2-9/10", "lloworld") PART("0-1/10", "he") "\r\n--B--\r\n"));
	answer(c, head);
	answer(c, PART("2-9/10", "lloworld") PART("0-1/10", "he") "\r\n--B--\r\n");
	ASSERT_EQ(2, c->files);
	EXPECT_TRUE(has_text(c, 1, "helloworld"));
	EXPECT_STREQ("t/u", text_at(c, 1, SIGHTING_CONTENT_TYPE));
	EXPECT_STREQ("a", text_at(c, 1, SIGHTING_FILENAME));
	EXPECT_EQ(c->seen[1].kind, SIGHTING_KIND_FILE);
}

TEST_F(ranges, parts_up_to_the_end_of_the_connection)
{
	struct conversation *c = &self->c;

	conversation_close(c, FILE_REASON_NONE);
	exchange(c, GET("/a"), MULTI("Connection: close\r\n") PARTS PART("0-4/10", "hello")
				       "\r\n--B--\r\n");
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_text(c, 0, "helloworld"));
}

/* The name of a type hides nothing. */
TEST_F(ranges, only_called_parts)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
				   "Content-Type: x/y; z=multipart/byteranges\r\n\r\n";
	struct conversation *c = &self->c;

	ask(c, "GET /a HTTP/1.1\r\n\r\n");
	answer(c, head);
	answer(c, "hel");
	ask(c, "GET /b HTTP/1.1\r\n\r\n");
	answer(c, "lo");
	EXPECT_EQ(0, c->files);
	fin(c, DIR_ANSWERER);
	EXPECT_TRUE(has_text(c, 0, "hello"));
	conversation_close(c, FILE_REASON_NONE);

	/* A reset is no end, and a hole is a hole. */
	c->ps = proto_session_new(&c->env, &c->info);
	ask(c, "GET /a HTTP/1.1\r\n\r\n");
	answer(c, head);
	answer(c, "hel");
	conversation_close(c, FILE_REASON_RESET);
	ASSERT_EQ(2, c->files);
	EXPECT_EQ(FILE_REASON_RESET, c->seen[1].reason);
	c->ps = proto_session_new(&c->env, &c->info);
	ask(c, "GET /a HTTP/1.1\r\n\r\n");
	answer(c, head);
	answer(c, "hel");
	proto_session_gap(c->ps, DIR_ANSWERER, 5, c->time);
	answer(c, "lo");
	fin(c, DIR_ANSWERER);
	ASSERT_EQ(3, c->files);
	EXPECT_EQ(FILE_REASON_GAP, c->seen[2].reason);
	EXPECT_EQ(5, c->seen[2].missing);
}

TEST_F(ranges, parts_that_say_nothing)
{
	static const char parts[] = PART("0-4/*", "hello") "\r\n--B\r\n\r\nnowhere"
				    PART("5-9/10", "world") "\r\n--B--\r\n";
	struct conversation *c = &self->c;
	char head[256];

	snprintf(head, sizeof(head), MULTI("Content-Length: %zu\r\n"), strlen(parts));
	ask(c, GET("/a"));
	answer(c, head);
	answer(c, parts);
	ASSERT_EQ(1, c->files);
	EXPECT_EQ(FILE_REASON_PARTIAL, c->seen[0].reason);
	EXPECT_EQ(5, c->seen[0].seen);
	answer(c, "");
	range_set_finish(c->env.ranges);
	ASSERT_EQ(2, c->files);
	EXPECT_EQ(5, c->seen[1].missing);
}

TEST_F(ranges, hole_in_parts)
{
	/* Lost: "rl", then a boundary with all that belongs to it. */
	static const char *const pieces[] = {PART("5-9/10", "wo"), "d" PART("0-4/10", "h"),
					     "llo" PART("0-0/10", "h") "\r\n--B--\r\n"};
	struct conversation *c = &self->c;
	char head[256];

	snprintf(head, sizeof(head), MULTI("Content-Length: %zu\r\n"),
		 strlen(pieces[0]) + 2 + strlen(pieces[1]) + 50 + strlen(pieces[2]));
	ask(c, GET("/a"));
	answer(c, head);
	answer(c, pieces[0]);
	proto_session_gap(c->ps, DIR_ANSWERER, 2, c->time);
	answer(c, pieces[1]);
	proto_session_gap(c->ps, DIR_ANSWERER, 50, c->time);
	answer(c, pieces[2]);
	/* "wo", "d" and "h" have their place; "llo" could be of any part. */
	ask(c, GET("/a"));
	answer(c, PIECE(TAG("1"), "0-6/10", "7", "hellowo"));
	EXPECT_EQ(0, c->files);
	ask(c, GET("/a"));
	answer(c, PIECE(TAG("1"), "7-8/10", "2", "rl"));
	ASSERT_EQ(1, c->files);
	EXPECT_TRUE(has_text(c, 0, "helloworld"));
}

TEST_F(ranges, total_known_with_the_last)
{
	struct range_piece *piece;

	range_cut(open_of_unknown(self, 0, 499), FILE_REASON_RESET);
	piece = open_of_unknown(self, 400, TOTAL - 1);
	EXPECT_EQ(0, self->c.files);
	range_total(piece, TOTAL, 2);
	EXPECT_TRUE(complete(self));
	range_close(piece);
}

TEST_F(ranges, total_known_before_the_rest)
{
	struct range_piece *piece = open_of_unknown(self, 500, TOTAL - 1);

	range_total(piece, TOTAL, 2);
	range_close(piece);
	EXPECT_EQ(0, self->c.files);
	range_close(open_of_unknown(self, 0, 499));
	EXPECT_TRUE(complete(self));
}

TEST_F(ranges, two_totals)
{
	struct range_piece *piece = open_of_unknown(self, 500, TOTAL - 1);

	range_total(piece, TOTAL, 2);
	range_total(piece, TOTAL + 1, 2);
	range_close(piece);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_CONFLICT, self->c.seen[0].reason);
}

TEST_F(ranges, total_less_than_there_is)
{
	struct range_piece *piece = open_of_unknown(self, 0, TOTAL - 1);

	range_total(piece, TOTAL - 1, 2);
	range_close(piece);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_CONFLICT, self->c.seen[0].reason);
}

TEST_F(ranges, given_up)
{
	range_cut(open_of_unknown(self, 0, 499), FILE_REASON_RESET);
	range_give_up(self->c.env.ranges, &self->key, 0);
	range_give_up(self->c.env.ranges, &self->key, 0);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_RESET, self->c.seen[0].reason);
	EXPECT_EQ(500, self->c.seen[0].size);
}

TEST_HARNESS_MAIN
