/* SPDX-License-Identifier: MIT */
/*
 * Header blocks of HTTP/2 (RFC 9113 §4.3), through nghttp2's HPACK (RFC 7541), which
 * nobody else knows.
 *
 * Where the table of one direction is not known from its beginning, it is filled with
 * entries without a name: what refers to them is left out, and what is added later is found
 * at its right index all the same.
 */
#ifndef SLUICE_PROTO_HTTP2_HEAD_H
#define SLUICE_PROTO_HTTP2_HEAD_H

#include "proto/http.h"

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block, as it is transferred. */
#define H2_BLOCK_MAX (128u << 10)
/* The texts kept of one head. */
#define H2_TEXTS_MAX (32u << 10)

/* The HPACK state of one direction; all zero at its beginning. */
struct h2_table {
	nghttp2_hd_inflater *inflater; /* NULL: none yet */
	bool lost;		       /* what it held before is not known */
};

/* The head a block makes; its fields point into texts. */
struct h2_head {
	struct http_head head;
	struct buf texts;
	bool cut;   /* some were too long */
	bool holes; /* some are not known: the table does not have them */
};

/*
 * Decodes a block.  False: it is broken, or out of memory; the table is lost then.  Free
 * the head either way.
 */
bool h2_decode(struct h2_table *t, const uint8_t *p, size_t n, struct h2_head *out);
void h2_head_free(struct h2_head *h);

/* A block of this direction was not seen. */
void h2_table_lose(struct h2_table *t);
void h2_table_free(struct h2_table *t);

#endif
