/* SPDX-License-Identifier: MIT */
/*
 * The sessions of one source: each has its protocol parser, and its TCP order where
 * it is one of TCP.
 *
 * Sessions of a capture file are found by protocol, addresses, ports and VLAN ids, begin
 * with their first packet and end by FIN, RST, packet time or eviction.  Those
 * of the ring are found by the kernel's number, and the kernel says when they
 * begin and end; the limits here only bound what a lost record leaves behind.
 */
#ifndef SLUICE_STREAM_TRACKER_H
#define SLUICE_STREAM_TRACKER_H

#include "lib/counter.h"
#include "lib/sighting.h"
#include "proto/proto.h"
#include "stream/frame.h"
#include "stream/tcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tracker_source { TRACKER_CAPTURE, TRACKER_RING };

/* Each protocol has its own, so that a flood of one does not cost the other anything. */
struct tracker_limits {
	size_t sessions; /* of TCP */
	uint64_t idle;	 /* ns without a packet */
	size_t udp_sessions;
	uint64_t udp_idle;
};

#define TRACKER_CAPTURE_LIMITS                                                     \
	{                                                                          \
		.sessions = 65536, .idle = 300000000000ull, .udp_sessions = 32768, \
		.udp_idle = 60000000000ull                                         \
	}
/* The kernel ends idle sessions itself, after 300 s and 60 s unless set otherwise. */
#define TRACKER_RING_LIMITS                                                         \
	{                                                                           \
		.sessions = 131072, .idle = 900000000000ull, .udp_sessions = 65536, \
		.udp_idle = 900000000000ull                                         \
	}

struct tracker;

/* env and its counters are borrowed.  NULL when out of memory. */
struct tracker *tracker_new(enum tracker_source source, const struct tracker_limits *limits,
			    struct proto_env *env);
/* Ends what is left as tracker_finish() does. */
void tracker_free(struct tracker *t);

/* Capture file: one decoded frame. */
void tracker_frame(struct tracker *t, const struct frame *f);

/* Ring: a session begins.  False: that number is in use. */
bool tracker_begin(struct tracker *t, const struct session_info *info);
/* Ring: one segment of a session of TCP; ignored and counted when there is none. */
void tracker_segment(struct tracker *t, uint64_t session, const struct tcp_segment *s);
/* Ring: one whole datagram of a session of UDP; the same. */
void tracker_datagram(struct tracker *t, uint64_t session, enum dir dir, const uint8_t *p,
		      size_t n, uint64_t time);
/* Ring: a session ended; reason as in proto_session_free(). */
void tracker_end(struct tracker *t, uint64_t session, enum file_reason reason, uint64_t time);

/* Ends the sessions that were idle too long at that time. */
void tracker_expire(struct tracker *t, uint64_t now);
/* Ends all with TIMEOUT: the source has no more. */
void tracker_finish(struct tracker *t);

#endif
