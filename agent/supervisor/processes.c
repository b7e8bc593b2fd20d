// SPDX-License-Identifier: MIT
#include "supervisor/credentials.h"
#include "supervisor/live.h"

#include "forwarder/forwarder.h"
#include "inspector/inspector.h"
#include "lib/log.h"
#include "logger/logger.h"
#include "lib/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000
#define BACKOFF_FORGET_MS 60000 /* a process that ran for so long starts afresh */
#define LINGER_MS 1000		/* from closing its socket to being killed */
#define STOP_MS 3000		/* for the inspectors, then for the forwarder */
#define EXIT_AGAIN 75		/* the forwarder wants to be started again */

const char *live_name(const struct child *c, char text[static 32])
{
	if (strcmp(c->role, "inspector") == 0)
		snprintf(text, 32, "inspector %u", c->index);
	else if (c->name)
		snprintf(text, 32, "%s %.26s", c->role, c->name);
	else
		snprintf(text, 32, "%s", c->role);
	return text;
}

size_t live_sink(const struct supervisor *s, const struct child *c)
{
	size_t place = (size_t)(c - s->child);

	return place > s->inspectors && place < s->children ? place - s->inspectors - 1
							    : SINK_MAX;
}

struct spool_options live_spool(const struct supervisor *s)
{
	return (struct spool_options){
		.dir = s->spool_dir,
		.max_bytes = s->c->spool_bytes,
		.max_files = s->c->spool_files,
		.sync = true,
	};
}

static void forget_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
}

/* A process keeps what it needs. */
static void forget_clouds(struct config *c)
{
	for (size_t i = 0; i < c->clouds; i++) {
		forget_secret(c->cloud[i].key);
		forget_secret(c->cloud[i].token);
		forget_secret(c->cloud[i].certificate_key);
	}
}

static void forget_sinks(struct config *c, size_t but)
{
	for (size_t i = 0; i < c->sinks; i++)
		if (i != but)
			forget_secret(c->sink[i].certificate_key);
}

static int run_inspector(struct supervisor *s, uint32_t index, int fd, int ring)
{
	struct inspector_config i = {
		.supervisor = fd,
		.ring_fd = ring,
		.ring_index = index,
		.spool = live_spool(s),
		.files = s->c->files,
		.judged = true,
		.types = s->c->file_types,
		.applications = s->c->applications,
		.log_sessions = s->c->log_sessions,
		.sandbox = true,
	};
	char role[32];

	/* What parses hostile bytes holds no key. */
	forget_clouds(s->c);
	forget_sinks(s->c, SINK_MAX);
	snprintf(role, sizeof(role), "inspector %u", index);
	log_role(role);
	return inspector_run(&i);
}

static int run_forwarder(struct supervisor *s, int fd)
{
	struct forwarder_config f = {
		.supervisor = fd,
		.queue_path = s->queue_path,
		.spool_dir = s->spool_dir,
		.cloud = s->c->cloud,
		.clouds = s->c->clouds,
		.retry_min = s->c->retry_min,
		.retry_max = s->c->retry_max,
		.verdict = s->c->verdict,
		.socket_mark = s->socket_mark,
		.sandbox = true,
	};

	forget_sinks(s->c, SINK_MAX);
	log_role("forwarder");
	return forwarder_run(&f);
}

static int run_logger(struct supervisor *s, size_t sink, int fd)
{
	struct logger_config l = {
		.supervisor = fd,
		.sink = &s->c->sink[sink],
		.socket_mark = s->socket_mark,
		.sandbox = true,
	};
	char name[32];

	forget_clouds(s->c);
	forget_sinks(s->c, sink);
	log_role(live_name(&s->forwarder[1 + sink], name));
	return logger_run(&l);
}

int live_run(void *arg, uint32_t which, int fd, int extra)
{
	struct supervisor *s = arg;

	if (which < s->inspectors)
		return run_inspector(s, which, fd, extra);
	return which == s->inspectors ? run_forwarder(s, fd)
				      : run_logger(s, which - s->inspectors - 1, fd);
}

static bool start(struct supervisor *s, struct child *c)
{
	bool inspector = c < s->forwarder;
	char name[32];

	if (!launcher_launch(&s->launcher, c, (uint32_t)(c - s->child),
			     inspector ? s->ring[c->index] : -1)) {
		log_error("cannot start %s: %s", live_name(c, name), strerror(errno));
		return false;
	}
	/* Our end alone: we never wait for a child. */
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0)
		log_error("cannot set up the socket of %s: %s", live_name(c, name),
			  strerror(errno));
	if (inspector) {
		rules_due(&s->rules[c->index]);
	} else if (c == s->forwarder) {
		deliver_restart(&s->deliver);
		permits_restart(&s->permits);
		credentials_restart(s->c);
	} else {
		sinks_restart(&s->sinks, live_sink(s, c));
	}
	log_debug("%s has process id %d", live_name(c, name), (int)c->pid);
	return true;
}

bool live_start_due(struct supervisor *s)
{
	bool ok = true;

	for (size_t i = 0; i < s->children; i++) {
		struct child *c = &s->child[i];

		if (c->retired || c->pid || c->fd >= 0 || s->now < c->start_at)
			continue;
		if (!start(s, c)) {
			c->start_at = s->now + BACKOFF_MAX_MS;
			ok = false;
		}
	}
	return ok;
}

/* Both its process and its socket are gone. */
static void ended(struct supervisor *s, struct child *c)
{
	char name[32], text[CHILD_STATUS_MAX];
	bool again = WIFEXITED(c->status) && WEXITSTATUS(c->status) == EXIT_AGAIN;

	for (unsigned int i = 0; i < COUNTER_COUNT; i++)
		c->before.value[i] += c->now.value[i];
	memset(&c->now, 0, sizeof(c->now));
	c->kill_by = 0;
	if (s->phase != LIVE_RUNNING || c->retired)
		return;
	c->restarts++;
	if (s->now - c->started > BACKOFF_FORGET_MS)
		c->backoff = 0;
	if (!again)
		c->backoff = c->backoff ? c->backoff * 2 : BACKOFF_MIN_MS;
	if (c->backoff > BACKOFF_MAX_MS)
		c->backoff = BACKOFF_MAX_MS;
	c->start_at = s->now + c->backoff;
	if (!again)
		log_error("%s ended: %s; starting it again in %u ms", live_name(c, name),
			  child_status_text(c->status, text), c->backoff);
}

void live_reap(struct supervisor *s)
{
	char text[CHILD_STATUS_MAX];
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->launcher.pid) {
			s->launcher.pid = 0;
			log_error(
				"the launcher ended: %s; without it no process can be started "
				"again",
				child_status_text(status, text));
			s->failed = true;
			live_stop_begin(s);
			continue;
		}
		for (size_t i = 0; i < s->children; i++) {
			struct child *c = &s->child[i];

			if (c->pid != pid)
				continue;
			c->pid = 0;
			c->status = status;
			/* What it still said is read first. */
			if (c->fd < 0)
				ended(s, c);
		}
	}
}

void live_hang_up(struct supervisor *s, struct child *c, bool misbehaved)
{
	close(c->fd);
	c->fd = -1;
	if (!c->pid) {
		ended(s, c);
		return;
	}
	/* It is about to end; one that is not is made to. */
	c->kill_by = s->now + LINGER_MS;
	if (misbehaved)
		kill(c->pid, SIGKILL);
}

static bool gone(const struct child *c)
{
	return !c->pid && c->fd < 0;
}

static void signal_all(struct child *c, size_t count, int signal)
{
	for (size_t i = 0; i < count; i++)
		if (c[i].pid)
			kill(c[i].pid, signal);
}

void live_stop_begin(struct supervisor *s)
{
	if (s->phase != LIVE_RUNNING)
		return;
	notify("STOPPING=1");
	s->phase = LIVE_STOP_INSPECTORS;
	s->stop_by = s->now + STOP_MS;
	signal_all(s->child, s->inspectors, SIGTERM);
}

static bool all_gone(const struct child *c, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!gone(&c[i]))
			return false;
	return true;
}

/* True when children [0, count) are gone, or had to be left. */
static bool stop(struct supervisor *s, struct child *c, size_t count, size_t waiting)
{
	if (all_gone(c, count) && !waiting)
		return true;
	if (s->now < s->stop_by)
		return false;
	signal_all(c, count, SIGKILL);
	/* A killed process's last words are read, unless the disk does not take them. */
	return s->now >= s->stop_by + LINGER_MS;
}

void live_stop_step(struct supervisor *s)
{
	for (size_t i = 0; i < s->children; i++)
		if (s->child[i].pid && s->child[i].kill_by && s->now >= s->child[i].kill_by)
			kill(s->child[i].pid, SIGKILL);
	if (s->phase == LIVE_STOP_INSPECTORS && stop(s, s->child, s->inspectors, s->pendings)) {
		s->phase = LIVE_STOP_FORWARDER;
		s->stop_by = s->now + STOP_MS;
		signal_all(s->forwarder, s->children - s->inspectors, SIGTERM);
	}
	if (s->phase == LIVE_STOP_FORWARDER &&
	    stop(s, s->forwarder, s->children - s->inspectors, s->words))
		s->phase = LIVE_STOPPED;
}

uint64_t live_processes_at(const struct supervisor *s, uint64_t when)
{
	for (size_t i = 0; i < s->children; i++) {
		const struct child *c = &s->child[i];

		if (s->phase == LIVE_RUNNING && !c->retired && gone(c) && c->start_at < when)
			when = c->start_at;
		if (c->pid && c->kill_by && c->kill_by < when)
			when = c->kill_by;
	}
	if (s->phase != LIVE_RUNNING && when > s->now + 100)
		when = s->now + 100;
	return when;
}
