/* SPDX-License-Identifier: MIT */
/*
 * An archive taken apart, and what came of it.
 */
#ifndef SLUICE_TESTS_UNIT_TAKE_APART_H
#define SLUICE_TESTS_UNIT_TAKE_APART_H

#include <kselftest_harness.h>

#include "lib/log.h"
#include "sample/archive.h"
#include "zip_maker.h"

#define GOT_MAX 64

struct got {
	char path[128];
	enum file_reason reason;
	uint8_t *data;
	size_t len;
};

struct seen {
	struct got list[GOT_MAX];
	size_t count;
	uint32_t traits;
	struct archive_tree tree;
	size_t refuse_after; /* bytes of each that are wanted; 0: all */
};

static struct got *latest(struct seen *s)
{
	return &s->list[s->count < GOT_MAX ? s->count : GOT_MAX - 1];
}

static bool on_begin(void *arg, const struct archive_member *m)
{
	struct got *g = latest(arg);

	free(g->data);
	memset(g, 0, sizeof(*g));
	snprintf(g->path, sizeof(g->path), "%.*s", (int)m->path_len, m->path);
	return true;
}

static bool on_data(void *arg, const uint8_t *p, size_t n)
{
	struct seen *s = arg;
	struct got *g = latest(s);

	if (g->len < 16 << 20) {
		g->data = realloc(g->data, g->len + n);
		memcpy(g->data + g->len, p, n);
	}
	g->len += n;
	return !s->refuse_after || g->len < s->refuse_after;
}

static void on_end(void *arg, enum file_reason reason)
{
	struct seen *s = arg;

	latest(s)->reason = reason;
	s->count++;
}

static const struct archive_ops ops = {on_begin, on_data, on_end};

static const struct archive_limits usual = ARCHIVE_LIMITS_DEFAULT;

/* limits NULL: the usual ones. */
static void take_apart(struct seen *s, const struct buf *b, const struct archive_limits *limits,
		       size_t budget)
{
	struct reader r = reader_of(b);
	struct archive *a;

	s->tree = (struct archive_tree){.limits = limits ? limits : &usual, .size = b->len};
	a = archive_open(&r, &s->tree, &ops, s);
	while (archive_step(a, budget))
		;
	s->traits = archive_found(a);
	archive_close(a);
}

static void forget(struct seen *s)
{
	for (size_t i = 0; i < GOT_MAX; i++)
		free(s->list[i].data);
	memset(s, 0, sizeof(*s));
}

static bool is(const struct seen *s, size_t i, const char *path, const char *data)
{
	const struct got *g = &s->list[i];

	return i < s->count && !strcmp(g->path, path) && g->reason == FILE_REASON_NONE &&
	       g->len == strlen(data) && !memcmp(g->data, data, g->len);
}

static bool ended(const struct seen *s, size_t i, const char *path, enum file_reason reason)
{
	return i < s->count && !strcmp(s->list[i].path, path) && s->list[i].reason == reason;
}

FIXTURE(archive)
{
	struct seen seen;
	struct buf b;
};

FIXTURE_SETUP(archive)
{
	log_init("test_archive", LOG_LEVEL_ERROR);
	memset(self, 0, sizeof(*self));
}

FIXTURE_TEARDOWN(archive)
{
	forget(&self->seen);
	buf_free(&self->b);
}

#endif
