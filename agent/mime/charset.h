/* SPDX-License-Identifier: MIT */
/*
 * Text of any charset seen in mail, to UTF-8 (iconv).
 *
 * The C library reads a converter from disk when it is first wanted, which the sandbox
 * forbids later: charset_prepare() opens one of each kind and keeps them.  Only charsets
 * of the table are ever asked for.  Names are read as browsers read them (WHATWG Encoding):
 * iso-8859-1 is windows-1252, gb2312 is gb18030.
 */
#ifndef SLUICE_MIME_CHARSET_H
#define SLUICE_MIME_CHARSET_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before the sandbox; false: that many converters are not to be had (logged). */
bool charset_prepare(void);

/* The name the C library knows it by; NULL: not in the table. */
const char *charset_find(const char *name, size_t n);

/* Is it all valid UTF-8? */
bool utf8_valid(const uint8_t *p, size_t n);

/*
 * Appends p to out as UTF-8; what is not of the charset becomes U+FFFD, NUL is left out.  A
 * charset not in the table (or NULL): valid UTF-8 is taken for that, all else for
 * windows-1252, as clients do.  False when out has no room: it is cut at a character.
 */
bool charset_decode(const char *name, size_t name_len, const void *p, size_t n,
		    struct buf *out);

/* The same in pieces, for bodies. */
struct charset_stream;
typedef void charset_sink(void *arg, const uint8_t *p, size_t n);

/* NULL: the text needs no conversion, its charset is not known, or out of memory. */
struct charset_stream *charset_stream_new(const char *name, size_t n);
void charset_stream_push(struct charset_stream *s, const uint8_t *p, size_t n,
			 charset_sink *sink, void *arg);
/* The text ends; frees s, which may be NULL. */
void charset_stream_close(struct charset_stream *s, charset_sink *sink, void *arg);

#endif
