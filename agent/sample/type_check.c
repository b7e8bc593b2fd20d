// SPDX-License-Identifier: MIT
/*
 * Rows about bytes at a place, and about the structure behind them.
 */
#include "lib/cursor.h"
#include "sample/type_private.h"

#include <string.h>

/* Of an archive, looked at for a name; what has more of them is no document. */
#define MEMBERS_MAX 65536
/* Local headers followed where there is no directory. */
#define LOCALS_MAX 256

/* ------------------------------------------------------------------- magic */

/* The bytes at an offset; those that are there must fit before others are missed. */
static bool bytes_at(struct content *c, uint64_t offset, const struct type_string *s)
{
	uint8_t at[TYPE_STRING_MAX];
	uint64_t known = offset < c->r->size ? c->r->size - offset : 0;
	size_t n = known < s->n ? (size_t)known : s->n;

	if (n && (!content_read(c, offset, at, n) || memcmp(at, s->p, n) != 0))
		return false;
	return n == s->n || content_read(c, offset, at, s->n);
}

static bool magic_near_end(const struct type_row *row, struct content *c)
{
	uint8_t at[TYPE_STRING_MAX];

	return content_read_end(c, (uint64_t)-row->from, at, row->string[0].n) &&
	       memcmp(at, row->string[0].p, row->string[0].n) == 0;
}

bool type_fits_magic(const struct type_row *row, struct content *c)
{
	bool found = false;

	if (row->from < 0)
		found = magic_near_end(row, c);
	else
		for (int64_t i = row->from; i <= row->to && !found && !c->unknown; i++)
			found = bytes_at(c, (uint64_t)i, &row->string[0]);
	return found && (!row->check || row->check(row, c));
}

/* ------------------------------------------------------------------ checks */

/* PE: the header that the DOS one leads to (Microsoft, PE Format, "MS-DOS Stub"). */
static bool check_pe(const struct type_row *row, struct content *c)
{
	uint8_t at[4], magic[4];
	struct cursor cursor = cursor_of(at, sizeof(at));

	return content_read(c, 0x3c, at, sizeof(at)) &&
	       content_read(c, cursor_le32(&cursor), magic, sizeof(magic)) &&
	       memcmp(magic, "PE\0\0", 4) == 0;
}

/*
 * CAFEBABE begins both: behind it a class has its minor and major version (JVM
 * specification §4.1; the first one was 45), a fat Mach-O the number of its parts.
 */
#define CLASS_FIRST_MAJOR 45

static bool check_class(const struct type_row *row, struct content *c)
{
	uint8_t at[4];
	struct cursor cursor = cursor_of(at + 2, 2);

	return content_read(c, 4, at, sizeof(at)) && cursor_be16(&cursor) >= CLASS_FIRST_MAJOR;
}

static bool check_fat(const struct type_row *row, struct content *c)
{
	uint8_t at[4];
	struct cursor cursor = cursor_of(at, sizeof(at));
	uint32_t n;

	if (!content_read(c, 4, at, sizeof(at)))
		return false;
	n = cursor_be32(&cursor);
	return n > 0 && n < CLASS_FIRST_MAJOR;
}

/* SWF: version and length, which no text has (SWF file format specification, "The SWF header").
 */
static bool check_swf(const struct type_row *row, struct content *c)
{
	uint8_t at[5];
	struct cursor cursor = cursor_of(at, sizeof(at));
	uint8_t version;
	uint32_t length;

	if (!content_read(c, 3, at, sizeof(at)))
		return false;
	version = cursor_u8(&cursor);
	length = cursor_le32(&cursor);
	return version > 0 && version < 64 && length > 8 && length < 1u << 28;
}

/* xar: the length of its header (xar.h: 28, or more with the name of a hash). */
static bool check_xar(const struct type_row *row, struct content *c)
{
	uint8_t at[2];
	struct cursor cursor = cursor_of(at, sizeof(at));
	uint16_t n;

	if (!content_read(c, 4, at, sizeof(at)))
		return false;
	n = cursor_be16(&cursor);
	return n >= 28 && n <= 512;
}

/* The trailer of a disk image: version and its own length, 512. */
static bool check_koly(const struct type_row *row, struct content *c)
{
	static const uint8_t expected[] = {0, 0, 0, 4, 0, 0, 2, 0};
	uint8_t at[8];

	return content_read_end(c, 508, at, sizeof(at)) &&
	       memcmp(at, expected, sizeof(expected)) == 0;
}

/* DEX: three digits and a NUL (Android, Dalvik Executable format). */
static bool check_dex(const struct type_row *row, struct content *c)
{
	uint8_t at[4];

	if (!content_read(c, 4, at, sizeof(at)) || at[3])
		return false;
	for (size_t i = 0; i < 3; i++)
		if (at[i] < '0' || at[i] > '9')
			return false;
	return true;
}

const struct type_check type_checks[] = {
	{"pe", check_pe},   {"class", check_class}, {"fat", check_fat}, {"swf", check_swf},
	{"xar", check_xar}, {"koly", check_koly},   {"dex", check_dex},
};

const size_t type_check_count = sizeof(type_checks) / sizeof(type_checks[0]);

/* --------------------------------------------------------------------- ZIP */

static bool begins_like_zip(struct content *c)
{
	static const char *const signatures[] = {"PK\3\4", "PK\5\6", "PK\7\10PK\3\4",
						 "PK00PK\3\4"};

	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
		struct type_string s = {(uint8_t *)signatures[i], strlen(signatures[i])};

		if (bytes_at(c, 0, &s))
			return true;
	}
	return false;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool equal_folded(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

/* A name, with '*' at one of its ends for anything. */
static bool name_fits(const struct type_string *s, const uint8_t *name, size_t n)
{
	bool before = s->p[0] == '*', behind = s->n > 1 && s->p[s->n - 1] == '*';
	size_t fixed = s->n - before - behind;

	if (n < fixed || (!before && !behind && n != fixed))
		return false;
	return equal_folded(s->p + before, before ? name + n - fixed : name, fixed);
}

static bool entry_fits(const struct type_string *s, struct content *c,
		       const struct zip_entry *e)
{
	uint8_t name[TYPE_STRING_MAX * 2];

	return e->name_len && e->name_len <= sizeof(name) &&
	       content_read(c, e->name_at, name, e->name_len) &&
	       name_fits(s, name, e->name_len);
}

/* Where no directory names them, what is found from the front. */
static bool local_fits(const struct type_string *s, struct content *c)
{
	uint64_t at = 0, data;
	struct zip_entry e;

	for (size_t i = 0; i < LOCALS_MAX; i++) {
		at = zip_find(c->r, at, c->r->size, false);
		if (at >= c->r->size)
			break;
		if (zip_local(c->r, at, &e, &data) && entry_fits(s, c, &e))
			return true;
		at += 4;
	}
	return false;
}

static bool has_member(const struct type_string *s, struct content *c)
{
	if (!c->zip_read && !zip_open(&c->zip, c->r, MEMBERS_MAX))
		return false;
	c->zip_read = true;
	/* Those of its own directory: the end of one stored in it looks like another one. */
	for (size_t i = 0; i < c->zip.count; i++)
		if (!c->zip.entries[i].weak && entry_fits(s, c, &c->zip.entries[i]))
			return true;
	return !c->zip.directory && local_fits(s, c);
}

static bool has_members(const struct type_row *row, struct content *c)
{
	/* Which ones there are is known at the end. */
	if (!c->whole) {
		c->unknown = true;
		return false;
	}
	for (size_t i = 0; i < row->strings; i++)
		if (!has_member(&row->string[i], c))
			return false;
	return true;
}

bool type_fits_member(const struct type_row *row, struct content *c)
{
	return begins_like_zip(c) && has_members(row, c);
}

bool type_fits_appended(const struct type_row *row, struct content *c)
{
	if (c->whole && (c->r->size < 22 || begins_like_zip(c) || !zip_probe(c->r)))
		return false;
	return has_members(row, c);
}

/* --------------------------------------------------------------------- OLE */

#define OLE_HEADER 512
#define OLE_DIFAT 109 /* sectors of the allocation table that the header names */
#define OLE_ENTRY 128
#define OLE_SECTORS_MAX 64 /* of the directory, looked at */
#define OLE_END 0xfffffff0u

struct ole {
	struct content *c;
	unsigned int shift; /* of a sector's size */
	uint32_t fat[OLE_DIFAT];
};

static bool ole_read(const struct ole *o, uint32_t sector, uint32_t offset, void *p, size_t n)
{
	return content_read(o->c, ((uint64_t)sector + 1) << o->shift | offset, p, n);
}

static uint32_t ole_next(const struct ole *o, uint32_t sector)
{
	uint32_t per = 1u << (o->shift - 2);
	uint8_t at[4];
	struct cursor c = cursor_of(at, sizeof(at));

	if (sector / per >= OLE_DIFAT || o->fat[sector / per] >= OLE_END ||
	    !ole_read(o, o->fat[sector / per], sector % per * 4, at, sizeof(at)))
		return UINT32_MAX;
	return cursor_le32(&c);
}

/* Header of a compound file ([MS-CFB] §2.2); *directory: its first sector. */
static bool ole_open(struct ole *o, struct content *content, uint32_t *directory)
{
	static const uint8_t magic[] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
	struct type_string begins = {(uint8_t *)magic, sizeof(magic)};
	uint8_t head[OLE_HEADER];
	struct cursor c = cursor_of(head, sizeof(head));

	o->c = content;
	if (!bytes_at(content, 0, &begins) || !content_read(content, 0, head, sizeof(head)))
		return false;
	cursor_skip(&c, 30);
	o->shift = cursor_le16(&c);
	cursor_skip(&c, 16);
	*directory = cursor_le32(&c);
	cursor_skip(&c, 24);
	for (size_t i = 0; i < OLE_DIFAT; i++)
		o->fat[i] = cursor_le32(&c);
	return o->shift == 9 || o->shift == 12;
}

/* An entry of the directory ([MS-CFB] §2.6.1): a name in UTF-16 and its length in bytes. */
static bool ole_entry_fits(const uint8_t *entry, const struct type_string *name)
{
	struct cursor c = cursor_of(entry + 64, 2);

	if (cursor_le16(&c) != (name->n + 1) * 2 || name->n > 31)
		return false;
	for (size_t i = 0; i < name->n; i++)
		if (lower(entry[2 * i]) != lower(name->p[i]) || entry[2 * i + 1])
			return false;
	return true;
}

bool type_fits_ole(const struct type_row *row, struct content *c)
{
	uint8_t entry[OLE_ENTRY];
	uint32_t sector;
	struct ole o;

	if (!ole_open(&o, c, &sector))
		return false;
	for (size_t n = 0; n < OLE_SECTORS_MAX && sector < OLE_END; n++) {
		for (uint32_t at = 0; at < 1u << o.shift; at += OLE_ENTRY) {
			if (!ole_read(&o, sector, at, entry, sizeof(entry)))
				return false;
			if (ole_entry_fits(entry, &row->string[0]))
				return true;
		}
		sector = ole_next(&o, sector);
	}
	return false;
}
