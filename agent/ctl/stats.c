// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"
#include "ctl/agent.h"

#include "lib/counter.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
	unsigned int attr;
	const char *name, *help;
} kernel_stats[] = {
#define STAT_ROW(id, name, help) {SLUICE_A_STATS_##id, #name, help},
	SLUICE_STATS(STAT_ROW)
#undef STAT_ROW
};

static const struct {
	unsigned int attr;
	const char *name, *help;
} kernel_gauges[] = {
	{SLUICE_A_STATS_SESSIONS_NOW, "sessions_now", "sessions in the table now"},
	{SLUICE_A_STATS_RINGS_OPEN, "rings_open", "rings open now"},
	{SLUICE_A_STATS_RINGS_COUNT, "rings_count", "rings the agent asked for"},
};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void collect(void *arg, uint8_t cmd, struct nlattr **attr)
{
	json_t *module = arg;
	size_t i;

	(void)cmd;
	for (i = 0; i < LENGTH(kernel_stats); i++)
		if (attr[kernel_stats[i].attr])
			json_object_set_new(module, kernel_stats[i].name,
					    json_integer((json_int_t)nla_get_u64(
						    attr[kernel_stats[i].attr])));
	for (i = 0; i < LENGTH(kernel_gauges); i++)
		if (attr[kernel_gauges[i].attr])
			json_object_set_new(
				module, kernel_gauges[i].name,
				json_integer(nla_get_u32(attr[kernel_gauges[i].attr])));
}

static const char *help_of(const char *part, const char *name)
{
	size_t i;

	if (!strcmp(part, "agent")) {
		enum counter c = counter_find(name);

		return c < COUNTER_COUNT ? counter_help(c) : "";
	}
	for (i = 0; i < LENGTH(kernel_stats); i++)
		if (!strcmp(kernel_stats[i].name, name))
			return kernel_stats[i].help;
	for (i = 0; i < LENGTH(kernel_gauges); i++)
		if (!strcmp(kernel_gauges[i].name, name))
			return kernel_gauges[i].help;
	return "";
}

/* What the agent has left in stats.json, or NULL. */
static json_t *agent_stats(const struct ctl *ctl)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/stats.json", ctl->run_dir);
	return json_load_file(path, 0, NULL);
}

/* ------------------------------------------------------- by cloud, type, reason */

/* How it can be asked for, what it is called in stats.json, and the title of its names. */
static const struct by {
	const char *word, *part, *title;
} bys[] = {
	{"cloud", "clouds", "CLOUD"},
	{"type", "types", "TYPE"},
	{"reason", "unsent", "REASON"},
	{"log", "logs", "LOG"},
};

struct stats_options {
	const struct by *by;
	bool prometheus;
};

static const char *take_by(const char *value, void *into)
{
	const struct by **by = into;

	for (size_t i = 0; i < LENGTH(bys); i++)
		if (!strcmp(bys[i].word, value))
			*by = &bys[i];
	return *by && !strcmp((*by)->word, value) ? NULL : "cloud, type, reason or log";
}

const struct ctl_option ctl_stats_options[] = {
	{0, "by", "WHAT", "cloud, type, reason or log: what became of files, by that",
	 "cloud type reason log", take_by, offsetof(struct stats_options, by)},
	{0, "prometheus", NULL, "all of the agent's, as a Prometheus server reads them", NULL,
	 ctl_take_flag, offsetof(struct stats_options, prometheus)},
	CTL_OPTIONS_END};

/* Whether a type or a reason is worth a row. */
static bool counted(json_t *row)
{
	const char *name;
	json_t *value;

	json_object_foreach(row, name, value) if (json_integer_value(value)) return true;
	return json_integer_value(row) != 0;
}

/* The value at that place of a row: rows have the same members in the same order. */
static json_t *nth(json_t *row, size_t n)
{
	void *i = json_object_iter(row);

	while (n-- && i)
		i = json_object_iter_next(row, i);
	return json_object_iter_value(i);
}

/* Of all rows together. */
static void print_all(struct ctl_table *t, json_t *part, size_t columns)
{
	ctl_table_cell(t, "all");
	for (size_t i = 1; i < columns; i++) {
		json_int_t sum = 0;
		const char *name;
		json_t *row;

		json_object_foreach(part, name, row) sum += json_integer_value(nth(row, i - 1));
		ctl_table_cell(t, "%" JSON_INTEGER_FORMAT, sum);
	}
}

static void print_by(const struct by *by, json_t *part)
{
	char upper[CTL_COLUMNS_MAX][32];
	const char *titles[CTL_COLUMNS_MAX] = {by->title, ">SIGHTINGS"}, *name, *column;
	bool cloud = !strcmp(by->word, "cloud"), all = cloud || !strcmp(by->word, "log");
	json_t *row, *value, *first = json_object_iter_value(json_object_iter(part));
	size_t columns = json_is_object(first) ? 1 : 2;
	struct ctl_table *t;

	json_object_foreach(first, column, value)
	{
		/* What is no number comes last, and is told below. */
		if (columns == CTL_COLUMNS_MAX || !json_is_integer(value))
			break;
		snprintf(upper[columns], sizeof(upper[0]), ">%s", column);
		for (char *p = upper[columns]; *p; p++)
			*p = *p == '_' ? ' ' : (char)toupper((unsigned char)*p);
		titles[columns] = upper[columns];
		columns++;
	}
	t = ctl_table_new(titles, columns);
	json_object_foreach(part, name, row)
	{
		if (!all && !counted(row))
			continue;
		ctl_table_cell(t, "%s", name);
		if (!json_is_object(row))
			ctl_table_cell(t, "%" JSON_INTEGER_FORMAT, json_integer_value(row));
		for (size_t i = 1; json_is_object(row) && i < columns; i++)
			ctl_table_cell(t, "%" JSON_INTEGER_FORMAT,
				       json_integer_value(nth(row, i - 1)));
	}
	if (cloud && json_object_size(part) > 1)
		print_all(t, part, columns);
	ctl_table_print(t);
}

/* Why something waits: quotas, and clouds that are left alone. */
static void print_quotas(json_t *clouds)
{
	static const char *const titles[] = {"CLOUD", "QUOTA", ">USED", ">LIMIT", "RENEWED"};
	struct ctl_table *t = ctl_table_new(titles, 5);
	json_t *cloud, *quota;
	const char *name, *which;
	size_t rows = 0;

	json_object_foreach(clouds, name, cloud)
		json_object_foreach(json_object_get(cloud, "quotas"), which, quota)
	{
		json_int_t used = json_integer_value(json_object_get(quota, "used"));
		json_int_t limit = json_integer_value(json_object_get(quota, "limit"));
		const char *renewed = json_string_value(json_object_get(quota, "renewed"));

		if (!rows++)
			putchar('\n');
		ctl_table_cell(t, "%s", name);
		ctl_table_cell(t, "%s", which);
		ctl_table_cell(t, "%" JSON_INTEGER_FORMAT, used);
		if (used >= limit)
			ctl_table_colour(t, COLOUR_YELLOW);
		ctl_table_cell(t, "%" JSON_INTEGER_FORMAT, limit);
		ctl_table_cell(t, "%s", renewed ? renewed : "-");
	}
	if (rows)
		ctl_table_print(t);
	else
		ctl_table_free(t);
	json_object_foreach(clouds, name, cloud)
	{
		const char *until = json_string_value(json_object_get(cloud, "paused_until"));
		const char *why = json_string_value(json_object_get(cloud, "paused_why"));

		if (until)
			printf("\ncloud %s is left alone until %s: %s\n", name, until,
			       why ? why : "");
	}
}

static int stats_by(struct ctl *ctl, const struct by *by)
{
	json_t *file = agent_stats(ctl), *part = json_object_get(file, by->part);
	int status = CTL_OK;

	if (!json_is_object(part)) {
		ctl_error("stats: no such figures in %s/stats.json: expected a running agent",
			  ctl->run_dir);
		status = CTL_FAILED;
	} else if (ctl->json) {
		status = ctl_print_json(json_incref(part));
	} else {
		print_by(by, part);
		if (!strcmp(by->word, "cloud"))
			print_quotas(part);
	}
	json_decref(file);
	return status;
}

static void print_text(void *arg, json_t *line)
{
	const char *text = json_string_value(json_object_get(line, "text"));

	if (text)
		fputs(text, stdout);
}

static int stats_prometheus(struct ctl *ctl)
{
	return agent_call(ctl->run_dir, json_pack("{s:s}", "command", "metrics"), print_text,
			  NULL)
		       ? CTL_OK
		       : CTL_FAILED;
}

/* ------------------------------------------------------------------ counters */

/* Keeps only the named counters; false when a name is none. */
static bool narrow(json_t *parts, int argc, char **argv)
{
	const char *part, *name;
	json_t *counters, *value;
	void *next;
	int i;

	for (i = 0; i < argc; i++) {
		if (json_object_get(json_object_get(parts, "module"), argv[i]) ||
		    counter_find(argv[i]) < COUNTER_COUNT)
			continue;
		ctl_error("stats: unknown counter \"%s\"; \"sluicectl stats\" lists them",
			  argv[i]);
		return false;
	}
	json_object_foreach(parts, part, counters)
		json_object_foreach_safe(counters, next, name, value)
	{
		for (i = 0; i < argc; i++)
			if (!strcmp(argv[i], name))
				break;
		if (i == argc)
			json_object_del(counters, name);
	}
	return true;
}

/* What the module counted; false after an error message. */
static bool module_counters(struct ctl *ctl, json_t *module)
{
	bool ok = kernel_open(&ctl->kernel) &&
		  kernel_call(&ctl->kernel,
			      kernel_request(&ctl->kernel, SLUICE_CMD_STATS_GET, false),
			      "stats", collect, module);

	if (!ok)
		ctl_kernel_error(ctl);
	kernel_close(&ctl->kernel);
	return ok;
}

/* Beside the counters, where all is asked for. */
static void add_parts(json_t *parts, json_t *file)
{
	for (size_t i = 0; i < LENGTH(bys); i++)
		if (json_object_get(file, bys[i].part))
			json_object_set(parts, bys[i].part, json_object_get(file, bys[i].part));
}

static int show_counters(struct ctl *ctl, int argc, char **argv)
{
	static const char *const titles[] = {"PART", "COUNTER", ">VALUE", "MEANING"};
	json_t *parts = json_object(), *module = json_object(), *file, *counters, *value;
	const char *part, *name;
	struct ctl_table *t;

	json_object_set_new(parts, "module", module);
	if (!module_counters(ctl, module)) {
		json_decref(parts);
		return CTL_FAILED;
	}
	file = agent_stats(ctl);
	if (json_object_get(file, "counters"))
		json_object_set(parts, "agent", json_object_get(file, "counters"));
	if (ctl->json && !argc)
		add_parts(parts, file);
	json_decref(file);
	if (argc && !narrow(parts, argc, argv)) {
		json_decref(parts);
		return CTL_USAGE;
	}
	if (ctl->json)
		return ctl_print_json(parts);
	if (argc == 1) {
		json_object_foreach(parts, part, counters)
			json_object_foreach(counters, name, value)
				printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
		json_decref(parts);
		return CTL_OK;
	}
	t = ctl_table_new(titles, 4);
	json_object_foreach(parts, part, counters) json_object_foreach(counters, name, value)
	{
		ctl_table_cell(t, "%s", part);
		ctl_table_cell(t, "%s", name);
		ctl_table_cell(t, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		ctl_table_cell(t, "%s", help_of(part, name));
	}
	ctl_table_print(t);
	json_decref(parts);
	return CTL_OK;
}

int ctl_stats(struct ctl *ctl, int argc, char **argv)
{
	struct stats_options o = {0};

	argc = ctl_options("stats", ctl_stats_options, argc, argv, COUNTER_COUNT, &o);
	if (argc < 0)
		return CTL_USAGE;
	if ((o.by || o.prometheus) && (argc || (o.by && o.prometheus))) {
		ctl_error(
			"stats: expected names of counters, --by or --prometheus, one of them");
		return CTL_USAGE;
	}
	if (o.prometheus)
		return stats_prometheus(ctl);
	return o.by ? stats_by(ctl, o.by) : show_counters(ctl, argc, argv);
}
