// SPDX-License-Identifier: MIT
#include "ctl/sighting_text.h"

#include "ctl/filter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WIDE 120 /* columns from which on times have a year */

enum column {
	C_TIME,
	C_DIRECTION,
	C_TYPE,
	C_SIZE,
	C_APPLICATION,
	C_USER,
	C_SENDER,
	C_RECEIVER,
	C_NAME,
	C_STATE,
	C_RULE,
	C_COUNT
};

static const char *const titles[C_COUNT] = {"TIME",	   "",	    "TYPE",   ">SIZE",
					    "APPLICATION", "USER",  "SENDER", "RECEIVER",
					    "NAME",	   "STATE", "RULE"};

static const struct ctl_column columns[C_COUNT] = {
	[C_TIME] = {.usual = 19},
	[C_DIRECTION] = {.usual = 1},
	[C_TYPE] = {.rank = 3, .least = 6, .usual = 6},
	[C_SIZE] = {.rank = 5, .least = 6, .usual = 6},
	[C_APPLICATION] = {.rank = 6, .least = 8, .usual = 12},
	[C_USER] = {.rank = 7, .least = 8, .usual = 10, .optional = true},
	[C_SENDER] = {.rank = 4, .least = 15, .usual = 19},
	[C_RECEIVER] = {.rank = 4, .least = 15, .usual = 19},
	[C_NAME] =
		{.rank = 8, .least = 12, .stays = true, .cut = DISPLAY_CUT_MIDDLE, .usual = 24},
	[C_STATE] = {.rank = 2, .least = 8, .usual = 8},
	[C_RULE] = {.rank = 9, .least = 6, .optional = true},
};

struct ctl_table *sighting_table(bool live)
{
	struct ctl_table *t = ctl_table_new(titles, C_COUNT);

	struct ctl_column how[C_COUNT];

	memcpy(how, columns, sizeof(how));
	for (size_t i = 0; !live && i < C_COUNT; i++)
		how[i].usual = 0;
	ctl_table_columns(t, how);
	return t;
}

/* ------------------------------------------------------------------- pieces */

static void local(time_t seconds, const char *fraction, bool brief,
		  char text[static TIME_TEXT_MAX])
{
	char zone[16];
	struct tm tm;
	size_t n;

	localtime_r(&seconds, &tm);
	n = strftime(text, TIME_TEXT_MAX, brief ? "%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	snprintf(text + n, TIME_TEXT_MAX - n, "%s%s", fraction, zone);
}

const char *time_local(const char *utc, bool brief, char text[static TIME_TEXT_MAX])
{
	char fraction[8] = "";
	struct tm tm = {0};
	const char *rest = utc ? strptime(utc, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

	if (!rest || !strchr(rest, 'Z')) {
		snprintf(text, TIME_TEXT_MAX, "%s", utc ? utc : "-");
		return text;
	}
	if (*rest == '.' && !brief)
		snprintf(fraction, sizeof(fraction), "%.4s", rest);
	fraction[strcspn(fraction, "Z")] = 0;
	local(timegm(&tm), fraction, brief, text);
	return text;
}

const char *time_local_ms(int64_t ms, char text[static TIME_TEXT_MAX])
{
	char fraction[8];

	snprintf(fraction, sizeof(fraction), ".%03d", (int)(ms % 1000));
	local((time_t)(ms / 1000), fraction, false, text);
	return text;
}

const char *sighting_size_text(uint64_t size, char text[static SIGHTING_SIZE_MAX])
{
	static const char units[] = "KMGTPE";
	double value = (double)size;
	int unit = -1;

	while (value >= 1024 && unit < 5) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(text, SIGHTING_SIZE_MAX, "%" PRIu64, size);
	else
		snprintf(text, SIGHTING_SIZE_MAX, value < 9.95 ? "%.1f%c" : "%.0f%c", value,
			 units[unit]);
	return text;
}

const char *end_text(const json_t *end, char text[static END_TEXT_MAX])
{
	const char *ip = json_text_at(end, "ip");
	const json_t *port = json_object_get(end, "port");

	text[0] = 0;
	if (ip && port)
		snprintf(text, END_TEXT_MAX,
			 strchr(ip, ':') ? "[%s]:%" JSON_INTEGER_FORMAT
					 : "%s:%" JSON_INTEGER_FORMAT,
			 ip, json_integer_value(port));
	else if (ip)
		snprintf(text, END_TEXT_MAX, "%s", ip);
	return text;
}

const char *state_text(const json_t *s)
{
	const char *state = json_text_at(s, "sluice.file.state");
	const char *reason = json_text_at(s, "sluice.file.reason");

	return reason && strcmp(reason, "none") ? reason : state ? state : "-";
}

/* ---------------------------------------------------------------------- row */

static const char *or_dash(const char *text)
{
	return text && *text ? text : "-";
}

static void name_cell(struct ctl_table *t, const json_t *s)
{
	const char *path = json_text_at(s, "sluice.file.container.path");
	const char *name = json_text_at(s, "file.name");
	const char *kind = json_text_at(s, "sluice.kind");

	if (!name)
		name = path;
	if (!name)
		name = json_text_at(s, "url.original");
	if (!name && kind && strcmp(kind, "file"))
		ctl_table_cell(t, "(%s)", kind);
	else
		ctl_table_cell(t, "%s", or_dash(name));
}

static void state_cell(struct ctl_table *t, const json_t *s)
{
	const json_t *traits = json_at(s, "sluice.file.traits");
	const char *state = state_text(s), *trait;
	bool overload = json_at(s, "sluice.overload");

	trait = json_string_value(json_array_get(traits, 0));
	if (trait && strcmp(trait, state))
		ctl_table_cell(t, "%s, %s", state, trait);
	else if (overload)
		ctl_table_cell(t, "%s, overload", state);
	else
		ctl_table_cell(t, "%s", state);
	if (trait)
		ctl_table_colour(t, COLOUR_RED);
	else if (overload || strcmp(state, "complete"))
		ctl_table_colour(t, COLOUR_YELLOW);
}

void sighting_row(struct ctl_table *t, const json_t *s)
{
	const char *direction = json_text_at(s, "sluice.direction");
	bool upload = direction && !strcmp(direction, "upload");
	size_t width = ctl_terminal_width();
	char time[TIME_TEXT_MAX], size[SIGHTING_SIZE_MAX], end[END_TEXT_MAX];

	ctl_table_cell(t, "%s",
		       time_local(json_text_at(s, "@timestamp"), width && width < WIDE, time));
	if (display_unicode())
		ctl_table_cell(t, "%s", upload ? "\xe2\x86\x91" : "\xe2\x86\x93");
	else
		ctl_table_cell(t, "%s", upload ? "^" : "v");
	ctl_table_cell(t, "%s", or_dash(json_text_at(s, "sluice.file.type")));
	ctl_table_cell(t, "%s",
		       sighting_size_text((uint64_t)json_integer_value(json_at(s, "file.size")),
					  size));
	ctl_table_cell(t, "%s", or_dash(json_text_at(s, "network.application")));
	ctl_table_cell(t, "%s", or_dash(json_text_at(s, "user.name")));
	ctl_table_cell(t, "%s", or_dash(end_text(json_at(s, "source"), end)));
	ctl_table_cell(t, "%s", or_dash(end_text(json_at(s, "destination"), end)));
	name_cell(t, s);
	state_cell(t, s);
	ctl_table_cell(t, "%s", or_dash(json_text_at(s, "rule.name")));
}
