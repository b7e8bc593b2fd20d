/* SPDX-License-Identifier: MIT */
/*
 * Options of one command: a table that is parsed, printed by `help COMMAND` and
 * offered by the completion.
 *
 *	struct rules { const char *config; uint64_t size; bool all; };
 *	const struct ctl_option ctl_rules_options[] = {
 *		{'c', "config", "FILE", "configuration", NULL, ctl_take_text,
 *		 offsetof(struct rules, config)},
 *		{0, "size", "BYTES", "size of the file", NULL, ctl_take_size,
 *		 offsetof(struct rules, size)},
 *		{'a', "all", NULL, "also what is not used", NULL, ctl_take_flag,
 *		 offsetof(struct rules, all)},
 *		CTL_OPTIONS_END};
 *
 * The command's row in main.c names the table.  Options may stand anywhere behind the
 * command: -c FILE, -cFILE, --config FILE, --config=FILE; what comes after -- is no option.
 */
#ifndef SLUICE_CTL_OPTIONS_H
#define SLUICE_CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ctl_option {
	char letter; /* 0: it has only its name */
	const char *name;
	/* As help calls it, NULL: it has none.  FILE and DIR are completed as such. */
	const char *argument;
	const char *help;
	const char *words; /* arguments for the completion, separated by spaces, or NULL */
	/* Stores a value (of an option without argument: NULL); NULL, or what was expected. */
	const char *(*take)(const char *value, void *into);
	size_t offset; /* of `into` in what ctl_options() is given */
};

/* clang-format off */
#define CTL_OPTIONS_END {0}
/* clang-format on */

const char *ctl_take_flag(const char *value, void *into);  /* bool */
const char *ctl_take_text(const char *value, void *into);  /* const char *, not empty */
const char *ctl_take_count(const char *value, void *into); /* uint64_t, 1 or more */
const char *ctl_take_size(const char *value, void *into);  /* uint64_t, with K, M, G, T */

/*
 * Takes the options out of argv, whose other words move to the front in their order.  Returns
 * how many these are; -1 after an error that names the command and says what was expected. At
 * most `operands` of them are accepted.
 */
int ctl_options(const char *command, const struct ctl_option *options, int argc, char **argv,
		int operands, void *into);

/* One line an option, for `help COMMAND`. */
void ctl_options_help(const struct ctl_option *options, FILE *out);
/*
 * For the completion, a word a line: the options; or, where `option` names one of them, what
 * may follow it: words, or FILE or DIR, or nothing.
 */
void ctl_options_words(const struct ctl_option *options, const char *option, FILE *out);
/* Words that are separated by spaces, one a line. */
void ctl_words(const char *words, FILE *out);

#endif
