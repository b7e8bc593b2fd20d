// SPDX-License-Identifier: MIT
/*
 * A preview (preview.h) for people and for programs.
 */
#include "lib/display.h"
#include "policy/policy.h"
#include "supervisor/preview.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

#define LINE_MAX_BYTES (8u << 20)

/* One line, harmless: a newline in a value is shown, and starts no other line. */
static void put_line(FILE *to, const char *before, const char *p, size_t n)
{
	struct buf clean;

	buf_init(&clean, LINE_MAX_BYTES);
	display_clean(&clean, p, n);
	fprintf(to, "%s%s%s\n", before, *before && n ? " " : "", buf_string(&clean));
	buf_free(&clean);
}

/* What has lines of its own; the CR before a newline is not shown. */
static void put_lines(FILE *to, const char *before, const char *p)
{
	while (*p) {
		size_t n = strcspn(p, "\n");

		put_line(to, before, p, n && p[n - 1] == '\r' ? n - 1 : n);
		p += n + (p[n] == '\n');
	}
}

static void put(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(FILE *to, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		put_line(to, "", text, strlen(text));
	free(text);
}

/* ------------------------------------------------------------------ fields */

static char mark_sign(const char *mark)
{
	static const struct {
		const char *mark;
		char sign;
	} signs[] = {{"shared", '='}, {"changed", '~'}, {"left out", '-'}, {"nothing", ' '}};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (!strcmp(mark, signs[i].mark))
			return signs[i].sign;
	return '?';
}

/* A value as it stands in JSON, without the quotes of a text; the caller frees it. */
static char *value_text(const json_t *v)
{
	if (!v || json_is_null(v))
		return strdup("");
	if (json_is_string(v))
		return strdup(json_string_value(v));
	return json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
}

static char *joined(const json_t *list)
{
	char *text = NULL;
	size_t n = 0, i;
	FILE *f = open_memstream(&text, &n);
	json_t *v;

	if (!f)
		return NULL;
	json_array_foreach(list, i, v) fprintf(f, "%s%s", i ? ", " : "", json_string_value(v));
	fclose(f);
	return text;
}

static void put_field(FILE *to, const char *name, const json_t *field)
{
	char *seen = value_text(json_object_get(field, "seen"));
	char *sent = value_text(json_object_get(field, "sent"));
	char *because = joined(json_object_get(field, "because"));
	const char *mark = text_of(field, "mark");
	char sign = mark_sign(mark);

	if (seen && sent && because)
		put(to, "%c %-16s %-21s %s%s%s", sign, name, text_of(field, "mode"), seen,
		    sign == '~'	  ? " -> "
		    : sign == '-' ? " -> (left out)"
				  : "",
		    sign == '~' ? sent : "");
	if (because && *because && sign != '=' && sign != ' ')
		put(to, "  %-16s %-21s because of %s", "", "", because);
	free(seen);
	free(sent);
	free(because);
}

static void put_fields(FILE *to, const json_t *fields)
{
	fputs("\n= as seen, ~ changed, - left out, blank: there was nothing\n", to);
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		put_field(to, policy_field_name(f),
			  json_object_get(fields, policy_field_name(f)));
}

/* ---------------------------------------------------------------- requests */

static void put_request(FILE *to, const json_t *r)
{
	const json_t *body = json_object_get(r, "body");
	const char *when = json_string_value(json_object_get(r, "when"));

	fputc('\n', to);
	put(to, "request %s: %s %s", text_of(r, "request"), text_of(r, "method"),
	    text_of(r, "url"));
	if (when)
		put(to, "%s", when);
	if (json_is_integer(json_object_get(body, "bytes")))
		put(to, "body of %lld bytes, SHA-256 %s",
		    (long long)json_integer_value(json_object_get(body, "bytes")),
		    text_of(body, "sha256"));
	put_lines(to, "|", text_of(r, "text"));
}

/* --------------------------------------------------------------------- all */

static void put_requests(FILE *to, const json_t *preview)
{
	const char *stopped = json_string_value(json_object_get(preview, "stopped"));
	json_t *r;
	size_t i;

	if (json_object_get(preview, "key_missing"))
		fputs("\nThe API key cannot be read: the bodies below are without it, their "
		      "hashes and lengths not known.\n",
		      to);
	json_array_foreach(json_object_get(preview, "requests"), i, r) put_request(to, r);
	if (stopped) {
		fputc('\n', to);
		put(to, "no more: %s", stopped);
	}
}

void preview_print(const json_t *preview, FILE *to)
{
	const char *refused = json_string_value(json_object_get(preview, "refused"));
	const char *key = json_string_value(json_object_get(preview, "key"));

	put(to, "cloud %s (%s, %s): %s", text_of(preview, "cloud"), text_of(preview, "kind"),
	    text_of(preview, "scope"), text_of(preview, "target"));
	put(to, "sighting %s, a %s of %lld bytes, SHA-256 %s", text_of(preview, "sighting"),
	    text_of(preview, "what"),
	    (long long)json_integer_value(json_object_get(preview, "size")),
	    text_of(preview, "sample"));
	if (refused) {
		put(to, "nothing leaves: %s", refused);
	} else {
		put(to, "policy %s, key %s", text_of(preview, "policy"), key ? key : "none");
		put_fields(to, json_object_get(preview, "fields"));
		if (json_is_true(json_object_get(preview, "session"))) {
			fputs("\nenvelope\n", to);
			put(to, "%s", text_of(preview, "envelope_text"));
		} else {
			fputs("\nno envelope: session = no\n", to);
		}
		put_requests(to, preview);
	}
	fputc('\n', to);
}

void preview_print_json(const json_t *preview, FILE *to)
{
	json_dumpf(preview, to, JSON_COMPACT);
	fputc('\n', to);
}
