/* SPDX-License-Identifier: MIT */
/*
 * What a cloud thinks of a sample, after the submission has ended: when it is asked again, and
 * how long its answer is good for later sightings.  Pure: the clock is the caller's.
 *
 * The API asks its clients to wait 30 s before the first question, and a full analysis takes up
 * to five minutes (reference: behaviour); after that the wait doubles, up to an hour.
 */
#ifndef SLUICE_FORWARDER_VERDICT_H
#define SLUICE_FORWARDER_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#define VERDICT_POLL_MAX 3600 /* seconds between questions about one sample, at most */

/* Seconds. */
struct verdict_times {
	uint32_t poll;	    /* until the first question */
	uint32_t wait;	    /* until a verdict is not waited for any more */
	uint32_t benign;    /* life of "benign" */
	uint32_t malicious; /* life of every other verdict */
};

#define VERDICT_TIMES_DEFAULT                                                       \
	{                                                                           \
		.poll = 30, .wait = 86400, .benign = 86400, .malicious = 30 * 86400 \
	}

/* What is known of one sample at one cloud; times are ms since the epoch. */
struct verdict {
	int32_t value; /* or CLOUD_VERDICT_NONE: the cloud says none, ever */
	int64_t since; /* pending since then */
	int64_t next;  /* to be asked then; INT64_MAX: not any more */
	int64_t until; /* good for later sightings until then */
	uint32_t polls;
};

/* What is known after a submission ended with that verdict. */
struct verdict verdict_first(const struct verdict_times *t, int32_t value, int64_t now);
/*
 * What is known after a question was answered.  Of one that is pending for too long nothing
 * more is expected: *late, and good for nobody.
 */
struct verdict verdict_next(const struct verdict_times *t, const struct verdict *before,
			    int32_t value, int64_t now, bool *late);

#endif
