// SPDX-License-Identifier: MIT
#include "forwarder/changes.h"

void changes_begin(struct changes *c)
{
	c->count = c->outcomes = 0;
}

struct cloud_result *changes_add(struct changes *c, const struct queue_item *item)
{
	struct cloud_result *r = &c->result[c->count];

	c->item[c->count] = item;
	c->change[c->count++] = (struct queue_change){
		.number = item->number, .result = r, .failures = item->failures};
	return r;
}

void changes_settle(struct target *t, struct changes *c)
{
	c->outcomes = c->count;
	for (size_t i = 0; i < c->count; i++) {
		struct cloud_result *r = &c->result[i];
		uint32_t more = c->change[i].failures - c->item[i]->failures;

		if (cloud_outcome_final(r->outcome))
			continue;
		c->change[i].failures = attempt_failures(c->item[i], r) + more;
		c->change[i].next_at = target_again(t, r, c->change[i].failures);
	}
}

void changes_waiting(struct changes *c, const struct queue_item *item, const char *why,
		     int64_t now)
{
	struct cloud_result *r = changes_add(c, item);

	cloud_result_set(r, CLOUD_RETRY, "%s", why);
	r->verdict = item->verdict;
	c->change[c->count - 1].next_at = now;
}

void changes_failed(struct target *t, struct changes *c, const struct queue_item *items,
		    const bool *denied, size_t n, const struct cloud_result *r)
{
	bool some = false;

	for (size_t i = 0; i < n; i++)
		some = some || denied[i];
	for (size_t i = 0; i < n; i++)
		if (!some || denied[i])
			*changes_add(c, &items[i]) = *r;
	changes_settle(t, c);
	for (size_t i = 0; i < n; i++)
		if (some && !denied[i])
			changes_waiting(c, &items[i], "was with one that may not leave",
					t->forwarder->now);
}

bool changes_store(struct target *t, const struct changes *c)
{
	struct forwarder *f = t->forwarder;

	if (c->count && !queue_change(f->queue, c->change, c->count, f->now)) {
		forwarder_disk_failed(f, "outcomes cannot be stored");
		return false;
	}
	forwarder_disk_works(f);
	return true;
}

void changes_count(struct target *t, const struct changes *c, bool log)
{
	for (size_t i = 0; i < c->outcomes; i++)
		attempt_count(t, c->item[i], &c->result[i], log);
}
