// SPDX-License-Identifier: MIT
#include "supervisor/tally.h"

#include <string.h>

struct name {
	const char *name, *help;
};

#define NAME_ROW(id, name, help) {#name, help},
static const struct name clouds[TALLY_CLOUD_COUNT] = {TALLY_CLOUDS(NAME_ROW)};
static const struct name types[TALLY_TYPE_COUNT] = {TALLY_TYPES(NAME_ROW)};
#undef NAME_ROW

const char *tally_cloud_name(enum tally_cloud c)
{
	return clouds[c].name;
}

const char *tally_cloud_help(enum tally_cloud c)
{
	return clouds[c].help;
}

const char *tally_type_name(enum tally_type t)
{
	return types[t].name;
}

const char *tally_type_help(enum tally_type t)
{
	return types[t].help;
}

const char *tally_reason_text(unsigned int reason)
{
	static const char *const own[] = {
#define REASON_ROW(id, text) [TALLY_REASON_##id - FILE_REASON_COUNT] = text,
		TALLY_REASONS(REASON_ROW)
#undef REASON_ROW
	};

	if (reason == FILE_REASON_NONE)
		return "not-kept";
	return reason < FILE_REASON_COUNT ? file_reason_text((enum file_reason)reason)
					  : own[reason - FILE_REASON_COUNT];
}

size_t tally_type_places(const struct config *c)
{
	return file_types_count(c->file_types) + 1;
}

const uint64_t *tally_type_counts(const struct tally *t, const struct config *c, size_t place)
{
	return t->type[place < file_types_count(c->file_types) ? place : TALLY_TYPE_OTHER];
}

/* One that the table does not know, as of an older one, is of none. */
static size_t type_place(const struct config *c, const char *type)
{
	return type ? file_types_find(c->file_types, type) : TALLY_TYPE_OTHER;
}

const char *tally_type_label(const struct config *c, size_t place)
{
	return place < file_types_count(c->file_types) ? file_types_name(c->file_types, place)
						       : "other";
}

static size_t find_cloud(const struct config *c, const char *cloud)
{
	size_t i = 0;

	while (i < c->clouds && strcmp(c->cloud[i].name, cloud) != 0)
		i++;
	return i;
}

void tally_cloud(struct tally *t, const struct config *c, const char *cloud,
		 enum tally_cloud which, uint64_t n)
{
	size_t i = find_cloud(c, cloud);

	if (i < c->clouds)
		t->cloud[i][which] += n;
}

void tally_sighting(struct tally *t, const struct config *c, const struct sighting *s,
		    uint64_t bits, uint64_t overload, unsigned int reason)
{
	uint64_t *type = t->type[type_place(c, sighting_get(s, SIGHTING_FILE_TYPE))];

	type[TALLY_TYPE_SEEN]++;
	type[TALLY_TYPE_COMPLETE] += s->state == FILE_STATE_COMPLETE;
	for (size_t i = 0; i < c->clouds; i++) {
		t->cloud[i][TALLY_CLOUD_SEEN] += (bits | overload) >> i & 1;
		t->cloud[i][TALLY_CLOUD_OVERLOAD] += overload >> i & 1;
		type[TALLY_TYPE_OVERLOAD] += overload >> i & 1;
	}
	if (!bits) {
		t->unsent[reason]++;
		return;
	}
	type[TALLY_TYPE_ACCEPTED]++;
	for (size_t i = 0; i < c->clouds; i++) {
		if (!(bits & 1ull << i))
			continue;
		t->cloud[i][TALLY_CLOUD_ACCEPTED]++;
		t->waiting[i]++;
	}
}

void tally_ended(struct tally *t, const struct config *c, const char *cloud, const char *type,
		 enum cloud_outcome outcome)
{
	static const enum tally_cloud of_cloud[CLOUD_OUTCOME_COUNT] = {
		[CLOUD_SENT] = TALLY_CLOUD_SENT,       [CLOUD_KNOWN] = TALLY_CLOUD_KNOWN,
		[CLOUD_REFUSED] = TALLY_CLOUD_REFUSED, [CLOUD_RETRY] = TALLY_CLOUD_RETRIES,
		[CLOUD_DOWN] = TALLY_CLOUD_RETRIES,
	};
	size_t i = find_cloud(c, cloud), place = type_place(c, type);

	if (i == c->clouds)
		return;
	t->cloud[i][of_cloud[outcome]]++;
	t->waiting[i] -= t->waiting[i] && cloud_outcome_final(outcome);
	t->type[place][TALLY_TYPE_SENT] += outcome == CLOUD_SENT;
	t->type[place][TALLY_TYPE_KNOWN] += outcome == CLOUD_KNOWN;
}

void tally_waiting(struct tally *t, const struct config *c, const char *cloud, uint64_t n)
{
	size_t i = find_cloud(c, cloud);

	if (i == c->clouds)
		return;
	t->cloud[i][TALLY_CLOUD_CARRIED] += n;
	t->waiting[i] += n;
}
