// SPDX-License-Identifier: MIT
/*
 * QUIC (RFC 9000): known by the client's first datagram, named, and left alone.
 *
 * Every connection begins with an Initial packet: a long header, a known version, ids of
 * at most 20 bytes, in a datagram of at least 1200 bytes (§14.1, §17.2).
 */
#include "proto/proto.h"

#include "lib/cursor.h"

#define LONG_HEADER 0xc0 /* and the fixed bit; QUIC-GREASE (RFC 9287) comes later only */
#define INITIAL_MIN 1200
#define ID_MAX 20

/* Versions, and what the type of an Initial packet is in each (RFC 9369 §3.2). */
static bool is_initial(uint32_t version, uint8_t type)
{
	if (version == 0x6b3343cf)
		return type == 1;
	/* 1, drafts, and those that keep a server from relying on a list (§15). */
	if (version == 1 || (version >= 0xff00001d && version <= 0xff000022) ||
	    (version & 0x0f0f0f0f) == 0x0a0a0a0a)
		return type == 0;
	return false;
}

static enum probe quic_probe(enum dir dir, const uint8_t *p, size_t n)
{
	struct cursor c = cursor_of(p, n);
	uint8_t first = cursor_u8(&c), length;
	uint32_t version = cursor_be32(&c);

	if (dir != DIR_OPENER || n < INITIAL_MIN || (first & LONG_HEADER) != LONG_HEADER ||
	    !is_initial(version, first >> 4 & 3))
		return PROBE_NO;
	for (int i = 0; i < 2; i++) {
		length = cursor_u8(&c);
		if (length > ID_MAX || !cursor_skip(&c, length))
			return PROBE_NO;
	}
	return PROBE_YES;
}

static void *quic_open(struct proto_session *ps)
{
	counter_add(proto_session_env(ps)->counters, COUNTER_SESSIONS_QUIC, 1);
	return ps;
}

static void quic_datagram(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct session_note note = {.protocol = "quic", .client = dir};

	proto_session_note(state, &note, "quic", time);
	proto_session_done(state);
}

static void quic_close(void *state, enum file_reason reason, uint64_t time)
{
}

const struct proto_ops proto_quic = {
	.name = "quic",
	.probe_datagram = quic_probe,
	.open = quic_open,
	.datagram = quic_datagram,
	.close = quic_close,
};
