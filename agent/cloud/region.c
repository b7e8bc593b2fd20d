// SPDX-License-Identifier: MIT
#include "cloud/region.h"

#include "lib/built_in.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

BUILT_IN(regions_conf, "agent/cloud/regions.conf");

bool region_next(const char **at, struct region *r)
{
	const char *line = *at ? *at : regions_conf, *end;
	int found = 0;

	for (; (end = strchr(line, '\n')) && found != 3; line = end + 1) {
		if (*line == '#' || line == end)
			continue;
		found = sscanf(line, "%31s %127s %63[^\n]", r->name, r->host, r->place);
	}
	*at = line;
	return found == 3;
}

bool region_find(const char *name, struct region *r)
{
	const char *at = NULL;

	while (region_next(&at, r))
		if (strcmp(r->name, name) == 0)
			return true;
	return false;
}

static bool of_host(char *host, struct region *r)
{
	size_t n = strlen(host);
	const char *at = NULL;

	if (n && host[n - 1] == '.')
		host[n - 1] = '\0';
	while (region_next(&at, r))
		if (strcasecmp(r->host, host) == 0)
			return true;
	return false;
}

bool region_of_url(const char *text, struct region *r)
{
	CURLU *url = curl_url();
	char *host = NULL;
	bool found = url && !curl_url_set(url, CURLUPART_URL, text, 0) &&
		     !curl_url_get(url, CURLUPART_HOST, &host, 0) && of_host(host, r);

	curl_free(host);
	curl_url_cleanup(url);
	return found;
}

bool region_name_good(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n < REGION_NAME_MAX && name[n] == '\0';
}

const char *region_names(void)
{
	static char text[512];
	const char *at = NULL;
	char last[REGION_NAME_MAX] = "";
	struct region r;
	size_t n = 0;

	while (n < sizeof(text) && region_next(&at, &r)) {
		if (strcmp(last, r.name) != 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "",
					      r.name);
		strcpy(last, r.name);
	}
	return text;
}
