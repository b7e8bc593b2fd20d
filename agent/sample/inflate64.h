/* SPDX-License-Identifier: MIT */
/*
 * Deflate64 undone: deflate with a window of 64 KiB and longer lengths and distances (ZIP's
 * method 9, APPNOTE 5.x), which Windows writes for large members and zlib does not read.
 *
 * Differences from RFC 1951: length symbol 285 has base 3 and 16 extra bits; the distance
 * symbols 30 and 31 exist, with bases 32769 and 49153 and 14 extra bits; the window is 64 KiB.
 */
#ifndef SLUICE_SAMPLE_INFLATE64_H
#define SLUICE_SAMPLE_INFLATE64_H

#include <stddef.h>
#include <stdint.h>

struct inflate64;

enum inflate64_result {
	INFLATE64_OK,	  /* wants input, or room */
	INFLATE64_END,	  /* the last block ended */
	INFLATE64_BROKEN, /* not deflate64 */
};

/* NULL when out of memory. */
struct inflate64 *inflate64_new(void);
void inflate64_free(struct inflate64 *z);
/* As zlib's inflate(): takes from *in, fills *out, moves both. */
enum inflate64_result inflate64_run(struct inflate64 *z, const uint8_t **in, size_t *in_len,
				    uint8_t **out, size_t *out_len);
/* At the end: bytes taken that are behind it. */
size_t inflate64_unused(const struct inflate64 *z);

#endif
