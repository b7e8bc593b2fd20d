// SPDX-License-Identifier: MIT
#include "inspector/judge.h"

#include "lib/log.h"
#include "sample/type.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

_Static_assert(RULE_TYPE_OTHER == FILE_TYPE_OTHER_BIT &&
		       RULE_TYPE_ARCHIVE == FILE_TYPE_ARCHIVE_BIT,
	       "rules and the table of types mean the same bits");

bool judge_wanted(void *arg, const struct sighting *s, uint32_t possible, bool size_known,
		  uint64_t size)
{
	struct judge *j = arg;
	struct rule_file f = {
		.kind = s->kind,
		.direction = s->direction,
		.application = sighting_get(s, SIGHTING_APPLICATION),
		.types = possible,
		.size_known = size_known,
		.size = size,
	};

	if (rule_wants(&j->rules.set, &f))
		return true;
	if (rule_over_limit(&j->rules.set, &f))
		counter_add(j->counters, COUNTER_FILES_OVERSIZE, 1);
	return false;
}

static bool take_one(struct judge *j, int supervisor, bool *changed)
{
	static uint8_t room[MSG_MAX];
	struct msg_view v;

	switch (msg_receive(supervisor, room, &v)) {
	case MSG_OK:
		if (rule_message_take(&j->rules, &v, changed))
			return true;
		log_error("the supervisor sent a message \"%s\" that makes no sense",
			  msg_type_text(v.type));
		return false;
	case MSG_CLOSED:
		return false;
	default:
		log_error("cannot read from the supervisor: %s", strerror(errno));
		return false;
	}
}

bool judge_await(struct judge *j, int supervisor)
{
	bool changed;

	while (!j->rules.valid)
		if (!take_one(j, supervisor, &changed))
			return false;
	return true;
}

bool judge_heed(struct judge *j, int supervisor, bool *changed)
{
	struct pollfd fd = {.fd = supervisor, .events = POLLIN};
	bool one;

	*changed = false;
	while (poll(&fd, 1, 0) > 0) {
		if (!take_one(j, supervisor, &one))
			return false;
		*changed |= one;
	}
	return true;
}

void judge_free(struct judge *j)
{
	rule_receiver_free(&j->rules);
}
