// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which sessions of UDP are captured: the lists, and what the hook asks of them.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netlink.h>

#include "net.h"
#include "udp.h"

struct udp_prefix {
	union nf_inet_addr ip;
	union nf_inet_addr mask;
	u16 family;		/* as conntrack has it: NFPROTO_* */
};

struct sluice_udp {
	struct rcu_head rcu;
	u32 prefixes;
	struct udp_prefix prefix[SLUICE_UDP_ENTRIES_MAX];
	DECLARE_BITMAP(port, U16_MAX + 1);
};

/* ------------------------------------------------------------------ lists */

static int udp_check_size(const struct nlattr *attr, size_t entry)
{
	return nla_len(attr) % entry || nla_len(attr) / entry > SLUICE_UDP_ENTRIES_MAX ?
	       -EINVAL : 0;
}

int sluice_udp_check_ports(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	const struct sluice_port_range *range = nla_data(attr);
	int i;

	if (udp_check_size(attr, sizeof(*range))) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "udp_ports: at most 32 ranges, each a first and a last port");
		return -EINVAL;
	}
	for (i = 0; i < nla_len(attr) / sizeof(*range); i++)
		if (!range[i].first || range[i].last < range[i].first) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "udp_ports: ports are 1 to 65535, the first of a range not above its last");
			return -EINVAL;
		}
	return 0;
}

/* The mask of a prefix; false when it is longer than addresses of its family are. */
static bool udp_mask(const struct sluice_prefix *prefix, union nf_inet_addr *mask)
{
	u32 bits = prefix->length;
	int i;

	if (bits > (prefix->family == AF_INET ? 32 : 128))
		return false;
	memset(mask, 0, sizeof(*mask));
	for (i = 0; i < ARRAY_SIZE(mask->all) && bits; i++) {
		u32 here = min(bits, 32u);

		mask->ip6[i] = htonl(~0u << (32 - here));
		bits -= here;
	}
	return true;
}

static bool udp_prefix_good(const struct sluice_prefix *prefix)
{
	union nf_inet_addr ip, mask;
	int i;

	if ((prefix->family != AF_INET && prefix->family != AF_INET6) || prefix->reserved ||
	    !udp_mask(prefix, &mask))
		return false;
	memcpy(&ip, prefix->ip, sizeof(ip));
	for (i = 0; i < ARRAY_SIZE(ip.all); i++)
		if (ip.all[i] & ~mask.all[i])
			return false;
	return true;
}

int sluice_udp_check_prefixes(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	const struct sluice_prefix *prefix = nla_data(attr);
	int i;

	if (udp_check_size(attr, sizeof(*prefix))) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "udp_prefixes: at most 32 whole entries");
		return -EINVAL;
	}
	for (i = 0; i < nla_len(attr) / sizeof(*prefix); i++)
		if (!udp_prefix_good(&prefix[i])) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "udp_prefixes: IPv4 or IPv6, at most 32 or 128 bits, 0 beyond them");
			return -EINVAL;
		}
	return 0;
}

void sluice_udp_take_ports(struct sluice_udp_lists *lists, const struct nlattr *attr)
{
	lists->ports = nla_len(attr) / sizeof(lists->port[0]);
	nla_memcpy(lists->port, attr, sizeof(lists->port));
}

void sluice_udp_take_prefixes(struct sluice_udp_lists *lists, const struct nlattr *attr)
{
	lists->prefixes = nla_len(attr) / sizeof(lists->prefix[0]);
	nla_memcpy(lists->prefix, attr, sizeof(lists->prefix));
}

struct sluice_udp *sluice_udp_compile(const struct sluice_udp_lists *lists)
{
	struct sluice_udp *udp;
	int i;

	if (!lists->ports && !lists->prefixes)
		return NULL;
	udp = kzalloc(sizeof(*udp), GFP_KERNEL_ACCOUNT);
	if (!udp)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < lists->ports; i++)
		bitmap_set(udp->port, lists->port[i].first,
			   lists->port[i].last - lists->port[i].first + 1);
	udp->prefixes = lists->prefixes;
	for (i = 0; i < lists->prefixes; i++) {
		struct udp_prefix *prefix = &udp->prefix[i];

		memcpy(&prefix->ip, lists->prefix[i].ip, sizeof(prefix->ip));
		udp_mask(&lists->prefix[i], &prefix->mask);
		prefix->family = lists->prefix[i].family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	}
	return udp;
}

void sluice_udp_publish(struct sluice_net *sn, struct sluice_udp *udp)
{
	struct sluice_udp *old;

	old = rcu_replace_pointer(sn->udp, udp, lockdep_is_held(&sn->lock));
	if (old)
		kfree_rcu(old, rcu);
}

/* ------------------------------------------------------------------- hook */

static bool udp_prefix_has(const struct udp_prefix *prefix, const union nf_inet_addr *ip)
{
	u32 differ = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(ip->all); i++)
		differ |= (ip->all[i] ^ prefix->ip.all[i]) & prefix->mask.all[i];
	return !differ;
}

static bool udp_named(const struct sluice_udp *udp, const struct nf_conntrack_tuple *tuple)
{
	int i;

	if (test_bit(ntohs(tuple->src.u.udp.port), udp->port) ||
	    test_bit(ntohs(tuple->dst.u.udp.port), udp->port))
		return true;
	for (i = 0; i < udp->prefixes; i++)
		if (udp->prefix[i].family == tuple->src.l3num &&
		    (udp_prefix_has(&udp->prefix[i], &tuple->src.u3) ||
		     udp_prefix_has(&udp->prefix[i], &tuple->dst.u3)))
			return true;
	return false;
}

bool sluice_udp_named(const struct sluice_net *sn, const struct nf_conntrack_tuple *tuple)
{
	const struct sluice_udp *udp = rcu_dereference(sn->udp);

	return udp && udp_named(udp, tuple);
}

bool sluice_udp_wanted(const struct sluice_net *sn, const struct nf_conn *ct)
{
	const struct sluice_udp *udp = rcu_dereference(sn->udp);

	if (!udp)
		return false;
	if (udp_named(udp, &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple))
		return true;
	/* Without NAT the other has the same ends. */
	return READ_ONCE(ct->status) & IPS_NAT_MASK &&
	       udp_named(udp, &ct->tuplehash[IP_CT_DIR_REPLY].tuple);
}
