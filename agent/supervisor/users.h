/* SPDX-License-Identifier: MIT */
/*
 * The users of a sighting: from what was told about addresses, from a file, and, for
 * sockets of this host, from their owner.
 *
 *	sluicectl, control socket --> table, kept in users.db
 *	[users] file --------------> a table of its own, replaced as a whole
 */
#ifndef SLUICE_SUPERVISOR_USERS_H
#define SLUICE_SUPERVISOR_USERS_H

#include "lib/counter.h"
#include "lib/sighting.h"
#include "policy/user_change.h"

#include <stdbool.h>
#include <stdint.h>

#define USERS_MAX_DEFAULT 1000000
#define USERS_TIMEOUT_DEFAULT (45 * 60)
#define USERS_FILE_MAX (256u << 20) /* bytes */

/* [users] of the configuration. */
struct users_config {
	char *file;	  /* "" or NULL: none */
	uint64_t timeout; /* seconds, of what is told without; 0: never */
	uint64_t max;	  /* mappings, in each of the tables */
};

struct users;

/*
 * db: where mappings are kept; NULL: nowhere (a capture is read), and then a time to live that
 * begins now makes no sense in the file.  c and counters must outlive it.  NULL after logging
 * why; a file that cannot be read or has an error is one reason.
 */
struct users *users_open(const struct users_config *c, const char *db,
			 struct counters *counters);
/* Saves what is not saved yet; NULL is nothing. */
void users_close(struct users *u);
/* Would it be read? Errors are logged. */
bool users_check(const struct users_config *c);
/* Reads the file again; one with an error changes nothing (logged). */
void users_reload(struct users *u);

/*
 * Sets SENDER_USER, RECEIVER_USER and USER, as their descriptions say, and moves what the
 * protocol said from USER to LOGIN.  The mappings are those of when the file's first byte came;
 * the owner of a local socket goes before any.
 */
void users_resolve(struct users *u, struct sighting *s);

/* Is the user a member of the group, by what was told or by the file? */
bool users_in_group(struct users *u, const char *user, const char *group);

/* Does what was asked for, now; false with s->error. */
bool users_change(struct users *u, struct user_changes *s, enum user_source source,
		  struct user_changed *done);
/* Ends every mapping of the user; vsys NULL: in all. */
size_t users_logout(struct users *u, const char *user, const char *vsys);
/* Like user_table_walk(), for what was told and then for what is in the file. */
uint64_t users_walk(struct users *u, uint64_t from, size_t most,
		    void (*each)(void *arg, struct user_table *t, const struct user_mapping *m),
		    void *arg);

/* Saves and forgets, a little at a time; now: ms of child_clock(). */
void users_step(struct users *u, uint64_t now);
uint64_t users_at(const struct users *u, uint64_t when);

/* ns since the epoch. */
uint64_t users_clock(void);

#endif
