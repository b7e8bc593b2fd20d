/* SPDX-License-Identifier: MIT */
/*
 * Parameters of a header field, and the file name in Content-Disposition.
 */
#ifndef SLUICE_MIME_DISPOSITION_H
#define SLUICE_MIME_DISPOSITION_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Appends the value of parameter `name` of a field like
 * `form-data; name="a"; filename="b"` (RFC 9110 §5.6.6) to `out`: quotes taken off,
 * \" and \\ undone.  A value that lacks its quotes runs to the next semicolon, with
 * blanks around it taken off, as clients read it.  False when there is none.
 */
bool parameter_get(const uint8_t *field, size_t n, const char *name, struct buf *out);

/*
 * Appends the file name of a Content-Disposition field (RFC 6266): the extended
 * form (RFC 8187) before the plain one, in which encoded words are decoded (RFC 2047), as
 * browsers do; as UTF-8, without what looks like a path before it.  False when there is
 * none.
 */
bool disposition_filename(const uint8_t *field, size_t n, struct buf *out);

/*
 * Appends only the last part of what looks like a path (RFC 6266 §4.3).  False: it is empty.
 */
bool filename_without_path(const struct buf *name, struct buf *out);

/* Appends n bytes with %XX undone; a % that is none stays.  NUL ends it. */
bool percent_decode(const uint8_t *p, size_t n, struct buf *out);

#endif
