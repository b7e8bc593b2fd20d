/* SPDX-License-Identifier: MIT */
/*
 * A conversation whose session announces others.
 */
#ifndef SLUICE_TESTS_UNIT_ANNOUNCED_H
#define SLUICE_TESTS_UNIT_ANNOUNCED_H

#include "conversation.h"

#include <netinet/in.h>

#define CLIENT "192.0.2.1"
#define SERVER "198.51.100.2"
#define OTHER "203.0.113.3"
#define CLIENT_PORT 40000

/* All sessions announced must be closed. */
static void announced_end(struct conversation *c)
{
	if (c->ps)
		conversation_close(c, FILE_REASON_NONE);
	shared_set_free(c->env.shared);
	range_set_free(c->env.ranges);
	expect_set_free(c->env.expected);
	conversation_end(c);
}

static bool announced_begin(struct conversation *c, uint16_t port, uint8_t protocol)
{
	struct shared_limits limits = SHARED_LIMITS_DEFAULT;
	struct range_limits ranges = RANGE_LIMITS_DEFAULT;

	if (!conversation_begin(c))
		return false;
	proto_session_free(c->ps, FILE_REASON_NONE, 1);
	c->env.expected = expect_set_new(EXPECT_MAX, EXPECT_LIFETIME, &c->counters);
	c->env.shared = shared_set_new(&limits, &c->counters);
	c->env.ranges = range_set_new(c->env.files, &ranges, &c->counters);
	c->info.end[DIR_ANSWERER].port = port;
	c->info.protocol = protocol;
	c->info.id = 1;
	c->ps = proto_session_new(&c->env, &c->info);
	return c->ps && c->env.expected && c->env.shared && c->env.ranges;
}

/* Another session; it is the caller's. */
static struct proto_session *announced(struct conversation *c, const char *opener,
				       uint16_t opener_port, const char *answerer,
				       uint16_t answerer_port)
{
	struct session_info info = {.id = c->time + 1000, .protocol = c->info.protocol};

	inet_parse(opener, &info.end[DIR_OPENER]);
	inet_parse(answerer, &info.end[DIR_ANSWERER]);
	info.end[DIR_OPENER].port = opener_port;
	info.end[DIR_ANSWERER].port = answerer_port;
	return proto_session_new(&c->env, &info);
}

#endif
