// SPDX-License-Identifier: MIT
#include "forwarder/quota.h"

static const struct {
	bool upload;
	int64_t length; /* ms */
} spans[CLOUD_QUOTA_COUNT] = {
#define SPAN_ROW(id, name, upload, length) [CLOUD_##id] = {upload, length},
	CLOUD_QUOTAS(SPAN_ROW)
#undef SPAN_ROW
};

#define DAY 86400000LL
#define MINUTE 60000LL
#define EARLY MINUTE	    /* a day begins so long before midnight */
#define DIFFER (5 * MINUTE) /* of two clocks, at most */

/* Number of the span, and when it ends. */
static int64_t span_of(int which, int64_t now)
{
	return (now + EARLY) / spans[which].length;
}

static int64_t span_end(int which, int64_t now)
{
	return (span_of(which, now) + 1) * spans[which].length - EARLY;
}

int64_t quota_renewed(int64_t now, uint32_t random)
{
	int64_t since = (now + EARLY) % DAY;

	return now - since + (since < DIFFER ? DIFFER : DAY) +
	       MINUTE * (random >> 16) / UINT16_MAX;
}

static uint64_t used(const struct quota *q, int which, int64_t now)
{
	return q->span == span_of(which, now) ? q->used : 0;
}

uint64_t quota_used(const struct quota quota[static CLOUD_QUOTA_COUNT], enum cloud_quota which,
		    int64_t now, int64_t *until)
{
	uint64_t n = used(&quota[which], which, now);

	*until = n ? span_end(which, now) : 0;
	return n;
}

uint64_t quota_left(const struct quota quota[static CLOUD_QUOTA_COUNT],
		    const uint32_t limit[static CLOUD_QUOTA_COUNT], bool upload, int64_t now)
{
	uint64_t left = UINT64_MAX;

	for (int i = 0; i < CLOUD_QUOTA_COUNT; i++) {
		uint64_t u = used(&quota[i], i, now);
		uint64_t here = u < limit[i] ? limit[i] - u : 0;

		if (limit[i] && spans[i].upload == upload && here < left)
			left = here;
	}
	return left;
}

void quota_charge(struct quota quota[static CLOUD_QUOTA_COUNT], bool upload, int64_t now)
{
	for (int i = 0; i < CLOUD_QUOTA_COUNT; i++) {
		if (spans[i].upload != upload)
			continue;
		quota[i].used = used(&quota[i], i, now) + 1;
		quota[i].span = span_of(i, now);
	}
}

int64_t quota_again(const struct quota quota[static CLOUD_QUOTA_COUNT],
		    const uint32_t limit[static CLOUD_QUOTA_COUNT], int64_t now,
		    enum cloud_quota *which)
{
	int64_t again = 0;

	for (int i = 0; i < CLOUD_QUOTA_COUNT; i++) {
		int64_t end = span_end(i, now);

		if (!limit[i] || used(&quota[i], i, now) < limit[i] || end < again)
			continue;
		again = end;
		if (which)
			*which = (enum cloud_quota)i;
	}
	return again;
}
