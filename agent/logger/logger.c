// SPDX-License-Identifier: MIT
#include "logger/logger.h"

#include "lib/log.h"
#include "lib/msg.h"
#include "lib/sandbox.h"
#include "lib/system_paths.h"
#include "logger/outlet.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MIN 1000 /* ms before the outlet is opened again */
#define PAUSE_MAX 60000
#define LOOK_MS 50 /* between looks whether something has arrived */
#define UMASK 027
#define STOP_MS 2000 /* for what is under way, when asked to end */

struct batch {
	struct buf bytes;
	size_t at;	  /* written so far */
	bool whole;	  /* its end came */
	bool written;	  /* all of it */
	uint64_t number;  /* when whole */
	uint64_t mark;	  /* of the outlet's progress, when written */
	uint64_t arrived; /* ms, when it was first seen that it has; 0: not yet */
};

struct logger {
	const struct logger_config *config;
	const struct outlet_ops *ops;
	struct outlet outlet;
	int signals;
	struct batch batch[LOGGER_WINDOW]; /* a ring */
	size_t first, count;
	bool up;
	uint64_t opened;  /* how often */
	uint64_t open_at; /* ms: not before */
	unsigned int pause;
	bool failing; /* and that was logged: it is `said` */
	char said[LOGGER_TEXT_MAX];
	bool blocked;	  /* the outlet takes nothing now */
	uint64_t stop_by; /* 0: running */
	uint64_t now;
	int exit; /* -1: running */
	struct msg msg;
};

void outlet_error(struct outlet *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(o->error, sizeof(o->error), format, args);
	va_end(args);
}

void outlet_close(struct outlet *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}

static void progress(struct logger *l, uint64_t *written, uint64_t *arrived)
{
	*written = *arrived = 0;
	if (l->ops->progress)
		l->ops->progress(&l->outlet, written, arrived);
}

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct batch *batch_at(struct logger *l, size_t i)
{
	return &l->batch[(l->first + i) % LOGGER_WINDOW];
}

/* ---------------------------------------------------- what the supervisor is told */

static void tell(struct logger *l)
{
	if (msg_send(l->config->supervisor, &l->msg) != MSG_OK)
		l->exit = 0; /* it is gone, and so are we */
}

static void tell_state(struct logger *l)
{
	msg_begin(&l->msg, MSG_OUTLET);
	msg_put_u64(&l->msg, MSG_A_SEQUENCE, l->opened);
	msg_put_u64(&l->msg, MSG_A_STATUS, l->up);
	if (!l->up)
		msg_put_string(&l->msg, MSG_A_TEXT, l->outlet.error);
	tell(l);
}

static void tell_recorded(struct logger *l, uint64_t number)
{
	msg_begin(&l->msg, MSG_RECORDED);
	msg_put_u64(&l->msg, MSG_A_SEQUENCE, l->opened);
	msg_put_u64(&l->msg, MSG_A_NUMBER, number);
	tell(l);
}

/* ----------------------------------------------------------------- the outlet */

static void drop_batches(struct logger *l)
{
	for (size_t i = 0; i < LOGGER_WINDOW; i++)
		buf_free(&l->batch[i].bytes);
	l->first = l->count = 0;
	l->blocked = false;
}

/* Said once, until it works again or something else is wrong. */
static void say(struct logger *l)
{
	if (l->failing && !strcmp(l->said, l->outlet.error))
		return;
	log_error("%s; trying again, nothing is lost", l->outlet.error);
	snprintf(l->said, sizeof(l->said), "%s", l->outlet.error);
	l->failing = true;
}

static void wait_longer(struct logger *l)
{
	l->open_at = l->now + l->pause;
	l->pause = l->pause * 2 > PAUSE_MAX ? PAUSE_MAX : l->pause * 2;
}

static void fail(struct logger *l)
{
	l->ops->close(&l->outlet);
	l->up = false;
	drop_batches(l);
	say(l);
	tell_state(l);
	wait_longer(l);
}

/* Not an error: what was made under a policy that is stricter now is to be made anew. */
static void begin_anew(struct logger *l)
{
	if (!l->up)
		return;
	l->ops->close(&l->outlet);
	l->up = false;
	drop_batches(l);
	outlet_error(&l->outlet, "policy is stricter now");
	tell_state(l);
	l->open_at = l->now;
}

/* Who wants us to end need not wait for a server that does not answer. */
static bool open_outlet(struct logger *l)
{
	sigset_t set;
	bool ok;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	ok = l->ops->open(&l->outlet);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return ok;
}

static void open_due(struct logger *l)
{
	if (l->up || l->now < l->open_at || l->stop_by)
		return;
	l->up = open_outlet(l);
	l->now = clock_ms();
	if (!l->up) {
		say(l);
		tell_state(l);
		wait_longer(l);
		return;
	}
	l->opened++;
	tell_state(l);
}

/* ------------------------------------------------------------------- batches */

static void write_batches(struct logger *l)
{
	uint64_t arrived;

	l->blocked = false;
	for (size_t i = 0; l->up && i < l->count; i++) {
		struct batch *b = batch_at(l, i);
		size_t done = 0;

		if (b->written)
			continue;
		while (b->whole && b->at < b->bytes.len) {
			switch (l->ops->write(&l->outlet, b->bytes.data + b->at,
					      b->bytes.len - b->at, &done)) {
			case OUTLET_OK:
				b->at += done;
				break;
			case OUTLET_AGAIN:
				l->blocked = true;
				return;
			case OUTLET_BROKEN:
				fail(l);
				return;
			}
		}
		if (!b->whole)
			return;
		b->written = true;
		progress(l, &b->mark, &arrived);
	}
}

static void works(struct logger *l)
{
	if (l->failing)
		log_info("records are written again");
	l->failing = false;
	l->pause = PAUSE_MIN;
}

static void settle_batches(struct logger *l)
{
	uint64_t written, arrived, number = 0;

	if (!l->up || !l->count || !batch_at(l, 0)->written)
		return;
	progress(l, &written, &arrived);
	for (size_t i = 0; i < l->count && batch_at(l, i)->written; i++)
		if (!batch_at(l, i)->arrived && batch_at(l, i)->mark <= arrived)
			batch_at(l, i)->arrived = l->now;
	while (l->count) {
		struct batch *b = batch_at(l, 0);

		if (!b->arrived || l->now - b->arrived < l->ops->grace)
			break;
		number = b->number;
		buf_free(&b->bytes);
		l->first = (l->first + 1) % LOGGER_WINDOW;
		l->count--;
	}
	if (number) {
		works(l);
		tell_recorded(l, number);
	}
}

/* More of the batch that is being received, or the first of the next one. */
static bool take_records(struct logger *l, const struct msg_view *v)
{
	struct batch *b = l->count ? batch_at(l, l->count - 1) : NULL;
	uint64_t opened, number;
	const uint8_t *p;
	size_t n;

	if (!msg_get_u64(v, MSG_A_SEQUENCE, &opened) || !msg_get(v, MSG_A_TEXT, &p, &n))
		return false;
	/* Sent before it knew of a break. */
	if (!l->up || opened != l->opened)
		return true;
	if (!b || b->whole) {
		if (l->count == LOGGER_WINDOW)
			return false;
		b = batch_at(l, l->count++);
		memset(b, 0, sizeof(*b));
		buf_init(&b->bytes, LOGGER_BATCH_MAX);
	}
	if (!buf_add(&b->bytes, p, n))
		return false;
	b->whole = msg_get_u64(v, MSG_A_NUMBER, &number);
	b->number = b->whole ? number : 0;
	return true;
}

/* ---------------------------------------------------------------------- loop */

static void receive(struct logger *l)
{
	static uint8_t room[MSG_MAX];
	struct msg_view v;

	switch (msg_receive(l->config->supervisor, room, &v)) {
	case MSG_OK:
		if (v.type == MSG_REVOKE) {
			begin_anew(l);
		} else if (v.type != MSG_RECORDS || !take_records(l, &v)) {
			log_error("the supervisor sent what makes no sense, or memory is out");
			l->exit = 1;
		}
		break;
	case MSG_AGAIN:
		break;
	case MSG_CLOSED:
		l->exit = 0;
		break;
	default:
		l->exit = 1;
		break;
	}
}

static int wait_time(const struct logger *l)
{
	if (l->count && batch_at((struct logger *)l, 0)->written)
		return LOOK_MS;
	if (l->stop_by)
		return l->count ? LOOK_MS : 0;
	if (!l->up)
		return l->open_at > l->now ? (int)(l->open_at - l->now) : 0;
	return -1;
}

/* While the outlet is not open there is nothing to read but MSG_REVOKE and what is stale. */
static void step(struct logger *l)
{
	struct pollfd fds[3] = {
		{.fd = l->signals, .events = POLLIN},
		{.fd = l->config->supervisor, .events = POLLIN},
		{.fd = l->up ? l->outlet.fd : -1, .events = l->ops->check ? POLLIN : 0},
	};
	struct signalfd_siginfo info;

	if (l->blocked)
		fds[2].events |= POLLOUT;
	poll(fds, 3, wait_time(l));
	l->now = clock_ms();
	if (read(l->signals, &info, sizeof(info)) == sizeof(info) && !l->stop_by)
		l->stop_by = l->now + STOP_MS;
	if (fds[2].revents & (POLLIN | POLLERR | POLLHUP) && l->ops->check &&
	    l->ops->check(&l->outlet) == OUTLET_BROKEN)
		fail(l);
	if (fds[1].revents)
		receive(l);
	write_batches(l);
	settle_batches(l);
	open_due(l);
	if (l->stop_by && (!l->count || !l->up || l->now >= l->stop_by))
		l->exit = 0;
}

/* -------------------------------------------------------------------- set-up */

static bool open_signals(struct logger *l)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	l->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (l->signals < 0)
		log_error("signalfd: %s", strerror(errno));
	return l->signals >= 0;
}

/* A file's directory, where one that was moved away is made again. */
static bool enter_sandbox(const struct logger_config *c)
{
	struct sandbox_path paths[SYSTEM_PATHS_MAX + 1];
	char *path = c->sink->path ? strdup(c->sink->path) : NULL;
	size_t n = 0;
	bool ok;

	if (c->sink->path && !path) {
		log_error("out of memory");
		return false;
	}
	if (path)
		paths[n++] = (struct sandbox_path){dirname(path), SANDBOX_WRITE};
	if (c->sink->host)
		n += system_paths(paths + n);
	ok = sandbox_enter(SANDBOX_FORWARDER, paths, n, c->sink->host && c->socket_mark);
	free(path);
	return ok;
}

static const struct outlet_ops *const kinds[SINK_KIND_COUNT] = {
	[SINK_FILE] = &outlet_file,
	[SINK_JOURNAL] = &outlet_journal,
	[SINK_SYSLOG] = &outlet_syslog,
};

int logger_run(const struct logger_config *c)
{
	static struct logger l;

	l = (struct logger){
		.config = c,
		.ops = kinds[c->sink->kind],
		.outlet = {.sink = c->sink, .socket_mark = c->socket_mark, .fd = -1},
		.signals = -1,
		.pause = PAUSE_MIN,
		.now = clock_ms(),
		.exit = -1,
	};
	msg_init(&l.msg);
	umask(UMASK); /* whoever collects the file is of its group */
	if (!open_signals(&l) || (c->sandbox && !enter_sandbox(c)) ||
	    curl_global_init(CURL_GLOBAL_DEFAULT))
		l.exit = 1;
	while (l.exit < 0)
		step(&l);
	if (l.up)
		l.ops->close(&l.outlet);
	drop_batches(&l);
	msg_free(&l.msg);
	if (l.signals >= 0)
		close(l.signals);
	return l.exit;
}
