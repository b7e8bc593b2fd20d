// SPDX-License-Identifier: MIT
#include "ctl/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK (128u << 10)

static bool start(struct lines *l, int fd, uint64_t at)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->at = at;
	l->room = 2 * BLOCK;
	l->buf = malloc(l->room);
	if (!l->buf)
		l->error = ENOMEM;
	return l->buf;
}

void lines_free(struct lines *l)
{
	free(l->buf);
	l->buf = NULL;
}

/* Reads n bytes at an offset, or as many as there are. */
static ssize_t read_at(struct lines *l, char *p, size_t n, uint64_t offset)
{
	size_t done = 0;
	ssize_t k;

	while (done < n) {
		k = pread(l->fd, p + done, n - done, (off_t)(offset + done));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			l->error = errno;
			return -1;
		}
		if (k == 0)
			break;
		done += (size_t)k;
	}
	return (ssize_t)done;
}

/* Makes room for a block; front: before the data, which then stands at the buffer's end. */
static bool make_room(struct lines *l, bool front)
{
	size_t room = l->room;
	char *buf = l->buf, *to;

	while (room < l->len + BLOCK)
		room *= 2;
	if (room > l->room)
		buf = malloc(room);
	if (!buf) {
		l->error = ENOMEM;
		return false;
	}
	to = front ? buf + room - l->len : buf;
	if (l->len)
		memmove(to, l->data, l->len);
	if (buf != l->buf)
		free(l->buf);
	l->buf = buf;
	l->room = room;
	l->data = to;
	return true;
}

/* ---------------------------------------------------------------- backwards */

/* The block before; false at the beginning of the file. */
static bool fill_back(struct lines *l)
{
	size_t n = l->at < BLOCK ? (size_t)l->at : BLOCK;
	ssize_t k;

	if (!n || l->error)
		return false;
	if ((!l->len || (size_t)(l->data - l->buf) < n) && !make_room(l, true))
		return false;
	k = read_at(l, l->data - n, n, l->at - n);
	/* Less than was there is what somebody cut off meanwhile: what is read is nothing. */
	if (k < 0 || (size_t)k < n)
		return false;
	l->data -= n;
	l->len += n;
	l->at -= n;
	return true;
}

/* Drops what stands behind the last end of line. */
bool lines_last(struct lines *l, int fd, uint64_t end)
{
	char *last;

	if (!start(l, fd, end))
		return false;
	l->data = l->buf + l->room;
	while (fill_back(l)) {
		last = memrchr(l->data, '\n', l->len);
		if (last) {
			l->len = (size_t)(last - l->data) + 1;
			return true;
		}
		l->len = 0;
	}
	l->len = 0;
	return !l->error;
}

uint64_t lines_end(const struct lines *l)
{
	return l->at + l->len;
}

/* What is left of a line that is too long: up to the end of the one before. */
static void skip_back(struct lines *l)
{
	char *end = NULL;

	l->len = l->searched = 0;
	l->too_long++;
	while (!end && fill_back(l)) {
		end = memrchr(l->data, '\n', l->len);
		l->len = end ? (size_t)(end - l->data) + 1 : 0;
	}
}

const char *lines_back(struct lines *l, size_t *n)
{
	const char *line;
	char *end;

	for (;;) {
		/* The data ends with the end of the line that is wanted. */
		size_t left = l->len > l->searched + 1 ? l->len - 1 - l->searched : 0;

		end = left ? memrchr(l->data, '\n', left) : NULL;
		if (end)
			break;
		l->searched = l->len ? l->len - 1 : 0;
		if (l->len > LINES_MAX) {
			skip_back(l);
		} else if (!fill_back(l)) {
			if (l->error || !l->len || l->at)
				return NULL;
			end = l->data - 1;
			break;
		}
	}
	line = end + 1;
	*n = (size_t)(l->data + l->len - 1 - line);
	l->len = (size_t)(line - l->data);
	l->searched = 0;
	l->begin = l->at + l->len;
	return line;
}

/* ----------------------------------------------------------------- and on */

bool lines_from(struct lines *l, int fd, uint64_t begin)
{
	if (!start(l, fd, begin))
		return false;
	l->data = l->buf;
	return true;
}

static bool fill_on(struct lines *l)
{
	ssize_t k;

	if ((size_t)(l->buf + l->room - l->data) < l->len + BLOCK && !make_room(l, false))
		return false;
	k = read_at(l, l->data + l->len, BLOCK, l->at);
	if (k <= 0)
		return false;
	l->len += (size_t)k;
	l->at += (uint64_t)k;
	return true;
}

const char *lines_on(struct lines *l, size_t *n)
{
	const char *line;
	bool skipped;
	char *end;

	for (;;) {
		end = memchr(l->data + l->searched, '\n', l->len - l->searched);
		if (end) {
			line = l->data;
			*n = (size_t)(end - line);
			l->begin = l->at - l->len;
			l->data = end + 1;
			l->len -= *n + 1;
			l->searched = 0;
			skipped = l->skipping;
			l->skipping = false;
			if (!skipped)
				return line;
			continue;
		}
		l->searched = l->len;
		if (l->len > LINES_MAX) {
			l->too_long += !l->skipping;
			l->skipping = true;
			l->len = l->searched = 0;
			l->data = l->buf;
		}
		if (!fill_on(l))
			return NULL;
	}
}
