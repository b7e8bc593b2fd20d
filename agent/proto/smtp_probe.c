// SPDX-License-Identifier: MIT
/*
 * What the first bytes of a direction look like to SMTP.
 *
 * The greeting alone may be FTP's as well, so it is the client's first lines that tell.
 */
#include "proto/smtp_command.h"

#include <string.h>
#include <strings.h>

/* Of the client's lines. */
#define LINE_MAX_PROBED 512

/* A reply's first bytes, as far as there are any. */
static bool may_be_reply(const struct proto_head *h)
{
	for (size_t i = 0; i < h->n && i < 4; i++) {
		uint8_t c = h->p[i];

		if (i == 0  ? c < '2' || c > '5'
		    : i < 3 ? c < '0' || c > '9'
			    : !strchr(" -\r\n", c))
			return false;
	}
	return true;
}

/* A mail server says so in its greeting, as a rule. */
static bool is_named(const struct proto_head *h)
{
	return h->n >= 4 && (memmem(h->p, h->n, "SMTP", 4) || memmem(h->p, h->n, "LMTP", 4));
}

/* Words that are not of SMTP, or not of it alone. */
static enum probe foreign(const char *line, bool named)
{
	static const char *const ftp[] = {
		"USER",	    "PASS", "FEAT", "SYST", "AUTH TLS",
		"AUTH SSL", "OPTS", "PBSZ", "PORT", "TYPE",
	};
	static const char *const common[] = {
		"NOOP", "HELP", "QUIT", "RSET", "VRFY", "EXPN", "XCLIENT", "XFORWARD", "ETRN",
	};

	for (size_t i = 0; i < sizeof(ftp) / sizeof(ftp[0]); i++)
		if (!strncasecmp(line, ftp[i], strlen(ftp[i])))
			return PROBE_NO;
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (!strncasecmp(line, common[i], strlen(common[i])))
			return named ? PROBE_YES : PROBE_MORE;
	return named ? PROBE_MORE : PROBE_NO;
}

static enum probe whole_line(const char *line, const struct proto_head *server)
{
	bool named = is_named(server);
	const char *rest;

	switch (smtp_verb(line, &rest)) {
	case SMTP_HELLO:
	case SMTP_LHLO:
		return PROBE_YES;
	case SMTP_MAIL:
	case SMTP_RCPT:
	case SMTP_BDAT:
		return smtp_is_command(line) ? PROBE_YES : PROBE_NO;
	case SMTP_DATA:
		return !*rest && server->n >= 4 && !memcmp(server->p, "354 ", 4) ? PROBE_YES
										 : PROBE_NO;
	case SMTP_STARTTLS:
		return server->n ? PROBE_YES : PROBE_MORE;
	case SMTP_AUTH:
		return named ? PROBE_YES : foreign(line, named);
	default:
		return foreign(line, named);
	}
}

/* Could these bytes, without a line break yet, become a command? */
static bool may_be_verb(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && i < 8; i++) {
		if (p[i] == ' ')
			return i >= 4;
		if ((p[i] < 'A' || p[i] > 'Z') && (p[i] < 'a' || p[i] > 'z') && p[i] != '\r')
			return false;
	}
	return n < LINE_MAX_PROBED;
}

static enum probe client_lines(const struct proto_head *client, const struct proto_head *server)
{
	const uint8_t *p = client->p;
	size_t left = client->n;
	char line[LINE_MAX_PROBED];

	while (left) {
		const uint8_t *nl = memchr(p, '\n', left);
		size_t n = nl ? (size_t)(nl - p) : left;

		if (!nl)
			return may_be_verb(p, n) && !client->whole ? PROBE_MORE : PROBE_NO;
		if (n >= sizeof(line) || memchr(p, 0, n))
			return PROBE_NO;
		memcpy(line, p, n);
		line[n] = 0;
		line[strcspn(line, "\r")] = 0;
		enum probe r = whole_line(line, server);

		if (r != PROBE_MORE)
			return r;
		p += n + 1;
		left -= n + 1;
	}
	return client->whole ? PROBE_NO : PROBE_MORE;
}

enum probe smtp_probe(const struct proto_head head[DIR_COUNT])
{
	bool more = false;

	for (int d = 0; d < DIR_COUNT; d++) {
		const struct proto_head *server = &head[dir_other(d)];
		enum probe r;

		if (!head[d].n && !server->n)
			continue;
		r = client_lines(&head[d], server);
		/* A greeting may be longer than what is kept; HELO and its like are enough. */
		if (!may_be_reply(server) && r == PROBE_MORE)
			continue;
		if (r == PROBE_YES)
			return PROBE_YES;
		more |= r == PROBE_MORE;
	}
	return more ? PROBE_MORE : PROBE_NO;
}

enum dir smtp_client(const uint8_t *p, size_t n, enum dir dir)
{
	struct proto_head h = {.p = p, .n = n};

	return may_be_reply(&h) ? dir_other(dir) : dir;
}
