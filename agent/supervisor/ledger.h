/* SPDX-License-Identifier: MIT */
/*
 * The ledger: a line for each request that leaves, in the state directory, written and
 * synced before it leaves (policy/ledger_chain.h has the format).
 *
 *	ledger.jsonl	the lines
 *	ledger.head	how they end, signed, and the lines being added: a redo log of one batch
 *	ledger.key	Ed25519, PEM, made at the first start; ledger.pub: its public half
 *
 * A batch is added in this order: lines of the batch before are synced; a new head with the
 * lines is written aside, synced, renamed, the directory synced; then the lines go to the
 * ledger itself.  From the rename on they count: whatever a crash leaves of them there is
 * completed at the next start.  When nothing was added for a second, and at the end, the lines
 * are synced and the head is written without them: what is then missing in the ledger was
 * removed.
 *
 * Who can write these files and read the key can forge it: the public half belongs
 * somewhere else, and so does, now and then, a copy of the head.
 */
#ifndef SLUICE_SUPERVISOR_LEDGER_H
#define SLUICE_SUPERVISOR_LEDGER_H

#include "policy/ledger_chain.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_SIGN_MS 600000 /* after which new lines are signed */
#define LEDGER_REST_MS 1000   /* after which the head no longer holds the last batch */

struct ledger {
	int dir, fd; /* -1: not open */
	char *path;  /* of the state directory, for messages */
	EVP_PKEY *key;
	struct ledger_chain chain;
	uint64_t bytes;	   /* of the lines that count */
	uint64_t signed_n; /* last line that was a signature */
	uint64_t sign_at;  /* ms of the clock given to ledger_tick(); 0: nothing to sign */
	uint64_t rest_at;  /* the same of the head; 0: not known yet */
	struct buf lines;  /* the last batch */
	struct buf head;
	bool written; /* the last batch is in the file, not known to be synced */
	bool pending; /* the head holds it, added or not */
	bool begun;   /* this program's "start" line is in it */
	bool failing; /* the last batch failed, and that was logged */
};

/*
 * Opens, or makes, the ledger of a state directory, and completes what a crash left.  False
 * after logging what is wrong with it and what to do: nothing may leave then, and
 * ledger_append() always fails.  An open ledger must be closed in either case.
 */
bool ledger_open(struct ledger *l, const char *state_dir);
/* Signs what is not signed, where the disk allows it. */
void ledger_close(struct ledger *l, int64_t time);

/*
 * Adds lines, all or none: members have the type and what belongs to it.  *first is the number
 * of the first; the others follow, with a signature among them at times, so numbers has one
 * for each.  True: they are on disk.  False (logged once): none of them counts.
 */
bool ledger_append(struct ledger *l, json_t *const *members, size_t count, int64_t time,
		   uint64_t *numbers);
/* Signs what has waited for ten minutes, and lets the head rest after a second; now in ms. */
void ledger_tick(struct ledger *l, uint64_t now, int64_t time);
/* When ledger_tick() has something to do, at most `when`. */
uint64_t ledger_at(const struct ledger *l, uint64_t when);

#endif
