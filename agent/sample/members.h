/* SPDX-License-Identifier: MIT */
/*
 * Archives on their way through the file layer: each member becomes a file of its own.
 *
 * A complete archive stays open until it has been taken apart, so that its own sighting says
 * what was found out; its members' sightings come before its own.  An archive in it is taken
 * apart when it is complete, before the next member.
 *
 * A member's sighting is the archive's, but: MEMBER_PATH is its path (in an archive within an
 * archive: outer path, "!/", inner path), FILENAME the last part of it, level one more,
 * container the archive's hash, number one that no file of a protocol has:
 *
 *	bit 31	one
 *	30-16	the low bits of the outermost archive's number
 *	15-0	members of it and of those in it, in the order they were found
 */
#ifndef SLUICE_SAMPLE_MEMBERS_H
#define SLUICE_SAMPLE_MEMBERS_H

#include "sample/archive.h"
#include "sample/file.h"

#include <stdbool.h>
#include <stddef.h>

#define MEMBERS_SEPARATOR "!/"

struct members;

/* Files and counters are borrowed.  NULL when out of memory. */
struct members *members_new(struct file_set *files, const struct archive_limits *limits,
			    struct counters *counters);
/* Nothing may wait. */
void members_free(struct members *m);
/* Archives wait for members_work(); else they are taken apart at once. */
void members_defer(struct members *m, bool defer);
/*
 * A complete archive, whose content is in the spool: taken, and handed to file_finish() in the
 * end.  False: not taken; it is too deep (then NESTED is among its traits), or too many wait.
 */
bool members_add(struct members *m, struct file *f);
/* Goes on for about so many bytes; false: nothing waits. */
bool members_work(struct members *m, size_t budget);
/* Finishes what waits without taking it apart any further. */
void members_finish(struct members *m);

#endif
