// SPDX-License-Identifier: MIT
#include "policy/rule.h"

#include <strings.h>

static bool application_matches(const struct rule *r, const struct sighting *s)
{
	const char *application = sighting_get(s, SIGHTING_APPLICATION);

	if (r->any_application)
		return true;
	for (size_t i = 0; application && i < r->applications; i++)
		if (strcasecmp(r->application[i], application) == 0)
			return true;
	return false;
}

static bool direction_matches(const struct rule *r, const struct sighting *s)
{
	return r->direction == RULE_BOTH ||
	       (r->direction == RULE_DOWNLOAD && s->direction == DIRECTION_DOWNLOAD) ||
	       (r->direction == RULE_UPLOAD && s->direction == DIRECTION_UPLOAD);
}

static bool matches(const struct rule *r, const struct sighting *s)
{
	return direction_matches(r, s) && application_matches(r, s);
}

uint64_t rule_match(const struct rule *rules, size_t count, uint64_t private_clouds,
		    const struct sighting *s, size_t *chosen)
{
	uint64_t clouds = 0;

	*chosen = count;
	if (s->state != FILE_STATE_COMPLETE || !sighting_kind_leaves(s->kind))
		return 0;
	for (size_t i = 0; i < count; i++)
		if (matches(&rules[i], s))
			clouds |= rules[i].clouds;
	if (clouds & private_clouds)
		clouds &= private_clouds;
	for (size_t i = 0; i < count && *chosen == count; i++)
		if ((rules[i].clouds & clouds) && matches(&rules[i], s))
			*chosen = i;
	return clouds;
}
