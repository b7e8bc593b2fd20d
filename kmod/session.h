/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The session table.
 *
 * A session is found by the original tuple of its conntrack entry, or by its own
 * id.  It belongs to one ring from beginning to end and is in one of that
 * ring's queues.  Conntrack's entry is never held nor looked at later, for
 * that would keep its namespace from going away.
 *
 * Locks, outer first: sluice_session.lock, then one of a bucket of a hash
 * table, sluice_session_set.lock or sluice_ring.lock.  Sessions are freed by RCU.
 */
#ifndef _SLUICE_SESSION_H
#define _SLUICE_SESSION_H

#include <linux/list.h>
#include <linux/rhashtable-types.h>
#include <linux/sluice.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/netfilter/nf_conntrack.h>

#include "net.h"

struct netlink_ext_ack;
struct sluice_packet;

/* No holes: it is hashed and compared as a whole. */
struct sluice_session_key {
	union nf_inet_addr src;
	union nf_inet_addr dst;
	__be16 src_port;
	__be16 dst_port;
	u16 zone;
	u8 family;
	u8 protocol;		/* IPPROTO_TCP or IPPROTO_UDP */
};

struct sluice_session_direction {
	struct sluice_direction_count count;
	/* Sequence numbers of TCP extended to 64 bits, never 0. */
	u64 next;		/* after the last byte seen; 0: none seen */
	u64 skip_from;
	u64 skip_to;
	bool lost;		/* records, and the reader has not been told */
	bool finished;		/* FIN seen */
};

struct sluice_session {
	struct rhash_head by_tuple;
	struct rhash_head by_id;
	struct sluice_session_key key;
	u64 id;
	struct sluice_ring *ring;
	u32 ring_index;
	bool ignored;		/* carries the ignore mark: not captured, not in by_id */

	/* Under the lock of the set. */
	struct list_head node;
	unsigned long queued;	/* jiffies when put at the end of its queue */

	unsigned long used;	/* jiffies of the last packet */
	bool again;		/* seen since last looked at by eviction */

	spinlock_t lock;	/* for all below */
	bool dead;		/* out of the tables */
	bool announced;		/* its SESSION is in the ring */
	bool shunted;
	u32 closing;		/* enum sluice_end_reason once FIN or RST were seen */
	unsigned long ct;	/* which conntrack entry; compared, never followed */
	u32 isn;		/* sequence number of the opener's SYN */
	bool isn_known;
	struct sluice_session_direction dir[SLUICE_DIR_COUNT];

	struct sluice_record_session record;	/* does not change */
	struct rcu_head rcu;
};

enum sluice_queue {
	SLUICE_QUEUE_CLOSING,	/* saw FIN or RST, may still see retransmissions */
	SLUICE_QUEUE_ACTIVE,	/* others of TCP */
	SLUICE_QUEUE_UDP,
	SLUICE_QUEUE_COUNT
};

/* The sessions of one ring. */
struct sluice_session_set {
	spinlock_t lock;	/* for the queues, in the order of sluice_session.queued */
	struct list_head queue[SLUICE_QUEUE_COUNT];
	struct delayed_work expire;
};

static inline bool sluice_session_is_udp(const struct sluice_session *session)
{
	return session->key.protocol == IPPROTO_UDP;
}

/* Where @sequence is in the 64 bits of its direction: near what was seen last. */
static inline u64 sluice_session_extend(const struct sluice_session_direction *direction,
					u32 sequence)
{
	return direction->next + (s32)(sequence - (u32)direction->next);
}

int sluice_session_init(void);
void sluice_session_exit(void);

/* The tables of a namespace. */
int sluice_session_net_init(struct sluice_net *sn);
void sluice_session_net_exit(struct sluice_net *sn);

void sluice_session_set_init(struct sluice_session_set *set);

/*
 * Ends the sessions of a ring to which no new ones can come any more, and what
 * works on them.  Sleeps.
 */
void sluice_session_set_drain(struct sluice_session_set *set);

/* Captures a packet.  In a hook: under RCU, must not sleep. */
void sluice_session_packet(struct sluice_net *sn, const struct sluice_packet *packet);

/* One that is captured, by its id, or NULL.  Under RCU. */
struct sluice_session *sluice_session_find(struct sluice_net *sn, u64 id);

/*
 * Leaves out @length bytes of a direction, from @sequence on.  Returns -ENOENT
 * when there is no such session, -EOPNOTSUPP when it is one of UDP, -ENODATA when
 * nothing was seen of this direction: there is no telling where in 64 bits @sequence is.
 */
int sluice_session_skip(struct sluice_net *sn, u64 id, enum sluice_direction direction,
			u32 sequence, u64 length);

/* A part of a packet's payload: so many bytes, from the one @from bytes behind its first. */
struct sluice_part {
	u32 from;
	u32 length;
};

/*
 * What of a packet's payload is captured, that begins at @at: all, nothing, or what is
 * before or behind the bytes to skip.  The caller holds session->lock.
 */
struct sluice_part sluice_session_part(const struct sluice_session_direction *direction,
				       const struct sluice_packet *packet, u64 at);

/* Captures no more of a session.  -ENOENT when there is none. */
int sluice_session_shunt(struct sluice_net *sn, u64 id);

/* What user space is told about a session. */
struct sluice_session_info {
	struct sluice_record_session session;
	struct sluice_record_end end;	/* reason 0: goes on */
	u64 idle_msec;
	u32 ring;
	bool shunted;
};

/* -ENOENT when there is no such session. */
int sluice_session_get(struct sluice_net *sn, u64 id, struct sluice_session_info *info);

/*
 * All sessions: begin, then walk until it returns 0, then end.  walk calls @each
 * for one session after the other until that returns an error, which it returns,
 * and begins with the same session next time.
 */
void sluice_session_walk_begin(struct sluice_net *sn, struct rhashtable_iter *iter);
int sluice_session_walk(struct rhashtable_iter *iter,
			int (*each)(const struct sluice_session_info *info, void *arg),
			void *arg);
void sluice_session_walk_end(struct rhashtable_iter *iter);

#endif /* _SLUICE_SESSION_H */
