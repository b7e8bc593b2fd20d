// SPDX-License-Identifier: MIT
#include "supervisor/users.h"

#include "lib/log.h"
#include "policy/user_list.h"
#include "supervisor/passwd.h"
#include "supervisor/user_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SAVE_MS 2000	   /* after the first change that is not saved */
#define SAVE_MORE_MS 100   /* between batches while there is more */
#define SAVE_AGAIN_MS 5000 /* after one that failed */
#define SAVE_MOST 2000	   /* mappings of one batch */
#define EXPIRE_MS 60000
#define EXPIRE_MOST 20000
#define FILE_PLACE (1ull << 40) /* of users_walk(): in the file's table from here on */

struct users {
	const struct users_config *c;
	struct counters *counters;
	struct user_store *store;
	struct user_table *told;
	/* What the file says, and what it said before `since` (NULL: nothing). */
	struct user_table *file, *before;
	uint64_t since;
	uint64_t evicted; /* counted already */
	uint64_t save_at, expire_at;
	bool saving; /* save_at counts */
	bool failing;
};

uint64_t users_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * USER_NS + (uint64_t)t.tv_nsec;
}

/* --------------------------------------------------------------------- file */

static bool read_file(const char *path, struct buf *b)
{
	static char room[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, room, sizeof(room))) > 0)
		if (!buf_add(b, room, (size_t)n))
			break;
	if (n < 0)
		log_error("cannot read %s: %s", path, strerror(errno));
	else if (b->failed)
		log_error("%s: longer than %u bytes, or out of memory", path, USERS_FILE_MAX);
	if (fd >= 0)
		close(fd);
	return n == 0;
}

/* A capture has no now from which a time to live could count. */
static bool has_begins(struct user_changes *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct user_change *c = &s->change[i];

		if (!c->has_timeout || !c->timeout || c->has_begin)
			continue;
		snprintf(s->error, sizeof(s->error),
			 "line %u: a timeout needs begin= where a capture is read", c->line);
		return false;
	}
	return true;
}

/* "line 3: ..." of a file, as file:line. */
static void complain(const char *path, const char *error)
{
	unsigned int line;
	int at = 0;

	if (sscanf(error, "line %u: %n", &line, &at) == 1 && at > 0)
		log_error("%s:%u: %s", path, line, error + at);
	else
		log_error("%s: %s", path, error);
}

/* The file as a table; NULL after logging what is wrong. */
static struct user_table *load(const struct users_config *c, bool capture)
{
	struct user_defaults d = {.now = users_clock(), .source = USER_SOURCE_FILE};
	struct user_table *t = user_table_new(c->max);
	struct user_changes s;
	struct user_changed done;
	struct buf b;
	bool ok = false;

	/* Nothing has ended when a capture is read. */
	if (capture)
		d.now = 0;
	buf_init(&b, USERS_FILE_MAX);
	user_changes_init(&s, 2 * c->max);
	if (!t) {
		log_error("%s: out of memory", c->file);
	} else if (read_file(c->file, &b)) {
		ok = user_list_read(&s, (const char *)b.data, b.len) &&
		     (!capture || has_begins(&s)) && user_changes_apply(&s, t, &d, &done);
		if (!ok)
			complain(c->file, s.error);
	}
	buf_free(&b);
	user_changes_free(&s);
	if (ok)
		return t;
	user_table_free(t);
	return NULL;
}

static bool has_file(const struct users_config *c)
{
	return c->file && c->file[0];
}

bool users_check(const struct users_config *c)
{
	struct user_table *t;

	if (!has_file(c))
		return true;
	t = load(c, false);
	user_table_free(t);
	return t;
}

static bool is_member(struct user_table *t, const char *user, const char *group)
{
	struct user_names *names = t ? user_table_names(t) : NULL;
	struct user_name *name = names ? user_names_find(names, USER_NAME_USER, user) : NULL;
	struct user_member *m = name ? name->list : NULL;

	while (m && strcmp(m->group->text, group) != 0)
		m = m->next_group;
	return m;
}

bool users_in_group(struct users *u, const char *user, const char *group)
{
	return is_member(u->told, user, group) || is_member(u->file, user, group);
}

void users_reload(struct users *u)
{
	struct user_table *t = NULL;

	if (has_file(u->c)) {
		t = load(u->c, false);
		if (!t) {
			log_error("%s: the users it named before stay", u->c->file);
			return;
		}
		log_info("%s: read, %zu mappings", u->c->file, user_table_count(t));
	}
	user_table_free(u->before);
	u->before = u->file;
	u->file = t;
	u->since = users_clock();
}

/* -------------------------------------------------------------- set-up, end */

struct users *users_open(const struct users_config *c, const char *db,
			 struct counters *counters)
{
	struct users *u = calloc(1, sizeof(*u));

	if (!u || !(u->told = user_table_new(c->max))) {
		log_error("out of memory for the table of users");
		goto fail;
	}
	u->c = c;
	u->counters = counters;
	if (db) {
		u->store = user_store_open(db);
		if (!u->store)
			goto fail;
		if (!user_store_load(u->store, u->told, users_clock())) {
			log_error("%s: %s", db, user_store_error(u->store));
			goto fail;
		}
	}
	if (has_file(c)) {
		u->file = load(c, !db);
		if (!u->file)
			goto fail;
	}
	return u;
fail:
	users_close(u);
	return NULL;
}

void users_close(struct users *u)
{
	if (!u)
		return;
	while (u->store && u->told && user_table_dirty(u->told)) {
		if (user_store_save(u->store, u->told, SAVE_MOST))
			continue;
		log_error("users that changed last are not saved: %s",
			  user_store_error(u->store));
		break;
	}
	user_store_close(u->store);
	user_table_free(u->told);
	user_table_free(u->file);
	user_table_free(u->before);
	free(u);
}

/* ------------------------------------------------------------------ looking */

/* Which end the owner of a local socket is at; DIR_COUNT: neither. */
static enum dir owned_end(const struct session_info *s)
{
	if (s->uid == UINT32_MAX || s->local == SESSION_LOCAL_NONE)
		return DIR_COUNT;
	return s->local == SESSION_LOCAL_OPENER ? DIR_OPENER : DIR_ANSWERER;
}

static const char *user_at(struct users *u, const struct sighting *s, enum dir end)
{
	const char *vsys = sighting_get(s, SIGHTING_VIRTUAL_SYSTEM), *user;
	struct user_table *file = s->begin < u->since ? u->before : u->file;

	if (end == owned_end(&s->session))
		return passwd_name(s->session.uid);
	user = user_table_find(u->told, &s->session.end[end], vsys, s->begin);
	if (!user && file)
		user = user_table_find(file, &s->session.end[end], vsys, s->begin);
	return user;
}

static void set(struct sighting *s, enum sighting_text which, const char *text)
{
	sighting_set(s, which, text, text ? strlen(text) : 0);
}

void users_resolve(struct users *u, struct sighting *s)
{
	bool download = s->direction == DIRECTION_DOWNLOAD;
	enum dir sender = sighting_sender(s);
	const char *user;

	set(s, SIGHTING_LOGIN, sighting_get(s, SIGHTING_USER));
	set(s, SIGHTING_SENDER_USER, user_at(u, s, sender));
	set(s, SIGHTING_RECEIVER_USER, user_at(u, s, dir_other(sender)));
	user = sighting_get(s, download ? SIGHTING_RECEIVER_USER : SIGHTING_SENDER_USER);
	if (!user)
		return; /* what the protocol said stands */
	set(s, SIGHTING_USER, user);
	counter_add(u->counters, COUNTER_USERS_FOUND, 1);
}

/* ----------------------------------------------------------------- changing */

static void changed(struct users *u)
{
	counter_add(u->counters, COUNTER_USERS_EVICTED,
		    user_table_evicted(u->told) - u->evicted);
	u->evicted = user_table_evicted(u->told);
}

bool users_change(struct users *u, struct user_changes *s, enum user_source source,
		  struct user_changed *done)
{
	struct user_defaults d = {
		.now = users_clock(),
		.timeout = u->c->timeout,
		.source = source,
	};
	bool ok;

	d.begin = d.now;
	ok = user_changes_apply(s, u->told, &d, done);
	counter_add(u->counters, COUNTER_USERS_LOGINS, done->logins);
	if (!ok)
		counter_add(u->counters, COUNTER_USERS_REFUSED, s->count);
	changed(u);
	return ok;
}

size_t users_logout(struct users *u, const char *user, const char *vsys)
{
	return user_table_logout_user(u->told, user, vsys, users_clock());
}

struct walk {
	struct user_table *t;
	void (*each)(void *arg, struct user_table *t, const struct user_mapping *m);
	void *arg;
};

static void walk_each(void *arg, const struct user_mapping *m)
{
	struct walk *w = arg;

	w->each(w->arg, w->t, m);
}

uint64_t users_walk(struct users *u, uint64_t from, size_t most,
		    void (*each)(void *arg, struct user_table *t, const struct user_mapping *m),
		    void *arg)
{
	struct walk w = {.t = u->told, .each = each, .arg = arg};
	uint64_t next;

	if (from < FILE_PLACE) {
		next = user_table_walk(u->told, (size_t)from, most, walk_each, &w);
		return next ? next : u->file ? FILE_PLACE : 0;
	}
	if (!u->file)
		return 0;
	w.t = u->file;
	next = user_table_walk(u->file, (size_t)(from - FILE_PLACE), most, walk_each, &w);
	return next ? FILE_PLACE + next : 0;
}

/* --------------------------------------------------------------- on the disk */

static void save(struct users *u, uint64_t now)
{
	if (user_store_save(u->store, u->told, SAVE_MOST)) {
		if (u->failing)
			log_info("users can be saved again");
		u->failing = false;
		u->save_at = now + SAVE_MORE_MS;
		return;
	}
	if (!u->failing)
		log_error("users cannot be saved: %s; trying again",
			  user_store_error(u->store));
	u->failing = true;
	u->save_at = now + SAVE_AGAIN_MS;
}

static void expire(struct users *u, uint64_t now)
{
	uint64_t clock = users_clock();

	u->expire_at = now + EXPIRE_MS;
	user_table_expire(u->told, clock, EXPIRE_MOST);
	if (clock > USER_KEEP && !user_store_forget(u->store, clock - USER_KEEP, EXPIRE_MOST) &&
	    !u->failing)
		log_warning("users that ended cannot be forgotten: %s",
			    user_store_error(u->store));
}

void users_step(struct users *u, uint64_t now)
{
	bool dirty = user_table_dirty(u->told);

	if (!u->store)
		return;
	if (dirty && !u->saving)
		u->save_at = now + SAVE_MS;
	u->saving = dirty;
	if (dirty && now >= u->save_at)
		save(u, now);
	if (now >= u->expire_at)
		expire(u, now);
}

uint64_t users_at(const struct users *u, uint64_t when)
{
	if (!u->store)
		return when;
	if (u->saving && u->save_at < when)
		when = u->save_at;
	return u->expire_at < when ? u->expire_at : when;
}
