// SPDX-License-Identifier: MIT
#include "policy/panos.h"

#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NODE "session-info-select"
#define MEMBER "member"
#define VALUE_MAX 31

static const char *const names[SLUICE_FIELD_COUNT] = {
#define PANOS_NAME(id, name, panos) [SLUICE_FIELD_##id] = panos,
	SLUICE_FIELDS(PANOS_NAME)
#undef PANOS_NAME
};

struct reader {
	XML_Parser parser;
	char *error;
	bool failed, found;
	unsigned int depth, node; /* elements open; what it was inside the node, 0: outside */
	enum sluice_field field;  /* of the element; COUNT: a member, which says it as text */
	char value[VALUE_MAX + 1];
	size_t value_len;
	uint32_t seen, excluded; /* fields, by bit */
};

static void refuse(struct reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void refuse(struct reader *r, const char *format, ...)
{
	va_list args;
	int n;

	if (r->failed)
		return;
	r->failed = true;
	n = snprintf(r->error, PANOS_ERROR_MAX, "line %lu, column %lu: ",
		     (unsigned long)XML_GetCurrentLineNumber(r->parser),
		     (unsigned long)XML_GetCurrentColumnNumber(r->parser) + 1);
	va_start(args, format);
	vsnprintf(r->error + n, PANOS_ERROR_MAX - (size_t)n, format, args);
	va_end(args);
	XML_StopParser(r->parser, XML_FALSE);
}

static enum sluice_field field_of(const char *name)
{
	unsigned int f = 0;

	while (f < SLUICE_FIELD_COUNT && strcmp(names[f], name) != 0)
		f++;
	return f;
}

static void on_start(void *arg, const char *name, const char **attributes)
{
	struct reader *r = arg;

	(void)attributes; /* marks of the device: who changed it, from which template */
	r->depth++;
	if (!r->node) {
		if (strcmp(name, NODE) != 0)
			return;
		if (r->found)
			refuse(r, "a second <" NODE ">: expected one; cut the document down to "
				  "the one that counts");
		r->found = true;
		r->node = r->depth;
		return;
	}
	r->value_len = 0;
	r->field = strcmp(name, MEMBER) == 0 ? SLUICE_FIELD_COUNT : field_of(name);
	if (r->depth != r->node + 1)
		refuse(r, "<%.40s>: expected text here", name);
	else if (r->field == SLUICE_FIELD_COUNT && strcmp(name, MEMBER) != 0)
		refuse(r, "<%.40s>: expected <member> or one of the twelve, like <%s>", name,
		       names[0]);
}

static void on_text(void *arg, const char *p, int n)
{
	struct reader *r = arg;

	if (!r->node)
		return;
	for (int i = 0; i < n; i++) {
		if (strchr(" \t\r\n", p[i]))
			continue;
		if (r->depth == r->node) {
			refuse(r, "text between the elements: expected none");
			return;
		}
		if (r->value_len < VALUE_MAX)
			r->value[r->value_len++] = p[i];
		else
			refuse(r, "the text is longer than any that is known");
	}
}

static void take(struct reader *r)
{
	enum sluice_field field = r->field;
	bool excluded = true;

	r->value[r->value_len] = '\0';
	if (field == SLUICE_FIELD_COUNT) {
		field = field_of(r->value);
		if (field == SLUICE_FIELD_COUNT) {
			refuse(r, "'%s': expected one of the twelve, like %s", r->value,
			       names[0]);
			return;
		}
	} else if (strcmp(r->value, "no") == 0) {
		excluded = false;
	} else if (strcmp(r->value, "yes") != 0) {
		refuse(r, "<%s>: '%s': expected yes or no", names[field], r->value);
		return;
	}
	if (r->seen & SLUICE_FIELD_BIT(field))
		refuse(r, "%s is given twice", names[field]);
	r->seen |= SLUICE_FIELD_BIT(field);
	if (excluded)
		r->excluded |= SLUICE_FIELD_BIT(field);
}

static void on_end(void *arg, const char *name)
{
	struct reader *r = arg;

	(void)name;
	if (r->node && r->depth == r->node + 1)
		take(r);
	else if (r->node == r->depth)
		r->node = 0;
	r->depth--;
}

/* Entities of the document's own could be anything, and any size. */
static void on_doctype(void *arg, const char *name, const char *system, const char *public,
		       int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	refuse(arg, "a document type: expected none");
}

static bool parse(struct reader *r, const char *text, size_t n)
{
	/* Expat takes an int at a time. */
	const size_t part = 1 << 20;
	enum XML_Status status = XML_STATUS_OK;

	for (size_t at = 0; status == XML_STATUS_OK && !r->failed; at += part) {
		size_t left = n - at;

		status = XML_Parse(r->parser, text + at, (int)(left < part ? left : part),
				   left <= part);
		if (left <= part)
			break;
	}
	if (status != XML_STATUS_OK && !r->failed)
		refuse(r, "%s", XML_ErrorString(XML_GetErrorCode(r->parser)));
	else if (!r->failed && !r->found)
		refuse(r, "no <" NODE "> up to here: expected one");
	return !r->failed;
}

bool panos_read(const char *text, size_t n, struct policy *p,
		char error[static PANOS_ERROR_MAX])
{
	struct reader r = {.error = error, .parser = XML_ParserCreate(NULL)};

	*p = policy_all(POLICY_OMIT);
	if (!r.parser) {
		snprintf(error, PANOS_ERROR_MAX, "out of memory");
		return false;
	}
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	if (parse(&r, text, n))
		*p = policy_masked(policy_all(POLICY_SHARE), ~r.excluded);
	XML_ParserFree(r.parser);
	return !r.failed;
}

unsigned int panos_write(const struct policy *p, bool members, struct buf *out)
{
	char text[POLICY_FIELD_TEXT_MAX];
	unsigned int narrowed = 0;

	buf_add_string(out, "<" NODE ">\n");
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		enum policy_mode mode = policy_mode(p, f);

		if (mode == POLICY_SHARE)
			continue;
		if (members)
			buf_printf(out, "  <" MEMBER ">%s</" MEMBER ">", names[f]);
		else
			buf_printf(out, "  <%s>yes</%s>", names[f], names[f]);
		if (mode != POLICY_OMIT) {
			buf_printf(out, " <!-- %s: %s -->", policy_field_name(f),
				   policy_field_text(p, f, text));
			narrowed++;
		}
		buf_add_string(out, "\n");
	}
	buf_add_string(out, "</" NODE ">\n");
	return narrowed;
}
