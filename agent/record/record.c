// SPDX-License-Identifier: MIT
#include "record/record.h"

#include "lib/json.h"
#include "policy/ecs.h"
#include "record/format.h"

#include <string.h>

static bool ecs(const json_t *sighting, const struct record_context *context, struct buf *out)
{
	return record_dump(sighting, out);
}

static const struct record_format formats[] = {
	{"ecs", true, ecs},	     {"eve", true, record_eve},
	{"ocsf", true, record_ocsf}, {"panos", false, record_panos},
	{"cef", false, record_cef},
};

const struct record_format *record_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

bool record_render(const struct record_format *format, const json_t *sighting,
		   const struct record_context *context, struct buf *out)
{
	size_t before = out->len;

	if (format->render(sighting, context, out) && !out->failed)
		return true;
	out->failed = true;
	out->len = before;
	return false;
}

bool record_copy(json_t *to, const json_t *from, const struct record_copy *table)
{
	for (; table->to; table++) {
		json_t *v = json_at(from, table->from);
		bool boolean = table->type == JSON_TRUE && json_is_boolean(v);

		if (v && (boolean || json_typeof(v) == table->type) &&
		    !json_set_at(to, table->to, json_incref(v)))
			return false;
	}
	return true;
}

bool record_text(const json_t *from, const char *path, struct buf *out)
{
	const json_t *v = json_at(from, path), *one;
	size_t i;

	if (json_is_string(v))
		return buf_add(out, json_string_value(v), json_string_length(v));
	if (json_is_integer(v))
		return buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	for (i = 0; json_is_array(v) && (one = json_array_get(v, i)); i++) {
		if (i)
			buf_add(out, ";", 1);
		if (json_is_string(one))
			buf_add(out, json_string_value(one), json_string_length(one));
	}
	return !out->failed;
}

void record_add_control(struct buf *out, char c)
{
	buf_printf(out, "\\x%02x", (unsigned char)c);
}

bool record_dump(const json_t *root, struct buf *out)
{
	return ecs_dump(root, out);
}
