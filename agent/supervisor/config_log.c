// SPDX-License-Identifier: MIT
/* [log NAME]: where records go. */
#include "supervisor/config_parse.h"

#include "lib/size.h"
#include "record/syslog.h"

#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 1000000
#define TO_EXPECTED "expected file PATH, journal, or syslog HOST or HOST:PORT"

bool config_add_log(struct parse *p, const char *name)
{
	struct config *c = p->c;
	struct sink_config *sink;

	for (size_t i = 0; i < c->sinks; i++)
		if (strcmp(c->sink[i].name, name) == 0) {
			config_bad(p, "this section stands in line %d already",
				   c->sink[i].line);
			return false;
		}
	if (c->sinks == SINK_MAX) {
		config_bad(p, "too many sections of this kind: expected %d at most", SINK_MAX);
		return false;
	}
	p->index = c->sinks++;
	sink = &c->sink[p->index];
	memset(sink, 0, sizeof(*sink));
	strcpy(sink->name, name);
	sink->kind = SINK_KIND_COUNT;
	sink->format = record_find("ecs");
	sink->max_waiting = WAITING_MAX;
	sink->line = p->line;
	return true;
}

void config_sink_free(struct sink_config *sink)
{
	free(sink->path);
	free(sink->host);
	free(sink->ca);
	free(sink->certificate);
	if (sink->certificate_key)
		explicit_bzero(sink->certificate_key, strlen(sink->certificate_key));
	free(sink->certificate_key);
	memset(sink, 0, sizeof(*sink));
}

/* HOST, HOST:PORT, [IPv6] or [IPv6]:PORT; false: it is none. */
static bool take_server(struct sink_config *sink, const char *text)
{
	bool brackets = text[0] == '[';
	size_t n = brackets ? strcspn(++text, "]") : strcspn(text, ":");
	const char *rest = text + n + (brackets && text[n] ? 1 : 0);
	uint64_t port = SYSLOG_PORT;

	if (!n || n > 255 || (brackets && text[n] != ']') ||
	    strspn(text, brackets ? "0123456789abcdefABCDEF:."
				  : "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789.-_") != n)
		return false;
	if (rest[0] && (rest[0] != ':' || !size_parse(rest + 1, false, &port) || !port ||
			port > UINT16_MAX))
		return false;
	sink->host = strndup(text, n);
	sink->port = (uint32_t)port;
	return sink->host;
}

void config_set_to(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct sink_config *sink = base;
	size_t n = strcspn(value, " \t");
	const char *rest = value + n + strspn(value + n, " \t");

	if (n == 7 && !strncmp(value, "journal", n) && !rest[0]) {
		sink->kind = SINK_JOURNAL;
	} else if (n == 4 && !strncmp(value, "file", n) && rest[0] == '/' &&
		   rest[strlen(rest) - 1] != '/' && strlen(rest) < k->max) {
		sink->kind = SINK_FILE;
		sink->path = strdup(rest);
		if (!sink->path)
			config_bad(p, "%s: out of memory", k->name);
	} else if (n == 6 && !strncmp(value, "syslog", n) && take_server(sink, rest)) {
		sink->kind = SINK_SYSLOG;
	} else if (n == 6 && !strncmp(value, "syslog", n) && rest[0] == '/') {
		config_bad(p,
			   "%s: '%s': expected a server that is reached by TLS; for this "
			   "machine's own log there is journal",
			   k->name, value);
	} else {
		config_bad(p, "%s: '%s': " TO_EXPECTED, k->name, value);
	}
}

void config_set_format(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct sink_config *sink = base;
	const struct record_format *format = record_find(value);

	if (format)
		sink->format = format;
	else
		config_bad(p, "%s: '%s': expected one of " RECORD_FORMAT_WORDS, k->name, value);
}

size_t config_find_log(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->sinks; i++)
		if (strcmp(c->sink[i].name, name) == 0)
			return CONFIG_SINK_SHARE(i);
	return CONFIG_SHARES_MAX;
}

static void finish(struct parse *p, size_t i)
{
	const struct config *c = p->c;
	const struct sink_config *sink = &c->sink[i];

	for (size_t k = 0; k < c->clouds; k++)
		if (strcmp(c->cloud[k].name, sink->name) == 0)
			config_bad_at(p, sink->line,
				      "[log %s]: a cloud has that name: whose would [share %s] "
				      "be?",
				      sink->name, sink->name);
	if (sink->kind == SINK_KIND_COUNT) {
		config_bad_at(p, sink->line, "[log %s]: to is missing: " TO_EXPECTED,
			      sink->name);
		return;
	}
	if (!sink_leaves(sink)) {
		if (sink->ca || sink->certificate || sink->certificate_key)
			config_bad_at(p, sink->line,
				      "[log %s]: ca_file, client_certificate and client_key "
				      "are for syslog only",
				      sink->name);
		return;
	}
	config_finish_identity(p, sink->line, "log", sink->name, sink->certificate,
			       sink->certificate_key);
	/* It leaves the machine: that is for the operator to say, field by field. */
	if (!c->has_share[CONFIG_SINK_SHARE(i)])
		config_bad_at(p, sink->line,
			      "[log %s]: records that leave this machine need a policy: "
			      "expected a [share %s], with default = share for all of it",
			      sink->name, sink->name);
}

void config_finish_logs(struct parse *p)
{
	for (size_t i = 0; i < p->c->sinks; i++)
		finish(p, i);
}
