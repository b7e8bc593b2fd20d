/* SPDX-License-Identifier: MIT */
/*
 * The agent's control socket: RUN_DIR/control.sock, a stream, mode 0600, for root and the
 * agent's own user.
 *
 * A request is one JSON object a line, {"command": NAME, ...}.  Its answer is lines
 * of JSON objects, of which the last is {"ok": true} or {"error": TEXT}.  One that begins with
 * '<' is a document, whose reader knows where it ends.  A connection may ask again and again;
 * it is served one request at a time, and is not read from while its answer waits.
 *
 * Nothing here waits.  Who asks too much, reads too slowly or says nothing is hung up on.
 */
#ifndef SLUICE_SUPERVISOR_CONTROL_H
#define SLUICE_SUPERVISOR_CONTROL_H

#include "lib/counter.h"

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_NAME "control.sock"
#define CONTROL_CLIENTS_MAX 16
#define CONTROL_REQUEST_MAX (16u << 20) /* bytes of one request */
#define CONTROL_ANSWER_MAX (4u << 20)	/* bytes of one answer */
#define CONTROL_IDLE_MS 60000		/* without a byte from or to a client */
#define CONTROL_FDS_MAX (1 + CONTROL_CLIENTS_MAX)
/* Of the directory, so that the socket's name fits into its address. */
#define CONTROL_DIR_MAX 94

struct control;
struct control_client;

/*
 * A command does its work at once and in bounded time: for what may be long it takes a
 * part at a time (a number to start from, and the next one in its answer).  What it says goes
 * by control_line() and control_error(); {"ok": true} is added behind what was no error.
 */
struct control_command {
	const char *name; /* NULL: the table's end */
	void (*run)(struct control_client *c, void *arg, json_t *request);
};

/* How documents are read; the functions get what begin() returned. */
struct control_documents {
	void *(*begin)(void *arg); /* NULL: out of memory */
	/* Takes *used of n bytes; true: it is complete, or is not read on. */
	bool (*feed)(void *document, const void *p, size_t n, size_t *used);
	/*
	 * Answers, by control_text().  cut: it is not complete, and nothing more comes.  False:
	 * what follows is not to be understood, the connection ends.
	 */
	bool (*answer)(void *document, struct control_client *c, bool cut);
	void (*drop)(void *document);
};

/* A line of the answer; the reference is taken.  NULL: out of memory, an error. */
void control_line(struct control_client *c, json_t *line);
/* As it is. */
void control_text(struct control_client *c, const char *text);
/* The answer is this error and nothing else. */
void control_error(struct control_client *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Listens.  A socket that nobody listens on is replaced.  What is pointed to must outlive it;
 * documents NULL: there are none.  NULL after logging why.
 */
struct control *control_open(const char *run_dir, const struct control_command *commands,
			     const struct control_documents *documents, void *arg,
			     struct counters *counters);
/* Hangs up on everybody and removes the socket; NULL is nothing. */
void control_close(struct control *c);

/* What to wait for; returns how many. */
size_t control_poll(const struct control *c, struct pollfd fds[static CONTROL_FDS_MAX]);
/* When there is something to do, at most `when`; ms of the clock given to control_step(). */
uint64_t control_at(const struct control *c, uint64_t when);
/* Does what can be done without waiting. */
void control_step(struct control *c, uint64_t now);

#endif
