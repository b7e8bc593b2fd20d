/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which sessions of UDP are captured: those that the settings name by port or prefix.
 *
 * The lists are compiled for the hook, which has to refuse all other UDP at little cost:
 * a port is one bit, and there are few prefixes.
 */
#ifndef _SLUICE_UDP_H
#define _SLUICE_UDP_H

#include <linux/sluice.h>
#include <linux/types.h>

struct netlink_ext_ack;
struct nf_conn;
struct nf_conntrack_tuple;
struct nlattr;
struct sluice_net;
struct sluice_udp;

/* As user space gives and gets them. */
struct sluice_udp_lists {
	u32 ports;		/* entries of port[] */
	u32 prefixes;		/* entries of prefix[] */
	struct sluice_port_range port[SLUICE_UDP_ENTRIES_MAX];
	struct sluice_prefix prefix[SLUICE_UDP_ENTRIES_MAX];
};

/* Of a netlink policy: is this a list of that kind?  If not, @extack says why. */
int sluice_udp_check_ports(const struct nlattr *attr, struct netlink_ext_ack *extack);
int sluice_udp_check_prefixes(const struct nlattr *attr, struct netlink_ext_ack *extack);

/* Takes a list over from an attribute that was found good. */
void sluice_udp_take_ports(struct sluice_udp_lists *lists, const struct nlattr *attr);
void sluice_udp_take_prefixes(struct sluice_udp_lists *lists, const struct nlattr *attr);

/* NULL when both lists are empty; ERR_PTR(-ENOMEM).  Freed with kfree(). */
struct sluice_udp *sluice_udp_compile(const struct sluice_udp_lists *lists);

/* Packets see @udp from now on; what they saw before is freed.  Under sn->lock. */
void sluice_udp_publish(struct sluice_net *sn, struct sluice_udp *udp);

/* Is an end of @tuple named?  Under RCU. */
bool sluice_udp_named(const struct sluice_net *sn, const struct nf_conntrack_tuple *tuple);

/* The same of a connection, before and after NAT.  Under RCU. */
bool sluice_udp_wanted(const struct sluice_net *sn, const struct nf_conn *ct);

#endif /* _SLUICE_UDP_H */
