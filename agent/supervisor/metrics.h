/* SPDX-License-Identifier: MIT */
/*
 * What was counted, in the text format of Prometheus, version 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 *	sluice_NAME_total				each counter of lib/counter.h
 *	sluice_cloud_NAME_total{cloud="..."}		supervisor/tally.h
 *	sluice_cloud_waiting{cloud="..."}
 *	sluice_cloud_QUOTA_used{cloud="..."}, sluice_cloud_QUOTA_limit{cloud="..."}
 *	sluice_cloud_paused_seconds{cloud="..."}
 *	sluice_type_NAME_total{type="..."}
 *	sluice_unsent_total{reason="..."}
 *	sluice_processes{role="..."}, sluice_process_restarts_total{role="..."}
 *	sluice_spool_bytes, sluice_spool_files		where the spool has a quota
 *
 * Labels are names from the configuration, the table of types and the program itself: nothing
 * that came by on the network.
 */
#ifndef SLUICE_SUPERVISOR_METRICS_H
#define SLUICE_SUPERVISOR_METRICS_H

#include "lib/buf.h"
#include "lib/counter.h"
#include "sample/spool.h"
#include "supervisor/child.h"
#include "supervisor/cloud_state.h"
#include "supervisor/config.h"
#include "supervisor/sinks.h"
#include "supervisor/tally.h"

#include <stddef.h>

#define METRICS_TEXT_MAX (1u << 20)
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics {
	const struct config *c;
	const struct counters *counters; /* of all processes */
	const struct tally *tally;
	const struct sinks *sinks;	 /* NULL: there are no logs */
	const struct cloud_state *state; /* of each cloud */
	int64_t now;			 /* ms since the epoch */
	const struct child *child;
	size_t children;
	const struct spool_usage *spool; /* NULL: it has no quota, nobody counts */
};

/* Appends it; a buffer too small or no memory: out->failed. */
void metrics_render(const struct metrics *m, struct buf *out);

#endif
