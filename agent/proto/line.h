/* SPDX-License-Identifier: MIT */
/*
 * Lines of a stream that comes in pieces: what SMTP, POP3, IMAP and FTP talk in.
 *
 * A line ends with LF; one CR before it is no part of it (RFC 5321 §2.3.8 wants CRLF, what
 * is seen is less).  A longer line than the limit keeps its beginning and is still
 * followed to its end, so it never puts a session out of step.
 *
 *	while (n) {
 *		size_t used = line_add(&l, p, n);
 *		if (l.whole)
 *			command(line_text(&l), line_len(&l));
 *		p += used, n -= used;
 *	}
 */
#ifndef SLUICE_PROTO_LINE_H
#define SLUICE_PROTO_LINE_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line {
	struct buf text;
	bool whole;	 /* its LF came: text is the line */
	bool cut;	 /* it was longer than the limit, or memory is out */
	bool bare;	 /* whole, and its LF had no CR before it */
	uint64_t length; /* of all its bytes so far, line break and what was cut included */
};

/* Keeps up to max bytes of a line. */
void line_init(struct line *l, size_t max);
void line_free(struct line *l);
/*
 * Takes bytes up to and with the next LF, and says how many; 0 only when n is.  After a
 * whole line it begins the next one.
 */
size_t line_add(struct line *l, const uint8_t *p, size_t n);
/* Forgets the line begun: bytes of it are missing. */
void line_reset(struct line *l);
/* The same, and leaves none of it in memory: it was a password. */
void line_wipe(struct line *l);

/* Without its line break, NUL terminated; may hold a NUL of its own. */
static inline const char *line_text(struct line *l)
{
	return l->text.len ? buf_string(&l->text) : "";
}

static inline size_t line_len(const struct line *l)
{
	return l->text.len;
}

/*
 * Does the line begin with this word, in any case, and end or go on with a blank behind
 * it?  What follows the blanks goes to rest (may be NULL).
 */
bool line_word(const char *line, const char *word, const char **rest);

#endif
