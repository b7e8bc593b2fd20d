// SPDX-License-Identifier: MIT
/*
 * Header text with encoded words, to UTF-8.
 */
#include "mime/encoded_word.h"

#include "mime/charset.h"
#include "mime/mime_decode.h"

#include <string.h>
#include <strings.h>

#define CHARSET_MAX 64

/* =?charset*language?encoding?text?= */
struct word {
	const char *charset;
	size_t charset_len;
	char encoding; /* 'B' or 'Q' */
	const char *text;
	size_t text_len;
	size_t len; /* of the whole */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool word_at(const char *p, size_t n, struct word *w)
{
	size_t at = 2, name;

	if (n < 8 || p[0] != '=' || p[1] != '?')
		return false;
	while (at < n && at - 2 <= CHARSET_MAX && p[at] != '?' && !is_blank(p[at]))
		at++;
	if (at == 2 || at + 3 > n || p[at] != '?' || p[at + 2] != '?')
		return false;
	w->charset = p + 2;
	for (name = 0; name < at - 2 && p[2 + name] != '*';)
		name++;
	w->charset_len = name;
	w->encoding = (char)(p[at + 1] & ~0x20);
	if (w->encoding != 'B' && w->encoding != 'Q')
		return false;
	at += 3;
	w->text = p + at;
	/* In =?x?Q?=41?= the text begins with what looks like an end without it. */
	while (at + 1 < n && !(p[at] == '?' && p[at + 1] == '='))
		at++;
	if (at + 1 >= n)
		return false;
	w->text_len = (size_t)(p + at - w->text);
	w->len = at + 2;
	return true;
}

static void to_buf(void *arg, const uint8_t *p, size_t n)
{
	buf_add(arg, p, n);
}

static void undo(const struct word *w, struct buf *raw)
{
	struct mime_decoder d;

	if (w->encoding == 'B') {
		mime_decoder_init(&d, MIME_BASE64);
		mime_decode(&d, (const uint8_t *)w->text, w->text_len, to_buf, raw);
		mime_decode_end(&d, to_buf, raw);
		return;
	}
	for (size_t i = 0; i < w->text_len; i++) {
		int value = -1;
		uint8_t c = (uint8_t)w->text[i];

		if (c == '=' && i + 2 < w->text_len)
			value = hex_pair(w->text + i + 1);
		if (value >= 0) {
			c = (uint8_t)value;
			i += 2;
		} else if (c == '_') {
			c = ' ';
		}
		buf_add(raw, &c, 1);
	}
}

/* A text as it is to be seen in one line. */
static void tidy(struct buf *out, size_t from)
{
	for (size_t i = from; i < out->len; i++)
		if (out->data[i] < 0x20 || out->data[i] == 0x7f)
			out->data[i] = ' ';
}

static void add_plain(const char *p, size_t n, struct buf *out)
{
	struct buf text;

	/* Lines are unfolded: the break goes, the blank behind it stays. */
	buf_init(&text, n);
	for (size_t i = 0; i < n; i++)
		if (p[i] != '\r' && p[i] != '\n')
			buf_add(&text, p + i, 1);
	if (text.len)
		charset_decode(NULL, 0, text.data, text.len, out);
	buf_free(&text);
}

/* The words from p on that belong together; returns the bytes they take. */
static size_t add_words(const char *p, size_t n, struct word w, struct buf *out)
{
	struct word first = w, next;
	size_t used = w.len, at;
	struct buf raw;

	buf_init(&raw, n);
	undo(&w, &raw);
	for (;;) {
		for (at = used; at < n && is_blank(p[at]);)
			at++;
		if (!word_at(p + at, n - at, &next))
			break;
		if (next.charset_len != first.charset_len ||
		    strncasecmp(next.charset, first.charset, next.charset_len))
			/* The blanks before it go all the same. */
			break;
		undo(&next, &raw);
		used = at + next.len;
	}
	if (raw.len)
		charset_decode(first.charset, first.charset_len, raw.data, raw.len, out);
	buf_free(&raw);
	for (at = used; at < n && is_blank(p[at]);)
		at++;
	return word_at(p + at, n - at, &next) ? at : used;
}

/* Behind the last "?=": no word ends later, and none needs to be looked for. */
static size_t last_end(const char *p, size_t n)
{
	while (n >= 2 && !(p[n - 2] == '?' && p[n - 1] == '='))
		n--;
	return n < 2 ? 0 : n;
}

bool encoded_word_decode(const char *p, size_t n, struct buf *out)
{
	size_t from = out->len;
	size_t plain = 0, at = 0, end = last_end(p, n);
	struct word w;

	while (at < end) {
		if (p[at] != '=' || !word_at(p + at, end - at, &w)) {
			at++;
			continue;
		}
		add_plain(p + plain, at - plain, out);
		at += add_words(p + at, end - at, w, out);
		plain = at;
	}
	add_plain(p + plain, n - plain, out);
	tidy(out, from);
	return !out->failed;
}
