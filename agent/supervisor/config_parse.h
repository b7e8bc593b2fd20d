/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the configuration share: config.c knows the defaults,
 * config_keys.c every key and what it may say, config_types.c what depends on the table of
 * file types, config_parse.c lines, sections and what needs the whole file.
 */
#ifndef SLUICE_SUPERVISOR_CONFIG_PARSE_H
#define SLUICE_SUPERVISOR_CONFIG_PARSE_H

#include "supervisor/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* config.c: every key at its default, no cloud and no rule; false when out of memory. */
bool config_defaults(struct config *c);
/* The cloud and the rule of a configuration that names none. */
bool config_default_cloud(struct config *c);
void config_cloud_default(struct cloud_config *cloud, const char *name, int line);
void config_rule_default(struct rule *rule, const char *name);
/* Fills in what was not given; false when out of memory. */
bool config_complete(struct config *c);

#define CONFIG_LIST_SEPARATORS ", \t"

/* X(CONSTANT, name, takes a name of its own) */
#define SECTIONS(X)                  \
	X(CAPTURE, "capture", false) \
	X(AGENT, "agent", false)     \
	X(USERS, "users", false)     \
	X(CLOUD, "cloud", true)      \
	X(SHARE, "share", true)      \
	X(NARROW, "narrow", true)    \
	X(NETWORK, "network", true)  \
	X(LOG, "log", true)          \
	X(LIMITS, "limits", false)   \
	X(RULE, "rule", true)        \
	X(VSYS, "vsys", true)        \
	X(ZONE, "zone", true)

enum section {
#define SECTION_ENUM(id, name, named) SECTION_##id,
	SECTIONS(SECTION_ENUM)
#undef SECTION_ENUM
		SECTION_NONE, /* before the first one */
	SECTION_UNKNOWN,      /* refused: its keys are not looked at */
};

/* A [share] section, until the cloud it belongs to is known. */
struct share {
	char name[CLOUD_NAME_MAX];
	int line;
	bool has_default, has_preset;
	enum policy_mode rest;
	struct policy preset;
	uint32_t given; /* fields named, by bit, and above them its other keys */
	struct policy policy;
	char *key_file;
	uint64_t key_period;
};

/* A line of [limits], until the table of file types is known. */
struct limit {
	char *name, *value;
	int line;
};

/* A file being read. */
struct parse {
	struct config *c;
	const char *path;
	FILE *file;
	int line;
	unsigned int errors;
	bool shown; /* nothing will be sent: see config_read_shown() */

	enum section section;
	size_t index; /* of the current cloud, share, rule, vsys or zone */
	int section_line[SECTION_NONE];
	uint64_t seen; /* keys of this section: config_key_bit() */

	uint64_t cloud_seen[CLOUD_MAX];
	int region_line[CLOUD_MAX]; /* of its region; 0: not given */
	struct share share[CONFIG_SHARES_MAX];
	size_t shares;
	char *rule_clouds[CONFIG_RULES_MAX];
	int rule_clouds_line[CONFIG_RULES_MAX];
	int rule_line[CONFIG_RULES_MAX];
	int rule_application_line[CONFIG_RULES_MAX];
	char *rule_types[CONFIG_RULES_MAX];
	int rule_types_line[CONFIG_RULES_MAX];
	uint32_t narrow_given[NARROWS_MAX]; /* like share.given */
	enum policy_mode narrow_rest[NARROWS_MAX];
	int narrow_line[NARROWS_MAX][NARROW_CRITERION_COUNT];
	int metrics_line;
	struct limit limit[FILE_TYPES_MAX];
	size_t limits;
};

struct key {
	enum section section;
	const char *name;
	void (*set)(struct parse *p, const struct key *k, void *base, const char *value);
	size_t offset, size; /* of what it sets, in what the section fills */
	uint64_t min, max;
};

extern const struct key config_keys[];
extern const size_t config_key_count;
/* Nothing, or that something else was expected. */
void config_expected(struct parse *p, const struct key *k, const char *value,
		     const char *expected);
typedef void config_word(struct parse *p, const struct key *k, void *base, const char *word);
/* Calls each for the words of a list. */
void config_each_word(struct parse *p, const struct key *k, void *base, const char *value,
		      config_word *each);
void config_set_text(struct parse *p, const struct key *k, void *base, const char *value);
/*
 * Text of a file, at most `max` bytes of it, to be freed; NULL after saying what is wrong.
 */
struct stat;
char *config_read_text(struct parse *p, const struct key *k, const char *value, size_t max,
		       struct stat *st);
/* config_tls.c: how a cloud is reached, and who we are there */
void config_set_certificate(struct parse *p, const struct key *k, void *base,
			    const char *value);
void config_set_certificate_key(struct parse *p, const struct key *k, void *base,
				const char *value);
void config_set_proxy(struct parse *p, const struct key *k, void *base, const char *value);
void config_set_pinned(struct parse *p, const struct key *k, void *base, const char *value);
/* What can only be said of all of them. */
void config_finish_tls(struct parse *p, const struct cloud_config *cloud);
/* Of a section: certificate and key belong together. */
void config_finish_identity(struct parse *p, int line, const char *section, const char *name,
			    const char *certificate, const char *key);
/* config_region.c */
void config_set_region(struct parse *p, const struct key *k, void *base, const char *value);
void config_set_regions(struct parse *p, const struct key *k, void *base, const char *value);
/* The url that its region has; true: there is one, or what is wrong was said. */
bool config_region_url(struct parse *p, size_t cloud);
/* Where it is, and whether it may be there. */
void config_finish_region(struct parse *p, size_t cloud);
/* config_types.c: the table of types, and its limits; false after logging why. */
bool config_read_types(struct config *c);
/* No type has a limit of its own. */
void config_no_limits(struct config *c);
/* A line of [limits]. */
void config_take_limit(struct parse *p, const char *name, const char *value);
/* Limits and the types that rules name, once the file was read. */
void config_finish_types(struct parse *p);
void config_free_types(struct parse *p);

/* Bit of a key in `seen`, of 64 that a section can have; 0: there is no such key. */
uint64_t config_key_bit(enum section section, const char *name);

/* config_share.c */
void config_set_share(struct parse *p, const char *name, const char *value);
/* What a section says holds for that cloud or log. */
void config_finish_share(struct parse *p, struct share *share, size_t place);
bool config_add_network(struct parse *p, const char *name);
void config_set_prefixes(struct parse *p, const struct key *k, void *base, const char *value);

/* config_log.c */
bool config_add_log(struct parse *p, const char *name);
void config_set_to(struct parse *p, const struct key *k, void *base, const char *value);
void config_set_format(struct parse *p, const struct key *k, void *base, const char *value);
/* Place of the log's policy; CONFIG_SHARES_MAX: there is no such log. */
size_t config_find_log(const struct config *c, const char *name);
/* What can only be said of all of them. */
void config_finish_logs(struct parse *p);
void config_sink_free(struct sink_config *sink);

/* config_narrow.c */
bool config_add_narrow(struct parse *p, const char *name);
void config_set_narrow(struct parse *p, const char *name, const char *value);
/* What can only be said of all of them. */
void config_finish_narrows(struct parse *p);

/* config_vsys.c */
bool config_add_vsys(struct parse *p, const char *name);
bool config_add_zone(struct parse *p, const char *name);
void config_set_condition(struct parse *p, const struct key *k, void *base, const char *value);
void config_set_zone_interface(struct parse *p, const struct key *k, void *base,
			       const char *value);
void config_set_zone_vsys(struct parse *p, const struct key *k, void *base, const char *value);
void config_set_netns(struct parse *p, const struct key *k, void *base, const char *value);
/* What can only be said of all of them. */
void config_finish_vsys(struct parse *p);

/* An error and a warning about a line; 0: about the file. */
void config_bad_at(struct parse *p, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void config_warn_at(struct parse *p, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* About the line that was read last. */
#define config_bad(p, ...) config_bad_at(p, (p)->line, __VA_ARGS__)

#endif
