/* SPDX-License-Identifier: MIT */
/*
 * The local log: one JSON line per sighting, every field, complete files and
 * truncated ones.  What clouds may see has no influence on it.
 */
#ifndef SLUICE_SUPERVISOR_JOURNAL_H
#define SLUICE_SUPERVISOR_JOURNAL_H

#include "lib/buf.h"
#include "lib/sighting.h"

#include <stdbool.h>

#define JOURNAL_NAME "sightings.jsonl"

struct journal {
	int fd;
	char *path;
	struct buf line;
	bool failing; /* the last line failed, and that was logged */
};

/* DIR/sightings.jsonl, mode 0600; fresh: emptied.  False after logging why. */
bool journal_open(struct journal *j, const char *dir, bool fresh);
void journal_close(struct journal *j);
/* For logrotate: the same name again; the old file stays when that fails (logged). */
void journal_reopen(struct journal *j);
/* A line by one write(); no part of it stays when that fails.  Logged when it begins to fail.
 */
bool journal_append(struct journal *j, const struct sighting *s);

#endif
