// SPDX-License-Identifier: MIT
#include "forwarder/verdict.h"

#include "cloud/cloud.h"

#define SENT_LIFE (30 * 86400)

static int64_t ms(uint32_t seconds)
{
	return seconds * 1000LL;
}

/* What is not pending is not asked about any more. */
static struct verdict settled(const struct verdict_times *t, int32_t value, int64_t now)
{
	struct verdict v = {.value = value, .since = now, .next = INT64_MAX};

	if (value == CLOUD_VERDICT_NONE)
		v.until = now + ms(SENT_LIFE);
	else if (value < 0)
		v.until = now; /* the next sighting asks */
	else
		v.until = now + ms(value == 0 ? t->benign : t->malicious);
	return v;
}

struct verdict verdict_first(const struct verdict_times *t, int32_t value, int64_t now)
{
	if (value != CLOUD_VERDICT_PENDING)
		return settled(t, value, now);
	return (struct verdict){
		.value = value,
		.since = now,
		.next = now + ms(t->poll),
		.until = now + ms(t->wait),
	};
}

struct verdict verdict_next(const struct verdict_times *t, const struct verdict *before,
			    int32_t value, int64_t now, bool *late)
{
	struct verdict v = *before;
	uint64_t wait;

	*late = false;
	v.polls++;
	wait = (uint64_t)t->poll << (v.polls < 17 ? v.polls : 17);
	if (value != CLOUD_VERDICT_PENDING) {
		uint32_t polls = v.polls;

		v = settled(t, value, now);
		v.polls = polls;
		return v;
	}
	v.value = value;
	if (wait > VERDICT_POLL_MAX)
		wait = t->poll > VERDICT_POLL_MAX ? t->poll : VERDICT_POLL_MAX;
	v.next = now + (int64_t)wait * 1000;
	/* A clock that went back would keep it for ever. */
	if (v.since > now)
		v.since = now;
	if (now - v.since >= ms(t->wait)) {
		v.next = INT64_MAX;
		v.until = now;
		*late = true;
	} else if (v.next > v.since + ms(t->wait)) {
		v.next = v.since + ms(t->wait);
	}
	return v;
}
