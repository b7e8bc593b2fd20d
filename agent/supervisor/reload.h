/* SPDX-License-Identifier: MIT */
/*
 * SIGHUP: policies and rules of the configuration, read again.
 */
#ifndef SLUICE_SUPERVISOR_RELOAD_H
#define SLUICE_SUPERVISOR_RELOAD_H

#include "supervisor/config.h"

/*
 * Puts the [share] and [rule] sections of the file in force.  A file with an error
 * changes nothing.  Clouds stay those of the start: one that is gone from
 * the file receives nothing; where clouds were added, removed or changed scope, the
 * rules too wait for a restart (logged).
 */
void reload(struct config *c, const char *path);

#endif
