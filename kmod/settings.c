// SPDX-License-Identifier: GPL-2.0-only
/*
 * The settings of a network namespace: defaults, and what follows from a change.
 */
#include <linux/netlink.h>
#include <linux/slab.h>

#include "hook.h"
#include "settings.h"
#include "udp.h"

static const u32 sluice_setting_default[SLUICE_SETTING_COUNT] = {
#define SLUICE_SETTING(id, name, min, max, def, unit, help)	\
	[SLUICE_SETTING_##id] = (def),
	SLUICE_SETTINGS(SLUICE_SETTING)
#undef SLUICE_SETTING
};

void sluice_settings_init(struct sluice_net *sn)
{
	memcpy(sn->settings.value, sluice_setting_default, sizeof(sn->settings.value));
}

void sluice_settings_exit(struct sluice_net *sn)
{
	kfree(rcu_dereference_protected(sn->udp, true));
}

int sluice_settings_set(struct sluice_net *sn, const struct sluice_settings *settings,
			struct netlink_ext_ack *extack)
{
	struct sluice_udp *udp;
	int i, err;

	lockdep_assert_held(&sn->lock);
	udp = sluice_udp_compile(&settings->udp);
	if (IS_ERR(udp)) {
		NL_SET_ERR_MSG(extack, "no memory for the lists of UDP: nothing changed");
		return PTR_ERR(udp);
	}
	if (sn->rings_open) {
		err = sluice_hooks_set(sn, settings->value[SLUICE_SETTING_HOOKS]);
		if (err) {
			NL_SET_ERR_MSG(extack,
				       "netfilter does not take the hooks: nothing changed");
			kfree(udp);
			return err;
		}
	}
	for (i = 0; i < SLUICE_SETTING_COUNT; i++)
		WRITE_ONCE(sn->settings.value[i], settings->value[i]);
	sn->settings.udp = settings->udp;
	sluice_udp_publish(sn, udp);
	return 0;
}
