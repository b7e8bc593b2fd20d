/* SPDX-License-Identifier: MIT */
/*
 * Structured fields of a MIME header: a value and its parameters (RFC 2045 §5.1), as mail
 * programs really write them: continuations and charsets (RFC 2231), encoded words in
 * quotes, values without quotes that need them, comments.
 */
#ifndef SLUICE_MIME_MIME_PARAM_H
#define SLUICE_MIME_MIME_PARAM_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The field of that name in a header block of lines ended by '\n', unfolded, blanks around
 * it taken off.  The first one counts.  NULL: none; the text is value's.
 */
const char *mime_field(const struct buf *header, const char *name, struct buf *value);

/* "Text/Plain (x) ; a=b" is "text/plain"; "" when there is none. */
const char *mime_value(const char *field, struct buf *out);

/*
 * The parameter as bytes, name* and name*0 put together before the plain form.  False: none.
 * For boundaries; charset is of the extended form, else empty.
 */
bool mime_param(const char *field, const char *name, struct buf *out, struct buf *charset);

/* The same as UTF-8, encoded words decoded. */
bool mime_param_text(const char *field, const char *name, struct buf *out);

/*
 * The file's name by Content-Disposition, else by the name of Content-Type (either may be
 * NULL), without a path, UTF-8.  False: none.
 */
bool mime_filename(const char *disposition, const char *type, struct buf *out);

#endif
