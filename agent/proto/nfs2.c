// SPDX-License-Identifier: MIT
/*
 * NFS 2 (RFC 1094).  Handles have 32 bytes, sizes 32 bits, every WRITE is stable.
 */
#include "proto/nfs.h"

#define HANDLE_SIZE 32
#define NAME_MAX_LEN 1024
#define NOT_SET UINT32_MAX

enum { GETATTR = 1, SETATTR, LOOKUP = 4, READ = 6, WRITE = 8, CREATE, MKDIR = 14 };

static bool handle(struct nfs_session *s, struct cursor *c, struct key *key)
{
	const uint8_t *p = cursor_take(c, HANDLE_SIZE);

	return p && nfs_key(s->files, &s->peer, p, HANDLE_SIZE, key);
}

/* Mode, owner, group, size and times; a size that is not set leaves the file as it is. */
static void set_attributes(struct cursor *c, struct nfs_call *call)
{
	uint32_t size;

	cursor_skip(c, 12);
	size = cursor_be32(c);
	cursor_skip(c, 16);
	call->truncate = size != NOT_SET;
	call->range.offset = size;
}

static bool step_write(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs_call *call = m->call;
	struct nfs_range *r = &call->range;
	uint32_t n;

	cursor_be32(c); /* beginoffset, never used */
	r->offset = cursor_be32(c);
	cursor_be32(c);
	n = cursor_be32(c);
	if (c->failed)
		return true;
	r->count = n;
	call->wanted = true;
	if (nfs_call_repeated(s, call))
		return false;
	nfs_write(s->files, nfs_peer_of(s, m), r, s->time);
	nfs_payload(m, r, r->offset, n, true);
	return true;
}

bool nfs2_step_call(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs_call *call = m->call;
	struct nfs_range *r = &call->range;
	const uint8_t *name;
	size_t n;

	if (!handle(s, c, &r->file))
		return c->failed;
	switch (call->procedure) {
	case GETATTR:
		break;
	case SETATTR:
		set_attributes(c, call);
		break;
	case READ:
		r->offset = cursor_be32(c);
		r->count = cursor_be32(c);
		break;
	case WRITE:
		return step_write(s, m, c);
	case LOOKUP:
	case CREATE:
	case MKDIR:
		name = xdr_opaque(c, NAME_MAX_LEN, &n);
		if (call->procedure == CREATE)
			set_attributes(c, call);
		if (!c->failed && !nfs_keep_name(&call->name, &call->name_len, name, n))
			return false;
		break;
	default:
		return false;
	}
	if (c->failed)
		return true;
	call->wanted = !nfs_call_repeated(s, call);
	return false;
}

/* fattr: size is the sixth word, mtime stands before the last two. */
static void attributes(struct cursor *c, struct nfs_attr *a)
{
	cursor_skip(c, 20);
	a->has_size = true;
	a->size = cursor_be32(c);
	cursor_skip(c, 28);
	a->has_version = true;
	a->version = xdr_u64(c);
	cursor_skip(c, 8);
}

static void after_read(struct nfs_session *s, struct nfs_message *m)
{
	nfs_read_end(s->files, &m->range, m->at, false, s->time);
}

bool nfs2_step_reply(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs_call *call = m->call;
	struct nfs_range *r = &call->range;
	uint32_t procedure = call->procedure, n = 0;
	bool names = procedure == LOOKUP || procedure == CREATE || procedure == MKDIR;
	struct nfs_attr a = {0};
	struct key file = r->file;

	if (cursor_be32(c) != 0)
		return c->failed;
	if (names && !handle(s, c, &file))
		return c->failed;
	attributes(c, &a);
	if (procedure == READ)
		n = cursor_be32(c);
	if (c->failed)
		return true;
	if (names)
		nfs_name(s->files, &file, &r->file, call->name, call->name_len);
	if (call->truncate)
		nfs_resize(s->files, &file, r->offset, m->call->moment, s->time);
	nfs_attributes(s->files, &file, &a, s->time);
	if (procedure == WRITE)
		nfs_written(s->files, r, r->count, true, s->time);
	if (procedure != READ || n > r->count)
		return false;
	nfs_payload(m, r, r->offset, n, false);
	m->after = after_read;
	return true;
}
