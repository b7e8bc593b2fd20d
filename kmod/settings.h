/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The settings of a network namespace.
 */
#ifndef _SLUICE_SETTINGS_H
#define _SLUICE_SETTINGS_H

#include "net.h"

struct netlink_ext_ack;

/* Gives every setting its default. */
void sluice_settings_init(struct sluice_net *sn);

/* Packets are gone, or were never there. */
void sluice_settings_exit(struct sluice_net *sn);

/*
 * Takes over all of @settings, or nothing.  The caller holds sn->lock and has
 * checked each value's range.  A change of hooks takes effect at once, one of what
 * UDP is captured with the next session.  On error a negative errno, and @extack says why.
 */
int sluice_settings_set(struct sluice_net *sn, const struct sluice_settings *settings,
			struct netlink_ext_ack *extack);

#endif /* _SLUICE_SETTINGS_H */
