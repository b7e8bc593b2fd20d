// SPDX-License-Identifier: MIT
/*
 * The structure of a mail message, pushed in pieces of any size.
 */
#include "mime/mime.h"

#include "mime/mime_param.h"

#include <stdlib.h>
#include <string.h>

enum state {
	STATE_HEADER,
	STATE_LEAF,
	STATE_BETWEEN, /* what no part holds: preamble, epilogue, bytes behind a gap */
};

/* A multipart that is open. */
struct level {
	char *boundary; /* without the dashes before it */
	size_t len;
	bool digest;
};

/*
 *	... content CR LF --boundary-- blanks CR LF
 *		    '---' '-------------------'
 *		    eol    line
 *
 * A line break waits in eol until the next line is known to be no boundary; a line that
 * begins with "--" waits in line, if any multipart is open.
 */
struct mime {
	const struct mime_ops *ops;
	void *arg;
	unsigned int depth;
	enum state state;
	bool header_given; /* the message's own one was shown */
	bool open;	   /* a leaf was begun and not ended */
	bool limited;	   /* of the present header */
	bool midline;	   /* behind the first byte of a line that is no boundary */
	bool cr;	   /* the last byte was a CR that ended a line: a LF belongs to it */
	uint8_t eol[2];
	size_t eol_len;
	struct buf line;
	struct buf header;
	size_t line_start; /* of the last line in header */
	size_t levels;
	struct level level[MIME_DEPTH_MAX];
};

/* "--" boundary "--" and some blanks */
#define LINE_MAX_LEN (2 + MIME_BOUNDARY_MAX + 2 + 64)

struct mime *mime_new(const struct mime_ops *ops, void *arg, unsigned int depth)
{
	struct mime *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->ops = ops;
	m->arg = arg;
	m->depth = depth;
	m->state = STATE_HEADER;
	buf_init(&m->line, LINE_MAX_LEN);
	buf_init(&m->header, MIME_HEADER_MAX);
	return m;
}

static void close_levels(struct mime *m, size_t keep)
{
	while (m->levels > keep)
		free(m->level[--m->levels].boundary);
}

void mime_free(struct mime *m)
{
	if (!m)
		return;
	close_levels(m, 0);
	buf_free(&m->line);
	buf_free(&m->header);
	free(m);
}

static void content(struct mime *m, const uint8_t *p, size_t n)
{
	if (n && m->open)
		m->ops->data(m->arg, p, n);
}

static void leaf_end(struct mime *m, bool whole)
{
	if (m->open)
		m->ops->end(m->arg, whole);
	m->open = false;
}

/* ------------------------------------------------------------------- headers */

/* Opens a multipart; false: it names no usable boundary, or is too deep. */
static bool open_level(struct mime *m, const char *field, bool digest)
{
	struct buf boundary, charset;
	struct level *l = &m->level[m->levels];
	bool ok;

	if (m->depth + m->levels >= MIME_DEPTH_MAX) {
		m->ops->limit(m->arg);
		return false;
	}
	buf_init(&boundary, MIME_BOUNDARY_MAX);
	buf_init(&charset, MIME_BOUNDARY_MAX);
	ok = mime_param(field, "boundary", &boundary, &charset) && !boundary.failed;
	/* Blanks at the end cannot be told from those a transport adds. */
	while (boundary.len && (boundary.data[boundary.len - 1] == ' ' ||
				boundary.data[boundary.len - 1] == '\t'))
		boundary.len--;
	ok = ok && boundary.len && (l->boundary = malloc(boundary.len));
	if (ok) {
		memcpy(l->boundary, boundary.data, boundary.len);
		l->len = boundary.len;
		l->digest = digest;
		m->levels++;
	}
	buf_free(&boundary);
	buf_free(&charset);
	return ok;
}

/* A header is complete: a multipart or a leaf begins. */
static void entity_begin(struct mime *m)
{
	struct buf field, type;
	const char *value;
	bool digest = m->levels && m->level[m->levels - 1].digest;

	if (!m->header_given && m->ops->header)
		m->ops->header(m->arg, &m->header);
	m->header_given = true;
	m->limited = false;
	buf_init(&field, MIME_HEADER_MAX);
	buf_init(&type, MIME_HEADER_MAX);
	mime_field(&m->header, "Content-Type", &field);
	value = mime_value(buf_string(&field), &type);
	if (!*value)
		value = digest ? "message/rfc822" : "text/plain";
	if (!strncmp(value, "multipart/", 10) &&
	    open_level(m, buf_string(&field), !strcmp(value, "multipart/digest"))) {
		m->state = STATE_BETWEEN;
	} else {
		m->state = STATE_LEAF;
		m->open = true;
		m->ops->begin(m->arg, &(struct mime_leaf){
					      .header = &m->header,
					      .type = value,
					      .depth = m->depth + (unsigned int)m->levels,
				      });
	}
	buf_free(&field);
	buf_free(&type);
	buf_reset(&m->header);
	m->line_start = 0;
	m->eol_len = 0;
	m->midline = false;
}

static void header_add(struct mime *m, const uint8_t *p, size_t n)
{
	size_t room = MIME_HEADER_MAX - m->header.len;

	if (n > room && !m->limited) {
		m->limited = true;
		m->ops->limit(m->arg);
	}
	buf_add(&m->header, p, n < room ? n : room);
}

/* A line's end in a header. */
static void header_line(struct mime *m, bool blank)
{
	if (blank) {
		entity_begin(m);
		return;
	}
	header_add(m, (const uint8_t *)"\n", 1);
	m->line_start = m->header.len;
}

/* ---------------------------------------------------------------- boundaries */

/*
 * Which open multipart a line is a boundary of; `levels` when of none.  suffix: what
 * stands behind the boundary.
 */
static size_t match(const struct mime *m, size_t n, const char *suffix)
{
	size_t tail = strlen(suffix);

	for (size_t i = m->levels; i-- > 0;) {
		const struct level *l = &m->level[i];

		if (n == 2 + l->len + tail && !memcmp(m->line.data + 2, l->boundary, l->len) &&
		    !memcmp(m->line.data + 2 + l->len, suffix, tail))
			return i;
	}
	return m->levels;
}

/* The line that waits is complete: is it a boundary?  Then what it ends is ended. */
static bool delimiter(struct mime *m)
{
	size_t n = m->line.len, found;
	bool last = false;

	while (n && (m->line.data[n - 1] == ' ' || m->line.data[n - 1] == '\t'))
		n--;
	if (n <= 2)
		return false;
	found = match(m, n, "");
	if (found == m->levels) {
		last = true;
		found = match(m, n, "--");
	}
	if (found == m->levels)
		return false;
	if (m->state == STATE_HEADER)
		entity_begin(m);
	leaf_end(m, true);
	close_levels(m, last ? found : found + 1);
	m->state = last ? STATE_BETWEEN : STATE_HEADER;
	buf_reset(&m->header);
	m->line_start = 0;
	m->limited = false;
	m->midline = false;
	m->eol_len = 0;
	buf_reset(&m->line);
	return true;
}

/* What waits is no boundary. */
static void release(struct mime *m)
{
	if (m->state == STATE_HEADER) {
		header_add(m, m->line.data, m->line.len);
	} else {
		content(m, m->eol, m->eol_len);
		content(m, m->line.data, m->line.len);
	}
	m->eol_len = 0;
	buf_reset(&m->line);
}

/* ---------------------------------------------------------------------- bytes */

/* CR or LF that begins a line's end; a LF behind a CR comes to line_feed(). */
static void line_end(struct mime *m, uint8_t c)
{
	bool blank = !m->midline && !m->line.len;

	m->cr = c == '\r';
	if (m->line.len && delimiter(m))
		return;
	if (m->line.len)
		release(m);
	m->midline = false;
	if (m->state == STATE_HEADER) {
		header_line(m, blank);
		return;
	}
	content(m, m->eol, m->eol_len);
	m->eol[0] = c;
	m->eol_len = 1;
}

/* The LF of a CR LF. */
static void line_feed(struct mime *m)
{
	m->cr = false;
	/* The end of a boundary or of a header is no content. */
	if (m->eol_len == 1)
		m->eol[m->eol_len++] = '\n';
}

/* Bytes up to a line's end.  The first of a line decide whether it waits. */
static void text(struct mime *m, const uint8_t *p, size_t n)
{
	size_t room = LINE_MAX_LEN - m->line.len;
	size_t used = n < room ? n : room;

	m->cr = false;
	if (!m->midline && m->levels && (m->line.len || *p == '-')) {
		buf_add(&m->line, p, used);
		if (used == n && (m->line.len < 2 || m->line.data[1] == '-'))
			return;
		p += used;
		n -= used;
	}
	m->midline = true;
	release(m);
	if (m->state == STATE_HEADER)
		header_add(m, p, n);
	else
		content(m, p, n);
}

void mime_data(struct mime *m, const uint8_t *p, size_t n)
{
	while (n) {
		size_t len = 0;

		if (m->state == STATE_LEAF && !m->levels) {
			/* Nothing ends it but the message's end. */
			if (m->cr && *p == '\n' && !m->eol_len && !m->midline) {
				p++;
				n--;
			}
			m->cr = false;
			m->midline = true;
			content(m, p, n);
			return;
		}
		if (*p == '\n' && m->cr) {
			line_feed(m);
			len = 1;
		} else if (*p == '\n' || *p == '\r') {
			line_end(m, *p);
			len = 1;
		} else {
			while (len < n && p[len] != '\n' && p[len] != '\r')
				len++;
			text(m, p, len);
		}
		p += len;
		n -= len;
	}
}

void mime_header(struct mime *m, const char *header)
{
	buf_add(&m->header, header, strnlen(header, MIME_HEADER_MAX));
	entity_begin(m);
}

/* What a part is said to be whose header was lost: a file, and not a whole one. */
#define UNKNOWN_TYPE "Content-Type: application/octet-stream\n"

static bool has_type(const struct mime *m)
{
	struct buf field;
	bool found;

	buf_init(&field, MIME_HEADER_MAX);
	found = mime_field(&m->header, "Content-Type", &field);
	buf_free(&field);
	return found;
}

void mime_gap(struct mime *m, uint64_t n)
{
	if (m->state == STATE_HEADER) {
		/* The fields before it count, the line it is in does not. */
		m->header.len = m->line_start;
		if (!has_type(m))
			header_add(m, (const uint8_t *)UNKNOWN_TYPE, strlen(UNKNOWN_TYPE));
		entity_begin(m);
	}
	buf_reset(&m->line);
	m->eol_len = 0;
	m->cr = false;
	m->midline = true;
	if (m->open)
		m->ops->gap(m->arg, n);
}

void mime_end(struct mime *m, bool whole)
{
	if (m->line.len && !delimiter(m))
		release(m);
	/* A boundary with nothing behind it begins no part. */
	if (m->state == STATE_HEADER && (!m->header_given || m->header.len))
		entity_begin(m);
	content(m, m->eol, m->eol_len);
	m->eol_len = 0;
	leaf_end(m, whole);
	m->state = STATE_BETWEEN;
	close_levels(m, 0);
}
