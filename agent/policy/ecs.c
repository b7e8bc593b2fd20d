// SPDX-License-Identifier: MIT
#include "policy/ecs.h"

#include "policy/text.h"

#include <linux/sluice.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void ecs_set(bool *failed, json_t *object, const char *key, json_t *v)
{
	if (json_object_set_new(object, key, v) < 0)
		*failed = true;
}

/* ----------------------------------------------------------------- values */

json_t *ecs_text(const char *p, size_t n)
{
	struct buf clean;
	json_t *v;

	buf_init(&clean, 3 * n + 1);
	text_add_utf8(&clean, p, n);
	v = clean.failed ? NULL : json_stringn_nocheck(buf_string(&clean), clean.len);
	buf_free(&clean);
	return v;
}

json_t *ecs_number(uint64_t v)
{
	return json_integer((json_int_t)(v > INT64_MAX ? INT64_MAX : v));
}

json_t *ecs_time(uint64_t ns)
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

json_t *ecs_list(bool *failed, const char *p, size_t n)
{
	json_t *list = json_array();

	while (n) {
		const char *end = memchr(p, SIGHTING_LIST_SEPARATOR, n);
		size_t k = end ? (size_t)(end - p) : n;

		if (k && json_array_append_new(list, ecs_text(p, k)) < 0)
			*failed = true;
		k += end != NULL;
		p += k;
		n -= k;
	}
	return list;
}

/* ------------------------------------------------------------------ parts */

void ecs_set_end(bool *failed, json_t *object, const struct endpoint *e, bool ip, bool port)
{
	char text[INET_TEXT_MAX];

	if (!e->family)
		return;
	if (ip)
		ecs_set(failed, object, "ip", json_string(inet_text(e, text)));
	if (port)
		ecs_set(failed, object, "port", json_integer(e->port));
}

json_t *ecs_network(bool *failed, const struct session_info *i)
{
	uint8_t family = i->end[DIR_OPENER].family;
	json_t *network = json_object();

	ecs_set(failed, network, "transport",
		json_string(i->protocol == IPPROTO_UDP ? "udp" : "tcp"));
	if (family)
		ecs_set(failed, network, "type",
			json_string(family == AF_INET ? "ipv4" : "ipv6"));
	return network;
}

json_t *ecs_observer(void)
{
	return json_pack("{s:s,s:s,s:s}", "vendor", "Sluice", "product", "sluiced", "version",
			 SLUICE_VERSION);
}

void ecs_set_interface(bool *failed, json_t *object, const char *key,
		       const char name[static 16])
{
	size_t n = strnlen(name, 16);

	if (n)
		ecs_set(failed, object, key, ecs_text(name, n));
}

static void set_known(bool *failed, json_t *object, const char *key, uint64_t v)
{
	if (v)
		ecs_set(failed, object, key, ecs_number(v));
}

json_t *ecs_session(bool *failed, const struct session_info *i)
{
	json_t *session = json_object();

	ecs_set(failed, session, "id", ecs_number(i->id));
	ecs_set(failed, session, "start", ecs_time(i->start));
	ecs_set(failed, session, "midstream", json_boolean(i->midstream));
	ecs_set_interface(failed, session, "in_interface", i->in_name);
	ecs_set_interface(failed, session, "out_interface", i->out_name);
	set_known(failed, session, "netns", i->netns);
	set_known(failed, session, "zone", i->zone);
	set_known(failed, session, "vlan", i->vlan[0]);
	set_known(failed, session, "inner_vlan", i->vlan[1]);
	set_known(failed, session, "vrf", i->vrf);
	if (i->uid != UINT32_MAX)
		ecs_set(failed, session, "uid", ecs_number(i->uid));
	if (i->local)
		ecs_set(failed, session, "local",
			json_string(i->local == SESSION_LOCAL_OPENER ? "client" : "server"));
	set_known(failed, session, "ct_mark", i->ct_mark);
	set_known(failed, session, "related", i->related);
	return session;
}

/* ----------------------------------------------------------------- output */

static int append(const char *p, size_t n, void *arg)
{
	return buf_add(arg, p, n) ? 0 : -1;
}

bool ecs_dump(const json_t *root, struct buf *out)
{
	return json_dump_callback(root, append, out, JSON_COMPACT) == 0 && !out->failed;
}
