/* SPDX-License-Identifier: MIT */
/*
 * Media types of what the table of file types has no word for: libmagic's answer on the
 * first bytes.  No rule depends on it, and without its database it has none.
 */
#ifndef SLUICE_SAMPLE_MEDIA_H
#define SLUICE_SAMPLE_MEDIA_H

#include "sample/type.h"

#include <stddef.h>

struct media;

/* Reads the database, so before the sandbox.  NULL after a warning: it has none. */
struct media *media_open(void);
void media_close(struct media *m);
/* By the first n bytes, of which FILE_TYPE_HEAD are looked at; "" when it has no answer. */
void media_type(struct media *m, const void *head, size_t n,
		char format[static FILE_FORMAT_MAX]);

#endif
