// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "conversation.h"

#include <zlib.h>

FIXTURE(http)
{
	struct conversation c;
};

FIXTURE_SETUP(http)
{
	ASSERT_TRUE(conversation_begin(&self->c));
}

FIXTURE_TEARDOWN(http)
{
	conversation_end(&self->c);
}

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define ASK "GET /a.bin HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\n"

static size_t gzipped(const void *p, size_t n, uint8_t *out, size_t room)
{
	z_stream z = {0};

	deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (Bytef *)p;
	z.avail_in = (uInt)n;
	z.next_out = out;
	z.avail_out = (uInt)room;
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return room - z.avail_out;
}

TEST_F(http, everything_that_is_known)
{
	ask(&self->c, "GET /dir/my%20file.exe?canary=1 HTTP/1.1\r\n"
		      "Host: example.org:8080\r\nUser-Agent: agent/1\r\n"
		      "Referer: http://other.org/\r\n"
		      "Authorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n");
	answer(&self->c, OK "Content-Type: application/octet-stream\r\n"
			    "Content-Length: 5\r\n\r\nhello");
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
	EXPECT_EQ(200, self->c.seen[0].http_status);
	EXPECT_TRUE(self->c.seen[0].size_known);
	EXPECT_EQ(5, self->c.seen[0].declared);
	EXPECT_EQ(DIRECTION_DOWNLOAD, self->c.seen[0].direction);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_HTTP_TRANSACTIONS]);
}

/* Once a method of WebDAV was used, with a body or without, it is the session's name. */
TEST_F(http, webdav)
{
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 5\r\n\r\nhello");
	EXPECT_STREQ("web-browsing", text_at(&self->c, 0, SIGHTING_APPLICATION));
	ask(&self->c, "MKCOL /dir HTTP/1.1\r\nHost: x\r\n\r\n");
	answer(&self->c, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 5\r\n\r\nhello");
	EXPECT_STREQ("webdav", text_at(&self->c, 1, SIGHTING_APPLICATION));
}

TEST_F(http, webdav_with_a_body)
{
	ask(&self->c, "PROPFIND / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n<a>");
	answer(&self->c, "HTTP/1.1 207 Multi-Status\r\nContent-Length: 3\r\n\r\n<b>");
	EXPECT_STREQ("webdav", text_at(&self->c, 0, SIGHTING_APPLICATION));
	EXPECT_STREQ("webdav", text_at(&self->c, 1, SIGHTING_APPLICATION));
}

TEST_F(http, connect_that_is_refused)
{
	ask(&self->c, "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
	answer(&self->c, "HTTP/1.1 407 Who are you\r\nContent-Length: 5\r\n\r\nhello");
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 5\r\n\r\nhello");
	ASSERT_EQ(2, self->c.files);
	EXPECT_STREQ("http-proxy", text_at(&self->c, 0, SIGHTING_APPLICATION));
	EXPECT_STREQ("web-browsing", text_at(&self->c, 1, SIGHTING_APPLICATION));
}

static const char *refine(void *arg, const char *application, const char *host, size_t n)
{
	return n == 18 && !memcmp(host, "files.example:8080", n) ? "example-base" : application;
}

TEST_F(http, application_is_refined_by_host)
{
	self->c.env.refine = refine;
	ask(&self->c,
	    "POST /a HTTP/1.1\r\nHost: files.example:8080\r\nContent-Length: 2\r\n\r\nhi"
	    "GET /a HTTP/1.1\r\nHost: other.example\r\n\r\n");
	answer(&self->c,
	       OK "Content-Length: 5\r\n\r\nhello" OK "Content-Length: 5\r\n\r\nhello");
	ASSERT_EQ(3, self->c.files);
	EXPECT_STREQ("example-base", text_at(&self->c, 0, SIGHTING_APPLICATION));
	EXPECT_STREQ("example-base", text_at(&self->c, 1, SIGHTING_APPLICATION));
	EXPECT_STREQ("web-browsing", text_at(&self->c, 2, SIGHTING_APPLICATION));
}

TEST_F(http, disposition_before_path)
{
	ask(&self->c, "GET /download.php HTTP/1.1\r\n\r\n");
	answer(&self->c, OK "Content-Disposition: attachment; filename=\"real.exe\"\r\n"
			    "Content-Length: 5\r\n\r\nhello");
	EXPECT_STREQ("real.exe", text_at(&self->c, 0, SIGHTING_FILENAME));
	/* no Host: the address */
	EXPECT_STREQ("http://198.51.100.2/download.php", text_at(&self->c, 0, SIGHTING_URL));
}

TEST_F(http, upload)
{
	ask(&self->c, "PUT /up/report.doc HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");
	ask(&self->c, "llo");
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_EQ(DIRECTION_UPLOAD, self->c.seen[0].direction);
	EXPECT_STREQ("report.doc", text_at(&self->c, 0, SIGHTING_FILENAME));
	EXPECT_STREQ("PUT", text_at(&self->c, 0, SIGHTING_HTTP_METHOD));
	answer(&self->c, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
	EXPECT_TRUE(has_text(&self->c, 1, "ok"));
	EXPECT_EQ(DIRECTION_DOWNLOAD, self->c.seen[1].direction);
}

TEST_F(http, form)
{
	static const char form[] =
		"--B\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhi\r\n"
		"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a b.exe\"\r\n"
		"Content-Type: application/x-dosexec\r\n\r\nMZ\r\nbody\r\n\r\n--B--\r\n";
	char head[256];

	snprintf(head, sizeof(head),
		 "POST /upload.cgi HTTP/1.1\r\nHost: x\r\n"
		 "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: %zu\r\n\r\n",
		 sizeof(form) - 1);
	self->c.env.private_talk = true;
	ask(&self->c, head);
	ask(&self->c, form);
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hi"));
	EXPECT_EQ(self->c.seen[0].kind, SIGHTING_KIND_FORM_FIELD);
	EXPECT_EQ(self->c.seen[1].kind, SIGHTING_KIND_FILE);
	EXPECT_STREQ("", text_at(&self->c, 0, SIGHTING_FILENAME));
	EXPECT_TRUE(has_text(&self->c, 1, "MZ\r\nbody\r\n"));
	EXPECT_STREQ("a b.exe", text_at(&self->c, 1, SIGHTING_FILENAME));
	EXPECT_STREQ("application/x-dosexec", text_at(&self->c, 1, SIGHTING_CONTENT_TYPE));
	EXPECT_STREQ("http://x/upload.cgi", text_at(&self->c, 1, SIGHTING_URL));
	EXPECT_EQ(DIRECTION_UPLOAD, self->c.seen[1].direction);
}

TEST_F(http, form_that_is_none)
{
	ask(&self->c, "POST /up.exe HTTP/1.1\r\nContent-Length: 5\r\n"
		      "Content-Type: multipart/form-data; boundary=B\r\n\r\nhello");
	ASSERT_EQ(1, self->c.files);
	/* a wrong type hides nothing */
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_TRUE(self->c.seen[0].size_known);
	EXPECT_EQ(self->c.seen[0].kind, SIGHTING_KIND_FILE);
	EXPECT_STREQ("up.exe", text_at(&self->c, 0, SIGHTING_FILENAME));
	/* nor does one that is too short to tell, or is told late */
	ask(&self->c, "POST /b HTTP/1.1\r\nContent-Length: 2\r\n"
		      "Content-Type: multipart/form-data; boundary=BBBB\r\n\r\n--");
	EXPECT_TRUE(has_text(&self->c, 1, "--"));
	ask(&self->c, "POST /c HTTP/1.1\r\nContent-Length: 6\r\n"
		      "Content-Type: multipart/form-data; boundary=BBBB\r\n\r\n--B");
	ask(&self->c, "BBx");
	EXPECT_TRUE(has_text(&self->c, 2, "--BBBx"));
}

TEST_F(http, form_fields_stay_on_the_network)
{
	static const char form[] =
		"--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nsecret\r\n"
		"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n"
		"body\r\n--B--\r\n";
	char head[256];

	snprintf(head, sizeof(head),
		 "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\n"
		 "Content-Length: %zu\r\n\r\n",
		 sizeof(form) - 1);
	ask(&self->c, head);
	for (const char *p = form; *p; p++)
		say(&self->c, DIR_OPENER, p, 1);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "body"));
	EXPECT_EQ(1, self->c.counters.value[COUNTER_FORM_FIELDS]);
}

TEST_F(http, coded_upload)
{
	uint8_t coded[256];
	size_t n = gzipped("hello", 5, coded, sizeof(coded));
	char head[128];

	snprintf(head, sizeof(head),
		 "POST /a HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
		 n);
	ask(&self->c, head);
	say(&self->c, DIR_OPENER, coded, n);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_FALSE(self->c.seen[0].size_known);
}

TEST_F(http, chunked_with_trailer)
{
	ask(&self->c, ASK);
	answer(&self->c, OK "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nl");
	answer(&self->c, "o\r\n0\r\nX: y\r\n\r\n");
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_FALSE(self->c.seen[0].size_known);
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 2\r\n\r\nok");
	EXPECT_TRUE(has_text(&self->c, 1, "ok"));
}

TEST_F(http, chunked_and_coded)
{
	uint8_t coded[256];
	size_t n = gzipped("hello", 5, coded, sizeof(coded));
	char size[32];

	ask(&self->c, ASK);
	answer(&self->c, OK "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n");
	for (size_t i = 0; i < n; i++) {
		answer(&self->c, "1\r\n");
		say(&self->c, DIR_ANSWERER, coded + i, 1);
		answer(&self->c, "\r\n");
	}
	snprintf(size, sizeof(size), "0\r\n\r\n");
	answer(&self->c, size);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
}

TEST_F(http, without_a_body)
{
	ask(&self->c, "HEAD /a HTTP/1.1\r\n\r\n");
	answer(&self->c, OK "Content-Length: 500\r\n\r\n");
	ask(&self->c, ASK);
	answer(&self->c, "HTTP/1.1 204 No Content\r\n\r\n");
	ask(&self->c, "GET /a HTTP/1.1\r\nIf-None-Match: x\r\n\r\n");
	/* the length of what it stands for, RFC 9110 §15.4.5 */
	answer(&self->c, "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n");
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 0\r\n\r\n");
	EXPECT_EQ(0, self->c.files);
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 5\r\n\r\nhello");
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("a.bin", text_at(&self->c, 0, SIGHTING_FILENAME));
}

TEST_F(http, interim_answers)
{
	ask(&self->c,
	    "POST /one HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	answer(&self->c, "HTTP/1.1 100 Continue\r\n\r\n");
	answer(&self->c, "HTTP/1.1 100 Continue\r\n\r\n");
	ask(&self->c, "hello");
	answer(&self->c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
			 "HTTP/1.1 102 Processing\r\n\r\n");
	answer(&self->c, OK "Content-Length: 3\r\n\r\none");
	ask(&self->c, "GET /two HTTP/1.1\r\n\r\n");
	answer(&self->c, OK "Content-Length: 3\r\n\r\ntwo");
	ASSERT_EQ(3, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_TRUE(has_text(&self->c, 1, "one"));
	EXPECT_STREQ("one", text_at(&self->c, 1, SIGHTING_FILENAME));
	EXPECT_TRUE(has_text(&self->c, 2, "two"));
	EXPECT_STREQ("two", text_at(&self->c, 2, SIGHTING_FILENAME));
}

TEST_F(http, pipelined)
{
	ask(&self->c, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
	answer(&self->c, OK "Content-Length: 1\r\n\r\na" OK "Content-Length: 1\r\n\r\nb" OK
			    "Content-Length: 1\r\n\r\nc");
	ASSERT_EQ(3, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 1, "b"));
	EXPECT_STREQ("2", text_at(&self->c, 1, SIGHTING_FILENAME));
	EXPECT_STREQ("3", text_at(&self->c, 2, SIGHTING_FILENAME));
}

TEST_F(http, up_to_the_end_of_the_connection)
{
	ask(&self->c, ASK);
	answer(&self->c, OK "\r\nhel");
	answer(&self->c, "lo");
	EXPECT_EQ(0, self->c.files);
	fin(&self->c, DIR_ANSWERER);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
}

static const struct {
	const char *answer;
	bool fin;
	enum file_reason close, reason;
} cut[] = {
	{OK "\r\nhello", false, FILE_REASON_RESET, FILE_REASON_RESET},
	{OK "\r\nhello", false, FILE_REASON_TIMEOUT, FILE_REASON_TIMEOUT},
	{OK "Content-Length: 9\r\n\r\nhello", true, FILE_REASON_NONE, FILE_REASON_RESET},
	{OK "Content-Length: 9\r\n\r\nhello", false, FILE_REASON_RESET, FILE_REASON_RESET},
	{OK "Content-Length: 9\r\n\r\nhello", false, FILE_REASON_TIMEOUT, FILE_REASON_TIMEOUT},
	{OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true, FILE_REASON_NONE,
	 FILE_REASON_RESET},
	{OK "Transfer-Encoding: chunked\r\n\r\n9\r\nhello", true, FILE_REASON_NONE,
	 FILE_REASON_RESET},
	{OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1", true, FILE_REASON_NONE,
	 FILE_REASON_RESET},
	/* the last chunk was seen, only its line was not finished */
	{OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0", true, FILE_REASON_NONE,
	 FILE_REASON_NONE},
	{OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0", false, FILE_REASON_RESET,
	 FILE_REASON_RESET},
};

TEST(cut_short)
{
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		struct conversation c;

		ASSERT_TRUE(conversation_begin(&c));
		ask(&c, ASK);
		answer(&c, cut[i].answer);
		if (cut[i].fin) {
			fin(&c, DIR_ANSWERER);
			fin(&c, DIR_OPENER);
		}
		conversation_close(&c, cut[i].close);
		EXPECT_EQ(1, c.files);
		EXPECT_EQ(cut[i].reason, reason_of(&c, 0)) TH_LOG("row %zu", i);
		EXPECT_EQ(5, c.seen[0].seen) TH_LOG("row %zu", i);
		conversation_end(&c);
	}
}

TEST_F(http, upload_cut_short)
{
	ask(&self->c, "PUT /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nhello");
	fin(&self->c, DIR_OPENER);
	fin(&self->c, DIR_ANSWERER);
	conversation_close(&self->c, FILE_REASON_NONE);
	EXPECT_EQ(FILE_REASON_RESET, reason_of(&self->c, 0));
}

/* The line break old clients send behind a body is none of it. */
TEST_F(http, bytes_behind_the_length)
{
	ask(&self->c, "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\r\n");
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 2\r\n\r\nokjunk");
	fin(&self->c, DIR_ANSWERER);
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_TRUE(has_text(&self->c, 1, "ok"));
}

TEST_F(http, ranges)
{
	ask(&self->c, "GET /a HTTP/1.1\r\nRange: bytes=0-4\r\n\r\n");
	answer(&self->c, "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/9\r\n"
			 "Content-Length: 5\r\n\r\nhello");
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
	ask(&self->c, "GET /a HTTP/1.1\r\nRange: bytes=0-\r\n\r\n");
	answer(&self->c, "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/5\r\n"
			 "Content-Length: 5\r\n\r\nhello");
	EXPECT_TRUE(has_text(&self->c, 1, "hello"));
	ask(&self->c, "GET /a HTTP/1.1\r\nRange: bytes=0-4,6-7\r\n\r\n");
	answer(&self->c, "HTTP/1.1 206 Partial\r\nContent-Length: 5\r\n"
			 "Content-Type: multipart/byteranges; boundary=x\r\n\r\nhello");
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 2));
	ask(&self->c, "PUT /a HTTP/1.1\r\nContent-Range: bytes 5-9/10\r\n"
		      "Content-Length: 5\r\n\r\nhello");
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 3));
}

/* A client that asked for no range takes what comes for the whole. */
TEST_F(http, range_nobody_asked_for)
{
	static const char *const ranges[] = {"0-4/9", "5-9/10", "foo-bar/baz", "0-1/5"};
	char text[128];

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		ask(&self->c, ASK);
		snprintf(text, sizeof(text),
			 "HTTP/1.1 206 P\r\nContent-Range: bytes %s\r\nContent-Length: "
			 "5\r\n\r\n",
			 ranges[i]);
		answer(&self->c, text);
		answer(&self->c, "hello");
		EXPECT_TRUE(has_text(&self->c, i, "hello"));
	}
}

TEST_F(http, gap_in_a_body)
{
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 10\r\n\r\nhel");
	proto_session_gap(self->c.ps, DIR_ANSWERER, 5, 9);
	answer(&self->c, "lo");
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 0));
	EXPECT_EQ(5, self->c.seen[0].seen);
	EXPECT_EQ(5, self->c.seen[0].missing);
	EXPECT_EQ(10, self->c.seen[0].size);
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 2\r\n\r\nok");
	EXPECT_TRUE(has_text(&self->c, 1, "ok"));
	EXPECT_EQ(0, self->c.counters.value[COUNTER_HTTP_ERRORS]);
}

TEST_F(http, huge_gap)
{
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 4294967306\r\n\r\nhel");
	proto_session_gap(self->c.ps, DIR_ANSWERER, 1ull << 32, 9);
	answer(&self->c, "lo");
	conversation_close(&self->c, FILE_REASON_TIMEOUT);
	EXPECT_EQ(FILE_STATE_TRUNCATED, self->c.seen[0].state);
	EXPECT_EQ(5, self->c.seen[0].seen);
}

/* A hole where libhtp cannot go on: the next exchange is understood again. */
TEST_F(http, gap_in_a_chunked_body)
{
	ask(&self->c, ASK);
	answer(&self->c, OK "Transfer-Encoding: chunked\r\n\r\n9\r\nhel");
	proto_session_gap(self->c.ps, DIR_ANSWERER, 5, 9);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 0));
	EXPECT_EQ(1, self->c.counters.value[COUNTER_HTTP_ERRORS]);
	answer(&self->c, "x\r\n0\r\n\r\n");
	ask(&self->c, "GET /next HTTP/1.1\r\n\r\n");
	answer(&self->c, "more of the old\r\n");
	answer(&self->c, OK "Content-Length: 2\r\n\r\nok");
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 1, "ok"));
	EXPECT_STREQ("next", text_at(&self->c, 1, SIGHTING_FILENAME));
}

TEST_F(http, gap_in_a_request)
{
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 3\r\n\r\none");
	proto_session_gap(self->c.ps, DIR_OPENER, 50, 9);
	/* the lost request's answer has no URL, and the next one's is right */
	answer(&self->c, OK "Content-Length: 3\r\n\r\ntwo");
	ask(&self->c, "GET /three HTTP/1.1\r\n\r\n");
	answer(&self->c, OK "Content-Length: 5\r\n\r\nthree");
	ASSERT_EQ(3, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 1, "two"));
	EXPECT_STREQ("", text_at(&self->c, 1, SIGHTING_URL));
	EXPECT_TRUE(has_text(&self->c, 2, "three"));
	EXPECT_STREQ("three", text_at(&self->c, 2, SIGHTING_FILENAME));
}

TEST_F(http, gap_in_a_coded_body)
{
	uint8_t coded[256];
	size_t n = gzipped("hello", 5, coded, sizeof(coded));
	char head[128];

	snprintf(head, sizeof(head), OK "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
		 n);
	ask(&self->c, ASK);
	answer(&self->c, head);
	say(&self->c, DIR_ANSWERER, coded, 4);
	proto_session_gap(self->c.ps, DIR_ANSWERER, n - 8, 9);
	say(&self->c, DIR_ANSWERER, coded + n - 4, 4);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 0));
}

TEST_F(http, broken_coding)
{
	uint8_t text[3000], coded[4000];
	uint64_t state = 5;
	size_t n;
	char head[128];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a' + scratch_random(&state) % 20;
	n = gzipped(text, sizeof(text), coded, sizeof(coded)) - 500;
	snprintf(head, sizeof(head), OK "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
		 n);
	ask(&self->c, ASK);
	answer(&self->c, head);
	say(&self->c, DIR_ANSWERER, coded, n);
	EXPECT_EQ(FILE_REASON_DECODE, reason_of(&self->c, 0));
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 2\r\n\r\nok");
	EXPECT_TRUE(has_text(&self->c, 1, "ok"));
}

/* Closed early, but the coded content saw its own end. */
TEST_F(http, coded_content_is_whole)
{
	uint8_t coded[256];
	size_t n = gzipped("hello", 5, coded, sizeof(coded));

	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Encoding: gzip\r\nContent-Length: 100\r\n\r\n");
	say(&self->c, DIR_ANSWERER, coded, n);
	fin(&self->c, DIR_ANSWERER);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
}

TEST_F(http, bomb)
{
	static uint8_t zeros[1 << 20];
	uint8_t coded[1 << 12];
	size_t n = gzipped(zeros, sizeof(zeros), coded, sizeof(coded));

	self->c.env.decode.max_size = 100000;
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Encoding: gzip\r\n\r\n");
	say(&self->c, DIR_ANSWERER, coded, n);
	fin(&self->c, DIR_ANSWERER);
	EXPECT_EQ(FILE_REASON_BOMB, reason_of(&self->c, 0));
	EXPECT_GE(100000, self->c.seen[0].size);
}

/* Bytes of a session within, all at once or one by one. */
static void piecewise(struct conversation *c, enum dir dir, const char *text, size_t piece)
{
	size_t n = strlen(text);

	for (size_t at = 0; at < n; at += piece)
		say(c, dir, text + at, n - at < piece ? n - at : piece);
}

TEST_F(http, tunnel_carries_another_session)
{
	static const char open[] =
		"CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\r\n"
		"GET /inside HTTP/1.1\r\nHost: within\r\n\r\n";
	static const char granted[] = "HTTP/1.1 200 Established\r\nX: y\r\n\r\n"
				      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

	for (size_t piece = 1; piece < 200; piece += 1 + piece / 4) {
		size_t i = self->c.files;

		piecewise(&self->c, DIR_OPENER, open, piece);
		piecewise(&self->c, DIR_ANSWERER, granted, piece);
		ASSERT_EQ(i + 1, self->c.files);
		EXPECT_TRUE(has_text(&self->c, i, "hello"));
		EXPECT_STREQ("http://within/inside", text_at(&self->c, i, SIGHTING_URL));
		conversation_close(&self->c, FILE_REASON_NONE);
		self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	}
	EXPECT_EQ(0, self->c.shunts);
}

TEST_F(http, tunnel_in_which_the_server_speaks_first)
{
	ask(&self->c, "CONNECT example.org:25 HTTP/1.0\r\n\r\n");
	answer(&self->c, "HTTP/1.0 200 OK\r\n\r\n\x16\x03\x01");
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_HANDED_OVER]);
	answer(&self->c, "\x01\x40\x02");
	ask(&self->c, "\x16\x03\x01\x01\x40\x01");
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_TLS]);
	EXPECT_EQ(0, self->c.files);
}

TEST_F(http, tunnels_in_tunnels_end)
{
	for (int i = 0; i < 10; i++) {
		ask(&self->c, "CONNECT x:1 HTTP/1.1\r\n\r\n");
		answer(&self->c, "HTTP/1.1 200 OK\r\n\r\n");
	}
	EXPECT_FALSE(proto_session_wanted(self->c.ps));
	EXPECT_EQ(4, self->c.counters.value[COUNTER_SESSIONS_HANDED_OVER]);
}

TEST_F(http, refused_tunnel)
{
	ask(&self->c, "CONNECT example.org:443 HTTP/1.1\r\n\r\n");
	answer(&self->c, "HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno");
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 2\r\n\r\nok");
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "no"));
	EXPECT_TRUE(has_text(&self->c, 1, "ok"));
	EXPECT_EQ(0, self->c.shunts);
}

#define UPGRADE \
	"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

TEST_F(http, upgrade)
{
	ask(&self->c, UPGRADE);
	answer(&self->c, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x05hello");
	for (int i = 0; i < 4000; i++)
		ask(&self->c, "\x81\x85\x01\x02\x03\x04hello");
	EXPECT_FALSE(proto_session_wanted(self->c.ps));
	EXPECT_EQ(1, self->c.shunts);
	EXPECT_EQ(0, self->c.files);
}

TEST_F(http, refused_upgrade)
{
	ask(&self->c, UPGRADE);
	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 2\r\n\r\nno");
	answer(&self->c, OK "Content-Length: 2\r\n\r\nok");
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "no"));
	EXPECT_TRUE(has_text(&self->c, 1, "ok"));
	EXPECT_STREQ("http://x/a.bin", text_at(&self->c, 1, SIGHTING_URL));
}

TEST_F(http, said_with_the_request_to_upgrade)
{
	static const char *const answers[] = {
		"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
		OK "Content-Length: 2\r\n\r\nno",
	};

	for (size_t i = 0; i < 2; i++) {
		/* of which HTTP/1 makes nothing, if it is asked */
		ask(&self->c, UPGRADE "GET /b HTTP/1.1\r\nHost: within\r\n\r\n");
		ask(&self->c, "GET /c HTTP/1.1\r\nHost: within\r\n\r\n");
		answer(&self->c, answers[i]);
		answer(&self->c, OK "Content-Length: 2\r\n\r\nok");
		answer(&self->c, OK "Content-Length: 2\r\n\r\nkk");
		ASSERT_EQ(2 + 3 * i, self->c.files);
		EXPECT_TRUE(has_text(&self->c, 3 * i, "ok"));
		EXPECT_STREQ("http://within/b", text_at(&self->c, 3 * i, SIGHTING_URL));
		EXPECT_TRUE(has_text(&self->c, 3 * i + 1, "kk"));
		EXPECT_STREQ("http://within/c", text_at(&self->c, 3 * i + 1, SIGHTING_URL));
		conversation_close(&self->c, FILE_REASON_NONE);
		self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	}
	EXPECT_TRUE(has_text(&self->c, 2, "no"));
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_HANDED_OVER]);
}

TEST_F(http, said_before_the_upgrade_was_granted)
{
	ask(&self->c, UPGRADE);
	ask(&self->c, "GET /b HTTP/1.1\r\nHost: within\r\n\r\n");
	answer(&self->c, "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n");
	answer(&self->c, OK "Content-Length: 2\r\n\r\nok");
	EXPECT_TRUE(has_text(&self->c, 0, "ok"));
	EXPECT_STREQ("http://within/b", text_at(&self->c, 0, SIGHTING_URL));
	EXPECT_EQ(1, self->c.counters.value[COUNTER_SESSIONS_HANDED_OVER]);
}

/* A declared type must not change how an answer is parsed: a mail-like body stays whole. */
TEST_F(http, declared_type_does_not_parse_the_body)
{
	static const char body[] = "MZ\r\nSubject: x\r\nContent-Transfer-Encoding: base64\r\n"
				   "\r\n--B\r\naGVsbG8=\r\n";
	static const char *const types[] = {
		"message/rfc822", "multipart/mixed; boundary=B",
		"message/http",	  "multipart/form-data; boundary=B",
		"text/html",	  "application/zip",
	};
	char head[256];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		ask(&self->c, ASK);
		snprintf(head, sizeof(head),
			 OK "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n", types[i],
			 sizeof(body) - 1);
		answer(&self->c, head);
		answer(&self->c, body);
		ASSERT_EQ(i + 1, self->c.files);
		EXPECT_TRUE(has_text(&self->c, i, body));
		EXPECT_EQ(SIGHTING_KIND_FILE, self->c.seen[i].kind);
	}
}

TEST_F(http, version_0_9)
{
	ask(&self->c, "GET /a.bin\r\n");
	answer(&self->c, "HTTP/");
	answer(&self->c, " is what this page is about");
	fin(&self->c, DIR_ANSWERER);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "HTTP/ is what this page is about"));
}

TEST_F(http, answer_without_a_status_line)
{
	ask(&self->c, ASK);
	answer(&self->c, "hel");
	answer(&self->c, "lo\r\nworld\r\n");
	fin(&self->c, DIR_ANSWERER);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello\r\nworld\r\n"));
	EXPECT_STREQ("a.bin", text_at(&self->c, 0, SIGHTING_FILENAME));
}

/* The request that the first bytes answer was lost: they are not what the next one gets. */
TEST_F(http, answer_without_a_status_line_after_a_hole)
{
	struct conversation *c = &self->c;

	say(c, DIR_OPENER, "\5\1\0", 3);
	say(c, DIR_ANSWERER, "\5\0", 2);
	proto_session_gap(c->ps, DIR_OPENER, 21, c->time++);
	say(c, DIR_ANSWERER, "\5\0\0\1\0\0\0\0\0P", 10);
	ask(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	answer(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
	fin(c, DIR_ANSWERER);
	fin(c, DIR_OPENER);
	conversation_close(c, FILE_REASON_NONE);
	for (size_t i = 0; i < c->files; i++)
		if (c->seen[i].state == FILE_STATE_COMPLETE)
			EXPECT_TRUE(has_text(c, i, "body"));
}

/* However a broken answer is cut into segments: the same file, or none. */
TEST(cut_anywhere)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 ok\r\nConnection: close\r\n\r\rTransfer-Encoding: chunked\r\n"
		"A: b\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 200 ok\r\nConnection: close\r\n Transfer-Encoding: chunked\r\n"
		"Content-length: 5\r\n\r\nhello",
		"HTTP/1.1 200 ok\r\nTransfer-Encoding: chunked\r\n\r\nhello world",
		"HTTP/1.1 200 ok\nContent-Length: 5\n\nhello",
	};

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		size_t n = strlen(answers[i]), same = 0;
		uint8_t whole[SHA256_SIZE] = {0};

		for (size_t cut = 0; cut < n; cut++) {
			struct conversation c;

			ASSERT_TRUE(conversation_begin(&c));
			ask(&c, ASK);
			if (cut)
				say(&c, DIR_ANSWERER, answers[i], cut);
			say(&c, DIR_ANSWERER, answers[i] + cut, n - cut);
			fin(&c, DIR_ANSWERER);
			fin(&c, DIR_OPENER);
			conversation_close(&c, FILE_REASON_NONE);
			for (size_t f = 0; f < c.files; f++) {
				if (c.seen[f].state != FILE_STATE_COMPLETE)
					continue;
				if (!cut)
					memcpy(whole, c.seen[f].sha256, sizeof(whole));
				EXPECT_EQ(0, memcmp(whole, c.seen[f].sha256, sizeof(whole)));
				same++;
			}
			conversation_end(&c);
		}
		EXPECT_LT(n / 2, same);
	}
}

/* Wherever the segment ends that has the end of one answer and the beginning of the next. */
TEST(next_answer_cut_anywhere)
{
	static const char *const first[] = {
		OK "Content-Length: 5\r\n\r\nfirst",
		OK "Content-Length: 12\r\n\r\nHTTP/, first",
		OK "Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n",
		OK "Transfer-Encoding: chunked\r\n\r\n8\r\nH\r\n\r\nHTT\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 204 no\r\n\r\n" OK "Content-Length: 1\r\n\r\nH",
		"HTTP/1.1 103 soon\r\n\r\n" OK "Content-Length: 1\r\n\r\nH",
	};
	static const char *const second[] = {
		OK "Via: HTTP/1.1 x\r\nContent-Length: 6\r\n\r\nsecond",
		"http/1.1 200 OK\r\nContent-Length:\r\n 6\r\n\r\nsecond",
	};

	for (size_t i = 0; i < COUNT_OF(first) * COUNT_OF(second); i++) {
		char text[512];
		size_t n = (size_t)snprintf(text, sizeof(text), "%s%s", first[i / 2], second[i % 2]);

		for (size_t cut = 1; cut < n; cut++) {
			struct conversation c;

			ASSERT_TRUE(conversation_begin(&c));
			ask(&c, ASK ASK ASK);
			say(&c, DIR_ANSWERER, text, cut);
			say(&c, DIR_ANSWERER, text + cut, n - cut);
			EXPECT_EQ(2, c.files);
			EXPECT_EQ(FILE_STATE_COMPLETE, c.seen[0].state);
			EXPECT_TRUE(has_text(&c, 1, "second"))
			TH_LOG("%zu, cut at %zu", i, cut);
			conversation_end(&c);
		}
	}
}

TEST_F(http, junk_before_a_status_line)
{
	ask(&self->c, ASK);
	answer(&self->c, "junk\r\n" OK "Content-Length: 2\r\n\r\nok");
	ASSERT_EQ(2, self->c.files);
	EXPECT_EQ(FILE_REASON_DECODE, reason_of(&self->c, 0));
	EXPECT_TRUE(has_text(&self->c, 1, "ok"));
}

TEST_F(http, client_that_is_done_asking)
{
	ask(&self->c, ASK);
	fin(&self->c, DIR_OPENER);
	answer(&self->c, OK "Content-Length: 5\r\n\r\nhel");
	answer(&self->c, "lo");
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
}

/* Memory stays flat: libhtp's connection object is replaced now and then. */
TEST_F(http, long_session)
{
	for (int i = 0; i < 20000; i++) {
		ask(&self->c, ASK);
		answer(&self->c, OK "Content-Length: 5\r\n\r\nhello");
	}
	EXPECT_EQ(20000, self->c.counters.value[COUNTER_FILES_COMPLETE]);
	EXPECT_EQ(20000, self->c.counters.value[COUNTER_HTTP_TRANSACTIONS]);
	EXPECT_EQ(0, self->c.counters.value[COUNTER_HTTP_ERRORS]);
}

/* Nor is the beginning of a header lost by that. */
TEST_F(http, long_session_of_answers_in_two_segments)
{
	answer(&self->c, OK "Content-");
	for (int i = 0; i < 10000; i++)
		answer(&self->c, "Length: 5\r\n\r\nhello" OK "Content-");
	EXPECT_EQ(10000, self->c.counters.value[COUNTER_FILES_COMPLETE]);
	EXPECT_EQ(0, self->c.counters.value[COUNTER_HTTP_ERRORS]);
}

TEST_F(http, long_session_seen_from_one_side)
{
	for (int i = 0; i < 5000; i++)
		ask(&self->c, "PUT /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
	EXPECT_EQ(5000, self->c.counters.value[COUNTER_FILES_COMPLETE]);
	EXPECT_EQ(0, self->c.counters.value[COUNTER_HTTP_ERRORS]);
}

TEST_F(http, long_session_seen_from_the_other_side)
{
	for (int i = 0; i < 10000; i++)
		answer(&self->c, OK "Content-Length: 5\r\n\r\nhello");
	EXPECT_EQ(10000, self->c.counters.value[COUNTER_FILES_COMPLETE]);
	EXPECT_EQ(0, self->c.counters.value[COUNTER_HTTP_ERRORS]);
}

TEST_F(http, requests_without_end)
{
	static char many[1 << 20];

	ask(&self->c, ASK);
	answer(&self->c, OK "Content-Length: 5\r\n\r\nhello");
	for (size_t i = 0; i + 16 < sizeof(many); i += 16)
		memcpy(many + i, "GET / HTTP/1.1\n\n", 16);
	ask(&self->c, many);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_HTTP_ERRORS]);
}

TEST_F(http, field_without_end)
{
	static char many[1 << 20];

	memset(many, 'x', sizeof(many) - 1);
	ask(&self->c, "GET /a HTTP/1.1\r\nX: ");
	ask(&self->c, many);
	EXPECT_EQ(1, self->c.counters.value[COUNTER_HTTP_ERRORS]);
	ask(&self->c, "GET /b HTTP/1.1\r\n\r\n");
	answer(&self->c, OK "Content-Length: 2\r\n\r\nok");
	EXPECT_TRUE(has_text(&self->c, 0, "ok"));
}

/* Pieces of conversations, cut, turned around and with holes: never a crash. */
TEST(noise)
{
	static const char *const pieces[] = {
		ASK,
		OK "Content-Length: 5\r\n\r\nhello",
		OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"CONNECT x:1 HTTP/1.1\r\n\r\n",
		"HTTP/1.1 407 x\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n",
		"PUT /a HTTP/1.1\r\nContent-Length: 99\r\n\r\nabc",
		"HEAD / HTTP/1.0\r\n\r\n",
		OK "Content-Encoding: gzip, br\r\n\r\n\x1f\x8b\x08 x",
		"GET /\r\n",
		"\r\n",
		"0",
		"POST /a HTTP/1.1\r\nContent-Length: 12\r\nContent-Type: multipart/form-data; "
		"boundary=B\r\n\r\n--B\r\n\r\nx\r\n--B--",
	};
	uint64_t state = 99;

	for (int i = 0; i < 3000; i++) {
		struct conversation c;

		ASSERT_TRUE(conversation_begin(&c));
		for (size_t n = scratch_random(&state) % 12; n; n--) {
			const char *p = pieces[scratch_random(&state) %
					       (sizeof(pieces) / sizeof(pieces[0]))];
			size_t len = strlen(p);
			size_t from =
				scratch_random(&state) % 4 ? 0 : scratch_random(&state) % len;
			enum dir dir = scratch_random(&state) % 2;
			static char copy[1024];

			if (scratch_random(&state) % 8 == 0)
				proto_session_gap(c.ps, dir, 1 + scratch_random(&state) % 30,
						  1);
			if (scratch_random(&state) % 10 == 0)
				len = from + (len - from) / 2;
			memcpy(copy, p + from, len - from);
			if (scratch_random(&state) % 5 == 0 && len > from)
				copy[scratch_random(&state) % (len - from)] ^=
					(char)scratch_random(&state);
			say(&c, dir, copy, len - from);
			if (scratch_random(&state) % 20 == 0)
				fin(&c, dir);
		}
		conversation_close(&c, scratch_random(&state) % 2 ? FILE_REASON_NONE
								  : FILE_REASON_RESET);
		conversation_end(&c);
	}
}

TEST_HARNESS_MAIN
