// SPDX-License-Identifier: MIT
/*
 * NFS 2 to 4.2 (RFC 1094, 1813, 7530, 8881, 7862) over TCP and UDP: sessions and detection.
 */
#include "proto/nfs.h"

#include <stdlib.h>

#define MARK_SIZE 4

/* ---------------------------------------------------------------------- detection */

static uint32_t mark_of(const uint8_t *p)
{
	struct cursor c = cursor_of(p, MARK_SIZE);

	return cursor_be32(&c) & 0x7fffffff;
}

/* What stands at the beginning of a stream. */
static enum probe begins(const struct proto_head *h,
			 enum probe (*is)(const uint8_t *p, size_t n))
{
	uint32_t length;

	if (h->n && (uint32_t)(h->p[0] & 0x7f) << 24 > NFS_RECORD_MAX)
		return PROBE_NO;
	if (h->n < MARK_SIZE)
		return h->whole ? PROBE_NO : PROBE_MORE;
	length = mark_of(h->p);
	if (length < 24 || length > NFS_RECORD_MAX)
		return PROBE_NO;
	switch (is(h->p + MARK_SIZE, h->n - MARK_SIZE)) {
	case PROBE_YES:
		return PROBE_YES;
	case PROBE_MORE:
		return h->whole ? PROBE_NO : PROBE_MORE;
	default:
		return PROBE_NO;
	}
}

/* A stream that was joined within a record: a call stands somewhere. */
static bool has_call(const struct proto_head *h)
{
	for (size_t i = 0; i + MARK_SIZE + 24 <= h->n; i++) {
		uint32_t length = mark_of(h->p + i);

		if (length >= 24 && length <= NFS_RECORD_MAX &&
		    nfs_is_call(h->p + i + MARK_SIZE, h->n - i - MARK_SIZE) == PROBE_YES)
			return true;
	}
	return false;
}

static enum probe nfs_probe(const struct proto_head head[DIR_COUNT])
{
	enum probe call[DIR_COUNT], reply[DIR_COUNT];

	for (int d = 0; d < DIR_COUNT; d++) {
		call[d] = begins(&head[d], nfs_is_call);
		if (call[d] == PROBE_YES)
			return PROBE_YES;
		reply[d] = begins(&head[d], nfs_is_reply);
	}
	for (int d = 0; d < DIR_COUNT; d++) {
		const struct proto_head *other = &head[dir_other(d)];

		if (reply[d] != PROBE_YES)
			continue;
		if (has_call(other))
			return PROBE_YES;
		if (!other->whole)
			return PROBE_MORE;
	}
	if (!head[DIR_OPENER].n || !head[DIR_ANSWERER].n) {
		/* Of one that has not spoken nothing is known. */
		int d = head[DIR_OPENER].n ? DIR_OPENER : DIR_ANSWERER;

		return call[d] == PROBE_MORE || reply[d] == PROBE_MORE ? PROBE_MORE : PROBE_NO;
	}
	for (int d = 0; d < DIR_COUNT; d++) {
		enum dir other = dir_other(d);

		if ((call[d] == PROBE_MORE && reply[other] != PROBE_NO) ||
		    (reply[d] == PROBE_MORE && call[other] != PROBE_NO))
			return PROBE_MORE;
	}
	return PROBE_NO;
}

static enum probe nfs_probe_datagram(enum dir dir, const uint8_t *p, size_t n)
{
	(void)dir;
	if (n < 24)
		return PROBE_NO;
	if (nfs_is_call(p, n) == PROBE_YES)
		return PROBE_YES;
	return nfs_is_reply(p, n) == PROBE_YES ? PROBE_MORE : PROBE_NO;
}

/* ----------------------------------------------------------------------- sessions */

static void *nfs_open(struct proto_session *ps)
{
	struct nfs_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ps = ps;
	s->calls = table_new(offsetof(struct nfs_call, xid), sizeof(uint32_t), SIZE_MAX);
	if (!s->calls) {
		free(s);
		return NULL;
	}
	for (int d = 0; d < DIR_COUNT; d++)
		nfs_stream_init(s, d);
	return s;
}

/* False: there is no memory for what is known of files, so nothing can be done. */
static bool enter(struct nfs_session *s, uint64_t time)
{
	s->time = time;
	s->files = nfs_files_find(proto_session_env(s->ps), time);
	if (!s->files) {
		proto_session_done(s->ps);
		return false;
	}
	/* First what puts files in doubt. */
	nfs_early_expire(s, false);
	nfs_files_expire(s->files, time);
	return true;
}

static void nfs_datagram(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct nfs_session *s = state;

	if (enter(s, time))
		nfs_record(s, dir, p, n);
}

static void nfs_data(void *state, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct nfs_session *s = state;

	if (enter(s, time))
		nfs_stream_data(s, dir, p, n);
}

static void nfs_gap(void *state, enum dir dir, uint64_t n, uint64_t time)
{
	struct nfs_session *s = state;

	if (enter(s, time))
		nfs_stream_gap(s, dir, n);
}

/* Files outlive their session. */
static void nfs_eof(void *state, enum dir dir, uint64_t time)
{
	(void)state;
	(void)dir;
	(void)time;
}

static void nfs_done(void *state, enum file_reason reason, uint64_t time)
{
	struct nfs_session *s = state;

	(void)reason;
	/* At its last word: by now all may be forgotten for not being asked for. */
	s->files = nfs_files_find(proto_session_env(s->ps), s->time);
	for (int d = 0; d < DIR_COUNT; d++)
		nfs_stream_free(s, d);
	if (s->files)
		nfs_early_expire(s, true);
	if (s->files && s->has_client)
		nfs_session_end(s->files, &s->peer, time);
	nfs_calls_free(s);
	free(s);
}

const struct proto_ops proto_nfs = {
	.name = "nfs",
	.probe = nfs_probe,
	.probe_datagram = nfs_probe_datagram,
	.open = nfs_open,
	.datagram = nfs_datagram,
	.data = nfs_data,
	.gap = nfs_gap,
	.eof = nfs_eof,
	.close = nfs_done,
};
