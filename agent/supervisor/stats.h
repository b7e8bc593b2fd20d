/* SPDX-License-Identifier: MIT */
/*
 * stats.json: what all processes counted, for people and monitoring.
 *
 *	{"time": "...", "counters": {NAME: NUMBER, ...},
 *	 "processes": [{"role": "inspector", "index": 0, "pid": 1, "restarts": 0},
 *		   ...]}
 *
 * An inspector of a namespace of [capture] has its path as "netns"; with pid 0 that is gone.
 */
#ifndef SLUICE_SUPERVISOR_STATS_H
#define SLUICE_SUPERVISOR_STATS_H

#include "lib/counter.h"
#include "supervisor/child.h"

#include <stdbool.h>
#include <stddef.h>

/* Sum of the supervisor's own counters and those of the children. */
struct counters stats_sum(const struct counters *own, const struct child *children,
			  size_t count);

/* Replaces DIR/stats.json in one step, readable by all.  False with errno. */
bool stats_write(const char *dir, const struct counters *own, const struct child *children,
		 size_t count);

#endif
