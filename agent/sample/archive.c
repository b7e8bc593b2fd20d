// SPDX-License-Identifier: MIT
/*
 * ZIP archives taken apart.
 *
 * Members come in the order of their place in the file.  `at` is the end of what members have
 * used so far; between it and the next entry of the directory zip_find() looks for local
 * headers that no directory names:
 *
 *	|  member  | ... not named ... |  member  | ... directory ... |
 *	           at                  next entry                     end
 *
 * Where local header and directory disagree about method or size, the member is read both
 * ways, since unpackers differ as well.
 */
#include "sample/archive.h"

#include "sample/unpack.h"
#include "sample/zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define BLOCK (64u << 10)
/* Bytes read without anything coming out of them count against a limit of their own. */
#define IN_PER_OUT 2

enum phase { PHASE_NEXT, PHASE_SEARCH, PHASE_MEMBER, PHASE_DONE };

struct archive {
	struct reader r;
	struct archive_tree *tree;
	const struct archive_ops *ops;
	void *arg;
	struct zip zip;
	size_t next;  /* entry */
	uint64_t at;  /* everything before is some member's, or was searched */
	uint64_t end; /* of the search */
	enum phase phase;
	uint32_t traits;

	/* The member being read. */
	struct unpack *unpack;
	struct zip_entry entry;
	bool second; /* `other` is to be read as well */
	struct zip_entry other;
	uint64_t first_end; /* of the first way, 0: there was none */
	uint64_t data;	    /* where its data begin */
	uint64_t limit;	    /* where they end at the latest */
	uint64_t from;	    /* next byte to be read */
	bool doubtful;	    /* may be encrypted: its checksum tells */
	bool asked;	    /* the caller, whether it wants it */
	bool begun;	    /* it does */
	uint32_t crc;
	size_t in_at, in_len;
	uint8_t in[BLOCK], out[BLOCK];
};

struct archive *archive_open(const struct reader *r, struct archive_tree *tree,
			     const struct archive_ops *ops, void *arg)
{
	struct archive *a = malloc(sizeof(*a));

	if (!a)
		return NULL;
	memset(a, 0, offsetof(struct archive, in));
	a->r = *r;
	a->tree = tree;
	a->ops = ops;
	a->arg = arg;
	if (!zip_open(&a->zip, r, tree->limits->entries)) {
		free(a);
		return NULL;
	}
	if (a->zip.multi_part)
		a->traits |= 1u << FILE_TRAIT_MULTI_PART;
	if (a->zip.too_many)
		tree->bomb = true;
	return a;
}

void archive_close(struct archive *a)
{
	if (!a)
		return;
	unpack_free(a->unpack);
	zip_close(&a->zip);
	free(a);
}

uint32_t archive_found(const struct archive *a)
{
	return a->traits | (a->tree->bomb ? 1u << FILE_TRAIT_BOMB : 0);
}

/* ---------------------------------------------------------------- a member */

static uint64_t end_of(uint64_t at, uint64_t n, uint64_t most)
{
	return at > most || n > most - at ? most : at + n;
}

/* A member reached up to there; read both ways, up to where it was shorter. */
static void use(struct archive *a, uint64_t end)
{
	if (a->second) {
		a->first_end = end;
		return;
	}
	if (a->first_end && a->first_end < end)
		end = a->first_end;
	a->first_end = 0;
	if (a->at < end)
		a->at = end;
}

static bool begin(struct archive *a)
{
	char path[ZIP_NAME_MAX];
	struct archive_member m = {
		.path = path,
		.path_len = a->entry.name_len,
		.size_known = a->entry.size != ZIP_SIZE_UNKNOWN,
		.size = a->entry.size,
	};
	ssize_t got;

	if (m.path_len > sizeof(path))
		m.path_len = sizeof(path);
	got = reader_read(&a->r, a->entry.name_at, path, m.path_len);
	m.path_len = got > 0 ? (size_t)got : 0;
	a->asked = true;
	a->begun = a->ops->begin(a->arg, &m);
	return a->begun;
}

/* A member of which nothing is read. */
static void pass(struct archive *a, enum file_reason reason)
{
	if (begin(a))
		a->ops->end(a->arg, reason);
	if (a->entry.packed != ZIP_SIZE_UNKNOWN)
		use(a, a->limit);
	a->phase = PHASE_NEXT;
}

static void member_end(struct archive *a, enum file_reason reason, uint64_t end)
{
	unpack_free(a->unpack);
	a->unpack = NULL;
	/* What no directory names and nobody can unpack is no member. */
	if (a->begun || (!a->asked && reason != FILE_REASON_DECODE && begin(a)))
		a->ops->end(a->arg, reason);
	use(a, end);
	a->phase = PHASE_NEXT;
}

/* The data of a stored member of unknown size end at the next signature. */
static uint64_t stored_end(struct archive *a, uint64_t data)
{
	return zip_find(&a->r, data, a->r.size, true);
}

/*
 * Begins the member of a->entry, whose data begin at that place.  doubtful: one of its headers
 * says it is encrypted, and the other one does not.
 */
static void member_begin(struct archive *a, uint64_t data, bool doubtful)
{
	struct zip_entry *e = &a->entry;
	struct unpack_method method = {e->method, e->flags, e->size};

	a->data = a->from = data;
	a->in_at = a->in_len = 0;
	a->crc = 0;
	a->doubtful = doubtful;
	if (e->packed == ZIP_SIZE_UNKNOWN && e->method == UNPACK_STORED && !e->encrypted) {
		a->limit = stored_end(a, data);
		e->packed = a->limit - data;
	}
	a->limit = end_of(data, e->packed, a->r.size);
	/* A folder, or an empty file. */
	if (!e->packed)
		return;
	if (++a->tree->members > a->tree->limits->members) {
		a->tree->bomb = true;
		return;
	}
	if (e->encrypted)
		a->traits |= 1u << FILE_TRAIT_ENCRYPTED;
	if (e->encrypted && !doubtful) {
		pass(a, FILE_REASON_ENCRYPTED);
		return;
	}
	a->unpack = unpack_new(&method);
	if (!a->unpack) {
		pass(a, FILE_REASON_DECODE);
		return;
	}
	a->phase = PHASE_MEMBER;
	a->asked = a->begun = false;
	if (e->weak || begin(a))
		return;
	unpack_free(a->unpack);
	a->unpack = NULL;
	a->phase = PHASE_NEXT;
	if (e->packed != ZIP_SIZE_UNKNOWN)
		use(a, a->limit);
}

/* Everything was read: what became of it. */
static enum file_reason outcome(struct archive *a, bool ended)
{
	const struct zip_entry *e = &a->entry;

	if (a->doubtful)
		return ended && a->crc == e->crc ? FILE_REASON_NONE : FILE_REASON_ENCRYPTED;
	if (ended)
		return FILE_REASON_NONE;
	/* It ends with the file: this is a volume, or was cut before it was sent. */
	if (a->limit == a->r.size && (a->zip.multi_part || !a->zip.directory)) {
		a->traits |= 1u << FILE_TRAIT_MULTI_PART;
		return FILE_REASON_PARTIAL;
	}
	return FILE_REASON_DECODE;
}

static bool fill(struct archive *a)
{
	uint64_t left = a->limit - a->from;
	ssize_t got;

	if (a->in_len || !left)
		return true;
	got = reader_read(&a->r, a->from, a->in, left < BLOCK ? (size_t)left : BLOCK);
	if (got <= 0)
		return false;
	a->from += (uint64_t)got;
	a->in_at = 0;
	a->in_len = (size_t)got;
	return true;
}

static bool within_limits(struct archive_tree *t)
{
	const struct decode_limits *l = &t->limits->decode;

	if (t->out > l->max_size || t->in / IN_PER_OUT > l->max_size ||
	    (t->out > l->ratio_after && t->out / l->ratio > t->size))
		t->bomb = true;
	return !t->bomb;
}

/* False: nobody wants it, or more of it. */
static bool give(struct archive *a, size_t n)
{
	return (a->begun || begin(a)) && a->ops->data(a->arg, a->out, n);
}

/* One buffer of the member; how many bytes of work that was. */
static size_t member_step(struct archive *a)
{
	const uint8_t *in;
	uint8_t *out = a->out;
	size_t room = BLOCK, taken, given;
	enum unpack_result result;
	bool all, stored = a->entry.method == UNPACK_STORED;

	if (!fill(a)) {
		member_end(a, FILE_REASON_DECODE, a->from);
		return 0;
	}
	in = a->in + a->in_at;
	taken = a->in_len;
	result = unpack_run(a->unpack, &in, &a->in_len, &out, &room);
	taken -= a->in_len;
	given = BLOCK - room;
	a->in_at += taken;
	a->tree->in += taken;
	a->tree->out += given;
	if (given && a->doubtful)
		a->crc = (uint32_t)crc32(a->crc, a->out, (uInt)given);
	if (given && !give(a, given)) {
		member_end(a, FILE_REASON_NONE,
			   a->entry.packed != ZIP_SIZE_UNKNOWN ? a->limit
							       : a->from - a->in_len);
		return taken + given;
	}
	all = !a->in_len && a->from == a->limit;
	if (!within_limits(a->tree))
		member_end(a, FILE_REASON_BOMB, a->from);
	else if (result == UNPACK_END)
		member_end(a, outcome(a, true), a->from - a->in_len - unpack_unused(a->unpack));
	else if (result == UNPACK_BROKEN)
		member_end(a, a->doubtful ? FILE_REASON_ENCRYPTED : FILE_REASON_DECODE,
			   a->data);
	else if (stored && all)
		member_end(a, outcome(a, a->limit - a->data == a->entry.packed), a->limit);
	else if (all && !taken && !given)
		member_end(a, outcome(a, false), a->limit);
	else if (!taken && !given)
		member_end(a, FILE_REASON_DECODE, a->data);
	return taken + given;
}

/* ------------------------------------------------------------------ places */

/* Whether a local header that no directory names looks like one. */
static bool plausible(const struct zip_entry *e)
{
	return e->name_len && e->name_len <= ZIP_NAME_MAX &&
	       (e->method <= 20 || e->method >= 90) && e->method < 100;
}

/* The entry's local header, where the end record or the directory says. */
static bool find_local(struct archive *a, struct zip_entry *e, struct zip_entry *local,
		       uint64_t *data)
{
	if (zip_local(&a->r, e->local, local, data))
		return true;
	e->local = e->local_raw;
	return zip_local(&a->r, e->local, local, data);
}

/* An entry of a directory: its header there, its data behind the local one. */
static void entry_begin(struct archive *a, struct zip_entry *e)
{
	struct zip_entry local;
	uint64_t data;

	if (!find_local(a, e, &local, &data)) {
		a->entry = *e;
		a->limit = a->at;
		/* It is on another volume; or it is nowhere, and nobody can unpack it. */
		if (e->elsewhere || a->zip.multi_part)
			return;
		if (!e->weak && e->size && ++a->tree->members <= a->tree->limits->members)
			pass(a, FILE_REASON_DECODE);
		return;
	}
	if (a->at < data)
		a->at = data;
	a->entry = *e;
	a->second = local.packed != ZIP_SIZE_UNKNOWN && !local.encrypted && !e->encrypted &&
		    (local.method != e->method || local.packed != e->packed);
	a->other = local;
	member_begin(a, data, local.encrypted != e->encrypted);
}

static bool choose_next(struct archive *a)
{
	if (a->tree->bomb)
		return false;
	if (a->second) {
		a->second = false;
		a->entry = a->other;
		member_begin(a, a->data, false);
		return true;
	}
	while (a->next < a->zip.count) {
		struct zip_entry *e = &a->zip.entries[a->next];

		/* In another member's data: that one's content, or nobody's. */
		if (e->weak && e->local < a->at) {
			a->next++;
			continue;
		}
		if (e->local > a->at && e->local <= a->r.size) {
			a->end = e->local;
			a->phase = PHASE_SEARCH;
			return true;
		}
		a->next++;
		entry_begin(a, e);
		return true;
	}
	a->end = a->r.size;
	a->phase = PHASE_SEARCH;
	return a->at < a->end;
}

/* Looks for a header that no directory names; how many bytes of work that was. */
static size_t search_step(struct archive *a)
{
	uint64_t to = end_of(a->at, BLOCK, a->end), before = a->at, found, data;

	/* A signature may lie across two steps. */
	found = zip_find(&a->r, a->at, end_of(to, 3, a->end), false);
	if (found >= to) {
		a->at = to;
		if (a->at == a->end)
			a->phase = PHASE_NEXT;
		return (size_t)(to - before);
	}
	a->at = found + 1;
	a->phase = PHASE_NEXT;
	if (zip_local(&a->r, found, &a->entry, &data) && plausible(&a->entry)) {
		a->at = data;
		a->entry.weak = true;
		member_begin(a, data, false);
	}
	return (size_t)(found - before);
}

bool archive_step(struct archive *a, size_t budget)
{
	size_t done = 0;

	while (done < budget) {
		done += 64; /* a step costs something, whatever it does */
		switch (a->phase) {
		case PHASE_NEXT:
			if (!choose_next(a))
				a->phase = PHASE_DONE;
			break;
		case PHASE_SEARCH:
			done += search_step(a);
			break;
		case PHASE_MEMBER:
			done += member_step(a);
			/* The caller may want to look into it before the next one. */
			if (a->phase != PHASE_MEMBER)
				return true;
			break;
		case PHASE_DONE:
			return false;
		}
	}
	return true;
}

bool archive_is_zip(const struct reader *r)
{
	return zip_probe(r);
}
