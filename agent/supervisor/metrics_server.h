/* SPDX-License-Identifier: MIT */
/*
 * GET /metrics, for a program that collects figures: a socket in RUN_DIR or a port of a
 * loopback address, answered from the supervisor's loop.
 *
 * A connection is for one request, and its answer is the last it hears (Connection: close).
 * Nothing here waits, and nobody can make it do much: a request has a size, a connection a
 * time in all, and there are so many of them; when one more comes, the one that has been there
 * longest is hung up on, so that who just holds them keeps nobody out.
 */
#ifndef SLUICE_SUPERVISOR_METRICS_SERVER_H
#define SLUICE_SUPERVISOR_METRICS_SERVER_H

#include "lib/buf.h"
#include "lib/counter.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_CLIENTS_MAX 8
#define METRICS_ACCEPT_MAX 4	 /* new ones in one step */
#define METRICS_REQUEST_MAX 4096 /* bytes of a request line and its header fields */
#define METRICS_TIME_MS 5000	 /* from a connection's begin to its end */
#define METRICS_FDS_MAX (1 + METRICS_CLIENTS_MAX)

struct metrics_server;

/* NULL: that can be listened on; else what was expected. */
const char *metrics_server_expected(const char *address, const char *run_dir);

/*
 * Listens on a path in run_dir, which all on this machine may connect to, or on
 * "127.0.0.1:PORT" or "[::1]:PORT". render appends the text to be served; what is pointed to
 * must outlive it. NULL after logging why. Where one is taken below, NULL is none.
 */
struct metrics_server *metrics_server_open(const char *address, const char *run_dir,
					   void (*render)(void *arg, struct buf *out),
					   void *arg, struct counters *counters);
void metrics_server_close(struct metrics_server *k);

/* What to wait for; returns how many. */
size_t metrics_server_poll(const struct metrics_server *k,
			   struct pollfd fds[static METRICS_FDS_MAX]);
/* When there is something to do, at most `when`; ms of the clock given to the step. */
uint64_t metrics_server_at(const struct metrics_server *k, uint64_t when);
/* Does what can be done without waiting. */
void metrics_server_step(struct metrics_server *k, uint64_t now);

#endif
