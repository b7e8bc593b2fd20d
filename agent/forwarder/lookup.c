// SPDX-License-Identifier: MIT
/* One question about many submissions. */
#include "forwarder/changes.h"
#include "forwarder/state.h"
#include "lib/log.h"

#include <stdlib.h>
#include <string.h>

#define FRESH 60000   /* ms that "unknown" counts: somebody else may send the sample */
#define USELESS_MAX 3 /* bad answers in a row after which the call is not used any more */

static struct job *question(const struct target *t)
{
	return (struct job *)&t->job[CLOUD_SLOT_LOOKUP];
}

bool lookup_wanted(struct target *t)
{
	/* While a cloud fails a single submission finds out whether it works again. */
	if (!t->config->ops->lookup || t->config->lookup_batch <= 1 || t->one_by_one ||
	    t->downs || t->streak)
		return false;
	if (!t->lookup)
		t->lookup = calloc(1, sizeof(*t->lookup));
	return t->lookup;
}

bool lookup_busy(const struct target *t)
{
	return question(t)->state != JOB_FREE || lookup_next(t);
}

const struct ready *lookup_next(const struct target *t)
{
	const struct lookup *l = t->lookup;

	return l && l->first < l->end ? &l->ready[l->first] : NULL;
}

int64_t lookup_stale(const struct target *t)
{
	return lookup_next(t) ? t->lookup->since + FRESH : INT64_MAX;
}

/* The verdict by which the cloud wants it; CLOUD_VERDICT_NONE: it was not asked. */
static void make_ready(struct target *t, const struct queue_item *item, int32_t verdict)
{
	struct lookup *l = t->lookup;

	if (l->first == l->end)
		l->first = l->end = 0;
	l->ready[l->end++] = (struct ready){.item = *item, .verdict = verdict};
	l->since = t->forwarder->now;
}

void lookup_begin(struct target *t, const struct queue_item *items, size_t count)
{
	const struct cloud_config *c = t->config;
	struct job *job = question(t);
	struct lookup *l = t->lookup;
	struct cloud_batch *batch = &l->batch;

	batch->count = 0;
	batch->absent = false;
	memset(l->denied, 0, sizeof(l->denied));
	for (size_t i = 0; i < count; i++) {
		/* What will not be sent is not asked about. */
		if (c->max_size && items[i].size > c->max_size) {
			make_ready(t, &items[i], CLOUD_VERDICT_NONE);
			continue;
		}
		l->item[batch->count] = items[i];
		memcpy(batch->sha256[batch->count], items[i].sha256, SHA256_SIZE);
		batch->verdict[batch->count++] = CLOUD_VERDICT_NONE;
	}
	if (batch->count == 1)
		make_ready(t, &l->item[0], CLOUD_VERDICT_NONE);
	if (batch->count <= 1)
		return;
	attempt_prepare(job, t, &l->item[0]);
	batch->step = c->ops->lookup->step;
	job->submission.batch = batch;
	job->items = l->item;
	job->denied = l->denied;
	job->charged[true] = true; /* it takes no place in the quota of uploads */
	c->ops->begin(&t->forwarder->loop, &job->submission);
}

/* ---------------------------------------------------------------------- end */

static void failed(struct job *job, struct changes *c)
{
	struct target *t = job->target;
	struct lookup *l = t->lookup;

	changes_failed(t, c, l->item, l->denied, l->batch.count, &job->result);
	log_info("cloud %s: %zu of %zu samples: %s: %s", t->config->name, c->outcomes,
		 l->batch.count, cloud_outcome_name(job->result.outcome), job->result.detail);
}

/* What the answer says of one; false: it goes on. */
static bool means(const struct cloud_lookup *kind, const struct lookup *l, size_t i,
		  struct cloud_result *r)
{
	const struct queue_item *item = &l->item[i];
	struct cloud_history before = {.verdict = item->verdict, .failures = item->failures};

	return l->batch.verdict[i] != CLOUD_VERDICT_NONE &&
	       kind->verdict(l->batch.verdict[i], &before, r);
}

static void answered(struct job *job, struct changes *c)
{
	const struct cloud_lookup *kind = job->target->config->ops->lookup;
	struct lookup *l = job->target->lookup;

	for (size_t i = 0; i < l->batch.count; i++) {
		struct cloud_result r;

		if (means(kind, l, i, &r)) {
			struct cloud_result *to = changes_add(c, &l->item[i]);

			cloud_result_set(to, r.outcome, "%s: %s", job->leave.name, r.detail);
			to->verdict = r.verdict;
		}
	}
	changes_settle(job->target, c);
}

/* Those that the answer has not ended go on as attempts. */
static void go_on(struct target *t)
{
	const struct cloud_lookup *kind = t->config->ops->lookup;
	struct lookup *l = t->lookup;

	for (size_t i = 0; i < l->batch.count; i++) {
		struct cloud_result r;

		if (!means(kind, l, i, &r))
			make_ready(t, &l->item[i], l->batch.verdict[i]);
	}
}

/* The cloud cannot be asked this way; its submissions go on one by one. */
static void without(struct target *t, const struct cloud_result *r)
{
	struct lookup *l = t->lookup;

	t->one_by_one = true;
	log_info("cloud %s: %s; samples are asked about one by one from now on",
		 t->config->name, r->detail);
	for (size_t i = 0; i < l->batch.count; i++)
		make_ready(t, &l->item[i], CLOUD_VERDICT_NONE);
}

bool lookup_settle(struct job *job)
{
	static struct changes c;
	struct target *t = job->target;
	struct lookup *l = t->lookup;
	const struct cloud_result *r = &job->result;
	bool good = cloud_outcome_final(r->outcome);
	unsigned int useless = good ? 0 : l->useless + r->answer_bad;
	bool absent = l->batch.absent || useless == USELESS_MAX;

	changes_begin(&c);
	if (good)
		answered(job, &c);
	else if (!absent)
		failed(job, &c);
	if (!changes_store(t, &c))
		return false;
	l->useless = useless;
	if (!job->ours && !l->batch.absent)
		target_learn(t, r);
	changes_count(t, &c, good);
	if (good)
		go_on(t);
	else if (absent)
		without(t, r);
	job->state = JOB_FREE;
	t->next_due = 0; /* another submission may have waited for the same sample */
	return true;
}

void lookup_give_back(struct target *t)
{
	static struct changes c;
	struct lookup *l = t->lookup;

	changes_begin(&c);
	for (size_t i = l->first; i < l->end; i++)
		changes_waiting(&c, &l->ready[i].item, "waited too long for its turn",
				t->forwarder->now);
	if (!changes_store(t, &c))
		return;
	l->first = l->end = 0;
	t->next_due = 0;
}
