// SPDX-License-Identifier: MIT
#include "ctl/options.h"

#include "ctl/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPELLING_MAX 64

const char *ctl_take_flag(const char *value, void *into)
{
	(void)value;
	*(bool *)into = true;
	return NULL;
}

const char *ctl_take_text(const char *value, void *into)
{
	if (!*value)
		return "something";
	*(const char **)into = value;
	return NULL;
}

/* A number in decimal, to *end; false: none, or too large. */
static bool number(const char *value, uint64_t *n, char **end)
{
	errno = 0;
	*n = strtoull(value, end, 10);
	return value[0] >= '0' && value[0] <= '9' && !errno;
}

const char *ctl_take_count(const char *value, void *into)
{
	char *end;
	uint64_t n;

	if (!number(value, &n, &end) || *end || !n)
		return "a count, 1 or more";
	*(uint64_t *)into = n;
	return NULL;
}

const char *ctl_take_size(const char *value, void *into)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned int shift;
	char *end;
	uint64_t n;

	if (!number(value, &n, &end))
		return "a size in bytes, or with K, M, G or T behind it";
	unit = *end ? strchr(units, *end) : NULL;
	shift = unit ? 10 * (unsigned int)(unit - units + 1) : 0;
	if ((unit ? end[1] : *end) || n > UINT64_MAX >> shift)
		return "a size in bytes, or with K, M, G or T behind it";
	*(uint64_t *)into = n << shift;
	return NULL;
}

static size_t count(const struct ctl_option *options)
{
	size_t n = 0;

	while (options && options[n].name)
		n++;
	return n;
}

/*
 * The option that the word is.  *value: what stands behind it in the same word, or NULL;
 * *rest: letters of further options in it, or NULL.
 */
static const struct ctl_option *find(const struct ctl_option *options, const char *word,
				     const char **value, const char **rest)
{
	size_t n = count(options), i, length;

	*value = *rest = NULL;
	for (i = 0; i < n && word[1] != '-'; i++) {
		if (!options[i].letter || options[i].letter != word[1])
			continue;
		if (word[2] && options[i].argument)
			*value = word + 2;
		else if (word[2])
			*rest = word + 2;
		return &options[i];
	}
	for (i = 0; i < n && word[1] == '-'; i++) {
		length = strlen(options[i].name);
		if (strncmp(word + 2, options[i].name, length))
			continue;
		if (word[2 + length] == '=')
			*value = word + 2 + length + 1;
		if (!word[2 + length] || *value)
			return &options[i];
	}
	return NULL;
}

static const char *spelling(const struct ctl_option *o, char text[static SPELLING_MAX])
{
	if (o->letter)
		snprintf(text, SPELLING_MAX, "-%c, --%s%s%s", o->letter, o->name,
			 o->argument ? " " : "", o->argument ? o->argument : "");
	else
		snprintf(text, SPELLING_MAX, "    --%s%s%s", o->name, o->argument ? " " : "",
			 o->argument ? o->argument : "");
	return text;
}

static void unknown(const char *command, const struct ctl_option *options, const char *word)
{
	size_t n = count(options), i;
	char text[1024];
	size_t k = 0;

	text[0] = 0;
	for (i = 0; i < n && k < sizeof(text); i++)
		k += (size_t)snprintf(text + k, sizeof(text) - k, "%s--%s", i ? ", " : "",
				      options[i].name);
	if (n)
		ctl_error("%s: unknown option \"%s\"; expected one of %s", command, word, text);
	else
		ctl_error("%s: unknown option \"%s\"; none is expected", command, word);
}

static bool take(const char *command, const struct ctl_option *o, const char *value, void *into)
{
	const char *expected = o->take(value, (char *)into + o->offset);

	if (!expected)
		return true;
	ctl_error("%s --%s: \"%s\"; expected %s", command, o->name, value, expected);
	return false;
}

/* One word that begins with '-', and what follows it; false after an error. */
static bool word(const char *command, const struct ctl_option *options, int argc, char **argv,
		 int *i, void *into)
{
	const char *value, *rest, *text = argv[*i];
	char *all = argv[*i];
	const struct ctl_option *o;

	do {
		o = find(options, text, &value, &rest);
		if (!o) {
			unknown(command, options, text);
			return false;
		}
		if (!o->argument && value) {
			ctl_error("%s --%s: no argument is expected", command, o->name);
			return false;
		}
		if (o->argument && !value) {
			if (*i + 1 == argc) {
				ctl_error("%s --%s: expected %s behind it", command, o->name,
					  o->argument);
				return false;
			}
			value = argv[++*i];
		}
		if (!take(command, o, value, into))
			return false;
		if (rest) {
			/* -ab is -a -b: what comes next is "-b", in its place. */
			all[rest - all - 1] = '-';
			text = rest - 1;
		}
	} while (rest);
	return true;
}

int ctl_options(const char *command, const struct ctl_option *options, int argc, char **argv,
		int operands, void *into)
{
	bool all = false;
	int i, n = 0;

	for (i = 0; i < argc; i++) {
		if (!all && !strcmp(argv[i], "--")) {
			all = true;
		} else if (!all && argv[i][0] == '-' && argv[i][1]) {
			if (!word(command, options, argc, argv, &i, into))
				return -1;
		} else if (n == operands) {
			ctl_error("%s: \"%s\" is one word too many; see \"sluicectl help %s\"",
				  command, argv[i], command);
			return -1;
		} else {
			argv[n++] = argv[i];
		}
	}
	return n;
}

void ctl_options_help(const struct ctl_option *options, FILE *out)
{
	size_t n = count(options), i, width = 0, k;
	char text[SPELLING_MAX];

	for (i = 0; i < n; i++) {
		k = strlen(spelling(&options[i], text));
		if (k > width)
			width = k;
	}
	for (i = 0; i < n; i++)
		fprintf(out, "  %-*s  %s\n", (int)width, spelling(&options[i], text),
			options[i].help);
}

void ctl_words(const char *text, FILE *out)
{
	for (size_t n; *text; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		if (n)
			fprintf(out, "%.*s\n", (int)n, text);
	}
}

void ctl_options_words(const struct ctl_option *options, const char *option, FILE *out)
{
	size_t n = count(options), i;
	const char *value, *rest;
	const struct ctl_option *o;

	if (option) {
		o = option[0] == '-' && option[1] ? find(options, option, &value, &rest) : NULL;
		if (!o || !o->argument)
			return;
		if (o->words)
			ctl_words(o->words, out);
		else if (!strcmp(o->argument, "FILE") || !strcmp(o->argument, "DIR"))
			ctl_words(o->argument, out);
		return;
	}
	for (i = 0; i < n; i++)
		fprintf(out, "--%s\n", options[i].name);
}
