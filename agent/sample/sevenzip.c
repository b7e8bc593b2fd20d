// SPDX-License-Identifier: MIT
/*
 * The headers of a 7z archive.
 *
 *	0             32                      32 + offset
 *	| first header | packed streams ...    | header (plain, or packed in turn) |
 *
 * The header lists folders, each with its coders; one of them is AES where a password is
 * needed. A packed header is described by a small one of the same kind, whose coder is AES
 * where even the names are encrypted.
 */
#include "sample/sevenzip.h"

#include "lib/cursor.h"
#include "lib/sighting.h"

#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ENCRYPTED (1u << FILE_TRAIT_ENCRYPTED)
#define MULTI_PART (1u << FILE_TRAIT_MULTI_PART)

#define FIRST_SIZE 32
/* A larger header is not looked into. */
#define HEADER_MAX (4u << 20)
#define CODERS_MAX 32
#define FOLDERS_MAX 100000
#define LZMA_MEMORY (80ull << 20)

enum {
	ID_END = 0x00,
	ID_HEADER = 0x01,
	ID_PROPERTIES = 0x02,
	ID_MAIN_STREAMS = 0x04,
	ID_PACK = 0x06,
	ID_FOLDERS = 0x07,
	ID_SIZES = 0x09,
	ID_DIGESTS = 0x0a,
	ID_FOLDER = 0x0b,
	ID_FOLDER_SIZES = 0x0c,
	ID_PACKED_HEADER = 0x17,
};

#define CODER_LZMA 0x030101
#define CODER_LZMA2 0x21
#define CODER_AES 0x06f10701

/* Streams: where the first packed one is, and what the first folder is made with. */
struct streams {
	uint64_t packed_at;   /* behind the first header */
	uint64_t packed_size; /* of the first one */
	uint64_t packed_count;
	uint64_t size; /* of what the first folder unpacks to */
	bool encrypted;
	uint64_t coder; /* of a first folder that has one only */
	uint8_t properties[16];
	size_t properties_len;
};

/* The first byte's leading ones say how many bytes follow. */
static uint64_t number(struct cursor *c)
{
	uint8_t first = cursor_u8(c), mask = 0x80;
	uint64_t v = 0;

	for (unsigned int i = 0; i < 8; i++, mask >>= 1) {
		if (!(first & mask))
			return v | (uint64_t)(first & (mask - 1)) << 8 * i;
		v |= (uint64_t)cursor_u8(c) << 8 * i;
	}
	return v;
}

/* Checksums of n streams, of some or of all. */
static void skip_digests(struct cursor *c, uint64_t n)
{
	uint64_t defined = n;

	if (!cursor_u8(c)) {
		defined = 0;
		for (uint64_t i = 0; i < n && !c->failed; i += 8) {
			uint8_t bits = cursor_u8(c);

			for (; bits; bits &= (uint8_t)(bits - 1))
				defined++;
		}
	}
	if (defined > c->left / 4)
		c->failed = true;
	else
		cursor_skip(c, (size_t)defined * 4);
}

static void read_pack(struct cursor *c, struct streams *s)
{
	uint64_t id;

	s->packed_at = number(c);
	s->packed_count = number(c);
	while (!c->failed && (id = number(c)) != ID_END) {
		if (id == ID_SIZES) {
			for (uint64_t i = 0; i < s->packed_count && !c->failed; i++) {
				uint64_t size = number(c);

				if (!i)
					s->packed_size = size;
			}
		} else if (id == ID_DIGESTS) {
			skip_digests(c, s->packed_count);
		} else {
			c->failed = true;
		}
	}
}

/* One folder; how many streams its coders put out. */
static uint64_t read_folder(struct cursor *c, struct streams *s, bool first)
{
	uint64_t coders = number(c), ins = 0, outs = 0, binds;

	if (!coders || coders > CODERS_MAX)
		c->failed = true;
	for (uint64_t i = 0; i < coders && !c->failed; i++) {
		uint8_t how = cursor_u8(c);
		uint64_t id = 0, in = 1, out = 1, n;
		const uint8_t *p;

		for (unsigned int k = how & 15; k; k--)
			id = id << 8 | cursor_u8(c);
		if (how & 0x10) {
			in = number(c);
			out = number(c);
		}
		n = how & 0x20 ? number(c) : 0;
		if (n > c->left || in > CODERS_MAX || out > CODERS_MAX) {
			c->failed = true;
			break;
		}
		p = cursor_take(c, (size_t)n);
		ins += in;
		outs += out;
		s->encrypted |= id == CODER_AES;
		if (first && coders == 1 && p && n <= sizeof(s->properties)) {
			s->coder = id;
			memcpy(s->properties, p, (size_t)n);
			s->properties_len = (size_t)n;
		}
	}
	if (c->failed || !outs)
		return 0;
	binds = outs - 1;
	for (uint64_t i = 0; i < binds && !c->failed; i++) {
		number(c);
		number(c);
	}
	for (uint64_t i = 0; ins > binds + 1 && i < ins - binds && !c->failed; i++)
		number(c);
	return outs;
}

static void read_folders(struct cursor *c, struct streams *s)
{
	uint64_t folders, outs = 0, id;

	if (number(c) != ID_FOLDER)
		c->failed = true;
	folders = number(c);
	if (folders > FOLDERS_MAX || cursor_u8(c))
		c->failed = true; /* or elsewhere, which nobody writes */
	for (uint64_t i = 0; i < folders && !c->failed; i++)
		outs += read_folder(c, s, !i);
	if (number(c) != ID_FOLDER_SIZES)
		c->failed = true;
	for (uint64_t i = 0; i < outs && !c->failed; i++) {
		uint64_t size = number(c);

		if (!i)
			s->size = size;
	}
	while (!c->failed && (id = number(c)) != ID_END) {
		if (id == ID_DIGESTS)
			skip_digests(c, folders);
		else
			c->failed = true;
	}
}

/* As far as the coders; what comes behind them is of no interest. */
static void read_streams(struct cursor *c, struct streams *s)
{
	uint64_t id = number(c);

	if (id == ID_PACK) {
		read_pack(c, s);
		id = number(c);
	}
	if (id == ID_FOLDERS)
		read_folders(c, s);
}

static void skip_properties(struct cursor *c)
{
	uint64_t id;

	while (!c->failed && (id = number(c)) != ID_END) {
		uint64_t n = number(c);

		if (n > c->left)
			c->failed = true;
		else
			cursor_skip(c, (size_t)n);
	}
}

/* What a plain header says. */
static bool header_encrypts(struct cursor c)
{
	struct streams s = {0};
	uint64_t id = number(&c);

	if (id == ID_PROPERTIES) {
		skip_properties(&c);
		id = number(&c);
	}
	if (id == ID_MAIN_STREAMS && !c.failed)
		read_streams(&c, &s);
	return s.encrypted;
}

/* n bytes of a packed header; NULL where it cannot be unpacked.  The caller frees it. */
static uint8_t *unpack_header(const struct streams *s, const uint8_t *packed)
{
	lzma_filter filters[] = {
		{.id = s->coder == CODER_LZMA ? LZMA_FILTER_LZMA1 : LZMA_FILTER_LZMA2},
		{.id = LZMA_VLI_UNKNOWN},
	};
	lzma_stream lz = LZMA_STREAM_INIT;
	uint8_t *out = NULL;
	lzma_ret r;

	if ((s->coder != CODER_LZMA && s->coder != CODER_LZMA2) ||
	    lzma_properties_decode(&filters[0], NULL, s->properties, s->properties_len) !=
		    LZMA_OK)
		return NULL;
	if (lzma_raw_decoder_memusage(filters) <= LZMA_MEMORY &&
	    lzma_raw_decoder(&lz, filters) == LZMA_OK)
		out = malloc((size_t)s->size);
	if (out) {
		lz.next_in = packed;
		lz.avail_in = (size_t)s->packed_size;
		lz.next_out = out;
		lz.avail_out = (size_t)s->size;
		do
			r = lzma_code(&lz, LZMA_RUN);
		while (r == LZMA_OK && lz.avail_out);
		if (lz.avail_out) {
			free(out);
			out = NULL;
		}
	}
	lzma_end(&lz);
	free(filters[0].options);
	return out;
}

/* n bytes at that place; NULL where there are fewer or too many.  The caller frees them. */
static uint8_t *load(const struct reader *r, uint64_t at, uint64_t n)
{
	uint8_t *p = n && n <= HEADER_MAX ? malloc((size_t)n) : NULL;

	if (p && reader_read(r, at, p, (size_t)n) != (ssize_t)n) {
		free(p);
		return NULL;
	}
	return p;
}

static bool packed_header_encrypts(const struct reader *r, struct cursor c)
{
	struct streams s = {0};
	uint8_t *packed, *plain = NULL;
	bool yes = false;

	read_streams(&c, &s);
	if (s.encrypted || c.failed || !s.size || s.size > HEADER_MAX)
		return s.encrypted;
	packed = load(r, FIRST_SIZE + s.packed_at, s.packed_size);
	if (packed)
		plain = unpack_header(&s, packed);
	if (plain) {
		c = cursor_of(plain, (size_t)s.size);
		/* A header may be packed more than once; nobody does. */
		yes = cursor_u8(&c) == ID_HEADER && header_encrypts(c);
	}
	free(plain);
	free(packed);
	return yes;
}

uint32_t sevenzip_traits(const struct reader *r)
{
	uint8_t first[FIRST_SIZE], *header;
	struct cursor c = cursor_of(first, sizeof(first));
	uint64_t offset, size;
	bool encrypted = false;

	if (reader_read(r, 0, first, sizeof(first)) != sizeof(first))
		return 0;
	cursor_skip(&c, 12);
	offset = cursor_le64(&c);
	size = cursor_le64(&c);
	if (!size)
		return 0;
	/* The header is at the end, which is in the last volume. */
	if (offset > r->size || size > r->size || FIRST_SIZE + offset + size > r->size)
		return MULTI_PART;
	header = load(r, FIRST_SIZE + offset, size);
	if (header) {
		c = cursor_of(header, (size_t)size);
		switch (cursor_u8(&c)) {
		case ID_HEADER:
			encrypted = header_encrypts(c);
			break;
		case ID_PACKED_HEADER:
			encrypted = packed_header_encrypts(r, c);
			break;
		}
	}
	free(header);
	return encrypted ? ENCRYPTED : 0;
}
