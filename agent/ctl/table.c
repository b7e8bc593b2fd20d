// SPDX-License-Identifier: MIT
#include "ctl/table.h"

#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2
#define CELL_MAX (1u << 20)

struct cell {
	char *text;
	size_t width;
	enum ctl_colour colour;
};

struct ctl_table {
	size_t columns, cells, room;
	const char *const *titles;
	struct ctl_column *how;
	size_t *wanted; /* the widest cell of each column so far */
	bool *used;	/* a column has a cell that says something */
	bool titled;	/* the titles are printed */
	struct cell *cell;
};

/* ------------------------------------------------------------------ colours */

static enum { AUTO, ALWAYS, NEVER } colour_when;

bool ctl_colour_set(const char *when)
{
	static const char *const names[] = {"auto", "always", "never"};

	for (unsigned int i = 0; i < 3; i++) {
		if (strcmp(names[i], when))
			continue;
		colour_when = i;
		return true;
	}
	return false;
}

static bool colourful(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	if (colour_when != AUTO)
		return colour_when == ALWAYS;
	return isatty(STDOUT_FILENO) && !(no && *no) && term && *term && strcmp(term, "dumb");
}

const char *ctl_colour(enum ctl_colour colour)
{
	static const char *const codes[] = {[COLOUR_NONE] = "",
					    [COLOUR_BOLD] = "\033[1m",
					    [COLOUR_RED] = "\033[31m",
					    [COLOUR_GREEN] = "\033[32m",
					    [COLOUR_YELLOW] = "\033[33m"};

	return colourful() ? codes[colour] : "";
}

const char *ctl_colour_end(void)
{
	return colourful() ? "\033[0m" : "";
}

/* -------------------------------------------------------------------- cells */

static void *must(void *p)
{
	if (!p) {
		ctl_error("out of memory");
		exit(CTL_FAILED);
	}
	return p;
}

static const char *title(const struct ctl_table *t, size_t i)
{
	return t->titles[i] + (t->titles[i][0] == '>');
}

struct ctl_table *ctl_table_new(const char *const *titles, size_t columns)
{
	static const struct ctl_column last = {.rank = 2, .least = 16, .stays = true};
	static const struct ctl_column left = {.rank = 1, .least = 8, .stays = true};
	struct ctl_table *t = must(calloc(1, sizeof(*t)));
	size_t i;

	t->titles = titles;
	t->columns = columns;
	t->how = must(calloc(columns, sizeof(*t->how)));
	t->wanted = must(calloc(columns, sizeof(*t->wanted)));
	t->used = must(calloc(columns, sizeof(*t->used)));
	for (i = 0; i < columns; i++) {
		t->wanted[i] = display_width(title(t, i));
		if (titles[i][0] != '>')
			t->how[i] = i + 1 < columns ? left : last;
	}
	return t;
}

void ctl_table_columns(struct ctl_table *t, const struct ctl_column *how)
{
	memcpy(t->how, how, t->columns * sizeof(*how));
}

void ctl_table_cell(struct ctl_table *t, const char *format, ...)
{
	size_t column = t->cells % t->columns;
	struct buf clean;
	struct cell *c;
	char *text;
	va_list args;

	if (t->cells == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->cell = must(realloc(t->cell, t->room * sizeof(*t->cell)));
	}
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		must(NULL);
	va_end(args);
	buf_init(&clean, CELL_MAX);
	c = &t->cell[t->cells++];
	c->width = display_clean(&clean, text, strlen(text));
	c->colour = COLOUR_NONE;
	c->text = must(strdup(must((void *)buf_string(&clean))));
	if (c->width > t->wanted[column])
		t->wanted[column] = c->width;
	if (strcmp(text, "-") && *text)
		t->used[column] = true;
	buf_free(&clean);
	free(text);
}

void ctl_table_colour(struct ctl_table *t, enum ctl_colour colour)
{
	if (t->cells)
		t->cell[t->cells - 1].colour = colour;
}

/* ----------------------------------------------------------------- printing */

size_t ctl_terminal_width(void)
{
	struct winsize w;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		return 0;
	return w.ws_col;
}

static size_t total(const size_t *width, size_t columns)
{
	size_t sum = 0;

	for (size_t i = 0; i < columns; i++)
		if (width[i])
			sum += width[i] + (sum ? GAP : 0);
	return sum;
}

/* The widest column of a rank that may still be cut; `columns`: none. */
static size_t widest(const struct ctl_column *how, const size_t *width, size_t columns,
		     unsigned int rank)
{
	size_t found = columns, i;

	for (i = 0; i < columns; i++)
		if (how[i].rank == rank && width[i] > how[i].least &&
		    (found == columns || width[i] > width[found]))
			found = i;
	return found;
}

/* Cuts, the highest rank first. */
static void cut(const struct ctl_column *how, size_t *width, size_t columns, size_t most)
{
	unsigned int rank = 0;
	size_t i, which;

	for (i = 0; i < columns; i++)
		if (how[i].rank > rank)
			rank = how[i].rank;
	for (; rank; rank--)
		while (total(width, columns) > most &&
		       (which = widest(how, width, columns, rank)) < columns)
			width[which]--;
}

void ctl_table_fit(const struct ctl_column *how, size_t *width, size_t columns, size_t most)
{
	size_t i, out, wanted[CTL_COLUMNS_MAX];

	if (!most || columns > CTL_COLUMNS_MAX)
		return;
	memcpy(wanted, width, columns * sizeof(*width));
	for (;;) {
		memcpy(width, wanted, columns * sizeof(*width));
		cut(how, width, columns, most);
		if (total(width, columns) <= most)
			return;
		out = columns;
		for (i = 0; i < columns; i++)
			if (wanted[i] && how[i].rank && !how[i].stays &&
			    (out == columns || how[i].rank > how[out].rank))
				out = i;
		if (out == columns)
			return;
		wanted[out] = 0;
	}
}

static void spaces(size_t n)
{
	printf("%*s", (int)n, "");
}

static void print_cell(const struct ctl_table *t, size_t i, const struct cell *c, size_t width,
		       bool last)
{
	bool right = t->titles[i][0] == '>';
	struct buf fitted;
	size_t used;

	buf_init(&fitted, CELL_MAX);
	used = display_fit(&fitted, c->text, width, t->how[i].cut);
	if (right && used < width)
		spaces(width - used);
	if (c->colour)
		fputs(ctl_colour(c->colour), stdout);
	fputs(must((void *)buf_string(&fitted)), stdout);
	if (c->colour)
		fputs(ctl_colour_end(), stdout);
	if (!right && !last && used < width)
		spaces(width - used);
	buf_free(&fitted);
}

static void print_row(const struct ctl_table *t, const struct cell *cell, const size_t *width,
		      size_t most)
{
	size_t used = 0, last = 0, i, room;

	for (i = 0; i < t->columns; i++)
		if (width[i])
			last = i;
	for (i = 0; i < t->columns; i++) {
		if (!width[i])
			continue;
		if (used) {
			used += GAP;
			if (most && used >= most)
				break;
			spaces(GAP);
		}
		room = most && width[i] > most - used ? most - used : width[i];
		print_cell(t, i, &cell[i], room, i == last);
		used += room;
	}
	fputc('\n', stdout);
}

static void widths(const struct ctl_table *t, size_t most, size_t *width)
{
	size_t i;

	for (i = 0; i < t->columns; i++) {
		const struct ctl_column *h = &t->how[i];

		width[i] = t->wanted[i] > h->usual ? t->wanted[i] : h->usual;
		if (most && h->optional && !h->usual && !t->used[i])
			width[i] = 0;
	}
	ctl_table_fit(t->how, width, t->columns, most);
}

static void print_titles(struct ctl_table *t, const size_t *width, size_t most)
{
	struct cell *cell = must(calloc(t->columns, sizeof(*cell)));

	for (size_t i = 0; i < t->columns; i++) {
		cell[i].text = (char *)title(t, i);
		cell[i].colour = COLOUR_BOLD;
	}
	print_row(t, cell, width, most);
	free(cell);
	t->titled = true;
}

void ctl_table_flush(struct ctl_table *t)
{
	size_t *width = must(calloc(t->columns, sizeof(*width)));
	size_t most = ctl_terminal_width(), i;

	widths(t, most, width);
	if (!t->titled)
		print_titles(t, width, most);
	for (i = 0; i + t->columns <= t->cells; i += t->columns)
		print_row(t, t->cell + i, width, most);
	for (i = 0; i < t->cells; i++)
		free(t->cell[i].text);
	t->cells = 0;
	free(width);
}

void ctl_table_print(struct ctl_table *t)
{
	ctl_table_flush(t);
	ctl_table_free(t);
}

void ctl_table_free(struct ctl_table *t)
{
	for (size_t i = 0; i < t->cells; i++)
		free(t->cell[i].text);
	free(t->cell);
	free(t->how);
	free(t->wanted);
	free(t->used);
	free(t);
}
