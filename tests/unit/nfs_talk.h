/* SPDX-License-Identifier: MIT */
/*
 * Messages of NFS made by hand, over TCP and UDP.
 */
#ifndef SLUICE_TESTS_UNIT_NFS_TALK_H
#define SLUICE_TESTS_UNIT_NFS_TALK_H

#include "conversation.h"

#include <endian.h>
#include <netinet/in.h>

#define SECOND 1000000000ull
#define UNSTABLE 0
#define FILE_SYNC 2

/* A message being made. */
struct xdr {
	uint8_t p[80000];
	size_t n;
};

struct world {
	struct conversation c;
	bool udp;
	struct xdr call, reply;
};

static struct proto_session *session(struct world *w, uint16_t port)
{
	w->c.info.id = port;
	w->c.info.end[DIR_OPENER].port = port;
	return proto_session_new(&w->c.env, &w->c.info);
}

static void over(struct world *w, uint8_t protocol)
{
	proto_session_free(w->c.ps, FILE_REASON_NONE, w->c.time);
	w->c.info.protocol = protocol;
	w->udp = protocol == IPPROTO_UDP;
	w->c.ps = session(w, 700);
}

/* The source has no more. */
static void finish(struct world *w)
{
	if (w->c.ps)
		conversation_close(&w->c, FILE_REASON_NONE);
	if (w->c.env.shared)
		shared_set_free(w->c.env.shared);
	w->c.env.shared = NULL;
}

static bool world_begin(struct world *w)
{
	struct shared_limits limits = SHARED_LIMITS_DEFAULT;

	if (!conversation_begin(&w->c))
		return false;
	w->c.env.shared = shared_set_new(&limits, &w->c.counters);
	w->c.time = SECOND;
	over(w, IPPROTO_TCP);
	return w->c.env.shared;
}

static void world_end(struct world *w)
{
	finish(w);
	conversation_end(&w->c);
}

/* ------------------------------------------------------------------------ making */

static void add(struct xdr *x, const void *p, size_t n)
{
	memcpy(x->p + x->n, p, n);
	x->n += n;
}

static void w32(struct xdr *x, uint32_t v)
{
	v = htobe32(v);
	add(x, &v, 4);
}

static void w64(struct xdr *x, uint64_t v)
{
	w32(x, (uint32_t)(v >> 32));
	w32(x, (uint32_t)v);
}

static void zero(struct xdr *x, size_t n)
{
	memset(x->p + x->n, 0, n);
	x->n += n;
}

static void opaque(struct xdr *x, const void *p, size_t n)
{
	w32(x, (uint32_t)n);
	add(x, p, n);
	zero(x, (4 - n % 4) % 4);
}

static void string(struct xdr *x, const char *s)
{
	opaque(x, s, strlen(s));
}

/* Room for the mark comes first. */
static struct xdr *call(struct world *w, uint32_t xid, uint32_t version, uint32_t procedure)
{
	struct xdr *x = &w->call;

	x->n = 0;
	w32(x, 0);
	w32(x, xid);
	w32(x, 0);
	w32(x, 2);
	w32(x, 100003);
	w32(x, version);
	w32(x, procedure);
	w32(x, 1); /* AUTH_SYS */
	w32(x, 28);
	w32(x, 7);
	string(x, "box");
	w32(x, 1000);
	w32(x, 100);
	w32(x, 1);
	w32(x, 100);
	w64(x, 0);
	return x;
}

static struct xdr *reply(struct world *w, uint32_t xid)
{
	struct xdr *x = &w->reply;

	x->n = 0;
	w32(x, 0);
	w32(x, xid);
	w32(x, 1);
	zero(x, 16);
	return x;
}

static void marked(struct xdr *x)
{
	uint32_t mark = htobe32((uint32_t)(x->n - 4) | 0x80000000u);

	memcpy(x->p, &mark, 4);
}

static void transfer(struct world *w, enum dir dir, struct xdr *x)
{
	marked(x);
	if (w->udp)
		proto_session_datagram(w->c.ps, dir, x->p + 4, x->n - 4, w->c.time++);
	else
		say(&w->c, dir, x->p, x->n);
}

static void asked(struct world *w)
{
	transfer(w, DIR_OPENER, &w->call);
}

static void answered(struct world *w)
{
	transfer(w, DIR_ANSWERER, &w->reply);
}

/* ---------------------------------------------------------------------------- v3 */

static void fattr3(struct xdr *x, uint64_t size, uint32_t mtime)
{
	zero(x, 20);
	w64(x, size);
	zero(x, 40);
	w64(x, mtime);
	zero(x, 8);
}

static void attributes3(struct xdr *x, uint64_t size, uint32_t mtime)
{
	w32(x, 1);
	fattr3(x, size, mtime);
}

/* LOOKUP (3) or CREATE (8), of a new and empty file */
static void named3(struct world *w, uint32_t procedure, const char *dir, const char *name,
		   const char *file, uint64_t size)
{
	struct xdr *x = call(w, 100, 3, procedure);

	string(x, dir);
	string(x, name);
	if (procedure == 8) {
		w32(x, 0);
		zero(x, 12);
		w32(x, 1);
		w64(x, 0);
		zero(x, 8);
	}
	asked(w);
	x = reply(w, 100);
	w32(x, 0);
	if (procedure == 8)
		w32(x, 1);
	string(x, file);
	attributes3(x, size, 1);
	zero(x, 8);
	answered(w);
}

static void read3_call(struct world *w, uint32_t xid, const char *file, uint64_t offset,
		       uint32_t count)
{
	struct xdr *x = call(w, xid, 3, 6);

	string(x, file);
	w64(x, offset);
	w32(x, count);
}

static void read3_reply(struct world *w, uint32_t xid, uint64_t size, const char *data,
			bool eof)
{
	struct xdr *x = reply(w, xid);

	w32(x, 0);
	attributes3(x, size, 1);
	w32(x, (uint32_t)strlen(data));
	w32(x, eof);
	string(x, data);
}

static void read3(struct world *w, uint32_t xid, const char *file, uint64_t offset,
		  const char *data, uint64_t size)
{
	read3_call(w, xid, file, offset, 4096);
	asked(w);
	read3_reply(w, xid, size, data, offset + strlen(data) == size);
	answered(w);
}

static void write3_call(struct world *w, uint32_t xid, const char *file, uint64_t offset,
			const char *data)
{
	struct xdr *x = call(w, xid, 3, 7);

	string(x, file);
	w64(x, offset);
	w32(x, (uint32_t)strlen(data));
	w32(x, 0);
	string(x, data);
}

static void write3_reply(struct world *w, uint32_t xid, uint64_t size, uint32_t count,
			 uint32_t stable)
{
	struct xdr *x = reply(w, xid);

	w32(x, 0);
	w32(x, 1); /* before */
	zero(x, 24);
	attributes3(x, size, 2);
	w32(x, count);
	w32(x, stable);
	zero(x, 8);
}

static void write3(struct world *w, uint32_t xid, const char *file, uint64_t offset,
		   const char *data, uint64_t size, uint32_t stable)
{
	write3_call(w, xid, file, offset, data);
	asked(w);
	write3_reply(w, xid, size, (uint32_t)strlen(data), stable);
	answered(w);
}

static void commit3(struct world *w, uint32_t xid, const char *file, uint64_t size)
{
	struct xdr *x = call(w, xid, 3, 21);

	string(x, file);
	zero(x, 12);
	asked(w);
	x = reply(w, xid);
	w32(x, 0);
	w32(x, 0);
	attributes3(x, size, 2);
	zero(x, 8);
	answered(w);
}

static void setsize3(struct world *w, uint32_t xid, const char *file, uint64_t size)
{
	struct xdr *x = call(w, xid, 3, 2);

	string(x, file);
	zero(x, 12);
	w32(x, 1);
	w64(x, size);
	zero(x, 12);
	asked(w);
	x = reply(w, xid);
	w32(x, 0);
	w32(x, 0);
	attributes3(x, size, 2);
	answered(w);
}

/* Something else, later. */
static void later(struct world *w, uint64_t seconds)
{
	w->c.time += seconds * SECOND;
	named3(w, 3, "root", "other", "handle-of-other", 1);
}

static enum file_reason reason(struct world *w, size_t i)
{
	return i < w->c.files ? w->c.seen[i].reason : FILE_REASON_COUNT;
}

#endif
