// SPDX-License-Identifier: MIT
/*
 * What fields of HTTP messages mean, as text.
 */
#include "proto/http_field.h"

#include "mime/disposition.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

bool text_starts_with(struct text t, const char *s)
{
	size_t n = strlen(s);

	return t.n >= n && strncasecmp((const char *)t.p, s, n) == 0;
}

bool text_is(struct text t, const char *s)
{
	return t.n == strlen(s) && text_starts_with(t, s);
}

static size_t scheme_length(struct text target)
{
	return text_starts_with(target, "http://")    ? 7
	       : text_starts_with(target, "https://") ? 8
						      : 0;
}

struct text http_path(struct text target)
{
	size_t n = scheme_length(target);

	if (!n)
		return target;
	while (n < target.n && target.p[n] != '/' && target.p[n] != '?')
		n++;
	return n < target.n ? (struct text){target.p + n, target.n - n}
			    : (struct text){(const uint8_t *)"/", 1};
}

void http_url(struct text target, struct text host, const struct endpoint *server,
	      struct buf *url)
{
	char address[INET_TEXT_MAX];

	if (!scheme_length(target)) {
		buf_add_string(url, "http://");
		if (host.n)
			buf_add(url, host.p, host.n);
		else if (server->family == AF_INET6)
			buf_printf(url, "[%s]", inet_text(server, address));
		else
			buf_add_string(url, inet_text(server, address));
		if (!host.n && server->port != 80)
			buf_printf(url, ":%u", server->port);
		if (!target.n || target.p[0] != '/')
			buf_add(url, "/", 1);
	}
	buf_add(url, target.p, target.n);
}

bool http_url_name(const struct buf *url, struct buf *name)
{
	size_t n = 0, from = 0, slashes = 0;
	struct buf decoded;

	while (n < url->len && url->data[n] != '?' && url->data[n] != '#') {
		if (url->data[n] == '/') {
			from = n + 1;
			slashes++;
		}
		n++;
	}
	if (slashes < 3 || from == n) /* http://host/ */
		return false;
	buf_init(&decoded, url->max);
	percent_decode(url->data + from, n - from, &decoded);
	for (from = decoded.len; from && decoded.data[from - 1] != '/'; from--)
		;
	n = decoded.len - from;
	buf_add(name, decoded.data + from, n);
	buf_free(&decoded);
	return n && !name->failed;
}

static bool number(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
	const uint8_t *from = *p;

	for (*v = 0; *p < end && **p >= '0' && **p <= '9'; ++*p)
		if (__builtin_mul_overflow(*v, 10u, v) ||
		    __builtin_add_overflow(*v, (uint64_t)(**p - '0'), v))
			return false;
	return *p > from;
}

static const uint8_t *skip_blanks(const uint8_t *p, const uint8_t *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

bool http_range(struct text range, struct byte_range *r)
{
	const uint8_t *p = range.p, *end = range.p + range.n;

	if (!text_starts_with(range, "bytes"))
		goto none;
	p = skip_blanks(p + 5, end);
	if (!number(&p, end, &r->first) || p == end || *p++ != '-' ||
	    !number(&p, end, &r->last) || p == end || *p++ != '/' ||
	    !number(&p, end, &r->total) || skip_blanks(p, end) != end)
		goto none;
	if (r->first <= r->last && r->last < r->total)
		return true;
none:
	*r = (struct byte_range){0};
	return false;
}

/* What stands before the colon of user and password. */
static bool basic_user(struct text coded, struct buf *name)
{
	uint8_t in[1024 + 4], out[sizeof(in)];
	const uint8_t *colon;
	size_t n = 0;

	while (n < coded.n && coded.p[n] != '=' && coded.p[n] != ' ' && coded.p[n] != '\t')
		n++;
	/* Longer ones are cut behind the name, or have none. */
	n = n < sizeof(in) - 4 ? n : sizeof(in) - 4;
	if (!n)
		return false;
	memcpy(in, coded.p, n);
	while (n % 4)
		in[n++] = '=';
	if (EVP_DecodeBlock(out, in, (int)n) < 0)
		return false;
	colon = memchr(out, ':', n / 4 * 3);
	return colon && colon > out && buf_add(name, out, (size_t)(colon - out));
}

/* The value of `username` among parameters that commas separate. */
static bool digest_user(const uint8_t *p, const uint8_t *end, struct buf *name)
{
	static const char key[] = "username=";
	size_t before = name->len;

	while (p < end) {
		bool mine, quoted = false;

		while (p < end && (*p == ' ' || *p == '\t' || *p == ','))
			p++;
		mine = text_starts_with((struct text){p, (size_t)(end - p)}, key);
		p += mine ? sizeof(key) - 1 : 0;
		for (; p < end && (quoted || *p != ','); p++) {
			if (*p == '"')
				quoted = !quoted;
			else if (quoted && *p == '\\' && p + 1 < end)
				p++;
			if (mine && *p != '"')
				buf_add(name, p, 1);
		}
		if (mine)
			break;
	}
	return name->len > before && !name->failed;
}

bool http_user(struct text authorization, struct buf *name)
{
	const uint8_t *end = authorization.p + authorization.n;
	const uint8_t *p;

	if (text_starts_with(authorization, "Basic ")) {
		p = skip_blanks(authorization.p + 6, end);
		return basic_user((struct text){p, (size_t)(end - p)}, name);
	}
	return text_starts_with(authorization, "Digest ") &&
	       digest_user(authorization.p + 7, end, name);
}

bool http_length(struct text length, uint64_t *n)
{
	const uint8_t *end = length.p + length.n;
	const uint8_t *p = skip_blanks(length.p, end);

	if (length.p && number(&p, end, n) && skip_blanks(p, end) == end)
		return true;
	*n = 0;
	return false;
}
