// SPDX-License-Identifier: GPL-2.0-only
/*
 * The share mask and its files in sysfs.
 */
#include <linux/atomic.h>
#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/mutex.h>
#include <linux/sluice.h>
#include <linux/sysfs.h>

#include "netlink.h"
#include "share.h"

#define SHARE_DIRECTORY "share"

/* Generation above, mask below, so that a packet reads both at once. */
static atomic64_t share_word = ATOMIC64_INIT(1LL << 32 | SLUICE_SHARE_ALL);
static DEFINE_MUTEX(share_lock);	/* one change, and its announcement, at a time */
static bool share_announcing;
static struct kobject *share_kobject;

static struct sluice_share share_unpack(u64 word)
{
	return (struct sluice_share){
		.mask = lower_32_bits(word),
		.generation = upper_32_bits(word),
	};
}

static u64 share_pack(struct sluice_share share)
{
	return (u64)share.generation << 32 | share.mask;
}

static const char * const share_name[SLUICE_FIELD_COUNT] = {
#define SHARE_NAME(id, name, panos) [SLUICE_FIELD_##id] = #name,
	SLUICE_FIELDS(SHARE_NAME)
#undef SHARE_NAME
};

struct sluice_share sluice_share_get(void)
{
	return share_unpack(atomic64_read(&share_word));
}

void sluice_share_set(u32 mask, u32 select)
{
	struct sluice_share share;
	u32 changed;
	int i;

	mutex_lock(&share_lock);
	share = sluice_share_get();
	changed = (share.mask ^ mask) & select & SLUICE_SHARE_ALL;
	if (changed) {
		share.mask ^= changed;
		share.generation++;
		atomic64_set(&share_word, share_pack(share));
		for (i = 0; i < SLUICE_FIELD_COUNT; i++)
			if (changed & SLUICE_FIELD_BIT(i))
				sysfs_notify(share_kobject, SHARE_DIRECTORY, share_name[i]);
		if (share_announcing)
			sluice_netlink_share_changed(share);
	}
	mutex_unlock(&share_lock);
}

void sluice_share_announce(bool on)
{
	mutex_lock(&share_lock);
	share_announcing = on;
	mutex_unlock(&share_lock);
}

static ssize_t share_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf);
static ssize_t share_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			   size_t count);

static struct kobj_attribute share_attribute[SLUICE_FIELD_COUNT] = {
#define SHARE_ATTRIBUTE(id, name, panos) \
	[SLUICE_FIELD_##id] = __ATTR(name, 0644, share_show, share_store),
	SLUICE_FIELDS(SHARE_ATTRIBUTE)
#undef SHARE_ATTRIBUTE
};

static ssize_t share_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	u32 bit = SLUICE_FIELD_BIT(attr - share_attribute);

	return sysfs_emit(buf, "%d\n", !!(sluice_share_get().mask & bit));
}

static ssize_t share_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			   size_t count)
{
	u32 bit = SLUICE_FIELD_BIT(attr - share_attribute);
	bool on;
	int err;

	err = kstrtobool(buf, &on);
	if (err)
		return err;
	sluice_share_set(on ? bit : 0, bit);
	return count;
}

static struct attribute *share_attributes[] = {
#define SHARE_POINTER(id, name, panos) &share_attribute[SLUICE_FIELD_##id].attr,
	SLUICE_FIELDS(SHARE_POINTER)
#undef SHARE_POINTER
	NULL
};

static const struct attribute_group share_group = {
	.name = SHARE_DIRECTORY,
	.attrs = share_attributes,
};

int sluice_share_init(void)
{
	int err;

	share_kobject = kobject_create_and_add("sluice", kernel_kobj);
	if (!share_kobject)
		return -ENOMEM;
	err = sysfs_create_group(share_kobject, &share_group);
	if (err)
		kobject_put(share_kobject);
	return err;
}

/* sysfs waits for those still inside a file; afterwards nobody changes the mask. */
void sluice_share_exit(void)
{
	sysfs_remove_group(share_kobject, &share_group);
	kobject_put(share_kobject);
}
