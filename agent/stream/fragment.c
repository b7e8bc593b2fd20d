// SPDX-License-Identifier: MIT
#include "stream/fragment.h"

#include "lib/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PAYLOAD_MAX 65535

struct range {
	uint32_t from;
	uint32_t to;
};

struct datagram {
	struct table_entry entry;
	struct fragment_key key;
	struct datagram *done; /* next completed one */
	uint64_t begin;
	uint32_t fragments;
	uint32_t total; /* length of the payload, valid with last_seen */
	bool last_seen;
	bool poisoned; /* overlapped: swallow what follows */
	uint8_t next;
	uint8_t *data;
	size_t room;
	struct range *range; /* sorted, apart from each other */
	size_t ranges;
	size_t range_room;
};

struct fragment_table {
	struct fragment_limits limits;
	struct counters *counters;
	struct table *table;
	struct datagram *done;
	size_t bytes;
};

struct fragment_table *fragment_table_new(const struct fragment_limits *limits,
					  struct counters *counters)
{
	struct fragment_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->limits = *limits;
	t->counters = counters;
	t->table = table_new(offsetof(struct datagram, key), sizeof(struct fragment_key),
			     limits->datagrams);
	if (!t->table) {
		free(t);
		return NULL;
	}
	return t;
}

static void datagram_empty(struct fragment_table *t, struct datagram *d)
{
	t->bytes -= d->room;
	free(d->data);
	free(d->range);
	d->data = NULL;
	d->range = NULL;
	d->room = d->ranges = d->range_room = 0;
}

static void datagram_free(struct fragment_table *t, struct datagram *d)
{
	datagram_empty(t, d);
	free(d);
}

static void datagram_give_up(struct fragment_table *t, struct datagram *d)
{
	counter_add(t->counters, COUNTER_FRAGMENTS_DROPPED, d->fragments);
	table_remove(t->table, &d->entry);
	datagram_free(t, d);
}

void fragment_recycle(struct fragment_table *t)
{
	while (t->done) {
		struct datagram *d = t->done;

		t->done = d->done;
		datagram_free(t, d);
	}
}

void fragment_table_free(struct fragment_table *t)
{
	struct datagram *d;

	if (!t)
		return;
	fragment_recycle(t);
	while ((d = (struct datagram *)table_oldest(t->table)))
		datagram_give_up(t, d);
	table_free(t->table);
	free(t);
}

/* Datagrams are never touched, so the oldest is the one that began first. */
static void expire(struct fragment_table *t, uint64_t now)
{
	struct datagram *d;

	while ((d = (struct datagram *)table_oldest(t->table)) && now > d->begin &&
	       now - d->begin > t->limits.time)
		datagram_give_up(t, d);
}

static struct datagram *datagram_of(struct fragment_table *t, const struct fragment *f)
{
	struct datagram *d = (struct datagram *)table_find(t->table, &f->key);

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->key = f->key;
	d->begin = f->time;
	if (table_count(t->table) >= t->limits.datagrams)
		datagram_give_up(t, (struct datagram *)table_oldest(t->table));
	if (!table_add(t->table, &d->entry)) {
		free(d);
		return NULL;
	}
	return d;
}

/* Room for `end` bytes; makes the oldest other datagrams pay when there is none. */
static bool datagram_grow(struct fragment_table *t, struct datagram *d, size_t end)
{
	size_t room = d->room ? d->room : 2048;
	uint8_t *data;

	if (end <= d->room)
		return true;
	while (room < end)
		room *= 2;
	while (t->bytes + room - d->room > t->limits.bytes) {
		struct datagram *o = (struct datagram *)table_oldest(t->table);

		if (!o || o == d)
			return false;
		datagram_give_up(t, o);
	}
	data = realloc(d->data, room);
	if (!data)
		return false;
	t->bytes += room - d->room;
	d->data = data;
	d->room = room;
	return true;
}

static bool ranges_insert(struct datagram *d, size_t at, struct range r)
{
	if (d->ranges == d->range_room) {
		size_t room = d->range_room ? d->range_room * 2 : 8;
		struct range *range = realloc(d->range, room * sizeof(*range));

		if (!range)
			return false;
		d->range = range;
		d->range_room = room;
	}
	memmove(d->range + at + 1, d->range + at, (d->ranges - at) * sizeof(r));
	d->range[at] = r;
	d->ranges++;
	return true;
}

static void ranges_merge(struct datagram *d)
{
	size_t kept = 0;

	for (size_t i = 1; i < d->ranges; i++) {
		if (d->range[i].from == d->range[kept].to)
			d->range[kept].to = d->range[i].to;
		else
			d->range[++kept] = d->range[i];
	}
	d->ranges = kept + 1;
}

static bool overlaps(const struct datagram *d, struct range r)
{
	for (size_t i = 0; i < d->ranges; i++)
		if (r.from < d->range[i].to && r.to > d->range[i].from)
			return true;
	return false;
}

/* Copies what of the fragment is new; false when out of memory or of pieces. */
static bool fill(struct datagram *d, const uint8_t *p, struct range r, size_t pieces)
{
	uint32_t at = r.from;
	size_t i = 0;

	while (at < r.to) {
		uint32_t to = r.to;

		while (i < d->ranges && d->range[i].to <= at)
			i++;
		if (i < d->ranges && d->range[i].from <= at) {
			at = d->range[i].to;
			continue;
		}
		if (i < d->ranges && d->range[i].from < to)
			to = d->range[i].from;
		if (d->ranges >= pieces || !ranges_insert(d, i, (struct range){at, to}))
			return false;
		memcpy(d->data + at, p + (at - r.from), to - at);
		at = to;
	}
	ranges_merge(d);
	return true;
}

/*
 * Exact copies come from retransmitting links; the content has to be equal too,
 * or it is an attempt to have two readers see two datagrams.
 */
static bool same_again(const struct datagram *d, const struct fragment *f, struct range r)
{
	for (size_t i = 0; i < d->ranges; i++)
		if (r.from >= d->range[i].from && r.to <= d->range[i].to)
			return memcmp(d->data + r.from, f->p, f->len) == 0;
	return false;
}

static bool length_consistent(const struct datagram *d, const struct fragment *f, uint32_t to)
{
	if (d->last_seen)
		return f->more ? to <= d->total : to == d->total;
	return f->more || d->ranges == 0 || d->range[d->ranges - 1].to <= to;
}

static const uint8_t *complete(struct fragment_table *t, struct datagram *d, size_t *len,
			       uint8_t *next)
{
	if (!d->last_seen || d->ranges != 1 || d->range[0].from != 0 ||
	    d->range[0].to != d->total)
		return NULL;
	table_remove(t->table, &d->entry);
	d->done = t->done;
	t->done = d;
	*len = d->total;
	*next = d->next;
	return d->data;
}

const uint8_t *fragment_add(struct fragment_table *t, const struct fragment *f, size_t *len,
			    uint8_t *next)
{
	bool v6 = f->key.family == AF_INET6;
	struct datagram *d;
	struct range r;

	expire(t, f->time);
	if (f->len == 0 || f->len > PAYLOAD_MAX || f->offset > PAYLOAD_MAX - f->len ||
	    (f->more && f->len % 8))
		goto drop;
	d = datagram_of(t, f);
	if (!d)
		goto drop;
	if (d->poisoned)
		goto drop;
	r = (struct range){f->offset, f->offset + (uint32_t)f->len};
	if (overlaps(d, r)) {
		if (same_again(d, f, r))
			return NULL;
		if (v6)
			goto poison;
	}
	if (!length_consistent(d, f, r.to))
		goto poison;
	if (!datagram_grow(t, d, r.to) || !fill(d, f->p, r, t->limits.pieces)) {
		datagram_give_up(t, d);
		goto drop;
	}
	d->fragments++;
	if (f->offset == 0)
		d->next = f->next;
	if (!f->more) {
		d->last_seen = true;
		d->total = r.to;
	}
	return complete(t, d, len, next);

poison:
	counter_add(t->counters, COUNTER_FRAGMENTS_DROPPED, d->fragments);
	d->fragments = 0;
	d->poisoned = true;
	datagram_empty(t, d);
drop:
	counter_add(t->counters, COUNTER_FRAGMENTS_DROPPED, 1);
	return NULL;
}
