/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family "sluice": requests in, notifications out.
 */
#ifndef _SLUICE_NETLINK_H
#define _SLUICE_NETLINK_H

#include "net.h"
#include "share.h"

/* SHARE_NTF, to every namespace: the mask is the host's.  Sleeps. */
void sluice_netlink_share_changed(struct sluice_share share);

/* Session notifications, when somebody listens.  Any context but hard interrupts. */
void sluice_netlink_session_begin(struct sluice_net *sn, u32 ring,
				  const struct sluice_record_session *record);
void sluice_netlink_session_end(struct sluice_net *sn, const struct sluice_record_end *record);

int sluice_netlink_init(void);
void sluice_netlink_exit(void);

#endif /* _SLUICE_NETLINK_H */
