/* SPDX-License-Identifier: MIT */
/*
 * {"command": "sample", "sha256": 64 hex digits}: what became of a sample at the clouds.
 *
 * A line a submission, the newest first: sighting (its id), cloud, queued and ended (ms since
 * the epoch), state (outbox, queued or ended), outcome, verdict, detail, withheld (names of
 * fields that the policy or the kernel's switches withheld when it was seen), policy_readable.
 * When there are more than SAMPLE_COMMAND_MAX the last line is {"more": true}.
 */
#ifndef SLUICE_SUPERVISOR_SAMPLE_COMMAND_H
#define SLUICE_SUPERVISOR_SAMPLE_COMMAND_H

#include "supervisor/control.h"

#define SAMPLE_COMMAND_MAX 256

/* arg: struct supervisor */
void sample_command(struct control_client *c, void *arg, json_t *request);

#endif
