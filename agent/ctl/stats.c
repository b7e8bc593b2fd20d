// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"

#include "lib/counter.h"

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

/* The agent's counters, or NULL when no agent has left any. */
static json_t *agent_counters(const struct ctl *ctl)
{
	json_t *file, *counters;
	char path[4096];

	snprintf(path, sizeof(path), "%s/stats.json", ctl->run_dir);
	file = json_load_file(path, 0, NULL);
	counters = json_incref(json_object_get(file, "counters"));
	json_decref(file);
	return counters;
}

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

int ctl_stats(struct ctl *ctl, int argc, char **argv)
{
	static const char *const titles[] = {"PART", "COUNTER", ">VALUE", "MEANING"};
	json_t *parts = json_object(), *module = json_object(), *agent, *counters, *value;
	const char *part, *name;
	struct ctl_table *t;

	json_object_set_new(parts, "module", module);
	if (!kernel_call(&ctl->kernel,
			 kernel_request(&ctl->kernel, SLUICE_CMD_STATS_GET, false), "stats",
			 collect, module)) {
		json_decref(parts);
		return ctl_kernel_error(ctl);
	}
	agent = agent_counters(ctl);
	if (agent)
		json_object_set_new(parts, "agent", agent);
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
