/* SPDX-License-Identifier: MIT */
/*
 * A sighting's way into the supervisor, the same live and from a capture file.
 */
#ifndef SLUICE_SUPERVISOR_INTAKE_H
#define SLUICE_SUPERVISOR_INTAKE_H

#include "lib/counter.h"
#include "lib/msg.h"
#include "lib/sighting.h"
#include "sample/spool.h"
#include "supervisor/config.h"
#include "supervisor/journal.h"

/*
 * Decodes a MSG_SIGHTING, names its virtual system, its zones and its users, makes its id,
 * finds its rule and counts it.  *clouds: bits of the clouds it goes to. False: refused, and
 * counted as a bad message.  The sighting is the caller's to free.
 */
bool intake_sighting(const struct config *c, struct users *users, struct counters *counters,
		     const struct msg_view *v, struct sighting *s, uint64_t *clouds);

/* A complete file as rules see it; points into s. */
struct rule_file intake_rule_file(const struct config *c, const struct sighting *s);

/* Whether it is whole, and left out because it is larger than the limit of its type. */
bool intake_oversize(const struct config *c, const struct sighting *s);

/*
 * Decodes a MSG_SESSION, names its virtual system and writes it to the session log.  A log
 * that cannot be written is counted, and no error.  False: refused.
 */
bool intake_session(const struct config *c, struct counters *counters, const struct msg_view *v,
		    struct journal *log);

/*
 * What goes to a cloud must have bytes: without its sample in the spool a sighting
 * becomes one that is not stored (FILE_REASON_SPOOL_ERROR) and goes nowhere, counted and
 * logged.
 */
void intake_check(struct spool *spool, struct counters *counters, struct sighting *s,
		  uint64_t *clouds);

/*
 * Takes away the clouds whose policy, under that share mask, lets nothing of the
 * sighting's kind go (envelope_allowed()).
 */
void intake_withhold(const struct config *c, struct users *users, struct counters *counters,
		     const struct sighting *s, uint32_t share_mask, uint64_t *clouds);

#endif
