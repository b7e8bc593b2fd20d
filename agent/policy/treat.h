/* SPDX-License-Identifier: MIT */
/*
 * What a mode makes of one value.
 *
 * Nothing comes out where nothing may leave: for omit, for a mode that the field cannot have,
 * and for what needs a key that is not there.
 */
#ifndef SLUICE_POLICY_TREAT_H
#define SLUICE_POLICY_TREAT_H

#include "lib/buf.h"
#include "lib/inet.h"
#include "policy/network.h"
#include "policy/policy.h"
#include "policy/policy_key.h"
#include "policy/pseudonym.h"

#include <stdbool.h>

/* What modes need besides the policy. */
struct treat_context {
	const struct policy_key *key;	 /* NULL: there is none */
	const struct networks *networks; /* NULL: there are none */
	const char *policy_id;		 /* NULL: it is not said */
};

#define TREAT_TEXT_MAX 80

struct treat_address {
	struct endpoint ip;	   /* family 0: nothing leaves as an address */
	char text[TREAT_TEXT_MAX]; /* what leaves instead; "": nothing */
};

/* False when out of memory; then nothing leaves. */
bool treat_address(const struct policy *p, enum sluice_field field,
		   const struct treat_context *c, const struct endpoint *e,
		   struct treat_address *out);

struct treat_port {
	bool number; /* it leaves as `port` */
	uint16_t port;
	char text[TREAT_TEXT_MAX];
};

/*
 * answered: of the end that the connection was opened to.  Truncated, ports that stand for a
 * service stay: below 1024, and there below 32768; others become 0.
 */
bool treat_port(const struct policy *p, enum sluice_field field, const struct treat_context *c,
		uint16_t port, bool answered, struct treat_port *out);
/* What it becomes truncated. */
uint16_t treat_port_truncated(uint16_t port, bool answered);

/* One text (of a list: one of it), appended to out. */
bool treat_text(const struct policy *p, enum sluice_field field, const struct treat_context *c,
		const char *text, size_t n, struct buf *out);

#endif
