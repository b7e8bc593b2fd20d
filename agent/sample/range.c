// SPDX-License-Identifier: MIT
#include "sample/range.h"

#include "lib/log.h"
#include "lib/table.h"

#include <stdlib.h>
#include <string.h>

struct join_key {
	struct key key;
	uint64_t total;
};

_Static_assert(sizeof(struct join_key) == SHA256_SIZE + 8, "no padding in a key");

struct join {
	struct table_entry entry;
	struct join_key key;
	struct range_set *set;
	struct file *file;	 /* NULL once ended: no longer in the table then */
	size_t pieces;		 /* that point here */
	uint64_t last;		 /* time of the last byte */
	uint64_t total;		 /* 0: not known yet */
	uint64_t reach;		 /* end of the last piece, as far as it came */
	bool hole;		 /* bytes of a piece did not come by */
	enum file_reason broken; /* why a piece was cut */
	/* Why its file was cut short, while it waits for its first piece; or NONE. */
	enum file_reason cut;
};

struct range_piece {
	struct join *join;
	uint64_t at;
	uint64_t end;
	struct sighting meta;
};

struct range_set {
	struct file_set *files;
	struct range_limits limits;
	struct counters *counters;
	struct table *table;
};

/* ------------------------------------------------------------------------ key */

struct ends {
	struct endpoint client, server;
};

bool range_key_make(struct key *key, const struct session_info *session, enum dir client,
		    const struct key_text *texts, size_t count)
{
	struct ends ends = {session->end[client], session->end[dir_other(client)]};
	struct key_text all[RANGE_TEXTS_MAX + 1] = {{&ends, sizeof(ends)}};

	if (count > RANGE_TEXTS_MAX)
		return false;
	ends.client.port = 0;
	for (size_t i = 0; i < count; i++)
		all[i + 1] = texts[i];
	return key_make(key, session, all, count + 1);
}

/* ---------------------------------------------------------------------- joins */

static void join_put(struct join *j)
{
	if (!j->pieces && !j->file)
		free(j);
}

static void join_end(struct join *j, enum file_reason reason)
{
	struct file *f = j->file;

	j->file = NULL;
	table_remove(j->set->table, &j->entry);
	file_close(f, reason, j->last);
}

static void join_give_up(struct join *j)
{
	join_end(j, j->hole	? FILE_REASON_GAP
		    : j->cut	? j->cut
		    : j->broken ? j->broken
				: FILE_REASON_PARTIAL);
	join_put(j);
}

static struct join *join_oldest(struct range_set *set)
{
	return (struct join *)table_oldest(set->table);
}

/* Of no file yet. */
static struct join *join_new(struct range_set *set, const struct join_key *key, uint64_t time)
{
	struct join *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	if (table_count(set->table) >= set->limits.max_joins) {
		log_warning_once("ranges: %zu files at once, the oldest is given up",
				 set->limits.max_joins);
		counter_add(set->counters, COUNTER_RANGES_EVICTED, 1);
		join_give_up(join_oldest(set));
	}
	j->set = set;
	j->key = *key;
	j->total = key->total;
	j->last = time;
	return j;
}

static struct join *join_open(struct range_set *set, const struct join_key *key,
			      const struct sighting *meta, uint64_t time)
{
	struct join *j = join_new(set, key, time);

	if (!j)
		return NULL;
	j->file = file_open(set->files, meta, time);
	if (!j->file) {
		free(j);
		return NULL;
	}
	if (j->total)
		file_declare_exact(j->file, j->total);
	table_add(set->table, &j->entry);
	return j;
}

static void join_touch(struct join *j, uint64_t time)
{
	if (time > j->last)
		j->last = time;
	table_touch(j->set->table, &j->entry);
}

/* ------------------------------------------------------------------------ set */

struct range_set *range_set_new(struct file_set *files, const struct range_limits *limits,
				struct counters *counters)
{
	struct range_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->files = files;
	set->limits = *limits;
	set->counters = counters;
	set->table = table_new(offsetof(struct join, key), sizeof(struct join_key),
			       limits->max_joins);
	if (!set->table) {
		free(set);
		return NULL;
	}
	return set;
}

void range_set_finish(struct range_set *set)
{
	struct join *j;

	while ((j = join_oldest(set)))
		join_give_up(j);
}

void range_set_free(struct range_set *set)
{
	if (!set)
		return;
	range_set_finish(set);
	table_free(set->table);
	free(set);
}

void range_set_expire(struct range_set *set, uint64_t now)
{
	struct join *j;

	while ((j = join_oldest(set)) && now > j->last && now - j->last > set->limits.idle)
		join_give_up(j);
}

/* --------------------------------------------------------------------- pieces */

struct range_piece *range_open(struct range_set *set, const struct key *key,
			       const struct byte_range *r, const struct sighting *meta,
			       uint64_t time)
{
	struct join_key k = {.key = *key, .total = r->total};
	struct range_piece *piece = calloc(1, sizeof(*piece));

	if (!piece || !sighting_copy(&piece->meta, meta))
		goto fail;
	range_set_expire(set, time);
	piece->join = (struct join *)table_find(set->table, &k);
	if (!piece->join)
		piece->join = join_open(set, &k, meta, time);
	if (!piece->join)
		goto fail;
	if (piece->join->cut) {
		piece->join->cut = FILE_REASON_NONE;
		file_declare_exact(piece->join->file, r->total);
	}
	piece->join->pieces++;
	piece->at = r->first;
	piece->end = r->last + 1;
	return piece;
fail:
	if (piece)
		sighting_free(&piece->meta);
	free(piece);
	return NULL;
}

bool range_resume(struct range_set *set, const struct key *key, struct file *file,
		  uint64_t total, enum file_reason reason, uint64_t time)
{
	struct join_key k = {.key = *key, .total = total};
	struct join *j;

	if (reason != FILE_REASON_RESET && reason != FILE_REASON_TIMEOUT)
		return false;
	range_set_expire(set, time);
	if (!file_wanted(file) || !file_lacks(file) || table_find(set->table, &k))
		return false;
	j = join_new(set, &k, time);
	if (!j)
		return false;
	j->file = file;
	j->cut = reason;
	table_add(set->table, &j->entry);
	return true;
}

uint64_t range_left(const struct range_piece *piece)
{
	return piece->end - piece->at;
}

/* Ends the file if all of it is there; `by` is the piece that brought the rest. */
static void join_check(struct join *j, const struct range_piece *by)
{
	if (!j->total || file_lacks(j->file))
		return;
	/* Out of memory it stays a sighting of the first piece's session. */
	file_describe(j->file, &by->meta);
	counter_add(j->set->counters, COUNTER_RANGES_JOINED, file_wanted(j->file));
	join_end(j, FILE_REASON_NONE);
}

void range_data(struct range_piece *piece, const void *p, size_t n, uint64_t time)
{
	struct join *j = piece->join;

	if (n > range_left(piece))
		n = range_left(piece);
	if (j->file && n) {
		join_touch(j, time);
		file_data(j->file, piece->at, p, n, time);
		if (piece->at + n > j->reach)
			j->reach = piece->at + n;
		join_check(j, piece);
	}
	piece->at += n;
}

bool range_wanted(const struct range_piece *piece)
{
	return piece->join->file && file_wanted(piece->join->file);
}

void range_total(struct range_piece *piece, uint64_t total, uint64_t time)
{
	struct join *j = piece->join;

	if (!j->file || !total)
		return;
	join_touch(j, time);
	if ((j->total && j->total != total) || j->reach > total) {
		join_end(j, FILE_REASON_CONFLICT);
		return;
	}
	j->total = total;
	file_declare_exact(j->file, total);
	join_check(j, piece);
}

void range_gap(struct range_piece *piece, uint64_t n)
{
	if (n > range_left(piece))
		n = range_left(piece);
	piece->at += n;
	piece->join->hole = true;
}

void range_close(struct range_piece *piece)
{
	struct join *j = piece->join;

	j->pieces--;
	join_put(j);
	sighting_free(&piece->meta);
	free(piece);
}

void range_cut(struct range_piece *piece, enum file_reason reason)
{
	piece->join->broken = reason;
	range_close(piece);
}

void range_give_up(struct range_set *set, const struct key *key, uint64_t total)
{
	struct join_key k = {.key = *key, .total = total};
	struct join *j = (struct join *)table_find(set->table, &k);

	if (j)
		join_give_up(j);
}
