// SPDX-License-Identifier: MIT
/*
 * What the control socket can be asked.  The socket itself answers "commands" with the
 * names in this table.
 */
#include "supervisor/live.h"
#include "supervisor/metrics_command.h"
#include "supervisor/policy_commands.h"
#include "supervisor/preview_command.h"
#include "supervisor/sample_command.h"
#include "supervisor/vsys_command.h"
#include "supervisor/user_commands.h"

#include <unistd.h>

/* That the agent runs, which one, and with what configuration. */
static void agent_status(struct control_client *c, void *arg, json_t *request)
{
	const struct supervisor *s = arg;

	(void)request;
	control_line(c, json_pack("{s:i, s:s, s:b}", "pid", (int)getpid(), "config",
				  s->config_path ? s->config_path : "", "stopping",
				  s->phase != LIVE_RUNNING));
}

const struct control_command live_commands[] = {
	{"agent.status", agent_status},
	{"metrics", metrics_command},
	{"policy.preview", preview_command},
	{"policy.sightings", preview_command_sightings},
	{"policy.show", policy_command_show},
	{"resolve", policy_command_resolve},
	{"sample", sample_command},
	{"vsys", vsys_command},
	{"users.add", users_command_add},
	{"users.del", users_command_del},
	{"users.import", users_command_import},
	{"users.list", users_command_list},
	{0},
};
