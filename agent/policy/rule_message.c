// SPDX-License-Identifier: MIT
#include "policy/rule_message.h"

#include <stdlib.h>
#include <string.h>

struct head {
	uint64_t count;
	struct rule_types types;
};

struct body {
	uint32_t types;
	uint8_t any_application, any_type, direction, zero;
};

/* A rule's attributes are never longer than this: {header, bytes, padding} of each. */
#define RULE_ROOM (8 + sizeof(struct body) + RULE_APPLICATIONS_MAX * (8 + RULE_NAME_MAX))

static bool sends(const struct rule_set *set, size_t i)
{
	return set->rule[i].clouds & set->receiving;
}

static bool put_rule(const struct rule *r, struct msg *m)
{
	const struct body b = {
		.types = r->types,
		.any_application = r->any_application,
		.any_type = r->any_type,
		.direction = (uint8_t)r->direction,
	};
	bool ok = msg_put(m, MSG_A_RULE, &b, sizeof(b));

	for (size_t i = 0; ok && i < r->applications; i++)
		ok = msg_put_string(m, MSG_A_RULE_APPLICATION, r->application[i]);
	return ok;
}

bool rule_message_put(const struct rule_set *set, size_t *next, struct msg *m)
{
	bool ok = true;

	msg_begin(m, MSG_RULES);
	if (*next == 0) {
		struct head h = {.types = *set->types};

		for (size_t i = 0; i < set->count; i++)
			h.count += sends(set, i);
		ok = msg_put(m, MSG_A_RULE_LIMITS, &h, sizeof(h));
	}
	for (; ok && *next < set->count && m->buf.len + RULE_ROOM <= MSG_MAX; (*next)++)
		if (sends(set, *next))
			ok = put_rule(&set->rule[*next], m);
	if (*next == set->count)
		*next = SIZE_MAX;
	return ok;
}

void rule_receiver_free(struct rule_receiver *r)
{
	free(r->rule);
	free(r->next);
	memset(r, 0, sizeof(*r));
}

static bool take_head(struct rule_receiver *r, const uint8_t *p, size_t n)
{
	struct head h;

	if (n != sizeof(h))
		return false;
	memcpy(&h, p, sizeof(h));
	if (h.count > RULES_MAX)
		return false;
	free(r->next);
	r->next = calloc(h.count ? h.count : 1, sizeof(*r->next));
	r->want = h.count;
	r->have = 0;
	r->next_types = h.types;
	return r->next;
}

static bool take_rule(struct rule_receiver *r, const uint8_t *p, size_t n)
{
	struct body b;
	struct rule *to;

	if (!r->next || r->have == r->want || n != sizeof(b))
		return false;
	memcpy(&b, p, sizeof(b));
	if (b.direction > RULE_UPLOAD)
		return false;
	to = &r->next[r->have++];
	to->types = b.types;
	to->any_application = b.any_application;
	to->any_type = b.any_type;
	to->direction = b.direction;
	to->clouds = 1;
	return true;
}

static bool take_application(struct rule_receiver *r, const uint8_t *p, size_t n)
{
	struct rule *to;

	if (!r->next || !r->have || n == 0 || n >= RULE_NAME_MAX || memchr(p, 0, n))
		return false;
	to = &r->next[r->have - 1];
	if (to->applications == RULE_APPLICATIONS_MAX)
		return false;
	memcpy(to->application[to->applications++], p, n);
	return true;
}

static void settle(struct rule_receiver *r)
{
	free(r->rule);
	r->rule = r->next;
	r->next = NULL;
	r->types = r->next_types;
	r->set = (struct rule_set){
		.rule = r->rule,
		.count = r->want,
		.receiving = 1,
		.types = &r->types,
	};
	r->valid = true;
}

bool rule_message_take(struct rule_receiver *r, const struct msg_view *v, bool *changed)
{
	const uint8_t *p;
	size_t at = 0, n;
	uint16_t tag;
	bool ok = v->type == MSG_RULES;

	*changed = false;
	while (ok && msg_next(v, &at, &tag, &p, &n)) {
		if (tag == MSG_A_RULE_LIMITS)
			ok = take_head(r, p, n);
		else if (tag == MSG_A_RULE)
			ok = take_rule(r, p, n);
		else if (tag == MSG_A_RULE_APPLICATION)
			ok = take_application(r, p, n);
		else
			ok = false;
	}
	if (!ok) {
		free(r->next);
		r->next = NULL;
	} else if (r->next && r->have == r->want) {
		settle(r);
		*changed = true;
	}
	return ok;
}
