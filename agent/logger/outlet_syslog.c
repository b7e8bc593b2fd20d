// SPDX-License-Identifier: MIT
/*
 * A syslog server by TLS (RFC 5425).
 *
 * The protocol has no answers.  What the other end's TCP has acknowledged has arrived there,
 * and when the connection then stays whole for a second, its program has taken it, or is
 * alive to do so: one that dies with something unread in its socket makes its TCP reset the
 * connection.
 */
#include "lib/tls_identity.h"
#include "logger/outlet.h"

#include <curl/curl.h>
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define CONNECT_TIMEOUT 10L
#define GRACE_MS 1000
#define PEERS_TIME 30000 /* ms until a peer that no longer answers is given up */

/* Before the connection begins; the mark keeps the module from capturing what we send. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	const struct outlet *o = arg;
	unsigned int time = PEERS_TIME;
	int on = 1;

	if (o->socket_mark &&
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &o->socket_mark, sizeof(o->socket_mark)))
		return CURL_SOCKOPT_ERROR;
	/* One that went away without a word is found although nothing is sent. */
	(void)!setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)!setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &time, sizeof(time));
	return CURL_SOCKOPT_OK;
}

static void set_options(struct outlet *o, CURL *easy, char *error)
{
	const struct sink_config *s = o->sink;
	char url[300];

	snprintf(url, sizeof(url), strchr(s->host, ':') ? "https://[%s]:%u" : "https://%s:%u",
		 s->host, s->port);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L); /* it is not HTTP */
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, o);
	tls_identity_set(easy, s->ca, s->certificate, s->certificate_key);
}

static void close_syslog(struct outlet *o)
{
	/* Says so to the other end as well. */
	curl_easy_cleanup(o->handle);
	o->handle = NULL;
	o->fd = -1;
}

static bool open_syslog(struct outlet *o)
{
	char error[CURL_ERROR_SIZE] = "";
	curl_socket_t fd = CURL_SOCKET_BAD;
	CURL *easy = curl_easy_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;

	o->handle = easy;
	if (easy) {
		set_options(o, easy, error);
		code = curl_easy_perform(easy);
		curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	}
	if (code == CURLE_OK)
		code = curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
	if (code == CURLE_OK && fd != CURL_SOCKET_BAD) {
		o->fd = fd;
		return true;
	}
	outlet_error(o, "no connection to %s port %u: %s", o->sink->host, o->sink->port,
		     error[0] ? error : curl_easy_strerror(code));
	close_syslog(o);
	return false;
}

static enum outlet_result broken(struct outlet *o, const char *why)
{
	outlet_error(o, "%s port %u: %s", o->sink->host, o->sink->port, why);
	return OUTLET_BROKEN;
}

static enum outlet_result write_syslog(struct outlet *o, const uint8_t *p, size_t n,
				       size_t *done)
{
	CURLcode code = curl_easy_send(o->handle, p, n, done);

	if (code == CURLE_AGAIN)
		return OUTLET_AGAIN;
	return code == CURLE_OK ? OUTLET_OK : broken(o, "the connection is broken");
}

/* What comes is none of the protocol's, but for the end. */
static enum outlet_result check_syslog(struct outlet *o)
{
	char room[4096];
	CURLcode code;
	size_t n;

	do {
		code = curl_easy_recv(o->handle, room, sizeof(room), &n);
	} while (code == CURLE_OK && n);
	if (code == CURLE_AGAIN)
		return OUTLET_OK;
	return broken(o, code == CURLE_OK ? "the server closed the connection"
					  : "the server broke the connection off");
}

static void progress_syslog(struct outlet *o, uint64_t *written, uint64_t *arrived)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);
	int waiting = 0;

	*written = *arrived = 0;
	memset(&info, 0, sizeof(info));
	if (getsockopt(o->fd, IPPROTO_TCP, TCP_INFO, &info, &n) ||
	    ioctl(o->fd, SIOCOUTQ, &waiting)) {
		*written = UINT64_MAX; /* never known to have arrived */
		return;
	}
	*arrived = info.tcpi_bytes_acked;
	*written = info.tcpi_bytes_acked + (uint64_t)waiting;
}

const struct outlet_ops outlet_syslog = {
	.open = open_syslog,
	.write = write_syslog,
	.check = check_syslog,
	.progress = progress_syslog,
	.close = close_syslog,
	.grace = GRACE_MS,
};
