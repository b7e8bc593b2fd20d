/* SPDX-License-Identifier: MIT */
/*
 * Who was at which address, and when.
 *
 * A mapping says that from its begin until before its end a user was at an address, in one
 * virtual system or (vsys "") in all of them.  It ends by its timeout, by a logout, or
 * where another one of the same address and virtual system begins: at any time an address has
 * one user at most.  A user who logs in again is the same mapping, with a new end.
 *
 * Mappings that have ended are kept for USER_KEEP, so that a transfer which is told late is
 * still given to who was there; of one address USER_HISTORY_MAX at most, the latest, and of all
 * as many as there is room for.
 *
 * No clock: every time is given, in ns since the epoch.  Looking up, logging in and out take
 * constant time, but for a logarithm of the number of mappings.
 */
#ifndef SLUICE_POLICY_USER_H
#define SLUICE_POLICY_USER_H

#include "lib/inet.h"
#include "policy/user_name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USER_NS 1000000000ull
#define USER_KEEP (24 * 3600 * USER_NS)
#define USER_HISTORY_MAX 32
#define USER_FOREVER UINT64_MAX

/* X(CONSTANT, text): where a mapping came from */
#define USER_SOURCES(X)         \
	X(COMMAND, "sluicectl") \
	X(IMPORT, "import")     \
	X(UID, "user-id")       \
	X(FILE, "file")

enum user_source {
#define USER_SOURCE_ENUM(id, text) USER_SOURCE_##id,
	USER_SOURCES(USER_SOURCE_ENUM)
#undef USER_SOURCE_ENUM
		USER_SOURCE_COUNT
};

const char *user_source_text(enum user_source s);

struct user_mapping {
	struct endpoint address; /* its port means nothing */
	const char *vsys;	 /* "": all */
	const char *user;
	uint64_t begin, end;
	enum user_source source;
};

struct user_table;

/* For so many mappings at most; NULL when out of memory. */
struct user_table *user_table_new(size_t max);
void user_table_free(struct user_table *t);

enum user_result { USER_OK, USER_FULL, USER_NO_MEMORY };

/*
 * From mapping->begin on it is that user, whatever was known to begin before.  When the table
 * is full the mapping that ended first makes room; USER_FULL: none has ended by `now`.
 */
enum user_result user_table_login(struct user_table *t, const struct user_mapping *mapping,
				  uint64_t now);
/* Would it need room of its own? */
bool user_table_is_new(struct user_table *t, const struct user_mapping *mapping);
/* Mappings that there is room for, those that have ended counted as room. */
size_t user_table_room(struct user_table *t, uint64_t now);
/* Ends what holds at `now` for that address; user NULL: whoever it is.  False: nothing did. */
bool user_table_logout(struct user_table *t, const struct endpoint *address, const char *vsys,
		       const char *user, uint64_t now);
/* Everywhere; vsys NULL: in all.  Looks at every mapping.  How many ended. */
size_t user_table_logout_user(struct user_table *t, const char *user, const char *vsys,
			      uint64_t now);

/*
 * Who was there at that time: in that virtual system (NULL or "": none), or else, where it
 * knows nobody, in all.  Valid until the table changes; NULL: nobody is known.
 */
const char *user_table_find(struct user_table *t, const struct endpoint *address,
			    const char *vsys, uint64_t time);

/* Forgets at most `most` mappings that ended USER_KEEP before now; how many. */
size_t user_table_expire(struct user_table *t, uint64_t now, size_t most);
size_t user_table_count(const struct user_table *t);
/* Mappings that had to make room for others, since the table was made. */
uint64_t user_table_evicted(const struct user_table *t);
/* The groups and their members. */
struct user_names *user_table_names(struct user_table *t);

/*
 * Walks through the mappings in no order, in steps: begins at place `from`, looks at `most`
 * places, and returns where to go on, 0 at the end.  Across changes no mapping that stays comes
 * twice or not at all.
 */
size_t user_table_walk(struct user_table *t, size_t from, size_t most,
		       void (*each)(void *arg, const struct user_mapping *m), void *arg);

/* For who keeps the table on disk: does it have mappings or groups that changed? */
bool user_table_dirty(const struct user_table *t);
/* A mapping that changed since it was taken last. */
bool user_table_take_dirty(struct user_table *t, struct user_mapping *m);
/* What was taken could not be saved: everything is to be taken again. */
void user_table_all_dirty(struct user_table *t);
/* It is what is on disk. */
void user_table_none_dirty(struct user_table *t);

#endif
