/* SPDX-License-Identifier: MIT */
/*
 * A folder of a test's own, and small helpers to look into it.
 */
#ifndef SLUICE_TESTS_UNIT_SCRATCH_H
#define SLUICE_TESTS_UNIT_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRATCH_MAX 256

/* Makes the folder and writes its name; false: none.  In memory, where there is such a place. */
static bool scratch_make(char dir[static SCRATCH_MAX])
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(dir, SCRATCH_MAX, "%s/sluice-test.XXXXXX", tmp);
	return mkdtemp(dir);
}

static int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void scratch_remove(const char *dir)
{
	nftw(dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *scratch_path(const char *dir, const char *name)
{
	static char path[2 * SCRATCH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		abort();
	return path;
}

/* Entries of dir/name, "usage" not counted; -1: no such folder. */
static int scratch_entries(const char *dir, const char *name)
{
	DIR *d = opendir(scratch_path(dir, name));
	struct dirent *entry;
	int n = 0;

	if (!d)
		return -1;
	while ((entry = readdir(d)))
		n += entry->d_name[0] != '.' && strcmp(entry->d_name, "usage");
	closedir(d);
	return n;
}

static bool scratch_write(const char *dir, const char *name, const void *p, size_t n)
{
	int fd = open(scratch_path(dir, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	bool ok = fd >= 0 && write(fd, p, n) == (ssize_t)n;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A small generator, so that a failure can be had again. */
static uint64_t scratch_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
