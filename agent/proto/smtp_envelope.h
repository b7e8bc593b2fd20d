/* SPDX-License-Identifier: MIT */
/*
 * The envelope of RFC 5321 §2.3.1: who sends a message, and to whom.
 */
#ifndef SLUICE_PROTO_SMTP_ENVELOPE_H
#define SLUICE_PROTO_SMTP_ENVELOPE_H

#include "lib/buf.h"

#include <stdint.h>

struct smtp_envelope {
	uint16_t number;     /* goes with the commands that wait for their reply */
	uint32_t recipients; /* not refused */
	struct buf from;
	struct buf to; /* each with a '\n' behind it; refused ones are '\n' throughout */
};

void smtp_envelope_init(struct smtp_envelope *e);
void smtp_envelope_free(struct smtp_envelope *e);
/* The next one begins. */
void smtp_envelope_reset(struct smtp_envelope *e);
/* Arguments of MAIL and RCPT; an id for the reply. */
uint32_t smtp_envelope_from(struct smtp_envelope *e, const char *path);
uint32_t smtp_envelope_to(struct smtp_envelope *e, const char *path);
/* The server takes them not. */
void smtp_envelope_from_refused(struct smtp_envelope *e, uint32_t id);
void smtp_envelope_to_refused(struct smtp_envelope *e, uint32_t id);
/* NULL: empty, or not known.  Valid until the envelope changes. */
const char *smtp_envelope_sender(struct smtp_envelope *e);
/* Separated by SIGHTING_LIST_SEPARATOR, added to out; NULL: there is none. */
const char *smtp_envelope_list(const struct smtp_envelope *e, struct buf *out);

/* A little more than a sighting keeps, so that it knows when it was cut. */
#define SMTP_RECIPIENTS_MAX (8192 + 256)

#endif
