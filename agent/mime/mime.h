/* SPDX-License-Identifier: MIT */
/*
 * The structure of a mail message (RFC 5322, RFC 2045, RFC 2046), pushed in pieces of any
 * size: headers, boundaries, leaves.
 *
 * A part's bytes are given on as they come, still in their transfer encoding; nothing
 * is kept but a header, a line break, and a line that may turn out a boundary.  The line
 * break before a boundary belongs to the boundary.  Lines end with CR LF, LF or CR.
 *
 * A nested message is a leaf here: whoever reads it undoes its encoding and gives it to
 * another parser, one deeper.
 */
#ifndef SLUICE_MIME_H
#define SLUICE_MIME_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Multiparts and messages in each other; deeper ones are leaves. */
#define MIME_DEPTH_MAX 32
#define MIME_HEADER_MAX (64u << 10)
/* RFC 2046 allows 70; nobody is asked. */
#define MIME_BOUNDARY_MAX 998

struct mime;

struct mime_leaf {
	/* Lines end with '\n'; fields by mime_field().  Valid during the call. */
	const struct buf *header;
	const char *type; /* "text/plain", lower case, never empty */
	unsigned int depth;
};

struct mime_ops {
	/* The message's own header, before its first leaf. */
	void (*header)(void *arg, const struct buf *header);
	void (*begin)(void *arg, const struct mime_leaf *leaf);
	void (*data)(void *arg, const uint8_t *p, size_t n);
	/* Bytes of the leaf are missing, and what follows may be of another one. */
	void (*gap)(void *arg, uint64_t n);
	/* whole: its end was seen. */
	void (*end)(void *arg, bool whole);
	/* MIME_DEPTH_MAX or MIME_HEADER_MAX was passed. */
	void (*limit)(void *arg);
};

/* depth: of the message, 0 when it is in no other.  NULL when out of memory. */
struct mime *mime_new(const struct mime_ops *ops, void *arg, unsigned int depth);
/* The header of what comes is known already: a part's body by itself. */
void mime_header(struct mime *m, const char *header);
void mime_data(struct mime *m, const uint8_t *p, size_t n);
/* n bytes are missing here. */
void mime_gap(struct mime *m, uint64_t n);
/* No more comes; whole: because the message ends here.  Ends the leaf that is open. */
void mime_end(struct mime *m, bool whole);
void mime_free(struct mime *m);

#endif
