/* SPDX-License-Identifier: MIT */
/*
 * ZIP archives taken apart, in small steps, within limits; and what can be said of archives
 * from their headers alone (ZIP, RAR, 7z).
 *
 * Several archives in one another share a tree, which is what the limits hold for: a bomb is
 * one however it is built, of one member or of many, side by side, nested, or of many entries
 * that share their data.
 */
#ifndef SLUICE_SAMPLE_ARCHIVE_H
#define SLUICE_SAMPLE_ARCHIVE_H

#include "lib/decode_limits.h"
#include "lib/sighting.h"
#include "sample/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct archive;

struct archive_limits {
	struct decode_limits decode; /* layers is the caller's matter */
	uint32_t members;	     /* of a tree */
	uint32_t entries;	     /* of the directories of one archive */
};

#define ARCHIVE_LIMITS_DEFAULT                                                      \
	{                                                                           \
		.decode = DECODE_LIMITS_DEFAULT, .members = 10000, .entries = 65536 \
	}

/* What archives in one another have used up of their limits. */
struct archive_tree {
	const struct archive_limits *limits;
	uint64_t size;	  /* bytes of the outermost */
	uint64_t in, out; /* bytes unpacked from and to */
	uint32_t members;
	bool bomb; /* a limit was passed */
};

/* A member that begins. */
struct archive_member {
	const char *path; /* in the archive, raw bytes; path_len 0: it has none */
	size_t path_len;
	bool size_known;
	uint64_t size; /* as its header says */
};

struct archive_ops {
	/* False: nobody wants it; no data and no end follow. */
	bool (*begin)(void *arg, const struct archive_member *m);
	/* False: nobody wants more of it; its end follows. */
	bool (*data)(void *arg, const uint8_t *p, size_t n);
	/*
	 * NONE: that was all of it (or more was not wanted).  ENCRYPTED: needs a password, and
	 * no data came.  DECODE: damaged, or of a method that is not read.  PARTIAL: goes on in
	 * another volume.  BOMB: a limit was passed, and the archive is not read any further.
	 */
	void (*end)(void *arg, enum file_reason reason);
};

/*
 * Begins to take a ZIP archive apart.  Reader, tree and ops are borrowed.  NULL when out of
 * memory.
 */
struct archive *archive_open(const struct reader *r, struct archive_tree *tree,
			     const struct archive_ops *ops, void *arg);
/*
 * Goes on for about so many bytes, read or unpacked.  False: it is done.  A member may be
 * an archive itself: another one of the same tree may be worked on between two steps.
 */
bool archive_step(struct archive *a, size_t budget);
/* Bits of enum file_trait, as far as is known by now. */
uint32_t archive_found(const struct archive *a);
void archive_close(struct archive *a);

/* Whether archive_open() has something to do. */
bool archive_is_zip(const struct reader *r);
/* ENCRYPTED and MULTI_PART by the headers of a ZIP, RAR or 7z archive; 0 for anything else. */
uint32_t archive_traits(const struct reader *r);

#endif
