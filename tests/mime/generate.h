/* SPDX-License-Identifier: MIT */
/*
 * Random mail messages, the same for the same seed.
 */
#ifndef SLUICE_TESTS_MIME_GENERATE_H
#define SLUICE_TESTS_MIME_GENERATE_H

#include "lib/buf.h"

#include <stdint.h>

/* Appends one message. */
void generate(uint64_t seed, struct buf *out);

#endif
