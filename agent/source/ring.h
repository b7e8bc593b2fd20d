/* SPDX-License-Identifier: MIT */
/*
 * The reader's side of a kernel ring (protocol: <linux/sluice.h>).
 */
#ifndef SLUICE_SOURCE_RING_H
#define SLUICE_SOURCE_RING_H

#include "lib/counter.h"

#include <linux/sluice.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring;

#define RING_ERROR_MAX 256

/*
 * Maps the ring behind fd, which stays the caller's.  NULL with a sentence in
 * error: not a ring, or one of another version.  counters are borrowed: records
 * that make no sense are counted in RECORDS_BAD and skipped.
 */
struct ring *ring_open(int fd, struct counters *counters, char error[static RING_ERROR_MAX]);
void ring_close(struct ring *r);

/*
 * The next record, whole and of a known type, or NULL when none is committed.  It
 * stays valid until ring_release().
 */
const struct sluice_record *ring_next(struct ring *r);
/* Gives the room of all records returned so far back to the kernel. */
void ring_release(struct ring *r);

#endif
