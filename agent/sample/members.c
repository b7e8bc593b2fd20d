// SPDX-License-Identifier: MIT
/*
 * Archives on their way through the file layer.
 *
 * A job is an outermost archive with what is being taken apart in it at the moment: a stack
 * of archives, each a member of the one below.  Jobs are done one after the other.
 */
#include "sample/members.h"

#include "lib/buf.h"
#include "lib/log.h"
#include "sample/file_private.h"

#include <stdlib.h>
#include <string.h>

/* Archives in archives, whatever the limits say. */
#define DEPTH_MAX 8
/* Archives that wait; each is an open file. */
#define JOBS_MAX 64
#define SLICE (256u << 10)
#define NUMBER_OF_MEMBER 0x80000000u
#define PATH_MAX_BYTES 8192 /* the sighting cuts it */

struct stage {
	struct file *file;
	struct archive *archive;
	uint32_t traits; /* of what is in it */
};

struct job {
	struct job *next;
	struct members *members;
	struct archive_tree tree;
	struct stage stack[DEPTH_MAX];
	size_t depth;
	uint32_t root; /* the outermost one's number */
	uint32_t found;
	struct file *member; /* being unpacked */
	uint64_t at;	     /* its next byte */
};

struct members {
	struct file_set *files;
	struct archive_limits limits;
	struct counters *counters;
	bool defer;
	bool working; /* files that end are members of the first job */
	size_t count;
	struct job *first, **last;
};

struct members *members_new(struct file_set *files, const struct archive_limits *limits,
			    struct counters *counters)
{
	struct members *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->files = files;
	m->limits = *limits;
	m->counters = counters;
	m->last = &m->first;
	return m;
}

void members_free(struct members *m)
{
	free(m);
}

void members_defer(struct members *m, bool defer)
{
	m->defer = defer;
}

/* ----------------------------------------------------------------- members */

static struct stage *top(struct job *j)
{
	return &j->stack[j->depth - 1];
}

/* What is behind the last separator, of either kind. */
static void set_name(struct sighting *s, const char *path, size_t n)
{
	size_t from = n;

	while (from && path[from - 1] != '/' && path[from - 1] != '\\')
		from--;
	sighting_set(s, SIGHTING_FILENAME, path + from, n - from);
}

static void set_path(struct sighting *s, const char *path, size_t n)
{
	const char *outer = sighting_get(s, SIGHTING_MEMBER_PATH);
	struct buf whole;

	buf_init(&whole, PATH_MAX_BYTES + sizeof(MEMBERS_SEPARATOR));
	if (outer) {
		buf_add_string(&whole, outer);
		buf_add_string(&whole, MEMBERS_SEPARATOR);
	}
	buf_add(&whole, path, n < PATH_MAX_BYTES - whole.len ? n : PATH_MAX_BYTES - whole.len);
	sighting_set(s, SIGHTING_MEMBER_PATH, whole.data, whole.len);
	buf_free(&whole);
}

/* What a member is from the archive's sighting on; false: out of memory. */
static bool describe(struct job *j, const struct archive_member *member, struct sighting *s)
{
	const struct sighting *outer = file_sighting(top(j)->file);

	if (!sighting_copy(s, outer))
		return false;
	s->number = NUMBER_OF_MEMBER | (j->root & 0x7fff) << 16 | (j->found++ & 0xffff);
	s->level = outer->level + 1;
	s->traits = 0;
	s->contained = true;
	memcpy(s->container, outer->sha256, SHA256_SIZE);
	s->size_known = member->size_known;
	s->declared = member->size_known ? member->size : 0;
	sighting_set(s, SIGHTING_FILE_TYPE, NULL, 0);
	sighting_set(s, SIGHTING_FILE_FORMAT, NULL, 0);
	sighting_set(s, SIGHTING_RULE, NULL, 0);
	set_path(s, member->path, member->path_len);
	set_name(s, member->path, member->path_len);
	return true;
}

static bool on_begin(void *arg, const struct archive_member *member)
{
	struct job *j = arg;
	struct sighting s;

	counter_add(j->members->counters, COUNTER_ARCHIVE_MEMBERS, 1);
	if (!describe(j, member, &s))
		return false;
	j->at = 0;
	j->member = file_open(j->members->files, &s, s.begin);
	sighting_free(&s);
	return j->member;
}

static bool on_data(void *arg, const uint8_t *p, size_t n)
{
	struct job *j = arg;

	file_data(j->member, j->at, p, n, file_sighting(top(j)->file)->end);
	j->at += n;
	return file_wanted(j->member);
}

static void on_end(void *arg, enum file_reason reason)
{
	struct job *j = arg;
	struct file *f = j->member;

	j->member = NULL;
	/* One of which nothing could be read is still one. */
	if (reason)
		file_give_up(f, reason);
	file_close(f, reason, file_sighting(top(j)->file)->end);
}

static const struct archive_ops member_ops = {on_begin, on_data, on_end};

/* -------------------------------------------------------------------- jobs */

/* The innermost archive is done: its traits become known, also to the one around it. */
static void pop(struct job *j)
{
	struct stage *s = top(j);
	uint32_t traits = s->traits;

	if (s->archive)
		traits |= archive_found(s->archive);
	archive_close(s->archive);
	file_sighting(s->file)->traits |= traits;
	j->depth--;
	if (j->depth)
		top(j)->traits |= traits & (1u << FILE_TRAIT_BOMB | 1u << FILE_TRAIT_NESTED);
	file_finish(s->file);
}

static void push(struct job *j, struct file *f)
{
	j->stack[j->depth++] = (struct stage){.file = f};
}

/* One step of the first job. */
static void work(struct members *m, size_t budget)
{
	struct job *j = m->first;
	struct stage *s = top(j);
	struct reader r;
	bool more = true;

	m->working = true;
	if (s->archive) {
		more = archive_step(s->archive, budget);
	} else {
		r = file_reader(s->file);
		s->archive = archive_open(&r, &j->tree, &member_ops, j);
		more = s->archive;
		if (!more)
			log_warning_once("archives: out of memory, one is not taken apart");
		counter_add(m->counters, COUNTER_ARCHIVES, more);
	}
	m->working = false;
	if (!more)
		pop(j);
	if (j->depth)
		return;
	m->first = j->next;
	if (!m->first)
		m->last = &m->first;
	m->count--;
	free(j);
}

bool members_work(struct members *m, size_t budget)
{
	for (size_t done = 0; m->first && done < budget; done += SLICE)
		work(m, SLICE);
	return m->first;
}

void members_finish(struct members *m)
{
	struct job *j;

	while ((j = m->first)) {
		counter_add(m->counters, COUNTER_ARCHIVES_REFUSED, 1);
		if (j->member)
			on_end(j, FILE_REASON_TIMEOUT);
		while (j->depth)
			pop(j);
		m->first = j->next;
		m->count--;
		free(j);
	}
	m->last = &m->first;
}

static bool too_deep(struct members *m, struct file *f)
{
	struct job *j = m->working ? m->first : NULL;

	if (file_sighting(f)->level < m->limits.decode.layers && (!j || j->depth < DEPTH_MAX))
		return false;
	file_sighting(f)->traits |= 1u << FILE_TRAIT_NESTED;
	if (j)
		top(j)->traits |= 1u << FILE_TRAIT_NESTED;
	return true;
}

static struct job *job_new(struct members *m, struct file *f)
{
	struct job *j = m->count < JOBS_MAX ? calloc(1, sizeof(*j)) : NULL;

	if (!j) {
		log_warning_once("archives: %zu wait, more are not taken apart", m->count);
		counter_add(m->counters, COUNTER_ARCHIVES_REFUSED, 1);
		return NULL;
	}
	j->members = m;
	j->tree.limits = &m->limits;
	j->tree.size = file_sighting(f)->size;
	j->root = file_sighting(f)->number;
	push(j, f);
	*m->last = j;
	m->last = &j->next;
	m->count++;
	return j;
}

bool members_add(struct members *m, struct file *f)
{
	if (too_deep(m, f))
		return false;
	if (m->working) {
		push(m->first, f);
		return true;
	}
	if (!job_new(m, f))
		return false;
	while (!m->defer && members_work(m, SLICE))
		;
	return true;
}
