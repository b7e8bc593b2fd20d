// SPDX-License-Identifier: MIT
#include "supervisor/rules.h"

#include "policy/rule_message.h"

void rules_due(struct rules_sending *r)
{
	*r = (struct rules_sending){.due = true};
}

/* The next message alone; what the socket does not take is made again later. */
static enum msg_result send_next(struct rules_sending *r, const struct rule_set *set, int fd)
{
	enum msg_result result = MSG_BAD;
	size_t next = r->next;
	struct msg m;

	msg_init(&m);
	if (rule_message_put(set, &next, &m))
		result = msg_send(fd, &m);
	msg_free(&m);
	if (result == MSG_OK)
		r->next = next;
	return result;
}

enum msg_result rules_send(struct rules_sending *r, const struct config *c, int fd)
{
	struct rule_set set = config_rules(c);
	enum msg_result result = MSG_OK;

	while (r->due && result == MSG_OK) {
		result = send_next(r, &set, fd);
		r->due = r->next != SIZE_MAX;
	}
	if (result == MSG_AGAIN)
		return MSG_OK;
	/* There is nothing left to say to one that cannot hear. */
	if (result != MSG_OK)
		r->due = false;
	return result;
}
