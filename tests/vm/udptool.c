// SPDX-License-Identifier: MIT
/*
 * udptool: datagrams for tests.
 *
 *	udptool serve [--tftp] PORT	answers each datagram with "> " and its text; with
 *					--tftp from another port, as RFC 1350 has it: a block,
 *					and it waits for the acknowledgment
 *	udptool talk [OPTION...] HOST PORT TEXT
 *					sends, waits for an answer, acknowledges one of TFTP
 *	udptool send [OPTION...] HOST PORT BYTES
 *					sends so many bytes, in one datagram
 *	udptool flood [OPTION...] HOST PORT COUNT
 *					sends one datagram from each of so many ports
 *	udptool wrong HOST PORT LENGTH	sends a header with that length and four bytes
 *
 * Options: --from PORT, --mark MARK, --gso SIZE (UDP_SEGMENT), --seconds N (again and again).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <err.h>
#include <getopt.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define WAIT 20000	/* ms */

static char buffer[65536];

struct how {
	const char *host, *port;
	int from, mark, gso, seconds;
	bool tftp;
};

static int bound(int family, int port)
{
	struct sockaddr_storage at = { .ss_family = family };
	int fd = socket(family, SOCK_DGRAM, 0), one = 1;

	if (fd < 0)
		err(2, "socket");
	((struct sockaddr_in *)&at)->sin_port = htons(port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&at,
		 family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)))
		err(2, "bind to port %d", port);
	return fd;
}

static struct addrinfo *address(const struct how *how, int type, int protocol)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
					.ai_socktype = type, .ai_protocol = protocol };
	struct addrinfo *to;

	if (getaddrinfo(how->host, type == SOCK_RAW ? NULL : how->port, &hints, &to))
		errx(2, "no address: %s", how->host);
	return to;
}

static int dial(const struct how *how, struct addrinfo **to)
{
	int fd;

	*to = address(how, SOCK_DGRAM, 0);
	fd = bound((*to)->ai_family, how->from);
	if (how->mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &how->mark, sizeof(how->mark)))
		err(2, "mark");
	if (how->gso && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &how->gso, sizeof(how->gso)))
		err(2, "UDP_SEGMENT");
	return fd;
}

static ssize_t receive(int fd, struct sockaddr_storage *from, socklen_t *length)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	*length = sizeof(*from);
	if (poll(&wait, 1, WAIT) <= 0)
		return -1;
	return recvfrom(fd, buffer, sizeof(buffer) - 1, 0, (struct sockaddr *)from, length);
}

static void transfer(const struct sockaddr_storage *peer, socklen_t length)
{
	static const char block[] = "\0\3\0\1a block";
	struct sockaddr_storage from;
	socklen_t from_length;
	int fd = bound(peer->ss_family, 0);

	sendto(fd, block, sizeof(block) - 1, 0, (const struct sockaddr *)peer, length);
	receive(fd, &from, &from_length);
	close(fd);
}

static void __attribute__((noreturn)) serve(int port, bool tftp)
{
	int fd = bound(AF_INET6, port);
	struct sockaddr_storage peer;
	char text[sizeof(buffer) + 2] = "> ";
	socklen_t length;
	ssize_t n;

	printf("serving\n");
	fflush(stdout);
	for (;;) {
		length = sizeof(peer);
		n = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&peer, &length);
		if (n < 0)
			continue;
		if (tftp) {
			transfer(&peer, length);
			continue;
		}
		memcpy(text + 2, buffer, n);
		sendto(fd, text, n + 2 > 1000 ? 1000 : n + 2, 0, (struct sockaddr *)&peer,
		       length);
	}
}

static int talk(const struct how *how, const char *text)
{
	static const char request[] = "\0\1file\0octet", acknowledgment[] = "\0\4\0\1";
	struct sockaddr_storage from;
	struct addrinfo *to;
	int fd = dial(how, &to);
	socklen_t length;
	ssize_t n;

	if (how->tftp)
		n = sendto(fd, request, sizeof(request), 0, to->ai_addr, to->ai_addrlen);
	else
		n = sendto(fd, text, strlen(text), 0, to->ai_addr, to->ai_addrlen);
	if (n < 0)
		err(1, "send");
	n = receive(fd, &from, &length);
	if (n < 0)
		errx(1, "no answer");
	if (how->tftp)
		sendto(fd, acknowledgment, 4, 0, (struct sockaddr *)&from, length);
	else
		printf("%.*s\n", (int)n, buffer);
	return 0;
}

static int send_bytes(const struct how *how, size_t bytes)
{
	struct addrinfo *to;
	int fd = dial(how, &to);

	for (size_t i = 0; i < bytes && i < sizeof(buffer); i++)
		buffer[i] = (char)('a' + i % 23);
	if (sendto(fd, buffer, bytes, 0, to->ai_addr, to->ai_addrlen) != (ssize_t)bytes)
		err(1, "send");
	return 0;
}

static int flood(const struct how *how, int count)
{
	time_t end = time(NULL) + how->seconds;
	struct addrinfo *to;

	do {
		for (int i = 0; i < count; i++) {
			int fd = dial(how, &to);

			sendto(fd, "flood", 5, 0, to->ai_addr, to->ai_addrlen);
			close(fd);
			freeaddrinfo(to);
		}
	} while (time(NULL) < end);
	return 0;
}

static int wrong(const struct how *how, int length)
{
	struct addrinfo *to = address(how, SOCK_RAW, IPPROTO_UDP);
	int fd = socket(to->ai_family, SOCK_RAW, IPPROTO_UDP);
	struct udphdr *header = (struct udphdr *)buffer;

	*header = (struct udphdr){ .source = htons(4444), .dest = htons(atoi(how->port)),
				   .len = htons(length) };
	if (fd < 0 || sendto(fd, buffer, sizeof(*header) + 4, 0, to->ai_addr, to->ai_addrlen) < 0)
		err(1, "raw");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "mark", required_argument, NULL, 'm' },
		{ "gso", required_argument, NULL, 'g' },
		{ "seconds", required_argument, NULL, 's' },
		{ "tftp", no_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	struct how how = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'f': how.from = atoi(optarg); break;
		case 'm': how.mark = strtoul(optarg, NULL, 0); break;
		case 'g': how.gso = atoi(optarg); break;
		case 's': how.seconds = atoi(optarg); break;
		case 't': how.tftp = true; break;
		default: return 2;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc == 2 && !strcmp(argv[0], "serve"))
		serve(atoi(argv[1]), how.tftp);
	if (argc != 4)
		errx(2, "serve, talk, send, flood or wrong wanted");
	how.host = argv[1];
	how.port = argv[2];
	if (!strcmp(argv[0], "talk"))
		return talk(&how, argv[3]);
	if (!strcmp(argv[0], "send"))
		return send_bytes(&how, atoi(argv[3]));
	if (!strcmp(argv[0], "flood"))
		return flood(&how, atoi(argv[3]));
	if (!strcmp(argv[0], "wrong"))
		return wrong(&how, atoi(argv[3]));
	errx(2, "serve, talk, send, flood or wrong wanted");
}
