// SPDX-License-Identifier: MIT
#include "lib/display.h"

#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#define MARKS_MAX 4 /* combining characters on one character */

static bool ascii_only;

void display_init(bool terminal)
{
	ascii_only = false;
	if (setlocale(LC_CTYPE, "") && !strcmp(nl_langinfo(CODESET), "UTF-8"))
		return;
	/* A byte of UTF-8 may be a control character to a terminal that expects Latin-1. */
	ascii_only = terminal || !setlocale(LC_CTYPE, "C.UTF-8");
}

bool display_unicode(void)
{
	return !ascii_only;
}

/* The character at p (RFC 3629); returns its bytes, 0 when there is none. */
static size_t decode(const char *p, size_t n, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *b = (const uint8_t *)p;
	size_t len, i;

	if (b[0] < 0x80) {
		*c = b[0];
		return 1;
	}
	len = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	if (b[0] < 0xc2 || b[0] > 0xf4 || len > n)
		return 0;
	*c = b[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (b[i] & 0x3f);
	}
	return *c < least[len] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0 : len;
}

/* Characters that a reader cannot see, or that change the order of those he sees. */
static bool deceives(uint32_t c)
{
	return c == 0xad || c == 0x34f || c == 0x61c || c == 0x115f || c == 0x1160 ||
	       c == 0x17b4 || c == 0x17b5 || (c >= 0x180b && c <= 0x180f) || c == 0x200b ||
	       c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0x3164 || c == 0xfeff || c == 0xffa0 ||
	       (c >= 0xfff0 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

static size_t escape(struct buf *out, const char *format, uint32_t c)
{
	char text[16];
	int n = snprintf(text, sizeof(text), format, c);

	buf_add(out, text, (size_t)n);
	return (size_t)n;
}

static size_t escape_character(struct buf *out, uint32_t c)
{
	static const char *const names[] = {['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r"};

	if (c < sizeof(names) / sizeof(names[0]) && names[c])
		return escape(out, names[c], 0);
	return escape(out, c < 0x80 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
}

size_t display_clean(struct buf *out, const char *p, size_t n)
{
	size_t columns = 0, marks = MARKS_MAX, i = 0, len;
	uint32_t c;

	for (; i < n; i += len) {
		int width;

		len = decode(p + i, n - i, &c);
		if (!len) {
			len = 1;
			columns += ascii_only ? escape(out, "?", 0)
					      : escape(out, "\\x%02x", (uint8_t)p[i]);
			marks = MARKS_MAX;
			continue;
		}
		width = c < 0x80      ? (c >= 0x20 && c != 0x7f ? 1 : -1)
			: deceives(c) ? -1
				      : wcwidth((wchar_t)c);
		if (c >= 0x80 && ascii_only) {
			columns += escape(out, "?", 0);
		} else if (width < 0 || (width == 0 && marks == MARKS_MAX)) {
			/* A mark on nothing would sit on what stands before this text. */
			columns += escape_character(out, c);
			marks = MARKS_MAX;
		} else {
			buf_add(out, p + i, len);
			columns += (size_t)width;
			marks = width ? 0 : marks + 1;
		}
	}
	return columns;
}

/* Columns of the character at p, and its bytes. */
static size_t step(const char *p, size_t *bytes)
{
	uint32_t c;
	int width;

	*bytes = decode(p, strlen(p), &c);
	if (!*bytes) {
		*bytes = 1;
		return 1;
	}
	width = c < 0x80 ? 1 : wcwidth((wchar_t)c);
	return width < 0 ? 1 : (size_t)width;
}

size_t display_width(const char *clean)
{
	size_t columns = 0, bytes;

	for (; *clean; clean += bytes)
		columns += step(clean, &bytes);
	return columns;
}

/* Appends what fits of the beginning, marks included; returns its columns. */
static size_t head(struct buf *out, const char *clean, size_t columns)
{
	size_t used = 0, bytes, width;
	const char *p = clean;

	for (; *p; p += bytes) {
		width = step(p, &bytes);
		if (used + width > columns)
			break;
		used += width;
	}
	buf_add(out, clean, (size_t)(p - clean));
	return used;
}

/* The same of the end. */
static size_t tail(struct buf *out, const char *clean, size_t columns)
{
	size_t left = display_width(clean), bytes, width;

	while (left > columns) {
		left -= step(clean, &bytes);
		clean += bytes;
	}
	/* Marks of what was left out. */
	while (*clean && (width = step(clean, &bytes)) == 0)
		clean += bytes;
	buf_add_string(out, clean);
	return left;
}

size_t display_fit(struct buf *out, const char *clean, size_t columns, enum display_cut cut)
{
	size_t width = display_width(clean), used, end;

	if (width <= columns) {
		buf_add_string(out, clean);
		return width;
	}
	if (!columns)
		return 0;
	end = cut == DISPLAY_CUT_MIDDLE && columns > 4 ? (columns - 1) / 2 : 0;
	used = head(out, clean, columns - 1 - end);
	buf_add_string(out, ascii_only ? "~" : "\xe2\x80\xa6");
	used++;
	return end ? used + tail(out, clean, end) : used;
}
