// SPDX-License-Identifier: MIT
#include "policy/guard.h"

#include "policy/text.h"
#include "policy/treat.h"
#include "policy/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORTEST 3	/* bytes of a value worth looking for */
#define TOKEN_BELOW 6	/* shorter ones only as words */
#define PORT_WORTH 1000 /* ports below are too common as numbers */

/* Short ones are words, and so is what would be another value as a part of something longer. */
static void add_value(struct guard *g, const char *p, size_t n, bool any_length, bool token)
{
	char *copy;

	if (n == 0 || (n < SHORTEST && !any_length))
		return;
	copy = g->values < GUARD_VALUES_MAX ? malloc(n) : NULL;
	if (!copy) {
		g->overflow = true;
		return;
	}
	memcpy(copy, p, n);
	g->value[g->values].p = copy;
	g->value[g->values].n = n;
	g->value[g->values].token = token || n < TOKEN_BELOW;
	g->values++;
}

/* A text as seen, and percent-decoded where that differs. */
static void add_text(struct guard *g, const char *p, size_t n, bool any_length)
{
	char *decoded;
	size_t k;

	add_value(g, p, n, any_length, false);
	if (n == 0 || !memchr(p, '%', n))
		return;
	decoded = malloc(n);
	if (!decoded) {
		g->overflow = true;
		return;
	}
	k = text_percent_decode(p, n, NULL, decoded, NULL);
	if (k != n)
		add_value(g, decoded, k, any_length, false);
	free(decoded);
}

static void add_list(struct guard *g, const char *p, size_t n)
{
	while (n) {
		const char *end = memchr(p, SIGHTING_LIST_SEPARATOR, n);
		size_t k = end ? (size_t)(end - p) : n;

		add_text(g, p, k, false);
		k += end != NULL;
		p += k;
		n -= k;
	}
}

/* DOMAIN\name is found as name too. */
static void add_user(struct guard *g, const char *p, size_t n)
{
	const char *name = memrchr(p, '\\', n);

	add_text(g, p, n, false);
	if (name)
		add_text(g, name + 1, n - (size_t)(name + 1 - p), false);
}

static void add_ip(struct guard *g, const struct endpoint *e)
{
	char text[INET_TEXT_MAX];

	if (!e->family)
		return;
	g->ip[g->ips++] = *e;
	inet_text(e, text);
	add_value(g, text, strlen(text), false, true);
}

static void add_port(struct guard *g, const struct endpoint *e)
{
	char text[8];

	if (!e->family)
		return;
	g->port[g->ports++] = e->port;
	if (e->port < PORT_WORTH)
		return;
	snprintf(text, sizeof(text), "%u", e->port);
	add_value(g, text, strlen(text), false, true);
}

/* Truncated, a port that stays as it is hides nothing. */
static bool port_hidden(enum policy_mode mode, enum dir end, uint16_t port)
{
	return mode != POLICY_SHARE &&
	       !(mode == POLICY_TRUNCATE &&
		 treat_port_truncated(port, end == DIR_ANSWERER) == port);
}

static void add_end(struct guard *g, const struct sighting *s, enum dir end,
		    enum policy_mode ip, enum policy_mode port)
{
	const struct endpoint *both[] = {&s->session.end[end], &s->session.nat[end]};

	for (size_t i = 0; i < 2; i++) {
		if (ip != POLICY_SHARE)
			add_ip(g, both[i]);
		if (port_hidden(port, end, both[i]->port))
			add_port(g, both[i]);
	}
}

void guard_init(struct guard *g, const struct sighting *s, const struct policy *p)
{
	static const struct {
		enum sluice_field field;
		enum sighting_text text;
	} texts[] = {
		{SLUICE_FIELD_VIRTUAL_SYSTEM, SIGHTING_VIRTUAL_SYSTEM},
		{SLUICE_FIELD_APPLICATION, SIGHTING_APPLICATION},
		{SLUICE_FIELD_USER, SIGHTING_USER},
		{SLUICE_FIELD_USER, SIGHTING_LOGIN},
		{SLUICE_FIELD_USER, SIGHTING_SENDER_USER},
		{SLUICE_FIELD_USER, SIGHTING_RECEIVER_USER},
		{SLUICE_FIELD_URL, SIGHTING_URL},
		{SLUICE_FIELD_FILENAME, SIGHTING_FILENAME},
		{SLUICE_FIELD_EMAIL_SENDER, SIGHTING_EMAIL_SENDER},
		{SLUICE_FIELD_EMAIL_RECIPIENT, SIGHTING_EMAIL_RECIPIENT},
		{SLUICE_FIELD_EMAIL_SUBJECT, SIGHTING_EMAIL_SUBJECT},
	};
	enum dir sender = sighting_sender(s), receiver = dir_other(sender);

	memset(g, 0, sizeof(*g));
	add_end(g, s, sender, policy_mode(p, SLUICE_FIELD_SOURCE_IP),
		policy_mode(p, SLUICE_FIELD_SOURCE_PORT));
	add_end(g, s, receiver, policy_mode(p, SLUICE_FIELD_DESTINATION_IP),
		policy_mode(p, SLUICE_FIELD_DESTINATION_PORT));
	g->user = policy_mode(p, SLUICE_FIELD_USER) != POLICY_SHARE;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = sighting_get(s, texts[i].text);
		size_t n = s->text_len[texts[i].text];

		if (!text || policy_mode(p, texts[i].field) == POLICY_SHARE)
			continue;
		switch (texts[i].field) {
		case SLUICE_FIELD_EMAIL_RECIPIENT:
			add_list(g, text, n);
			break;
		case SLUICE_FIELD_USER:
			add_user(g, text, n);
			break;
		default:
			add_text(g, text, n, texts[i].field == SLUICE_FIELD_FILENAME);
			break;
		}
	}
}

void guard_free(struct guard *g)
{
	for (size_t i = 0; i < g->values; i++)
		free(g->value[i].p);
	g->values = 0;
}

static size_t find_in_form(const struct guard *g, const char *text, size_t n,
			   const uint32_t *origin)
{
	size_t first = SIZE_MAX;

	for (size_t i = 0; i < g->values; i++) {
		size_t at = text_find(text, n, g->value[i].p, g->value[i].n, g->value[i].token);

		if (at != SIZE_MAX && origin)
			at = origin[at];
		if (at < first)
			first = at;
	}
	return first;
}

size_t guard_find(const struct guard *g, const char *text, size_t n)
{
	size_t first, at, once, twice;
	uint32_t *origin, *origin2;
	char *decoded, *decoded2;

	if (g->overflow)
		return 0;
	if (n == 0 || g->values == 0)
		return SIZE_MAX;
	first = find_in_form(g, text, n, NULL);
	if (!memchr(text, '%', n))
		return first;

	decoded = malloc(2 * n);
	origin = malloc(2 * n * sizeof(*origin));
	if (!decoded || !origin) {
		free(decoded);
		free(origin);
		return 0;
	}
	decoded2 = decoded + n;
	origin2 = origin + n;
	once = text_percent_decode(text, n, NULL, decoded, origin);
	at = find_in_form(g, decoded, once, origin);
	first = at < first ? at : first;
	twice = text_percent_decode(decoded, once, origin, decoded2, origin2);
	at = find_in_form(g, decoded2, twice, origin2);
	first = at < first ? at : first;
	free(decoded);
	free(origin);
	return first;
}

static bool host_omitted(const struct guard *g, struct url_part host)
{
	struct endpoint address;

	if (host.n == 0)
		return false;
	if (url_host_address(host, &address))
		for (size_t i = 0; i < g->ips; i++)
			if (g->ip[i].family == address.family &&
			    memcmp(g->ip[i].ip, address.ip, sizeof(address.ip)) == 0)
				return true;
	return guard_find(g, host.p, host.n) != SIZE_MAX;
}

/* What is no number could mean any port. */
static bool port_omitted(const struct guard *g, struct url_part port)
{
	unsigned long number = 0;

	if (g->ports == 0)
		return false;
	for (size_t i = 0; i < port.n; i++) {
		if (port.p[i] < '0' || port.p[i] > '9' || number > UINT16_MAX)
			return true;
		number = number * 10 + (unsigned long)(port.p[i] - '0');
	}
	for (size_t i = 0; i < g->ports; i++)
		if (g->port[i] == number)
			return true;
	return false;
}

/* Bytes of rest to keep when a value begins at `at`: up to its segment or parameter. */
static size_t cut_before(const char *rest, size_t at)
{
	size_t query = 0;

	while (query < at && rest[query] != '?' && rest[query] != '#')
		query++;
	if (query == at) {
		while (at > 0 && rest[at - 1] != '/' && rest[at - 1] != '\\')
			at--;
		return at;
	}
	while (!strchr("?&;#", rest[at - 1]))
		at--;
	return at - 1;
}

bool guard_url(const struct guard *g, const char *url, size_t n, struct buf *out,
	       bool *shortened, size_t *host_at, size_t *host_length)
{
	struct url_parts u;
	size_t begin = out->len, authority, rest, at;
	const char *text;

	url_split(url, n, &u);
	buf_add(out, u.scheme.p, u.scheme.n);
	authority = out->len;
	*host_length = 0;

	if (u.has_userinfo) {
		const char *colon =
			u.userinfo.n ? memchr(u.userinfo.p, ':', u.userinfo.n) : NULL;
		size_t name = colon ? (size_t)(colon - u.userinfo.p) : u.userinfo.n;

		if (g->user || guard_find(g, u.userinfo.p, name) != SIZE_MAX) {
			*shortened = true;
		} else {
			buf_add(out, u.userinfo.p, name);
			buf_add(out, "@", 1);
		}
	}
	*host_at = out->len;
	if (host_omitted(g, u.host)) {
		buf_add_string(out, GUARD_HOST);
		*shortened = true;
	} else {
		buf_add(out, u.host.p, u.host.n);
		*host_length = u.host.n;
	}
	if (u.has_port) {
		if (port_omitted(g, u.port)) {
			*shortened = true;
		} else {
			buf_add(out, ":", 1);
			buf_add(out, u.port.p, u.port.n);
		}
	}
	rest = out->len;
	buf_add(out, u.rest.p, u.rest.n);
	if (out->failed)
		return false;

	/* The parts are clean by themselves; now what spans them, and the rest. */
	text = (const char *)out->data;
	at = guard_find(g, text + authority, out->len - authority);
	if (at == SIZE_MAX)
		return true;
	*shortened = true;
	at += authority;
	if (at >= rest) {
		out->len = rest + cut_before(text + rest, at - rest);
		return true;
	}
	*host_length = 0;
	out->len = begin;
	buf_add(out, u.scheme.p, u.scheme.n);
	buf_add_string(out, GUARD_HOST "/");
	return !out->failed;
}
