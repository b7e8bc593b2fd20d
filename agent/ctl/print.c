// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "sluicectl: KIND: ..." in one line, whatever is in it. */
static void complain(const char *kind, const char *format, va_list args)
{
	struct buf clean;
	char *text;

	fflush(stdout);
	buf_init(&clean, 65536);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	display_clean(&clean, text ? text : "out of memory", text ? strlen(text) : 13);
	fprintf(stderr, "sluicectl: %s: %s\n", kind, buf_string(&clean));
	buf_free(&clean);
	free(text);
}

void ctl_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain("error", format, args);
	va_end(args);
}

void ctl_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain("warning", format, args);
	va_end(args);
}

int ctl_kernel_error(const struct ctl *ctl)
{
	ctl_error("%s", ctl->kernel.error);
	return CTL_FAILED;
}

/* A terminal gets no character that it might obey: JSON leaves DEL and those beyond ASCII. */
static int put_harmless(const char *p, size_t n, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < n; i++)
		if (p[i] == 0x7f)
			fputs("\\u007f", stdout);
		else
			fputc(p[i], stdout);
	return 0;
}

static void dump(json_t *value, size_t flags)
{
	flags |= JSON_PRESERVE_ORDER;
	if (isatty(STDOUT_FILENO))
		json_dump_callback(value, put_harmless, NULL, flags | JSON_ENSURE_ASCII);
	else
		json_dumpf(value, stdout, flags);
	fputc('\n', stdout);
	json_decref(value);
}

int ctl_print_json(json_t *value)
{
	if (!value) {
		ctl_error("out of memory");
		return CTL_FAILED;
	}
	dump(value, JSON_INDENT(2));
	return CTL_OK;
}

void ctl_print_json_line(json_t *value)
{
	dump(value, JSON_COMPACT);
	fflush(stdout);
}
