// SPDX-License-Identifier: GPL-2.0-only
/*
 * sluice: copies of sessions that cross this host, for the agent to read.
 *
 * This is the table of contents; uapi/linux/sluice.h says what user space sees.
 */
#include <linux/module.h>
#include <linux/random.h>
#include <net/netns/generic.h>

#include "net.h"
#include "netlink.h"
#include "session.h"
#include "settings.h"
#include "share.h"

static unsigned int sluice_net_id;

struct sluice_net *sluice_net(const struct net *net)
{
	return net_generic(net, sluice_net_id);
}

static int __net_init sluice_net_init(struct net *net)
{
	struct sluice_net *sn = sluice_net(net);
	int err;

	sn->net = net;
	mutex_init(&sn->lock);
	sn->seed = get_random_u32();
	sluice_settings_init(sn);
	sn->counters = alloc_percpu(struct sluice_counters);
	if (!sn->counters)
		return -ENOMEM;
	err = sluice_session_net_init(sn);
	if (err)
		free_percpu(sn->counters);
	return err;
}

/* Hooks are down since the last ring was closed: an open one holds the namespace. */
static void __net_exit sluice_net_exit(struct net *net)
{
	struct sluice_net *sn = sluice_net(net);

	sluice_session_net_exit(sn);
	sluice_settings_exit(sn);
	free_percpu(sn->counters);
}

static struct pernet_operations sluice_net_ops = {
	.init = sluice_net_init,
	.exit = sluice_net_exit,
	.id = &sluice_net_id,
	.size = sizeof(struct sluice_net),
};

static int __init sluice_init(void)
{
	int err;

	err = sluice_session_init();
	if (err)
		return err;
	err = register_pernet_subsys(&sluice_net_ops);
	if (err)
		goto session;
	err = sluice_share_init();
	if (err)
		goto net;
	err = sluice_netlink_init();
	if (err)
		goto share;
	return 0;
share:
	sluice_share_exit();
net:
	unregister_pernet_subsys(&sluice_net_ops);
session:
	sluice_session_exit();
	return err;
}

static void __exit sluice_exit(void)
{
	sluice_netlink_exit();
	sluice_share_exit();
	unregister_pernet_subsys(&sluice_net_ops);
	sluice_session_exit();
}

module_init(sluice_init);
module_exit(sluice_exit);

MODULE_DESCRIPTION("Copies of sessions that cross this host");
MODULE_AUTHOR("The Sluice authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(SLUICE_VERSION);
