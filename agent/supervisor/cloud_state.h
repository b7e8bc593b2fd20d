/* SPDX-License-Identifier: MIT */
/*
 * How each cloud does, as the forwarder says: what is used of its quotas, and until when it is
 * left alone.  Shown, and nothing else.
 *
 *	{"quotas": {"uploads_per_day": {"used": 5, "limit": 1000, "renewed": "..."}, ...},
 *	 "paused_until": "2026-11-24T23:59:12Z", "paused_why": "..."}
 *
 * A quota is there where the configuration has it, `renewed` once something of it is used, and
 * paused_until while it is so.
 */
#ifndef SLUICE_SUPERVISOR_CLOUD_STATE_H
#define SLUICE_SUPERVISOR_CLOUD_STATE_H

#include "lib/msg.h"
#include "supervisor/config.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Times are ms since the epoch. */
struct cloud_state {
	uint64_t used[CLOUD_QUOTA_COUNT];
	int64_t renewed[CLOUD_QUOTA_COUNT]; /* then nothing of it is used */
	int64_t paused_until;		    /* 0: it is not */
	char why[CLOUD_DETAIL_MAX];
};

/* Takes a MSG_CLOUD_STATE; states: by place in the configuration. False: malformed. */
bool cloud_state_take(struct cloud_state states[static CLOUD_MAX], const struct config *c,
		      const struct msg_view *v);
uint64_t cloud_state_used(const struct cloud_state *s, enum cloud_quota quota, int64_t now);
/* Seconds that are left of its pause. */
uint64_t cloud_state_paused(const struct cloud_state *s, int64_t now);
/* Adds the members above to what is told of a cloud. */
void cloud_state_json(const struct cloud_state *s, const struct cloud_config *cloud,
		      int64_t now, json_t *into);

#endif
