// SPDX-License-Identifier: MIT
#include "fault.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define FAULT_API "/publicapi/"

struct fault_rule {
	char *text;
	char *path; /* NULL: any */
	enum fault_kind kind;
	double argument;
	unsigned long skip;
	unsigned long count; /* 0: for ever */
	unsigned long hits;
	bool stored;
	unsigned long retry_after;
};

static const struct {
	const char *name;
	char argument;
	const char *help;
} fault_table[] = {[FAULT_NONE] = {"", ' ', ""},
#define X(constant, name, argument, help) [FAULT_##constant] = {name, argument, help},
		   FAULT_KINDS(X)
#undef X
};

#define FAULT_NR (sizeof(fault_table) / sizeof(fault_table[0]))

static struct fault_rule fault_rule[FAULT_RULES_MAX];
static size_t fault_nr;

static bool fault_number(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end != text && !*end && isfinite(*out) && *out >= 0;
}

static const char *fault_set_kind(struct fault_rule *rule, const char *word, const char *value)
{
	for (size_t i = 1; i < FAULT_NR; i++) {
		if (strcmp(word, fault_table[i].name))
			continue;
		rule->kind = (enum fault_kind)i;
		if (fault_table[i].argument == ' ')
			return value ? "this kind of fault takes no argument" : NULL;
		if (!value || !fault_number(value, &rule->argument))
			return "this kind of fault needs a number after '='";
		if (rule->kind == FAULT_STATUS &&
		    (rule->argument < 400 || rule->argument > 599))
			return "status must be 400 to 599";
		return NULL;
	}
	return "unknown kind of fault, see --help";
}

static const char *fault_set_option(struct fault_rule *rule, const char *word,
				    const char *value)
{
	double number;

	if (!strcmp(word, "stored") && !value) {
		rule->stored = true;
		return rule->kind == FAULT_STATUS ? NULL : "stored belongs to status";
	}
	if (!strcmp(word, "path") && value) {
		size_t n = strlen(value) + sizeof(FAULT_API);

		free(rule->path);
		rule->path = bytes_alloc(n);
		snprintf(rule->path, n, "%s%s", *value == '/' ? "" : FAULT_API, value);
		return NULL;
	}
	if (!strcmp(word, "retry-after") && value) {
		if (!fault_number(value, &number) || number < 1 || number > 1e9)
			return "retry-after needs a number of seconds";
		rule->retry_after = (unsigned long)number;
		return rule->kind == FAULT_STATUS ? NULL : "retry-after belongs to status";
	}
	if (value && (!strcmp(word, "count") || !strcmp(word, "skip"))) {
		if (!fault_number(value, &number) || number > 1e9)
			return "count and skip need a number";
		*(*word == 'c' ? &rule->count : &rule->skip) = (unsigned long)number;
		return NULL;
	}
	return "unknown word, expected path=, count=, skip=, stored or retry-after=";
}

const char *fault_add(const char *text)
{
	struct fault_rule rule = {.kind = FAULT_NONE};
	char *copy = bytes_dup(text, strlen(text));
	const char *error = NULL;
	char *save = NULL;

	for (char *word = strtok_r(copy, " ,\t\r\n", &save); word && !error;
	     word = strtok_r(NULL, " ,\t\r\n", &save)) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		error = rule.kind == FAULT_NONE ? fault_set_kind(&rule, word, value)
						: fault_set_option(&rule, word, value);
	}
	free(copy);
	if (!error && rule.kind == FAULT_NONE)
		error = "empty rule, expected KIND[=ARGUMENT] [path=..] [count=..] [skip=..] "
			"[stored] [retry-after=..]";
	if (!error && fault_nr == FAULT_RULES_MAX)
		error = "too many rules";
	if (error) {
		free(rule.path);
		return error;
	}
	rule.text = bytes_dup(text, strlen(text));
	fault_rule[fault_nr++] = rule;
	return NULL;
}

void fault_clear(void)
{
	while (fault_nr) {
		fault_nr--;
		free(fault_rule[fault_nr].text);
		free(fault_rule[fault_nr].path);
	}
}

struct fault_hit fault_take(const char *path)
{
	struct fault_hit hit = {.kind = FAULT_NONE};

	for (size_t i = 0; i < fault_nr; i++) {
		struct fault_rule *rule = &fault_rule[i];

		if (rule->count && rule->hits == rule->count)
			continue;
		if (rule->path && strcmp(rule->path, path))
			continue;
		/* One failure for a request; being slow goes together with any of them. */
		if (rule->kind != FAULT_SLOW && hit.kind != FAULT_NONE)
			continue;
		if (rule->skip) {
			rule->skip--;
			continue;
		}
		rule->hits++;
		if (rule->kind == FAULT_SLOW) {
			hit.slow += rule->argument;
			continue;
		}
		hit.kind = rule->kind;
		hit.argument = rule->argument;
		hit.stored = rule->stored;
		hit.retry_after = rule->retry_after;
	}
	return hit;
}

const char *fault_name(enum fault_kind kind)
{
	return fault_table[kind].name;
}

json_t *fault_state(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < fault_nr; i++) {
		const struct fault_rule *rule = &fault_rule[i];
		json_t *left = rule->count
				       ? json_integer((json_int_t)(rule->count - rule->hits))
				       : json_null();

		json_array_append_new(list, json_pack("{s:o,s:I,s:o}", "rule",
						      bytes_json(slice_of(rule->text)), "hits",
						      (json_int_t)rule->hits, "left", left));
	}
	return list;
}

void fault_help(void)
{
	for (size_t i = 1; i < FAULT_NR; i++) {
		char kind[32];

		snprintf(kind, sizeof(kind), "%s%s", fault_table[i].name,
			 fault_table[i].argument == ' '	  ? ""
			 : fault_table[i].argument == 's' ? "=SECONDS"
							  : "=N");
		printf("  %-18s %s\n", kind, fault_table[i].help);
	}
}
