/* SPDX-License-Identifier: MIT */
/*
 * The file object and the set of them, for file.c, file_content.c, file_type.c and file_end.c.
 *
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
 */
#ifndef SLUICE_SAMPLE_FILE_OBJECT_H
#define SLUICE_SAMPLE_FILE_OBJECT_H

#include "sample/extent.h"
#include "sample/file_private.h"

#include <openssl/types.h>

#define CHUNK_KINDS 4
#define READ_BACK (64 << 10)
#define DIGESTS_KEPT 64

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
	bool typed;		  /* by all of it */
	uint32_t possible;	  /* types, by what came so far */
	bool behind;		  /* an archive in it could only stand behind something else */
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

/*
 * Data of no known format may end as an archive with something in front.  In larger files
 * nobody waits for that: they would all be kept to their end for it.
 */
#define FILE_BEHIND_MAX (16u << 20)

/* file_content.c: bytes that go to the chunk, the hash and the spool. */

/* The first reason stays.  Gives back chunk, hash and spool file. */
void file_settle(struct file *f, enum file_reason reason);
/* Settles it, with the reason that fits. */
void file_spool_failed(struct file *f, enum spool_result result);
void file_drop_chunk(struct file *f);
void file_drop_digest(struct file *f);
/* Gives back the memory of one chunk that is not in use; false: there is none. */
bool chunk_trim(struct file_set *set);
/* False when that settled it. */
bool file_hash(struct file *f, const void *p, size_t n);
bool file_write(struct file *f, uint64_t offset, const void *p, size_t n);
bool file_flush(struct file *f);
/* n bytes that follow the last in-order one; the caller moves `next`. */
void file_collect(struct file *f, const uint8_t *p, size_t n);
/*
 * Reads up to n bytes at offset, all of them written before, into set->read_back.
 * 0 when that settled the file.
 */
size_t file_read_back(struct file *f, uint64_t offset, uint64_t n);
/* Content without a hole in it, as a struct reader reads; arg: the file. */
ssize_t file_read(void *arg, uint64_t offset, void *p, size_t n);

/* file_type.c: what it is. */

/* What the head says it may be, once. */
void file_look(struct file *f);
/* It is complete: what it is. */
void file_type(struct file *f, const struct reader *r);
/* It will not be, and its content is still there: what it is, where the head is certain. */
void file_type_cut(struct file *f);
/* Asks the judge.  False when that settled it. */
bool file_ask(struct file *f, bool size_known, uint64_t size);

/* file_end.c */

void file_free(struct file *f);

#endif
