/* SPDX-License-Identifier: MIT */
/*
 * The forwarder's queue: what is to go where, how far it got, on disk.
 *
 * It holds no field of any session: an envelope is made when it is sent.
 * SQLite in WAL mode: what a function here reported as done survives a crash and, but for
 * queue_take() and queue_told(), a power failure.  What these did is undone by one, in whole
 * or from some moment on: attempts ask the cloud first, and a result may be told twice.
 *
 * A submission is `waiting` or `started` until it ends as one of the final
 * outcomes of cloud.h, under that name.  One that was `started` when the
 * process died waits again after queue_open(); whether its sample reached the
 * cloud is for the next attempt to ask.
 *
 * Times are milliseconds since the epoch.  Functions that fail leave a text in
 * queue_error() and have changed nothing.
 */
#ifndef SLUICE_FORWARDER_QUEUE_H
#define SLUICE_FORWARDER_QUEUE_H

#include "forwarder/quota.h"
#include "policy/rule.h"
#include "forwarder/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;

struct queue_item {
	int64_t number; /* of the row */
	uint8_t id[SIGHTING_ID_SIZE];
	char cloud[CLOUD_NAME_MAX];
	uint8_t sha256[SHA256_SIZE];
	uint64_t size;
	enum rule_priority priority;
	uint32_t attempts; /* begun, this one included */
	uint32_t failures; /* ended in CLOUD_RETRY since it is that verdict, for the back-off */
	int32_t verdict;   /* of attempts before, or CLOUD_VERDICT_NONE */
	/* When added: where an answer about the sample is known and good, it ends at once. */
	bool reuse;
};

#define QUEUE_KNOWN_DETAIL "known from an earlier sighting"

/* A final outcome, to be told to the supervisor. */
struct queue_result {
	int64_t number;
	uint8_t id[SIGHTING_ID_SIZE];
	char cloud[CLOUD_NAME_MAX];
	enum cloud_outcome outcome;
	int32_t verdict;
	char detail[CLOUD_DETAIL_MAX];
};

/*
 * Opens or makes the database (mode 0600) and locks it against a second
 * forwarder.  Submissions that were started wait again, due at `again`; none is
 * due later than `latest` (a clock that was wrong).  NULL with a logged error
 * that says which file and what to do.
 */
struct queue *queue_open(const char *path, int64_t again, int64_t latest);
void queue_close(struct queue *q);
const char *queue_error(const struct queue *q);
/* Logs that text, the file, and what to do: it will be tried again every second. */
void queue_failing(const struct queue *q, const char *doing);

/* How long verdicts are good; before the first submission ends. */
void queue_verdict_times(struct queue *q, const struct verdict_times *t);

/*
 * Accepts n submissions (attempts, failures and verdict are not read), due now, in one
 * transaction.  One that is there already is not added again; if it has ended,
 * its result is to be told again.  One that can reuse an answer has ended: *known of them.
 */
bool queue_add(struct queue *q, const struct queue_item *items, size_t n, int64_t now,
	       size_t *known);

/*
 * Marks up to max due submissions of a cloud as started and copies them to
 * items, those of a higher priority first, then the oldest.  Of submissions with the same
 * sample one at a time is started.
 * fresh: only those that were never begun.
 */
bool queue_take(struct queue *q, const char *cloud, int64_t now, bool fresh,
		struct queue_item *items, size_t max, size_t *count);

/* When the next submission of a cloud that waits beyond `now` is due; INT64_MAX: none. */
int64_t queue_next_due(struct queue *q, const char *cloud, int64_t now);

/* The clock was set back: none is due later than `latest`. */
bool queue_clock(struct queue *q, int64_t latest);

/*
 * Ends a started one; outcome must be final.  It counts as not told.  What the cloud said of
 * the sample is kept with it: see queue_verdict_times().
 */
bool queue_end(struct queue *q, int64_t number, const struct cloud_result *r, int64_t now);
/* Lets a started one wait again until next_at. */
bool queue_again(struct queue *q, int64_t number, const struct cloud_result *r,
		 uint32_t failures, int64_t next_at, int64_t now);

/* What becomes of a started one: it ends when the outcome is final, else waits until next_at.
 */
struct queue_change {
	int64_t number;
	const struct cloud_result *result;
	bool reused; /* by an answer that is known: it is no newer for that */
	uint32_t failures;
	int64_t next_at;
};

/* Several at once, all or none. */
bool queue_change(struct queue *q, const struct queue_change *changes, size_t n, int64_t now);

/* Results not told yet, oldest first. */
bool queue_untold(struct queue *q, struct queue_result *results, size_t max, size_t *count);
bool queue_told(struct queue *q, const struct queue_result *results, size_t n);

/* Forgets what ended, was told, and has not changed since `before`. */
bool queue_forget(struct queue *q, int64_t before);

/* A sample about which a cloud is asked, on behalf of a sighting that went there. */
struct queue_poll {
	int64_t number; /* of the row */
	uint8_t id[SIGHTING_ID_SIZE];
	char cloud[CLOUD_NAME_MAX];
	uint8_t sha256[SHA256_SIZE];
	struct verdict verdict;
};

/* What is known now of a sample at a cloud that has it; *found: something is. */
bool queue_verdict(struct queue *q, const char *cloud, const uint8_t sha256[static SHA256_SIZE],
		   int64_t now, bool *found, int32_t *value);
/* Those that a cloud is to be asked about now, the oldest first. */
bool queue_polls(struct queue *q, const char *cloud, int64_t now, struct queue_poll *polls,
		 size_t max, size_t *count);
/* When the first of them is to be asked about; INT64_MAX: none ever. */
int64_t queue_poll_at(struct queue *q, const char *cloud);
/* Stores what is known of them now, in one transaction; a new value counts as not told. */
bool queue_polled(struct queue *q, const struct queue_poll *polls, size_t n);
/* Verdicts that came after their submissions' end and were not told yet, and that they were. */
bool queue_verdicts_untold(struct queue *q, struct queue_poll *polls, size_t max,
			   size_t *count);
bool queue_verdicts_told(struct queue *q, const struct queue_poll *polls, size_t n);
/* Forgets verdicts that are good for nothing any more, and what is above QUEUE_VERDICTS_MAX. */
bool queue_verdict_forget(struct queue *q, int64_t now);
#define QUEUE_VERDICTS_MAX 1000000

/* Calls each() with every cloud that has submissions which have not ended. */
bool queue_clouds(struct queue *q, void (*each)(const char *cloud, uint64_t count, void *arg),
		  void *arg);

/* What is used of a cloud's quotas; all zero when nothing was ever stored. */
bool queue_quota_store(struct queue *q, const char *cloud,
		       const struct quota quota[static CLOUD_QUOTA_COUNT]);
bool queue_quota_load(struct queue *q, const char *cloud,
		      struct quota quota[static CLOUD_QUOTA_COUNT]);

/* Until when a cloud asked to be left alone; 0: it never did. */
bool queue_pause_store(struct queue *q, const char *cloud, int64_t until);
bool queue_pause_load(struct queue *q, const char *cloud, int64_t *until);

#endif
