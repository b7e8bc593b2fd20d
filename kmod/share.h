/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The share mask: which of the twelve fields may leave this host at all.  One
 * for the whole machine; set through netlink or /sys/kernel/sluice/share/.
 */
#ifndef _SLUICE_SHARE_H
#define _SLUICE_SHARE_H

#include <linux/types.h>

struct sluice_share {
	u32 mask;		/* SLUICE_FIELD_BIT()s */
	u32 generation;		/* one more at every change */
};

/* Both as they belong together; allowed in every context. */
struct sluice_share sluice_share_get(void);

/*
 * Sets the bits in @select to those of @mask.  When that changes anything, the
 * generation grows, pollers of sysfs wake up and SHARE_NTF is sent.  Sleeps.
 */
void sluice_share_set(u32 mask, u32 select);

/* Whether the netlink family is there to send SHARE_NTF.  Waits for one being sent. */
void sluice_share_announce(bool on);

int sluice_share_init(void);
void sluice_share_exit(void);

#endif /* _SLUICE_SHARE_H */
