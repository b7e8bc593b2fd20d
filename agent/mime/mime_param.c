// SPDX-License-Identifier: MIT
/*
 * Structured fields of a MIME header.
 */
#include "mime/mime_param.h"

#include "mime/charset.h"
#include "mime/disposition.h"
#include "mime/encoded_word.h"

#include <string.h>
#include <strings.h>

/* Sections of a continued parameter: names are at most 4096 bytes anyway. */
#define SECTIONS_MAX 256
/* Bytes of a value that are looked at. */
#define PARAMETER_MAX (64u << 10)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const char *mime_field(const struct buf *header, const char *name, struct buf *value)
{
	const char *p = (const char *)header->data;
	size_t len = strlen(name);
	size_t left = header->len;
	bool found = false;

	while (left) {
		const char *nl = memchr(p, '\n', left);
		size_t line = nl ? (size_t)(nl - p) + 1 : left;
		size_t n = line, at = len;

		while (n && (p[n - 1] == '\n' || p[n - 1] == '\r'))
			n--;
		if (n && is_blank(*p)) {
			if (found)
				buf_add(value, p, n);
		} else if (found) {
			break;
		} else if (n > len && !strncasecmp(p, name, len)) {
			while (at < n && is_blank(p[at]))
				at++;
			if (at < n && p[at] == ':') {
				found = true;
				for (at++; at < n && is_blank(p[at]);)
					at++;
				buf_add(value, p + at, n - at);
			}
		}
		p += line;
		left -= line;
	}
	while (value->len && is_blank((char)value->data[value->len - 1]))
		value->len--;
	return found ? buf_string(value) : NULL;
}

/* Behind a comment that begins at p, or p. */
static const char *skip_comment(const char *p)
{
	size_t depth = 0;

	do {
		if (*p == '(')
			depth++;
		else if (*p == ')')
			depth--;
		else if (*p == '\\' && p[1])
			p++;
		if (*p)
			p++;
	} while (*p && depth);
	return p;
}

static const char *skip_blanks(const char *p)
{
	while (is_blank(*p) || *p == '(')
		p = *p == '(' ? skip_comment(p) : p + 1;
	return p;
}

const char *mime_value(const char *field, struct buf *out)
{
	for (const char *p = field ? field : ""; *p && *p != ';';) {
		char c = *p;

		if (is_blank(c) || c == '(') {
			p = skip_blanks(p);
			continue;
		}
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != '"')
			buf_add(out, &c, 1);
		p++;
	}
	return buf_string(out);
}

/* ---------------------------------------------------------------- parameters */

/* One of a field: name*section*=value. */
struct parameter {
	const char *name;
	size_t name_len;
	int section;   /* -1: not continued */
	bool extended; /* percent-encoded */
	struct buf value;
};

/* Reads a name's end: "*", "*0", "*0*". */
static void read_suffix(struct parameter *p)
{
	const char *star = memchr(p->name, '*', p->name_len);
	size_t n, at = 1;
	int section = 0;

	p->section = -1;
	p->extended = false;
	if (!star)
		return;
	n = p->name_len - (size_t)(star - p->name);
	while (at < n && star[at] >= '0' && star[at] <= '9' && section < SECTIONS_MAX)
		section = section * 10 + (star[at++] - '0');
	if (at > 1)
		p->section = section;
	p->extended = at == 1 ? n == 1 : at < n && star[at] == '*';
	p->name_len = (size_t)(star - p->name);
}

static const char *read_quoted(const char *p, struct buf *out)
{
	for (p++; *p && *p != '"'; p++) {
		/* A path of Windows is no string of escapes. */
		if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
		buf_add(out, p, 1);
	}
	return *p ? p + 1 : p;
}

static const char *read_bare(const char *p, struct buf *out)
{
	const char *from = p;

	while (*p && *p != ';')
		p++;
	buf_add(out, from, (size_t)(p - from));
	while (out->len && is_blank((char)out->data[out->len - 1]))
		out->len--;
	return p;
}

/* The next one from p on; NULL: no more. */
static const char *next_parameter(const char *p, struct parameter *out)
{
	for (;;) {
		while (*p == ';' || is_blank(*p) || *p == '(')
			p = *p == ';' ? p + 1 : skip_blanks(p);
		if (!*p)
			return NULL;
		out->name = p;
		out->name_len = strcspn(p, " \t\r\n(=;");
		p = skip_blanks(p + out->name_len);
		if (*p == '=')
			break;
		/* A word without a value. */
		while (*p && *p != '=' && *p != ';')
			p++;
	}
	read_suffix(out);
	buf_reset(&out->value);
	p = skip_blanks(p + 1);
	p = *p == '"' ? read_quoted(p, &out->value) : read_bare(p, &out->value);
	/* What follows a quoted value is no part of it. */
	while (*p && *p != ';')
		p++;
	return p;
}

static const char *first_parameter(const char *field)
{
	/* A value may be missing altogether: "; filename=x". */
	while (*field && *field != ';')
		field = *field == '(' ? skip_comment(field) : field + 1;
	return field;
}

/* charset'language'text of a first section; returns where the text begins. */
static size_t take_charset(const struct buf *value, struct buf *charset)
{
	const uint8_t *end = memchr(value->data, '\'', value->len);
	const uint8_t *second;

	if (!end)
		return 0;
	second = memchr(end + 1, '\'', value->len - (size_t)(end + 1 - value->data));
	if (!second)
		return 0;
	buf_add(charset, value->data, (size_t)(end - value->data));
	return (size_t)(second + 1 - value->data);
}

static void add_value(const struct parameter *p, bool first, struct buf *out,
		      struct buf *charset)
{
	size_t from = 0;

	if (!p->value.len)
		return;
	if (p->extended && first)
		from = take_charset(&p->value, charset);
	if (p->extended)
		percent_decode(p->value.data + from, p->value.len - from, out);
	else
		buf_add(out, p->value.data, p->value.len);
}

/* Where the forms of one parameter stand in a field. */
struct places {
	const char *plain;
	const char *extended;
	size_t sections; /* that follow each other from 0 */
	const char *section[SECTIONS_MAX];
};

static void find(const char *field, const char *name, struct places *places)
{
	struct parameter p;
	size_t len = strlen(name);
	const char *at = first_parameter(field), *from = at;

	*places = (struct places){NULL};
	buf_init(&p.value, PARAMETER_MAX);
	for (; (at = next_parameter(at, &p)); from = at) {
		const char **place = &places->plain;

		if (p.name_len != len || strncasecmp(p.name, name, len))
			continue;
		if (p.section >= SECTIONS_MAX)
			continue;
		if (p.section >= 0)
			place = &places->section[p.section];
		else if (p.extended)
			place = &places->extended;
		if (!*place)
			*place = from;
	}
	while (places->sections < SECTIONS_MAX && places->section[places->sections])
		places->sections++;
	buf_free(&p.value);
}

/* Sets extended when bytes were percent-encoded: encoded words are then not looked for. */
static bool parameter(const char *field, const char *name, struct buf *out, struct buf *charset,
		      bool *extended)
{
	struct places places;
	struct parameter p;

	*extended = false;
	if (!field)
		return false;
	find(field, name, &places);
	if (places.extended) {
		places.section[0] = places.extended;
		places.sections = 1;
	} else if (!places.sections && places.plain) {
		places.section[0] = places.plain;
		places.sections = 1;
	}
	buf_init(&p.value, PARAMETER_MAX);
	for (size_t i = 0; i < places.sections; i++) {
		if (!next_parameter(places.section[i], &p))
			break;
		add_value(&p, i == 0, out, charset);
		*extended |= p.extended;
	}
	buf_free(&p.value);
	return places.sections;
}

bool mime_param(const char *field, const char *name, struct buf *out, struct buf *charset)
{
	bool extended;

	return parameter(field, name, out, charset, &extended);
}

bool mime_param_text(const char *field, const char *name, struct buf *out)
{
	struct buf raw, charset;
	bool extended, found;

	buf_init(&raw, out->max);
	buf_init(&charset, out->max);
	found = parameter(field, name, &raw, &charset, &extended);
	if (found && raw.len) {
		if (extended)
			charset_decode((const char *)charset.data, charset.len, raw.data,
				       raw.len, out);
		else
			encoded_word_decode((const char *)raw.data, raw.len, out);
	}
	buf_free(&raw);
	buf_free(&charset);
	return found;
}

bool mime_filename(const char *disposition, const char *type, struct buf *out)
{
	struct buf name;
	bool found;

	buf_init(&name, out->max);
	found = mime_param_text(disposition, "filename", &name) && name.len;
	if (!found) {
		buf_reset(&name);
		/* Some write the one where the other belongs. */
		found = (mime_param_text(type, "name", &name) && name.len) ||
			(mime_param_text(disposition, "name", &name) && name.len) ||
			(mime_param_text(type, "filename", &name) && name.len);
	}
	while (name.len && is_blank((char)name.data[name.len - 1]))
		name.len--;
	found = found && filename_without_path(&name, out);
	buf_free(&name);
	return found;
}
