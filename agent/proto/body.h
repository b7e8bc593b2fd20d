/* SPDX-License-Identifier: MIT */
/*
 * A message body on its way to files: transfer-decoded bytes in, the content
 * coding undone, parts taken apart, files and pieces of files out.
 *
 *	raw ─▶ transfer (the parser) ─▶ content coding ─▶ parts ─▶ file or range
 *
 * A stage that is not needed is not there, and then bytes reach the file at
 * the address they were received at.
 */
#ifndef SLUICE_PROTO_BODY_H
#define SLUICE_PROTO_BODY_H

#include "proto/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct body;

/* What is known of a body before its first byte; strings are read during body_new(). */
struct body_options {
	struct proto_env *env;
	/*
	 * Fills the sighting of a file that begins: called for the first byte of a body
	 * or of a part.
	 */
	void (*describe)(void *arg, struct sighting *s);
	void *arg;
	const char *codings; /* value of Content-Encoding or NULL */
	size_t codings_len;
	/*
	 * Taken apart where it is of this type: MULTIPART_FORM, MULTIPART_RANGES, or NULL.
	 * type is the value of Content-Type.
	 */
	const char *parts;
	const char *type;
	size_t type_len;
	uint64_t declared; /* bytes announced, valid with size_known */
	bool size_known;
	bool partial; /* a range: never more than FILE_REASON_PARTIAL */
	/*
	 * What it is a range of, where it may meet others; NULL: it stays alone.  range says
	 * which bytes; all zero where only the parts do, or with resumable.  Not together
	 * with codings.
	 */
	const struct key *key;
	struct byte_range range;
	/* With key: not a range, but one may bring what is missing of it. */
	bool resumable;
};

/* NULL when out of memory. */
struct body *body_new(const struct body_options *o);
void body_data(struct body *b, const uint8_t *p, size_t n, uint64_t time);
/* n bytes never came by. */
void body_gap(struct body *b, uint64_t n, uint64_t time);
/* False once nothing that may still come of it can change what becomes of it. */
bool body_wanted(const struct body *b);
/* Its content coding saw its own end, so that nothing can be missing. */
bool body_has_end(const struct body *b);
/* Ends its file or files and frees it.  NONE: the protocol saw its end. */
void body_close(struct body *b, enum file_reason reason, uint64_t time);

#endif
