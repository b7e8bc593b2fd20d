// SPDX-License-Identifier: MIT
/*
 * Character references of HTML.
 */
#include "mime/html_entity.h"

#include <string.h>
#include <strings.h>

/* Those a URL or what stands around one may be written with. */
static const struct {
	const char *name;
	uint32_t value;
	bool bare; /* known without its semicolon */
} entities[] = {
	{"amp", '&', true},	{"AMP", '&', true},	   {"lt", '<', true},
	{"gt", '>', true},	{"quot", '"', true},	   {"apos", '\'', false},
	{"nbsp", 0xa0, true},	{"colon", ':', false},	   {"sol", '/', false},
	{"period", '.', false}, {"quest", '?', false},	   {"equals", '=', false},
	{"num", '#', false},	{"percnt", '%', false},	   {"commat", '@', false},
	{"lowbar", '_', false}, {"hyphen", 0x2010, false}, {"dash", 0x2010, false},
	{"plus", '+', false},	{"comma", ',', false},	   {"semi", ';', false},
	{"excl", '!', false},	{"lpar", '(', false},	   {"rpar", ')', false},
	{"bsol", '\\', false},	{"Tab", '\t', false},	   {"NewLine", '\n', false},
	{"dollar", '$', false}, {"ast", '*', false},	   {"shy", 0xad, true},
	{"lbrack", '[', false}, {"rbrack", ']', false},
};

static void put(uint32_t c, html_entity_sink *sink, void *arg)
{
	uint8_t out[4];
	size_t n = 0;

	if (c < 0x80) {
		out[n++] = (uint8_t)c;
	} else if (c < 0x800) {
		out[n++] = (uint8_t)(0xc0 | c >> 6);
		out[n++] = (uint8_t)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		out[n++] = (uint8_t)(0xe0 | c >> 12);
		out[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[n++] = (uint8_t)(0x80 | (c & 0x3f));
	} else {
		out[n++] = (uint8_t)(0xf0 | c >> 18);
		out[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		out[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[n++] = (uint8_t)(0x80 | (c & 0x3f));
	}
	sink(arg, out, n);
}

/* "&#65" or "&#x41"; false: none. */
static bool number(const struct html_entity *e, uint32_t *value)
{
	bool hex = e->len > 2 && (e->text[2] | 0x20) == 'x';
	size_t at = hex ? 3 : 2;
	uint32_t v = 0;

	if (e->len <= at || e->text[1] != '#')
		return false;
	for (; at < e->len; at++) {
		char c = e->text[at];
		uint32_t digit =
			c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 0x20) - 'a' + 10);

		v = v * (hex ? 16 : 10) + digit;
		if (v > 0x10ffff)
			v = 0xfffd;
	}
	*value = !v || (v >= 0xd800 && v < 0xe000) ? 0xfffd : v;
	return true;
}

/* What waits, ended by next (0: the text's end).  True when it was a reference. */
static bool decode(const struct html_entity *e, uint8_t next, html_entity_sink *sink, void *arg)
{
	uint32_t value;

	if (number(e, &value)) {
		put(value, sink, arg);
		return true;
	}
	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		if (strlen(entities[i].name) != e->len - 1 ||
		    memcmp(entities[i].name, e->text + 1, e->len - 1))
			continue;
		/* "?a=1&lt=2" is no "<". */
		if (next != ';' && (!entities[i].bare || next == '='))
			return false;
		put(entities[i].value, sink, arg);
		return true;
	}
	return false;
}

/* May c go on what waits? */
static bool goes_on(const struct html_entity *e, uint8_t c)
{
	bool digit = c >= '0' && c <= '9';
	uint8_t low = c | 0x20;

	if (e->len == sizeof(e->text))
		return false;
	if (e->len == 1)
		return c == '#' || (low >= 'a' && low <= 'z');
	if (e->text[1] != '#')
		return digit || (low >= 'a' && low <= 'z');
	if (e->len == 2)
		return digit || low == 'x';
	return digit || ((e->text[2] | 0x20) == 'x' && low >= 'a' && low <= 'f');
}

void html_entity_byte(struct html_entity *e, uint8_t c, html_entity_sink *sink, void *arg)
{
	if (e->len) {
		bool known;

		if (goes_on(e, c)) {
			e->text[e->len++] = (char)c;
			return;
		}
		known = decode(e, c, sink, arg);
		if (!known)
			sink(arg, (const uint8_t *)e->text, e->len);
		e->len = 0;
		if (known && c == ';')
			return;
	}
	if (c == '&')
		e->text[e->len++] = '&';
	else
		sink(arg, &c, 1);
}

void html_entity_end(struct html_entity *e, html_entity_sink *sink, void *arg)
{
	if (e->len && !decode(e, 0, sink, arg))
		sink(arg, (const uint8_t *)e->text, e->len);
	e->len = 0;
}

void html_entity_reset(struct html_entity *e)
{
	e->len = 0;
}
