// SPDX-License-Identifier: MIT
/*
 * What bodies are made of: content codings, multipart, header parameters, names, links.  An
 * input is: which of them and how large pieces are (two bytes), a line that is the field,
 * the content.
 */
#include "fuzz.h"

#include "lib/buf.h"
#include "proto/coding.h"
#include "mime/disposition.h"
#include "mime/links.h"
#include "proto/multipart.h"

#include <string.h>

#define OUT_MAX (8u << 20)

static size_t out_bytes;
static int parts_open;

static bool decoded(void *arg, const uint8_t *p, size_t n)
{
	out_bytes += n;
	MUST(out_bytes <= OUT_MAX);
	return true;
}

static void part_begin(void *arg, const struct multipart_part *part)
{
	MUST(parts_open++ == 0);
}

static void part_data(void *arg, const uint8_t *p, size_t n)
{
	MUST(parts_open == 1);
	out_bytes += n;
}

static void part_end(void *arg, bool whole)
{
	MUST(--parts_open == 0);
}

static void link_seen(void *arg, const char *url, size_t n, bool cut)
{
	char *copy = malloc(n + 1);

	MUST(copy && n > 0 && n <= LINK_MAX);
	memcpy(copy, url, n);
	copy[n] = 0;
	link_normalise(copy, n);
	free(copy);
}

/* The next piece of the content; false at its end.  The caller frees it. */
static bool piece(struct fuzz_input *in, uint8_t size, uint8_t **p, size_t *n)
{
	struct fuzz_input part = fuzz_part(in, size ? size : in->n);

	if (!part.n)
		return false;
	*p = fuzz_copy(part);
	*n = part.n;
	return true;
}

static void codings(struct fuzz_input field, struct fuzz_input in, uint8_t size)
{
	struct decode_limits limits = DECODE_LIMITS_DEFAULT;
	enum file_reason reason = FILE_REASON_NONE;
	struct coding *c;
	uint8_t *p;
	size_t n;

	limits.max_size = OUT_MAX;
	c = coding_new(&limits, (const char *)field.p, field.n, decoded, NULL);
	while (c && piece(&in, size, &p, &n)) {
		if (reason == FILE_REASON_NONE)
			reason = coding_data(c, p, n);
		free(p);
	}
	if (c && reason == FILE_REASON_NONE)
		coding_end(c);
	coding_free(c);
}

static void multiparts(struct fuzz_input field, struct fuzz_input in, uint8_t size)
{
	static const struct multipart_ops ops = {part_begin, part_data, part_end};
	const size_t all = in.n;
	struct multipart *m = multipart_new("multipart/byteranges", (const char *)field.p,
					    field.n, &ops, NULL);
	uint8_t *p;
	size_t n;

	if (!m)
		m = multipart_new("multipart/form-data", (const char *)field.p, field.n, &ops,
				  NULL);
	while (m && piece(&in, size, &p, &n)) {
		multipart_data(m, p, n);
		free(p);
		if (size % 5 == 4 && in.n % 11 == 0)
			multipart_gap(m);
	}
	if (m)
		multipart_end(m);
	MUST(parts_open == 0 && out_bytes <= all);
	multipart_free(m);
}

static void names(struct fuzz_input field)
{
	struct buf name, file;

	buf_init(&name, 4096);
	buf_init(&file, 4096);
	parameter_get(field.p, field.n, "boundary", &name);
	buf_reset(&name);
	if (disposition_filename(field.p, field.n, &name))
		filename_without_path(&name, &file);
	buf_reset(&name);
	percent_decode(field.p, field.n, &name);
	buf_free(&name);
	buf_free(&file);
}

static void urls(struct fuzz_input in, uint8_t size, bool html)
{
	struct links *l = links_new(html, link_seen, NULL);
	uint8_t *p;
	size_t n;

	MUST(l);
	while (piece(&in, size, &p, &n)) {
		links_data(l, p, n);
		free(p);
	}
	links_close(l, size % 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fuzz_input in = {p, n}, field = {NULL, 0};
	uint8_t which = fuzz_u8(&in), size = fuzz_u8(&in);
	const uint8_t *end = in.n ? memchr(in.p, '\n', in.n) : NULL;
	uint8_t *copy;

	if (end) {
		field = fuzz_part(&in, (size_t)(end - in.p));
		fuzz_part(&in, 1);
	}
	copy = fuzz_copy(field);
	field.p = copy;
	out_bytes = 0;
	parts_open = 0;
	switch (which % 5) {
	case 0:
		codings(field, in, size);
		break;
	case 1:
		multiparts(field, in, size);
		break;
	case 2:
		names(field);
		break;
	default:
		urls(in, size, which % 5 == 4);
		break;
	}
	free(copy);
	return 0;
}
