// SPDX-License-Identifier: MIT
#include "proto/nfs4_attr.h"

#include <string.h>

/* Of one entry of an ACL. */
#define WHO_MAX 2048
#define BITMAP_WORDS_MAX 64

enum { SUPPORTED, TYPE, FH_EXPIRE_TYPE, CHANGE, SIZE, ACL = 12, FILEHANDLE = 19 };

uint32_t nfs4_bitmap(struct cursor *c)
{
	uint32_t words = cursor_be32(c), first;

	if (words > BITMAP_WORDS_MAX) {
		c->failed = true;
		return 0;
	}
	if (!words)
		return 0;
	first = cursor_be32(c);
	cursor_skip(c, 4 * ((size_t)words - 1));
	return first;
}

/* Bytes of the attributes SUPPORTED to FILEHANDLE; 0: see read_value(). */
static const uint8_t value_size[] = {0, 4, 4, 8, 8, 4, 4, 4, 16, 4,
				     4, 4, 0, 4, 4, 4, 4, 4, 4,	 0};

static void read_value(struct cursor *c, uint32_t which, struct nfs4_attributes *t)
{
	uint32_t count;
	size_t n;

	switch (which) {
	case SUPPORTED:
		nfs4_bitmap(c);
		break;
	case CHANGE:
		t->a.has_version = true;
		t->a.version = xdr_u64(c);
		break;
	case SIZE:
		t->a.has_size = true;
		t->a.size = xdr_u64(c);
		break;
	case ACL:
		for (count = cursor_be32(c); count && !c->failed; count--) {
			cursor_skip(c, 12);
			xdr_opaque(c, WHO_MAX, &n);
		}
		break;
	case FILEHANDLE:
		t->handle = xdr_opaque(c, NFS4_HANDLE_MAX, &t->handle_len);
		break;
	default:
		cursor_skip(c, value_size[which]);
	}
}

void nfs4_attributes(struct cursor *c, struct nfs4_attributes *t)
{
	uint32_t mask = nfs4_bitmap(c);
	struct cursor values;
	const uint8_t *p;
	size_t n;

	memset(t, 0, sizeof(*t));
	p = xdr_opaque(c, NFS_STEP_MAX, &n);
	if (c->failed)
		return;
	values = cursor_of(p, n);
	for (uint32_t i = 0; i <= FILEHANDLE && !values.failed; i++) {
		if (mask & 1u << i)
			read_value(&values, i, t);
	}
	if (values.failed)
		memset(t, 0, sizeof(*t));
}
