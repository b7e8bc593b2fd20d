/* SPDX-License-Identifier: MIT */
/*
 * The words of a line of IMAP (RFC 9051 §9), literals in it as imap_stream.h keeps them.
 */
#ifndef SLUICE_PROTO_IMAP_TEXT_H
#define SLUICE_PROTO_IMAP_TEXT_H

#include "lib/buf.h"
#include "lib/cursor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum imap_kind {
	IMAP_END,    /* no more */
	IMAP_TORN,   /* or none that ends */
	IMAP_OPEN,   /* ( */
	IMAP_CLOSE,  /* ) */
	IMAP_ATOM,   /* a word, a number, NIL; what is in [] belongs to it */
	IMAP_STRING, /* quoted, or a literal */
	IMAP_GONE,   /* a literal that was streamed or skipped */
};

struct imap_token {
	enum imap_kind kind;
	const uint8_t *p;
	size_t n;
	bool escaped; /* has backslashes to undo */
};

enum imap_kind imap_token(struct cursor *c, struct imap_token *t);
/* Passes over one value, a list as a whole.  False: there is none, or it does not end. */
bool imap_skip(struct cursor *c);
/* An atom, in any case. */
bool imap_is(const struct imap_token *t, const char *word);
bool imap_number(const struct imap_token *t, uint64_t *value);
/* A string or atom, NIL as nothing; what may not stand in a header becomes a blank. */
void imap_add_text(const struct imap_token *t, struct buf *out);
/* The same with all bytes as they are. */
void imap_add_bytes(const struct imap_token *t, struct buf *out);

#endif
