// SPDX-License-Identifier: MIT
/*
 * Rules as they stand in the configuration, and what they do with a file.
 */
#include "ctl/config.h"
#include "lib/size.h"

#include <stdio.h>
#include <string.h>

/* Room for the names of all rules. */
#define TEXT_MAX (RULES_MAX * (RULE_NAME_MAX + 2))
#define OTHER_TYPE "other" /* none of the table's */

static void append(char text[static TEXT_MAX], const char *separator, const char *word)
{
	size_t n = strlen(text);

	if (n + strlen(separator) + strlen(word) >= TEXT_MAX)
		return;
	if (n)
		strcat(text, separator);
	strcat(text, word);
}

static const char *applications_text(const struct rule *r, char text[static TEXT_MAX])
{
	text[0] = '\0';
	if (r->any_application)
		append(text, ", ", "any");
	for (size_t i = 0; i < r->applications; i++)
		append(text, ", ", r->application[i]);
	return text;
}

static const char *types_text(const struct config *c, const struct rule *r,
			      char text[static TEXT_MAX])
{
	text[0] = '\0';
	if (r->any_type)
		append(text, ", ", "any");
	for (size_t i = 0; i < file_types_count(c->file_types); i++)
		if (r->types & 1u << i)
			append(text, ", ", file_types_name(c->file_types, i));
	return text;
}

static const char *clouds_text(const struct config *c, uint64_t clouds,
			       char text[static TEXT_MAX])
{
	text[0] = '\0';
	for (size_t i = 0; i < c->clouds; i++)
		if (clouds & 1ull << i)
			append(text, ", ", c->cloud[i].name);
	return text;
}

/* ", " separated words as an array. */
static json_t *words_json(const char *text)
{
	json_t *words = json_array();

	while (*text) {
		size_t n = strcspn(text, ",");

		json_array_append_new(words, json_stringn(text, n));
		text += n;
		text += strspn(text, ", ");
	}
	return words;
}

/* --------------------------------------------------------------------- list */

static json_t *rule_json(const struct config *c, const struct rule *r)
{
	char text[TEXT_MAX];
	json_t *o = json_pack("{s:s}", "name", r->name);

	json_object_set_new(o, "application", words_json(applications_text(r, text)));
	json_object_set_new(o, "file_type", words_json(types_text(c, r, text)));
	json_object_set_new(o, "direction", json_string(rule_direction_text(r->direction)));
	json_object_set_new(o, "cloud", words_json(clouds_text(c, r->clouds, text)));
	json_object_set_new(o, "priority", json_string(rule_priority_text(r->priority)));
	return o;
}

static int list(const struct ctl *ctl, const struct ctl_config *cc)
{
	static const char *const titles[] = {"RULE",	  "APPLICATION", "FILE TYPE",
					     "DIRECTION", "PRIORITY",	 "CLOUD"};
	const struct config *c = &cc->config;
	char text[TEXT_MAX];
	struct ctl_table *t;

	if (ctl->json) {
		json_t *rules = json_array();

		for (size_t i = 0; i < c->rules; i++)
			json_array_append_new(rules, rule_json(c, &c->rule[i]));
		return ctl_print_json(json_pack("{s:s, s:o}", "configuration",
						ctl_config_name(cc), "rules", rules));
	}
	t = ctl_table_new(titles, 6);
	for (size_t i = 0; i < c->rules; i++) {
		const struct rule *r = &c->rule[i];

		ctl_table_cell(t, "%s", r->name);
		ctl_table_cell(t, "%s", applications_text(r, text));
		ctl_table_cell(t, "%s", types_text(c, r, text));
		ctl_table_cell(t, "%s", rule_direction_text(r->direction));
		ctl_table_cell(t, "%s", rule_priority_text(r->priority));
		ctl_table_cell(t, "%s", clouds_text(c, r->clouds, text));
	}
	ctl_table_print(t);
	return CTL_OK;
}

/* --------------------------------------------------------------------- test */

struct test {
	const struct config *c;
	struct rule_set rules;
	struct rule_file file;
	const char *type; /* as shown */
};

static const char *criterion_is(const struct test *t, enum rule_criterion which,
				char text[static TEXT_MAX])
{
	switch (which) {
	case RULE_KIND:
		return sighting_kind_text(t->file.kind);
	case RULE_DIRECTION:
		return t->file.direction == DIRECTION_UPLOAD ? "upload" : "download";
	case RULE_APPLICATION:
		return t->file.application;
	case RULE_FILE_TYPE:
		return t->type;
	case RULE_SIZE:
		return size_text(t->file.size, text);
	default:
		return "none";
	}
}

/* The limit of the file's own type. */
static uint64_t limit_of(const struct test *t)
{
	uint32_t types = t->file.types & ((1u << FILE_TYPES_MAX) - 1);

	if (t->file.kind == SIGHTING_KIND_MAIL)
		types = t->c->types.mail;
	return types ? t->c->types.limit[__builtin_ctz(types)] : UINT64_MAX;
}

static const char *criterion_expected(const struct test *t, const struct rule *r,
				      enum rule_criterion which, char text[static TEXT_MAX])
{
	char limit[SIZE_TEXT_MAX];

	switch (which) {
	case RULE_CLOUD:
		return "one at least";
	case RULE_KIND:
		return "file, link or mail";
	case RULE_DIRECTION:
		return rule_direction_text(r->direction);
	case RULE_APPLICATION:
		return applications_text(r, text);
	case RULE_FILE_TYPE:
		types_text(t->c, r, text);
		/* Which any does not mean. */
		if (r->any_type)
			append(text, "", ", and whole mails by name");
		return text;
	case RULE_SIZE:
		snprintf(text, TEXT_MAX, "at most %s", size_text(limit_of(t), limit));
		return text;
	default:
		return "";
	}
}

static json_t *test_rule_json(const struct test *t, size_t i)
{
	uint32_t failures = rule_failures(&t->rules, i, &t->file);
	json_t *list_of = json_array();
	char is[TEXT_MAX], expected[TEXT_MAX];

	for (unsigned int k = 0; k < RULE_CRITERION_COUNT; k++)
		if (failures & 1u << k)
			json_array_append_new(
				list_of,
				json_pack("{s:s, s:s, s:s}", "criterion",
					  rule_criterion_text(k), "is", criterion_is(t, k, is),
					  "expected",
					  criterion_expected(t, &t->c->rule[i], k, expected)));
	return json_pack("{s:s, s:b, s:o}", "name", t->c->rule[i].name, "matches", !failures,
			 "failures", list_of);
}

static void test_rule_row(const struct test *t, size_t i, struct ctl_table *table)
{
	uint32_t failures = rule_failures(&t->rules, i, &t->file);
	char why[TEXT_MAX] = "", one[TEXT_MAX], is[TEXT_MAX], expected[TEXT_MAX];

	for (unsigned int k = 0; k < RULE_CRITERION_COUNT; k++) {
		if (!(failures & 1u << k))
			continue;
		snprintf(one, sizeof(one), "%s is %.1000s, expected %.2000s",
			 rule_criterion_text(k), criterion_is(t, k, is),
			 criterion_expected(t, &t->c->rule[i], k, expected));
		append(why, "; ", one);
	}
	ctl_table_cell(table, "%s", t->c->rule[i].name);
	ctl_table_cell(table, "%s", failures ? "no" : "yes");
	ctl_table_cell(table, "%s", why);
}

/* Names of the rules that match and name this cloud. */
static const char *cloud_rules(const struct test *t, size_t cloud, char text[static TEXT_MAX])
{
	text[0] = '\0';
	for (size_t i = 0; i < t->c->rules; i++)
		if (t->c->rule[i].clouds & 1ull << cloud &&
		    !rule_failures(&t->rules, i, &t->file))
			append(text, ", ", t->c->rule[i].name);
	return text;
}

static bool over_max_size(const struct test *t, size_t cloud)
{
	return t->file.size_known && t->file.size > t->c->cloud[cloud].max_size;
}

/* Why the cloud gets it or does not. */
static const char *cloud_why(const struct test *t, size_t cloud, char text[static TEXT_MAX])
{
	const struct cloud_config *to = &t->c->cloud[cloud];
	char names[TEXT_MAX], max[SIZE_TEXT_MAX];

	cloud_rules(t, cloud, names);
	switch (rule_explain(&t->rules, &t->file, cloud)) {
	case RULE_FATE_CHOSEN:
		if (over_max_size(t, cloud))
			snprintf(text, TEXT_MAX,
				 "by %.2000s, but not sent: larger than this cloud's "
				 "max_size %s",
				 names, size_text(to->max_size, max));
		else
			snprintf(text, TEXT_MAX, "by %.2000s", names);
		break;
	case RULE_FATE_NO_SHARE:
		snprintf(text, TEXT_MAX, "by %.2000s, but there is no [share %s]", names,
			 to->name);
		break;
	case RULE_FATE_PRIVATE:
		snprintf(text, TEXT_MAX,
			 "by %.2000s, but it also matches a private cloud and goes there only",
			 names);
		break;
	case RULE_FATE_LIMIT:
		snprintf(text, TEXT_MAX, "larger than the limit of its type, %s",
			 size_text(limit_of(t), max));
		break;
	case RULE_FATE_KIND:
		snprintf(text, TEXT_MAX, "a %s goes nowhere", sighting_kind_text(t->file.kind));
		break;
	default:
		snprintf(text, TEXT_MAX, "no rule that names this cloud matches");
		break;
	}
	return text;
}

static json_t *test_json(const struct test *t)
{
	json_t *rules = json_array(), *clouds = json_array(), *file;
	char text[TEXT_MAX];
	size_t chosen;

	rule_match(&t->rules, &t->file, &chosen);
	file = json_pack("{s:s, s:s, s:s, s:s}", "kind", sighting_kind_text(t->file.kind),
			 "application", t->file.application, "file_type", t->type, "direction",
			 criterion_is(t, RULE_DIRECTION, text));
	if (t->file.size_known)
		json_object_set_new(file, "size", json_integer((json_int_t)t->file.size));
	for (size_t i = 0; i < t->c->rules; i++)
		json_array_append_new(rules, test_rule_json(t, i));
	for (size_t i = 0; i < t->c->clouds; i++) {
		enum rule_fate fate = rule_explain(&t->rules, &t->file, i);
		json_t *o =
			json_pack("{s:s, s:s, s:s}", "name", t->c->cloud[i].name, "scope",
				  t->c->cloud[i].scope == CLOUD_PRIVATE ? "private" : "public",
				  "result", rule_fate_text(fate));

		json_object_set_new(
			o, "sent",
			json_boolean(fate == RULE_FATE_CHOSEN && !over_max_size(t, i)));
		json_object_set_new(o, "rules", words_json(cloud_rules(t, i, text)));
		if (fate == RULE_FATE_CHOSEN)
			json_object_set_new(o, "priority",
					    json_string(rule_priority_text(
						    rule_priority(&t->rules, &t->file, i))));
		json_object_set_new(o, "why", json_string(cloud_why(t, i, text)));
		json_array_append_new(clouds, o);
	}
	return json_pack(
		"{s:o, s:o, s:o, s:o}", "file", file, "rules", rules, "clouds", clouds, "rule",
		chosen < t->c->rules ? json_string(t->c->rule[chosen].name) : json_null());
}

static void test_print(const struct test *t)
{
	static const char *const rule_titles[] = {"RULE", "MATCHES", "WHY NOT"};
	static const char *const cloud_titles[] = {"CLOUD", "SCOPE", "RESULT", "WHY"};
	struct ctl_table *table = ctl_table_new(rule_titles, 3);
	char text[TEXT_MAX], size[SIZE_TEXT_MAX];

	printf("%s over %s, %s, %s, %s\n\n", sighting_kind_text(t->file.kind),
	       t->file.application, t->type, criterion_is(t, RULE_DIRECTION, text),
	       t->file.size_known ? size_text(t->file.size, size) : "of any size");
	for (size_t i = 0; i < t->c->rules; i++)
		test_rule_row(t, i, table);
	ctl_table_print(table);
	putchar('\n');
	table = ctl_table_new(cloud_titles, 4);
	for (size_t i = 0; i < t->c->clouds; i++) {
		ctl_table_cell(table, "%s", t->c->cloud[i].name);
		ctl_table_cell(table, "%s",
			       t->c->cloud[i].scope == CLOUD_PRIVATE ? "private" : "public");
		ctl_table_cell(table, "%s",
			       rule_fate_text(rule_explain(&t->rules, &t->file, i)));
		ctl_table_cell(table, "%s", cloud_why(t, i, text));
	}
	ctl_table_print(table);
}

/* What was given on the command line. */
struct options {
	const char *config, *application, *type, *direction, *kind;
	uint64_t size; /* UINT64_MAX: not given */
};

/* clang-format off */
const struct ctl_option ctl_rules_options[] = {
	CTL_CONFIG_OPTION(offsetof(struct options, config)),
	{0, "application", "NAME", "what carries the file",
	 "web-browsing ssl smtp pop3 imap ftp ms-ds-smbv2 ms-ds-smbv3 nfs tftp", ctl_take_text,
	 offsetof(struct options, application)},
	{0, "type", "TYPE", "its type, of sluicectl types, or other",
	 "pe apk pdf ms-office jar flash MacOSX archive linux script eml email-link " OTHER_TYPE,
	 ctl_take_text, offsetof(struct options, type)},
	{0, "direction", "DIRECTION", "download or upload", "download upload", ctl_take_text,
	 offsetof(struct options, direction)},
	{0, "size", "BYTES", "its size; default: limits are not looked at", NULL, ctl_take_size,
	 offsetof(struct options, size)},
	{0, "kind", "KIND", "file, link or mail; default file", "file link mail", ctl_take_text,
	 offsetof(struct options, kind)},
	CTL_OPTIONS_END};
/* clang-format on */

static bool set_kind(struct test *t, const char *kind)
{
	static const enum sighting_kind kinds[] = {SIGHTING_KIND_FILE, SIGHTING_KIND_LINK,
						   SIGHTING_KIND_MAIL};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		t->file.kind = kinds[i];
		if (!kind || strcmp(kind, sighting_kind_text(kinds[i])) == 0)
			return true;
	}
	ctl_error("rules test: --kind \"%s\": expected file, link or mail", kind);
	return false;
}

static bool set_type(struct test *t, const char *type)
{
	const struct file_types *types = t->c->file_types;
	uint32_t own = t->file.kind == SIGHTING_KIND_LINK   ? t->c->types.link
		       : t->file.kind == SIGHTING_KIND_MAIL ? t->c->types.mail
							    : 0;
	size_t i = type ? file_types_find(types, type) : FILE_TYPES_MAX;
	char names[TEXT_MAX] = "";

	if (own && type) {
		ctl_error("rules test: --type: a %s has a type of its own",
			  sighting_kind_text(t->file.kind));
		return false;
	}
	if (own)
		i = (size_t)__builtin_ctz(own);
	t->type = i < FILE_TYPES_MAX ? file_types_name(types, i) : OTHER_TYPE;
	t->file.types = i < FILE_TYPES_MAX ? 1u << i : RULE_TYPE_OTHER;
	if (i < FILE_TYPES_MAX || (type && strcmp(type, OTHER_TYPE) == 0))
		return true;
	for (i = 0; i < file_types_count(types); i++)
		append(names, ", ", file_types_name(types, i));
	if (type)
		ctl_error("rules test: --type \"%s\": expected one of %s, or %s", type, names,
			  OTHER_TYPE);
	else
		ctl_error("rules test: --type is missing: expected one of %s, or %s", names,
			  OTHER_TYPE);
	return false;
}

static bool set_file(struct test *t, const struct options *o)
{
	if (!o->application) {
		ctl_error("rules test: --application is missing: expected a name such as "
			  "web-browsing");
		return false;
	}
	t->file.application = o->application;
	if (!o->direction ||
	    (strcmp(o->direction, "download") != 0 && strcmp(o->direction, "upload") != 0)) {
		ctl_error("rules test: --direction%s%s%s: expected download or upload",
			  o->direction ? " \"" : " is missing",
			  o->direction ? o->direction : "", o->direction ? "\"" : "");
		return false;
	}
	t->file.direction = o->direction[0] == 'u' ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD;
	t->file.size_known = o->size != UINT64_MAX;
	t->file.size = o->size;
	return set_kind(t, o->kind) && set_type(t, o->type);
}

static int test(const struct ctl *ctl, const struct ctl_config *cc, const struct options *o)
{
	struct test t = {.c = &cc->config, .rules = config_rules(&cc->config)};

	if (!set_file(&t, o))
		return CTL_USAGE;
	if (ctl->json)
		return ctl_print_json(test_json(&t));
	test_print(&t);
	return CTL_OK;
}

int ctl_rules(struct ctl *ctl, int argc, char **argv)
{
	static struct ctl_config cc;
	struct options o = {.size = UINT64_MAX};
	int status;

	argc = ctl_options("rules", ctl_rules_options, argc, argv, 1, &o);
	if (argc < 0)
		return CTL_USAGE;
	if (argc ? strcmp(argv[0], "test") != 0
		 : o.application || o.type || o.direction || o.kind || o.size != UINT64_MAX) {
		ctl_error("rules: %s%s%s: expected test, or only -c",
			  argc ? "\"" : "options of a file without test", argc ? argv[0] : "",
			  argc ? "\"" : "");
		return CTL_USAGE;
	}
	cc.path = o.config;
	if (!ctl_config_read(&cc))
		return CTL_FAILED;
	status = argc ? test(ctl, &cc, &o) : list(ctl, &cc);
	config_free(&cc.config);
	return status;
}
