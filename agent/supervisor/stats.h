/* SPDX-License-Identifier: MIT */
/*
 * stats.json: what all processes counted, for people and monitoring.
 *
 *	{"time": "...", "counters": {NAME: NUMBER, ...},
 *	 "processes": [{"role": "inspector", "index": 0, "pid": 1, "restarts": 0},
 *		   ...]}
 *
 * and of the running supervisor, what supervisor/tally.h counts:
 *
 *	{"clouds": {NAME: {"accepted": NUMBER, ..., "waiting": NUMBER,
 *		  and the members of supervisor/cloud_state.h}, ...},
 *	 "types": {TYPE: {"seen": NUMBER, ...}, ...}, "unsent": {REASON: NUMBER, ...}}
 *
 * An inspector of a namespace of [capture] has its path as "netns"; with pid 0 that is gone.
 */
#ifndef SLUICE_SUPERVISOR_STATS_H
#define SLUICE_SUPERVISOR_STATS_H

#include "lib/counter.h"
#include "supervisor/child.h"
#include "supervisor/cloud_state.h"
#include "supervisor/sinks.h"
#include "supervisor/tally.h"

#include <stdbool.h>
#include <stddef.h>

/* Sum of the supervisor's own counters and those of the children. */
struct counters stats_sum(const struct counters *own, const struct child *children,
			  size_t count);

/* What is known beside the counters of the processes; NULL: nothing. */
struct stats_tally {
	const struct config *c;
	const struct tally *tally;
	const struct sinks *sinks;
	const struct cloud_state *state; /* of each cloud */
	int64_t now;			 /* ms since the epoch */
};

/* Replaces DIR/stats.json in one step, readable by all.  False with errno. */
bool stats_write(const char *dir, const struct counters *own, const struct child *children,
		 size_t count, const struct stats_tally *tally);

#endif
