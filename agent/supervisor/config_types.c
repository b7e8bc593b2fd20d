// SPDX-License-Identifier: MIT
/*
 * What the configuration says of file types: the limits of [limits] and what rules name.
 */
#include "supervisor/config_parse.h"

#include "lib/size.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 512

static uint32_t bit_of(const struct file_types *t, const char *name)
{
	size_t i = file_types_find(t, name);

	return i < FILE_TYPES_MAX ? 1u << i : 0;
}

bool config_read_types(struct config *c)
{
	c->file_types = file_types_read(c->file_types_path);
	if (!c->file_types)
		return false;
	c->types.link = bit_of(c->file_types, FILE_TYPE_LINK);
	c->types.mail = bit_of(c->file_types, FILE_TYPE_MAIL);
	config_no_limits(c);
	for (size_t i = 0; i < file_types_count(c->file_types); i++)
		c->types.limit[i] = file_types_limit(c->file_types, i);
	return true;
}

void config_no_limits(struct config *c)
{
	for (size_t i = 0; i < FILE_TYPES_MAX; i++)
		c->types.limit[i] = UINT64_MAX;
}

void config_take_limit(struct parse *p, const char *name, const char *value)
{
	struct limit *l = &p->limit[p->limits];

	for (size_t i = 0; i < p->limits; i++)
		if (strcmp(p->limit[i].name, name) == 0) {
			config_bad(p, "%s: given twice in this section", name);
			return;
		}
	if (p->limits == FILE_TYPES_MAX) {
		config_bad(p, "%s: more limits than there are file types", name);
		return;
	}
	*l = (struct limit){strdup(name), strdup(value), p->line};
	if (l->name && l->value) {
		p->limits++;
		return;
	}
	free(l->name);
	free(l->value);
	config_bad(p, "%s: out of memory", name);
}

static const char *type_names(const struct file_types *t, char text[static NAMES_MAX])
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < file_types_count(t) && n < NAMES_MAX; i++)
		n += (size_t)snprintf(text + n, NAMES_MAX - n, "%s%s", n ? ", " : "",
				      file_types_name(t, i));
	return text;
}

static void finish_limit(struct parse *p, const struct limit *l)
{
	const struct file_types *t = p->c->file_types;
	char names[NAMES_MAX], low[SIZE_TEXT_MAX], high[SIZE_TEXT_MAX];
	size_t i = file_types_find(t, l->name);
	uint64_t min, max, n;

	if (i == FILE_TYPES_MAX) {
		config_bad_at(p, l->line, "'%s' is no file type: expected one of %s", l->name,
			      type_names(t, names));
		return;
	}
	if (file_types_limit(t, i) == UINT64_MAX) {
		config_bad_at(p, l->line, "%s: this type has no limit", l->name);
		return;
	}
	file_types_range(t, i, &min, &max);
	if (size_parse(l->value, true, &n) && n >= min && n <= max)
		p->c->types.limit[i] = n;
	else
		config_bad_at(p, l->line, "%s: '%s': expected a number of bytes from %s to %s",
			      l->name, l->value, size_text(min, low), size_text(max, high));
}

static void add_type(struct parse *p, size_t rule, const char *word)
{
	const struct file_types *t = p->c->file_types;
	uint32_t bit = bit_of(t, word);
	char names[NAMES_MAX];

	if (strcmp(word, "any") == 0)
		p->c->rule[rule].any_type = true;
	else if (bit)
		p->c->rule[rule].types |= bit;
	else
		config_bad_at(p, p->rule_types_line[rule],
			      "file_type: '%s': expected any, or some of %s", word,
			      type_names(t, names));
}

static void finish_rule(struct parse *p, size_t i)
{
	char *copy = p->rule_types[i] ? strdup(p->rule_types[i]) : NULL, *state, *word;
	bool any = false;

	if (!p->rule_types[i])
		return; /* as it is by default */
	p->c->rule[i].any_type = false;
	word = copy ? strtok_r(copy, CONFIG_LIST_SEPARATORS, &state) : NULL;
	for (; word; word = strtok_r(NULL, CONFIG_LIST_SEPARATORS, &state)) {
		add_type(p, i, word);
		any = true;
	}
	if (!any)
		config_bad_at(p, p->rule_types_line[i], "file_type: '%s': expected a list",
			      p->rule_types[i]);
	free(copy);
}

void config_finish_types(struct parse *p)
{
	for (size_t i = 0; i < p->limits; i++)
		finish_limit(p, &p->limit[i]);
	for (size_t i = 0; i < p->c->rules; i++)
		finish_rule(p, i);
}

void config_free_types(struct parse *p)
{
	for (size_t i = 0; i < p->limits; i++) {
		free(p->limit[i].name);
		free(p->limit[i].value);
	}
	for (size_t i = 0; i < CONFIG_RULES_MAX; i++)
		free(p->rule_types[i]);
}
