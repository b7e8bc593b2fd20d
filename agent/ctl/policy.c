// SPDX-License-Identifier: MIT
/*
 * sluicectl policy: what leaves, by the configuration; named policies, and PAN-OS's.
 */
#include "ctl/policy.h"

#include "ctl/agent.h"
#include "ctl/input.h"
#include "ctl/sighting_text.h"
#include "lib/log.h"
#include "policy/panos.h"
#include "policy/preset.h"
#include "supervisor/policy_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define XML_MAX (64u << 20) /* bytes; whole configurations are exported too */

const struct ctl_option ctl_policy_options[] = {
	CTL_CONFIG_OPTION(offsetof(struct policy_options, config)),
	{0, "name", "CLOUD", "import: for [share CLOUD]", NULL, ctl_take_text,
	 offsetof(struct policy_options, name)},
	{'r', "rule", "NAME", "explain: chosen by that rule", NULL, ctl_take_text,
	 offsetof(struct policy_options, rule)},
	{0, "vsys", "NAME", "explain: seen in that virtual system", NULL, ctl_take_text,
	 offsetof(struct policy_options, vsys)},
	{'t', "type", "TYPE", "explain: a file of that type", NULL, ctl_take_text,
	 offsetof(struct policy_options, type)},
	{'g', "group", "NAME", "explain: of a user in that group", NULL, ctl_take_text,
	 offsetof(struct policy_options, group)},
	{0, "sighting", "ID", "preview: of that sighting", NULL, ctl_take_text,
	 offsetof(struct policy_options, sighting)},
	{0, "sample", "SHA256", "preview: of every sighting of that sample", NULL,
	 ctl_take_text, offsetof(struct policy_options, sample)},
	{'n', "last", "N", "preview: of the last N that were to leave; default 1", NULL,
	 ctl_take_count, offsetof(struct policy_options, last)},
	{0, "cloud", "NAME", "preview: for that cloud alone", NULL, ctl_take_text,
	 offsetof(struct policy_options, cloud)},
	{0, "raw", "REQUEST", "preview: the exact body of that request, with the API key",
	 "get/verdict submit/file submit/link store", ctl_take_text,
	 offsetof(struct policy_options, raw)},
	{'m', "members", NULL, "export: <member> elements instead of yes", NULL, ctl_take_flag,
	 offsetof(struct policy_options, members)},
	CTL_OPTIONS_END};

static json_t *policy_json(const struct policy *p)
{
	char text[POLICY_FIELD_TEXT_MAX];
	json_t *o = json_object();

	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		json_object_set_new(o, policy_field_name(f),
				    json_string(policy_field_text(p, f, text)));
	return o;
}

/* ------------------------------------------------------------------ presets */

static int list_presets(struct ctl *ctl, const struct policy_options *o, int argc, char **argv)
{
	const char *titles[1 + 8] = {"FIELD"};
	char text[POLICY_FIELD_TEXT_MAX];
	struct policy p;
	struct ctl_table *t;
	json_t *all;

	(void)o;
	(void)argv;
	if (argc) {
		ctl_error("policy presets: expected nothing behind it");
		return CTL_USAGE;
	}
	if (ctl->json) {
		all = json_array();
		for (size_t i = 0; i < preset_count; i++) {
			preset_find(presets[i].name, &p);
			json_array_append_new(all, json_pack("{s:s, s:s, s:o}", "name",
							     presets[i].name, "what",
							     presets[i].what, "fields",
							     policy_json(&p)));
		}
		return ctl_print_json(all);
	}
	for (size_t i = 0; i < preset_count; i++) {
		printf("%-13s %s\n", presets[i].name, presets[i].what);
		titles[1 + i] = presets[i].name;
	}
	putchar('\n');
	t = ctl_table_new(titles, 1 + preset_count);
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		ctl_table_cell(t, "%s", policy_field_name(f));
		for (size_t i = 0; i < preset_count; i++) {
			preset_find(presets[i].name, &p);
			ctl_table_cell(t, "%s", policy_field_text(&p, f, text));
		}
	}
	ctl_table_print(t);
	return CTL_OK;
}

/* ------------------------------------------------------------ import, export */

static bool read_panos(const char *command, const char *path, struct policy *p)
{
	char error[PANOS_ERROR_MAX], *text = ctl_read_all(command, path, XML_MAX);
	bool ok;

	if (!text)
		return false;
	ok = panos_read(text, strlen(text), p, error);
	if (!ok)
		ctl_error("%s: %s: %s", command, path, error);
	free(text);
	return ok;
}

static int import_panos(struct ctl *ctl, const struct policy_options *o, int argc, char **argv)
{
	const char *name = o->name ? o->name : "NAME";
	struct policy p;

	if (argc != 1) {
		ctl_error("policy import: expected FILE, an XML configuration of PAN-OS");
		return CTL_USAGE;
	}
	if (!read_panos("policy import", argv[0], &p))
		return CTL_FAILED;
	if (ctl->json)
		return ctl_print_json(
			json_pack("{s:s, s:o}", "cloud", name, "fields", policy_json(&p)));
	printf("[share %s]\n", name);
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++)
		printf("%s = %s\n", policy_field_name(f), policy_mode_name(policy_mode(&p, f)));
	return CTL_OK;
}

bool ctl_policy_of_cloud(const char *command, struct ctl_config *cc, const char *name,
			 struct policy *p)
{
	const struct config *c = &cc->config;

	for (size_t i = 0; i < c->clouds; i++) {
		if (strcmp(c->cloud[i].name, name) != 0)
			continue;
		*p = c->share[i];
		if (c->has_share[i])
			return true;
		ctl_error("%s: there is no [share %s] in %s: it receives nothing", command,
			  name, ctl_config_name(cc));
		return false;
	}
	ctl_error("%s: '%s': expected a [cloud] of %s", command, name, ctl_config_name(cc));
	return false;
}

static int export_panos(struct ctl *ctl, const struct policy_options *o, int argc, char **argv)
{
	static struct ctl_config cc;
	unsigned int narrowed = 0;
	struct policy p;
	struct buf out;
	bool ok;

	if (argc != 1 || ctl->json) {
		ctl_error("policy export: expected CLOUD or the name of a preset; prints XML");
		return CTL_USAGE;
	}
	if (!preset_find(argv[0], &p)) {
		cc.path = o->config;
		if (!ctl_config_read(&cc))
			return CTL_FAILED;
		ok = ctl_policy_of_cloud("policy export", &cc, argv[0], &p);
		config_free(&cc.config);
		if (!ok)
			return CTL_FAILED;
	}
	buf_init(&out, 65536);
	narrowed = panos_write(&p, o->members, &out);
	ok = !out.failed;
	if (ok)
		fputs(buf_string(&out), stdout);
	else
		ctl_error("out of memory");
	buf_free(&out);
	if (narrowed)
		ctl_warning("policy export: %u fields are neither shared nor omitted; PAN-OS "
			    "knows nothing else, they are excluded there",
			    narrowed);
	return ok ? CTL_OK : CTL_FAILED;
}

/* --------------------------------------------------------------------- diff */

/* A preset, a cloud of the configuration, or what a path names. */
static bool operand(const struct policy_options *o, const char *name, struct policy *p)
{
	static struct ctl_config cc;
	bool ok;

	if (strchr(name, '/'))
		return read_panos("policy diff", name, p);
	if (preset_find(name, p))
		return true;
	cc.path = o->config;
	if (!ctl_config_read(&cc))
		return false;
	ok = ctl_policy_of_cloud("policy diff", &cc, name, p);
	config_free(&cc.config);
	return ok;
}

/* How a field of b stands to that of a; NULL: the same. */
static const char *relation(const struct policy *a, const struct policy *b,
			    enum sluice_field field)
{
	struct policy x = policy_all(POLICY_SHARE), y = x;
	bool within, without;

	x.field[field] = policy_get(a, field);
	y.field[field] = policy_get(b, field);
	within = policy_within(&y, &x);
	without = policy_within(&x, &y);
	if (within && without)
		return NULL;
	return within ? "stricter" : without ? "looser" : "neither";
}

static int diff(struct ctl *ctl, const struct policy_options *o, int argc, char **argv)
{
	const char *titles[] = {"FIELD", NULL, NULL, "IS"};
	char one[POLICY_FIELD_TEXT_MAX], other[POLICY_FIELD_TEXT_MAX];
	struct ctl_table *t;
	unsigned int differences = 0;
	struct policy a, b;
	json_t *fields;

	if (argc != 2) {
		ctl_error("policy diff: expected two of: a preset (%s), a [cloud] of the "
			  "configuration, the path of an XML configuration of PAN-OS",
			  preset_names());
		return CTL_USAGE;
	}
	if (!operand(o, argv[0], &a) || !operand(o, argv[1], &b))
		return CTL_FAILED;
	titles[1] = argv[0];
	titles[2] = argv[1];
	fields = json_object();
	t = ctl_table_new(titles, 4);
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		const char *is = relation(&a, &b, f);

		if (!is)
			continue;
		differences++;
		policy_field_text(&a, f, one);
		policy_field_text(&b, f, other);
		json_object_set_new(fields, policy_field_name(f),
				    json_pack("[s, s, s]", one, other, is));
		ctl_table_cell(t, "%s", policy_field_name(f));
		ctl_table_cell(t, "%s", one);
		ctl_table_cell(t, "%s", other);
		ctl_table_cell(t, "%s", is);
		ctl_table_colour(t, *is == 's' ? COLOUR_GREEN : COLOUR_RED);
	}
	if (ctl->json)
		ctl_print_json(json_incref(fields));
	else if (differences)
		ctl_table_flush(t);
	else
		puts("no difference");
	ctl_table_free(t);
	json_decref(fields);
	return differences ? CTL_FAILED : CTL_OK;
}

/* --------------------------------------------------------------------- show */

static void keep(void *arg, json_t *line)
{
	json_t **kept = arg;

	json_decref(*kept);
	*kept = json_incref(line);
}

static void print_document(const json_t *document, json_int_t first)
{
	static const char *const titles[] = {"FIELD", "BECAME"};
	const json_t *fields = json_object_get(document, "fields"),
		     *networks = json_object_get(document, "networks");
	const char *key = json_string_value(json_object_get(document, "key"));
	struct ctl_table *t = ctl_table_new(titles, 2);
	char when[TIME_TEXT_MAX];

	printf("cloud %s, key %s, first used %s\n\n",
	       json_string_value(json_object_get(document, "cloud")), key ? key : "none",
	       time_local_ms(first, when));
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		const char *mode =
			json_string_value(json_object_get(fields, policy_field_name(f)));

		ctl_table_cell(t, "%s", policy_field_name(f));
		ctl_table_cell(t, "%s", mode ? mode : "?");
	}
	ctl_table_print(t);
	if (json_object_size(networks)) {
		fputs("\nnetworks ", stdout);
		json_dumpf(networks, stdout, JSON_COMPACT);
		putchar('\n');
	}
}

static int show(struct ctl *ctl, const struct policy_options *o, int argc, char **argv)
{
	json_t *answer = NULL;
	int status = CTL_FAILED;

	(void)o;
	if (argc != 1) {
		ctl_error("policy show: expected ID, the sluice.policy.id of an envelope or "
			  "the policy of a line of the ledger");
		return CTL_USAGE;
	}
	if (agent_call(ctl->run_dir,
		       json_pack("{s:s, s:s}", "command", "policy.show", "id", argv[0]), keep,
		       &answer)) {
		status = CTL_OK;
		if (ctl->json)
			return ctl_print_json(answer);
		print_document(json_object_get(answer, "document"),
			       json_integer_value(json_object_get(answer, "first")));
	}
	json_decref(answer);
	return status;
}

/* --------------------------------------------------------------------- keys */

static int keygen(struct ctl *ctl, const struct policy_options *o, int argc, char **argv)
{
	char id[POLICY_KEY_ID_MAX];
	struct timespec now;

	(void)o;
	if (argc != 1) {
		ctl_error("policy keygen: expected FILE, a key_file of sluice.conf(5)");
		return CTL_USAGE;
	}
	log_init("sluicectl", LOG_LEVEL_WARNING);
	clock_gettime(CLOCK_REALTIME, &now);
	if (!policy_files_add(argv[0],
			      (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec, id))
		return CTL_FAILED;
	if (ctl->json)
		return ctl_print_json(json_pack("{s:s, s:s}", "file", argv[0], "key", id));
	printf("%s: key %s is the current one; a running agent reads it at its next reload\n",
	       argv[0], id);
	return CTL_OK;
}

/* ------------------------------------------------------------------ commands */

static const struct {
	const char *name;
	int (*run)(struct ctl *ctl, const struct policy_options *o, int argc, char **argv);
} commands[] = {
	{"show", show},
	{"preview", ctl_policy_preview},
	{"explain", ctl_policy_explain},
	{"presets", list_presets},
	{"diff", diff},
	{"import", import_panos},
	{"export", export_panos},
	{"keygen", keygen},
};

int ctl_policy(struct ctl *ctl, int argc, char **argv)
{
	struct policy_options o = {0};
	int n = ctl_options("policy", ctl_policy_options, argc, argv, 3, &o);

	if (n < 0)
		return CTL_USAGE;
	for (size_t i = 0; n && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[0]) == 0)
			return commands[i].run(ctl, &o, n - 1, argv + 1);
	ctl_error("policy: expected one of " CTL_POLICY_WORDS);
	return CTL_USAGE;
}
