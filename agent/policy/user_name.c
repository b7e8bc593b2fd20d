// SPDX-License-Identifier: MIT
#include "policy/user_name.h"

#include "policy/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct user_names {
	struct table *table, *members;
	size_t members_max;
	size_t dirty; /* groups */
	uint8_t key[2][16];
};

/*
 * A name's key is its hash of 128 bits under keys nobody knows: two names with the same one do
 * not come, even where somebody searches for them.
 */
static void name_key(const struct user_names *n, enum user_name_kind kind, const char *text,
		     uint8_t out[static 16])
{
	uint8_t room[1 + USER_NAME_MAX];
	size_t size = strnlen(text, USER_NAME_MAX);
	uint64_t half;

	room[0] = (uint8_t)kind;
	memcpy(room + 1, text, size);
	for (size_t i = 0; i < 2; i++) {
		half = siphash24(n->key[i], room, 1 + size);
		memcpy(out + 8 * i, &half, sizeof(half));
	}
}

struct user_names *user_names_new(size_t names, size_t members)
{
	struct user_names *n = calloc(1, sizeof(*n));
	size_t offset = offsetof(struct user_name, key) - offsetof(struct user_name, entry);
	size_t pair = offsetof(struct user_member, user) - offsetof(struct user_member, entry);

	if (!n)
		return NULL;
	n->members_max = members;
	n->table = table_new(offset, sizeof(((struct user_name *)0)->key), names);
	n->members = table_new(pair, 2 * sizeof(struct user_name *), members);
	if (n->table && n->members && getrandom(n->key, sizeof(n->key), 0) == sizeof(n->key))
		return n;
	table_free(n->table);
	table_free(n->members);
	free(n);
	return NULL;
}

static struct user_name *name_of(struct table_entry *e)
{
	return e ? (struct user_name *)((char *)e - offsetof(struct user_name, entry)) : NULL;
}

struct user_name *user_names_find(struct user_names *n, enum user_name_kind kind,
				  const char *text)
{
	uint8_t key[16];

	name_key(n, kind, text, key);
	return name_of(table_find(n->table, key));
}

struct user_name *user_names_get(struct user_names *n, enum user_name_kind kind,
				 const char *text)
{
	struct user_name *name = user_names_find(n, kind, text);
	size_t size = strlen(text);

	if (name) {
		name->refs++;
		return name;
	}
	if (size > USER_NAME_MAX)
		return NULL;
	name = calloc(1, sizeof(*name) + size + 1);
	if (!name)
		return NULL;
	name->refs = 1;
	name->kind = kind;
	memcpy(name->text, text, size);
	name_key(n, kind, text, name->key);
	if (table_add(n->table, &name->entry))
		return name;
	free(name);
	return NULL;
}

static void set_dirty(struct user_names *n, struct user_name *name, bool dirty)
{
	n->dirty += (size_t)dirty - (size_t)name->dirty;
	name->dirty = dirty;
}

void user_names_put(struct user_names *n, struct user_name *name)
{
	/* A group that lost its last member is kept until that is saved. */
	if (!name || --name->refs || name->dirty)
		return;
	table_remove(n->table, &name->entry);
	free(name);
}

static void leave(struct user_names *n, struct user_member *m)
{
	*m->at_group = m->next_group;
	if (m->next_group)
		m->next_group->at_group = m->at_group;
	*m->at_user = m->next_user;
	if (m->next_user)
		m->next_user->at_user = m->at_user;
	m->user->count--;
	m->group->count--;
	table_remove(n->members, &m->entry);
	set_dirty(n, m->group, true);
	user_names_put(n, m->user);
	user_names_put(n, m->group);
	free(m);
}

void user_names_free(struct user_names *n)
{
	struct user_name *name;
	struct table_entry *e;

	if (!n)
		return;
	while ((e = table_oldest(n->table))) {
		name = name_of(e);
		/* Whoever is not in a group has no reference left but these. */
		name->refs++;
		while (name->list)
			leave(n, name->list);
		name->dirty = false;
		name->refs = 1;
		user_names_put(n, name);
	}
	table_free(n->table);
	table_free(n->members);
	free(n);
}

bool user_name_good(const char *text, size_t max)
{
	size_t n = strlen(text);
	struct buf b;
	bool good = n > 0 && n <= max;

	for (size_t i = 0; good && i < n; i++)
		good = (uint8_t)text[i] >= ' ' && text[i] != 0x7f;
	if (!good)
		return false;
	buf_init(&b, 3 * n);
	good = text_add_utf8(&b, text, n) && b.len == n && memcmp(b.data, text, n) == 0;
	buf_free(&b);
	return good;
}

static void link_member(struct user_member *m)
{
	m->next_group = m->user->list;
	m->at_group = &m->user->list;
	if (m->next_group)
		m->next_group->at_group = &m->next_group;
	m->user->list = m;
	m->next_user = m->group->list;
	m->at_user = &m->group->list;
	if (m->next_user)
		m->next_user->at_user = &m->next_user;
	m->group->list = m;
	m->user->count++;
	m->group->count++;
}

bool user_names_join(struct user_names *n, const char *user, const char *group)
{
	struct user_name *u = user_names_get(n, USER_NAME_USER, user);
	struct user_name *g = user_names_get(n, USER_NAME_GROUP, group);
	struct user_name *pair[] = {u, g};
	struct user_member *m;

	if (!u || !g)
		goto fail;
	if (table_find(n->members, pair)) {
		user_names_put(n, u);
		user_names_put(n, g);
		return true;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		goto fail;
	m->user = u;
	m->group = g;
	if (!table_add(n->members, &m->entry)) {
		free(m);
		goto fail;
	}
	link_member(m);
	set_dirty(n, g, true);
	return true;
fail:
	user_names_put(n, u);
	user_names_put(n, g);
	return false;
}

void user_names_empty(struct user_names *n, const char *group)
{
	struct user_name *g = user_names_find(n, USER_NAME_GROUP, group);

	if (!g)
		return;
	g->refs++;
	while (g->list)
		leave(n, g->list);
	user_names_put(n, g);
}

size_t user_names_room(const struct user_names *n)
{
	return n->members_max - table_count(n->members);
}

bool user_names_dirty(const struct user_names *n)
{
	return n->dirty;
}

/* Each name once, and in the same order as before. */
static struct user_name *next_name(struct user_names *n)
{
	struct table_entry *e = table_oldest(n->table);

	if (e)
		table_touch(n->table, e);
	return name_of(e);
}

struct user_name *user_names_take_dirty(struct user_names *n)
{
	struct user_name *name = NULL;

	if (!n->dirty)
		return NULL;
	while ((name = next_name(n)) && !name->dirty)
		;
	name->refs++;
	set_dirty(n, name, false);
	return name;
}

static void mark_groups(struct user_names *n, bool dirty)
{
	for (size_t i = table_count(n->table); i > 0; i--) {
		struct user_name *name = next_name(n);

		if (name->kind == USER_NAME_GROUP)
			set_dirty(n, name, dirty);
	}
}

void user_names_all_dirty(struct user_names *n)
{
	mark_groups(n, true);
}

void user_names_none_dirty(struct user_names *n)
{
	mark_groups(n, false);
}
