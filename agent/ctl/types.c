// SPDX-License-Identifier: MIT
/*
 * The table of file types, with the limits that hold.
 */
#include "ctl/config.h"
#include "lib/size.h"

#include <string.h>

static json_t *limit_json(uint64_t n)
{
	return n == UINT64_MAX ? json_null() : json_integer((json_int_t)n);
}

static json_t *type_json(const struct config *c, size_t i)
{
	uint64_t min, max;
	json_t *o = json_pack("{s:s, s:o, s:s}", "name", file_types_name(c->file_types, i),
			      "limit", limit_json(c->types.limit[i]), "what",
			      file_types_what(c->file_types, i));

	if (file_types_limit(c->file_types, i) == UINT64_MAX)
		return o;
	file_types_range(c->file_types, i, &min, &max);
	json_object_set_new(o, "default", limit_json(file_types_limit(c->file_types, i)));
	json_object_set_new(o, "min", limit_json(min));
	json_object_set_new(o, "max", limit_json(max));
	return o;
}

static void type_row(const struct config *c, size_t i, struct ctl_table *t)
{
	const char *what = file_types_what(c->file_types, i);
	char low[SIZE_TEXT_MAX], high[SIZE_TEXT_MAX];
	uint64_t min, max;

	ctl_table_cell(t, "%s", file_types_name(c->file_types, i));
	ctl_table_cell(t, "%s", size_text(c->types.limit[i], low));
	ctl_table_cell(t, "%s", size_text(file_types_limit(c->file_types, i), low));
	if (file_types_limit(c->file_types, i) == UINT64_MAX) {
		ctl_table_cell(t, "-");
	} else {
		file_types_range(c->file_types, i, &min, &max);
		ctl_table_cell(t, "%s-%s", size_text(min, low), size_text(max, high));
	}
	ctl_table_cell(t, "%s", what[0] ? what : "-");
}

const struct ctl_option ctl_types_options[] = {CTL_CONFIG_OPTION(0), CTL_OPTIONS_END};

int ctl_types(struct ctl *ctl, int argc, char **argv)
{
	static const char *const titles[] = {"TYPE", ">LIMIT", ">DEFAULT", "RANGE", "FILES"};
	static struct ctl_config cc;
	struct ctl_table *t;
	json_t *all;

	if (ctl_options("types", ctl_types_options, argc, argv, 0, &cc.path) < 0)
		return CTL_USAGE;
	if (!ctl_config_read(&cc))
		return CTL_FAILED;
	if (ctl->json) {
		all = json_array();
		for (size_t i = 0; i < file_types_count(cc.config.file_types); i++)
			json_array_append_new(all, type_json(&cc.config, i));
		ctl_print_json(json_pack("{s:s, s:o}", "configuration", ctl_config_name(&cc),
					 "types", all));
	} else {
		t = ctl_table_new(titles, sizeof(titles) / sizeof(titles[0]));
		for (size_t i = 0; i < file_types_count(cc.config.file_types); i++)
			type_row(&cc.config, i, t);
		ctl_table_print(t);
	}
	config_free(&cc.config);
	return CTL_OK;
}
