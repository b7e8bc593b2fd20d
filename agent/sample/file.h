/* SPDX-License-Identifier: MIT */
/*
 * The file object: what every protocol hands its content to.
 *
 * A parser says open, data, gap, close and nothing else; only this layer knows
 * order, limits, hash and spool.  Complete or not at all: a file with a hole,
 * past its limit or cut short ends as a sighting with a reason, never as a
 * sample under a hash.
 *
 * In-order data is hashed as it comes, in large pieces; data out of order goes
 * to the spool at its offset and is hashed when the hole before it closes.
 */
#ifndef SLUICE_SAMPLE_FILE_H
#define SLUICE_SAMPLE_FILE_H

#include "lib/counter.h"
#include "lib/sighting.h"
#include "sample/media.h"
#include "sample/spool.h"
#include "sample/type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;
struct file_set;

struct file_limits {
	uint64_t max_size; /* bytes of a file */
	size_t max_open;   /* files at once */
	size_t max_holes;  /* of one file; one more ends it with LIMIT */
};

#define FILE_LIMITS_DEFAULT                                                   \
	{                                                                     \
		.max_size = 100ull << 20, .max_open = 4096, .max_holes = 1024 \
	}

/*
 * Called once for every file that ends, complete or not; empty ones (no byte,
 * none missing) are only counted.  The sighting is valid during the call.
 */
typedef void file_sink(void *arg, const struct sighting *s);

/* The spool is borrowed.  NULL when out of memory. */
struct file_set *file_set_new(struct spool *spool, const struct file_limits *limits,
			      struct counters *counters, file_sink *sink, void *arg);
/* All its files must be closed. */
void file_set_free(struct file_set *set);
/*
 * What files are (FILE_TYPE, FILE_FORMAT), by a table and by libmagic; both are borrowed, and
 * either may be NULL: then that is not said.
 */
void file_set_types(struct file_set *set, const struct file_types *types, struct media *media);

/*
 * Who says whether anybody wants a file that may be of these types (FILE_TYPE_*_BIT).  It
 * is asked when a size is declared, when the first FILE_TYPE_HEAD bytes are there, and at
 * the end.  False settles the file as UNWANTED.
 */
struct file_judge {
	bool (*wanted)(void *arg, const struct sighting *s, uint32_t possible, bool size_known,
		       uint64_t size);
	void *arg;
};

/* Copied; NULL: everything is wanted. */
void file_set_judge(struct file_set *set, const struct file_judge *judge);
/*
 * Archives are taken apart (members.h) when they are complete, during file_close(); or, with
 * `defer`, during file_set_work(), so that nothing else waits for long.
 */
void file_set_defer(struct file_set *set, bool defer);
/* Goes on with what was deferred, for about so many bytes; false: nothing is left. */
bool file_set_work(struct file_set *set, size_t budget);
/* No time for that: archives that wait end as they are.  Also part of file_set_free(). */
void file_set_finish(struct file_set *set);

/*
 * Begins a file.  meta (session, direction, texts, number) is copied; time is
 * that of the packet that carried its first byte.  Never NULL but when out of memory:
 * a file that may not be kept still counts and is reported with its reason.
 */
struct file *file_open(struct file_set *set, const struct sighting *meta, uint64_t time);
/*
 * The protocol announced this many bytes of content.  More than the limit settles
 * the file at once; fewer that come make it RESET.  Sets size_known and declared
 * of the meta, which a parser sets itself where they are not of the content.
 */
void file_declare(struct file *f, uint64_t size);
/* Also, the file is that large whatever comes: what does not come is missing. */
void file_declare_exact(struct file *f, uint64_t size);
/* Bytes of the declared size that have not come. */
uint64_t file_lacks(const struct file *f);
/* Bytes before the last that came which have not. */
uint64_t file_holes(const struct file *f);
/*
 * Another session, direction, texts and number, where the one that completes a file is
 * not the one that began it.  False when out of memory; nothing changed then.
 */
bool file_describe(struct file *f, const struct sighting *meta);
/*
 * n bytes of content at offset.  Bytes that come twice must be the same, or nobody
 * knows which ones the receiver kept: CONFLICT.
 */
void file_data(struct file *f, uint64_t offset, const void *p, size_t n, uint64_t time);
/* n bytes of content at offset will never come. */
void file_gap(struct file *f, uint64_t offset, uint64_t n);
/* False once the outcome is settled: the parser may skip what is left. */
bool file_wanted(const struct file *f);
/*
 * Ends it and frees f.  reason NONE: the protocol saw its end, and the file is
 * complete unless data is missing; any other reason makes it truncated.  What
 * settled it before stays its reason.  time is used when no byte came.
 */
void file_close(struct file *f, enum file_reason reason, uint64_t time);
/*
 * Gives what there is of it from offset 0 up to the first hole, in pieces, to one that
 * wants it in another file as well.  False when that settled it, or it was settled.
 */
bool file_replay(struct file *f, void (*give)(void *arg, const void *p, size_t n), void *arg);
/* It turned out to be none: as if it had never been opened.  Frees f. */
void file_forget(struct file *f);

#endif
