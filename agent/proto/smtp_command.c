// SPDX-License-Identifier: MIT
/*
 * The lines of an SMTP client.
 */
#include "proto/smtp_command.h"

#include "proto/line.h"

#include <string.h>
#include <strings.h>

/* "FROM:<a>", "FROM: a", "FROM <a>": what is behind the word; NULL when it is another. */
static const char *behind(const char *p, const char *word)
{
	size_t n = strlen(word);

	if (strncasecmp(p, word, n))
		return NULL;
	p += n;
	if (*p && !strchr(": \t<", *p))
		return NULL;
	p += strspn(p, " \t");
	return *p == ':' ? p + 1 : p;
}

enum smtp_verb smtp_verb(const char *line, const char **rest)
{
	static const struct {
		const char *word;
		enum smtp_verb verb;
	} words[] = {
		{"HELO", SMTP_HELLO}, {"EHLO", SMTP_HELLO},	 {"LHLO", SMTP_LHLO},
		{"DATA", SMTP_DATA},  {"BDAT", SMTP_BDAT},	 {"RSET", SMTP_RSET},
		{"QUIT", SMTP_QUIT},  {"AUTH", SMTP_AUTH},	 {"STARTTLS", SMTP_STARTTLS},
		{"NOOP", SMTP_NOOP},  {"XCLIENT", SMTP_XCLIENT},
	};
	const char *p;

	line += strspn(line, " \t");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (line_word(line, words[i].word, rest))
			return words[i].verb;
	if (line_word(line, "MAIL", &p) && (p = behind(p, "FROM"))) {
		*rest = p;
		return SMTP_MAIL;
	}
	if (line_word(line, "RCPT", &p) && (p = behind(p, "TO"))) {
		*rest = p;
		return SMTP_RCPT;
	}
	*rest = line;
	return SMTP_OTHER;
}

bool smtp_is_command(const char *line)
{
	const char *rest;
	uint64_t size;
	bool last;

	if (*line == ' ' || *line == '\t')
		return false;
	switch (smtp_verb(line, &rest)) {
	case SMTP_HELLO:
	case SMTP_LHLO:
		return !strpbrk(rest, " \t");
	case SMTP_MAIL:
	case SMTP_RCPT:
		rest += strspn(rest, " \t");
		return *rest == '<' || strchr(rest, '@');
	case SMTP_BDAT:
		return smtp_chunk(rest, &size, &last);
	case SMTP_AUTH:
		return *rest &&
		       strspn(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-_+/= ") == strlen(rest);
	case SMTP_DATA:
	case SMTP_RSET:
	case SMTP_QUIT:
	case SMTP_STARTTLS:
	case SMTP_NOOP:
		return !*rest;
	default:
		return false;
	}
}

/* Bytes up to `stop`, which does not count where it is quoted. */
static size_t span(const char *p, const char *stop)
{
	bool quoted = false;
	size_t i = 0;

	for (; p[i] && (quoted || !strchr(stop, p[i])); i++) {
		if (p[i] == '"')
			quoted = !quoted;
		else if (p[i] == '\\' && p[i + 1])
			i++;
	}
	return i;
}

const char *smtp_mailbox(const char *path, size_t *n)
{
	size_t route;

	path += strspn(path, " \t");
	if (*path == '<') {
		path++;
		*n = span(path, ">");
	} else {
		*n = span(path, " \t>");
	}
	route = *path == '@' ? span(path, ":>") : *n;
	if (route < *n) {
		path += route + 1;
		*n -= route + 1;
	}
	while (*n && (*path == ' ' || *path == '\t')) {
		path++;
		(*n)--;
	}
	while (*n && (path[*n - 1] == ' ' || path[*n - 1] == '\t'))
		(*n)--;
	return path;
}

bool smtp_chunk(const char *arguments, uint64_t *size, bool *last)
{
	const char *p = arguments;

	*size = 0;
	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (*size > (INT64_MAX - (uint64_t)(*p - '0')) / 10)
			return false;
		*size = *size * 10 + (uint64_t)(*p - '0');
	}
	if (*p && *p != ' ' && *p != '\t')
		return false;
	p += strspn(p, " \t");
	*last = line_word(p, "LAST", &p);
	return !*p;
}
