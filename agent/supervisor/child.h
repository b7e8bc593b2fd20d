/* SPDX-License-Identifier: MIT */
/*
 * The processes below the supervisor: making them, and what they count.
 */
#ifndef SLUICE_SUPERVISOR_CHILD_H
#define SLUICE_SUPERVISOR_CHILD_H

#include "lib/counter.h"
#include "lib/msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct child {
	const char *role;  /* "inspector", "forwarder", "log" */
	const char *name;  /* of a log; NULL */
	uint32_t index;	   /* among those of its role */
	const char *netns; /* path of the namespace it captures; NULL: our own */
	bool retired;	   /* that namespace is gone: not to be started */
	pid_t pid;	   /* 0: not running */
	int fd;		   /* our end of its socket pair, or -1 */
	unsigned int restarts;
	uint64_t started;     /* ms, CLOCK_MONOTONIC */
	uint64_t start_at;    /* when to start it again */
	unsigned int backoff; /* ms */
	uint64_t kill_by;     /* it closed its socket and should be gone by then */
	/*
	 * When its socket was last found empty, and the last of these times before a
	 * message that came: what it did earlier than that it has told.  CLOCK_REALTIME_COARSE,
	 * as times of files.
	 */
	struct timespec quiet, told;
	int status;		/* as waitpid() gave it, valid when pid is 0 */
	struct counters now;	/* of the running process, as it last said */
	struct counters before; /* of those that ran before it */
};

/*
 * Starts a process that runs run(fd, arg) and exits with what that returns.  It
 * keeps standard input, output and error, its end of the pair (fd) and `keep` (-1: none).
 * False with errno.
 */
bool child_start(struct child *c, int keep, int (*run)(int fd, void *arg), void *arg);

/*
 * For the process itself: closes every descriptor but the first three, fd and
 * keep (-1: none), both above those, and gives every signal its default meaning, but
 * SIGINT, which a terminal sends to all and which only the supervisor heeds.
 */
void child_isolate(int fd, int keep);
/* For its parent: notes a process that was started by other means. */
void child_started(struct child *c, pid_t pid, int fd);

/* Takes a MSG_COUNTERS, whose values count from the process's start; false: malformed. */
bool child_counters(struct child *c, const struct msg_view *v);
/* Adds what all its processes counted. */
void child_sum(const struct child *c, struct counters *sum);

/* How a process ended, for messages. */
#define CHILD_STATUS_MAX 64
const char *child_status_text(int status, char text[static CHILD_STATUS_MAX]);

/* Its socket is empty; a message came; see struct child. */
void child_quiet(struct child *c);
void child_heard(struct child *c);
/* The time before which all of them have told what they did; those that are gone count not. */
struct timespec child_told(const struct child *c, size_t count);

/* Milliseconds, CLOCK_MONOTONIC. */
uint64_t child_clock(void);

#endif
