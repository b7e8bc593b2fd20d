// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netfilter hooks.  They look and never touch: every packet is accepted,
 * unchanged, whatever happens here.
 *
 * A packet is seen at the end of FORWARD, LOCAL_IN or LOCAL_OUT, with one
 * exception.  Source NAT is decided in POST_ROUTING, so at FORWARD and LOCAL_OUT
 * the reply tuple of a connection's first packet is not final.  Conntrack has
 * not confirmed the connection there; such packets are left alone and seen
 * at the end of POST_ROUTING, just before they are confirmed.  All later packets
 * are of confirmed connections.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/tcp.h>

#include "hook.h"
#include "session.h"
#include "udp.h"

#define HOOK_DATAGRAMS_MAX 128	/* in one packet; Linux never makes more */

enum packet_verdict {
	PACKET_OTHER,		/* neither TCP, nor UDP that might be wanted */
	PACKET_MALFORMED,
	PACKET_SOUND,
};

/* Where in skb the transport header is, and the end of the IP packet. */
struct packet_place {
	unsigned int transport;
	unsigned int end;
};

static bool packet_wanted(const struct sluice_net *sn, u8 protocol)
{
	return protocol == IPPROTO_TCP || (protocol == IPPROTO_UDP && sluice_net_has_udp(sn));
}

/*
 * BIG TCP packets have no length in the IP header: skb has it.  Conntrack
 * puts fragments together before, so one that comes here is wrong.
 */
static enum packet_verdict packet_ipv4(const struct sluice_net *sn,
				       struct sluice_packet *packet,
				       struct packet_place *place)
{
	unsigned int at = skb_network_offset(packet->skb);
	const struct iphdr *ip;
	struct iphdr space;

	ip = skb_header_pointer(packet->skb, at, sizeof(space), &space);
	if (!ip || ip->version != 4 || ip->ihl < 5)
		return PACKET_MALFORMED;
	packet->protocol = ip->protocol;
	if (!packet_wanted(sn, packet->protocol))
		return PACKET_OTHER;
	if (ip_is_fragment(ip))
		return PACKET_MALFORMED;
	place->transport = at + ip->ihl * 4;
	place->end = ip->tot_len ? at + ntohs(ip->tot_len) : packet->skb->len;
	return PACKET_SOUND;
}

static enum packet_verdict packet_ipv6(const struct sluice_net *sn,
				       struct sluice_packet *packet,
				       struct packet_place *place)
{
	unsigned int at = skb_network_offset(packet->skb);
	const struct ipv6hdr *ip;
	struct ipv6hdr space;
	__be16 fragment;
	int offset;

	ip = skb_header_pointer(packet->skb, at, sizeof(space), &space);
	if (!ip || ip->version != 6)
		return PACKET_MALFORMED;
	packet->protocol = ip->nexthdr;
	offset = ipv6_skip_exthdr(packet->skb, at + sizeof(*ip), &packet->protocol, &fragment);
	if (offset < 0)
		return PACKET_MALFORMED;
	if (!packet_wanted(sn, packet->protocol))
		return PACKET_OTHER;
	if (fragment)
		return PACKET_MALFORMED;
	place->transport = offset;
	place->end = ip->payload_len ? at + sizeof(*ip) + ntohs(ip->payload_len) :
				       packet->skb->len;
	return PACKET_SOUND;
}

static enum packet_verdict packet_tcp(struct sluice_packet *packet,
				      const struct packet_place *place)
{
	const struct tcphdr *th;
	struct tcphdr space;

	th = skb_header_pointer(packet->skb, place->transport, sizeof(space), &space);
	if (!th || th->doff < 5)
		return PACKET_MALFORMED;
	packet->offset = place->transport + th->doff * 4;
	if (packet->offset > place->end)
		return PACKET_MALFORMED;
	packet->length = place->end - packet->offset;
	packet->sequence = ntohl(th->seq);
	packet->acknowledgment = ntohl(th->ack_seq);
	packet->urgent = ntohs(th->urg_ptr);
	packet->flags = tcp_flag_byte(th);
	return PACKET_SOUND;
}

/* The header of a GSO packet has the length of all its datagrams together. */
static enum packet_verdict packet_udp(struct sluice_packet *packet,
				      const struct packet_place *place)
{
	const struct udphdr *uh;
	struct udphdr space;
	unsigned int length;

	uh = skb_header_pointer(packet->skb, place->transport, sizeof(space), &space);
	if (!uh)
		return PACKET_MALFORMED;
	length = ntohs(uh->len);
	if (length < sizeof(*uh) || place->transport + length > place->end)
		return PACKET_MALFORMED;
	packet->offset = place->transport + sizeof(*uh);
	packet->length = length - sizeof(*uh);
	return PACKET_SOUND;
}

static enum packet_verdict packet_parse(const struct sluice_net *sn,
					struct sluice_packet *packet)
{
	struct packet_place place;
	enum packet_verdict verdict;

	verdict = packet->state->pf == NFPROTO_IPV4 ? packet_ipv4(sn, packet, &place) :
						      packet_ipv6(sn, packet, &place);
	if (verdict != PACKET_SOUND)
		return verdict;
	if (place.end > packet->skb->len)
		return PACKET_MALFORMED;
	return packet->protocol == IPPROTO_TCP ? packet_tcp(packet, &place) :
						 packet_udp(packet, &place);
}

/* Is this the hook at which this packet is to be seen? */
static bool hook_responsible(struct sluice_net *sn, const struct nf_conn *ct,
			     const struct nf_hook_state *state)
{
	switch (state->hook) {
	case NF_INET_POST_ROUTING:
		return ct && !nf_ct_is_confirmed(ct) &&
		       READ_ONCE(sn->hooks) & (state->in ? SLUICE_HOOK_FORWARD :
							   SLUICE_HOOK_LOCAL);
	case NF_INET_LOCAL_IN:
		/* What comes by loopback was seen when it left. */
		return !(state->in->flags & IFF_LOOPBACK);
	default:
		return !ct || nf_ct_is_confirmed(ct);
	}
}

/* Invalid to conntrack, or not tracked.  Of UDP only what would have been captured counts. */
static void hook_missed(struct sluice_net *sn, const struct sluice_packet *packet)
{
	const struct sk_buff *skb = packet->skb;
	struct nf_conntrack_tuple tuple;

	if (packet->protocol == IPPROTO_UDP &&
	    (!nf_ct_get_tuplepr(skb, skb_network_offset(skb), packet->state->pf,
				packet->state->net, &tuple) ||
	     !sluice_udp_named(sn, &tuple)))
		return;
	sluice_stat_inc(sn, SLUICE_STAT_MISSED_INVALID);
}

/* One datagram, or those of a GSO packet: all of one size, the last may be shorter. */
static void hook_datagrams(struct sluice_net *sn, struct sluice_packet *packet)
{
	const struct skb_shared_info *shared = skb_shinfo(packet->skb);
	unsigned int left = packet->length, size = left;

	if (shared->gso_size && shared->gso_type & SKB_GSO_UDP_L4)
		size = shared->gso_size;
	if (left > size * HOOK_DATAGRAMS_MAX) {
		sluice_stat_inc(sn, SLUICE_STAT_MISSED_MALFORMED);
		return;
	}
	do {
		packet->length = min(left, size);
		sluice_session_packet(sn, packet);
		packet->offset += packet->length;
		left -= packet->length;
	} while (left);
}

static unsigned int sluice_hook(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	struct sluice_packet packet = { .skb = skb, .state = state };
	struct sluice_net *sn = sluice_net(state->net);
	enum ip_conntrack_info info;

	packet.ct = nf_ct_get(skb, &info);
	if (!hook_responsible(sn, packet.ct, state))
		return NF_ACCEPT;
	switch (packet_parse(sn, &packet)) {
	case PACKET_OTHER:
		break;
	case PACKET_MALFORMED:
		sluice_stat_inc(sn, SLUICE_STAT_MISSED_MALFORMED);
		break;
	case PACKET_SOUND:
		if (!packet.ct || nf_ct_is_template(packet.ct) ||
		    nf_ct_protonum(packet.ct) != packet.protocol) {
			hook_missed(sn, &packet);
			break;
		}
		packet.direction = CTINFO2DIR(info) == IP_CT_DIR_ORIGINAL ? SLUICE_DIR_OPENER :
									    SLUICE_DIR_ANSWERER;
		if (packet.protocol == IPPROTO_UDP) {
			hook_datagrams(sn, &packet);
			break;
		}
		sluice_stat_inc(sn, SLUICE_STAT_PACKETS);
		sluice_stat_add(sn, SLUICE_STAT_BYTES, packet.length);
		sluice_session_packet(sn, &packet);
	}
	return NF_ACCEPT;
}

#define HOOK(protocol, number, prio) {		\
	.hook = sluice_hook,			\
	.pf = NFPROTO_##protocol,		\
	.hooknum = NF_INET_##number,		\
	.priority = (prio),			\
}

/* Conntrack confirms at INT_MAX, in POST_ROUTING and LOCAL_IN. */
static const struct nf_hook_ops hooks_first[] = {
	HOOK(IPV4, POST_ROUTING, INT_MAX - 1),
	HOOK(IPV6, POST_ROUTING, INT_MAX - 1),
};

static const struct nf_hook_ops hooks_forward[] = {
	HOOK(IPV4, FORWARD, INT_MAX),
	HOOK(IPV6, FORWARD, INT_MAX),
};

static const struct nf_hook_ops hooks_local[] = {
	HOOK(IPV4, LOCAL_IN, INT_MAX - 1),
	HOOK(IPV6, LOCAL_IN, INT_MAX - 1),
	HOOK(IPV4, LOCAL_OUT, INT_MAX),
	HOOK(IPV6, LOCAL_OUT, INT_MAX),
};

#undef HOOK

#define SLUICE_HOOK_FIRST BIT(31)	/* with any other: first packets */

static const struct {
	u32 bit;
	const struct nf_hook_ops *ops;
	unsigned int count;
} hook_group[] = {
	{ SLUICE_HOOK_FORWARD, hooks_forward, ARRAY_SIZE(hooks_forward) },
	{ SLUICE_HOOK_LOCAL, hooks_local, ARRAY_SIZE(hooks_local) },
	{ SLUICE_HOOK_FIRST, hooks_first, ARRAY_SIZE(hooks_first) },
};

static void hooks_remove(struct sluice_net *sn, u32 bits)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(hook_group); i++)
		if (hook_group[i].bit & bits)
			nf_unregister_net_hooks(sn->net, hook_group[i].ops,
						hook_group[i].count);
}

static int hooks_add(struct sluice_net *sn, u32 bits)
{
	u32 added = 0;
	int i, err;

	for (i = 0; i < ARRAY_SIZE(hook_group); i++) {
		if (!(hook_group[i].bit & bits))
			continue;
		err = nf_register_net_hooks(sn->net, hook_group[i].ops, hook_group[i].count);
		if (err) {
			hooks_remove(sn, added);
			return err;
		}
		added |= hook_group[i].bit;
	}
	return 0;
}

int sluice_hooks_set(struct sluice_net *sn, u32 hooks)
{
	u32 old = sn->hooks;
	int err;

	lockdep_assert_held(&sn->lock);
	if (hooks)
		hooks |= SLUICE_HOOK_FIRST;
	/* Without a user, conntrack does not track in this namespace. */
	if (!old && hooks) {
		err = nf_ct_netns_get(sn->net, NFPROTO_INET);
		if (err)
			return err;
	}
	err = hooks_add(sn, hooks & ~old);
	if (err) {
		if (!old)
			nf_ct_netns_put(sn->net, NFPROTO_INET);
		return err;
	}
	WRITE_ONCE(sn->hooks, hooks);
	hooks_remove(sn, old & ~hooks);
	if (old && !hooks)
		nf_ct_netns_put(sn->net, NFPROTO_INET);
	return 0;
}
