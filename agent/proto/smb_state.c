// SPDX-License-Identifier: MIT
/*
 * What a connection of SMB knows: requests that wait for their answer, open files.
 *
 * Open files are kept where all connections of the session find them (shared.h); here
 * stands only which of them this connection has to do with, and by what key they are found.
 */
#include "proto/smb.h"

#include "lib/log.h"

#include <stdlib.h>
#include <string.h>

struct known {
	struct table_entry entry;
	struct smb_fid fid;
	uint32_t tree;
	struct key key;
};

bool smb_state_init(struct smb *smb)
{
	static const struct shared_limits limits = SHARED_LIMITS_DEFAULT;

	if (!smb->env->shared)
		smb->own_shared = shared_set_new(&limits, smb->env->counters);
	smb->shared = smb->env->shared ? smb->env->shared : smb->own_shared;
	smb->requests = table_new(offsetof(struct smb_request, key),
				  sizeof(struct smb_request_key), SMB_REQUESTS_MAX);
	smb->opens =
		table_new(offsetof(struct known, fid), sizeof(struct smb_fid), SMB_OPENS_MAX);
	return smb_names_init(smb) && smb->shared && smb->requests && smb->opens;
}

/* ------------------------------------------------------------------- requests */

struct smb_request *smb_request_find(struct smb *smb, const struct smb_request_key *key)
{
	return (struct smb_request *)table_find(smb->requests, key);
}

static void request_free(struct smb *smb, struct smb_request *r, enum file_reason reason)
{
	table_remove(smb->requests, &r->entry);
	smb_open_free(r->open, reason, smb->time);
	free(r->share);
	free(r);
}

void smb_request_remove(struct smb *smb, struct smb_request *r)
{
	request_free(smb, r, FILE_REASON_PARTIAL);
}

struct smb_request *smb_request_add(struct smb *smb, const struct smb_request_key *key,
				    enum smb_op op, uint16_t command)
{
	struct smb_request *r = smb_request_find(smb, key);

	if (r)
		smb_request_remove(smb, r);
	if (table_count(smb->requests) >= SMB_REQUESTS_MAX) {
		log_warning_once("smb: %u requests without answer, the oldest is given up",
				 SMB_REQUESTS_MAX);
		counter_add(smb->env->counters, COUNTER_SMB_LIMITS, 1);
		smb_request_remove(smb, (struct smb_request *)table_oldest(smb->requests));
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->key = *key;
	r->op = op;
	r->command = command;
	if (table_add(smb->requests, &r->entry))
		return r;
	free(r);
	return NULL;
}

static void forget(struct smb *smb, enum file_reason reason)
{
	struct table_entry *e;

	while ((e = table_oldest(smb->requests)))
		request_free(smb, (struct smb_request *)e, reason);
}

void smb_requests_forget(struct smb *smb)
{
	forget(smb, FILE_REASON_GAP);
}

/* ----------------------------------------------------------------- open files */

static struct smb_open *open_at(struct smb *smb, const struct known *k)
{
	return shared_find(smb->shared, &k->key, smb->time);
}

static void known_free(struct smb *smb, struct known *k)
{
	table_remove(smb->opens, &k->entry);
	free(k);
}

static void lost(struct smb_open *o, bool written)
{
	o->lost = true;
	if (written)
		smb_open_doubt(o, FILE_REASON_GAP);
}

static void loss_drop(void *value, uint64_t time)
{
	free(value);
}

/* For files that only other connections have had to do with so far: when it was. */
static void publish_loss(struct smb *smb)
{
	uint64_t *loss;
	struct key key;

	if (!smb->guids[0] || !smb->guids[1] || !smb_key(smb, &key, "loss", NULL, 0))
		return;
	loss = shared_find(smb->shared, &key, smb->time);
	if (!loss) {
		loss = malloc(sizeof(*loss));
		if (loss && !shared_add(smb->shared, &key, loss, loss_drop, smb->time)) {
			free(loss);
			loss = NULL;
		}
	}
	if (loss)
		*loss = smb->time;
}

static void check_loss(struct smb *smb, struct smb_open *o)
{
	uint64_t *loss;
	struct key key;

	if (!o->writer || !smb->guids[0] || !smb->guids[1] ||
	    !smb_key(smb, &key, "loss", NULL, 0))
		return;
	loss = shared_find(smb->shared, &key, smb->time);
	if (loss && *loss >= o->begin)
		lost(o, true);
}

/* This connection has no more to do with it; the last one ends it. */
static void known_release(struct smb *smb, struct known *k, enum file_reason reason)
{
	struct smb_open *o = open_at(smb, k);

	if (o && --o->connections == 0) {
		check_loss(smb, o);
		o->end = reason;
		shared_remove(smb->shared, &k->key, smb->time);
	}
	known_free(smb, k);
}

static struct known *known_find(struct smb *smb, const struct smb_fid *fid)
{
	return (struct known *)table_find(smb->opens, fid);
}

static struct known *known_add(struct smb *smb, const struct smb_target *t)
{
	struct known *k;

	if (table_count(smb->opens) >= SMB_OPENS_MAX) {
		log_warning_once("smb: %u files open at once, the oldest is given up",
				 SMB_OPENS_MAX);
		counter_add(smb->env->counters, COUNTER_SMB_LIMITS, 1);
		known_release(smb, (struct known *)table_oldest(smb->opens),
			      FILE_REASON_OPEN_FILES);
	}
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->fid = t->fid;
	k->tree = t->tree;
	if (smb_key(smb, &k->key, "open", &k->fid, sizeof(k->fid)) &&
	    table_add(smb->opens, &k->entry))
		return k;
	free(k);
	return NULL;
}

/* A file this connection meets for the first time: another one may know it. */
static struct smb_open *meet(struct smb *smb, const struct smb_target *t, bool make)
{
	struct known *k = known_add(smb, t);
	struct smb_open *o = k ? open_at(smb, k) : NULL;
	enum smb_share type;
	const char *share;

	if (o) {
		o->connections++;
		return o;
	}
	share = smb_share_of(smb, t->fid.session, t->tree, &type);
	if (k && make && type != SMB_SHARE_PIPE)
		o = smb_open_new(smb_application(smb), NULL, share,
				 smb_user_of(smb, t->fid.session));
	if (o && !shared_add(smb->shared, &k->key, o, smb_open_drop, smb->time)) {
		smb_open_free(o, FILE_REASON_NONE, smb->time);
		o = NULL;
	}
	if (o) {
		o->connections = 1;
		o->begin = smb->time;
	} else if (k) {
		known_free(smb, k);
	}
	return o;
}

struct smb_open *smb_open_of(struct smb *smb, const struct smb_target *t, bool make)
{
	struct smb_request *r;
	struct smb_open *o;
	struct known *k;

	if (t->created) {
		r = smb_request_find(smb, &t->create);
		return r && r->op == SMB_CREATE ? r->open : NULL;
	}
	k = known_find(smb, &t->fid);
	o = k ? open_at(smb, k) : NULL;
	if (o) {
		table_touch(smb->opens, &k->entry);
		return o;
	}
	if (k)
		known_free(smb, k); /* closed over another connection, or forgotten */
	return meet(smb, t, make);
}

/* What the same message asks of the new file has its number from now on. */
static void resolve(struct smb_target *t, const struct smb_request_key *create,
		    const struct smb_fid *fid)
{
	if (!t->created || memcmp(&t->create, create, sizeof(*create)))
		return;
	t->created = false;
	t->fid = *fid;
}

static void resolve_all(struct smb *smb, const struct smb_request *create,
			const struct smb_fid *fid)
{
	const struct smb_request *r = create;
	struct smb_request *next;

	/* A chain ends, but what it consists of came from outside. */
	for (size_t i = 0; r && r->has_next && i < SMB_REQUESTS_MAX; i++, r = next) {
		next = smb_request_find(smb, &r->next);
		if (next)
			resolve(&next->target, &create->key, fid);
	}
	for (int d = 0; d < DIR_COUNT; d++) {
		resolve(&smb->stream[d].io.target, &create->key, fid);
		resolve(&smb->stream[d].target, &create->key, fid);
	}
}

void smb_created(struct smb *smb, struct smb_request *r, const struct smb_fid *fid)
{
	struct smb_target t = {.fid = *fid, .tree = r->tree};
	struct smb_open *o = r->open;
	struct known *k = known_find(smb, fid);

	resolve_all(smb, r, fid);
	if (k)
		known_release(smb, k, FILE_REASON_PARTIAL);
	r->open = NULL;
	k = o ? known_add(smb, &t) : NULL;
	if (k)
		shared_remove(smb->shared, &k->key, smb->time);
	if (k && shared_add(smb->shared, &k->key, o, smb_open_drop, smb->time)) {
		o->connections = 1;
		o->begin = smb->time;
		counter_add(smb->env->counters, COUNTER_SMB_FILES, 1);
		return;
	}
	if (k)
		known_free(smb, k);
	smb_open_free(o, FILE_REASON_OPEN_FILES, smb->time);
}

static void known_close(struct smb *smb, struct known *k, const uint64_t *size)
{
	struct smb_open *o = open_at(smb, k);

	if (o) {
		check_loss(smb, o);
		smb_open_close(o, size, smb->time);
	}
	shared_remove(smb->shared, &k->key, smb->time);
	known_free(smb, k);
}

void smb_closed(struct smb *smb, const struct smb_target *t, const uint64_t *size)
{
	struct known *k = t->created ? NULL : known_find(smb, &t->fid);

	if (k)
		known_close(smb, k, size);
}

/* k->next would be the bucket's; in order of use, newer ones follow. */
static struct known *known_next(const struct known *k)
{
	return (struct known *)k->entry.newer;
}

void smb_closed_all(struct smb *smb, uint64_t session, uint32_t tree, bool every)
{
	struct known *k, *next;

	for (k = (struct known *)table_oldest(smb->opens); k; k = next) {
		next = known_next(k);
		if (k->fid.session == session && (every || k->tree == tree))
			known_close(smb, k, NULL);
	}
}

void smb_lost(struct smb *smb, enum dir dir)
{
	bool written = !smb->client_known || dir == smb->client;
	struct smb_request *r;
	struct smb_open *o;

	for (struct known *k = (struct known *)table_oldest(smb->opens); k; k = known_next(k)) {
		o = open_at(smb, k);
		if (o)
			lost(o, written);
	}
	for (struct table_entry *e = table_oldest(smb->requests); e; e = e->newer) {
		r = (struct smb_request *)e;
		if (r->open)
			lost(r->open, written);
	}
	if (written)
		publish_loss(smb);
}

bool smb_idle(const struct smb *smb)
{
	return !table_count(smb->opens) && !table_count(smb->requests);
}

void smb_state_free(struct smb *smb, enum file_reason reason)
{
	struct table_entry *e;

	/* Both ends said goodbye, but nobody closed this file. */
	if (!reason)
		reason = FILE_REASON_RESET;
	if (smb->requests)
		forget(smb, reason);
	while (smb->opens && (e = table_oldest(smb->opens)))
		known_release(smb, (struct known *)e, reason);
	table_free(smb->requests);
	table_free(smb->opens);
	smb_names_free(smb);
	shared_set_free(smb->own_shared);
}
