/* SPDX-License-Identifier: MIT */
/*
 * Rules: which clouds a file goes to.
 *
 * A rule says which files go to its clouds, and has no action: no rule that matches
 * means nothing is sent.  A file that matches a private and a public cloud goes to the
 * private one only.  A file larger than the limit of its type goes nowhere.
 *
 * The whole text of a mail leaves only where a rule names the type of mails; what
 * people type into forms and mails never does.
 *
 * File types are bits of the caller's table, so that this knows no file.
 */
#ifndef SLUICE_POLICY_RULE_H
#define SLUICE_POLICY_RULE_H

#include "lib/sighting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rule_direction { RULE_BOTH, RULE_DOWNLOAD, RULE_UPLOAD };

/*
 * What leaves first of what waits for a cloud: nothing as long as something higher is due.
 * X(CONSTANT, name)
 */
#define RULE_PRIORITIES(X)  \
	X(LOW, "low")       \
	X(NORMAL, "normal") \
	X(HIGH, "high")

enum rule_priority {
#define RULE_PRIORITY_ENUM(id, name) RULE_PRIORITY_##id,
	RULE_PRIORITIES(RULE_PRIORITY_ENUM)
#undef RULE_PRIORITY_ENUM
		RULE_PRIORITY_COUNT
};

const char *rule_priority_text(unsigned int p);
/* RULE_PRIORITY_COUNT when the name is none. */
enum rule_priority rule_priority_find(const char *name);

#define RULES_MAX 256
#define RULE_NAME_MAX 64
#define RULE_APPLICATIONS_MAX 32

/* What is none of the table's types, and what may hold files of any. */
#define RULE_TYPE_OTHER (1u << FILE_TYPES_MAX)
#define RULE_TYPE_ARCHIVE (1u << (FILE_TYPES_MAX + 1))

struct rule {
	char name[RULE_NAME_MAX];
	bool any_application;
	char application[RULE_APPLICATIONS_MAX][RULE_NAME_MAX];
	size_t applications;
	bool any_type;
	uint32_t types; /* those it names, by bit */
	enum rule_direction direction;
	uint64_t clouds; /* bit i: cloud i of the configuration */
	enum rule_priority priority;
};

/* What rules have to know of file types. */
struct rule_types {
	uint64_t limit[FILE_TYPES_MAX]; /* bytes, by bit; UINT64_MAX: none */
	uint32_t link, mail;		/* bits of links and of mails; 0: the table has none */
};

/* All of it is borrowed. */
struct rule_set {
	const struct rule *rule;
	size_t count;
	uint64_t private_clouds; /* bits of the clouds with scope private */
	uint64_t receiving;	 /* of those with a policy: others receive nothing */
	const struct rule_types *types;
};

/* What is held against the rules: a file, or what is known of one that still comes. */
struct rule_file {
	enum sighting_kind kind;
	enum direction direction;
	const char *application; /* NULL: it has none; for rule_wants(): not known yet */
	/*
	 * Of a file its type; of one that still comes all that it may be.  Links and
	 * mails are of their own types, whatever is said here.
	 */
	uint32_t types;
	bool size_known;
	uint64_t size;
};

/*
 * Bits of the clouds that a complete file goes to; 0: none.  Of its types one bit is
 * set, its size is known.  *chosen: index of the first rule that contributed a cloud
 * that remains after private went before public, or the number of rules.  A cloud that
 * receives nothing is no longer among those returned, but kept the file from public ones.
 */
uint64_t rule_match(const struct rule_set *set, const struct rule_file *f, size_t *chosen);

/* The highest of the rules that send a complete file to that cloud; low when none does. */
enum rule_priority rule_priority(const struct rule_set *set, const struct rule_file *f,
				 size_t cloud);

/* Whether the file is larger than its type's limit, or than those of all it may be. */
bool rule_over_limit(const struct rule_set *set, const struct rule_file *f);

/*
 * Whether rule_match() may still send it to a cloud, or a member of it: false is final.
 * For what may be an archive that is so when any member of any type would be wanted.
 */
bool rule_wants(const struct rule_set *set, const struct rule_file *f);

/* Whether any rule names mails: without one nobody wants them whole. */
bool rule_wants_mails(const struct rule_set *set);

/*
 * What a rule asks of a file, in the order in which it is said.
 * X(CONSTANT, name)
 */
#define RULE_CRITERIA(X)              \
	X(CLOUD, "cloud")             \
	X(KIND, "kind")               \
	X(DIRECTION, "direction")     \
	X(APPLICATION, "application") \
	X(FILE_TYPE, "file_type")     \
	X(SIZE, "limit") /* its type's */

enum rule_criterion {
#define RULE_CRITERION_ENUM(id, name) RULE_##id,
	RULE_CRITERIA(RULE_CRITERION_ENUM)
#undef RULE_CRITERION_ENUM
		RULE_CRITERION_COUNT
};

const char *rule_criterion_text(enum rule_criterion c);
const char *rule_direction_text(enum rule_direction d);

/*
 * What becomes of a file at a cloud.
 *
 *	NO_RULE		no rule that names the cloud matches
 *	LIMIT, KIND	one would, but for the file's size, or for what it is
 *	NO_SHARE	a rule chose it, but it receives nothing
 *	PRIVATE		a rule chose it, but a private cloud keeps the file from it
 *
 * X(CONSTANT, name)
 */
#define RULE_FATES(X)           \
	X(CHOSEN, "chosen")     \
	X(NO_RULE, "no-rule")   \
	X(LIMIT, "limit")       \
	X(KIND, "kind")         \
	X(NO_SHARE, "no-share") \
	X(PRIVATE, "private-only")

enum rule_fate {
#define RULE_FATE_ENUM(id, name) RULE_FATE_##id,
	RULE_FATES(RULE_FATE_ENUM)
#undef RULE_FATE_ENUM
		RULE_FATE_COUNT
};

const char *rule_fate_text(enum rule_fate f);

/* Bits, by enum rule_criterion, of what keeps rule i from matching; 0: it matches. */
uint32_t rule_failures(const struct rule_set *set, size_t i, const struct rule_file *f);
/* The same decision as rule_match() makes, for one cloud. */
enum rule_fate rule_explain(const struct rule_set *set, const struct rule_file *f,
			    size_t cloud);

#endif
