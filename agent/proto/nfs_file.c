// SPDX-License-Identifier: MIT
/*
 * An upload goes through these:
 *
 *	WRITE      its range is unanswered until the reply confirms it
 *	reply      dirty, unless the server says that it is stable
 *	COMMIT     clean
 *
 * and waits, when clean, in the list `quiet`: what goes on after a COMMIT is the same file, as
 * long as nothing came for QUIET.  With NFSv4 a CLOSE ends it at once.
 */
#include "proto/nfs_file.h"

#include "lib/inet.h"
#include "lib/log.h"
#include "proto/nfs_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define APPLICATION "nfs"

#define OBJECTS_MAX 1024
/* WRITEs of one file without an answer. */
#define UNANSWERED_MAX 1024
/* ns: from a COMMIT to the end of the file; writers that are slow commit every 5 s. */
#define QUIET 10000000000ull
/* ns: of a file of which nothing more comes. */
#define IDLE 120000000000ull

enum way { WAY_READ, WAY_WRITE };

struct object_key {
	struct key file;
	uint64_t way;
};

/* 0 <= start < end */
struct span {
	uint64_t start;
	uint64_t end;
};

/* A file being read or written. */
struct object {
	struct table_entry entry;
	struct object_key key;
	uint64_t pair;
	uint64_t session; /* that touched it last */
	uint64_t used;
	struct file *file;
	bool has_size;
	bool has_version;
	uint64_t size; /* as the server said */
	uint64_t said; /* the same, since the file is known here */
	uint64_t version;
	uint64_t end;	 /* of the bytes that came */
	uint64_t moment; /* of its first byte */

	/* uploads */
	bool doubtful; /* a WRITE may have been lost */
	bool nameless; /* nobody asked for the handle before it began */
	bool quiet;
	TAILQ_ENTRY(object) link; /* quiet ones, by the time they became that */
	uint64_t since;
	struct span dirty; /* end 0: nothing is */
	struct span *unanswered;
	size_t unanswered_count, unanswered_room;
};

TAILQ_HEAD(objects, object);

struct nfs_files {
	struct nfs_names *names;
	struct table *objects;
	struct objects quiet;
	uint64_t moment; /* counts what happened: times may go back */
};

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

/* ------------------------------------------------------------------ the objects */

static struct object *object_find(struct nfs_files *files, const struct key *file, enum way way)
{
	const struct object_key key = {.file = *file, .way = way};

	return (struct object *)table_find(files->objects, &key);
}

static void leave_quiet(struct nfs_files *files, struct object *o)
{
	if (o->quiet)
		TAILQ_REMOVE(&files->quiet, o, link);
	o->quiet = false;
}

static void enter_quiet(struct nfs_files *files, struct object *o, uint64_t now)
{
	leave_quiet(files, o);
	o->quiet = true;
	o->since = now;
	TAILQ_INSERT_TAIL(&files->quiet, o, link);
}

/* All of it came by, as far as the server said how much there is. */
static bool is_whole(struct object *o)
{
	if (!o->has_size)
		return false;
	file_declare(o->file, most(o->size, o->end));
	return !file_lacks(o->file);
}

/* Nothing is under way. */
static bool is_settled(const struct object *o)
{
	return !o->dirty.end && !o->unanswered_count && !o->doubtful;
}

static void object_end(struct nfs_files *files, struct object *o, enum file_reason reason,
		       uint64_t now)
{
	bool whole = is_whole(o);

	leave_quiet(files, o);
	table_remove(files->objects, &o->entry);
	if (!reason && (o->doubtful || o->unanswered_count))
		reason = FILE_REASON_GAP;
	else if (!reason && !whole)
		reason = FILE_REASON_PARTIAL;
	if (o->has_size)
		file_declare_exact(o->file, most(o->size, o->end));
	file_close(o->file, reason, now);
	free(o->unanswered);
	free(o);
}

/* Nothing more will come: whole, or `reason`. */
static void object_stop(struct nfs_files *files, struct object *o, enum file_reason reason,
			uint64_t now)
{
	object_end(files, o, is_settled(o) && is_whole(o) ? FILE_REASON_NONE : reason, now);
}

static void describe(struct nfs_files *files, const struct nfs_peer *peer,
		     const struct nfs_node *node, enum way way, struct sighting *s)
{
	enum dir sender = way == WAY_WRITE ? peer->client : dir_other(peer->client);
	const char *command = way == WAY_WRITE ? "WRITE" : "READ";
	char path[NFS_PATH_MAX], uid[16];
	size_t n;

	proto_session_sighting(peer->ps, s, sender, APPLICATION);
	sighting_set(s, SIGHTING_COMMAND, command, strlen(command));
	if (peer->has_uid) {
		n = (size_t)snprintf(uid, sizeof(uid), "%u", peer->uid);
		sighting_set(s, SIGHTING_USER, uid, n);
	}
	if (!node || !node->name)
		return;
	sighting_set(s, SIGHTING_FILENAME, node->name, node->name_len);
	n = nfs_node_path(files->names, node, path);
	sighting_set(s, SIGHTING_FILE_PATH, path, n);
}

static struct object *object_new(struct nfs_files *files, const struct nfs_peer *peer,
				 const struct key *file, enum way way, uint64_t now)
{
	const struct nfs_node *node = nfs_node_find(files->names, file);
	struct object *o = calloc(1, sizeof(*o)), *old;
	struct sighting s;

	if (!o)
		return NULL;
	o->key = (struct object_key){.file = *file, .way = way};
	o->pair = peer->pair;
	o->moment = files->moment;
	o->nameless = !node || !node->name;
	if (node) {
		o->has_size = node->has_size;
		o->size = node->size;
		o->has_version = node->has_version;
		o->version = node->version;
	}
	if (table_count(files->objects) >= OBJECTS_MAX) {
		log_warning_once("nfs: %d files at once, the oldest is given up", OBJECTS_MAX);
		old = (struct object *)table_oldest(files->objects);
		object_stop(files, old, FILE_REASON_OPEN_FILES, now);
	}
	describe(files, peer, node, way, &s);
	o->file = file_open(proto_session_env(peer->ps)->files, &s, now);
	sighting_free(&s);
	if (!o->file || !table_add(files->objects, &o->entry)) {
		if (o->file)
			file_close(o->file, FILE_REASON_RESET, now);
		free(o);
		return NULL;
	}
	return o;
}

static struct object *object_make(struct nfs_files *files, const struct nfs_peer *peer,
				  const struct key *file, enum way way, uint64_t now)
{
	struct object *o = object_find(files, file, way);

	if (!o)
		o = object_new(files, peer, file, way, now);
	if (o)
		o->session = proto_session_info(peer->ps)->id;
	return o;
}

static void touch(struct nfs_files *files, struct object *o, uint64_t now)
{
	o->used = now;
	table_touch(files->objects, &o->entry);
}

static void object_data(struct nfs_files *files, struct object *o, uint64_t at,
			const uint8_t *p, size_t n, uint64_t now)
{
	o->end = most(o->end, add(at, n));
	file_data(o->file, at, p, n, now);
	touch(files, o, now);
}

static void object_gap(struct object *o, uint64_t at, uint64_t n)
{
	o->end = most(o->end, add(at, n));
	file_gap(o->file, at, n);
}

/* -------------------------------------------------------------------- all of them */

static void files_free(struct nfs_files *files, uint64_t now)
{
	struct object *o;

	while (files->objects && (o = (struct object *)table_oldest(files->objects)))
		object_stop(files, o, FILE_REASON_TIMEOUT, now);
	if (files->objects)
		table_free(files->objects);
	if (files->names)
		nfs_names_free(files->names);
	free(files);
}

static void files_drop(void *value, uint64_t time)
{
	files_free(value, time);
}

static struct nfs_files *files_new(void)
{
	struct nfs_files *files = calloc(1, sizeof(*files));

	if (!files)
		return NULL;
	TAILQ_INIT(&files->quiet);
	files->names = nfs_names_new();
	files->objects =
		table_new(offsetof(struct object, key), sizeof(struct object_key), OBJECTS_MAX);
	if (files->names && files->objects)
		return files;
	files_free(files, 0);
	return NULL;
}

static bool passed(uint64_t since, uint64_t now, uint64_t limit)
{
	return now > since && now - since > limit;
}

void nfs_files_expire(struct nfs_files *files, uint64_t now)
{
	struct object *o;

	while ((o = TAILQ_FIRST(&files->quiet)) && passed(o->since, now, QUIET))
		object_end(files, o, FILE_REASON_NONE, o->used);
	while ((o = (struct object *)table_oldest(files->objects)) &&
	       passed(o->used, now, IDLE)) {
		/* The client thinks it is done, though it did not say so. */
		o->dirty.end = 0;
		object_stop(files, o, FILE_REASON_TIMEOUT, o->used);
	}
}

struct nfs_files *nfs_files_find(struct proto_env *env, uint64_t now)
{
	static const struct session_info nowhere;
	static const struct key_text text = {"nfs", 3};
	struct nfs_files *files;
	struct key key;

	if (!env->shared || !key_make(&key, &nowhere, &text, 1))
		return NULL;
	files = shared_find(env->shared, &key, now);
	if (files) {
		files->moment++;
		return files;
	}
	files = files_new();
	if (files && !shared_add(env->shared, &key, files, files_drop, now)) {
		files_free(files, now);
		return NULL;
	}
	return files;
}

void nfs_session_end(struct nfs_files *files, const struct nfs_peer *peer, uint64_t now)
{
	uint64_t session = proto_session_info(peer->ps)->id;
	struct object *o, *next;

	for (o = TAILQ_FIRST(&files->quiet); o; o = next) {
		next = TAILQ_NEXT(o, link);
		if (o->session == session && o->pair == peer->pair && is_settled(o) &&
		    is_whole(o))
			object_end(files, o, FILE_REASON_NONE, now);
	}
}

/* ------------------------------------------------------------------ keys and names */

static bool key_of(const struct nfs_peer *peer, const void *handle, size_t n, struct key *key)
{
	const struct session_info *info = proto_session_info(peer->ps);
	const struct endpoint *client = &info->end[peer->client];
	const struct endpoint *server = &info->end[dir_other(peer->client)];
	const struct key_text texts[] = {
		{"nfs-file", 8},
		{client->ip, sizeof(client->ip)},
		{server->ip, sizeof(server->ip)},
		{handle, n},
	};

	return key_make(key, info, texts, sizeof(texts) / sizeof(texts[0]));
}

bool nfs_peer_init(struct nfs_peer *peer, struct proto_session *ps, enum dir client)
{
	struct key key;

	*peer = (struct nfs_peer){.ps = ps, .client = client};
	if (!key_of(peer, "", 0, &key))
		return false;
	memcpy(&peer->pair, key.digest, sizeof(peer->pair));
	return true;
}

bool nfs_key(struct nfs_files *files, const struct nfs_peer *peer, const void *handle, size_t n,
	     struct key *key)
{
	const struct nfs_node *node;

	if (!key_of(peer, handle, n, key))
		return false;
	node = nfs_node_find(files->names, key);
	if (node && node->has_alias)
		*key = node->alias;
	return true;
}

void nfs_name(struct nfs_files *files, const struct key *file, const struct key *dir,
	      const void *name, size_t n)
{
	struct object *o = object_find(files, file, WAY_WRITE);
	struct nfs_node *node;

	/* Nobody writes to a handle before asking for it: datagrams came in another order. */
	if (o && o->nameless)
		o->moment = files->moment;

	/* Another name for what has one. */
	if ((n == 1 && !memcmp(name, ".", 1)) || (n == 2 && !memcmp(name, "..", 2)))
		return;
	node = nfs_node_make(files->names, file);
	if (!node)
		return;
	nfs_node_name(node, name, n);
	node->has_dir = dir;
	if (dir)
		node->dir = *dir;
}

void nfs_alias(struct nfs_files *files, const struct key *alias, const struct key *file)
{
	struct nfs_node *node;

	if (!memcmp(alias, file, sizeof(*file)))
		return;
	node = nfs_node_make(files->names, alias);
	if (!node)
		return;
	node->has_alias = true;
	node->alias = *file;
}

/* What is read from now on is of another version. */
static void new_version(struct nfs_files *files, const struct key *file,
			const struct nfs_attr *a, uint64_t now)
{
	struct object *o = object_find(files, file, WAY_READ);

	if (!o)
		return;
	if ((a->has_size && o->has_size && a->size != o->size) ||
	    (a->has_version && o->has_version && a->version != o->version)) {
		object_stop(files, o, FILE_REASON_PARTIAL, now);
		return;
	}
	if (a->has_size) {
		o->has_size = true;
		o->size = a->size;
	}
	if (a->has_version) {
		o->has_version = true;
		o->version = a->version;
	}
}

void nfs_attributes(struct nfs_files *files, const struct key *file, const struct nfs_attr *a,
		    uint64_t now)
{
	struct nfs_node *node = nfs_node_make(files->names, file);
	struct object *o = object_find(files, file, WAY_WRITE);

	if (node && a->has_size) {
		node->has_size = true;
		node->size = a->size;
	}
	if (node && a->has_version) {
		node->has_version = true;
		node->version = a->version;
	}
	/* Answers to requests under way at once come in any order: the largest is the last. */
	if (o && a->has_size) {
		o->said = most(o->said, a->size);
		o->size = o->has_size ? most(o->size, a->size) : a->size;
		o->has_size = true;
	}
	new_version(files, file, a, now);
}

uint64_t nfs_moment(const struct nfs_files *files)
{
	return files->moment;
}

void nfs_resize(struct nfs_files *files, const struct key *file, uint64_t size, uint64_t asked,
		uint64_t now)
{
	const struct nfs_attr a = {.has_size = true, .size = size};
	struct object *o = object_find(files, file, WAY_WRITE);

	if (o && o->moment > asked) {
		/* The client knew the answer before it wrote. */
		o->size = most(size, o->said);
		o->has_size = true;
	} else if (o && size < o->end) {
		object_stop(files, o, FILE_REASON_PARTIAL, now);
	} else if (o) {
		/* Room made before, or too much of it given back. */
		o->size = o->said = size;
		o->has_size = true;
	}
	nfs_attributes(files, file, &a, now);
}

/* -------------------------------------------------------------------------- reads */

void nfs_read_data(struct nfs_files *files, const struct nfs_peer *peer,
		   const struct nfs_range *r, uint64_t at, const uint8_t *p, size_t n,
		   uint64_t now)
{
	struct object *o = object_make(files, peer, &r->file, WAY_READ, now);

	if (!o)
		return;
	object_data(files, o, at, p, n, now);
	/* It has grown, and nobody said so. */
	if (o->has_size && o->end > o->size)
		o->has_size = false;
}

void nfs_read_gap(struct nfs_files *files, const struct nfs_peer *peer,
		  const struct nfs_range *r, uint64_t at, uint64_t n, uint64_t now)
{
	struct object *o = object_make(files, peer, &r->file, WAY_READ, now);

	if (!o)
		return;
	object_gap(o, at, n);
	touch(files, o, now);
}

void nfs_read_end(struct nfs_files *files, const struct nfs_range *r, uint64_t end, bool eof,
		  uint64_t now)
{
	struct object *o = object_find(files, &r->file, WAY_READ);

	if (!o)
		return;
	/* Nothing behind the end says no more than that. */
	if (eof && (end > r->offset || end == o->end)) {
		o->has_size = true;
		o->size = end;
	}
	if (is_whole(o))
		object_end(files, o, FILE_REASON_NONE, now);
}

/* ------------------------------------------------------------------------- writes */

/* A WRITE that came again has the same range. */
static bool unanswered_add(struct object *o, uint64_t start, uint64_t end)
{
	struct span *more;
	size_t room;

	for (size_t i = 0; i < o->unanswered_count; i++) {
		if (o->unanswered[i].start == start && o->unanswered[i].end == end)
			return true;
	}
	if (o->unanswered_count == UNANSWERED_MAX)
		return false;
	if (o->unanswered_count == o->unanswered_room) {
		room = o->unanswered_room ? 2 * o->unanswered_room : 4;
		more = realloc(o->unanswered, room * sizeof(*more));
		if (!more)
			return false;
		o->unanswered = more;
		o->unanswered_room = room;
	}
	o->unanswered[o->unanswered_count++] = (struct span){start, end};
	return true;
}

/* The server has [start, end) now. */
static void unanswered_remove(struct object *o, uint64_t start, uint64_t end)
{
	size_t kept = 0;

	for (size_t i = 0; i < o->unanswered_count; i++) {
		struct span x = o->unanswered[i];

		if (x.start >= start && x.start < end)
			x.start = end;
		if (x.end > start && x.end <= end)
			x.end = start;
		if (x.start < x.end)
			o->unanswered[kept++] = x;
	}
	o->unanswered_count = kept;
}

void nfs_write(struct nfs_files *files, const struct nfs_peer *peer, const struct nfs_range *r,
	       uint64_t now)
{
	struct object *o;

	if (!r->count)
		return;
	o = object_make(files, peer, &r->file, WAY_WRITE, now);
	if (!o)
		return;
	leave_quiet(files, o);
	touch(files, o, now);
	if (!unanswered_add(o, r->offset, add(r->offset, r->count))) {
		log_warning_once("nfs: too many writes of a file without an answer");
		o->doubtful = true;
	}
}

void nfs_write_data(struct nfs_files *files, const struct nfs_range *r, uint64_t at,
		    const uint8_t *p, size_t n, uint64_t now)
{
	struct object *o = object_find(files, &r->file, WAY_WRITE);

	if (o)
		object_data(files, o, at, p, n, now);
}

void nfs_write_gap(struct nfs_files *files, const struct nfs_range *r, uint64_t at, uint64_t n)
{
	struct object *o = object_find(files, &r->file, WAY_WRITE);

	if (o)
		object_gap(o, at, n);
}

static void settle(struct nfs_files *files, struct object *o, uint64_t now)
{
	touch(files, o, now);
	if (is_settled(o) && is_whole(o))
		enter_quiet(files, o, now);
}

void nfs_written(struct nfs_files *files, const struct nfs_range *r, uint32_t count,
		 bool stable, uint64_t now)
{
	struct object *o = object_find(files, &r->file, WAY_WRITE);
	uint64_t end = add(r->offset, count < r->count ? count : r->count);

	if (!o || end <= r->offset)
		return;
	unanswered_remove(o, r->offset, end);
	if (!stable && !o->dirty.end) {
		o->dirty = (struct span){r->offset, end};
	} else if (!stable) {
		o->dirty.end = most(o->dirty.end, end);
		if (r->offset < o->dirty.start)
			o->dirty.start = r->offset;
	}
	settle(files, o, now);
}

void nfs_commit(struct nfs_files *files, const struct nfs_range *r, uint64_t now)
{
	struct object *o = object_find(files, &r->file, WAY_WRITE);
	uint64_t end = r->count ? add(r->offset, r->count) : UINT64_MAX;

	if (!o)
		return;
	if (r->offset <= o->dirty.start && end >= o->dirty.end)
		o->dirty = (struct span){0, 0};
	else if (r->offset <= o->dirty.start && end > o->dirty.start)
		o->dirty.start = end;
	else if (r->offset < o->dirty.end && end >= o->dirty.end)
		o->dirty.end = r->offset;
	settle(files, o, now);
}

/* An upload that lacks something may have an answer on its way, on another connection. */
void nfs_close(struct nfs_files *files, const struct key *file, uint64_t now)
{
	struct object *o = object_find(files, file, WAY_WRITE);

	if (o) {
		o->dirty.end = 0;
		if (is_settled(o) && is_whole(o))
			object_end(files, o, FILE_REASON_NONE, now);
		else
			enter_quiet(files, o, now);
	}
	o = object_find(files, file, WAY_READ);
	if (o)
		object_stop(files, o, FILE_REASON_PARTIAL, now);
}

void nfs_changed(struct nfs_files *files, const struct key *file)
{
	struct object *o = object_find(files, file, WAY_WRITE);

	if (o)
		o->doubtful = true;
}

void nfs_doubt(struct nfs_files *files, const struct nfs_peer *peer)
{
	struct object *o = (struct object *)table_oldest(files->objects);

	for (; o; o = (struct object *)o->entry.newer) {
		if (o->key.way == WAY_WRITE && o->pair == peer->pair)
			o->doubtful = true;
	}
}
