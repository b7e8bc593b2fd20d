// SPDX-License-Identifier: MIT
/* What request_print() shows is what a server at the other end of libcurl receives. */
#include "cloud/http.h"
#include "cloud/request.h"

#include "kselftest_harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/sha.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "k+e/y 0123456789"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* A server that keeps what it reads, and answers each whole request. */
struct server {
	int listener;
	unsigned int connections;
	uint8_t *seen;
	size_t size, room;
	size_t close_after; /* bytes of a connection's second request; 0: answer it */
	pthread_t thread;
};

/* Bytes of the whole request at p; 0: it has not all come. */
static size_t whole(const uint8_t *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);
	const char *length = end ? memmem(p, n, "\r\nContent-Length: ", 18) : NULL;
	size_t size;

	if (!length)
		return 0;
	size = (size_t)(end + 4 - (const char *)p) + strtoul(length + 18, NULL, 10);
	return n >= size ? size : 0;
}

static void serve(struct server *s, int fd)
{
	struct pollfd wait[] = {{.fd = fd, .events = POLLIN}, {.fd = s->listener, .events = POLLIN}};
	size_t begin = s->size, answered = 0;
	ssize_t n;

	for (;;) {
		if (s->room - s->size < 65536) {
			s->room = s->room ? s->room * 2 : 1 << 20;
			s->seen = realloc(s->seen, s->room);
		}
		/* One at a time: the next connection ends this one. */
		poll(wait, 2, -1);
		if (!wait[0].revents)
			break;
		n = read(fd, s->seen + s->size, 65536);
		if (n <= 0)
			break;
		s->size += (size_t)n;
		if (answered && s->close_after && s->size - begin >= s->close_after)
			break;
		if (!whole(s->seen + begin, s->size - begin))
			continue;
		begin += whole(s->seen + begin, s->size - begin);
		answered++;
		if (write(fd, ANSWER, sizeof(ANSWER) - 1) < 0)
			break;
	}
	close(fd);
}

static void *run_server(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		s->connections++;
		serve(s, fd);
	}
	return NULL;
}

FIXTURE(request)
{
	struct server server;
	struct cloud_config cloud;
	struct cloud_submission s;
	struct cloud_loop loop;
	struct http http;
	struct request r;
	char url[64];
	uint8_t *sample;
	int fd;
};

FIXTURE_SETUP(request)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	memset(&self->server, 0, sizeof(self->server));
	self->server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, bind(self->server.listener, (struct sockaddr *)&a, n));
	ASSERT_EQ(0, listen(self->server.listener, 8));
	getsockname(self->server.listener, (struct sockaddr *)&a, &n);
	snprintf(self->url, sizeof(self->url), "http://127.0.0.1:%u/some/api", ntohs(a.sin_port));
	ASSERT_EQ(0, pthread_create(&self->server.thread, NULL, run_server, &self->server));
	self->cloud = (struct cloud_config){
		.name = "test", .ops = &cloud_wildfire, .url = self->url, .key = (char *)KEY,
		.session = true, .timeout = 10};
	self->s = (struct cloud_submission){.cloud = &self->cloud};
	memset(self->s.id, 1, sizeof(self->s.id));
	self->loop.multi = curl_multi_init();
	http_init(&self->http, &self->loop);
	request_init(&self->r);
	self->fd = -1;
	self->sample = NULL;
}

FIXTURE_TEARDOWN(request)
{
	http_free(&self->http);
	request_free(&self->r);
	curl_multi_cleanup(self->loop.multi);
	shutdown(self->server.listener, SHUT_RDWR);
	pthread_join(self->server.thread, NULL);
	close(self->server.listener);
	free(self->server.seen);
	free(self->sample);
	if (self->fd >= 0)
		close(self->fd);
}

static void make_sample(FIXTURE_DATA(request) *self, size_t size)
{
	self->sample = malloc(size ? size : 1);
	self->fd = memfd_create("sample", MFD_CLOEXEC);
	for (size_t i = 0; i < size; i++)
		self->sample[i] = (uint8_t)(i * 7 + i / 251);
	if (write(self->fd, self->sample, size) != (ssize_t)size)
		abort();
	SHA256(self->sample, size, self->s.sha256);
	self->s.size = size;
}

/* Sends it; the code that libcurl ended with. */
static CURLcode sent(FIXTURE_DATA(request) *self, bool fresh)
{
	int running = 1, left;
	CURLMsg *m;

	if (!http_start(&self->http, &self->s, &self->r, fresh))
		return CURLE_OUT_OF_MEMORY;
	while (running) {
		curl_multi_perform(self->loop.multi, &running);
		if (running)
			curl_multi_poll(self->loop.multi, NULL, 0, 100, NULL);
	}
	m = curl_multi_info_read(self->loop.multi, &left);
	return m ? m->data.result : CURLE_OK;
}

/* As printed, with the key where its stars are. */
static char *printed(FIXTURE_DATA(request) *self, bool raw, size_t *n)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, n);
	bool ok = request_print(&self->r, f, raw);

	fclose(f);
	return ok ? text : NULL;
}

static void check(struct __test_metadata *_metadata, FIXTURE_DATA(request) *self, bool fresh)
{
	size_t n, begin = self->server.size, key;
	const char *problem;
	uint8_t hash[SHA256_SIZE];
	char *text;

	ASSERT_TRUE(request_end(&self->r, &problem));
	ASSERT_EQ(CURLE_OK, sent(self, fresh));
	text = printed(self, true, &n);
	ASSERT_NE(NULL, text);
	ASSERT_EQ(n, self->server.size - begin);
	ASSERT_EQ(NULL, memmem(text, n, "0123456789", 10));
	key = self->r.head.len + self->r.secret.at;
	for (size_t i = 0; i < self->r.secret.size; i++)
		ASSERT_EQ('*', text[key + i]);
	memcpy(text + key, self->r.before.data + self->r.secret.at, self->r.secret.size);
	ASSERT_EQ(0, memcmp(text, self->server.seen + begin, n)) {
		TH_LOG("made:\n%s\nreceived:\n%.*s", text, (int)n, self->server.seen + begin);
	}
	SHA256((uint8_t *)text + self->r.head.len, n - self->r.head.len, hash);
	EXPECT_EQ(0, memcmp(hash, self->r.sha256, sizeof(hash)));
	EXPECT_EQ(self->r.bytes, n - self->r.head.len);
	free(text);
}

static void ask(FIXTURE_DATA(request) *self)
{
	static const char *const form[] = {"hash", "00ff", "more", "a b&c=d", NULL};

	request_begin(&self->r, "POST", self->url, "/get/verdict");
	request_form(&self->r, KEY, form);
}

TEST_F(request, a_question_arrives_as_it_is_printed)
{
	ask(self);
	check(_metadata, self, false);
	EXPECT_NE(NULL, memmem(self->server.seen, self->server.size,
			       "apikey=k%2Be%2Fy%200123456789&hash=00ff&more=a%20b%26c%3Dd", 58));
	EXPECT_EQ(0, strncmp((char *)self->server.seen, "POST /some/api/get/verdict HTTP/1.1\r\n"
							 "Host: 127.0.0.1:", 53));
	/* And again on the same connection. */
	ask(self);
	check(_metadata, self, false);
	EXPECT_EQ(1, self->server.connections);
}

static void make_upload(FIXTURE_DATA(request) *self, const char *filename, const char *json)
{
	request_begin(&self->r, "POST", self->url, "/submit/file");
	request_multipart(&self->r, &self->s);
	request_value(&self->r, "apikey", KEY, true);
	request_sample(&self->r, "file", filename, self->fd, self->s.size);
	if (json)
		request_envelope(&self->r, "session", json);
}

TEST_F(request, an_upload_arrives_as_it_is_printed)
{
	static const size_t sizes[] = {0, 1, 999, 70000, 3000000};
	static const char *const names[] = {"a.exe", "na\"me\r\nX-Injected: yes\t\x7f", "\xc3\xa4", ""};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		free(self->sample);
		if (self->fd >= 0)
			close(self->fd);
		make_sample(self, sizes[i]);
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			make_upload(self, names[k], "{\"a\":\"b\"}");
			check(_metadata, self, k & 1);
		}
		make_upload(self, NULL, NULL);
		check(_metadata, self, true);
	}
	EXPECT_NE(NULL, memmem(self->server.seen, self->server.size,
			       "filename=\"na%22me%0D%0AX-Injected: yes__\"\r\n", 43));
	EXPECT_EQ(NULL, memmem(self->server.seen, self->server.size, "Expect:", 7));
}

TEST_F(request, the_envelope_comes_last)
{
	static const char end[] = "{\"a\":\"b\"}\r\n--";
	const char *problem;

	make_sample(self, 100);
	make_upload(self, "x", "{\"a\":\"b\"}");
	ASSERT_TRUE(request_end(&self->r, &problem));
	EXPECT_TRUE(self->r.envelope);
	EXPECT_EQ(self->r.after.len - strlen(end) - strlen(self->r.boundary) - 4,
		  (size_t)(strstr(buf_string(&self->r.after), end) - buf_string(&self->r.after)));
}

TEST_F(request, same_submission_same_bytes)
{
	char boundary[64];
	const char *problem;
	uint8_t hash[SHA256_SIZE];

	make_sample(self, 100);
	make_upload(self, "x", "{}");
	ASSERT_TRUE(request_end(&self->r, &problem));
	memcpy(hash, self->r.sha256, sizeof(hash));
	strcpy(boundary, self->r.boundary);
	make_upload(self, "x", "{}");
	ASSERT_TRUE(request_end(&self->r, &problem));
	EXPECT_EQ(0, memcmp(hash, self->r.sha256, sizeof(hash)));
	self->s.id[3]++;
	make_upload(self, "x", "{}");
	ASSERT_TRUE(request_end(&self->r, &problem));
	EXPECT_STRNE(boundary, self->r.boundary);
	self->s.id[3]--;
	self->s.sha256[3]++;
	make_upload(self, "x", "{}");
	ASSERT_TRUE(request_end(&self->r, &problem));
	EXPECT_STRNE(boundary, self->r.boundary);
}

TEST_F(request, a_sample_that_shrank_or_is_gone_cannot_be_sent)
{
	const char *problem;

	make_sample(self, 1000);
	ASSERT_EQ(0, ftruncate(self->fd, 999));
	make_upload(self, "x", "{}");
	EXPECT_FALSE(request_end(&self->r, &problem));
	EXPECT_STREQ("the sample is shorter than it was", problem);
	close(self->fd);
	self->fd = -1;
	make_upload(self, "x", "{}");
	EXPECT_FALSE(request_end(&self->r, &problem));
	EXPECT_STREQ(strerror(EBADF), problem);
}

TEST_F(request, what_is_too_large_fails_as_a_whole)
{
	char *long_text = malloc(REQUEST_TEXT_MAX + 2);
	const char *problem;

	memset(long_text, 'x', REQUEST_TEXT_MAX + 1);
	long_text[REQUEST_TEXT_MAX + 1] = '\0';
	make_sample(self, 10);
	make_upload(self, "x", long_text);
	EXPECT_FALSE(request_end(&self->r, &problem));
	make_upload(self, long_text, "{}");
	EXPECT_FALSE(request_end(&self->r, &problem));
	request_begin(&self->r, "POST", long_text, "/x");
	EXPECT_FALSE(request_end(&self->r, &problem));
	request_begin(&self->r, "POST", "http://[bad", "/x");
	EXPECT_FALSE(request_end(&self->r, &problem));
	EXPECT_STREQ("its URL is not understood", problem);
	make_upload(self, "x", "{}");
	EXPECT_TRUE(request_end(&self->r, &problem));
	free(long_text);
}

TEST_F(request, the_placeholder_stands_for_the_sample)
{
	const char *problem;
	size_t n;
	char *text;

	make_sample(self, 1000);
	make_upload(self, "x", "{\"a\":1}");
	ASSERT_TRUE(request_end(&self->r, &problem));
	text = printed(self, false, &n);
	EXPECT_NE(NULL, strstr(text, "octet-stream\r\n\r\n[1000 bytes of the sample]\r\n--"));
	EXPECT_NE(NULL, strstr(text, "{\"a\":1}\r\n--"));
	EXPECT_NE(NULL, strstr(text, "\r\n\r\n****************\r\n"));
	EXPECT_EQ(n, strlen(text));
	free(text);
}

/* On a used connection that dies, libcurl would try once more by itself. */
TEST_F(request, nothing_is_repeated_by_itself)
{
	const char *problem;
	size_t first;

	ask(self);
	ASSERT_TRUE(request_end(&self->r, &problem));
	ASSERT_EQ(CURLE_OK, sent(self, false));
	first = self->server.size;
	self->server.close_after = first;
	ask(self);
	ASSERT_TRUE(request_end(&self->r, &problem));
	EXPECT_NE(CURLE_OK, sent(self, false));
	/* It may have connected, and then found that it has nothing to send. */
	EXPECT_EQ(2 * first, self->server.size);
}

TEST_HARNESS_MAIN
