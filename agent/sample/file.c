// SPDX-License-Identifier: MIT
/*
 * What comes of a file, and what a set of files is.  Which bytes are known, and where they are,
 * file_object.h draws; what the content is says file_type.c, and file_end.c how a file ends.
 *
 * The first cause that makes a file incomplete settles it: chunk, hash and spool file are given
 * back at once, only counting goes on.
 */
#include "lib/log.h"
#include "sample/file_object.h"
#include "sample/members.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define EXTENTS_ALL (128 << 10) /* of all files of a set */

struct file_set *file_set_new(struct spool *spool, const struct file_limits *limits,
			      struct counters *counters, file_sink *sink, void *arg)
{
	static const struct archive_limits archives = ARCHIVE_LIMITS_DEFAULT;
	struct file_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->spool = spool;
	set->limits = *limits;
	set->counters = counters;
	set->sink = sink;
	set->arg = arg;
	set->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	set->members = members_new(set, &archives, counters);
	if (!set->md || !set->members) {
		members_free(set->members);
		EVP_MD_free(set->md);
		free(set);
		return NULL;
	}
	return set;
}

void file_set_types(struct file_set *set, const struct file_types *types, struct media *media)
{
	set->types = types;
	set->media = media;
}

void file_set_judge(struct file_set *set, const struct file_judge *judge)
{
	set->judge = judge ? *judge : (struct file_judge){0};
}

void file_set_free(struct file_set *set)
{
	members_finish(set->members);
	members_free(set->members);
	while (chunk_trim(set))
		;
	while (set->digests_kept)
		EVP_MD_CTX_free(set->digests[--set->digests_kept]);
	EVP_MD_free(set->md);
	free(set->read_back);
	free(set);
}

/* --------------------------------------------------------- known before */

/* The hole before [next, end) closed: these bytes are in the spool, hash them. */
static void file_catch_up(struct file *f, uint64_t end)
{
	size_t n;

	if (!file_flush(f))
		return;
	while (f->flushed < end) {
		n = file_read_back(f, f->flushed, end - f->flushed);
		if (!n || !file_hash(f, f->set->read_back, n))
			return;
		f->flushed += n;
	}
}

/* n bytes at offset came before: in the chunk, or in the spool before or behind it. */
static void file_compare(struct file *f, uint64_t offset, const uint8_t *p, size_t n)
{
	const uint8_t *known;
	size_t part;

	for (; n && !f->settled; offset += part, p += part, n -= part) {
		if (offset >= f->flushed && offset < f->next) {
			known = f->chunk->data + (offset - f->flushed);
			part = n < f->next - offset ? n : f->next - offset;
		} else {
			part = offset < f->flushed && n > f->flushed - offset
				       ? f->flushed - offset
				       : n;
			part = file_read_back(f, offset, part);
			if (!part)
				return;
			known = f->set->read_back;
		}
		if (memcmp(known, p, part))
			file_settle(f, FILE_REASON_CONFLICT);
	}
}

/* ------------------------------------------------------------------ what came */

static uint64_t end_of(uint64_t offset, uint64_t n)
{
	return n > UINT64_MAX - offset ? UINT64_MAX : offset + n;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Notes that the file reaches up to `end`. */
static void file_reach(struct file *f, uint64_t end)
{
	bool grew = f->s.size <= FILE_BEHIND_MAX && end > FILE_BEHIND_MAX;

	if (end > f->s.size)
		f->s.size = end;
	if (end > f->set->limits.max_size)
		file_settle(f, FILE_REASON_LIMIT);
	if (grew && f->behind)
		file_ask(f, f->expected, f->expect);
}

/* n new bytes at `next`. */
static void file_data_in_order(struct file *f, const uint8_t *p, size_t n)
{
	if (!f->settled)
		file_collect(f, p, n);
	f->next += n;
	f->s.seen += n;
	if (f->extents.count && f->extents.list[0].start == f->next) {
		f->next = extents_shift(&f->extents).end;
		f->set->extents--;
		if (!f->settled)
			file_catch_up(f, f->next);
	}
	if (!f->looked && !f->settled && f->next >= FILE_TYPE_HEAD) {
		file_look(f);
		file_ask(f, f->expected, f->expect);
	}
}

/* n new bytes behind a hole. */
static void file_data_apart(struct file *f, uint64_t offset, const uint8_t *p, size_t n)
{
	struct file_set *set = f->set;
	size_t limit = set->limits.max_holes, before = f->extents.count;

	if (set->extents >= EXTENTS_ALL)
		limit = 0; /* existing ones may still grow */
	if (!extents_add(&f->extents, offset, offset + n, limit)) {
		log_warning_once("files: too many holes at once, a file is given up");
		file_settle(f, FILE_REASON_LIMIT);
		return;
	}
	set->extents += f->extents.count - before;
	f->s.seen += n;
	if (!f->settled)
		file_write(f, offset, p, n);
}

void file_data(struct file *f, uint64_t offset, const void *data, size_t n, uint64_t time)
{
	const struct extents *x = &f->extents;
	const uint8_t *p = data;
	uint64_t end = end_of(offset, n), part;
	size_t i;

	if (!n)
		return;
	if (time > f->s.end)
		f->s.end = time;
	file_reach(f, end);
	/* Each step takes the longest part that is all new or all known. */
	for (; offset < end; offset += part, p += part) {
		if (offset < f->next) {
			part = least(end, f->next) - offset;
			f->s.overlap += part;
			file_compare(f, offset, p, part);
			continue;
		}
		i = extents_find(x, offset);
		if (i < x->count && x->list[i].start <= offset) {
			part = least(end, x->list[i].end) - offset;
			f->s.overlap += part;
			file_compare(f, offset, p, part);
			continue;
		}
		part = (i < x->count ? least(end, x->list[i].start) : end) - offset;
		if (offset == f->next)
			file_data_in_order(f, p, part);
		else
			file_data_apart(f, offset, p, part);
	}
}

void file_gap(struct file *f, uint64_t offset, uint64_t n)
{
	const struct extents *x = &f->extents;
	uint64_t end = end_of(offset, n);
	size_t i = extents_find(x, offset);

	if (!n || end <= f->next)
		return;
	if (i < x->count && x->list[i].start <= offset && end <= x->list[i].end)
		return;
	file_settle(f, FILE_REASON_GAP);
	file_reach(f, end);
}

/* --------------------------------------------------------------- open and close */

struct file *file_open(struct file_set *set, const struct sighting *meta, uint64_t time)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f || !sighting_copy(&f->s, meta)) {
		free(f);
		return NULL;
	}
	f->set = set;
	f->possible = FILE_TYPE_ANY;
	f->s.begin = time;
	f->s.end = 0;
	f->s.size = f->s.seen = f->s.missing = f->s.overlap = 0;
	f->s.stored = false;
	memset(f->s.sha256, 0, sizeof(f->s.sha256));
	counter_add(set->counters, COUNTER_FILES, 1);
	if (set->open >= set->limits.max_open) {
		log_warning_once("files: %zu open at once, more are refused",
				 set->limits.max_open);
		file_settle(f, FILE_REASON_OPEN_FILES);
		return f;
	}
	f->open = true;
	set->open++;
	return f;
}

void file_declare(struct file *f, uint64_t size)
{
	f->expected = true;
	f->expect = size;
	f->s.size_known = true;
	f->s.declared = size;
	if (size > f->set->limits.max_size)
		file_settle(f, FILE_REASON_LIMIT);
	file_ask(f, true, size);
}

void file_declare_exact(struct file *f, uint64_t size)
{
	file_declare(f, size);
	file_reach(f, size);
}

uint64_t file_lacks(const struct file *f)
{
	return f->expected && f->expect > f->s.seen ? f->expect - f->s.seen : 0;
}

bool file_replay(struct file *f, void (*give)(void *arg, const void *p, size_t n), void *arg)
{
	uint8_t *own = NULL;
	uint64_t at = 0;
	size_t n;

	/* A chunk may be taken away while others write, and so may what was read back. */
	if (f->settled || !file_flush(f))
		return false;
	if (at < f->flushed)
		own = malloc(READ_BACK);
	for (; own && at < f->flushed; at += n) {
		n = file_read_back(f, at, f->flushed - at);
		if (!n)
			break;
		memcpy(own, f->set->read_back, n);
		give(arg, own, n);
	}
	free(own);
	return at == f->flushed;
}

uint64_t file_holes(const struct file *f)
{
	return f->s.size - f->s.seen;
}

bool file_describe(struct file *f, const struct sighting *meta)
{
	struct sighting *s = &f->s, now;

	if (!sighting_copy(&now, meta))
		return false;
	now.begin = s->begin;
	now.end = s->end;
	if (sighting_get(s, SIGHTING_FILE_TYPE))
		sighting_set(&now, SIGHTING_FILE_TYPE, s->text[SIGHTING_FILE_TYPE],
			     s->text_len[SIGHTING_FILE_TYPE]);
	if (sighting_get(s, SIGHTING_FILE_FORMAT))
		sighting_set(&now, SIGHTING_FILE_FORMAT, s->text[SIGHTING_FILE_FORMAT],
			     s->text_len[SIGHTING_FILE_FORMAT]);
	now.size_known = s->size_known;
	now.declared = s->declared;
	now.size = s->size;
	now.seen = s->seen;
	now.overlap = s->overlap;
	sighting_free(s);
	*s = now;
	return true;
}

bool file_wanted(const struct file *f)
{
	return !f->settled;
}

struct reader file_reader(struct file *f)
{
	return (struct reader){.read = file_read, .arg = f, .size = f->s.size};
}

struct sighting *file_sighting(struct file *f)
{
	return &f->s;
}

void file_give_up(struct file *f, enum file_reason reason)
{
	file_settle(f, reason);
}

void file_set_defer(struct file_set *set, bool defer)
{
	members_defer(set->members, defer);
}

bool file_set_work(struct file_set *set, size_t budget)
{
	return members_work(set->members, budget);
}

void file_set_finish(struct file_set *set)
{
	members_finish(set->members);
}

void file_forget(struct file *f)
{
	f->set->counters->value[COUNTER_FILES]--;
	file_free(f);
}
