/* SPDX-License-Identifier: MIT */
/*
 * The fields of a request's body: application/x-www-form-urlencoded (WHATWG URL, section
 * 5.1) and multipart/form-data (RFC 7578, RFC 2046 section 5.1).
 */
#ifndef TESTCLOUD_FORM_H
#define TESTCLOUD_FORM_H

#include "bytes.h"

#define FORM_PARTS_MAX 64

struct form_part {
	struct slice name;
	struct slice filename; /* p is NULL: the part has none */
	struct slice type;     /* Content-Type of the part; p is NULL: none */
	struct slice value;
};

struct form {
	struct form_part part[FORM_PARTS_MAX];
	size_t nr;
	char *pool; /* decoded texts live here */
	size_t pool_len;
};

enum form_result {
	FORM_OK,
	FORM_TYPE,	/* a content type that is neither of the two */
	FORM_MALFORMED, /* boundary, header or escape that cannot be read, or too many parts */
};

/*
 * Read @body according to @content_type (NULL: there was no such header; fine when the body
 * is empty). Slices of @form point into @body or @form: keep both; form_free() always.
 */
enum form_result form_parse(struct form *form, const char *content_type, struct slice body);
void form_free(struct form *form);

/* The first part called @name, or NULL. */
const struct form_part *form_find(const struct form *form, const char *name);

/* Its value; p is NULL when there is no such part. */
struct slice form_value(const struct form *form, const char *name);

#endif
