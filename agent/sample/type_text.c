// SPDX-License-Identifier: MIT
/*
 * Rows about text.  They look at the head alone, in whatever of UTF-8, UTF-16 and single
 * bytes it is written.
 */
#include "sample/type_private.h"

#include <string.h>

/* ------------------------------------------------------------------ decoding */

/* Characters that say whether a text without a mark is UTF-16. */
#define WIDE_PAIRS 64

static bool is_control(unsigned int c)
{
	/* What stands in text besides: tab, line ends, form feed, DOS' end of file, escape. */
	return (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1a &&
		c != 0x1b && c != '\b') ||
	       c == 0x7f;
}

static bool add(struct content *c, unsigned int character)
{
	bool line_end = character == '\n' && c->text_cr;

	if (is_control(character))
		return false;
	c->text_cr = character == '\r';
	if (line_end)
		return true;
	if (character >= 'A' && character <= 'Z')
		character |= 0x20;
	if (character == '\r')
		character = '\n';
	c->text[c->text_len++] = character < 0x80 ? (char)character : (char)0x80;
	return true;
}

/* Whether it looks like UTF-16 of mostly ASCII, without a mark; high: place of the zeros. */
static bool looks_wide(const struct content *c, size_t high)
{
	size_t zeros = 0, pairs = c->head_len / 2;

	if (pairs > WIDE_PAIRS)
		pairs = WIDE_PAIRS;
	for (size_t i = 0; i < pairs; i++) {
		if (!c->head[2 * i + !high])
			return false;
		zeros += !c->head[2 * i + high];
	}
	return pairs >= 2 && zeros * 10 >= pairs * 9;
}

static bool read_wide(struct content *c, size_t start, size_t high)
{
	for (size_t i = start; i + 1 < c->head_len; i += 2)
		if (!add(c, (unsigned int)c->head[i + high] << 8 | c->head[i + !high]))
			return false;
	return true;
}

static bool read_text(struct content *c)
{
	const uint8_t *p = c->head;
	size_t start = 0;

	/* Every line begins behind a line feed, the first one too. */
	c->text[0] = '\n';
	c->text_len = 1;
	if (c->head_len >= 2 && p[0] == 0xff && p[1] == 0xfe)
		return read_wide(c, 2, 1);
	if (c->head_len >= 2 && p[0] == 0xfe && p[1] == 0xff)
		return read_wide(c, 2, 0);
	if (looks_wide(c, 1))
		return read_wide(c, 0, 1);
	if (looks_wide(c, 0))
		return read_wide(c, 0, 0);
	if (c->head_len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		start = 3;
	for (size_t i = start; i < c->head_len; i++)
		if (!add(c, p[i]))
			return false;
	return true;
}

static unsigned int pair_of(uint8_t a, uint8_t b)
{
	return (a & 0x7fu) << 7 | (b & 0x7fu);
}

static void note_pairs(struct content *c)
{
	memset(c->pairs, 0, sizeof(c->pairs));
	for (size_t i = 1; i < c->text_len; i++) {
		unsigned int pair = pair_of((uint8_t)c->text[i - 1], (uint8_t)c->text[i]);

		c->pairs[pair / 8] |= (uint8_t)(1u << pair % 8);
	}
}

bool content_text(struct content *c)
{
	bool partial = !c->whole && c->head_len < FILE_TYPE_HEAD;

	/* Too little to tell single bytes from wide ones. */
	if (partial && c->head_len < 2 * WIDE_PAIRS) {
		c->unknown = true;
		return false;
	}
	if (c->text_state == TEXT_NOT_READ) {
		c->text_state = c->head_len && read_text(c) ? TEXT_READ : TEXT_NONE;
		c->text[c->text_len] = '\0';
		if (c->text_state == TEXT_READ)
			note_pairs(c);
	}
	/* What is no text will not become it; of text more words may come. */
	c->unknown |= partial && c->text_state == TEXT_READ;
	return c->text_state == TEXT_READ;
}

/* --------------------------------------------------------------------- words */

static char fold(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool same(const char *at, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (at[i] != fold(p[i]))
			return false;
	return true;
}

/*
 * Whether n bytes at p may stand somewhere.  Most words of the table do not stand in most
 * texts, and two of their characters say so without a search.
 */
static bool may_occur(const struct content *c, const uint8_t *p, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		unsigned int pair = pair_of((uint8_t)fold(p[i - 1]), (uint8_t)fold(p[i]));

		if (!(c->pairs[pair / 8] >> pair % 8 & 1))
			return false;
	}
	return true;
}

/* Whether n bytes at p stand somewhere, with ^ at the beginning of a line (behind blanks). */
static bool occurs(const struct content *c, const uint8_t *p, size_t n)
{
	const char *at = c->text, *end = c->text + c->text_len;
	bool line = n > 1 && *p == '^';

	p += line;
	n -= line;
	if (!may_occur(c, p, n))
		return false;
	for (; (at = memchr(at, line ? '\n' : fold(*p), (size_t)(end - at))); at++) {
		const char *from = at + line;

		while (line && from < end && (*from == ' ' || *from == '\t'))
			from++;
		if ((size_t)(end - from) >= n && same(from, p, n))
			return true;
	}
	return false;
}

/* The same of several, separated by |. */
static bool any_occurs(const struct content *c, const uint8_t *p, size_t n)
{
	const uint8_t *bar;
	size_t part;

	for (;; p += part + 1, n -= part + 1) {
		bar = n > 1 ? memchr(p, '|', n) : NULL;
		part = bar ? (size_t)(bar - p) : n;
		if (part && occurs(c, p, part))
			return true;
		if (!bar)
			return false;
	}
}

bool type_fits_words(const struct type_row *row, struct content *c)
{
	unsigned int found = 0;

	if (!content_text(c))
		return false;
	for (size_t i = 0; i < row->strings; i++) {
		const struct type_string *s = &row->string[i];
		bool never = s->n > 1 && s->p[0] == '!';

		if (!never && found >= row->need)
			continue;
		if (!any_occurs(c, s->p + never, s->n - never))
			continue;
		if (never)
			return false;
		found++;
	}
	return found >= row->need;
}

/* What the text begins with, behind blanks. */
static const char *beginning(const struct content *c)
{
	const char *p = c->text;

	while (*p == ' ' || *p == '\t' || *p == '\n')
		p++;
	return p;
}

bool type_fits_starts(const struct type_row *row, struct content *c)
{
	const char *p;

	if (!content_text(c))
		return false;
	p = beginning(c);
	for (size_t i = 0; i < row->strings; i++)
		if (strlen(p) >= row->string[i].n &&
		    same(p, row->string[i].p, row->string[i].n))
			return true;
	return false;
}

/* -------------------------------------------------------------- interpreters */

/* The last part of a path, without digits of a version behind it. */
static size_t program(const char **p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((*p)[i] == '/') {
			*p += i + 1;
			n -= i + 1;
			i = (size_t)-1;
		}
	while (n && (((*p)[n - 1] >= '0' && (*p)[n - 1] <= '9') || (*p)[n - 1] == '.'))
		n--;
	return n;
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* The program that a #! line names, also by env and its options; 0: it is no such line. */
static size_t interpreter(const struct content *c, const char **name)
{
	const char *p = c->text + 1;
	size_t n;

	if (strncmp(p, "#!", 2) != 0)
		return 0;
	p = skip_blanks(p + 2);
	for (unsigned int words = 0; words < 4; words++) {
		*name = p;
		n = program(name, strcspn(p, " \t\n"));
		if (words == 0 ? n != 3 || strncmp(*name, "env", 3) != 0
			       : *p != '-' && !memchr(p, '=', strcspn(p, " \t\n")))
			return n;
		p = skip_blanks(p + strcspn(p, " \t\n"));
	}
	return 0;
}

bool type_fits_interpreter(const struct type_row *row, struct content *c)
{
	const char *name;
	size_t n;

	if (!content_text(c))
		return false;
	n = interpreter(c, &name);
	for (size_t i = 0; n && i < row->strings; i++) {
		const struct type_string *s = &row->string[i];

		if ((s->n == 1 && s->p[0] == '*') || (s->n == n && same(name, s->p, n)))
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------------- JSON */

static bool is_literal(const char **p)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(words[i]);

		/* The head may end within it. */
		if (strncmp(*p, words[i], n) == 0 ||
		    (!(*p)[strnlen(*p, n)] && strncmp(*p, words[i], strlen(*p)) == 0)) {
			*p += strnlen(*p, n);
			return true;
		}
	}
	return false;
}

/* Nothing but JSON's own signs and words: no program does with them alone. */
bool type_fits_json(const struct type_row *row, struct content *c)
{
	const char *p;

	if (!content_text(c))
		return false;
	p = beginning(c);
	if (*p != '{' && *p != '[')
		return false;
	while (*p) {
		if (*p == '"') {
			for (p++; *p && *p != '"'; p++)
				p += *p == '\\' && p[1];
			p += *p == '"';
		} else if (strchr(" \t\n{}[]:,0123456789+-.e", *p)) {
			p++;
		} else if (!is_literal(&p)) {
			return false;
		}
	}
	return true;
}

/* ---------------------------------------------------------------------- mail */

/* Fields that begin a message, and not what HTTP or a form has. */
static const char *const mail_fields[] = {
	"from",
	"to",
	"cc",
	"subject",
	"message-id",
	"received",
	"return-path",
	"delivered-to",
	"mime-version",
	"reply-to",
	"dkim-signature",
	"in-reply-to",
	"references",
	"authentication-results",
	"sender",
	"list-id",
	"x-mailer",
	"x-originating-ip",
};

static bool is_mail_field(const char *p, size_t n)
{
	for (size_t i = 0; i < sizeof(mail_fields) / sizeof(mail_fields[0]); i++)
		if (strlen(mail_fields[i]) == n && strncmp(mail_fields[i], p, n) == 0)
			return true;
	return false;
}

/* Length of the name of a field in front of ':' (RFC 5322 §2.2); 0: there is none. */
static size_t field_name(const char *p)
{
	size_t n = 0;

	while (p[n] > ' ' && p[n] < 0x7f && p[n] != ':')
		n++;
	return p[n] == ':' ? n : 0;
}

/* A header from the first line on, with at least three fields that mail has. */
bool type_fits_mail(const struct type_row *row, struct content *c)
{
	unsigned int fields = 0;
	const char *p;
	size_t n;

	if (!content_text(c))
		return false;
	p = c->text + 1;
	/* In front of each message of a mailbox file, and in some that are saved alone. */
	if (strncmp(p, "from ", 5) == 0)
		p += strcspn(p, "\n");
	p += *p == '\n';
	while (*p && *p != '\n') {
		n = field_name(p);
		if (!n && *p != ' ' && *p != '\t')
			break;
		fields += is_mail_field(p, n);
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return fields >= 3;
}
