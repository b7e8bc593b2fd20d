// SPDX-License-Identifier: MIT
#include "supervisor/control.h"

#include "lib/buf.h"
#include "lib/log.h"
#include "supervisor/local_socket.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_ROOM 65536

struct control_client {
	int fd;
	struct buf in, out;
	size_t scanned; /* of `in`, without an end of line */
	size_t line;	/* bytes of the complete line at the start of `in`, 0: none yet */
	void *document; /* being read */
	size_t sent;	/* of `out` */
	bool eof;	/* it will ask nothing more */
	bool failed;	/* the answer is an error */
	uint64_t active;
};

struct control {
	struct sockaddr_un address;
	int fd;
	const struct control_command *commands;
	const struct control_documents *documents;
	void *arg;
	struct counters *counters;
	struct control_client *client[CONTROL_CLIENTS_MAX];
	size_t clients;
	uint64_t now, accept_at;
};

/* ------------------------------------------------------------------ answers */

void control_line(struct control_client *c, json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

	json_decref(line);
	if (!text)
		control_error(c, "out of memory");
	else if (!c->failed && buf_add_string(&c->out, text))
		buf_add(&c->out, "\n", 1);
	free(text);
}

void control_text(struct control_client *c, const char *text)
{
	buf_add_string(&c->out, text);
}

void control_error(struct control_client *c, const char *format, ...)
{
	json_t *error = json_object();
	char text[1024], *line;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_reset(&c->out);
	c->failed = true;
	/* What is repeated here may be no UTF-8, or was cut within a character. */
	if (json_object_set_new(error, "error", json_string(text)) < 0) {
		for (char *p = text; *p; p++)
			if (*p & 0x80)
				*p = '?';
		json_object_set_new(error, "error", json_string(text));
	}
	line = json_dumps(error, JSON_COMPACT);
	json_decref(error);
	if (line && buf_add_string(&c->out, line))
		buf_add(&c->out, "\n", 1);
	free(line);
}

static void list_commands(const struct control *k, struct control_client *c)
{
	for (const struct control_command *i = k->commands; i->name; i++)
		control_line(c, json_pack("{s:s}", "command", i->name));
}

static void run(struct control *k, struct control_client *c, json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const struct control_command *i = k->commands;

	if (!name) {
		control_error(c, "expected an object with the member \"command\"");
		return;
	}
	if (strcmp(name, "commands") == 0) {
		list_commands(k, c);
		return;
	}
	while (i->name && strcmp(i->name, name) != 0)
		i++;
	if (i->name)
		i->run(c, k->arg, request);
	else
		control_error(c, "\"%s\" is no command: {\"command\": \"commands\"} lists them",
			      name);
}

static void begin_answer(struct control *k, struct control_client *c)
{
	buf_reset(&c->out);
	c->sent = 0;
	c->failed = false;
	counter_add(k->counters, COUNTER_CONTROL_REQUESTS, 1);
}

/* The complete line at the start of `in` is a request. */
static void answer(struct control *k, struct control_client *c)
{
	json_error_t error;
	json_t *request;

	begin_answer(k, c);
	request = json_loadb((char *)c->in.data, c->line, JSON_REJECT_DUPLICATES, &error);
	if (request)
		run(k, c, request);
	else
		control_error(c, "no JSON object on one line: %s, byte %d", error.text,
			      error.position);
	json_decref(request);
	if (!c->failed && !c->out.failed)
		control_line(c, json_pack("{s:b}", "ok", 1));
	if (c->out.failed)
		control_error(c, "the answer is longer than %u bytes: ask for less",
			      CONTROL_ANSWER_MAX);
}

/* ------------------------------------------------------------------ clients */

static void client_free(struct control *k, struct control_client *c)
{
	if (c->document)
		k->documents->drop(c->document);
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

static bool waiting(const struct control_client *c)
{
	return c->sent < c->out.len;
}

/* White space between requests is nothing. */
static void skip_space(struct control_client *c)
{
	size_t n = 0;

	while (n < c->in.len && strchr(" \t\r\n", c->in.data[n]) && c->in.data[n])
		n++;
	if (!n)
		return;
	memmove(c->in.data, c->in.data + n, c->in.len - n);
	c->in.len -= n;
	c->scanned = 0;
}

/* Finds the end of the request at the start of `in`. */
static void find_line(struct control_client *c)
{
	uint8_t *end;

	if (c->line)
		return;
	if (!c->scanned)
		skip_space(c);
	end = c->in.len > c->scanned
		      ? memchr(c->in.data + c->scanned, '\n', c->in.len - c->scanned)
		      : NULL;
	c->scanned = c->in.len;
	if (end)
		c->line = (size_t)(end - c->in.data) + 1;
	else if (c->eof)
		c->line = c->in.len;
}

/* The first n bytes of `in` are done with. */
static void drop(struct control_client *c, size_t n)
{
	if (n)
		memmove(c->in.data, c->in.data + n, c->in.len - n);
	c->in.len -= n;
	c->line = 0;
	c->scanned = 0;
	if (!c->in.len)
		buf_free(&c->in);
}

/* Is it a document that stands, or goes on, at the start of `in`? */
static bool is_document(const struct control *k, struct control_client *c)
{
	if (c->document)
		return true;
	if (!c->scanned)
		skip_space(c);
	return k->documents && c->in.len && c->in.data[0] == '<';
}

/* Feeds what there is of it, and answers at its end.  False: it cannot be read. */
static bool read_document(struct control *k, struct control_client *c)
{
	bool complete, go_on;
	size_t used = 0;

	if (!c->document)
		c->document = k->documents->begin(k->arg);
	if (!c->document)
		return false;
	complete = k->documents->feed(c->document, c->in.data, c->in.len, &used);
	drop(c, used);
	if (!complete && !c->eof)
		return true;
	begin_answer(k, c);
	go_on = k->documents->answer(c->document, c, !complete);
	k->documents->drop(c->document);
	c->document = NULL;
	if (go_on)
		return true;
	buf_free(&c->in);
	c->eof = true;
	return true;
}

/* False: hang up. */
static bool client_read(struct control *k, struct control_client *c)
{
	static uint8_t room[READ_ROOM];
	ssize_t n = recv(c->fd, room, sizeof(room), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->active = k->now;
	if (n == 0) {
		c->eof = true;
		return true;
	}
	if (buf_add(&c->in, room, (size_t)n))
		return true;
	/* Where it would end is not known: nothing more can be understood. */
	if (c->document)
		k->documents->drop(c->document);
	c->document = NULL;
	buf_free(&c->in);
	control_error(c, "the request is longer than %u bytes", CONTROL_REQUEST_MAX);
	c->eof = true;
	counter_add(k->counters, COUNTER_CONTROL_DROPPED, 1);
	return true;
}

static bool client_write(struct control *k, struct control_client *c)
{
	ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->active = k->now;
	c->sent += (size_t)n;
	if (!waiting(c)) {
		buf_free(&c->out);
		c->sent = 0;
	}
	return true;
}

/* Is there something to do with what was read? */
static bool ready(const struct control *k, struct control_client *c)
{
	if (is_document(k, c))
		return c->in.len || c->eof;
	find_line(c);
	return c->line;
}

/* One request at most, so that the others have their turn.  False: hang up. */
static bool client_step(struct control *k, struct control_client *c)
{
	if (k->now - c->active >= CONTROL_IDLE_MS) {
		counter_add(k->counters, COUNTER_CONTROL_DROPPED, 1);
		return false;
	}
	if (waiting(c))
		return client_write(k, c);
	if (!ready(k, c) && !c->eof && !client_read(k, c))
		return false;
	if (ready(k, c)) {
		if (is_document(k, c)) {
			if (!read_document(k, c))
				return false;
		} else {
			answer(k, c);
			drop(c, c->line);
		}
	}
	if (waiting(c))
		return client_write(k, c);
	return !c->eof || c->in.len;
}

/* ---------------------------------------------------------------- listening */

static bool allowed(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void refuse(struct control *k, int fd, const char *why)
{
	char text[160];
	int n = snprintf(text, sizeof(text), "{\"error\":\"%s\"}\n", why);

	counter_add(k->counters, COUNTER_CONTROL_REFUSED, 1);
	if (send(fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("control socket: %s", strerror(errno));
	close(fd);
}

static void accept_client(struct control *k)
{
	int fd = local_socket_accept(k->fd, k->now, &k->accept_at);
	struct control_client *c;

	if (fd < 0)
		return;
	if (!allowed(fd)) {
		refuse(k, fd, "not allowed: only root and the agent's own user are");
		return;
	}
	if (k->clients == CONTROL_CLIENTS_MAX) {
		refuse(k, fd, "too many connections to the control socket: try again");
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		refuse(k, fd, "out of memory");
		return;
	}
	c->fd = fd;
	c->active = k->now;
	buf_init(&c->in, CONTROL_REQUEST_MAX);
	buf_init(&c->out, CONTROL_ANSWER_MAX);
	k->client[k->clients++] = c;
}

void control_step(struct control *k, uint64_t now)
{
	k->now = now;
	accept_client(k);
	for (size_t i = k->clients; i-- > 0;) {
		if (client_step(k, k->client[i]))
			continue;
		client_free(k, k->client[i]);
		k->client[i] = k->client[--k->clients];
	}
}

size_t control_poll(const struct control *k, struct pollfd fds[static CONTROL_FDS_MAX])
{
	fds[0] = (struct pollfd){.fd = k->now < k->accept_at ? -1 : k->fd, .events = POLLIN};
	for (size_t i = 0; i < k->clients; i++)
		fds[1 + i] = (struct pollfd){
			.fd = k->client[i]->fd,
			.events = waiting(k->client[i]) ? POLLOUT : POLLIN,
		};
	return 1 + k->clients;
}

uint64_t control_at(const struct control *k, uint64_t when)
{
	if (k->now < k->accept_at && k->accept_at < when)
		when = k->accept_at;
	for (size_t i = 0; i < k->clients; i++) {
		const struct control_client *c = k->client[i];
		uint64_t at = c->active + CONTROL_IDLE_MS;

		/* More was read than the request that was served. */
		if (!waiting(c) && c->in.len > c->scanned)
			at = k->now;
		if (at < when)
			when = at;
	}
	return when;
}

struct control *control_open(const char *run_dir, const struct control_command *commands,
			     const struct control_documents *documents, void *arg,
			     struct counters *counters)
{
	struct control *k = calloc(1, sizeof(*k));
	int n;

	if (!k) {
		log_error("out of memory for the control socket");
		return NULL;
	}
	k->commands = commands;
	k->documents = documents;
	k->arg = arg;
	k->counters = counters;
	k->address.sun_family = AF_UNIX;
	n = snprintf(k->address.sun_path, sizeof(k->address.sun_path), "%s/%s", run_dir,
		     CONTROL_NAME);
	if (n >= (int)sizeof(k->address.sun_path)) {
		log_error("%s is too long for a socket in it: expected %d bytes at most",
			  run_dir, CONTROL_DIR_MAX);
		goto fail;
	}
	k->fd = local_socket_listen(&k->address, 0600, CONTROL_CLIENTS_MAX);
	if (k->fd >= 0)
		return k;
fail:
	free(k);
	return NULL;
}

void control_close(struct control *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->clients; i++)
		client_free(k, k->client[i]);
	unlink(k->address.sun_path);
	close(k->fd);
	free(k);
}
