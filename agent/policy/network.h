/* SPDX-License-Identifier: MIT */
/*
 * Networks that have a name: what an address is called when it is generalised.
 */
#ifndef SLUICE_POLICY_NETWORK_H
#define SLUICE_POLICY_NETWORK_H

#include "lib/inet.h"

#include <linux/sluice.h>
#include <stddef.h>

#define NETWORK_NAME_MAX 64 /* with its NUL */
#define NETWORK_NAMES_MAX 256
#define NETWORK_PREFIXES_MAX 4096

/* Names and the prefixes of all of them. */
struct networks {
	struct {
		char name[NETWORK_NAME_MAX];
		int line;
	} network[NETWORK_NAMES_MAX];
	size_t count;
	struct {
		struct sluice_prefix prefix;
		uint32_t network;
	} entry[NETWORK_PREFIXES_MAX];
	size_t entries;
};

/*
 * Adds a prefix like 10.1.0.0/16, or an address, to one of them.  NULL, or what was
 * expected.
 */
const char *network_add(struct networks *n, size_t network, const char *text);

/*
 * The name of the longest prefix that holds the address (IPv4 mapped into IPv6 is IPv4), of
 * the same one twice the first; otherwise "internal" (RFC 1918, 4193, 6598, loopback and
 * link-local addresses) or "external".  n NULL: there are no names.
 */
const char *network_name(const struct networks *n, const struct endpoint *e);

#endif
