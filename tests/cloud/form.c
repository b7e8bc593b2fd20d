// SPDX-License-Identifier: MIT
#include "form.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 2046 section 5.1.1 has 70, and a public client of the real cloud sends 80. */
#define FORM_BOUNDARY_MAX 256

static int form_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct form_part *form_new_part(struct form *form)
{
	if (form->nr == FORM_PARTS_MAX)
		return NULL;
	return &form->part[form->nr++];
}

/* Decode one name or value into the pool, which is as large as the whole body. */
static bool form_decode(struct form *form, struct slice in, struct slice *out)
{
	char *start = form->pool + form->pool_len;
	char *to = start;

	for (size_t i = 0; i < in.n; i++) {
		int high, low;

		if (in.p[i] != '%') {
			*to++ = in.p[i] == '+' ? ' ' : in.p[i];
			continue;
		}
		if (in.n - i < 3)
			return false;
		high = form_digit(in.p[i + 1]);
		low = form_digit(in.p[i + 2]);
		if (high < 0 || low < 0)
			return false;
		*to++ = (char)(high << 4 | low);
		i += 2;
	}
	*out = (struct slice){.p = start, .n = (size_t)(to - start)};
	form->pool_len += out->n;
	return true;
}

static enum form_result form_urlencoded(struct form *form, struct slice body)
{
	const char *end = body.p + body.n;

	for (const char *p = body.p; p < end;) {
		const char *stop = memchr(p, '&', (size_t)(end - p));
		const char *equals;
		struct form_part *part;

		if (!stop)
			stop = end;
		if (stop > p) {
			equals = memchr(p, '=', (size_t)(stop - p));
			if (!equals)
				equals = stop;
			part = form_new_part(form);
			if (!part || !form_decode(form, (struct slice){p, (size_t)(equals - p)},
						  &part->name))
				return FORM_MALFORMED;
			if (equals < stop)
				equals++;
			if (!form_decode(form, (struct slice){equals, (size_t)(stop - equals)},
					 &part->value))
				return FORM_MALFORMED;
		}
		p = stop + 1;
	}
	return FORM_OK;
}

/*
 * The parameter @name of a header value, such as boundary in
 * `multipart/form-data; boundary=x`. A quoted one loses its quotes and the backslash before
 * a quote or a backslash; no other escape is known to exist in practice.
 */
static bool form_parameter(struct form *form, struct slice header, const char *name,
			   struct slice *out)
{
	size_t i = 0;

	while (i < header.n && header.p[i] != ';')
		i++;
	while (i < header.n) {
		char *to = form->pool + form->pool_len;
		struct slice key;
		size_t start;
		bool wanted;

		while (i < header.n &&
		       (header.p[i] == ';' || header.p[i] == ' ' || header.p[i] == '\t'))
			i++;
		start = i;
		while (i < header.n && header.p[i] != '=' && header.p[i] != ';')
			i++;
		key = (struct slice){header.p + start, i - start};
		if (i == header.n || header.p[i] == ';')
			continue;
		i++;
		wanted = key.n == strlen(name) && !strncasecmp(key.p, name, key.n);
		out->p = to;
		if (i < header.n && header.p[i] == '"') {
			for (i++; i < header.n && header.p[i] != '"'; i++) {
				if (header.p[i] == '\\' && i + 1 < header.n &&
				    (header.p[i + 1] == '"' || header.p[i + 1] == '\\'))
					i++;
				*to++ = header.p[i];
			}
			if (i == header.n)
				break;
			i++;
		} else {
			while (i < header.n && header.p[i] != ';')
				*to++ = header.p[i++];
		}
		if (wanted) {
			out->n = (size_t)(to - out->p);
			form->pool_len += out->n;
			return true;
		}
	}
	*out = (struct slice){NULL, 0};
	return false;
}

static struct slice form_trim(struct slice s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* The headers of one part; @head ends before the empty line. */
static bool form_part_head(struct form *form, struct form_part *part, struct slice head)
{
	static const char disposition[] = "Content-Disposition";
	static const char type[] = "Content-Type";
	const char *end = head.p + head.n;

	for (const char *p = head.p; p < end;) {
		const char *stop = memmem(p, (size_t)(end - p), "\r\n", 2);
		const char *colon;
		struct slice value;

		if (!stop)
			stop = end;
		colon = memchr(p, ':', (size_t)(stop - p));
		if (!colon)
			return false;
		value = form_trim((struct slice){colon + 1, (size_t)(stop - colon - 1)});
		if ((size_t)(colon - p) == strlen(disposition) &&
		    !strncasecmp(p, disposition, strlen(disposition))) {
			form_parameter(form, value, "name", &part->name);
			form_parameter(form, value, "filename", &part->filename);
		} else if ((size_t)(colon - p) == strlen(type) &&
			   !strncasecmp(p, type, strlen(type))) {
			part->type = value;
		}
		p = stop + 2;
	}
	return part->name.p;
}

static enum form_result form_multipart(struct form *form, struct slice boundary,
				       struct slice body)
{
	char mark[4 + FORM_BOUNDARY_MAX] = "\r\n--";
	size_t mark_len = 4 + boundary.n;
	const char *end = body.p + body.n;
	const char *p = body.p;

	if (!boundary.n || boundary.n > FORM_BOUNDARY_MAX)
		return FORM_MALFORMED;
	memcpy(mark + 4, boundary.p, boundary.n);

	/* The first mark may stand at the very beginning, without the line break before it. */
	if (body.n >= mark_len - 2 && !memcmp(p, mark + 2, mark_len - 2)) {
		p += mark_len - 2;
	} else {
		p = memmem(p, body.n, mark, mark_len);
		if (!p)
			return FORM_MALFORMED;
		p += mark_len;
	}
	for (;;) {
		struct form_part *part;
		const char *data, *stop;

		if (end - p >= 2 && !memcmp(p, "--", 2))
			return FORM_OK;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (end - p < 2 || memcmp(p, "\r\n", 2))
			return FORM_MALFORMED;
		p += 2;
		data = memmem(p, (size_t)(end - p), "\r\n\r\n", 4);
		part = form_new_part(form);
		if (!data || !part ||
		    !form_part_head(form, part, (struct slice){p, (size_t)(data - p)}))
			return FORM_MALFORMED;
		data += 4;
		/* An empty part: the line break that ends the head also starts the mark. */
		stop = memmem(data - 2, (size_t)(end - data + 2), mark, mark_len);
		if (!stop)
			return FORM_MALFORMED;
		p = stop + mark_len;
		part->value = (struct slice){data, stop < data ? 0 : (size_t)(stop - data)};
	}
}

static bool form_is_type(const char *content_type, const char *want)
{
	size_t n = strlen(want);

	return !strncasecmp(content_type, want, n) && strchr(" \t;", content_type[n]);
}

enum form_result form_parse(struct form *form, const char *content_type, struct slice body)
{
	struct slice boundary;

	memset(form, 0, sizeof(*form));
	if (!content_type)
		return body.n ? FORM_TYPE : FORM_OK;
	/*
	 * Room for everything that can be decoded: each byte of the body and of the header
	 * is decoded at most once, except that a part's header is searched for two parameters.
	 */
	form->pool = bytes_alloc(2 * body.n + strlen(content_type) + 1);
	if (form_is_type(content_type, "application/x-www-form-urlencoded"))
		return form_urlencoded(form, body);
	if (!form_is_type(content_type, "multipart/form-data"))
		return FORM_TYPE;
	if (!form_parameter(form, slice_of(content_type), "boundary", &boundary))
		return FORM_MALFORMED;
	return form_multipart(form, boundary, body);
}

void form_free(struct form *form)
{
	free(form->pool);
	memset(form, 0, sizeof(*form));
}

const struct form_part *form_find(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->nr; i++) {
		if (slice_is(form->part[i].name, name))
			return &form->part[i];
	}
	return NULL;
}

struct slice form_value(const struct form *form, const char *name)
{
	const struct form_part *part = form_find(form, name);

	return part ? part->value : (struct slice){NULL, 0};
}
