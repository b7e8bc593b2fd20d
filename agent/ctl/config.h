/* SPDX-License-Identifier: MIT */
/*
 * The agent's configuration, read by the agent's own parser for commands that explain it.
 */
#ifndef SLUICE_CTL_CONFIG_H
#define SLUICE_CTL_CONFIG_H

#include "ctl/ctl.h"
#include "supervisor/config.h"

struct ctl_config {
	const char *path; /* NULL: no file, what the agent does without one */
	struct config config;
};

/* The option -c FILE of a command, at `path`. */
#define CTL_CONFIG_OPTION(offset)                                                   \
	{                                                                           \
		'c', "config", "FILE", "configuration; default " CONFIG_PATH, NULL, \
			ctl_take_text, offset                                       \
	}

/*
 * Reads the file at path, or the one the agent reads by itself.  False when it has errors,
 * which are on standard error by then.  config_free() is the caller's.
 */
bool ctl_config_read(struct ctl_config *c);
/* Its path, or a name for none. */
const char *ctl_config_name(const struct ctl_config *c);

#endif
