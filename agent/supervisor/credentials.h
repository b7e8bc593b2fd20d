/* SPDX-License-Identifier: MIT */
/*
 * API keys and tokens that were read again while the agent runs, on their way to the forwarder,
 * which begins with those of the agent's start.
 */
#ifndef SLUICE_SUPERVISOR_CREDENTIALS_H
#define SLUICE_SUPERVISOR_CREDENTIALS_H

#include "lib/msg.h"
#include "supervisor/config.h"

/*
 * Takes over the key and the token of a new configuration's cloud.  True: one of them is
 * another, and c->credentials has the cloud's bit.
 */
bool credentials_take(struct config *c, size_t cloud, struct cloud_config *new);
/* A new forwarder: all of them are to be told. */
void credentials_restart(struct config *c);
/* Sends what the socket takes.  MSG_OK, MSG_AGAIN, or why the forwarder cannot be talked to. */
enum msg_result credentials_send(struct config *c, int fd);

#endif
