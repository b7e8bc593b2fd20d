/* SPDX-License-Identifier: MIT */
/*
 * The headers of a 7z archive (7zFormat.txt of the LZMA SDK), as far as they tell whether it
 * needs a password.  Nothing is unpacked but the header itself, which is packed in most.
 */
#ifndef SLUICE_SAMPLE_SEVENZIP_H
#define SLUICE_SAMPLE_SEVENZIP_H

#include "sample/reader.h"

#include <stdint.h>

/* Bits of enum file_trait: ENCRYPTED, MULTI_PART. */
uint32_t sevenzip_traits(const struct reader *r);

#endif
