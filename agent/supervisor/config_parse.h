/* SPDX-License-Identifier: MIT */
/*
 * What the two halves of the configuration share: config.c knows the defaults,
 * config_parse.c the file.
 */
#ifndef SLUICE_SUPERVISOR_CONFIG_PARSE_H
#define SLUICE_SUPERVISOR_CONFIG_PARSE_H

#include "supervisor/config.h"

/* Every key at its default, no cloud and no rule; false when out of memory. */
bool config_defaults(struct config *c);
/* The cloud and the rule of a configuration that names none. */
bool config_default_cloud(struct config *c);
void config_cloud_default(struct cloud_config *cloud, const char *name, int line);
void config_rule_default(struct rule *rule, const char *name);
/* Fills in what was not given; false when out of memory. */
bool config_complete(struct config *c);

#endif
