// SPDX-License-Identifier: MIT
#include "proto/tls_hello.h"

#include "lib/cursor.h"

#define RANDOM 32

/* Extensions, by IANA's registry of TLS. */
enum {
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ALPN = 16,
	EXTENSION_VERSIONS = 43,
	EXTENSION_ECH = 0xfe0d,
};

static bool is_grease(uint16_t v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

/* SSL 3.0 to TLS 1.3; drafts of 1.3 say 0x7fXX. */
static uint16_t known(uint16_t v)
{
	if (v >> 8 == 0x7f)
		return 0x0304;
	return v >= 0x0300 && v <= 0x0304 ? v : 0;
}

/* A part whose length stands before it, in one byte or two. */
static struct cursor part(struct cursor *c, size_t length_size)
{
	size_t n = length_size == 1 ? cursor_u8(c) : cursor_be16(c);
	const uint8_t *p = cursor_take(c, n);
	struct cursor inner = cursor_of(p, p ? n : 0);

	inner.failed = c->failed;
	return inner;
}

static void read_server_name(struct cursor *c, struct tls_hello *h)
{
	struct cursor list = part(c, 2);

	while (list.left && !list.failed) {
		uint8_t type = cursor_u8(&list);
		struct cursor name = part(&list, 2);

		if (type == 0 && !name.failed && name.left && !h->server_name.p)
			h->server_name = (struct tls_bytes){name.p, name.left};
	}
	c->failed |= list.failed;
}

static void read_versions(struct cursor *c, uint8_t type, struct tls_hello *h)
{
	struct cursor list = type == TLS_CLIENT_HELLO ? part(c, 1) : *c;
	uint16_t highest = 0;

	while (list.left && !list.failed) {
		uint16_t v = cursor_be16(&list);

		if (!list.failed && !is_grease(v) && known(v) > highest)
			highest = known(v);
	}
	if (highest)
		h->version = highest;
	c->failed |= list.failed;
}

static void read_alpn(struct cursor *c, struct tls_hello *h)
{
	struct cursor list = part(c, 2);

	if (!list.failed && list.left)
		h->alpn = (struct tls_bytes){list.p, list.left};
}

static void read_extension(uint16_t which, struct cursor *c, uint8_t type, struct tls_hello *h)
{
	switch (which) {
	case EXTENSION_SERVER_NAME:
		/* A server answers with an empty one. */
		if (type == TLS_CLIENT_HELLO)
			read_server_name(c, h);
		break;
	case EXTENSION_ALPN:
		read_alpn(c, h);
		break;
	case EXTENSION_VERSIONS:
		read_versions(c, type, h);
		break;
	case EXTENSION_ECH:
		h->ech = type == TLS_CLIENT_HELLO && c->left && c->p[0] == 0;
		break;
	}
}

bool tls_hello_read(uint8_t type, const uint8_t *p, size_t n, struct tls_hello *h)
{
	struct cursor c = cursor_of(p, n), extensions;

	*h = (struct tls_hello){0};
	h->version = known(cursor_be16(&c));
	cursor_skip(&c, RANDOM);
	part(&c, 1); /* session id */
	if (type == TLS_CLIENT_HELLO) {
		part(&c, 2); /* cipher suites */
		part(&c, 1); /* compression methods */
	} else {
		cursor_skip(&c, 2 + 1);
	}
	if (c.failed || !c.left)
		return !c.failed;
	extensions = part(&c, 2);
	while (extensions.left && !extensions.failed) {
		uint16_t which = cursor_be16(&extensions);
		struct cursor body = part(&extensions, 2);

		if (body.failed)
			return false;
		read_extension(which, &body, type, h);
		if (body.failed)
			return false;
	}
	return !extensions.failed;
}

bool tls_alpn_next(struct tls_bytes *list, struct tls_bytes *name)
{
	struct cursor c = cursor_of(list->p, list->n);

	while (c.left) {
		struct cursor one = part(&c, 1);

		if (c.failed)
			return false;
		*list = (struct tls_bytes){c.p, c.left};
		*name = (struct tls_bytes){one.p, one.left};
		if (one.left &&
		    !(one.left == 2 && one.p[0] == one.p[1] && (one.p[0] & 0x0f) == 0x0a))
			return true;
	}
	return false;
}
