// SPDX-License-Identifier: MIT
/*
 * What the first bytes of a direction look like to POP3.
 *
 * "+OK" alone is a word of others as well (Redis), and USER one of FTP: it takes both.
 */
#include "proto/pop3_probe.h"

#include "proto/line.h"

#include <string.h>
#include <strings.h>

#define LINE_MAX_PROBED 512

bool pop3_is_command(const char *line)
{
	static const char *const words[] = {
		"USER", "PASS", "APOP", "AUTH", "STLS", "CAPA", "STAT", "LIST", "UIDL", "RETR",
		"TOP",	"DELE", "NOOP", "RSET", "LAST", "QUIT", "UTF8", "LANG", "XTND",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (line_word(line, words[i], NULL))
			return true;
	return false;
}

/* "+OK" or "-ERR", and then nothing, a blank or the line's end. */
static enum probe reply(const struct proto_head *h)
{
	const char *word = h->n && h->p[0] == '-' ? "-ERR" : "+OK";
	size_t len = strlen(word);

	if (strncasecmp((const char *)h->p, word, h->n < len ? h->n : len))
		return PROBE_NO;
	if (h->n <= len)
		return h->whole ? PROBE_NO : PROBE_MORE;
	return h->p[len] == ' ' || h->p[len] == '\r' || h->p[len] == '\n' ? PROBE_YES
									  : PROBE_NO;
}

static enum probe command(const struct proto_head *h)
{
	const uint8_t *nl = memchr(h->p, '\n', h->n);
	size_t n = nl ? (size_t)(nl - h->p) : h->n;
	char line[LINE_MAX_PROBED];

	if (n >= sizeof(line) || memchr(h->p, 0, n))
		return PROBE_NO;
	memcpy(line, h->p, n);
	line[n] = 0;
	line[strcspn(line, "\r")] = 0;
	if (nl)
		return pop3_is_command(line) ? PROBE_YES : PROBE_NO;
	/* Words only, as long as there is no whole one. */
	if (n > 4 && !pop3_is_command(line))
		return PROBE_NO;
	return h->whole ? PROBE_NO : PROBE_MORE;
}

/* The client is not heard: does the server hand out what a mail server does? */
static bool is_mail_server(const struct proto_head *h)
{
	return memmem(h->p, h->n, "POP", 3) || memmem(h->p, h->n, "octets", 6) ||
	       memmem(h->p, h->n, "\n.\r\n", 4);
}

static enum probe side(const struct proto_head *client, const struct proto_head *server)
{
	enum probe r;

	if (!server->n)
		return !server->whole && client->n && command(client) != PROBE_NO ? PROBE_MORE
										  : PROBE_NO;
	r = reply(server);
	if (r != PROBE_YES)
		return r;
	if (client->n)
		return command(client);
	if (!client->whole)
		return PROBE_MORE;
	return is_mail_server(server) ? PROBE_YES : PROBE_NO;
}

enum probe pop3_probe(const struct proto_head head[DIR_COUNT])
{
	enum probe a = side(&head[DIR_OPENER], &head[DIR_ANSWERER]);
	enum probe b = side(&head[DIR_ANSWERER], &head[DIR_OPENER]);

	if (a == PROBE_YES || b == PROBE_YES)
		return PROBE_YES;
	return a == PROBE_MORE || b == PROBE_MORE ? PROBE_MORE : PROBE_NO;
}
