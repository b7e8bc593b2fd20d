// SPDX-License-Identifier: MIT
#include "policy/session_log.h"

#include "policy/ecs.h"

#include <stdio.h>
#include <string.h>

static void set_text(bool *failed, json_t *object, const char *key, const char *text)
{
	if (text && *text)
		ecs_set(failed, object, key, ecs_text(text, strlen(text)));
}

/* One end under two names: nothing is sent here that would make them differ. */
static void add_end(bool *failed, json_t *root, const struct session_info *s, enum dir d)
{
	json_t *end = json_object(), *nat;

	ecs_set_end(failed, end, &s->end[d], true, true);
	if (s->nat[d].family) {
		nat = json_object();
		ecs_set_end(failed, nat, &s->nat[d], true, true);
		ecs_set(failed, end, "nat", nat);
	}
	ecs_set(failed, root, d == DIR_OPENER ? "source" : "destination", json_incref(end));
	ecs_set(failed, root, d == DIR_OPENER ? "client" : "server", end);
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

/* Whether a session was established, and with which certificate, is not read. */
static void add_tls(bool *failed, json_t *root, json_t *sluice, const struct session_note *n)
{
	json_t *tls = json_object(), *client = json_object(), *own = json_object();

	set_text(failed, client, "server_name", n->server_name);
	if (json_object_size(client))
		ecs_set(failed, tls, "client", json_incref(client));
	set_text(failed, tls, "next_protocol", n->alpn);
	if (n->version) {
		ecs_set(failed, tls, "version", version_json(n->version));
		ecs_set(failed, tls, "version_protocol",
			json_string(n->version == 0x0300 ? "ssl" : "tls"));
	}
	if (n->offered)
		ecs_set(failed, own, "offered_version", version_json(n->offered));
	if (n->offers[0])
		ecs_set(failed, own, "offered_protocols",
			ecs_list(failed, n->offers, strlen(n->offers)));
	if (n->ech)
		ecs_set(failed, own, "encrypted_client_hello", json_true());
	if (n->client == DIR_ANSWERER)
		ecs_set(failed, own, "client", json_string("answerer"));
	set_text(failed, own, "carrier", n->carrier);
	ecs_set(failed, root, "tls", tls);
	ecs_set(failed, sluice, "tls", own);
	json_decref(client);
}

static json_t *event_json(bool *failed)
{
	json_t *event = json_object();

	ecs_set(failed, event, "kind", json_string("event"));
	ecs_set(failed, event, "category", json_pack("[s]", "network"));
	ecs_set(failed, event, "type", json_pack("[s]", "info"));
	ecs_set(failed, event, "module", json_string("sluice"));
	ecs_set(failed, event, "dataset", json_string("sluice.session"));
	return event;
}

static json_t *network_json(bool *failed, const struct session_note *n)
{
	json_t *network = ecs_network(failed, &n->session);

	set_text(failed, network, "protocol", n->protocol);
	set_text(failed, network, "application", n->application);
	return network;
}

bool session_log_render(const struct session_note *n, const char *virtual_system,
			struct buf *out)
{
	json_t *root = json_object(), *sluice = json_object();
	bool failed = false, ok;

	ecs_set(&failed, root, "@timestamp", ecs_time(n->time));
	ecs_set(&failed, root, "ecs", json_pack("{s:s}", "version", ECS_VERSION));
	ecs_set(&failed, root, "event", event_json(&failed));
	for (int d = 0; d < DIR_COUNT; d++)
		add_end(&failed, root, &n->session, d);
	ecs_set(&failed, root, "network", network_json(&failed, n));
	if (strcmp(n->protocol, "tls") == 0)
		add_tls(&failed, root, sluice, n);
	ecs_set(&failed, root, "observer", ecs_observer());
	set_text(&failed, sluice, "virtual_system", virtual_system);
	ecs_set(&failed, sluice, "session", ecs_session(&failed, &n->session));
	ecs_set(&failed, root, "sluice", sluice);
	ok = !failed && ecs_dump(root, out);
	json_decref(root);
	return ok;
}
