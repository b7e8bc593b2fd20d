// SPDX-License-Identifier: MIT
/*
 * TLS (RFC 8446 §5.1): nobody can read it.  Its two hellos say in the clear who talks about
 * what; then the session is left alone.
 *
 * A hello may be spread over records, and those over segments.  What is no record of a
 * handshake, a hole, or too much of either ends the wait for that side's hello: an alert for
 * one is all that some servers say.
 */
#include "proto/proto.h"
#include "proto/tls_hello.h"

#include "lib/buf.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_HEADER 5
#define RECORD_MAX (16384 + 2048) /* RFC 5246 §6.2.3 */
#define HANDSHAKE 22
#define RECORD_FIRST 20 /* types of records: no text begins like them */
#define RECORD_LAST 24
#define MESSAGE_HEADER 4
#define MESSAGE_MAX (32u << 10) /* of a hello; large ones have a few keys of 1 to 2 KiB */
/* Bytes of a direction before its hello is given up: records may be empty. */
#define WAIT_MAX (64u << 10)
/* Of a line before the first record: the answer to STARTTLS. */
#define LINE_MAX_BYTES 1024

/* One direction. */
struct half {
	uint8_t header[RECORD_HEADER]; /* of the record */
	size_t headed;		       /* bytes of it that are there */
	size_t left;		       /* bytes of the record that are to come */
	struct buf message;
	size_t seen;
	bool begun; /* records have begun */
	bool over;  /* its hello is there, or will not be */
	bool said;  /* hello is one of type */
	uint8_t type;
	struct tls_hello hello; /* points into message */
};

struct tls {
	struct proto_session *ps;
	bool starttls;
	bool told;
	struct half half[DIR_COUNT];
};

/* ------------------------------------------------------------------ detection */

/* A record of the handshake, of version 3.x, and what begins one: a hello. */
static enum probe hello(const struct proto_head *h, uint8_t type)
{
	static const uint8_t begin[] = {HANDSHAKE, 3};
	size_t length;

	for (size_t i = 0; i < sizeof(begin) && i < h->n; i++)
		if (h->p[i] != begin[i])
			return PROBE_NO;
	if (h->n <= RECORD_HEADER)
		return h->whole ? PROBE_NO : PROBE_MORE;
	length = (size_t)h->p[3] << 8 | h->p[4];
	return h->p[2] <= 4 && length >= 1 && length <= RECORD_MAX && h->p[5] == type
		       ? PROBE_YES
		       : PROBE_NO;
}

static enum probe tls_probe(const struct proto_head head[DIR_COUNT])
{
	const struct proto_head *answerer = &head[DIR_ANSWERER];
	enum probe r = hello(&head[DIR_OPENER], TLS_CLIENT_HELLO);

	if (r == PROBE_YES || !answerer->n)
		return r;
	/* An FTP server opens a connection and is TLS's server on it. */
	if (hello(answerer, TLS_CLIENT_HELLO) == PROBE_YES)
		return PROBE_YES;
	/* And the client's hello may not have come by. */
	return r == PROBE_NO ? hello(answerer, TLS_SERVER_HELLO) : r;
}

/* -------------------------------------------------------------------- records */

static void give_up(struct half *h)
{
	h->over = true;
}

/* The message's bytes; its hello is read when all are there. */
static void message_bytes(struct half *h, const uint8_t *p, size_t n)
{
	size_t length;

	if (!buf_add(&h->message, p, n)) {
		give_up(h);
		return;
	}
	if (h->message.len < MESSAGE_HEADER)
		return;
	p = h->message.data;
	length = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	h->type = p[0];
	if ((h->type != TLS_CLIENT_HELLO && h->type != TLS_SERVER_HELLO) ||
	    length > MESSAGE_MAX - MESSAGE_HEADER) {
		give_up(h);
		return;
	}
	if (h->message.len < MESSAGE_HEADER + length)
		return;
	tls_hello_read(h->type, p + MESSAGE_HEADER, length, &h->hello);
	h->said = true;
	h->over = true;
}

/* A part of the message that fits, of what the record still has. */
static size_t record_bytes(struct half *h, const uint8_t *p, size_t n)
{
	size_t room = MESSAGE_MAX - h->message.len, take = n < h->left ? n : h->left;

	message_bytes(h, p, take < room ? take : room);
	if (take > room)
		give_up(h);
	h->left -= take;
	return take;
}

static size_t header_bytes(struct half *h, const uint8_t *p, size_t n)
{
	size_t take = RECORD_HEADER - h->headed;

	if (take > n)
		take = n;
	memcpy(h->header + h->headed, p, take);
	h->headed += take;
	if (h->header[0] != HANDSHAKE || (h->headed > 1 && h->header[1] != 3))
		give_up(h);
	if (h->headed < RECORD_HEADER)
		return take;
	h->headed = 0;
	h->left = (size_t)h->header[3] << 8 | h->header[4];
	if (h->left > RECORD_MAX)
		give_up(h);
	return take;
}

/* Where both agreed on TLS in words, the last of them may come here. */
static size_t line_bytes(struct half *h, const uint8_t *p, size_t n)
{
	const uint8_t *end = memchr(p, '\n', n);

	if ((*p >= RECORD_FIRST && *p <= RECORD_LAST) || h->seen > LINE_MAX_BYTES) {
		h->begun = true;
		return 0;
	}
	return end ? (size_t)(end - p) + 1 : n;
}

static void half_bytes(struct half *h, bool starttls, const uint8_t *p, size_t n)
{
	while (n && !h->over) {
		size_t used;

		if (!h->begun && starttls)
			used = line_bytes(h, p, n);
		else if (h->left)
			used = record_bytes(h, p, n);
		else
			used = header_bytes(h, p, n);
		h->seen += used;
		p += used;
		n -= used;
	}
	if (h->seen > WAIT_MAX)
		give_up(h);
	/* Also behind the hello: the other side may be one that never comes by. */
	h->seen += n;
}

/* --------------------------------------------------------------------- naming */

/* A name of DNS or something like it; others are left out of the log. */
static void copy_name(char *to, size_t room, struct tls_bytes name)
{
	if (!name.p || name.n >= room)
		return;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] == 0x7f)
			return;
	memcpy(to, name.p, name.n);
	to[name.n] = '\0';
}

static void copy_offers(char *to, size_t room, struct tls_bytes list)
{
	char one[SESSION_ALPN_MAX];
	struct tls_bytes name;
	size_t n = 0, length;

	while (tls_alpn_next(&list, &name)) {
		one[0] = '\0';
		copy_name(one, sizeof(one), name);
		length = strlen(one);
		if (!length || n + length + 2 > room)
			continue;
		if (n)
			to[n++] = SIGHTING_LIST_SEPARATOR;
		memcpy(to + n, one, length + 1);
		n += length;
	}
}

static void tell(struct tls *t, uint64_t time)
{
	struct session_note note = {.protocol = "tls"};
	struct tls_bytes list, name;

	if (t->told)
		return;
	t->told = true;
	for (int d = 0; d < DIR_COUNT; d++) {
		const struct half *h = &t->half[d];

		if (h->said && h->type == TLS_CLIENT_HELLO) {
			note.client = d;
			note.offered = h->hello.version;
			note.ech = h->hello.ech;
			copy_name(note.server_name, sizeof(note.server_name),
				  h->hello.server_name);
			copy_offers(note.offers, sizeof(note.offers), h->hello.alpn);
		} else if (h->said) {
			note.client = dir_other(d);
			note.version = h->hello.version;
			list = h->hello.alpn;
			if (tls_alpn_next(&list, &name))
				copy_name(note.alpn, sizeof(note.alpn), name);
		}
	}
	if (note.server_name[0])
		counter_add(proto_session_env(t->ps)->counters, COUNTER_SESSIONS_TLS_NAMED, 1);
	proto_session_note(t->ps, &note, "ssl", time);
}

static void settle(struct tls *t, uint64_t time)
{
	const struct half *a = &t->half[DIR_OPENER], *b = &t->half[DIR_ANSWERER];

	if (!(a->over && b->over) && !(a->over && a->seen > WAIT_MAX) &&
	    !(b->over && b->seen > WAIT_MAX))
		return;
	tell(t, time);
	proto_session_done(t->ps);
}

/* ------------------------------------------------------------------ interface */

static void *tls_open(struct proto_session *ps)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->ps = ps;
	proto_session_carrier(ps, &t->starttls);
	if (!t->starttls)
		counter_add(proto_session_env(ps)->counters, COUNTER_SESSIONS_TLS, 1);
	for (int d = 0; d < DIR_COUNT; d++)
		buf_init(&t->half[d].message, MESSAGE_MAX);
	return t;
}

static void tls_data(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct tls *t = state;

	half_bytes(&t->half[dir], t->starttls, p, n);
	settle(t, time);
}

static void tls_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct tls *t = state;

	give_up(&t->half[dir]);
	t->half[dir].seen += n < WAIT_MAX ? (size_t)n : WAIT_MAX;
	settle(t, time);
}

static void tls_eof(void *state, enum dir dir, uint64_t time)
{
	struct tls *t = state;

	give_up(&t->half[dir]);
	settle(t, time);
}

static void tls_close(void *state, enum file_reason reason, uint64_t time)
{
	struct tls *t = state;

	tell(t, time);
	for (int d = 0; d < DIR_COUNT; d++)
		buf_free(&t->half[d].message);
	free(t);
}

const struct proto_ops proto_tls = {
	.name = "tls",
	.probe = tls_probe,
	.open = tls_open,
	.data = tls_data,
	.gap = tls_gap,
	.eof = tls_eof,
	.close = tls_close,
};
