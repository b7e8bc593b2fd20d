// SPDX-License-Identifier: MIT
#include "supervisor/journal.h"

#include "lib/log.h"
#include "policy/envelope.h"
#include "policy/session_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Six bytes of JSON for a byte of text at worst, and the URL's host comes twice. */
#define JOURNAL_LINE_MAX (1u << 20)

static int open_file(const char *path, int flags)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600);

	if (fd < 0)
		log_error("cannot write the local log %s: %s", path, strerror(errno));
	return fd;
}

/*
 * A line that a crash cut ends here, so that it costs no other. It stays, because whoever
 * follows the log may have read it already.
 */
static void end_last_line(const struct journal *j)
{
	off_t size = lseek(j->fd, 0, SEEK_END);
	char last;

	if (size <= 0 || pread(j->fd, &last, 1, size - 1) != 1 || last == '\n')
		return;
	log_warning("%s: its last line is incomplete", j->path);
	if (write(j->fd, "\n", 1) != 1)
		log_error("cannot write to the local log %s: %s", j->path, strerror(errno));
}

bool journal_open(struct journal *j, const char *dir, const char *name, bool fresh)
{
	memset(j, 0, sizeof(*j));
	j->fd = -1;
	buf_init(&j->line, JOURNAL_LINE_MAX);
	if (asprintf(&j->path, "%s/%s", dir, name) < 0) {
		j->path = NULL;
		log_error("out of memory");
		return false;
	}
	j->fd = open_file(j->path, fresh ? O_TRUNC : 0);
	if (j->fd >= 0)
		end_last_line(j);
	return j->fd >= 0;
}

void journal_close(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	free(j->path);
	buf_free(&j->line);
	j->fd = -1;
	j->path = NULL;
}

void journal_reopen(struct journal *j)
{
	int fd = j->fd < 0 ? -1 : open_file(j->path, 0);

	if (fd < 0)
		return;
	close(j->fd);
	j->fd = fd;
}

/* The line that was rendered, or none. */
static bool write_line(struct journal *j, bool rendered)
{
	ssize_t n = -1;
	off_t before;

	errno = ENOMEM;
	if (rendered && buf_add(&j->line, "\n", 1)) {
		before = lseek(j->fd, 0, SEEK_END);
		n = write(j->fd, j->line.data, j->line.len);
		if (n >= 0 && (size_t)n < j->line.len) {
			/* A full disk takes a part: a broken line would spoil the next one. */
			if (before < 0 || ftruncate(j->fd, before) < 0)
				log_error("%s has an incomplete line", j->path);
			errno = ENOSPC;
			n = -1;
		}
	}
	if (n < 0 && !j->failing)
		log_error("cannot write to the local log %s: %s", j->path, strerror(errno));
	j->failing = n < 0;
	return n >= 0;
}

bool journal_append(struct journal *j, const struct sighting *s)
{
	buf_reset(&j->line);
	return write_line(j, envelope_render_local(s, &j->line));
}

bool journal_append_session(struct journal *j, const struct session_note *n,
			    const char *virtual_system)
{
	buf_reset(&j->line);
	return write_line(j, session_log_render(n, virtual_system, &j->line));
}
