/* SPDX-License-Identifier: MIT */
/*
 * Rules on their way to the inspectors, which ask them what to leave out.
 *
 * One set is as many messages as it needs.  The first begins with a head: how many rules
 * follow, limits and bits of types.  Only rules that can send something are in it, and of these
 * neither their names nor their clouds: who gets a file is no inspector's matter.
 */
#ifndef SLUICE_POLICY_RULE_MESSAGE_H
#define SLUICE_POLICY_RULE_MESSAGE_H

#include "lib/msg.h"
#include "policy/rule.h"

/*
 * Writes the next message of a set: *next is 0 at first, and SIZE_MAX when the last one was
 * written.  False: out of memory.
 */
bool rule_message_put(const struct rule_set *set, size_t *next, struct msg *m);

/* A set being received, and the one before it, which holds until then. */
struct rule_receiver {
	struct rule_set set; /* points into this; valid once `valid` */
	struct rule_types types;
	struct rule *rule;
	bool valid;

	struct rule_types next_types;
	struct rule *next;
	size_t want, have;
};

/* All zero is an empty one. */
void rule_receiver_free(struct rule_receiver *r);
/*
 * Takes a MSG_RULES; *changed when a set is complete and holds from now on.  False: it
 * makes no sense, or out of memory; the set before stays.
 */
bool rule_message_take(struct rule_receiver *r, const struct msg_view *v, bool *changed);

#endif
