/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels.  The sources are written for the newest; what an
 * older one lacks is supplied here, chosen by the probes in kmod/compat.
 */
#ifndef _SLUICE_COMPAT_H
#define _SLUICE_COMPAT_H

#include <linux/mm.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "features.h"

/* Positions in a ring are read and written at once. */
#ifndef CONFIG_64BIT
#error "sluice needs a 64-bit kernel"
#endif

/* Otherwise anybody could listen to sessions.  Linux 6.7, and stable releases before. */
#ifndef GENL_MCAST_CAP_NET_ADMIN
#error "sluice needs a kernel with GENL_MCAST_CAP_NET_ADMIN"
#endif

#ifndef HAVE_VM_FLAGS_CLEAR
static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#ifndef HAVE_SK_UID
static inline kuid_t sk_uid(struct sock *sk)
{
	return sock_i_uid(sk);
}
#endif

static inline struct nlattr **sluice_dump_attrs(struct netlink_callback *cb)
{
#ifdef HAVE_GENL_INFO_DUMP
	return genl_info_dump(cb)->attrs;
#else
	return (struct nlattr **)genl_dumpit_info(cb)->attrs;
#endif
}

static inline int sluice_multicast_allns(const struct genl_family *family, struct sk_buff *skb,
					 unsigned int group)
{
#ifdef HAVE_GENL_ALLNS_GFP
	return genlmsg_multicast_allns(family, skb, 0, group, GFP_KERNEL);
#else
	return genlmsg_multicast_allns(family, skb, 0, group);
#endif
}

#endif /* _SLUICE_COMPAT_H */
