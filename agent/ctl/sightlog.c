// SPDX-License-Identifier: MIT
#include "ctl/sightlog.h"

#include "ctl/ctl.h"
#include "supervisor/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_CONFIG "/etc/sluice/sluice.conf"
#define DEFAULT_STATE_DIR "/var/lib/sluice"

/* ---------------------------------------------------------------- the place */

/*
 * Two keys are all that is asked of the configuration: a mistake elsewhere in it does not hide
 * the log, and what its keys and certificates are is nobody's business here.
 */
static int take_key(void *arg, const char *section, const char *name, const char *value)
{
	struct sightlog *log = arg;
	char **text = NULL;

	if (strcmp(section, "agent") == 0)
		text = strcmp(name, "state_dir") == 0 ? &log->dir
		       : strcmp(name, "run_dir") == 0 ? &log->run_dir
						      : NULL;
	if (text && *value) {
		free(*text);
		*text = strdup(value);
	}
	return 1;
}

static bool read_config(struct sightlog *log, const char *path, bool must)
{
	FILE *f = fopen(path, "re");

	if (!f && (must || errno != ENOENT)) {
		ctl_error("configuration %s: %s; --state-dir DIR names the directory itself",
			  path, strerror(errno));
		return false;
	}
	if (f) {
		ini_parse_file(f, take_key, log);
		fclose(f);
	}
	return true;
}

bool sightlog_find(struct sightlog *log, const struct sightlog_place *place)
{
	memset(log, 0, sizeof(*log));
	if (place->dir)
		log->dir = strdup(place->dir);
	else if (!read_config(log, place->config ? place->config : DEFAULT_CONFIG,
			      place->config != NULL))
		return false;
	if (!log->dir)
		log->dir = strdup(DEFAULT_STATE_DIR);
	if (log->dir && asprintf(&log->path, "%s/%s", log->dir, JOURNAL_NAME) >= 0)
		return true;
	log->path = NULL;
	ctl_error("out of memory");
	return false;
}

/* ---------------------------------------------------------------- the files */

/*
 * How old a rotated log is by its name: sightings.jsonl.1 before .2, sightings.jsonl-20261124
 * by its date.  0: it is none (or compressed).
 */
static uint64_t age(const char *name)
{
	size_t n = strlen(JOURNAL_NAME);
	unsigned long long number;
	char *end;

	if (strncmp(name, JOURNAL_NAME, n) || (name[n] != '.' && name[n] != '-') ||
	    name[n + 1] < '0' || name[n + 1] > '9')
		return 0;
	number = strtoull(name + n + 1, &end, 10);
	if (*end || !number)
		return 0;
	return name[n] == '.' ? number : UINT64_MAX - number;
}

static int older(const void *a, const void *b)
{
	uint64_t x = age(*(char *const *)a), y = age(*(char *const *)b);

	return x < y ? -1 : x > y;
}

/* Opens one more, unless it was opened under another name; false after an error message. */
static bool add(struct sightlog *log, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st, other;

	if (fd < 0) {
		if (errno == ENOENT)
			return true;
		ctl_error("%s/%s: %s", log->dir, name, strerror(errno));
		return false;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		ctl_error("%s/%s is no regular file: expected the local log", log->dir, name);
		close(fd);
		return false;
	}
	for (size_t i = 0; i < log->files; i++)
		if (fstat(log->fd[i], &other) == 0 && other.st_ino == st.st_ino &&
		    other.st_dev == st.st_dev) {
			close(fd);
			return true;
		}
	log->fd[log->files++] = fd;
	return true;
}

static bool add_rotated(struct sightlog *log, int dir)
{
	char *name[SIGHTLOG_FILES_MAX];
	DIR *d = fdopendir(dup(dir));
	struct dirent *e;
	size_t n = 0;
	bool ok = true;

	while (d && n < SIGHTLOG_FILES_MAX && (e = readdir(d)))
		if (age(e->d_name) && (name[n] = strdup(e->d_name)))
			n++;
	if (d)
		closedir(d);
	qsort(name, n, sizeof(*name), older);
	for (size_t i = 0; i < n; i++) {
		if (ok && log->files < SIGHTLOG_FILES_MAX)
			ok = add(log, dir, name[i]);
		free(name[i]);
	}
	return ok;
}

bool sightlog_open(struct sightlog *log, const struct sightlog_place *place, bool absent)
{
	int dir;
	bool ok;

	if (!sightlog_find(log, place))
		return false;
	dir = open(log->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		ctl_error("%s: %s; expected the state directory of sluiced, or an output of "
			  "sluiced -r (--state-dir DIR)",
			  log->dir, strerror(errno));
		return false;
	}
	ok = add(log, dir, JOURNAL_NAME);
	log->present = log->files;
	ok = ok && add_rotated(log, dir);
	close(dir);
	if (ok && !log->files && !absent) {
		ctl_error("%s: there is no %s; expected the state directory of sluiced, or an "
			  "output of sluiced -r",
			  log->dir, JOURNAL_NAME);
		ok = false;
	}
	return ok;
}

void sightlog_close(struct sightlog *log)
{
	for (size_t i = 0; i < log->files; i++)
		close(log->fd[i]);
	free(log->dir);
	free(log->run_dir);
	free(log->path);
	memset(log, 0, sizeof(*log));
}

/* ---------------------------------------------------------------- the lines */

json_t *sightlog_parse(struct sightlog *log, const char *line, size_t n)
{
	json_t *object = json_loadb(line, n, 0, NULL);

	if (json_is_object(object))
		return object;
	json_decref(object);
	log->broken++;
	return NULL;
}

enum went { WENT_ON, WENT_ENOUGH, WENT_WRONG };

static enum went back(
	struct sightlog *log, size_t file, const struct filter *filter, uint64_t *end,
	bool (*each)(void *arg, const struct sightlog_line *where, json_t *sighting), void *arg)
{
	struct sightlog_line where = {.file = file};
	enum went went = WENT_ON;
	struct stat st = {0};
	const char *line;
	struct lines l;

	fstat(log->fd[file], &st);
	if (!lines_last(&l, log->fd[file], (uint64_t)st.st_size))
		went = WENT_WRONG;
	if (end)
		*end = lines_end(&l);
	while (went == WENT_ON && (line = lines_back(&l, &where.length))) {
		json_t *sighting;

		if (!filter_possible(filter, line, where.length))
			continue;
		sighting = sightlog_parse(log, line, where.length);
		where.begin = l.begin;
		if (sighting && filter_match(filter, sighting) && !each(arg, &where, sighting))
			went = WENT_ENOUGH;
		json_decref(sighting);
	}
	log->broken += l.too_long;
	if (l.error) {
		ctl_error("%s: %s", log->path, strerror(l.error));
		went = WENT_WRONG;
	}
	lines_free(&l);
	return went;
}

/* A log that was closed before `since` has nothing of it. */
static bool too_old(const struct sightlog *log, size_t file, const struct filter *filter)
{
	char text[FILTER_TIME_MAX];
	struct stat st;
	struct tm tm;

	if (!file || !*filter->since || fstat(log->fd[file], &st) < 0)
		return false;
	gmtime_r(&st.st_mtim.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.999999999Z", &tm);
	return strcmp(text, filter->since) < 0;
}

bool sightlog_back(struct sightlog *log, const struct filter *filter, uint64_t *end,
		   bool (*each)(void *arg, const struct sightlog_line *where, json_t *sighting),
		   void *arg)
{
	enum went went = WENT_ON;

	if (end)
		*end = 0;
	for (size_t i = 0; i < log->files && went == WENT_ON; i++)
		if (!too_old(log, i, filter))
			went = back(log, i, filter, log->present && i == 0 ? end : NULL, each,
				    arg);
	return went != WENT_WRONG;
}

char *sightlog_read(struct sightlog *log, const struct sightlog_line *where)
{
	char *line = malloc(where->length + 1);
	ssize_t n = line ? pread(log->fd[where->file], line, where->length, (off_t)where->begin)
			 : -1;

	if (n == (ssize_t)where->length) {
		line[n] = 0;
		return line;
	}
	free(line);
	return NULL;
}

void sightlog_complain(const struct sightlog *log)
{
	if (log->broken)
		ctl_warning("%s: %llu line%s broken and left out", log->dir,
			    (unsigned long long)log->broken,
			    log->broken == 1 ? " is" : "s are");
}
