// SPDX-License-Identifier: MIT
/*
 * Sessions and the detection of their protocol.
 */
#include "proto/proto.h"

#include <stdlib.h>
#include <string.h>

/* First bytes kept per direction while no parser is chosen. */
#define HEAD_MAX 4096
/*
 * What is of no known protocol may be a preface to one that is, SOCKS for one: so
 * often detection begins anew with what comes next.
 */
#define RESTARTS_MAX 4

static const struct proto_ops *const protocols[] = {
	&proto_http1,
};

struct head {
	uint8_t *p; /* HEAD_MAX bytes, allocated with the first of them */
	size_t n;
	uint64_t lead_gap; /* lost before the first byte */
	uint64_t time;
	bool whole; /* no more can be added: a hole, an end or no room */
	bool eof;
};

struct proto_session {
	struct proto_env *env;
	struct session_info info;
	const struct proto_ops *ops; /* NULL: not yet known */
	void *state;
	bool done;
	uint32_t restarts; /* of detection */
	uint32_t files;
	struct head head[DIR_COUNT];
};

static void heads_free(struct proto_session *ps)
{
	for (int d = 0; d < DIR_COUNT; d++) {
		free(ps->head[d].p);
		ps->head[d].p = NULL;
		ps->head[d].n = 0;
		ps->head[d].lead_gap = 0;
	}
}

struct proto_session *proto_session_new(struct proto_env *env, const struct session_info *info)
{
	struct proto_session *ps = calloc(1, sizeof(*ps));

	if (!ps)
		return NULL;
	ps->env = env;
	ps->info = *info;
	return ps;
}

void proto_session_done(struct proto_session *ps)
{
	if (ps->done)
		return;
	ps->done = true;
	if (ps->env->shunt)
		ps->env->shunt(ps->env->arg, &ps->info);
}

static void unknown(struct proto_session *ps)
{
	heads_free(ps);
	for (int d = 0; d < DIR_COUNT; d++)
		ps->head[d].whole = ps->head[d].eof;
	if (ps->restarts++ < RESTARTS_MAX)
		return;
	counter_add(ps->env->counters, COUNTER_SESSIONS_UNKNOWN, 1);
	proto_session_done(ps);
}

/* Hands what was kept to the chosen parser. */
static void replay(struct proto_session *ps)
{
	for (int d = 0; d < DIR_COUNT; d++) {
		struct head *h = &ps->head[d];

		if (h->lead_gap && !ps->done)
			ps->ops->gap(ps->state, d, h->lead_gap, h->time);
		if (h->n && !ps->done)
			ps->ops->data(ps->state, d, h->p, h->n, h->time);
		if (h->eof && !ps->done)
			ps->ops->eof(ps->state, d, h->time);
	}
	heads_free(ps);
}

static void detect(struct proto_session *ps)
{
	struct proto_head head[DIR_COUNT];
	bool more = false;

	for (int d = 0; d < DIR_COUNT; d++)
		head[d] = (struct proto_head){
			.p = ps->head[d].p, .n = ps->head[d].n, .whole = ps->head[d].whole};
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		enum probe r = protocols[i]->probe(head);

		if (r == PROBE_YES) {
			ps->ops = protocols[i];
			ps->state = ps->ops->open(ps);
			if (!ps->state) {
				heads_free(ps);
				proto_session_done(ps);
				return;
			}
			replay(ps);
			return;
		}
		more |= r == PROBE_MORE;
	}
	if (!more)
		unknown(ps);
}

/* Nothing can be added to a head any more: decide with what is there. */
static void force(struct proto_session *ps, enum dir dir)
{
	uint32_t restarts = ps->restarts;

	ps->head[dir].whole = true;
	detect(ps);
	if (ps->ops || ps->done || ps->restarts != restarts)
		return;
	/* The other direction has not spoken and this one's room is used up. */
	ps->head[dir_other(dir)].whole = true;
	detect(ps);
	if (!ps->ops && !ps->done && ps->restarts == restarts)
		unknown(ps);
}

void proto_session_data(struct proto_session *ps, enum dir dir, const uint8_t *p, size_t n,
			uint64_t time)
{
	struct head *h = &ps->head[dir];
	size_t take;

	if (ps->done || !n)
		return;
	if (!ps->ops) {
		if (!h->p)
			h->p = malloc(HEAD_MAX);
		if (!h->p) {
			proto_session_done(ps);
			return;
		}
		take = n < HEAD_MAX - h->n ? n : HEAD_MAX - h->n;
		memcpy(h->p + h->n, p, take);
		h->n += take;
		h->time = time;
		if (h->n == HEAD_MAX)
			force(ps, dir);
		else
			detect(ps);
		p += take;
		n -= take;
	}
	if (ps->ops && !ps->done && n)
		ps->ops->data(ps->state, dir, p, n, time);
}

void proto_session_gap(struct proto_session *ps, enum dir dir, uint64_t n, uint64_t time)
{
	struct head *h = &ps->head[dir];

	if (ps->done || !n)
		return;
	if (!ps->ops && !h->n) {
		h->lead_gap += n;
		h->time = time;
		return;
	}
	if (!ps->ops)
		force(ps, dir);
	if (ps->ops && !ps->done)
		ps->ops->gap(ps->state, dir, n, time);
}

void proto_session_eof(struct proto_session *ps, enum dir dir, uint64_t time)
{
	if (ps->done)
		return;
	if (ps->ops) {
		ps->ops->eof(ps->state, dir, time);
		return;
	}
	ps->head[dir].whole = true;
	ps->head[dir].eof = true;
	ps->head[dir].time = time;
	if (ps->head[DIR_OPENER].n || ps->head[DIR_ANSWERER].n)
		detect(ps);
}

void proto_session_free(struct proto_session *ps, enum file_reason reason, uint64_t time)
{
	if (!ps)
		return;
	if (!ps->ops && !ps->done && (ps->head[0].n || ps->head[1].n || ps->restarts)) {
		ps->restarts = RESTARTS_MAX;
		force(ps, DIR_OPENER);
	}
	if (ps->state)
		ps->ops->close(ps->state, reason, time);
	heads_free(ps);
	free(ps);
}

bool proto_session_wanted(const struct proto_session *ps)
{
	return !ps->done;
}

struct proto_env *proto_session_env(struct proto_session *ps)
{
	return ps->env;
}

const struct session_info *proto_session_info(const struct proto_session *ps)
{
	return &ps->info;
}

void proto_session_sighting(struct proto_session *ps, struct sighting *s, enum dir sender,
			    const char *application)
{
	const char *vsys = ps->env->virtual_system;

	sighting_init(s);
	s->session = ps->info;
	s->direction = sender == DIR_ANSWERER ? DIRECTION_DOWNLOAD : DIRECTION_UPLOAD;
	s->number = ps->files++;
	sighting_set(s, SIGHTING_VIRTUAL_SYSTEM, vsys, vsys ? strlen(vsys) : 0);
	sighting_set(s, SIGHTING_APPLICATION, application, strlen(application));
}
