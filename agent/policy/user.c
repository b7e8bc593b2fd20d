// SPDX-License-Identifier: MIT
/*
 *	hosts: (vsys, address) -> host -> mapping -> mapping -> ...	latest begin first
 *	slot[]: every mapping, at a place of its own that it keeps
 *	heap[]: every mapping, the one that ends first at the top
 *	dirty: those that changed
 */
#include "policy/user.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct host {
	struct table_entry entry;
	struct host_key {
		uint64_t vsys; /* its name's pointer, or 0 */
		uint8_t ip[16];
		uint64_t family;
	} key;
	struct user_name *vsys;
	struct entry *latest;
};

struct entry {
	struct entry *older; /* of the same host */
	struct host *host;
	struct user_name *user;
	uint64_t begin, end;
	struct entry *next_dirty, **at_dirty; /* at NULL: not dirty */
	uint32_t slot, heap;
	enum user_source source;
};

struct user_table {
	struct table *hosts;
	struct user_names *names;
	struct entry **slot, **heap;
	size_t count, slots, room, max;
	uint32_t free; /* the first empty slot plus one, 0: none */
	struct entry *dirty;
	uint64_t evicted;
};

const char *user_source_text(enum user_source s)
{
	static const char *const texts[] = {
#define USER_SOURCE_TEXT(id, text) [USER_SOURCE_##id] = text,
		USER_SOURCES(USER_SOURCE_TEXT)
#undef USER_SOURCE_TEXT
	};

	return s < USER_SOURCE_COUNT ? texts[s] : "unknown";
}

struct user_table *user_table_new(size_t max)
{
	struct user_table *t = calloc(1, sizeof(*t));
	size_t offset = offsetof(struct host, key) - offsetof(struct host, entry);

	if (!t)
		return NULL;
	t->max = max < UINT32_MAX ? max : UINT32_MAX;
	t->hosts = table_new(offset, sizeof(struct host_key), t->max);
	/* A mapping brings a user and a virtual system, a membership a user and a group. */
	t->names = user_names_new(4 * t->max, t->max);
	if (t->hosts && t->names)
		return t;
	user_table_free(t);
	return NULL;
}

struct user_names *user_table_names(struct user_table *t)
{
	return t->names;
}

size_t user_table_count(const struct user_table *t)
{
	return t->count;
}

uint64_t user_table_evicted(const struct user_table *t)
{
	return t->evicted;
}

/* --------------------------------------------------------------------- heap */

static void heap_put(struct user_table *t, size_t at, struct entry *e)
{
	t->heap[at] = e;
	e->heap = (uint32_t)at;
}

static void heap_up(struct user_table *t, struct entry *e)
{
	size_t at = e->heap;

	while (at && t->heap[(at - 1) / 2]->end > e->end) {
		heap_put(t, at, t->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(t, at, e);
}

static void heap_down(struct user_table *t, struct entry *e)
{
	size_t at = e->heap, child;

	while ((child = 2 * at + 1) < t->count) {
		if (child + 1 < t->count && t->heap[child + 1]->end < t->heap[child]->end)
			child++;
		if (t->heap[child]->end >= e->end)
			break;
		heap_put(t, at, t->heap[child]);
		at = child;
	}
	heap_put(t, at, e);
}

/* ------------------------------------------------------------------ entries */

static void clean(struct entry *e)
{
	if (!e->at_dirty)
		return;
	*e->at_dirty = e->next_dirty;
	if (e->next_dirty)
		e->next_dirty->at_dirty = e->at_dirty;
	e->at_dirty = NULL;
}

static void soil(struct user_table *t, struct entry *e)
{
	if (e->at_dirty)
		return;
	e->next_dirty = t->dirty;
	e->at_dirty = &t->dirty;
	if (t->dirty)
		t->dirty->at_dirty = &e->next_dirty;
	t->dirty = e;
}

static void set_end(struct user_table *t, struct entry *e, uint64_t end)
{
	if (e->end == end)
		return;
	e->end = end;
	heap_up(t, e);
	heap_down(t, e);
	soil(t, e);
}

static bool grow(struct user_table *t)
{
	size_t room = t->room ? 2 * t->room : 64;
	struct entry **slot, **heap;

	if (t->count < t->room)
		return true;
	slot = realloc(t->slot, room * sizeof(*slot));
	if (slot)
		t->slot = slot;
	heap = realloc(t->heap, room * sizeof(*heap));
	if (heap)
		t->heap = heap;
	if (!slot || !heap)
		return false;
	t->room = room;
	return true;
}

/*
 * Slots that are empty hold the number of the next such one, tagged by being odd: pointers
 * are not.
 */
static struct entry *slot_link(uint32_t next)
{
	return (struct entry *)((uintptr_t)next << 1 | 1);
}

static bool slot_empty(const struct entry *e)
{
	return (uintptr_t)e & 1;
}

/* `free` is the number of the first empty slot plus one, 0: none. */
static void slot_take(struct user_table *t, struct entry *e)
{
	if (t->free) {
		e->slot = t->free - 1;
		t->free = (uint32_t)((uintptr_t)t->slot[e->slot] >> 1);
	} else {
		e->slot = (uint32_t)t->slots++;
	}
	t->slot[e->slot] = e;
}

static void slot_give(struct user_table *t, struct entry *e)
{
	t->slot[e->slot] = slot_link(t->free);
	t->free = e->slot + 1;
}

static void host_free(struct user_table *t, struct host *h)
{
	table_remove(t->hosts, &h->entry);
	user_names_put(t->names, h->vsys);
	free(h);
}

static void entry_free(struct user_table *t, struct entry *e)
{
	struct host *h = e->host;
	struct entry **at = &h->latest, *last;

	while (*at != e)
		at = &(*at)->older;
	*at = e->older;
	clean(e);
	slot_give(t, e);
	last = t->heap[--t->count];
	if (last != e) {
		heap_put(t, e->heap, last);
		heap_up(t, last);
		heap_down(t, last);
	}
	user_names_put(t->names, e->user);
	free(e);
	if (!h->latest)
		host_free(t, h);
}

void user_table_free(struct user_table *t)
{
	if (!t)
		return;
	while (t->count)
		entry_free(t, t->heap[t->count - 1]);
	user_names_free(t->names);
	table_free(t->hosts);
	free(t->slot);
	free(t->heap);
	free(t);
}

/* -------------------------------------------------------------------- hosts */

static struct host_key key_of(const struct endpoint *address, const struct user_name *vsys)
{
	struct host_key key = {.vsys = (uintptr_t)vsys, .family = address->family};

	memcpy(key.ip, address->ip, address->family == AF_INET ? 4 : 16);
	return key;
}

static struct host *host_find(struct user_table *t, const struct endpoint *address,
			      const char *vsys)
{
	struct user_name *name = NULL;
	struct host_key key;
	struct table_entry *e;

	if (vsys && *vsys) {
		name = user_names_find(t->names, USER_NAME_VSYS, vsys);
		if (!name)
			return NULL;
	}
	key = key_of(address, name);
	e = table_find(t->hosts, &key);
	return e ? (struct host *)((char *)e - offsetof(struct host, entry)) : NULL;
}

static struct host *host_get(struct user_table *t, const struct endpoint *address,
			     const char *vsys)
{
	struct host *h = host_find(t, address, vsys);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	if (vsys && *vsys) {
		h->vsys = user_names_get(t->names, USER_NAME_VSYS, vsys);
		if (!h->vsys)
			goto fail;
	}
	h->key = key_of(address, h->vsys);
	if (table_add(t->hosts, &h->entry))
		return h;
	user_names_put(t->names, h->vsys);
fail:
	free(h);
	return NULL;
}

/* The latest mapping that began by then. */
static struct entry **entry_at(struct host *h, uint64_t time)
{
	struct entry **at = &h->latest;

	while (*at && (*at)->begin > time)
		at = &(*at)->older;
	return at;
}

/* ------------------------------------------------------------------- login */

static bool make_room(struct user_table *t, uint64_t now)
{
	if (t->count < t->max)
		return true;
	if (!t->count || t->heap[0]->end > now)
		return false;
	entry_free(t, t->heap[0]);
	t->evicted++;
	return true;
}

/* Does it only carry on what is known? */
static bool continues(const struct entry *e, const struct user_mapping *m)
{
	return e && e->end >= m->begin && strcmp(e->user->text, m->user) == 0;
}

bool user_table_is_new(struct user_table *t, const struct user_mapping *m)
{
	struct host *h = host_find(t, &m->address, m->vsys);
	struct entry *e = h ? *entry_at(h, m->begin) : NULL;

	return !e || (!continues(e, m) && e->begin != m->begin);
}

static void keep_latest(struct user_table *t, struct host *h)
{
	struct entry *e = h->latest;

	for (size_t i = 1; e && i < USER_HISTORY_MAX; i++)
		e = e->older;
	if (e && e->older)
		entry_free(t, e->older);
}

static enum user_result insert(struct user_table *t, struct host *h, struct entry **at,
			       const struct user_mapping *m, uint64_t end)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e || !grow(t))
		goto fail;
	e->user = user_names_get(t->names, USER_NAME_USER, m->user);
	if (!e->user)
		goto fail;
	e->host = h;
	e->begin = m->begin;
	e->end = end;
	e->source = m->source;
	if (*at)
		set_end(t, *at, (*at)->end < m->begin ? (*at)->end : m->begin);
	e->older = *at;
	*at = e;
	slot_take(t, e);
	heap_put(t, t->count++, e);
	heap_up(t, e);
	soil(t, e);
	keep_latest(t, h);
	return USER_OK;
fail:
	free(e);
	if (!h->latest)
		host_free(t, h);
	return USER_NO_MEMORY;
}

enum user_result user_table_login(struct user_table *t, const struct user_mapping *m,
				  uint64_t now)
{
	struct entry **at, *e, *later;
	struct user_name *user;
	uint64_t end = m->end;
	struct host *h;

	/* Before anything is pointed to: room is made of any entry, and its host. */
	if (user_table_is_new(t, m) && !make_room(t, now))
		return USER_FULL;
	h = host_get(t, &m->address, m->vsys);
	if (!h)
		return USER_NO_MEMORY;
	at = entry_at(h, m->begin);
	e = *at;
	for (later = h->latest; later && later->older != e; later = later->older)
		;
	if (h->latest == e)
		later = NULL;
	if (later && later->begin < end)
		end = later->begin;
	if (end < m->begin)
		end = m->begin;
	if (!continues(e, m) && !(e && e->begin == m->begin))
		return insert(t, h, at, m, end);
	if (!continues(e, m)) {
		user = user_names_get(t->names, USER_NAME_USER, m->user);
		if (!user)
			return USER_NO_MEMORY;
		user_names_put(t->names, e->user);
		e->user = user;
	}
	e->source = m->source;
	soil(t, e);
	set_end(t, e, end);
	return USER_OK;
}

size_t user_table_room(struct user_table *t, uint64_t now)
{
	size_t ended = 0;

	for (size_t i = 0; i < t->count; i++)
		ended += t->heap[i]->end <= now;
	return t->max - t->count + ended;
}

/* ------------------------------------------------------------------- logout */

bool user_table_logout(struct user_table *t, const struct endpoint *address, const char *vsys,
		       const char *user, uint64_t now)
{
	struct host *h = host_find(t, address, vsys);
	struct entry *e = h ? *entry_at(h, now) : NULL;

	if (!e || e->end <= now || (user && strcmp(e->user->text, user) != 0))
		return false;
	set_end(t, e, now);
	return true;
}

size_t user_table_logout_user(struct user_table *t, const char *user, const char *vsys,
			      uint64_t now)
{
	struct user_name *name = user_names_find(t->names, USER_NAME_USER, user);
	size_t ended = 0;

	for (size_t i = 0; name && i < t->slots; i++) {
		struct entry *e = t->slot[i];

		if (slot_empty(e) || e->user != name || e->begin > now || e->end <= now)
			continue;
		if (vsys && strcmp(e->host->vsys ? e->host->vsys->text : "", vsys) != 0)
			continue;
		set_end(t, e, now);
		ended++;
	}
	return ended;
}

/* ------------------------------------------------------------------ looking */

static const char *find_in(struct user_table *t, const struct endpoint *address,
			   const char *vsys, uint64_t time)
{
	struct host *h = host_find(t, address, vsys);
	struct entry *e = h ? *entry_at(h, time) : NULL;

	return e && time < e->end ? e->user->text : NULL;
}

const char *user_table_find(struct user_table *t, const struct endpoint *address,
			    const char *vsys, uint64_t time)
{
	const char *user = NULL;

	if (address->family != AF_INET && address->family != AF_INET6)
		return NULL;
	if (vsys && *vsys)
		user = find_in(t, address, vsys, time);
	return user ? user : find_in(t, address, NULL, time);
}

static struct user_mapping mapping_of(const struct entry *e)
{
	struct user_mapping m = {
		.address = {.family = (uint8_t)e->host->key.family},
		.vsys = e->host->vsys ? e->host->vsys->text : "",
		.user = e->user->text,
		.begin = e->begin,
		.end = e->end,
		.source = e->source,
	};

	memcpy(m.address.ip, e->host->key.ip, sizeof(m.address.ip));
	return m;
}

size_t user_table_walk(struct user_table *t, size_t from, size_t most,
		       void (*each)(void *arg, const struct user_mapping *m), void *arg)
{
	for (; from < t->slots && most; from++, most--) {
		struct user_mapping m;

		if (slot_empty(t->slot[from]))
			continue;
		m = mapping_of(t->slot[from]);
		each(arg, &m);
	}
	return from < t->slots ? from : 0;
}

size_t user_table_expire(struct user_table *t, uint64_t now, size_t most)
{
	size_t n = 0;

	for (; n < most && t->count; n++) {
		uint64_t end = t->heap[0]->end;

		if (end > now || now - end < USER_KEEP)
			break;
		entry_free(t, t->heap[0]);
	}
	return n;
}

/* --------------------------------------------------------------- on the disk */

bool user_table_dirty(const struct user_table *t)
{
	return t->dirty || user_names_dirty(t->names);
}

bool user_table_take_dirty(struct user_table *t, struct user_mapping *m)
{
	if (!t->dirty)
		return false;
	*m = mapping_of(t->dirty);
	clean(t->dirty);
	return true;
}

void user_table_all_dirty(struct user_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		soil(t, t->heap[i]);
	user_names_all_dirty(t->names);
}

void user_table_none_dirty(struct user_table *t)
{
	while (t->dirty)
		clean(t->dirty);
	user_names_none_dirty(t->names);
}
