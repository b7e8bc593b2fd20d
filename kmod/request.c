// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space asks of sessions: to skip, to shunt, to tell.
 */
#include <linux/rhashtable.h>

#include "hook.h"
#include "netlink.h"
#include "record.h"
#include "session.h"

int sluice_session_skip(struct sluice_net *sn, u64 id, enum sluice_direction which,
			u32 sequence, u64 length)
{
	struct sluice_session_direction *direction;
	struct sluice_session *session;
	u64 from, to;
	int err = 0;

	rcu_read_lock();
	session = sluice_session_find(sn, id);
	if (!session) {
		rcu_read_unlock();
		return -ENOENT;
	}
	spin_lock_bh(&session->lock);
	direction = &session->dir[which];
	if (session->dead) {
		err = -ENOENT;
	} else if (sluice_session_is_udp(session)) {
		err = -EOPNOTSUPP;
	} else if (!direction->next) {
		err = -ENODATA;
	} else {
		from = sluice_session_extend(direction, sequence);
		to = from + length;
		/* One that touches the last is more of it. */
		if (from <= direction->skip_to && to >= direction->skip_from) {
			from = min(from, direction->skip_from);
			to = max(to, direction->skip_to);
		}
		direction->skip_from = from;
		direction->skip_to = to;
	}
	spin_unlock_bh(&session->lock);
	rcu_read_unlock();
	return err;
}

/*
 * One record tells of one part, so a packet that has some before and some behind is captured
 * whole.  So is one of which something else is told by where its payload begins or ends:
 * SYN, RST and urgent bytes by the first byte, FIN by the last.
 */
struct sluice_part sluice_session_part(const struct sluice_session_direction *direction,
				       const struct sluice_packet *packet, u64 at)
{
	const u8 by_first = SLUICE_DATA_SYN | SLUICE_DATA_RST | SLUICE_DATA_URG;
	struct sluice_part part = { .length = packet->length };
	u64 end = at + packet->length;

	if (end <= direction->skip_from || at >= direction->skip_to)
		return part;
	if (at >= direction->skip_from && end <= direction->skip_to) {
		/* A FIN comes after the payload, wherever that is. */
		if (!(packet->flags & (SLUICE_DATA_SYN | SLUICE_DATA_RST)))
			part.from = part.length;
		part.length = 0;
	} else if (packet->flags & by_first) {
		return part;
	} else if (at >= direction->skip_from) {
		part.from = direction->skip_to - at;
		part.length -= part.from;
	} else if (end <= direction->skip_to && !(packet->flags & SLUICE_DATA_FIN)) {
		part.length = direction->skip_from - at;
	}
	return part;
}

int sluice_session_shunt(struct sluice_net *sn, u64 id)
{
	struct sluice_session *session;
	struct sluice_record_end end;
	bool tell = false;
	int err = 0;

	rcu_read_lock();
	session = sluice_session_find(sn, id);
	if (!session) {
		rcu_read_unlock();
		return -ENOENT;
	}
	spin_lock_bh(&session->lock);
	if (session->dead) {
		err = -ENOENT;
	} else if (!session->shunted) {
		/* It keeps its place in the table, for its packets to be recognised. */
		session->shunted = true;
		sluice_record_summary(session, SLUICE_END_SHUNT, &end);
		sluice_record_end(session, &end);
		tell = true;
	}
	spin_unlock_bh(&session->lock);
	rcu_read_unlock();
	if (tell) {
		sluice_stat_inc(sn, SLUICE_STAT_SHUNTED_SESSIONS);
		sluice_netlink_session_end(sn, &end);
	}
	return err;
}

static int session_info(struct sluice_session *session, struct sluice_session_info *info)
{
	int err = 0;

	spin_lock_bh(&session->lock);
	if (session->dead) {
		err = -ENOENT;
	} else {
		info->session = session->record;
		sluice_record_summary(session, 0, &info->end);
		info->idle_msec = jiffies_to_msecs(jiffies - session->used);
		info->ring = session->ring_index;
		info->shunted = session->shunted;
	}
	spin_unlock_bh(&session->lock);
	return err;
}

int sluice_session_get(struct sluice_net *sn, u64 id, struct sluice_session_info *info)
{
	struct sluice_session *session;
	int err;

	rcu_read_lock();
	session = sluice_session_find(sn, id);
	err = session ? session_info(session, info) : -ENOENT;
	rcu_read_unlock();
	return err;
}

void sluice_session_walk_begin(struct sluice_net *sn, struct rhashtable_iter *iter)
{
	rhashtable_walk_enter(&sn->by_id, iter);
}

void sluice_session_walk_end(struct rhashtable_iter *iter)
{
	rhashtable_walk_exit(iter);
}

int sluice_session_walk(struct rhashtable_iter *iter,
			int (*each)(const struct sluice_session_info *info, void *arg),
			void *arg)
{
	struct sluice_session_info info;
	struct sluice_session *session;
	int err = 0;

	rhashtable_walk_start(iter);
	session = rhashtable_walk_peek(iter);
	while (session && !err) {
		/* -EAGAIN: the table was resized, some may come twice. */
		if (!IS_ERR(session) && !session_info(session, &info))
			err = each(&info, arg);
		if (!err)
			session = rhashtable_walk_next(iter);
	}
	rhashtable_walk_stop(iter);
	return err;
}
