// SPDX-License-Identifier: MIT
/*
 * Parameters of a header field, and the file name in Content-Disposition.
 */
#include "mime/disposition.h"

#include "mime/charset.h"
#include "mime/encoded_word.h"

#include <string.h>
#include <strings.h>

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Where the value at `from` ends; a quoted one may hold semicolons. */
static size_t value_end(const uint8_t *p, size_t n, size_t from)
{
	size_t i = from;

	if (i < n && p[i] == '"') {
		for (i++; i < n && p[i] != '"'; i++)
			if (p[i] == '\\' && i + 1 < n)
				i++;
	}
	while (i < n && p[i] != ';')
		i++;
	return i;
}

/* A quoted string's text (RFC 9110 §5.6.4); other backslashes stand for themselves. */
static bool unquote(const uint8_t *p, size_t n, struct buf *out)
{
	for (size_t i = 1; i < n && p[i] != '"'; i++) {
		if (p[i] == '\\' && i + 1 < n && (p[i + 1] == '"' || p[i + 1] == '\\'))
			i++;
		buf_add(out, p + i, 1);
	}
	return !out->failed;
}

bool parameter_get(const uint8_t *field, size_t n, const char *name, struct buf *out)
{
	size_t len = strlen(name);
	size_t i = 0;

	while (i < n && field[i] != ';')
		i++;
	while (i < n) {
		size_t key, key_end, from, end;

		while (i < n && (field[i] == ';' || is_blank(field[i])))
			i++;
		key = i;
		while (i < n && field[i] != '=' && field[i] != ';')
			i++;
		key_end = i;
		while (key_end > key && is_blank(field[key_end - 1]))
			key_end--;
		if (i == n || field[i] == ';')
			continue;
		from = i + 1;
		while (from < n && is_blank(field[from]))
			from++;
		i = end = value_end(field, n, from);
		if (key_end - key != len || strncasecmp((const char *)field + key, name, len))
			continue;
		if (from < end && field[from] == '"')
			return unquote(field + from, end - from, out);
		while (end > from && is_blank(field[end - 1]))
			end--;
		return buf_add(out, field + from, end - from);
	}
	return false;
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(const uint8_t *p, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = p[i];

		if (c == '%' && i + 2 < n && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0) {
			c = (uint8_t)(hex(p[i + 1]) << 4 | hex(p[i + 2]));
			i += 2;
		}
		if (!c)
			break;
		buf_add(out, &c, 1);
	}
	return !out->failed;
}

/* ext-value = charset "'" [ language ] "'" value-chars (RFC 8187 §3.2.1) */
static bool extended(const uint8_t *p, size_t n, struct buf *out)
{
	const uint8_t *quote = n ? memchr(p, '\'', n) : NULL; /* p may be NULL then */
	const uint8_t *second =
		quote ? memchr(quote + 1, '\'', n - (size_t)(quote + 1 - p)) : NULL;
	struct buf raw;
	bool ok;

	if (!second)
		return false;
	buf_init(&raw, out->max);
	ok = percent_decode(second + 1, n - (size_t)(second + 1 - p), &raw) &&
	     charset_decode((const char *)p, (size_t)(quote - p), raw.data, raw.len, out);
	buf_free(&raw);
	return ok;
}

bool filename_without_path(const struct buf *name, struct buf *out)
{
	size_t from = name->len;

	while (from && name->data[from - 1] != '/' && name->data[from - 1] != '\\')
		from--;
	return name->len > from && buf_add(out, name->data + from, name->len - from);
}

bool disposition_filename(const uint8_t *field, size_t n, struct buf *out)
{
	struct buf value, name;
	bool found = false;

	buf_init(&value, out->max);
	buf_init(&name, out->max);
	if (parameter_get(field, n, "filename*", &value) &&
	    extended(value.data, value.len, &name))
		found = filename_without_path(&name, out);
	if (!found) {
		buf_reset(&value);
		buf_reset(&name);
		if (parameter_get(field, n, "filename", &value) &&
		    encoded_word_decode((const char *)value.data, value.len, &name))
			found = filename_without_path(&name, out);
	}
	buf_free(&value);
	buf_free(&name);
	return found;
}
