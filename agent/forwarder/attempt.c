// SPDX-License-Identifier: MIT
/* When a submission is tried, and what becomes of it. */
#include "forwarder/state.h"
#include "cloud/exchange.h"
#include "lib/log.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FRESH_WAIT 1000 /* ms between looks for what the cloud was never asked about */

static void want_envelope(struct cloud_submission *s)
{
	struct job *job = s->owner;

	job->state = JOB_RENDER;
}

static void want_leave(struct cloud_submission *s, const struct cloud_leave *l)
{
	struct job *job = s->owner;

	job->leave = *l;
	job->state = JOB_LEAVE;
}

static void done(struct cloud_submission *s, const struct cloud_result *r)
{
	struct job *job = s->owner;

	job->result = *r;
	if (job->refusal)
		cloud_result_set(&job->result, r->outcome, "%s", job->refusal);
	job->refusal = NULL;
	job->state = JOB_ENDED;
}

void attempt_envelope(struct job *job, const char *json, const char *upload_name,
		      const char *refusal)
{
	job->state = JOB_RUNNING;
	if (job == &job->target->job[CLOUD_SLOT_LINKS]) {
		links_envelope(job, json, refusal);
		return;
	}
	if (!json)
		job->refusal = refusal;
	if (!json || !links_take(job))
		job->target->config->ops->envelope(&job->submission, json, upload_name);
}

void attempt_prepare(struct job *job, struct target *t, const struct queue_item *item)
{
	memset(job, 0, offsetof(struct job, path));
	job->target = t;
	job->item = *item;
	job->state = JOB_RUNNING;
	job->submission = (struct cloud_submission){
		.cloud = t->config,
		.size = item->size,
		.sample_path = job->path,
		.want_envelope = want_envelope,
		.want_leave = want_leave,
		.done = done,
		.owner = job,
		.verdict = CLOUD_VERDICT_NONE,
		.before = {.verdict = item->verdict, .failures = item->failures},
	};
	memcpy(job->submission.id, item->id, sizeof(item->id));
	memcpy(job->submission.sha256, item->sha256, sizeof(item->sha256));
}

/*
 * The quota of uploads is used up, and the cloud may still be asked.  What it knows ends then;
 * what it does not know waits, and is not asked about again before it can be uploaded: only
 * submissions that were never begun are.
 */
static bool asks_only(const struct target *t)
{
	const struct cloud_ops *ops = t->config->ops;
	const uint32_t *limit = t->config->quota;
	int64_t now = t->forwarder->now;

	return ops->steps && !ops->step[0].carries && !quota_left(t->quota, limit, true, now) &&
	       quota_left(t->quota, limit, false, now);
}

/* Whether what is known of a sample at that cloud needs no look whether it is still there. */
static bool knows(const struct target *t)
{
	return t->config->ops->verdicts || t->config->ops->blind;
}

bool attempt_reuses(const struct target *t)
{
	return knows(t) && !cloud_all_envelopes(t->config);
}

/*
 * Of a sample that the cloud is known to have nothing is sent any more, or the envelope alone.
 * True: the attempt has ended.
 */
static bool end_known(struct job *job)
{
	struct target *t = job->target;
	struct forwarder *f = t->forwarder;
	int32_t verdict;
	bool found;

	if (!knows(t))
		return false;
	if (!queue_verdict(f->queue, t->config->name, job->item.sha256, f->now, &found,
			   &verdict)) {
		forwarder_disk_failed(f, "what is known of samples cannot be read");
		cloud_result_set(&job->result, CLOUD_RETRY,
				 "what is known of samples cannot be read");
	} else if (!found) {
		return false;
	} else if (!attempt_reuses(t)) {
		job->submission.later = true;
		job->charged[true] = true; /* it takes no place in the quota of uploads */
		return false;
	} else {
		cloud_result_set(&job->result, CLOUD_KNOWN, QUEUE_KNOWN_DETAIL);
		job->result.verdict = verdict;
		job->reused = true;
	}
	job->ours = true;
	job->state = JOB_ENDED;
	return true;
}

/* The cloud wants the sample: no question any more. */
static bool asked(const struct ready *r)
{
	return r->verdict != CLOUD_VERDICT_NONE;
}

static void begin(struct target *t, const struct ready *ready)
{
	const struct queue_item *item = &ready->item;
	struct forwarder *f = t->forwarder;
	struct job *job = t->job;

	while (job->state != JOB_FREE)
		job++;
	attempt_prepare(job, t, item);
	job->submission.verdict = ready->verdict;
	job->charged[false] = asked(ready);
	job->asks = job->charged[true] = !asked(ready) && asks_only(t);
	t->running++;
	if (end_known(job))
		return;
	if (t->config->max_size && item->size > t->config->max_size) {
		cloud_result_set(&job->result, CLOUD_REFUSED,
				 "%llu bytes, the cloud's limit is %llu",
				 (unsigned long long)item->size,
				 (unsigned long long)t->config->max_size);
		job->ours = true;
		job->state = JOB_ENDED;
	} else if (!spool_path(f->config->spool_dir, item->sha256, job->path,
			       sizeof(job->path))) {
		cloud_result_set(&job->result, CLOUD_RETRY, "path of the sample is too long");
		job->state = JOB_ENDED;
	} else {
		t->config->ops->begin(&f->loop, &job->submission);
	}
}

/*
 * How many attempts may be begun, of submissions about which the cloud was asked or not.  A
 * cloud that is down is tried with one submission at a time.
 */
static size_t room(const struct target *t, bool asked)
{
	size_t limit = t->downs ? 1 : CLOUD_ATTEMPTS;
	uint64_t n = t->running < limit ? limit - t->running : 0;

	for (int upload = asked; upload < (!asked && asks_only(t) ? 1 : 2); upload++) {
		uint64_t places = target_places(t, upload);

		if (places < n)
			n = places;
	}
	return (size_t)n;
}

/* When an attempt may begin; INT64_MAX: when another one, or a question, has ended. */
static int64_t begin_at(const struct target *t)
{
	const struct ready *next = lookup_next(t);
	bool asks = asks_only(t);
	int64_t when = asks ? t->fresh_at
			    : quota_again(t->quota, t->config->quota, t->forwarder->now, NULL);

	if (next && room(t, asked(next)))
		when = 0;
	else if ((!next && lookup_busy(t)) || ((asks || !when) && !room(t, false)))
		return INT64_MAX;
	if (!next && when < t->next_due)
		when = t->next_due;
	if (when < t->down_until)
		when = t->down_until;
	return when < t->asked_until ? t->asked_until : when;
}

int64_t attempt_next(const struct target *t)
{
	const int64_t others[] = {lookup_stale(t), links_at(t), links_stale(t), poll_next(t)};
	int64_t next = begin_at(t);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i] < next)
			next = others[i];
	return next;
}

/* Those that a question has made ready. */
static void begin_ready(struct target *t)
{
	const struct ready *next;

	while ((next = lookup_next(t)) && room(t, asked(next))) {
		t->lookup->first++;
		begin(t, next);
	}
}

/* Those that are due: one after the other, or after a question about all of them. */
static void begin_due(struct target *t)
{
	static struct queue_item items[CLOUD_LOOKUP_MAX];
	struct forwarder *f = t->forwarder;
	bool asks = asks_only(t);
	size_t places = room(t, false), max, count;
	bool many = places && lookup_wanted(t);

	max = many ? t->config->lookup_batch : places;
	if (!queue_take(f->queue, t->config->name, f->now, asks, items, max, &count)) {
		forwarder_disk_failed(f, "attempts cannot be begun");
		return;
	}
	if (count)
		forwarder_disk_works(f);
	if (count < max)
		t->next_due = queue_next_due(f->queue, t->config->name, f->now);
	if (count < max && asks) {
		/* What is due and was asked about is passed over each time. */
		int64_t again = quota_again(t->quota, t->config->quota, f->now, NULL);

		t->fresh_at = f->now + FRESH_WAIT;
		if (again < t->next_due)
			t->next_due = again;
	}
	if (many && count > 1)
		lookup_begin(t, items, count);
	else
		for (size_t k = 0; k < count; k++)
			begin(t,
			      &(struct ready){.item = items[k], .verdict = CLOUD_VERDICT_NONE});
}

void attempt_schedule(struct forwarder *f)
{
	for (size_t i = 0; i < f->config->clouds && f->now >= f->disk_again; i++) {
		struct target *t = &f->target[i];

		if (asks_only(t) && lookup_next(t) && asked(lookup_next(t)))
			lookup_give_back(t);
		if (f->now >= links_at(t))
			links_begin(t);
		if (f->now >= begin_at(t)) {
			if (!lookup_busy(t))
				begin_due(t);
			begin_ready(t);
		}
		if (f->now >= poll_next(t))
			poll_begin(t);
	}
}

static const enum counter outcome_counter[CLOUD_OUTCOME_COUNT] = {
	[CLOUD_SENT] = COUNTER_SUBMITTED, [CLOUD_KNOWN] = COUNTER_KNOWN,
	[CLOUD_REFUSED] = COUNTER_FAILED, [CLOUD_RETRY] = COUNTER_RETRIES,
	[CLOUD_DOWN] = COUNTER_RETRIES,
};

uint32_t attempt_failures(const struct queue_item *item, struct cloud_result *r)
{
	bool news = r->verdict != CLOUD_VERDICT_NONE && r->verdict != item->verdict;

	if (!news)
		r->verdict = item->verdict;
	return (news ? 0 : item->failures) + (r->outcome == CLOUD_RETRY);
}

void attempt_count(struct target *t, const struct queue_item *item,
		   const struct cloud_result *r, bool log)
{
	struct forwarder *f = t->forwarder;
	char hash[SHA256_TEXT];

	counter_add(&f->counters, outcome_counter[r->outcome], 1);
	t->retries += !cloud_outcome_final(r->outcome);
	if (cloud_outcome_final(r->outcome)) {
		f->untold = true;
		poll_expect(t);
	}
	if (!log)
		return;
	log_at(r->outcome == CLOUD_REFUSED ? LOG_LEVEL_WARNING
	       : r->outcome == CLOUD_RETRY ? LOG_LEVEL_INFO
					   : LOG_LEVEL_DEBUG,
	       "cloud %s: sample %s: %s: %s", item->cloud, sha256_text(item->sha256, hash),
	       cloud_outcome_name(r->outcome), r->detail);
}

/*
 * The cloud does not know the sample, and was asked while nothing could be uploaded: goes on if
 * that has changed, or else waits.
 */
static void place(struct job *job)
{
	struct target *t = job->target;

	if (target_places(t, true)) {
		job->asks = job->charged[true] = false;
		return;
	}
	t->config->ops->cancel(&job->submission);
	cloud_result_set(&job->result, CLOUD_RETRY,
			 "not known to the cloud: waits for the quota of uploads");
	job->result.verdict = job->item.verdict;
	job->held = true;
	job->state = JOB_ENDED;
}

static struct queue_change job_change(struct job *job)
{
	struct cloud_result *r = &job->result;
	struct queue_change change = {
		.number = job->item.number, .result = r, .reused = job->reused};

	if (job->held) {
		change.failures = job->item.failures;
		change.next_at = job->target->forwarder->now;
		return change;
	}
	if (!cloud_outcome_final(r->outcome)) {
		change.failures = attempt_failures(&job->item, r);
		change.next_at = target_again(job->target, r, change.failures);
	}
	return change;
}

/* Its outcome is on the disk. */
static void job_settled(struct job *job)
{
	struct target *t = job->target;

	if (job->held) {
		target_works(t);
	} else {
		attempt_count(t, &job->item, &job->result, true);
		if (!job->ours)
			target_learn(t, &job->result);
	}
	job->state = JOB_FREE;
	t->running--;
	t->next_due = 0; /* another submission may have waited for the same sample */
}

/*
 * Takes outcomes to disk, those of a round in one commit: the longer a sync takes, the more end
 * meanwhile and go together.
 */
static void settle_ended(struct forwarder *f)
{
	static struct job *ended[CLOUD_MAX * CLOUD_ATTEMPTS];
	static struct queue_change change[CLOUD_MAX * CLOUD_ATTEMPTS];
	size_t n = 0;

	if (f->now < f->disk_again)
		return;
	for (size_t i = 0; i < f->config->clouds; i++) {
		for (size_t j = 0; j < CLOUD_ATTEMPTS; j++) {
			struct job *job = &f->target[i].job[j];

			if (job->state != JOB_ENDED || job->submission.batch)
				continue;
			change[n] = job_change(job);
			ended[n++] = job;
		}
	}
	if (!n)
		return;
	if (!queue_change(f->queue, change, n, f->now)) {
		forwarder_disk_failed(f, "an outcome cannot be stored");
		return;
	}
	forwarder_disk_works(f);
	for (size_t i = 0; i < n; i++)
		job_settled(ended[i]);
}

/* Ends what waited too long for the supervisor, and settles what ended. */
void attempt_settle(struct forwarder *f)
{
	for (size_t i = 0; i < f->config->clouds; i++) {
		struct target *t = &f->target[i];

		if (f->now >= lookup_stale(t) && f->now >= f->disk_again)
			lookup_give_back(t);
		if (f->now >= links_stale(t) && f->now >= f->disk_again)
			links_give_back(t);
		for (size_t j = 0; j < CLOUD_SLOTS; j++) {
			struct job *job = &t->job[j];

			if (job->state == JOB_RENDER && job->asks)
				place(job);
			if (job->state == JOB_ENVELOPE && f->now >= job->deadline) {
				attempt_envelope(job, NULL, NULL,
						 "no envelope: the supervisor did not answer");
			}
			if (job->state == JOB_PERMIT && f->now >= job->deadline) {
				job->state = JOB_RUNNING;
				job->refusal = "no leave: the supervisor did not answer";
				job->ours = true;
				t->config->ops->go(&job->submission, false);
			}
			if (job->state != JOB_ENDED || f->now < f->disk_again)
				continue;
			if (j == CLOUD_SLOT_POLL)
				poll_settle(job);
			else if (j == CLOUD_SLOT_LOOKUP)
				lookup_settle(job);
			else if (j == CLOUD_SLOT_LINKS)
				links_settle(job);
		}
	}
	settle_ended(f);
}

void attempt_transfers(struct forwarder *f)
{
	int left, running;
	CURLMsg *m;

	curl_multi_perform(f->loop.multi, &running);
	while ((m = curl_multi_info_read(f->loop.multi, &left))) {
		struct cloud_submission *s = NULL;
		CURLcode code = m->data.result;
		CURL *easy = m->easy_handle;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&s);
		s->cloud->ops->transfer_done(s, easy, code);
	}
}

void attempt_free(struct target *t)
{
	links_free(t);
	free(t->lookup);
	free(t->poll);
	t->lookup = NULL;
	t->poll = NULL;
}

void attempt_cancel(struct forwarder *f)
{
	for (size_t i = 0; f->target && i < f->config->clouds; i++)
		for (size_t j = 0; j < CLOUD_SLOTS; j++) {
			struct job *job = &f->target[i].job[j];

			if (job->state != JOB_FREE && job->state != JOB_ENDED)
				job->target->config->ops->cancel(&job->submission);
		}
}
