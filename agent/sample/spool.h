/* SPDX-License-Identifier: MIT */
/*
 * The spool: samples on disk under their hash.
 *
 *	DIR/samples/<first 2 hex>/<64 hex>
 *
 * A sample appears there whole or not at all: it is written to a nameless file
 * (O_TMPFILE; a file in DIR/tmp where the file system has none) and linked
 * when its hash is known.  Mode 0600, directories 0700.
 */
#ifndef SLUICE_SAMPLE_SPOOL_H
#define SLUICE_SAMPLE_SPOOL_H

#include "lib/sighting.h"

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct spool;

struct spool_options {
	const char *dir;
	uint64_t max_bytes; /* quota; 0: none */
	uint64_t max_files; /* quota; 0: none */
	/*
	 * Sync sample and directory before spool_commit() returns.  On for a live
	 * source; off for a capture file, which can be read again.
	 */
	bool sync;
	/* Behave as on a file system without O_TMPFILE; for tests. */
	bool no_tmpfile;
};

enum spool_result {
	SPOOL_OK,
	SPOOL_KNOWN, /* that hash is there already; nothing was written */
	SPOOL_FULL,  /* quota or disk */
	SPOOL_ERROR, /* errno says */
};

/*
 * Makes the directories where missing (not those above DIR), removes left-overs
 * of tmp/ (a sample whose eviction was interrupted goes back to its place), counts
 * what is there.  NULL with a logged error.
 *
 * Several processes may have the same spool open; they share the count, kept in
 * DIR/tmp/usage.  Everything is opened here and used relative to it, so the
 * process may shut itself in afterwards; it may not fork.  Its soft limit of
 * descriptors is raised to the hard one, since every file being written is one.
 */
struct spool *spool_open(const struct spool_options *o);
void spool_close(struct spool *s);

/* A sample of that hash and size is there.  It then counts as seen now. */
bool spool_known(struct spool *s, const uint8_t sha256[static SHA256_SIZE], uint64_t size);
/* The same question, without that. */
bool spool_has(struct spool *s, const uint8_t sha256[static SHA256_SIZE], uint64_t size);

/* A file being written. */
struct spool_file;

/* NULL when full or failed: *result says which. */
struct spool_file *spool_begin(struct spool *s, enum spool_result *result);
/* Writes at an offset; a hole that is left reads as zeros. */
enum spool_result spool_write(struct spool_file *f, uint64_t offset, const void *p, size_t n);
/* Reads back, for hashing what came out of order.  -1 with errno; short only at the end. */
ssize_t spool_read(struct spool_file *f, uint64_t offset, void *p, size_t n);
/* Links it under its hash and frees f, whatever the result. */
enum spool_result spool_commit(struct spool_file *f, const uint8_t sha256[static SHA256_SIZE]);
/* Throws it away and frees f. */
void spool_abort(struct spool_file *f);

/* What is there, as all its processes count it; zeros where there is no quota. */
struct spool_usage {
	uint64_t bytes;
	uint64_t files;
};

struct spool_usage spool_usage(const struct spool *s);
/*
 * Corrects the count by what a listing found, unless something came or went since
 * it was `before`: then a correction would count that twice.
 */
void spool_usage_found(struct spool *s, const struct spool_usage *before,
		       const struct spool_usage *found);

struct spool_sample {
	uint8_t sha256[SHA256_SIZE];
	uint64_t size;
	struct timespec seen; /* committed, or found to be known; its mtime */
};

/* A listing of all samples, in pieces; begins with all zero. */
struct spool_list {
	DIR *dir;
	unsigned int folder;
	struct spool_usage found; /* so far */
};

enum spool_listed {
	SPOOL_LIST_SAMPLE, /* *sample is one */
	SPOOL_LIST_OTHER,  /* nothing this time */
	SPOOL_LIST_END,
	SPOOL_LIST_ERROR, /* a folder could not be read (errno); the listing goes on */
};

/* One step, of a few system calls. */
enum spool_listed spool_list_next(struct spool *s, struct spool_list *list,
				  struct spool_sample *sample);
/* Ends it, wherever it stands. */
void spool_list_end(struct spool_list *list);

enum spool_evicted {
	SPOOL_EVICTED,
	SPOOL_SEEN_AGAIN, /* since it was listed: left where it is */
	SPOOL_PUT_BACK,	  /* seen at the last moment: was away, is there again */
	SPOOL_GONE,	  /* was not there */
	SPOOL_STUCK,	  /* errno says */
};

/*
 * Removes a sample that was listed, if it has not been seen since.  Exact against
 * every process that commits the same sample or finds it known at the same time: when
 * they are told it is there, it stays.  One process evicts at a time.
 */
enum spool_evicted spool_evict(struct spool *s, const struct spool_sample *sample);

/* Path of a sample, for reading; false when it does not fit. */
#define SPOOL_PATH_MAX 4096
bool spool_path(const char *dir, const uint8_t sha256[static SHA256_SIZE], char *path,
		size_t size);

#endif
