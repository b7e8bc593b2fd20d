// SPDX-License-Identifier: MIT
#include "policy/narrow.h"

#include <stdlib.h>
#include <string.h>

#define GROUP_MAX 1024

static const char *const names[NARROW_CRITERION_COUNT] = {
#define NARROW_NAME(id, name) [NARROW_##id] = name,
	NARROW_CRITERIA(NARROW_NAME)
#undef NARROW_NAME
};

const char *narrow_criterion_name(enum narrow_criterion c)
{
	return names[c];
}

void narrow_free(struct narrow *n)
{
	for (unsigned int i = 0; i < NARROW_CRITERION_COUNT; i++)
		free(n->list[i]);
	memset(n, 0, sizeof(*n));
}

bool narrow_word(const char **list, const char **word, size_t *n)
{
	const char *p = *list + strspn(*list, ", \t");

	*word = p;
	*n = strcspn(p, ",");
	*list = p + *n;
	while (*n && strchr(" \t", p[*n - 1]))
		(*n)--;
	return *n > 0;
}

static bool in_group(const struct narrow_subject *s, const char *user, const char *word,
		     size_t n)
{
	char group[GROUP_MAX];

	if (!s->in_group || n >= sizeof(group))
		return false;
	memcpy(group, word, n);
	group[n] = '\0';
	return s->in_group(s->arg, user, group);
}

static bool listed(const struct narrow_subject *s, enum narrow_criterion c, const char *list)
{
	const char *text = s->text[c], *word;
	size_t n;

	while (text && narrow_word(&list, &word, &n))
		if (c == NARROW_USER_GROUP ? in_group(s, text, word, n)
					   : strlen(text) == n && memcmp(text, word, n) == 0)
			return true;
	return false;
}

bool narrow_fits(const struct narrow *n, const struct narrow_subject *s)
{
	for (unsigned int c = 0; c < NARROW_CRITERION_COUNT; c++)
		if (n->list[c] && !listed(s, c, n->list[c]))
			return false;
	return true;
}

struct policy narrow_apply(const struct narrow *list, size_t count,
			   const struct narrow_subject *s, struct policy share)
{
	for (size_t i = 0; i < count; i++)
		if (narrow_fits(&list[i], s))
			share = policy_strictest(share, list[i].policy);
	return share;
}
