// SPDX-License-Identifier: MIT
/*
 * BODYSTRUCTURE and ENVELOPE.
 *
 *	leaf	  ("TEXT" "PLAIN" (params) id description "BASE64" octets ...)
 *	multipart ((part)(part) "MIXED" (params) (disposition) ...)
 *	message	  ("MESSAGE" "RFC822" (params) id description "7BIT" octets envelope (root) ...)
 */
#include "proto/imap_part.h"

#include "proto/imap_text.h"
#include "mime/mime_param.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIELD_MAX (16u << 10)
/* Fields of a leaf, behind type and subtype, up to its octets. */
#define FIELD_OCTETS 4

void imap_part_init(struct imap_part *p)
{
	struct buf *all[] = {&p->type, &p->encoding, &p->disposition,
			     &p->from, &p->to,	     &p->subject};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_init(all[i], FIELD_MAX);
	p->octets = 0;
}

void imap_part_free(struct imap_part *p)
{
	buf_free(&p->type);
	buf_free(&p->encoding);
	buf_free(&p->disposition);
	buf_free(&p->from);
	buf_free(&p->to);
	buf_free(&p->subject);
}

/* ----------------------------------------------------------------- structure */

static bool opens(struct cursor c)
{
	struct imap_token t;

	return imap_token(&c, &t) == IMAP_OPEN;
}

static bool enter(struct cursor *c)
{
	struct imap_token t;

	return imap_token(c, &t) == IMAP_OPEN;
}

/* A body at the cursor: does its parenthesis hold others? */
static bool is_multipart(struct cursor c)
{
	return enter(&c) && opens(c);
}

/* From a body that is a message to the root of what it holds. */
static bool into_message(struct cursor *c)
{
	struct imap_token type, subtype;

	if (!enter(c) || imap_token(c, &type) != IMAP_STRING ||
	    imap_token(c, &subtype) != IMAP_STRING || type.n != 7 ||
	    strncasecmp((const char *)type.p, "message", 7))
		return false;
	/* (params) id description encoding octets envelope */
	for (int i = 0; i < 6; i++)
		if (!imap_skip(c))
			return false;
	return opens(*c);
}

/* The numbers of a section lead from the root to a part. */
static bool find(struct cursor *c, const char *section)
{
	bool root = true; /* of a message: part 1 of it is itself, unless it is multipart */

	while (*section) {
		char *end;
		unsigned long k = strtoul(section, &end, 10);

		if (end == section || !k || (*end && *end != '.'))
			return false;
		section = *end ? end + 1 : end;
		if (!root && !is_multipart(*c)) {
			if (!into_message(c))
				return false;
			root = true;
		}
		if (is_multipart(*c)) {
			enter(c);
			while (--k && opens(*c))
				if (!imap_skip(c))
					return false;
			if (k || !opens(*c))
				return false;
		} else if (k != 1 || !root) {
			return false;
		}
		root = false;
	}
	return true;
}

/* A value as a quoted string. */
static void add_quoted(const struct imap_token *t, struct buf *out)
{
	struct buf text;

	buf_init(&text, FIELD_MAX);
	imap_add_text(t, &text);
	buf_add(out, "\"", 1);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			buf_add(out, "\\", 1);
		buf_add(out, &text.data[i], 1);
	}
	buf_add(out, "\"", 1);
	buf_free(&text);
}

/* "; name=value", as many as the list has. */
static void parameters(struct cursor *c, struct buf *out)
{
	struct imap_token name, value;

	if (!opens(*c)) {
		imap_skip(c);
		return;
	}
	enter(c);
	while (imap_token(c, &name) == IMAP_STRING || name.kind == IMAP_ATOM) {
		imap_token(c, &value);
		buf_add_string(out, "; ");
		imap_add_text(&name, out);
		buf_add_string(out, "=");
		/* RFC 2231 values are not quoted. */
		if (name.n && name.p[name.n - 1] == '*')
			imap_add_text(&value, out);
		else
			add_quoted(&value, out);
	}
}

/* ("ATTACHMENT" ("FILENAME" "a.exe")) */
static void disposition(struct imap_part *p, struct cursor *c)
{
	struct imap_token t;

	if (!opens(*c)) {
		imap_skip(c);
		return;
	}
	enter(c);
	imap_token(c, &t);
	imap_add_text(&t, &p->disposition);
	parameters(c, &p->disposition);
}

static void multipart(struct imap_part *p, struct cursor *c)
{
	struct imap_token subtype;

	while (opens(*c))
		if (!imap_skip(c))
			return;
	imap_token(c, &subtype);
	buf_add_string(&p->type, "multipart/");
	imap_add_text(&subtype, &p->type);
	parameters(c, &p->type);
	disposition(p, c);
}

static void leaf(struct imap_part *p, struct cursor *c)
{
	struct imap_token type, subtype, t;
	uint64_t octets;
	int skip = 1; /* MD5 */

	imap_token(c, &type);
	imap_token(c, &subtype);
	imap_add_text(&type, &p->type);
	buf_add_string(&p->type, "/");
	imap_add_text(&subtype, &p->type);
	parameters(c, &p->type);
	imap_skip(c); /* id */
	imap_skip(c); /* description */
	imap_token(c, &t);
	imap_add_text(&t, &p->encoding);
	imap_token(c, &t);
	if (imap_number(&t, &octets))
		p->octets = octets;
	if (type.n == 4 && !strncasecmp((const char *)type.p, "text", 4))
		skip = 2; /* lines */
	else if (opens(*c))
		skip = 4; /* envelope, root, lines */
	while (skip--)
		if (!imap_skip(c))
			return;
	disposition(p, c);
}

bool imap_part_structure(struct imap_part *p, const void *structure, size_t n,
			 const char *section, bool inner)
{
	struct cursor c = cursor_of(structure, n);

	if (!find(&c, section) || (inner && !into_message(&c)) || !opens(c))
		return false;
	if (is_multipart(c)) {
		enter(&c);
		multipart(p, &c);
	} else {
		enter(&c);
		leaf(p, &c);
	}
	return true;
}

/* ------------------------------------------------------------------ envelope */

/* ((name route mailbox host)(...)) */
static void addresses(struct cursor *c, struct buf *out)
{
	struct imap_token name, mailbox, host, t;

	if (!opens(*c)) {
		imap_skip(c);
		return;
	}
	enter(c);
	while (opens(*c)) {
		enter(c);
		imap_token(c, &name);
		imap_token(c, &t);
		imap_token(c, &mailbox);
		imap_token(c, &host);
		if (imap_token(c, &t) != IMAP_CLOSE)
			return;
		/* Without a host it is the begin or the end of a group. */
		if (imap_is(&host, "NIL"))
			continue;
		if (out->len)
			buf_add_string(out, ", ");
		if (!imap_is(&name, "NIL")) {
			/* An encoded word may not be quoted. */
			if (memmem(name.p, name.n, "=?", 2))
				imap_add_text(&name, out);
			else
				add_quoted(&name, out);
			buf_add_string(out, " ");
		}
		buf_add_string(out, "<");
		imap_add_text(&mailbox, out);
		buf_add_string(out, "@");
		imap_add_text(&host, out);
		buf_add_string(out, ">");
	}
	imap_token(c, &t);
}

void imap_part_envelope(struct imap_part *p, const void *envelope, size_t n)
{
	struct cursor c = cursor_of(envelope, n);
	struct imap_token t;

	if (!enter(&c) || !imap_skip(&c))
		return;
	imap_token(&c, &t);
	imap_add_text(&t, &p->subject);
	addresses(&c, &p->from);
	imap_skip(&c); /* sender */
	imap_skip(&c); /* reply-to */
	addresses(&c, &p->to);
}

/* ------------------------------------------------------------------- headers */

static void take(const struct buf *header, const char *name, struct buf *out)
{
	struct buf value;

	buf_init(&value, FIELD_MAX);
	if (mime_field(header, name, &value) && value.len) {
		buf_reset(out);
		buf_add(out, value.data, value.len);
	}
	buf_free(&value);
}

void imap_part_mime(struct imap_part *p, const struct buf *header)
{
	take(header, "Content-Type", &p->type);
	take(header, "Content-Transfer-Encoding", &p->encoding);
	take(header, "Content-Disposition", &p->disposition);
}

void imap_part_header(struct imap_part *p, const struct buf *header)
{
	take(header, "From", &p->from);
	take(header, "To", &p->to);
	take(header, "Subject", &p->subject);
}
