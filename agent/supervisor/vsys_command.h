/* SPDX-License-Identifier: MIT */
/*
 * Command "vsys": the configured virtual systems and zones, and what their names stand for.
 *
 *	{"vsys": NAME, "line": N, "conditions": {KEY: TEXT or NUMBER or [PATTERN, ...]},
 *	 "now": {"netns": [INODE, ...], "vrf": [{"netns": INODE, "ifindex": N}, ...]}}
 *	{"zone": NAME, "line": N, "interface": [PATTERN, ...], "virtual_system": NAME}
 *	{"namespace": PATH or null, "inode": INODE, 0: not captured}
 *	{"otherwise": NAME or null}
 */
#ifndef SLUICE_SUPERVISOR_VSYS_COMMAND_H
#define SLUICE_SUPERVISOR_VSYS_COMMAND_H

#include "supervisor/control.h"

void vsys_command(struct control_client *c, void *arg, json_t *request);

#endif
