/* SPDX-License-Identifier: MIT */
/*
 * Texts of strangers on somebody's terminal: made harmless, measured and cut in
 * columns.
 *
 * Nothing of a text may control the terminal or deceive its reader: control characters
 * (C0, DEL, C1), bytes that are no UTF-8, characters that turn the direction of the text, are
 * invisible, or that the C library does not know are written as \n, \x1b, \u202e.
 * Combining characters stay with the character they belong to, a few of them at most.
 */
#ifndef SLUICE_LIB_DISPLAY_H
#define SLUICE_LIB_DISPLAY_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads the locale.  Where it has no UTF-8, terminal says whether output goes to
 * one, which then gets ASCII only ('?' for the rest); else UTF-8 is written.
 */
void display_init(bool terminal);
/* Whether more than ASCII can be shown. */
bool display_unicode(void);

/* Appends n bytes at p, harmless; returns the columns they take. */
size_t display_clean(struct buf *out, const char *p, size_t n);
/* Columns of a text that was cleaned. */
size_t display_width(const char *clean);

enum display_cut { DISPLAY_CUT_END, DISPLAY_CUT_MIDDLE };
/*
 * Appends a cleaned text in `columns` columns at most, with an ellipsis for what was left out;
 * returns how many it takes.
 */
size_t display_fit(struct buf *out, const char *clean, size_t columns, enum display_cut cut);

#endif
