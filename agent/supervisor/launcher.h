/* SPDX-License-Identifier: MIT */
/*
 * A process that makes the others.
 *
 * It is a copy of the supervisor from before the database was open and the first
 * sighting came, and so is every process it makes.  A forwarder that is started again
 * after a week therefore still holds no field that may not leave, and an
 * inspector nothing of other inspectors' sessions.
 */
#ifndef SLUICE_SUPERVISOR_LAUNCHER_H
#define SLUICE_SUPERVISOR_LAUNCHER_H

#include "supervisor/child.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct launcher {
	pid_t pid;
	int fd;
};

/* What a process does: which of them it is, its socket, one more descriptor or -1. */
typedef int launcher_run(void *arg, uint32_t which, int fd, int extra);

/* Makes the launcher; false with errno. */
bool launcher_start(struct launcher *l, launcher_run *run, void *arg);
/*
 * Starts a process.  It is a child of the caller, not of the launcher.  extra is
 * passed on and stays the caller's.  False with errno.
 */
bool launcher_launch(struct launcher *l, struct child *c, uint32_t which, int extra);
/* Ends the launcher, and nothing that it started. */
void launcher_stop(struct launcher *l);

#endif
