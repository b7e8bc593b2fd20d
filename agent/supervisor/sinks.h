/* SPDX-License-Identifier: MIT */
/*
 * Records for others: each [log NAME] gets one of every sighting, and one of how each of
 * its submissions ended.
 *
 *	batch.c, with its commit --> rows of `records`, one for each log
 *	logger (logger/logger.h) --OUTLET: open--> batches --RECORDS--> logger
 *	logger --RECORDED--> rows removed
 *
 * What waits, waits in the database; a batch is rendered when the logger's socket has
 * room, under the strictest of the policy when it happened and the policy and the
 * switches now, as envelopes are.  A log of this machine without a [share] gets all.
 * What leaves the machine has a line in the ledger, synced before the batch is given to
 * the logger.
 */
#ifndef SLUICE_SUPERVISOR_SINKS_H
#define SLUICE_SUPERVISOR_SINKS_H

#include "logger/logger.h"
#include "supervisor/deliver.h"
#include "supervisor/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SINK_BATCH_RECORDS 64
#define SINK_BATCH_BYTES (1u << 20) /* and one record more */

/* X(CONSTANT, name, help), of a log */
#define SINK_FIGURES(X)                                                             \
	X(WRITTEN, written, "records that the log got")                             \
	X(DROPPED, dropped, "records dropped: as many as may wait for the log did") \
	X(WITHHELD, withheld, "records that the log's policy keeps back: links")    \
	X(BREAKS, breaks, "times the log could not be written, or its server was away")
#define SINK_WAITING_HELP "records that the log is still to get"
#define SINK_OPEN_HELP "1: the log can be written, or its server is connected"

enum sink_figure {
#define SINK_FIGURE_ENUM(id, name, help) SINK_FIGURE_##id,
	SINK_FIGURES(SINK_FIGURE_ENUM)
#undef SINK_FIGURE_ENUM
		SINK_FIGURE_COUNT
};

const char *sink_figure_name(enum sink_figure f);
const char *sink_figure_help(enum sink_figure f);

struct sink {
	const struct sink_config *config;
	size_t share; /* place of its policy */
	bool up;
	uint64_t opened;		  /* as the logger counts */
	int64_t sent;			  /* last record that a batch had */
	int64_t under_way[LOGGER_WINDOW]; /* last of each batch that is; a ring */
	size_t first, window;
	int64_t recorded, removed; /* last that arrived; last that is gone from the database */

	struct buf batch; /* being sent */
	size_t at;
	bool more;     /* there may be records beyond `sent` */
	bool blocked;  /* the logger's socket is full */
	bool revoke;   /* MSG_REVOKE is to be sent */
	uint32_t mask; /* switches that something under way was made with */

	uint64_t waiting; /* records in the database */
	bool dropping;	  /* and that was logged */
	uint64_t drops;	  /* in this transaction */
	uint64_t figure[SINK_FIGURE_COUNT];
};

struct sinks {
	const struct config *c;
	struct store *store;
	struct users *users;
	struct ledger *ledger;
	struct deliver *deliver; /* knows the switches */
	struct counters *counters;
	char host[256];
	struct msg msg;
	struct buf line, envelope;
	struct sink sink[SINK_MAX];
	size_t count;
	uint64_t tick_at;
	bool failing;	/* the database could not be written, and that was logged */
	uint64_t again; /* ms: the ledger or the database failed, or memory was out: not before
			 */
};

/* The parts but counters must be set; reads how many records wait. */
void sinks_open(struct sinks *k);
/* Before the store is closed. */
void sinks_free(struct sinks *k);

/* Within a transaction: what happened now. end NULL: it was seen. False: the database. */
bool sinks_add(struct sinks *k, const struct sighting *s, uint32_t mask,
	       const struct store_end *end);
/* The transaction is committed, or rolled back. */
void sinks_committed(struct sinks *k, bool ok);

/* A new logger: everything that was not recorded once more. */
void sinks_restart(struct sinks *k, size_t sink);
/* Takes a message of a logger; false: malformed. */
bool sinks_take(struct sinks *k, size_t sink, const struct msg_view *v);
/* Sends what the socket takes.  MSG_OK, or why the logger cannot be talked to. */
enum msg_result sinks_send(struct sinks *k, size_t sink, int fd, uint64_t now);
/* Removes what was recorded, and looks at the switches; once a second. */
void sinks_tick(struct sinks *k, uint64_t now);
/* The configuration was read again. */
void sinks_reloaded(struct sinks *k);
/* When sinks_tick() or sinks_send() has something to do, at most `when`. */
uint64_t sinks_at(const struct sinks *k, uint64_t when);

/* Counts it for all logs and for this one. */
void sink_count(struct sinks *k, struct sink *s, enum sink_figure f, uint64_t n);

/* sink_batch.c: the next batch of a sink whose last one was sent; false: not now. */
bool sinks_make(struct sinks *k, struct sink *s, int64_t time);

#endif
