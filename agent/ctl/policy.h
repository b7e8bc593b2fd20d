/* SPDX-License-Identifier: MIT */
/*
 * What the commands of sluicectl policy share.
 */
#ifndef SLUICE_CTL_POLICY_H
#define SLUICE_CTL_POLICY_H

#include "ctl/config.h"

struct policy_options {
	const char *config, *name, *rule, *vsys, *type, *group;
	const char *sample, *sighting, *cloud, *raw;
	uint64_t last;
	bool members;
};

/* The policy of a cloud of the configuration; false after an error that names the command. */
bool ctl_policy_of_cloud(const char *command, struct ctl_config *cc, const char *name,
			 struct policy *p);

int ctl_policy_explain(struct ctl *ctl, const struct policy_options *o, int argc, char **argv);
int ctl_policy_preview(struct ctl *ctl, const struct policy_options *o, int argc, char **argv);

#endif
