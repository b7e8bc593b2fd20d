// SPDX-License-Identifier: MIT
#include "ctl/input.h"

#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART 65536

/* All of it and a NUL; NULL: out of memory, or as many bytes as max. */
static char *read_on(FILE *from, size_t max, size_t *n)
{
	size_t room = 0, got;
	char *text = NULL, *more;

	for (*n = 0; *n < max; *n += got) {
		if (room - *n < PART + 1) {
			room = room ? 2 * room : 2 * PART;
			more = realloc(text, room);
			if (!more)
				break;
			text = more;
		}
		got = fread(text + *n, 1, PART, from);
		if (!got) {
			text[*n] = '\0';
			return text;
		}
	}
	free(text);
	return NULL;
}

char *ctl_read_all(const char *command, const char *path, size_t max)
{
	FILE *from = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = NULL;
	size_t n = 0;

	if (from)
		text = read_on(from, max, &n);
	if (!from || ferror(from)) {
		ctl_error("%s: cannot read %s: %s", command, path, strerror(errno));
	} else if (!text && n >= max) {
		ctl_error("%s: %s: longer than %zu bytes, expected less", command, path, max);
	} else if (!text) {
		ctl_error("out of memory");
	} else if (memchr(text, '\0', n)) {
		ctl_error("%s: %s: has NUL bytes, expected text", command, path);
	} else {
		if (from != stdin)
			fclose(from);
		return text;
	}
	if (from && from != stdin)
		fclose(from);
	free(text);
	return NULL;
}
