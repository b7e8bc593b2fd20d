// SPDX-License-Identifier: MIT
#include "policy/treat.h"

#include "policy/ipcrypt.h"
#include "policy/url.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define EXTENSION_MAX 8
#define PORT_SERVICES 1024
#define PORT_EPHEMERAL 32768

/* -------------------------------------------------------------- addresses */

static void truncate_address(const struct policy_field *f, struct endpoint *e)
{
	unsigned int keep = e->family == AF_INET ? f->v4 : f->v6;

	for (unsigned int i = keep; i < 8 * sizeof(e->ip); i++)
		e->ip[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

bool treat_address(const struct policy *p, enum sluice_field field,
		   const struct treat_context *c, const struct endpoint *e,
		   struct treat_address *out)
{
	struct policy_field f = policy_get(p, field);

	memset(out, 0, sizeof(*out));
	if (!e->family)
		return true;
	switch (f.mode) {
	case POLICY_SHARE:
		out->ip = *e;
		return true;
	case POLICY_TRUNCATE:
		out->ip = *e;
		truncate_address(&f, &out->ip);
		return true;
	case POLICY_ENCRYPT:
		if (!c->key)
			return true;
		out->ip = *e;
		return f.variant == POLICY_ENCRYPT_PREFIX
			       ? ipcrypt_prefix(c->key->prefix, false, &out->ip)
			       : ipcrypt_single(c->key->single, false, &out->ip);
	case POLICY_PSEUDONYMISE:
		return !c->key || pseudonym_address(c->key, field, e, out->text);
	case POLICY_GENERALISE:
		snprintf(out->text, sizeof(out->text), "%s", network_name(c->networks, e));
		return true;
	default:
		return true;
	}
}

/* ------------------------------------------------------------------ ports */

uint16_t treat_port_truncated(uint16_t port, bool answered)
{
	return port < (answered ? PORT_EPHEMERAL : PORT_SERVICES) ? port : 0;
}

bool treat_port(const struct policy *p, enum sluice_field field, const struct treat_context *c,
		uint16_t port, bool answered, struct treat_port *out)
{
	enum policy_mode mode = policy_mode(p, field);

	memset(out, 0, sizeof(*out));
	switch (mode) {
	case POLICY_SHARE:
	case POLICY_TRUNCATE:
		out->number = true;
		out->port = mode == POLICY_SHARE ? port : treat_port_truncated(port, answered);
		return true;
	case POLICY_PSEUDONYMISE:
		return !c->key || pseudonym_port(c->key, field, port, out->text);
	default:
		return true;
	}
}

/* ------------------------------------------------------------------ texts */

/* Its own name would be no extension, and what is long or odd is none. */
static void add_extension(struct buf *out, const char *text, size_t n)
{
	const char *dot = memrchr(text, '.', n);
	size_t k = dot ? (size_t)(text + n - dot) - 1 : 0;

	if (!dot || dot == text || dot[-1] == '/' || dot[-1] == '\\' || k == 0 ||
	    k > EXTENSION_MAX)
		return;
	for (size_t i = 1; i <= k; i++)
		if (!((dot[i] >= 'a' && dot[i] <= 'z') || (dot[i] >= 'A' && dot[i] <= 'Z') ||
		      (dot[i] >= '0' && dot[i] <= '9')))
			return;
	buf_add(out, dot + 1, k);
}

/* Behind the last @ of what is between < and >, or of all. */
static void add_domain(struct buf *out, const char *text, size_t n)
{
	const char *at = n ? memrchr(text, '@', n) : NULL;
	size_t k = 0, left = at ? (size_t)(text + n - at) - 1 : 0;

	while (k < left && !strchr("> \t\r\n,;\"()", at[1 + k]))
		k++;
	if (k)
		buf_add(out, at + 1, k);
}

static void add_cut_url(struct buf *out, const struct policy_field *f, const char *text,
			size_t n)
{
	struct url_parts u;
	size_t path = 0;

	url_split(text, n, &u);
	if (u.host.n) {
		buf_add(out, u.scheme.p, u.scheme.n);
		buf_add(out, u.host.p, u.host.n);
		if (u.has_port) {
			buf_add(out, ":", 1);
			buf_add(out, u.port.p, u.port.n);
		}
	}
	if (f->variant != POLICY_URL_PATH)
		return;
	while (path < u.rest.n && u.rest.p[path] != '?' && u.rest.p[path] != '#')
		path++;
	buf_add(out, u.rest.p, path);
}

bool treat_text(const struct policy *p, enum sluice_field field, const struct treat_context *c,
		const char *text, size_t n, struct buf *out)
{
	struct policy_field f = policy_get(p, field);
	char token[PSEUDONYM_MAX];

	if (f.mode == POLICY_SHARE) {
		buf_add(out, text, n);
	} else if (f.mode == POLICY_PSEUDONYMISE && c->key) {
		if (!pseudonym_text(c->key, field, text, n, token))
			return false;
		buf_add_string(out, token);
	} else if (f.mode == POLICY_TRUNCATE) {
		if (field == SLUICE_FIELD_URL)
			add_cut_url(out, &f, text, n);
		else if (field == SLUICE_FIELD_FILENAME)
			add_extension(out, text, n);
		else
			add_domain(out, text, n);
	}
	return !out->failed;
}
