/* SPDX-License-Identifier: MIT */
/*
 * Mappings of users on disk, STATE_DIR/users.db, so that they outlive the agent.
 *
 * It follows the table: what changed is written in batches, by WAL without a sync at each
 * (PRAGMA synchronous = NORMAL).  A crash of the agent loses what came since the last batch, a
 * crash of the machine also batches of the last seconds; neither damages it.
 */
#ifndef SLUICE_SUPERVISOR_USER_STORE_H
#define SLUICE_SUPERVISOR_USER_STORE_H

#include "policy/user.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct user_store;

/* NULL with a logged error that says which file and what to do. */
struct user_store *user_store_open(const char *path);
void user_store_close(struct user_store *s);
const char *user_store_error(const struct user_store *s);
/* Everything into an empty table.  What it has no room for is left out, the oldest first. */
bool user_store_load(struct user_store *s, struct user_table *t, uint64_t now);
/*
 * Writes what changed in the table, at most `most` mappings and one group.  False: nothing is
 * written, and all of it counts as changed again.
 */
bool user_store_save(struct user_store *s, struct user_table *t, size_t most);
/* Forgets mappings that ended before then, at most `most`. */
bool user_store_forget(struct user_store *s, uint64_t before, size_t most);

#endif
