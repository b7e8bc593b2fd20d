// SPDX-License-Identifier: MIT
#include "record/journal.h"

#include "lib/json.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* NAME=text, or where a newline is in it the name, the text's length and the text. */
static void add(struct buf *out, const char *name, const void *text, size_t n)
{
	uint64_t length = htole64(n);

	buf_add_string(out, name);
	if (n && memchr(text, '\n', n)) {
		buf_add(out, "\n", 1);
		buf_add(out, &length, sizeof(length));
	} else {
		buf_add(out, "=", 1);
	}
	buf_add(out, text, n);
	buf_add(out, "\n", 1);
}

static void add_number(struct buf *out, const char *name, int64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, n);
	add(out, name, text, strlen(text));
}

bool journal_entry(const struct syslog_head *head, const json_t *record, const void *text,
		   size_t n, struct buf *out)
{
	static const struct {
		const char *name, *path;
	} fields[] = {
		{"SLUICE_ID", "event.id"},
		{"SLUICE_SHA256", "file.hash.sha256"},
		{"SLUICE_FILENAME", "file.name"},
		{"SLUICE_STATE", "sluice.file.state"},
		{"SLUICE_DIRECTION", "sluice.direction"},
		{"SLUICE_CLOUD", "sluice.cloud.name"},
		{"SLUICE_OUTCOME", "sluice.cloud.outcome"},
		{"SLUICE_VERDICT", "sluice.cloud.verdict"},
	};

	add(out, "MESSAGE", text, n);
	add(out, "SYSLOG_IDENTIFIER", "sluice", 6);
	add_number(out, "PRIORITY", head->severity);
	add(out, "SLUICE_KIND", head->id, strlen(head->id));
	add_number(out, "SLUICE_RECORD", (int64_t)head->sequence);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const json_t *v = json_at(record, fields[i].path);

		if (json_is_string(v))
			add(out, fields[i].name, json_string_value(v), json_string_length(v));
		else if (json_is_integer(v))
			add_number(out, fields[i].name, json_integer_value(v));
	}
	return !out->failed;
}
