/* SPDX-License-Identifier: MIT */
/*
 * Files inside a text: uuencode (POSIX) and yEnc (yEnc 1.3), taken out of it.  Any number, in
 * pieces of any size; nothing is kept but a line.
 */
#ifndef SLUICE_MIME_TEXT_FILE_H
#define SLUICE_MIME_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_file;

/* Valid during the call. */
struct text_file_begin {
	const char *name; /* bytes as they are there */
	size_t name_len;
	bool yenc;
	/* yEnc: of the whole file, and where this part of it begins. */
	uint64_t size;
	uint64_t offset;
	uint32_t total; /* parts; 0: it is not in parts */
};

struct text_file_ops {
	void (*text)(void *arg, const uint8_t *p, size_t n);
	void (*begin)(void *arg, const struct text_file_begin *begin);
	void (*data)(void *arg, const uint8_t *p, size_t n);
	/*
	 * good: all of it came and its checks hold.  crc: of the whole file, if the last
	 * part tells it.
	 */
	void (*end)(void *arg, bool good, const uint32_t *crc);
};

/* NULL when out of memory. */
struct text_file *text_file_new(const struct text_file_ops *ops, void *arg);
void text_file_data(struct text_file *t, const uint8_t *p, size_t n);
/* Ends what is open; frees t. */
void text_file_close(struct text_file *t);

#endif
