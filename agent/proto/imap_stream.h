/* SPDX-License-Identifier: MIT */
/*
 * One direction of IMAP (RFC 9051 §4.3) in pieces: lines with literals in them.
 *
 *	* 1 FETCH (BODY[] {5}
 *	'----- text ------'    and then 5 bytes, and then the line goes on
 *
 * What is announced as a literal belongs to the line's text, or to who asks for its bytes;
 * in the text IMAP_STREAMED stands for it then.
 */
#ifndef SLUICE_PROTO_IMAP_STREAM_H
#define SLUICE_PROTO_IMAP_STREAM_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a line, small literals included: a structure of many parts is long. */
#define IMAP_TEXT_MAX (128u << 10)
#define IMAP_STREAMED "\1"

enum imap_event {
	IMAP_NOTHING,
	IMAP_LITERAL, /* one is announced: the caller says what becomes of it */
	IMAP_BYTES,   /* of a streamed literal: those that were used */
	IMAP_LINE,    /* whole, in text; imap_stream_next() before the next call */
};

enum imap_fate {
	IMAP_KEEP,   /* becomes part of the text */
	IMAP_STREAM, /* comes as IMAP_BYTES */
	IMAP_SKIP,
	IMAP_NO_LITERAL, /* it only looked like one: the line is whole */
};

struct imap_stream {
	struct buf text;
	bool cut;	    /* the text is not all of it */
	uint64_t literal;   /* its size, then what is left of it */
	bool synchronizing; /* the client waits before it sends it */
	bool in_literal;
	enum imap_fate fate;
	uint8_t tail[32]; /* the line's last bytes, whatever was cut */
	size_t tail_len;
};

void imap_stream_init(struct imap_stream *s);
void imap_stream_free(struct imap_stream *s);
/* Takes bytes up to the next event and says how many; with IMAP_BYTES these are the literal's.
 */
size_t imap_stream_add(struct imap_stream *s, const uint8_t *p, size_t n,
		       enum imap_event *event);
/* After IMAP_LITERAL. Of no size it is over at once, and brings no IMAP_BYTES. */
void imap_stream_literal(struct imap_stream *s, enum imap_fate fate);
/* n bytes are missing: how many of these were of the literal; the line is forgotten else. */
uint64_t imap_stream_gap(struct imap_stream *s, uint64_t n);
void imap_stream_next(struct imap_stream *s);

#endif
