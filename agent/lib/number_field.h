/* SPDX-License-Identifier: MIT */
/*
 * Numbers of a struct as they cross between the agent's processes: a table says where each
 * stands and how large it may be, and each crosses in 64 bits.
 */
#ifndef SLUICE_LIB_NUMBER_FIELD_H
#define SLUICE_LIB_NUMBER_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct number_field {
	uint16_t offset;
	uint16_t size; /* 1, 2, 4 or 8 bytes */
	uint64_t max;
};

#define NUMBER_FIELD(type, member, most)                                               \
	{                                                                              \
		.offset = offsetof(type, member), .size = sizeof(((type *)0)->member), \
		.max = (most)                                                          \
	}

/* Those of a member `session`, a struct session_info. */
#define NUMBER_FIELDS_SESSION(type)                                        \
	NUMBER_FIELD(type, session.id, UINT64_MAX),                        \
		NUMBER_FIELD(type, session.start, UINT64_MAX),             \
		NUMBER_FIELD(type, session.related, UINT64_MAX),           \
		NUMBER_FIELD(type, session.netns, UINT64_MAX),             \
		NUMBER_FIELD(type, session.zone, UINT32_MAX),              \
		NUMBER_FIELD(type, session.vlan[0], UINT32_MAX),           \
		NUMBER_FIELD(type, session.vlan[1], UINT32_MAX),           \
		NUMBER_FIELD(type, session.vrf, UINT32_MAX),               \
		NUMBER_FIELD(type, session.uid, UINT32_MAX),               \
		NUMBER_FIELD(type, session.local, SESSION_LOCAL_ANSWERER), \
		NUMBER_FIELD(type, session.ct_mark, UINT32_MAX),           \
		NUMBER_FIELD(type, session.share_mask, UINT32_MAX),        \
		NUMBER_FIELD(type, session.protocol, UINT8_MAX),           \
		NUMBER_FIELD(type, session.midstream, true)

uint64_t number_field_load(const struct number_field *f, const void *base);
/* False, and nothing stored: beyond its limit. */
bool number_field_store(const struct number_field *f, void *base, uint64_t v);

#endif
