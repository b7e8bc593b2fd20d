/* SPDX-License-Identifier: MIT */
/*
 * Pseudonyms: the same for the same value of the same field under the same key, and nothing
 * else can be told from them without that key.
 *
 *	p1:ID:HEX	ID: of the key; HEX: the first 128 bits of HMAC-SHA-256(key, name of
 *			the field, NUL, value), in 32 hex digits
 *
 * A value is first brought into one form of those that mean the same (pseudonym_normalise()).
 */
#ifndef SLUICE_POLICY_PSEUDONYM_H
#define SLUICE_POLICY_PSEUDONYM_H

#include "lib/buf.h"
#include "lib/inet.h"
#include "policy/policy.h"
#include "policy/policy_key.h"

#include <stdbool.h>
#include <stddef.h>

#define PSEUDONYM_MAX (sizeof("p1::") + POLICY_KEY_ID_MAX + 32)

/*
 * The form of a text that its pseudonym is made of, appended to out:
 *
 *	application, user	trimmed, ASCII letters lower case
 *	email_*er, _recipient	the same, of one address: what is between < and > where it
 *				has them, without the name before it
 *	url			scheme and host lower case; no user information, no fragment,
 *				no port that is its scheme's default; "/" for no path
 *	filename		its last component, trimmed
 *	virtual_system, _subject  trimmed, white space within as one space
 *
 * A value of an address or a port: its text, as inet_text() has it or in decimal.
 */
bool pseudonym_normalise(enum sluice_field field, const char *text, size_t n, struct buf *out);

/* Of a text; false when out of memory, and then it is "". */
bool pseudonym_text(const struct policy_key *key, enum sluice_field field, const char *text,
		    size_t n, char out[static PSEUDONYM_MAX]);
bool pseudonym_address(const struct policy_key *key, enum sluice_field field,
		       const struct endpoint *e, char out[static PSEUDONYM_MAX]);
bool pseudonym_port(const struct policy_key *key, enum sluice_field field, uint16_t port,
		    char out[static PSEUDONYM_MAX]);

/* Whether it has the form of one; *id is then its key's. */
bool pseudonym_parse(const char *text, char id[static POLICY_KEY_ID_MAX]);

#endif
