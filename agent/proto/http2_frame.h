/* SPDX-License-Identifier: MIT */
/*
 * The frames of one direction of HTTP/2 (RFC 9113 §4, §6), pushed in pieces of any size.
 *
 * Nothing of a frame is kept but its header; padding and priority are taken off. A
 * reader that lost its place, or never had one, finds it again where three frames
 * in a row make sense.
 */
#ifndef SLUICE_PROTO_HTTP2_FRAME_H
#define SLUICE_PROTO_HTTP2_FRAME_H

#include "lib/buf.h"
#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum h2_type {
	H2_DATA,
	H2_HEADERS,
	H2_PRIORITY,
	H2_RST_STREAM,
	H2_SETTINGS,
	H2_PUSH_PROMISE,
	H2_PING,
	H2_GOAWAY,
	H2_WINDOW_UPDATE,
	H2_CONTINUATION,
};

#define H2_END_STREAM 0x01
#define H2_ACK 0x01
#define H2_END_HEADERS 0x04
#define H2_PADDED 0x08
#define H2_PRIORITY_FLAG 0x20

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define H2_PREFACE_SIZE (sizeof(H2_PREFACE) - 1)
#define H2_PREFACE_LINE 16
#define H2_HEADER_SIZE 9

struct h2_frame {
	uint32_t length; /* of the payload */
	uint8_t type;
	uint8_t flags;
	uint32_t stream;
};

struct h2_frame_ops {
	void (*begin)(void *arg, const struct h2_frame *f);
	/* The next n bytes of its content; p NULL: they did not come by. */
	void (*data)(void *arg, const struct h2_frame *f, const uint8_t *p, size_t n);
	void (*end)(void *arg, const struct h2_frame *f);
	/* Frames are missing, also one that had begun; how many nobody knows. */
	void (*lost)(void *arg);
};

enum h2_reader_state {
	H2_START,
	H2_IN_PREFACE,
	H2_IN_HEADER,
	H2_IN_PAYLOAD,
	H2_SEEKING,
};

struct h2_reader {
	const struct h2_frame_ops *ops;
	void *arg;
	enum h2_reader_state state;
	uint8_t head[H2_HEADER_SIZE]; /* the first bytes of a frame, or of all */
	size_t have;		      /* bytes in it, or of the preface */
	struct h2_frame frame;
	uint32_t left;	 /* bytes of its payload that are still to come */
	uint32_t before; /* of these, before the content */
	uint32_t behind; /* of these, padding */
	bool padded;	 /* how much of it is the next byte */
	struct buf seek; /* where a frame may begin, while more is needed to tell */
};

void h2_reader_init(struct h2_reader *r, const struct h2_frame_ops *ops, void *arg);
void h2_reader_free(struct h2_reader *r);
/* Its first bytes are no beginning. */
void h2_reader_midstream(struct h2_reader *r);
void h2_reader_data(struct h2_reader *r, const uint8_t *p, size_t n);
void h2_reader_gap(struct h2_reader *r, uint64_t n);

/*
 * proto_ops.probe: a client's preface, a server's SETTINGS, or frames seen from the
 * middle of a connection.
 */
enum probe h2_probe(const struct proto_head head[DIR_COUNT]);

#endif
