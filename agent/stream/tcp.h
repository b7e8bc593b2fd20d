/* SPDX-License-Identifier: MIT */
/*
 * TCP order: segments in any order in, one contiguous stream per direction out
 * (RFC 9293 §3.4 sequence arithmetic).
 *
 * The first copy of a byte wins; later ones are counted, and compared while the
 * first one waits.  Bytes behind a hole wait, bounded; the hole is given up (gap)
 * when the other end acknowledged past it and nothing closed it shortly after,
 * when the source says the bytes are lost, when the bound is reached, or at the end.
 *
 * Bytes that acknowledge others are delivered after those, and a reset ends the connection
 * after what was sent before it, however the capture has them; neither is waited for longer
 * than a hole is.
 *
 * Bytes that nobody wants (tcp_skip) may be left out by the source.  What is missing of them
 * becomes a gap as soon as anything shows that it was sent: bytes or an end behind it, or an
 * acknowledgment by the other end.
 *
 * A stream whose SYN was not seen begins at its first byte; a few segments are
 * held back at first, since captures show the first ones in any order.
 */
#ifndef SLUICE_STREAM_TCP_H
#define SLUICE_STREAM_TCP_H

#include "lib/counter.h"
#include "lib/sighting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_URG 0x20

struct tcp_segment {
	enum dir dir;
	uint8_t flags;
	uint32_t sequence;
	uint32_t acknowledgment; /* valid with TCP_ACK */
	uint16_t urgent;
	const uint8_t *payload;
	size_t len;	 /* bytes at payload */
	size_t wire_len; /* bytes on the wire; more than len: capture was cut */
	uint64_t time;
	bool lost_before; /* the source lost segments of this direction before this one */
};

/* What waits in all connections together. */
struct tcp_pool {
	size_t used;
	size_t max;
};

#define TCP_POOL_DEFAULT         \
	{                        \
		.max = 32u << 20 \
	}

/*
 * The window of a fast and distant sender has to fit: after a loss on the way
 * to us a whole window waits for the segment that is sent again.
 */
struct tcp_limits {
	size_t pending_bytes; /* waiting behind holes, per direction */
	size_t pending_segments;
	struct tcp_pool *pool; /* NULL: none */
};

#define TCP_LIMITS_DEFAULT                                          \
	{                                                           \
		.pending_bytes = 8u << 20, .pending_segments = 8192 \
	}

/* Where the ordered stream goes. */
struct tcp_sink {
	void (*data)(void *arg, enum dir dir, const uint8_t *p, size_t n, uint64_t time);
	void (*gap)(void *arg, enum dir dir, uint64_t n, uint64_t time);
	void (*eof)(void *arg, enum dir dir, uint64_t time);
	/*
	 * n bytes from that sequence number on are not wanted: asks the source to leave them
	 * out.  NULL: it cannot.
	 */
	void (*skip)(void *arg, enum dir dir, uint32_t sequence, uint64_t n);
};

enum tcp_end { TCP_OPEN, TCP_CLOSED_FIN, TCP_CLOSED_RST };

struct tcp;

/* limits and counters are borrowed.  NULL when out of memory. */
struct tcp *tcp_new(const struct tcp_limits *limits, struct counters *counters,
		    const struct tcp_sink *sink, void *arg);
/* Flushes nothing. */
void tcp_free(struct tcp *t);
/* Takes one segment; returns whether the connection ended with it. */
enum tcp_end tcp_segment(struct tcp *t, const struct tcp_segment *s);
/*
 * The n bytes behind those delivered are not wanted; UINT64_MAX: all up to the end of that
 * direction.  Those that come are delivered all the same.  Too few to be worth it are not
 * asked for, and of many a part at a time.
 */
void tcp_skip(struct tcp *t, enum dir dir, uint64_t n);
/* Gives up all holes and delivers what waits; before tcp_free() at a session's end. */
void tcp_flush(struct tcp *t, uint64_t time);

#endif
