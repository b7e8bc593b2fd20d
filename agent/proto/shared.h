/* SPDX-License-Identifier: MIT */
/*
 * What several sessions know together: an SMB file that is written over two
 * connections, the names of NFS file handles.
 *
 * Nobody holds a pointer to a value between two calls: it is found by its key each time,
 * since it goes when it was not asked for long enough, or as the oldest of too many.
 * The first text of a key names the protocol and what is kept.
 */
#ifndef SLUICE_PROTO_SHARED_H
#define SLUICE_PROTO_SHARED_H

#include "lib/counter.h"
#include "lib/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shared_set;

struct shared_limits {
	size_t max;    /* values at once */
	uint64_t idle; /* ns a value stays without being asked for */
};

#define SHARED_LIMITS_DEFAULT                         \
	{                                             \
		.max = 16384, .idle = 900000000000ull \
	}

/* Counters are borrowed.  NULL when out of memory. */
struct shared_set *shared_set_new(const struct shared_limits *limits,
				  struct counters *counters);
/* Drops all. */
void shared_set_free(struct shared_set *set);
/* Drops all: the source has no more. */
void shared_set_finish(struct shared_set *set);
/* Drops what was idle too long. */
void shared_set_expire(struct shared_set *set, uint64_t now);

/* NULL when there is none.  Counts as asked for at that time. */
void *shared_find(struct shared_set *set, const struct key *key, uint64_t now);
/*
 * A value for a key that has none.  drop(value, time) is called once, by shared_remove(),
 * expiry, eviction or the end; it must not use the set.  False when out of memory:
 * the value is then still the caller's.
 */
bool shared_add(struct shared_set *set, const struct key *key, void *value,
		void (*drop)(void *value, uint64_t time), uint64_t now);
/* Drops it, if there is one. */
void shared_remove(struct shared_set *set, const struct key *key, uint64_t now);

#endif
