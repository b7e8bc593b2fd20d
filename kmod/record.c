// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of a session.  A record goes into the ring whole or is counted as lost,
 * and a reader never meets a record of a session it was not told of.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/timekeeping.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "compat.h"
#include "record.h"
#include "ring.h"
#include "share.h"

static void record_tuple(struct sluice_tuple *to, const struct nf_conntrack_tuple *from)
{
	/* Conntrack keeps the rest of an IPv4 address zero, too. */
	memcpy(to->src_ip, &from->src.u3, sizeof(to->src_ip));
	memcpy(to->dst_ip, &from->dst.u3, sizeof(to->dst_ip));
	to->src_port = from->src.u.tcp.port;
	to->dst_port = from->dst.u.tcp.port;
}

bool sluice_record_fits(const struct sluice_session *session, const struct nf_conn *ct)
{
	struct sluice_tuple reply = {};

	record_tuple(&reply, &ct->tuplehash[IP_CT_DIR_REPLY].tuple);
	return !memcmp(&reply, &session->record.reply, sizeof(reply));
}

/* Is this the first packet of its connection? */
static bool record_begins(const struct sluice_packet *packet)
{
	if (packet->direction != SLUICE_DIR_OPENER)
		return false;
	/* Conntrack confirms the entry of a first datagram after we have seen it. */
	if (packet->protocol == IPPROTO_UDP)
		return !nf_ct_is_confirmed(packet->ct);
	return (packet->flags & (SLUICE_DATA_SYN | SLUICE_DATA_ACK)) == SLUICE_DATA_SYN;
}

static u32 record_uid(const struct sluice_packet *packet, u16 local)
{
	const u16 both = SLUICE_SESSION_LOCAL_IN | SLUICE_SESSION_LOCAL_OUT;
	struct sock *sk = skb_to_full_sk(packet->skb);

	/* With both ends here it is the opener's, or nobody could tell whose. */
	if ((local & both) == both && packet->direction != SLUICE_DIR_OPENER)
		return SLUICE_UID_NONE;
	if (!sk || !sk_fullsock(sk))
		return SLUICE_UID_NONE;
	/* As seen by whoever administers this namespace. */
	return from_kuid_munged(packet->state->net->user_ns, sk_uid(sk));
}

/* Which end of the session is on this host. */
static u16 record_local(const struct sluice_packet *packet)
{
	bool opener = packet->direction == SLUICE_DIR_OPENER;
	const struct nf_hook_state *state = packet->state;
	u16 flags;

	if (state->hook == NF_INET_LOCAL_IN)
		return opener ? SLUICE_SESSION_LOCAL_IN : SLUICE_SESSION_LOCAL_OUT;
	if (state->hook == NF_INET_FORWARD || state->in)
		return 0;
	flags = opener ? SLUICE_SESSION_LOCAL_OUT : SLUICE_SESSION_LOCAL_IN;
	if (state->out && state->out->flags & IFF_LOOPBACK)
		flags |= SLUICE_SESSION_LOCAL_IN | SLUICE_SESSION_LOCAL_OUT;
	return flags;
}

/* A packet that came through a VRF shows the VRF as its interface. */
static const struct net_device *record_in(const struct sluice_packet *packet)
{
	const struct nf_hook_state *state = packet->state;
	const struct net_device *in = state->in, *port;
	int ifindex;

	if (!in || !netif_is_l3_master(in))
		return in;
	ifindex = state->pf == NFPROTO_IPV4 ? IPCB(packet->skb)->iif : IP6CB(packet->skb)->iif;
	port = dev_get_by_index_rcu(state->net, ifindex);
	return port ?: in;
}

/* The interfaces as the opener's packets pass them. */
static void record_interfaces(struct sluice_record_session *record,
			      const struct sluice_packet *packet)
{
	const struct net_device *in = record_in(packet), *out = packet->state->out;

	if (packet->direction == SLUICE_DIR_ANSWERER)
		swap(in, out);
	if (in) {
		record->in_ifindex = in->ifindex;
		record->vrf_ifindex = l3mdev_master_ifindex_rcu(in);
		strscpy(record->in_name, in->name, sizeof(record->in_name));
	}
	if (out) {
		record->out_ifindex = out->ifindex;
		strscpy(record->out_name, out->name, sizeof(record->out_name));
	}
}

void sluice_record_describe(struct sluice_session *session, const struct sluice_packet *packet)
{
	struct sluice_record_session *record = &session->record;
	const struct nf_conn *ct = packet->ct;
	struct sluice_share share = sluice_share_get();

	record->hdr.length = sizeof(*record);
	record->hdr.type = SLUICE_RECORD_SESSION;
	record->hdr.flags = record_local(packet);
	if (!record_begins(packet))
		record->hdr.flags |= SLUICE_SESSION_MIDSTREAM;
	record->session = session->id;
	record->time = ktime_get_real_ns();
	record_tuple(&record->original, &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple);
	record_tuple(&record->reply, &ct->tuplehash[IP_CT_DIR_REPLY].tuple);
	record->netns = packet->state->net->ns.inum;
	/* ctnetlink sends it as a __be32, so this is the number people see. */
	record->ct_id = ntohl((__force __be32)nf_ct_get_id(ct));
#ifdef CONFIG_NF_CONNTRACK_MARK
	record->ct_mark = READ_ONCE(ct->mark);
#endif
	record->skb_mark = packet->skb->mark;
	record->zone = session->key.zone;
	record->uid = record_uid(packet, record->hdr.flags);
	record->share_mask = share.mask;
	record->share_generation = share.generation;
	record->family = nf_ct_l3num(ct) == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	record->protocol = packet->protocol;
	record_interfaces(record, packet);
}

/* All but the header, which the ring has written. */
static void record_copy(void *to, const void *from, u32 length)
{
	u32 header = sizeof(struct sluice_record);

	memcpy(to + header, from + header, length - header);
}

static bool record_announce(struct sluice_session *session)
{
	struct sluice_record_session *record;

	if (session->announced)
		return true;
	record = sluice_ring_reserve(session->ring, SLUICE_RECORD_SESSION,
				     session->record.hdr.flags, sizeof(*record), 0);
	if (!record)
		return false;
	record_copy(record, &session->record, sizeof(*record));
	sluice_ring_commit(session->ring, record, 0);
	session->announced = true;
	return true;
}

static void record_lost(struct sluice_session_direction *direction, u32 payload)
{
	direction->count.lost_records++;
	direction->count.lost_bytes += payload;
	direction->lost = true;
}

struct sluice_record_data *sluice_record_reserve(struct sluice_session *session,
						 const struct sluice_packet *packet,
						 u32 sequence, u32 length)
{
	struct sluice_session_direction *direction = &session->dir[packet->direction];
	struct sluice_record_data *record = NULL;
	u16 flags = packet->flags;

	lockdep_assert_held(&session->lock);
	if (packet->protocol == IPPROTO_UDP)
		flags |= SLUICE_DATA_DATAGRAM;
	if (direction->lost)
		flags |= SLUICE_DATA_LOST;
	if (record_announce(session))
		record = sluice_ring_reserve(session->ring, SLUICE_RECORD_DATA, flags,
					     sizeof(*record) + length, length);
	else
		sluice_ring_lose(session->ring, length);
	if (!record) {
		record_lost(direction, length);
		return NULL;
	}
	direction->lost = false;
	record->session = session->id;
	record->time = ktime_get_real_ns();
	record->sequence = sequence;
	record->acknowledgment = packet->acknowledgment;
	record->direction = packet->direction;
	record->reserved0 = 0;
	record->urgent = packet->urgent;
	record->reserved1 = 0;
	record->lost_bytes = direction->count.lost_bytes;
	return record;
}

void sluice_record_finish(struct sluice_session *session, const struct sluice_packet *packet,
			  struct sluice_record_data *record)
{
	u32 length = (record->hdr.length & SLUICE_RECORD_LENGTH_MASK) - sizeof(*record);
	u32 offset = packet->offset + (record->sequence - packet->sequence);

	if (length && skb_copy_bits(packet->skb, offset, record->payload, length)) {
		/* Memory of a device, or not what its headers say. */
		spin_lock_bh(&session->lock);
		record_lost(&session->dir[packet->direction], length);
		spin_unlock_bh(&session->lock);
		sluice_ring_discard(session->ring, record, length);
		return;
	}
	sluice_ring_commit(session->ring, record, length);
}

void sluice_record_summary(const struct sluice_session *session, u32 reason,
			   struct sluice_record_end *end)
{
	int i;

	lockdep_assert_held(&session->lock);
	*end = (struct sluice_record_end){
		.hdr.length = sizeof(*end),
		.hdr.type = SLUICE_RECORD_END,
		.session = session->id,
		.time = ktime_get_real_ns(),
		.reason = reason,
	};
	for (i = 0; i < SLUICE_DIR_COUNT; i++)
		end->count[i] = session->dir[i].count;
}

void sluice_record_end(struct sluice_session *session, const struct sluice_record_end *end)
{
	struct sluice_record_end *record;

	lockdep_assert_held(&session->lock);
	if (!session->announced)
		return;
	record = sluice_ring_reserve(session->ring, SLUICE_RECORD_END, 0, sizeof(*record), 0);
	if (!record)
		return;
	record_copy(record, end, sizeof(*record));
	sluice_ring_commit(session->ring, record, 0);
}
