// SPDX-License-Identifier: MIT
#include "ctl/config.h"

#include "lib/log.h"

#include <unistd.h>

bool ctl_config_read(struct ctl_config *c)
{
	log_init("sluicectl", LOG_LEVEL_WARNING);
	if (!c->path && access(CONFIG_PATH, F_OK) == 0)
		c->path = CONFIG_PATH;
	return c->path ? config_read(&c->config, c->path) : config_default(&c->config);
}

const char *ctl_config_name(const struct ctl_config *c)
{
	return c->path ? c->path : "built-in configuration";
}
