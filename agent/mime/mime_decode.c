// SPDX-License-Identifier: MIT
/*
 * Content transfer encodings undone.
 */
#include "mime/mime_decode.h"

#include <string.h>
#include <strings.h>

/* Output is given on in pieces of this size. */
#define PIECE 4096

struct piece {
	size_t len;
	mime_sink *sink;
	void *arg;
	uint8_t data[PIECE];
};

static void flush(struct piece *o)
{
	if (o->len)
		o->sink(o->arg, o->data, o->len);
	o->len = 0;
}

static inline void put(struct piece *o, uint8_t byte)
{
	if (o->len == PIECE)
		flush(o);
	o->data[o->len++] = byte;
}

static void put_all(struct piece *o, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(o, p[i]);
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_pair(const char *p)
{
	int high = hex_digit((uint8_t)p[0]);
	int low = hex_digit((uint8_t)p[1]);

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

enum mime_encoding mime_encoding_find(const char *value)
{
	static const struct {
		const char *name;
		enum mime_encoding encoding;
	} names[] = {
		{"base64", MIME_BASE64},
		{"x-base64", MIME_BASE64},
		{"quoted-printable", MIME_QUOTED_PRINTABLE},
		{"x-uuencode", MIME_UUENCODE},
		{"uuencode", MIME_UUENCODE},
		{"x-uue", MIME_UUENCODE},
		{"uue", MIME_UUENCODE},
		{"x-uu", MIME_UUENCODE},
	};

	for (size_t i = 0; value && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(value, names[i].name))
			return names[i].encoding;
	return MIME_IDENTITY;
}

void mime_decoder_init(struct mime_decoder *d, enum mime_encoding encoding)
{
	*d = (struct mime_decoder){.encoding = encoding};
}

/* ------------------------------------------------------------------- base64 */

#define NO_DIGIT 64

static const uint8_t *base64_digits(void)
{
	static uint8_t table[256];
	static bool made;
	const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (!made) {
		memset(table, NO_DIGIT, sizeof(table));
		for (uint8_t i = 0; i < 64; i++)
			table[(uint8_t)digits[i]] = i;
		made = true;
	}
	return table;
}

/* The bytes that two or three digits stand for. */
static void base64_short(struct mime_decoder *d, struct piece *o)
{
	if (d->digits == 2) {
		put(o, (uint8_t)(d->bits >> 4));
	} else if (d->digits == 3) {
		put(o, (uint8_t)(d->bits >> 10));
		put(o, (uint8_t)(d->bits >> 2));
	}
	d->digits = 0;
	d->bits = 0;
	d->padded = false;
}

static void base64(struct mime_decoder *d, const uint8_t *p, size_t n, struct piece *o)
{
	const uint8_t *table = base64_digits();

	for (size_t i = 0; i < n; i++) {
		uint8_t digit = table[p[i]];

		if (digit == NO_DIGIT) {
			if (p[i] != '=')
				continue;
			/* "xx==" or "xxx=" ends a group, any other "=" is a stray one. */
			if (d->digits == 3 || d->padded)
				base64_short(d, o);
			else
				d->padded = d->digits == 2;
			continue;
		}
		d->padded = false;
		d->bits = d->bits << 6 | digit;
		if (++d->digits == 4) {
			put(o, (uint8_t)(d->bits >> 16));
			put(o, (uint8_t)(d->bits >> 8));
			put(o, (uint8_t)d->bits);
			d->digits = 0;
			d->bits = 0;
		}
	}
}

/* --------------------------------------------------------- quoted-printable */

/* An escape that is none stands for itself. */
static void quoted_literal(struct mime_decoder *d, struct piece *o)
{
	if (!d->escape)
		return;
	put(o, '=');
	put_all(o, d->kept, (size_t)(d->escape - 1));
	for (; d->blanks; d->blanks--)
		put(o, ' ');
	d->escape = 0;
	d->soft = false;
}

/* A byte behind "="; true when it was used. */
static bool quoted_escaped(struct mime_decoder *d, uint8_t c, struct piece *o)
{
	int value;

	if (c == '\n') {
		d->escape = 0;
		d->blanks = 0;
		return true;
	}
	if (d->escape == 2 && d->kept[0] == '\r') {
		/* "=" and a lone CR: a line's end too. */
		d->escape = 0;
		d->blanks = 0;
		return false;
	}
	if (d->escape == 1 && c == ' ') {
		d->blanks++;
		return true;
	}
	if (d->escape == 1 && (c == '\r' || (hex_digit(c) >= 0 && !d->blanks))) {
		d->kept[0] = c;
		d->escape = 2;
		return true;
	}
	if (d->escape == 2 && hex_digit(c) >= 0) {
		value = hex_pair((const char[]){(char)d->kept[0], (char)c});
		put(o, (uint8_t)value);
		d->escape = 0;
		return true;
	}
	quoted_literal(d, o);
	return false;
}

static void quoted(struct mime_decoder *d, const uint8_t *p, size_t n, struct piece *o)
{
	for (size_t i = 0; i < n; i++) {
		if (d->escape && quoted_escaped(d, p[i], o))
			continue;
		if (p[i] == '=')
			d->escape = 1;
		else
			put(o, p[i]);
	}
}

/* ----------------------------------------------------------------- uuencode */

/* The largest digit is 0, written as a blank or as '`'. */
static int uu_digit(uint8_t c)
{
	return c >= 0x20 && c <= 0x60 ? (c - 0x20) & 0x3f : -1;
}

int uu_decode_line(const uint8_t *line, size_t n, uint8_t out[static UU_BYTES_MAX])
{
	size_t len, chars, at = 0;

	while (n && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
		n--;
	if (!n)
		return 0;
	if (uu_digit(line[0]) < 0)
		return -1;
	len = (size_t)uu_digit(line[0]);
	chars = (len + 2) / 3 * 4;
	/* Some end a line with a checksum, some write no more than they must. */
	if (n > 1 + chars + 2)
		return -1;
	for (size_t i = 1; i < n; i++)
		if (uu_digit(line[i]) < 0 && i <= chars)
			return -1;
	for (size_t i = 0; i < chars; i += 4) {
		uint32_t bits = 0;

		for (size_t k = 1; k <= 4; k++) {
			uint8_t c = i + k < n ? line[i + k] : ' ';

			bits = bits << 6 | (uint32_t)uu_digit(c);
		}
		for (int shift = 16; shift >= 0 && at < len; shift -= 8)
			out[at++] = (uint8_t)(bits >> shift);
	}
	return (int)len;
}

const uint8_t *uu_begin(const uint8_t *line, size_t n, size_t *name_len)
{
	size_t at = 6;

	if (n < 11 || memcmp(line, "begin ", 6))
		return NULL;
	while (at < n && line[at] >= '0' && line[at] <= '7')
		at++;
	if (at < 9 || at > 11 || at == n || line[at] != ' ')
		return NULL;
	while (at < n && line[at] == ' ')
		at++;
	while (n > at && (line[n - 1] == ' ' || line[n - 1] == '\r'))
		n--;
	*name_len = n - at;
	return n > at ? line + at : NULL;
}

static void uu_line(struct mime_decoder *d, struct piece *o)
{
	uint8_t out[UU_BYTES_MAX];
	size_t name_len;
	int n;

	if (!d->begun) {
		d->begun = uu_begin(d->line, d->line_len, &name_len);
		return;
	}
	if (d->ended || (d->line_len >= 3 && !memcmp(d->line, "end", 3))) {
		d->ended = true;
		return;
	}
	n = uu_decode_line(d->line, d->line_len, out);
	if (n < 0)
		d->bad = true;
	else
		put_all(o, out, (size_t)n);
}

static void uuencode(struct mime_decoder *d, const uint8_t *p, size_t n, struct piece *o)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' || p[i] == '\r') {
			if (d->line_len)
				uu_line(d, o);
			d->line_len = 0;
		} else if (d->line_len < UU_LINE_MAX) {
			d->line[d->line_len++] = p[i];
		}
	}
}

/* ------------------------------------------------------------------------- */

void mime_decode(struct mime_decoder *d, const uint8_t *p, size_t n, mime_sink *sink, void *arg)
{
	struct piece o;

	o.len = 0;
	o.sink = sink;
	o.arg = arg;
	switch (d->encoding) {
	case MIME_IDENTITY:
		if (n)
			sink(arg, p, n);
		return;
	case MIME_BASE64:
		base64(d, p, n, &o);
		break;
	case MIME_QUOTED_PRINTABLE:
		quoted(d, p, n, &o);
		break;
	case MIME_UUENCODE:
		uuencode(d, p, n, &o);
		break;
	}
	flush(&o);
}

bool mime_decode_end(struct mime_decoder *d, mime_sink *sink, void *arg)
{
	struct piece o;

	o.len = 0;
	o.sink = sink;
	o.arg = arg;
	switch (d->encoding) {
	case MIME_IDENTITY:
		break;
	case MIME_BASE64:
		base64_short(d, &o);
		break;
	case MIME_QUOTED_PRINTABLE:
		if (d->escape == 2 && d->kept[0] != '\r')
			quoted_literal(d, &o);
		break;
	case MIME_UUENCODE:
		if (d->line_len)
			uu_line(d, &o);
		d->bad |= !d->ended;
		break;
	}
	flush(&o);
	return !d->bad;
}
