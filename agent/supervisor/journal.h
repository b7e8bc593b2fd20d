/* SPDX-License-Identifier: MIT */
/*
 * The local logs: one JSON line per sighting, every field, complete files and
 * truncated ones, and in another one a line per session that nobody can read.  What
 * clouds may see has no influence on them.
 */
#ifndef SLUICE_SUPERVISOR_JOURNAL_H
#define SLUICE_SUPERVISOR_JOURNAL_H

#include "lib/buf.h"
#include "lib/session_note.h"
#include "lib/sighting.h"

#include <stdbool.h>

#define JOURNAL_NAME "sightings.jsonl"
#define JOURNAL_SESSIONS "sessions.jsonl"

struct journal {
	int fd;
	char *path;
	struct buf line;
	bool failing; /* the last line failed, and that was logged */
};

/* DIR/name, mode 0600, after its last line; fresh: emptied.  False after logging why. */
bool journal_open(struct journal *j, const char *dir, const char *name, bool fresh);
void journal_close(struct journal *j);
/* For logrotate: the same name again; the old file stays when that fails (logged).  One that is
 * not open stays so. */
void journal_reopen(struct journal *j);
/* A line by one write(); no part of it stays when that fails.  Logged when it begins to fail.
 */
bool journal_append(struct journal *j, const struct sighting *s);
/* virtual_system may be NULL. */
bool journal_append_session(struct journal *j, const struct session_note *n,
			    const char *virtual_system);

#endif
