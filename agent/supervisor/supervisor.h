/* SPDX-License-Identifier: MIT */
/*
 * The supervisor process: it opens the rings, starts the others, and is the only
 * one that sees every field.  It decides what leaves, at the moment it leaves.
 */
#ifndef SLUICE_SUPERVISOR_SUPERVISOR_H
#define SLUICE_SUPERVISOR_SUPERVISOR_H

#include "supervisor/config.h"

/*
 * Runs until SIGTERM or SIGINT; returns the exit status.  config_path is read
 * again on SIGHUP; NULL: there is no file.
 */
int supervisor_run(struct config *c, const char *config_path);

#endif
