// SPDX-License-Identifier: MIT
#include "record/syslog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FACILITY 16 /* local0 */
#define HEAD_MAX 512
#define FRACTION_MAX 6		/* digits that the format takes */
#define SEQUENCE_MAX 2147483647 /* after which sequenceId begins at 1 again */

/* With the fraction cut to what the format takes. */
static void add_time(const char *time, char *out, size_t size)
{
	const char *dot = time ? strchr(time, '.') : NULL;
	size_t digits = dot ? strspn(dot + 1, "0123456789") : 0;

	if (!time)
		snprintf(out, size, "-");
	else if (digits <= FRACTION_MAX)
		snprintf(out, size, "%s", time);
	else
		snprintf(out, size, "%.*s%s", (int)(dot + 1 + FRACTION_MAX - time), time,
			 dot + 1 + digits);
}

/* A field of the header is printable ASCII without spaces. */
static bool printable(const char *text)
{
	if (!text || !text[0])
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text >= 0x7f)
			return false;
	return true;
}

bool syslog_frame(const struct syslog_head *head, const void *text, size_t n, struct buf *out)
{
	char first[HEAD_MAX], time[64];
	int size;

	add_time(head->time, time, sizeof(time));
	size = snprintf(
		first, sizeof(first),
		"<%d>1 %s %.255s sluice - %.32s [meta sequenceId=\"%" PRIu64 "\"] ",
		FACILITY * 8 + head->severity, time, printable(head->host) ? head->host : "-",
		printable(head->id) ? head->id : "-", (head->sequence - 1) % SEQUENCE_MAX + 1);
	if (size < 0 || (size_t)size >= sizeof(first))
		return false;
	buf_printf(out, "%zu ", (size_t)size + n);
	buf_add(out, first, (size_t)size);
	return buf_add(out, text, n);
}
