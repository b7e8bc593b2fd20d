/* SPDX-License-Identifier: MIT */
/*
 * Names of users, groups and virtual systems, each kept once, and who is in which group.
 *
 * A name lives while something refers to it: a mapping, a host, a membership.
 */
#ifndef SLUICE_POLICY_USER_NAME_H
#define SLUICE_POLICY_USER_NAME_H

#include "lib/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USER_NAME_MAX 255 /* bytes of a user's or a group's name, without NUL */
#define USER_VSYS_MAX 63  /* of a virtual system's */

enum user_name_kind { USER_NAME_USER, USER_NAME_GROUP, USER_NAME_VSYS };

struct user_member;

struct user_name {
	struct table_entry entry;
	uint8_t key[16];
	uint32_t refs;
	enum user_name_kind kind;
	uint32_t count;		  /* memberships */
	struct user_member *list; /* a user's by group, a group's by user */
	bool dirty;		  /* a group whose members changed since they were saved */
	char text[];
};

/* Links one user and one group. */
struct user_member {
	struct table_entry entry;
	struct user_name *user, *group;		    /* its key */
	struct user_member *next_group, **at_group; /* in the user's list */
	struct user_member *next_user, **at_user;   /* in the group's list */
};

struct user_names;

/* At most so many different ones, and memberships; NULL when out of memory. */
struct user_names *user_names_new(size_t names, size_t members);
/* Memberships go; no other reference may be left. */
void user_names_free(struct user_names *n);

/* The name without a new reference, or NULL. */
struct user_name *user_names_find(struct user_names *n, enum user_name_kind kind,
				  const char *text);
/* With a reference for the caller; NULL: too many, or out of memory. */
struct user_name *user_names_get(struct user_names *n, enum user_name_kind kind,
				 const char *text);
/* Gives a reference back; NULL is nothing. */
void user_names_put(struct user_names *n, struct user_name *name);

/* Is it fit for a name: 1 to max bytes of UTF-8 without controls? */
bool user_name_good(const char *text, size_t max);

/* False: too many names or memberships, or out of memory. */
bool user_names_join(struct user_names *n, const char *user, const char *group);
/* Everybody leaves. */
void user_names_empty(struct user_names *n, const char *group);
/* Memberships that there is room for. */
size_t user_names_room(const struct user_names *n);
/* Is there a group whose members changed? */
bool user_names_dirty(const struct user_names *n);
/* One of them, or NULL; it is no longer dirty, and has a reference more. */
struct user_name *user_names_take_dirty(struct user_names *n);
void user_names_all_dirty(struct user_names *n);
void user_names_none_dirty(struct user_names *n);

#endif
