// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session table: how sessions begin, are found, and end.
 *
 * A session begins with a packet that carries SYN or payload; a lone ACK or FIN
 * after its end does not bring it back.  It ends a moment after FIN was seen
 * both ways or RST once, so that retransmissions still find it; when nothing
 * came for session_timeout; when its place is needed; when a new connection has
 * the same addresses; or with its ring.
 *
 * One of UDP begins with a datagram that settings want, and ends when nothing came
 * for udp_timeout, or as above.
 *
 * The queues of a ring serve eviction and timeouts both.  A packet does
 * not move its session, it only leaves the time.  Who takes sessions from the
 * head puts those back at the end that have been used meanwhile.
 */
#include <linux/jhash.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "hook.h"
#include "netlink.h"
#include "record.h"
#include "ring.h"
#include "session.h"
#include "udp.h"

#define SESSION_LINGER (2 * HZ)		/* after FIN or RST, without a packet */
#define SESSION_EXPIRE_PERIOD (HZ / 4)
#define SESSION_EXPIRE_BATCH 64		/* looked at without letting others in */
#define SESSION_EVICT_LOOK 8		/* looked at to find one to evict */
#define SESSION_TRIES 3			/* when other CPUs end and begin the same one */
#define SESSION_UDP_SHARE 4		/* UDP may not push TCP out beyond this part */

static struct kmem_cache *session_cache;
static atomic64_t session_last_id;	/* ids are never used again, in no namespace */

static const struct rhashtable_params session_by_tuple = {
	.key_len = sizeof(struct sluice_session_key),
	.key_offset = offsetof(struct sluice_session, key),
	.head_offset = offsetof(struct sluice_session, by_tuple),
	.automatic_shrinking = true,
};

static const struct rhashtable_params session_by_id = {
	.key_len = sizeof(u64),
	.key_offset = offsetof(struct sluice_session, id),
	.head_offset = offsetof(struct sluice_session, by_id),
	.automatic_shrinking = true,
};

static struct sluice_session_key session_key(const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *tuple = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct sluice_session_key key = {
		.src = tuple->src.u3,
		.dst = tuple->dst.u3,
		.src_port = tuple->src.u.tcp.port,
		.dst_port = tuple->dst.u.tcp.port,
		.zone = nf_ct_zone_id(nf_ct_zone(ct), IP_CT_DIR_ORIGINAL),
		.family = tuple->src.l3num,
		.protocol = tuple->dst.protonum,
	};

	static_assert(sizeof(key) == 2 * sizeof(key.src) + 4 * sizeof(u16));
	return key;
}

struct sluice_session *sluice_session_find(struct sluice_net *sn, u64 id)
{
	return rhashtable_lookup(&sn->by_id, &id, session_by_id);
}

/* ------------------------------------------------------------------ end */

static void session_uncount(struct sluice_net *sn, const struct sluice_session *session)
{
	atomic_dec(&sn->sessions);
	if (sluice_session_is_udp(session))
		atomic_dec(&sn->udp_sessions);
}

static void session_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(session_cache, container_of(rcu, struct sluice_session, rcu));
}

/* Out of the tables and its queue.  From here on nobody new finds it. */
static void session_unlink(struct sluice_session *session)
{
	struct sluice_session_set *set = &session->ring->sessions;
	struct sluice_net *sn = session->ring->sn;

	lockdep_assert_held(&session->lock);
	session->dead = true;
	rhashtable_remove_fast(&sn->by_tuple, &session->by_tuple, session_by_tuple);
	if (!session->ignored)
		rhashtable_remove_fast(&sn->by_id, &session->by_id, session_by_id);
	spin_lock(&set->lock);
	list_del(&session->node);
	spin_unlock(&set->lock);
	session_uncount(sn, session);
}

/*
 * Ends a session, once.  One that saw FIN or RST has ended for that reason
 * whatever brings us here, unless its ring is gone.  The caller holds RCU.
 */
static void session_end(struct sluice_session *session, u32 reason)
{
	struct sluice_net *sn = session->ring->sn;
	struct sluice_record_end end;
	bool tell;

	spin_lock_bh(&session->lock);
	if (session->dead) {
		spin_unlock_bh(&session->lock);
		return;
	}
	session_unlink(session);
	if (session->closing && reason != SLUICE_END_CLOSED)
		reason = session->closing;
	tell = !session->ignored && !session->shunted;
	if (tell) {
		sluice_record_summary(session, reason, &end);
		if (reason != SLUICE_END_CLOSED)
			sluice_record_end(session, &end);
	}
	spin_unlock_bh(&session->lock);

	if (!session->ignored) {
		sluice_stat_inc(sn, SLUICE_STAT_SESSIONS_ENDED);
		if (reason == SLUICE_END_EVICTED)
			sluice_stat_inc(sn, SLUICE_STAT_SESSIONS_EVICTED);
	}
	if (tell)
		sluice_netlink_session_end(sn, &end);
	call_rcu(&session->rcu, session_free_rcu);
}

/* Ends soon, since FIN or RST were seen. */
static void session_close(struct sluice_session *session, u32 reason)
{
	struct sluice_session_set *set = &session->ring->sessions;

	lockdep_assert_held(&session->lock);
	if (session->closing)
		return;
	session->closing = reason;
	spin_lock(&set->lock);
	session->queued = jiffies;
	list_move_tail(&session->node, &set->queue[SLUICE_QUEUE_CLOSING]);
	spin_unlock(&set->lock);
}

static void session_requeue(struct sluice_session *session, struct list_head *queue)
{
	session->queued = jiffies;
	list_move_tail(&session->node, queue);
}

/*
 * The first session of a queue that was not used since it was last looked at, or else
 * the idlest of those looked at.
 */
static struct sluice_session *session_unused(struct list_head *queue)
{
	struct sluice_session *session, *victim = NULL;
	int i;

	for (i = 0; i < SESSION_EVICT_LOOK && !list_empty(queue); i++) {
		session = list_first_entry(queue, struct sluice_session, node);
		if (!READ_ONCE(session->again))
			return session;
		if (!victim || time_before(READ_ONCE(session->used), READ_ONCE(victim->used)))
			victim = session;
		WRITE_ONCE(session->again, false);
		session_requeue(session, queue);
	}
	return victim;
}

/*
 * Makes room: ends a session that lingers, or else one that is not much used.  Sessions
 * of UDP, which anybody can make many of, go before those of TCP when they are
 * more than their share.  The caller holds RCU.
 */
static bool session_evict(struct sluice_session_set *set)
{
	struct sluice_net *sn = container_of(set, struct sluice_ring, sessions)->sn;
	u32 share = sluice_setting(sn, SLUICE_SETTING_MAX_SESSIONS) / SESSION_UDP_SHARE;
	bool crowded = atomic_read(&sn->udp_sessions) > share;
	struct sluice_session *victim;

	spin_lock_bh(&set->lock);
	victim = list_first_entry_or_null(&set->queue[SLUICE_QUEUE_CLOSING],
					  struct sluice_session, node);
	if (!victim && crowded)
		victim = session_unused(&set->queue[SLUICE_QUEUE_UDP]);
	if (!victim)
		victim = session_unused(&set->queue[SLUICE_QUEUE_ACTIVE]);
	if (!victim)
		victim = session_unused(&set->queue[SLUICE_QUEUE_UDP]);
	spin_unlock_bh(&set->lock);
	if (!victim)
		return false;
	session_end(victim, SLUICE_END_EVICTED);
	return true;
}

/*
 * The next session of a queue that was idle for @age, NULL when there is none,
 * or -EAGAIN when there may be.  One that was used is looked at again after an
 * eighth of @age, so this is how late a timeout can be.
 */
static struct sluice_session *session_idle(struct sluice_session_set *set,
					   struct list_head *queue, unsigned long age)
{
	struct sluice_session *session, *found = ERR_PTR(-EAGAIN);
	int i;

	spin_lock_bh(&set->lock);
	for (i = 0; i < SESSION_EXPIRE_BATCH; i++) {
		session = list_first_entry_or_null(queue, struct sluice_session, node);
		if (!session || time_before(jiffies, session->queued + age / 8)) {
			found = NULL;
			break;
		}
		if (time_after_eq(jiffies, READ_ONCE(session->used) + age)) {
			found = session;
			break;
		}
		session_requeue(session, queue);
	}
	spin_unlock_bh(&set->lock);
	return found;
}

static void session_expire_queue(struct sluice_session_set *set, struct list_head *queue,
				 unsigned long age)
{
	struct sluice_session *session;

	do {
		rcu_read_lock();
		session = session_idle(set, queue, age);
		if (!IS_ERR_OR_NULL(session))
			session_end(session, SLUICE_END_TIMEOUT);
		rcu_read_unlock();
		cond_resched();
	} while (session);
}

/* max_sessions may have been lowered. */
static void session_expire_excess(struct sluice_net *sn, struct sluice_session_set *set)
{
	bool more = true;

	while (more && atomic_read(&sn->sessions) >
		       sluice_setting(sn, SLUICE_SETTING_MAX_SESSIONS)) {
		rcu_read_lock();
		more = session_evict(set);
		rcu_read_unlock();
		cond_resched();
	}
}

/* Any session of a ring; NULL when there is none. */
static struct sluice_session *session_any(struct sluice_session_set *set)
{
	int i;

	lockdep_assert_held(&set->lock);
	for (i = 0; i < SLUICE_QUEUE_COUNT; i++)
		if (!list_empty(&set->queue[i]))
			return list_first_entry(&set->queue[i], struct sluice_session, node);
	return NULL;
}

static void session_expire(struct work_struct *work)
{
	struct sluice_session_set *set = container_of(to_delayed_work(work),
						      struct sluice_session_set, expire);
	struct sluice_net *sn = container_of(set, struct sluice_ring, sessions)->sn;
	u32 timeout = sluice_setting(sn, SLUICE_SETTING_SESSION_TIMEOUT);
	u32 udp_timeout = sluice_setting(sn, SLUICE_SETTING_UDP_TIMEOUT);

	session_expire_queue(set, &set->queue[SLUICE_QUEUE_CLOSING], SESSION_LINGER);
	session_expire_queue(set, &set->queue[SLUICE_QUEUE_ACTIVE], timeout * HZ);
	session_expire_queue(set, &set->queue[SLUICE_QUEUE_UDP], udp_timeout * HZ);
	session_expire_excess(sn, set);

	spin_lock_bh(&set->lock);
	if (session_any(set))
		schedule_delayed_work(&set->expire, SESSION_EXPIRE_PERIOD);
	spin_unlock_bh(&set->lock);
}

void sluice_session_set_init(struct sluice_session_set *set)
{
	int i;

	spin_lock_init(&set->lock);
	for (i = 0; i < SLUICE_QUEUE_COUNT; i++)
		INIT_LIST_HEAD(&set->queue[i]);
	INIT_DELAYED_WORK(&set->expire, session_expire);
}

void sluice_session_set_drain(struct sluice_session_set *set)
{
	struct sluice_session *session;

	cancel_delayed_work_sync(&set->expire);
	do {
		rcu_read_lock();
		spin_lock_bh(&set->lock);
		session = session_any(set);
		spin_unlock_bh(&set->lock);
		if (session)
			session_end(session, SLUICE_END_CLOSED);
		rcu_read_unlock();
		cond_resched();
	} while (session);
}

/* ---------------------------------------------------------------- begin */

/* The captured session whose conntrack entry expected this one, or NULL. */
static struct sluice_session *session_master(struct sluice_net *sn, const struct nf_conn *ct)
{
	struct sluice_session_key key;
	struct sluice_session *session;

	if (!ct->master || (nf_ct_protonum(ct->master) != IPPROTO_TCP &&
			    nf_ct_protonum(ct->master) != IPPROTO_UDP))
		return NULL;
	key = session_key(ct->master);
	session = rhashtable_lookup(&sn->by_tuple, &key, session_by_tuple);
	return session && !session->ignored ? session : NULL;
}

/*
 * Does a packet begin a session?  A TFTP server answers from a port that no list can
 * name, but conntrack can relate.  What TCP asks for over UDP is calls and films.
 */
static bool session_wanted(struct sluice_net *sn, const struct sluice_packet *packet)
{
	const struct sluice_session *master;

	if (packet->protocol != IPPROTO_UDP)
		return packet->length || packet->flags & SLUICE_DATA_SYN;
	if (!packet->length)
		return false;
	if (sluice_udp_wanted(sn, packet->ct))
		return true;
	master = session_master(sn, packet->ct);
	return master && sluice_session_is_udp(master);
}

/*
 * The ring is chosen by the two ends as they are behind every translation, in
 * no order: both directions, and related sessions whichever end opens them, meet.
 */
static struct sluice_ring *session_ring(struct sluice_net *sn, const struct nf_conn *ct)
{
	u32 hash = 0, count = READ_ONCE(sn->rings_count);
	const union nf_inet_addr *end;
	int i;

	if (!count)
		return NULL;
	for (i = 0; i < IP_CT_DIR_MAX; i++) {
		end = &ct->tuplehash[i].tuple.src.u3;
		hash += jhash2(end->all, ARRAY_SIZE(end->all), sn->seed);
	}
	return rcu_dereference(sn->ring[reciprocal_scale(hash, count)]);
}

/* Notes a packet's place in its direction; returns that of its payload. */
static u64 session_place(struct sluice_session_direction *direction,
			 const struct sluice_packet *packet)
{
	u64 at, next;

	if (packet->protocol == IPPROTO_UDP)
		return 0;
	if (!direction->next)
		direction->next = BIT_ULL(32) + packet->sequence;
	at = sluice_session_extend(direction, packet->sequence);
	if (packet->flags & SLUICE_DATA_SYN)
		at++;
	next = at + packet->length + !!(packet->flags & SLUICE_DATA_FIN);
	if (next > direction->next)
		direction->next = next;
	return at;
}

/* Decides what of a packet is captured, and reserves its record. */
static struct sluice_record_data *session_capture(struct sluice_session *session,
						  const struct sluice_packet *packet, u64 at)
{
	const u8 control = SLUICE_DATA_SYN | SLUICE_DATA_FIN | SLUICE_DATA_RST;
	struct sluice_session_direction *direction = &session->dir[packet->direction];
	struct sluice_net *sn = session->ring->sn;
	struct sluice_part part;
	u32 skipped;

	if (session->ignored) {
		sluice_stat_add(sn, SLUICE_STAT_IGNORED_BYTES, packet->length);
		return NULL;
	}
	if (session->shunted) {
		direction->count.skipped_bytes += packet->length;
		sluice_stat_add(sn, SLUICE_STAT_SHUNTED_BYTES, packet->length);
		return NULL;
	}
	part = sluice_session_part(direction, packet, at);
	skipped = packet->length - part.length;
	if (skipped) {
		direction->count.skipped_bytes += skipped;
		sluice_stat_add(sn, SLUICE_STAT_SKIPPED_BYTES, skipped);
	}
	if (!part.length && !(packet->flags & control))
		return NULL;
	return sluice_record_reserve(session, packet, packet->sequence + part.from, part.length);
}

/* Accounts for a packet of a session. */
static struct sluice_record_data *session_see(struct sluice_session *session,
					      const struct sluice_packet *packet)
{
	struct sluice_session_direction *direction = &session->dir[packet->direction];
	struct sluice_record_data *record;
	u64 at = session_place(direction, packet);

	lockdep_assert_held(&session->lock);
	direction->count.packets++;
	direction->count.bytes += packet->length;
	if (packet->protocol == IPPROTO_UDP) {
		sluice_stat_inc(session->ring->sn, SLUICE_STAT_UDP_PACKETS);
		sluice_stat_add(session->ring->sn, SLUICE_STAT_UDP_BYTES, packet->length);
	}
	record = session_capture(session, packet, at);
	if (packet->flags & SLUICE_DATA_FIN)
		direction->finished = true;
	if (packet->flags & SLUICE_DATA_RST)
		session_close(session, SLUICE_END_RST);
	else if (session->dir[SLUICE_DIR_OPENER].finished &&
		 session->dir[SLUICE_DIR_ANSWERER].finished)
		session_close(session, SLUICE_END_FIN);
	return record;
}

/* Is it the SYN of an opener? */
static bool session_opens(const struct sluice_packet *packet)
{
	return packet->direction == SLUICE_DIR_OPENER &&
	       (packet->flags & (SLUICE_DATA_SYN | SLUICE_DATA_ACK)) == SLUICE_DATA_SYN;
}

/* There is no session for a packet.  Datagrams are counted only with theirs. */
static void session_missed(struct sluice_net *sn, const struct sluice_packet *packet,
			   enum sluice_stat why)
{
	sluice_stat_inc(sn, why);
	if (packet->protocol != IPPROTO_UDP)
		sluice_stat_add(sn, SLUICE_STAT_MISSED_BYTES, packet->length);
}

/* A session that nobody can find yet.  NULL, and counted, when there can be none. */
static struct sluice_session *session_alloc(struct sluice_net *sn,
					    const struct sluice_session_key *key,
					    const struct sluice_packet *packet)
{
	struct sluice_ring *ring = session_ring(sn, packet->ct);
	u32 mark = sluice_setting(sn, SLUICE_SETTING_IGNORE_MARK);
	u32 most = sluice_setting(sn, SLUICE_SETTING_MAX_SESSIONS);
	struct sluice_session *session, *master;

	if (!ring) {
		session_missed(sn, packet, SLUICE_STAT_MISSED_NO_RING);
		return NULL;
	}
	session = kmem_cache_zalloc(session_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!session) {
		session_missed(sn, packet, SLUICE_STAT_MISSED_NO_MEMORY);
		return NULL;
	}
	/* Who goes beyond the limit takes the place of another, so it holds. */
	if (atomic_inc_return(&sn->sessions) > most && !session_evict(&ring->sessions)) {
		atomic_dec(&sn->sessions);
		kmem_cache_free(session_cache, session);
		session_missed(sn, packet, SLUICE_STAT_MISSED_TABLE_FULL);
		return NULL;
	}
	session->key = *key;
	if (sluice_session_is_udp(session))
		atomic_inc(&sn->udp_sessions);
	session->id = atomic64_inc_return(&session_last_id);
	session->ring = ring;
	session->ring_index = ring->index;
	session->ignored = mark && packet->skb->mark == mark;
	session->ct = (unsigned long)packet->ct;
	session->isn = packet->sequence;
	session->isn_known = session_opens(packet);
	session->used = jiffies;
	session->queued = jiffies;
	spin_lock_init(&session->lock);
	sluice_record_describe(session, packet);
	master = session_master(sn, packet->ct);
	session->record.related = master ? master->id : 0;
	return session;
}

static int session_insert(struct sluice_net *sn, struct sluice_session *session)
{
	struct sluice_session_set *set = &session->ring->sessions;
	struct list_head *queue = &set->queue[sluice_session_is_udp(session) ?
					      SLUICE_QUEUE_UDP : SLUICE_QUEUE_ACTIVE];
	int err;

	lockdep_assert_held(&session->lock);
	if (!session->ignored) {
		err = rhashtable_insert_fast(&sn->by_id, &session->by_id, session_by_id);
		if (err)
			return err;
	}
	err = rhashtable_lookup_insert_fast(&sn->by_tuple, &session->by_tuple,
					    session_by_tuple);
	if (err) {
		if (!session->ignored)
			rhashtable_remove_fast(&sn->by_id, &session->by_id, session_by_id);
		return err;
	}
	spin_lock(&set->lock);
	list_add_tail(&session->node, queue);
	spin_unlock(&set->lock);
	if (!delayed_work_pending(&set->expire))
		schedule_delayed_work(&set->expire, SESSION_EXPIRE_PERIOD);
	return 0;
}

/* Begins a session.  False when another CPU has just done so. */
static bool session_begin(struct sluice_net *sn, const struct sluice_session_key *key,
			  const struct sluice_packet *packet)
{
	struct sluice_session *session = session_alloc(sn, key, packet);
	struct sluice_record_data *record = NULL;
	int err;

	if (!session)
		return true;
	/* Whoever finds it waits until its first packet has been seen. */
	spin_lock_bh(&session->lock);
	err = session_insert(sn, session);
	if (!err)
		record = session_see(session, packet);
	else
		session->dead = true;
	spin_unlock_bh(&session->lock);

	if (err) {
		session_uncount(sn, session);
		call_rcu(&session->rcu, session_free_rcu);
		if (err == -EEXIST)
			return false;
		session_missed(sn, packet, SLUICE_STAT_MISSED_NO_MEMORY);
		return true;
	}
	if (record)
		sluice_record_finish(session, packet, record);
	if (session->ignored) {
		sluice_stat_inc(sn, SLUICE_STAT_IGNORED_MARK);
	} else {
		sluice_stat_inc(sn, SLUICE_STAT_SESSIONS);
		if (sluice_session_is_udp(session))
			sluice_stat_inc(sn, SLUICE_STAT_SESSIONS_UDP);
		sluice_netlink_session_begin(sn, session->ring_index, &session->record);
	}
	return true;
}

/*
 * Is this a new connection between the same ports?  Its SYN then belongs to a
 * new conntrack entry: another one, or one that is not confirmed yet and only
 * lies where the old one did.  Not so when a SYN is repeated that was never
 * answered.  When conntrack takes the SYN for one it may ignore, its sequence
 * number decides.  With UDP a new entry between the same ends is the same exchange:
 * conntrack forgets one sooner than we do.
 */
static bool session_reused(const struct sluice_session *session,
			   const struct sluice_packet *packet)
{
	const struct nf_conn *ct = packet->ct;
	bool repeated, other;

	lockdep_assert_held(&session->lock);
	if (sluice_session_is_udp(session))
		return session->ct != (unsigned long)ct && !sluice_record_fits(session, ct);
	if (!session_opens(packet))
		return false;
	other = session->ct != (unsigned long)ct || !nf_ct_is_confirmed(ct);
	repeated = session->isn_known && session->isn == packet->sequence;
	if (session->closing)
		return other || !repeated;
	return other && !(repeated && !session->dir[SLUICE_DIR_ANSWERER].count.packets);
}

/* A packet of a session that was found.  False when it is none of it after all. */
static bool session_continue(struct sluice_session *session, const struct sluice_packet *packet)
{
	struct sluice_record_data *record;

	spin_lock_bh(&session->lock);
	if (session->dead) {
		spin_unlock_bh(&session->lock);
		return false;
	}
	if (session_reused(session, packet)) {
		spin_unlock_bh(&session->lock);
		session_end(session, SLUICE_END_REUSED);
		return false;
	}
	session->ct = (unsigned long)packet->ct;
	WRITE_ONCE(session->used, jiffies);
	if (!session->again)
		WRITE_ONCE(session->again, true);
	record = session_see(session, packet);
	spin_unlock_bh(&session->lock);
	if (record)
		sluice_record_finish(session, packet, record);
	return true;
}

void sluice_session_packet(struct sluice_net *sn, const struct sluice_packet *packet)
{
	struct sluice_session_key key = session_key(packet->ct);
	struct sluice_session *session;
	int i;

	for (i = 0; i < SESSION_TRIES; i++) {
		session = rhashtable_lookup(&sn->by_tuple, &key, session_by_tuple);
		if (session && session_continue(session, packet))
			return;
		if (!session_wanted(sn, packet))
			return;
		if (session_begin(sn, &key, packet))
			return;
	}
	/* Cannot be: others would have to end and begin it in step with us. */
	session_missed(sn, packet, SLUICE_STAT_MISSED_NO_MEMORY);
}

/* ---------------------------------------------------------- init and exit */

int sluice_session_net_init(struct sluice_net *sn)
{
	int err;

	err = rhashtable_init(&sn->by_tuple, &session_by_tuple);
	if (err)
		return err;
	err = rhashtable_init(&sn->by_id, &session_by_id);
	if (err)
		rhashtable_destroy(&sn->by_tuple);
	return err;
}

/* Empty: every session went with its ring, and a ring holds its namespace. */
void sluice_session_net_exit(struct sluice_net *sn)
{
	WARN_ON_ONCE(atomic_read(&sn->sessions));
	rhashtable_destroy(&sn->by_id);
	rhashtable_destroy(&sn->by_tuple);
}

int sluice_session_init(void)
{
	session_cache = KMEM_CACHE(sluice_session, 0);
	return session_cache ? 0 : -ENOMEM;
}

void sluice_session_exit(void)
{
	rcu_barrier();		/* sessions on their way to be freed */
	kmem_cache_destroy(session_cache);
}
