// SPDX-License-Identifier: MIT
#include "supervisor/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct counters stats_sum(const struct counters *own, const struct child *children,
			  size_t count)
{
	struct counters sum = *own;

	for (size_t i = 0; i < count; i++)
		child_sum(&children[i], &sum);
	return sum;
}

static json_t *process_json(const char *role, unsigned int index, pid_t pid,
			    unsigned int restarts, const char *netns)
{
	return json_pack("{s:s, s:i, s:i, s:i, s:s*}", "role", role, "index", (int)index, "pid",
			 (int)pid, "restarts", (int)restarts, "netns", netns);
}

static json_t *clouds_json(const struct stats_tally *t)
{
	json_t *clouds = json_object();

	for (size_t i = 0; i < t->c->clouds; i++) {
		json_t *one = json_object();

		for (unsigned int k = 0; k < TALLY_CLOUD_COUNT; k++)
			json_object_set_new(one, tally_cloud_name(k),
					    json_integer((json_int_t)t->tally->cloud[i][k]));
		json_object_set_new(one, "waiting",
				    json_integer((json_int_t)t->tally->waiting[i]));
		cloud_state_json(&t->state[i], &t->c->cloud[i], t->now, one);
		json_object_set_new(clouds, t->c->cloud[i].name, one);
	}
	return clouds;
}

static json_t *types_json(const struct stats_tally *t)
{
	json_t *types = json_object();

	for (size_t i = 0; i < tally_type_places(t->c); i++) {
		const uint64_t *value = tally_type_counts(t->tally, t->c, i);
		json_t *one = json_object();

		for (unsigned int k = 0; k < TALLY_TYPE_COUNT; k++)
			json_object_set_new(one, tally_type_name(k),
					    json_integer((json_int_t)value[k]));
		json_object_set_new(types, tally_type_label(t->c, i), one);
	}
	return types;
}

static json_t *logs_json(const struct sinks *k)
{
	json_t *logs = json_object();

	for (size_t i = 0; i < k->count; i++) {
		const struct sink *s = &k->sink[i];
		json_t *one = json_object();

		for (unsigned int f = 0; f < SINK_FIGURE_COUNT; f++)
			json_object_set_new(one, sink_figure_name(f),
					    json_integer((json_int_t)s->figure[f]));
		json_object_set_new(one, "waiting", json_integer((json_int_t)s->waiting));
		json_object_set_new(one, "open", json_integer(s->up));
		json_object_set_new(logs, s->config->name, one);
	}
	return logs;
}

static json_t *unsent_json(const struct stats_tally *t)
{
	json_t *unsent = json_object();

	for (unsigned int i = 0; i < TALLY_REASON_COUNT; i++)
		json_object_set_new(unsent, tally_reason_text(i),
				    json_integer((json_int_t)t->tally->unsent[i]));
	return unsent;
}

static json_t *stats_json(const struct counters *own, const struct child *children,
			  size_t count, const struct stats_tally *tally)
{
	struct counters sum = stats_sum(own, children, count);
	json_t *counters = json_object(), *processes = json_array(), *root;
	char text[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	for (unsigned int i = 0; i < COUNTER_COUNT; i++)
		json_object_set_new(counters, counter_name(i),
				    json_integer((json_int_t)sum.value[i]));
	json_array_append_new(processes, process_json("supervisor", 0, getpid(), 0, NULL));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(processes,
				      process_json(children[i].role, children[i].index,
						   children[i].pid, children[i].restarts,
						   children[i].netns));
	/* o takes the references, and fails where one is NULL. */
	root = json_pack("{s:s, s:o, s:o}", "time", text, "counters", counters, "processes",
			 processes);
	if (tally) {
		json_object_set_new(root, "clouds", clouds_json(tally));
		json_object_set_new(root, "types", types_json(tally));
		json_object_set_new(root, "unsent", unsent_json(tally));
		json_object_set_new(root, "logs", logs_json(tally->sinks));
	}
	return root;
}

bool stats_write(const char *dir, const struct counters *own, const struct child *children,
		 size_t count, const struct stats_tally *tally)
{
	json_t *root = stats_json(own, children, count, tally);
	char *path = NULL, *temporary = NULL, *text = NULL;
	int saved = ENOMEM, fd = -1;
	bool ok = false;

	text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	if (!text || asprintf(&path, "%s/stats.json", dir) < 0 ||
	    asprintf(&temporary, "%s/.stats.json.new", dir) < 0)
		goto out;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	ok = fd >= 0 && dprintf(fd, "%s\n", text) == (int)strlen(text) + 1 &&
	     rename(temporary, path) == 0;
	saved = errno;
	if (fd >= 0)
		close(fd);
out:
	json_decref(root);
	free(text);
	free(path);
	free(temporary);
	errno = saved;
	return ok;
}
