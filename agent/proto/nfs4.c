// SPDX-License-Identifier: MIT
/*
 * NFS 4.0 to 4.2 (RFC 7530, 8881, 7862): compounds.
 *
 * Operations work on a current file handle.  Where it is what LOOKUP, OPEN or CREATE found, it
 * has no handle before GETFH says it: until then it is a child of the directory.
 */
#include "proto/nfs.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 4096
#define OPAQUE_MAX 2048
#define BITMAP_WORDS_MAX 64
/* Of one READ_PLUS: a server cannot make more of nothing than a READ may carry. */
#define HOLE_MAX (1u << 20)
#define SEGMENTS_MAX 256
#define LAYOUTS_MAX 8

enum { UNSTABLE };
/* fattr4 */
enum { SUPPORTED, TYPE, FH_EXPIRE_TYPE, CHANGE, SIZE, ACL = 12, FILEHANDLE = 19 };

static bool op_result(struct nfs_session *s, struct nfs_message *m, struct cursor *c);
static bool op_arguments(struct nfs_session *s, struct nfs_message *m, struct cursor *c);

/* -------------------------------------------------------------------- attributes */

static uint32_t bitmap(struct cursor *c)
{
	uint32_t words = cursor_be32(c), first;

	if (words > BITMAP_WORDS_MAX) {
		c->failed = true;
		return 0;
	}
	if (!words)
		return 0;
	first = cursor_be32(c);
	cursor_skip(c, 4 * ((size_t)words - 1));
	return first;
}

struct attributes {
	struct nfs_attr a;
	const uint8_t *handle; /* NULL: not there */
	size_t handle_len;
};

/* Bytes of the attributes SUPPORTED to FILEHANDLE; 0: see read_value(). */
static const uint8_t value_size[] = {0, 4, 4, 8, 8, 4, 4, 4, 16, 4,
				     4, 4, 0, 4, 4, 4, 4, 4, 4,	 0};

static void read_value(struct cursor *c, uint32_t which, struct attributes *t)
{
	uint32_t count;
	size_t n;

	switch (which) {
	case SUPPORTED:
		bitmap(c);
		break;
	case CHANGE:
		t->a.has_version = true;
		t->a.version = xdr_u64(c);
		break;
	case SIZE:
		t->a.has_size = true;
		t->a.size = xdr_u64(c);
		break;
	case ACL:
		for (count = cursor_be32(c); count && !c->failed; count--) {
			cursor_skip(c, 12);
			xdr_opaque(c, OPAQUE_MAX, &n);
		}
		break;
	case FILEHANDLE:
		t->handle = xdr_opaque(c, NFS4_HANDLE_MAX, &t->handle_len);
		break;
	default:
		cursor_skip(c, value_size[which]);
	}
}

/* fattr4; what stands behind FILEHANDLE is of no interest. */
static void read_attributes(struct cursor *c, struct attributes *t)
{
	uint32_t mask = bitmap(c);
	struct cursor values;
	const uint8_t *p;
	size_t n;

	memset(t, 0, sizeof(*t));
	p = xdr_opaque(c, NFS_STEP_MAX, &n);
	if (c->failed)
		return;
	values = cursor_of(p, n);
	for (uint32_t i = 0; i <= FILEHANDLE && !values.failed; i++) {
		if (mask & 1u << i)
			read_value(&values, i, t);
	}
	if (values.failed)
		memset(t, 0, sizeof(*t));
}

/* --------------------------------------------------------------------- arguments */

static struct nfs4_op *op_add(struct nfs_call *call, uint32_t opcode)
{
	struct nfs4_op *more;
	uint32_t room = call->ops_count;

	if (room == NFS4_OPS_MAX)
		return NULL;
	/* As a power of two */
	if (!(room & (room - 1))) {
		more = realloc(call->ops, (room ? 2 * (size_t)room : 1) * sizeof(*more));
		if (!more)
			return NULL;
		call->ops = more;
	}
	more = &call->ops[call->ops_count++];
	*more = (struct nfs4_op){.op = opcode};
	return more;
}

/* createhow4: whether it empties a file that is there. */
static bool open_how(struct cursor *c)
{
	enum { UNCHECKED4, GUARDED4, EXCLUSIVE4, EXCLUSIVE4_1 };
	uint32_t mode = cursor_be32(c);
	struct attributes t = {0};

	if (mode == EXCLUSIVE4 || mode == EXCLUSIVE4_1)
		cursor_skip(c, 8);
	if (mode != EXCLUSIVE4)
		read_attributes(c, &t);
	return t.a.has_size && !t.a.size;
}

static void open_arguments(struct cursor *c, struct nfs4_op *op)
{
	enum {
		CLAIM_NULL,
		CLAIM_PREVIOUS,
		CLAIM_DELEGATE_CUR,
		CLAIM_DELEGATE_PREV,
		CLAIM_FH,
		CLAIM_DELEG_CUR_FH
	};
	const uint8_t *name = NULL;
	uint32_t claim;
	size_t n = 0;

	cursor_skip(c, 20); /* seqid, share access and deny, client id */
	xdr_opaque(c, OPAQUE_MAX, &n);
	if (cursor_be32(c))
		op->truncate = open_how(c);
	claim = cursor_be32(c);
	if (claim == CLAIM_PREVIOUS)
		cursor_skip(c, 4);
	if (claim == CLAIM_DELEGATE_CUR || claim == CLAIM_DELEG_CUR_FH)
		cursor_skip(c, 16);
	if (claim == CLAIM_NULL || claim == CLAIM_DELEGATE_CUR || claim == CLAIM_DELEGATE_PREV)
		name = xdr_opaque(c, NAME_MAX_LEN, &n);
	if (!c->failed && name)
		nfs_keep_name(&op->name, &op->name_len, name, n);
}

static void create_arguments(struct cursor *c, struct nfs4_op *op)
{
	enum { NF4BLK = 3, NF4CHR, NF4LNK };
	uint32_t type = cursor_be32(c);
	struct attributes t;
	const uint8_t *name;
	size_t n;

	if (type == NF4LNK)
		xdr_opaque(c, NAME_MAX_LEN, &n);
	else if (type == NF4BLK || type == NF4CHR)
		cursor_skip(c, 8);
	name = xdr_opaque(c, NAME_MAX_LEN, &n);
	read_attributes(c, &t);
	if (!c->failed)
		nfs_keep_name(&op->name, &op->name_len, name, n);
}

static void setattr_arguments(struct cursor *c, struct nfs4_op *op)
{
	struct attributes t;

	cursor_skip(c, 16);
	read_attributes(c, &t);
	op->truncate = t.a.has_size;
	op->range.offset = t.a.size;
}

static void range_arguments(struct cursor *c, struct nfs4_op *op)
{
	if (op->op != NFS4_COMMIT)
		cursor_skip(c, 16);
	op->range.offset = xdr_u64(c);
	op->range.count = cursor_be32(c);
}

static void write_arguments(struct nfs_session *s, struct nfs_message *m, struct cursor *c,
			    struct nfs4_op *op)
{
	uint32_t n;

	cursor_skip(c, 16);
	op->range.offset = xdr_u64(c);
	cursor_be32(c);
	n = cursor_be32(c);
	if (c->failed)
		return;
	op->range.count = n;
	nfs_payload(m, &op->range, op->range.offset, n, true);
	m->step = op_arguments;
	m->wanted = op->known;
	if (op->known)
		nfs_write(s->files, nfs_peer_of(s, m), &op->range, s->time);
	else
		nfs_doubt(s->files, &s->peer);
}

/* What an operation does to the current file handle, as far as the call alone says. */
static void follow_call(struct nfs_message *m, const struct nfs4_op *op)
{
	switch (op->op) {
	case NFS4_PUTFH:
		m->has_current = op->known;
		m->current = op->range.file;
		break;
	case NFS4_SAVEFH:
		m->has_saved = m->has_current;
		m->saved = m->current;
		break;
	case NFS4_RESTOREFH:
		m->has_current = m->has_saved;
		m->current = m->saved;
		break;
	case NFS4_PUTROOTFH:
	case NFS4_PUTPUBFH:
	case NFS4_LOOKUP:
	case NFS4_LOOKUPP:
	case NFS4_CREATE:
	case NFS4_OPENATTR:
		m->has_current = false;
		break;
	case NFS4_OPEN:
		m->has_current = m->has_current && !op->name;
		break;
	}
}

static bool read_arguments(struct nfs_session *s, struct nfs_message *m, struct cursor *c,
			   struct nfs4_op *op)
{
	const uint8_t *p;
	size_t n;

	switch (op->op) {
	case NFS4_PUTFH:
		p = xdr_opaque(c, NFS4_HANDLE_MAX, &n);
		op->known = !c->failed && nfs_key(s->files, &s->peer, p, n, &op->range.file);
		return true;
	case NFS4_LOOKUP:
		p = xdr_opaque(c, NAME_MAX_LEN, &n);
		if (!c->failed)
			nfs_keep_name(&op->name, &op->name_len, p, n);
		return true;
	case NFS4_OPEN:
		open_arguments(c, op);
		return true;
	case NFS4_CREATE:
		create_arguments(c, op);
		return true;
	case NFS4_SETATTR:
		setattr_arguments(c, op);
		return true;
	case NFS4_READ:
	case NFS4_READ_PLUS:
	case NFS4_COMMIT:
		range_arguments(c, op);
		return true;
	case NFS4_WRITE:
		write_arguments(s, m, c, op);
		return true;
	}
	return nfs4_skip_arguments(op->op, c);
}

/* Operations that change a file by other bytes than those that come by. */
static bool is_elsewhere(uint32_t op)
{
	return op == NFS4_COPY || op == NFS4_CLONE || op == NFS4_DEALLOCATE ||
	       op == NFS4_WRITE_SAME;
}

static bool op_arguments(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs_call *call = m->call;
	struct nfs4_op *op;
	uint32_t opcode;
	bool known;

	if (!m->ops_left)
		return false;
	opcode = cursor_be32(c);
	if (c->failed)
		return true;
	op = op_add(call, opcode);
	if (!op)
		return false;
	op->known = m->has_current;
	op->range.file = m->current;
	if (is_elsewhere(opcode) && op->known)
		nfs_changed(s->files, &op->range.file);
	known = read_arguments(s, m, c, op);
	if (!known || c->failed) {
		free(op->name);
		call->ops_count--;
		return known;
	}
	follow_call(m, op);
	m->ops_left--;
	return true;
}

/* Tag, minor version, number of operations */
bool nfs4_step_call(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	uint32_t count;
	size_t n;

	(void)s;
	xdr_opaque(c, OPAQUE_MAX, &n);
	cursor_be32(c);
	count = cursor_be32(c);
	if (c->failed)
		return true;
	m->ops_left = count;
	m->call->wanted = true;
	m->step = op_arguments;
	return true;
}

/* ----------------------------------------------------------------------- results */

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
			   const struct attributes *t)
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
		nfs_resize(s->files, &key, 0, s->time);
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
	bitmap(c);
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
	struct attributes t;
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
	read_attributes(c, &t);
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
	/* A hole is told to its end, wherever that is. */
	if (type == HOLE && n > end - at)
		n = end - at;
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
				nfs_resize(s->files, &m->current, 0, s->time);
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
			nfs_resize(s->files, &op->range.file, op->range.offset, s->time);
		break;
	}
}

/* The results of one operation that are more than a shape. */
static bool plain_result(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	const struct nfs4_op *op = current_op(m);
	uint32_t count, stable;
	struct attributes t;
	const uint8_t *p;
	size_t n;

	switch (op->op) {
	case NFS4_GETATTR:
		read_attributes(c, &t);
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
