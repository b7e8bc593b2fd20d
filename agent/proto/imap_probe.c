// SPDX-License-Identifier: MIT
/*
 * What the first bytes of a direction look like to IMAP.
 */
#include "proto/imap_probe.h"

#include "proto/line.h"

#include <string.h>
#include <strings.h>

#define LINE_MAX_PROBED 512
#define TAG_MAX 64

static const char *const commands[] = {
	"CAPABILITY", "NOOP",	     "LOGOUT",	"STARTTLS", "AUTHENTICATE", "LOGIN",
	"ENABLE",     "SELECT",	     "EXAMINE", "CREATE",   "DELETE",	    "RENAME",
	"SUBSCRIBE",  "UNSUBSCRIBE", "LIST",	"LSUB",	    "NAMESPACE",    "STATUS",
	"APPEND",     "IDLE",	     "CHECK",	"CLOSE",    "UNSELECT",	    "EXPUNGE",
	"SEARCH",     "FETCH",	     "STORE",	"COPY",	    "MOVE",	    "UID",
	"ID",	      "COMPRESS",    "SORT",	"THREAD",   "GETQUOTA",	    "GETQUOTAROOT",
	"GETACL",     "MYRIGHTS",    "XLIST",	"REPLACE",  "NOTIFY",	    "GETMETADATA",
};
static const char *const statuses[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
static const char *const untagged[] = {
	"CAPABILITY", "FLAGS", "LIST", "LSUB",	  "SEARCH",   "STATUS",	 "NAMESPACE",
	"ID",	      "QUOTA", "SORT", "ESEARCH", "VANISHED", "ENABLED", "XLIST",
};
static const char *const numbered[] = {"FETCH", "EXISTS", "RECENT", "EXPUNGE"};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool is_one_of(const char *line, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line_word(line, words[i], NULL))
			return true;
	return false;
}

/* Behind a tag and its blank; NULL: there is none. */
static const char *behind_tag(const char *line)
{
	size_t n = strcspn(line, " ");

	if (!n || n > TAG_MAX || line[n] != ' ' || strcspn(line, "(){%\"\\+*") < n)
		return NULL;
	return line + n + 1;
}

bool imap_is_command(const char *line)
{
	const char *rest = behind_tag(line);

	return rest && is_one_of(rest, commands, COUNT_OF(commands));
}

bool imap_is_response(const char *line)
{
	const char *rest;

	if (!strncmp(line, "* ", 2)) {
		rest = line + 2;
		if (strspn(rest, "0123456789") && rest[strspn(rest, "0123456789")] == ' ')
			return is_one_of(rest + strspn(rest, "0123456789") + 1, numbered,
					 COUNT_OF(numbered));
		return is_one_of(rest, statuses, COUNT_OF(statuses)) ||
		       is_one_of(rest, untagged, COUNT_OF(untagged));
	}
	rest = behind_tag(line);
	return rest && is_one_of(rest, statuses, 3);
}

/* The first line; NULL while there is none, "" where it is none. */
static const char *first_line(const struct proto_head *h, char line[LINE_MAX_PROBED])
{
	const uint8_t *nl = h->n ? memchr(h->p, '\n', h->n) : NULL;
	size_t n = nl ? (size_t)(nl - h->p) : h->n;

	if (n >= LINE_MAX_PROBED) {
		if (!nl && strncmp((const char *)h->p, "* ", 2))
			return "";
		n = LINE_MAX_PROBED - 1; /* a greeting with many capabilities */
	} else if (!nl && !h->whole) {
		return NULL;
	}
	if (memchr(h->p, 0, n))
		return "";
	memcpy(line, h->p, n);
	line[n] = 0;
	line[strcspn(line, "\r")] = 0;
	return line;
}

/* Without a line yet: may it become one? */
static bool may_be_tag(const struct proto_head *h)
{
	for (size_t i = 0; i < h->n; i++) {
		if (h->p[i] == ' ')
			return i;
		if (h->p[i] <= ' ' || h->p[i] >= 0x7f || i >= TAG_MAX)
			return false;
	}
	return true;
}

static enum probe side(const struct proto_head *client, const struct proto_head *server)
{
	char a[LINE_MAX_PROBED], b[LINE_MAX_PROBED];
	const char *asked = client->n ? first_line(client, a) : NULL;
	const char *said = server->n ? first_line(server, b) : NULL;
	bool silent = !client->n && client->whole;

	if (said && !imap_is_response(said))
		return PROBE_NO;
	if (asked && !imap_is_command(asked))
		return PROBE_NO;
	if (asked)
		return PROBE_YES;
	if (said && silent)
		/* The server alone. */
		return *said == '*' ? PROBE_YES : PROBE_NO;
	if (silent || (!client->n && !server->n) || !may_be_tag(client))
		return PROBE_NO;
	if (!said && server->n && !may_be_tag(server))
		return PROBE_NO;
	return PROBE_MORE;
}

enum probe imap_probe(const struct proto_head head[DIR_COUNT])
{
	enum probe a = side(&head[DIR_OPENER], &head[DIR_ANSWERER]);
	enum probe b = side(&head[DIR_ANSWERER], &head[DIR_OPENER]);

	if (a == PROBE_YES || b == PROBE_YES)
		return PROBE_YES;
	return a == PROBE_MORE || b == PROBE_MORE ? PROBE_MORE : PROBE_NO;
}
