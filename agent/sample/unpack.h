/* SPDX-License-Identifier: MIT */
/*
 * One member of a ZIP archive unpacked, by its method (APPNOTE.TXT §4.4.5): stored, deflate,
 * deflate64, bzip2, LZMA, Zstandard, XZ.  Others (shrink to implode, PPMd, WavPack ...) are not
 * read.
 */
#ifndef SLUICE_SAMPLE_UNPACK_H
#define SLUICE_SAMPLE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	UNPACK_STORED = 0,
	UNPACK_DEFLATE = 8,
	UNPACK_DEFLATE64 = 9,
	UNPACK_BZIP2 = 12,
	UNPACK_LZMA = 14,
	UNPACK_ZSTD_OLD = 20,
	UNPACK_ZSTD = 93,
	UNPACK_XZ = 95,
};

enum unpack_result {
	UNPACK_OK,     /* wants input, or room */
	UNPACK_END,    /* the stream ended; stored members have no such end */
	UNPACK_BROKEN, /* not of that method, or beyond what memory it may use */
};

struct unpack;

/* How a member is packed.  size and flags matter to LZMA alone. */
struct unpack_method {
	uint16_t method;
	uint16_t flags; /* general purpose bits */
	uint64_t size;	/* of the content */
};

bool unpack_knows(uint16_t method);
/* NULL: a method that is not read, or out of memory. */
struct unpack *unpack_new(const struct unpack_method *m);
void unpack_free(struct unpack *u);
/* Takes from *in and fills *out, moving both.  BROKEN and END stay. */
enum unpack_result unpack_run(struct unpack *u, const uint8_t **in, size_t *in_len,
			      uint8_t **out, size_t *out_len);
/* After END: bytes taken that are behind the stream. */
size_t unpack_unused(const struct unpack *u);

#endif
