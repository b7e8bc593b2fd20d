// SPDX-License-Identifier: MIT
/*
 * Lines appended to a file.  Whoever moves the file away (logrotate) gets a new one at the next
 * batch, without a signal.
 */
#include "logger/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line that a crash cut ends here, so that it costs no other. */
static bool end_last_line(struct outlet *o, const struct stat *st)
{
	char last = '\n';

	if (st->st_size > 0 && pread(o->fd, &last, 1, st->st_size - 1) != 1)
		return false;
	return last == '\n' || write(o->fd, "\n", 1) == 1;
}

static bool open_file(struct outlet *o)
{
	const char *path = o->sink->path;
	struct stat st;

	o->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		     0640);
	if (o->fd < 0 || fstat(o->fd, &st) < 0)
		outlet_error(o, "cannot write %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		outlet_error(o, "%s: expected a regular file", path);
	else if (!end_last_line(o, &st))
		outlet_error(o, "cannot write %s: %s", path, strerror(errno));
	else
		return true;
	outlet_close(o);
	return false;
}

/* Is what stands under its name still this file? */
static bool there(const struct outlet *o)
{
	struct stat ours, named;

	return fstat(o->fd, &ours) == 0 && lstat(o->sink->path, &named) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static enum outlet_result write_file(struct outlet *o, const uint8_t *p, size_t n, size_t *done)
{
	struct stat st;
	ssize_t got;

	if (!there(o)) {
		outlet_close(o);
		if (!open_file(o))
			return OUTLET_BROKEN;
	}
	if (fstat(o->fd, &st) < 0) {
		outlet_error(o, "%s: %s", o->sink->path, strerror(errno));
		return OUTLET_BROKEN;
	}
	got = write(o->fd, p, n);
	if (got == (ssize_t)n && fdatasync(o->fd) == 0) {
		*done = n;
		return OUTLET_OK;
	}
	/* A full disk takes a part: a broken line would spoil the next one. */
	if (got >= 0 && (size_t)got < n)
		errno = ENOSPC;
	outlet_error(o, "cannot write %s: %s", o->sink->path, strerror(errno));
	if (got > 0 && ftruncate(o->fd, st.st_size) < 0)
		outlet_error(o, "%s has an incomplete line: %s", o->sink->path,
			     strerror(errno));
	return OUTLET_BROKEN;
}

const struct outlet_ops outlet_file = {
	.open = open_file,
	.write = write_file,
	.close = outlet_close,
};
