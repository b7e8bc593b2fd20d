/* SPDX-License-Identifier: MIT */
/*
 * What name resolution, TLS and their libraries read, for the sandbox of a process with the
 * network.
 */
#ifndef SLUICE_LIB_SYSTEM_PATHS_H
#define SLUICE_LIB_SYSTEM_PATHS_H

#include "lib/sandbox.h"

#define SYSTEM_PATHS_MAX 32

/* Writes them, for reading; returns how many. */
size_t system_paths(struct sandbox_path paths[static SYSTEM_PATHS_MAX]);

#endif
