// SPDX-License-Identifier: GPL-2.0-only
/*
 * The settings of a network namespace: defaults, and what follows from a change.
 */
#include "hook.h"
#include "settings.h"

static const u32 sluice_setting_default[SLUICE_SETTING_COUNT] = {
#define SLUICE_SETTING(id, name, min, max, def, unit, help)	\
	[SLUICE_SETTING_##id] = (def),
	SLUICE_SETTINGS(SLUICE_SETTING)
#undef SLUICE_SETTING
};

void sluice_settings_init(struct sluice_net *sn)
{
	memcpy(sn->setting, sluice_setting_default, sizeof(sn->setting));
}

int sluice_settings_set(struct sluice_net *sn, const u32 value[SLUICE_SETTING_COUNT])
{
	int i, err;

	lockdep_assert_held(&sn->lock);
	if (sn->rings_open) {
		err = sluice_hooks_set(sn, value[SLUICE_SETTING_HOOKS]);
		if (err)
			return err;
	}
	for (i = 0; i < SLUICE_SETTING_COUNT; i++)
		WRITE_ONCE(sn->setting[i], value[i]);
	return 0;
}
