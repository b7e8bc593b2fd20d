// SPDX-License-Identifier: MIT
#include "supervisor/metrics_server.h"

#include "lib/log.h"
#include "supervisor/local_socket.h"
#include "supervisor/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64
#define EXPECTED                                                                        \
	"expected a path in run_dir, or a port from 1 to 65535 of a loopback address: " \
	"127.0.0.1:PORT or [::1]:PORT"

enum phase { READING, WRITING, DRAINING };

struct client {
	int fd;
	enum phase phase;
	uint64_t until;	 /* hung up on then; the order of their begin */
	struct buf text; /* of the request, then of the answer */
	size_t sent;
};

struct metrics_server {
	int fd;
	struct sockaddr_un local; /* sun_path "": it is no path */
	void (*render)(void *arg, struct buf *out);
	void *arg;
	struct counters *counters;
	struct client client[METRICS_CLIENTS_MAX];
	size_t clients;
	struct buf metrics; /* rendered at metrics_at, once for all who ask in one step */
	uint64_t metrics_at;
	uint64_t now, accept_at;
};

/* ------------------------------------------------------------------ address */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

static bool parse_port(const char *text, in_port_t *port)
{
	size_t n = strspn(text, "0123456789");
	unsigned long value = strtoul(text, NULL, 10);

	*port = htons((uint16_t)value);
	return n && n < 6 && !text[n] && value && value <= UINT16_MAX;
}

static bool parse_local(const char *path, const char *run_dir, union address *a)
{
	size_t n = strlen(run_dir);
	const char *name = path + n + 1;

	a->local.sun_family = AF_UNIX;
	if (strncmp(path, run_dir, n) != 0 || path[n] != '/' || !*name || strchr(name, '/') ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    strlen(path) >= sizeof(a->local.sun_path))
		return false;
	strcpy(a->local.sun_path, path);
	return true;
}

/* Bytes of the address; 0: it is none of those that are allowed. */
static socklen_t parse(const char *text, const char *run_dir, union address *a)
{
	static const char v4[] = "127.0.0.1:", v6[] = "[::1]:";

	memset(a, 0, sizeof(*a));
	if (text[0] == '/')
		return parse_local(text, run_dir, a) ? sizeof(a->local) : 0;
	if (strncmp(text, v4, sizeof(v4) - 1) == 0) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return parse_port(text + sizeof(v4) - 1, &a->v4.sin_port) ? sizeof(a->v4) : 0;
	}
	if (strncmp(text, v6, sizeof(v6) - 1) == 0) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_addr = in6addr_loopback;
		return parse_port(text + sizeof(v6) - 1, &a->v6.sin6_port) ? sizeof(a->v6) : 0;
	}
	return 0;
}

const char *metrics_server_expected(const char *address, const char *run_dir)
{
	union address a;

	return parse(address, run_dir, &a) ? NULL : EXPECTED;
}

/* ------------------------------------------------------------------ clients */

static void drop(struct metrics_server *k, size_t i)
{
	close(k->client[i].fd);
	buf_free(&k->client[i].text);
	memmove(&k->client[i], &k->client[i + 1], (--k->clients - i) * sizeof(k->client[0]));
}

static void drop_early(struct metrics_server *k, size_t i)
{
	/* One that has its answer is no loss. */
	if (k->client[i].phase != DRAINING)
		counter_add(k->counters, COUNTER_METRICS_DROPPED, 1);
	drop(k, i);
}

/* The one that goes for another: that has its answer, or was here first. */
static size_t least_wanted(const struct metrics_server *k)
{
	for (size_t i = 0; i < k->clients; i++)
		if (k->client[i].phase == DRAINING)
			return i;
	return 0;
}

static void accept_clients(struct metrics_server *k)
{
	for (int n = 0; n < METRICS_ACCEPT_MAX; n++) {
		int fd = local_socket_accept(k->fd, k->now, &k->accept_at);
		struct client *c;

		if (fd < 0)
			return;
		if (k->clients == METRICS_CLIENTS_MAX)
			drop_early(k, least_wanted(k));
		c = &k->client[k->clients++];
		*c = (struct client){.fd = fd, .until = k->now + METRICS_TIME_MS};
		buf_init(&c->text, METRICS_REQUEST_MAX);
	}
}

/* ------------------------------------------------------------------ answers */

static const struct buf *metrics_now(struct metrics_server *k)
{
	if (k->metrics_at != k->now || !k->metrics.len) {
		buf_reset(&k->metrics);
		k->render(k->arg, &k->metrics);
		k->metrics_at = k->now;
	}
	return &k->metrics;
}

static void begin_answer(struct client *c, const char *status, const char *type,
			 const char *more, const struct buf *body, bool head)
{
	buf_free(&c->text);
	buf_init(&c->text, METRICS_TEXT_MAX + METRICS_REQUEST_MAX);
	buf_printf(&c->text,
		   "HTTP/1.1 %s\r\nContent-Type: %s\r\n%sContent-Length: %zu\r\n"
		   "Connection: close\r\n\r\n",
		   status, type, more, body->len);
	if (!head)
		buf_add(&c->text, body->data, body->len);
	c->phase = WRITING;
}

static void refuse(struct client *c, const char *status, const char *more, bool head)
{
	struct buf text;

	buf_init(&text, METRICS_REQUEST_MAX);
	buf_printf(&text, "%s: this serves GET /metrics\n", status);
	begin_answer(c, status, "text/plain; charset=utf-8", more, &text, head);
	buf_free(&text);
}

/* RFC 9112, section 3: the request line is all that counts here. */
static void answer(struct metrics_server *k, struct client *c, char *line)
{
	char *method = line, *target = strchr(line, ' '), *version = strrchr(line, ' ');
	const struct buf *metrics;
	bool head;

	if (!target || target == version || strncmp(version + 1, "HTTP/1.", 7) != 0) {
		refuse(c, "400 Bad Request", "", false);
		return;
	}
	*target++ = *version = '\0';
	target[strcspn(target, "?")] = '\0';
	head = strcmp(method, "HEAD") == 0;
	if (strcmp(target, "/metrics") != 0) {
		refuse(c, "404 Not Found", "", head);
	} else if (!head && strcmp(method, "GET") != 0) {
		refuse(c, "405 Method Not Allowed", "Allow: GET, HEAD\r\n", false);
	} else {
		metrics = metrics_now(k);
		if (metrics->failed)
			refuse(c, "503 Service Unavailable", "", head);
		else
			begin_answer(c, "200 OK", METRICS_TYPE, "", metrics, head);
	}
	counter_add(k->counters, COUNTER_METRICS_REQUESTS, 1);
}

/* False: hang up. */
static bool client_read(struct metrics_server *k, struct client *c)
{
	char room[METRICS_REQUEST_MAX];
	ssize_t n = recv(c->fd, room, sizeof(room), MSG_DONTWAIT);
	const char *text;
	char *line;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if (memchr(room, '\0', (size_t)n)) {
		refuse(c, "400 Bad Request", "", false);
		return true;
	}
	if (!buf_add(&c->text, room, (size_t)n)) {
		counter_add(k->counters, COUNTER_METRICS_DROPPED, 1);
		refuse(c, "431 Request Header Fields Too Large", "", false);
		return true;
	}
	text = buf_string(&c->text);
	if (!strstr(text, "\r\n\r\n") && !strstr(text, "\n\n"))
		return true;
	line = strndup(text, strcspn(text, "\r\n"));
	if (!line)
		return false;
	answer(k, c, line);
	free(line);
	return true;
}

/*
 * False: hang up. Not at once after the answer: what was not read of the request would make
 * the kernel reset the connection, and take the answer along.
 */
static bool client_write(struct client *c)
{
	ssize_t n;

	if (c->text.failed)
		return false;
	n = send(c->fd, c->text.data + c->sent, c->text.len - c->sent,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->sent += (size_t)n;
	if (c->sent < c->text.len)
		return true;
	buf_free(&c->text);
	c->phase = DRAINING;
	return shutdown(c->fd, SHUT_WR) == 0;
}

static bool client_drain(struct client *c)
{
	char room[METRICS_REQUEST_MAX];
	ssize_t n = recv(c->fd, room, sizeof(room), MSG_DONTWAIT);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool client_step(struct metrics_server *k, struct client *c)
{
	if (c->phase == READING && !client_read(k, c))
		return false;
	if (c->phase == WRITING && !client_write(c))
		return false;
	return c->phase != DRAINING || client_drain(c);
}

/* --------------------------------------------------------------------- loop */

void metrics_server_step(struct metrics_server *k, uint64_t now)
{
	if (!k)
		return;
	k->now = now;
	accept_clients(k);
	for (size_t i = k->clients; i-- > 0;) {
		if (now >= k->client[i].until)
			drop_early(k, i);
		else if (!client_step(k, &k->client[i]))
			drop(k, i);
	}
}

size_t metrics_server_poll(const struct metrics_server *k,
			   struct pollfd fds[static METRICS_FDS_MAX])
{
	if (!k)
		return 0;
	fds[0] = (struct pollfd){.fd = k->now < k->accept_at ? -1 : k->fd, .events = POLLIN};
	for (size_t i = 0; i < k->clients; i++)
		fds[1 + i] = (struct pollfd){
			.fd = k->client[i].fd,
			.events = k->client[i].phase == WRITING ? POLLOUT : POLLIN,
		};
	return 1 + k->clients;
}

uint64_t metrics_server_at(const struct metrics_server *k, uint64_t when)
{
	if (!k)
		return when;
	if (k->now < k->accept_at && k->accept_at < when)
		when = k->accept_at;
	/* They are in the order of their begin. */
	if (k->clients && k->client[0].until < when)
		when = k->client[0].until;
	return when;
}

static int listen_ip(const union address *a, socklen_t n, const char *address)
{
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, &a->any, n) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	log_error("metrics: cannot listen on %s: %s", address, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

struct metrics_server *metrics_server_open(const char *address, const char *run_dir,
					   void (*render)(void *arg, struct buf *out),
					   void *arg, struct counters *counters)
{
	struct metrics_server *k = calloc(1, sizeof(*k));
	union address a;
	socklen_t n = parse(address, run_dir, &a);

	if (!k || !n) {
		log_error("metrics: '%s': %s", address, k ? EXPECTED : "out of memory");
		free(k);
		return NULL;
	}
	k->render = render;
	k->arg = arg;
	k->counters = counters;
	buf_init(&k->metrics, METRICS_TEXT_MAX);
	if (a.any.sa_family == AF_UNIX) {
		k->fd = local_socket_listen(&a.local, 0666, BACKLOG);
		k->local = a.local;
	} else {
		k->fd = listen_ip(&a, n, address);
	}
	if (k->fd >= 0)
		return k;
	free(k);
	return NULL;
}

void metrics_server_close(struct metrics_server *k)
{
	if (!k)
		return;
	while (k->clients)
		drop(k, 0);
	if (k->local.sun_path[0])
		unlink(k->local.sun_path);
	close(k->fd);
	buf_free(&k->metrics);
	free(k);
}
