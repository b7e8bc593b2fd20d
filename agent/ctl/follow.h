/* SPDX-License-Identifier: MIT */
/*
 * A log as it grows, whoever renames, empties or makes it anew.
 */
#ifndef SLUICE_CTL_FOLLOW_H
#define SLUICE_CTL_FOLLOW_H

#include "ctl/lines.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct follow {
	const char *path;
	int notify;	    /* inotify of its directory, -1: the clock alone */
	struct lines lines; /* lines.fd -1: there is no log yet */
	uint64_t too_long;  /* in files that are done */
};

/*
 * Follows path from `begin` of fd (which is taken; -1: it is not there yet).  False when out
 * of memory.
 */
bool follow_open(struct follow *f, const char *path, const char *dir, int fd, uint64_t begin);
void follow_close(struct follow *f);
/* The next line that is there already, or NULL. */
const char *follow_next(struct follow *f, size_t *n);
/* Waits until there may be more; false: nobody reads standard output any more. */
bool follow_wait(struct follow *f);

#endif
