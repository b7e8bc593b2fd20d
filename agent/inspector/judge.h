/* SPDX-License-Identifier: MIT */
/*
 * What is worth keeping: the rules, as the supervisor sent them last.
 */
#ifndef SLUICE_INSPECTOR_JUDGE_H
#define SLUICE_INSPECTOR_JUDGE_H

#include "lib/counter.h"
#include "policy/rule_message.h"
#include "sample/file.h"

struct judge {
	struct counters *counters;
	struct rule_receiver rules;
};

/* Asks the rules; to be given to file_set_judge() with the judge as argument. */
bool judge_wanted(void *arg, const struct sighting *s, uint32_t possible, bool size_known,
		  uint64_t size);

/* Waits for the first set.  False: the supervisor is gone, or talks nonsense (logged). */
bool judge_await(struct judge *j, int supervisor);
/*
 * Takes what the supervisor has sent by now, if anything.  *changed: other rules than
 * before.  False as above.
 */
bool judge_heed(struct judge *j, int supervisor, bool *changed);

void judge_free(struct judge *j);

#endif
