// SPDX-License-Identifier: MIT
/*
 * Records in a stream (RFC 5531 §11), and the steps a message is read in.
 *
 * A record is a message in fragments, each after a word with its length and, in the highest
 * bit, whether it is the last.  A hole inside a fragment is bridged, since its length is
 * known; after any other, records are looked for by what a call or reply begins with.
 */
#include "proto/nfs.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define MARK_LAST 0x80000000u
#define MARK_SIZE 4
/* A mark, and what a call or reply is told by. */
#define LOOK_SIZE 32
#define FRAGMENT_MIN 24
/* A piece of a message that is read at once. */
#define PIECE 4096
#define RETRY_FIRST 64
/* Replies that came before their call. */
#define EARLY_SIZE_MAX (256u << 10)
/* ns that they wait for it */
#define EARLY_TIME 2000000000ull
/* Streams that make no sense so often are something else. */
#define ERRORS_MAX 32

/* ---------------------------------------------------------------------- looking */

static uint32_t word(const uint8_t *p, size_t i)
{
	uint32_t v;

	memcpy(&v, p + 4 * i, sizeof(v));
	return be32toh(v);
}

/* xid, CALL, RPC version 2, NFS, version 2 to 4, procedure */
enum probe nfs_is_call(const uint8_t *p, size_t n)
{
	static const uint32_t last_procedure[] = {[2] = 17, [3] = 21, [4] = 1};

	if ((n >= 8 && word(p, 1) != 0) || (n >= 12 && word(p, 2) != 2) ||
	    (n >= 16 && word(p, 3) != 100003) ||
	    (n >= 20 && (word(p, 4) < 2 || word(p, 4) > 4)))
		return PROBE_NO;
	if (n < 24)
		return PROBE_MORE;
	return word(p, 5) <= last_procedure[word(p, 4)] ? PROBE_YES : PROBE_NO;
}

/* xid, REPLY, accepted or denied, and the verifier of what was accepted */
enum probe nfs_is_reply(const uint8_t *p, size_t n)
{
	if ((n >= 8 && word(p, 1) != 1) || (n >= 12 && word(p, 2) > 1))
		return PROBE_NO;
	if (n < 20)
		return PROBE_MORE;
	if (word(p, 2) == 0 && (word(p, 3) > 7 || word(p, 4) > 400))
		return PROBE_NO;
	return PROBE_YES;
}

/* ---------------------------------------------------------------------- messages */

static void message_reset(struct nfs_message *m, enum dir dir)
{
	struct buf head = m->head;

	*m = (struct nfs_message){.dir = dir, .head = head, .retry = RETRY_FIRST};
	if (m->head.room > NFS_STEP_MAX)
		buf_free(&m->head);
	m->head.max = NFS_STEP_MAX;
	buf_reset(&m->head);
	m->step = nfs_step_rpc;
}

/* That reply's call was never seen; it may have been a WRITE. */
static void reply_of_none(struct nfs_session *s)
{
	if (s->has_client)
		nfs_doubt(s->files, &s->peer);
}

static void early_drop(struct nfs_session *s, struct nfs_early *e)
{
	if (!e->record.len)
		return;
	s->early_size -= e->record.len;
	buf_free(&e->record);
	reply_of_none(s);
}

void nfs_early_expire(struct nfs_session *s, bool all)
{
	for (size_t i = 0; s->early_size && i < NFS_EARLY_MAX; i++) {
		struct nfs_early *e = &s->early[i];

		if (all || (s->time > e->time && s->time - e->time > EARLY_TIME))
			early_drop(s, e);
	}
}

static void early_keep(struct nfs_session *s, struct nfs_message *m)
{
	struct nfs_early *e;

	do {
		e = &s->early[s->early_next];
		s->early_next = (s->early_next + 1) % NFS_EARLY_MAX;
		early_drop(s, e);
	} while (s->early_size + m->head.len > EARLY_SIZE_MAX && s->early_size);
	e->xid = word(m->head.data, 0);
	e->time = s->time;
	e->moment = nfs_moment(s->files);
	e->record = m->head;
	s->early_size += e->record.len;
	buf_init(&m->head, NFS_STEP_MAX);
}

/* whole: its last byte came. */
static void message_end(struct nfs_session *s, struct nfs_message *m, bool whole)
{
	if (!m->begun)
		return;
	if (m->held && whole && m->head.len >= 8)
		early_keep(s, m);
	else if (m->held)
		reply_of_none(s);
	else if (m->call && m->is_call)
		nfs_call_wait(s, m->call);
	else if (m->call)
		nfs_call_done(s, m->call);
	message_reset(m, m->dir);
}

const struct nfs_peer *nfs_peer_of(struct nfs_session *s, const struct nfs_message *m)
{
	s->peer.has_uid = m->call->has_uid;
	s->peer.uid = m->call->uid;
	return &s->peer;
}

static void payload(struct nfs_session *s, struct nfs_message *m, const uint8_t *p, size_t n)
{
	if (m->wanted && m->upload)
		nfs_write_data(s->files, &m->range, m->at, p, n, s->time);
	else if (m->wanted)
		nfs_read_data(s->files, nfs_peer_of(s, m), &m->range, m->at, p, n, s->time);
	m->at += n;
	m->left -= (uint32_t)n;
}

static void payload_gap(struct nfs_session *s, struct nfs_message *m, size_t n)
{
	if (m->wanted && m->upload)
		nfs_write_gap(s->files, &m->range, m->at, n);
	else if (m->wanted)
		nfs_read_gap(s->files, nfs_peer_of(s, m), &m->range, m->at, n, s->time);
	m->at += n;
	m->left -= (uint32_t)n;
}

static void payload_end(struct nfs_session *s, struct nfs_message *m)
{
	void (*after)(struct nfs_session * s, struct nfs_message * m) = m->after;

	m->after = NULL;
	if (after && !m->left)
		after(s, m);
}

/* Bytes of payload and padding in [p, p + n); how many. */
static size_t payload_take(struct nfs_session *s, struct nfs_message *m, const uint8_t *p,
			   size_t n)
{
	size_t data = n < m->left ? n : m->left, pad;

	if (data)
		payload(s, m, p, data);
	pad = n - data < m->pad ? n - data : m->pad;
	if (!m->left)
		payload_end(s, m);
	m->pad -= (uint32_t)pad;
	return data + pad;
}

/* Steps through what is in head; `all`: the record ends with it. */
static void message_steps(struct nfs_session *s, struct nfs_message *m, bool all)
{
	struct cursor c = cursor_of(m->head.data, m->head.len), before;
	const uint8_t *p;
	size_t n;

	while (!m->skip) {
		if (m->left || m->pad) {
			n = payload_take(s, m, c.p, c.left);
			cursor_take(&c, n);
			if (m->left || m->pad)
				break;
			continue;
		}
		if (m->after)
			payload_end(s, m);
		before = c;
		if (!m->step(s, m, &c) && !c.failed)
			m->skip = !m->held;
		if (c.failed && all)
			m->skip = true;
		if (c.failed)
			c = before;
		if (c.p == before.p || m->held)
			break;
	}
	if (m->held)
		return;
	p = c.p;
	n = m->skip ? 0 : c.left;
	if (n && p != m->head.data)
		memmove(m->head.data, p, n);
	m->head.len = n;
	m->retry = n ? 2 * n : 1;
}

/* Bytes of a record; `last`: it ends with them. */
static void message_data(struct nfs_session *s, struct nfs_message *m, const uint8_t *p,
			 size_t n, bool last)
{
	size_t take;

	m->begun = true;
	while (n && !m->skip) {
		if (!m->head.len && (m->left || m->pad)) {
			take = payload_take(s, m, p, n);
			p += take;
			n -= take;
			continue;
		}
		take = n < PIECE ? n : PIECE;
		if (!buf_add(&m->head, p, take)) {
			m->skip = true;
			break;
		}
		p += take;
		n -= take;
		if (!m->held && (m->head.len >= m->retry || (last && !n)))
			message_steps(s, m, last && !n);
		if (m->held)
			m->head.max = EARLY_SIZE_MAX;
	}
	if (m->skip && m->held)
		buf_reset(&m->head);
	if (last)
		message_end(s, m, true);
}

void nfs_record(struct nfs_session *s, enum dir dir, const uint8_t *p, size_t n)
{
	struct nfs_message m = {0};

	buf_init(&m.head, NFS_STEP_MAX);
	message_reset(&m, dir);
	message_data(s, &m, p, n, true);
	buf_free(&m.head);
}

/* A hole of n bytes within a record, `last`: which ends with it. */
static void message_gap(struct nfs_session *s, struct nfs_message *m, size_t n, bool last)
{
	size_t data = n < m->left ? n : m->left, pad;

	m->begun = true;
	/* What is in head was never read because of lacking bytes: it will not be. */
	if (data && !m->skip)
		payload_gap(s, m, data);
	pad = n - data < m->pad ? n - data : m->pad;
	m->pad -= (uint32_t)pad;
	if (n > data + pad && !m->skip) {
		m->skip = true;
		/* Which file it was about is in what was lost. */
		if (s->has_client && m->dir == s->peer.client)
			nfs_doubt(s->files, &s->peer);
	}
	if (last)
		message_end(s, m, false);
}

/* ----------------------------------------------------------------------- streams */

static void stream_lose(struct nfs_session *s, struct nfs_stream *t)
{
	message_end(s, &t->message, false);
	t->lost = true;
	t->left = 0;
	buf_reset(&t->scan);
	if (s->has_client && t->message.dir == s->peer.client)
		nfs_doubt(s->files, &s->peer);
}

static void stream_error(struct nfs_session *s, struct nfs_stream *t)
{
	stream_lose(s, t);
	if (++s->errors < ERRORS_MAX)
		return;
	counter_add(proto_session_env(s->ps)->counters, COUNTER_NFS_ERRORS, 1);
	proto_session_done(s->ps);
}

/* A record begins at p, LOOK_SIZE bytes. */
static bool is_record(struct nfs_session *s, const struct nfs_stream *t, const uint8_t *p,
		      bool first)
{
	uint32_t length = word(p, 0) & ~MARK_LAST;
	uint32_t xid = word(p, 1);

	if (length < FRAGMENT_MIN || length > NFS_RECORD_MAX)
		return false;
	if (nfs_is_call(p + MARK_SIZE, LOOK_SIZE - MARK_SIZE) == PROBE_YES)
		return !s->has_client || t->message.dir == s->peer.client;
	/* Zeros look much like a reply. */
	return nfs_is_reply(p + MARK_SIZE, LOOK_SIZE - MARK_SIZE) == PROBE_YES &&
	       (first || nfs_call_find(s, xid));
}

/* Looks for a record in scan; false: more bytes are needed. */
static bool stream_look(struct nfs_session *s, struct nfs_stream *t)
{
	size_t i;

	for (i = 0; i + LOOK_SIZE <= t->scan.len; i++) {
		if (is_record(s, t, t->scan.data + i, t->fresh && i == 0)) {
			t->lost = false;
			break;
		}
	}
	t->fresh = t->fresh && !i;
	t->scan.len -= i;
	memmove(t->scan.data, t->scan.data + i, t->scan.len);
	return !t->lost;
}

static void stream_mark(struct nfs_session *s, struct nfs_stream *t)
{
	uint32_t mark = word(t->scan.data, 0);

	t->scan.len = 0;
	t->left = mark & ~MARK_LAST;
	t->last = mark & MARK_LAST;
	if (t->left > NFS_RECORD_MAX)
		stream_error(s, t);
	else if (!t->left && t->last)
		message_end(s, &t->message, true);
}

/* Returns how many of n are left because the stream is lost. */
static size_t stream_bytes(struct nfs_session *s, struct nfs_stream *t, const uint8_t *p,
			   size_t n)
{
	size_t take;

	while (n && !t->lost && proto_session_wanted(s->ps)) {
		if (t->left) {
			take = n < t->left ? n : t->left;
			t->left -= (uint32_t)take;
			message_data(s, &t->message, p, take, t->last && !t->left);
		} else {
			take = MARK_SIZE - t->scan.len;
			if (take > n)
				take = n;
			buf_add(&t->scan, p, take);
			if (t->scan.len == MARK_SIZE)
				stream_mark(s, t);
		}
		p += take;
		n -= take;
	}
	return t->lost ? n : 0;
}

/* Looking for a record: bytes go through scan, PIECE at most at a time. */
static size_t stream_scan(struct nfs_session *s, struct nfs_stream *t, const uint8_t *p,
			  size_t n)
{
	size_t take = n < PIECE ? n : PIECE, found, left;
	uint8_t rest[PIECE + LOOK_SIZE];

	if (!buf_add(&t->scan, p, take))
		buf_reset(&t->scan);
	while (t->lost && proto_session_wanted(s->ps) && stream_look(s, t)) {
		found = t->scan.len;
		memcpy(rest, t->scan.data, found);
		buf_reset(&t->scan);
		left = stream_bytes(s, t, rest, found);
		if (left)
			buf_add(&t->scan, rest + found - left, left);
	}
	return take;
}

void nfs_stream_data(struct nfs_session *s, enum dir dir, const uint8_t *p, size_t n)
{
	struct nfs_stream *t = &s->stream[dir];

	while (n && proto_session_wanted(s->ps)) {
		size_t take = t->lost ? stream_scan(s, t, p, n) : n - stream_bytes(s, t, p, n);

		p += take;
		n -= take;
	}
}

void nfs_stream_gap(struct nfs_session *s, enum dir dir, uint64_t n)
{
	struct nfs_stream *t = &s->stream[dir];

	t->fresh = false;
	if (t->lost) {
		buf_reset(&t->scan);
	} else if (n <= t->left) {
		t->left -= (uint32_t)n;
		message_gap(s, &t->message, n, t->last && !t->left);
	} else {
		if (t->left)
			message_gap(s, &t->message, t->left, false);
		stream_lose(s, t);
	}
}

void nfs_stream_init(struct nfs_session *s, enum dir dir)
{
	struct nfs_stream *t = &s->stream[dir];

	*t = (struct nfs_stream){.lost = true, .fresh = true};
	buf_init(&t->scan, PIECE + LOOK_SIZE);
	message_reset(&t->message, dir);
}

void nfs_stream_free(struct nfs_session *s, enum dir dir)
{
	struct nfs_message *m = &s->stream[dir].message;

	nfs_call_free(m->call);
	buf_free(&m->head);
	buf_free(&s->stream[dir].scan);
}
