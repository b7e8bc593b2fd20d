// SPDX-License-Identifier: MIT
/*
 * tcptool: TCP connections whose every byte is known.
 *
 *	tcptool serve PORT FILE
 *		to each line "N" answers with the next N bytes of FILE, beginning
 *		anew at its end; keeps the connection until the client ends it
 *	tcptool talk [--from PORT] [--mark N] [--rst] HOST PORT
 *		copies standard input to the server and its answers to standard
 *		output; at the end of input closes its half, or resets
 *	tcptool flood [--keep] [--bytes N] [--seconds N] HOST PORT COUNT
 *		COUNT connections one after the other, each for N bytes; with --keep
 *		they stay open until a signal ends it; with --seconds again and
 *		again for so long
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>

static unsigned char *file;
static size_t file_size;

static void send_all(int fd, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	ssize_t n;

	for (; length; at += n, length -= n) {
		n = send(fd, at, length, MSG_NOSIGNAL);
		if (n < 0)
			exit(0);
	}
}

static void serve_one(int fd)
{
	FILE *in = fdopen(fd, "r");
	char line[64];
	size_t at = 0;

	while (fgets(line, sizeof(line), in)) {
		size_t want = strtoul(line, NULL, 0);

		while (want) {
			size_t n = file_size - at < want ? file_size - at : want;

			send_all(fd, file + at, n);
			at = (at + n) % file_size;
			want -= n;
		}
	}
	exit(0);
}

static int serve(const char *port, const char *name)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(atoi(port)) };
	int fd = socket(AF_INET6, SOCK_STREAM, 0), zero = 0, one = 1;
	FILE *in = fopen(name, "r");

	if (!in)
		err(2, "%s", name);
	file = malloc(1 << 24);
	file_size = fread(file, 1, 1 << 24, in);
	fclose(in);
	if (!file_size)
		errx(2, "%s is empty", name);
	setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) || listen(fd, 1024))
		err(2, "port %s", port);
	signal(SIGCHLD, SIG_IGN);
	printf("serving\n");
	fflush(stdout);
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client < 0)
			continue;
		if (!fork()) {
			close(fd);
			serve_one(client);
		}
		close(client);
	}
}

struct how {
	const char *host, *port;
	int from;
	unsigned int mark;
};

static int dial(const struct how *how)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
	struct sockaddr_storage from = { 0 };
	struct addrinfo *to;
	int fd, one = 1;

	if (getaddrinfo(how->host, how->port, &hints, &to))
		errx(2, "no address: %s", how->host);
	fd = socket(to->ai_family, SOCK_STREAM, 0);
	if (fd < 0)
		err(2, "socket");
	if (how->mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &how->mark, sizeof(how->mark)))
		err(2, "mark");
	if (how->from) {
		from.ss_family = to->ai_family;
		((struct sockaddr_in *)&from)->sin_port = htons(how->from);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(fd, (const struct sockaddr *)&from, to->ai_addrlen))
			err(2, "bind to port %d", how->from);
	}
	if (connect(fd, to->ai_addr, to->ai_addrlen))
		err(1, "connect to %s", how->host);
	freeaddrinfo(to);
	return fd;
}

static int talk(const struct how *how, bool reset)
{
	struct linger linger = { .l_onoff = 1 };
	struct pollfd wait[2] = { { .fd = dial(how), .events = POLLIN }, { .events = POLLIN } };
	char buffer[65536];
	ssize_t n;

	for (;;) {
		if (poll(wait, 2, -1) < 0)
			err(2, "poll");
		if (wait[0].revents) {
			n = recv(wait[0].fd, buffer, sizeof(buffer), 0);
			if (n <= 0)
				return n ? 1 : 0;
			if (write(1, buffer, n) != n)
				err(2, "write");
		}
		if (!wait[1].revents)
			continue;
		n = read(0, buffer, sizeof(buffer));
		if (n > 0) {
			send_all(wait[0].fd, buffer, n);
			continue;
		}
		wait[1].fd = -1;
		if (reset) {
			setsockopt(wait[0].fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
			close(wait[0].fd);
			return 0;
		}
		shutdown(wait[0].fd, SHUT_WR);
	}
}

static int flood(const struct how *how, int count, long bytes, int seconds, bool keep)
{
	const struct rlimit many = { .rlim_cur = 65536, .rlim_max = 65536 };
	time_t end = time(NULL) + seconds;
	char buffer[65536];
	ssize_t n;
	int i;

	setrlimit(RLIMIT_NOFILE, &many);
	do {
		for (i = 0; i < count; i++) {
			int fd = dial(how);
			long left = bytes;

			snprintf(buffer, sizeof(buffer), "%ld\n", bytes);
			send_all(fd, buffer, strlen(buffer));
			while (left > 0) {
				n = recv(fd, buffer, sizeof(buffer), 0);
				if (n <= 0)
					errx(1, "%ld bytes missing", left);
				left -= n;
			}
			if (!keep)
				close(fd);
		}
	} while (time(NULL) < end);
	printf("done\n");
	fflush(stdout);
	if (keep)
		pause();
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "mark", required_argument, NULL, 'm' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "seconds", required_argument, NULL, 's' },
		{ "rst", no_argument, NULL, 'r' },
		{ "keep", no_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	bool reset = false, keep = false;
	int option, seconds = 0;
	struct how how = { 0 };
	long bytes = 100;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'f': how.from = atoi(optarg); break;
		case 'm': how.mark = strtoul(optarg, NULL, 0); break;
		case 'b': bytes = atol(optarg); break;
		case 's': seconds = atoi(optarg); break;
		case 'r': reset = true; break;
		case 'k': keep = true; break;
		default: return 2;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc == 3 && !strcmp(argv[0], "serve"))
		return serve(argv[1], argv[2]);
	if (argc < 3)
		errx(2, "serve, talk or flood wanted");
	how.host = argv[1];
	how.port = argv[2];
	if (argc == 3 && !strcmp(argv[0], "talk"))
		return talk(&how, reset);
	if (argc == 4 && !strcmp(argv[0], "flood"))
		return flood(&how, atoi(argv[3]), bytes, seconds, keep);
	errx(2, "serve, talk or flood wanted");
}
