/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the type table share: type_parse.c makes it, type.c goes through it,
 * type_check.c and type_text.c look at content.
 */
#ifndef SLUICE_SAMPLE_TYPE_PRIVATE_H
#define SLUICE_SAMPLE_TYPE_PRIVATE_H

#include "sample/type.h"
#include "sample/zip.h"

#define TYPE_NAME_MAX 32
#define TYPE_WHAT_MAX 96
#define TYPE_ROWS_MAX 256
#define TYPE_STRINGS_MAX 40 /* of a row */
#define TYPE_STRING_MAX 512

/* A content, or what of it has come. */
struct content {
	const struct reader *r; /* its size: bytes that are known */
	bool whole;
	bool unknown; /* a byte was asked for that has not come */
	uint8_t head[FILE_TYPE_HEAD];
	size_t head_len;
	/* The head as text, once asked for: ASCII in lower case, anything else as 0x80. */
	enum { TEXT_NOT_READ, TEXT_NONE, TEXT_READ } text_state;
	char text[FILE_TYPE_HEAD + 2]; /* after a line feed, ended by a NUL */
	size_t text_len;
	bool text_cr; /* it ends with a CR so far */
	/* Bit 128 * a + b: a stands in front of b in it, both without their highest bit. */
	uint8_t pairs[128 * 128 / 8];
	/* Its members, once asked for. */
	bool zip_read;
	struct zip zip;
};

/* Exactly n bytes; false when they are not there, or not yet. */
bool content_read(struct content *c, uint64_t offset, void *p, size_t n);
/* The same, counted back from the end. */
bool content_read_end(struct content *c, uint64_t back, void *p, size_t n);
/* The head as text; false: it is none.  What is said of an incomplete one is not known. */
bool content_text(struct content *c);

struct type_string {
	uint8_t *p; /* ended by a NUL */
	size_t n;
};

struct type_row;
/* Whether a content fits a row.  What it says counts unless it met an unknown byte. */
typedef bool type_fits(const struct type_row *row, struct content *c);

struct type_row {
	size_t type; /* FILE_TYPES_MAX: none */
	type_fits *fits;
	int64_t from, to;  /* magic: offsets of its first byte; below 0: from the end */
	type_fits *check;  /* magic: what else must be; NULL: nothing */
	unsigned int need; /* words: how many */
	struct type_string string[TYPE_STRINGS_MAX];
	size_t strings;
	bool zip; /* looks for members */
	char format[FILE_FORMAT_MAX];
};

struct type {
	char name[TYPE_NAME_MAX];
	char what[TYPE_WHAT_MAX];
	uint64_t limit, min, max;
};

struct file_types {
	struct type type[FILE_TYPES_MAX];
	size_t count;
	struct type_row *row;
	size_t rows;
};

/* Checks of a magic, by name. */
struct type_check {
	const char *name;
	type_fits *fits;
};

extern const struct type_check type_checks[];
extern const size_t type_check_count;

/* type_check.c */
type_fits type_fits_magic, type_fits_member, type_fits_appended, type_fits_ole;
/* type_text.c */
type_fits type_fits_starts, type_fits_words, type_fits_interpreter, type_fits_json,
	type_fits_mail;

#endif
