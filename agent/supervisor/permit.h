/* SPDX-License-Identifier: MIT */
/*
 * Leave for requests: each has its line in the ledger before it leaves, and is ended
 * when policy becomes stricter while it is under way.
 *
 *	MSG_RENDER -> envelope made (deliver.c)      RENDERED
 *	MSG_LEAVE                                    ASKED
 *	policy as it is now, the ledger's line       DECIDED
 *	MSG_GO                                       OUT
 *	MSG_REVOKE, or MSG_RESULT, or the next one of the same attempt
 *
 * One permit for each request that the forwarder can have under way: the table needs no
 * limit but that.  A question about many samples is one request of many sightings; when
 * one of them may not leave, it does not, and the forwarder is told which.  A list of
 * links is as well: an envelope was made for each, and when policy becomes stricter for
 * one, all of it is ended.
 *
 * Lines of a round of the loop are one batch.  When the ledger cannot be written,
 * nothing leaves.
 *
 * A line says that its request was allowed to leave.  That it did is what the outcome
 * says; the agent, the network or the cloud may have ended before.
 */
#ifndef SLUICE_SUPERVISOR_PERMIT_H
#define SLUICE_SUPERVISOR_PERMIT_H

#include "lib/counter.h"
#include "lib/msg.h"
#include "policy/document.h"
#include "policy/envelope.h"
#include "supervisor/config.h"
#include "supervisor/ledger.h"
#include "supervisor/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PERMIT_RESULTS_MAX 64 /* outcomes between two rounds */
#define PERMIT_REFUSAL_MAX 256
/* Envelopes of a list, with those that are not used. */
#define PERMIT_RENDERED_MAX (2 * CLOUD_LINKS_MAX)

enum permit_state { PERMIT_NONE, PERMIT_RENDERED, PERMIT_ASKED, PERMIT_DECIDED, PERMIT_OUT };

/* What an envelope was made of, and under what. */
struct permit_envelope {
	struct policy effective;
	char policy[POLICY_ID_MAX]; /* its id */
	struct envelope_report report;
	size_t name_bytes; /* of the file's own name in the upload's; 0: it has none */
	size_t link_bytes; /* of the sample, where it is a URL; else 0 */
};

/* One of several sightings that a request is about. */
struct permit_member {
	uint8_t id[SIGHTING_ID_SIZE];
	uint8_t sample[SHA256_SIZE];
	struct permit_envelope *envelope; /* NULL: none was made, as for a question */
	bool denied;
};

struct permit {
	enum permit_state state;
	uint8_t id[SIGHTING_ID_SIZE]; /* the first one's */
	/* All, the first too; NULL: it is about one.  Before MSG_LEAVE: those rendered so far.
	 */
	struct permit_member *member;
	size_t members;
	bool rendered; /* the next three are there */
	struct permit_envelope envelope;
	uint8_t sample[SHA256_SIZE];

	char request[32];
	char *url;
	uint8_t sha256[SHA256_SIZE];
	uint64_t bytes, carries;
	uint64_t line;			  /* of the ledger; 0: none */
	char refusal[PERMIT_REFUSAL_MAX]; /* "": it may leave */
	bool revoke;			  /* MSG_REVOKE is to be sent */
};

/* What an outcome is the end of. */
struct permit_end {
	uint64_t line; /* of the ledger; 0: not known, as after a restart */
	uint8_t sample[SHA256_SIZE];
};

/* How a submission ended. */
struct permit_result {
	struct permit_end end;
	const uint8_t *id; /* SIGHTING_ID_SIZE bytes */
	const char *cloud;
	enum cloud_outcome outcome;
	int32_t verdict;
	const char *detail;
};

struct deliver;

struct permits {
	const struct config *c;
	struct deliver *deliver; /* knows the policy of the moment */
	struct ledger *ledger;
	struct counters *counters;
	struct tally *tally;
	struct msg msg;
	struct permit *permit;		    /* CLOUD_SLOTS for each cloud */
	json_t *result[PERMIT_RESULTS_MAX]; /* lines to be written */
	size_t results;
	uint64_t watch_at; /* ms: the kernel's switches are looked at; 0: nothing is out */
	bool blocked;	   /* the forwarder's socket is full */
};

bool permits_init(struct permits *p, const struct config *c);
void permits_free(struct permits *p);
/* A new forwarder: nothing is under way. */
void permits_restart(struct permits *p);

/* An envelope was sent to that attempt. */
void permits_rendered(struct permits *p, const char *cloud, uint64_t slot,
		      const uint8_t id[static SIGHTING_ID_SIZE],
		      const struct permit_envelope *envelope);
/* Takes a MSG_LEAVE; false: malformed. */
bool permits_ask(struct permits *p, const struct msg_view *v);
/*
 * An outcome came: the last request of that submission, which is out no more.  Before anything
 * else that the forwarder said after it is looked at: the next attempt may have the same slot.
 */
struct permit_end permits_end(struct permits *p, const uint8_t id[static SIGHTING_ID_SIZE],
			      const char *cloud);
/* Takes an outcome that was stored. */
void permits_result(struct permits *p, const struct permit_result *r);

/* Decides what was asked (unless stopping), and writes the lines; time: ms since the epoch. */
void permits_step(struct permits *p, int64_t time, bool stopping);
/* Looks at the kernel's switches, once a second while something is out. */
void permits_watch(struct permits *p, uint64_t now);
/* The configuration was read again. */
void permits_reloaded(struct permits *p);
/* Sends what the socket takes.  MSG_OK, or why the forwarder cannot be talked to. */
enum msg_result permits_send(struct permits *p, int fd);
/* When permits_watch() has something to do, at most `when`. */
uint64_t permits_at(const struct permits *p, uint64_t when);

/* permit_line.c: lines of the ledger, without what it adds itself; NULL: out of memory. */
json_t *permit_line_request(const struct permit *t, const struct cloud_config *cloud);
json_t *permit_line_result(const struct permit_result *r);

#endif
