// SPDX-License-Identifier: MIT
/*
 * The rows of the table, gone through with a content or with the beginning of one.
 */
#include "sample/type.h"

#include "sample/type_private.h"

#include <stdlib.h>
#include <string.h>

void file_types_free(struct file_types *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->rows; i++)
		for (size_t k = 0; k < t->row[i].strings; k++)
			free(t->row[i].string[k].p);
	free(t->row);
	free(t);
}

size_t file_types_count(const struct file_types *t)
{
	return t->count;
}

const char *file_types_name(const struct file_types *t, size_t i)
{
	return t->type[i].name;
}

const char *file_types_what(const struct file_types *t, size_t i)
{
	return t->type[i].what;
}

uint64_t file_types_limit(const struct file_types *t, size_t i)
{
	return t->type[i].limit;
}

void file_types_range(const struct file_types *t, size_t i, uint64_t *min, uint64_t *max)
{
	*min = t->type[i].min;
	*max = t->type[i].max;
}

size_t file_types_find(const struct file_types *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->type[i].name, name) == 0)
			return i;
	return FILE_TYPES_MAX;
}

/* ----------------------------------------------------------------- content */

bool content_read(struct content *c, uint64_t offset, void *p, size_t n)
{
	uint64_t size = c->r->size;

	if (n > size || offset > size - n) {
		c->unknown |= !c->whole;
		return false;
	}
	if (offset + n <= c->head_len) {
		memcpy(p, c->head + offset, n);
		return true;
	}
	return reader_read(c->r, offset, p, n) == (ssize_t)n;
}

bool content_read_end(struct content *c, uint64_t back, void *p, size_t n)
{
	if (!c->whole) {
		c->unknown = true;
		return false;
	}
	return back <= c->r->size && content_read(c, c->r->size - back, p, n);
}

static bool content_begin(struct content *c, const struct reader *r, bool whole)
{
	ssize_t n;

	c->r = r;
	c->whole = whole;
	c->text_state = TEXT_NOT_READ;
	c->text_len = 0;
	c->text_cr = false;
	c->zip_read = false;
	c->head_len = 0;
	n = reader_read(r, 0, c->head, sizeof(c->head));
	if (n < 0)
		return false;
	c->head_len = (size_t)n;
	return true;
}

static void content_end(struct content *c)
{
	if (c->zip_read)
		zip_close(&c->zip);
}

/* -------------------------------------------------------------------- rows */

enum fit { FIT_NO, FIT_YES, FIT_UNKNOWN };

static enum fit row_fit(const struct type_row *row, struct content *c)
{
	bool fits;

	c->unknown = false;
	fits = row->fits(row, c);
	if (c->unknown)
		return FIT_UNKNOWN;
	return fits ? FIT_YES : FIT_NO;
}

static bool begins_like_zip(const struct content *c)
{
	return c->head_len >= 4 && memcmp(c->head, "PK", 2) == 0 && c->head[2] < 9;
}

struct memory {
	const uint8_t *p;
	size_t n;
};

static ssize_t memory_read(void *arg, uint64_t offset, void *p, size_t n)
{
	const struct memory *m = arg;

	memcpy(p, m->p + offset, n);
	return (ssize_t)n;
}

uint32_t file_types_possible(const struct file_types *t, const void *head, size_t n, bool whole)
{
	struct memory m = {head, n};
	struct reader r = {.read = memory_read, .arg = &m, .size = n};
	struct content c;
	uint32_t bits = 0;
	enum fit fit = FIT_NO;

	content_begin(&c, &r, whole);
	for (size_t i = 0; i < t->rows && fit != FIT_YES; i++) {
		fit = row_fit(&t->row[i], &c);
		if (fit == FIT_NO)
			continue;
		bits |= FILE_TYPE_BIT(t->row[i].type);
		if (t->row[i].zip)
			bits |= FILE_TYPE_ARCHIVE_BIT;
	}
	if (fit != FIT_YES)
		bits |= FILE_TYPE_OTHER_BIT;
	if (begins_like_zip(&c))
		bits |= FILE_TYPE_ARCHIVE_BIT;
	content_end(&c);
	return bits;
}

void file_types_identify(const struct file_types *t, const struct reader *r,
			 struct file_type_found *found)
{
	struct content c;

	*found = (struct file_type_found){.type = FILE_TYPES_MAX};
	if (!content_begin(&c, r, true))
		return;
	for (size_t i = 0; i < t->rows; i++) {
		const struct type_row *row = &t->row[i];

		if (row_fit(row, &c) != FIT_YES)
			continue;
		found->type = row->type;
		found->zip = row->zip;
		memcpy(found->format, row->format, sizeof(found->format));
		break;
	}
	found->zip |= begins_like_zip(&c);
	content_end(&c);
}
