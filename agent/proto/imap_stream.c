// SPDX-License-Identifier: MIT
/*
 * Lines with literals in them.
 */
#include "proto/imap_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond this a buffer is not kept for the next line. */
#define ROOM_KEPT 4096

void imap_stream_init(struct imap_stream *s)
{
	*s = (struct imap_stream){.cut = false};
	buf_init(&s->text, IMAP_TEXT_MAX);
}

void imap_stream_free(struct imap_stream *s)
{
	buf_free(&s->text);
}

void imap_stream_next(struct imap_stream *s)
{
	/* It may have been a password. */
	if (s->text.data)
		explicit_bzero(s->text.data, s->text.len);
	if (s->text.room > ROOM_KEPT)
		buf_free(&s->text);
	buf_reset(&s->text);
	s->cut = s->in_literal = false;
	s->literal = 0;
	s->tail_len = 0;
}

static void text_add(struct imap_stream *s, const void *p, size_t n)
{
	if (s->cut)
		return;
	if (n > s->text.max - s->text.len || !buf_add(&s->text, p, n)) {
		s->text.failed = false;
		s->cut = true;
	}
}

static void tail_add(struct imap_stream *s, const uint8_t *p, size_t n)
{
	size_t room = sizeof(s->tail);

	if (n >= room) {
		memcpy(s->tail, p + n - room, room);
		s->tail_len = room;
		return;
	}
	if (s->tail_len + n > room) {
		size_t drop = s->tail_len + n - room;

		memmove(s->tail, s->tail + drop, s->tail_len - drop);
		s->tail_len -= drop;
	}
	memcpy(s->tail + s->tail_len, p, n);
	s->tail_len += n;
}

/*
 * "{5}", "{5+}", "~{5}" at the line's end: its length, 0 when there is none; more digits than
 * a size has are none either.
 */
static size_t announced(struct imap_stream *s)
{
	size_t n = s->tail_len, at;

	s->synchronizing = true;
	if (!n || s->tail[n - 1] != '}')
		return 0;
	at = n - 1;
	if (at && s->tail[at - 1] == '+') {
		s->synchronizing = false;
		at--;
	}
	for (size_t digits = 0; at && s->tail[at - 1] >= '0' && s->tail[at - 1] <= '9';
	     digits++)
		if (at--, digits >= 18)
			return 0;
	if (!at || s->tail[at - 1] != '{' || s->tail[at] < '0' || s->tail[at] > '9')
		return 0;
	s->literal = strtoull((const char *)s->tail + at, NULL, 10);
	at--;
	if (at && s->tail[at - 1] == '~')
		at--;
	return n - at;
}

static size_t line_bytes(struct imap_stream *s, const uint8_t *p, size_t n,
			 enum imap_event *event)
{
	const uint8_t *nl = memchr(p, '\n', n);
	size_t len = nl ? (size_t)(nl - p) : n, mark;

	text_add(s, p, len);
	tail_add(s, p, len);
	if (!nl)
		return n;
	if (s->tail_len && s->tail[s->tail_len - 1] == '\r') {
		s->tail_len--;
		if (!s->cut && s->text.len)
			s->text.len--;
	}
	mark = announced(s);
	*event = mark ? IMAP_LITERAL : IMAP_LINE;
	if (!s->cut && mark <= s->text.len)
		s->text.len -= mark;
	s->tail_len = 0;
	return len + 1;
}

size_t imap_stream_add(struct imap_stream *s, const uint8_t *p, size_t n,
		       enum imap_event *event)
{
	size_t used;

	*event = IMAP_NOTHING;
	if (!s->in_literal)
		return line_bytes(s, p, n, event);
	used = n < s->literal ? n : (size_t)s->literal;
	s->literal -= used;
	s->in_literal = s->literal;
	if (s->fate == IMAP_KEEP)
		text_add(s, p, used);
	else if (s->fate == IMAP_STREAM)
		*event = IMAP_BYTES;
	return used;
}

void imap_stream_literal(struct imap_stream *s, enum imap_fate fate)
{
	char head[32];
	int n;

	s->fate = fate;
	s->in_literal = s->literal && fate != IMAP_NO_LITERAL;
	if (fate == IMAP_KEEP) {
		n = snprintf(head, sizeof(head), "{%llu}\r\n", (unsigned long long)s->literal);
		text_add(s, head, (size_t)n);
		/* One that does not fit takes the rest of the line with it. */
		if (s->literal > s->text.max - s->text.len)
			s->cut = true;
	} else if (fate != IMAP_NO_LITERAL) {
		text_add(s, IMAP_STREAMED, 1);
	}
}

uint64_t imap_stream_gap(struct imap_stream *s, uint64_t n)
{
	uint64_t in = 0;

	if (s->in_literal && s->fate != IMAP_KEEP) {
		in = n < s->literal ? n : s->literal;
		s->literal -= in;
		s->in_literal = s->literal;
		if (in == n)
			return in;
	}
	imap_stream_next(s);
	return in;
}
