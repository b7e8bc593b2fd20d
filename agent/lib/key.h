/* SPDX-License-Identifier: MIT */
/*
 * What a thing is known by over several sessions: a digest over everything that
 * must be the same.
 */
#ifndef SLUICE_LIB_KEY_H
#define SLUICE_LIB_KEY_H

#include "lib/sighting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key {
	uint8_t digest[SHA256_SIZE];
};

struct key_text {
	const void *p;
	size_t n;
};

/*
 * The networks of a session (namespace, zone, VRF, VLANs) and texts; addresses are
 * texts where they matter.  No two lists of texts make the same key.  False when
 * out of memory.
 */
bool key_make(struct key *key, const struct session_info *session, const struct key_text *texts,
	      size_t count);

#endif
