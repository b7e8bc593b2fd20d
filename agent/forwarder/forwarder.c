// SPDX-License-Identifier: MIT
/*
 * The forwarder process.
 *
 *	MSG_SUBMIT -> queue, committed -> MSG_QUEUED
 *	due -> started, committed -> attempt: MSG_RENDER -> MSG_ENVELOPE -> request made
 *	       -> MSG_LEAVE -> MSG_GO -> request -> outcome, committed -> MSG_RESULT
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
#include "forwarder/state.h"
#include "lib/log.h"
#include "lib/sandbox.h"
#include "lib/system_paths.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DISK_WAIT 1000		     /* ms before the database is tried again */
#define KEEP_ENDED (30 * 86400000LL) /* ms a finished submission is remembered */
#define FORGET_EVERY 3600000	     /* ms */
#define CLOCK_BACK 1000		     /* ms that a clock may go back unnoticed */
#define IDLE_WAIT 60000		     /* ms, at most, in poll */

int64_t forwarder_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void forwarder_disk_failed(struct forwarder *f, const char *doing)
{
	f->disk_again = f->now + DISK_WAIT;
	if (strcmp(f->disk_error, queue_error(f->queue))) {
		snprintf(f->disk_error, sizeof(f->disk_error), "%s", queue_error(f->queue));
		queue_failing(f->queue, doing);
	}
}

/* After a write that went well. */
void forwarder_disk_works(struct forwarder *f)
{
	if (f->disk_error[0])
		log_info("%s: can be written again", f->config->queue_path);
	f->disk_error[0] = '\0';
	f->disk_again = 0;
}

struct target *forwarder_target(struct forwarder *f, const char *cloud)
{
	for (size_t i = 0; i < f->config->clouds; i++)
		if (!strcmp(f->target[i].config->name, cloud))
			return &f->target[i];
	return NULL;
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
	int64_t disk = f->disk_again > f->now ? f->disk_again : f->now;
	int64_t when = f->now + IDLE_WAIT;

	if ((f->batched && !f->committed) || f->clock_back)
		earlier(&when, disk);
	if ((f->untold || f->verdicts) && !f->blocked)
		earlier(&when, disk);
	for (size_t i = 0; i < f->config->clouds; i++) {
		const struct target *t = &f->target[i];
		int64_t start = attempt_next(t);

		earlier(&when, start > disk ? start : disk);
		for (size_t j = 0; j < CLOUD_SLOTS; j++) {
			if (t->job[j].state == JOB_ENVELOPE || t->job[j].state == JOB_PERMIT)
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
	/* With nothing asked, a supervisor that is gone would wake poll() without end. */
	curl_multi_poll(f->loop.multi, fds, fds[1].events ? 2 : 1, wait > 0 ? (int)wait : 0,
			NULL);
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
	if (!queue_forget(f->queue, f->now - KEEP_ENDED) ||
	    !queue_verdict_forget(f->queue, f->now))
		forwarder_disk_failed(f, "old submissions cannot be removed");
}

/*
 * The time of day now.  Where it was set back, what waits for a time that was would wait for
 * as long again.
 */
static void read_clock(struct forwarder *f)
{
	int64_t now = forwarder_clock(), back = f->now - now;

	f->now = now;
	if (back > CLOCK_BACK) {
		log_info("the clock was set back by %lld s", (long long)(back / 1000));
		f->clock_back = true;
		f->disk_again = 0;
		f->forget_at -= back;
		for (size_t i = 0; i < f->config->clouds; i++)
			target_clock(&f->target[i], back);
	}
	if (!f->clock_back || now < f->disk_again)
		return;
	f->clock_back = !queue_clock(f->queue, now + (int64_t)f->config->retry_max * 1000);
	if (f->clock_back)
		forwarder_disk_failed(f, "times cannot be corrected");
}

static void run(struct forwarder *f)
{
	while (f->exit < 0) {
		read_clock(f);
		read_signals(f);
		talk_receive(f);
		talk_commit(f);
		attempt_transfers(f);
		attempt_settle(f);
		attempt_schedule(f);
		talk_send(f);
		forget_old(f);
		if (f->exit < 0)
			wait_for_something(f);
	}
}

/* -------------------------------------------------------------------- set-up */

static bool enter_sandbox(const struct forwarder_config *c)
{
	struct sandbox_path paths[SYSTEM_PATHS_MAX + CLOUD_MAX + 2];
	char *queue = strdup(c->queue_path);
	size_t n = 0;
	bool ok;

	if (!queue) {
		log_error("out of memory");
		return false;
	}
	n += system_paths(paths);
	paths[n++] = (struct sandbox_path){c->spool_dir, SANDBOX_READ};
	paths[n++] = (struct sandbox_path){dirname(queue), SANDBOX_WRITE};
	for (size_t i = 0; i < c->clouds && i < CLOUD_MAX; i++) {
		const struct cloud_config *cloud = &c->cloud[i];

		if (cloud->ops->takes & CLOUD_SETTING_PATH)
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
		if ((c->cloud[i].ops->takes & CLOUD_SETTING_PATH) &&
		    mkdir(c->cloud[i].path, 0750) && errno != EEXIST)
			log_warning("cloud %s: %s: cannot be made: %s", c->cloud[i].name,
				    c->cloud[i].path, strerror(errno));
}

static void report_unknown(const char *cloud, uint64_t count, void *arg)
{
	if (!forwarder_target(arg, cloud))
		log_warning("%llu submissions wait for cloud \"%s\", which is not configured",
			    (unsigned long long)count, cloud);
}

static bool open_signals(struct forwarder *f)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* of a terminal: the supervisor decides */
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
	queue_verdict_times(f->queue, &c->verdict);
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
		if (!target_load(&f->target[i])) {
			log_error("%s: %s", c->queue_path, queue_error(f->queue));
			return false;
		}
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

	f = (struct forwarder){
		.config = c,
		.now = forwarder_clock(),
		.signals = -1,
		.untold = true,
		.verdicts = true,
		.exit = -1,
	};
	msg_init(&f.msg);
	if (set_up(&f))
		run(&f);
	else
		f.exit = 1;
	attempt_cancel(&f);
	if (f.loop.multi)
		curl_multi_cleanup(f.loop.multi);
	for (size_t i = 0; f.target && i < c->clouds; i++)
		attempt_free(&f.target[i]);
	free(f.target);
	queue_close(f.queue);
	msg_free(&f.msg);
	if (f.signals >= 0)
		close(f.signals);
	return f.exit;
}
