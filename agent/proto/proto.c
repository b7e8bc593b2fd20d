// SPDX-License-Identifier: MIT
/*
 * Sessions and the detection of their protocol.
 */
#include "proto/proto.h"

#include "lib/buf.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* First bytes kept per direction while no parser is chosen. */
#define HEAD_MAX 4096
/*
 * What is of no known protocol may be a preface to one that is, SOCKS for one: so
 * often detection begins anew with what comes next.
 */
#define RESTARTS_MAX 4
/* One protocol in another in another. */
#define HANDOVERS_MAX 4
/* Bytes of a direction that a parser hands over. */
#define REST_MAX (1u << 20)

/* In this order: the first that says yes has the session. */
static const struct proto_ops *const protocols[] = {
	&proto_http2, &proto_http1, &proto_tls, &proto_smtp, &proto_pop3, &proto_imap,
	&proto_ftp,   &proto_smb,   &proto_nfs, &proto_tftp, &proto_quic,
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

struct head {
	uint8_t *p; /* HEAD_MAX bytes, allocated with the first of them */
	size_t n;
	uint64_t lead_gap; /* lost before the first byte, or in what was passed over */
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
	uint64_t unwanted[DIR_COUNT]; /* behind what the parser was given */
	bool handed;		      /* it wants to be replaced */
	void *expected;		      /* for open() */
	uint32_t handovers;
	uint32_t datagrams; /* nobody wanted */
	uint32_t restarts;  /* of detection */
	uint32_t files;
	enum dir client; /* of the conversation, as far as is known */
	struct head head[DIR_COUNT];
	struct buf rest[DIR_COUNT]; /* of what was handed over */
	bool rest_whole[DIR_COUNT];
	struct sighting context;
	bool has_context;
	const char *application; /* NULL: as its parser says */
	const char *carrier;	 /* parser that handed it over; NULL: none */
	bool starttls;
};

static void heads_free(struct proto_session *ps)
{
	for (int d = 0; d < DIR_COUNT; d++) {
		free(ps->head[d].p);
		ps->head[d].p = NULL;
		ps->head[d].n = 0;
	}
}

struct proto_session *proto_session_new(struct proto_env *env, const struct session_info *info)
{
	struct proto_session *ps = calloc(1, sizeof(*ps));

	if (!ps)
		return NULL;
	ps->env = env;
	ps->info = *info;
	for (int d = 0; d < DIR_COUNT; d++)
		buf_init(&ps->rest[d], REST_MAX);
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

void proto_session_skip(struct proto_session *ps, enum dir dir, uint64_t n)
{
	ps->unwanted[dir] = n;
}

uint64_t proto_session_unwanted(const struct proto_session *ps, enum dir dir)
{
	return ps->done ? 0 : ps->unwanted[dir];
}

/* The parser is about to be given n bytes of a direction. */
static void count_unwanted(struct proto_session *ps, enum dir dir, uint64_t n)
{
	uint64_t *left = &ps->unwanted[dir];

	if (*left != UINT64_MAX)
		*left = *left > n ? *left - n : 0;
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

/* ------------------------------------------------------- the chosen parser */

static void rests_reset(struct proto_session *ps)
{
	for (int d = 0; d < DIR_COUNT; d++)
		buf_reset(&ps->rest[d]);
}

/* After every call of a parser: it may have asked to be replaced. */
static void follow(struct proto_session *ps, uint64_t time)
{
	struct buf rest[DIR_COUNT];
	bool whole[DIR_COUNT];

	if (!ps->handed)
		return;
	ps->handed = false;
	ps->carrier = ps->ops->name;
	ps->ops->close(ps->state, FILE_REASON_NONE, time);
	ps->ops = NULL;
	ps->state = NULL;
	ps->application = NULL;
	ps->restarts = 0;
	heads_free(ps);
	for (int d = 0; d < DIR_COUNT; d++) {
		ps->unwanted[d] = 0;
		ps->head[d].whole = ps->head[d].eof = false;
		rest[d] = ps->rest[d];
		whole[d] = ps->rest_whole[d];
		buf_init(&ps->rest[d], REST_MAX);
	}
	for (int d = 0; d < DIR_COUNT; d++)
		proto_session_data(ps, d, rest[d].data, rest[d].len, time);
	for (int d = 0; d < DIR_COUNT; d++) {
		if (whole[d])
			proto_session_eof(ps, d, time);
		buf_free(&rest[d]);
	}
}

static void give_data(struct proto_session *ps, enum dir dir, const uint8_t *p, size_t n,
		      uint64_t time)
{
	count_unwanted(ps, dir, n);
	ps->ops->data(ps->state, dir, p, n, time);
	follow(ps, time);
}

static void give_gap(struct proto_session *ps, enum dir dir, uint64_t n, uint64_t time)
{
	count_unwanted(ps, dir, n);
	ps->ops->gap(ps->state, dir, n, time);
	follow(ps, time);
}

static void give_eof(struct proto_session *ps, enum dir dir, uint64_t time)
{
	ps->head[dir].eof = true;
	ps->ops->eof(ps->state, dir, time);
	follow(ps, time);
}

static bool start(struct proto_session *ps, const struct proto_ops *ops)
{
	ps->ops = ops;
	ps->state = ops->open(ps);
	if (ps->state)
		return true;
	ps->ops = NULL;
	heads_free(ps);
	proto_session_done(ps);
	return false;
}

/*
 * Hands what was kept to the chosen parser.  One that hands over while it gets it
 * cannot know of what is kept of the other direction: that follows its rest.
 */
static void replay(struct proto_session *ps)
{
	struct head head[DIR_COUNT];

	for (int d = 0; d < DIR_COUNT; d++) {
		head[d] = ps->head[d];
		ps->head[d].p = NULL;
		ps->head[d].n = 0;
		ps->head[d].lead_gap = 0;
		ps->head[d].whole = ps->head[d].eof = false;
	}
	for (int d = 0; d < DIR_COUNT; d++) {
		proto_session_gap(ps, d, head[d].lead_gap, head[d].time);
		proto_session_data(ps, d, head[d].p, head[d].n, head[d].time);
		if (head[d].eof)
			proto_session_eof(ps, d, head[d].time);
		free(head[d].p);
	}
}

/* ----------------------------------------------------------------- detection */

static bool detect_expected(struct proto_session *ps, uint64_t time)
{
	struct expectation e;

	if (!ps->env->expected || ps->handovers ||
	    !expect_take(ps->env->expected, &ps->info, time, &e))
		return false;
	counter_add(ps->env->counters, COUNTER_SESSIONS_EXPECTED, 1);
	ps->expected = e.arg;
	if (!start(ps, e.ops)) {
		if (ps->expected)
			e.release(ps->expected);
		ps->expected = NULL;
	}
	return true;
}

static void detect(struct proto_session *ps)
{
	struct proto_head head[DIR_COUNT];
	bool more = false;

	for (int d = 0; d < DIR_COUNT; d++)
		head[d] = (struct proto_head){
			.p = ps->head[d].p, .n = ps->head[d].n, .whole = ps->head[d].whole};
	for (size_t i = 0; i < COUNT_OF(protocols); i++) {
		enum probe r = protocols[i]->probe ? protocols[i]->probe(head) : PROBE_NO;

		if (r == PROBE_YES) {
			if (start(ps, protocols[i]))
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

/* ------------------------------------------------------------------- streams */

void proto_session_data(struct proto_session *ps, enum dir dir, const uint8_t *p, size_t n,
			uint64_t time)
{
	struct head *h = &ps->head[dir];
	size_t take;

	if (ps->done || !n)
		return;
	if (!ps->ops && detect_expected(ps, time))
		replay(ps);
	if (!ps->ops && !ps->done) {
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
		/* A parser found and gone already, or a preface passed over. */
		if (!ps->ops && !ps->done && n) {
			proto_session_data(ps, dir, p, n, time);
			return;
		}
	}
	if (ps->ops && !ps->done && n)
		give_data(ps, dir, p, n, time);
}

void proto_session_gap(struct proto_session *ps, enum dir dir, uint64_t n, uint64_t time)
{
	struct head *h = &ps->head[dir];

	if (ps->done || !n)
		return;
	if (!ps->ops && detect_expected(ps, time))
		replay(ps);
	if (!ps->ops && !h->n) {
		h->lead_gap += n;
		h->time = time;
		return;
	}
	if (!ps->ops)
		force(ps, dir);
	if (ps->ops && !ps->done)
		give_gap(ps, dir, n, time);
	else
		h->lead_gap += n;
}

void proto_session_eof(struct proto_session *ps, enum dir dir, uint64_t time)
{
	if (ps->done)
		return;
	if (ps->ops) {
		give_eof(ps, dir, time);
		return;
	}
	ps->head[dir].whole = true;
	ps->head[dir].eof = true;
	ps->head[dir].time = time;
	if (ps->head[DIR_OPENER].n || ps->head[DIR_ANSWERER].n)
		detect(ps);
}

/* ----------------------------------------------------------------- datagrams */

static bool detect_datagram(struct proto_session *ps, enum dir dir, const uint8_t *p, size_t n)
{
	bool more = false;

	for (size_t i = 0; i < COUNT_OF(protocols); i++) {
		enum probe r = protocols[i]->probe_datagram
				       ? protocols[i]->probe_datagram(dir, p, n)
				       : PROBE_NO;

		if (r == PROBE_YES)
			return start(ps, protocols[i]);
		more |= r == PROBE_MORE;
	}
	if (more && ++ps->datagrams < DATAGRAMS_PROBED)
		return false;
	counter_add(ps->env->counters, COUNTER_SESSIONS_UNKNOWN, 1);
	proto_session_done(ps);
	return false;
}

void proto_session_datagram(struct proto_session *ps, enum dir dir, const uint8_t *p, size_t n,
			    uint64_t time)
{
	if (ps->done)
		return;
	if (!ps->ops && !detect_expected(ps, time) && !detect_datagram(ps, dir, p, n))
		return;
	if (ps->ops && !ps->done)
		ps->ops->datagram(ps->state, dir, p, n, time);
}

/* ----------------------------------------------------------------------- end */

void proto_session_free(struct proto_session *ps, enum file_reason reason, uint64_t time)
{
	if (!ps)
		return;
	if (ps->info.protocol != IPPROTO_UDP && !ps->ops && !ps->done &&
	    (ps->head[0].n || ps->head[1].n || ps->restarts)) {
		ps->restarts = RESTARTS_MAX;
		force(ps, DIR_OPENER);
	}
	if (ps->state)
		ps->ops->close(ps->state, reason, time);
	heads_free(ps);
	for (int d = 0; d < DIR_COUNT; d++)
		buf_free(&ps->rest[d]);
	sighting_free(&ps->context);
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

/* The ends change places, and with them whatever is one end's. */
static void reverse(struct sighting *s)
{
	struct session_info *i = &s->session, was = *i;

	for (int d = 0; d < DIR_COUNT; d++) {
		i->end[d] = was.end[dir_other(d)];
		i->nat[d] = was.nat[dir_other(d)];
	}
	if (was.local)
		i->local = was.local == SESSION_LOCAL_OPENER ? SESSION_LOCAL_ANSWERER
							     : SESSION_LOCAL_OPENER;
	memcpy(i->in_name, was.out_name, sizeof(i->in_name));
	memcpy(i->out_name, was.in_name, sizeof(i->out_name));
	s->direction =
		s->direction == DIRECTION_DOWNLOAD ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD;
}

void proto_session_client(struct proto_session *ps, enum dir client)
{
	ps->client = client;
}

void proto_session_sighting(struct proto_session *ps, struct sighting *s, enum dir sender,
			    const char *application)
{
	sighting_init(s);
	s->session = ps->info;
	s->direction = sender == DIR_ANSWERER ? DIRECTION_DOWNLOAD : DIRECTION_UPLOAD;
	s->number = ps->files++;
	sighting_set(s, SIGHTING_APPLICATION, application, strlen(application));
	if (ps->client == DIR_ANSWERER)
		reverse(s);
}

void proto_session_refine(struct proto_session *ps, struct sighting *s)
{
	const char *application = sighting_get(s, SIGHTING_APPLICATION);
	const char *host = sighting_get(s, SIGHTING_HTTP_HOST), *refined;

	if (!ps->env->refine || !application || !host)
		return;
	refined = ps->env->refine(ps->env->arg, application, host,
				  s->text_len[SIGHTING_HTTP_HOST]);
	if (strcmp(refined, application) != 0)
		sighting_set(s, SIGHTING_APPLICATION, refined, strlen(refined));
}

void proto_session_rename(struct proto_session *ps, const char *application)
{
	ps->application = application;
}

const char *proto_session_name(const struct proto_session *ps, const char *application)
{
	return ps->application ? ps->application : application;
}

bool proto_session_handover(struct proto_session *ps, const struct proto_head rest[DIR_COUNT],
			    const struct sighting *context)
{
	bool ok = ps->handovers < HANDOVERS_MAX && !ps->handed;

	for (int d = 0; ok && d < DIR_COUNT; d++) {
		ok = buf_add(&ps->rest[d], rest[d].p, rest[d].n);
		ps->rest_whole[d] = rest[d].whole;
	}
	if (ok && ps->has_context)
		sighting_free(&ps->context);
	ps->has_context = ok && context;
	if (ps->has_context)
		ok = sighting_copy(&ps->context, context);
	if (!ok) {
		ps->has_context = false;
		rests_reset(ps);
		proto_session_done(ps);
		return false;
	}
	ps->handovers++;
	ps->handed = true;
	counter_add(ps->env->counters, COUNTER_SESSIONS_HANDED_OVER, 1);
	return true;
}

void proto_session_starttls(struct proto_session *ps, enum dir dir, const uint8_t *p, size_t n)
{
	struct proto_head rest[DIR_COUNT] = {0};

	rest[dir] = (struct proto_head){.p = p, .n = n};
	counter_add(ps->env->counters, COUNTER_SESSIONS_TLS, 1);
	ps->starttls = proto_session_handover(ps, rest, NULL);
}

const char *proto_session_carrier(const struct proto_session *ps, bool *starttls)
{
	*starttls = ps->starttls;
	return ps->carrier;
}

void proto_session_note(struct proto_session *ps, struct session_note *note,
			const char *application, uint64_t time)
{
	const char *name = application;

	if (!ps->env->note)
		return;
	note->session = ps->info;
	note->time = time;
	if (ps->env->refine && note->server_name[0])
		name = ps->env->refine(ps->env->arg, application, note->server_name,
				       strlen(note->server_name));
	snprintf(note->application, sizeof(note->application), "%s", name);
	snprintf(note->carrier, sizeof(note->carrier), "%s", ps->carrier ? ps->carrier : "");
	ps->env->note(ps->env->arg, note);
}

const struct sighting *proto_session_context(const struct proto_session *ps)
{
	return ps->has_context ? &ps->context : NULL;
}

void *proto_session_expected(struct proto_session *ps)
{
	void *arg = ps->expected;

	ps->expected = NULL;
	return arg;
}
