/* SPDX-License-Identifier: MIT */
/*
 * A process that carries records to one place: a file, the journal, or a syslog server.
 *
 * It is one of those below the supervisor, which has the records and renders them.  What it
 * gets is what is to be written, byte for byte:
 *
 *	open, or connected           -> MSG_OUTLET, with a number that counts these
 *	MSG_RECORDS with that number -> a batch, its last message with the batch's own number
 *	the batch has arrived        -> MSG_RECORDED, row by row gone from the database
 *	broken                       -> MSG_OUTLET with a text; the rest is forgotten
 *
 * After a break the supervisor begins with the first record that was not recorded: each is
 * written at least once.  Nothing waits here while there is no connection, so that whatever
 * leaves was rendered under the policy of that moment; MSG_REVOKE makes a break.
 */
#ifndef SLUICE_LOGGER_LOGGER_H
#define SLUICE_LOGGER_LOGGER_H

#include "record/sink.h"

#include <stdbool.h>
#include <stdint.h>

#define LOGGER_WINDOW 32	    /* batches that are under way */
#define LOGGER_BATCH_MAX (4u << 20) /* bytes of one */
#define LOGGER_TEXT_MAX 256	    /* what is wrong */

struct logger_config {
	int supervisor;
	const struct sink_config *sink;
	uint32_t socket_mark; /* of the connection; 0: none */
	bool sandbox;
};

/* Returns the process's exit status. */
int logger_run(const struct logger_config *c);

#endif
