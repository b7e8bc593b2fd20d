// SPDX-License-Identifier: MIT
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <jansson.h>

#include "bytes.h"

#define TABLE_ROWS_MAX 4   /* lines in one cell; what is longer ends in an ellipsis */
#define TABLE_CELL_MIN 14  /* narrower columns are not worth having */
#define TABLE_CELL_GOOD 22 /* not made narrower for the sake of one more column */
#define TABLE_CELL_MAX 34
#define TABLE_ABSENT "\xe2\x80\x94" /* em dash */
#define TABLE_ELLIPSIS "\xe2\x80\xa6"
#define TABLE_SHORT 12 /* digits of a hash */

enum table_when {
	TABLE_ALWAYS,
	TABLE_IF_ANY, /* the row is left out where no submission has it */
};

/*
 * Rows: the label is the field's name where it is one of the twelve. The path leads into
 * the log entry; keys are separated by slashes as ECS names contain dots.
 */
static const struct table_row {
	const char *label;
	const char *path;
	enum table_when when;
} table_rows[] = {
	{"sample", "file/sha256", TABLE_ALWAYS},
	{"size", "file/size", TABLE_ALWAYS},
	{"answer", "status", TABLE_ALWAYS},
	{"fault", "fault", TABLE_IF_ANY},
	{"direction", "session/sluice/direction", TABLE_ALWAYS},
	{"source_ip", "session/source/ip", TABLE_ALWAYS},
	{"  after NAT", "session/source/nat/ip", TABLE_IF_ANY},
	{"source_port", "session/source/port", TABLE_ALWAYS},
	{"  after NAT", "session/source/nat/port", TABLE_IF_ANY},
	{"destination_ip", "session/destination/ip", TABLE_ALWAYS},
	{"  after NAT", "session/destination/nat/ip", TABLE_IF_ANY},
	{"destination_port", "session/destination/port", TABLE_ALWAYS},
	{"  after NAT", "session/destination/nat/port", TABLE_IF_ANY},
	{"virtual_system", "session/sluice/virtual_system", TABLE_ALWAYS},
	{"application", "session/network/application", TABLE_ALWAYS},
	{"user", "session/user/name", TABLE_ALWAYS},
	{"url", "session/url/original", TABLE_ALWAYS},
	{"filename", "session/file/name", TABLE_ALWAYS},
	{"  in the upload", "file/name", TABLE_ALWAYS},
	{"email_sender", "session/email/from/address", TABLE_ALWAYS},
	{"email_recipient", "session/email/to/address", TABLE_ALWAYS},
	{"email_subject", "session/email/subject", TABLE_ALWAYS},
};

#define TABLE_ROWS (sizeof(table_rows) / sizeof(table_rows[0]))

/* Where to break and how far: display cells of the character at @p, its bytes in @size. */
static int table_char(const char *p, size_t n, size_t *size)
{
	wchar_t wide;
	size_t k = bytes_utf8(p, n);
	int width;

	*size = k ? k : 1;
	if (!k || mbtowc(&wide, p, k) <= 0)
		return -1;
	width = wcwidth(wide);
	return width;
}

/*
 * A text in UTF-8 as it may be shown to a terminal: what cannot be printed (control
 * characters above all: the text came from a stranger) becomes '?'.
 */
static void table_clean(struct bytes *out, const char *text)
{
	size_t n = strlen(text), size;

	for (size_t i = 0; i < n; i += size) {
		if (table_char(text + i, n - i, &size) < 0)
			bytes_text(out, "?");
		else
			bytes_add(out, text + i, size);
	}
}

/*
 * The value at @path. jansson's objects may be nested ("source": {"ip": ..}) or have dotted
 * keys ("source.ip": ..), ECS allows both: try the longest dotted key first.
 */
static const json_t *table_lookup(const json_t *object, const char *path)
{
	const char *end = path + strlen(path);

	while (end > path) {
		char key[64];
		size_t n = (size_t)(end - path);
		const json_t *value;

		if (n < sizeof(key)) {
			for (size_t i = 0; i < n; i++)
				key[i] = path[i] == '/' ? '.' : path[i];
			key[n] = '\0';
			value = json_object_get(object, key);
			if (value && !*end)
				return value;
			value = value ? table_lookup(value, end + 1) : NULL;
			if (value)
				return value;
		}
		for (end--; end > path && *end != '/';)
			end--;
	}
	return NULL;
}

static void table_value(struct bytes *out, const json_t *value)
{
	const json_t *item;
	size_t i;

	if (json_is_string(value)) {
		table_clean(out, json_string_value(value));
	} else if (json_is_integer(value)) {
		bytes_printf(out, "%lld", (long long)json_integer_value(value));
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, item)
		{
			if (i)
				bytes_text(out, ", ");
			table_value(out, item);
		}
	} else if (value && !json_is_null(value)) {
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		table_clean(out, text ? text : "?");
		free(text);
	}
}

static char *table_cell(const json_t *entry, const struct table_row *row)
{
	struct bytes text;
	char *cell;

	bytes_init(&text, 65536);
	table_value(&text, table_lookup(entry, row->path));
	if (!text.len)
		bytes_text(&text, TABLE_ABSENT);
	else if (!strcmp(row->path, "file/sha256") && text.len > TABLE_SHORT)
		text.len = TABLE_SHORT;
	cell = bytes_dup(text.data, text.len);
	bytes_free(&text);
	return cell;
}

static unsigned int table_width(const char *text)
{
	size_t n = strlen(text), size;
	unsigned int width = 0;

	for (size_t i = 0; i < n; i += size) {
		int w = table_char(text + i, n - i, &size);

		width += w > 0 ? (unsigned int)w : 0;
	}
	return width;
}

/* Print the next line of *@text padded to @width; moves it. @last: nothing may follow. */
static void table_line(const char **text, unsigned int width, bool last)
{
	bool cut = last && table_width(*text) > width;
	unsigned int room = cut ? width - 1 : width, used = 0;
	size_t n = strlen(*text), size;
	const char *p = *text;

	while (n) {
		int w = table_char(p, n, &size);

		if (w > 0 && used + (unsigned int)w > room)
			break;
		fwrite(p, 1, size, stdout);
		used += w > 0 ? (unsigned int)w : 0;
		p += size;
		n -= size;
	}
	if (cut) {
		fputs(TABLE_ELLIPSIS, stdout);
		used++;
	}
	*text = p;
	printf("%*s", (int)(width - used), "");
}

static void table_rule(unsigned int label, unsigned int width, size_t nr)
{
	unsigned int dashes = label + (unsigned int)nr * (width + 3);

	while (dashes--)
		fputs("\xe2\x94\x80", stdout);
	putchar('\n');
}

static void table_print_row(const char *label, unsigned int label_width, const char **cell,
			    size_t nr, unsigned int width)
{
	for (unsigned int line = 0; line < TABLE_ROWS_MAX; line++) {
		bool more = false;

		for (size_t i = 0; i < nr; i++)
			more |= cell[i][0] != '\0';
		if (!more)
			return;
		printf("%-*s", (int)label_width, line ? "" : label);
		for (size_t i = 0; i < nr; i++) {
			fputs(" \xe2\x94\x82 ", stdout);
			table_line(&cell[i], width, line == TABLE_ROWS_MAX - 1);
		}
		putchar('\n');
	}
}

static bool table_any(json_t *const *entry, size_t nr, const struct table_row *row)
{
	for (size_t i = 0; i < nr; i++) {
		const json_t *value = table_lookup(entry[i], row->path);

		if (value && !json_is_null(value))
			return true;
	}
	return false;
}

/* Submissions @first to @first + @nr side by side. */
static void table_block(json_t *const *entry, size_t first, size_t nr, unsigned int label_width,
			unsigned int width)
{
	const char **cell = bytes_alloc(nr * sizeof(*cell));
	char **own = bytes_alloc(nr * sizeof(*own));

	printf("%-*s", (int)label_width, "");
	for (size_t i = 0; i < nr; i++)
		printf(" \xe2\x94\x82 #%-*zu", (int)width - 1, first + i + 1);
	putchar('\n');
	table_rule(label_width, width, nr);
	for (size_t r = 0; r < TABLE_ROWS; r++) {
		if (table_rows[r].when == TABLE_IF_ANY && !table_any(entry, nr, &table_rows[r]))
			continue;
		for (size_t i = 0; i < nr; i++)
			cell[i] = own[i] = table_cell(entry[i], &table_rows[r]);
		table_print_row(table_rows[r].label, label_width, cell, nr, width);
		for (size_t i = 0; i < nr; i++)
			free(own[i]);
	}
	free(cell);
	free(own);
}

static unsigned int table_columns(void)
{
	const char *env = getenv("COLUMNS");
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return env && atoi(env) > 0 ? (unsigned int)atoi(env) : 100;
}

/*
 * How many submissions stand side by side, and how wide. The widest cell decides, within
 * reason; where narrower columns bring more of them next to each other, long cells wrap.
 */
static size_t table_fit(json_t *const *entry, size_t nr, unsigned int label_width,
			unsigned int columns, unsigned int *width)
{
	unsigned int room = columns > label_width ? columns - label_width : 0;
	unsigned int need = TABLE_CELL_MIN;
	size_t fit = room / (TABLE_CELL_GOOD + 3);

	for (size_t r = 0; r < TABLE_ROWS; r++) {
		for (size_t i = 0; i < nr; i++) {
			char *cell = table_cell(entry[i], &table_rows[r]);
			unsigned int w = table_width(cell);

			free(cell);
			need = w > need ? w : need;
		}
	}
	need = need > TABLE_CELL_MAX ? TABLE_CELL_MAX : need;
	if (fit < room / (need + 3))
		fit = room / (need + 3);
	fit = fit > nr ? nr : fit;
	fit = fit ? fit : 1;
	*width = (unsigned int)(room / fit);
	*width = *width > TABLE_CELL_MIN + 3 ? *width - 3 : TABLE_CELL_MIN;
	*width = *width > need ? need : *width;
	return fit;
}

int table_print(const char *path, long from, unsigned int columns)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	json_t *list = json_array(), **entry;
	unsigned int label_width = 0, width;
	size_t nr = 0, number = 0, room = 0, fit;
	char *line = NULL;
	int status = EXIT_SUCCESS;

	if (!file) {
		perror(path);
		json_decref(list);
		return EXIT_FAILURE;
	}
	setlocale(LC_CTYPE, "C.UTF-8");
	while (getline(&line, &room, file) > 0) {
		json_error_t error;
		json_t *object = json_loads(line, 0, &error);
		const char *request;

		number++;
		if (!json_is_object(object)) {
			fprintf(stderr, "%s:%zu: not a line of a request log: %s\n", path,
				number, object ? "object expected" : error.text);
			json_decref(object);
			status = EXIT_FAILURE;
			continue;
		}
		request = json_string_value(json_object_get(object, "path"));
		if (request && !strcmp(request, "/publicapi/submit/file") &&
		    json_integer_value(json_object_get(object, "seq")) >= from)
			json_array_append(list, object);
		json_decref(object);
	}
	free(line);
	if (file != stdin)
		fclose(file);

	nr = json_array_size(list);
	entry = bytes_alloc((nr + 1) * sizeof(*entry));
	for (size_t i = 0; i < nr; i++)
		entry[i] = json_array_get(list, i);
	for (size_t r = 0; r < TABLE_ROWS; r++) {
		unsigned int w = (unsigned int)strlen(table_rows[r].label);

		label_width = w > label_width ? w : label_width;
	}
	columns = columns ? columns : table_columns();
	fit = table_fit(entry, nr, label_width, columns, &width);
	if (!nr && status == EXIT_SUCCESS)
		puts("No submission.");
	for (size_t i = 0; i < nr; i += fit) {
		if (i)
			putchar('\n');
		table_block(entry + i, i, nr - i < fit ? nr - i : fit, label_width, width);
	}
	free(entry);
	json_decref(list);
	return status;
}
