/* SPDX-License-Identifier: MIT */
/*
 * The local log as the tool reads it: sightings.jsonl in the state directory or in the output
 * directory of `sluiced -r`, and what logrotate made of the one before.
 */
#ifndef SLUICE_CTL_SIGHTLOG_H
#define SLUICE_CTL_SIGHTLOG_H

#include "ctl/filter.h"
#include "ctl/lines.h"
#include "ctl/options.h"

#include <stdbool.h>
#include <stdint.h>

#define SIGHTLOG_FILES_MAX 64

/* Where it is, as options say it. */
struct sightlog_place {
	const char *config, *dir;
};

/* Rows of an option table; `into` has a struct sightlog_place called place. */
#define SIGHTLOG_OPTIONS(type)                                                             \
	{'c',                                                                              \
	 "config",                                                                         \
	 "FILE",                                                                           \
	 "configuration that names the state directory",                                   \
	 NULL,                                                                             \
	 ctl_take_text,                                                                    \
	 offsetof(type, place.config)},                                                    \
	{                                                                                  \
		'd', "state-dir", "DIR", "state directory, or output of sluiced -r", NULL, \
			ctl_take_text, offsetof(type, place.dir)                           \
	}

struct sightlog {
	char *dir, *run_dir;	    /* run_dir: of the configuration, or NULL */
	char *path;		    /* of the log that is being written */
	int fd[SIGHTLOG_FILES_MAX]; /* the newest first; it is never replaced, but renamed */
	size_t files;
	bool present;	 /* fd[0] is the log that is being written */
	uint64_t broken; /* lines that were no JSON object, or too long */
};

/* The directories alone; false after an error message. */
bool sightlog_find(struct sightlog *log, const struct sightlog_place *place);
/* And the files; absent: that there is no log yet is no error. */
bool sightlog_open(struct sightlog *log, const struct sightlog_place *place, bool absent);
void sightlog_close(struct sightlog *log);

/* The object that a line is, or NULL: it is broken, and counted. */
json_t *sightlog_parse(struct sightlog *log, const char *line, size_t n);

/*
 * Every line that matches, the newest first, until `each` returns false.  Where: number of the
 * file and place in it, for sightlog_read().  *end: of the log being written, where its last
 * complete line ends.  False after an error message.
 */
struct sightlog_line {
	size_t file;
	uint64_t begin;
	size_t length;
};
bool sightlog_back(struct sightlog *log, const struct filter *filter, uint64_t *end,
		   bool (*each)(void *arg, const struct sightlog_line *where, json_t *sighting),
		   void *arg);
/* A line once more; the caller frees it.  NULL: it cannot be read. */
char *sightlog_read(struct sightlog *log, const struct sightlog_line *where);
/* Says how many lines were broken, where any was. */
void sightlog_complain(const struct sightlog *log);

#endif
