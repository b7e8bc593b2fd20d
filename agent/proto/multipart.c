// SPDX-License-Identifier: MIT
/*
 * Bodies of several parts, pushed in pieces of any size.
 */
#include "proto/multipart.h"

#include "lib/buf.h"
#include "mime/disposition.h"
#include "mime/mime_param.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_MAX (16u << 10)

/*
 * A delimiter is recognised byte by byte:
 *
 *	CR   LF   "--" boundary   "--"? blanks LF
 *	'-------- CR may be missing, and both are before the body's and a
 *	          part's first byte, where the line break is no content
 *
 * While that may still turn out to be content nothing needs to be kept: what
 * was matched so far is known (cr, lf, matched).
 */
enum state {
	STATE_CONTENT, /* of a part, or before the first boundary */
	STATE_AFTER,   /* behind a boundary: is it one, is it the last? */
	STATE_DASH,    /* one '-' behind it */
	STATE_LINE,    /* the rest of a delimiter's line */
	STATE_HEADER,
	STATE_EPILOGUE,
};

struct multipart {
	const struct multipart_ops *ops;
	void *arg;
	enum state state;
	bool open;    /* a part was begun and not ended */
	bool last;    /* the delimiter being read closes the body */
	bool damaged; /* bytes of the part are missing */
	bool cr, lf;
	bool unreal;	/* that lf is none of the content: see above */
	size_t matched; /* of delimiter */
	size_t len;
	char delimiter[MULTIPART_BOUNDARY_MAX + 2];
	struct buf header;
	bool blank; /* the header's current line is empty so far */
};

struct multipart *multipart_new(const char *wanted, const char *content_type, size_t n,
				const struct multipart_ops *ops, void *arg)
{
	struct multipart *m;
	struct buf boundary;

	if (!content_type || n < strlen(wanted) ||
	    strncasecmp(content_type, wanted, strlen(wanted)))
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	buf_init(&boundary, MULTIPART_BOUNDARY_MAX);
	if (!parameter_get((const uint8_t *)content_type, n, "boundary", &boundary) ||
	    !boundary.len || memchr(boundary.data, '\n', boundary.len)) {
		buf_free(&boundary);
		free(m);
		return NULL;
	}
	memcpy(m->delimiter, "--", 2);
	memcpy(m->delimiter + 2, boundary.data, boundary.len);
	m->len = boundary.len + 2;
	buf_free(&boundary);
	buf_init(&m->header, HEADER_MAX);
	m->ops = ops;
	m->arg = arg;
	m->state = STATE_CONTENT;
	m->lf = m->unreal = true; /* the body's first byte begins a line */
	return m;
}

enum probe multipart_probe(const struct multipart *m, const uint8_t *p, size_t n)
{
	size_t skip = 0, have;

	/* Some clients send a line break first. */
	if (n && p[0] == '\r')
		skip++;
	if (n > skip && p[skip] == '\n')
		skip++;
	have = n - skip < m->len ? n - skip : m->len;
	if (memcmp(p + skip, m->delimiter, have))
		return PROBE_NO;
	return have == m->len ? PROBE_YES : PROBE_MORE;
}

void multipart_free(struct multipart *m)
{
	if (!m)
		return;
	buf_free(&m->header);
	free(m);
}

static void content(struct multipart *m, const void *p, size_t n)
{
	if (!n)
		return;
	if (!m->open) {
		m->open = true;
		m->ops->begin(m->arg, &(struct multipart_part){NULL});
	}
	m->ops->data(m->arg, p, n);
}

static void forget(struct multipart *m)
{
	m->cr = m->lf = m->unreal = false;
	m->matched = 0;
}

/* What looked like a delimiter was content. */
static void release(struct multipart *m)
{
	if (m->cr)
		content(m, "\r", 1);
	if (m->lf && !m->unreal)
		content(m, "\n", 1);
	content(m, m->delimiter, m->matched);
	forget(m);
}

static void part_end(struct multipart *m, bool whole)
{
	if (m->open)
		m->ops->end(m->arg, whole && !m->damaged);
	m->open = false;
	m->damaged = false;
	forget(m);
}

static void header_done(struct multipart *m)
{
	struct buf disposition, type, range;

	buf_init(&disposition, HEADER_MAX);
	buf_init(&type, HEADER_MAX);
	buf_init(&range, HEADER_MAX);
	m->open = true;
	m->state = STATE_CONTENT;
	/* A delimiter may follow at once: the part is empty. */
	m->lf = m->unreal = true;
	m->ops->begin(m->arg,
		      &(struct multipart_part){
			      mime_field(&m->header, "Content-Disposition", &disposition),
			      mime_field(&m->header, "Content-Type", &type),
			      mime_field(&m->header, "Content-Range", &range),
		      });
	buf_free(&disposition);
	buf_free(&type);
	buf_free(&range);
	buf_reset(&m->header);
}

/* One byte while a delimiter is possible. */
static void match(struct multipart *m, uint8_t b)
{
	if (m->lf && b == (uint8_t)m->delimiter[m->matched]) {
		if (++m->matched == m->len)
			m->state = STATE_AFTER;
		return;
	}
	if (m->cr && !m->lf && b == '\n') {
		m->lf = true;
		return;
	}
	release(m);
	if (b == '\r')
		m->cr = true;
	else if (b == '\n')
		m->lf = true;
	else
		content(m, &b, 1);
}

/* As much content as can be told from a delimiter at a glance. */
static size_t run(struct multipart *m, const uint8_t *p, size_t n)
{
	const uint8_t *nl = memchr(p, '\n', n);
	size_t len = nl ? (size_t)(nl - p) : n;

	/* The CR that may belong to the next line break waits. */
	if (len && p[len - 1] == '\r')
		len--;
	content(m, p, len);
	return len;
}

static void line_byte(struct multipart *m, uint8_t b)
{
	if (b != '\n')
		return;
	if (m->last) {
		m->state = STATE_EPILOGUE;
	} else {
		m->state = STATE_HEADER;
		m->blank = true;
	}
}

static void header_byte(struct multipart *m, uint8_t b)
{
	/* A header longer than the limit loses its end, not its part. */
	if (m->header.len < HEADER_MAX)
		buf_add(&m->header, &b, 1);
	if (b == '\n') {
		if (m->blank)
			header_done(m);
		m->blank = true;
	} else if (b != '\r') {
		m->blank = false;
	}
}

void multipart_data(struct multipart *m, const uint8_t *p, size_t n)
{
	while (n) {
		size_t used = 1;

		switch (m->state) {
		case STATE_CONTENT:
			if (!m->cr && !m->lf)
				used = run(m, p, n);
			if (used == 0 || m->cr || m->lf) {
				used = 1;
				match(m, *p);
			}
			break;
		case STATE_AFTER:
			if (*p == '-') {
				m->state = STATE_DASH;
			} else if (*p == '\r' || *p == '\n' || *p == ' ' || *p == '\t') {
				part_end(m, true);
				m->last = false;
				m->state = STATE_LINE;
				line_byte(m, *p);
			} else {
				/* A longer line that begins like the boundary. */
				release(m);
				m->state = STATE_CONTENT;
				used = 0;
			}
			break;
		case STATE_DASH:
			if (*p == '-') {
				part_end(m, true);
				m->last = true;
				m->state = STATE_LINE;
			} else {
				release(m);
				content(m, "-", 1);
				m->state = STATE_CONTENT;
				used = 0;
			}
			break;
		case STATE_LINE:
			line_byte(m, *p);
			break;
		case STATE_HEADER:
			header_byte(m, *p);
			break;
		case STATE_EPILOGUE:
			return;
		}
		p += used;
		n -= used;
	}
}

void multipart_gap(struct multipart *m)
{
	switch (m->state) {
	case STATE_CONTENT:
	case STATE_AFTER:
	case STATE_DASH:
		release(m);
		break;
	case STATE_LINE:
	case STATE_HEADER:
		buf_reset(&m->header);
		break;
	case STATE_EPILOGUE:
		return;
	}
	m->state = STATE_CONTENT;
	forget(m);
	m->damaged = true;
}

void multipart_end(struct multipart *m)
{
	bool whole = false;

	if (m->state == STATE_CONTENT || m->state == STATE_AFTER || m->state == STATE_DASH) {
		/* The last boundary without its dashes and line break still is one. */
		whole = m->state != STATE_CONTENT;
		if (!whole)
			release(m);
	}
	part_end(m, whole);
	m->state = STATE_EPILOGUE;
}
