/* SPDX-License-Identifier: MIT */
/*
 * What was counted, asked on the control socket: {"command": "metrics"} is answered
 * {"text": TEXT}, the same text that /metrics is (supervisor/metrics.h).
 */
#ifndef SLUICE_SUPERVISOR_METRICS_COMMAND_H
#define SLUICE_SUPERVISOR_METRICS_COMMAND_H

#include "supervisor/control.h"

void metrics_command(struct control_client *c, void *supervisor, json_t *request);

#endif
