// SPDX-License-Identifier: MIT
/*
 * NFS 3 (RFC 1813).
 */
#include "proto/nfs.h"

#define HANDLE_MAX 64
#define NAME_MAX_LEN 4096

enum {
	GETATTR = 1,
	SETATTR,
	LOOKUP,
	ACCESS,
	READLINK,
	READ,
	WRITE,
	CREATE,
	MKDIR,
	READDIRPLUS = 17,
	COMMIT = 21,
};

enum { UNCHECKED, GUARDED, EXCLUSIVE }; /* createmode3 */
enum { UNSTABLE };			/* stable_how */
enum { SET_TO_CLIENT_TIME = 2 };	/* time_how */

static bool handle(struct nfs_session *s, struct cursor *c, struct key *key)
{
	size_t n;
	const uint8_t *p = xdr_opaque(c, HANDLE_MAX, &n);

	return !c->failed && nfs_key(s->files, &s->peer, p, n, key);
}

/* --------------------------------------------------------------------- arguments */

/* sattr3 */
static void set_attributes(struct cursor *c, struct nfs_call *call)
{
	for (int i = 0; i < 3; i++) { /* mode, owner, group */
		if (cursor_be32(c))
			cursor_be32(c);
	}
	call->truncate = cursor_be32(c);
	call->range.offset = call->truncate ? xdr_u64(c) : 0;
	for (int i = 0; i < 2; i++) {
		if (cursor_be32(c) == SET_TO_CLIENT_TIME)
			cursor_skip(c, 8);
	}
}

static bool call_write(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs_call *call = m->call;
	struct nfs_range *r = &call->range;
	uint32_t n;

	r->offset = xdr_u64(c);
	r->count = cursor_be32(c);
	cursor_be32(c);
	n = cursor_be32(c);
	if (c->failed)
		return true;
	call->wanted = true;
	if (nfs_call_repeated(s, call))
		return false;
	if (n != r->count) {
		/* Who knows what the server writes. */
		nfs_changed(s->files, &r->file);
		return false;
	}
	nfs_write(s->files, nfs_peer_of(s, m), r, s->time);
	nfs_payload(m, r, r->offset, n, true);
	return true;
}

static bool call_name(struct nfs_call *call, struct cursor *c)
{
	const uint8_t *name;
	size_t n;

	uint32_t mode;

	name = xdr_opaque(c, NAME_MAX_LEN, &n);
	if (call->procedure == CREATE) {
		mode = cursor_be32(c);
		/* An exclusive one has a verifier in place of the attributes. */
		if (mode != EXCLUSIVE)
			set_attributes(c, call);
		call->truncate |= mode != UNCHECKED; /* it must be new */
	}
	return c->failed || nfs_keep_name(&call->name, &call->name_len, name, n);
}

bool nfs3_step_call(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs_call *call = m->call;
	struct nfs_range *r = &call->range;

	if (!handle(s, c, &r->file))
		return c->failed;
	switch (call->procedure) {
	case GETATTR:
	case ACCESS:
	case READLINK:
	case READDIRPLUS:
		break;
	case SETATTR:
		set_attributes(c, call);
		break;
	case READ:
	case COMMIT:
		r->offset = xdr_u64(c);
		r->count = cursor_be32(c);
		break;
	case WRITE:
		return call_write(s, m, c);
	case LOOKUP:
	case CREATE:
	case MKDIR:
		if (!call_name(call, c))
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

/* ----------------------------------------------------------------------- results */

/* fattr3 */
static void attributes(struct cursor *c, struct nfs_attr *a)
{
	cursor_skip(c, 20);
	a->has_size = true;
	a->size = xdr_u64(c);
	cursor_skip(c, 40);
	a->has_version = true;
	a->version = xdr_u64(c); /* mtime */
	cursor_skip(c, 8);
}

/* post_op_attr */
static void maybe_attributes(struct cursor *c, struct nfs_attr *a)
{
	if (cursor_be32(c))
		attributes(c, a);
}

/* wcc_data */
static void changed_attributes(struct cursor *c, struct nfs_attr *a)
{
	if (cursor_be32(c))
		cursor_skip(c, 24);
	maybe_attributes(c, a);
}

/* post_op_fh3; false where there is none. */
static bool maybe_handle(struct nfs_session *s, struct cursor *c, struct key *key)
{
	return cursor_be32(c) && handle(s, c, key);
}

static void after_read(struct nfs_session *s, struct nfs_message *m)
{
	nfs_read_end(s->files, &m->range, m->at, m->eof, s->time);
}

static bool reply_read(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs_range *r = &m->call->range;
	struct nfs_attr a = {0};
	uint32_t n;
	bool eof;

	maybe_attributes(c, &a);
	cursor_be32(c);
	eof = cursor_be32(c);
	n = cursor_be32(c);
	if (c->failed)
		return true;
	nfs_attributes(s->files, &r->file, &a, s->time);
	if (n > r->count)
		return false;
	nfs_payload(m, r, r->offset, n, false);
	m->eof = eof;
	m->after = after_read;
	return true;
}

static bool reply_change(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs_call *call = m->call;
	struct nfs_range *r = &call->range;
	struct nfs_attr a = {0};
	uint32_t count = 0, stable = 0;

	changed_attributes(c, &a);
	if (call->procedure == WRITE) {
		count = cursor_be32(c);
		stable = cursor_be32(c);
	}
	if (c->failed)
		return true;
	if (call->truncate)
		nfs_resize(s->files, &r->file, r->offset, m->call->moment, s->time);
	nfs_attributes(s->files, &r->file, &a, s->time);
	if (call->procedure == WRITE)
		nfs_written(s->files, r, count, stable != UNSTABLE, s->time);
	else if (call->procedure == COMMIT)
		nfs_commit(s->files, r, s->time);
	return false;
}

/* Of LOOKUP, the handle is always there. */
static bool reply_name(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs_call *call = m->call;
	struct nfs_attr a = {0};
	struct key file;

	if (!(call->procedure == LOOKUP ? handle(s, c, &file) : maybe_handle(s, c, &file)))
		return c->failed;
	maybe_attributes(c, &a);
	if (c->failed)
		return true;
	nfs_name(s->files, &file, &call->range.file, call->name, call->name_len);
	if (call->truncate)
		nfs_resize(s->files, &file, call->range.offset, m->call->moment, s->time);
	nfs_attributes(s->files, &file, &a, s->time);
	return false;
}

/* entryplus3 */
static bool step_entry(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs_attr a = {0};
	const uint8_t *name;
	struct key file;
	bool found;
	size_t n;

	if (!cursor_be32(c))
		return c->failed;
	cursor_skip(c, 8);
	name = xdr_opaque(c, NAME_MAX_LEN, &n);
	cursor_skip(c, 8);
	maybe_attributes(c, &a);
	found = maybe_handle(s, c, &file);
	if (c->failed || !found)
		return true;
	nfs_name(s->files, &file, &m->call->range.file, name, n);
	nfs_attributes(s->files, &file, &a, s->time);
	return true;
}

bool nfs3_step_reply(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct nfs_attr a = {0};

	if (cursor_be32(c) != 0)
		return c->failed;
	switch (m->call->procedure) {
	case READ:
		return reply_read(s, m, c);
	case SETATTR:
	case WRITE:
	case COMMIT:
		return reply_change(s, m, c);
	case LOOKUP:
	case CREATE:
	case MKDIR:
		return reply_name(s, m, c);
	case GETATTR:
		attributes(c, &a);
		break;
	case READDIRPLUS:
		maybe_attributes(c, &a);
		cursor_skip(c, 8);
		m->step = step_entry;
		break;
	default:
		maybe_attributes(c, &a);
	}
	if (c->failed) {
		m->step = nfs3_step_reply;
		return true;
	}
	nfs_attributes(s->files, &m->call->range.file, &a, s->time);
	return m->step == step_entry;
}
