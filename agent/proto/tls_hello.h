/* SPDX-License-Identifier: MIT */
/*
 * ClientHello and ServerHello of TLS 1.0 to 1.3 (RFC 8446 §4.1, RFC 5246 §7.4.1): what they say
 * in the clear about whom the client wants.
 */
#ifndef SLUICE_PROTO_TLS_HELLO_H
#define SLUICE_PROTO_TLS_HELLO_H

#include "lib/sighting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_CLIENT_HELLO 1
#define TLS_SERVER_HELLO 2

struct tls_bytes {
	const uint8_t *p;
	size_t n;
};

struct tls_hello {
	/*
	 * The client's highest, the server's choice: of supported_versions (RFC 8446 §4.2.1),
	 * else of the old field.  0: none that is known.
	 */
	uint16_t version;
	struct tls_bytes server_name; /* host_name of RFC 6066 §3; p NULL: none */
	struct tls_bytes alpn;	      /* ProtocolNameList (RFC 7301 §3.1), its inside */
	bool ech;		      /* an outer hello of Encrypted Client Hello */
};

/*
 * n bytes of the message's body, behind its type and length.  False: it breaks off or
 * contradicts itself; what was said before that is there.
 */
bool tls_hello_read(uint8_t type, const uint8_t *p, size_t n, struct tls_hello *h);
/* The next name of a list, GREASE (RFC 8701) left out; false at its end. */
bool tls_alpn_next(struct tls_bytes *list, struct tls_bytes *name);

#endif
