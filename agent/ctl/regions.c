// SPDX-License-Identifier: MIT
/*
 * The regions of the public WildFire clouds.
 */
#include "cloud/region.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

#include <stdio.h>

static const char *url(const struct region *r, char text[static 192])
{
	snprintf(text, 192, "https://%s" REGION_URL_PATH, r->host);
	return text;
}

static void print_json(void)
{
	json_t *all = json_array();
	const char *at = NULL;
	struct region r;
	char text[192];

	while (region_next(&at, &r))
		json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "region", r.name, "url",
						     url(&r, text), "where", r.place));
	ctl_print_json(json_pack("{s:o}", "regions", all));
}

static void print_table(void)
{
	static const char *const titles[] = {"REGION", "URL", "WHERE"};
	struct ctl_table *t = ctl_table_new(titles, sizeof(titles) / sizeof(titles[0]));
	const char *at = NULL;
	struct region r;
	char text[192];

	while (region_next(&at, &r)) {
		ctl_table_cell(t, "%s", r.name);
		ctl_table_cell(t, "%s", url(&r, text));
		ctl_table_cell(t, "%s", r.place);
	}
	ctl_table_print(t);
}

int ctl_regions(struct ctl *ctl, int argc, char **argv)
{
	if (argc) {
		ctl_error("regions: '%s': expected nothing behind it", argv[0]);
		return CTL_USAGE;
	}
	if (ctl->json)
		print_json();
	else
		print_table();
	return CTL_OK;
}
