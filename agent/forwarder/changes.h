/* SPDX-License-Identifier: MIT */
/*
 * What becomes of several submissions of a cloud at once: outcomes, taken to the queue in one
 * transaction and then counted, and behind them those that only wait again.
 */
#ifndef SLUICE_FORWARDER_CHANGES_H
#define SLUICE_FORWARDER_CHANGES_H

#include "forwarder/state.h"

struct changes {
	struct cloud_result result[CLOUD_LOOKUP_MAX];
	struct queue_change change[CLOUD_LOOKUP_MAX];
	const struct queue_item *item[CLOUD_LOOKUP_MAX];
	size_t count, outcomes;
};

void changes_begin(struct changes *c);
/* One more, whose outcome the caller writes; item stays until changes_count(). */
struct cloud_result *changes_add(struct changes *c, const struct queue_item *item);
/* Those that were added so far end, or wait, with the outcome that is in their result. */
void changes_settle(struct target *t, struct changes *c);
/* After changes_settle(): one that is due again as if nothing had been. */
void changes_waiting(struct changes *c, const struct queue_item *item, const char *why,
		     int64_t now);
/*
 * A request about all of these came to nothing, as `r` says: they wait as it has it, or those
 * that the supervisor denied, and then the others are due again.
 */
void changes_failed(struct target *t, struct changes *c, const struct queue_item *items,
		    const bool *denied, size_t n, const struct cloud_result *r);
/* False: the disk failed, and that was said. */
bool changes_store(struct target *t, const struct changes *c);
void changes_count(struct target *t, const struct changes *c, bool log);

#endif
