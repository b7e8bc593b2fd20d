/* SPDX-License-Identifier: MIT */
/*
 * Giving up what a process does not need: capabilities (libcap-ng), the file
 * system outside given directories (Landlock), system calls (seccomp).
 *
 * What the kernel cannot do is logged once and left out; what fails for another
 * reason ends the process, since running without the sandbox was not asked for.
 * Builds with sanitizers skip the system call filter and say so.
 */
#ifndef SLUICE_LIB_SANDBOX_H
#define SLUICE_LIB_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

enum sandbox_access { SANDBOX_READ, SANDBOX_WRITE };

struct sandbox_path {
	const char *path;
	enum sandbox_access access;
};

enum sandbox_role {
	SANDBOX_INSPECTOR, /* no sockets made, no exec: a short list of calls */
	SANDBOX_FORWARDER, /* network and database; no exec, no ptrace, no mount */
};

/* keep_net_admin: the forwarder needs CAP_NET_ADMIN for SO_MARK. */
bool sandbox_enter(enum sandbox_role role, const struct sandbox_path *paths, size_t count,
		   bool keep_net_admin);

#endif
