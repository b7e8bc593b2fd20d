// SPDX-License-Identifier: MIT
/*
 * The arguments of NFSv4 compounds (RFC 7530, 8881, 7862).
 *
 * Operations work on a current file handle.  Only where PUTFH set it, or it was saved from
 * there, it is known before the reply.
 */
#include "proto/nfs4_attr.h"

#include <stdlib.h>

#define NAME_MAX_LEN 4096
#define OPAQUE_MAX 2048

static bool op_arguments(struct nfs_session *s, struct nfs_message *m, struct cursor *c);

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

/* createhow4: whether the file is empty then, since it must be new or has to be emptied. */
static bool open_how(struct cursor *c)
{
	enum { UNCHECKED4, GUARDED4, EXCLUSIVE4, EXCLUSIVE4_1 };
	uint32_t mode = cursor_be32(c);
	struct nfs4_attributes t = {0};

	if (mode == EXCLUSIVE4 || mode == EXCLUSIVE4_1)
		cursor_skip(c, 8);
	if (mode != EXCLUSIVE4)
		nfs4_attributes(c, &t);
	return t.a.has_size ? !t.a.size : mode != UNCHECKED4;
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
	struct nfs4_attributes t;
	const uint8_t *name;
	size_t n;

	if (type == NF4LNK)
		xdr_opaque(c, NAME_MAX_LEN, &n);
	else if (type == NF4BLK || type == NF4CHR)
		cursor_skip(c, 8);
	name = xdr_opaque(c, NAME_MAX_LEN, &n);
	nfs4_attributes(c, &t);
	if (!c->failed)
		nfs_keep_name(&op->name, &op->name_len, name, n);
}

static void setattr_arguments(struct cursor *c, struct nfs4_op *op)
{
	struct nfs4_attributes t;

	cursor_skip(c, 16);
	nfs4_attributes(c, &t);
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
