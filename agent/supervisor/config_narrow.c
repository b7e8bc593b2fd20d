// SPDX-License-Identifier: MIT
/*
 * [narrow NAME].
 */
#include "supervisor/config_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool config_add_narrow(struct parse *p, const char *name)
{
	struct config *c = p->c;
	struct narrow *n = &c->narrow[c->narrows];

	for (size_t i = 0; i < c->narrows; i++)
		if (strcmp(c->narrow[i].name, name) == 0) {
			config_bad(p, "this section stands in line %d already",
				   c->narrow[i].line);
			return false;
		}
	if (c->narrows == NARROWS_MAX) {
		config_bad(p, "too many sections of this kind");
		return false;
	}
	memset(n, 0, sizeof(*n));
	snprintf(n->name, sizeof(n->name), "%s", name);
	n->line = p->line;
	n->policy = policy_all(POLICY_SHARE);
	p->index = c->narrows++;
	return true;
}

static void set_criterion(struct parse *p, struct narrow *n, unsigned int c, const char *value)
{
	const char *list = value, *word;
	size_t length;

	if (n->list[c]) {
		config_bad(p, "%s: given twice in [narrow %s]", narrow_criterion_name(c),
			   n->name);
		return;
	}
	if (!narrow_word(&list, &word, &length)) {
		config_bad(p, "%s: '%s': expected a list", narrow_criterion_name(c), value);
		return;
	}
	n->list[c] = strdup(value);
	p->narrow_line[p->index][c] = p->line;
	if (!n->list[c])
		config_bad(p, "%s: out of memory", narrow_criterion_name(c));
}

void config_set_narrow(struct parse *p, const char *name, const char *value)
{
	struct narrow *n = &p->c->narrow[p->index];
	enum sluice_field field = policy_field_find(name);
	bool rest = strcmp(name, "default") == 0;
	uint32_t *given = &p->narrow_given[p->index];
	uint32_t bit = rest ? 1u << SLUICE_FIELD_COUNT : SLUICE_FIELD_BIT(field);

	for (unsigned int c = 0; c < NARROW_CRITERION_COUNT; c++)
		if (strcmp(narrow_criterion_name(c), name) == 0 &&
		    /* The only name that is a field's as well. */
		    c != NARROW_VIRTUAL_SYSTEM) {
			set_criterion(p, n, c, value);
			return;
		}
	/* A mode, or else names. */
	if (field == SLUICE_FIELD_VIRTUAL_SYSTEM &&
	    policy_mode_find(value) == POLICY_MODE_COUNT) {
		set_criterion(p, n, NARROW_VIRTUAL_SYSTEM, value);
		return;
	}
	if (!rest && field == SLUICE_FIELD_COUNT) {
		config_bad(
			p,
			"'%s' is no key of this section: expected cloud, rule, "
			"virtual_system, file_type, user_group, default or one of the twelve "
			"fields",
			name);
		return;
	}
	if (*given & bit) {
		config_bad(p, "%s: given twice in [narrow %s]", name, n->name);
		return;
	}
	*given |= bit;
	if (rest) {
		p->narrow_rest[p->index] = policy_mode_find(value);
		if (p->narrow_rest[p->index] == POLICY_MODE_COUNT)
			config_bad(p,
				   "default: '%s': expected share, truncate, encrypt, "
				   "pseudonymise, generalise or omit",
				   value);
	} else if (!policy_field_parse(field, value, &n->policy.field[field])) {
		config_bad(p, "%s: '%s': expected %s", name, value,
			   policy_field_expected(field));
	}
}

/* Is there such a thing? What a name that nobody has would narrow is nothing. */
static bool known(const struct config *c, unsigned int criterion, const char *word)
{
	bool found = criterion == NARROW_USER_GROUP; /* groups come and go */

	for (size_t i = 0; criterion == NARROW_CLOUD && i < c->clouds; i++)
		found = found || strcmp(c->cloud[i].name, word) == 0;
	if (criterion == NARROW_CLOUD)
		found = found || config_find_log(c, word) < CONFIG_SHARES_MAX;
	for (size_t i = 0; criterion == NARROW_RULE && i < c->rules; i++)
		found = found || strcmp(c->rule[i].name, word) == 0;
	for (size_t i = 0; criterion == NARROW_VIRTUAL_SYSTEM && i < c->vsys.count; i++)
		found = found || strcmp(c->vsys.vsys[i].name, word) == 0;
	if (criterion == NARROW_VIRTUAL_SYSTEM && c->virtual_system)
		found = found || strcmp(c->virtual_system, word) == 0;
	if (criterion == NARROW_FILE_TYPE)
		found = file_types_find(c->file_types, word) < FILE_TYPES_MAX;
	return found;
}

static void check_words(struct parse *p, size_t i, unsigned int c)
{
	const char *list = p->c->narrow[i].list[c], *word;
	char copy[512];
	size_t n;

	while (list && narrow_word(&list, &word, &n)) {
		snprintf(copy, sizeof(copy), "%.*s", (int)n, word);
		if (!known(p->c, c, copy))
			config_bad_at(p, p->narrow_line[i][c], "%s: there is no '%s'",
				      narrow_criterion_name(c), copy);
	}
}

void config_finish_narrows(struct parse *p)
{
	struct config *c = p->c;

	for (size_t i = 0; i < c->narrows; i++) {
		uint32_t given = p->narrow_given[i];

		if (!given)
			config_bad_at(
				p, c->narrow[i].line,
				"[narrow %s] narrows nothing: expected fields, or default",
				c->narrow[i].name);
		for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
			if ((given & 1u << SLUICE_FIELD_COUNT) &&
			    !(given & SLUICE_FIELD_BIT(f)))
				policy_set(&c->narrow[i].policy, f, p->narrow_rest[i]);
		for (unsigned int k = 0; k < NARROW_CRITERION_COUNT; k++)
			check_words(p, i, k);
	}
}
