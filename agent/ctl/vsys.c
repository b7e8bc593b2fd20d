// SPDX-License-Identifier: MIT
/*
 * sluicectl vsys: what the agent calls which part of the network.
 */
#include "ctl/agent.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>

#define TEXT_ROOM 1024

static void keep(void *arg, json_t *object)
{
	json_array_append(arg, object);
}

/* Appends, and cuts where there is no more room. */
static void add(char text[static TEXT_ROOM], const char *between, const char *p)
{
	size_t n = strlen(text);

	snprintf(text + n, TEXT_ROOM - n, "%s%s", n ? between : "", p);
}

static void add_value(char text[static TEXT_ROOM], const char *between, const json_t *value)
{
	char number[32];
	size_t i;
	json_t *one;

	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	if (json_is_string(value))
		add(text, between, json_string_value(value));
	else if (json_is_integer(value))
		add(text, between, number);
	json_array_foreach(value, i, one) add_value(text, i ? "," : between, one);
}

/* netns=/run/netns/blue zone=1 */
static const char *conditions(json_t *object, char text[static TEXT_ROOM])
{
	const char *key;
	json_t *value;

	text[0] = '\0';
	json_object_foreach(object, key, value)
	{
		add(text, " ", key);
		add_value(text, "=", value);
	}
	return text;
}

/* The same of what it resolves to: netns 4026532281, vrf 5 in 4026532281; - where nothing. */
static const char *resolved(json_t *now, char text[static TEXT_ROOM])
{
	json_t *one;
	size_t i;

	text[0] = '\0';
	if (json_object_size(now) == 0)
		return "-";
	json_array_foreach(json_object_get(now, "netns"), i, one)
	{
		add(text, ", ", "netns ");
		add_value(text, "", one);
	}
	json_array_foreach(json_object_get(now, "vrf"), i, one)
	{
		add(text, ", ", "vrf ");
		add_value(text, "", json_object_get(one, "ifindex"));
		add(text, "", " in ");
		add_value(text, "", json_object_get(one, "netns"));
	}
	return text[0] ? text : "nothing";
}

static void print_systems(json_t *lines)
{
	static const char *const titles[] = {"VIRTUAL SYSTEM", "CONDITIONS", "NOW"};
	struct ctl_table *t = ctl_table_new(titles, 3);
	char text[TEXT_ROOM];
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		const char *name = json_string_value(json_object_get(line, "vsys"));
		json_t *otherwise = json_object_get(line, "otherwise");

		if (name) {
			ctl_table_cell(t, "%s", name);
			ctl_table_cell(t, "%s",
				       conditions(json_object_get(line, "conditions"), text));
			ctl_table_cell(t, "%s", resolved(json_object_get(line, "now"), text));
		} else if (json_is_string(otherwise)) {
			ctl_table_cell(t, "%s", json_string_value(otherwise));
			ctl_table_cell(t, "whatever is left");
			ctl_table_cell(t, "-");
		}
	}
	ctl_table_print(t);
}

static void print_zones(json_t *lines)
{
	static const char *const titles[] = {"ZONE", "INTERFACES", "VIRTUAL SYSTEM"};
	struct ctl_table *t = NULL;
	char text[TEXT_ROOM];
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		const char *name = json_string_value(json_object_get(line, "zone"));
		const char *vsys = json_string_value(json_object_get(line, "virtual_system"));

		if (!name)
			continue;
		if (!t) {
			printf("\n");
			t = ctl_table_new(titles, 3);
		}
		text[0] = '\0';
		add_value(text, "", json_object_get(line, "interface"));
		ctl_table_cell(t, "%s", name);
		ctl_table_cell(t, "%s", text);
		ctl_table_cell(t, "%s", vsys ? vsys : "any");
	}
	if (t)
		ctl_table_print(t);
}

static void print_namespaces(json_t *lines)
{
	json_t *line;
	size_t i;

	printf("\n");
	json_array_foreach(lines, i, line)
	{
		json_t *inode = json_object_get(line, "inode");
		const char *path = json_string_value(json_object_get(line, "namespace"));
		json_int_t n = json_integer_value(inode);

		if (!inode)
			continue;
		printf("captured: %s%s", path ? path : "the agent's own namespace",
		       n ? "" : ", which is not there\n");
		if (n)
			printf(", inode %lld\n", (long long)n);
	}
}

int ctl_vsys(struct ctl *ctl, int argc, char **argv)
{
	json_t *lines;

	if (argc > 1) {
		ctl_error("vsys: '%s': expected nothing more", argv[1]);
		return CTL_USAGE;
	}
	lines = json_array();
	if (!agent_call(ctl->run_dir, json_pack("{s:s}", "command", "vsys"), keep, lines)) {
		json_decref(lines);
		return CTL_FAILED;
	}
	if (ctl->json)
		return ctl_print_json(lines);
	print_systems(lines);
	print_zones(lines);
	print_namespaces(lines);
	json_decref(lines);
	return CTL_OK;
}
