/* SPDX-License-Identifier: MIT */
/*
 * A byte buffer with a hard limit, given when it is made.
 *
 * Memory is allocated when first needed.  Adding beyond the limit, or out of
 * memory, fails and sets `failed`, which stays until buf_reset(), so a chain
 * of additions needs one check at its end.
 */
#ifndef SLUICE_LIB_BUF_H
#define SLUICE_LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t len;
	size_t room;
	size_t max;
	bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);  /* leaves an empty buffer with the same limit */
void buf_reset(struct buf *b); /* empty, memory kept */
bool buf_add(struct buf *b, const void *p, size_t n);
bool buf_add_string(struct buf *b, const char *s);
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* NUL terminated view, owned by the buffer; "" when empty or failed. */
const char *buf_string(struct buf *b);

#endif
