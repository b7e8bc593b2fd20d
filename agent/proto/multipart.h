/* SPDX-License-Identifier: MIT */
/*
 * Bodies of several parts (RFC 2046 §5.1), pushed in pieces of any size: forms (RFC 7578)
 * and ranges (RFC 9110 §14.6).
 *
 * The line break before a boundary belongs to the boundary, never to the
 * content.  Nothing is buffered but a part's header.
 */
#ifndef SLUICE_PROTO_MULTIPART_H
#define SLUICE_PROTO_MULTIPART_H

#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MULTIPART_FORM "multipart/form-data"
#define MULTIPART_RANGES "multipart/byteranges"

struct multipart;

/* Fields of a part's header, NULL where absent. */
struct multipart_part {
	const char *disposition; /* Content-Disposition */
	const char *type;	 /* Content-Type */
	const char *range;	 /* Content-Range */
};

struct multipart_ops {
	/*
	 * A part begins; part is valid during the call.  What stands before the first
	 * boundary is a part without any field.
	 */
	void (*begin)(void *arg, const struct multipart_part *part);
	void (*data)(void *arg, const uint8_t *p, size_t n);
	/* whole: its boundary was seen. */
	void (*end)(void *arg, bool whole);
};

/*
 * For a value of Content-Type.  NULL when it is not of the type wanted, names no usable
 * boundary, or memory is out: the body is then one file.
 */
struct multipart *multipart_new(const char *wanted, const char *content_type, size_t n,
				const struct multipart_ops *ops, void *arg);
void multipart_free(struct multipart *m);

/* RFC 2046 allows 70; clients are not asked. */
#define MULTIPART_BOUNDARY_MAX 256
/* Bytes of a body that suffice to tell. */
#define MULTIPART_PROBE_MAX (MULTIPART_BOUNDARY_MAX + 4)
/* Are a body's first bytes the beginning of one like this? */
enum probe multipart_probe(const struct multipart *m, const uint8_t *p, size_t n);

void multipart_data(struct multipart *m, const uint8_t *p, size_t n);
/* Bytes are missing here: the next boundary begins anew. */
void multipart_gap(struct multipart *m);
/* No more will come; ends the part that is open. */
void multipart_end(struct multipart *m);

#endif
