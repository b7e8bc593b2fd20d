/* SPDX-License-Identifier: MIT */
/*
 * Overload: more comes for a cloud than leaves to it.
 *
 * What a cloud cannot take yet waits in its reserve, `reserve` submissions of [cloud].  While
 * that is full nothing more is accepted for the cloud: refused, counted (supervisor/tally.h)
 * and said in the local log.  It takes again what comes when something has left.
 */
#ifndef SLUICE_SUPERVISOR_OVERLOAD_H
#define SLUICE_SUPERVISOR_OVERLOAD_H

#include "supervisor/config.h"
#include "supervisor/tally.h"

#include <stdbool.h>
#include <stdint.h>

struct overload {
	uint64_t coming[CLOUD_MAX];  /* accepted, and not yet committed */
	uint64_t refused[CLOUD_MAX]; /* since it is full */
	bool full[CLOUD_MAX];	     /* and that was logged */
};

/*
 * Bits of those of the clouds that have no room for one more submission; of the others it has
 * a place from now on.
 */
uint64_t overload_take(struct overload *o, const struct config *c, const struct tally *t,
		       uint64_t clouds);
/* Those it refused of a sighting as its SIGHTING_OVERLOAD. */
void overload_name(const struct config *c, uint64_t clouds, struct sighting *s);
/* What came is committed and counted, or given up: nothing is coming any more. */
void overload_settled(struct overload *o, const struct config *c, const struct tally *t);

#endif
