// SPDX-License-Identifier: MIT
/*
 * Lines of a stream that comes in pieces.
 */
#include "proto/line.h"

#include <string.h>
#include <strings.h>

void line_init(struct line *l, size_t max)
{
	*l = (struct line){.whole = false};
	/* Room for the CR that goes when the LF comes. */
	buf_init(&l->text, max + 1);
}

void line_free(struct line *l)
{
	buf_free(&l->text);
	line_reset(l);
}

void line_reset(struct line *l)
{
	buf_reset(&l->text);
	l->whole = l->cut = l->bare = false;
	l->length = 0;
}

void line_wipe(struct line *l)
{
	if (l->text.data)
		explicit_bzero(l->text.data, l->text.room);
	line_reset(l);
}

static void keep(struct line *l, const uint8_t *p, size_t n)
{
	size_t room = l->text.max - l->text.len;

	if (n > room) {
		l->cut = true;
		n = room;
	}
	if (!buf_add(&l->text, p, n)) {
		l->text.failed = false;
		l->cut = true;
	}
}

size_t line_add(struct line *l, const uint8_t *p, size_t n)
{
	const uint8_t *nl;
	size_t used;

	if (!n)
		return 0;
	if (l->whole)
		line_reset(l);
	nl = memchr(p, '\n', n);
	used = nl ? (size_t)(nl - p) + 1 : n;
	keep(l, p, nl ? used - 1 : used);
	l->length += used;
	if (!nl)
		return used;
	l->whole = true;
	l->bare = true;
	if (l->text.len && !l->cut && l->text.data[l->text.len - 1] == '\r') {
		l->text.len--;
		l->bare = false;
	}
	if (l->text.len == l->text.max) {
		l->text.len--;
		l->cut = true;
	}
	return used;
}

bool line_word(const char *line, const char *word, const char **rest)
{
	size_t n = strlen(word);

	if (strncasecmp(line, word, n) || (line[n] && line[n] != ' ' && line[n] != '\t'))
		return false;
	line += n;
	line += strspn(line, " \t");
	if (rest)
		*rest = line;
	return true;
}
