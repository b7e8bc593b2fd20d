// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings of a network namespace: opening and closing.
 *
 * A closed file is a reader that has gone, however it went.  Packets find a ring
 * in two ways: a new session through sluice_net.ring, an old one through the
 * session.  A ring is taken away from both, in this order, with a grace period
 * after each, before it is freed.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/netlink.h>

#include "capture.h"
#include "hook.h"
#include "ring.h"
#include "session.h"

static int capture_release(struct inode *inode, struct file *file)
{
	struct sluice_ring *ring = file->private_data;
	struct sluice_net *sn = ring->sn;

	mutex_lock(&sn->lock);
	rcu_assign_pointer(sn->ring[ring->index], NULL);
	if (--sn->rings_open == 0) {
		WRITE_ONCE(sn->rings_count, 0);
		/* Cannot fail: nothing is added. */
		sluice_hooks_set(sn, 0);
	}
	synchronize_net();
	sluice_session_set_drain(&ring->sessions);
	synchronize_net();
	mutex_unlock(&sn->lock);

	sluice_ring_free(ring);
	put_net(sn->net);
	return 0;
}

static const struct file_operations capture_fops = {
	.owner = THIS_MODULE,
	.release = capture_release,
	.poll = sluice_ring_poll,
	.mmap = sluice_ring_mmap,
	.llseek = noop_llseek,
};

static int capture_check(struct sluice_net *sn, u32 index, u32 count, u32 size,
			 struct netlink_ext_ack *extack)
{
	lockdep_assert_held(&sn->lock);
	if (!is_power_of_2(size)) {
		NL_SET_ERR_MSG(extack, "the size of a ring must be a power of two");
		return -EINVAL;
	}
	if (index >= count) {
		NL_SET_ERR_MSG(extack, "the index of a ring must be below the count of rings");
		return -EINVAL;
	}
	if (sn->rings_count && sn->rings_count != count) {
		NL_SET_ERR_MSG(extack,
			       "rings are open with another count: use the same one, or close them first");
		return -EINVAL;
	}
	if (rcu_access_pointer(sn->ring[index])) {
		NL_SET_ERR_MSG(extack,
			       "this ring is open already: stop its reader, or choose another index");
		return -EBUSY;
	}
	return 0;
}

static struct file *capture_open(struct sluice_net *sn, u32 index, u32 count, u32 size,
				 struct netlink_ext_ack *extack)
{
	bool first = !sn->rings_open;
	struct sluice_ring *ring;
	struct file *file;
	int err;

	lockdep_assert_held(&sn->lock);
	err = capture_check(sn, index, count, size, extack);
	if (err)
		return ERR_PTR(err);
	ring = sluice_ring_alloc(sn, index, count, size);
	if (IS_ERR(ring)) {
		NL_SET_ERR_MSG(extack, "no memory for the ring: ask for a smaller size");
		return ERR_CAST(ring);
	}
	if (first) {
		err = sluice_hooks_set(sn, sluice_setting(sn, SLUICE_SETTING_HOOKS));
		if (err) {
			NL_SET_ERR_MSG(extack, "netfilter does not take the hooks");
			goto free;
		}
	}
	file = anon_inode_getfile("[sluice-ring]", &capture_fops, ring, O_RDWR | O_CLOEXEC);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto unhook;
	}
	get_net(sn->net);
	sn->rings_open++;
	rcu_assign_pointer(sn->ring[index], ring);
	WRITE_ONCE(sn->rings_count, count);
	return file;
unhook:
	if (first)
		sluice_hooks_set(sn, 0);
free:
	sluice_ring_free(ring);
	return ERR_PTR(err);
}

struct file *sluice_capture_open(struct sluice_net *sn, u32 index, u32 count, u32 size,
				 struct netlink_ext_ack *extack)
{
	struct file *file;

	mutex_lock(&sn->lock);
	file = capture_open(sn, index, count,
			    size ?: sluice_setting(sn, SLUICE_SETTING_RING_SIZE), extack);
	mutex_unlock(&sn->lock);
	return file;
}

u32 sluice_capture_size(const struct file *file)
{
	const struct sluice_ring *ring = file->private_data;

	return ring->size;
}
