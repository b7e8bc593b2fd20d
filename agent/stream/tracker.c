// SPDX-License-Identifier: MIT
#include "stream/tracker.h"

#include "lib/table.h"

#include <linux/sluice.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* A source uses the number or the ends; the others are zero. */
struct session_key {
	uint64_t id;
	struct endpoint low; /* the lesser in memcmp() order */
	struct endpoint high;
	uint16_t vlan[2];
	uint32_t protocol; /* in both */
};

_Static_assert(sizeof(struct session_key) == 8 + 2 * sizeof(struct endpoint) + 8,
	       "no padding in a key");

struct session {
	struct table_entry entry;
	struct session_key key;
	struct tracker *tracker;
	struct tcp *tcp;	     /* NULL with UDP, and once closed */
	struct proto_session *proto; /* NULL once closed: packets are ignored */
	uint64_t last;		     /* time of the last packet */
	bool opener_low;	     /* the opener is key.low */
	bool seen[DIR_COUNT];	     /* sent something */
	bool isn_known[DIR_COUNT];
	bool renewal; /* a SYN that may begin a new connection was seen */
	enum dir renewal_dir;
	uint32_t renewal_isn;
	uint32_t isn[DIR_COUNT];
};

/* The sessions of one protocol. */
struct family {
	struct table *table;
	size_t limit;
	uint64_t idle;
};

enum { FAMILY_TCP, FAMILY_UDP, FAMILY_COUNT };

struct tracker {
	enum tracker_source source;
	struct family family[FAMILY_COUNT];
	struct tcp_limits tcp_limits;
	struct tcp_pool pool;
	struct proto_env *env;
	struct counters *counters;
	struct session *recent; /* of the last packet: the next is often its neighbour */
	uint64_t next_id;
	uint64_t now;
};

struct tracker *tracker_new(enum tracker_source source, const struct tracker_limits *limits,
			    struct proto_env *env)
{
	struct tracker *t = calloc(1, sizeof(*t));
	size_t offset = offsetof(struct session, key), size = sizeof(uint64_t);

	if (!t)
		return NULL;
	if (source == TRACKER_CAPTURE) {
		offset = offsetof(struct session, key.low);
		size = sizeof(struct session_key) - sizeof(uint64_t);
	}
	t->source = source;
	t->tcp_limits = (struct tcp_limits)TCP_LIMITS_DEFAULT;
	t->pool = (struct tcp_pool)TCP_POOL_DEFAULT;
	t->tcp_limits.pool = &t->pool;
	t->env = env;
	t->counters = env->counters;
	t->family[FAMILY_TCP].limit = limits->sessions;
	t->family[FAMILY_TCP].idle = limits->idle;
	t->family[FAMILY_UDP].limit = limits->udp_sessions;
	t->family[FAMILY_UDP].idle = limits->udp_idle;
	for (int i = 0; i < FAMILY_COUNT; i++) {
		t->family[i].table = table_new(offset, size, t->family[i].limit);
		if (!t->family[i].table) {
			tracker_free(t);
			return NULL;
		}
	}
	return t;
}

static struct family *family_of(struct tracker *t, const struct session_key *key)
{
	return &t->family[key->protocol == IPPROTO_UDP ? FAMILY_UDP : FAMILY_TCP];
}

static struct session *family_oldest(const struct family *f)
{
	return (struct session *)table_oldest(f->table);
}

/* ----------------------------------------------------------------- session */

/* The parser may have said, in the call that has just returned, what it does not want. */
static void skip_unwanted(struct session *s)
{
	for (int dir = 0; s->tracker->env->skip && dir < DIR_COUNT; dir++)
		tcp_skip(s->tcp, dir, proto_session_unwanted(s->proto, dir));
}

static void sink_data(void *arg, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct session *s = arg;

	proto_session_data(s->proto, dir, p, n, time);
	skip_unwanted(s);
}

static void sink_gap(void *arg, enum dir dir, uint64_t n, uint64_t time)
{
	struct session *s = arg;

	proto_session_gap(s->proto, dir, n, time);
	skip_unwanted(s);
}

static void sink_eof(void *arg, enum dir dir, uint64_t time)
{
	struct session *s = arg;

	proto_session_eof(s->proto, dir, time);
}

static void sink_skip(void *arg, enum dir dir, uint32_t sequence, uint64_t n)
{
	struct session *s = arg;
	struct proto_env *env = s->tracker->env;

	env->skip(env->arg, proto_session_info(s->proto), dir, sequence, n);
}

/* The entry stays, so that late packets do not look like a new session. */
static void session_close(struct session *s, enum file_reason reason, uint64_t time)
{
	if (!s->proto)
		return;
	if (s->tcp) {
		tcp_flush(s->tcp, time);
		tcp_free(s->tcp);
	}
	proto_session_free(s->proto, reason, time);
	s->tcp = NULL;
	s->proto = NULL;
}

static void session_free(struct session *s, enum file_reason reason, uint64_t time)
{
	struct tracker *t = s->tracker;

	session_close(s, reason, time);
	table_remove(family_of(t, &s->key)->table, &s->entry);
	if (t->recent == s)
		t->recent = NULL;
	free(s);
}

static bool session_open(struct session *s, const struct session_info *info)
{
	struct tcp_sink sink = {.data = sink_data, .gap = sink_gap, .eof = sink_eof};
	bool stream = info->protocol != IPPROTO_UDP;
	struct tracker *t = s->tracker;

	if (t->env->skip)
		sink.skip = sink_skip;
	s->proto = proto_session_new(t->env, info);
	if (stream)
		s->tcp = tcp_new(&t->tcp_limits, t->counters, &sink, s);
	if (!s->proto || (stream && !s->tcp)) {
		tcp_free(s->tcp);
		if (s->proto)
			proto_session_free(s->proto, FILE_REASON_NONE, info->start);
		s->tcp = NULL;
		s->proto = NULL;
		return false;
	}
	counter_add(t->counters, COUNTER_SESSIONS, 1);
	return true;
}

/* A session not yet open in the table; NULL and counted when that cannot be. */
static struct session *session_add(struct tracker *t, const struct session_key *key,
				   uint64_t time)
{
	struct family *f = family_of(t, key);
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		goto refused;
	s->tracker = t;
	s->key = *key;
	s->last = time;
	if (table_count(f->table) >= f->limit) {
		struct session *oldest = family_oldest(f);

		if (oldest)
			session_free(oldest, FILE_REASON_TIMEOUT, time);
	}
	if (!table_add(f->table, &s->entry)) {
		free(s);
		goto refused;
	}
	t->recent = s;
	return s;

refused:
	counter_add(t->counters, COUNTER_SESSIONS_REFUSED, 1);
	return NULL;
}

static void session_segment(struct session *s, const struct tcp_segment *segment)
{
	enum tcp_end end = tcp_segment(s->tcp, segment);

	if (end == TCP_CLOSED_FIN)
		session_close(s, FILE_REASON_NONE, segment->time);
	else if (end == TCP_CLOSED_RST)
		session_close(s, FILE_REASON_RESET, segment->time);
	else if (!proto_session_wanted(s->proto))
		session_close(s, FILE_REASON_NONE, segment->time);
}

/* One cut by the capture is no whole datagram: nobody could say what was in it. */
static void session_datagram(struct session *s, enum dir dir, const struct datagram *d)
{
	if (!s->proto)
		return;
	if (d->wire_len > d->len) {
		counter_add(s->tracker->counters, COUNTER_DATAGRAMS_CUT, 1);
		return;
	}
	proto_session_datagram(s->proto, dir, d->payload, d->len, d->time);
	if (!proto_session_wanted(s->proto))
		session_close(s, FILE_REASON_NONE, d->time);
}

void tracker_expire(struct tracker *t, uint64_t now)
{
	for (int i = 0; i < FAMILY_COUNT; i++) {
		const struct family *f = &t->family[i];
		struct session *s;

		while ((s = family_oldest(f)) && now > s->last && now - s->last > f->idle)
			session_free(s, FILE_REASON_TIMEOUT, now);
	}
}

static void family_finish(const struct family *f)
{
	struct session *s;

	while ((s = family_oldest(f)))
		session_free(s, FILE_REASON_TIMEOUT, s->last);
}

void tracker_finish(struct tracker *t)
{
	for (int i = 0; i < FAMILY_COUNT; i++)
		family_finish(&t->family[i]);
}

void tracker_free(struct tracker *t)
{
	if (!t)
		return;
	for (int i = 0; i < FAMILY_COUNT && t->family[i].table; i++) {
		family_finish(&t->family[i]);
		table_free(t->family[i].table);
	}
	free(t);
}

static struct session *session_find(struct tracker *t, const struct session_key *key)
{
	struct table *table = family_of(t, key)->table;
	struct session *s = t->recent;

	if (!s || memcmp(&s->key, key, sizeof(*key)) != 0) {
		const void *k = t->source == TRACKER_RING ? (const void *)&key->id : &key->low;

		s = (struct session *)table_find(table, k);
		if (!s)
			return NULL;
		t->recent = s;
		table_touch(table, &s->entry);
	}
	return s;
}

/* ------------------------------------------------------------ capture file */

static bool is_datagram(const struct frame *f)
{
	return f->protocol == IPPROTO_UDP;
}

static uint64_t time_of(const struct frame *f)
{
	return is_datagram(f) ? f->udp.time : f->tcp.time;
}

/*
 * How likely a port is that of who answers: one of the old services, NFS, the reserved
 * ports that its clients call from, any other.
 */
static unsigned int port_rank(uint16_t port)
{
	if (port == 2049)
		return 2;
	if (port >= 1024)
		return 0;
	return port < 512 ? 3 : 1;
}

/*
 * Who opened a session of which this is the first packet?  A SYN says so.  Else the
 * ports do; where they do not, as when a TFTP server answers, who speaks first.
 */
static bool source_opened(const struct frame *f)
{
	if (!is_datagram(f) && f->tcp.flags & TCP_SYN)
		return !(f->tcp.flags & TCP_ACK);
	return port_rank(f->source.port) <= port_rank(f->destination.port);
}

static bool source_is_low(const struct frame *f)
{
	return memcmp(&f->source, &f->destination, sizeof(f->source)) <= 0;
}

static bool capture_open(struct session *s, const struct frame *f, bool by_source)
{
	const struct endpoint *opener = by_source ? &f->source : &f->destination;
	const struct endpoint *answerer = by_source ? &f->destination : &f->source;
	struct session_info info = {
		.id = ++s->tracker->next_id,
		.start = time_of(f),
		.end = {*opener, *answerer},
		.vlan = {f->vlan[0], f->vlan[1]},
		.uid = UINT32_MAX,
		.share_mask = SLUICE_SHARE_ALL,
		.protocol = f->protocol,
		.midstream = is_datagram(f) ? !by_source : !(f->tcp.flags & TCP_SYN),
	};

	s->opener_low = source_is_low(f) == by_source;
	memset(s->seen, 0, sizeof(s->seen));
	memset(s->isn_known, 0, sizeof(s->isn_known));
	s->renewal = false;
	return session_open(s, &info);
}

static enum dir direction_of(const struct session *s, const struct frame *f)
{
	return source_is_low(f) == s->opener_low ? DIR_OPENER : DIR_ANSWERER;
}

/*
 * Does this SYN begin a new connection between the same ends?  While the old one
 * is open a lone SYN may be forged, and the other end would only answer it
 * when it means a new connection: so that answer decides.  Where the other end was
 * never heard there is no answer to wait for.
 */
static bool begins_anew(struct session *s, const struct frame *f, enum dir dir)
{
	const struct tcp_segment *g = &f->tcp;

	if (!(g->flags & TCP_SYN) || g->flags & TCP_RST ||
	    (s->isn_known[dir] && s->isn[dir] == g->sequence))
		return false;
	/* A SYN that was only captured late belongs to the session it opened. */
	if (!s->isn_known[dir] && s->tcp)
		return false;
	if (!s->tcp || !s->seen[dir_other(dir)])
		return true;
	if (g->flags & TCP_ACK)
		return s->renewal && s->renewal_dir != dir &&
		       g->acknowledgment == s->renewal_isn + 1;
	s->renewal = true;
	s->renewal_dir = dir;
	s->renewal_isn = g->sequence;
	return false;
}

static void renew(struct session *s, const struct frame *f)
{
	bool answer = f->tcp.flags & TCP_ACK;
	bool pair = answer && s->renewal;
	struct tcp_segment syn = {
		.dir = DIR_OPENER,
		.flags = TCP_SYN,
		.sequence = s->renewal_isn,
		.time = f->tcp.time,
	};

	session_close(s, FILE_REASON_RESET, f->tcp.time);
	if (!capture_open(s, f, !answer) || !pair)
		return;
	/* The SYN itself went by while the old connection was still believed in. */
	s->isn[DIR_OPENER] = syn.sequence;
	s->isn_known[DIR_OPENER] = true;
	s->seen[DIR_OPENER] = true;
	session_segment(s, &syn);
}

static void frame_segment(struct session *s, const struct frame *f)
{
	struct tcp_segment segment = f->tcp;

	if (!s->tcp)
		return;
	segment.dir = direction_of(s, f);
	s->seen[segment.dir] = true;
	if (segment.flags & TCP_SYN && !s->isn_known[segment.dir]) {
		s->isn[segment.dir] = segment.sequence;
		s->isn_known[segment.dir] = true;
	}
	session_segment(s, &segment);
}

void tracker_frame(struct tracker *t, const struct frame *f)
{
	bool low = source_is_low(f);
	struct session_key key = {
		.low = low ? f->source : f->destination,
		.high = low ? f->destination : f->source,
		.vlan = {f->vlan[0], f->vlan[1]},
		.protocol = f->protocol,
	};
	uint8_t flags = is_datagram(f) ? 0 : f->tcp.flags;
	uint64_t time = time_of(f);
	struct session *s;

	if (time > t->now) {
		t->now = time;
		tracker_expire(t, t->now);
	}
	s = session_find(t, &key);
	if (!s) {
		/* Nothing to follow: neither bytes nor a begin. */
		if (flags & TCP_RST)
			return;
		s = session_add(t, &key, time);
		if (!s || !capture_open(s, f, source_opened(f)))
			return;
	} else if (flags & TCP_SYN && begins_anew(s, f, direction_of(s, f))) {
		renew(s, f);
	}
	s->last = time;
	if (is_datagram(f))
		session_datagram(s, direction_of(s, f), &f->udp);
	else
		frame_segment(s, f);
}

/* -------------------------------------------------------------------- ring */

static struct session *ring_find(struct tracker *t, uint64_t id, uint32_t protocol)
{
	struct session_key key = {.id = id, .protocol = protocol};

	return session_find(t, &key);
}

bool tracker_begin(struct tracker *t, const struct session_info *info)
{
	struct session_key key = {.id = info->id, .protocol = info->protocol};
	struct session *s;

	if (ring_find(t, info->id, IPPROTO_TCP) || ring_find(t, info->id, IPPROTO_UDP))
		return false;
	s = session_add(t, &key, info->start);
	if (s)
		session_open(s, info);
	return true;
}

void tracker_segment(struct tracker *t, uint64_t session, const struct tcp_segment *segment)
{
	struct session *s = ring_find(t, session, IPPROTO_TCP);

	if (!s) {
		counter_add(t->counters, COUNTER_SESSIONS_REFUSED, 1);
		return;
	}
	s->last = segment->time;
	if (s->tcp)
		session_segment(s, segment);
}

void tracker_datagram(struct tracker *t, uint64_t session, enum dir dir, const uint8_t *p,
		      size_t n, uint64_t time)
{
	const struct datagram d = {.payload = p, .len = n, .wire_len = n, .time = time};
	struct session *s = ring_find(t, session, IPPROTO_UDP);

	if (!s) {
		counter_add(t->counters, COUNTER_SESSIONS_REFUSED, 1);
		return;
	}
	s->last = time;
	session_datagram(s, dir, &d);
}

void tracker_end(struct tracker *t, uint64_t session, enum file_reason reason, uint64_t time)
{
	struct session *s = ring_find(t, session, IPPROTO_TCP);

	if (!s)
		s = ring_find(t, session, IPPROTO_UDP);
	if (s)
		session_free(s, reason, time);
}
