// SPDX-License-Identifier: MIT
/* What left. */
#include "ctl/ledger.h"
#include "ctl/sighting_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 500 /* rows that are kept for the widths of a table */
#define WHAT_MAX 128

enum column { C_LINE, C_TIME, C_CLOUD, C_WHAT, C_SAMPLE, C_FIELDS, C_BODY, C_COUNT };

static const char *const titles[C_COUNT] = {
	[C_LINE] = ">LINE",    [C_TIME] = "TIME",     [C_CLOUD] = "CLOUD", [C_WHAT] = "WHAT",
	[C_SAMPLE] = "SAMPLE", [C_FIELDS] = "FIELDS", [C_BODY] = ">BODY",
};

static const struct ctl_column columns[C_COUNT] = {
	[C_LINE] = {.rank = 0},
	[C_TIME] = {.rank = 3, .least = 14},
	[C_CLOUD] = {.rank = 5, .least = 6},
	[C_WHAT] = {.rank = 6, .least = 12, .stays = true},
	[C_SAMPLE] = {.rank = 4, .least = 8},
	[C_FIELDS] = {.rank = 7, .least = 8},
	[C_BODY] = {.rank = 2, .least = 5},
};

struct told {
	unsigned int fields, kept;
	json_int_t bytes;
};

static void add_told(struct told *t, json_t *fields)
{
	const char *name;
	json_t *field;

	json_object_foreach(fields, name, field)
	{
		json_int_t n = json_integer_value(json_object_get(field, "bytes"));

		t->fields += n > 0;
		t->kept += n == 0;
		t->bytes += n;
	}
}

/* How many fields left, with how many bytes; of a list of links those of all. */
static const char *fields_text(const json_t *line, char text[static WHAT_MAX])
{
	json_t *fields = json_object_get(line, "fields"), *one;
	struct told told = {0};
	size_t i;

	add_told(&told, fields);
	json_array_foreach(fields, i, one) add_told(&told, one);
	if (!told.fields && !told.kept)
		return fields ? "none" : "-";
	snprintf(text, WHAT_MAX, "%u with %" JSON_INTEGER_FORMAT " bytes, %u kept back",
		 told.fields, told.bytes, told.kept);
	return text;
}

static const char *what(const json_t *line, char text[static WHAT_MAX])
{
	const char *type = json_text_at(line, "type");
	const char *request = json_text_at(line, "request");
	const char *outcome = json_text_at(line, "outcome");
	json_t *of = json_object_get(line, "of");

	if (request)
		return request;
	if (type && !strcmp(type, "log")) {
		snprintf(text, WHAT_MAX, "%" JSON_INTEGER_FORMAT " records",
			 json_integer_value(json_object_get(line, "records")));
		return text;
	}
	if (outcome && json_is_integer(of))
		snprintf(text, WHAT_MAX, "%s (%" JSON_INTEGER_FORMAT ")", outcome,
			 json_integer_value(of));
	else
		snprintf(text, WHAT_MAX, "%s", outcome ? outcome : type ? type : "-");
	return text;
}

/* The sample, or how many there are. */
static const char *sample_text(const json_t *line, char text[static WHAT_MAX])
{
	const char *sample = json_text_at(line, "sample");
	size_t many = json_array_size(json_object_get(line, "samples"));

	if (many)
		snprintf(text, WHAT_MAX, "%zu samples", many);
	else
		snprintf(text, WHAT_MAX, "%.12s", sample ? sample : "-");
	return text;
}

/* Where it went, or was to go: the name of a cloud, or of a log; NULL: nowhere. */
static const char *whither(const json_t *line)
{
	const char *cloud = json_text_at(line, "cloud");

	return cloud ? cloud : json_text_at(line, "log");
}

static void row(struct ctl_table *t, const json_t *line)
{
	const char *cloud = whither(line);
	const json_t *bytes = json_at(line, "body.bytes");
	char text[WHAT_MAX], time[TIME_TEXT_MAX], size[SIGHTING_SIZE_MAX] = "-";

	if (bytes)
		sighting_size_text((uint64_t)json_integer_value(bytes), size);
	ctl_table_cell(t, "%" JSON_INTEGER_FORMAT,
		       json_integer_value(json_object_get(line, "n")));
	ctl_table_cell(t, "%s", time_local(json_text_at(line, "time"), true, time));
	ctl_table_cell(t, "%s", cloud ? cloud : "-");
	ctl_table_cell(t, "%s", what(line, text));
	ctl_table_cell(t, "%s", sample_text(line, text));
	ctl_table_cell(t, "%s", fields_text(line, text));
	ctl_table_cell(t, "%s", size);
}

static bool is_sample(const char *hash, const char *digits)
{
	return hash && !strncasecmp(hash, digits, strlen(digits));
}

/* Whether it is about a sample, alone or among others. */
static bool is_about(const json_t *line, const char *digits)
{
	json_t *samples = json_object_get(line, "samples"), *one;
	size_t i;

	json_array_foreach(samples, i,
			   one) if (is_sample(json_string_value(one), digits)) return true;
	return is_sample(json_text_at(line, "sample"), digits);
}

static bool wanted(const struct ledger_options *o, const json_t *line)
{
	const char *cloud = whither(line);
	const char *time = json_text_at(line, "time");

	return (!o->sample || is_about(line, o->sample)) &&
	       (!o->cloud || (cloud && !strcmp(cloud, o->cloud))) &&
	       (!o->since[0] || (time && strcmp(time, o->since) >= 0));
}

int ledger_show(const struct ctl *ctl, const struct ledger_options *o, const char *path)
{
	FILE *f = fopen(path, "re");
	struct ctl_table *table = NULL;
	uint64_t rows = 0, broken = 0;
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	if (!f) {
		ctl_error("%s: %s", path, strerror(errno));
		return CTL_FAILED;
	}
	if (!ctl->json) {
		table = ctl_table_new(titles, C_COUNT);
		ctl_table_columns(table, columns);
	}
	while ((n = getline(&text, &room, f)) > 0 && text[n - 1] == '\n') {
		json_t *line = json_loadb(text, (size_t)n - 1, 0, NULL);

		broken += !json_is_object(line);
		if (json_is_object(line) && wanted(o, line)) {
			if (table)
				row(table, line);
			else
				ctl_print_json_line(json_incref(line));
			if (table && ++rows % BATCH == 0)
				ctl_table_flush(table);
		}
		json_decref(line);
	}
	free(text);
	fclose(f);
	if (table)
		ctl_table_print(table);
	if (broken)
		ctl_warning("%s: %" PRIu64
			    " lines are no JSON objects; see sluicectl ledger verify",
			    path, broken);
	return CTL_OK;
}
