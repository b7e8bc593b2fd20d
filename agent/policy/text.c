// SPDX-License-Identifier: MIT
#include "policy/text.h"

#include <string.h>

/* Bytes of the valid UTF-8 sequence at p; 0 when there is none. */
static size_t sequence(const uint8_t *p, size_t n)
{
	size_t len;
	uint32_t c;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	c = p[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	/* Overlong forms, surrogates, beyond Unicode. */
	if ((len == 3 && c < 0x800) || (len == 4 && (c < 0x10000 || c > 0x10ffff)) ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return len;
}

bool text_add_utf8(struct buf *out, const char *p, size_t n)
{
	const uint8_t *b = (const uint8_t *)p;
	size_t i = 0;

	while (i < n) {
		size_t start = i, len;

		/* A run of valid bytes at a time. */
		while (i < n && b[i] && (len = sequence(b + i, n - i)) > 0)
			i += len;
		buf_add(out, b + start, i - start);
		if (i < n) {
			if (b[i])
				buf_add(out, "\xef\xbf\xbd", 3);
			i++;
		}
	}
	return !out->failed;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

size_t text_percent_decode(const char *p, size_t n, const uint32_t *from, char *out,
			   uint32_t *origin)
{
	size_t k = 0;

	for (size_t i = 0; i < n; k++) {
		size_t used = 1;

		out[k] = p[i];
		if (p[i] == '%' && n - i > 2 && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0) {
			out[k] = (char)(hex(p[i + 1]) << 4 | hex(p[i + 2]));
			used = 3;
		}
		if (origin)
			origin[k] = from ? from[i] : (uint32_t)i;
		i += used;
	}
	return k;
}

static unsigned char folded(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned char)(c - 'A' + 'a');
	return c == '+' ? ' ' : (unsigned char)c;
}

static bool alphanumeric(char c)
{
	c = (char)folded(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

size_t text_find(const char *text, size_t length, const char *needle, size_t n, bool token)
{
	if (n == 0)
		return SIZE_MAX;
	for (size_t i = 0; i + n <= length; i++) {
		size_t k = 0;

		while (k < n && folded(text[i + k]) == folded(needle[k]))
			k++;
		if (k < n)
			continue;
		if (token && ((i > 0 && alphanumeric(text[i - 1])) ||
			      (i + n < length && alphanumeric(text[i + n]))))
			continue;
		return i;
	}
	return SIZE_MAX;
}
