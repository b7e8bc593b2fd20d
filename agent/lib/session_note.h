/* SPDX-License-Identifier: MIT */
/*
 * A session without a file that could be seen, but with a name: TLS and QUIC.
 *
 * It goes from an inspector to the supervisor, which writes it to the local session log.  It
 * leaves the host in no other way.
 */
#ifndef SLUICE_LIB_SESSION_NOTE_H
#define SLUICE_LIB_SESSION_NOTE_H

#include "lib/msg.h"
#include "lib/sighting.h"

#include <stdbool.h>
#include <stdint.h>

/* One name of ALPN (RFC 7301 §3.1) and all that a client offers. */
#define SESSION_ALPN_MAX 256
#define SESSION_OFFERS_MAX 1024
#define SESSION_NAME_MAX 64
#define SESSION_HOST_MAX 256

struct session_note {
	struct session_info session;
	uint64_t time;	  /* of the packet that told it, ns */
	enum dir client;  /* of TLS: an FTP server may open a connection and answer on it */
	uint16_t version; /* both agreed on, as on the wire (0x0303 is TLS 1.2); 0: not seen */
	uint16_t offered; /* the client's highest; 0: not seen */
	bool ech;	  /* Encrypted Client Hello: server_name is the provider's public one */
	char application[SESSION_NAME_MAX];
	char protocol[SESSION_NAME_MAX]; /* "tls", "quic" */
	char carrier[SESSION_NAME_MAX];	 /* what it began as, "smtp"; "": itself */
	char server_name[SESSION_HOST_MAX];
	char alpn[SESSION_ALPN_MAX]; /* what the server chose, where it says so in the clear */
	char offers[SESSION_OFFERS_MAX]; /* ALPN names, with SIGHTING_LIST_SEPARATOR between */
};

/* A MSG_SESSION; false when it does not fit. */
bool session_note_encode(const struct session_note *n, struct msg *m);
/* Checks everything; false: refuse it. */
bool session_note_decode(struct session_note *n, const struct msg_view *v);

#endif
