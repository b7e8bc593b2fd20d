/* SPDX-License-Identifier: MIT */
/*
 * Lines of a file that grows: from its end backwards, and on from a place.
 *
 * Neither reads more of the file than it must, nor keeps more than a line and a block.  A line
 * is complete once its end is there; what stands behind the last end is still being
 * written and is none.
 */
#ifndef SLUICE_CTL_LINES_H
#define SLUICE_CTL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINES_MAX (4u << 20) /* bytes of a line; a longer one is left out and counted */

struct lines {
	int fd;		/* the caller's; read with pread() */
	uint64_t at;	/* backwards: where `data` stands in the file; on: what is read next */
	uint64_t begin; /* of the line that was returned last */
	char *buf;
	size_t room;
	char *data; /* not returned yet, in buf */
	size_t len;
	size_t searched; /* of data (from the end, backwards), without an end of line */
	bool skipping;	 /* within a line that is too long */
	uint64_t too_long;
	int error; /* errno of a read that failed */
};

/* Backwards from the last complete line before `end`; returns false when out of memory. */
bool lines_last(struct lines *l, int fd, uint64_t end);
/* Where the last complete line ends: right after lines_last(). */
uint64_t lines_end(const struct lines *l);
/* The line before, without its end and without NUL; NULL at the beginning and after an error.
 */
const char *lines_back(struct lines *l, size_t *n);

/* On from `begin`. */
bool lines_from(struct lines *l, int fd, uint64_t begin);
/* The next complete line; NULL: none now, or an error.  May be asked again. */
const char *lines_on(struct lines *l, size_t *n);

void lines_free(struct lines *l);

#endif
