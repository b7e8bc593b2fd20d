/* SPDX-License-Identifier: MIT */
/*
 * Tables.  As wide as their widest cells; on a terminal they fit its width: columns
 * are cut, then left out, as far as each allows.  Cells are made harmless
 * (lib/display.h), so any text may be given.
 */
#ifndef SLUICE_CTL_TABLE_H
#define SLUICE_CTL_TABLE_H

#include "lib/display.h"

#include <stdbool.h>
#include <stddef.h>

enum ctl_colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW };

/* How a column gives way where there is no room. */
struct ctl_column {
	/*
	 * The larger, the sooner it gives way: is cut as far as `least`, and when all are that
	 * narrow and there is still no room, is left out.  0: it does not.
	 */
	unsigned int rank;
	size_t least; /* columns, 1 or more */
	bool stays;   /* is cut, but not left out */
	enum display_cut cut;
	size_t usual;  /* columns that it gets at first where rows come one by one */
	bool optional; /* left out of a terminal's table where every cell is "-" */
};

/*
 * Titles stay the caller's; a column whose title starts with '>' is set to the right (without
 * the '>').  Unless ctl_table_columns() says otherwise, columns set to the left are cut: the
 * last one first, then whichever is the widest.
 */
#define CTL_COLUMNS_MAX 32
struct ctl_table;
struct ctl_table *ctl_table_new(const char *const *titles, size_t columns);
/* Of every column, in their order. */
void ctl_table_columns(struct ctl_table *t, const struct ctl_column *how);
void ctl_table_cell(struct ctl_table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Of the cell that was given last. */
void ctl_table_colour(struct ctl_table *t, enum ctl_colour colour);
/* Prints the rows so far, the titles before the first; more may come. */
void ctl_table_flush(struct ctl_table *t);
/* The same, and frees it. */
void ctl_table_print(struct ctl_table *t);
void ctl_table_free(struct ctl_table *t);

/* Columns of the terminal; 0 when standard output is none. */
size_t ctl_terminal_width(void);
/* auto, always or never; false: none of them. */
bool ctl_colour_set(const char *when);
/* What begins a colour, and ends every one; "" where there are none. */
const char *ctl_colour(enum ctl_colour colour);
const char *ctl_colour_end(void);

/*
 * Widths for a table in `most` columns (0: no limit): width[i] is what a column wants, and then
 * what it gets; 0: left out.  Two columns lie between two.
 */
void ctl_table_fit(const struct ctl_column *how, size_t *width, size_t columns, size_t most);

#endif
