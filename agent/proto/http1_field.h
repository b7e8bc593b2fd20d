/* SPDX-License-Identifier: MIT */
/*
 * What fields of HTTP messages mean, as text.
 */
#ifndef SLUICE_PROTO_HTTP1_FIELD_H
#define SLUICE_PROTO_HTTP1_FIELD_H

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

/*
 * Appends the URL of a request (RFC 9112 §3.3): the target where it is absolute,
 * else "http://", the value of Host (the server's address without one) and the target.
 */
void http1_url(struct text target, struct text host, const struct endpoint *server,
	       struct buf *url);
/* Appends the last part of a URL's path, percent-decoded; false when it has none. */
bool http1_url_name(const struct buf *url, struct buf *name);
/*
 * A Content-Range like "bytes 0-99/1000" (RFC 9110 §14.4).  False, and all zero, where it
 * is none, makes no sense or does not tell the total.
 */
bool http1_range(struct text range, struct byte_range *r);
/* One decimal number with blanks around it at most. */
bool http1_length_is_clear(struct text length);

#endif
