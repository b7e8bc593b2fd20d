// SPDX-License-Identifier: GPL-2.0-only
/* Linux before 6.13, stable series without the backport: one argument more. */
#include <net/genetlink.h>

int sluice_probe(const struct genl_family *family, struct sk_buff *skb);
int sluice_probe(const struct genl_family *family, struct sk_buff *skb)
{
	return genlmsg_multicast_allns(family, skb, 0, 0, GFP_KERNEL);
}
