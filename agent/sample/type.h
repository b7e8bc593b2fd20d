/* SPDX-License-Identifier: MIT */
/*
 * What kind of file a content is: the types that rules and limits name, as a table that is
 * data (file_types.conf, which documents its own form).
 *
 * Content decides, never a name.  The table is gone through row by row, and the first one
 * that fits decides; a row is decided by the bytes, so what a beginning may still become
 * follows from the same rows: those that do not need a byte that has not come.
 */
#ifndef SLUICE_SAMPLE_TYPE_H
#define SLUICE_SAMPLE_TYPE_H

#include "lib/sighting.h"
#include "sample/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bit of a type, of none of them, and of a ZIP archive, whose members may be anything. */
#define FILE_TYPE_BIT(i) (1u << (i))
#define FILE_TYPE_OTHER_BIT FILE_TYPE_BIT(FILE_TYPES_MAX)
#define FILE_TYPE_ARCHIVE_BIT FILE_TYPE_BIT(FILE_TYPES_MAX + 1)
#define FILE_TYPE_ANY (FILE_TYPE_BIT(FILE_TYPES_MAX + 2) - 1)

/* Bytes from the beginning after which nothing more is learnt from them alone. */
#define FILE_TYPE_HEAD 4096

/* The types of links and of whole messages, which are known without looking. */
#define FILE_TYPE_LINK "email-link"
#define FILE_TYPE_MAIL "eml"

struct file_types;

/* path NULL: the table that is built in.  NULL after logging every error as file:line. */
struct file_types *file_types_read(const char *path);
/* The same of a text; name stands in its errors. */
struct file_types *file_types_parse(const char *name, const char *text, size_t n);
void file_types_free(struct file_types *t);

/* Types are numbered from 0, in the order of the table. */
size_t file_types_count(const struct file_types *t);
const char *file_types_name(const struct file_types *t, size_t i);
/* Which files are meant, in a few words for people; "": the table does not say. */
const char *file_types_what(const struct file_types *t, size_t i);
/* Bytes; UINT64_MAX: no limit, and no range then. */
uint64_t file_types_limit(const struct file_types *t, size_t i);
void file_types_range(const struct file_types *t, size_t i, uint64_t *min, uint64_t *max);
/* FILE_TYPES_MAX: there is none of that name. */
size_t file_types_find(const struct file_types *t, const char *name);

/*
 * What a file that begins with these n bytes may be, as bits; whole: there are no more.
 * file_types_identify() of the whole file is always among them.
 */
uint32_t file_types_possible(const struct file_types *t, const void *head, size_t n,
			     bool whole);

#define FILE_FORMAT_MAX 128

struct file_type_found {
	size_t type;		      /* FILE_TYPES_MAX: none of them */
	char format[FILE_FORMAT_MAX]; /* media type; "": the table does not say */
	bool zip;		      /* an archive whose members count, too */
};

void file_types_identify(const struct file_types *t, const struct reader *r,
			 struct file_type_found *found);

#endif
