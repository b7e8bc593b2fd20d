// SPDX-License-Identifier: MIT
#include "lib/kernel.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/genl/ctrl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif
#ifndef NLMSGERR_ATTR_MISS_TYPE
#define NLMSGERR_ATTR_MISS_TYPE 5
#endif
#define NLMSGERR_ATTR_LAST NLMSGERR_ATTR_MISS_TYPE

/* One call: what the callbacks below share. */
struct call {
	struct kernel *k;
	const char *what;
	const struct nlmsghdr *request;
	kernel_each *each;
	void *arg;
	int error; /* 0 or a positive errno */
	bool finished;
};

static const struct {
	const char *name;
	uint32_t min, max;
} settings[SLUICE_A_MAX + 1] = {
#define SETTING_ENTRY(id, name, min, max, def, unit, help) \
	[SLUICE_A_SETTINGS_##id] = {#name, min, max},
	SLUICE_SETTINGS(SETTING_ENTRY)
#undef SETTING_ENTRY
};

static void fail(struct kernel *k, const char *what, int error)
{
	const char *hint = "";

	if (error == EPERM)
		hint = " (CAP_NET_ADMIN is needed: run as root)";
	else if (error == EOPNOTSUPP)
		hint = " (the loaded module does not know this command: another version?)";
	snprintf(k->error, sizeof(k->error), "%s: %s%s", what, strerror(error), hint);
}

/* The setting that the kernel's error points at, or NULL. */
static const char *blamed_setting(const struct call *c, uint32_t offset, uint32_t *min,
				  uint32_t *max)
{
	const struct nlattr *a = (const struct nlattr *)((const char *)c->request + offset);
	unsigned int type;

	if (offset < NLMSG_HDRLEN + GENL_HDRLEN || offset + NLA_HDRLEN > c->request->nlmsg_len)
		return NULL;
	type = a->nla_type & NLA_TYPE_MASK;
	if (type > SLUICE_A_MAX || !settings[type].name)
		return NULL;
	*min = settings[type].min;
	*max = settings[type].max;
	return settings[type].name;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct call *c = arg;
	const struct nlmsghdr *h = (const struct nlmsghdr *)((const char *)e - NLMSG_HDRLEN);
	size_t used = sizeof(*e);
	struct nlattr *attr[NLMSGERR_ATTR_LAST + 1] = {0};
	const char *setting = NULL;
	uint32_t min = 0, max = 0;

	(void)from;
	c->error = -e->error;
	c->finished = true;
	if (!(h->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > sizeof(e->msg))
		used += NLMSG_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	if ((h->nlmsg_flags & NLM_F_ACK_TLVS) && h->nlmsg_len > NLMSG_HDRLEN + used)
		nla_parse(attr, NLMSGERR_ATTR_LAST, (struct nlattr *)((char *)e + used),
			  (int)(h->nlmsg_len - NLMSG_HDRLEN - used), NULL);

	if (attr[NLMSGERR_ATTR_OFFS] && nla_len(attr[NLMSGERR_ATTR_OFFS]) >= 4)
		setting = blamed_setting(c, nla_get_u32(attr[NLMSGERR_ATTR_OFFS]), &min, &max);
	if (setting)
		snprintf(c->k->error, sizeof(c->k->error),
			 "%s: the kernel refuses the value of %s: %s (expected %u to %u)",
			 c->what, setting,
			 attr[NLMSGERR_ATTR_MSG] ? nla_get_string(attr[NLMSGERR_ATTR_MSG])
						 : strerror(c->error),
			 min, max);
	else if (attr[NLMSGERR_ATTR_MSG])
		snprintf(c->k->error, sizeof(c->k->error), "%s: the kernel says: %s (%s)",
			 c->what, nla_get_string(attr[NLMSGERR_ATTR_MSG]), strerror(c->error));
	else
		fail(c->k, c->what, c->error);
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct call *c = arg;
	struct nlattr *attr[SLUICE_A_MAX + 1];
	struct nlmsghdr *h = nlmsg_hdr(msg);

	if (c->k->family != h->nlmsg_type || genlmsg_parse(h, 0, attr, SLUICE_A_MAX, NULL) < 0)
		return NL_SKIP;
	if (c->each)
		c->each(c->arg, genlmsg_hdr(h)->cmd, attr);
	return NL_OK;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	((struct call *)arg)->finished = true;
	return NL_STOP;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	((struct call *)arg)->finished = true;
	return NL_STOP;
}

static int no_seq_check(struct nl_msg *msg, void *arg)
{
	return NL_OK;
}

bool kernel_open(struct kernel *k)
{
	int on = 1, e;

	memset(k, 0, sizeof(*k));
	k->sock = nl_socket_alloc();
	if (!k->sock) {
		snprintf(k->error, sizeof(k->error), "netlink: out of memory");
		return false;
	}
	e = genl_connect(k->sock);
	if (e < 0) {
		snprintf(k->error, sizeof(k->error), "netlink: cannot connect: %s",
			 nl_geterror(e));
		goto out;
	}
	/* Old kernels lack one or the other; errors are then shorter. */
	setsockopt(nl_socket_get_fd(k->sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(k->sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
		   sizeof(on));
	k->family = genl_ctrl_resolve(k->sock, SLUICE_GENL_NAME);
	if (k->family < 0) {
		snprintf(k->error, sizeof(k->error),
			 "the kernel has no netlink family \"%s\": is the module loaded? "
			 "(modprobe sluice, or insmod build/<kernel>/sluice.ko)",
			 SLUICE_GENL_NAME);
		goto out;
	}
	return true;
out:
	nl_socket_free(k->sock);
	k->sock = NULL;
	return false;
}

void kernel_close(struct kernel *k)
{
	if (k->sock)
		nl_socket_free(k->sock);
	k->sock = NULL;
}

struct nl_msg *kernel_request(struct kernel *k, enum sluice_cmd cmd, bool dump)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, k->family, 0,
				dump ? NLM_F_DUMP : NLM_F_ACK, cmd, SLUICE_GENL_VERSION)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

static struct nl_cb *callbacks(struct call *c)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		return NULL;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, c);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, c);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, c);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, c);
	return cb;
}

bool kernel_call(struct kernel *k, struct nl_msg *msg, const char *what, kernel_each *each,
		 void *arg)
{
	struct call c = {.k = k, .what = what, .each = each, .arg = arg};
	struct nl_cb *cb = callbacks(&c);
	int e;

	if (!msg || !cb) {
		snprintf(k->error, sizeof(k->error), "%s: out of memory", what);
		c.error = ENOMEM;
		goto out;
	}
	c.request = nlmsg_hdr(msg);
	e = nl_send_auto(k->sock, msg);
	while (e >= 0 && !c.finished)
		e = nl_recvmsgs(k->sock, cb);
	if (e < 0 && !c.error) {
		snprintf(k->error, sizeof(k->error), "%s: netlink: %s", what, nl_geterror(e));
		c.error = EIO;
	}
out:
	nl_cb_put(cb);
	nlmsg_free(msg);
	return !c.error;
}

struct share {
	uint32_t mask, generation;
	bool seen;
};

static void share_each(void *arg, uint8_t cmd, struct nlattr **attr)
{
	struct share *s = arg;

	if (!attr[SLUICE_A_SHARE_MASK] || !attr[SLUICE_A_SHARE_GENERATION])
		return;
	s->mask = nla_get_u32(attr[SLUICE_A_SHARE_MASK]);
	s->generation = nla_get_u32(attr[SLUICE_A_SHARE_GENERATION]);
	s->seen = true;
}

bool kernel_share_get(struct kernel *k, uint32_t *mask, uint32_t *generation)
{
	struct share s = {0};

	if (!kernel_call(k, kernel_request(k, SLUICE_CMD_SHARE_GET, false), "share get",
			 share_each, &s))
		return false;
	if (!s.seen) {
		snprintf(k->error, sizeof(k->error),
			 "share get: the kernel's answer has no mask");
		return false;
	}
	*mask = s.mask;
	if (generation)
		*generation = s.generation;
	return true;
}

bool kernel_share_set(struct kernel *k, uint32_t select, uint32_t mask)
{
	struct nl_msg *msg = kernel_request(k, SLUICE_CMD_SHARE_SET, false);

	if (msg) {
		nla_put_u32(msg, SLUICE_A_SHARE_MASK, mask);
		nla_put_u32(msg, SLUICE_A_SHARE_SELECT, select);
	}
	return kernel_call(k, msg, "share set", NULL, NULL);
}

static void ring_each(void *arg, uint8_t cmd, struct nlattr **attr)
{
	if (attr[SLUICE_A_RING_FD])
		*(int *)arg = nla_get_s32(attr[SLUICE_A_RING_FD]);
}

bool kernel_ring_open(struct kernel *k, uint32_t index, uint32_t count, uint32_t size, int *fd)
{
	struct nl_msg *msg = kernel_request(k, SLUICE_CMD_RING_OPEN, false);

	*fd = -1;
	if (msg) {
		nla_put_u32(msg, SLUICE_A_RING_INDEX, index);
		nla_put_u32(msg, SLUICE_A_RING_COUNT, count);
		if (size)
			nla_put_u32(msg, SLUICE_A_RING_SIZE_BYTES, size);
	}
	if (!kernel_call(k, msg, "ring open", ring_each, fd))
		return false;
	if (*fd < 0)
		snprintf(k->error, sizeof(k->error),
			 "ring open: the kernel's answer has no descriptor");
	return *fd >= 0;
}

bool kernel_skip(struct kernel *k, uint64_t session, enum sluice_direction direction,
		 uint32_t sequence, uint64_t length)
{
	struct nl_msg *msg = kernel_request(k, SLUICE_CMD_SKIP, false);

	if (msg) {
		nla_put_u64(msg, SLUICE_A_SESSION_ID, session);
		nla_put_u32(msg, SLUICE_A_DIRECTION, direction);
		nla_put_u32(msg, SLUICE_A_SEQUENCE, sequence);
		nla_put_u64(msg, SLUICE_A_LENGTH, length);
	}
	return kernel_call(k, msg, "skip", NULL, NULL);
}

bool kernel_shunt(struct kernel *k, uint64_t session)
{
	struct nl_msg *msg = kernel_request(k, SLUICE_CMD_SHUNT, false);

	if (msg)
		nla_put_u64(msg, SLUICE_A_SESSION_ID, session);
	return kernel_call(k, msg, "shunt", NULL, NULL);
}

bool kernel_join(struct kernel *k, const char *group)
{
	int id = genl_ctrl_resolve_grp(k->sock, SLUICE_GENL_NAME, group);
	int e;

	if (id < 0) {
		snprintf(k->error, sizeof(k->error), "multicast group \"%s\": %s", group,
			 nl_geterror(id));
		return false;
	}
	e = nl_socket_add_membership(k->sock, id);
	if (e < 0) {
		/* libnl folds errno into its own codes; the usual one is a missing capability.
		 */
		snprintf(k->error, sizeof(k->error),
			 "multicast group \"%s\": %s (CAP_NET_ADMIN is needed)", group,
			 nl_geterror(e));
		return false;
	}
	nl_socket_disable_seq_check(k->sock);
	return true;
}

bool kernel_receive(struct kernel *k, kernel_each *each, void *arg)
{
	struct call c = {.k = k, .what = "receive", .each = each, .arg = arg};
	struct nl_cb *cb = callbacks(&c);
	int e;

	if (!cb) {
		snprintf(k->error, sizeof(k->error), "receive: out of memory");
		return false;
	}
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, no_seq_check, NULL);
	e = nl_recvmsgs(k->sock, cb);
	nl_cb_put(cb);
	if (e == -NLE_AGAIN || e == -NLE_INTR)
		return true;
	if (e < 0)
		snprintf(k->error, sizeof(k->error), "receive: %s",
			 e == -NLE_NOMEM ? "notifications were lost, they came too fast"
					 : nl_geterror(e));
	return e >= 0;
}
