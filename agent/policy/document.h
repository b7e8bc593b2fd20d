/* SPDX-License-Identifier: MIT */
/*
 * A policy as it held for one cloud, in a form that never changes again, and its id.
 *
 * JSON with its keys in order and nothing between them:
 *
 *	cloud		its name
 *	fields		of each field what happens to it, as the configuration says it
 *	key		id of the key in use; null where no field needs one
 *	networks	where a field is generalised: the prefixes of each name
 */
#ifndef SLUICE_POLICY_DOCUMENT_H
#define SLUICE_POLICY_DOCUMENT_H

#include "lib/buf.h"
#include "policy/network.h"
#include "policy/policy.h"

#include <stdbool.h>

#define POLICY_ID_MAX 33 /* with its NUL */

/* Appended to out; key_id NULL: there is no key.  False when out of memory. */
bool policy_document(const char *cloud, const struct policy *p, const char *key_id,
		     const struct networks *networks, struct buf *out);
/* The first 32 hex digits of the document's SHA-256. */
bool policy_id(const struct buf *document, char id[static POLICY_ID_MAX]);

#endif
