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

static uint64_t used(const struct quota *q, int which, int64_t now)
{
	return q->span == now / spans[which].length ? q->used : 0;
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
		quota[i].span = now / spans[i].length;
	}
}

int64_t quota_again(const struct quota quota[static CLOUD_QUOTA_COUNT],
		    const uint32_t limit[static CLOUD_QUOTA_COUNT], int64_t now,
		    enum cloud_quota *which)
{
	int64_t again = 0;

	for (int i = 0; i < CLOUD_QUOTA_COUNT; i++) {
		int64_t end = (now / spans[i].length + 1) * spans[i].length;

		if (!limit[i] || used(&quota[i], i, now) < limit[i] || end < again)
			continue;
		again = end;
		if (which)
			*which = (enum cloud_quota)i;
	}
	return again;
}
