// SPDX-License-Identifier: MIT
#include "proto/shared.h"

#include "lib/log.h"
#include "lib/table.h"

#include <stdlib.h>

struct shared {
	struct table_entry entry;
	struct key key;
	void *value;
	void (*drop)(void *value, uint64_t time);
	uint64_t used;
};

struct shared_set {
	struct shared_limits limits;
	struct counters *counters;
	struct table *table;
};

struct shared_set *shared_set_new(const struct shared_limits *limits, struct counters *counters)
{
	struct shared_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->limits = *limits;
	set->counters = counters;
	set->table = table_new(offsetof(struct shared, key), sizeof(struct key), limits->max);
	if (!set->table) {
		free(set);
		return NULL;
	}
	return set;
}

static void drop(struct shared_set *set, struct shared *s, uint64_t time)
{
	table_remove(set->table, &s->entry);
	s->drop(s->value, time);
	free(s);
}

static struct shared *oldest(struct shared_set *set)
{
	return (struct shared *)table_oldest(set->table);
}

void shared_set_finish(struct shared_set *set)
{
	struct shared *s;

	while ((s = oldest(set)))
		drop(set, s, s->used);
}

void shared_set_free(struct shared_set *set)
{
	if (!set)
		return;
	shared_set_finish(set);
	table_free(set->table);
	free(set);
}

void shared_set_expire(struct shared_set *set, uint64_t now)
{
	struct shared *s;

	while ((s = oldest(set)) && now > s->used && now - s->used > set->limits.idle)
		drop(set, s, now);
}

static struct shared *find(struct shared_set *set, const struct key *key)
{
	return (struct shared *)table_find(set->table, key);
}

void *shared_find(struct shared_set *set, const struct key *key, uint64_t now)
{
	struct shared *s;

	shared_set_expire(set, now);
	s = find(set, key);
	if (!s)
		return NULL;
	s->used = now;
	table_touch(set->table, &s->entry);
	return s->value;
}

bool shared_add(struct shared_set *set, const struct key *key, void *value,
		void (*drop_value)(void *value, uint64_t time), uint64_t now)
{
	struct shared *s = calloc(1, sizeof(*s));

	if (!s)
		return false;
	*s = (struct shared){.key = *key, .value = value, .drop = drop_value, .used = now};
	if (table_count(set->table) >= set->limits.max) {
		log_warning_once("shared state: %zu at once, the oldest is given up",
				 set->limits.max);
		counter_add(set->counters, COUNTER_SHARED_EVICTED, 1);
		drop(set, oldest(set), now);
	}
	if (table_add(set->table, &s->entry))
		return true;
	free(s);
	return false;
}

void shared_remove(struct shared_set *set, const struct key *key, uint64_t now)
{
	struct shared *s = find(set, key);

	if (s)
		drop(set, s, now);
}
