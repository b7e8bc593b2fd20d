// SPDX-License-Identifier: MIT
/*
 * Address lists of mail headers.
 */
#include "mime/address.h"

#include "mime/encoded_word.h"

#include <string.h>

/* Of one mailbox; longer ones lose their end. */
#define MAILBOX_MAX 4096

struct parser {
	const char *p;
	address_sink *sink;
	void *arg;
	struct buf words;   /* what stands before "<", or is the address */
	struct buf addr;    /* inside "<>" */
	struct buf comment; /* the last one */
	bool angle;	    /* there was a "<" */
	bool quoted;	    /* words hold a quoted string */
	bool at;	    /* words hold a "@" outside quotes */
	bool blank;	    /* words were separated here */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void add(struct buf *b, char c)
{
	if (b->len < b->max)
		buf_add(b, &c, 1);
}

static void add_word(struct parser *s, char c)
{
	if (s->blank && s->words.len)
		add(&s->words, ' ');
	s->blank = false;
	add(&s->words, c);
}

/* A nested comment, its text kept without the outer brackets. */
static void comment(struct parser *s)
{
	size_t depth = 1;

	buf_reset(&s->comment);
	for (s->p++; *s->p; s->p++) {
		if (*s->p == '\\' && s->p[1])
			s->p++;
		else if (*s->p == '(')
			depth++;
		else if (*s->p == ')' && --depth == 0)
			break;
		add(&s->comment, *s->p);
	}
	if (*s->p)
		s->p++;
	s->blank = true;
}

static void quoted(struct parser *s)
{
	s->quoted = true;
	for (s->p++; *s->p && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p[1])
			s->p++;
		add_word(s, *s->p);
	}
	if (*s->p)
		s->p++;
}

/* <local@domain>, <@route:local@domain>, <"a b"@domain> */
static void angle(struct parser *s)
{
	s->angle = true;
	buf_reset(&s->addr);
	for (s->p++; *s->p && *s->p != '>'; s->p++) {
		if (*s->p == '"') {
			do {
				if (*s->p == '\\' && s->p[1])
					add(&s->addr, *s->p++);
				add(&s->addr, *s->p++);
			} while (*s->p && *s->p != '"');
			if (!*s->p)
				return;
		}
		/* One that is never closed ends where the next mailbox begins. */
		if (*s->p == '<')
			buf_reset(&s->addr);
		else if (!is_blank(*s->p))
			add(&s->addr, *s->p);
	}
	if (*s->p)
		s->p++;
}

/* Without a route before it. */
static void drop_route(const char **addr, size_t *n)
{
	const char *colon = *n && **addr == '@' ? memchr(*addr, ':', *n) : NULL;

	if (!colon)
		return;
	*n -= (size_t)(colon + 1 - *addr);
	*addr = colon + 1;
}

/* "a b"@example.org lost its quotes: they are needed if the local part is no dot-atom. */
static void quote_local(struct buf *addr)
{
	const char *p = (const char *)addr->data;
	const char *at = addr->len ? memrchr(p, '@', addr->len) : NULL;
	struct buf out;

	if (!at)
		return;
	buf_init(&out, 2 * addr->max);
	buf_add_string(&out, "\"");
	for (const char *c = p; c < at; c++) {
		if (*c == '"' || *c == '\\')
			buf_add_string(&out, "\\");
		buf_add(&out, c, 1);
	}
	buf_add_string(&out, "\"");
	if (strcspn(buf_string(&out) + 1, "()<>[]:;@\\,\" \t") < out.len - 2) {
		buf_add(&out, at, addr->len - (size_t)(at - p));
		buf_reset(addr);
		buf_add(addr, out.data, out.len);
	}
	buf_free(&out);
}

static void mailbox_end(struct parser *s)
{
	const struct buf *from = s->angle ? &s->addr : &s->words;
	const struct buf *name = s->angle ? &s->words : &s->comment;
	struct address a = {0};
	struct buf decoded, local;

	buf_init(&decoded, MAILBOX_MAX);
	buf_init(&local, 2 * MAILBOX_MAX);
	if (s->angle && !name->len)
		name = &s->comment;
	if (name->len)
		encoded_word_decode((const char *)name->data, name->len, &decoded);
	if (from->len)
		encoded_word_decode((const char *)from->data, from->len, &local);
	if (s->quoted && !s->angle)
		quote_local(&local);
	a.addr = (const char *)local.data;
	a.addr_len = local.len;
	drop_route(&a.addr, &a.addr_len);
	a.name = (const char *)decoded.data;
	a.name_len = decoded.len;
	while (a.name_len && a.name[a.name_len - 1] == ' ')
		a.name_len--;
	while (a.name_len && *a.name == ' ') {
		a.name++;
		a.name_len--;
	}
	if (a.addr_len || a.name_len)
		s->sink(s->arg, &a);
	buf_free(&decoded);
	buf_free(&local);
	buf_reset(&s->words);
	buf_reset(&s->addr);
	buf_reset(&s->comment);
	s->angle = s->quoted = s->at = s->blank = false;
}

void address_list(const char *value, address_sink *sink, void *arg)
{
	struct parser s = {.p = value, .sink = sink, .arg = arg};

	buf_init(&s.words, MAILBOX_MAX);
	buf_init(&s.addr, MAILBOX_MAX);
	buf_init(&s.comment, MAILBOX_MAX);
	while (*s.p) {
		char c = *s.p;

		if (c == '(') {
			comment(&s);
		} else if (c == '"') {
			quoted(&s);
		} else if (c == '<') {
			angle(&s);
		} else if (c == ',' || c == ';') {
			mailbox_end(&s);
			s.p++;
		} else if (c == ':' && !s.angle && !s.at) {
			/* A group's name is nobody's. */
			buf_reset(&s.words);
			buf_reset(&s.comment);
			s.blank = false;
			s.p++;
		} else {
			if (is_blank(c))
				s.blank = true;
			else
				add_word(&s, c);
			s.at |= c == '@';
			s.p++;
		}
	}
	mailbox_end(&s);
	buf_free(&s.words);
	buf_free(&s.addr);
	buf_free(&s.comment);
}

bool address_format(const struct address *a, struct buf *out)
{
	bool quote = false;

	if (!a->name_len)
		return buf_add(out, a->addr, a->addr_len);
	for (size_t i = 0; i < a->name_len; i++)
		quote |= strchr("()<>[]:;@\\,\"", a->name[i]) != NULL;
	if (quote)
		buf_add_string(out, "\"");
	for (size_t i = 0; i < a->name_len; i++) {
		if (quote && (a->name[i] == '"' || a->name[i] == '\\'))
			buf_add_string(out, "\\");
		buf_add(out, a->name + i, 1);
	}
	if (quote)
		buf_add_string(out, "\"");
	if (a->addr_len) {
		buf_add_string(out, " <");
		buf_add(out, a->addr, a->addr_len);
		buf_add_string(out, ">");
	}
	return !out->failed;
}
