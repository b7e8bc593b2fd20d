/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rings of a network namespace: the first to open starts the capture, the last to
 * close ends it.
 */
#ifndef _SLUICE_CAPTURE_H
#define _SLUICE_CAPTURE_H

#include "net.h"

struct file;
struct netlink_ext_ack;

/*
 * Opens ring @index of @count with @size bytes of data (0: the setting).  Returns
 * the file that user space maps and polls; the ring is closed with its last
 * reference, to which the namespace and the module are held.  On error an ERR_PTR, and
 * @extack says what to do.  Sleeps.
 */
struct file *sluice_capture_open(struct sluice_net *sn, u32 index, u32 count, u32 size,
				 struct netlink_ext_ack *extack);

/* The size of the ring of such a file. */
u32 sluice_capture_size(const struct file *file);

#endif /* _SLUICE_CAPTURE_H */
