/* SPDX-License-Identifier: MIT */
/*
 * What fields of HTTP messages mean, as text.
 */
#ifndef SLUICE_PROTO_HTTP_FIELD_H
#define SLUICE_PROTO_HTTP_FIELD_H

#include "lib/buf.h"
#include "lib/inet.h"
#include "sample/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	const uint8_t *p; /* NULL: absent */
	size_t n;
};

/* ASCII case does not count. */
bool text_starts_with(struct text t, const char *s);
bool text_is(struct text t, const char *s);

/*
 * Appends the URL of a request (RFC 9112 §3.3): the target where it is absolute,
 * else "http://", the value of Host (the server's address without one) and the target.
 */
void http_url(struct text target, struct text host, const struct endpoint *server,
	      struct buf *url);
/* The target without the scheme and authority of its absolute form. */
struct text http_path(struct text target);
/* Appends the last part of a URL's path, percent-decoded; false when it has none. */
bool http_url_name(const struct buf *url, struct buf *name);
/*
 * A Content-Range like "bytes 0-99/1000" (RFC 9110 §14.4).  False, and all zero, where it
 * is none, makes no sense or does not tell the total.
 */
bool http_range(struct text range, struct byte_range *r);
/* Appends the user's name of basic or digest authentication (RFC 7617, 7616), if any. */
bool http_user(struct text authorization, struct buf *name);
/* One decimal number with blanks around it at most (Content-Length); 0 otherwise. */
bool http_length(struct text length, uint64_t *n);

#endif
