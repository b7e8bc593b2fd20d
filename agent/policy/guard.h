/* SPDX-License-Identifier: MIT */
/*
 * Keeps values that are not shared as they are from leaving inside other fields.
 *
 * A guard knows every value of one sighting that policy does not share, but omits or
 * changes: texts as they
 * are and percent-decoded, addresses and ports of both ends and of their
 * translations.  It looks for them in a text as it stands, decoded once and
 * decoded twice, whatever the case of letters.
 *
 *  - Texts of fewer than 3 bytes are not looked for (a file name always is);
 *    those of fewer than 6, and addresses, only as a word of their own.
 *  - Ports are looked for as words of at least 4 digits, and of any length
 *    where a URL has its port.
 */
#ifndef SLUICE_POLICY_GUARD_H
#define SLUICE_POLICY_GUARD_H

#include "lib/buf.h"
#include "lib/sighting.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

#define GUARD_VALUES_MAX 256
#define GUARD_ENDS_MAX (2 * DIR_COUNT)

struct guard {
	struct {
		char *p;
		size_t n;
		bool token;
	} value[GUARD_VALUES_MAX];
	size_t values;
	bool overflow; /* more values than fit, or no memory: everything is withheld */
	struct endpoint ip[GUARD_ENDS_MAX];
	size_t ips;
	uint16_t port[GUARD_ENDS_MAX];
	size_t ports;
	bool user; /* the user is not shared */
};

/* What replaces the host of a URL (RFC 2606 §2). */
#define GUARD_HOST "omitted.invalid"

void guard_init(struct guard *g, const struct sighting *s, const struct policy *p);
void guard_free(struct guard *g);

/* Index of the first byte in text of the first omitted value; SIZE_MAX: none. */
size_t guard_find(const struct guard *g, const char *text, size_t n);

/*
 * Appends the URL without any omitted value: user information, host, port
 * removed or replaced, the rest cut before the segment or parameter that carries one.
 * A password never passes.  *shortened is set when an omitted value was in it;
 * *host tells where in out its host stands (after the call), n 0 when it was replaced.
 */
bool guard_url(const struct guard *g, const char *url, size_t n, struct buf *out,
	       bool *shortened, size_t *host_at, size_t *host_length);

#endif
