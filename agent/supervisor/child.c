// SPDX-License-Identifier: MIT
#include "supervisor/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t child_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Everything but the first three and the given ones; fd > 2, keep is -1 or > 2. */
static void close_others(int fd, int keep)
{
	int low = fd, high = keep;

	if (keep < 0)
		high = fd;
	else if (keep < fd) {
		low = keep;
		high = fd;
	}
	if (low > 3)
		close_range(3, (unsigned int)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned int)low + 1, (unsigned int)high - 1, 0);
	close_range((unsigned int)high + 1, ~0u, 0);
}

static void reset_signals(void)
{
	static const int signals[] = {SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGPIPE};
	sigset_t none;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	signal(SIGINT, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void child_isolate(int fd, int keep)
{
	close_others(fd, keep);
	reset_signals();
}

void child_started(struct child *c, pid_t pid, int fd)
{
	c->pid = pid;
	c->fd = fd;
	c->started = child_clock();
	c->kill_by = 0;
	child_quiet(c);
	child_heard(c);
}

void child_quiet(struct child *c)
{
	clock_gettime(CLOCK_REALTIME_COARSE, &c->quiet);
}

void child_heard(struct child *c)
{
	c->told = c->quiet;
}

struct timespec child_told(const struct child *c, size_t count)
{
	struct timespec told;

	clock_gettime(CLOCK_REALTIME_COARSE, &told);
	for (size_t i = 0; i < count; i++)
		if (c[i].fd >= 0 &&
		    (c[i].told.tv_sec < told.tv_sec ||
		     (c[i].told.tv_sec == told.tv_sec && c[i].told.tv_nsec < told.tv_nsec)))
			told = c[i].told;
	return told;
}

bool child_start(struct child *c, int keep, int (*run)(int fd, void *arg), void *arg)
{
	int pair[2];
	pid_t pid;

	if (!msg_pair(pair))
		return false;
	pid = fork();
	if (pid < 0) {
		int saved = errno;

		close(pair[0]);
		close(pair[1]);
		errno = saved;
		return false;
	}
	if (pid == 0) {
		child_isolate(pair[1], keep);
		exit(run(pair[1], arg));
	}
	close(pair[1]);
	child_started(c, pid, pair[0]);
	return true;
}

bool child_counters(struct child *c, const struct msg_view *v)
{
	enum counter which = COUNTER_COUNT;
	const uint8_t *p;
	uint16_t tag;
	size_t at = 0, n;

	while (msg_next(v, &at, &tag, &p, &n)) {
		if (tag == MSG_A_COUNTER_NAME) {
			char name[64];

			if (n >= sizeof(name))
				return false;
			memcpy(name, p, n);
			name[n] = '\0';
			which = counter_find(name);
		} else if (tag == MSG_A_COUNTER_VALUE) {
			if (which == COUNTER_COUNT || n != sizeof(c->now.value[0]))
				return false;
			memcpy(&c->now.value[which], p, n);
			which = COUNTER_COUNT;
		}
	}
	return true;
}

void child_sum(const struct child *c, struct counters *sum)
{
	for (unsigned int i = 0; i < COUNTER_COUNT; i++)
		sum->value[i] += c->before.value[i] + c->now.value[i];
}

const char *child_status_text(int status, char text[static CHILD_STATUS_MAX])
{
	if (WIFSIGNALED(status))
		snprintf(text, CHILD_STATUS_MAX, "signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(text, CHILD_STATUS_MAX, "status %d", WEXITSTATUS(status));
	return text;
}
