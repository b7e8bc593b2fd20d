/* SPDX-License-Identifier: MIT */
/*
 * A set of files on a spool of its own, and the sightings of those that ended.
 */
#ifndef SLUICE_TESTS_UNIT_FOUND_H
#define SLUICE_TESTS_UNIT_FOUND_H

#include "lib/log.h"
#include "sample/file.h"
#include "scratch.h"

#define FOUND_MAX 64

static struct {
	struct sighting list[FOUND_MAX];
	size_t count;
} found;

static void sink(void *arg, const struct sighting *s)
{
	if (found.count < FOUND_MAX)
		sighting_copy(&found.list[found.count++], s);
}

/* NULL: no folder, or no memory. */
static struct file_set *found_begin(char dir[static SCRATCH_MAX], struct spool **spool,
				    struct counters *counters)
{
	struct file_limits limits = FILE_LIMITS_DEFAULT;
	struct spool_options options = {.dir = dir};

	memset(&found, 0, sizeof(found));
	*spool = scratch_make(dir) ? spool_open(&options) : NULL;
	return *spool ? file_set_new(*spool, &limits, counters, sink, NULL) : NULL;
}

static void found_forget(void)
{
	while (found.count)
		sighting_free(&found.list[--found.count]);
}

static void found_end(const char *dir, struct spool *spool, struct file_set *set)
{
	file_set_free(set);
	found_forget();
	spool_close(spool);
	scratch_remove(dir);
}

#endif
