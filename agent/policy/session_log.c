// SPDX-License-Identifier: MIT
#include "policy/session_log.h"

#include "policy/text.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <linux/sluice.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ECS_VERSION "8.11.0"

/* Takes the reference of v; *ok becomes false when memory is out. */
static void set(bool *ok, json_t *object, const char *key, json_t *v)
{
	*ok &= json_object_set_new(object, key, v) == 0;
}

static json_t *text_json(const char *p, size_t n)
{
	struct buf clean;
	json_t *v;

	buf_init(&clean, 3 * n + 1);
	text_add_utf8(&clean, p, n);
	v = clean.failed ? NULL : json_stringn_nocheck(buf_string(&clean), clean.len);
	buf_free(&clean);
	return v;
}

static void set_text(bool *ok, json_t *object, const char *key, const char *text)
{
	if (text && *text)
		set(ok, object, key, text_json(text, strlen(text)));
}

static void set_number(bool *ok, json_t *object, const char *key, uint64_t v)
{
	if (v)
		set(ok, object, key, json_integer((json_int_t)(v > INT64_MAX ? INT64_MAX : v)));
}

static json_t *time_json(uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	char date[32], text[48];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm))
		return NULL;
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%09uZ", date, (unsigned int)(ns % 1000000000));
	return json_string(text);
}

static json_t *address_json(bool *ok, const struct endpoint *e)
{
	json_t *v = json_object();
	char text[INET_TEXT_MAX];

	if (e->family) {
		set(ok, v, "ip", json_string(inet_text(e, text)));
		set(ok, v, "port", json_integer(e->port));
	}
	return v;
}

/* One end under two names: nothing is sent here that would make them differ. */
static void add_end(bool *ok, json_t *root, const struct session_info *s, enum dir d)
{
	json_t *end = address_json(ok, &s->end[d]);

	if (s->nat[d].family)
		set(ok, end, "nat", address_json(ok, &s->nat[d]));
	set(ok, root, d == DIR_OPENER ? "source" : "destination", json_incref(end));
	set(ok, root, d == DIR_OPENER ? "client" : "server", end);
}

/* "1.2" of 0x0303, as ECS has it. */
static json_t *version_json(uint16_t version)
{
	char text[8];

	if (version == 0x0300)
		return json_string("3.0");
	snprintf(text, sizeof(text), "1.%u", (version & 0xff) - 1u);
	return json_string(text);
}

static json_t *list_json(bool *ok, const char *p)
{
	json_t *list = json_array();

	while (*p) {
		const char *end = strchrnul(p, SIGHTING_LIST_SEPARATOR);

		*ok &= json_array_append_new(list, text_json(p, (size_t)(end - p))) == 0;
		p = *end ? end + 1 : end;
	}
	return list;
}

/* Whether a session was established, and with which certificate, is not read. */
static void add_tls(bool *ok, json_t *root, json_t *sluice, const struct session_note *n)
{
	json_t *tls = json_object(), *client = json_object(), *own = json_object();

	set_text(ok, client, "server_name", n->server_name);
	if (json_object_size(client))
		set(ok, tls, "client", json_incref(client));
	set_text(ok, tls, "next_protocol", n->alpn);
	if (n->version) {
		set(ok, tls, "version", version_json(n->version));
		set(ok, tls, "version_protocol",
		    json_string(n->version == 0x0300 ? "ssl" : "tls"));
	}
	if (n->offered)
		set(ok, own, "offered_version", version_json(n->offered));
	if (n->offers[0])
		set(ok, own, "offered_protocols", list_json(ok, n->offers));
	if (n->ech)
		set(ok, own, "encrypted_client_hello", json_true());
	if (n->client == DIR_ANSWERER)
		set(ok, own, "client", json_string("answerer"));
	set_text(ok, own, "carrier", n->carrier);
	set(ok, root, "tls", tls);
	set(ok, sluice, "tls", own);
	json_decref(client);
}

static void add_session(bool *ok, json_t *sluice, const struct session_info *i)
{
	json_t *session = json_object();
	char in[sizeof(i->in_name) + 1] = "", out[sizeof(i->out_name) + 1] = "";

	memcpy(in, i->in_name, sizeof(i->in_name));
	memcpy(out, i->out_name, sizeof(i->out_name));
	set(ok, session, "id",
	    json_integer((json_int_t)(i->id > INT64_MAX ? INT64_MAX : i->id)));
	set(ok, session, "start", time_json(i->start));
	set(ok, session, "midstream", json_boolean(i->midstream));
	set_text(ok, session, "in_interface", in);
	set_text(ok, session, "out_interface", out);
	set_number(ok, session, "netns", i->netns);
	set_number(ok, session, "zone", i->zone);
	set_number(ok, session, "vlan", i->vlan[0]);
	set_number(ok, session, "inner_vlan", i->vlan[1]);
	set_number(ok, session, "vrf", i->vrf);
	if (i->uid != UINT32_MAX)
		set(ok, session, "uid", json_integer(i->uid));
	set_number(ok, session, "ct_mark", i->ct_mark);
	set_number(ok, session, "related", i->related);
	set(ok, sluice, "session", session);
}

static json_t *event_json(bool *ok)
{
	json_t *event = json_object();

	set(ok, event, "kind", json_string("event"));
	set(ok, event, "category", json_pack("[s]", "network"));
	set(ok, event, "type", json_pack("[s]", "info"));
	set(ok, event, "module", json_string("sluice"));
	set(ok, event, "dataset", json_string("sluice.session"));
	return event;
}

static json_t *network_json(bool *ok, const struct session_note *n)
{
	uint8_t family = n->session.end[DIR_OPENER].family;
	json_t *network = json_object();

	set(ok, network, "transport",
	    json_string(n->session.protocol == IPPROTO_UDP ? "udp" : "tcp"));
	if (family)
		set(ok, network, "type", json_string(family == AF_INET ? "ipv4" : "ipv6"));
	set_text(ok, network, "protocol", n->protocol);
	set_text(ok, network, "application", n->application);
	return network;
}

static int append(const char *p, size_t n, void *arg)
{
	return buf_add(arg, p, n) ? 0 : -1;
}

bool session_log_render(const struct session_note *n, const char *virtual_system,
			struct buf *out)
{
	json_t *root = json_object(), *sluice = json_object();
	bool ok = root && sluice;

	set(&ok, root, "@timestamp", time_json(n->time));
	set(&ok, root, "ecs", json_pack("{s:s}", "version", ECS_VERSION));
	set(&ok, root, "event", event_json(&ok));
	for (int d = 0; d < DIR_COUNT; d++)
		add_end(&ok, root, &n->session, d);
	set(&ok, root, "network", network_json(&ok, n));
	if (strcmp(n->protocol, "tls") == 0)
		add_tls(&ok, root, sluice, n);
	set(&ok, root, "observer",
	    json_pack("{s:s,s:s,s:s}", "vendor", "Sluice", "product", "sluiced", "version",
		      SLUICE_VERSION));
	set_text(&ok, sluice, "virtual_system", virtual_system);
	add_session(&ok, sluice, &n->session);
	set(&ok, root, "sluice", sluice);
	ok = ok && json_dump_callback(root, append, out, JSON_COMPACT) == 0 && !out->failed;
	json_decref(root);
	return ok;
}
