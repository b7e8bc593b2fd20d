/* SPDX-License-Identifier: MIT */
/*
 * Texts as they were seen: bytes of any kind, made comparable and printable.
 */
#ifndef SLUICE_POLICY_TEXT_H
#define SLUICE_POLICY_TEXT_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Appends n bytes as UTF-8 (RFC 3629): every byte that is part of no valid
 * sequence becomes U+FFFD.  NUL is dropped.
 */
bool text_add_utf8(struct buf *out, const char *p, size_t n);

/*
 * Undoes percent-encoding (RFC 3986 §2.1) once; a % without two hex digits stays.
 * out has room for n bytes.  origin, where not NULL, gets for every byte of out
 * the index of its first byte in p, composed with from where that is not NULL:
 * from[i] is where byte i of p itself came from.  Returns the bytes written.
 */
size_t text_percent_decode(const char *p, size_t n, const uint32_t *from, char *out,
			   uint32_t *origin);

/*
 * First place of the n bytes at needle in text, ASCII case ignored, '+' and ' '
 * alike.  token: only where no letter or digit stands directly before or behind.
 * SIZE_MAX: nowhere.
 */
size_t text_find(const char *text, size_t length, const char *needle, size_t n, bool token);

#endif
