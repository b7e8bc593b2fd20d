// SPDX-License-Identifier: MIT
#include "policy/user_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TEXT_MAX (64u << 20)

void user_changes_init(struct user_changes *s, size_t max)
{
	memset(s, 0, sizeof(*s));
	s->max = max;
	buf_init(&s->text, TEXT_MAX);
}

void user_changes_free(struct user_changes *s)
{
	free(s->change);
	buf_free(&s->text);
	user_changes_init(s, s->max);
}

struct user_change *user_changes_add(struct user_changes *s, enum user_change_kind kind,
				     unsigned int line)
{
	struct user_change *c;
	size_t room;

	if (s->count == s->max) {
		snprintf(s->error, sizeof(s->error), "line %u: more than %zu entries", line,
			 s->max);
		return NULL;
	}
	if (s->count == s->room) {
		room = s->room ? 2 * s->room : 16;
		c = realloc(s->change, room * sizeof(*c));
		if (!c) {
			snprintf(s->error, sizeof(s->error), "out of memory");
			return NULL;
		}
		s->change = c;
		s->room = room;
	}
	c = &s->change[s->count++];
	*c = (struct user_change){.kind = kind, .line = line};
	return c;
}

bool user_changes_text(struct user_changes *s, const char *text, size_t *place)
{
	/* Place 0 is taken: it means none. */
	if (!s->text.len)
		buf_add(&s->text, "", 1);
	*place = s->text.len;
	if (buf_add(&s->text, text, strlen(text) + 1))
		return true;
	*place = 0;
	snprintf(s->error, sizeof(s->error), "too much text, or out of memory");
	return false;
}

bool user_address_parse(const char *text, struct endpoint *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (!inet_parse(text, address))
		return false;
	if (address->family == AF_INET6 && !memcmp(address->ip, mapped, sizeof(mapped))) {
		address->family = AF_INET;
		memmove(address->ip, address->ip + sizeof(mapped), 4);
		memset(address->ip + 4, 0, 12);
	}
	return true;
}

static uint64_t add_seconds(uint64_t ns, uint64_t seconds)
{
	uint64_t end;

	if (!seconds || __builtin_mul_overflow(seconds, USER_NS, &end) ||
	    __builtin_add_overflow(ns, end, &end))
		return USER_FOREVER;
	return end;
}

static struct user_mapping mapping_of(const struct user_changes *s, const struct user_change *c,
				      const struct user_defaults *d)
{
	uint64_t begin = c->has_begin ? c->begin : d->begin, from = begin;

	/* One that holds since ever has its time from now on. */
	if (!c->has_begin && from < d->now)
		from = d->now;
	return (struct user_mapping){
		.address = c->address,
		.vsys = user_changes_at(s, c->vsys),
		.user = user_changes_at(s, c->user),
		.begin = begin,
		.end = c->has_end	? c->end
		       : c->has_timeout ? add_seconds(from, c->timeout)
					: add_seconds(from, d->timeout),
		.source = d->source,
	};
}

/* Is there room for everything, whatever of it turns out to be known already? */
static bool fits(struct user_changes *s, struct user_table *t, const struct user_defaults *d)
{
	struct user_names *names = user_table_names(t);
	size_t new = 0, joins = 0, left = user_names_room(names), room;

	for (size_t i = 0; i < s->count; i++) {
		const struct user_change *c = &s->change[i];
		struct user_mapping m;
		struct user_name *group;

		switch (c->kind) {
		case USER_CHANGE_LOGIN:
			m = mapping_of(s, c, d);
			new += user_table_is_new(t, &m);
			break;
		case USER_CHANGE_EMPTY:
			group = user_names_find(names, USER_NAME_GROUP,
						user_changes_at(s, c->group));
			left += group ? group->count : 0;
			break;
		case USER_CHANGE_JOIN:
			joins++;
			break;
		default:
			break;
		}
	}
	room = new ? user_table_room(t, d->now) : 0;
	if (new > room)
		snprintf(s->error, sizeof(s->error),
			 "%zu mappings more than there were, and room for %zu", new, room);
	else if (joins > left)
		snprintf(s->error, sizeof(s->error),
			 "%zu memberships of groups, and room for %zu", joins, left);
	else
		return true;
	return false;
}

static bool apply(struct user_changes *s, struct user_table *t, const struct user_change *c,
		  const struct user_defaults *d, struct user_changed *done)
{
	const char *user = user_changes_at(s, c->user), *group = user_changes_at(s, c->group);
	struct user_mapping m;

	switch (c->kind) {
	case USER_CHANGE_LOGIN:
		m = mapping_of(s, c, d);
		if (user_table_login(t, &m, d->now) != USER_OK)
			return false;
		done->logins++;
		break;
	case USER_CHANGE_LOGOUT:
		done->logouts += user_table_logout(t, &c->address, user_changes_at(s, c->vsys),
						   *user ? user : NULL, d->now);
		break;
	case USER_CHANGE_EMPTY:
		user_names_empty(user_table_names(t), group);
		break;
	case USER_CHANGE_JOIN:
		if (!user_names_join(user_table_names(t), user, group))
			return false;
		done->joins++;
		break;
	}
	return true;
}

bool user_changes_apply(struct user_changes *s, struct user_table *t,
			const struct user_defaults *d, struct user_changed *done)
{
	memset(done, 0, sizeof(*done));
	if (!fits(s, t, d))
		return false;
	for (size_t i = 0; i < s->count; i++) {
		if (apply(s, t, &s->change[i], d, done))
			continue;
		snprintf(s->error, sizeof(s->error),
			 "no more room or memory: done up to line %u", s->change[i].line);
		return false;
	}
	return true;
}
