// SPDX-License-Identifier: MIT
#include "policy/user_list.h"

#include "policy/user_time.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX (USER_NAME_MAX + 16) /* bytes, a key before it included */

struct reader {
	struct user_changes *s;
	const char *p, *end; /* what is left of the line */
	unsigned int line;
};

static bool bad(struct reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool bad(struct reader *r, const char *format, ...)
{
	int n = snprintf(r->s->error, sizeof(r->s->error), "line %u: ", r->line);
	va_list args;

	va_start(args, format);
	vsnprintf(r->s->error + n, sizeof(r->s->error) - (size_t)n, format, args);
	va_end(args);
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_separator(char c)
{
	return is_space(c) || c == ',';
}

/* White space, and at most one comma. */
static void skip_separator(struct reader *r)
{
	bool comma = false;

	while (r->p < r->end && (is_space(*r->p) || (*r->p == ',' && !comma)))
		comma |= *r->p++ == ',';
}

/* The next value into word; *any: there was one. */
static bool next_word(struct reader *r, char word[static WORD_MAX + 1], bool *any)
{
	bool quoted = false;
	size_t n = 0;

	*any = r->p < r->end && *r->p != '#';
	if (!*any)
		return true;
	while (r->p < r->end && (quoted || !is_separator(*r->p))) {
		char c = *r->p++;

		if (c == '"' && quoted && r->p < r->end && *r->p == '"') {
			r->p++;
		} else if (c == '"') {
			quoted = !quoted;
			continue;
		}
		if (c == '\0')
			return bad(r, "a NUL byte: expected text");
		if (n == WORD_MAX)
			return bad(r, "a value of more than %d bytes", WORD_MAX);
		word[n++] = c;
	}
	word[n] = '\0';
	if (quoted)
		return bad(r, "expected a quote to close '%.40s'", word);
	skip_separator(r);
	return true;
}

static bool keep_name(struct reader *r, const char *what, const char *text, size_t max,
		      size_t *place)
{
	if (!user_name_good(text, max))
		return bad(r, "'%.40s': expected a %s of 1 to %zu bytes of UTF-8 text", text,
			   what, max);
	return user_changes_text(r->s, text, place) || bad(r, "too much text, or no memory");
}

/* c is an index: adding a change moves them. */
static bool option(struct reader *r, size_t c, char *word)
{
	struct user_change *change = &r->s->change[c], *join;
	char *value = strchr(word, '=');

	if (!value) {
		if (change->has_timeout)
			return bad(r,
				   "'%.40s': expected vsys=, group=, begin= or end= after the "
				   "timeout",
				   word);
		change->has_timeout = user_timeout_parse(word, &change->timeout);
		return change->has_timeout ||
		       bad(r, "timeout '%.40s': %s", word, USER_TIMEOUT_EXPECTED);
	}
	*value++ = '\0';
	if (strcmp(word, "vsys") == 0)
		return keep_name(r, "virtual system", value, USER_VSYS_MAX, &change->vsys);
	if (strcmp(word, "begin") == 0) {
		change->has_begin = user_time_parse(value, &change->begin);
		return change->has_begin ||
		       bad(r, "begin '%.40s': %s", value, USER_TIME_EXPECTED);
	}
	if (strcmp(word, "end") == 0) {
		change->has_end = user_time_parse(value, &change->end);
		return change->has_end || bad(r, "end '%.40s': %s", value, USER_TIME_EXPECTED);
	}
	if (strcmp(word, "group") != 0)
		return bad(r, "'%.40s=': expected vsys=, group=, begin= or end=", word);
	join = user_changes_add(r->s, USER_CHANGE_JOIN, r->line);
	if (!join)
		return false;
	join->user = r->s->change[c].user;
	return keep_name(r, "group", value, USER_NAME_MAX, &join->group);
}

static bool read_line(struct reader *r)
{
	char word[WORD_MAX + 1];
	struct user_change *c;
	size_t at = r->s->count;
	bool any;

	while (r->p < r->end && is_space(*r->p))
		r->p++;
	if (!next_word(r, word, &any))
		return false;
	if (!any)
		return true;
	c = user_changes_add(r->s, USER_CHANGE_LOGIN, r->line);
	if (!c)
		return false;
	if (!user_address_parse(word, &c->address))
		return bad(r, "'%.40s': expected an address, IPv4 or IPv6", word);
	if (!next_word(r, word, &any))
		return false;
	if (!any)
		return bad(r, "expected ADDRESS USER [TIMEOUT]: the user is missing");
	if (!keep_name(r, "user", word, USER_NAME_MAX, &c->user))
		return false;
	for (;;) {
		if (!next_word(r, word, &any))
			return false;
		if (!any)
			break;
		if (!option(r, at, word))
			return false;
	}
	c = &r->s->change[at];
	if (c->has_begin && c->has_end && c->end <= c->begin)
		return bad(r, "it ends before it begins");
	if (c->has_end && c->has_timeout)
		return bad(r, "expected a timeout or end=, not both");
	return true;
}

bool user_list_read(struct user_changes *s, const char *text, size_t n)
{
	struct reader r = {.s = s};
	const char *stop = text + n;

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < stop) {
		const char *end = memchr(text, '\n', (size_t)(stop - text));

		r.line++;
		r.p = text;
		r.end = end ? end : stop;
		text = r.end + (end != NULL);
		if (!read_line(&r))
			return false;
	}
	return true;
}
