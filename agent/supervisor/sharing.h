/* SPDX-License-Identifier: MIT */
/*
 * The policy an envelope is made under: what the cloud's keys and the networks make of it,
 * and its id.
 */
#ifndef SLUICE_SUPERVISOR_SHARING_H
#define SLUICE_SUPERVISOR_SHARING_H

#include "lib/counter.h"
#include "policy/document.h"
#include "policy/treat.h"
#include "supervisor/config.h"
#include "supervisor/users.h"

struct sharing {
	struct policy policy;
	struct treat_context context;
	struct buf document;
	char id[POLICY_ID_MAX];
};

/*
 * cloud: its place in the configuration, or CONFIG_SINK_SHARE() of a log.
 *
 * What narrowings are held against; it points into c and s.
 */
struct narrow_subject sharing_subject(const struct config *c, struct users *users, size_t cloud,
				      const struct sighting *s);
/* The policy of a cloud for a sighting now: its [share], and all of [narrow] that fits. */
struct policy sharing_policy(const struct config *c, struct users *users, size_t cloud,
			     const struct sighting *s);

/*
 * Of a cloud of the configuration.  What needs a key, where there is none, is omitted and
 * counted.  False when out of memory; sharing_end() in any case.
 */
bool sharing_begin(struct sharing *s, const struct config *c, size_t cloud,
		   const struct policy *effective, struct counters *counters);
void sharing_end(struct sharing *s);

#endif
