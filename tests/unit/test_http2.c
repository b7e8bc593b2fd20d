// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "conversation.h"
#include "proto/http2_frame.h"

#include <nghttp2/nghttp2.h>
#include <zlib.h>

/* What each end would send: its HPACK encoder and the bytes of a frame. */
struct end {
	nghttp2_hd_deflater *deflater;
	uint8_t out[256 << 10];
	size_t n;
};

FIXTURE(http2)
{
	struct conversation c;
	struct end *end; /* by direction */
};

FIXTURE_SETUP(http2)
{
	ASSERT_TRUE(conversation_begin(&self->c));
	self->end = calloc(DIR_COUNT, sizeof(*self->end));
	for (int d = 0; d < DIR_COUNT; d++)
		nghttp2_hd_deflate_new(&self->end[d].deflater, 4096);
}

FIXTURE_TEARDOWN(http2)
{
	for (int d = 0; d < DIR_COUNT; d++)
		nghttp2_hd_deflate_del(self->end[d].deflater);
	free(self->end);
	conversation_end(&self->c);
}

#define CLIENT DIR_OPENER
#define SERVER DIR_ANSWERER

static void put(struct end *e, const void *p, size_t n)
{
	if (n)
		memcpy(e->out + e->n, p, n);
	e->n += n;
}

static void put_frame(struct end *e, uint8_t type, uint8_t flags, uint32_t stream,
		      const void *p, size_t n)
{
	uint8_t head[H2_HEADER_SIZE] = {
		(uint8_t)(n >> 16),
		(uint8_t)(n >> 8),
		(uint8_t)n,
		type,
		flags,
		(uint8_t)(stream >> 24),
		(uint8_t)(stream >> 16),
		(uint8_t)(stream >> 8),
		(uint8_t)stream,
	};

	put(e, head, sizeof(head));
	put(e, p, n);
}

/* A block of "name: value" lines, names up to ": ". */
static size_t block(struct end *e, const char *lines, uint8_t *out, size_t room)
{
	nghttp2_nv nv[32];
	char copy[8192];
	size_t n = 0;
	ssize_t r;

	snprintf(copy, sizeof(copy), "%s", lines);
	for (char *line = strtok(copy, "\n"); line && n < 32; line = strtok(NULL, "\n")) {
		char *value = strstr(line, ": ");

		*value = 0;
		nv[n++] = (nghttp2_nv){(uint8_t *)line, (uint8_t *)value + 2, strlen(line),
				       strlen(value + 2), 0};
	}
	r = nghttp2_hd_deflate_hd(e->deflater, out, room, nv, n);
	return r < 0 ? 0 : (size_t)r;
}

static void put_head(struct end *e, uint32_t stream, uint8_t flags, const char *lines)
{
	uint8_t out[8192];

	put_frame(e, H2_HEADERS, H2_END_HEADERS | flags, stream, out,
		  block(e, lines, out, sizeof(out)));
}

static void put_text(struct end *e, uint32_t stream, uint8_t flags, const char *text)
{
	put_frame(e, H2_DATA, flags, stream, text, strlen(text));
}

/* What was put in either direction is said, in pieces. */
static void flush(struct conversation *c, struct end *end, enum dir dir, size_t piece)
{
	struct end *e = &end[dir];

	for (size_t at = 0; at < e->n; at += piece)
		say(c, dir, e->out + at, e->n - at < piece ? e->n - at : piece);
	e->n = 0;
}

#define WHOLE ((size_t)1 << 30)

static void put_begin(struct end *end)
{
	static const uint8_t settings[] = {0, 3, 0, 0, 0, 100};

	put(&end[CLIENT], H2_PREFACE, H2_PREFACE_SIZE);
	put_frame(&end[CLIENT], H2_SETTINGS, 0, 0, settings, sizeof(settings));
	put_frame(&end[SERVER], H2_SETTINGS, 0, 0, settings, sizeof(settings));
	put_frame(&end[SERVER], H2_SETTINGS, H2_ACK, 0, NULL, 0);
}

#define GET(path) ":method: GET\n:scheme: http\n:authority: x\n:path: " path

static void begin(struct conversation *c, struct end *end)
{
	put_begin(end);
	flush(c, end, CLIENT, WHOLE);
	flush(c, end, SERVER, WHOLE);
}

static void get(struct conversation *c, struct end *end, uint32_t stream, const char *head)
{
	put_head(&end[CLIENT], stream, H2_END_STREAM, head);
	flush(c, end, CLIENT, WHOLE);
}

static void exchange(struct end *end)
{
	put_begin(end);
	put_head(&end[CLIENT], 1, H2_END_STREAM,
		 ":method: GET\n:scheme: http\n:authority: example.org:8080\n"
		 ":path: /dir/my%20file.exe?canary=1\nuser-agent: agent/1\n"
		 "referer: http://other.org/\nauthorization: Basic YWxpY2U6c2VjcmV0");
	put_head(&end[SERVER], 1, 0,
		 ":status: 200\ncontent-type: application/octet-stream\ncontent-length: 5");
	put_text(&end[SERVER], 1, 0, "he");
	put_text(&end[SERVER], 1, H2_END_STREAM, "llo");
}

TEST_F(http2, everything_that_is_known)
{
	exchange(self->end);
	flush(&self->c, self->end, CLIENT, WHOLE);
	flush(&self->c, self->end, SERVER, WHOLE);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("http://example.org:8080/dir/my%20file.exe?canary=1",
		     text_at(&self->c, 0, SIGHTING_URL));
	EXPECT_STREQ("my file.exe", text_at(&self->c, 0, SIGHTING_FILENAME));
	EXPECT_STREQ("alice", text_at(&self->c, 0, SIGHTING_USER));
	EXPECT_STREQ("GET", text_at(&self->c, 0, SIGHTING_HTTP_METHOD));
	EXPECT_STREQ("example.org:8080", text_at(&self->c, 0, SIGHTING_HTTP_HOST));
	EXPECT_STREQ("agent/1", text_at(&self->c, 0, SIGHTING_HTTP_USER_AGENT));
	EXPECT_STREQ("http://other.org/", text_at(&self->c, 0, SIGHTING_HTTP_REFERRER));
	EXPECT_STREQ("application/octet-stream", text_at(&self->c, 0, SIGHTING_CONTENT_TYPE));
	EXPECT_STREQ("web-browsing", text_at(&self->c, 0, SIGHTING_APPLICATION));
	EXPECT_EQ(200, self->c.seen[0].http_status);
	EXPECT_TRUE(self->c.seen[0].size_known);
	EXPECT_EQ(DIRECTION_DOWNLOAD, self->c.seen[0].direction);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_HTTP2_STREAMS]);
	EXPECT_EQ(0, self->c.counters.value[COUNTER_HTTP2_ERRORS]);
}

TEST_F(http2, in_every_piece)
{
	for (size_t piece = 1; piece < 60; piece += 1 + piece / 8) {
		size_t i = self->c.files;

		for (int d = 0; d < DIR_COUNT; d++) {
			nghttp2_hd_deflate_del(self->end[d].deflater);
			nghttp2_hd_deflate_new(&self->end[d].deflater, 4096);
		}
		exchange(self->end);
		flush(&self->c, self->end, CLIENT, piece);
		flush(&self->c, self->end, SERVER, piece);
		ASSERT_EQ(i + 1, self->c.files);
		EXPECT_TRUE(has_text(&self->c, i, "hello"));
		EXPECT_STREQ("my file.exe", text_at(&self->c, i, SIGHTING_FILENAME));
		conversation_close(&self->c, FILE_REASON_NONE);
		self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	}
}

TEST_F(http2, streams_side_by_side)
{
	begin(&self->c, self->end);
	get(&self->c, self->end, 1, GET("/a"));
	get(&self->c, self->end, 3, GET("/b"));
	put_head(&self->end[SERVER], 3, 0, ":status: 200");
	put_head(&self->end[SERVER], 1, 0, ":status: 200");
	put_text(&self->end[SERVER], 1, 0, "one");
	put_text(&self->end[SERVER], 3, 0, "thr");
	put_text(&self->end[SERVER], 1, H2_END_STREAM, " is whole");
	put_text(&self->end[SERVER], 3, H2_END_STREAM, "ee");
	flush(&self->c, self->end, SERVER, WHOLE);
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "one is whole"));
	EXPECT_STREQ("http://x/a", text_at(&self->c, 0, SIGHTING_URL));
	EXPECT_TRUE(has_text(&self->c, 1, "three"));
	EXPECT_STREQ("http://x/b", text_at(&self->c, 1, SIGHTING_URL));
}

TEST_F(http2, padding_priority_and_continuation)
{
	uint8_t frame[1024], head[1024];
	size_t n, half;

	begin(&self->c, self->end);
	n = block(&self->end[CLIENT], GET("/a") "\nx: y", head, sizeof(head));
	half = n / 2;
	/* pad length 3, five bytes of priority, half of the block, padding */
	frame[0] = 3;
	memset(frame + 1, 0, 5);
	memcpy(frame + 6, head, half);
	memset(frame + 6 + half, 0xaa, 3);
	put_frame(&self->end[CLIENT], H2_HEADERS, H2_PADDED | H2_PRIORITY_FLAG | H2_END_STREAM,
		  1, frame, 6 + half + 3);
	put_frame(&self->end[CLIENT], H2_CONTINUATION, 0, 1, head + half, 0);
	put_frame(&self->end[CLIENT], H2_CONTINUATION, H2_END_HEADERS, 1, head + half,
		  n - half);
	put_head(&self->end[SERVER], 1, 0, ":status: 200\ncontent-length: 5");
	put_frame(&self->end[SERVER], H2_DATA, H2_PADDED, 1,
		  "\x04"
		  "hel"
		  "pppp",
		  8);
	put_frame(&self->end[SERVER], H2_DATA, H2_PADDED, 1, "\0lo", 3);
	put_frame(&self->end[SERVER], H2_DATA, H2_PADDED | H2_END_STREAM, 1,
		  "\x02"
		  "pp",
		  3);
	flush(&self->c, self->end, CLIENT, 1);
	flush(&self->c, self->end, SERVER, 1);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("http://x/a", text_at(&self->c, 0, SIGHTING_URL));
}

TEST_F(http2, uploads)
{
	static const char form[] =
		"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a b.exe\"\r\n"
		"\r\nMZ\r\nbody\r\n--B--\r\n";

	begin(&self->c, self->end);
	put_head(&self->end[CLIENT], 1, 0,
		 ":method: PUT\n:scheme: http\n:authority: x\n:path: /up/report.doc");
	put_text(&self->end[CLIENT], 1, H2_END_STREAM, "hello");
	put_head(&self->end[CLIENT], 3, 0,
		 ":method: POST\n:scheme: http\n:authority: x\n:path: /form\n"
		 "content-type: multipart/form-data; boundary=B");
	put_text(&self->end[CLIENT], 3, H2_END_STREAM, form);
	flush(&self->c, self->end, CLIENT, WHOLE);
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("report.doc", text_at(&self->c, 0, SIGHTING_FILENAME));
	EXPECT_EQ(DIRECTION_UPLOAD, self->c.seen[0].direction);
	EXPECT_TRUE(has_text(&self->c, 1, "MZ\r\nbody"));
	EXPECT_STREQ("a b.exe", text_at(&self->c, 1, SIGHTING_FILENAME));
}

TEST_F(http2, coded_body)
{
	static const char text[] = "hello hello hello";
	uint8_t coded[128];
	z_stream z = {0};

	deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (Bytef *)text;
	z.avail_in = sizeof(text) - 1;
	z.next_out = coded;
	z.avail_out = sizeof(coded);
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	begin(&self->c, self->end);
	get(&self->c, self->end, 1, GET("/a"));
	put_head(&self->end[SERVER], 1, 0, ":status: 200\ncontent-encoding: gzip");
	put_frame(&self->end[SERVER], H2_DATA, H2_END_STREAM, 1, coded,
		  sizeof(coded) - z.avail_out);
	flush(&self->c, self->end, SERVER, WHOLE);
	EXPECT_TRUE(has_text(&self->c, 0, text));
}

TEST_F(http2, interim_answers_and_trailers)
{
	begin(&self->c, self->end);
	get(&self->c, self->end, 1, GET("/a"));
	put_head(&self->end[SERVER], 1, 0, ":status: 103\nlink: </s>");
	put_head(&self->end[SERVER], 1, 0, ":status: 200\ncontent-type: text/plain");
	put_text(&self->end[SERVER], 1, 0, "hello");
	put_head(&self->end[SERVER], 1, H2_END_STREAM, "content-type: no\nx-sum: 1");
	flush(&self->c, self->end, SERVER, WHOLE);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("text/plain", text_at(&self->c, 0, SIGHTING_CONTENT_TYPE));
	EXPECT_EQ(200, self->c.seen[0].http_status);
}

TEST_F(http2, pushed_answer_has_the_promised_url)
{
	uint8_t promise[512] = {0, 0, 0, 2};
	size_t n;

	begin(&self->c, self->end);
	get(&self->c, self->end, 1, GET("/page"));
	n = block(&self->end[SERVER], GET("/pushed.js"), promise + 4, sizeof(promise) - 4);
	put_frame(&self->end[SERVER], H2_PUSH_PROMISE, H2_END_HEADERS, 1, promise, 4 + n);
	put_head(&self->end[SERVER], 1, 0, ":status: 200");
	put_text(&self->end[SERVER], 1, H2_END_STREAM, "page");
	put_head(&self->end[SERVER], 2, 0, ":status: 200");
	put_text(&self->end[SERVER], 2, H2_END_STREAM, "pushed");
	flush(&self->c, self->end, SERVER, WHOLE);
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "page"));
	EXPECT_TRUE(has_text(&self->c, 1, "pushed"));
	EXPECT_STREQ("http://x/pushed.js", text_at(&self->c, 1, SIGHTING_URL));
	EXPECT_EQ(DIRECTION_DOWNLOAD, self->c.seen[1].direction);
}

/* Other frames between the first part of a head and its last are not allowed. */
TEST_F(http2, head_that_is_interrupted)
{
	uint8_t out[512];
	size_t n;

	begin(&self->c, self->end);
	n = block(&self->end[CLIENT], GET("/a"), out, sizeof(out));
	put_frame(&self->end[CLIENT], H2_HEADERS, H2_END_STREAM, 1, out, n / 2);
	put_frame(&self->end[CLIENT], H2_PING, 0, 0, "12345678", 8);
	put_frame(&self->end[CLIENT], H2_CONTINUATION, H2_END_HEADERS, 1, out + n / 2,
		  n - n / 2);
	flush(&self->c, self->end, CLIENT, WHOLE);
	put_head(&self->end[SERVER], 1, 0, ":status: 200");
	put_text(&self->end[SERVER], 1, H2_END_STREAM, "hello");
	flush(&self->c, self->end, SERVER, WHOLE);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("", text_at(&self->c, 0, SIGHTING_URL));
}

TEST_F(http2, reset_streams)
{
	begin(&self->c, self->end);
	get(&self->c, self->end, 1, GET("/a"));
	put_head(&self->end[SERVER], 1, 0, ":status: 200");
	put_text(&self->end[SERVER], 1, 0, "hel");
	flush(&self->c, self->end, SERVER, WHOLE);
	put_frame(&self->end[CLIENT], H2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
	flush(&self->c, self->end, CLIENT, WHOLE);
	/* on its way already */
	put_text(&self->end[SERVER], 1, H2_END_STREAM, "lo");
	flush(&self->c, self->end, SERVER, WHOLE);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_RESET, reason_of(&self->c, 0));
	/* reset before its answer, which comes all the same */
	get(&self->c, self->end, 3, GET("/b"));
	put_frame(&self->end[CLIENT], H2_RST_STREAM, 0, 3, "\0\0\0\x08", 4);
	flush(&self->c, self->end, CLIENT, WHOLE);
	put_head(&self->end[SERVER], 3, 0, ":status: 200");
	put_text(&self->end[SERVER], 3, H2_END_STREAM, "late");
	flush(&self->c, self->end, SERVER, WHOLE);
	EXPECT_EQ(1, self->c.files);
}

TEST_F(http2, goaway_refuses_what_comes_later)
{
	begin(&self->c, self->end);
	put_head(&self->end[CLIENT], 1, 0, ":method: PUT\n:path: /a\n:authority: x");
	put_head(&self->end[CLIENT], 3, 0, ":method: PUT\n:path: /b\n:authority: x");
	put_text(&self->end[CLIENT], 1, 0, "first");
	put_text(&self->end[CLIENT], 3, 0, "second");
	flush(&self->c, self->end, CLIENT, WHOLE);
	put_frame(&self->end[SERVER], H2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0bye", 11);
	flush(&self->c, self->end, SERVER, WHOLE);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_RESET, reason_of(&self->c, 0));
	EXPECT_STREQ("b", text_at(&self->c, 0, SIGHTING_FILENAME));
	put_text(&self->end[CLIENT], 1, H2_END_STREAM, "!");
	flush(&self->c, self->end, CLIENT, WHOLE);
	EXPECT_TRUE(has_text(&self->c, 1, "first!"));
}

/* RFC 9113 §8.1.1: whatever ends it, such a message is malformed. */
TEST_F(http2, other_length_than_announced)
{
	static const struct {
		const char *length, *first, *last;
		enum file_reason reason;
	} rows[] = {
		{"5", "hello", "", FILE_REASON_NONE},	 {"6", "hel", "lo", FILE_REASON_RESET},
		{"4", "hel", "lo", FILE_REASON_DECODE},	 {"3", "hel", "lo", FILE_REASON_DECODE},
		{"five", "hel", "lo", FILE_REASON_NONE},
	};
	char head[128];

	begin(&self->c, self->end);
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		get(&self->c, self->end, 2 * i + 1, GET("/a"));
		snprintf(head, sizeof(head), ":status: 200\ncontent-length: %s",
			 rows[i].length);
		put_head(&self->end[SERVER], 2 * i + 1, 0, head);
		put_text(&self->end[SERVER], 2 * i + 1, 0, rows[i].first);
		put_text(&self->end[SERVER], 2 * i + 1, H2_END_STREAM, rows[i].last);
		flush(&self->c, self->end, SERVER, WHOLE);
		ASSERT_EQ(i + 1, self->c.files);
		EXPECT_EQ(rows[i].reason, reason_of(&self->c, i)) TH_LOG("%s", rows[i].length);
	}
}

TEST_F(http2, head_has_no_body)
{
	begin(&self->c, self->end);
	get(&self->c, self->end, 1, ":method: HEAD\n:path: /a\n:authority: x");
	put_head(&self->end[SERVER], 1, H2_END_STREAM, ":status: 200\ncontent-length: 1000");
	flush(&self->c, self->end, SERVER, WHOLE);
	EXPECT_EQ(0, self->c.files);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_HTTP2_STREAMS]);
}

TEST_F(http2, connection_closed_in_a_body)
{
	begin(&self->c, self->end);
	get(&self->c, self->end, 1, GET("/a"));
	put_head(&self->end[SERVER], 1, 0, ":status: 200");
	put_text(&self->end[SERVER], 1, 0, "hel");
	flush(&self->c, self->end, SERVER, WHOLE);
	fin(&self->c, SERVER);
	fin(&self->c, CLIENT);
	EXPECT_EQ(FILE_REASON_RESET, reason_of(&self->c, 0));
}

/* Bytes within a stream of CONNECT are no body. */
TEST_F(http2, tunnel_makes_no_file)
{
	begin(&self->c, self->end);
	put_head(&self->end[CLIENT], 1, 0, ":method: CONNECT\n:authority: x:80");
	put_text(&self->end[CLIENT], 1, 0, "anything");
	flush(&self->c, self->end, CLIENT, WHOLE);
	put_head(&self->end[SERVER], 1, 0, ":status: 200");
	put_text(&self->end[SERVER], 1, H2_END_STREAM, "anything");
	flush(&self->c, self->end, SERVER, WHOLE);
	EXPECT_EQ(0, self->c.files);
}

TEST_F(http2, gap_in_a_body)
{
	begin(&self->c, self->end);
	get(&self->c, self->end, 1, GET("/a"));
	get(&self->c, self->end, 3, GET("/b"));
	put_head(&self->end[SERVER], 1, 0, ":status: 200");
	put_text(&self->end[SERVER], 1, 0, "0123456789");
	self->end[SERVER].n -= 6;
	flush(&self->c, self->end, SERVER, WHOLE);
	proto_session_gap(self->c.ps, SERVER, 4, self->c.time);
	put(&self->end[SERVER], "89", 2);
	put_text(&self->end[SERVER], 1, H2_END_STREAM, "x");
	put_head(&self->end[SERVER], 3, 0, ":status: 200");
	put_text(&self->end[SERVER], 3, H2_END_STREAM, "whole");
	flush(&self->c, self->end, SERVER, WHOLE);
	ASSERT_EQ(2, self->c.files);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 0));
	EXPECT_EQ(4, self->c.seen[0].missing);
	/* the other stream was not hit */
	EXPECT_TRUE(has_text(&self->c, 1, "whole"));
	EXPECT_EQ(0, self->c.counters.value[COUNTER_HTTP2_ERRORS]);
}

/* Past the end of a frame nobody knows what was lost, until frames make sense again. */
TEST_F(http2, gap_over_frames)
{
	begin(&self->c, self->end);
	get(&self->c, self->end, 1, GET("/a"));
	get(&self->c, self->end, 3, GET("/b"));
	put_head(&self->end[SERVER], 1, 0, ":status: 200\nx: indexed");
	put_text(&self->end[SERVER], 1, 0, "0123456789");
	self->end[SERVER].n -= 6;
	flush(&self->c, self->end, SERVER, WHOLE);
	proto_session_gap(self->c.ps, SERVER, 500, self->c.time);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 0));
	put(&self->end[SERVER], "the end of some frame", 21);
	put_text(&self->end[SERVER], 1, H2_END_STREAM, "x");
	put_head(&self->end[SERVER], 3, 0, ":status: 200\nx: indexed\ncontent-type: a/b");
	put_text(&self->end[SERVER], 3, H2_END_STREAM, "whole");
	get(&self->c, self->end, 5, GET("/c"));
	put_head(&self->end[SERVER], 5, 0, ":status: 200\ncontent-type: a/b");
	put_text(&self->end[SERVER], 5, H2_END_STREAM, "all known");
	flush(&self->c, self->end, SERVER, 7);
	ASSERT_EQ(3, self->c.files);
	/* The field that is not known may have been its coding. */
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 1));
	EXPECT_STREQ("http://x/b", text_at(&self->c, 1, SIGHTING_URL));
	EXPECT_STREQ("a/b", text_at(&self->c, 1, SIGHTING_CONTENT_TYPE));
	EXPECT_TRUE(has_text(&self->c, 2, "all known"));
	EXPECT_EQ(1, self->c.counters.value[COUNTER_HTTP2_ERRORS]);
}

TEST_F(http2, server_alone)
{
	exchange(self->end);
	flush(&self->c, self->end, SERVER, WHOLE);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_EQ(DIRECTION_DOWNLOAD, self->c.seen[0].direction);
	EXPECT_STREQ("", text_at(&self->c, 0, SIGHTING_URL));
}

TEST_F(http2, client_alone)
{
	put_begin(self->end);
	put_head(&self->end[CLIENT], 1, 0, ":method: PUT\n:path: /a\n:authority: x");
	put_text(&self->end[CLIENT], 1, H2_END_STREAM, "hello");
	flush(&self->c, self->end, CLIENT, WHOLE);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("http://x/a", text_at(&self->c, 0, SIGHTING_URL));
}

/*
 * From its middle: what the lost part of the table held is not known, what is added later
 * is, and a body whose beginning was not seen is never whole, nor one of which a field is not
 * known: it may be its coding.
 */
TEST_F(http2, midstream)
{
	uint8_t lost[1024];

	self->c.info.midstream = true;
	conversation_close(&self->c, FILE_REASON_NONE);
	self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	block(&self->end[CLIENT], GET("/a") "\nuser-agent: before", lost, sizeof(lost));
	block(&self->end[SERVER], ":status: 200\ncontent-type: b/c", lost, sizeof(lost));
	put_head(&self->end[CLIENT], 7, H2_END_STREAM,
		 GET("/b") "\nuser-agent: before\nreferer: http://r/");
	put_frame(&self->end[CLIENT], H2_WINDOW_UPDATE, 0, 0, "\0\0\1\0", 4);
	put_head(&self->end[CLIENT], 9, H2_END_STREAM, GET("/c") "\nreferer: http://r/");
	flush(&self->c, self->end, CLIENT, WHOLE);
	put_text(&self->end[SERVER], 5, H2_END_STREAM, "end of what began unseen");
	put_head(&self->end[SERVER], 7, 0, ":status: 200\ncontent-type: b/c\netag: \"1\"");
	put_text(&self->end[SERVER], 7, H2_END_STREAM, "seven");
	put_head(&self->end[SERVER], 9, 0, ":status: 200\ncontent-type: d/e\netag: \"1\"");
	put_text(&self->end[SERVER], 9, H2_END_STREAM, "nine");
	flush(&self->c, self->end, SERVER, WHOLE);
	ASSERT_EQ(3, self->c.files);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 0));
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 1));
	EXPECT_STREQ("", text_at(&self->c, 1, SIGHTING_HTTP_USER_AGENT));
	EXPECT_STREQ("http://r/", text_at(&self->c, 1, SIGHTING_HTTP_REFERRER));
	EXPECT_STREQ("", text_at(&self->c, 1, SIGHTING_CONTENT_TYPE));
	EXPECT_TRUE(has_text(&self->c, 2, "nine"));
	EXPECT_STREQ("http://r/", text_at(&self->c, 2, SIGHTING_HTTP_REFERRER));
	EXPECT_STREQ("d/e", text_at(&self->c, 2, SIGHTING_CONTENT_TYPE));
}

/* RFC 7540 §3.2: the request was HTTP/1.1, its answer is stream 1. */
TEST_F(http2, upgraded)
{
	for (size_t piece = 1; piece < 200; piece += 1 + piece / 2) {
		size_t i = self->c.files;

		for (int d = 0; d < DIR_COUNT; d++) {
			nghttp2_hd_deflate_del(self->end[d].deflater);
			nghttp2_hd_deflate_new(&self->end[d].deflater, 4096);
		}
		ask(&self->c, "GET /first.exe?a=b HTTP/1.1\r\nHost: example.org\r\n"
			      "User-Agent: agent/1\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n"
			      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
			      "HTTP2-Settings: AAMAAABk\r\n\r\n");
		put_begin(self->end);
		put_head(&self->end[SERVER], 1, 0, ":status: 200");
		put_text(&self->end[SERVER], 1, H2_END_STREAM, "hello");
		answer(&self->c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
				 "Upgrade: h2c\r\n\r\n");
		flush(&self->c, self->end, SERVER, piece);
		put_head(&self->end[CLIENT], 3, H2_END_STREAM, GET("/second"));
		flush(&self->c, self->end, CLIENT, piece);
		put_head(&self->end[SERVER], 3, 0, ":status: 200");
		put_text(&self->end[SERVER], 3, H2_END_STREAM, "again");
		flush(&self->c, self->end, SERVER, piece);
		ASSERT_EQ(i + 2, self->c.files);
		EXPECT_TRUE(has_text(&self->c, i, "hello"));
		EXPECT_STREQ("http://example.org/first.exe?a=b",
			     text_at(&self->c, i, SIGHTING_URL));
		EXPECT_STREQ("first.exe", text_at(&self->c, i, SIGHTING_FILENAME));
		EXPECT_STREQ("alice", text_at(&self->c, i, SIGHTING_USER));
		EXPECT_STREQ("agent/1", text_at(&self->c, i, SIGHTING_HTTP_USER_AGENT));
		EXPECT_TRUE(has_text(&self->c, i + 1, "again"));
		EXPECT_STREQ("http://x/second", text_at(&self->c, i + 1, SIGHTING_URL));
		EXPECT_STREQ("", text_at(&self->c, i + 1, SIGHTING_USER));
		conversation_close(&self->c, FILE_REASON_NONE);
		self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	}
}

/* Each side's bytes are in order, but those of the client are seen first. */
TEST_F(http2, upgraded_and_seen_late)
{
	static const char request[] = "GET /first HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n"
				      "Connection: Upgrade, HTTP2-Settings\r\n"
				      "HTTP2-Settings: AAMAAABk\r\n\r\n";
	static const char granted[] = "HTTP/1.1 101 Switching Protocols\r\n"
				      "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

	for (int way = 0; way < 3; way++) {
		size_t i = self->c.files;

		for (int d = 0; d < DIR_COUNT; d++) {
			nghttp2_hd_deflate_del(self->end[d].deflater);
			nghttp2_hd_deflate_new(&self->end[d].deflater, 4096);
		}
		put(&self->end[CLIENT], request, sizeof(request) - 1);
		put(&self->end[SERVER], granted, sizeof(granted) - 1);
		put_begin(self->end);
		put_head(&self->end[SERVER], 1, 0, ":status: 200");
		put_text(&self->end[SERVER], 1, H2_END_STREAM, "hello");
		put_head(&self->end[CLIENT], 3, H2_END_STREAM, GET("/second"));
		put_head(&self->end[SERVER], 3, 0, ":status: 200");
		put_text(&self->end[SERVER], 3, H2_END_STREAM, "again");
		flush(&self->c, self->end, way == 2 ? SERVER : CLIENT, way == 1 ? 7 : WHOLE);
		flush(&self->c, self->end, way == 2 ? CLIENT : SERVER, way == 1 ? 7 : WHOLE);
		ASSERT_EQ(i + 2, self->c.files);
		EXPECT_TRUE(has_text(&self->c, i, "hello"));
		EXPECT_STREQ("http://x/first", text_at(&self->c, i, SIGHTING_URL));
		EXPECT_TRUE(has_text(&self->c, i + 1, "again"));
		EXPECT_STREQ("http://x/second", text_at(&self->c, i + 1, SIGHTING_URL));
		conversation_close(&self->c, FILE_REASON_NONE);
		self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	}
}

/* An encoder may use a larger table than the usual one, and a smaller one. */
TEST_F(http2, table_of_another_size)
{
	static const size_t sizes[] = {0, 100, 65536, 4096};

	begin(&self->c, self->end);
	for (uint32_t i = 0; i < 400; i++) {
		char head[256];

		if (i % 100 == 0)
			nghttp2_hd_deflate_change_table_size(self->end[CLIENT].deflater,
							     sizes[i / 100]);
		snprintf(head, sizeof(head), GET("/%u") "\nx-%u: %u\nuser-agent: a%u", i,
			 i % 300, i, i % 7);
		get(&self->c, self->end, 2 * i + 1, head);
		put_head(&self->end[SERVER], 2 * i + 1, 0, ":status: 200");
		put_text(&self->end[SERVER], 2 * i + 1, H2_END_STREAM, "x");
		flush(&self->c, self->end, SERVER, WHOLE);
		if (i < SEEN_MAX) {
			snprintf(head, sizeof(head), "http://x/%u", i);
			EXPECT_STREQ(head, text_at(&self->c, i, SIGHTING_URL));
		}
	}
	EXPECT_EQ(400, self->c.counters.value[COUNTER_FILES_COMPLETE]);
	EXPECT_EQ(0, self->c.counters.value[COUNTER_HTTP2_ERRORS]);
}

TEST_F(http2, too_many_streams)
{
	begin(&self->c, self->end);
	for (uint32_t i = 0; i < 1100; i++) {
		put_head(&self->end[CLIENT], 2 * i + 1, 0,
			 ":method: PUT\n:path: /a\n:authority: x");
		put_text(&self->end[CLIENT], 2 * i + 1, 0, "hello");
		flush(&self->c, self->end, CLIENT, WHOLE);
	}
	EXPECT_EQ(1100 - 1024, self->c.counters.value[COUNTER_HTTP2_LIMITS]);
	EXPECT_EQ(1100 - 1024, self->c.counters.value[COUNTER_FILES_TRUNCATED_OPEN_FILES]);
}

TEST_F(http2, fields_and_heads_without_end)
{
	uint8_t *noise = calloc(1, 16384);

	begin(&self->c, self->end);
	put_frame(&self->end[CLIENT], H2_HEADERS, H2_END_STREAM, 1, noise, 16384);
	for (int i = 0; i < 10; i++)
		put_frame(&self->end[CLIENT], H2_CONTINUATION, 0, 1, noise, 16384);
	put_frame(&self->end[CLIENT], H2_CONTINUATION, H2_END_HEADERS, 1, noise, 16384);
	flush(&self->c, self->end, CLIENT, WHOLE);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_HTTP2_LIMITS]);
	put_head(&self->end[SERVER], 1, 0, ":status: 200");
	put_text(&self->end[SERVER], 1, H2_END_STREAM, "hello");
	flush(&self->c, self->end, SERVER, WHOLE);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	free(noise);
}

static void feed(const uint8_t *p, size_t n, uint64_t *state)
{
	struct conversation c;

	if (!conversation_begin(&c))
		return;
	c.info.midstream = scratch_random(state) % 2;
	conversation_close(&c, FILE_REASON_NONE);
	c.ps = proto_session_new(&c.env, &c.info);
	ask(&c, H2_PREFACE);
	for (size_t at = 0; at < n;) {
		size_t piece = 1 + scratch_random(state) % 300;
		enum dir dir = scratch_random(state) % 3 == 0;

		piece = piece < n - at ? piece : n - at;
		if (scratch_random(state) % 16 == 0)
			proto_session_gap(c.ps, dir, piece, c.time);
		else
			say(&c, dir, p + at, piece);
		at += piece;
	}
	conversation_end(&c);
}

TEST_F(http2, noise)
{
	uint64_t state = 7;
	uint8_t bytes[8192];

	for (int round = 0; round < 300; round++) {
		self->end[CLIENT].n = 0;
		exchange(self->end);
		exchange(self->end);
		memcpy(bytes, self->end[CLIENT].out, self->end[CLIENT].n);
		memcpy(bytes + self->end[CLIENT].n, self->end[SERVER].out, self->end[SERVER].n);
		self->end[SERVER].n += self->end[CLIENT].n;
		for (int i = 0; i < round % 20; i++)
			bytes[scratch_random(&state) % self->end[SERVER].n] =
				(uint8_t)scratch_random(&state);
		feed(bytes, self->end[SERVER].n, &state);
		self->end[SERVER].n = 0;
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] =
			scratch_random(&state) % 4 ? 0 : (uint8_t)scratch_random(&state) % 12;
	for (int round = 0; round < 20; round++)
		feed(bytes, sizeof(bytes), &state);
}

TEST_HARNESS_MAIN
