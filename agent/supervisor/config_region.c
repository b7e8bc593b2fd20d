// SPDX-License-Identifier: MIT
/*
 * Regions: where a cloud is, and where those may be that get anything.
 *
 * A restriction that cannot be kept is an error of the configuration, so the agent does not
 * start, and nothing is sent.
 */
#include "supervisor/config_parse.h"

#include <stdlib.h>
#include <string.h>

#define NAME_EXPECTED "expected a name of 1 to 31 letters a-z, digits and -"

void config_set_region(struct parse *p, const struct key *k, void *base, const char *value)
{
	p->region_line[p->index] = p->line;
	if (region_name_good(value))
		config_set_text(p, k, base, value);
	else
		config_bad(p, "%s: '%s': " NAME_EXPECTED, k->name, value);
}

static void add(struct parse *p, const struct key *k, void *base, const char *word)
{
	struct config *c = base;

	if (!region_name_good(word))
		config_bad(p, "%s: '%s': " NAME_EXPECTED, k->name, word);
	else if (c->regions == CONFIG_REGIONS_MAX)
		config_bad(p, "%s: more than %d of them", k->name, CONFIG_REGIONS_MAX);
	else
		strcpy(c->region[c->regions++], word);
}

void config_set_regions(struct parse *p, const struct key *k, void *base, const char *value)
{
	config_each_word(p, k, base, value, add);
}

bool config_region_url(struct parse *p, size_t i)
{
	struct cloud_config *cloud = &p->c->cloud[i];
	struct region r;

	if (cloud->url || !cloud->region || !cloud->ops->regional)
		return false;
	if (!region_find(cloud->region, &r))
		config_bad_at(p, p->region_line[i],
			      "region: there is no WildFire cloud in '%s': expected one of %s, "
			      "or a url",
			      cloud->region, region_names());
	else if (asprintf(&cloud->url, "https://%s" REGION_URL_PATH, r.host) < 0)
		cloud->url = NULL;
	return true;
}

static bool allowed(const struct config *c, const char *region)
{
	for (size_t i = 0; i < c->regions; i++)
		if (strcmp(c->region[i], region) == 0)
			return true;
	return false;
}

static const char *regions(const struct config *c, char text[static CONFIG_REGIONS_TEXT])
{
	size_t n = 0;

	for (size_t i = 0; i < c->regions; i++)
		n += (size_t)snprintf(text + n, CONFIG_REGIONS_TEXT - n, "%s%s", n ? ", " : "",
				      c->region[i]);
	return text;
}

void config_finish_region(struct parse *p, size_t i)
{
	struct cloud_config *cloud = &p->c->cloud[i];
	char text[CONFIG_REGIONS_TEXT];
	struct region r;

	if (cloud->url && region_of_url(cloud->url, &r)) {
		if (!cloud->region)
			cloud->region = strdup(r.name);
		else if (strcmp(cloud->region, r.name) != 0)
			config_bad_at(p, p->region_line[i],
				      "region: '%s': %s is in region %s: expected that one",
				      cloud->region, r.host, r.name);
	}
	if (!p->c->regions)
		return;
	if (!cloud->region)
		config_bad_at(p, cloud->line,
			      "[cloud %s]: it is not known where it is: expected region = NAME "
			      "with one of %s, those of [agent]",
			      cloud->name, regions(p->c, text));
	else if (!allowed(p->c, cloud->region))
		config_bad_at(p, p->region_line[i] ? p->region_line[i] : cloud->line,
			      "[cloud %s]: region %s is outside of those that [agent] allows: "
			      "expected one of %s",
			      cloud->name, cloud->region, regions(p->c, text));
}
