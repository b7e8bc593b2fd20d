/* SPDX-License-Identifier: MIT */
/*
 * One HTTP request to a cloud, on the forwarder's curl multi handle.
 *
 * What every kind must have is set here: certificates are verified, redirects
 * are not followed, no proxy is taken from the environment, answers and times
 * are limited, sockets carry the mark that keeps them from being captured.
 */
#ifndef SLUICE_CLOUD_HTTP_H
#define SLUICE_CLOUD_HTTP_H

#include "cloud/cloud.h"
#include "cloud/request.h"
#include "lib/buf.h"

#define HTTP_ANSWER_MAX (1 << 20) /* bytes of an answer's body */

struct http {
	CURLM *multi;
	CURL *easy; /* NULL when there is no request */
	struct curl_slist *headers;
	struct request *request;
	struct buf answer;
	bool too_long; /* the answer was longer than HTTP_ANSWER_MAX */
	uint32_t socket_mark;
	char error[CURL_ERROR_SIZE];
};

/* Once per submission, before the first request. */
void http_init(struct http *h, const struct cloud_loop *loop);
/* Ends a running request and frees everything. */
void http_free(struct http *h);
/*
 * Sends a complete request (request_end()), ending the one before it.  It goes as it is, once:
 * libcurl, which would repeat one that failed on a connection used before, is refused a
 * second reading of the body; the caller's next attempt makes a new one.  fresh: on a
 * connection of its own, as one without a body always is, which could be repeated.  r is used
 * until the request ended.  False when out of memory.
 */
bool http_start(struct http *h, struct cloud_submission *s, struct request *r, bool careful);

/*
 * The request ended with code.  Status of the answer (100 to 599), or 0 with r
 * filled when there was none.
 */
long http_end(struct http *h, CURLcode code, struct cloud_result *r);
/* Seconds the answer's Retry-After asks for, at most a day; 0: none. */
uint32_t http_retry_after(const struct http *h);

#endif
