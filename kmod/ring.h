/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ring: memory shared with one reader, and the records in it.  The layout and
 * the reader's side are described in uapi/linux/sluice.h.
 */
#ifndef _SLUICE_RING_H
#define _SLUICE_RING_H

#include <linux/irq_work.h>
#include <linux/poll.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "net.h"
#include "session.h"

struct sluice_ring {
	struct sluice_net *sn;
	u32 index;
	u32 size;			/* of the data area */
	struct sluice_session_set sessions;

	struct page **page;		/* consumer, producer, data */
	unsigned int pages;
	void *area;			/* as user space maps it */
	struct sluice_ring_consumer *consumer;	/* written by the reader: believe nothing */
	struct sluice_ring_producer *producer;	/* only read by the reader */
	u8 *data;

	wait_queue_head_t wait;
	struct irq_work wake_now;
	struct delayed_work wake_later;
	u64 woken;			/* consumer position when last woken */

	/* For what follows, and what the producer page says of it. */
	spinlock_t lock ____cacheline_aligned_in_smp;
	u64 position;			/* bytes reserved; the one that counts */
	u64 consumed;			/* last sound consumer position */
	u64 lost_records;		/* since the last LOST record */
	u64 lost_bytes;
};

/* Why a record is lost: the counter of the cause. */
enum sluice_ring_loss {
	SLUICE_RING_FULL = SLUICE_STAT_LOST_RING_FULL,
	SLUICE_RING_TOO_BIG = SLUICE_STAT_LOST_TOO_BIG,
	SLUICE_RING_UNREADABLE = SLUICE_STAT_LOST_UNREADABLE,
};

/*
 * Allocates a ring with @size bytes of data (a power of two, a multiple of the
 * page size), charged to the memory cgroup of the caller, and fills its producer
 * page.  Returns an ERR_PTR on error.
 */
struct sluice_ring *sluice_ring_alloc(struct sluice_net *sn, u32 index, u32 count, u32 size);

/* Frees a ring that nobody can reach any more. */
void sluice_ring_free(struct sluice_ring *ring);

/*
 * Reserves a record of @length bytes, header included, of which @payload are
 * payload.  Returns it with its header filled in, or NULL when it is lost,
 * which has been counted then.  Must be followed by commit or discard, soon:
 * the reader waits.  Safe in softirq context.
 */
void *sluice_ring_reserve(struct sluice_ring *ring, u16 type, u16 flags, u32 length,
			  u32 payload);
void sluice_ring_commit(struct sluice_ring *ring, void *record, u32 payload);
void sluice_ring_discard(struct sluice_ring *ring, void *record, u32 payload);

/* Counts a record that cannot be tried: the one that has to precede it found no room. */
void sluice_ring_lose(struct sluice_ring *ring, u32 payload);

/* The file operations of a ring's descriptor, but for release. */
__poll_t sluice_ring_poll(struct file *file, struct poll_table_struct *table);
int sluice_ring_mmap(struct file *file, struct vm_area_struct *vma);

#endif /* _SLUICE_RING_H */
