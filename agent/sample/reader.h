/* SPDX-License-Identifier: MIT */
/*
 * Random access to a file's content, wherever that is.
 */
#ifndef SLUICE_SAMPLE_READER_H
#define SLUICE_SAMPLE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct reader {
	ssize_t (*read)(void *arg, uint64_t offset, void *p, size_t n);
	void *arg;
	uint64_t size;
};

/* Bytes read, short only at the end; -1: error. */
static inline ssize_t reader_read(const struct reader *r, uint64_t offset, void *p, size_t n)
{
	if (offset >= r->size)
		return 0;
	if (n > r->size - offset)
		n = (size_t)(r->size - offset);
	return r->read(r->arg, offset, p, n);
}

#endif
