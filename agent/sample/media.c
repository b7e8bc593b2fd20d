// SPDX-License-Identifier: MIT
/*
 * libmagic, kept to bytes in memory: no look into compressed data, no other file.
 */
#include "sample/media.h"

#include "lib/log.h"

#include <magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS                                                                                  \
	(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_ELF | \
	 MAGIC_NO_CHECK_CDF)

struct media {
	magic_t magic;
};

/* How deep one answer may go: the bytes are hostile. */
static void limit(magic_t magic)
{
	static const struct {
		int parameter;
		size_t value;
	} limits[] = {
		{MAGIC_PARAM_BYTES_MAX, FILE_TYPE_HEAD},
		{MAGIC_PARAM_REGEX_MAX, 1024},
		{MAGIC_PARAM_INDIR_MAX, 8},
		{MAGIC_PARAM_NAME_MAX, 32},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		magic_setparam(magic, limits[i].parameter, &limits[i].value);
}

struct media *media_open(void)
{
	struct media *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->magic = magic_open(FLAGS);
	if (m->magic && !magic_load(m->magic, NULL)) {
		limit(m->magic);
		return m;
	}
	log_warning_once(
		"file formats: no database of libmagic (%s): formats that the table of "
		"file types does not know stay without a name",
		m->magic ? magic_error(m->magic) : "out of memory");
	media_close(m);
	return NULL;
}

void media_close(struct media *m)
{
	if (!m)
		return;
	if (m->magic)
		magic_close(m->magic);
	free(m);
}

void media_type(struct media *m, const void *head, size_t n,
		char format[static FILE_FORMAT_MAX])
{
	const char *text;

	if (n > FILE_TYPE_HEAD)
		n = FILE_TYPE_HEAD;
	text = m ? magic_buffer(m->magic, head, n) : NULL;
	snprintf(format, FILE_FORMAT_MAX, "%s", text && strchr(text, '/') ? text : "");
}
