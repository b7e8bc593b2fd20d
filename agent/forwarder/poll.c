// SPDX-License-Identifier: MIT
/* Questions about verdicts that are still to come. */
#include "forwarder/state.h"
#include "lib/log.h"

#include <stdlib.h>
#include <string.h>

/* ms, where no query is left or the supervisor has refused one. */
#define NO_QUERIES_WAIT 30000

static struct job *question(const struct target *t)
{
	return (struct job *)&t->job[CLOUD_SLOT_POLL];
}

/* Those that are new wait for nobody: a cloud that fails is left to their attempts. */
int64_t poll_next(const struct target *t)
{
	int64_t when = t->poll_at;

	if (!t->config->ops->verdicts || question(t)->state != JOB_FREE || t->downs)
		return INT64_MAX;
	return when < t->asked_until ? t->asked_until : when;
}

void poll_expect(struct target *t)
{
	t->poll_at = 0;
}

static void ask(struct target *t)
{
	const struct cloud_ops *ops = t->config->ops;
	struct job *job = question(t);
	struct poll *p = t->poll;

	memset(p->denied, 0, sizeof(p->denied));
	p->batch.absent = false;
	p->batch.step = ops->lookup ? ops->lookup->step : NULL;
	for (size_t i = 0; i < p->batch.count; i++) {
		struct queue_item *item = &p->item[i];

		*item = (struct queue_item){.verdict = CLOUD_VERDICT_NONE};
		memcpy(item->id, p->row[i].id, sizeof(item->id));
		memcpy(item->cloud, p->row[i].cloud, sizeof(item->cloud));
		memcpy(item->sha256, p->row[i].sha256, sizeof(item->sha256));
		memcpy(p->batch.sha256[i], item->sha256, sizeof(item->sha256));
		p->batch.verdict[i] = CLOUD_VERDICT_NONE;
	}
	attempt_prepare(job, t, &p->item[0]);
	job->charged[true] = true; /* it takes no place in the quota of uploads */
	job->items = p->item;
	job->denied = p->denied;
	job->submission.verdict_only = true;
	if (p->batch.count > 1)
		job->submission.batch = &p->batch;
	ops->begin(&t->forwarder->loop, &job->submission);
}

void poll_begin(struct target *t)
{
	struct forwarder *f = t->forwarder;
	struct poll *p = t->poll;
	size_t max = 1;

	if (!p)
		p = t->poll = calloc(1, sizeof(*p));
	if (!p || !target_places(t, false)) {
		t->poll_at = f->now + NO_QUERIES_WAIT;
		return;
	}
	if (t->config->ops->lookup && t->config->lookup_batch > 1 && !t->one_by_one)
		max = t->config->lookup_batch;
	if (!queue_polls(f->queue, t->config->name, f->now, p->row, max, &p->batch.count)) {
		forwarder_disk_failed(f, "verdicts cannot be asked for");
		return;
	}
	if (p->batch.count)
		ask(t);
	else
		t->poll_at = queue_poll_at(f->queue, t->config->name);
}

/* ---------------------------------------------------------------------- end */

/* What an answer says of the sample at that place. */
static int32_t answered(const struct job *job, size_t i)
{
	const struct cloud_submission *s = &job->submission;
	int32_t value = s->batch ? s->batch->verdict[i] : job->result.verdict;

	if (value != CLOUD_VERDICT_NONE)
		return value;
	/* Missing among many it may be there the next time. */
	return s->batch || job->result.outcome != CLOUD_KNOWN ? CLOUD_VERDICT_PENDING
							      : CLOUD_VERDICT_UNKNOWN;
}

static void count(struct target *t, const struct queue_poll *row, bool late)
{
	struct forwarder *f = t->forwarder;
	char hash[SHA256_TEXT];

	if (late) {
		counter_add(&f->counters, COUNTER_VERDICTS_LATE, 1);
		log_info("cloud %s: sample %s: no verdict in time", row->cloud,
			 sha256_text(row->sha256, hash));
	} else if (row->verdict.value != CLOUD_VERDICT_PENDING) {
		counter_add(&f->counters, COUNTER_VERDICTS, 1);
		log_debug("cloud %s: sample %s: verdict %d", row->cloud,
			  sha256_text(row->sha256, hash), row->verdict.value);
	}
}

/* Which of them the end is about: all, or those that the supervisor named. */
static bool concerned(const struct job *job, size_t i)
{
	const struct poll *p = job->target->poll;

	return !job->ours || p->batch.count == 1 || p->denied[i];
}

/* An answer, or a refusal: of the rows that it is about something is known now. */
static bool store(struct job *job)
{
	static struct queue_poll changed[CLOUD_LOOKUP_MAX];
	static bool late[CLOUD_LOOKUP_MAX];
	struct target *t = job->target;
	struct forwarder *f = t->forwarder;
	const struct poll *p = t->poll;
	size_t n = 0;

	for (size_t i = 0; i < p->batch.count; i++) {
		int32_t value = job->ours ? CLOUD_VERDICT_PENDING : answered(job, i);

		if (!concerned(job, i))
			continue;
		changed[n] = p->row[i];
		changed[n].verdict = verdict_next(&f->config->verdict, &p->row[i].verdict,
						  value, f->now, &late[n]);
		n++;
	}
	if (!queue_polled(f->queue, changed, n)) {
		forwarder_disk_failed(f, "verdicts cannot be stored");
		return false;
	}
	forwarder_disk_works(f);
	for (size_t i = 0; i < n; i++)
		count(t, &changed[i], late[i]);
	f->verdicts = true;
	return true;
}

bool poll_settle(struct job *job)
{
	struct target *t = job->target;
	const struct cloud_result *r = &job->result;
	/* An error of the cloud's own about the sample is one of its verdicts. */
	bool answer = cloud_outcome_final(r->outcome) || r->verdict != CLOUD_VERDICT_NONE;
	bool absent = job->submission.batch && t->poll->batch.absent;

	t->poll_at = 0;
	if (absent) {
		t->one_by_one = true;
	} else if (answer || job->ours) {
		if (!store(job))
			return false;
		if (job->ours)
			t->poll_at = t->forwarder->now + NO_QUERIES_WAIT;
	} else {
		t->poll_at = target_again(t, r, 1);
	}
	if (!job->ours && !absent && (cloud_outcome_final(r->outcome) || !answer))
		target_learn(t, r);
	job->state = JOB_FREE;
	return true;
}
