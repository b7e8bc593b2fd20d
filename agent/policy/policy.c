// SPDX-License-Identifier: MIT
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

static const char *const field_names[SLUICE_FIELD_COUNT] = {
#define FIELD_NAME(id, name, panos) [SLUICE_FIELD_##id] = #name,
	SLUICE_FIELDS(FIELD_NAME)
#undef FIELD_NAME
};

static const char *const mode_names[POLICY_MODE_COUNT] = {
#define MODE_NAME(id, name) [POLICY_##id] = name,
	POLICY_MODES(MODE_NAME)
#undef MODE_NAME
};

struct policy policy_all(enum policy_mode mode)
{
	struct policy p;

	memset(p.mode, mode, sizeof(p.mode));
	return p;
}

enum policy_mode policy_mode(const struct policy *p, enum sluice_field field)
{
	if ((unsigned int)field >= SLUICE_FIELD_COUNT || p->mode[field] >= POLICY_MODE_COUNT)
		return POLICY_OMIT;
	return p->mode[field];
}

struct policy policy_strictest(struct policy a, struct policy b)
{
	struct policy r;

	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		enum policy_mode ma = policy_mode(&a, f), mb = policy_mode(&b, f);

		r.mode[f] = ma > mb ? ma : mb;
	}
	return r;
}

struct policy policy_masked(struct policy p, uint32_t share_mask)
{
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		if (!(share_mask & SLUICE_FIELD_BIT(f)))
			p.mode[f] = POLICY_OMIT;
	return p;
}

const char *policy_field_name(enum sluice_field field)
{
	return (unsigned int)field < SLUICE_FIELD_COUNT ? field_names[field] : "unknown";
}

/* Index of the n bytes at name in a table of names, or its size. */
static unsigned int find(const char *const *names, unsigned int count, const char *name,
			 size_t n)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
			break;
	return i;
}

enum sluice_field policy_field_find(const char *name)
{
	return find(field_names, SLUICE_FIELD_COUNT, name, strlen(name));
}

const char *policy_mode_name(enum policy_mode mode)
{
	return (unsigned int)mode < POLICY_MODE_COUNT ? mode_names[mode]
						      : mode_names[POLICY_OMIT];
}

enum policy_mode policy_mode_find(const char *name)
{
	return find(mode_names, POLICY_MODE_COUNT, name, strlen(name));
}

const char *policy_text(const struct policy *p, char text[static POLICY_TEXT_MAX])
{
	size_t n = 0;

	/* The longest text, all twelve omitted, is far below POLICY_TEXT_MAX. */
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		n += (size_t)snprintf(text + n, POLICY_TEXT_MAX - n, "%s%s=%s", f ? " " : "",
				      field_names[f], policy_mode_name(policy_mode(p, f)));
	return text;
}

bool policy_parse(const char *text, struct policy *p)
{
	uint32_t seen = 0;
	bool ok = true;

	*p = policy_all(POLICY_OMIT);
	while (*text) {
		size_t n = strcspn(text, " ");
		const char *equal = memchr(text, '=', n);
		unsigned int field, mode;

		if (equal) {
			field = find(field_names, SLUICE_FIELD_COUNT, text,
				     (size_t)(equal - text));
			mode = find(mode_names, POLICY_MODE_COUNT, equal + 1,
				    n - (size_t)(equal + 1 - text));
		} else {
			field = SLUICE_FIELD_COUNT;
			mode = POLICY_MODE_COUNT;
		}
		if (field == SLUICE_FIELD_COUNT || mode == POLICY_MODE_COUNT) {
			ok = false;
		} else if (seen & SLUICE_FIELD_BIT(field)) {
			ok = false;
			p->mode[field] = POLICY_OMIT;
		} else {
			p->mode[field] = mode;
		}
		if (field != SLUICE_FIELD_COUNT)
			seen |= SLUICE_FIELD_BIT(field);
		text += n;
		if (*text)
			text++;
	}
	return ok && seen == SLUICE_SHARE_ALL;
}
