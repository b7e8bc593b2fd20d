// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "sluice".  What each command takes and answers is in
 * uapi/linux/sluice.h, and for programs in Documentation/netlink/specs/sluice.yaml.
 *
 * Each command has its own policy: an attribute that it does not know is refused.
 * No command takes genl's big lock; each object has its own.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "capture.h"
#include "compat.h"
#include "netlink.h"
#include "session.h"
#include "settings.h"
#include "share.h"
#include "udp.h"

enum netlink_group {
	GROUP_CONFIG,
	GROUP_SESSIONS,
};

static struct genl_family netlink_family;

/* --------------------------------------------------------------- policies */

/* Not const: Linux 6.1 has a pointer to something writable in its policies. */
#define SETTING_RANGE(id, name, minimum, maximum, def, unit, help)	\
	static struct netlink_range_validation range_##name = {		\
		.min = (minimum),					\
		.max = (maximum),					\
	};
SLUICE_SETTINGS(SETTING_RANGE)
#undef SETTING_RANGE
static struct netlink_range_validation range_session_id = { .min = 1, .max = U64_MAX };
static struct netlink_range_validation range_length = { .min = 1, .max = SLUICE_SKIP_MAX };

static const struct nla_policy policy_none[] = {
	[SLUICE_A_PAD] = { .type = NLA_REJECT },
};

static const struct nla_policy policy_settings[] = {
#define SETTING_POLICY(id, name, min, max, def, unit, help) \
	[SLUICE_A_SETTINGS_##id] = NLA_POLICY_FULL_RANGE(NLA_U32, &range_##name),
	SLUICE_SETTINGS(SETTING_POLICY)
#undef SETTING_POLICY
	[SLUICE_A_SETTINGS_UDP_PORTS] =
		NLA_POLICY_VALIDATE_FN(NLA_BINARY, sluice_udp_check_ports),
	[SLUICE_A_SETTINGS_UDP_PREFIXES] =
		NLA_POLICY_VALIDATE_FN(NLA_BINARY, sluice_udp_check_prefixes),
};

static const struct nla_policy policy_share[] = {
	[SLUICE_A_SHARE_MASK] = NLA_POLICY_MASK(NLA_U32, SLUICE_SHARE_ALL),
	[SLUICE_A_SHARE_SELECT] = NLA_POLICY_MASK(NLA_U32, SLUICE_SHARE_ALL),
};

static const struct nla_policy policy_ring[] = {
	[SLUICE_A_RING_INDEX] = NLA_POLICY_MAX(NLA_U32, SLUICE_RINGS_MAX - 1),
	[SLUICE_A_RING_COUNT] = NLA_POLICY_RANGE(NLA_U32, 1, SLUICE_RINGS_MAX),
	[SLUICE_A_RING_SIZE_BYTES] = NLA_POLICY_FULL_RANGE(NLA_U32, &range_ring_size),
};

static const struct nla_policy policy_session[] = {
	[SLUICE_A_SESSION_ID] = NLA_POLICY_FULL_RANGE(NLA_U64, &range_session_id),
};

static const struct nla_policy policy_skip[] = {
	[SLUICE_A_SESSION_ID] = NLA_POLICY_FULL_RANGE(NLA_U64, &range_session_id),
	[SLUICE_A_DIRECTION] = NLA_POLICY_MAX(NLA_U32, SLUICE_DIR_COUNT - 1),
	[SLUICE_A_SEQUENCE] = { .type = NLA_U32 },
	[SLUICE_A_LENGTH] = NLA_POLICY_FULL_RANGE(NLA_U64, &range_length),
};

/* ---------------------------------------------------------------- answers */

/* A message: fill writes the attributes; -EMSGSIZE when there is no room for them. */
struct netlink_answer {
	u8 cmd;
	int (*fill)(struct sk_buff *msg, const void *arg);
	const void *arg;
};

static int netlink_put(struct sk_buff *msg, u32 portid, u32 seq, int flags,
		       const struct netlink_answer *answer)
{
	void *header = genlmsg_put(msg, portid, seq, &netlink_family, flags, answer->cmd);
	int err;

	if (!header)
		return -EMSGSIZE;
	err = answer->fill(msg, answer->arg);
	if (err) {
		genlmsg_cancel(msg, header);
		return err;
	}
	genlmsg_end(msg, header);
	return 0;
}

static struct sk_buff *netlink_message(u32 portid, u32 seq, const struct netlink_answer *answer,
				       gfp_t gfp)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, gfp);
	int err;

	if (!msg)
		return ERR_PTR(-ENOMEM);
	err = netlink_put(msg, portid, seq, 0, answer);
	if (err) {
		nlmsg_free(msg);
		return ERR_PTR(err);
	}
	return msg;
}

static int netlink_reply(struct genl_info *info,
			 int (*fill)(struct sk_buff *msg, const void *arg), const void *arg)
{
	struct netlink_answer answer = { info->genlhdr->cmd, fill, arg };
	struct sk_buff *msg;

	msg = netlink_message(info->snd_portid, info->snd_seq, &answer, GFP_KERNEL);
	return IS_ERR(msg) ? PTR_ERR(msg) : genlmsg_reply(msg, info);
}

/* To those in one namespace, or to those in all when @sn is NULL. */
static void netlink_notify(struct sluice_net *sn, enum netlink_group group,
			   const struct netlink_answer *answer, gfp_t gfp)
{
	struct sk_buff *msg;
	int err;

	if (sn && !genl_has_listeners(&netlink_family, sn->net, group))
		return;
	msg = netlink_message(0, 0, answer, gfp);
	if (IS_ERR(msg))
		err = PTR_ERR(msg);
	else if (sn)
		err = genlmsg_multicast_netns(&netlink_family, sn->net, msg, 0, group, gfp);
	else
		err = sluice_multicast_allns(&netlink_family, msg, group);
	if (err && err != -ESRCH)
		sluice_stat_inc(sn ?: sluice_net(&init_net), SLUICE_STAT_NOTIFY_ERRORS);
}

static struct sluice_net *netlink_net(struct genl_info *info)
{
	return sluice_net(genl_info_net(info));
}

/* Both say which: the text to people, the attribute of the answer to programs. */
#define netlink_missing(info, attr, name) ({				\
	struct genl_info *_info = (info);				\
	bool _missing = GENL_REQ_ATTR_CHECK(_info, attr);		\
									\
	if (_missing)							\
		GENL_SET_ERR_MSG(_info, "attribute " name " is missing"); \
	_missing;							\
})

/* --------------------------------------------------------------- settings */

static int settings_fill(struct sk_buff *msg, const void *arg)
{
	const struct sluice_settings *settings = arg;
	const struct sluice_udp_lists *udp = &settings->udp;
	int i;

	for (i = 0; i < SLUICE_SETTING_COUNT; i++)
		if (nla_put_u32(msg, SLUICE_A_SETTINGS_HOOKS + i, settings->value[i]))
			return -EMSGSIZE;
	if (nla_put(msg, SLUICE_A_SETTINGS_UDP_PORTS, udp->ports * sizeof(udp->port[0]),
		    udp->port) ||
	    nla_put(msg, SLUICE_A_SETTINGS_UDP_PREFIXES,
		    udp->prefixes * sizeof(udp->prefix[0]), udp->prefix))
		return -EMSGSIZE;
	return 0;
}

static int settings_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_net *sn = netlink_net(info);
	struct sluice_settings settings;

	mutex_lock(&sn->lock);
	settings = sn->settings;
	mutex_unlock(&sn->lock);
	return netlink_reply(info, settings_fill, &settings);
}

/* Takes over what a request has; false when that is nothing. */
static bool settings_take(struct sluice_settings *settings, struct genl_info *info)
{
	struct nlattr *ports = info->attrs[SLUICE_A_SETTINGS_UDP_PORTS];
	struct nlattr *prefixes = info->attrs[SLUICE_A_SETTINGS_UDP_PREFIXES];
	bool any = ports || prefixes;
	int i;

	for (i = 0; i < SLUICE_SETTING_COUNT; i++) {
		struct nlattr *attr = info->attrs[SLUICE_A_SETTINGS_HOOKS + i];

		if (attr) {
			settings->value[i] = nla_get_u32(attr);
			any = true;
		}
	}
	if (ports)
		sluice_udp_take_ports(&settings->udp, ports);
	if (prefixes)
		sluice_udp_take_prefixes(&settings->udp, prefixes);
	return any;
}

static int settings_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *size = info->attrs[SLUICE_A_SETTINGS_RING_SIZE];
	struct sluice_net *sn = netlink_net(info);
	struct sluice_settings settings;
	struct netlink_answer news = { SLUICE_CMD_SETTINGS_NTF, settings_fill, &settings };
	int err;

	if (size && !is_power_of_2(nla_get_u32(size))) {
		NL_SET_ERR_MSG_ATTR(info->extack, size, "ring_size must be a power of two");
		return -EINVAL;
	}
	mutex_lock(&sn->lock);
	settings = sn->settings;
	if (!settings_take(&settings, info)) {
		GENL_SET_ERR_MSG(info, "no setting given: at least one is needed");
		err = -EINVAL;
		goto out;
	}
	err = sluice_settings_set(sn, &settings, info->extack);
	if (!err)
		netlink_notify(sn, GROUP_CONFIG, &news, GFP_KERNEL);
out:
	mutex_unlock(&sn->lock);
	return err;
}

/* ------------------------------------------------------------------ share */

static int share_fill(struct sk_buff *msg, const void *arg)
{
	const struct sluice_share *share = arg;

	if (nla_put_u32(msg, SLUICE_A_SHARE_MASK, share->mask) ||
	    nla_put_u32(msg, SLUICE_A_SHARE_GENERATION, share->generation))
		return -EMSGSIZE;
	return 0;
}

static int share_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_share share = sluice_share_get();

	return netlink_reply(info, share_fill, &share);
}

static int share_set(struct sk_buff *skb, struct genl_info *info)
{
	if (netlink_missing(info, SLUICE_A_SHARE_MASK, "share-mask") ||
	    netlink_missing(info, SLUICE_A_SHARE_SELECT, "share-select"))
		return -EINVAL;
	sluice_share_set(nla_get_u32(info->attrs[SLUICE_A_SHARE_MASK]),
			 nla_get_u32(info->attrs[SLUICE_A_SHARE_SELECT]));
	return 0;
}

void sluice_netlink_share_changed(struct sluice_share share)
{
	struct netlink_answer news = { SLUICE_CMD_SHARE_NTF, share_fill, &share };

	netlink_notify(NULL, GROUP_CONFIG, &news, GFP_KERNEL);
}

/* ------------------------------------------------------------------- ring */

struct ring_answer {
	int fd;
	u32 size;
};

static int ring_fill(struct sk_buff *msg, const void *arg)
{
	const struct ring_answer *answer = arg;

	if (nla_put_s32(msg, SLUICE_A_RING_FD, answer->fd) ||
	    nla_put_u32(msg, SLUICE_A_RING_SIZE_BYTES, answer->size))
		return -EMSGSIZE;
	return 0;
}

/* A request is handled in the context of its sender, so the descriptor is its own. */
static int ring_open(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *size = info->attrs[SLUICE_A_RING_SIZE_BYTES];
	struct ring_answer answer;
	struct file *file;
	int err;

	if (netlink_missing(info, SLUICE_A_RING_INDEX, "ring-index") ||
	    netlink_missing(info, SLUICE_A_RING_COUNT, "ring-count"))
		return -EINVAL;
	answer.fd = get_unused_fd_flags(O_CLOEXEC);
	if (answer.fd < 0) {
		GENL_SET_ERR_MSG(info, "this process has no descriptor left");
		return answer.fd;
	}
	file = sluice_capture_open(netlink_net(info),
				   nla_get_u32(info->attrs[SLUICE_A_RING_INDEX]),
				   nla_get_u32(info->attrs[SLUICE_A_RING_COUNT]),
				   size ? nla_get_u32(size) : 0, info->extack);
	if (IS_ERR(file)) {
		put_unused_fd(answer.fd);
		return PTR_ERR(file);
	}
	answer.size = sluice_capture_size(file);
	err = netlink_reply(info, ring_fill, &answer);
	if (err) {
		put_unused_fd(answer.fd);
		fput(file);
		return err;
	}
	fd_install(answer.fd, file);
	return 0;
}

/* --------------------------------------------------------------- sessions */

static int session_fill(struct sk_buff *msg, const void *arg)
{
	const struct sluice_session_info *info = arg;

	if (nla_put_u64_64bit(msg, SLUICE_A_SESSION_ID, info->session.session, SLUICE_A_PAD) ||
	    nla_put(msg, SLUICE_A_SESSION_RECORD, sizeof(info->session), &info->session) ||
	    nla_put(msg, SLUICE_A_SESSION_END_RECORD, sizeof(info->end), &info->end) ||
	    nla_put_u64_64bit(msg, SLUICE_A_SESSION_IDLE_MSEC, info->idle_msec, SLUICE_A_PAD) ||
	    nla_put_u32(msg, SLUICE_A_SESSION_RING, info->ring) ||
	    (info->shunted && nla_put_flag(msg, SLUICE_A_SESSION_SHUNTED)))
		return -EMSGSIZE;
	return 0;
}

static u64 session_id(struct genl_info *info)
{
	return nla_get_u64(info->attrs[SLUICE_A_SESSION_ID]);
}

static int session_error(struct genl_info *info, int err)
{
	if (err == -ENOENT)
		GENL_SET_ERR_MSG(info, "no session with this id in this network namespace");
	else if (err == -EOPNOTSUPP)
		GENL_SET_ERR_MSG(info, "a session of UDP has no sequence to skip in: shunt it");
	else if (err == -ENODATA)
		GENL_SET_ERR_MSG(info, "no packet of this direction was seen yet: skip later");
	return err;
}

static int session_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_session_info session;
	int err;

	if (netlink_missing(info, SLUICE_A_SESSION_ID, "session-id"))
		return -EINVAL;
	err = sluice_session_get(netlink_net(info), session_id(info), &session);
	if (err)
		return session_error(info, err);
	return netlink_reply(info, session_fill, &session);
}

struct session_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

static int session_dump_one(const struct sluice_session_info *session, void *arg)
{
	struct netlink_answer answer = { SLUICE_CMD_SESSION_GET, session_fill, session };
	struct session_dump *dump = arg;

	return netlink_put(dump->skb, NETLINK_CB(dump->cb->skb).portid,
			   dump->cb->nlh->nlmsg_seq, NLM_F_MULTI, &answer);
}

static int session_dump_start(struct netlink_callback *cb)
{
	struct rhashtable_iter *iter;

	if (sluice_dump_attrs(cb)[SLUICE_A_SESSION_ID]) {
		NL_SET_ERR_MSG(cb->extack, "a dump has every session: leave session-id out");
		return -EINVAL;
	}
	iter = kzalloc(sizeof(*iter), GFP_KERNEL);
	if (!iter)
		return -ENOMEM;
	sluice_session_walk_begin(sluice_net(sock_net(cb->skb->sk)), iter);
	cb->args[0] = (long)iter;
	return 0;
}

static int session_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct rhashtable_iter *iter = (struct rhashtable_iter *)cb->args[0];
	struct session_dump dump = { .skb = skb, .cb = cb };
	int err;

	err = sluice_session_walk(iter, session_dump_one, &dump);
	/* A full message is no error: the rest comes in the next. */
	return skb->len ?: err;
}

static int session_dump_done(struct netlink_callback *cb)
{
	struct rhashtable_iter *iter = (struct rhashtable_iter *)cb->args[0];

	if (iter) {
		sluice_session_walk_end(iter);
		kfree(iter);
	}
	return 0;
}

static int session_skip(struct sk_buff *skb, struct genl_info *info)
{
	int err;

	if (netlink_missing(info, SLUICE_A_SESSION_ID, "session-id") ||
	    netlink_missing(info, SLUICE_A_DIRECTION, "direction") ||
	    netlink_missing(info, SLUICE_A_SEQUENCE, "sequence") ||
	    netlink_missing(info, SLUICE_A_LENGTH, "length"))
		return -EINVAL;
	err = sluice_session_skip(netlink_net(info), session_id(info),
				  nla_get_u32(info->attrs[SLUICE_A_DIRECTION]),
				  nla_get_u32(info->attrs[SLUICE_A_SEQUENCE]),
				  nla_get_u64(info->attrs[SLUICE_A_LENGTH]));
	return session_error(info, err);
}

static int session_shunt(struct sk_buff *skb, struct genl_info *info)
{
	int err;

	if (netlink_missing(info, SLUICE_A_SESSION_ID, "session-id"))
		return -EINVAL;
	err = sluice_session_shunt(netlink_net(info), session_id(info));
	return session_error(info, err);
}

struct session_begin {
	u32 ring;
	const struct sluice_record_session *record;
};

static int session_begin_fill(struct sk_buff *msg, const void *arg)
{
	const struct session_begin *begin = arg;
	const struct sluice_record_session *record = begin->record;

	if (nla_put_u64_64bit(msg, SLUICE_A_SESSION_ID, record->session, SLUICE_A_PAD) ||
	    nla_put(msg, SLUICE_A_SESSION_RECORD, sizeof(*record), record) ||
	    nla_put_u32(msg, SLUICE_A_SESSION_RING, begin->ring))
		return -EMSGSIZE;
	return 0;
}

void sluice_netlink_session_begin(struct sluice_net *sn, u32 ring,
				  const struct sluice_record_session *record)
{
	struct session_begin begin = { .ring = ring, .record = record };
	struct netlink_answer news = {
		SLUICE_CMD_SESSION_BEGIN_NTF, session_begin_fill, &begin,
	};

	netlink_notify(sn, GROUP_SESSIONS, &news, GFP_ATOMIC);
}

static int session_end_fill(struct sk_buff *msg, const void *arg)
{
	const struct sluice_record_end *record = arg;

	if (nla_put_u64_64bit(msg, SLUICE_A_SESSION_ID, record->session, SLUICE_A_PAD) ||
	    nla_put(msg, SLUICE_A_SESSION_END_RECORD, sizeof(*record), record))
		return -EMSGSIZE;
	return 0;
}

void sluice_netlink_session_end(struct sluice_net *sn, const struct sluice_record_end *record)
{
	struct netlink_answer news = { SLUICE_CMD_SESSION_END_NTF, session_end_fill, record };

	netlink_notify(sn, GROUP_SESSIONS, &news, GFP_ATOMIC);
}

/* ------------------------------------------------------------- statistics */

static int stats_fill(struct sk_buff *msg, const void *arg)
{
	const struct sluice_net *sn = arg;
	int i;

	for (i = 0; i < SLUICE_STAT_COUNT; i++)
		if (nla_put_u64_64bit(msg, SLUICE_A_STATS_PACKETS + i, sluice_stat_sum(sn, i),
				      SLUICE_A_PAD))
			return -EMSGSIZE;
	if (nla_put_u32(msg, SLUICE_A_STATS_SESSIONS_NOW, atomic_read(&sn->sessions)) ||
	    nla_put_u32(msg, SLUICE_A_STATS_RINGS_OPEN, READ_ONCE(sn->rings_open)) ||
	    nla_put_u32(msg, SLUICE_A_STATS_RINGS_COUNT, READ_ONCE(sn->rings_count)))
		return -EMSGSIZE;
	return 0;
}

static int stats_get(struct sk_buff *skb, struct genl_info *info)
{
	return netlink_reply(info, stats_fill, netlink_net(info));
}

/* ----------------------------------------------------------------- family */

#define NETLINK_OP(command, function, policy_, flags_)	\
	.cmd = SLUICE_CMD_##command,			\
	.doit = function,				\
	.policy = policy_,				\
	.maxattr = ARRAY_SIZE(policy_) - 1,		\
	.flags = flags_

static const struct genl_ops netlink_ops[] = {
	{ NETLINK_OP(SETTINGS_GET, settings_get, policy_none, 0) },
	{ NETLINK_OP(SETTINGS_SET, settings_set, policy_settings, GENL_UNS_ADMIN_PERM) },
	{ NETLINK_OP(SHARE_GET, share_get, policy_none, 0) },
	{ NETLINK_OP(SHARE_SET, share_set, policy_share, GENL_ADMIN_PERM) },
	{ NETLINK_OP(RING_OPEN, ring_open, policy_ring, GENL_UNS_ADMIN_PERM) },
	{
		NETLINK_OP(SESSION_GET, session_get, policy_session, GENL_UNS_ADMIN_PERM),
		.start = session_dump_start,
		.dumpit = session_dump,
		.done = session_dump_done,
	},
	{ NETLINK_OP(SKIP, session_skip, policy_skip, GENL_UNS_ADMIN_PERM) },
	{ NETLINK_OP(SHUNT, session_shunt, policy_session, GENL_UNS_ADMIN_PERM) },
	{ NETLINK_OP(STATS_GET, stats_get, policy_none, 0) },
};

/* Without the flag any user could join. */
static const struct genl_multicast_group netlink_groups[] = {
	[GROUP_CONFIG] = { .name = SLUICE_MCGRP_CONFIG, .flags = GENL_MCAST_CAP_NET_ADMIN },
	[GROUP_SESSIONS] = { .name = SLUICE_MCGRP_SESSIONS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

static struct genl_family netlink_family __ro_after_init = {
	.name = SLUICE_GENL_NAME,
	.version = SLUICE_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = netlink_ops,
	.n_ops = ARRAY_SIZE(netlink_ops),
	.mcgrps = netlink_groups,
	.n_mcgrps = ARRAY_SIZE(netlink_groups),
};

int __init sluice_netlink_init(void)
{
	int err = genl_register_family(&netlink_family);

	if (!err)
		sluice_share_announce(true);
	return err;
}

void sluice_netlink_exit(void)
{
	sluice_share_announce(false);
	genl_unregister_family(&netlink_family);
}

MODULE_ALIAS_GENL_FAMILY(SLUICE_GENL_NAME);
