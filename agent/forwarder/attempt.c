// SPDX-License-Identifier: MIT
/* When a submission is tried, and what becomes of it. */
#include "forwarder/state.h"
#include "forwarder/backoff.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define STREAK_DOWN 5 /* so many attempts failed in a row: it is the cloud */

static uint32_t random32(void)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = (uint32_t)forwarder_clock();
	return r;
}

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

static void begin(struct target *t, const struct queue_item *item)
{
	struct forwarder *f = t->forwarder;
	struct job *job = t->job;

	while (job->state != JOB_FREE)
		job++;
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
	};
	memcpy(job->submission.id, item->id, sizeof(item->id));
	memcpy(job->submission.sha256, item->sha256, sizeof(item->sha256));
	t->running++;
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

/* A cloud that is down is tried with one submission at a time. */
void attempt_schedule(struct forwarder *f)
{
	struct queue_item items[CLOUD_ATTEMPTS];

	for (size_t i = 0; i < f->config->clouds && f->now >= f->disk_again; i++) {
		struct target *t = &f->target[i];
		size_t limit = t->downs ? 1 : CLOUD_ATTEMPTS, count;

		if (t->running >= limit || f->now < t->down_until || f->now < t->next_due)
			continue;
		if (!queue_take(f->queue, t->config->name, f->now, items, limit - t->running,
				&count)) {
			forwarder_disk_failed(f, "attempts cannot be begun");
			return;
		}
		if (count)
			forwarder_disk_works(f);
		if (count < limit - t->running)
			t->next_due = queue_next_due(f->queue, t->config->name, f->now);
		for (size_t k = 0; k < count; k++)
			begin(t, &items[k]);
	}
}

/*
 * The sandbox allowed the resolver's files as they were.  One that was replaced
 * since (DHCP does that) cannot be opened any more, by a new process it can.
 */
static bool resolver_replaced(const struct forwarder *f)
{
	int fd;

	if (!f->config->sandbox)
		return false;
	fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EACCES;
}

/* Until when a cloud is left alone. */
static void target_down(struct target *t, const struct cloud_result *r)
{
	struct forwarder *f = t->forwarder;
	const struct forwarder_config *c = f->config;
	int64_t wait;

	if (f->now < t->down_until)
		return; /* another attempt of the same moment said so already */
	t->downs++;
	wait = r->stuck ? (int64_t)c->retry_max * 1000
			: backoff_delay(c->retry_min, c->retry_max, t->downs, random32());
	if (r->retry_after)
		wait = (int64_t)r->retry_after * 1000;
	t->down_until = f->now + wait;
	if (t->downs == 1)
		log_warning("cloud %s: %s; next try in %lld s", t->config->name, r->detail,
			    (long long)(wait + 999) / 1000);
	if (resolver_replaced(f)) {
		log_info("/etc/resolv.conf was replaced: starting again, to be allowed to "
			 "read it");
		f->exit = EXIT_AGAIN;
	}
}

static void target_works(struct target *t)
{
	if (t->downs)
		log_info("cloud %s: works again", t->config->name);
	t->streak = t->downs = 0;
	t->down_until = 0;
}

static const enum counter outcome_counter[CLOUD_OUTCOME_COUNT] = {
	[CLOUD_SENT] = COUNTER_SUBMITTED, [CLOUD_KNOWN] = COUNTER_KNOWN,
	[CLOUD_REFUSED] = COUNTER_FAILED, [CLOUD_RETRY] = COUNTER_RETRIES,
	[CLOUD_DOWN] = COUNTER_RETRIES,
};

/* Takes an outcome to disk; false: the disk failed, later. */
static bool job_settle(struct job *job)
{
	struct target *t = job->target;
	struct forwarder *f = t->forwarder;
	const struct cloud_result *r = &job->result;
	uint32_t failures = job->item.failures + (r->outcome == CLOUD_RETRY);
	char hash[SHA256_TEXT];
	int64_t wait;
	bool ok;

	if (cloud_outcome_final(r->outcome)) {
		ok = queue_end(f->queue, job->item.number, r, f->now);
	} else {
		if (r->outcome == CLOUD_DOWN)
			target_down(t, r);
		wait = backoff_delay(f->config->retry_min, f->config->retry_max, failures,
				     random32());
		if (r->outcome == CLOUD_DOWN)
			wait = t->down_until - f->now;
		else if (wait < (int64_t)r->retry_after * 1000)
			wait = (int64_t)r->retry_after * 1000;
		ok = queue_again(f->queue, job->item.number, r, failures, f->now + wait,
				 f->now);
	}
	if (!ok) {
		forwarder_disk_failed(f, "an outcome cannot be stored");
		return false;
	}
	forwarder_disk_works(f);
	counter_add(&f->counters, outcome_counter[r->outcome], 1);
	t->retries += !cloud_outcome_final(r->outcome);
	if (r->answer_bad)
		counter_add(&f->counters, COUNTER_CLOUD_ANSWERS_BAD, 1);
	log_at(r->outcome == CLOUD_REFUSED ? LOG_LEVEL_WARNING
	       : r->outcome == CLOUD_RETRY ? LOG_LEVEL_INFO
					   : LOG_LEVEL_DEBUG,
	       "cloud %s: sample %s: %s: %s", job->item.cloud,
	       sha256_text(job->item.sha256, hash), cloud_outcome_name(r->outcome), r->detail);

	if (cloud_outcome_final(r->outcome))
		f->untold = true;
	if (job->ours) {
		/* nothing learned */
	} else if (cloud_outcome_final(r->outcome)) {
		target_works(t);
	} else if (r->outcome == CLOUD_RETRY && ++t->streak % STREAK_DOWN == 0) {
		target_down(t, r);
	}
	job->state = JOB_FREE;
	t->running--;
	t->next_due = 0; /* another submission may have waited for the same sample */
	return true;
}

/* Ends what waited too long for the supervisor, and settles what ended. */
void attempt_settle(struct forwarder *f)
{
	for (size_t i = 0; i < f->config->clouds; i++) {
		struct target *t = &f->target[i];

		for (size_t j = 0; j < CLOUD_ATTEMPTS; j++) {
			struct job *job = &t->job[j];

			if (job->state == JOB_ENVELOPE && f->now >= job->deadline) {
				job->state = JOB_RUNNING;
				job->refusal = "no envelope: the supervisor did not answer";
				t->config->ops->envelope(&job->submission, NULL, NULL);
			}
			if (job->state == JOB_PERMIT && f->now >= job->deadline) {
				job->state = JOB_RUNNING;
				job->refusal = "no leave: the supervisor did not answer";
				job->ours = true;
				t->config->ops->go(&job->submission, false);
			}
			if (job->state == JOB_ENDED && f->now >= f->disk_again)
				job_settle(job);
		}
	}
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

void attempt_cancel(struct forwarder *f)
{
	for (size_t i = 0; f->target && i < f->config->clouds; i++)
		for (size_t j = 0; j < CLOUD_ATTEMPTS; j++) {
			struct job *job = &f->target[i].job[j];

			if (job->state != JOB_FREE && job->state != JOB_ENDED)
				job->target->config->ops->cancel(&job->submission);
		}
}
