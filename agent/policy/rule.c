// SPDX-License-Identifier: MIT
#include "policy/rule.h"

#include <string.h>
#include <strings.h>

/* Types that the file may have, as far as rules tell them apart. */
static uint32_t types_of(const struct rule_set *set, const struct rule_file *f)
{
	switch (f->kind) {
	case SIGHTING_KIND_LINK:
		return set->types->link ? set->types->link : RULE_TYPE_OTHER;
	case SIGHTING_KIND_MAIL:
		return set->types->mail;
	default:
		return f->types & ~RULE_TYPE_ARCHIVE;
	}
}

/* Those of the bits whose limit allows the file's size. */
static uint32_t within_limit(const struct rule_set *set, const struct rule_file *f,
			     uint32_t types)
{
	uint32_t left = f->size_known ? types & ((1u << FILE_TYPES_MAX) - 1) : 0;

	for (; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);

		if (f->size > set->types->limit[i])
			types &= ~(1u << i);
	}
	return types;
}

static bool application_matches(const struct rule *r, const char *application)
{
	if (r->any_application)
		return true;
	for (size_t i = 0; application && i < r->applications; i++)
		if (strcasecmp(r->application[i], application) == 0)
			return true;
	return false;
}

static bool direction_matches(const struct rule *r, enum direction direction)
{
	return r->direction == RULE_BOTH ||
	       (r->direction == RULE_DOWNLOAD && direction == DIRECTION_DOWNLOAD) ||
	       (r->direction == RULE_UPLOAD && direction == DIRECTION_UPLOAD);
}

/* Whether it takes one of these.  Of mails only what is named: any means files and links. */
static bool type_matches(const struct rule *r, enum sighting_kind kind, uint32_t types)
{
	if (r->any_type && kind != SIGHTING_KIND_MAIL && types)
		return true;
	return r->types & types;
}

static bool matches(const struct rule *r, const struct rule_file *f, uint32_t types)
{
	return direction_matches(r, f->direction) && type_matches(r, f->kind, types) &&
	       application_matches(r, f->application);
}

bool rule_over_limit(const struct rule_set *set, const struct rule_file *f)
{
	uint32_t types = types_of(set, f);

	return types && !within_limit(set, f, types);
}

/* All clouds that rules name for it. */
static uint64_t named(const struct rule_set *set, const struct rule_file *f, uint32_t types)
{
	uint64_t clouds = 0;

	for (size_t i = 0; i < set->count; i++)
		if ((set->rule[i].clouds & ~clouds) && matches(&set->rule[i], f, types))
			clouds |= set->rule[i].clouds;
	return clouds;
}

static uint64_t after_private(const struct rule_set *set, uint64_t clouds)
{
	return clouds & set->private_clouds ? clouds & set->private_clouds : clouds;
}

uint64_t rule_match(const struct rule_set *set, const struct rule_file *f, size_t *chosen)
{
	uint32_t types = 0;
	uint64_t clouds;

	*chosen = set->count;
	if (sighting_kind_leaves(f->kind))
		types = within_limit(set, f, types_of(set, f));
	if (!types)
		return 0;
	clouds = after_private(set, named(set, f, types));
	for (size_t i = 0; clouds && i < set->count && *chosen == set->count; i++)
		if ((set->rule[i].clouds & clouds) && matches(&set->rule[i], f, types))
			*chosen = i;
	/*
	 * Only now: a private cloud without a policy receives nothing, and still keeps the
	 * file from a public one.
	 */
	return clouds & set->receiving;
}

enum rule_priority rule_priority(const struct rule_set *set, const struct rule_file *f,
				 size_t cloud)
{
	uint32_t types = within_limit(set, f, types_of(set, f));
	enum rule_priority highest = RULE_PRIORITY_LOW;

	for (size_t i = 0; i < set->count; i++)
		if ((set->rule[i].clouds & 1ull << cloud) && set->rule[i].priority > highest &&
		    matches(&set->rule[i], f, types))
			highest = set->rule[i].priority;
	return highest;
}

bool rule_wants(const struct rule_set *set, const struct rule_file *f)
{
	uint32_t types = within_limit(set, f, types_of(set, f));

	/* Its members have sizes of their own, and may be of any type but a link. */
	if (f->kind == SIGHTING_KIND_FILE && (f->types & RULE_TYPE_ARCHIVE))
		types |= (RULE_TYPE_ARCHIVE - 1) & ~set->types->link;
	if (!sighting_kind_leaves(f->kind) || !types)
		return false;
	for (size_t i = 0; i < set->count; i++) {
		const struct rule *r = &set->rule[i];

		if ((r->clouds & set->receiving) && direction_matches(r, f->direction) &&
		    type_matches(r, f->kind, types) &&
		    (!f->application || application_matches(r, f->application)))
			return true;
	}
	return false;
}

bool rule_wants_mails(const struct rule_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if ((set->rule[i].clouds & set->receiving) &&
		    (set->rule[i].types & set->types->mail))
			return true;
	return false;
}

/* -------------------------------------------------------------- explanation */

const char *rule_criterion_text(enum rule_criterion c)
{
	static const char *const names[] = {
#define CRITERION_NAME(id, name) [RULE_##id] = name,
		RULE_CRITERIA(CRITERION_NAME)
#undef CRITERION_NAME
	};

	return (unsigned int)c < RULE_CRITERION_COUNT ? names[c] : "unknown";
}

const char *rule_direction_text(enum rule_direction d)
{
	static const char *const names[] = {
		[RULE_BOTH] = "both", [RULE_DOWNLOAD] = "download", [RULE_UPLOAD] = "upload"};

	return (unsigned int)d <= RULE_UPLOAD ? names[d] : "unknown";
}

static const char *const priorities[RULE_PRIORITY_COUNT] = {
#define PRIORITY_NAME(id, name) [RULE_PRIORITY_##id] = name,
	RULE_PRIORITIES(PRIORITY_NAME)
#undef PRIORITY_NAME
};

const char *rule_priority_text(unsigned int p)
{
	return p < RULE_PRIORITY_COUNT ? priorities[p] : "unknown";
}

enum rule_priority rule_priority_find(const char *name)
{
	unsigned int p = 0;

	while (p < RULE_PRIORITY_COUNT && strcmp(priorities[p], name) != 0)
		p++;
	return (enum rule_priority)p;
}

const char *rule_fate_text(enum rule_fate f)
{
	static const char *const names[] = {
#define FATE_NAME(id, name) [RULE_FATE_##id] = name,
		RULE_FATES(FATE_NAME)
#undef FATE_NAME
	};

	return (unsigned int)f < RULE_FATE_COUNT ? names[f] : "unknown";
}

uint32_t rule_failures(const struct rule_set *set, size_t i, const struct rule_file *f)
{
	const struct rule *r = &set->rule[i];
	uint32_t types = types_of(set, f), failures = 0;

	if (!r->clouds)
		failures |= 1u << RULE_CLOUD;
	if (!sighting_kind_leaves(f->kind))
		failures |= 1u << RULE_KIND;
	if (!direction_matches(r, f->direction))
		failures |= 1u << RULE_DIRECTION;
	if (!application_matches(r, f->application))
		failures |= 1u << RULE_APPLICATION;
	if (!type_matches(r, f->kind, types))
		failures |= 1u << RULE_FILE_TYPE;
	else if (!within_limit(set, f, types))
		failures |= 1u << RULE_SIZE;
	return failures;
}

/* Why no rule sends it to the cloud. */
static enum rule_fate unmatched(const struct rule_set *set, const struct rule_file *f,
				uint64_t bit)
{
	enum rule_fate fate = RULE_FATE_NO_RULE;

	for (size_t i = 0; i < set->count; i++) {
		uint32_t failures = rule_failures(set, i, f);

		if (!(set->rule[i].clouds & bit))
			continue;
		if (failures == 1u << RULE_SIZE)
			return RULE_FATE_LIMIT;
		if (failures & 1u << RULE_KIND)
			fate = RULE_FATE_KIND;
	}
	return fate;
}

enum rule_fate rule_explain(const struct rule_set *set, const struct rule_file *f, size_t cloud)
{
	uint64_t clouds = 0, bit = 1ull << cloud;

	for (size_t i = 0; i < set->count; i++)
		if (!rule_failures(set, i, f))
			clouds |= set->rule[i].clouds;
	if (!(clouds & bit))
		return unmatched(set, f, bit);
	if (!(after_private(set, clouds) & bit))
		return RULE_FATE_PRIVATE;
	return set->receiving & bit ? RULE_FATE_CHOSEN : RULE_FATE_NO_SHARE;
}
