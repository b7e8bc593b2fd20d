// SPDX-License-Identifier: GPL-2.0-only
/* Compiles with every supported kernel, or nothing can be said about it. */
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/netfilter/nf_conntrack.h>

bool sluice_probe(const struct nf_conn *ct);
bool sluice_probe(const struct nf_conn *ct)
{
	return nf_ct_is_confirmed(ct);
}
