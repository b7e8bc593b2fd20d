// SPDX-License-Identifier: MIT
#include "bytes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

static void *bytes_grow(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p) {
		fprintf(stderr, "testcloud: out of memory (%zu bytes wanted)\n", n);
		abort();
	}
	return p;
}

void *bytes_alloc(size_t n)
{
	return memset(bytes_grow(NULL, n ? n : 1), 0, n);
}

char *bytes_dup(const char *p, size_t n)
{
	char *copy = bytes_alloc(n + 1);

	if (n)
		memcpy(copy, p, n);
	return copy;
}

struct slice slice_of(const char *text)
{
	return (struct slice){.p = text, .n = text ? strlen(text) : 0};
}

bool slice_is(struct slice s, const char *text)
{
	return s.p && s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

void bytes_init(struct bytes *b, size_t max)
{
	*b = (struct bytes){.max = max};
}

void bytes_free(struct bytes *b)
{
	free(b->data);
	bytes_init(b, b->max);
}

void bytes_add(struct bytes *b, const void *p, size_t n)
{
	size_t room = b->room ? b->room : 256;

	if (b->over || n > b->max - b->len) {
		b->over = true;
		return;
	}
	while (room <= b->len + n)
		room *= 2;
	if (room != b->room) {
		b->data = bytes_grow(b->data, room);
		b->room = room;
	}
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void bytes_text(struct bytes *b, const char *text)
{
	bytes_add(b, text, strlen(text));
}

void bytes_printf(struct bytes *b, const char *format, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		abort();
	bytes_add(b, text, (size_t)n);
	free(text);
}

size_t bytes_utf8(const char *p, size_t n)
{
	/* Lead bytes, the sequence's length, and the range of its second byte. */
	static const struct {
		unsigned char first, last, length, low, high;
	} lead[] = {
		{0x00, 0x7f, 1, 0, 0},	     {0xc2, 0xdf, 2, 0x80, 0xbf},
		{0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
		{0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
		{0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf},
		{0xf4, 0xf4, 4, 0x80, 0x8f},
	};
	const unsigned char *u = (const unsigned char *)p;

	for (size_t i = 0; n && i < sizeof(lead) / sizeof(lead[0]); i++) {
		size_t k = lead[i].length;

		if (u[0] < lead[i].first || u[0] > lead[i].last)
			continue;
		if (k > n || (k > 1 && (u[1] < lead[i].low || u[1] > lead[i].high)))
			return 0;
		for (size_t j = 2; j < k; j++) {
			if ((u[j] & 0xc0) != 0x80)
				return 0;
		}
		return k;
	}
	return 0;
}

void bytes_xml(struct bytes *b, struct slice s)
{
	for (size_t i = 0; i < s.n;) {
		size_t k = bytes_utf8(s.p + i, s.n - i);
		unsigned char c = (unsigned char)s.p[i];

		if (!k || (c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
			bytes_text(b, "\xef\xbf\xbd");
		else if (c == '&')
			bytes_text(b, "&amp;");
		else if (c == '<')
			bytes_text(b, "&lt;");
		else if (c == '>')
			bytes_text(b, "&gt;");
		else
			bytes_add(b, s.p + i, k);
		i += k ? k : 1;
	}
}

json_t *bytes_json(struct slice s)
{
	struct bytes latin;
	json_t *value;

	if (!s.p)
		return json_null();
	value = json_stringn(s.p, s.n);
	if (value)
		return value;

	bytes_init(&latin, SIZE_MAX);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char two[2] = {(char)(0xc0 | (c >> 6)), (char)(0x80 | (c & 0x3f))};

		if (c < 0x80)
			bytes_add(&latin, &c, 1);
		else
			bytes_add(&latin, two, 2);
	}
	value = json_stringn(latin.data, latin.len);
	bytes_free(&latin);
	return value;
}

static void bytes_digest(const EVP_MD *kind, struct slice s, char *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (!EVP_Digest(s.p ? s.p : "", s.n, digest, &n, kind, NULL))
		abort();
	for (unsigned int i = 0; i < n; i++)
		sprintf(out + (size_t)2 * i, "%02x", digest[i]);
}

void bytes_sha256(struct slice s, char out[BYTES_SHA256_HEX])
{
	bytes_digest(EVP_sha256(), s, out);
}

void bytes_md5(struct slice s, char out[BYTES_MD5_HEX])
{
	bytes_digest(EVP_md5(), s, out);
}
