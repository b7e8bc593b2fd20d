// SPDX-License-Identifier: MIT
/* How a cloud does: its quotas, its pauses, and what outcomes say of it. */
#include "forwarder/state.h"
#include "forwarder/backoff.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define STREAK_DOWN 5 /* so many attempts failed in a row: it is the cloud */

/* Attempts that hold a place in the quota of queries or uploads without having used it. */
static uint64_t reserved(const struct target *t, bool upload)
{
	uint64_t n = 0;

	for (size_t i = 0; i < CLOUD_SLOTS; i++)
		n += t->job[i].state != JOB_FREE && t->job[i].state != JOB_ENDED &&
		     !t->job[i].charged[upload];
	return n;
}

uint64_t target_places(const struct target *t, bool upload)
{
	uint64_t left = quota_left(t->quota, t->config->quota, upload, t->forwarder->now);
	uint64_t held = reserved(t, upload);

	return left > held ? left - held : 0;
}

bool target_charge(struct job *job)
{
	struct target *t = job->target;
	struct forwarder *f = t->forwarder;
	bool upload = job->leave.carries & CLOUD_CARRIES_SAMPLE;
	const uint32_t *limit = t->config->quota;
	int64_t before = quota_again(t->quota, limit, f->now, NULL), after;
	struct quota quota[CLOUD_QUOTA_COUNT];
	enum cloud_quota which = 0;

	if (!upload && job->leave.carries)
		return true; /* an envelope beside its sample is neither upload nor question */
	if (quota_left(t->quota, limit, upload, f->now) == UINT64_MAX)
		return true; /* no limit: not worth a write */
	memcpy(quota, t->quota, sizeof(quota));
	quota_charge(quota, upload, f->now);
	if (!queue_quota_store(f->queue, t->config->name, quota)) {
		forwarder_disk_failed(f, "a quota cannot be counted");
		return false;
	}
	memcpy(t->quota, quota, sizeof(quota));
	job->charged[upload] = true;
	after = quota_again(quota, limit, f->now, &which);
	if (after != before) {
		counter_add(&f->counters, COUNTER_QUOTAS_USED_UP, 1);
		log_info("cloud %s: %s is used up, the rest waits %lld s", t->config->name,
			 cloud_quota_name(which), (long long)(after - f->now + 999) / 1000);
	}
	return true;
}

bool target_load(struct target *t)
{
	struct forwarder *f = t->forwarder;
	int64_t latest = f->now + CLOUD_PAUSE_MAX * 1000LL;

	if (!queue_quota_load(f->queue, t->config->name, t->quota) ||
	    !queue_pause_load(f->queue, t->config->name, &t->asked_until))
		return false;
	if (t->asked_until > latest) /* a clock that was wrong */
		t->asked_until = latest;
	snprintf(t->why, sizeof(t->why), "the cloud asked for it before a restart");
	if (t->asked_until > f->now)
		log_info("cloud %s: asked to be left alone for %lld s more", t->config->name,
			 (long long)(t->asked_until - f->now + 999) / 1000);
	return true;
}

void target_clock(struct target *t, int64_t back)
{
	struct forwarder *f = t->forwarder;

	t->next_due = t->poll_at = 0;
	t->down_until -= back;
	if (t->asked_until > f->now) {
		t->asked_until -= back;
		if (!queue_pause_store(f->queue, t->config->name, t->asked_until))
			forwarder_disk_failed(f, "a pause cannot be stored");
	}
	for (size_t i = 0; i < CLOUD_SLOTS; i++)
		t->job[i].deadline -= back;
	if (t->lookup)
		t->lookup->since -= back;
	if (t->links)
		t->links->since -= back;
}

static uint32_t random32(void)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = (uint32_t)forwarder_clock();
	return r;
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

/* A pause that the cloud wants is kept: a restart must not be a way around it. */
static void target_asked(struct target *t, int64_t until)
{
	struct forwarder *f = t->forwarder;

	if (until <= t->asked_until)
		return;
	t->asked_until = until;
	counter_add(&f->counters, COUNTER_CLOUD_PAUSES, 1);
	if (!queue_pause_store(f->queue, t->config->name, until))
		forwarder_disk_failed(f, "a pause cannot be stored");
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
	if (r->day_over)
		wait = quota_renewed(f->now, random32()) - f->now;
	if (r->retry_after)
		wait = (int64_t)r->retry_after * 1000;
	t->down_until = f->now + wait;
	snprintf(t->why, sizeof(t->why), "%s", r->detail);
	if (t->downs == 1)
		log_warning("cloud %s: %s; next try in %lld s", t->config->name, r->detail,
			    (long long)(wait + 999) / 1000);
	if (resolver_replaced(f)) {
		log_info("/etc/resolv.conf was replaced: starting again, to be allowed to "
			 "read it");
		f->exit = EXIT_AGAIN;
	}
}

void target_works(struct target *t)
{
	if (t->downs)
		log_info("cloud %s: works again", t->config->name);
	t->streak = t->downs = 0;
	t->down_until = 0;
}

int64_t target_again(struct target *t, const struct cloud_result *r, uint32_t failures)
{
	struct forwarder *f = t->forwarder;
	int64_t wait;

	if (r->outcome == CLOUD_DOWN || r->asked)
		target_down(t, r);
	if (r->asked)
		target_asked(t, r->retry_after ? f->now + (int64_t)r->retry_after * 1000
					       : t->down_until);
	wait = backoff_delay(f->config->retry_min, f->config->retry_max, failures, random32());
	if (r->outcome == CLOUD_DOWN)
		wait = t->down_until - f->now;
	else if (wait < (int64_t)r->retry_after * 1000)
		wait = (int64_t)r->retry_after * 1000;
	return f->now + wait;
}

void target_learn(struct target *t, const struct cloud_result *r)
{
	if (cloud_outcome_final(r->outcome))
		target_works(t);
	else if (r->outcome == CLOUD_RETRY && ++t->streak % STREAK_DOWN == 0)
		target_down(t, r);
	if (r->answer_bad)
		counter_add(&t->forwarder->counters, COUNTER_CLOUD_ANSWERS_BAD, 1);
}
