// SPDX-License-Identifier: MIT
/*
 * TLS (RFC 8446 §5.1): nobody can read it, so it is known early and left alone.
 */
#include "proto/proto.h"

#define RECORD_HEADER 5
#define RECORD_MAX (16384 + 2048) /* RFC 5246 §6.2.3 */
#define HANDSHAKE 22

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
	return h->p[2] <= 4 && length >= 4 && length <= RECORD_MAX && h->p[5] == type
		       ? PROBE_YES
		       : PROBE_NO;
}

static enum probe tls_probe(const struct proto_head head[DIR_COUNT])
{
	enum probe client = hello(&head[DIR_OPENER], 1);

	if (client != PROBE_NO)
		return client;
	/* Seen from its middle the opener may be the server. */
	return head[DIR_ANSWERER].n ? hello(&head[DIR_ANSWERER], head[DIR_OPENER].n ? 2 : 1)
				    : PROBE_NO;
}

static void *tls_open(struct proto_session *ps)
{
	counter_add(proto_session_env(ps)->counters, COUNTER_SESSIONS_TLS, 1);
	proto_session_done(ps);
	return ps;
}

static void tls_data(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
}

static void tls_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
}

static void tls_eof(void *state, enum dir dir, uint64_t time)
{
}

static void tls_close(void *state, enum file_reason reason, uint64_t time)
{
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
