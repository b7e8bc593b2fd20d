// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct ctl_table {
	size_t columns, cells, room;
	const char *const *titles;
	char **cell;
};

void ctl_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fflush(stdout);
	fputs("sluicectl: error: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

int ctl_kernel_error(const struct ctl *ctl)
{
	ctl_error("%s", ctl->kernel.error);
	return CTL_FAILED;
}

static void dump(json_t *value, size_t flags)
{
	json_dumpf(value, stdout, flags | JSON_PRESERVE_ORDER);
	fputc('\n', stdout);
	json_decref(value);
}

int ctl_print_json(json_t *value)
{
	if (!value) {
		ctl_error("out of memory");
		return CTL_FAILED;
	}
	dump(value, JSON_INDENT(2));
	return CTL_OK;
}

void ctl_print_json_line(json_t *value)
{
	dump(value, JSON_COMPACT);
	fflush(stdout);
}

static void *must(void *p)
{
	if (!p) {
		ctl_error("out of memory");
		exit(CTL_FAILED);
	}
	return p;
}

struct ctl_table *ctl_table_new(const char *const *titles, size_t columns)
{
	struct ctl_table *t = must(calloc(1, sizeof(*t)));

	t->titles = titles;
	t->columns = columns;
	return t;
}

void ctl_table_cell(struct ctl_table *t, const char *format, ...)
{
	va_list args;

	if (t->cells == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->cell = must(realloc(t->cell, t->room * sizeof(*t->cell)));
	}
	va_start(args, format);
	if (vasprintf(&t->cell[t->cells], format, args) < 0)
		must(NULL);
	va_end(args);
	t->cells++;
}

/* Columns of the terminal; 0 when standard output is none. */
static size_t terminal_width(void)
{
	struct winsize w;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		return 0;
	return w.ws_col;
}

static void print_row(const struct ctl_table *t, char *const *cell, const size_t *width,
		      size_t most)
{
	size_t used = 0, i;

	for (i = 0; i < t->columns; i++) {
		bool last = i + 1 == t->columns, right = t->titles[i][0] == '>';
		const char *s = cell[i];
		size_t n = strlen(s);

		if (last && most && used + n > most)
			n = most > used ? most - used : 0;
		if (right)
			printf("%*.*s", (int)width[i], (int)n, s);
		else if (last)
			printf("%.*s", (int)n, s);
		else
			printf("%-*s", (int)width[i], s);
		used += width[i] + 2;
		fputs(last ? "\n" : "  ", stdout);
	}
}

void ctl_table_print(struct ctl_table *t)
{
	size_t *width = must(calloc(t->columns, sizeof(*width)));
	char **title = must(calloc(t->columns, sizeof(*title)));
	size_t most = terminal_width(), i;

	for (i = 0; i < t->columns; i++) {
		title[i] = (char *)t->titles[i] + (t->titles[i][0] == '>');
		width[i] = strlen(title[i]);
	}
	for (i = 0; i < t->cells; i++) {
		size_t n = strlen(t->cell[i]);

		if (n > width[i % t->columns])
			width[i % t->columns] = n;
	}
	print_row(t, title, width, most);
	for (i = 0; i + t->columns <= t->cells; i += t->columns)
		print_row(t, t->cell + i, width, most);
	for (i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	free(title);
	free(width);
	free(t);
}
