// SPDX-License-Identifier: MIT
#include "ctl/ledger.h"

#include "policy/ledger_chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTION(letter, name, argument, help, take, field)      \
	{                                                      \
		letter, name, argument, help, NULL, take,      \
			offsetof(struct ledger_options, field) \
	}

const struct ctl_option ctl_ledger_options[] = {
	OPTION('s', "sample", "DIGITS", "show: hash, or its first 8 digits or more",
	       filter_take_hex, sample),
	{'S', "since", "TIME",
	 "show: not before: 10m, 3h, 2d, today, 2026-11-24, \"... 13:30\"",
	 "10m 1h 1d today yesterday", filter_take_time, offsetof(struct ledger_options, since)},
	OPTION(0, "cloud", "NAME", "show: of one cloud", ctl_take_text, cloud),
	OPTION('k', "key", "FILE", "verify: public key; default ledger.pub beside the ledger",
	       ctl_take_text, key),
	OPTION('f', "file", "FILE", "the ledger; its head stands beside it", ctl_take_text,
	       file),
	SIGHTLOG_OPTIONS(struct ledger_options),
	CTL_OPTIONS_END};

static const struct {
	const char *name;
	int (*run)(const struct ctl *ctl, const struct ledger_options *o, const char *path);
} words[] = {
	{"verify", ledger_verify},
	{"show", ledger_show},
};

#define WORDS (sizeof(words) / sizeof(words[0]))

/* The ledger that is meant, or NULL after an error. */
static char *find(const struct ledger_options *o)
{
	struct sightlog log;
	char *path;

	if (o->file)
		return strdup(o->file);
	if (!sightlog_find(&log, &o->place))
		return NULL;
	if (asprintf(&path, "%s/" LEDGER_NAME, log.dir) < 0)
		path = NULL;
	sightlog_close(&log);
	return path;
}

int ctl_ledger(struct ctl *ctl, int argc, char **argv)
{
	struct ledger_options o = {0};
	int n = ctl_options("ledger", ctl_ledger_options, argc, argv, 1, &o), status;
	size_t word = 1; /* show */
	char *path;

	if (n < 0)
		return CTL_USAGE;
	for (word = 0; n && word < WORDS && strcmp(words[word].name, argv[0]) != 0;)
		word++;
	if (word == WORDS) {
		ctl_error("ledger: \"%s\"; expected verify or show", argv[0]);
		return CTL_USAGE;
	}
	if (!n)
		word = 1;
	path = find(&o);
	if (!path)
		return CTL_FAILED;
	status = words[word].run(ctl, &o, path);
	free(path);
	return status;
}
