// SPDX-License-Identifier: MIT
/*
 * What is known of a file's content:
 *
 *	0          flushed          next
 *	|  hashed,    |  in the      |   hole   | extent |  hole  | extent |
 *	|  in spool   |  chunk       |          | (spool)|        | (spool)|
 *
 * In-order data is collected in a chunk, so that hash and disk get large
 * pieces.  Chunks grow with the file and their sum is limited: when it is
 * reached, the file that was idle longest is flushed and gives up its chunk.
 * The spool file is made at the first flush, so a file that fits into a chunk
 * and is known already costs no disk access.
 *
 * The first cause that makes a file incomplete settles it: chunk, hash and
 * spool file are given back at once, only counting goes on.
 */
#include "sample/file.h"
#include "lib/log.h"
#include "sample/extent.h"
#include "sample/file_private.h"
#include "sample/members.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* Sizes of chunks, smallest first. */
static const uint32_t chunk_sizes[] = {4 << 10, 16 << 10, 64 << 10, 256 << 10};

#define CHUNK_KINDS (sizeof(chunk_sizes) / sizeof(chunk_sizes[0]))
#define CHUNK_MAX (256 << 10)
#define CHUNK_MEMORY (16 << 20) /* of all files of a set */
/* Pieces from this size on are not collected once the file is being written. */
#define PIECE_DIRECT (32 << 10)
#define READ_BACK (64 << 10)
#define DIGESTS_KEPT 64
#define EXTENTS_ALL (128 << 10) /* of all files of a set */

struct chunk {
	struct chunk *next; /* in the set's list of free ones */
	uint32_t kind;
	uint32_t len;
	uint8_t data[];
};

struct file {
	struct file_set *set;
	struct sighting s;
	enum file_reason settled; /* NONE: still wanted */
	bool open;		  /* counts in set->open */
	bool looked;		  /* at its head */
	uint32_t possible;	  /* types, by what came so far */
	bool expected;		  /* file_declare() was called */
	uint64_t expect;
	uint64_t flushed;
	uint64_t next;
	struct extents extents;
	struct chunk *chunk;
	struct file *older, *newer; /* files with a chunk, by last use */
	EVP_MD_CTX *digest;
	struct spool_file *spool;
};

struct file_set {
	struct spool *spool;
	struct file_limits limits;
	struct counters *counters;
	file_sink *sink;
	void *arg;
	size_t open;
	size_t extents;
	EVP_MD *md;
	EVP_MD_CTX *digests[DIGESTS_KEPT];
	size_t digests_kept;
	struct chunk *chunks[CHUNK_KINDS];
	size_t chunk_memory;
	struct file *oldest, *newest;
	uint8_t *read_back;
	struct members *members;
	const struct file_types *types;
	struct media *media;
	struct file_judge judge;
};

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

static bool chunk_trim(struct file_set *set)
{
	struct chunk *c;
	size_t kind;

	for (kind = 0; kind < CHUNK_KINDS; kind++) {
		c = set->chunks[kind];
		if (!c)
			continue;
		set->chunks[kind] = c->next;
		set->chunk_memory -= chunk_sizes[kind];
		free(c);
		return true;
	}
	return false;
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

/* ------------------------------------------------------------------ resources */

static void file_lru_remove(struct file *f)
{
	struct file_set *set = f->set;

	if (f->older)
		f->older->newer = f->newer;
	else
		set->oldest = f->newer;
	if (f->newer)
		f->newer->older = f->older;
	else
		set->newest = f->older;
}

static void file_lru_add(struct file *f)
{
	struct file_set *set = f->set;

	f->newer = NULL;
	f->older = set->newest;
	if (set->newest)
		set->newest->newer = f;
	else
		set->oldest = f;
	set->newest = f;
}

static void file_drop_chunk(struct file *f)
{
	struct chunk *c = f->chunk;

	if (!c)
		return;
	file_lru_remove(f);
	f->chunk = NULL;
	c->next = f->set->chunks[c->kind];
	f->set->chunks[c->kind] = c;
}

static void file_drop_digest(struct file *f)
{
	struct file_set *set = f->set;

	if (f->digest && set->digests_kept < DIGESTS_KEPT)
		set->digests[set->digests_kept++] = f->digest;
	else
		EVP_MD_CTX_free(f->digest);
	f->digest = NULL;
}

static void file_look(struct file *f);

static void file_settle(struct file *f, enum file_reason reason)
{
	if (f->settled)
		return;
	f->settled = reason;
	/* The content is about to be given up; what it was may be known. */
	file_look(f);
	file_drop_chunk(f);
	file_drop_digest(f);
	if (f->spool)
		spool_abort(f->spool);
	f->spool = NULL;
}

static void file_spool_failed(struct file *f, enum spool_result result)
{
	if (result == SPOOL_FULL) {
		log_warning_once("spool: full, new samples are refused");
		file_settle(f, FILE_REASON_SPOOL_FULL);
	} else if (errno == EMFILE || errno == ENFILE) {
		log_warning_once("spool: out of descriptors, files are refused: %m");
		file_settle(f, FILE_REASON_OPEN_FILES);
	} else {
		log_warning_once("spool: a sample is lost: %m");
		file_settle(f, FILE_REASON_SPOOL_ERROR);
	}
}

/* --------------------------------------------------------------- hash and disk */

static bool file_hash(struct file *f, const void *p, size_t n)
{
	struct file_set *set = f->set;

	if (!f->digest) {
		f->digest = set->digests_kept ? set->digests[--set->digests_kept]
					      : EVP_MD_CTX_new();
		if (!f->digest || !EVP_DigestInit_ex2(f->digest, set->md, NULL))
			goto fail;
	}
	if (!EVP_DigestUpdate(f->digest, p, n))
		goto fail;
	counter_add(set->counters, COUNTER_BYTES_HASHED, n);
	return true;
fail:
	errno = ENOMEM;
	file_spool_failed(f, SPOOL_ERROR);
	return false;
}

static bool file_write(struct file *f, uint64_t offset, const void *p, size_t n)
{
	enum spool_result result = SPOOL_OK;

	if (!f->spool)
		f->spool = spool_begin(f->set->spool, &result);
	if (f->spool)
		result = spool_write(f->spool, offset, p, n);
	if (result != SPOOL_OK)
		file_spool_failed(f, result);
	return result == SPOOL_OK;
}

/* False when that settled the file. */
static bool file_hash_and_write(struct file *f, const void *p, size_t n)
{
	if (!file_hash(f, p, n) || !file_write(f, f->flushed, p, n))
		return false;
	f->flushed += n;
	return true;
}

static bool file_flush(struct file *f)
{
	struct chunk *c = f->chunk;
	size_t n = c ? c->len : 0;

	if (!n)
		return true;
	if (!file_hash_and_write(f, c->data, n))
		return false;
	c->len = 0;
	return true;
}

static struct chunk *chunk_new(struct file *f, uint32_t kind)
{
	struct file_set *set = f->set;
	struct chunk *c;
	struct file *idle;

	while (!set->chunks[kind] && set->chunk_memory + chunk_sizes[kind] > CHUNK_MEMORY) {
		if (chunk_trim(set))
			continue;
		idle = set->oldest == f ? f->newer : set->oldest;
		if (!idle)
			return NULL;
		if (file_flush(idle))
			file_drop_chunk(idle);
	}
	c = set->chunks[kind];
	if (c) {
		set->chunks[kind] = c->next;
	} else {
		c = malloc(sizeof(*c) + chunk_sizes[kind]);
		if (!c)
			return NULL;
		set->chunk_memory += chunk_sizes[kind];
		c->kind = kind;
	}
	c->len = 0;
	return c;
}

/*
 * Room in the chunk, made by growing or by flushing it.  False when the file is
 * settled or there is no memory.
 */
static bool file_make_room(struct file *f, size_t n)
{
	struct chunk *old = f->chunk, *c;
	uint64_t want = (old ? old->len : 0) + (uint64_t)n;
	uint32_t kind = old ? old->kind + 1 : 0;

	if (old && old->kind == CHUNK_KINDS - 1)
		return file_flush(f);
	if (f->expected && f->expect > f->flushed && f->expect - f->flushed > want)
		want = f->expect - f->flushed;
	while (kind < CHUNK_KINDS - 1 && chunk_sizes[kind] < want)
		kind++;
	c = chunk_new(f, kind);
	if (!c)
		return old && file_flush(f);
	if (old) {
		memcpy(c->data, old->data, old->len);
		c->len = old->len;
		file_drop_chunk(f);
	}
	f->chunk = c;
	file_lru_add(f);
	return true;
}

/* n bytes that follow the last in-order one; the caller moves `next`. */
static void file_collect(struct file *f, const uint8_t *p, size_t n)
{
	size_t room, part;

	if (n >= CHUNK_MAX || (f->spool && n >= PIECE_DIRECT)) {
		if (file_flush(f))
			file_hash_and_write(f, p, n);
		return;
	}
	while (n) {
		room = f->chunk ? chunk_sizes[f->chunk->kind] - f->chunk->len : 0;
		if (room < n && (!f->chunk || f->chunk->kind < CHUNK_KINDS - 1 || !room)) {
			if (file_make_room(f, n)) {
				room = chunk_sizes[f->chunk->kind] - f->chunk->len;
			} else if (f->settled) {
				return;
			} else if (!room) {
				file_hash_and_write(f, p, n);
				return;
			}
		}
		part = n < room ? n : room;
		memcpy(f->chunk->data + f->chunk->len, p, part);
		f->chunk->len += part;
		p += part;
		n -= part;
	}
	if (f->set->newest != f) {
		file_lru_remove(f);
		file_lru_add(f);
	}
}

/*
 * Reads up to n bytes at offset, all of them written before, into set->read_back.
 * 0 when that settled the file.
 */
static size_t file_read_back(struct file *f, uint64_t offset, uint64_t n)
{
	struct file_set *set = f->set;
	ssize_t got;

	if (n > READ_BACK)
		n = READ_BACK;
	if (!set->read_back)
		set->read_back = malloc(READ_BACK);
	errno = ENOMEM;
	got = set->read_back ? spool_read(f->spool, offset, set->read_back, n) : -1;
	if (got >= 0 && (size_t)got < n)
		errno = EIO; /* somebody cut it */
	if (got < 0 || (size_t)got < n) {
		file_spool_failed(f, SPOOL_ERROR);
		return 0;
	}
	return n;
}

/* Content without a hole in it: in the spool, then in the chunk. */
static ssize_t file_read(void *arg, uint64_t offset, void *p, size_t n)
{
	struct file *f = arg;
	size_t done = 0, part;
	ssize_t got;

	if (offset < f->flushed) {
		part = n < f->flushed - offset ? n : (size_t)(f->flushed - offset);
		got = spool_read(f->spool, offset, p, part);
		if (got < 0 || (size_t)got < part)
			return got;
		done = part;
	}
	if (done < n && f->chunk && offset + done - f->flushed < f->chunk->len) {
		uint64_t at = offset + done - f->flushed;

		part = n - done < f->chunk->len - at ? n - done : (size_t)(f->chunk->len - at);
		memcpy((uint8_t *)p + done, f->chunk->data + at, part);
		done += part;
	}
	return (ssize_t)done;
}

/* ------------------------------------------------------------------------- types */

static void file_name_type(struct file *f, const struct reader *r)
{
	struct file_set *set = f->set;
	uint8_t head[FILE_TYPE_HEAD];
	struct file_type_found found;
	const char *name;
	ssize_t n;

	file_types_identify(set->types, r, &found);
	if (!*found.format && set->media) {
		n = reader_read(r, 0, head, sizeof(head));
		media_type(set->media, head, n > 0 ? (size_t)n : 0, found.format);
	}
	name = found.type < FILE_TYPES_MAX ? file_types_name(set->types, found.type) : "";
	sighting_set(&f->s, SIGHTING_FILE_TYPE, name, strlen(name));
	sighting_set(&f->s, SIGHTING_FILE_FORMAT, found.format, strlen(found.format));
	f->possible = FILE_TYPE_BIT(found.type) | (found.zip ? FILE_TYPE_ARCHIVE_BIT : 0);
}

/* The type that a kind of sighting has whatever its content is; NULL: by content. */
static const char *type_of_kind(const struct sighting *s)
{
	if (s->kind == SIGHTING_KIND_LINK)
		return FILE_TYPE_LINK;
	return s->kind == SIGHTING_KIND_MAIL ? FILE_TYPE_MAIL : NULL;
}

/* True when the kind says it all. */
static bool file_type_by_kind(struct file *f)
{
	static const char format[] = "message/rfc822";
	const char *name = type_of_kind(&f->s);
	size_t type = name ? file_types_find(f->set->types, name) : FILE_TYPES_MAX;

	if (!name)
		return false;
	f->possible = FILE_TYPE_BIT(type);
	if (type == FILE_TYPES_MAX)
		return true;
	sighting_set(&f->s, SIGHTING_FILE_TYPE, name, strlen(name));
	if (f->s.kind == SIGHTING_KIND_MAIL)
		sighting_set(&f->s, SIGHTING_FILE_FORMAT, format, sizeof(format) - 1);
	return true;
}

/* What the head says it may be; its type, where that is certain. */
static void file_look(struct file *f)
{
	uint64_t known = f->chunk ? f->flushed + f->chunk->len : f->flushed;
	struct reader r = {.read = file_read, .arg = f};
	uint8_t head[FILE_TYPE_HEAD];
	ssize_t n;

	if (f->looked || !known || !f->set->types)
		return;
	f->looked = true;
	if (file_type_by_kind(f))
		return;
	r.size = known < FILE_TYPE_HEAD ? known : FILE_TYPE_HEAD;
	n = reader_read(&r, 0, head, sizeof(head));
	if (n <= 0)
		return;
	f->possible = file_types_possible(f->set->types, head, (size_t)n, false);
	if (!(f->possible & (f->possible - 1)))
		file_name_type(f, &r);
}

/* Asks the judge.  False when that settled it. */
static bool file_ask(struct file *f, bool size_known, uint64_t size)
{
	const struct file_judge *judge = &f->set->judge;

	if (!f->settled && judge->wanted &&
	    !judge->wanted(judge->arg, &f->s, f->possible, size_known, size))
		file_settle(f, FILE_REASON_UNWANTED);
	return !f->settled;
}

/* It is complete: what it is. */
static void file_type(struct file *f, const struct reader *r)
{
	if (f->set->types && !file_type_by_kind(f))
		file_name_type(f, r);
	f->looked = true;
}

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
	if (end > f->s.size)
		f->s.size = end;
	if (end > f->set->limits.max_size)
		file_settle(f, FILE_REASON_LIMIT);
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
		f->looked = true;
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

/* All bytes are there: the hash.  False when that settled the file. */
static bool file_digest(struct file *f)
{
	if (!f->spool && f->chunk) {
		/* All of it is in the chunk. */
		if (!file_hash(f, f->chunk->data, f->chunk->len))
			return false;
	} else if (!file_flush(f)) {
		return false;
	}
	if (!EVP_DigestFinal_ex(f->digest, f->s.sha256, NULL)) {
		errno = ENOMEM;
		file_spool_failed(f, SPOOL_ERROR);
		return false;
	}
	return true;
}

/* Hands it to the spool under its hash. */
static void file_store(struct file *f)
{
	struct file_set *set = f->set;
	enum spool_result result;
	struct spool_file *spool;

	if (!f->spool) {
		if (spool_known(set->spool, f->s.sha256, f->s.size)) {
			result = SPOOL_KNOWN;
			goto done;
		}
		if (!file_write(f, 0, f->chunk->data, f->chunk->len))
			return;
	}
	spool = f->spool;
	f->spool = NULL;
	result = spool_commit(spool, f->s.sha256);
done:
	if (result != SPOOL_OK && result != SPOOL_KNOWN) {
		file_spool_failed(f, result);
		return;
	}
	counter_add(set->counters,
		    result == SPOOL_OK ? COUNTER_SAMPLES_NEW : COUNTER_SAMPLES_KNOWN, 1);
	f->s.stored = true;
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

static enum file_reason file_outcome(const struct file *f, enum file_reason reason)
{
	if (f->settled)
		return f->settled;
	if (reason)
		return reason;
	if (f->s.missing)
		return FILE_REASON_GAP;
	if (f->expected && f->s.size < f->expect)
		return FILE_REASON_RESET;
	return FILE_REASON_NONE;
}

/* Where files end, by reason. */
#define COUNTER_FILES_TRUNCATED_NONE COUNTER_FILES_COMPLETE

static const enum counter outcome_counters[FILE_REASON_COUNT] = {
#define OUTCOME_COUNTER(id, text) [FILE_REASON_##id] = COUNTER_FILES_TRUNCATED_##id,
	FILE_REASONS(OUTCOME_COUNTER)
#undef OUTCOME_COUNTER
};

static void file_free(struct file *f)
{
	struct file_set *set = f->set;

	file_drop_chunk(f);
	file_drop_digest(f);
	if (f->spool)
		spool_abort(f->spool);
	set->extents -= f->extents.count;
	extents_free(&f->extents);
	set->open -= f->open;
	sighting_free(&f->s);
	free(f);
}

static void count_traits(struct file *f)
{
	static const enum counter counters[FILE_TRAIT_COUNT] = {
		[FILE_TRAIT_ENCRYPTED] = COUNTER_ARCHIVES_ENCRYPTED,
		[FILE_TRAIT_MULTI_PART] = COUNTER_ARCHIVES_MULTI_PART,
		[FILE_TRAIT_BOMB] = COUNTER_ARCHIVES_BOMBS,
		[FILE_TRAIT_NESTED] = COUNTER_ARCHIVES_NESTED,
	};

	for (enum file_trait t = 0; t < FILE_TRAIT_COUNT; t++)
		counter_add(f->set->counters, counters[t], f->s.traits >> t & 1);
}

/* Its outcome is known: counts it, reports it, frees it. */
static void file_end(struct file *f, enum file_reason reason, bool empty)
{
	struct file_set *set = f->set;
	struct sighting *s = &f->s;
	enum counter outcome;

	s->reason = reason;
	s->state = reason ? FILE_STATE_TRUNCATED : FILE_STATE_COMPLETE;
	if (reason)
		memset(s->sha256, 0, sizeof(s->sha256));
	outcome = empty && !reason ? COUNTER_FILES_EMPTY : outcome_counters[reason];
	counter_add(set->counters, outcome, 1);
	count_traits(f);
	if (!empty) {
		sighting_make_id(s);
		set->sink(set->arg, s);
	}
	file_free(f);
}

void file_finish(struct file *f)
{
	file_store(f);
	file_end(f, f->settled, false);
}

/* All of a complete file in the spool, where it stays while it is taken apart. */
static bool file_keep(struct file *f)
{
	if (!file_flush(f))
		return false;
	file_drop_chunk(f);
	return true;
}

/*
 * What a type is said of stays whole, even where it is built on ZIP; the others are opened by
 * what their beginning or their end says.
 */
static bool file_opens(const struct file *f, const struct reader *r)
{
	uint32_t typed = f->possible & ~(FILE_TYPE_ARCHIVE_BIT | FILE_TYPE_OTHER_BIT);

	return f->s.kind == SIGHTING_KIND_FILE && !(f->set->types && typed) &&
	       archive_is_zip(r);
}

/* A complete file: what it is, its hash; true when it is an archive that members_add() took. */
static bool file_opened(struct file *f)
{
	struct reader r = file_reader(f);
	bool opens;

	file_type(f, &r);
	opens = file_opens(f, &r);
	/* Its members may be wanted, also those of an archive behind something; or it has none.
	 */
	f->possible &= ~FILE_TYPE_ARCHIVE_BIT;
	if (opens)
		f->possible |= FILE_TYPE_ARCHIVE_BIT;
	if (!file_ask(f, true, f->s.size))
		return false;
	if (!opens)
		f->s.traits |= archive_traits(&r);
	return (!opens || file_keep(f)) && file_digest(f) && opens &&
	       members_add(f->set->members, f);
}

void file_close(struct file *f, enum file_reason reason, uint64_t time)
{
	struct sighting *s = &f->s;
	bool empty = !s->size && !f->settled && !(f->expected && f->expect);

	s->missing = s->size - s->seen;
	if (!s->seen)
		s->end = time;
	reason = file_outcome(f, reason);
	if (reason)
		file_look(f);
	if (!reason && !empty) {
		if (file_opened(f))
			return;
		if (!f->settled)
			file_store(f);
		reason = f->settled;
	}
	file_end(f, reason, empty);
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
