/* SPDX-License-Identifier: MIT */
/*
 * The control socket's commands about users; their arg is the supervisor:
 *
 *	users.add	address, user; timeout ("45m"), vsys, group (one, or a list)
 *	users.del	address, or user, or both; vsys
 *	users.import	text: a list (policy/user_list.h) or a User-ID message
 *	users.list	user, group, vsys, all (what has ended, too), from
 *
 * and PAN-OS's User-ID message as a document.
 */
#ifndef SLUICE_SUPERVISOR_USER_COMMANDS_H
#define SLUICE_SUPERVISOR_USER_COMMANDS_H

#include "supervisor/control.h"

void users_command_add(struct control_client *c, void *arg, json_t *request);
void users_command_del(struct control_client *c, void *arg, json_t *request);
void users_command_import(struct control_client *c, void *arg, json_t *request);
void users_command_list(struct control_client *c, void *arg, json_t *request);

#endif
