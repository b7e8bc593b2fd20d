/* SPDX-License-Identifier: MIT */
/*
 * Mappings as a text: one a line,
 *
 *	ADDRESS USER [TIMEOUT] [vsys=NAME] [group=NAME ...] [begin=TIME] [end=TIME]
 *
 * separated by white space or commas, so that CSV of two or three columns is right as it is. In
 * double quotes a value may have spaces and commas, and "" for a quote.  # begins a comment
 * where a value could begin.  TIMEOUT is 45m, 8h, 90s, 30d or never; TIME is RFC 3339.
 */
#ifndef SLUICE_POLICY_USER_LIST_H
#define SLUICE_POLICY_USER_LIST_H

#include "policy/user_change.h"

/* Adds a login and its joins for every line.  False with "line N: ..." in s->error. */
bool user_list_read(struct user_changes *s, const char *text, size_t n);

#endif
