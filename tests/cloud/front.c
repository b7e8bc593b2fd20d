// SPDX-License-Identifier: MIT
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "bytes.h"

#define FRONT_BLOCK 16384 /* bytes under way in each direction; one TLS record */
#define FRONT_HANDSHAKE_SECONDS 30
#define FRONT_TAKE_SECONDS 5 /* for libmicrohttpd to notice a connection */
#define FRONT_LINGER_MS 300  /* for the client to close after we did */

struct front_block {
	size_t off, len;
	char data[FRONT_BLOCK];
};

struct front_conn {
	struct front_conn *next, **link; /* in front.conns, under front.lock */
	uint32_t number;		 /* of the record; 0 for control */
	uint32_t id;			 /* never used twice, names it to libmicrohttpd */
	enum front_kind kind;
	unsigned int refs; /* under front.lock */
	bool given;	   /* to libmicrohttpd */
	bool taken;	   /* by it, under front.lock */
	int fd;		   /* the client */
	int pair;	   /* our end of the socket pair */
	int record;
	SSL *ssl; /* NULL: plain */
	bool ssl_wants_write;
	atomic_uint_fast64_t received;
	atomic_bool cut;
	struct front_block up, down;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t idle, taken;
	struct front_conn *conns;
	size_t nr;
	uint32_t number, id;
	struct front_counters counters;
	struct {
		enum front_kind kind;
		int fd;
		char *path; /* of a unix socket, to be removed */
	} listener[FRONT_LISTENERS_MAX];
	size_t listeners;
	SSL_CTX *tls;
	struct MHD_Daemon *daemon;
	int dir;
	int wake[2]; /* closing [1] ends the accepting thread */
	pthread_t thread;
	bool running;
} front = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.idle = PTHREAD_COND_INITIALIZER,
	.taken = PTHREAD_COND_INITIALIZER,
	.dir = -1,
	.wake = {-1, -1},
};

/*
 * Listening
 */

static bool front_add_listener(enum front_kind kind, int fd, const char *path)
{
	if (front.listeners == FRONT_LISTENERS_MAX) {
		fprintf(stderr, "testcloud: more than %d listening sockets\n",
			FRONT_LISTENERS_MAX);
		close(fd);
		return false;
	}
	front.listener[front.listeners].kind = kind;
	front.listener[front.listeners].fd = fd;
	front.listener[front.listeners].path = path ? bytes_dup(path, strlen(path)) : NULL;
	front.listeners++;
	return true;
}

bool front_listen(enum front_kind kind, const char *address, unsigned int *port, bool optional)
{
	const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST,
		.ai_socktype = SOCK_STREAM,
	};
	struct sockaddr_storage name;
	socklen_t name_len = sizeof(name);
	struct addrinfo *found = NULL;
	const int on = 1, off = 0;
	char service[16];
	int fd = -1, error;

	snprintf(service, sizeof(service), "%u", *port);
	error = getaddrinfo(address, service, &hints, &found);
	if (error) {
		fprintf(stderr,
			"testcloud: cannot listen on %s: %s (an address was expected)\n",
			address, gai_strerror(error));
		return false;
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto fail;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* "::" takes both families; a given IPv6 address only itself. */
	if (found->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, strcmp(address, "::") ? &on : &off,
			   sizeof(on));
	if (bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 128) ||
	    getsockname(fd, (struct sockaddr *)&name, &name_len))
		goto fail;
	*port = ntohs(name.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&name)->sin6_port
						 : ((struct sockaddr_in *)&name)->sin_port);
	freeaddrinfo(found);
	return front_add_listener(kind, fd, NULL);
fail:
	error = errno;
	freeaddrinfo(found);
	if (fd >= 0)
		close(fd);
	if (optional && (error == EADDRNOTAVAIL || error == EAFNOSUPPORT))
		return true;
	fprintf(stderr, "testcloud: cannot listen on %s port %u: %s\n", address, *port,
		strerror(error));
	return false;
}

bool front_listen_unix(enum front_kind kind, const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(name.sun_path)) {
		fprintf(stderr, "testcloud: socket path longer than %zu bytes: %s\n",
			sizeof(name.sun_path) - 1, path);
		return false;
	}
	memcpy(name.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&name, sizeof(name))) {
		fprintf(stderr, "testcloud: somebody listens on %s already\n", path);
		close(fd);
		return false;
	}
	if (fd >= 0 && errno == ECONNREFUSED)
		unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) || listen(fd, 128)) {
		fprintf(stderr, "testcloud: cannot listen on %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	return front_add_listener(kind, fd, path);
}

/*
 * Connections
 */

struct front_conn *front_take(const struct sockaddr *address)
{
	const struct sockaddr_un *name = (const struct sockaddr_un *)address;
	struct front_conn *conn;
	uint32_t id;

	if (!address || address->sa_family != AF_UNIX)
		return NULL;
	memcpy(&id, name->sun_path + 1, sizeof(id));
	pthread_mutex_lock(&front.lock);
	for (conn = front.conns; conn && conn->id != id;)
		conn = conn->next;
	if (conn) {
		conn->refs++;
		conn->taken = true;
		pthread_cond_broadcast(&front.taken);
	}
	pthread_mutex_unlock(&front.lock);
	return conn;
}

void front_put(struct front_conn *conn)
{
	bool last;

	pthread_mutex_lock(&front.lock);
	last = !--conn->refs;
	pthread_mutex_unlock(&front.lock);
	if (last)
		free(conn);
}

enum front_kind front_kind(const struct front_conn *conn)
{
	return conn->kind;
}

uint32_t front_number(const struct front_conn *conn)
{
	return conn->number;
}

uint64_t front_received(const struct front_conn *conn)
{
	return atomic_load(&conn->received);
}

void front_cut(struct front_conn *conn)
{
	atomic_store(&conn->cut, true);
}

struct front_counters front_counters(void)
{
	struct front_counters counters;

	pthread_mutex_lock(&front.lock);
	counters = front.counters;
	pthread_mutex_unlock(&front.lock);
	return counters;
}

/* Bytes, 0 at the end, -EAGAIN, or another negative number when the connection is broken. */
static ssize_t front_client_read(struct front_conn *conn, void *p, size_t n)
{
	ssize_t got;

	if (!conn->ssl) {
		got = recv(conn->fd, p, n, MSG_DONTWAIT);
		return got >= 0 ? got : -errno;
	}
	ERR_clear_error();
	got = SSL_read(conn->ssl, p, (int)n);
	if (got > 0)
		return got;
	switch (SSL_get_error(conn->ssl, (int)got)) {
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_WANT_WRITE:
		conn->ssl_wants_write = true;
		return -EAGAIN;
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	default:
		return -ECONNRESET;
	}
}

static ssize_t front_client_write(struct front_conn *conn, const void *p, size_t n)
{
	ssize_t put;

	if (!conn->ssl) {
		put = send(conn->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		return put >= 0 ? put : -errno;
	}
	ERR_clear_error();
	put = SSL_write(conn->ssl, p, (int)n);
	if (put > 0)
		return put;
	switch (SSL_get_error(conn->ssl, (int)put)) {
	case SSL_ERROR_WANT_WRITE:
		conn->ssl_wants_write = true;
		return -EAGAIN;
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	default:
		return -ECONNRESET;
	}
}

/* Keep what the client sent. A record with a hole would be worthless: stop the program. */
static void front_record(struct front_conn *conn, const char *p, size_t n)
{
	size_t done = 0;

	while (conn->record >= 0 && done < n) {
		ssize_t put = write(conn->record, p + done, n - done);

		if (put <= 0) {
			fprintf(stderr, "testcloud: cannot write conn-%06u.bin: %s\n",
				conn->number, strerror(errno));
			abort();
		}
		done += (size_t)put;
	}
	atomic_fetch_add(&conn->received, n);
}

static bool front_broken(ssize_t result)
{
	return result < 0 && result != -EAGAIN && result != -EINTR;
}

/* Carry bytes both ways until one side is done. */
static void front_relay(struct front_conn *conn)
{
	bool client_eof = false, half_closed = false, server_eof = false;

	while (!server_eof || conn->down.len) {
		struct front_block *up = &conn->up, *down = &conn->down;
		bool progress = false;
		struct pollfd poll_fd[2];
		ssize_t n;

		if (server_eof && atomic_load(&conn->cut))
			return;
		conn->ssl_wants_write = false;
		if (!up->len && !client_eof && !server_eof) {
			n = front_client_read(conn, up->data, sizeof(up->data));
			if (front_broken(n))
				return;
			client_eof = !n;
			if (n > 0) {
				front_record(conn, up->data, (size_t)n);
				up->off = 0;
				up->len = (size_t)n;
			}
			progress |= n >= 0;
		}
		if (up->len) {
			n = send(conn->pair, up->data + up->off, up->len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n < 0 && front_broken(-errno)) {
				up->len = 0; /* it reads no more, but may have answered */
				client_eof = true;
			} else if (n > 0) {
				up->off += (size_t)n;
				up->len -= (size_t)n;
				progress = true;
			}
		}
		if (client_eof && !up->len && !half_closed) {
			shutdown(conn->pair, SHUT_WR);
			half_closed = true;
		}
		if (!down->len && !server_eof) {
			n = recv(conn->pair, down->data, sizeof(down->data), MSG_DONTWAIT);
			server_eof = !n || (n < 0 && front_broken(-errno));
			down->off = 0;
			down->len = n > 0 ? (size_t)n : 0;
			progress |= n > 0 || server_eof;
		}
		if (down->len) {
			n = front_client_write(conn, down->data + down->off, down->len);
			if (front_broken(n))
				return;
			if (n > 0) {
				down->off += (size_t)n;
				down->len -= (size_t)n;
				progress = true;
			}
		}
		if (progress)
			continue;

		poll_fd[0].fd = conn->fd;
		poll_fd[0].events = (short)((!up->len && !client_eof ? POLLIN : 0) |
					    (down->len || conn->ssl_wants_write ? POLLOUT : 0));
		poll_fd[1].fd = conn->pair;
		poll_fd[1].events = (short)((!down->len && !server_eof ? POLLIN : 0) |
					    (up->len ? POLLOUT : 0));
		/* A side nothing is wanted from would only report that it hung up. */
		for (int i = 0; i < 2; i++) {
			if (!poll_fd[i].events)
				poll_fd[i].fd = -1;
		}
		poll(poll_fd, 2, -1);
	}
}

/* Say goodbye so that the client gets the last bytes: closing with unread input resets. */
static void front_goodbye(struct front_conn *conn)
{
	struct pollfd poll_fd = {.fd = conn->fd, .events = POLLIN};
	char scrap[4096];

	if (conn->ssl)
		SSL_shutdown(conn->ssl);
	shutdown(conn->fd, SHUT_WR);
	while (poll(&poll_fd, 1, FRONT_LINGER_MS) > 0) {
		if (recv(conn->fd, scrap, sizeof(scrap), MSG_DONTWAIT) <= 0)
			break;
	}
}

/* TLS, then a place for the record. False: there is nothing to relay. */
static bool front_open(struct front_conn *conn)
{
	const struct timeval limit = {.tv_sec = FRONT_HANDSHAKE_SECONDS};
	const int on = 1;
	char name[32];

	if (conn->kind == FRONT_CONTROL)
		return true;
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (conn->kind == FRONT_TLS) {
		setsockopt(conn->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		conn->ssl = SSL_new(front.tls);
		if (!conn->ssl || SSL_set_fd(conn->ssl, conn->fd) != 1 ||
		    SSL_accept(conn->ssl) != 1) {
			pthread_mutex_lock(&front.lock);
			front.counters.handshakes_failed++;
			pthread_mutex_unlock(&front.lock);
			ERR_clear_error();
			return false;
		}
	}
	fcntl(conn->fd, F_SETFL, fcntl(conn->fd, F_GETFL) | O_NONBLOCK);
	snprintf(name, sizeof(name), "conn-%06u.bin", conn->number);
	conn->record = openat(front.dir, name,
			      O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
	if (conn->record < 0)
		fprintf(stderr, "testcloud: cannot make %s: %s\n", name, strerror(errno));
	return conn->record >= 0;
}

static bool front_connect(struct front_conn *conn)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const int small = FRONT_BLOCK;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return false;
	/* Little under way: a body that is cut is cut close to where it was asked for. */
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	conn->pair = pair[0];
	/* An abstract name, used as a label only: see front_take(). */
	memcpy(name.sun_path + 1, &conn->id, sizeof(conn->id));
	conn->given = MHD_add_connection(front.daemon, pair[1], (struct sockaddr *)&name,
					 sizeof(name)) == MHD_YES;
	return conn->given;
}

/*
 * libmicrohttpd looks at what it was given in a thread of its own. A client may be gone by
 * then, but the connection must still be in the list. Called with front.lock held.
 */
static void front_await_taken(struct front_conn *conn)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += FRONT_TAKE_SECONDS;
	while (conn->given && !conn->taken)
		if (pthread_cond_timedwait(&front.taken, &front.lock, &limit))
			break;
}

static void *front_thread(void *arg)
{
	struct front_conn *conn = arg;

	if (front_open(conn) && front_connect(conn)) {
		front_relay(conn);
		if (!atomic_load(&conn->cut))
			front_goodbye(conn);
	}
	if (conn->pair >= 0)
		close(conn->pair);
	if (conn->record >= 0)
		close(conn->record);
	SSL_free(conn->ssl);

	pthread_mutex_lock(&front.lock);
	front_await_taken(conn);
	close(conn->fd); /* under the lock: front_stop() shuts it down */
	*conn->link = conn->next;
	if (conn->next)
		conn->next->link = conn->link;
	front.nr--;
	pthread_cond_signal(&front.idle);
	pthread_mutex_unlock(&front.lock);
	front_put(conn);
	return NULL;
}

static void front_accept(enum front_kind kind, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct front_conn *conn;
	pthread_attr_t attr;
	pthread_t thread;
	bool started;

	if (fd < 0)
		return;
	conn = bytes_alloc(sizeof(*conn));
	conn->kind = kind;
	conn->fd = fd;
	conn->pair = -1;
	conn->record = -1;
	conn->refs = 1;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

	pthread_mutex_lock(&front.lock);
	started = front.nr < FRONT_CONNECTIONS_MAX;
	if (started) {
		conn->id = ++front.id;
		if (kind != FRONT_CONTROL) {
			conn->number = ++front.number;
			front.counters.connections++;
		}
		conn->next = front.conns;
		conn->link = &front.conns;
		if (conn->next)
			conn->next->link = &conn->next;
		front.conns = conn;
		started = !pthread_create(&thread, &attr, front_thread, conn);
		if (started)
			front.nr++;
		else
			front.conns = conn->next;
		if (!started && conn->next)
			conn->next->link = &front.conns;
	}
	if (!started)
		front.counters.refused++;
	pthread_mutex_unlock(&front.lock);
	pthread_attr_destroy(&attr);
	if (!started) {
		close(fd);
		free(conn);
	}
}

static void *front_accept_thread(void *arg)
{
	struct pollfd poll_fd[FRONT_LISTENERS_MAX + 1];

	(void)arg;
	for (size_t i = 0; i < front.listeners; i++)
		poll_fd[i] = (struct pollfd){.fd = front.listener[i].fd, .events = POLLIN};
	poll_fd[front.listeners] = (struct pollfd){.fd = front.wake[0], .events = POLLIN};
	for (;;) {
		if (poll(poll_fd, front.listeners + 1, -1) < 0)
			continue;
		if (poll_fd[front.listeners].revents)
			return NULL;
		for (size_t i = 0; i < front.listeners; i++) {
			if (poll_fd[i].revents)
				front_accept(front.listener[i].kind, poll_fd[i].fd);
		}
	}
}

/* The highest number of a record in @dir. */
static uint32_t front_last_record(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	uint32_t last = 0;

	while (d && (entry = readdir(d))) {
		unsigned int number;

		if (sscanf(entry->d_name, "conn-%u.bin", &number) == 1 && number > last)
			last = number;
	}
	if (d)
		closedir(d);
	return last;
}

bool front_start(SSL_CTX *tls, struct MHD_Daemon *daemon, const char *dir)
{
	front.tls = tls;
	front.daemon = daemon;
	front.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	front.number = front_last_record(dir);
	if (front.dir < 0 || pipe2(front.wake, O_CLOEXEC) ||
	    pthread_create(&front.thread, NULL, front_accept_thread, NULL)) {
		fprintf(stderr, "testcloud: cannot start: %s\n", strerror(errno));
		return false;
	}
	front.running = true;
	return true;
}

void front_stop(void)
{
	if (front.running) {
		close(front.wake[1]);
		front.wake[1] = -1;
		pthread_join(front.thread, NULL);
		front.running = false;
	}
	for (size_t i = 0; i < front.listeners; i++) {
		close(front.listener[i].fd);
		if (front.listener[i].path)
			unlink(front.listener[i].path);
		free(front.listener[i].path);
	}
	front.listeners = 0;

	pthread_mutex_lock(&front.lock);
	for (struct front_conn *conn = front.conns; conn; conn = conn->next)
		shutdown(conn->fd, SHUT_RDWR);
	while (front.nr)
		pthread_cond_wait(&front.idle, &front.lock);
	pthread_mutex_unlock(&front.lock);
	if (front.wake[0] >= 0)
		close(front.wake[0]);
	if (front.dir >= 0)
		close(front.dir);
}
