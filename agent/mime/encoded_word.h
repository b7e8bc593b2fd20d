/* SPDX-License-Identifier: MIT */
/*
 * Header text with encoded words (RFC 2047, and the language of RFC 2231 §5), to UTF-8.
 */
#ifndef SLUICE_MIME_ENCODED_WORD_H
#define SLUICE_MIME_ENCODED_WORD_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Appends the text at p to out, decoded.  Blanks between encoded words go; neighbours of
 * one charset are decoded together, since senders split characters between them.  As
 * clients do, words are found inside quotes and without blanks around them, and may hold
 * blanks.  What is in no word is UTF-8 where that is valid, else windows-1252.  Control
 * characters become blanks.  False when out has no room.
 */
bool encoded_word_decode(const char *p, size_t n, struct buf *out);

#endif
