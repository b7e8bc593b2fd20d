// SPDX-License-Identifier: MIT
/*
 * All that is known about one sample, first as one JSON object.
 */
#include "ctl/show.h"

#include "ctl/agent.h"
#include "ctl/sightlog.h"
#include "lib/sighting.h"
#include "sample/spool.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLES_MAX 16 /* that one prefix stands for, before it is refused */
#define DIGITS_LEAST 8

struct wanted {
	struct sightlog_place place;
	uint64_t last;
};

const struct ctl_option ctl_show_options[] = {
	{'n', "last", "COUNT", "so many sightings, the last ones (20)", "20 100",
	 ctl_take_count, offsetof(struct wanted, last)},
	SIGHTLOG_OPTIONS(struct wanted),
	CTL_OPTIONS_END};

struct search {
	const char *digits; /* lower case */
	char sample[SAMPLES_MAX][SHA256_TEXT];
	size_t samples;
	uint64_t last, count, members;
	json_t *sightings; /* the newest first, `last` at most */
	json_t *member;	   /* of what the sample contains; the same */
	json_t *archives;  /* that it came from */
	json_t *first;	   /* the oldest sighting */
};

static bool same_start(const char *hash, const char *digits)
{
	return hash && strlen(hash) == SHA256_TEXT - 1 &&
	       !strncasecmp(hash, digits, strlen(digits));
}

static void add_sample(struct search *s, const char *hash)
{
	for (size_t i = 0; i < s->samples; i++)
		if (!strcmp(s->sample[i], hash))
			return;
	if (s->samples < SAMPLES_MAX)
		memcpy(s->sample[s->samples++], hash, SHA256_TEXT);
}

static bool has_object(const json_t *array, const json_t *object)
{
	size_t i;
	json_t *other;

	json_array_foreach((json_t *)array, i,
			   other) if (json_equal(other, object)) return true;
	return false;
}

static void add_once(json_t *array, json_t *object, uint64_t most)
{
	if (json_array_size(array) < most && !has_object(array, object))
		json_array_append(array, object);
	json_decref(object);
}

static json_t *member_of(const json_t *sighting)
{
	json_t *m = json_object();

	json_object_set(m, "sha256", json_at(sighting, "file.hash.sha256"));
	json_object_set(m, "path", json_at(sighting, "sluice.file.container.path"));
	json_object_set(m, "size", json_at(sighting, "file.size"));
	json_object_set(m, "type", json_at(sighting, "sluice.file.type"));
	json_object_set(m, "state", json_at(sighting, "sluice.file.state"));
	return m;
}

static bool each(void *arg, const struct sightlog_line *where, json_t *sighting)
{
	const char *own = json_text_at(sighting, "file.hash.sha256");
	json_t *container = json_at(sighting, "sluice.file.container");
	const char *outer = json_text_at(container, "sha256");
	struct search *s = arg;

	(void)where;
	if (same_start(own, s->digits)) {
		add_sample(s, own);
		s->count++;
		if (json_array_size(s->sightings) < s->last)
			json_array_append(s->sightings, sighting);
		if (container)
			add_once(s->archives, json_incref(container), s->last);
		json_decref(s->first);
		s->first = json_incref(sighting);
	}
	if (same_start(outer, s->digits)) {
		add_sample(s, outer);
		add_once(s->member, member_of(sighting), s->last);
	}
	return true;
}

/* The agent's spool is a folder of the state directory; sluiced -r leaves samples/ itself. */
static const char *spool_root(const char *dir, char root[static SPOOL_PATH_MAX])
{
	snprintf(root, SPOOL_PATH_MAX, "%s/spool", dir);
	if (access(root, F_OK) < 0 && errno == ENOENT)
		snprintf(root, SPOOL_PATH_MAX, "%s", dir);
	return root;
}

/* Samples that no log tells of any more. */
static void search_spool(struct search *s, const char *dir)
{
	char path[SPOOL_PATH_MAX], root[SPOOL_PATH_MAX];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/samples/%.2s", spool_root(dir, root), s->digits);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (same_start(e->d_name, s->digits))
			add_sample(s, e->d_name);
	if (d)
		closedir(d);
}

static int not_one(const struct search *s, const char *dir)
{
	char text[SAMPLES_MAX * (SHA256_TEXT + 1)] = "";
	size_t n = 0, i;

	if (!s->samples) {
		ctl_error("show: no sample that begins with %s is in %s", s->digits, dir);
		return CTL_FAILED;
	}
	for (i = 0; i < s->samples; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", s->sample[i]);
	ctl_error("show: %s stands for %s%zu samples; expected more digits of one of:%s",
		  s->digits, s->samples == SAMPLES_MAX ? "at least " : "", s->samples, text);
	return CTL_FAILED;
}

/* --------------------------------------------------------------- the clouds */

static void take_line(void *arg, json_t *line)
{
	json_array_append(arg, line);
}

/* Envelopes in the output directory of sluiced -r. */
static json_t *envelopes(const char *dir, const char *hash)
{
	char path[SPOOL_PATH_MAX];
	json_t *all = json_array();
	struct dirent *e, *f;
	DIR *outbox, *cloud;

	snprintf(path, sizeof(path), "%s/outbox", dir);
	outbox = opendir(path);
	while (outbox && (e = readdir(outbox))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/outbox/%s", dir, e->d_name);
		cloud = opendir(path);
		while (cloud && (f = readdir(cloud)))
			if (!strncmp(f->d_name, hash, strlen(hash)))
				json_array_append_new(
					all, json_pack("{s:s, s:o}", "cloud", e->d_name, "path",
						       json_sprintf("%s/%s", path, f->d_name)));
		if (cloud)
			closedir(cloud);
	}
	if (outbox)
		closedir(outbox);
	return all;
}

/* JSON null: nobody can say. */
static json_t *submissions(const struct ctl *ctl, const struct sightlog *log, const char *hash)
{
	const char *run_dir = ctl->run_dir;
	json_t *all = json_array();
	char path[SPOOL_PATH_MAX];

	if (log->run_dir && !strcmp(run_dir, CTL_RUN_DIR))
		run_dir = log->run_dir;
	snprintf(path, sizeof(path), "%s/control.sock", run_dir);
	if ((access(path, F_OK) < 0 && errno == ENOENT) ||
	    !agent_call(run_dir, json_pack("{s:s, s:s}", "command", "sample", "sha256", hash),
			take_line, all)) {
		json_decref(all);
		return json_null();
	}
	return all;
}

static void add_clouds(json_t *sample, const struct ctl *ctl, const struct sightlog *log,
		       const char *hash)
{
	char path[SPOOL_PATH_MAX];

	snprintf(path, sizeof(path), "%s/outbox", log->dir);
	if (access(path, F_OK) == 0)
		json_object_set_new(sample, "envelopes", envelopes(log->dir, hash));
	else
		json_object_set_new(sample, "submissions", submissions(ctl, log, hash));
}

/* --------------------------------------------------------------- the sample */

static json_t *spool(const char *dir, const char *hash)
{
	char path[SPOOL_PATH_MAX] = "", root[SPOOL_PATH_MAX];
	uint8_t sha256[SHA256_SIZE];
	struct stat st;
	json_t *j;

	if (!sha256_parse(hash, sha256) ||
	    !spool_path(spool_root(dir, root), sha256, path, sizeof(path)))
		return json_null();
	if (stat(path, &st) == 0)
		return json_pack("{s:s, s:b, s:I}", "path", path, "present", 1, "size",
				 (json_int_t)st.st_size);
	j = json_pack("{s:s, s:b}", "path", path, "present", 0);
	if (errno != ENOENT) {
		json_object_set_new(j, "error", json_string(strerror(errno)));
		json_object_set_new(j, "present", json_null());
	}
	return j;
}

/* The newest first becomes the oldest first. */
static json_t *reversed(const json_t *array)
{
	json_t *out = json_array();

	for (size_t i = json_array_size(array); i-- > 0;)
		json_array_append(out, json_array_get(array, i));
	return out;
}

static json_t *describe(const struct ctl *ctl, const struct sightlog *log,
			const struct search *s)
{
	static const struct {
		const char *name, *path;
	} content[] = {{"size", "file.size"},
		       {"type", "sluice.file.type"},
		       {"format", "sluice.file.format"},
		       {"traits", "sluice.file.traits"}};
	const json_t *last = json_array_get(s->sightings, 0);
	json_t *j = json_object(), *v;

	json_object_set_new(j, "sha256", json_string(s->sample[0]));
	for (size_t i = 0; i < sizeof(content) / sizeof(content[0]); i++)
		if ((v = json_at(last, content[i].path)))
			json_object_set(j, content[i].name, v);
	json_object_set_new(j, "spool", spool(log->dir, s->sample[0]));
	json_object_set_new(j, "seen", json_integer((json_int_t)s->count));
	if (last) {
		json_object_set(j, "first", json_at(s->first, "@timestamp"));
		json_object_set(j, "last", json_at(last, "@timestamp"));
	}
	json_object_set(j, "archives", s->archives);
	json_object_set(j, "members", s->member);
	json_object_set_new(j, "sightings", reversed(s->sightings));
	add_clouds(j, ctl, log, s->sample[0]);
	return j;
}

static int run(struct ctl *ctl, const struct wanted *w, struct search *s)
{
	struct filter filter = {.sha256 = s->digits};
	int status = CTL_FAILED;
	struct sightlog log;
	json_t *sample;

	if (!filter_ready(&filter)) {
		ctl_error("out of memory");
		return status;
	}
	if (sightlog_open(&log, &w->place, true) &&
	    sightlog_back(&log, &filter, NULL, each, s)) {
		search_spool(s, log.dir);
		if (s->samples == 1) {
			sample = describe(ctl, &log, s);
			status = ctl->json ? ctl_print_json(sample) : show_text(sample);
		} else {
			status = not_one(s, log.dir);
		}
		sightlog_complain(&log);
	}
	filter_free(&filter);
	sightlog_close(&log);
	return status;
}

int ctl_show(struct ctl *ctl, int argc, char **argv)
{
	struct wanted w = {.last = 20};
	struct search s = {0};
	const char *expected;
	int status;

	argc = ctl_options("show", ctl_show_options, argc, argv, 1, &w);
	if (argc < 0)
		return CTL_USAGE;
	expected = argc ? filter_take_hex(argv[0], &s.digits) : "";
	if (expected) {
		ctl_error(
			"show: \"%s\"; expected at least %d hexadecimal digits, the first of a "
			"SHA-256",
			argc ? argv[0] : "", DIGITS_LEAST);
		return CTL_USAGE;
	}
	for (char *p = argv[0]; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	s.last = w.last;
	s.sightings = json_array();
	s.member = json_array();
	s.archives = json_array();
	status = run(ctl, &w, &s);
	json_decref(s.sightings);
	json_decref(s.member);
	json_decref(s.archives);
	json_decref(s.first);
	return status;
}
