/* SPDX-License-Identifier: MIT */
/*
 * The parts of a URL (RFC 3986 §3), found in whatever a client sent as one.
 */
#ifndef SLUICE_POLICY_URL_H
#define SLUICE_POLICY_URL_H

#include "lib/inet.h"

#include <stdbool.h>
#include <stddef.h>

struct url_part {
	const char *p;
	size_t n;
};

/*
 * Written out again in this order the parts are the URL, with "@" and ":"
 * between those of the authority that are present.
 */
struct url_parts {
	struct url_part scheme; /* with "://" (or "//"); empty: none */
	bool has_userinfo, has_port;
	struct url_part userinfo; /* without "@" */
	struct url_part host;	  /* with brackets; empty for a bare path */
	struct url_part port;	  /* without ":" */
	struct url_part rest;	  /* path, query, fragment */
};

/* Never fails; the parts point into the n bytes at p. */
void url_split(const char *p, size_t n, struct url_parts *u);

/*
 * The address that a host literal means, port 0; false when it is a name.  Takes
 * every form that clients take: brackets, percent-encoding, IPv4 in octal, hex or with
 * fewer dots, IPv4 mapped into IPv6 (given as IPv4).
 */
bool url_host_address(struct url_part host, struct endpoint *address);

#endif
