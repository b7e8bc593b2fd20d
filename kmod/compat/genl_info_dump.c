// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.6: a dump has a struct genl_info as a request has. */
#include <net/genetlink.h>

struct nlattr **sluice_probe(struct netlink_callback *cb);
struct nlattr **sluice_probe(struct netlink_callback *cb)
{
	return genl_info_dump(cb)->attrs;
}
