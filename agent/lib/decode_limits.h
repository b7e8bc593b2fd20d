/* SPDX-License-Identifier: MIT */
/*
 * How far content is decoded: content codings of a body (proto/coding.h) and archives
 * (sample/archive.h) alike.
 */
#ifndef SLUICE_LIB_DECODE_LIMITS_H
#define SLUICE_LIB_DECODE_LIMITS_H

#include <stdint.h>

/* Content decoding stops beyond either. */
struct decode_limits {
	uint32_t layers;      /* codings on top of each other, archives in archives */
	uint32_t ratio;	      /* decoded bytes per coded byte, once past ratio_after */
	uint64_t ratio_after; /* decoded bytes below which the ratio is not looked at */
	uint64_t max_size;    /* decoded bytes of one body, or of an archive with all in it */
};

#define DECODE_LIMITS_DEFAULT                                                                  \
	{                                                                                      \
		.layers = 4, .ratio = 2000, .ratio_after = 16ull << 20, .max_size = 1ull << 30 \
	}

#endif
