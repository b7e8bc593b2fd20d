/* SPDX-License-Identifier: MIT */
/*
 * IP fragments put together again (RFC 791 §3.2, RFC 8200 §4.5).
 *
 * Where fragments of one IPv4 datagram overlap, the byte that came first stays.
 * An IPv6 datagram with an overlap is dropped with all its fragments (RFC 5722);
 * an exact copy of a fragment is not an overlap.
 *
 * Bounded in datagrams, in bytes and in time; the oldest goes first.  What is
 * given up is counted in FRAGMENTS_DROPPED, one per fragment.
 */
#ifndef SLUICE_STREAM_FRAGMENT_H
#define SLUICE_STREAM_FRAGMENT_H

#include "lib/counter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fragment_limits {
	size_t datagrams; /* incomplete ones at once */
	size_t bytes;	  /* their buffers together */
	size_t pieces;	  /* separate ranges of one datagram */
	uint64_t time;	  /* ns from first to last fragment */
};

#define FRAGMENT_LIMITS_DEFAULT                                                             \
	{                                                                                   \
		.datagrams = 1024, .bytes = 8u << 20, .pieces = 256, .time = 30000000000ull \
	}

/* What fragments of one datagram have in common.  Zero what is not used. */
struct fragment_key {
	uint8_t source[16];
	uint8_t destination[16];
	uint32_t id;
	uint16_t vlan[2];
	uint8_t family;
	uint8_t protocol; /* IPv4 only */
	uint8_t reserved[6];
};

struct fragment {
	struct fragment_key key;
	const uint8_t *p;
	size_t len;
	uint32_t offset; /* bytes */
	bool more;
	uint8_t next; /* protocol of the payload; the first fragment's counts */
	uint64_t time;
};

struct fragment_table;

/* counters are borrowed.  NULL when out of memory. */
struct fragment_table *fragment_table_new(const struct fragment_limits *limits,
					  struct counters *counters);
void fragment_table_free(struct fragment_table *t);

/*
 * Adds one fragment.  When it completes its datagram, returns its payload with
 * *len and *next set; it stays valid until fragment_recycle().  NULL otherwise.
 */
const uint8_t *fragment_add(struct fragment_table *t, const struct fragment *f, size_t *len,
			    uint8_t *next);
/* Frees the datagrams completed since the last call. */
void fragment_recycle(struct fragment_table *t);

#endif
