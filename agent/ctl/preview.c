// SPDX-License-Identifier: MIT
/*
 * sluicectl policy preview: what each cloud would get of a sighting now.
 *
 * The running agent says what its policies, its users' groups and the kernel's switches make of
 * it; with -c, another configuration does, of the sighting as the agent has it.  The requests
 * are made here, of the sample in the spool.
 */
#include "ctl/policy.h"

#include "ctl/agent.h"
#include "lib/log.h"
#include "supervisor/policy_files.h"
#include "supervisor/preview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct session {
	struct ctl *ctl;
	const struct policy_options *o;
	/* Of -c, or what the agent reads: for its API keys alone. */
	struct ctl_config cc;
	bool config_read;
	struct counters counters;
	struct users *users; /* of -c */
	json_t *shown;	     /* objects of one sighting; with --raw exactly one may be */
};

static void keep(void *arg, json_t *line)
{
	json_array_append(arg, line);
}

/* The lines of an answer, or NULL after an error message. */
static json_t *ask(const struct session *s, json_t *request)
{
	json_t *lines = json_array();

	if (agent_call(s->ctl->run_dir, request, keep, lines))
		return lines;
	json_decref(lines);
	return NULL;
}

/* --------------------------------------------------------- configurations */

static bool read_config(struct session *s, const char *path)
{
	struct config *c = &s->cc.config;

	if (s->config_read)
		return true;
	s->cc.path = path && *path ? path : NULL;
	log_init("sluicectl", LOG_LEVEL_WARNING);
	s->config_read = s->cc.path ? config_read_shown(c, s->cc.path) : config_default(c);
	return s->config_read;
}

static bool read_other(struct session *s)
{
	if (s->users)
		return true;
	if (!read_config(s, s->o->config))
		return false;
	policy_files_read(&s->cc.config);
	s->users = users_open(&s->cc.config.users, NULL, &s->counters);
	return s->users;
}

static const struct cloud_config *find_cloud(const struct session *s, const char *name)
{
	for (size_t i = 0; s->config_read && i < s->cc.config.clouds; i++)
		if (!strcmp(s->cc.config.cloud[i].name, name))
			return &s->cc.config.cloud[i];
	return NULL;
}

/* The cloud with its key, as its configuration has it now; NULL: it cannot be used. */
static const struct cloud_config *credentials(const struct session *s, json_t *preview)
{
	const struct cloud_config *cloud =
		find_cloud(s, json_string_value(json_object_get(preview, "cloud")));
	const char *target = json_string_value(json_object_get(preview, "target"));

	if (!cloud)
		return NULL;
	if (strcmp(cloud->url, target) != 0 && strcmp(cloud->path, target) != 0) {
		ctl_warning("policy preview: [cloud %s] of %s is not the one that the agent "
			    "runs with: its API key is not used",
			    cloud->name, ctl_config_name(&s->cc));
		return NULL;
	}
	return cloud;
}

/* ---------------------------------------------------------- the other one's */

static bool decode(const char *hex, struct msg *m, struct sighting *s)
{
	size_t n = hex ? strlen(hex) / 2 : 0;
	struct msg_view v = {.type = MSG_SIGHTING};
	unsigned int byte;

	buf_reset(&m->buf);
	for (size_t i = 0; i < n && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		buf_add(&m->buf, &(uint8_t){(uint8_t)byte}, 1);
	v.attrs = m->buf.data;
	v.len = m->buf.len;
	return n && m->buf.len == n && sighting_decode(s, &v);
}

/* What rules and policies of -c make of it, for each cloud. */
static bool by_other(struct session *s, json_t *about)
{
	const char *cloud = s->o->cloud, *hex;
	struct preview p = {.c = &s->cc.config, .of = PREVIEW_RULES};
	struct sighting sighting;
	bool ok, found = false;
	struct msg m;

	if (!read_other(s))
		return false;
	msg_init(&m);
	hex = json_string_value(json_object_get(about, "message"));
	ok = decode(hex, &m, &sighting);
	msg_free(&m);
	if (!ok) {
		ctl_error("policy preview: the agent's sighting cannot be read");
		return false;
	}
	p.users = s->users;
	p.s = &sighting;
	p.sample_path = json_string_value(json_object_get(about, "sample_path"));
	p.switches = (uint32_t)json_integer_value(json_object_get(about, "switches"));
	p.switches_seen = (uint32_t)json_integer_value(json_object_get(about, "switches_seen"));
	for (; p.cloud < p.c->clouds; p.cloud++) {
		if (cloud && strcmp(cloud, p.c->cloud[p.cloud].name) != 0)
			continue;
		found = true;
		json_array_append_new(s->shown, preview_make(&p));
	}
	sighting_free(&sighting);
	if (!found && cloud)
		ctl_error("policy preview: there is no [cloud %s] in %s", cloud,
			  ctl_config_name(&s->cc));
	return found || !cloud;
}

/* --------------------------------------------------------- the running one's */

static bool by_agent(struct session *s, json_t *about, const char *id)
{
	json_t *clouds = json_object_get(about, "clouds"), *name;
	size_t i;

	json_array_foreach(clouds, i, name)
	{
		const char *cloud = json_string_value(name);
		json_t *lines;

		if (s->o->cloud && strcmp(s->o->cloud, cloud) != 0)
			continue;
		lines = ask(s, json_pack("{s:s, s:s, s:s}", "command", "policy.preview",
					 "sighting", id, "cloud", cloud));
		if (!lines)
			return false;
		json_array_extend(s->shown, lines);
		json_decref(lines);
	}
	if (s->o->cloud && !json_array_size(s->shown)) {
		ctl_error("policy preview: the agent has no [cloud %s]", s->o->cloud);
		return false;
	}
	read_config(s, json_string_value(json_object_get(about, "config")));
	return true;
}

/* ------------------------------------------------------------------ output */

/* A body is one: two in a row are neither. */
static bool is_one(const struct session *s, const json_t *list, const char *what)
{
	if (!s->o->raw || json_array_size(list) == 1)
		return true;
	ctl_error("policy preview: --raw %s: %zu %s: expected one, by --cloud and --sighting",
		  s->o->raw, json_array_size(list), what);
	return false;
}

static bool write_raw(struct session *s)
{
	json_t *only = json_array_get(s->shown, 0);
	const char *wrong;

	if (!is_one(s, s->shown, "clouds"))
		return false;
	if (preview_body(only, credentials(s, only), s->o->raw, stdout, &wrong))
		return true;
	ctl_error("policy preview: --raw %s: %s", s->o->raw, wrong);
	return false;
}

static bool print_all(struct session *s)
{
	json_t *preview;
	size_t i;

	if (s->o->raw)
		return write_raw(s);
	json_array_foreach(s->shown, i, preview)
	{
		if (!preview_requests(preview, credentials(s, preview))) {
			ctl_error("out of memory");
			return false;
		}
		if (s->ctl->json)
			preview_print_json(preview, stdout);
		else
			preview_print(preview, stdout);
	}
	return true;
}

/* One sighting: all clouds, or the one that was asked for. */
static bool one(struct session *s, const char *id)
{
	json_t *about =
		ask(s, json_pack("{s:s, s:s}", "command", "policy.preview", "sighting", id));
	bool ok;

	if (!about)
		return false;
	json_decref(s->shown);
	s->shown = json_array();
	ok = s->o->config ? by_other(s, json_array_get(about, 0))
			  : by_agent(s, json_array_get(about, 0), id);
	json_decref(about);
	return ok && print_all(s);
}

/* Sightings that were asked for, the newest first; NULL after an error message. */
static json_t *sightings(const struct session *s)
{
	const struct policy_options *o = s->o;
	json_t *lines;

	if (o->sighting)
		return json_pack("[{s:s}]", "sighting", o->sighting);
	lines = ask(s, o->sample ? json_pack("{s:s, s:s}", "command", "policy.sightings",
					     "sample", o->sample)
				 : json_pack("{s:s, s:I}", "command", "policy.sightings",
					     "last", (json_int_t)(o->last ? o->last : 1)));
	if (!lines)
		return NULL;
	if (!json_array_size(lines) && o->sample)
		ctl_error("policy preview: sample %s went to no cloud, or was forgotten since",
			  o->sample);
	else if (!json_array_size(lines))
		ctl_error("policy preview: nothing that was seen went to a cloud yet");
	else if (is_one(s, lines, "sightings"))
		return lines;
	json_decref(lines);
	return NULL;
}

int ctl_policy_preview(struct ctl *ctl, const struct policy_options *o, int argc, char **argv)
{
	static struct session s;
	json_t *list, *line;
	bool ok = true;
	size_t i;

	(void)argv;
	if (argc || !!o->sample + !!o->sighting + !!o->last > 1) {
		ctl_error("policy preview: expected one of --sighting, --sample and --last");
		return CTL_USAGE;
	}
	if (o->raw && isatty(STDOUT_FILENO)) {
		ctl_error("policy preview: --raw: the sample and the API key do not belong on "
			  "a terminal: expected a file or a pipe");
		return CTL_USAGE;
	}
	s.ctl = ctl;
	s.o = o;
	list = sightings(&s);
	ok = list;
	json_array_foreach(list, i, line) ok =
		one(&s, json_string_value(json_object_get(line, "sighting"))) && ok;
	json_decref(list);
	json_decref(s.shown);
	users_close(s.users);
	if (s.config_read)
		config_free(&s.cc.config);
	return ok ? CTL_OK : CTL_FAILED;
}
