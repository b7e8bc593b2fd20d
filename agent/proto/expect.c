// SPDX-License-Identifier: MIT
#include "proto/expect.h"

#include "lib/log.h"
#include "lib/table.h"

#include <stdlib.h>
#include <string.h>

struct ends_key {
	uint64_t netns;
	uint32_t zone, vrf, vlan[2];
	struct endpoint answerer;
	struct endpoint opener;
	uint32_t protocol;
	uint32_t reserved;
};

_Static_assert(sizeof(struct ends_key) == 8 + 4 * 4 + 2 * sizeof(struct endpoint) + 8,
	       "no padding in a key");

struct expected {
	struct table_entry entry;
	struct ends_key key;
	struct expectation e;
	uint64_t since;
};

struct expect_set {
	size_t max;
	uint64_t lifetime;
	struct counters *counters;
	struct table *table;
	uint64_t now; /* latest time of all: in some captures time goes back */
};

struct expect_set *expect_set_new(size_t max, uint64_t lifetime, struct counters *counters)
{
	struct expect_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	*set = (struct expect_set){.max = max, .lifetime = lifetime, .counters = counters};
	set->table = table_new(offsetof(struct expected, key), sizeof(struct ends_key), max);
	if (!set->table) {
		free(set);
		return NULL;
	}
	return set;
}

static void release(struct expect_set *set, struct expected *x)
{
	table_remove(set->table, &x->entry);
	x->e.release(x->e.arg);
	free(x);
}

static struct expected *oldest(struct expect_set *set)
{
	return (struct expected *)table_oldest(set->table);
}

void expect_set_free(struct expect_set *set)
{
	struct expected *x;

	if (!set)
		return;
	while ((x = oldest(set)))
		release(set, x);
	table_free(set->table);
	free(set);
}

void expect_set_expire(struct expect_set *set, uint64_t now)
{
	struct expected *x;

	if (now > set->now)
		set->now = now;
	while ((x = oldest(set)) && set->now - x->since > set->lifetime) {
		counter_add(set->counters, COUNTER_EXPECTATIONS_EXPIRED, 1);
		release(set, x);
	}
}

static struct ends_key key_of(const struct session_info *s, uint8_t protocol,
			      const struct endpoint *answerer, const struct endpoint *opener)
{
	return (struct ends_key){
		.netns = s->netns,
		.zone = s->zone,
		.vrf = s->vrf,
		.vlan = {s->vlan[0], s->vlan[1]},
		.answerer = *answerer,
		.opener = *opener,
		.protocol = protocol,
	};
}

static struct expected *find(struct expect_set *set, const struct ends_key *key)
{
	return (struct expected *)table_find(set->table, key);
}

bool expect_add(struct expect_set *set, const struct session_info *by,
		const struct expectation *e, uint64_t now)
{
	struct ends_key key = key_of(by, e->protocol, &e->answerer, &e->opener);
	struct expected *x = calloc(1, sizeof(*x)), *before;

	if (!x)
		return false;
	expect_set_expire(set, now);
	before = find(set, &key);
	if (before)
		release(set, before);
	if (table_count(set->table) >= set->max) {
		log_warning_once("%zu sessions are expected, the oldest is given up", set->max);
		counter_add(set->counters, COUNTER_EXPECTATIONS_EVICTED, 1);
		release(set, oldest(set));
	}
	*x = (struct expected){.key = key, .e = *e, .since = set->now};
	if (!table_add(set->table, &x->entry)) {
		free(x);
		return false;
	}
	counter_add(set->counters, COUNTER_EXPECTATIONS, 1);
	return true;
}

void expect_cancel(struct expect_set *set, const struct session_info *by,
		   const struct expectation *e)
{
	struct ends_key key = key_of(by, e->protocol, &e->answerer, &e->opener);
	struct expected *x = find(set, &key);

	if (x && x->e.arg == e->arg)
		release(set, x);
}

static struct expected *find_ends(struct expect_set *set, const struct session_info *s,
				  enum dir opener_is)
{
	static const struct endpoint anybody;
	const struct endpoint *answerer = &s->end[dir_other(opener_is)];
	struct endpoint opener = s->end[opener_is];
	struct ends_key key = key_of(s, s->protocol, answerer, &opener);
	struct expected *x = find(set, &key);

	if (x)
		return x;
	opener.port = 0;
	key = key_of(s, s->protocol, answerer, &opener);
	x = find(set, &key);
	if (x)
		return x;
	key = key_of(s, s->protocol, answerer, &anybody);
	return find(set, &key);
}

bool expect_take(struct expect_set *set, const struct session_info *session, uint64_t now,
		 struct expectation *e)
{
	struct expected *x;

	if (!table_count(set->table))
		return false;
	expect_set_expire(set, now);
	x = find_ends(set, session, DIR_OPENER);
	if (!x)
		x = find_ends(set, session, DIR_ANSWERER);
	if (!x)
		return false;
	*e = x->e;
	table_remove(set->table, &x->entry);
	free(x);
	return true;
}
