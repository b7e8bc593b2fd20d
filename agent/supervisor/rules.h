/* SPDX-License-Identifier: MIT */
/*
 * Rules for the inspectors: the running ones, sent when an inspector starts and
 * whenever they change.
 *
 * The launcher made its copy of the configuration before any reload, and so what an
 * inspector starts with may be old.  It waits for these before it reads its source.
 */
#ifndef SLUICE_SUPERVISOR_RULES_H
#define SLUICE_SUPERVISOR_RULES_H

#include "lib/msg.h"
#include "supervisor/config.h"

#include <stdbool.h>
#include <stddef.h>

/* One inspector's share of them. */
struct rules_sending {
	size_t next; /* rule to go on with */
	bool due;    /* there is something to send */
};

/* All of them, from the beginning. */
void rules_due(struct rules_sending *r);
/*
 * Sends what the socket takes; `due` says whether there is more.  MSG_OK, or why the
 * inspector cannot be talked to.
 */
enum msg_result rules_send(struct rules_sending *r, const struct config *c, int fd);

#endif
