/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The settings of a network namespace.
 */
#ifndef _SLUICE_SETTINGS_H
#define _SLUICE_SETTINGS_H

#include "net.h"

/* Gives every setting its default. */
void sluice_settings_init(struct sluice_net *sn);

/*
 * Takes over all of @value, or nothing.  The caller holds sn->lock and has
 * checked each value's range.  A change of hooks takes effect at once.
 * Returns a negative errno when hooks cannot be registered.
 */
int sluice_settings_set(struct sluice_net *sn, const u32 value[SLUICE_SETTING_COUNT]);

#endif /* _SLUICE_SETTINGS_H */
