/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share: an environment for parsers in which files cost little, and
 * the reader of their inputs.
 *
 * Files go to a spool in memory (spool_memory.c), which checks that each is what its hash
 * says; the sink checks that nothing incomplete is called complete.
 */
#ifndef SLUICE_TESTS_FUZZ_FUZZ_H
#define SLUICE_TESTS_FUZZ_FUZZ_H

#include "proto/proto.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What must hold: a message, and a crash that the fuzzer keeps. */
#define MUST(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

struct fuzz_env {
	struct counters counters;
	struct spool *spool;
	struct proto_env proto;
};

void fuzz_env_open(struct fuzz_env *e);
/* Ends shared state and ranges as a source that has no more does; all sessions are freed. */
void fuzz_env_close(struct fuzz_env *e);

/* The input, from front to back; zeros and nothing when it is used up. */
struct fuzz_input {
	const uint8_t *p;
	size_t n;
};

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	uint8_t v = 0;

	if (in->n) {
		v = *in->p++;
		in->n--;
	}
	return v;
}

static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
	uint16_t high = fuzz_u8(in);

	return (uint16_t)(high << 8 | fuzz_u8(in));
}

/* At most n bytes. */
static inline struct fuzz_input fuzz_part(struct fuzz_input *in, size_t n)
{
	struct fuzz_input part = {in->p, n < in->n ? n : in->n};

	in->p += part.n;
	in->n -= part.n;
	return part;
}

/*
 * A copy that ends where its memory ends, so that a byte read beyond is noticed; the caller
 * frees it.  Not NULL.
 */
uint8_t *fuzz_copy(struct fuzz_input in);

#endif
