/* SPDX-License-Identifier: MIT */
/*
 * Key files of [share] sections: read, and given a new key when the newest is too old.
 *
 * A file that is not a regular one of root's or the agent's own, that group or others can
 * access, or that has an error, counts as no key at all: what needs one is omitted.  That
 * is logged, and so is when it can be read again.
 */
#ifndef SLUICE_SUPERVISOR_POLICY_FILES_H
#define SLUICE_SUPERVISOR_POLICY_FILES_H

#include "supervisor/config.h"

#include <stdint.h>

#define POLICY_KEY_RETRY 3600000000000u /* ns, after a file could not be replaced */

/* Reads them all again, into c->policy_keys. */
void policy_files_read(struct config *c);
/*
 * Appends a key to each file whose newest one is older than its key_period; now: ns since
 * the epoch.  The file is replaced as a whole, so that no crash leaves half of one.
 */
void policy_files_rotate(struct config *c, uint64_t now);
/*
 * Makes the file, or appends a key to it; id: the new key's.  False after logging what is
 * wrong.
 */
bool policy_files_add(const char *path, uint64_t now, char id[static POLICY_KEY_ID_MAX]);

#endif
