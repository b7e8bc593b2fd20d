// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"
#include "ctl/follow.h"
#include "ctl/sighting_text.h"
#include "ctl/sightlog.h"
#include "lib/display.h"
#include "record/record.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAST_DEFAULT 20
#define BATCH 500 /* rows that are kept for the widths of a table */
#define RENDERING_MAX (16u << 20)
#define HOST_MAX 256

struct wanted {
	struct sightlog_place place;
	struct filter filter;
	uint64_t last;
	bool follow;
	const struct record_format *format; /* NULL: a table */
};

static const char *take_last(const char *value, void *into)
{
	if (!strcmp(value, "all")) {
		*(uint64_t *)into = UINT64_MAX;
		return NULL;
	}
	return ctl_take_count(value, into) ? "a count, 1 or more, or all" : NULL;
}

static const char *take_format(const char *value, void *into)
{
	const struct record_format *format = record_find(value);

	*(const struct record_format **)into = format;
	return format ? NULL : "ecs, eve, ocsf, panos or cef";
}

#define FILTER(letter, name, argument, help, words, take, field) \
	{                                                        \
		letter, name, argument, help, words, take,       \
			offsetof(struct wanted, filter.field)    \
	}

const struct ctl_option ctl_sightings_options[] = {
	{'n', "last", "COUNT", "so many, the last ones (20), or all", "20 100 all", take_last,
	 offsetof(struct wanted, last)},
	{'f', "follow", NULL, "and then each new one as it comes", NULL, ctl_take_flag,
	 offsetof(struct wanted, follow)},
	{0, "format", "FORMAT",
	 "one line each, as others read it: ecs, eve, ocsf, panos or cef", RECORD_FORMAT_WORDS,
	 take_format, offsetof(struct wanted, format)},
	FILTER('t', "type", "TYPE,...", "file types; none: of no known type",
	       SIGHTING_TYPE_WORDS, ctl_take_text, type),
	FILTER('a', "application", "NAME,...", "applications", SIGHTING_APPLICATION_WORDS,
	       ctl_take_text, application),
	FILTER('u', "user", "NAME", "a user at either end", NULL, ctl_take_text, user),
	FILTER('r', "rule", "NAME,...", "chosen by a rule; none: by no rule", NULL,
	       ctl_take_text, rule),
	FILTER('s', "state", "STATE,...", "complete or truncated", "complete truncated",
	       ctl_take_text, state),
	FILTER(0, "reason", "REASON,...", "why it is not complete, or not kept",
	       SIGHTING_REASON_WORDS, ctl_take_text, reason),
	FILTER(0, "direction", "DIR", "download or upload", "download upload", ctl_take_text,
	       direction),
	FILTER(0, "kind", "KIND,...", "file, link, mail, mail-text or form-field",
	       SIGHTING_KIND_WORDS, ctl_take_text, kind),
	FILTER(0, "trait", "TRAIT,...", "remarkable content; none: of none",
	       SIGHTING_TRAIT_WORDS, ctl_take_text, trait),
	FILTER(0, "vsys", "NAME,...", "virtual systems", NULL, ctl_take_text, vsys),
	FILTER(0, "name", "GLOB", "pattern of the file's name", NULL, ctl_take_text, name),
	FILTER(0, "sha256", "DIGITS", "hash, or its first 8 digits or more", NULL,
	       filter_take_hex, sha256),
	FILTER(0, "sender", "ADDRESS", "address or prefix of who sent the file", NULL,
	       filter_take_prefix, sender),
	FILTER(0, "receiver", "ADDRESS", "address or prefix of who received it", NULL,
	       filter_take_prefix, receiver),
	FILTER('S', "since", "TIME",
	       "not before: 10m, 3h, 2d, today, 2026-11-24, \"... 13:30\"",
	       "10m 1h 1d today yesterday", filter_take_time, since),
	FILTER('U', "until", "TIME", "before that time", "10m 1h 1d today yesterday",
	       filter_take_time, until),
	SIGHTLOG_OPTIONS(struct wanted),
	CTL_OPTIONS_END};

/* Where the last ones stand, the newest first. */
struct found {
	struct sightlog_line *line;
	size_t count, room;
	uint64_t wanted;
	bool failed;
};

static bool keep(void *arg, const struct sightlog_line *where, json_t *sighting)
{
	struct found *f = arg;

	(void)sighting;
	if (f->count == f->room) {
		size_t room = f->room ? 2 * f->room : 64;
		struct sightlog_line *line = realloc(f->line, room * sizeof(*line));

		if (!line) {
			f->failed = true;
			return false;
		}
		f->line = line;
		f->room = room;
	}
	f->line[f->count++] = *where;
	return f->count < f->wanted;
}

struct output {
	struct ctl_table *table; /* NULL: a format */
	size_t rows;		 /* not printed yet */
	bool terminal;
	const struct record_format *format;
	struct record_context context;
	struct buf text, clean;
};

/* Some of it a terminal would take for commands. */
static void put_harmless(struct output *o)
{
	json_t *line = o->format->json
			       ? json_loadb((const char *)o->text.data, o->text.len, 0, NULL)
			       : NULL;

	if (line) {
		ctl_print_json_line(line);
		return;
	}
	buf_reset(&o->clean);
	display_clean(&o->clean, (const char *)o->text.data, o->text.len);
	puts(buf_string(&o->clean));
}

/* JSON of the log itself is a line as it stands there. */
static void put(struct output *o, json_t *sighting, const char *line, size_t n)
{
	if (o->table) {
		sighting_row(o->table, sighting);
		if (++o->rows == BATCH) {
			ctl_table_flush(o->table);
			o->rows = 0;
		}
		return;
	}
	buf_reset(&o->text);
	if (o->format == record_find("ecs")
		    ? !buf_add(&o->text, line, n)
		    : !record_render(o->format, sighting, &o->context, &o->text)) {
		ctl_warning("a sighting is left out: out of memory, or too long");
	} else if (o->terminal) {
		put_harmless(o);
	} else {
		fwrite(o->text.data, 1, o->text.len, stdout);
		fputc('\n', stdout);
	}
}

static void put_found(struct output *o, struct sightlog *log, const struct found *f)
{
	for (size_t i = f->count; i-- > 0;) {
		char *line = sightlog_read(log, &f->line[i]);
		json_t *sighting = line ? json_loadb(line, f->line[i].length, 0, NULL) : NULL;

		/* NULL: cut off since it was found. */
		if (sighting)
			put(o, sighting, line, f->line[i].length);
		json_decref(sighting);
		free(line);
	}
}

static void flush(struct output *o)
{
	if (o->table)
		ctl_table_flush(o->table);
	o->rows = 0;
	fflush(stdout);
}

static int follow(struct output *o, struct sightlog *log, const struct filter *filter,
		  uint64_t end)
{
	int fd = log->present ? dup(log->fd[0]) : -1;
	struct follow f;
	const char *line;
	size_t n;

	if (!follow_open(&f, log->path, log->dir, fd, end)) {
		ctl_error("out of memory");
		return CTL_FAILED;
	}
	if (!log->present)
		ctl_warning("%s: not there yet", log->path);
	do {
		while ((line = follow_next(&f, &n))) {
			json_t *sighting = filter_possible(filter, line, n)
						   ? sightlog_parse(log, line, n)
						   : NULL;

			if (sighting && filter_match(filter, sighting))
				put(o, sighting, line, n);
			json_decref(sighting);
			if (log->broken) {
				sightlog_complain(log);
				log->broken = 0;
			}
		}
		if (f.lines.error) {
			ctl_error("%s: %s", log->path, strerror(f.lines.error));
			break;
		}
		flush(o);
	} while (!ferror(stdout) && follow_wait(&f));
	follow_close(&f);
	return f.lines.error ? CTL_FAILED : CTL_OK;
}

/* The format is the one of --json, too, which is the log's own. */
static void output_init(struct output *o, const struct wanted *w, char host[static HOST_MAX])
{
	*o = (struct output){.terminal = isatty(STDOUT_FILENO), .format = w->format};
	if (!gethostname(host, HOST_MAX))
		o->context.host = host;
	buf_init(&o->text, RENDERING_MAX);
	buf_init(&o->clean, 4 * RENDERING_MAX);
	if (!w->format)
		o->table = sighting_table(w->follow);
}

static void output_free(struct output *o)
{
	if (o->table)
		ctl_table_free(o->table);
	buf_free(&o->text);
	buf_free(&o->clean);
}

static int run(struct wanted *w)
{
	char host[HOST_MAX] = "";
	struct output o;
	struct found f = {.wanted = w->last};
	int status = CTL_FAILED;
	struct sightlog log;
	uint64_t end;

	output_init(&o, w, host);
	if (!sightlog_open(&log, &w->place, w->follow))
		goto out;
	if (!sightlog_back(&log, &w->filter, &end, keep, &f))
		goto out;
	if (f.failed) {
		ctl_error("out of memory; -n asks for less");
		goto out;
	}
	put_found(&o, &log, &f);
	if (!w->follow || f.count)
		flush(&o);
	sightlog_complain(&log);
	log.broken = 0;
	status = w->follow ? follow(&o, &log, &w->filter, end) : CTL_OK;
out:
	output_free(&o);
	free(f.line);
	sightlog_close(&log);
	return status;
}

int ctl_sightings(struct ctl *ctl, int argc, char **argv)
{
	struct wanted w = {.last = LAST_DEFAULT};
	int status = CTL_USAGE;

	if (ctl_options("sightings", ctl_sightings_options, argc, argv, 0, &w) < 0)
		return status;
	if (ctl->json && w.format && w.format != record_find("ecs")) {
		ctl_error("sightings: --format %s and --json exclude each other",
			  w.format->name);
		return status;
	}
	if (ctl->json)
		w.format = record_find("ecs");
	if (filter_ready(&w.filter)) {
		status = run(&w);
	} else {
		ctl_error("sightings: %d words at most are expected behind an option",
			  FILTER_WORDS_MAX);
	}
	filter_free(&w.filter);
	return status;
}
