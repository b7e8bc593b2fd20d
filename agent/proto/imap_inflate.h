/* SPDX-License-Identifier: MIT */
/*
 * COMPRESS=DEFLATE (RFC 4978): one direction from where it is compressed, a raw stream of
 * RFC 1951 without end.
 */
#ifndef SLUICE_PROTO_IMAP_INFLATE_H
#define SLUICE_PROTO_IMAP_INFLATE_H

#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct imap_inflate;

/* NULL when out of memory. */
struct imap_inflate *imap_inflate_new(void);
void imap_inflate_free(struct imap_inflate *z);
/* False: no such stream, or more than the limits allow comes out of it. */
bool imap_inflate_data(struct imap_inflate *z, const struct decode_limits *limits,
		       const uint8_t *p, size_t n,
		       void (*sink)(void *arg, const uint8_t *p, size_t n), void *arg);

#endif
