// SPDX-License-Identifier: MIT
/* One HTTP request to a cloud. */
#include "cloud/http.h"
#include "lib/log.h"
#include "lib/tls_identity.h"

#include <linux/sluice.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_TIMEOUT 10L /* seconds */
#define REUSE_AFTER 2L	    /* seconds without use: a server keeps its end open for longer */
#define STALLED_AFTER 60L   /* seconds below one byte a second */

/*
 * Failures that the next sample would meet as well: nothing was sent, or to
 * nobody we trust.  All others concern this request.
 */
static const CURLcode cloud_down[] = {
	CURLE_COULDNT_RESOLVE_HOST,
	CURLE_COULDNT_CONNECT,
	CURLE_SSL_CONNECT_ERROR,
	CURLE_PEER_FAILED_VERIFICATION,
	CURLE_SSL_CACERT_BADFILE,
	CURLE_SSL_ISSUER_ERROR,
	CURLE_SSL_CERTPROBLEM,
	CURLE_SSL_CIPHER,
	CURLE_URL_MALFORMAT,
	CURLE_UNSUPPORTED_PROTOCOL,
	CURLE_SSL_PINNEDPUBKEYNOTMATCH,
	CURLE_COULDNT_RESOLVE_PROXY,
	CURLE_PROXY,
};

static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;

	if (buf_add(&h->answer, p, size * n))
		return size * n;
	h->too_long = true;
	return 0;
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	const uint32_t *mark = arg;

	(void)purpose;
	if (*mark && setsockopt(fd, SOL_SOCKET, SO_MARK, mark, sizeof(*mark)))
		log_warning_once("uploads cannot be marked (%s): where local traffic is "
				 "captured, they will be captured too",
				 strerror(errno));
	return CURL_SOCKOPT_OK;
}

void http_init(struct http *h, const struct cloud_loop *loop)
{
	memset(h, 0, sizeof(*h));
	h->multi = loop->multi;
	h->socket_mark = loop->socket_mark;
	buf_init(&h->answer, HTTP_ANSWER_MAX);
}

static void end_request(struct http *h)
{
	if (h->easy) {
		curl_multi_remove_handle(h->multi, h->easy);
		curl_easy_cleanup(h->easy);
	}
	curl_slist_free_all(h->headers);
	h->easy = NULL;
	h->headers = NULL;
	h->request = NULL;
	h->too_long = false;
	h->error[0] = '\0';
	buf_reset(&h->answer);
}

void http_free(struct http *h)
{
	end_request(h);
	buf_free(&h->answer);
}

/* However large the sample, one buffer of libcurl's is in memory. */
static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;
	ssize_t got = request_read(h->request, p, size * n);

	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

/* To the beginning, as long as nothing of it was read. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	const struct http *h = arg;

	return origin == SEEK_SET && offset == 0 && h->request->at == 0 ? CURL_SEEKFUNC_OK
									: CURL_SEEKFUNC_FAIL;
}

/* The lines between the request line and the empty one; false: out of memory. */
static bool take_headers(struct http *h)
{
	char *copy = strdup(buf_string(&h->request->head)), *state = NULL;
	const char *line = copy ? strtok_r(copy, "\r\n", &state) : NULL;
	bool ok = copy;

	while (ok && (line = strtok_r(NULL, "\r\n", &state))) {
		struct curl_slist *longer = curl_slist_append(h->headers, line);

		ok = longer;
		if (ok)
			h->headers = longer;
	}
	free(copy);
	return ok;
}

static void set_method(struct http *h, const struct request *r)
{
	if (!strcmp(r->method, "HEAD")) {
		curl_easy_setopt(h->easy, CURLOPT_NOBODY, 1L);
	} else if (!strcmp(r->method, "GET")) {
		curl_easy_setopt(h->easy, CURLOPT_HTTPGET, 1L);
	} else if (!strcmp(r->method, "PUT")) {
		curl_easy_setopt(h->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(h->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->bytes);
	} else {
		curl_easy_setopt(h->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->bytes);
	}
}

/* The two words of the key sign it; false: out of memory. */
static bool set_signature(struct http *h, const struct cloud_config *c)
{
	size_t n = strcspn(c->key, " ");
	char *provider = NULL, *access = strndup(c->key, n);
	bool ok = access &&
		  asprintf(&provider, "aws:amz:%s:s3",
			   c->s3_region && *c->s3_region ? c->s3_region : CLOUD_S3_REGION) >= 0;

	if (ok) {
		curl_easy_setopt(h->easy, CURLOPT_AWS_SIGV4, provider);
		curl_easy_setopt(h->easy, CURLOPT_USERNAME, access);
		curl_easy_setopt(h->easy, CURLOPT_PASSWORD, c->key + n + (c->key[n] != 0));
		free(provider);
	}
	free(access);
	return ok;
}

/*
 * Every header that libcurl would add by itself is there already; an Expect, which costs a
 * round trip for a body of some size, is refused by its empty value.  In a signed request that
 * empty one would be signed without being sent.
 */
static bool set_request(struct http *h, const struct cloud_config *c, struct request *r)
{
	struct curl_slist *longer;

	h->request = r;
	if (!take_headers(h))
		return false;
	if (r->sigv4) {
		if (!set_signature(h, c))
			return false;
	} else {
		longer = curl_slist_append(h->headers, "Expect:");
		if (!longer)
			return false;
		h->headers = longer;
	}
	curl_easy_setopt(h->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	set_method(h, r);
	curl_easy_setopt(h->easy, CURLOPT_READFUNCTION, on_body);
	curl_easy_setopt(h->easy, CURLOPT_READDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(h->easy, CURLOPT_SEEKDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
	return !curl_easy_setopt(h->easy, CURLOPT_URL, buf_string(&r->url));
}

static void set_limits(struct http *h, const struct cloud_config *c)
{
	curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "https,http");
	/* "": none, whatever the environment says. */
	curl_easy_setopt(h->easy, CURLOPT_PROXY, c->proxy ? c->proxy : "");
	curl_easy_setopt(h->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT);
	curl_easy_setopt(h->easy, CURLOPT_TIMEOUT, (long)c->timeout);
	curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_TIME, STALLED_AFTER);
	curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(h->easy, CURLOPT_SOCKOPTDATA, &h->socket_mark);
}

bool http_start(struct http *h, struct cloud_submission *s, struct request *r, bool careful)
{
	end_request(h);
	h->easy = curl_easy_init();
	if (!h->easy)
		return false;
	set_limits(h, s->cloud);
	tls_identity_set(h->easy, s->cloud->ca, s->cloud->certificate,
			 s->cloud->certificate_key);
	if (s->cloud->pinned && *s->cloud->pinned)
		curl_easy_setopt(h->easy, CURLOPT_PINNEDPUBLICKEY, s->cloud->pinned);
	curl_easy_setopt(h->easy, CURLOPT_PRIVATE, s);
	/*
	 * What has no body libcurl may repeat by itself on a connection that turns out to be
	 * closed: that would be a request without leave.
	 */
	if (!r->type[0])
		curl_easy_setopt(h->easy, CURLOPT_FRESH_CONNECT, 1L);
	else if (careful)
		curl_easy_setopt(h->easy, CURLOPT_MAXAGE_CONN, REUSE_AFTER);
	return set_request(h, s->cloud, r) && !curl_multi_add_handle(h->multi, h->easy);
}

long http_end(struct http *h, CURLcode code, struct cloud_result *r)
{
	enum cloud_outcome outcome = CLOUD_RETRY;
	curl_off_t connected = 0;
	long status = 0;

	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	/* A server may refuse a body and close before it has read all of it. */
	if (status >= 100 && (code == CURLE_OK || (status >= 400 && !h->too_long)))
		return status;
	if (h->too_long) {
		cloud_result_set(r, CLOUD_RETRY, "answer of more than %d bytes",
				 HTTP_ANSWER_MAX);
		r->answer_bad = true;
		return 0;
	}
	for (size_t i = 0; i < sizeof(cloud_down) / sizeof(cloud_down[0]); i++)
		if (code == cloud_down[i])
			outcome = CLOUD_DOWN;
	curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
	if (code == CURLE_OPERATION_TIMEDOUT && connected == 0)
		outcome = CLOUD_DOWN;
	cloud_result_set(r, outcome, "%s", h->error[0] ? h->error : curl_easy_strerror(code));
	return 0;
}

uint32_t http_retry_after(const struct http *h)
{
	curl_off_t seconds = 0;

	curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &seconds);
	if (seconds <= 0)
		return 0;
	return seconds > CLOUD_PAUSE_MAX ? CLOUD_PAUSE_MAX : (uint32_t)seconds;
}
