// SPDX-License-Identifier: MIT
#include "lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 256

void buf_init(struct buf *b, size_t max)
{
	/* One byte is kept for the NUL of buf_string(). */
	*b = (struct buf){.max = max < SIZE_MAX ? max : SIZE_MAX - 1};
}

void buf_free(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

/* Room for n more bytes and a NUL behind them. */
static bool buf_reserve(struct buf *b, size_t n)
{
	size_t need, room;
	uint8_t *data;

	if (b->failed)
		return false;
	if (n > b->max - b->len)
		goto fail;
	need = b->len + n + 1;
	if (need <= b->room)
		return true;
	room = b->room <= b->max / 2 ? b->room * 2 : b->max + 1;
	if (room < BUF_FIRST)
		room = BUF_FIRST;
	if (room < need)
		room = need;
	if (room > b->max + 1)
		room = b->max + 1;
	data = realloc(b->data, room);
	if (!data)
		goto fail;
	b->data = data;
	b->room = room;
	return true;
fail:
	b->failed = true;
	return false;
}

bool buf_add(struct buf *b, const void *p, size_t n)
{
	if (!buf_reserve(b, n))
		return false;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	return true;
}

bool buf_add_string(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

bool buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0) {
		b->failed = true;
		return false;
	}
	if (!buf_reserve(b, n))
		return false;
	va_start(args, format);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, args);
	va_end(args);
	b->len += n;
	return true;
}

const char *buf_string(struct buf *b)
{
	if (b->failed || !b->len)
		return "";
	b->data[b->len] = 0;
	return (const char *)b->data;
}
