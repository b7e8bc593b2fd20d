/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where packets are seen: netfilter hooks, and what is read from a packet.
 */
#ifndef _SLUICE_HOOK_H
#define _SLUICE_HOOK_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/netfilter/nf_conntrack.h>

#include "net.h"

/* A TCP packet, or a datagram of UDP, that conntrack knows. */
struct sluice_packet {
	const struct sk_buff *skb;
	const struct nf_hook_state *state;
	const struct nf_conn *ct;
	unsigned int offset;	/* of the payload in skb */
	unsigned int length;	/* of the payload, without padding */
	u32 sequence;
	u32 acknowledgment;
	u16 urgent;
	u8 flags;		/* byte 13 of the TCP header */
	u8 direction;		/* enum sluice_direction */
	u8 protocol;		/* IPPROTO_TCP, or IPPROTO_UDP: those of TCP are 0 */
};

/*
 * Listens at exactly @hooks (SLUICE_HOOK_*; 0: nowhere).  The caller holds
 * sn->lock.  On error the hooks are as they were.  After hooks were taken away
 * packets may be inside them until a grace period has passed.
 */
int sluice_hooks_set(struct sluice_net *sn, u32 hooks);

#endif /* _SLUICE_HOOK_H */
