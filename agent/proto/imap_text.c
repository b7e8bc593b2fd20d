// SPDX-License-Identifier: MIT
/*
 * The words of a line of IMAP.
 */
#include "proto/imap_text.h"

#include <string.h>
#include <strings.h>

static void quoted(struct cursor *c, struct imap_token *t)
{
	cursor_take(c, 1);
	t->p = c->p;
	while (c->left && *c->p != '"') {
		if (*c->p == '\\') {
			t->escaped = true;
			cursor_take(c, 1);
		}
		if (c->left)
			cursor_take(c, 1);
	}
	t->n = (size_t)(c->p - t->p);
	t->kind = cursor_take(c, 1) ? IMAP_STRING : IMAP_TORN;
}

/* {5}, CR LF, 5 bytes */
static void literal(struct cursor *c, struct imap_token *t)
{
	size_t n = 0;

	cursor_take(c, 1);
	while (c->left && *c->p >= '0' && *c->p <= '9' && n <= c->left) {
		n = n * 10 + (size_t)(*c->p - '0');
		cursor_take(c, 1);
	}
	t->kind = IMAP_TORN;
	if (c->left < 3 || memcmp(c->p, "}\r\n", 3))
		return;
	cursor_take(c, 3);
	t->p = cursor_take(c, n);
	t->n = n;
	if (t->p)
		t->kind = IMAP_STRING;
}

static void atom(struct cursor *c, struct imap_token *t)
{
	bool brackets = false;

	t->p = c->p;
	while (c->left && (brackets || !strchr(" ()\"\r\n", *c->p) || !*c->p)) {
		if (*c->p == '[')
			brackets = true;
		else if (*c->p == ']')
			brackets = false;
		cursor_take(c, 1);
	}
	t->n = (size_t)(c->p - t->p);
	t->kind = brackets || !t->n ? IMAP_TORN : IMAP_ATOM;
}

enum imap_kind imap_token(struct cursor *c, struct imap_token *t)
{
	*t = (struct imap_token){.kind = IMAP_END};
	while (c->left && *c->p == ' ')
		cursor_take(c, 1);
	if (!c->left)
		return t->kind;
	switch (*c->p) {
	case '(':
	case ')':
	case 1: /* IMAP_STREAMED */
		t->kind = *c->p == '(' ? IMAP_OPEN : *c->p == ')' ? IMAP_CLOSE : IMAP_GONE;
		cursor_take(c, 1);
		break;
	case '"':
		quoted(c, t);
		break;
	case '{':
		literal(c, t);
		break;
	default:
		atom(c, t);
	}
	return t->kind;
}

bool imap_skip(struct cursor *c)
{
	size_t depth = 0;
	struct imap_token t;

	do {
		switch (imap_token(c, &t)) {
		case IMAP_END:
		case IMAP_TORN:
			return false;
		case IMAP_OPEN:
			depth++;
			break;
		case IMAP_CLOSE:
			if (!depth)
				return false;
			depth--;
			break;
		default:
			break;
		}
	} while (depth);
	return true;
}

bool imap_is(const struct imap_token *t, const char *word)
{
	return t->kind == IMAP_ATOM && strlen(word) == t->n &&
	       !strncasecmp((const char *)t->p, word, t->n);
}

bool imap_number(const struct imap_token *t, uint64_t *value)
{
	*value = 0;
	if (t->kind != IMAP_ATOM || t->n > 18)
		return false;
	for (size_t i = 0; i < t->n; i++) {
		if (t->p[i] < '0' || t->p[i] > '9')
			return false;
		*value = *value * 10 + (uint64_t)(t->p[i] - '0');
	}
	return true;
}

static void add(const struct imap_token *t, struct buf *out, bool clean)
{
	if ((t->kind != IMAP_ATOM && t->kind != IMAP_STRING) || imap_is(t, "NIL"))
		return;
	for (size_t i = 0; i < t->n; i++) {
		uint8_t b = t->p[i];

		if (t->escaped && b == '\\' && i + 1 < t->n)
			b = t->p[++i];
		if (clean && (b == '\r' || b == '\n' || !b))
			b = ' ';
		buf_add(out, &b, 1);
	}
}

void imap_add_text(const struct imap_token *t, struct buf *out)
{
	add(t, out, true);
}

void imap_add_bytes(const struct imap_token *t, struct buf *out)
{
	add(t, out, false);
}
