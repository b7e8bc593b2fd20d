/* SPDX-License-Identifier: MIT */
/*
 * Room in the spool: removes samples that nothing waits for, those first that were
 * not seen for longest.
 *
 *	0                              until   begin       quota
 *	|  stays                       |       |           |
 *	|------------------------------|-------|-----------|
 *	                               <-------- removed from here down to `until`
 *
 * From `begin` on, 90 % of the quota (earlier where the largest file would not fit
 * above it), a round lists the spool, keeps the oldest samples it needs to get to
 * `until`, and removes them.  Both are done in small steps between other work of the
 * supervisor; a round that does not get there rests for ten times as long as it took.
 *
 * A sample stays while
 *
 *	- an open submission needs it (one look into the database), or
 *	- it was seen at a time of which an inspector may not have told everything: its
 *	  sighting can still be on the way, or
 *	- it was seen again since the listing (spool_evict()).
 *
 * What is removed is therefore named by no sighting that is on its way or will be
 * stored.  intake_check() holds even where a clock was set back in between.
 */
#ifndef SLUICE_SUPERVISOR_EVICT_H
#define SLUICE_SUPERVISOR_EVICT_H

#include "lib/counter.h"
#include "sample/spool.h"
#include "supervisor/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define EVICT_CHOSEN_MAX 65536 /* samples of a round */

enum evict_phase { EVICT_IDLE, EVICT_LISTING, EVICT_REMOVING };

struct evict {
	struct spool *spool;
	struct store *store;
	struct counters *counters;
	struct spool_usage begin, until; /* UINT64_MAX: no quota */
	enum evict_phase phase;

	struct spool_list list;
	struct spool_usage before;   /* when the listing began */
	struct spool_usage wanted;   /* that much is to be removed */
	struct spool_sample *chosen; /* listing: a heap, newest on top; then oldest first */
	size_t chosen_count, chosen_room;
	size_t next; /* of these to be removed */
	struct spool_usage chosen_sum;
	uint64_t needed; /* samples that open submissions need, as far as looked for */

	uint64_t round_began; /* ms, child_clock() */
	uint64_t again;	      /* not before */
	bool short_of_room;   /* a round did not help, and that was logged */
	bool failing;	      /* the spool or the database did in this round */
	bool failure_logged;
};

/* All are borrowed.  max_file_size: of the largest sample that may come. */
void evict_init(struct evict *e, struct spool *spool, const struct spool_options *options,
		uint64_t max_file_size, struct store *store, struct counters *counters);
void evict_free(struct evict *e);
/*
 * A bit of the work, if there is any.  To be called while no sighting is taken and not
 * yet stored.  told: the sighting of what was seen before is stored (child_told()).
 */
void evict_step(struct evict *e, uint64_t now, const struct timespec *told);
/* When to call it without another reason, UINT64_MAX: never. */
uint64_t evict_at(const struct evict *e);

#endif
