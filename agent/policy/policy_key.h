/* SPDX-License-Identifier: MIT */
/*
 * Keys of pseudonyms and of encrypted addresses: what stands in a key file.
 *
 *	# any comment
 *	ID CREATED HEX
 *
 * ID: 1 to 8 of a-z and 0-9, each once in a file.  CREATED: RFC 3339, in UTC.  HEX: 64 hex
 * digits, the secret.  The last line is the current key; older ones stay for who
 * has to find out what was behind a pseudonym.  A file that does not end with a newline was
 * not written to its end.
 *
 * No secret is used as it is: for each purpose there is one derived by HKDF-SHA-256 (RFC
 * 5869), without salt.
 */
#ifndef SLUICE_POLICY_POLICY_KEY_H
#define SLUICE_POLICY_POLICY_KEY_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_KEY_ID_MAX 9 /* with its NUL */
#define POLICY_KEY_SECRET 32
#define POLICY_KEYS_MAX 256
#define POLICY_KEY_TEXT_MAX (64u << 10) /* bytes of a file */

struct policy_key {
	char id[POLICY_KEY_ID_MAX];
	uint64_t created; /* ns since the epoch */
	uint8_t pseudonym[32];
	uint8_t single[16]; /* of encrypt deterministic */
	uint8_t prefix[32]; /* of encrypt prefix */
};

struct policy_keys {
	struct policy_key key[POLICY_KEYS_MAX];
	size_t count;
};

/*
 * The keys of the n bytes of a file.  NULL, or what was expected, with *line the line where
 * (0: in the whole file); then there is no key at all.
 */
const char *policy_keys_parse(const char *text, size_t n, struct policy_keys *keys,
			      unsigned int *line);
/* The current one; NULL: there is none. */
const struct policy_key *policy_keys_current(const struct policy_keys *keys);
const struct policy_key *policy_keys_find(const struct policy_keys *keys, const char *id);
void policy_keys_clear(struct policy_keys *keys);

/* A line of a file, with its newline.  The id is the first free of k1, k2, ... */
bool policy_key_line(const struct policy_keys *keys, uint64_t created,
		     const uint8_t secret[static POLICY_KEY_SECRET], struct buf *out);

#endif
