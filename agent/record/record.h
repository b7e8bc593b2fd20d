/* SPDX-License-Identifier: MIT */
/*
 * A line of the local log in the formats that others read.
 *
 * Every rendering says what the line says (Elastic Common Schema, as envelope_local() makes
 * it), all of it that the format has a place for; sluicectl(8) has the table of which value
 * stands where. Pure: no clock, nothing but the arguments.
 *
 * A rendering is one line.  Characters that would end it or command a terminal (C0, DEL) are
 * escaped as the format has it, and where it has nothing as \x1b.
 */
#ifndef SLUICE_RECORD_RECORD_H
#define SLUICE_RECORD_RECORD_H

#include "lib/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* What the line itself does not say. */
struct record_context {
	const char *host; /* where the agent runs; NULL: left out */
};

struct record_format {
	const char *name;
	bool json; /* each line is a JSON object */
	/* Appends to out, without a newline; false when out of memory or room. */
	bool (*render)(const json_t *sighting, const struct record_context *context,
		       struct buf *out);
};

/* All of them, for options and completion. */
#define RECORD_FORMAT_WORDS "ecs eve ocsf panos cef"

/* NULL: there is none of that name. */
const struct record_format *record_find(const char *name);

/*
 * Appends the rendering of a sighting, borrowed, without a newline.  Values that are missing
 * or not of the type that the log gives them are left out.  False when out of memory or room;
 * out then is as it was, but for `failed`.
 */
bool record_render(const struct record_format *format, const json_t *sighting,
		   const struct record_context *context, struct buf *out);

#endif
