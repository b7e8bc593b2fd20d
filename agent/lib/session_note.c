// SPDX-License-Identifier: MIT
#include "lib/session_note.h"

#include "lib/number_field.h"

#include <stddef.h>
#include <string.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Numbers cross in one attribute, in this order, 64 bits each. */
static const struct number_field numbers[] = {
#define NUMBER(member, most) NUMBER_FIELD(struct session_note, member, most)
	NUMBER_FIELDS_SESSION(struct session_note),
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
};

bool session_note_encode(const struct session_note *n, struct msg *m)
{
	const uint8_t *base = (const uint8_t *)n;
	uint64_t values[COUNT_OF(numbers)];
	struct endpoint ends[2 * DIR_COUNT];
	bool ok;

	msg_begin(m, MSG_SESSION);
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		values[i] = number_field_load(&numbers[i], n);
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

bool session_note_decode(struct session_note *n, const struct msg_view *v)
{
	uint8_t *base = (uint8_t *)n;
	uint64_t values[COUNT_OF(numbers)];
	struct endpoint ends[2 * DIR_COUNT];

	memset(n, 0, sizeof(*n));
	if (!msg_get_exact(v, TAG_NUMBERS, values, sizeof(values)) ||
	    !msg_get_exact(v, TAG_ENDS, ends, sizeof(ends)))
		return false;
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		if (!number_field_store(&numbers[i], n, values[i]))
			return false;
	for (int d = 0; d < DIR_COUNT; d++) {
		if (!inet_check(&ends[d]) || !inet_check(&ends[DIR_COUNT + d]))
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
