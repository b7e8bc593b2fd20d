/* SPDX-License-Identifier: MIT */
/*
 * Address lists of mail headers (RFC 5322 §3.4), as real ones are written.
 */
#ifndef SLUICE_MIME_ADDRESS_H
#define SLUICE_MIME_ADDRESS_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* UTF-8, not terminated; a name may be missing (0 bytes). */
struct address {
	const char *name;
	size_t name_len;
	const char *addr; /* local@domain, without brackets and route */
	size_t addr_len;
};

typedef void address_sink(void *arg, const struct address *a);

/*
 * Calls sink for each mailbox of a field's value, those of groups too.  A name is decoded
 * (RFC 2047); one that stands in a comment behind the address counts.  What has no
 * "@" is given on as it is: local users have none.
 */
void address_list(const char *value, address_sink *sink, void *arg);

/* Appends `Name <addr>`, or addr alone; a name with specials is put in quotes. */
bool address_format(const struct address *a, struct buf *out);

#endif
