/* SPDX-License-Identifier: MIT */
/*
 * An address and port, of either family, and its text form.
 */
#ifndef SLUICE_LIB_INET_H
#define SLUICE_LIB_INET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct endpoint {
	uint8_t family; /* AF_INET, AF_INET6, 0: not known */
	uint8_t reserved;
	uint16_t port;	/* host byte order */
	uint8_t ip[16]; /* network order, IPv4 in the first four bytes */
};

#define INET_TEXT_MAX 48

/* RFC 5952 text of the address alone (no port, no brackets); "" for family 0. */
const char *inet_text(const struct endpoint *e, char text[static INET_TEXT_MAX]);
/* Address text to endpoint (port 0); false when it is none. */
bool inet_parse(const char *text, struct endpoint *e);
/*
 * False: of no known family.  What a family does not use is cleared, so that equal ends are
 * equal bytes.
 */
bool inet_check(struct endpoint *e);
/* Same family, address and port. */
bool inet_equal(const struct endpoint *a, const struct endpoint *b);

#endif
