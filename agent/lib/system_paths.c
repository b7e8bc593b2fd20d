// SPDX-License-Identifier: MIT
#include "lib/system_paths.h"

static const char *const list[] = {
	"/etc/resolv.conf",
	"/etc/hosts",
	"/etc/host.conf",
	"/etc/nsswitch.conf",
	"/etc/gai.conf",
	"/etc/services",
	"/etc/localtime",
	"/etc/ssl",
	"/etc/ld.so.cache",
	"/usr/lib/ssl",
	"/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates",
	"/usr/share/zoneinfo",
	"/lib",
	"/lib64",
	"/usr/lib",
	"/usr/lib64",
	"/usr/local/lib",
	"/run/systemd/resolve",
	"/run/resolvconf",
	"/run/NetworkManager",
	"/dev/urandom",
	"/dev/null",
};

#define COUNT (sizeof(list) / sizeof(list[0]))
_Static_assert(COUNT <= SYSTEM_PATHS_MAX, "callers have that much room");

size_t system_paths(struct sandbox_path paths[static SYSTEM_PATHS_MAX])
{
	for (size_t i = 0; i < COUNT; i++)
		paths[i] = (struct sandbox_path){list[i], SANDBOX_READ};
	return COUNT;
}
