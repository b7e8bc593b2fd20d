/* SPDX-License-Identifier: MIT */
/*
 * What the files of the live supervisor share.
 */
#ifndef SLUICE_SUPERVISOR_LIVE_H
#define SLUICE_SUPERVISOR_LIVE_H

#include "lib/kernel.h"
#include "supervisor/child.h"
#include "supervisor/cloud_state.h"
#include "supervisor/config.h"
#include "supervisor/control.h"
#include "supervisor/deliver.h"
#include "supervisor/evict.h"
#include "supervisor/journal.h"
#include "supervisor/launcher.h"
#include "supervisor/ledger.h"
#include "supervisor/metrics_server.h"
#include "supervisor/namespaces.h"
#include "supervisor/overload.h"
#include "supervisor/permit.h"
#include "supervisor/rules.h"
#include "supervisor/sinks.h"
#include "supervisor/store.h"
#include "supervisor/tally.h"
#include "supervisor/users.h"

#define LIVE_BATCH 64 /* sightings, and words of the forwarder, per commit */
#define LIVE_CHILDREN_MAX (SLUICE_RINGS_MAX + 1 + SINK_MAX)

enum live_phase { LIVE_RUNNING, LIVE_STOP_INSPECTORS, LIVE_STOP_FORWARDER, LIVE_STOPPED };

/* A sighting between its message and its commit. */
struct pending {
	struct sighting sighting;
	uint64_t clouds;
	uint64_t overload;   /* those it does not go to because too much waits for them */
	unsigned int reason; /* why it goes nowhere, valid when it does not: tally.h */
	bool logged;
	bool repeated; /* it was stored before: announced again after a restart */
};

/* A word of the forwarder between its message and its commit. */
struct word {
	uint16_t type; /* MSG_QUEUED, MSG_RESULT or MSG_VERDICT */
	uint8_t id[SIGHTING_ID_SIZE];
	char cloud[CLOUD_NAME_MAX];
	uint8_t sha256[SHA256_SIZE]; /* of MSG_VERDICT */
	enum cloud_outcome outcome;
	int32_t verdict;
	char detail[CLOUD_DETAIL_MAX];
	struct permit_end end;
	bool told; /* with this commit: not said before */
};

struct supervisor {
	struct config *c;
	const char *config_path; /* NULL: built-in configuration */
	int lock, signals;
	char *spool_dir, *queue_path;

	struct kernel kernel;
	uint32_t socket_mark; /* what the module ignores, put on our own connections */
	struct namespace namespace[CONFIG_NETNS_MAX];
	size_t namespaces;
	/* Those of the first namespace, then of the next; an inspector each, in this order. */
	int ring[SLUICE_RINGS_MAX];
	/* The inspectors, the forwarder, a logger for each log. */
	struct child child[LIVE_CHILDREN_MAX];
	size_t children, inspectors;
	struct child *forwarder;
	struct rules_sending rules[SLUICE_RINGS_MAX]; /* of each inspector */
	struct launcher launcher;
	bool failed; /* stopping because we cannot go on */

	struct spool *spool;
	struct evict evict;
	struct store *store;
	struct journal journal, sessions;
	struct deliver deliver;
	struct ledger ledger;
	struct permits permits;
	struct sinks sinks;
	struct counters counters;
	struct tally tally;
	struct overload overload;
	struct cloud_state cloud_state[CLOUD_MAX];
	struct control *control;
	struct metrics_server *metrics; /* NULL: none is configured */
	struct users *users;

	struct pending pending[LIVE_BATCH];
	size_t pendings;
	struct word word[LIVE_BATCH];
	size_t words;
	uint64_t disk_again; /* the last commit failed: not before */
	bool disk_failing;
	bool stats_failing;

	enum live_phase phase;
	uint64_t now; /* ms, child_clock() */
	uint64_t stats_at, forget_at, stop_by, namespaces_at;
};

/* processes.c: what a launched process does; which: its place in child[]. */
int live_run(void *arg, uint32_t which, int fd, int extra);
/* Starts every process that is due; false when the first start fails. */
bool live_start_due(struct supervisor *s);
/* Collects the processes that ended. */
void live_reap(struct supervisor *s);
/* The other end of a child's socket is closed, or it misbehaved (kill: at once). */
void live_hang_up(struct supervisor *s, struct child *c, bool kill);
/* Goes through the phases of stopping. */
void live_stop_step(struct supervisor *s);
void live_stop_begin(struct supervisor *s);
/* When the next of these has something to do; never later than `when`. */
uint64_t live_processes_at(const struct supervisor *s, uint64_t when);
/* The spool's options, the same for all processes. */
struct spool_options live_spool(const struct supervisor *s);
const char *live_name(const struct child *c, char text[static 32]);
/* Whose logger it is, or SINK_MAX. */
size_t live_sink(const struct supervisor *s, const struct child *c);

/* commands.c: what the control socket can be asked; their arg is the supervisor. */
extern const struct control_command live_commands[];
extern const struct control_documents live_documents;

/* metrics_command.c: what was counted up to now, as supervisor/metrics.h has it. */
void live_metrics(void *supervisor, struct buf *out);

/* batch.c: takes one message of a child. */
void live_take(struct supervisor *s, struct child *c, const struct msg_view *v);
/* Logs and commits what was taken. */
void live_commit(struct supervisor *s);
/* Throws away what could not be committed, saying so. */
void live_abandon(struct supervisor *s);
/* Wall clock, ms since the epoch. */
int64_t live_wall(void);

#endif
