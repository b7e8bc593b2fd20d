// SPDX-License-Identifier: MIT
/*
 * sluicectl user: who is at which address.
 */
#include "ctl/agent.h"
#include "ctl/ctl.h"
#include "ctl/input.h"
#include "policy/user_time.h"
#include "supervisor/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct user_options {
	const char *timeout, *vsys, *group, *user;
	bool all;
};

const struct ctl_option ctl_user_options[] = {
	{'t', "timeout", "TIME", "add: until it ends, like 45m, 8h, 30d, never",
	 "45m 8h 30d never", ctl_take_text, offsetof(struct user_options, timeout)},
	{0, "vsys", "NAME", "in that virtual system only", NULL, ctl_take_text,
	 offsetof(struct user_options, vsys)},
	{'g', "group", "NAME", "add: the user is in it; list: users of it", NULL, ctl_take_text,
	 offsetof(struct user_options, group)},
	{'u', "user", "NAME", "del, list: that user, at every address", NULL, ctl_take_text,
	 offsetof(struct user_options, user)},
	{'a', "all", NULL, "list: what has ended, too, and what has not begun", NULL,
	 ctl_take_flag, offsetof(struct user_options, all)},
	CTL_OPTIONS_END};

static bool put(json_t *request, const char *name, const char *text)
{
	if (!text || !json_object_set_new(request, name, json_string(text)))
		return true;
	ctl_error("user: %s: expected UTF-8 text", name);
	json_decref(request);
	return false;
}

static json_t *request_for(const char *command, const struct user_options *o)
{
	json_t *request = json_pack("{s:s}", "command", command);

	return put(request, "vsys", o->vsys) && put(request, "group", o->group) &&
			       put(request, "user", o->user) &&
			       put(request, "timeout", o->timeout)
		       ? request
		       : NULL;
}

static void keep_line(void *arg, json_t *line)
{
	json_t **last = arg;

	json_decref(*last);
	*last = json_incref(line);
}

static json_int_t number_of(json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* For commands that answer what they changed. */
static int change(struct ctl *ctl, json_t *request)
{
	json_t *done = NULL;

	if (!request)
		return CTL_FAILED;
	if (!agent_call(ctl->run_dir, request, keep_line, &done)) {
		json_decref(done);
		return CTL_FAILED;
	}
	if (ctl->json)
		return ctl_print_json(done);
	printf("%" JSON_INTEGER_FORMAT " logged in, %" JSON_INTEGER_FORMAT
	       " logged out, %" JSON_INTEGER_FORMAT " members of groups\n",
	       number_of(done, "logins"), number_of(done, "logouts"),
	       number_of(done, "members"));
	json_decref(done);
	return CTL_OK;
}

static int user_add(struct ctl *ctl, const struct user_options *o, int argc, char **argv)
{
	struct user_options all = *o;
	json_t *request;

	if (argc != 2 || o->user) {
		ctl_error("user add: expected ADDRESS USER");
		return CTL_USAGE;
	}
	all.user = argv[1];
	request = request_for("users.add", &all);
	if (request && !put(request, "address", argv[0]))
		return CTL_FAILED;
	return change(ctl, request);
}

static int user_del(struct ctl *ctl, const struct user_options *o, int argc, char **argv)
{
	json_t *request;

	if (argc > 1 || (!argc && !o->user)) {
		ctl_error("user del: expected ADDRESS, --user NAME, or both");
		return CTL_USAGE;
	}
	request = request_for("users.del", o);
	if (request && argc && !put(request, "address", argv[0]))
		return CTL_FAILED;
	return change(ctl, request);
}

static int user_import(struct ctl *ctl, const struct user_options *o, int argc, char **argv)
{
	json_t *request;
	char *text;

	if (argc != 1) {
		ctl_error("user import: expected FILE, or - for standard input");
		return CTL_USAGE;
	}
	text = ctl_read_all("user import", argv[0], CONTROL_REQUEST_MAX);
	if (!text)
		return CTL_FAILED;
	request = request_for("users.import", o);
	if (request && !put(request, "text", text))
		request = NULL;
	free(text);
	return change(ctl, request);
}

/* ---------------------------------------------------------------------- list */

struct answer {
	json_t *lines;
	json_int_t next;
};

static void collect(void *arg, json_t *line)
{
	struct answer *a = arg;

	if (json_object_get(line, "next"))
		a->next = number_of(line, "next");
	else
		json_array_append(a->lines, line);
}

/* Local time with its zone; "" for none. */
static const char *local_time(json_t *value, char text[static 64], const char *none)
{
	uint64_t ns;
	struct tm tm;
	time_t seconds;

	if (!json_is_string(value) || !user_time_parse(json_string_value(value), &ns))
		return none;
	seconds = (time_t)(ns / 1000000000);
	if (!localtime_r(&seconds, &tm) || !strftime(text, 64, "%F %T %Z", &tm))
		return none;
	return text;
}

static void print_list(json_t *lines)
{
	static const char *const titles[] = {"ADDRESS", "USER",	  "VSYS",  "SINCE",
					     "UNTIL",	"SOURCE", "GROUPS"};
	static const struct ctl_column columns[] = {
		{.rank = 2, .least = 24, .stays = true, .cut = DISPLAY_CUT_MIDDLE},
		{.rank = 1, .least = 12, .stays = true},
		{.rank = 4, .least = 8, .optional = true},
		{.rank = 6, .least = 23},
		{.rank = 3, .least = 23},
		{.rank = 5, .least = 9},
		{.rank = 7, .least = 12, .optional = true}};
	struct ctl_table *t = ctl_table_new(titles, sizeof(titles) / sizeof(titles[0]));
	static const char *const texts[] = {"address", "user", "vsys"};
	char since[64], until[64];
	json_t *m, *groups;
	size_t i, k, n;

	ctl_table_columns(t, columns);
	json_array_foreach(lines, i, m)
	{
		char names[1024] = "";

		for (k = 0; k < 3; k++)
			ctl_table_cell(t, "%s",
				       json_string_value(json_object_get(m, texts[k])));
		ctl_table_cell(t, "%s",
			       local_time(json_object_get(m, "begin"), since, "always"));
		ctl_table_cell(t, "%s", local_time(json_object_get(m, "end"), until, "never"));
		ctl_table_cell(t, "%s", json_string_value(json_object_get(m, "source")));
		groups = json_object_get(m, "groups");
		for (k = 0, n = 0; k < json_array_size(groups) && n < sizeof(names); k++)
			n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
					      k ? ", " : "",
					      json_string_value(json_array_get(groups, k)));
		ctl_table_cell(t, "%s", names);
	}
	ctl_table_print(t);
}

static int user_list(struct ctl *ctl, const struct user_options *o, int argc, char **argv)
{
	struct answer a = {.lines = json_array()};
	json_t *request;

	(void)argv;
	if (argc) {
		ctl_error("user list: expected --user, --group, --vsys or --all");
		return CTL_USAGE;
	}
	do {
		request = request_for("users.list", o);
		if (request && o->all)
			json_object_set_new(request, "all", json_true());
		if (request && a.next)
			json_object_set_new(request, "from", json_integer(a.next));
		a.next = 0;
		if (!request || !agent_call(ctl->run_dir, request, collect, &a)) {
			json_decref(a.lines);
			return CTL_FAILED;
		}
	} while (a.next);
	if (ctl->json)
		return ctl_print_json(a.lines);
	print_list(a.lines);
	json_decref(a.lines);
	return CTL_OK;
}

int ctl_user(struct ctl *ctl, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct ctl *ctl, const struct user_options *o, int argc,
			   char **argv);
		bool timeout, user, all, group, vsys; /* options it takes */
	} parts[] = {
		{"list", user_list, false, true, true, true, true},
		{"add", user_add, true, false, false, true, true},
		{"del", user_del, false, true, false, false, true},
		{"import", user_import, false, false, false, false, false},
	};
	struct user_options o = {0};
	size_t i;

	argc = ctl_options("user", ctl_user_options, argc, argv, 3, &o);
	if (argc < 0)
		return CTL_USAGE;
	if (argc == 0)
		return user_list(ctl, &o, 0, argv);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(parts[i].name, argv[0]))
			break;
	if (i == sizeof(parts) / sizeof(parts[0])) {
		ctl_error("user: \"%s\"; expected list, add, del or import", argv[0]);
		return CTL_USAGE;
	}
	if ((o.timeout && !parts[i].timeout) || (o.user && !parts[i].user) ||
	    (o.all && !parts[i].all) || (o.group && !parts[i].group) ||
	    (o.vsys && !parts[i].vsys)) {
		ctl_error(
			"user %s: an option that it does not take; see \"sluicectl help user\"",
			argv[0]);
		return CTL_USAGE;
	}
	return parts[i].run(ctl, &o, argc - 1, argv + 1);
}
