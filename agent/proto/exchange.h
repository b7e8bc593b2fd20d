/* SPDX-License-Identifier: MIT */
/*
 * Which reply answers which command, where both come in order: SMTP, POP3.
 *
 * The two directions reach a parser one by one, and a packet that came late makes the
 * reply come before its command.  So whichever is first waits here for the other.
 */
#ifndef SLUICE_PROTO_EXCHANGE_H
#define SLUICE_PROTO_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

/* Commands sent ahead of their replies (RFC 2920 and RFC 2449 set no limit). */
#define EXCHANGE_MAX 4096

enum exchange_side { EXCHANGE_COMMAND, EXCHANGE_REPLY };

/* What a parser keeps of either. */
struct exchange_item {
	uint32_t kind; /* the command, or the reply's code */
	uint32_t value;
};

struct exchange {
	struct exchange_item *item; /* a ring */
	uint32_t room;
	uint32_t first;
	uint32_t count;
	enum exchange_side side; /* of those that wait */
	bool lost;		 /* too many waited: nothing is matched any more */
	bool loose; /* commands may be missing: a reply that meets none is of one of these */
};

/* All zero is empty. */
void exchange_free(struct exchange *x);
/*
 * Bytes of either direction are missing: none of those that wait can be told, and no reply
 * waits any more.
 */
void exchange_reset(struct exchange *x);
/*
 * The oldest that waits on the other side goes to `other`; where none does, this one waits,
 * and false.
 */
bool exchange_meet(struct exchange *x, enum exchange_side side, struct exchange_item mine,
		   struct exchange_item *other);
/* The oldest of that side, or NULL. */
const struct exchange_item *exchange_first(const struct exchange *x, enum exchange_side side);
/* Removes it. */
void exchange_drop(struct exchange *x);
/* Of that side. */
uint32_t exchange_waiting(const struct exchange *x, enum exchange_side side);

#endif
