/* SPDX-License-Identifier: MIT */
/*
 * What a part fetched by itself is, as BODYSTRUCTURE and ENVELOPE tell (RFC 9051 §7.5.2).
 */
#ifndef SLUICE_PROTO_IMAP_PART_H
#define SLUICE_PROTO_IMAP_PART_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fields of a header, as they would stand there; empty where nothing is known. */
struct imap_part {
	struct buf type;
	struct buf encoding;
	struct buf disposition;
	struct buf from;
	struct buf to;
	struct buf subject;
	uint64_t octets; /* of its body, encoded; 0: not known */
};

void imap_part_init(struct imap_part *p);
void imap_part_free(struct imap_part *p);
/*
 * Part "1.2" of a structure, "" the whole message's root; false when there is none. inner:
 * of the message that this part is.
 */
bool imap_part_structure(struct imap_part *p, const void *structure, size_t n,
			 const char *section, bool inner);
void imap_part_envelope(struct imap_part *p, const void *envelope, size_t n);
/* The part's own header, or the message's, takes the place of either. */
void imap_part_mime(struct imap_part *p, const struct buf *header);
void imap_part_header(struct imap_part *p, const struct buf *header);

#endif
