// SPDX-License-Identifier: MIT
/*
 * The structure of a ZIP archive.
 */
#include "sample/zip.h"

#include "lib/cursor.h"

#include <stdlib.h>
#include <string.h>

#define SIGNATURE_LOCAL 0x04034b50
#define SIGNATURE_CENTRAL 0x02014b50
#define SIGNATURE_END 0x06054b50
#define SIGNATURE_END64 0x06064b50
#define SIGNATURE_LOCATOR 0x07064b50
#define SIGNATURE_DESCRIPTOR 0x08074b50 /* at the front: the first of several volumes */
#define SIGNATURE_SINGLE 0x30304b50	/* at the front: was to be split and was not */

#define LOCAL_SIZE 30
#define CENTRAL_SIZE 46
#define END_SIZE 22
#define END64_SIZE 56
#define LOCATOR_SIZE 20
#define COMMENT_MAX 65535
#define EXTRA_MAX 65535

#define FLAG_ENCRYPTED 0x0001
#define FLAG_DESCRIPTOR 0x0008
#define FLAG_STRONG 0x0040
#define FLAG_MASKED 0x2000 /* local header of an encrypted directory */
#define METHOD_AES 99
#define EXTRA_ZIP64 0x0001
#define EXTRA_AES 0x9901

/* End records followed; unpackers take the last, and some another one. */
#define ENDS_MAX 4
#define BLOCK (64u << 10)

/* ------------------------------------------------------------------- bytes */

static bool read_all(const struct reader *r, uint64_t at, void *p, size_t n)
{
	return reader_read(r, at, p, n) == (ssize_t)n;
}

static bool signature_at(const struct reader *r, uint64_t at, uint32_t signature)
{
	uint8_t head[4];
	struct cursor c = cursor_of(head, sizeof(head));

	return read_all(r, at, head, sizeof(head)) && cursor_le32(&c) == signature;
}

/* A piece of the file in memory, for what is read in small steps. */
struct window {
	const struct reader *r;
	uint64_t at;
	size_t len;
	uint8_t data[BLOCK + EXTRA_MAX];
};

/* n bytes at that place; NULL: the file has fewer. */
static const uint8_t *window_get(struct window *w, uint64_t at, size_t n)
{
	ssize_t got;

	if (at >= w->at && at - w->at <= w->len && n <= w->len - (at - w->at))
		return w->data + (at - w->at);
	got = reader_read(w->r, at, w->data, sizeof(w->data));
	w->at = at;
	w->len = got > 0 ? (size_t)got : 0;
	return n <= w->len ? w->data : NULL;
}

/* ----------------------------------------------------------------- entries */

/* The fields that are all ones stand in the extra field, in this order. */
static void extra_zip64(struct cursor c, struct zip_entry *e, bool sizes[2], bool place)
{
	if (sizes[0] && c.left >= 8)
		e->size = cursor_le64(&c);
	if (sizes[1] && c.left >= 8)
		e->packed = cursor_le64(&c);
	if (place && c.left >= 8)
		e->local_raw = cursor_le64(&c);
}

/* AES of WinZip and others: the method says so, and the real one is in here. */
static void extra_aes(struct cursor c, struct zip_entry *e)
{
	cursor_skip(&c, 5);
	if (c.left >= 2)
		e->method = cursor_le16(&c);
	e->encrypted = true;
}

static void read_extra(const uint8_t *p, size_t n, struct zip_entry *e, bool sizes[2],
		       bool place)
{
	struct cursor c = cursor_of(p, n);

	while (c.left >= 4) {
		uint16_t id = cursor_le16(&c);
		uint16_t len = cursor_le16(&c);
		struct cursor field;

		if (len > c.left)
			return;
		field = cursor_of(c.p, len);
		cursor_skip(&c, len);
		if (id == EXTRA_ZIP64)
			extra_zip64(field, e, sizes, place);
		else if (id == EXTRA_AES)
			extra_aes(field, e);
	}
}

static void judge_flags(struct zip_entry *e)
{
	e->encrypted = e->flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED) ||
		       e->method == METHOD_AES;
}

bool zip_local(const struct reader *r, uint64_t at, struct zip_entry *e, uint64_t *data)
{
	uint8_t head[LOCAL_SIZE], *extra = NULL;
	struct cursor c = cursor_of(head, sizeof(head));
	uint16_t extra_len;
	bool sizes[2];

	if (!read_all(r, at, head, sizeof(head)) || cursor_le32(&c) != SIGNATURE_LOCAL)
		return false;
	memset(e, 0, sizeof(*e));
	e->local = e->local_raw = at;
	cursor_skip(&c, 2);
	e->flags = cursor_le16(&c);
	e->method = cursor_le16(&c);
	cursor_skip(&c, 4);
	e->crc = cursor_le32(&c);
	e->packed = cursor_le32(&c);
	e->size = cursor_le32(&c);
	e->name_len = cursor_le16(&c);
	extra_len = cursor_le16(&c);
	e->name_at = at + LOCAL_SIZE;
	*data = e->name_at + e->name_len + extra_len;
	if (*data > r->size)
		return false;
	judge_flags(e);
	sizes[0] = e->size == UINT32_MAX;
	sizes[1] = e->packed == UINT32_MAX;
	if (extra_len)
		extra = malloc(extra_len);
	if (extra && read_all(r, e->name_at + e->name_len, extra, extra_len))
		read_extra(extra, extra_len, e, sizes, false);
	free(extra);
	if (e->flags & FLAG_DESCRIPTOR && !e->packed)
		e->packed = e->size = ZIP_SIZE_UNKNOWN;
	return true;
}

/* What an end record says, in either of its two forms. */
struct end {
	uint64_t at; /* the directory ends here, or before */
	uint64_t size;
	uint64_t offset;
	uint32_t disk;
	bool multi_part;
	bool empty;
};

/* The entry at that place; its length, 0 when there is none. */
static size_t read_central(struct window *w, uint64_t at, uint64_t base, const struct end *end,
			   struct zip_entry *e)
{
	const uint8_t *p = window_get(w, at, CENTRAL_SIZE);
	struct cursor c = cursor_of(p, p ? CENTRAL_SIZE : 0);
	uint16_t extra_len, comment_len, disk;
	bool sizes[2], place;

	if (cursor_le32(&c) != SIGNATURE_CENTRAL)
		return 0;
	memset(e, 0, sizeof(*e));
	cursor_skip(&c, 4);
	e->flags = cursor_le16(&c);
	e->method = cursor_le16(&c);
	cursor_skip(&c, 4);
	e->crc = cursor_le32(&c);
	e->packed = cursor_le32(&c);
	e->size = cursor_le32(&c);
	e->name_len = cursor_le16(&c);
	extra_len = cursor_le16(&c);
	comment_len = cursor_le16(&c);
	disk = cursor_le16(&c);
	cursor_skip(&c, 6);
	e->local_raw = cursor_le32(&c);
	e->name_at = at + CENTRAL_SIZE;
	e->elsewhere = disk != UINT16_MAX && disk != end->disk;
	judge_flags(e);
	sizes[0] = e->size == UINT32_MAX;
	sizes[1] = e->packed == UINT32_MAX;
	place = e->local_raw == UINT32_MAX;
	p = window_get(w, e->name_at + e->name_len, extra_len);
	if (p)
		read_extra(p, extra_len, e, sizes, place);
	e->local = e->local_raw + base;
	return CENTRAL_SIZE + (size_t)e->name_len + extra_len + comment_len;
}

/* ------------------------------------------------------------- directories */

static bool entry_add(struct zip *z, size_t *room, const struct zip_entry *e)
{
	if (z->count == *room) {
		size_t more = *room ? *room * 2 : 64;
		struct zip_entry *p = realloc(z->entries, more * sizeof(*p));

		if (!p)
			return false;
		z->entries = p;
		*room = more;
	}
	z->entries[z->count++] = *e;
	return true;
}

/* All entries from that place on.  False: out of memory. */
static bool read_directory(struct zip *z, struct window *w, size_t *room, size_t max,
			   uint64_t at, uint64_t base, const struct end *end)
{
	struct zip_entry e;
	size_t n;

	while ((n = read_central(w, at, base, end, &e))) {
		if (z->count >= max) {
			z->too_many = true;
			return true;
		}
		e.weak = z->directory;
		if (!entry_add(z, room, &e))
			return false;
		at += n;
	}
	return true;
}

static bool parse_end(const struct reader *r, uint64_t at, struct end *end)
{
	uint8_t p[END_SIZE];
	struct cursor c = cursor_of(p, sizeof(p));
	uint16_t here, all, disk;

	if (!read_all(r, at, p, sizeof(p)))
		return false;
	cursor_skip(&c, 4);
	end->at = at;
	disk = cursor_le16(&c);
	end->disk = disk;
	end->multi_part = cursor_le16(&c) != disk;
	here = cursor_le16(&c);
	all = cursor_le16(&c);
	end->multi_part |= here != all || (disk && disk != UINT16_MAX);
	end->size = cursor_le32(&c);
	end->offset = cursor_le32(&c);
	end->empty = !all && !end->size;
	return true;
}

/* The end record of Zip64 that belongs to an ordinary one. */
static bool parse_end64(const struct reader *r, uint64_t at, struct end *end)
{
	uint8_t p[END64_SIZE], locator[LOCATOR_SIZE];
	struct cursor c = cursor_of(locator, sizeof(locator));
	uint64_t where;
	uint32_t disk;

	if (at < LOCATOR_SIZE || !read_all(r, at - LOCATOR_SIZE, locator, sizeof(locator)) ||
	    cursor_le32(&c) != SIGNATURE_LOCATOR)
		return false;
	cursor_skip(&c, 4);
	where = cursor_le64(&c);
	end->multi_part = cursor_le32(&c) > 1;
	/* Directly before the locator where something stands in front of the archive. */
	if (!signature_at(r, where, SIGNATURE_END64)) {
		if (at < LOCATOR_SIZE + END64_SIZE)
			return false;
		where = at - LOCATOR_SIZE - END64_SIZE;
	}
	c = cursor_of(p, sizeof(p));
	if (!read_all(r, where, p, sizeof(p)) || cursor_le32(&c) != SIGNATURE_END64)
		return false;
	end->at = where;
	cursor_skip(&c, 12);
	disk = cursor_le32(&c);
	end->disk = disk;
	end->multi_part |= cursor_le32(&c) != disk;
	cursor_skip(&c, 16);
	end->size = cursor_le64(&c);
	end->offset = cursor_le64(&c);
	end->empty = !end->size;
	return true;
}

/*
 * Where the directory of an end record is: directly before it, or at the offset it says.  True
 * for the first of the two that is one.
 */
static bool locate(const struct reader *r, const struct end *end, uint64_t *at, uint64_t *base)
{
	*at = end->at - end->size;
	*base = *at - end->offset;
	if (end->size <= end->at && signature_at(r, *at, SIGNATURE_CENTRAL))
		return true;
	*at = end->offset;
	*base = 0;
	return signature_at(r, *at, SIGNATURE_CENTRAL);
}

/* False: out of memory. */
static bool follow(struct zip *z, struct window *w, size_t *room, size_t max,
		   const struct end *end)
{
	uint64_t at, base;

	if (locate(w->r, end, &at, &base)) {
		/* Further to the front than it says: what stood there is missing. */
		if (!z->directory)
			z->multi_part |= end->multi_part || at < end->offset;
		if (!read_directory(z, w, room, max, at, base, end))
			return false;
		z->directory = true;
	} else if (end->size > end->at || end->multi_part) {
		/* The directory, or its beginning, is on an earlier volume. */
		z->multi_part |= !end->empty && !z->directory;
	} else if (end->empty) {
		z->directory = true;
	}
	return true;
}

/* Places of end records, the last one first; how many. */
static size_t find_ends(const struct reader *r, uint64_t ends[static ENDS_MAX])
{
	size_t n = END_SIZE + COMMENT_MAX, count = 0;
	uint8_t *tail;

	if (n > r->size)
		n = (size_t)r->size;
	tail = n >= END_SIZE ? malloc(n) : NULL;
	if (tail && read_all(r, r->size - n, tail, n)) {
		for (size_t i = n - END_SIZE + 1; i-- && count < ENDS_MAX;)
			if (!memcmp(tail + i, "PK\5\6", 4))
				ends[count++] = r->size - n + i;
	}
	free(tail);
	return count;
}

static int by_place(const void *a, const void *b)
{
	const struct zip_entry *x = a, *y = b;

	if (x->local != y->local)
		return x->local < y->local ? -1 : 1;
	if (x->weak != y->weak)
		return x->weak ? 1 : -1;
	if (x->packed != y->packed)
		return x->packed < y->packed ? -1 : 1;
	if (x->method != y->method)
		return x->method < y->method ? -1 : 1;
	return x->name_at < y->name_at ? -1 : x->name_at > y->name_at;
}

static bool same_content(const struct zip_entry *x, const struct zip_entry *y)
{
	return x->local == y->local && x->packed == y->packed && x->method == y->method &&
	       x->encrypted == y->encrypted;
}

/* Several names of one content are one. */
static void sort_entries(struct zip *z)
{
	size_t kept = 0;

	if (!z->count)
		return;
	qsort(z->entries, z->count, sizeof(*z->entries), by_place);
	for (size_t i = 0; i < z->count; i++) {
		const struct zip_entry *e = &z->entries[i];

		if (!kept || !same_content(e, &z->entries[kept - 1]))
			z->entries[kept++] = *e;
	}
	z->count = kept;
}

bool zip_open(struct zip *z, const struct reader *r, size_t max)
{
	struct window *w = calloc(1, sizeof(*w));
	uint64_t ends[ENDS_MAX];
	struct end end;
	size_t room = 0, n;
	bool ok = w;

	memset(z, 0, sizeof(*z));
	z->multi_part = signature_at(r, 0, SIGNATURE_DESCRIPTOR);
	n = find_ends(r, ends);
	if (w)
		w->r = r;
	for (size_t i = 0; ok && i < n; i++) {
		if (parse_end64(r, ends[i], &end))
			ok = follow(z, w, &room, max, &end);
		if (ok && parse_end(r, ends[i], &end) && end.offset != UINT32_MAX)
			ok = follow(z, w, &room, max, &end);
	}
	free(w);
	sort_entries(z);
	if (!ok)
		zip_close(z);
	return ok;
}

void zip_close(struct zip *z)
{
	free(z->entries);
	memset(z, 0, sizeof(*z));
}

bool zip_probe(const struct reader *r)
{
	uint64_t ends[ENDS_MAX], at, base;
	struct end end;
	size_t n;

	if (signature_at(r, 0, SIGNATURE_LOCAL) || signature_at(r, 0, SIGNATURE_END))
		return true;
	if (signature_at(r, 4, SIGNATURE_LOCAL) &&
	    (signature_at(r, 0, SIGNATURE_DESCRIPTOR) || signature_at(r, 0, SIGNATURE_SINGLE)))
		return true;
	n = find_ends(r, ends);
	for (size_t i = 0; i < n; i++) {
		if (parse_end64(r, ends[i], &end) && locate(r, &end, &at, &base))
			return true;
		if (parse_end(r, ends[i], &end) &&
		    (locate(r, &end, &at, &base) || (end.multi_part && !end.empty)))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ search */

static bool is_wanted(const uint8_t *p, bool any)
{
	return !memcmp(p, "PK\3\4", 4) ||
	       (any && (!memcmp(p, "PK\7\10", 4) || !memcmp(p, "PK\1\2", 4)));
}

uint64_t zip_find(const struct reader *r, uint64_t from, uint64_t to, bool any)
{
	uint8_t block[4096];

	while (from < to && to - from >= 4) {
		size_t n = to - from < sizeof(block) ? (size_t)(to - from) : sizeof(block);
		const uint8_t *p = block, *end;

		if (!read_all(r, from, block, n))
			break;
		end = block + n - 3;
		for (; (p = memchr(p, 'P', (size_t)(end - p))); p++)
			if (is_wanted(p, any))
				return from + (size_t)(p - block);
		from += n - 3;
	}
	return to;
}
