// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring: reserve, copy, commit.
 *
 *	 page[0]    page[1]    page[2 ..]    page[2 ..]
 *	+----------+----------+-------------+-------------+
 *	| consumer | producer | data        | data again  |
 *	+----------+----------+-------------+-------------+
 *
 * Producers on several CPUs take turns for as long as it takes to move the
 * position, and copy at the same time.  A record is busy from before the moment
 * the reader can see it until its bytes are there.  Whatever the kernel decides
 * upon is in struct sluice_ring, which the reader does not see; the one word it
 * believes after a check is the consumer position.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "ring.h"

#define RING_CONTROL_PAGES 2
#define RING_BIGGEST(size) ((size) / 4)	/* so that one record never fills it */

static bool ring_readable(struct sluice_ring *ring)
{
	u64 at = READ_ONCE(ring->consumer->position);
	const struct sluice_record *record;

	/* Acquire: pairs with the release in ring_take(), so the header is there. */
	if (at >= smp_load_acquire(&ring->position) || !IS_ALIGNED(at, SLUICE_RECORD_ALIGN))
		return false;
	record = (const void *)(ring->data + (at & (ring->size - 1)));
	return !(READ_ONCE(record->length) & SLUICE_RECORD_BUSY);
}

static void ring_wake(struct sluice_ring *ring)
{
	wake_up_interruptible_poll(&ring->wait, EPOLLIN | EPOLLRDNORM);
}

static void ring_wake_now(struct irq_work *work)
{
	ring_wake(container_of(work, struct sluice_ring, wake_now));
}

static void ring_wake_later(struct work_struct *work)
{
	ring_wake(container_of(to_delayed_work(work), struct sluice_ring, wake_later));
}

/*
 * After a commit.  A sleeping reader is woken at once when enough is waiting,
 * but only once for each position it has reached: it may be on its way. Waking it
 * later always follows, for the case that it found this record busy and slept.
 */
static void ring_committed(struct sluice_ring *ring)
{
	u64 consumed;

	if (!wq_has_sleeper(&ring->wait))
		return;
	consumed = READ_ONCE(ring->consumer->position);
	if (READ_ONCE(ring->position) - consumed >=
	    sluice_setting(ring->sn, SLUICE_SETTING_WAKE_BYTES) &&
	    READ_ONCE(ring->woken) != consumed) {
		WRITE_ONCE(ring->woken, consumed);
		irq_work_queue(&ring->wake_now);
	} else if (!delayed_work_pending(&ring->wake_later)) {
		u32 msec = sluice_setting(ring->sn, SLUICE_SETTING_WAKE_MSEC);

		schedule_delayed_work(&ring->wake_later, msecs_to_jiffies(msec));
	}
}

/* Bytes that may be reserved; none while the reader writes nonsense. */
static u32 ring_room(struct sluice_ring *ring)
{
	/* Acquire: the reader is done with what it has passed. */
	u64 consumed = smp_load_acquire(&ring->consumer->position);

	lockdep_assert_held(&ring->lock);
	if (consumed < ring->consumed || consumed > ring->position ||
	    !IS_ALIGNED(consumed, SLUICE_RECORD_ALIGN)) {
		sluice_stat_inc(ring->sn, SLUICE_STAT_CONSUMER_ERRORS);
		return 0;
	}
	ring->consumed = consumed;
	return ring->size - (u32)(ring->position - consumed);
}

/* The next @length bytes; the caller has made sure of the room. */
static struct sluice_record *ring_take(struct sluice_ring *ring, u16 type, u16 flags,
				       u32 length)
{
	u64 at = ring->position;
	struct sluice_record *record = (void *)(ring->data + (at & (ring->size - 1)));

	lockdep_assert_held(&ring->lock);
	record->type = type;
	record->flags = flags;
	WRITE_ONCE(record->length, length | SLUICE_RECORD_BUSY);
	at += ALIGN(length, SLUICE_RECORD_ALIGN);
	/* Release: whoever sees the position sees that the record is busy. */
	smp_store_release(&ring->position, at);
	/* Release: likewise, for the reader. */
	smp_store_release(&ring->producer->position, at);
	return record;
}

static void ring_release(struct sluice_record *record, u32 length)
{
	/* Release: whoever sees the record as done sees its bytes. */
	smp_store_release(&record->length, length);
}

static void ring_tell_loss(struct sluice_ring *ring)
{
	struct sluice_record_lost *lost;

	lockdep_assert_held(&ring->lock);
	lost = (void *)ring_take(ring, SLUICE_RECORD_LOST, 0, sizeof(*lost));
	lost->time = ktime_get_real_ns();
	lost->records = ring->lost_records;
	lost->bytes = ring->lost_bytes;
	ring->lost_records = 0;
	ring->lost_bytes = 0;
	ring_release(&lost->hdr, sizeof(*lost));
}

static void ring_lose(struct sluice_ring *ring, enum sluice_ring_loss cause, u32 payload)
{
	struct sluice_ring_producer *producer = ring->producer;

	lockdep_assert_held(&ring->lock);
	ring->lost_records++;
	ring->lost_bytes += payload;
	WRITE_ONCE(producer->lost_records, producer->lost_records + 1);
	WRITE_ONCE(producer->lost_bytes, producer->lost_bytes + payload);
	sluice_stat_inc(ring->sn, (enum sluice_stat)cause);
	sluice_stat_add(ring->sn, SLUICE_STAT_LOST_BYTES, payload);
}

void *sluice_ring_reserve(struct sluice_ring *ring, u16 type, u16 flags, u32 length,
			  u32 payload)
{
	struct sluice_record *record = NULL;
	u32 need;

	sluice_stat_inc(ring->sn, SLUICE_STAT_RECORDS);
	spin_lock_bh(&ring->lock);
	if (length > RING_BIGGEST(ring->size)) {
		ring_lose(ring, SLUICE_RING_TOO_BIG, payload);
		goto out;
	}
	need = ALIGN(length, SLUICE_RECORD_ALIGN);
	if (ring->lost_records)
		need += sizeof(struct sluice_record_lost);
	if (need > ring_room(ring)) {
		ring_lose(ring, SLUICE_RING_FULL, payload);
		goto out;
	}
	if (ring->lost_records)
		ring_tell_loss(ring);
	record = ring_take(ring, type, flags, length);
out:
	spin_unlock_bh(&ring->lock);
	return record;
}

void sluice_ring_commit(struct sluice_ring *ring, void *p, u32 payload)
{
	struct sluice_record *record = p;

	sluice_stat_inc(ring->sn, SLUICE_STAT_RECORDS_DELIVERED);
	sluice_stat_add(ring->sn, SLUICE_STAT_BYTES_DELIVERED, payload);
	ring_release(record, record->length & SLUICE_RECORD_LENGTH_MASK);
	ring_committed(ring);
}

void sluice_ring_discard(struct sluice_ring *ring, void *p, u32 payload)
{
	struct sluice_record *record = p;

	spin_lock_bh(&ring->lock);
	ring_lose(ring, SLUICE_RING_UNREADABLE, payload);
	spin_unlock_bh(&ring->lock);
	ring_release(record, (record->length & SLUICE_RECORD_LENGTH_MASK) |
			     SLUICE_RECORD_DISCARD);
	ring_committed(ring);
}

void sluice_ring_lose(struct sluice_ring *ring, u32 payload)
{
	sluice_stat_inc(ring->sn, SLUICE_STAT_RECORDS);
	spin_lock_bh(&ring->lock);
	ring_lose(ring, SLUICE_RING_FULL, payload);
	spin_unlock_bh(&ring->lock);
}

__poll_t sluice_ring_poll(struct file *file, struct poll_table_struct *table)
{
	struct sluice_ring *ring = file->private_data;

	poll_wait(file, &ring->wait, table);
	return ring_readable(ring) ? EPOLLIN | EPOLLRDNORM : 0;
}

int sluice_ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct sluice_ring *ring = file->private_data;

	if (vma->vm_flags & VM_WRITE) {
		/* Of a private copy the kernel would never hear. */
		if (!(vma->vm_flags & VM_SHARED))
			return -EINVAL;
		if (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE)
			return -EPERM;
	} else {
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	return remap_vmalloc_range(vma, ring->area, vma->vm_pgoff);
}

/* The pages, the second half of the data being the first once more. */
static int ring_map(struct sluice_ring *ring)
{
	unsigned int data = ring->size >> PAGE_SHIFT;
	struct page **page;
	unsigned int i;

	page = kvcalloc(RING_CONTROL_PAGES + 2 * data, sizeof(*page), GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	ring->page = page;
	for (i = 0; i < RING_CONTROL_PAGES + data; i++) {
		page[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!page[i])
			return -ENOMEM;
		ring->pages++;
		if (i >= RING_CONTROL_PAGES)
			page[data + i] = page[i];
		cond_resched();
	}
	ring->area = vmap(page, RING_CONTROL_PAGES + 2 * data, VM_MAP | VM_USERMAP,
			  PAGE_KERNEL);
	return ring->area ? 0 : -ENOMEM;
}

void sluice_ring_free(struct sluice_ring *ring)
{
	cancel_delayed_work_sync(&ring->wake_later);
	irq_work_sync(&ring->wake_now);
	vunmap(ring->area);
	while (ring->pages)
		__free_page(ring->page[--ring->pages]);
	kvfree(ring->page);
	kfree(ring);
}

struct sluice_ring *sluice_ring_alloc(struct sluice_net *sn, u32 index, u32 count, u32 size)
{
	struct sluice_ring *ring;
	int err;

	ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return ERR_PTR(-ENOMEM);
	ring->sn = sn;
	ring->index = index;
	ring->size = size;
	ring->woken = U64_MAX;
	spin_lock_init(&ring->lock);
	init_waitqueue_head(&ring->wait);
	init_irq_work(&ring->wake_now, ring_wake_now);
	INIT_DELAYED_WORK(&ring->wake_later, ring_wake_later);
	sluice_session_set_init(&ring->sessions);
	err = ring_map(ring);
	if (err) {
		sluice_ring_free(ring);
		return ERR_PTR(err);
	}
	ring->consumer = ring->area;
	ring->producer = ring->area + PAGE_SIZE;
	ring->data = ring->area + RING_CONTROL_PAGES * PAGE_SIZE;
	ring->producer->data_size = size;
	ring->producer->abi_version = SLUICE_ABI_VERSION;
	ring->producer->index = index;
	ring->producer->count = count;
	return ring;
}
