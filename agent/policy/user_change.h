/* SPDX-License-Identifier: MIT */
/*
 * What somebody wants changed in a table of users: read first, to its end, then
 * done as a whole or not at all.
 */
#ifndef SLUICE_POLICY_USER_CHANGE_H
#define SLUICE_POLICY_USER_CHANGE_H

#include "lib/buf.h"
#include "policy/user.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum user_change_kind {
	USER_CHANGE_LOGIN,  /* user at address */
	USER_CHANGE_LOGOUT, /* user, or whoever ("") at address */
	USER_CHANGE_EMPTY,  /* of group */
	USER_CHANGE_JOIN,   /* user to group */
};

/* Texts are places in the set's text; 0 is "". */
struct user_change {
	enum user_change_kind kind;
	unsigned int line; /* where it was read */
	struct endpoint address;
	size_t user, vsys, group;
	bool has_begin, has_end, has_timeout;
	uint64_t begin, end; /* ns since the epoch */
	uint64_t timeout;    /* seconds, 0: never */
};

struct user_changes {
	struct user_change *change;
	size_t count, room, max;
	struct buf text;
	char error[256]; /* with its place, "line 3: ..." */
};

/* At most `max` of them. */
void user_changes_init(struct user_changes *s, size_t max);
void user_changes_free(struct user_changes *s);
/* A new one, zeroed, valid until the next; NULL with `error`: too many, or out of memory. */
struct user_change *user_changes_add(struct user_changes *s, enum user_change_kind kind,
				     unsigned int line);
/* Keeps a text for the set; false with `error`. */
bool user_changes_text(struct user_changes *s, const char *text, size_t *place);
static inline const char *user_changes_at(const struct user_changes *s, size_t place)
{
	return place ? (const char *)s->text.data + place : "";
}

/* An address without port; IPv4 within IPv6 (RFC 4291 2.5.5.2) is IPv4. */
bool user_address_parse(const char *text, struct endpoint *address);

/* What holds where a change says nothing. */
struct user_defaults {
	uint64_t now;	  /* ns */
	uint64_t begin;	  /* of logins: `now`, or 0 where they are known to hold always */
	uint64_t timeout; /* seconds, from begin, or from now where that is later; 0: never */
	enum user_source source;
};

struct user_changed {
	size_t logins, logouts, joins;
};

/*
 * Does them all, in their order.  False with `error`, and nothing is done, where there is no
 * room for all.
 */
bool user_changes_apply(struct user_changes *s, struct user_table *t,
			const struct user_defaults *defaults, struct user_changed *done);

#endif
