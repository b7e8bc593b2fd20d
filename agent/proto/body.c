// SPDX-License-Identifier: MIT
/*
 * A message body on its way to files.
 */
#include "proto/body.h"

#include "proto/coding.h"
#include "proto/disposition.h"
#include "proto/multipart.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 4096

struct body {
	struct proto_env *env;
	void (*describe)(void *arg, struct sighting *s);
	void *arg;
	struct coding *coding;
	struct multipart *form;
	struct buf head; /* first bytes, until they tell whether it is a form */
	bool undecided;
	bool size_known, declare, partial;
	uint64_t declared;

	struct file *file; /* the one being written */
	uint64_t at;	   /* its next offset */
	uint64_t time;
	enum file_reason reason; /* why what is open cannot be whole */
	bool hole;		 /* in the form's part that is open */
};

static void open_file(struct body *b, const char *disposition, const char *type)
{
	struct sighting s;
	struct buf name;
	bool named = false;

	sighting_init(&s);
	b->describe(b->arg, &s);
	if (b->form) {
		/* The URL's last part names the form's receiver, not a file in it. */
		sighting_set(&s, SIGHTING_FILENAME, NULL, 0);
		sighting_set(&s, SIGHTING_CONTENT_TYPE, type, type ? strlen(type) : 0);
	}
	if (disposition) {
		buf_init(&name, NAME_MAX_BYTES);
		named = disposition_filename((const uint8_t *)disposition, strlen(disposition),
					     &name);
		if (named)
			sighting_set(&s, SIGHTING_FILENAME, name.data, name.len);
		buf_free(&name);
	}
	s.form_field = b->form && !named;
	if (s.form_field && !b->env->form_fields) {
		counter_add(b->env->counters, COUNTER_FORM_FIELDS, 1);
		sighting_free(&s);
		return;
	}
	b->file = file_open(b->env->files, &s, b->time);
	b->at = 0;
	if (b->file && b->declare)
		file_declare(b->file, b->declared);
	sighting_free(&s);
}

static void close_file(struct body *b, enum file_reason reason)
{
	if (!b->file)
		return;
	if (b->reason != FILE_REASON_NONE)
		reason = b->reason;
	if (b->partial && reason == FILE_REASON_NONE)
		reason = FILE_REASON_PARTIAL;
	file_close(b->file, reason, b->time);
	b->file = NULL;
}

static void write_file(struct body *b, const uint8_t *p, size_t n)
{
	if (!b->file)
		return;
	file_data(b->file, b->at, p, n, b->time);
	b->at += n;
}

/* ------------------------------------------------------------------- form */

static void part_begin(void *arg, const char *disposition, const char *type)
{
	open_file(arg, disposition, type);
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

static const struct multipart_ops form_ops = {part_begin, part_data, part_end};

/* ---------------------------------------------------------------- content */

static bool content(void *arg, const uint8_t *p, size_t n);

static void settle(struct body *b, bool form)
{
	b->undecided = false;
	if (!form) {
		multipart_free(b->form);
		b->form = NULL;
		b->declare = b->size_known;
	}
}

/*
 * What is called a form is one when it begins like one; else it is a file, so that
 * a wrong type hides nothing.
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
	probe = multipart_probe(b->form, b->head.data, b->head.len);
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
	if (b->form) {
		multipart_data(b->form, p, n);
		return true;
	}
	if (!b->file)
		open_file(b, NULL, NULL);
	write_file(b, p, n);
	return b->file && file_wanted(b->file);
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
	if (o->form)
		b->form = multipart_new(o->form, o->form_len, &form_ops, b);
	b->undecided = b->form;
	b->size_known = o->size_known && !b->coding;
	b->declare = b->size_known && !b->form;
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
	if (b->form) {
		multipart_gap(b->form);
		b->hole = true;
	} else if (!b->file) {
		open_file(b, NULL, NULL);
	}
	if (b->file)
		file_gap(b->file, b->at, n);
	b->at += n;
	/* No decoder goes on behind a hole. */
	if (b->coding && b->reason == FILE_REASON_NONE)
		b->reason = FILE_REASON_GAP;
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
	if (b->reason != FILE_REASON_NONE && b->coding && !b->file && !b->form)
		open_file(b, NULL, NULL);
	if (b->form) {
		multipart_end(b->form);
		multipart_free(b->form);
	}
	close_file(b, reason);
	coding_free(b->coding);
	buf_free(&b->head);
	free(b);
}
