// SPDX-License-Identifier: MIT
/*
 * The forwarder process.
 *
 *	MSG_SUBMIT -> queue, committed -> MSG_QUEUED
 *	due -> started, committed -> attempt: MSG_RENDER -> MSG_ENVELOPE -> request
 *	       -> outcome, committed -> MSG_RESULT
 *
 * One loop over curl, the supervisor's socket and signals.  Nothing that is to be
 * sent to the supervisor is kept in a list: acknowledgements belong to the batch just
 * committed, envelopes wanted to their jobs, results to their rows.  So a
 * supervisor that does not read costs no memory, and is waited for.
 *
 * When the disk fails, nothing is acknowledged, started or forgotten: the loop
 * keeps what it has in memory and asks the database again every second.
 */
#include "forwarder/forwarder.h"
#include "forwarder/backoff.h"
#include "forwarder/queue.h"
#include "lib/counter.h"
#include "lib/log.h"
#include "lib/msg.h"
#include "lib/sandbox.h"
#include "sample/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PER_CLOUD 8		/* attempts at once */
#define BATCH 64		/* submissions per commit, results per round */
#define STREAK_DOWN 5		/* so many attempts failed in a row: it is the cloud */
#define ENVELOPE_WAIT 60000	/* ms for the supervisor to answer MSG_RENDER */
#define DISK_WAIT 1000		/* ms before the database is tried again */
#define KEEP_ENDED (30 * 86400000LL)	/* ms a finished submission is remembered */
#define FORGET_EVERY 3600000	/* ms */
#define IDLE_WAIT 60000		/* ms, at most, in poll */

#define EXIT_AGAIN 75		/* EX_TEMPFAIL: start us again */

enum job_state {
	JOB_FREE,
	JOB_RUNNING,		/* the kind works on it */
	JOB_RENDER,		/* an envelope is wanted, MSG_RENDER not sent yet */
	JOB_ENVELOPE,		/* MSG_RENDER sent */
	JOB_ENDED,		/* outcome known, not committed yet */
};

struct target;

struct job {
	enum job_state state;
	struct target *target;
	struct queue_item item;
	struct cloud_submission submission;
	int64_t deadline;	/* of JOB_ENVELOPE */
	const char *refusal;	/* why there is no envelope */
	bool ours;		/* the outcome says nothing about the cloud */
	struct cloud_result result;
	char path[SPOOL_PATH_MAX];
};

/* A cloud and how it does. */
struct target {
	const struct cloud_config *config;
	struct forwarder *forwarder;
	unsigned int running;
	unsigned int streak;	/* attempts since the last that reached an end */
	unsigned int downs;	/* times it was down since then */
	int64_t down_until;
	int64_t next_due;	/* no row is worth looking for before */
	struct job job[PER_CLOUD];
};

struct forwarder {
	const struct forwarder_config *config;
	struct queue *queue;
	struct cloud_loop loop;
	struct target *target;
	int signals;
	int64_t now;

	struct queue_item batch[BATCH];
	size_t batched;		/* in batch */
	bool committed;		/* batch is in the queue */
	size_t acknowledged;	/* of batch */

	bool untold;		/* results may wait in the queue */
	bool blocked;		/* the supervisor does not read */
	int64_t disk_again;	/* the database failed: not before */
	char disk_error[256];	/* what was logged about it */
	int64_t forget_at;
	struct counters counters, sent;
	struct msg msg;
	int exit;		/* status to end with, -1: go on */
};

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint32_t random32(void)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = (uint32_t)clock_ms();
	return r;
}

static void disk_failed(struct forwarder *f, const char *doing)
{
	f->disk_again = f->now + DISK_WAIT;
	if (strcmp(f->disk_error, queue_error(f->queue))) {
		snprintf(f->disk_error, sizeof(f->disk_error), "%s", queue_error(f->queue));
		log_error("%s: %s: %s; trying again every second", f->config->queue_path, doing,
			  f->disk_error);
	}
}

/* After a write that went well. */
static void disk_works(struct forwarder *f)
{
	if (f->disk_error[0])
		log_info("%s: can be written again", f->config->queue_path);
	f->disk_error[0] = '\0';
	f->disk_again = 0;
}

static struct target *target_find(struct forwarder *f, const char *cloud)
{
	for (size_t i = 0; i < f->config->clouds; i++)
		if (!strcmp(f->target[i].config->name, cloud))
			return &f->target[i];
	return NULL;
}

/* ----------------------------------------------------- from the supervisor */

static void bad_message(struct forwarder *f, const struct msg_view *v)
{
	counter_add(&f->counters, COUNTER_MESSAGES_BAD, 1);
	log_warning_once("supervisor: message \"%s\" not understood", msg_type_text(v->type));
}

static void on_submit(struct forwarder *f, const struct msg_view *v)
{
	struct queue_item *item = &f->batch[f->batched];

	*item = (struct queue_item){0};
	if (!msg_get_exact(v, MSG_A_ID, item->id, sizeof(item->id)) ||
	    !msg_get_string(v, MSG_A_CLOUD, item->cloud, sizeof(item->cloud)) || !*item->cloud ||
	    !msg_get_exact(v, MSG_A_SHA256, item->sha256, sizeof(item->sha256)) ||
	    !msg_get_u64(v, MSG_A_SIZE, &item->size) || item->size > INT64_MAX) {
		bad_message(f, v);
		return;
	}
	f->batched++;
}

static void on_envelope(struct forwarder *f, const struct msg_view *v)
{
	static char json[MSG_MAX], filename[MSG_MAX];
	static char refusal[CLOUD_DETAIL_MAX];
	char cloud[CLOUD_NAME_MAX];
	uint8_t id[SIGHTING_ID_SIZE];
	struct target *t;
	uint64_t status;

	if (!msg_get_exact(v, MSG_A_ID, id, sizeof(id)) ||
	    !msg_get_string(v, MSG_A_CLOUD, cloud, sizeof(cloud)) ||
	    !msg_get_u64(v, MSG_A_STATUS, &status) ||
	    (status == 0 && (!msg_get_string(v, MSG_A_JSON, json, sizeof(json)) ||
			     !msg_get_string(v, MSG_A_FILENAME, filename, sizeof(filename))))) {
		bad_message(f, v);
		return;
	}
	t = target_find(f, cloud);
	for (size_t i = 0; t && i < PER_CLOUD; i++) {
		struct job *job = &t->job[i];

		if (job->state != JOB_ENVELOPE || memcmp(job->item.id, id, sizeof(id)))
			continue;
		job->state = JOB_RUNNING;
		if (status) {
			if (!msg_get_string(v, MSG_A_TEXT, refusal, sizeof(refusal)))
				snprintf(refusal, sizeof(refusal),
					 "the cloud's policy allows nothing to be sent");
			job->refusal = refusal;
		}
		t->config->ops->envelope(&job->submission, status ? NULL : json, filename);
		return;
	}
	/* The attempt ended while the answer was on its way. */
}

static const struct {
	uint16_t type;
	void (*handle)(struct forwarder *f, const struct msg_view *v);
} handlers[] = {
	{MSG_SUBMIT, on_submit},
	{MSG_ENVELOPE, on_envelope},
};

static void receive(struct forwarder *f)
{
	static uint8_t room[MSG_MAX];

	while (f->exit < 0 && !f->committed && f->batched < BATCH) {
		struct msg_view v;
		size_t i;

		switch (msg_receive(f->config->supervisor, room, &v)) {
		case MSG_OK:
			break;
		case MSG_AGAIN:
			return;
		case MSG_CLOSED:
			f->exit = 0;
			return;
		case MSG_BAD:
			log_error("supervisor: malformed message");
			f->exit = 1;
			return;
		case MSG_ERROR:
			log_error("supervisor: %s", strerror(errno));
			f->exit = 1;
			return;
		}
		for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
			if (handlers[i].type == v.type)
				break;
		if (i < sizeof(handlers) / sizeof(handlers[0]))
			handlers[i].handle(f, &v);
		else
			bad_message(f, &v);
	}
}

static void commit_batch(struct forwarder *f)
{
	if (!f->batched || f->committed || f->now < f->disk_again)
		return;
	if (!queue_add(f->queue, f->batch, f->batched, f->now)) {
		disk_failed(f, "submissions cannot be stored");
		return;
	}
	disk_works(f);
	f->committed = true;
	f->acknowledged = 0;
	f->untold = true;	/* some may have been here before, and ended */
	counter_add(&f->counters, COUNTER_QUEUED, f->batched);
	for (size_t i = 0; i < f->batched; i++) {
		struct target *t = target_find(f, f->batch[i].cloud);

		if (t)
			t->next_due = 0;
		else
			log_warning("submission for cloud \"%s\", which is not configured: kept",
				    f->batch[i].cloud);
	}
}

/* ------------------------------------------------------- to the supervisor */

/* Sends f->msg; false when the supervisor has no room or is gone. */
static bool send_message(struct forwarder *f)
{
	switch (msg_send(f->config->supervisor, &f->msg)) {
	case MSG_OK:
		return true;
	case MSG_AGAIN:
		f->blocked = true;
		return false;
	case MSG_CLOSED:
		f->exit = 0;
		return false;
	default:
		log_error("supervisor: message \"%s\" cannot be sent: %s",
			  msg_type_text(f->msg.type), strerror(errno));
		f->exit = 1;
		return false;
	}
}

static void begin_message(struct forwarder *f, enum msg_type type,
			  const uint8_t id[static SIGHTING_ID_SIZE], const char *cloud)
{
	msg_begin(&f->msg, type);
	msg_put(&f->msg, MSG_A_ID, id, SIGHTING_ID_SIZE);
	msg_put_string(&f->msg, MSG_A_CLOUD, cloud);
}

static bool send_acknowledgements(struct forwarder *f)
{
	if (!f->committed)
		return true;
	for (; f->acknowledged < f->batched; f->acknowledged++) {
		const struct queue_item *item = &f->batch[f->acknowledged];

		begin_message(f, MSG_QUEUED, item->id, item->cloud);
		if (!send_message(f))
			return false;
	}
	f->committed = false;
	f->batched = 0;
	return true;
}

static bool send_wishes(struct forwarder *f)
{
	for (size_t i = 0; i < f->config->clouds; i++) {
		for (size_t j = 0; j < PER_CLOUD; j++) {
			struct job *job = &f->target[i].job[j];

			if (job->state != JOB_RENDER)
				continue;
			begin_message(f, MSG_RENDER, job->item.id, job->item.cloud);
			if (!send_message(f))
				return false;
			job->state = JOB_ENVELOPE;
			job->deadline = f->now + ENVELOPE_WAIT;
		}
	}
	return true;
}

static bool send_results(struct forwarder *f)
{
	static struct queue_result results[BATCH];
	size_t count, sent;

	while (f->untold && f->now >= f->disk_again) {
		if (!queue_untold(f->queue, results, BATCH, &count)) {
			disk_failed(f, "results cannot be read");
			return true;
		}
		for (sent = 0; sent < count; sent++) {
			const struct queue_result *r = &results[sent];

			begin_message(f, MSG_RESULT, r->id, r->cloud);
			msg_put_u64(&f->msg, MSG_A_STATUS, r->outcome);
			msg_put_u64(&f->msg, MSG_A_VERDICT, (uint64_t)(int64_t)r->verdict);
			msg_put_string(&f->msg, MSG_A_TEXT, r->detail);
			if (!send_message(f))
				break;
		}
		if (sent && !queue_told(f->queue, results, sent)) {
			/* They will be told twice, which the supervisor does not mind. */
			disk_failed(f, "results cannot be marked as told");
			return true;
		}
		if (sent < count)
			return false;
		f->untold = count == BATCH;
	}
	return true;
}

static bool send_counters(struct forwarder *f)
{
	if (!memcmp(&f->counters, &f->sent, sizeof(f->counters)))
		return true;
	msg_begin(&f->msg, MSG_COUNTERS);
	for (int c = 0; c < COUNTER_COUNT; c++) {
		if (f->counters.value[c] == f->sent.value[c])
			continue;
		msg_put_string(&f->msg, MSG_A_COUNTER_NAME, counter_name(c));
		msg_put_u64(&f->msg, MSG_A_COUNTER_VALUE, f->counters.value[c]);
	}
	if (!send_message(f))
		return false;
	f->sent = f->counters;
	return true;
}

static void send_all(struct forwarder *f)
{
	f->blocked = false;
	if (send_acknowledgements(f) && send_wishes(f) && send_results(f))
		send_counters(f);
}

/* ----------------------------------------------------------------- attempts */

static void want_envelope(struct cloud_submission *s)
{
	struct job *job = s->owner;

	job->state = JOB_RENDER;
}

static void done(struct cloud_submission *s, const struct cloud_result *r)
{
	struct job *job = s->owner;

	job->result = *r;
	if (job->refusal)
		cloud_result_set(&job->result, r->outcome, "no envelope: %s", job->refusal);
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
	} else if (!spool_path(f->config->spool_dir, item->sha256, job->path, sizeof(job->path))) {
		cloud_result_set(&job->result, CLOUD_RETRY, "path of the sample is too long");
		job->state = JOB_ENDED;
	} else {
		t->config->ops->begin(&f->loop, &job->submission);
	}
}

/* A cloud that is down is tried with one submission at a time. */
static void schedule(struct forwarder *f)
{
	struct queue_item items[PER_CLOUD];

	for (size_t i = 0; i < f->config->clouds && f->now >= f->disk_again; i++) {
		struct target *t = &f->target[i];
		size_t limit = t->downs ? 1 : PER_CLOUD, count;

		if (t->running >= limit || f->now < t->down_until || f->now < t->next_due)
			continue;
		if (!queue_take(f->queue, t->config->name, f->now, items, limit - t->running,
				&count)) {
			disk_failed(f, "attempts cannot be begun");
			return;
		}
		if (count)
			disk_works(f);
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
		return;		/* another attempt of the same moment said so already */
	t->downs++;
	wait = r->stuck ? (int64_t)c->retry_max * 1000 :
			  backoff_delay(c->retry_min, c->retry_max, t->downs, random32());
	if (r->retry_after)
		wait = (int64_t)r->retry_after * 1000;
	t->down_until = f->now + wait;
	if (t->downs == 1)
		log_warning("cloud %s: %s; next try in %lld s", t->config->name, r->detail,
			    (long long)(wait + 999) / 1000);
	if (resolver_replaced(f)) {
		log_info("/etc/resolv.conf was replaced: starting again to be allowed to read it");
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
	[CLOUD_SENT] = COUNTER_SUBMITTED,
	[CLOUD_KNOWN] = COUNTER_KNOWN,
	[CLOUD_REFUSED] = COUNTER_FAILED,
	[CLOUD_RETRY] = COUNTER_RETRIES,
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
		ok = queue_again(f->queue, job->item.number, r, failures, f->now + wait, f->now);
	}
	if (!ok) {
		disk_failed(f, "an outcome cannot be stored");
		return false;
	}
	disk_works(f);
	counter_add(&f->counters, outcome_counter[r->outcome], 1);
	if (r->answer_bad)
		counter_add(&f->counters, COUNTER_CLOUD_ANSWERS_BAD, 1);
	log_at(r->outcome == CLOUD_REFUSED ? LOG_LEVEL_WARNING :
	       r->outcome == CLOUD_RETRY ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
	       "cloud %s: sample %s: %s: %s", job->item.cloud, sha256_text(job->item.sha256, hash),
	       cloud_outcome_name(r->outcome), r->detail);

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
	t->next_due = 0;	/* another submission may have waited for the same sample */
	return true;
}

/* Ends what waited too long for its envelope, and settles what ended. */
static void settle(struct forwarder *f)
{
	for (size_t i = 0; i < f->config->clouds; i++) {
		for (size_t j = 0; j < PER_CLOUD; j++) {
			struct job *job = &f->target[i].job[j];

			if (job->state == JOB_ENVELOPE && f->now >= job->deadline) {
				job->state = JOB_RUNNING;
				job->refusal = "the supervisor did not answer";
				f->target[i].config->ops->envelope(&job->submission, NULL, NULL);
			}
			if (job->state == JOB_ENDED && f->now >= f->disk_again)
				job_settle(job);
		}
	}
}

static void transfers(struct forwarder *f)
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

/* --------------------------------------------------------------------- loop */

static void earlier(int64_t *when, int64_t at)
{
	if (at < *when)
		*when = at;
}

/* When there is something to do without anybody telling us. */
static int64_t next_time(const struct forwarder *f)
{
	int64_t when = f->now + IDLE_WAIT, disk = f->disk_again > f->now ? f->disk_again : f->now;

	if (f->batched && !f->committed)
		earlier(&when, disk);
	if (f->untold && !f->blocked)
		earlier(&when, disk);
	for (size_t i = 0; i < f->config->clouds; i++) {
		const struct target *t = &f->target[i];
		int64_t start = t->down_until > t->next_due ? t->down_until : t->next_due;

		if (t->running < (t->downs ? 1 : PER_CLOUD))
			earlier(&when, start > disk ? start : disk);
		for (size_t j = 0; j < PER_CLOUD; j++) {
			if (t->job[j].state == JOB_ENVELOPE)
				earlier(&when, t->job[j].deadline);
			if (t->job[j].state == JOB_ENDED)
				earlier(&when, disk);
		}
	}
	return when;
}

static void wait_for_something(struct forwarder *f)
{
	struct curl_waitfd fds[2] = {
		{.fd = f->signals, .events = CURL_WAIT_POLLIN},
		{.fd = f->config->supervisor},
	};
	int64_t wait = next_time(f) - f->now;

	if (!f->committed && f->batched < BATCH)
		fds[1].events |= CURL_WAIT_POLLIN;
	if (f->blocked)
		fds[1].events |= CURL_WAIT_POLLOUT;
	/* With nothing to ask, a supervisor that is gone would still wake poll(), without end. */
	curl_multi_poll(f->loop.multi, fds, fds[1].events ? 2 : 1, wait > 0 ? (int)wait : 0, NULL);
}

static void read_signals(struct forwarder *f)
{
	struct signalfd_siginfo info;

	if (read(f->signals, &info, sizeof(info)) == sizeof(info))
		f->exit = 0;
}

static void forget_old(struct forwarder *f)
{
	if (f->now < f->forget_at)
		return;
	f->forget_at = f->now + FORGET_EVERY;
	if (!queue_forget(f->queue, f->now - KEEP_ENDED))
		disk_failed(f, "old submissions cannot be removed");
}

static void run(struct forwarder *f)
{
	while (f->exit < 0) {
		f->now = clock_ms();
		read_signals(f);
		receive(f);
		commit_batch(f);
		transfers(f);
		settle(f);
		schedule(f);
		send_all(f);
		forget_old(f);
		if (f->exit < 0)
			wait_for_something(f);
	}
}

/* -------------------------------------------------------------------- set-up */

static void cancel_all(struct forwarder *f)
{
	for (size_t i = 0; f->target && i < f->config->clouds; i++)
		for (size_t j = 0; j < PER_CLOUD; j++) {
			struct job *job = &f->target[i].job[j];

			if (job->state != JOB_FREE && job->state != JOB_ENDED)
				job->target->config->ops->cancel(&job->submission);
		}
}

/* What name resolution, TLS and their libraries read. */
static const char *const system_paths[] = {
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
	"/etc/services", "/etc/localtime", "/etc/ssl", "/etc/ld.so.cache", "/usr/lib/ssl",
	"/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/zoneinfo",
	"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib",
	"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
	"/dev/urandom", "/dev/null",
};

#define SYSTEM_PATHS (sizeof(system_paths) / sizeof(system_paths[0]))

static bool enter_sandbox(const struct forwarder_config *c)
{
	struct sandbox_path paths[SYSTEM_PATHS + 2 * CLOUD_MAX + 2];
	char *queue = strdup(c->queue_path);
	size_t n = 0;
	bool ok;

	if (!queue) {
		log_error("out of memory");
		return false;
	}
	for (size_t i = 0; i < SYSTEM_PATHS; i++)
		paths[n++] = (struct sandbox_path){system_paths[i], SANDBOX_READ};
	paths[n++] = (struct sandbox_path){c->spool_dir, SANDBOX_READ};
	paths[n++] = (struct sandbox_path){dirname(queue), SANDBOX_WRITE};
	for (size_t i = 0; i < c->clouds && i < CLOUD_MAX; i++) {
		const struct cloud_config *cloud = &c->cloud[i];

		if (cloud->ca_file && *cloud->ca_file)
			paths[n++] = (struct sandbox_path){cloud->ca_file, SANDBOX_READ};
		if (cloud->ops->needs_path)
			paths[n++] = (struct sandbox_path){cloud->path, SANDBOX_WRITE};
	}
	ok = sandbox_enter(SANDBOX_FORWARDER, paths, n, c->socket_mark != 0);
	free(queue);
	return ok;
}

/* Folders of clouds, while we may still make them. */
static void make_folders(const struct forwarder_config *c)
{
	for (size_t i = 0; i < c->clouds; i++)
		if (c->cloud[i].ops->needs_path && mkdir(c->cloud[i].path, 0750) &&
		    errno != EEXIST)
			log_warning("cloud %s: %s: cannot be made: %s", c->cloud[i].name,
				    c->cloud[i].path, strerror(errno));
}

static void report_unknown(const char *cloud, uint64_t count, void *arg)
{
	if (!target_find(arg, cloud))
		log_warning("%llu submissions wait for cloud \"%s\", which is not configured",
			    (unsigned long long)count, cloud);
}

static bool open_signals(struct forwarder *f)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);	/* of a terminal: the supervisor decides */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	f->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (f->signals < 0)
		log_error("signalfd: %s", strerror(errno));
	return f->signals >= 0;
}

static bool set_up(struct forwarder *f)
{
	const struct forwarder_config *c = f->config;
	int flags = fcntl(c->supervisor, F_GETFL);

	if (flags < 0 || fcntl(c->supervisor, F_SETFL, flags | O_NONBLOCK)) {
		log_error("supervisor's socket: %s", strerror(errno));
		return false;
	}
	if (!open_signals(f))
		return false;
	make_folders(c);
	if (c->sandbox && !enter_sandbox(c))
		return false;
	/*
	 * What was in flight when we died waits a little: the cloud may still be at
	 * work on it, and would answer that it does not know the sample.
	 */
	f->queue = queue_open(c->queue_path, f->now + (int64_t)c->retry_min * 1000,
			      f->now + (int64_t)c->retry_max * 1000);
	if (!f->queue)
		return false;
	f->target = calloc(c->clouds ? c->clouds : 1, sizeof(*f->target));
	if (!f->target || curl_global_init(CURL_GLOBAL_DEFAULT) ||
	    !(f->loop.multi = curl_multi_init())) {
		log_error("out of memory");
		return false;
	}
	f->loop.socket_mark = c->socket_mark;
	for (size_t i = 0; i < c->clouds; i++) {
		f->target[i].config = &c->cloud[i];
		f->target[i].forwarder = f;
	}
	if (!queue_clouds(f->queue, report_unknown, f)) {
		log_error("%s: %s", c->queue_path, queue_error(f->queue));
		return false;
	}
	return true;
}

int forwarder_run(const struct forwarder_config *c)
{
	static struct forwarder f;

	f = (struct forwarder){.config = c, .now = clock_ms(), .signals = -1, .untold = true,
			       .exit = -1};
	msg_init(&f.msg);
	if (set_up(&f))
		run(&f);
	else
		f.exit = 1;
	cancel_all(&f);
	if (f.loop.multi)
		curl_multi_cleanup(f.loop.multi);
	free(f.target);
	queue_close(f.queue);
	msg_free(&f.msg);
	if (f.signals >= 0)
		close(f.signals);
	return f.exit;
}
