/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module keeps for each network namespace.
 */
#ifndef _SLUICE_NET_H
#define _SLUICE_NET_H

#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rhashtable.h>
#include <linux/sluice.h>
#include <net/net_namespace.h>

#include "udp.h"

struct sluice_ring;

enum sluice_setting {
#define SLUICE_SETTING(id, name, min, max, def, unit, help) SLUICE_SETTING_##id,
	SLUICE_SETTINGS(SLUICE_SETTING)
#undef SLUICE_SETTING
	SLUICE_SETTING_COUNT
};

enum sluice_stat {
#define SLUICE_STAT(id, name, help) SLUICE_STAT_##id,
	SLUICE_STATS(SLUICE_STAT)
#undef SLUICE_STAT
	SLUICE_STAT_COUNT
};

struct sluice_counters {
	u64 value[SLUICE_STAT_COUNT];
};

struct sluice_settings {
	u32 value[SLUICE_SETTING_COUNT];
	struct sluice_udp_lists udp;
};

struct sluice_net {
	struct net *net;
	struct mutex lock;	/* opening and closing rings, changing settings */
	struct sluice_settings settings;	/* under lock; each value read anywhere */
	struct sluice_udp __rcu *udp;	/* settings.udp for packets; NULL: both empty */
	struct sluice_counters __percpu *counters;

	u32 hooks;		/* those registered; written under lock */
	u32 rings_open;		/* under lock */
	u32 rings_count;	/* under lock; 0: none open */
	u32 seed;		/* of the hash that chooses a session's ring */
	struct sluice_ring __rcu *ring[SLUICE_RINGS_MAX];

	struct rhashtable by_tuple;	/* every session */
	struct rhashtable by_id;	/* those that are captured */
	atomic_t sessions;		/* in by_tuple */
	atomic_t udp_sessions;		/* of these, of UDP */
};

/* The state of a namespace; never NULL while the module is loaded. */
struct sluice_net *sluice_net(const struct net *net);

static inline u32 sluice_setting(const struct sluice_net *sn, enum sluice_setting setting)
{
	return READ_ONCE(sn->settings.value[setting]);
}

/* Can UDP be of interest at all?  Allowed in every context. */
static inline bool sluice_net_has_udp(const struct sluice_net *sn)
{
	return rcu_access_pointer(sn->udp) || atomic_read(&sn->udp_sessions);
}

/* Counts; allowed in every context. */
static inline void sluice_stat_add(struct sluice_net *sn, enum sluice_stat stat, u64 n)
{
	this_cpu_add(sn->counters->value[stat], n);
}

static inline void sluice_stat_inc(struct sluice_net *sn, enum sluice_stat stat)
{
	sluice_stat_add(sn, stat, 1);
}

/* The sum of a counter over all CPUs. */
static inline u64 sluice_stat_sum(const struct sluice_net *sn, enum sluice_stat stat)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(sn->counters, cpu)->value[stat]);
	return sum;
}

#endif /* _SLUICE_NET_H */
