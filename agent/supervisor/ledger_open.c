// SPDX-License-Identifier: MIT
/* Opening the ledger: is it the one that was left, and what did a crash leave undone? */
#include "supervisor/ledger_files.h"

#include "lib/log.h"
#include "policy/ledger_line.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOVE_AWAY                                                                             \
	"keep it for whoever looks into this, and move " LEDGER_NAME " and " LEDGER_HEAD_NAME \
	" away to begin a new one; until then nothing leaves"

bool ledger_write_at(int fd, const void *p, size_t n, uint64_t at)
{
	const char *from = p;

	while (n) {
		ssize_t done = pwrite(fd, from, n, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		from += done;
		at += (uint64_t)done;
		n -= (size_t)done;
	}
	return true;
}

bool ledger_replace(int dir, const char *name, mode_t mode, const void *p, size_t n)
{
	char aside[64];
	int fd, error;

	snprintf(aside, sizeof(aside), "%s.new", name);
	fd = openat(dir, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return false;
	if (ledger_write_at(fd, p, n, 0) && fsync(fd) == 0 &&
	    renameat(dir, aside, dir, name) == 0 && fsync(dir) == 0) {
		close(fd);
		return true;
	}
	error = errno;
	close(fd);
	unlinkat(dir, aside, 0);
	errno = error;
	return false;
}

bool ledger_replace_head(struct ledger *l, const struct ledger_head *h)
{
	buf_reset(&l->head);
	errno = ENOMEM;
	return ledger_head_render(h, l->key, &l->head) &&
	       ledger_replace(l->dir, LEDGER_HEAD_NAME, 0600, l->head.data, l->head.len);
}

static bool refuse(const struct ledger *l, const char *name, const char *what)
{
	log_error("%s/%s: %s; " MOVE_AWAY, l->path, name, what);
	return false;
}

static bool cannot(const struct ledger *l, const char *name)
{
	log_error("%s/%s: %s; nothing leaves without it", l->path, name, strerror(errno));
	return false;
}

/* The head into l->head; *there false: there is none. */
static bool read_head(struct ledger *l, bool *there)
{
	int fd = openat(l->dir, LEDGER_HEAD_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char chunk[65536];
	ssize_t n = 0;

	*there = fd >= 0;
	if (fd < 0)
		return errno == ENOENT || cannot(l, LEDGER_HEAD_NAME);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		if (!buf_add(&l->head, chunk, (size_t)n))
			break;
	close(fd);
	if (n < 0)
		return cannot(l, LEDGER_HEAD_NAME);
	return n == 0 || refuse(l, LEDGER_HEAD_NAME, "longer than a head can be");
}

/* Line n, of which the head has the hash, ends the bytes it counts. */
static bool check_last_line(struct ledger *l, const struct ledger_head *h)
{
	size_t want = h->bytes < LEDGER_LINE_MAX ? (size_t)h->bytes : LEDGER_LINE_MAX, begin;
	char hash[LEDGER_HASH_TEXT], *text;
	bool ok;

	if (!h->chain.n)
		return h->bytes == 0 || refuse(l, LEDGER_HEAD_NAME, "it contradicts itself");
	text = malloc(want);
	if (!text || pread(l->fd, text, want, (off_t)(h->bytes - want)) != (ssize_t)want) {
		free(text);
		return cannot(l, LEDGER_NAME);
	}
	for (begin = want - 1; begin > 0 && text[begin - 1] != '\n';)
		begin--;
	ledger_hash(text + begin, want - 1 - begin, hash);
	if (ledger_has_signature(text + begin, want - 1 - begin))
		l->signed_n = h->chain.n;
	ok = text[want - 1] == '\n' && strcmp(hash, h->chain.hash) == 0;
	free(text);
	return ok || refuse(l, LEDGER_NAME, "its last line is not what the head says");
}

/* How many of the pending bytes the file has; what else is there is from a torn write. */
static bool pending_there(struct ledger *l, const struct ledger_head *h, uint64_t size)
{
	size_t n = (size_t)(size - h->bytes);
	char *text = malloc(n + 1);
	bool ok = text && pread(l->fd, text, n, (off_t)h->bytes) == (ssize_t)n;

	if (!ok)
		cannot(l, LEDGER_NAME);
	else if (memcmp(text, h->pending, n) != 0)
		log_warning("%s/%s: its last lines were damaged: written again from the head",
			    l->path, LEDGER_NAME);
	free(text);
	return ok;
}

/* Adds the pending lines where they are missing, and takes the end from them. */
static bool redo(struct ledger *l, const struct ledger_head *h)
{
	const char *line = h->pending, *end = h->pending + h->pending_size;

	l->chain = h->chain;
	l->bytes = h->bytes + h->pending_size;
	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		if (!newline)
			return refuse(l, LEDGER_HEAD_NAME, "it contradicts itself");
		l->chain.n++;
		ledger_hash(line, (size_t)(newline - line), l->chain.hash);
		if (ledger_has_signature(line, (size_t)(newline - line)))
			l->signed_n = l->chain.n;
		line = newline + 1;
	}
	if (ledger_write_at(l->fd, h->pending, h->pending_size, h->bytes) &&
	    ftruncate(l->fd, (off_t)l->bytes) == 0 && fdatasync(l->fd) == 0) {
		l->pending = h->pending_size > 0;
		return true;
	}
	return cannot(l, LEDGER_NAME);
}

static bool take_up(struct ledger *l, uint64_t size)
{
	struct ledger_head h;
	const char *problem =
		ledger_head_parse((const char *)l->head.data, l->head.len, l->key, &h);

	if (problem)
		return refuse(l, LEDGER_HEAD_NAME, problem);
	if (size < h.bytes)
		return refuse(l, LEDGER_NAME,
			      "it is shorter than its head says: lines were removed");
	if (size > h.bytes + h.pending_size)
		return refuse(l, LEDGER_NAME,
			      "it is longer than its head says: lines were "
			      "added");
	return check_last_line(l, &h) && pending_there(l, &h, size) && redo(l, &h);
}

static bool open_files(struct ledger *l)
{
	struct stat st;
	bool head;

	l->dir = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir < 0)
		return cannot(l, "");
	l->fd = openat(l->dir, LEDGER_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->fd < 0 || fstat(l->fd, &st) < 0 || fsync(l->dir) < 0)
		return cannot(l, LEDGER_NAME);
	if (!read_head(l, &head) || !ledger_load_key(l, !head && st.st_size == 0))
		return false;
	if (head)
		return take_up(l, (uint64_t)st.st_size);
	if (st.st_size)
		return refuse(l, LEDGER_HEAD_NAME, "missing, though there is a ledger");
	return ledger_replace_head(l,
				   &(struct ledger_head){.chain = l->chain, .pending = ""}) ||
	       cannot(l, LEDGER_HEAD_NAME);
}

bool ledger_open(struct ledger *l, const char *state_dir)
{
	*l = (struct ledger){.dir = -1, .fd = -1, .path = strdup(state_dir)};
	ledger_chain_init(&l->chain);
	buf_init(&l->lines, LEDGER_PENDING_MAX);
	buf_init(&l->head, LEDGER_HEAD_MAX + LEDGER_PENDING_MAX);
	if (l->path && open_files(l))
		return true;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	return false;
}
