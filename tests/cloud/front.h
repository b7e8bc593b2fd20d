/* SPDX-License-Identifier: MIT */
/*
 * The front: accepts connections, ends TLS, records every byte the client sent before
 * anything else sees it, and passes the bytes on to libmicrohttpd.
 *
 *	client --TLS--> front --socket pair--> libmicrohttpd
 *			  |
 *			  +--> DIR/conn-NNNNNN.bin
 *
 * libmicrohttpd never shows a request as it arrived (it joins and decodes), so the record
 * is made here, in front of it. One thread for each connection.
 */
#ifndef TESTCLOUD_FRONT_H
#define TESTCLOUD_FRONT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <microhttpd.h>
#include <openssl/ssl.h>

#define FRONT_LISTENERS_MAX 16
#define FRONT_CONNECTIONS_MAX 1024 /* at the same time; more are closed and counted */

enum front_kind {
	FRONT_TLS,     /* the public API */
	FRONT_PLAIN,   /* the public API without TLS: test files and redirections */
	FRONT_CONTROL, /* for the test itself; not recorded */
};

struct front_conn;

/*
 * Listen on an address; *@port 0 chooses one and is set. @optional: an address this machine
 * does not have is no error. Returns false after a message.
 */
bool front_listen(enum front_kind kind, const char *address, unsigned int *port, bool optional);

/* Listen on a unix socket; a dead one in its place is removed. */
bool front_listen_unix(enum front_kind kind, const char *path);

/* Begin to accept. Records go to @dir and go on after the highest number there. */
bool front_start(SSL_CTX *tls, struct MHD_Daemon *daemon, const char *dir);

/* Close the listeners, end all connections, wait for their threads. */
void front_stop(void);

/*
 * The connection behind the address libmicrohttpd was given for it; keeps it until
 * front_put(). NULL when there is none.
 */
struct front_conn *front_take(const struct sockaddr *address);
void front_put(struct front_conn *conn);

enum front_kind front_kind(const struct front_conn *conn);
uint32_t front_number(const struct front_conn *conn);

/* Bytes received so far, all of them in the record already. */
uint64_t front_received(const struct front_conn *conn);

/*
 * From now on nothing goes to the client any more, not even the end of TLS: as soon as
 * libmicrohttpd closes its side the connection is gone.
 */
void front_cut(struct front_conn *conn);

struct front_counters {
	unsigned long connections; /* accepted, control not counted */
	unsigned long handshakes_failed;
	unsigned long refused; /* too many at the same time */
};

struct front_counters front_counters(void);

#endif
