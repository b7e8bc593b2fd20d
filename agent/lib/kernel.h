/* SPDX-License-Identifier: MIT */
/*
 * The module's generic netlink family, spoken with libnl.
 *
 * Calls that fail leave one sentence in k->error: what was asked, what the
 * kernel said (its extack text where it sent one), and what to do where that is
 * known.
 */
#ifndef SLUICE_LIB_KERNEL_H
#define SLUICE_LIB_KERNEL_H

#include <linux/sluice.h>
#include <netlink/netlink.h>
#include <netlink/genl/genl.h>

#include <stdbool.h>
#include <stdint.h>

#define KERNEL_ERROR_MAX 512

struct kernel {
	struct nl_sock *sock;
	int family;
	char error[KERNEL_ERROR_MAX];
};

/* Connects and finds the family; false with k->error (module not loaded, ...). */
bool kernel_open(struct kernel *k);
void kernel_close(struct kernel *k);

/*
 * A request is built with libnl between these two: kernel_request() makes the
 * message (dump: NLM_F_DUMP), the caller adds attributes, kernel_call() sends it,
 * calls `each` for every answer until the last one, and frees the message.
 * `what` names the request in errors, e.g. "share set".  each may be NULL.
 */
struct nl_msg *kernel_request(struct kernel *k, enum sluice_cmd cmd, bool dump);
typedef void kernel_each(void *arg, uint8_t cmd, struct nlattr **attr);
bool kernel_call(struct kernel *k, struct nl_msg *msg, const char *what, kernel_each *each,
		 void *arg);

/* The common calls. */
bool kernel_share_get(struct kernel *k, uint32_t *mask, uint32_t *generation);
bool kernel_share_set(struct kernel *k, uint32_t select, uint32_t mask);
/* size 0: the kernel's setting.  *fd is close-on-exec. */
bool kernel_ring_open(struct kernel *k, uint32_t index, uint32_t count, uint32_t size, int *fd);
bool kernel_skip(struct kernel *k, uint64_t session, enum sluice_direction direction,
		 uint32_t sequence, uint64_t length);
bool kernel_shunt(struct kernel *k, uint64_t session);
/* Joins a multicast group by name; the socket then receives notifications only. */
bool kernel_join(struct kernel *k, const char *group);
/* Receives pending notifications; blocks unless the socket is non-blocking. */
bool kernel_receive(struct kernel *k, kernel_each *each, void *arg);

#endif
