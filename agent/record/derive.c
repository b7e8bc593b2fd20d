// SPDX-License-Identifier: MIT
#include "lib/json.h"
#include "record/format.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct derive {
	const json_t *sighting;
	json_t *record;
	bool failed;
};

/* Takes the reference of v; NULL fails. */
static void set(struct derive *d, const char *key, json_t *v)
{
	if (json_object_set_new(d->record, key, v) < 0)
		d->failed = true;
}

/* The text at one of two paths, where there is any. */
static void set_text(struct derive *d, const char *key, const char *path, const char *otherwise)
{
	const json_t *v = json_at(d->sighting, path);

	if (!json_is_string(v))
		v = json_at(d->sighting, otherwise);
	if (json_is_string(v))
		set(d, key, json_incref((json_t *)v));
}

static void set_list(struct derive *d, const char *key, const char *path)
{
	struct buf text;

	buf_init(&text, RECORD_VALUE_MAX);
	if (!record_text(d->sighting, path, &text))
		d->failed = true;
	else if (text.len)
		set(d, key, json_stringn((const char *)text.data, text.len));
	buf_free(&text);
}

/* ------------------------------------------------------------------- times */

/* Of the log's own form, RFC 3339 in UTC with nanoseconds. */
static bool parse_time(const json_t *v, struct tm *tm, uint32_t *ns)
{
	const char *text = json_string_value(v), *rest;
	uint32_t unit = 100000000;

	memset(tm, 0, sizeof(*tm));
	*ns = 0;
	rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", tm) : NULL;
	if (!rest)
		return false;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			*ns += (uint32_t)(*rest - '0') * unit;
	return !strcmp(rest, "Z");
}

static void set_ms(struct derive *d, const char *key, const char *path)
{
	struct tm tm;
	uint32_t ns;

	if (parse_time(json_at(d->sighting, path), &tm, &ns))
		set(d, key, json_integer((json_int_t)timegm(&tm) * 1000 + ns / 1000000));
}

static void add_times(struct derive *d)
{
	char date[32];
	struct tm tm;
	uint32_t ns;

	set_ms(d, "time", "@timestamp");
	set_ms(d, "begin", "event.start");
	set_ms(d, "end", "event.end");
	if (!parse_time(json_at(d->sighting, "@timestamp"), &tm, &ns))
		return;
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	set(d, "time_micro", json_sprintf("%s.%06" PRIu32 "+0000", date, ns / 1000));
	set(d, "time_milli", json_sprintf("%s.%03" PRIu32 "+00:00", date, ns / 1000000));
	strftime(date, sizeof(date), "%Y/%m/%d %H:%M:%S", &tm);
	set(d, "time_panos", json_string(date));
}

/* ----------------------------------------------------------------- network */

static void add_protocol(struct derive *d)
{
	const char *transport = json_text_at(d->sighting, "network.transport");
	const char *type = json_text_at(d->sighting, "network.type");
	const json_t *id = json_at(d->sighting, "sluice.session.id");

	if (transport) {
		bool udp = !strcmp(transport, "udp");

		set(d, "protocol", json_string(udp ? "UDP" : "TCP"));
		set(d, "protocol_number", json_integer(udp ? IPPROTO_UDP : IPPROTO_TCP));
	}
	if (type) {
		bool v6 = !strcmp(type, "ipv6");

		set(d, "ip_version", json_integer(v6 ? 6 : 4));
		set_text(d, v6 ? "source6" : "source4", "source.ip", "");
		set_text(d, v6 ? "destination6" : "destination4", "destination.ip", "");
	}
	if (json_is_integer(id))
		set(d, "session",
		    json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(id)));
}

/* An application that is known by its host came by HTTP, the others are their protocol. */
static void add_app_proto(struct derive *d)
{
	static const struct {
		const char *application, *protocol;
	} table[] = {
		{"web-browsing", "http"}, {"smtp", "smtp"},	  {"pop3", "pop3"},
		{"imap", "imap"},	  {"ftp", "ftp-data"},	  {"ftp-data", "ftp-data"},
		{"ms-ds-smbv1", "smb"},	  {"ms-ds-smbv2", "smb"}, {"ms-ds-smbv3", "smb"},
		{"ms-ds-smb", "smb"},	  {"nfs", "nfs"},	  {"tftp", "tftp"},
	};
	const char *application = json_text_at(d->sighting, "network.application");
	const char *protocol = json_at(d->sighting, "http") ? "http" : NULL;

	for (size_t i = 0; application && i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].application, application))
			protocol = table[i].protocol;
	if (protocol)
		set(d, "app_proto", json_string(protocol));
}

/* Of an absolute URL; what has no authority is a path already. */
static void add_url(struct derive *d)
{
	const char *url = json_text_at(d->sighting, "url.original"), *at, *end, *port;

	if (!url)
		return;
	at = strstr(url, "://");
	if (!at) {
		set(d, "path", json_string(url));
		return;
	}
	at += 3;
	end = at + strcspn(at, "/?#");
	set(d, "path", json_string(*end ? end : "/"));
	port = memrchr(at, ':', (size_t)(end - at));
	if (port && port + 1 < end &&
	    strspn(port + 1, "0123456789") == (size_t)(end - port - 1) && end - port <= 6)
		set(d, "port", json_integer(strtol(port + 1, NULL, 10)));
}

/* -------------------------------------------------------------------- rest */

static void add_ends(struct derive *d, bool download)
{
	set_text(d, "sender_user", download ? "source.user.name" : "user.name",
		 "source.user.name");
	set_text(d, "receiver_user", download ? "user.name" : "destination.user.name",
		 "destination.user.name");
	set(d, "flow", json_string(download ? "server-to-client" : "client-to-server"));
}

static void add_mail(struct derive *d)
{
	const json_t *first = json_array_get(json_at(d->sighting, "email.from.address"), 0);

	set_list(d, "from", "email.from.address");
	set_list(d, "to", "email.to.address");
	if (json_is_string(first))
		set(d, "first_from", json_incref((json_t *)first));
}

/* As PAN-OS calls them in its log; the numbers are WildFire's. */
static void add_verdict(struct derive *d)
{
	static const struct {
		json_int_t number;
		const char *name;
	} table[] = {
		{0, "benign"}, {1, "malicious"}, {2, "grayware"}, {4, "phishing"}, {5, "c2"},
	};
	const json_t *v = json_at(d->sighting, "sluice.cloud.verdict");

	for (size_t i = 0; json_is_integer(v) && i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].number == json_integer_value(v))
			set(d, "verdict", json_string(table[i].name));
}

json_t *record_derive(const json_t *sighting, const struct record_context *context)
{
	const char *direction = json_text_at(sighting, "sluice.direction");
	const char *kind = json_text_at(sighting, "sluice.kind");
	struct derive d = {.sighting = sighting, .record = json_object()};
	json_t *all = json_copy((json_t *)sighting);

	set_text(&d, "name", "file.name", "sluice.file.container.path");
	set(&d, "title",
	    json_sprintf("%s, %s", kind ? kind : "file", direction ? direction : "download"));
	if (direction)
		add_ends(&d, !strcmp(direction, "download"));
	add_times(&d);
	add_protocol(&d);
	add_app_proto(&d);
	add_url(&d);
	add_mail(&d);
	add_verdict(&d);
	if (context && context->host)
		set(&d, "host", json_string(context->host));
	if (json_object_set_new(all, "record", d.record) < 0 || d.failed) {
		json_decref(all);
		return NULL;
	}
	return all;
}
