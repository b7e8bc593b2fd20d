// SPDX-License-Identifier: MIT
#include "policy/pseudonym.h"

#include "policy/url.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define TOKEN_BYTES 16

static bool white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void trim(const char **text, size_t *n)
{
	while (*n && white((*text)[*n - 1]))
		(*n)--;
	while (*n && white((*text)[0])) {
		(*text)++;
		(*n)--;
	}
}

static void add_lower(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		buf_add(out, &c, 1);
	}
}

static void add_collapsed(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!white(text[i]))
			buf_add(out, text + i, 1);
		else if (!white(text[i - 1])) /* trimmed: there is one before it */
			buf_add(out, " ", 1);
}

/* Who it is does not depend on the name a client puts before the <address>. */
static void add_address(struct buf *out, const char *text, size_t n)
{
	const char *open = n && text[n - 1] == '>' ? memrchr(text, '<', n) : NULL;

	if (open) {
		n -= (size_t)(open + 1 - text) + 1;
		text = open + 1;
		trim(&text, &n);
	}
	add_lower(out, text, n);
}

static bool is(struct url_part part, const char *text)
{
	return part.n == strlen(text) && strncasecmp(part.p, text, part.n) == 0;
}

static bool default_port(const struct url_parts *u)
{
	static const char *const defaults[][2] = {
		{"http://", "80"}, {"https://", "443"}, {"ftp://", "21"}};

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (is(u->scheme, defaults[i][0]) && is(u->port, defaults[i][1]))
			return true;
	return u->port.n == 0;
}

static void add_url(struct buf *out, const char *text, size_t n)
{
	const char *fragment;
	struct url_parts u;

	url_split(text, n, &u);
	add_lower(out, u.scheme.p, u.scheme.n);
	add_lower(out, u.host.p, u.host.n);
	if (u.has_port && !default_port(&u)) {
		buf_add(out, ":", 1);
		buf_add(out, u.port.p, u.port.n);
	}
	fragment = u.rest.n ? memchr(u.rest.p, '#', u.rest.n) : NULL;
	if (fragment)
		u.rest.n = (size_t)(fragment - u.rest.p);
	if (u.rest.n == 0 || u.rest.p[0] == '?')
		buf_add(out, "/", 1);
	buf_add(out, u.rest.p, u.rest.n);
}

static void add_filename(struct buf *out, const char *text, size_t n)
{
	for (size_t i = n; i > 0; i--) {
		if (text[i - 1] != '/' && text[i - 1] != '\\')
			continue;
		text += i;
		n -= i;
		break;
	}
	trim(&text, &n);
	buf_add(out, text, n);
}

bool pseudonym_normalise(enum sluice_field field, const char *text, size_t n, struct buf *out)
{
	trim(&text, &n);
	switch (field) {
	case SLUICE_FIELD_APPLICATION:
	case SLUICE_FIELD_USER:
		add_lower(out, text, n);
		break;
	case SLUICE_FIELD_EMAIL_SENDER:
	case SLUICE_FIELD_EMAIL_RECIPIENT:
		add_address(out, text, n);
		break;
	case SLUICE_FIELD_URL:
		add_url(out, text, n);
		break;
	case SLUICE_FIELD_FILENAME:
		add_filename(out, text, n);
		break;
	case SLUICE_FIELD_VIRTUAL_SYSTEM:
	case SLUICE_FIELD_EMAIL_SUBJECT:
		add_collapsed(out, text, n);
		break;
	default:
		buf_add(out, text, n);
		break;
	}
	return !out->failed;
}

bool pseudonym_text(const struct policy_key *key, enum sluice_field field, const char *text,
		    size_t n, char out[static PSEUDONYM_MAX])
{
	const char *name = policy_field_name(field);
	size_t label = strlen(name) + 1, at;
	uint8_t hash[32];
	struct buf b;
	bool ok;

	out[0] = '\0';
	buf_init(&b, label + n + 1);
	buf_add(&b, name, label);
	ok = pseudonym_normalise(field, text, n, &b) &&
	     HMAC(EVP_sha256(), key->pseudonym, sizeof(key->pseudonym), b.data, b.len, hash,
		  NULL);
	buf_free(&b);
	if (!ok)
		return false;
	at = (size_t)snprintf(out, PSEUDONYM_MAX, "p1:%s:", key->id);
	for (size_t i = 0; i < TOKEN_BYTES; i++)
		at += (size_t)snprintf(out + at, PSEUDONYM_MAX - at, "%02x", hash[i]);
	return true;
}

bool pseudonym_address(const struct policy_key *key, enum sluice_field field,
		       const struct endpoint *e, char out[static PSEUDONYM_MAX])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct endpoint plain = *e;
	char text[INET_TEXT_MAX];

	if (e->family == AF_INET6 && memcmp(e->ip, mapped, sizeof(mapped)) == 0) {
		memset(&plain, 0, sizeof(plain));
		plain.family = AF_INET;
		memcpy(plain.ip, e->ip + sizeof(mapped), 4);
	}
	inet_text(&plain, text);
	return pseudonym_text(key, field, text, strlen(text), out);
}

bool pseudonym_port(const struct policy_key *key, enum sluice_field field, uint16_t port,
		    char out[static PSEUDONYM_MAX])
{
	char text[8];

	snprintf(text, sizeof(text), "%u", port);
	return pseudonym_text(key, field, text, strlen(text), out);
}

bool pseudonym_parse(const char *text, char id[static POLICY_KEY_ID_MAX])
{
	static const char digits[] = "0123456789abcdef";
	const char *colon;
	size_t n;

	id[0] = '\0';
	if (strncmp(text, "p1:", 3) != 0)
		return false;
	text += 3;
	colon = strchr(text, ':');
	n = colon ? (size_t)(colon - text) : 0;
	if (n == 0 || n >= POLICY_KEY_ID_MAX ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789") != n ||
	    strlen(colon + 1) != 2 * TOKEN_BYTES ||
	    strspn(colon + 1, digits) != 2 * TOKEN_BYTES)
		return false;
	memcpy(id, text, n);
	id[n] = '\0';
	return true;
}
