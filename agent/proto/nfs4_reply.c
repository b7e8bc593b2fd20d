// SPDX-License-Identifier: MIT
/*
 * The results of NFSv4 compounds (RFC 7530, 8881, 7862).
 *
 * What LOOKUP, OPEN or CREATE found is the current file, but has no handle before GETFH says
 * it: until then it is a child of the directory that was current.
 */
#include "proto/nfs4_attr.h"

#define NAME_MAX_LEN 4096
#define OPAQUE_MAX 2048
/* Of one READ_PLUS: a server cannot make more of nothing than a READ may carry. */
#define HOLE_MAX (1u << 20)
#define SEGMENTS_MAX 256
#define LAYOUTS_MAX 8

enum { UNSTABLE };

static bool op_result(struct nfs_session *s, struct nfs_message *m, struct cursor *c);

static struct nfs4_op *current_op(struct nfs_message *m)
{
	return &m->call->ops[m->op];
}

static void next_op(struct nfs_message *m)
{
	m->op++;
	m->step = op_result;
}

static void got_attributes(struct nfs_session *s, struct nfs_message *m,
			   const struct nfs4_attributes *t)
{
	if (m->has_current && !m->has_child)
		nfs_attributes(s->files, &m->current, &t->a, s->time);
}

/* The current file has a handle from now on. */
static void got_handle(struct nfs_session *s, struct nfs_message *m, const uint8_t *p, size_t n)
{
	const struct nfs4_op *op = &m->call->ops[m->child];
	struct key key;

	if (!nfs_key(s->files, &s->peer, p, n, &key)) {
		m->has_current = false;
		return;
	}
	if (m->has_child && op->name)
		nfs_name(s->files, &key, m->has_current ? &m->current : NULL, op->name,
			 op->name_len);
	if (m->has_child && op->truncate)
		nfs_resize(s->files, &key, 0, m->call->moment, s->time);
	m->has_child = false;
	m->has_current = true;
	m->current = key;
}

static bool open_result(struct cursor *c)
{
	enum { NONE, READ, WRITE, NONE_EXT, READ_ATTRS, WRITE_ATTRS };
	enum { CONTENTION = 1, RESOURCE };
	uint32_t type, why;
	size_t n;

	cursor_skip(c, 40); /* stateid, change_info4, rflags */
	nfs4_bitmap(c);
	type = cursor_be32(c);
	if (type == READ || type == WRITE || type == READ_ATTRS || type == WRITE_ATTRS) {
		cursor_skip(c, 20);
		if (type == WRITE || type == WRITE_ATTRS)
			cursor_skip(c, 12);
		cursor_skip(c, 12);
		xdr_opaque(c, OPAQUE_MAX, &n);
	} else if (type == NONE_EXT) {
		why = cursor_be32(c);
		if (why == CONTENTION || why == RESOURCE)
			cursor_skip(c, 4);
	}
	return type <= WRITE_ATTRS;
}

/*
 * The handles of the data servers.  Where it is one, all of the file is there at the same
 * place; striped ones are nobody's.
 */
static void layout(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	enum { LAYOUT4_NFSV4_1_FILES = 1 };
	struct cursor body;
	const uint8_t *p;
	struct key key;
	uint32_t type;
	size_t n;

	cursor_skip(c, 20);
	type = cursor_be32(c);
	p = xdr_opaque(c, NFS_STEP_MAX, &n);
	if (c->failed || type != LAYOUT4_NFSV4_1_FILES || !m->has_current || m->has_child)
		return;
	body = cursor_of(p, n);
	cursor_skip(&body, 32);
	if (cursor_be32(&body) != 1)
		return;
	p = xdr_opaque(&body, NFS4_HANDLE_MAX, &n);
	if (!body.failed && nfs_key(s->files, &s->peer, p, n, &key))
		nfs_alias(s->files, &key, &m->current);
}

static bool layouts(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	uint32_t count;

	cursor_skip(c, 20); /* return on close, stateid */
	count = cursor_be32(c);
	if (count > LAYOUTS_MAX)
		return false;
	for (; count && !c->failed; count--)
		layout(s, m, c);
	return true;
}

static bool step_entry(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs4_attributes t;
	const uint8_t *name;
	struct key key;
	size_t n;

	if (!cursor_be32(c)) {
		cursor_be32(c); /* eof */
		if (!c->failed)
			next_op(m);
		return true;
	}
	cursor_skip(c, 8);
	name = xdr_opaque(c, NAME_MAX_LEN, &n);
	nfs4_attributes(c, &t);
	if (c->failed || !t.handle || !m->has_current || m->has_child ||
	    !nfs_key(s->files, &s->peer, t.handle, t.handle_len, &key))
		return true;
	nfs_name(s->files, &key, &m->current, name, n);
	nfs_attributes(s->files, &key, &t.a, s->time);
	return true;
}

static void after_read(struct nfs_session *s, struct nfs_message *m)
{
	if (m->wanted)
		nfs_read_end(s->files, &m->range, m->at, m->eof, s->time);
}

static bool read_result(struct nfs_message *m, struct cursor *c)
{
	struct nfs4_op *op = current_op(m);
	uint32_t eof = cursor_be32(c), n = cursor_be32(c);

	if (c->failed)
		return true;
	if (n > op->range.count)
		return false;
	op->range.file = m->current;
	nfs_payload(m, &op->range, op->range.offset, n, false);
	m->wanted = m->has_current && !m->has_child;
	m->eof = eof;
	m->after = after_read;
	next_op(m);
	return true;
}

/* ---------------------------------------------------------------- READ_PLUS */

static bool step_segment(struct nfs_session *s, struct nfs_message *m, struct cursor *c);

static void segments_next(struct nfs_session *s, struct nfs_message *m)
{
	m->step = step_segment;
	if (--m->segments)
		return;
	after_read(s, m);
	next_op(m);
}

static void hole(struct nfs_session *s, struct nfs_message *m, uint64_t n)
{
	static const uint8_t zeros[16384];
	size_t part;

	for (; n; n -= part, m->at += part) {
		part = n < sizeof(zeros) ? n : sizeof(zeros);
		if (m->wanted)
			nfs_read_data(s->files, nfs_peer_of(s, m), &m->range, m->at, zeros,
				      part, s->time);
	}
}

static bool step_segment(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	enum { DATA, HOLE };
	const struct nfs_range *r = &current_op(m)->range;
	uint32_t type = cursor_be32(c);
	uint64_t at = xdr_u64(c), n = 0, end = r->offset + r->count;

	if (type == DATA)
		n = cursor_be32(c);
	else if (type == HOLE)
		n = xdr_u64(c);
	if (c->failed)
		return true;
	if (type > HOLE || end < r->offset || at < r->offset || at > end)
		return false;
	/* A hole is told to its end, wherever that is, and so is what stands behind it. */
	if (type == HOLE && n > end - at) {
		n = end - at;
		m->eof = false;
	}
	if (n > end - at || (type == HOLE && n > HOLE_MAX))
		return false;
	if (type == DATA) {
		nfs_payload(m, r, at, (uint32_t)n, false);
		m->wanted = m->has_current && !m->has_child;
		m->after = segments_next;
		return true;
	}
	m->at = at;
	hole(s, m, n);
	segments_next(s, m);
	return true;
}

static bool read_plus_result(struct nfs_message *m, struct cursor *c)
{
	struct nfs4_op *op = current_op(m);
	uint32_t eof = cursor_be32(c), segments = cursor_be32(c);

	if (c->failed)
		return true;
	if (segments > SEGMENTS_MAX)
		return false;
	op->range.file = m->current;
	m->range = op->range;
	m->at = op->range.offset;
	m->wanted = m->has_current && !m->has_child;
	m->eof = eof;
	m->segments = segments;
	if (segments)
		m->step = step_segment;
	else
		next_op(m);
	return true;
}

/* ------------------------------------------------------------------------------ */

static void follow_reply(struct nfs_session *s, struct nfs_message *m)
{
	const struct nfs4_op *op = current_op(m);

	switch (op->op) {
	case NFS4_OPEN:
		if (!op->name) {
			if (op->truncate && m->has_current && !m->has_child)
				nfs_resize(s->files, &m->current, 0, m->call->moment, s->time);
			break;
		}
		/* fall through */
	case NFS4_LOOKUP:
	case NFS4_CREATE:
		m->has_current = m->has_current && !m->has_child;
		m->has_child = true;
		m->child = m->op;
		break;
	case NFS4_LOOKUPP:
	case NFS4_OPENATTR:
	case NFS4_PUTROOTFH:
	case NFS4_PUTPUBFH:
		m->has_current = m->has_child = false;
		break;
	case NFS4_PUTFH:
		m->has_child = false;
		m->has_current = op->known;
		m->current = op->range.file;
		break;
	case NFS4_SAVEFH:
		m->has_saved = m->has_current && !m->has_child;
		m->saved = m->current;
		break;
	case NFS4_RESTOREFH:
		m->has_child = false;
		m->has_current = m->has_saved;
		m->current = m->saved;
		break;
	case NFS4_CLOSE:
	case NFS4_DELEGRETURN:
		if (m->has_current && !m->has_child)
			nfs_close(s->files, &m->current, s->time);
		break;
	case NFS4_COMMIT:
		if (op->known)
			nfs_commit(s->files, &op->range, s->time);
		break;
	case NFS4_SETATTR:
		if (op->truncate && op->known)
			nfs_resize(s->files, &op->range.file, op->range.offset, m->call->moment,
				   s->time);
		break;
	}
}

/* The results of one operation that are more than a shape. */
static bool plain_result(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	const struct nfs4_op *op = current_op(m);
	uint32_t count, stable;
	struct nfs4_attributes t;
	const uint8_t *p;
	size_t n;

	switch (op->op) {
	case NFS4_GETATTR:
		nfs4_attributes(c, &t);
		if (!c->failed)
			got_attributes(s, m, &t);
		return true;
	case NFS4_GETFH:
		p = xdr_opaque(c, NFS4_HANDLE_MAX, &n);
		if (!c->failed)
			got_handle(s, m, p, n);
		return true;
	case NFS4_OPEN:
		return open_result(c);
	case NFS4_LAYOUTGET:
		return layouts(s, m, c);
	case NFS4_WRITE:
		count = cursor_be32(c);
		stable = cursor_be32(c);
		cursor_skip(c, 8);
		if (!c->failed && op->known)
			nfs_written(s->files, &op->range, count, stable != UNSTABLE, s->time);
		return true;
	}
	return nfs4_skip_results(op->op, c);
}

static bool op_result(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs4_op *op;
	uint32_t opcode, status;

	if (m->op >= m->call->ops_count || m->op >= m->ops_left)
		return false;
	opcode = cursor_be32(c);
	status = cursor_be32(c);
	if (c->failed)
		return true;
	op = current_op(m);
	/* One that failed is the last. */
	if (opcode != op->op || status)
		return false;
	if (opcode == NFS4_READ)
		return read_result(m, c);
	if (opcode == NFS4_READ_PLUS)
		return read_plus_result(m, c);
	if (opcode == NFS4_READDIR) {
		cursor_skip(c, 8); /* verifier */
		if (!c->failed)
			m->step = step_entry;
		return true;
	}
	if (!plain_result(s, m, c))
		return false;
	if (c->failed)
		return true;
	follow_reply(s, m);
	next_op(m);
	return true;
}

/* Status of the last operation, tag, number of results */
bool nfs4_step_reply(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	uint32_t count;
	size_t n;

	(void)s;
	cursor_be32(c);
	xdr_opaque(c, OPAQUE_MAX, &n);
	count = cursor_be32(c);
	if (c->failed)
		return true;
	m->ops_left = count;
	m->step = op_result;
	return true;
}
