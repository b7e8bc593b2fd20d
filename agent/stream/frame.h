/* SPDX-License-Identifier: MIT */
/*
 * One captured frame in, the TCP segment or UDP datagram it carries out.
 *
 * The frame is peeled layer by layer, through VLAN tags, PPPoE, MPLS and the
 * common tunnels down to the innermost IP packet; IP fragments are put
 * together on the way.  Addresses are those of the innermost packet.
 *
 * Checksums are not looked at: a capture on the sending host has none yet.
 */
#ifndef SLUICE_STREAM_FRAME_H
#define SLUICE_STREAM_FRAME_H

#include "lib/counter.h"
#include "lib/inet.h"
#include "stream/tcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One UDP datagram (RFC 768), cut where the capture was. */
struct datagram {
	const uint8_t *payload;
	size_t len;	 /* bytes at payload */
	size_t wire_len; /* bytes on the wire */
	uint64_t time;
};

struct frame {
	struct endpoint source;
	struct endpoint destination;
	uint8_t protocol;	/* IPPROTO_TCP with FRAME_TCP, IPPROTO_UDP with FRAME_UDP */
	uint16_t vlan[2];	/* outermost ids that are not 0; 0: none */
	struct tcp_segment tcp; /* FRAME_TCP; dir and lost_before are the caller's */
	struct datagram udp;	/* FRAME_UDP */
};

enum frame_result {
	FRAME_TCP,   /* a TCP segment */
	FRAME_UDP,   /* a datagram, of no tunnel that was opened */
	FRAME_OTHER, /* sound, but neither, or a fragment that waits for others */
	FRAME_BAD,   /* of no known kind, cut short or malformed */
};

struct frame_decoder;

/* counters are borrowed.  NULL when out of memory. */
struct frame_decoder *frame_decoder_new(struct counters *counters);
void frame_decoder_free(struct frame_decoder *d);

/* Whether frames of that link type (libpcap's DLT_ number) can be decoded. */
bool frame_link_known(int link);

/*
 * Decodes len captured bytes of a frame that had wire_len, seen at time (ns).
 * The payload in *f points into p or into the decoder, and is valid until the
 * next call.
 */
enum frame_result frame_decode(struct frame_decoder *d, int link, const uint8_t *p, size_t len,
			       size_t wire_len, uint64_t time, struct frame *f);

#endif
