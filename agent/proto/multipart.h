/* SPDX-License-Identifier: MIT */
/*
 * multipart/form-data (RFC 7578, RFC 2046 §5.1), pushed in pieces of any size.
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

struct multipart;

struct multipart_ops {
	/*
	 * A part begins.  disposition and type are the values of its
	 * Content-Disposition and Content-Type, NULL where absent.  What stands
	 * before the first boundary is a part with neither.
	 */
	void (*begin)(void *arg, const char *disposition, const char *type);
	void (*data)(void *arg, const uint8_t *p, size_t n);
	/* whole: its boundary was seen. */
	void (*end)(void *arg, bool whole);
};

/*
 * For a value of Content-Type.  NULL when it is not multipart/form-data, names
 * no usable boundary, or memory is out: the body is then one file.
 */
struct multipart *multipart_new(const char *content_type, size_t n,
				const struct multipart_ops *ops, void *arg);
void multipart_free(struct multipart *m);

/* RFC 2046 allows 70; clients are not asked. */
#define MULTIPART_BOUNDARY_MAX 256
/* Bytes of a body that suffice to tell. */
#define MULTIPART_PROBE_MAX (MULTIPART_BOUNDARY_MAX + 4)
/* Do a body's first bytes begin this form? */
enum probe multipart_probe(const struct multipart *m, const uint8_t *p, size_t n);

void multipart_data(struct multipart *m, const uint8_t *p, size_t n);
/* Bytes are missing here: the next boundary begins anew. */
void multipart_gap(struct multipart *m);
/* No more will come; ends the part that is open. */
void multipart_end(struct multipart *m);

#endif
