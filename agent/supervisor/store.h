/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's database: sightings that are to leave, complete, with the
 * policies as they were, and the outbox to the forwarder.
 *
 * SQLite in WAL mode, synced at every commit: what was committed survives a crash
 * and a power failure.  Nobody but the supervisor reads it (mode 0600).
 *
 *	sightings	the message of the inspector, rule included
 *	submissions	one per sighting and cloud: sample, policy when seen, how it ended
 *	policies	those that envelopes were made under, as they were
 *	outbox		submissions that the forwarder has not committed yet
 *	records		what logs (record/sink.h) are still to get
 *
 * A submission is open until it has an outcome.  What is in the outbox is open: its
 * row goes with, or before, the commit of its outcome.
 *
 * Functions that fail leave a text in store_error().
 */
#ifndef SLUICE_SUPERVISOR_STORE_H
#define SLUICE_SUPERVISOR_STORE_H

#include "cloud/cloud.h"
#include "lib/sighting.h"
#include "policy/policy.h"
#include "policy/rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* Opens or makes it.  NULL with a logged error that says which file and what to do. */
struct store *store_open(const char *path);
void store_close(struct store *s);
const char *store_error(const struct store *s);
/* Logs that text, the file, and what to do: it will be tried again every second. */
void store_failing(const struct store *s, const char *doing);

/* One transaction at a time; commit that fails has rolled back. */
bool store_begin(struct store *s);
bool store_commit(struct store *s);
void store_rollback(struct store *s);

enum store_result { STORE_OK, STORE_REPEATED, STORE_ABSENT, STORE_FAILED };

/*
 * A sighting with the kernel's switches when it was seen; times are ms since the
 * epoch.  STORE_REPEATED: that id is there, nothing was changed.
 */
enum store_result store_add(struct store *s, const struct sighting *sighting,
			    uint32_t share_mask, int64_t now);
/* One of the clouds it goes to, and an outbox row for it. */
bool store_submit(struct store *s, const struct sighting *sighting, const char *cloud,
		  const struct policy *seen, enum rule_priority priority, int64_t now);
/*
 * At a start: every open submission to a cloud into the outbox once more.  The forwarder may
 * have told how one ended to a supervisor that died before it could commit that; asked again,
 * it tells again.
 */
bool store_out_again(struct store *s, const char *cloud);
/*
 * Does an open submission need the sample?  True as well when it cannot be known
 * (the function then returns false).
 */
bool store_needed(struct store *s, const uint8_t sha256[static SHA256_SIZE], bool *needed);

/* A row of the outbox. */
struct store_item {
	int64_t number;
	uint8_t id[SIGHTING_ID_SIZE];
	char cloud[CLOUD_NAME_MAX];
	uint8_t sha256[SHA256_SIZE];
	uint64_t size;
	enum rule_priority priority;
};

/* Rows with a number beyond `after`, oldest first. */
bool store_outbox(struct store *s, int64_t after, struct store_item *items, size_t max,
		  size_t *count);
/* The forwarder has committed it.  STORE_ABSENT: there is no such row. */
enum store_result store_unqueue(struct store *s, const uint8_t id[static SIGHTING_ID_SIZE],
				const char *cloud);

/* What an envelope is made of; the sighting is the caller's to free when STORE_OK. */
struct store_submission {
	struct sighting sighting;
	uint32_t share_mask;  /* when seen */
	struct policy policy; /* when seen */
	bool policy_readable; /* false: policy omits everything */
};

enum store_result store_load(struct store *s, const uint8_t id[static SIGHTING_ID_SIZE],
			     const char *cloud, struct store_submission *out);

/* The same without a cloud: its policy is none, and not readable. */
enum store_result store_sighting(struct store *s, const uint8_t id[static SIGHTING_ID_SIZE],
				 struct store_submission *out);
/* Ids of the last sightings that were to leave, the newest first, `max` at most. */
bool store_last(struct store *s, size_t max, void (*each)(void *arg, const uint8_t *id),
		void *arg);

/*
 * A policy by its id, with its document (policy/document.h), before an envelope is made under
 * it; one that is there already stays.
 */
bool store_policy(struct store *s, const char *id, const struct buf *document, int64_t now);
/* Its document, appended, and since when it was used.  STORE_ABSENT: there is none. */
enum store_result store_policy_find(struct store *s, const char *id, struct buf *document,
				    int64_t *first);

/* How many submissions of each cloud are open. */
bool store_open_counts(struct store *s,
		       void (*each)(void *arg, const char *cloud, uint64_t count), void *arg);

/* How a submission ended, once.  STORE_ABSENT: there is no such one, or it has ended before. */
enum store_result store_result(struct store *s, const uint8_t id[static SIGHTING_ID_SIZE],
			       const char *cloud, enum cloud_outcome outcome, int32_t verdict,
			       const char *detail, int64_t now);

/*
 * A cloud's verdict about a sample, which came after its submissions had ended.  Calls each()
 * with every one of them of which it is news.
 */
bool store_verdict(struct store *s, const char *cloud, const uint8_t sha256[static SHA256_SIZE],
		   int32_t verdict,
		   void (*each)(void *arg, const uint8_t *id, enum cloud_outcome outcome),
		   void *arg);

/* What became of a sample at one cloud; texts hold until `each` returns. */
struct store_sent {
	uint8_t id[SIGHTING_ID_SIZE];
	const char *cloud;
	int64_t queued, ended; /* ms since the epoch; ended 0: it has not */
	bool in_outbox;	       /* the forwarder has not committed it yet */
	const char *outcome;   /* NULL: none yet */
	int32_t verdict;       /* or CLOUD_VERDICT_NONE */
	const char *detail;    /* or NULL */
	struct policy policy;  /* when seen */
	bool policy_readable;
	uint32_t share_mask; /* when seen */
	enum rule_priority priority;
};

/* The submissions of a sample, the newest first, `max` at most. */
bool store_sample(struct store *s, const uint8_t sha256[static SHA256_SIZE], size_t max,
		  void (*each)(void *arg, const struct store_sent *sent), void *arg);

/* Forgets sightings seen before `before` whose submissions have all ended. */
bool store_forget(struct store *s, int64_t before);

/* How a submission ended, as a record tells it. */
struct store_end {
	char cloud[CLOUD_NAME_MAX]; /* "": it is of the sighting itself */
	enum cloud_outcome outcome;
	int32_t verdict;
	int64_t time; /* ms since the epoch */
};

/* What a log is still to get; complete, the policy as it was when that happened. */
struct store_record {
	int64_t number;
	bool readable; /* false: the rest is not there */
	struct store_submission what;
	struct store_end end;
};

bool store_record(struct store *s, const char *log, const struct sighting *sighting,
		  uint32_t share_mask, const struct policy *seen, const struct store_end *end);
/*
 * Records of a log with a number beyond `after`, oldest first, until each() returns false.  The
 * record is each()'s for that call.  Nothing else may be asked of the store meanwhile but
 * store_policy().
 */
bool store_records(struct store *s, const char *log, int64_t after, size_t max,
		   bool (*each)(void *arg, const struct store_record *r), void *arg);
/* Removes those up to a number. */
bool store_recorded(struct store *s, const char *log, int64_t number, uint64_t *removed);
bool store_record_counts(struct store *s,
			 void (*each)(void *arg, const char *log, uint64_t count), void *arg);

#endif
