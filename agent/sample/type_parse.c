// SPDX-License-Identifier: MIT
/*
 * The table of file types read from its text form, which file_types.conf describes.
 */
#include "lib/built_in.h"
#include "lib/log.h"
#include "lib/size.h"
#include "sample/type_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE_BYTES_MAX (256u << 10)
#define LINE_WORDS_MAX (TYPE_STRINGS_MAX + 8)
#define BUILT_IN_NAME "file_types.conf (built in)"

BUILT_IN(file_types_conf, "agent/sample/file_types.conf");

struct word {
	char text[TYPE_STRING_MAX + 1]; /* ended by a NUL, and may have others */
	size_t n;
	bool quoted;
};

struct table_parse {
	const char *name;
	unsigned int line;
	unsigned int errors;
	struct file_types *t;
	struct word word[LINE_WORDS_MAX];
	size_t words;
};

__attribute__((format(printf, 2, 3))) static bool bad(struct table_parse *p, const char *format,
						      ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (p->line)
		log_error("%s:%u: %s", p->name, p->line, text);
	else
		log_error("%s: %s", p->name, text);
	p->errors++;
	return false;
}

/* ------------------------------------------------------------------- words */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character behind a backslash; 0: that is none.  Otherwise how long it was. */
static size_t unescape(const char *p, const char *end, char *to)
{
	static const char from[] = "\\\"nrt", into[] = "\\\"\n\r\t";
	const char *at;

	if (p == end)
		return 0;
	if (*p == 'x') {
		if (end - p < 3 || hex(p[1]) < 0 || hex(p[2]) < 0)
			return 0;
		*to = (char)(hex(p[1]) << 4 | hex(p[2]));
		return 3;
	}
	at = *p ? strchr(from, *p) : NULL;
	if (!at)
		return 0;
	*to = into[at - from];
	return 1;
}

/* A word at p, which is not blank.  Returns where it ends; NULL after an error. */
static const char *take_word(struct table_parse *p, const char *at, const char *end,
			     struct word *w)
{
	size_t n;
	char c;

	w->n = 0;
	w->quoted = *at == '"';
	for (at += w->quoted; at < end; at++) {
		c = *at;
		if (w->quoted ? c == '"' : c == ' ' || c == '\t')
			break;
		if (w->quoted && c == '\\') {
			n = unescape(at + 1, end, &c);
			if (!n) {
				bad(p, "expected one of \\\\ \\\" \\n \\r \\t \\xNN behind \\");
				return NULL;
			}
			at += n;
		}
		if (w->n == TYPE_STRING_MAX) {
			bad(p, "expected %d bytes at most in a word", TYPE_STRING_MAX);
			return NULL;
		}
		w->text[w->n++] = c;
	}
	w->text[w->n] = '\0';
	if (!w->quoted)
		return at;
	if (at == end) {
		bad(p, "expected '\"' at the end of '%s'", w->text);
		return NULL;
	}
	if (!w->n) {
		bad(p, "expected something between '\"' and '\"'");
		return NULL;
	}
	return at + 1;
}

static bool split(struct table_parse *p, const char *at, const char *end)
{
	p->words = 0;
	while (at && at < end) {
		if (*at == ' ' || *at == '\t' || *at == '\r') {
			at++;
			continue;
		}
		if (*at == '#')
			break;
		if (p->words == LINE_WORDS_MAX)
			return bad(p, "expected %d words at most", LINE_WORDS_MAX);
		at = take_word(p, at, end, &p->word[p->words++]);
	}
	return at;
}

/* ------------------------------------------------------------------- types */

static bool is_name(const struct word *w)
{
	if (w->quoted || !w->n || w->n >= TYPE_NAME_MAX)
		return false;
	for (size_t i = 0; i < w->n; i++) {
		char c = w->text[i], low = (char)(c | 0x20);

		if ((low < 'a' || low > 'z') && (c < '0' || c > '9') && c != '-')
			return false;
	}
	return strcmp(w->text, "any") != 0 && strcmp(w->text, "other") != 0;
}

/* Goes to terminals and into JSON as it is. */
static bool is_printable(const struct word *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->text[i] < ' ' || w->text[i] > '~')
			return false;
	return true;
}

/* The text at the end, if there is one; what is left is limits. */
static bool take_what(struct table_parse *p, struct type *type)
{
	const struct word *w = &p->word[p->words - 1];

	if (!w->quoted)
		return true;
	if (w->n >= TYPE_WHAT_MAX || !is_printable(w))
		return bad(p, "type %s: expected a text of 1 to %d printable ASCII characters",
			   type->name, TYPE_WHAT_MAX - 1);
	memcpy(type->what, w->text, w->n + 1);
	p->words--;
	return true;
}

static bool take_limits(struct table_parse *p, struct type *type)
{
	uint64_t *n[] = {&type->limit, &type->min, &type->max};

	if (p->words == 3 && strcmp(p->word[2].text, "-") == 0) {
		type->limit = type->max = UINT64_MAX;
		return true;
	}
	if (p->words != 5)
		return bad(p, "type %s: expected '-', or three sizes: default, least, most",
			   type->name);
	for (size_t i = 0; i < 3; i++)
		if (!size_parse(p->word[2 + i].text, true, n[i]) || !*n[i])
			return bad(p,
				   "type %s: '%s': expected a number of bytes, or with K, M "
				   "or G",
				   type->name, p->word[2 + i].text);
	if (type->min > type->limit || type->limit > type->max)
		return bad(p, "type %s: expected its default between the least and the most",
			   type->name);
	return true;
}

/* type NAME DEFAULT LEAST MOST "WHAT" */
static bool take_type(struct table_parse *p)
{
	struct type *type = &p->t->type[p->t->count];

	if (p->words < 2 || !is_name(&p->word[1]))
		return bad(p,
			   "expected a name behind 'type', of 1 to %d letters, digits and '-'",
			   TYPE_NAME_MAX - 1);
	if (file_types_find(p->t, p->word[1].text) < FILE_TYPES_MAX)
		return bad(p, "type %s: expected each type once", p->word[1].text);
	if (p->t->count == FILE_TYPES_MAX)
		return bad(p, "expected %d types at most", FILE_TYPES_MAX);
	memset(type, 0, sizeof(*type));
	memcpy(type->name, p->word[1].text, p->word[1].n + 1);
	/* Counted in any case: what names it later is no further error. */
	p->t->count++;
	return take_what(p, type) && take_limits(p, type);
}

/* -------------------------------------------------------------------- rows */

static bool parse_offset(const char *text, const char **end, int64_t *n)
{
	char *stop;

	errno = 0;
	*n = strtoll(text, &stop, 0);
	*end = stop;
	return stop != text && !errno;
}

static bool take_magic(struct table_parse *p, struct type_row *row, size_t *next)
{
	const struct word *w = &p->word[*next];
	const char *end = NULL;
	bool good = *next < p->words && !w->quoted && parse_offset(w->text, &end, &row->from);

	row->to = row->from;
	if (good && row->from >= 0 && *end == '-')
		good = parse_offset(end + 1, &end, &row->to);
	if (!good || *end || row->to < row->from || row->to - row->from > FILE_TYPE_HEAD)
		return bad(p,
			   "magic: expected an offset (0, 257), a range (0-1023) or an offset "
			   "from the end (-512)");
	(*next)++;
	return true;
}

static bool take_need(struct table_parse *p, struct type_row *row, size_t *next)
{
	uint64_t n;

	if (*next >= p->words || !size_parse(p->word[*next].text, false, &n) || !n ||
	    n > TYPE_STRINGS_MAX)
		return bad(p, "words: expected how many of them, 1 to %d", TYPE_STRINGS_MAX);
	row->need = (unsigned int)n;
	(*next)++;
	return true;
}

/* How a type is recognised; min and max: strings that follow. */
static const struct method {
	const char *name;
	type_fits *fits;
	size_t min, max;
	bool (*take)(struct table_parse *p, struct type_row *row, size_t *next);
	bool zip;
} methods[] = {
	{"magic", type_fits_magic, 1, 1, take_magic, false},
	{"member", type_fits_member, 1, TYPE_STRINGS_MAX, NULL, true},
	{"appended", type_fits_appended, 1, TYPE_STRINGS_MAX, NULL, true},
	{"ole", type_fits_ole, 1, 1, NULL, false},
	{"starts", type_fits_starts, 1, TYPE_STRINGS_MAX, NULL, false},
	{"words", type_fits_words, 1, TYPE_STRINGS_MAX, take_need, false},
	{"interpreter", type_fits_interpreter, 1, TYPE_STRINGS_MAX, NULL, false},
	{"json", type_fits_json, 0, 0, NULL, false},
	{"mail", type_fits_mail, 0, 0, NULL, false},
};

#define METHODS (sizeof(methods) / sizeof(methods[0]))

static const struct method *take_method(struct table_parse *p)
{
	char names[128] = "";

	for (size_t i = 0; i < METHODS; i++) {
		if (p->words > 1 && strcmp(p->word[1].text, methods[i].name) == 0)
			return &methods[i];
		strcat(names, i ? ", " : "");
		strcat(names, methods[i].name);
	}
	bad(p, "'%s': expected one of %s", p->words > 1 ? p->word[1].text : "", names);
	return NULL;
}

static bool take_strings(struct table_parse *p, struct type_row *row, const struct method *m,
			 size_t *next)
{
	for (; *next < p->words && p->word[*next].quoted; (*next)++) {
		struct type_string *s = &row->string[row->strings];

		if (row->strings == m->max)
			return bad(p, "%s: expected %zu strings at most", m->name, m->max);
		s->n = p->word[*next].n;
		s->p = malloc(s->n + 1);
		if (!s->p)
			return bad(p, "out of memory");
		memcpy(s->p, p->word[*next].text, s->n + 1);
		row->strings++;
		if (m->zip && s->n > 2 && memchr(s->p + 1, '*', s->n - 2))
			return bad(p, "%s: expected '*' at an end of a name only", m->name);
	}
	if (row->strings < m->min)
		return bad(p, "%s: expected a string in '\"'", m->name);
	return true;
}

static bool take_check(struct table_parse *p, struct type_row *row, size_t *next)
{
	const char *name;

	if (*next >= p->words || strcmp(p->word[*next].text, "check") != 0)
		return true;
	name = *next + 1 < p->words ? p->word[*next + 1].text : "";
	for (size_t i = 0; i < type_check_count; i++)
		if (strcmp(type_checks[i].name, name) == 0)
			row->check = type_checks[i].fits;
	if (!row->check)
		return bad(p, "check: '%s': expected the name of a check", name);
	if (row->fits != type_fits_magic)
		return bad(p, "expected 'check' behind a magic only");
	*next += 2;
	return true;
}

static bool take_format(struct table_parse *p, struct type_row *row, size_t next)
{
	const struct word *w = &p->word[next];

	if (next + 1 != p->words || w->quoted ||
	    (strcmp(w->text, "-") != 0 && (!strchr(w->text, '/') || w->n >= FILE_FORMAT_MAX)))
		return bad(p, "'%s': expected a media type, or '-', at the end of the line",
			   next < p->words ? w->text : "");
	if (strcmp(w->text, "-") != 0)
		memcpy(row->format, w->text, w->n + 1);
	return true;
}

/* TYPE METHOD ... MEDIA-TYPE */
static bool take_row(struct table_parse *p)
{
	const char *name = p->word[0].text;
	const struct method *m;
	struct type_row *row;
	size_t next = 2, type = file_types_find(p->t, name);

	if (type == FILE_TYPES_MAX && strcmp(name, "other") != 0)
		return bad(p, "'%s': expected 'type', 'other', or a type declared before",
			   name);
	m = take_method(p);
	if (!m)
		return false;
	if (p->t->rows == TYPE_ROWS_MAX)
		return bad(p, "expected %d rows at most", TYPE_ROWS_MAX);
	row = &p->t->row[p->t->rows++];
	row->type = type;
	row->fits = m->fits;
	row->zip = m->zip;
	return (!m->take || m->take(p, row, &next)) && take_strings(p, row, m, &next) &&
	       take_check(p, row, &next) && take_format(p, row, next);
}

/* -------------------------------------------------------------------- file */

static void take_line(struct table_parse *p, const char *at, const char *end)
{
	p->line++;
	if (!split(p, at, end) || !p->words)
		return;
	if (strcmp(p->word[0].text, "type") == 0)
		take_type(p);
	else
		take_row(p);
}

struct file_types *file_types_parse(const char *name, const char *text, size_t n)
{
	struct table_parse *p = calloc(1, sizeof(*p));
	struct file_types *t = calloc(1, sizeof(*t));
	const char *end = text + n, *line_end;

	if (t)
		t->row = calloc(TYPE_ROWS_MAX, sizeof(*t->row));
	if (!p || !t || !t->row) {
		log_error("out of memory for the table of file types");
		file_types_free(t);
		free(p);
		return NULL;
	}
	p->name = name;
	p->t = t;
	for (const char *at = text; at < end; at = line_end + 1) {
		line_end = memchr(at, '\n', (size_t)(end - at));
		if (!line_end)
			line_end = end;
		take_line(p, at, line_end);
	}
	p->line = 0;
	if (!p->errors && !t->count)
		bad(p, "expected at least one type");
	if (p->errors) {
		file_types_free(t);
		t = NULL;
	}
	free(p);
	return t;
}

struct file_types *file_types_read(const char *path)
{
	struct file_types *t = NULL;
	ssize_t got = -1;
	size_t n = 0;
	char *text;
	int fd;

	if (!path)
		return file_types_parse(BUILT_IN_NAME, file_types_conf,
					(size_t)(file_types_conf_end - file_types_conf));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	text = malloc(TABLE_BYTES_MAX + 1);
	if (fd >= 0 && text)
		while ((got = read(fd, text + n, TABLE_BYTES_MAX + 1 - n)) > 0)
			n += (size_t)got;
	if (got < 0)
		log_error("%s: %s", path, strerror(errno));
	else if (n > TABLE_BYTES_MAX)
		log_error("%s: expected %u bytes at most", path, TABLE_BYTES_MAX);
	else
		t = file_types_parse(path, text, n);
	if (fd >= 0)
		close(fd);
	free(text);
	return t;
}
