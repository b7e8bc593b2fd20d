// SPDX-License-Identifier: MIT
/*
 * What the headers of archives that are not taken apart say: RAR 1.5 to 4 (RARLAB's
 * technote.txt), RAR 5 (rarlab.com/technote.htm), 7z (7zFormat.txt of the LZMA SDK), ZIP.
 *
 * A damaged header ends the reading; what was found until then holds.
 */
#include "sample/archive.h"

#include "lib/cursor.h"
#include "sample/sevenzip.h"
#include "sample/zip.h"

#include <string.h>

#define ENCRYPTED (1u << FILE_TRAIT_ENCRYPTED)
#define MULTI_PART (1u << FILE_TRAIT_MULTI_PART)

/* Headers looked at; a file that is encrypted behind so many others goes unnoticed. */
#define BLOCKS_MAX 4096
#define HEAD_MAX 4096 /* bytes of a header that are looked at */
#define ENTRIES_MAX 65536

/* ------------------------------------------------------------------- RAR 4 */

enum {
	RAR4_MAIN = 0x73,
	RAR4_FILE = 0x74,
	RAR4_END = 0x7b,
	RAR4_MAIN_VOLUME = 0x0001,
	RAR4_MAIN_PASSWORD = 0x0080, /* headers are encrypted */
	RAR4_FILE_BEFORE = 0x0001,   /* goes on from an earlier volume */
	RAR4_FILE_AFTER = 0x0002,
	RAR4_FILE_PASSWORD = 0x0004,
	RAR4_FILE_LARGE = 0x0100,
	RAR4_END_NEXT = 0x0001, /* another volume follows */
	RAR4_LONG = 0x8000,	/* data follow, whose size stands first */
};

#define RAR4_BLOCK 7 /* checksum, type, flags, size */

/* Bits of one block; *at becomes that of the next one, or stays at the last. */
static uint32_t rar4_block(const uint8_t *p, size_t n, uint64_t *at)
{
	struct cursor c = cursor_of(p, n);
	uint64_t from = *at, size, data = 0;
	uint32_t traits = 0;
	uint16_t flags;
	uint8_t type;

	cursor_skip(&c, 2);
	type = cursor_u8(&c);
	flags = cursor_le16(&c);
	size = cursor_le16(&c);
	if (c.failed || size < RAR4_BLOCK)
		return 0;
	if (type == RAR4_MAIN && flags & RAR4_MAIN_VOLUME)
		traits |= MULTI_PART;
	if (type == RAR4_END && flags & RAR4_END_NEXT)
		traits |= MULTI_PART;
	if (type == RAR4_MAIN && flags & RAR4_MAIN_PASSWORD)
		return traits | ENCRYPTED;
	if (type == RAR4_FILE && flags & (RAR4_FILE_BEFORE | RAR4_FILE_AFTER))
		traits |= MULTI_PART;
	if (type == RAR4_FILE && flags & RAR4_FILE_PASSWORD)
		traits |= ENCRYPTED;
	if (type == RAR4_FILE || flags & RAR4_LONG)
		data = cursor_le32(&c);
	if (type == RAR4_FILE && flags & RAR4_FILE_LARGE) {
		cursor_skip(&c, 21);
		data |= (uint64_t)cursor_le32(&c) << 32;
	}
	if (type != RAR4_END)
		*at = from + size + data < from ? from : from + size + data;
	return traits;
}

/* ------------------------------------------------------------------- RAR 5 */

enum {
	RAR5_MAIN = 1,
	RAR5_FILE = 2,
	RAR5_CRYPT = 4, /* every header behind it is encrypted */
	RAR5_END = 5,
	RAR5_HAS_EXTRA = 0x01,
	RAR5_HAS_DATA = 0x02,
	RAR5_BEFORE = 0x08,
	RAR5_AFTER = 0x10,
	RAR5_MAIN_VOLUME = 0x01,
	RAR5_END_NEXT = 0x01,
	RAR5_EXTRA_CRYPT = 1,
};

/* Seven bits a byte, the low ones first. */
static uint64_t vint(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 63; shift += 7) {
		uint8_t b = cursor_u8(c);

		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->failed = true;
	return 0;
}

/* The extra area, which is the end of a header. */
static bool rar5_extra_encrypts(struct cursor c)
{
	while (c.left && !c.failed) {
		uint64_t n = vint(&c);
		struct cursor record;

		if (c.failed || n > c.left)
			return false;
		record = cursor_of(c.p, (size_t)n);
		if (vint(&record) == RAR5_EXTRA_CRYPT && !record.failed)
			return true;
		cursor_skip(&c, (size_t)n);
	}
	return false;
}

static uint32_t rar5_block(const uint8_t *p, size_t n, uint64_t *at)
{
	struct cursor c = cursor_of(p, n), head;
	uint64_t size, type, flags, extra = 0, data = 0, from = *at, next;
	uint32_t traits = 0;

	cursor_skip(&c, 4);
	size = vint(&c);
	next = from + (size_t)(c.p - p) + size;
	head = cursor_of(c.p, size < c.left ? (size_t)size : c.left);
	if (c.failed || !size)
		return 0;
	type = vint(&head);
	flags = vint(&head);
	if (flags & RAR5_HAS_EXTRA)
		extra = vint(&head);
	if (flags & RAR5_HAS_DATA)
		data = vint(&head);
	if (head.failed)
		return 0;
	if (type == RAR5_CRYPT)
		return ENCRYPTED;
	if (type == RAR5_MAIN && vint(&head) & RAR5_MAIN_VOLUME)
		traits |= MULTI_PART;
	if (type == RAR5_END && vint(&head) & RAR5_END_NEXT)
		traits |= MULTI_PART;
	if (type == RAR5_FILE && flags & (RAR5_BEFORE | RAR5_AFTER))
		traits |= MULTI_PART;
	if (type == RAR5_FILE && extra && extra <= head.left &&
	    rar5_extra_encrypts(cursor_of(head.p + head.left - extra, (size_t)extra)))
		traits |= ENCRYPTED;
	if (type != RAR5_END && next >= from && next + data >= next)
		*at = next + data;
	return traits;
}

static uint32_t rar_traits(const struct reader *r, uint64_t at,
			   uint32_t (*block)(const uint8_t *p, size_t n, uint64_t *at))
{
	uint8_t head[HEAD_MAX];
	uint32_t traits = 0;

	for (unsigned int i = 0; i < BLOCKS_MAX; i++) {
		ssize_t n = reader_read(r, at, head, sizeof(head));
		uint64_t before = at;

		if (n <= 0)
			break;
		traits |= block(head, (size_t)n, &at);
		if (at <= before || traits == (ENCRYPTED | MULTI_PART))
			break;
	}
	/* The data of its last block go on elsewhere. */
	return at > r->size ? traits | MULTI_PART : traits;
}

/* --------------------------------------------------------------------- all */

static uint32_t zip_traits(const struct reader *r)
{
	uint32_t traits = 0;
	struct zip z;

	if (!zip_open(&z, r, ENTRIES_MAX))
		return 0;
	if (z.multi_part)
		traits |= MULTI_PART;
	for (size_t i = 0; i < z.count; i++)
		if (z.entries[i].encrypted)
			traits |= ENCRYPTED;
	zip_close(&z);
	return traits;
}

uint32_t archive_traits(const struct reader *r)
{
	static const char rar4[] = "Rar!\x1a\7", rar5[] = "Rar!\x1a\7\1";
	static const char sevenzip[] = "7z\xbc\xaf\x27\x1c";
	uint8_t head[8] = {0};

	if (reader_read(r, 0, head, sizeof(head)) != sizeof(head))
		return 0;
	if (!memcmp(head, rar5, sizeof(rar5)))
		return rar_traits(r, 8, rar5_block);
	if (!memcmp(head, rar4, sizeof(rar4)))
		return rar_traits(r, 7, rar4_block);
	if (!memcmp(head, sevenzip, sizeof(sevenzip) - 1))
		return sevenzip_traits(r);
	if (!memcmp(head, "PK", 2))
		return zip_traits(r);
	return 0;
}
