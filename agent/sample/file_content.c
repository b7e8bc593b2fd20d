// SPDX-License-Identifier: MIT
/*
 * Where the bytes of a file go: into a chunk, the hash and the spool.
 */
#include "lib/log.h"
#include "sample/file_object.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* Sizes of chunks, smallest first. */
static const uint32_t chunk_sizes[CHUNK_KINDS] = {4 << 10, 16 << 10, 64 << 10, 256 << 10};

#define CHUNK_MAX (256 << 10)
#define CHUNK_MEMORY (16 << 20) /* of all files of a set */
/* Pieces from this size on are not collected once the file is being written. */
#define PIECE_DIRECT (32 << 10)

/* ------------------------------------------------------------------ resources */

bool chunk_trim(struct file_set *set)
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

void file_drop_chunk(struct file *f)
{
	struct chunk *c = f->chunk;

	if (!c)
		return;
	file_lru_remove(f);
	f->chunk = NULL;
	c->next = f->set->chunks[c->kind];
	f->set->chunks[c->kind] = c;
}

void file_drop_digest(struct file *f)
{
	struct file_set *set = f->set;

	if (f->digest && set->digests_kept < DIGESTS_KEPT)
		set->digests[set->digests_kept++] = f->digest;
	else
		EVP_MD_CTX_free(f->digest);
	f->digest = NULL;
}

void file_settle(struct file *f, enum file_reason reason)
{
	if (f->settled)
		return;
	f->settled = reason;
	/* The content is about to be given up; what it was may be known. */
	file_type_cut(f);
	file_drop_chunk(f);
	file_drop_digest(f);
	if (f->spool)
		spool_abort(f->spool);
	f->spool = NULL;
}

void file_spool_failed(struct file *f, enum spool_result result)
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

bool file_hash(struct file *f, const void *p, size_t n)
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

bool file_write(struct file *f, uint64_t offset, const void *p, size_t n)
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

bool file_flush(struct file *f)
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
void file_collect(struct file *f, const uint8_t *p, size_t n)
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
size_t file_read_back(struct file *f, uint64_t offset, uint64_t n)
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
ssize_t file_read(void *arg, uint64_t offset, void *p, size_t n)
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
