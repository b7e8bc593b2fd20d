/* SPDX-License-Identifier: MIT */
/*
 * Requests and answers of HTTP/1 as libhtp finds them; only http1.c uses this.
 */
#ifndef SLUICE_PROTO_HTTP1_EXCHANGE_H
#define SLUICE_PROTO_HTTP1_EXCHANGE_H

#include "proto/http.h"
#include "proto/http1.h"
#include "proto/proto.h"

#include "lib/buf.h"

#include <htp/htp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message {
	struct body *body;
	bool ended;
	enum file_reason unsure; /* why it is no sample though its end is seen; NONE: it is */
	bool judged, clear;	 /* the announced length, once its header is there */
	bool chunked;		 /* as the header says */
	bool apart;		 /* more came after the header, and no body yet */
	uint64_t seen;		 /* bytes of body, transfer coding undone */
};

struct exchange {
	struct http1 *http;
	htp_tx_t *tx;
	struct exchange *next, *prev;
	bool requested; /* the request was seen */
	struct message message[HTTP_SIDES];
};

struct http1 {
	struct proto_session *ps;
	htp_connp_t *connp;
	enum dir client;
	struct exchange *exchanges;
	size_t open;  /* exchanges */
	size_t begun; /* since connp is new */
	uint64_t time;
	bool in_gap;	   /* what libhtp passes on now is a hole */
	bool holes;	   /* something was lost, of either side: see on_response_start() */
	bool flushing;	   /* what libhtp passes on now was never received */
	struct text given; /* what libhtp is reading now */
	/* Asked for another protocol: what the client says next may be of that one. */
	struct exchange *upgrade;
	/* Bytes it said behind that request at once: libhtp read them, and they are held. */
	size_t upgrade_at;	 /* where they begin in `given` */
	size_t ahead;		 /* of held */
	struct exchange *tunnel; /* was granted it: what follows is not HTTP/1 */
	bool handed;
	bool eof[HTTP_SIDES];
	bool spoke[HTTP_SIDES];
	/*
	 * After a hole or an error no message of that side is understood until
	 * something looks like the beginning of one.  libhtp's state is
	 * then broken, and must be replaced before that side is heard again.
	 */
	bool lost[HTTP_SIDES];
	bool broken;
	struct buf held[HTTP_SIDES];
	/* The beginning of a header that is not whole yet: see give_head(). */
	struct buf head[HTTP_SIDES];
	/* Its answer ends with the connection, and libhtp does not want it: see open_ended().
	 */
	struct exchange *rest;
};

/* libhtp's configuration, with what makes exchanges of its calls; NULL: out of memory. */
htp_cfg_t *http1_config_new(void);

/* Value of a field, repeated ones joined by libhtp; p is NULL when absent. */
struct text http1_field(htp_table_t *headers, const char *name);
struct http_exchange http1_heads(const struct exchange *e);

/* That of a transaction, made where there is none yet; NULL: out of memory. */
struct exchange *http1_exchange_of(htp_tx_t *tx);
/* Ends its messages with that reason. */
void http1_exchange_free(struct exchange *e, enum file_reason reason);

/* Body bytes, or a hole in them. */
void http1_message_data(struct exchange *e, enum http_side side, const uint8_t *p, size_t n);
/* Bytes that are left of its body; UINT64_MAX: that is not known. */
uint64_t http1_message_left(struct exchange *e, enum http_side side);
/* Bytes that are left of a body nobody wants; UINT64_MAX: up to the end of the connection. */
uint64_t http1_message_unwanted(struct exchange *e, enum http_side side);
/* libhtp has seen the end of a message, or of its connection. */
void http1_message_complete(struct exchange *e, enum http_side side);
/* NONE: its end was seen. */
void http1_message_end(struct exchange *e, enum http_side side, enum file_reason reason);

#endif
