/* SPDX-License-Identifier: MIT */
/*
 * Bytes of the test cloud: slices that carry their length, a growing buffer that has
 * a limit, and the texts (hexadecimal, XML, JSON, digests) made from them.
 *
 * Running out of memory ends the program: it is a test tool, half an answer helps nobody.
 */
#ifndef TESTCLOUD_BYTES_H
#define TESTCLOUD_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#define BYTES_SHA256_HEX 65 /* digits and the final zero */
#define BYTES_MD5_HEX 33

/* Somebody else's bytes; p is NULL when there is nothing at all (not even an empty value). */
struct slice {
	const char *p;
	size_t n;
};

/* Own bytes. Once `over` is set further additions are counted out, the content stays. */
struct bytes {
	char *data; /* always followed by a zero byte once something was added */
	size_t len;
	size_t room;
	size_t max; /* the limit given to bytes_init() */
	bool over;  /* something did not fit */
};

/* Memory or the end of the program. */
void *bytes_alloc(size_t n);
char *bytes_dup(const char *p, size_t n);

struct slice slice_of(const char *text);
bool slice_is(struct slice s, const char *text);

/* An empty buffer that takes up to @max bytes; release with bytes_free(). */
void bytes_init(struct bytes *b, size_t max);
void bytes_free(struct bytes *b);
void bytes_add(struct bytes *b, const void *p, size_t n);
void bytes_text(struct bytes *b, const char *text);
void bytes_printf(struct bytes *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Add @s as XML character data: markup escaped, what XML 1.0 (section 2.2) or UTF-8 does
 * not allow replaced by U+FFFD.
 */
void bytes_xml(struct bytes *b, struct slice s);

/* A JSON string of @s; bytes that are not UTF-8 are taken as Latin-1. New reference. */
json_t *bytes_json(struct slice s);

/* Lower-case hexadecimal digests of @s. */
void bytes_sha256(struct slice s, char out[BYTES_SHA256_HEX]);
void bytes_md5(struct slice s, char out[BYTES_MD5_HEX]);

/* Length of the UTF-8 sequence at @p (at most @n bytes), 0 when it is not one (RFC 3629). */
size_t bytes_utf8(const char *p, size_t n);

#endif
