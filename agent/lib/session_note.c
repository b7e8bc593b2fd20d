// SPDX-License-Identifier: MIT
#include "lib/session_note.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Numbers cross in one attribute, in this order, 64 bits each. */
static const struct {
	size_t offset, size;
	uint64_t max;
} numbers[] = {
#define NUMBER(member, most)                                             \
	{                                                                \
		offsetof(struct session_note, member),                   \
			sizeof(((struct session_note *)0)->member), most \
	}
	NUMBER(session.id, UINT64_MAX),
	NUMBER(session.start, UINT64_MAX),
	NUMBER(session.related, UINT64_MAX),
	NUMBER(session.netns, UINT64_MAX),
	NUMBER(session.zone, UINT32_MAX),
	NUMBER(session.vlan[0], UINT32_MAX),
	NUMBER(session.vlan[1], UINT32_MAX),
	NUMBER(session.vrf, UINT32_MAX),
	NUMBER(session.uid, UINT32_MAX),
	NUMBER(session.local, SESSION_LOCAL_ANSWERER),
	NUMBER(session.ct_mark, UINT32_MAX),
	NUMBER(session.share_mask, UINT32_MAX),
	NUMBER(session.protocol, UINT8_MAX),
	NUMBER(session.midstream, true),
	NUMBER(time, UINT64_MAX),
	NUMBER(client, DIR_ANSWERER),
	NUMBER(version, UINT16_MAX),
	NUMBER(offered, UINT16_MAX),
	NUMBER(ech, true),
#undef NUMBER
};

static const struct {
	size_t offset, size;
} texts[] = {
#define TEXT(member)                                               \
	{                                                          \
		offsetof(struct session_note, member),             \
			sizeof(((struct session_note *)0)->member) \
	}
	TEXT(session.in_name), TEXT(session.out_name), TEXT(application), TEXT(protocol),
	TEXT(carrier),	       TEXT(server_name),      TEXT(alpn),	  TEXT(offers),
#undef TEXT
};

enum {
	TAG_NUMBERS = MSG_A_SIGHTING,
	TAG_ENDS,
	TAG_TEXT,
	TAG_END = TAG_TEXT + COUNT_OF(texts),
};

static uint64_t load(const uint8_t *p, size_t size)
{
	uint64_t v8;
	uint32_t v4;
	uint16_t v2;

	switch (size) {
	case sizeof(v8):
		memcpy(&v8, p, sizeof(v8));
		return v8;
	case sizeof(v4):
		memcpy(&v4, p, sizeof(v4));
		return v4;
	case sizeof(v2):
		memcpy(&v2, p, sizeof(v2));
		return v2;
	default:
		return *p;
	}
}

static void store(uint8_t *p, size_t size, uint64_t v)
{
	uint32_t v4 = (uint32_t)v;
	uint16_t v2 = (uint16_t)v;
	uint8_t v1 = (uint8_t)v;

	memcpy(p,
	       size == sizeof(v)    ? (void *)&v
	       : size == sizeof(v4) ? (void *)&v4
	       : size == sizeof(v2) ? (void *)&v2
				    : (void *)&v1,
	       size);
}

bool session_note_encode(const struct session_note *n, struct msg *m)
{
	const uint8_t *base = (const uint8_t *)n;
	uint64_t values[COUNT_OF(numbers)];
	struct endpoint ends[2 * DIR_COUNT];
	bool ok;

	msg_begin(m, MSG_SESSION);
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		values[i] = load(base + numbers[i].offset, numbers[i].size);
	for (int d = 0; d < DIR_COUNT; d++) {
		ends[d] = n->session.end[d];
		ends[DIR_COUNT + d] = n->session.nat[d];
	}
	ok = msg_put(m, TAG_NUMBERS, values, sizeof(values)) &&
	     msg_put(m, TAG_ENDS, ends, sizeof(ends));
	for (size_t i = 0; ok && i < COUNT_OF(texts); i++) {
		const char *text = (const char *)base + texts[i].offset;

		ok = msg_put(m, (uint16_t)(TAG_TEXT + i), text, strnlen(text, texts[i].size));
	}
	return ok;
}

static bool end_good(struct endpoint *e)
{
	size_t used = e->family == AF_INET ? 4 : e->family == AF_INET6 ? sizeof(e->ip) : 0;

	if (!used && e->family)
		return false;
	e->reserved = 0;
	memset(e->ip + used, 0, sizeof(e->ip) - used);
	return true;
}

bool session_note_decode(struct session_note *n, const struct msg_view *v)
{
	uint8_t *base = (uint8_t *)n;
	uint64_t values[COUNT_OF(numbers)];
	struct endpoint ends[2 * DIR_COUNT];

	memset(n, 0, sizeof(*n));
	if (!msg_get_exact(v, TAG_NUMBERS, values, sizeof(values)) ||
	    !msg_get_exact(v, TAG_ENDS, ends, sizeof(ends)))
		return false;
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		if (values[i] > numbers[i].max)
			return false;
		store(base + numbers[i].offset, numbers[i].size, values[i]);
	}
	for (int d = 0; d < DIR_COUNT; d++) {
		if (!end_good(&ends[d]) || !end_good(&ends[DIR_COUNT + d]))
			return false;
		n->session.end[d] = ends[d];
		n->session.nat[d] = ends[DIR_COUNT + d];
	}
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (!msg_get_string(v, (uint16_t)(TAG_TEXT + i), (char *)base + texts[i].offset,
				    texts[i].size))
			return false;
	return n->application[0] && n->protocol[0];
}
