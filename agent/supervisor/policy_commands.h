/* SPDX-License-Identifier: MIT */
/*
 * Policies as they were, and what is looked up behind a pseudonym, over the control socket.
 *
 *	policy.show	id	a line: the document, first (ms since the epoch)
 *	resolve		token	a line: the number of the ledger's line that records it
 */
#ifndef SLUICE_SUPERVISOR_POLICY_COMMANDS_H
#define SLUICE_SUPERVISOR_POLICY_COMMANDS_H

#include "supervisor/control.h"

#define RESOLVE_TOKEN_MAX 64 /* bytes: a pseudonym or an address */

/* struct control_command.run; arg is the struct supervisor. */
void policy_command_show(struct control_client *c, void *arg, json_t *request);
/* Only records that somebody is about to look: where that cannot be written it is refused. */
void policy_command_resolve(struct control_client *c, void *arg, json_t *request);

#endif
