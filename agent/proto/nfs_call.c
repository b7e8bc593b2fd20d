// SPDX-License-Identifier: MIT
/*
 * Calls and replies of ONC RPC (RFC 5531 §9), whatever the program.
 */
#include "proto/nfs.h"

#include <stdlib.h>
#include <string.h>

#define PROGRAM_NFS 100003

/* Calls of a session without a reply; the oldest is forgotten. */
#define CALLS_MAX 4096
/* Of credentials and verifiers (RFC 5531 §8.2). */
#define AUTH_MAX 400
/* Calls nobody can read in a row, after which nothing else is expected. */
#define ENCRYPTED_MAX 64

enum { CALL, REPLY };
enum { AUTH_SYS = 1, RPCSEC_GSS = 6, AUTH_TLS = 7 };
/* RFC 2203 §5 */
enum { GSS_DATA = 0 };
enum { GSS_NONE = 1, GSS_INTEGRITY, GSS_PRIVACY };

struct header {
	uint32_t xid, program, version, procedure;
	uint32_t flavor;
	struct cursor cred;
	uint32_t gss_procedure, gss_service;
};

/* ------------------------------------------------------------------------- calls */

void nfs_call_free(struct nfs_call *call)
{
	if (!call)
		return;
	for (uint32_t i = 0; i < call->ops_count; i++)
		free(call->ops[i].name);
	free(call->ops);
	free(call->name);
	free(call);
}

struct nfs_call *nfs_call_find(struct nfs_session *s, uint32_t xid)
{
	return (struct nfs_call *)table_find(s->calls, &xid);
}

static void take_out(struct nfs_session *s, struct nfs_call *call)
{
	table_remove(s->calls, &call->entry);
}

/* The same xid may be another call, of a client that counts badly. */
static uint64_t fingerprint(const struct nfs_call *call)
{
	uint64_t v;

	memcpy(&v, call->range.file.digest, sizeof(v));
	for (size_t i = 0; i < call->name_len; i++)
		v = (v ^ (uint8_t)call->name[i]) * 0x100000001b3ull; /* FNV-1a */
	return v ^ call->range.offset ^ (uint64_t)call->range.count << 32 ^ call->procedure;
}

static bool is_done(const struct nfs_session *s, uint32_t xid, const uint64_t *wanted)
{
	for (size_t i = 0; i < NFS_DONE_MAX; i++) {
		if (s->done[i].xid == xid && (!wanted || s->done[i].fingerprint == *wanted))
			return true;
	}
	return false;
}

bool nfs_call_repeated(struct nfs_session *s, const struct nfs_call *call)
{
	uint64_t wanted = fingerprint(call);

	return is_done(s, call->xid, &wanted);
}

void nfs_call_wait(struct nfs_session *s, struct nfs_call *call)
{
	struct nfs_call *old = nfs_call_find(s, call->xid);
	struct buf record;

	if (!old && table_count(s->calls) >= CALLS_MAX)
		old = (struct nfs_call *)table_oldest(s->calls);
	if (old) {
		take_out(s, old);
		nfs_call_free(old);
	}
	if (!table_add(s->calls, &call->entry)) {
		nfs_call_free(call);
		return;
	}
	for (size_t i = 0; i < NFS_EARLY_MAX; i++) {
		struct nfs_early *e = &s->early[i];

		if (!e->record.len || e->xid != call->xid)
			continue;
		/* What it did was done by then. */
		call->moment = e->moment;
		record = e->record;
		buf_init(&e->record, 0);
		s->early_size -= record.len;
		nfs_record(s, dir_other(s->peer.client), record.data, record.len);
		buf_free(&record);
		return;
	}
}

void nfs_call_done(struct nfs_session *s, struct nfs_call *call)
{
	s->done[s->done_next] = (struct nfs_done){call->xid, fingerprint(call)};
	s->done_next = (s->done_next + 1) % NFS_DONE_MAX;
	counter_add(proto_session_env(s->ps)->counters, COUNTER_NFS_CALLS, 1);
	nfs_call_free(call);
}

void nfs_calls_free(struct nfs_session *s)
{
	struct nfs_call *call;

	while (s->calls && (call = (struct nfs_call *)table_oldest(s->calls))) {
		take_out(s, call);
		nfs_call_free(call);
	}
	if (s->calls)
		table_free(s->calls);
	for (size_t i = 0; i < NFS_EARLY_MAX; i++)
		buf_free(&s->early[i].record);
}

bool nfs_keep_name(char **name, size_t *len, const uint8_t *p, size_t n)
{
	free(*name);
	*len = 0;
	*name = malloc(n ? n : 1);
	if (!*name)
		return false;
	memcpy(*name, p, n);
	*len = n;
	return true;
}

static bool step_end(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	(void)s;
	(void)m;
	(void)c;
	return false;
}

void nfs_payload(struct nfs_message *m, const struct nfs_range *r, uint64_t at, uint32_t n,
		 bool upload)
{
	m->range = *r;
	m->at = at;
	m->left = n;
	m->pad = (4 - n % 4) % 4;
	m->upload = upload;
	m->wanted = true;
	m->step = step_end;
}

/* ----------------------------------------------------------------------- headers */

static void read_gss(struct header *h)
{
	cursor_be32(&h->cred); /* version */
	h->gss_procedure = cursor_be32(&h->cred);
	cursor_be32(&h->cred); /* sequence number */
	h->gss_service = cursor_be32(&h->cred);
}

/* Stamp, machine name, uid, ... (RFC 5531 appendix A) */
static void read_sys(struct header *h, struct nfs_call *call)
{
	size_t n;

	cursor_be32(&h->cred);
	xdr_opaque(&h->cred, 255, &n);
	call->uid = cursor_be32(&h->cred);
	call->has_uid = !h->cred.failed;
}

/* The client is who calls NFS: a server calls its client back (RFC 8881 §2.10.3.1). */
static bool is_client(struct nfs_session *s, enum dir dir)
{
	if (!s->has_client) {
		s->has_client = nfs_peer_init(&s->peer, s->ps, dir);
		proto_session_client(s->ps, dir);
	}
	return s->has_client && s->peer.client == dir;
}

static void encrypted(struct nfs_session *s)
{
	counter_add(proto_session_env(s->ps)->counters, COUNTER_NFS_ENCRYPTED, 1);
	if (++s->encrypted > ENCRYPTED_MAX)
		proto_session_done(s->ps);
}

static nfs_step *call_step(uint32_t version)
{
	return version == 2   ? nfs2_step_call
	       : version == 3 ? nfs3_step_call
	       : version == 4 ? nfs4_step_call
			      : NULL;
}

static bool read_header(struct cursor *c, struct header *h)
{
	const uint8_t *cred;
	size_t n;

	h->xid = cursor_be32(c);
	cursor_be32(c); /* CALL */
	cursor_be32(c); /* RPC version */
	h->program = cursor_be32(c);
	h->version = cursor_be32(c);
	h->procedure = cursor_be32(c);
	h->flavor = cursor_be32(c);
	cred = xdr_opaque(c, AUTH_MAX, &n);
	h->cred = cursor_of(cred, n);
	cursor_be32(c);
	xdr_opaque(c, AUTH_MAX, &n);
	if (h->flavor == RPCSEC_GSS)
		read_gss(h);
	if (h->flavor == RPCSEC_GSS && h->gss_procedure == GSS_DATA &&
	    h->gss_service == GSS_INTEGRITY)
		cursor_skip(c, 8); /* length and sequence number before the arguments */
	return !c->failed;
}

static bool step_call(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct header h = {0};
	struct nfs_call *call;

	if (!read_header(c, &h))
		return true;
	if (h.program != PROGRAM_NFS ? !s->has_client || m->dir != s->peer.client
				     : !is_client(s, m->dir))
		return false;
	call = calloc(1, sizeof(*call));
	if (!call)
		return false;
	m->is_call = true;
	m->call = call;
	call->xid = h.xid;
	call->version = h.version;
	call->procedure = h.procedure;
	call->moment = nfs_moment(s->files);
	call->tls = h.flavor == AUTH_TLS;
	if (h.flavor == AUTH_SYS)
		read_sys(&h, call);
	m->step = h.program == PROGRAM_NFS ? call_step(h.version) : NULL;
	if (h.flavor == RPCSEC_GSS) {
		if (h.gss_procedure != GSS_DATA)
			return false;
		if (h.gss_service != GSS_NONE && h.gss_service != GSS_INTEGRITY) {
			encrypted(s);
			return false;
		}
		call->integrity = h.gss_service == GSS_INTEGRITY;
	}
	if (h.procedure)
		s->encrypted = 0;
	return m->step && h.procedure;
}

/* After a NULL call with AUTH_TLS all is TLS (RFC 9289 §4.1). */
static void starts_tls(struct nfs_session *s)
{
	counter_add(proto_session_env(s->ps)->counters, COUNTER_SESSIONS_TLS, 1);
	proto_session_done(s->ps);
}

static bool step_reply(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	uint32_t xid = cursor_be32(c), status, accepted = 0;
	const uint8_t *verifier;
	struct nfs_call *call;
	size_t n;

	cursor_be32(c); /* REPLY */
	status = cursor_be32(c);
	/* What the client answers its server. */
	if (!c->failed && s->has_client && m->dir == s->peer.client)
		return false;
	call = s->calls ? nfs_call_find(s, xid) : NULL;
	if (!c->failed && !call) {
		if (!is_done(s, xid, NULL))
			m->held = true;
		return false;
	}
	if (status == 0) { /* accepted */
		cursor_be32(c);
		verifier = xdr_opaque(c, AUTH_MAX, &n);
		accepted = cursor_be32(c);
		if (!c->failed && call->tls && n == 8 && !memcmp(verifier, "STARTTLS", 8))
			starts_tls(s);
		if (!c->failed && accepted == 0 && call->integrity)
			cursor_skip(c, 8);
	}
	if (c->failed)
		return true;
	take_out(s, call);
	m->call = call;
	m->step = call->version == 2   ? nfs2_step_reply
		  : call->version == 3 ? nfs3_step_reply
				       : nfs4_step_reply;
	return status == 0 && accepted == 0 && call->wanted;
}

bool nfs_step_rpc(struct nfs_session *s, struct nfs_message *m, struct cursor *c)
{
	struct cursor look = *c;
	uint32_t type;

	cursor_be32(&look);
	type = cursor_be32(&look);
	if (look.failed) {
		c->failed = true;
		return true;
	}
	return type == CALL ? step_call(s, m, c) : step_reply(s, m, c);
}
