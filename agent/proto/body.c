// SPDX-License-Identifier: MIT
/*
 * A message body on its way to files.
 */
#include "proto/body.h"

#include "proto/coding.h"
#include "mime/disposition.h"
#include "proto/http_field.h"
#include "proto/multipart.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 4096

struct body {
	struct proto_env *env;
	void (*describe)(void *arg, struct sighting *s);
	void *arg;
	struct coding *coding;
	struct multipart *parts;
	struct buf head; /* first bytes, until they tell whether it has parts */
	bool undecided;
	bool size_known, declare, partial;
	uint64_t declared;
	bool join; /* what it is a range of is put together */
	bool resumable;
	struct key key;
	struct byte_range range;

	struct file *file;	   /* the one being written, or */
	struct range_piece *piece; /* the piece of one */
	uint64_t at;		   /* the file's next offset */
	uint64_t time;
	enum file_reason reason; /* why what is open cannot be whole */
	bool hole;		 /* in the form's part that is open */
};

/* What a part's header says about it; false: it is none of anybody's business. */
static bool describe_part(struct body *b, const struct multipart_part *part, struct sighting *s)
{
	const char *disposition = part->disposition;
	struct buf name;
	bool named = false;

	if (part->type || !b->join)
		sighting_set(s, SIGHTING_CONTENT_TYPE, part->type,
			     part->type ? strlen(part->type) : 0);
	if (b->join)
		return true;
	/* The URL's last part names the form's receiver, not a file in it. */
	sighting_set(s, SIGHTING_FILENAME, NULL, 0);
	if (disposition) {
		buf_init(&name, NAME_MAX_BYTES);
		named = disposition_filename((const uint8_t *)disposition, strlen(disposition),
					     &name);
		if (named)
			sighting_set(s, SIGHTING_FILENAME, name.data, name.len);
		buf_free(&name);
	}
	s->kind = named ? SIGHTING_KIND_FILE : SIGHTING_KIND_FORM_FIELD;
	if (named || b->env->private_talk)
		return true;
	counter_add(b->env->counters, COUNTER_FORM_FIELDS, 1);
	return false;
}

/* The range a body or its part is of; all zero: not known. */
static struct byte_range range_of(const struct body *b, const struct multipart_part *part)
{
	struct byte_range r = b->range;

	if (part)
		http_range((struct text){(const uint8_t *)part->range,
					 part->range ? strlen(part->range) : 0},
			   &r);
	return r;
}

/* part NULL: the body is one. */
static void open_file(struct body *b, const struct multipart_part *part)
{
	struct byte_range range = range_of(b, part);
	struct sighting s;

	sighting_init(&s);
	b->describe(b->arg, &s);
	if (b->coding)
		s.level = coding_layers(b->coding);
	if (part && !describe_part(b, part, &s))
		goto out;
	if (b->join && range.total) {
		b->piece = range_open(b->env->ranges, &b->key, &range, &s, b->time);
		goto out;
	}
	b->file = file_open(b->env->files, &s, b->time);
	b->at = 0;
	if (b->file && b->declare)
		file_declare(b->file, b->declared);
out:
	sighting_free(&s);
}

static void close_file(struct body *b, enum file_reason reason)
{
	if (b->piece)
		range_close(b->piece);
	b->piece = NULL;
	if (!b->file)
		return;
	if (b->reason != FILE_REASON_NONE)
		reason = b->reason;
	if (b->partial && reason == FILE_REASON_NONE)
		reason = FILE_REASON_PARTIAL;
	if (!b->resumable ||
	    !range_resume(b->env->ranges, &b->key, b->file, b->declared, reason, b->time))
		file_close(b->file, reason, b->time);
	b->file = NULL;
}

static void write_file(struct body *b, const uint8_t *p, size_t n)
{
	if (b->piece)
		range_data(b->piece, p, n, b->time);
	if (!b->file)
		return;
	file_data(b->file, b->at, p, n, b->time);
	b->at += n;
}

/* ------------------------------------------------------------------ parts */

static void part_begin(void *arg, const struct multipart_part *part)
{
	struct body *b = arg;

	/* Without its header nobody can tell where a range belongs. */
	if (!b->join || part->range)
		open_file(b, part);
}

static void part_data(void *arg, const uint8_t *p, size_t n)
{
	write_file(arg, p, n);
}

static void part_end(void *arg, bool whole)
{
	struct body *b = arg;

	close_file(b, whole	? FILE_REASON_NONE
		      : b->hole ? FILE_REASON_GAP
				: FILE_REASON_DECODE);
	b->hole = false;
}

static const struct multipart_ops part_ops = {part_begin, part_data, part_end};

/* ---------------------------------------------------------------- content */

static bool content(void *arg, const uint8_t *p, size_t n);

static void settle(struct body *b, bool parts)
{
	b->undecided = false;
	if (!parts) {
		multipart_free(b->parts);
		b->parts = NULL;
		b->declare = b->size_known;
	}
}

/*
 * What is said to have parts has them when it begins like that; else it is a file, so
 * that a wrong type hides nothing.
 */
static bool undecided_content(struct body *b, const uint8_t *p, size_t n)
{
	size_t take = n < b->head.max - b->head.len ? n : b->head.max - b->head.len;
	enum probe probe;
	struct buf head;
	bool more;

	if (!buf_add(&b->head, p, take)) {
		/* No memory: whatever it is, it is not whole. */
		b->reason = FILE_REASON_DECODE;
		settle(b, false);
		return content(b, p, n);
	}
	probe = multipart_probe(b->parts, b->head.data, b->head.len);
	if (probe == PROBE_MORE)
		return true;
	settle(b, probe == PROBE_YES);
	head = b->head;
	buf_init(&b->head, b->head.max);
	more = content(b, head.data, head.len);
	buf_free(&head);
	return more && (take == n || content(b, p + take, n - take));
}

/* The body ended, or has a hole, before it could be told. */
static void settle_early(struct body *b)
{
	if (!b->undecided)
		return;
	settle(b, false);
	if (b->head.len)
		content(b, b->head.data, b->head.len);
}

static bool content(void *arg, const uint8_t *p, size_t n)
{
	struct body *b = arg;

	if (b->undecided)
		return undecided_content(b, p, n);
	if (b->parts) {
		multipart_data(b->parts, p, n);
		return true;
	}
	if (!b->file && !b->piece)
		open_file(b, NULL);
	write_file(b, p, n);
	return b->piece || (b->file && file_wanted(b->file));
}

struct body *body_new(const struct body_options *o)
{
	struct body *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->env = o->env;
	b->describe = o->describe;
	b->arg = o->arg;
	b->partial = o->partial;
	if (o->codings && coding_needed(o->codings, o->codings_len)) {
		b->coding = coding_new(&o->env->decode, o->codings, o->codings_len, content, b);
		if (!b->coding) {
			free(b);
			return NULL;
		}
	}
	buf_init(&b->head, MULTIPART_PROBE_MAX);
	b->join = o->key && !o->resumable;
	b->resumable = o->resumable;
	if (o->key)
		b->key = *o->key;
	b->range = o->range;
	if (o->parts)
		b->parts = multipart_new(o->parts, o->type, o->type_len, &part_ops, b);
	b->undecided = b->parts;
	b->size_known = o->size_known && !b->coding;
	b->declare = b->size_known && !b->parts;
	b->declared = o->declared;
	return b;
}

void body_data(struct body *b, const uint8_t *p, size_t n, uint64_t time)
{
	b->time = time;
	if (!b->coding) {
		content(b, p, n);
		return;
	}
	if (b->reason != FILE_REASON_NONE)
		return;
	b->reason = coding_data(b->coding, p, n);
}

void body_gap(struct body *b, uint64_t n, uint64_t time)
{
	b->time = time;
	settle_early(b);
	if (b->parts) {
		multipart_gap(b->parts);
		b->hole = true;
	} else if (!b->file && !b->piece) {
		open_file(b, NULL);
	}
	if (b->file)
		file_gap(b->file, b->at, n);
	/* With parts, too: a hole larger than what is left of the range ends it. */
	if (b->piece)
		range_gap(b->piece, n);
	b->at += n;
	/* No decoder goes on behind a hole. */
	if (b->coding && b->reason == FILE_REASON_NONE)
		b->reason = FILE_REASON_GAP;
}

bool body_wanted(const struct body *b)
{
	/* Parts of it may be wanted. */
	if (b->undecided || b->parts)
		return true;
	if (b->piece)
		return range_wanted(b->piece);
	return !b->file || file_wanted(b->file);
}

bool body_has_end(const struct body *b)
{
	return b->coding && b->reason == FILE_REASON_NONE && coding_has_end(b->coding);
}

void body_close(struct body *b, enum file_reason reason, uint64_t time)
{
	b->time = time;
	if (b->coding && reason == FILE_REASON_NONE && b->reason == FILE_REASON_NONE)
		b->reason = coding_end(b->coding);
	if (b->reason == FILE_REASON_NONE)
		b->reason = reason;
	settle_early(b);
	/* A coded body whose first bytes were broken is still a file that was seen. */
	if (b->reason != FILE_REASON_NONE && b->coding && !b->file && !b->parts)
		open_file(b, NULL);
	if (b->parts) {
		multipart_end(b->parts);
		multipart_free(b->parts);
	}
	close_file(b, reason);
	coding_free(b->coding);
	buf_free(&b->head);
	free(b);
}
