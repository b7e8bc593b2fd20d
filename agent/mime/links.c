// SPDX-License-Identifier: MIT
/*
 * http and https URLs in a text or in HTML.
 */
#include "mime/links.h"

#include "mime/html_entity.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * Text that is looked at: a run of bytes that may be a URL.  Its first bytes are
 * matched against the schemes; it waits until a byte ends it.
 */
struct scan {
	size_t len;
	bool word;  /* the byte before was a letter or digit: no scheme begins here */
	bool found; /* all of the scheme is there */
	bool cut;
	char url[LINK_MAX + 1];
};

enum html {
	HTML_TEXT,
	HTML_OPEN,    /* behind "<" */
	HTML_NAME,    /* of a tag */
	HTML_INSIDE,  /* a tag, before an attribute */
	HTML_KEY,     /* of an attribute */
	HTML_KEY_END, /* behind it: "=" or not */
	HTML_BEFORE,  /* the value */
	HTML_VALUE,
	HTML_MARKUP, /* "<!", "<?" */
	HTML_COMMENT,
};

#define TAG_MAX 16

struct links {
	links_sink *sink;
	void *arg;
	bool html;
	struct scan text;
	/* the rest is of HTML */
	enum html state;
	struct html_entity entity;
	bool wanted; /* of the value: it leads somewhere */
	char quote;  /* around it; 0: none */
	bool closing;
	bool raw; /* inside <script> or <style> */
	size_t tag_len, key_len;
	char tag[TAG_MAX];
	char key[TAG_MAX];
	size_t dashes; /* "--" before ">" */
	struct scan value;
};

static bool alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* -------------------------------------------------------------------- a text */

/* How much of "http://" or "https://" p is: 0 none, -1 all of it, else the beginning. */
static int scheme(const char *p, size_t n)
{
	static const char *const schemes[] = {"http://", "https://"};
	int result = 0;

	for (size_t i = 0; i < 2; i++) {
		size_t len = strlen(schemes[i]);

		if (strncasecmp(p, schemes[i], n < len ? n : len))
			continue;
		if (n >= len)
			return -1;
		result = (int)n;
	}
	return result;
}

/* Does a UTF-8 character that begins at p end a URL?  Blanks, quotes, ideographic marks. */
static bool ends_wide(const uint8_t *p, size_t n)
{
	uint32_t c;

	if (n < 2)
		return false;
	if (p[0] == 0xc2)
		return p[1] == 0xa0 || p[1] == 0xab || p[1] == 0xbb || p[1] < 0xa0;
	if (n < 3 || p[0] < 0xe2 || p[0] > 0xef)
		return false;
	c = (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	return (c >= 0x2000 && c <= 0x200b) || (c >= 0x2018 && c <= 0x201f) ||
	       (c >= 0x2028 && c <= 0x202f) || c == 0x205f || c == 0xfeff ||
	       (c >= 0x3000 && c <= 0x3002) || (c >= 0x3008 && c <= 0x3011) || c == 0xff01 ||
	       c == 0xff08 || c == 0xff09 || c == 0xff0c || c == 0xff1b || c == 0xff1e;
}

/* Where the last character before n begins. */
static size_t character(const char *p, size_t n)
{
	size_t at = n;

	while (at && n - at < 4)
		if (((uint8_t)p[--at] & 0xc0) != 0x80)
			return at;
	return n ? n - 1 : 0;
}

/* Without what ends the sentence: punctuation, and brackets that were opened before it. */
static size_t trim(const char *p, size_t n)
{
	static const char pairs[] = "()[]{}";
	size_t opened[3] = {0}, closed[3] = {0};

	for (size_t i = 0; i < n; i++) {
		const char *bracket = strchr(pairs, p[i]);

		if (bracket && (bracket - pairs) % 2)
			closed[(bracket - pairs) / 2]++;
		else if (bracket)
			opened[(bracket - pairs) / 2]++;
	}
	for (; n; n--) {
		const char *bracket = strchr(pairs, p[n - 1]);
		size_t k = bracket ? (size_t)(bracket - pairs) / 2 : 0;

		if (strchr(".,;:!?'*_~\"", p[n - 1]))
			continue;
		if (!bracket || !((bracket - pairs) % 2) || closed[k] <= opened[k])
			break;
		closed[k]--;
	}
	return n;
}

static size_t scheme_length(const char *p)
{
	return (p[4] | 0x20) == 's' ? 8 : 7;
}

/* A host begins with a letter, a digit, or "[" of an address; not with a sign. */
static bool has_host(const char *p, size_t n)
{
	size_t at = scheme_length(p);
	uint8_t c = at < n ? (uint8_t)p[at] : 0;

	return alphanumeric(c) || c >= 0x80 || c == '[' || c == '%' || c == '_';
}

static void scan_reset(struct scan *s)
{
	s->len = 0;
	s->found = false;
	s->cut = false;
	s->word = false;
}

static void scan_end(struct links *l, struct scan *s)
{
	size_t n = s->len;

	if (s->found) {
		if (!s->cut)
			n = trim(s->url, n);
		if (n > scheme_length(s->url) && has_host(s->url, n))
			l->sink(l->arg, s->url, n, s->cut);
	}
	scan_reset(s);
}

static bool ends_url(uint8_t c)
{
	return c <= ' ' || c == 0x7f || c == '"' || c == '<' || c == '>' || c == '`' ||
	       c == '\\' || c == '^' || c == '|';
}

static void scan_url_byte(struct links *l, struct scan *s, uint8_t c)
{
	size_t at;

	if (ends_url(c)) {
		scan_end(l, s);
		return;
	}
	if (s->len == LINK_MAX) {
		s->cut = true;
		return;
	}
	s->url[s->len++] = (char)c;
	if (c < 0x80)
		return;
	/* A character of several bytes is judged when its last one is there. */
	at = character(s->url, s->len);
	if (ends_wide((const uint8_t *)s->url + at, s->len - at)) {
		s->len = at;
		scan_end(l, s);
	}
}

static void scan_byte(struct links *l, struct scan *s, uint8_t c)
{
	if (s->found) {
		scan_url_byte(l, s, c);
		return;
	}
	if (s->len) {
		int part;

		s->url[s->len++] = (char)c;
		part = scheme(s->url, s->len);
		s->found = part < 0;
		if (part)
			return;
		s->word = alphanumeric((uint8_t)s->url[s->len - 2]);
		s->len = 0;
	}
	/* Letters before it make it another scheme's. */
	if ((c | 0x20) == 'h' && !s->word)
		s->url[s->len++] = (char)c;
	s->word = alphanumeric(c);
}

static void scan_bytes(struct links *l, struct scan *s, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		scan_byte(l, s, p[i]);
}

/* ---------------------------------------------------------------------- HTML */

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static bool named(const char *p, size_t n, const char *const *names)
{
	for (; *names; names++)
		if (strlen(*names) == n && !strncasecmp(p, *names, n))
			return true;
	return false;
}

/* Attributes that lead somewhere. */
static bool leads(const char *key, size_t n)
{
	static const char *const keys[] = {"href",	 "src",	    "action", "formaction",
					   "background", "data",    "poster", "longdesc",
					   "xlink:href", "content", NULL};

	return named(key, n, keys);
}

static void value_byte(void *arg, const uint8_t *p, size_t n)
{
	struct links *l = arg;
	struct scan *s = &l->value;

	for (size_t i = 0; i < n; i++) {
		/* Browsers take line ends and tabs out of a URL, and blanks from its ends. */
		if (p[i] == '\t' || p[i] == '\r' || p[i] == '\n' || !p[i])
			continue;
		if (!s->len && p[i] <= ' ')
			continue;
		if (s->len == LINK_MAX)
			s->cut = true;
		else
			s->url[s->len++] = (char)p[i];
	}
}

/* <meta http-equiv=refresh content="0; url=..."> */
static bool refresh(struct scan *s)
{
	for (size_t i = 0; i + 4 < s->len; i++) {
		if (strncasecmp(s->url + i, "url=", 4))
			continue;
		i += 4;
		if (s->url[i] == '\'' || s->url[i] == '"')
			i++;
		s->len -= i;
		memmove(s->url, s->url + i, s->len);
		while (s->len && (s->url[s->len - 1] == '\'' || s->url[s->len - 1] == '"'))
			s->len--;
		return true;
	}
	return false;
}

static void value_end(struct links *l)
{
	struct scan *s = &l->value;

	html_entity_end(&l->entity, value_byte, l);
	if (l->key_len == 7 && !strncasecmp(l->key, "content", 7) && !refresh(s))
		s->len = 0;
	while (s->len && s->url[s->len - 1] == ' ' && !s->cut)
		s->len--;
	/* Browsers read "\" as "/" there. */
	for (size_t i = 5; i < s->len && i < 8; i++)
		if (s->url[i] == '\\' && (s->url[i - 1] == ':' || s->url[i - 1] == '/'))
			s->url[i] = '/';
	if (scheme(s->url, s->len) < 0 && has_host(s->url, s->len))
		l->sink(l->arg, s->url, s->len, s->cut);
	scan_reset(s);
}

static void text_byte(void *arg, const uint8_t *p, size_t n)
{
	struct links *l = arg;

	scan_bytes(l, &l->text, p, n);
}

static void tag_end(struct links *l)
{
	static const char *const raws[] = {"script", "style", NULL};

	if (named(l->tag, l->tag_len, raws))
		l->raw = !l->closing;
	l->state = HTML_TEXT;
}

static void add_name(char *name, size_t *len, uint8_t c)
{
	/* One that is too long is none of those looked for: it keeps its length. */
	if (*len < TAG_MAX)
		name[(*len)++] = (char)c;
}

static void html_text(struct links *l, uint8_t c)
{
	if (c == '<') {
		html_entity_end(&l->entity, text_byte, l);
		l->tag_len = 0;
		l->closing = false;
		l->state = HTML_OPEN;
	} else if (!l->raw) {
		html_entity_byte(&l->entity, c, text_byte, l);
	}
}

static void html_open(struct links *l, uint8_t c)
{
	static const uint8_t less = '<';

	if (c == '/' && !l->closing) {
		l->closing = true;
		return;
	}
	if (l->raw && !l->closing) {
		l->state = HTML_TEXT;
		return;
	}
	if (c == '!' || c == '?') {
		l->state = HTML_MARKUP;
		l->dashes = 0;
		l->key_len = 0;
	} else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') {
		add_name(l->tag, &l->tag_len, c);
		l->state = HTML_NAME;
	} else {
		/* Just a "<". */
		l->state = HTML_TEXT;
		if (!l->raw) {
			text_byte(l, &less, 1);
			html_text(l, c);
		}
		return;
	}
	/* A tag ends what stands before it. */
	scan_end(l, &l->text);
}

static void html_name(struct links *l, uint8_t c)
{
	if (c == '>') {
		tag_end(l);
	} else if (is_space(c) || c == '/') {
		/* In a script only its own end counts. */
		if (l->raw && !(l->tag_len == 6 || l->tag_len == 5))
			l->state = HTML_TEXT;
		else
			l->state = HTML_INSIDE;
	} else {
		add_name(l->tag, &l->tag_len, c);
	}
}

static void html_inside(struct links *l, uint8_t c)
{
	if (c == '>') {
		tag_end(l);
	} else if (!is_space(c) && c != '/') {
		l->key_len = 0;
		add_name(l->key, &l->key_len, c);
		l->state = HTML_KEY;
	}
}

static void html_key(struct links *l, uint8_t c)
{
	if (c == '=')
		l->state = HTML_BEFORE;
	else if (c == '>')
		tag_end(l);
	else if (is_space(c) || c == '/')
		l->state = HTML_KEY_END;
	else
		add_name(l->key, &l->key_len, c);
}

static void html_key_end(struct links *l, uint8_t c)
{
	if (c == '=') {
		l->state = HTML_BEFORE;
	} else if (!is_space(c)) {
		l->state = HTML_INSIDE;
		html_inside(l, c);
	}
}

static void html_value(struct links *l, uint8_t c)
{
	bool ends = l->quote ? c == (uint8_t)l->quote : is_space(c) || c == '>';

	if (!ends) {
		if (l->wanted)
			html_entity_byte(&l->entity, c, value_byte, l);
		return;
	}
	if (l->wanted)
		value_end(l);
	l->state = HTML_INSIDE;
	if (c == '>' && !l->quote)
		tag_end(l);
}

static void html_before(struct links *l, uint8_t c)
{
	if (is_space(c))
		return;
	l->wanted = !l->raw && leads(l->key, l->key_len);
	scan_reset(&l->value);
	html_entity_reset(&l->entity);
	l->quote = c == '"' || c == '\'' ? (char)c : 0;
	l->state = HTML_VALUE;
	if (!l->quote)
		html_value(l, c);
}

/* "<!-- x -->" hides what is in it, "<!--[if mso]> x <![endif]-->" does not from everyone. */
static void html_markup(struct links *l, uint8_t c)
{
	if (l->key_len < 3)
		l->key[l->key_len++] = (char)c;
	if (l->key_len == 3 && !memcmp(l->key, "--", 2) && l->key[2] != '[' && l->key[2] != '>')
		l->state = HTML_COMMENT;
	if (l->state == HTML_COMMENT)
		l->dashes = c == '-' ? 3 : 0;
	else if (c == '>')
		l->state = HTML_TEXT;
}

static void html_comment(struct links *l, uint8_t c)
{
	if (c == '>' && l->dashes >= 2)
		l->state = HTML_TEXT;
	l->dashes = c == '-' ? l->dashes + 1 : 0;
}

static void html_byte(struct links *l, uint8_t c)
{
	static void (*const states[])(struct links *, uint8_t) = {
		[HTML_TEXT] = html_text,     [HTML_OPEN] = html_open,
		[HTML_NAME] = html_name,     [HTML_INSIDE] = html_inside,
		[HTML_KEY] = html_key,	     [HTML_KEY_END] = html_key_end,
		[HTML_BEFORE] = html_before, [HTML_VALUE] = html_value,
		[HTML_MARKUP] = html_markup, [HTML_COMMENT] = html_comment,
	};

	states[l->state](l, c);
}

/* ---------------------------------------------------------------------------- */

struct links *links_new(bool html, links_sink *sink, void *arg)
{
	struct links *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->html = html;
	l->sink = sink;
	l->arg = arg;
	return l;
}

void links_data(struct links *l, const uint8_t *p, size_t n)
{
	if (!l->html) {
		scan_bytes(l, &l->text, p, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		html_byte(l, p[i]);
}

void links_close(struct links *l, bool whole)
{
	if (!l)
		return;
	if (whole && l->html && l->state == HTML_TEXT)
		html_entity_end(&l->entity, text_byte, l);
	if (whole)
		scan_end(l, &l->text);
	free(l);
}

void link_normalise(char *url, size_t n)
{
	size_t at = 0, slashes = 0;

	for (; at < n && slashes < 3 && url[at] != '?' && url[at] != '#'; at++) {
		slashes += url[at] == '/';
		if (url[at] >= 'A' && url[at] <= 'Z')
			url[at] |= 0x20;
	}
}
