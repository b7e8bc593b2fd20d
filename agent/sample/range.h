/* SPDX-License-Identifier: MIT */
/*
 * Files that come as ranges, in any order, over any number of sessions.
 *
 * A join is a file being put together.  A piece is one range on its way into it;
 * its bytes go to the file object at their offset as they come, so that nothing is
 * kept in memory.  When the last byte is there the file ends complete, as a sighting of the
 * session that brought that byte.  A join that is idle too long, is the oldest
 * of too many, or is open when the source ends is one truncated file, however many
 * pieces of it there were.
 *
 * Only pieces of the same thing may meet: same ends, same name, same validator, same size
 * (RFC 9110 §15.3.7.3).  Ports of clients do not count, those of servers do.
 */
#ifndef SLUICE_SAMPLE_RANGE_H
#define SLUICE_SAMPLE_RANGE_H

#include "lib/counter.h"
#include "lib/key.h"
#include "lib/sighting.h"
#include "sample/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range_set;
struct range_piece;

struct range_limits {
	size_t max_joins; /* at once */
	uint64_t idle;	  /* ns without a byte */
};

#define RANGE_LIMITS_DEFAULT                              \
	{                                                 \
		.max_joins = 256, .idle = 120000000000ull \
	}

/* Bytes [first, last] of total; total is 0 where it is not known, or not yet. */
struct byte_range {
	uint64_t first;
	uint64_t last;
	uint64_t total;
};

/* All there is. */
static inline bool byte_range_is_whole(const struct byte_range *r)
{
	return r->total && r->first == 0 && r->last == r->total - 1;
}

#define RANGE_TEXTS_MAX 8

/*
 * The ends and the network of a session, and texts that name the thing and its
 * version, RANGE_TEXTS_MAX at most.  False when out of memory.
 */
bool range_key_make(struct key *key, const struct session_info *session, enum dir client,
		    const struct key_text *texts, size_t count);

/* The file set and the counters are borrowed.  NULL when out of memory. */
struct range_set *range_set_new(struct file_set *files, const struct range_limits *limits,
				struct counters *counters);
/* Ends all joins.  Pieces may still be open; they go nowhere. */
void range_set_finish(struct range_set *set);
/* Ends what is left likewise.  All pieces must be closed. */
void range_set_free(struct range_set *set);
/* Ends the joins that were idle too long at that time. */
void range_set_expire(struct range_set *set, uint64_t now);

/*
 * A piece begins: r is a range of a known total, or of one that range_total() will tell;
 * they are not put together with each other.  meta is copied; time is the packet's.  NULL
 * when out of memory.
 */
struct range_piece *range_open(struct range_set *set, const struct key *key,
			       const struct byte_range *r, const struct sighting *meta,
			       uint64_t time);
/* The next n bytes of it; what exceeds the range is nobody's. */
void range_data(struct range_piece *piece, const void *p, size_t n, uint64_t time);
/* False once nothing that may still come of it can change what becomes of the file. */
bool range_wanted(const struct range_piece *piece);
/* The next n bytes of it did not come by; another piece may bring them. */
void range_gap(struct range_piece *piece, uint64_t n);
/*
 * A file that is one by itself, all of it from its beginning, was cut short: where a
 * piece of the same thing comes in time it brings the rest, and otherwise the file ends with
 * `reason`.  True: the file belongs to the set now.  False: nothing happened; it is
 * complete, no good any more, or another one is being put together already.
 */
bool range_resume(struct range_set *set, const struct key *key, struct file *file,
		  uint64_t total, enum file_reason reason, uint64_t time);
/*
 * The file this piece belongs to has that many bytes: it ends when they are all there, and
 * with CONFLICT when another piece says, or is, otherwise.
 */
void range_total(struct range_piece *piece, uint64_t total, uint64_t time);
/* Bytes of the range that are still to come. */
uint64_t range_left(const struct range_piece *piece);
/* No more of it will come. */
void range_close(struct range_piece *piece);
/* The same; it was cut for that reason, which is the file's if nobody brings the rest. */
void range_cut(struct range_piece *piece, enum file_reason reason);
/* Somebody began anew: what there is of it will not be continued. */
void range_give_up(struct range_set *set, const struct key *key, uint64_t total);

#endif
