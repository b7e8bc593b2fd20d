/* SPDX-License-Identifier: MIT */
/*
 * How much of a cloud's quotas is used.  Pure: the clock is the caller's, and so is the disk.
 *
 * A quota is of a span of the clock, a minute or a day of UTC, and all of it is there again
 * when the next one begins: that is how the clouds count. A day begins at 23:59:00, of every
 * cloud: so does WildFire's (reference: error 419), and others have no rule of their own.
 */
#ifndef SLUICE_FORWARDER_QUOTA_H
#define SLUICE_FORWARDER_QUOTA_H

#include "cloud/cloud.h"

#include <stdbool.h>
#include <stdint.h>

struct quota {
	int64_t span;  /* number of the span since the epoch */
	uint64_t used; /* requests of that span */
};

/* Requests that may still be made now; UINT64_MAX: no limit. `limit` is cloud_config.quota. */
uint64_t quota_left(const struct quota quota[static CLOUD_QUOTA_COUNT],
		    const uint32_t limit[static CLOUD_QUOTA_COUNT], bool upload, int64_t now);
/* What is used of one of them, and until when; *until 0: nothing. */
uint64_t quota_used(const struct quota quota[static CLOUD_QUOTA_COUNT], enum cloud_quota which,
		    int64_t now, int64_t *until);
/* Counts one request. */
void quota_charge(struct quota quota[static CLOUD_QUOTA_COUNT], bool upload, int64_t now);
/*
 * When no quota is used up any more, in milliseconds; 0: none is. `which`, which may be
 * NULL, is the one that takes longest.
 */
int64_t quota_again(const struct quota quota[static CLOUD_QUOTA_COUNT],
		    const uint32_t limit[static CLOUD_QUOTA_COUNT], int64_t now,
		    enum cloud_quota *which);
/*
 * When to ask a cloud again that says, at `now`, that its daily quota is used up: in the first
 * minute of the next day, spread by `random`.  Said in the first minutes of a day it means that
 * our clocks differ: five minutes after its begin.  Never more than a day away.
 */
int64_t quota_renewed(int64_t now, uint32_t random);

#endif
