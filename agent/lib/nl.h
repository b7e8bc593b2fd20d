/* SPDX-License-Identifier: MIT */
/*
 * The module's generic netlink family, spoken with libnl.
 *
 * Calls that fail leave one sentence in nl->error: what was asked, what the
 * kernel said (its extack text where it sent one), and what to do where that is
 * known.
 */
#ifndef SLUICE_LIB_NL_H
#define SLUICE_LIB_NL_H

#include <linux/sluice.h>
#include <netlink/netlink.h>
#include <netlink/genl/genl.h>

#include <stdbool.h>
#include <stdint.h>

#define NL_ERROR_MAX 512

struct nl {
	struct nl_sock *sock;
	int family;
	char error[NL_ERROR_MAX];
};

/* Connects and finds the family; false with nl->error (module not loaded, ...). */
bool nl_open(struct nl *nl);
void nl_close(struct nl *nl);

/*
 * A request is built with libnl between these two: nl_request() makes the
 * message (dump: NLM_F_DUMP), the caller adds attributes, nl_call() sends it,
 * calls `each` for every answer until the last one, and frees the message.
 * `what` names the request in errors, e.g. "share set".  each may be NULL.
 */
struct nl_msg *nl_request(struct nl *nl, enum sluice_cmd cmd, bool dump);
typedef void nl_each(void *arg, uint8_t cmd, struct nlattr **attr);
bool nl_call(struct nl *nl, struct nl_msg *msg, const char *what, nl_each *each, void *arg);

/* The common calls. */
bool nl_share_get(struct nl *nl, uint32_t *mask, uint32_t *generation);
bool nl_share_set(struct nl *nl, uint32_t select, uint32_t mask);
/* One setting by its attribute (SLUICE_A_SETTINGS_*). */
bool nl_setting_set(struct nl *nl, uint16_t attr, uint32_t value);
/* size 0: the kernel's setting.  *fd is close-on-exec. */
bool nl_ring_open(struct nl *nl, uint32_t index, uint32_t count, uint32_t size, int *fd);
bool nl_shunt(struct nl *nl, uint64_t session);
bool nl_skip(struct nl *nl, uint64_t session, uint32_t direction, uint32_t sequence,
	     uint64_t length);
/* Joins a multicast group by name; the socket then receives notifications only. */
bool nl_join(struct nl *nl, const char *group);
/* Receives pending notifications; blocks unless the socket is non-blocking. */
bool nl_receive(struct nl *nl, nl_each *each, void *arg);
int nl_fd(const struct nl *nl);

#endif
