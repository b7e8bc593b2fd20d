/* SPDX-License-Identifier: MIT */
/*
 * ZIP archives that a test makes, also ones that say something wrong about themselves.
 */
#ifndef SLUICE_TESTS_UNIT_ZIP_MAKER_H
#define SLUICE_TESTS_UNIT_ZIP_MAKER_H

#include "lib/buf.h"
#include "sample/file.h"
#include "sample/reader.h"
#include "sample/unpack.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define TRAIT(t) (1u << FILE_TRAIT_##t)

static void le(struct buf *b, uint64_t v, unsigned int bytes)
{
	uint8_t p[8];

	for (unsigned int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	buf_add(b, p, bytes);
}

/* A ZIP archive being written; what it says about a member may be wrong. */
struct maker {
	struct buf out, directory;
	unsigned int count;
};

struct made {
	const char *name;
	const void *data; /* the content; packed where the method is deflate */
	size_t len;
	uint16_t method;
	uint16_t flags;	      /* in both headers */
	uint16_t local_flags; /* and in one of them */
	uint16_t central_flags;
	bool descriptor;	 /* sizes stand behind the data */
	bool hidden;		 /* not in the directory */
	bool zip64;		 /* sizes and place in the extra field */
	uint16_t central_method; /* says otherwise, where not 0 */
	int packed_off;		 /* added to the size the directory says */
	const uint8_t *packed;	 /* what is written instead of the content packed */
	size_t packed_len;
};

static void make_begin(struct maker *m)
{
	buf_init(&m->out, 64 << 20);
	buf_init(&m->directory, 64 << 20);
	m->count = 0;
}

static void make_central(struct maker *m, const struct made *e, uint64_t place, size_t packed,
			 uint32_t crc)
{
	struct buf *d = &m->directory;
	uint64_t says = packed + (uint64_t)e->packed_off;

	m->count++;
	le(d, 0x02014b50, 4);
	le(d, 20, 2);
	le(d, 20, 2);
	le(d, e->flags | e->central_flags | (e->descriptor ? 8 : 0), 2);
	le(d, e->central_method ? e->central_method : e->method, 2);
	le(d, 0, 4);
	le(d, crc, 4);
	le(d, e->zip64 ? UINT32_MAX : says, 4);
	le(d, e->zip64 ? UINT32_MAX : e->len, 4);
	le(d, strlen(e->name), 2);
	le(d, e->zip64 ? 28 : 0, 2);
	le(d, 0, 2); /* comment */
	le(d, 0, 2); /* disk */
	le(d, 0, 6);
	le(d, e->zip64 ? UINT32_MAX : place, 4);
	buf_add_string(d, e->name);
	if (e->zip64) {
		le(d, 1, 2);
		le(d, 24, 2);
		le(d, e->len, 8);
		le(d, says, 8);
		le(d, place, 8);
	}
}

static size_t deflated(const void *p, size_t n, uint8_t **out)
{
	z_stream z = {0};
	size_t room = n + n / 100 + 64;

	*out = malloc(room);
	deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
	z.next_in = (Bytef *)p;
	z.avail_in = (uInt)n;
	z.next_out = *out;
	z.avail_out = (uInt)room;
	deflate(&z, Z_FINISH);
	room = z.total_out;
	deflateEnd(&z);
	return room;
}

static void make_member(struct maker *m, const struct made *e)
{
	uint64_t place = m->out.len;
	uint32_t crc = (uint32_t)crc32(0, e->data, (uInt)e->len);
	uint8_t *own = NULL;
	const void *packed = e->packed ? e->packed : e->data;
	size_t n = e->packed ? e->packed_len : e->len;
	struct buf *o = &m->out;

	if (!e->packed && e->method == UNPACK_DEFLATE) {
		n = deflated(e->data, e->len, &own);
		packed = own;
	}
	le(o, 0x04034b50, 4);
	le(o, 20, 2);
	le(o, e->flags | e->local_flags | (e->descriptor ? 8 : 0), 2);
	le(o, e->method, 2);
	le(o, 0, 4);
	le(o, e->descriptor ? 0 : crc, 4);
	le(o, e->descriptor ? 0 : e->zip64 ? UINT32_MAX : n, 4);
	le(o, e->descriptor ? 0 : e->zip64 ? UINT32_MAX : e->len, 4);
	le(o, strlen(e->name), 2);
	le(o, e->zip64 ? 20 : 0, 2);
	buf_add_string(o, e->name);
	if (e->zip64) {
		le(o, 1, 2);
		le(o, 16, 2);
		le(o, e->len, 8);
		le(o, n, 8);
	}
	buf_add(o, packed, n);
	if (e->descriptor) {
		le(o, 0x08074b50, 4);
		le(o, crc, 4);
		le(o, n, 4);
		le(o, e->len, 4);
	}
	if (!e->hidden)
		make_central(m, e, place, n, crc);
	free(own);
}

static void make_end(struct maker *m, uint64_t offset)
{
	le(&m->directory, 0x06054b50, 4);
	le(&m->directory, 0, 2);
	le(&m->directory, 0, 2);
	le(&m->directory, m->count, 2);
	le(&m->directory, m->count, 2);
	le(&m->directory, m->directory.len - 12, 4);
	le(&m->directory, offset, 4);
	le(&m->directory, 0, 2);
	buf_add(&m->out, m->directory.data, m->directory.len);
	buf_free(&m->directory);
}

/* An archive of these, with its directory. */
static struct buf make(const struct made *list, size_t count)
{
	struct maker m;

	make_begin(&m);
	for (size_t i = 0; i < count; i++)
		make_member(&m, &list[i]);
	make_end(&m, m.out.len);
	return m.out;
}

#define MAKE(...)                                \
	make((const struct made[]){__VA_ARGS__}, \
	     sizeof((const struct made[]){__VA_ARGS__}) / sizeof(struct made))

#define TEXT(s) .data = (s), .len = strlen(s)
#define CONTENT(b) .data = (b).data, .len = (b).len

/* What is in memory, as a file. */
static ssize_t read_memory(void *arg, uint64_t offset, void *p, size_t n)
{
	memcpy(p, (const uint8_t *)arg + offset, n);
	return (ssize_t)n;
}

static struct reader reader_of(const struct buf *b)
{
	return (struct reader){read_memory, b->data, b->len};
}

#endif
