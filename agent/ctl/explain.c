// SPDX-License-Identifier: MIT
/*
 * sluicectl policy explain: what becomes of each field for a cloud, and which section or switch
 * says so.
 */
#include "ctl/policy.h"

#include "supervisor/policy_files.h"
#include "supervisor/reasons.h"

#include <stdio.h>
#include <string.h>

static bool in_group(void *arg, const char *user, const char *group)
{
	const char *given = arg;

	(void)user;
	return given && strcmp(given, group) == 0;
}

static void collect(struct reasons *e, const struct config *c, size_t cloud,
		    const struct policy_options *o)
{
	struct narrow_subject subject = {
		.text =
			{
				[NARROW_CLOUD] = c->cloud[cloud].name,
				[NARROW_RULE] = o->rule,
				[NARROW_VIRTUAL_SYSTEM] = o->vsys,
				[NARROW_FILE_TYPE] = o->type,
				[NARROW_USER_GROUP] = o->group ? "" : NULL,
			},
		.in_group = in_group,
		.arg = (void *)o->group,
	};

	reasons_configured(e, c, cloud, &subject);
}

/* The module's switches, where it is loaded: it need not be here. */
static bool add_switches(struct reasons *e)
{
	uint32_t mask, generation;
	struct kernel kernel;
	bool ok;

	if (!kernel_open(&kernel))
		return false;
	ok = kernel_share_get(&kernel, &mask, &generation);
	kernel_close(&kernel);
	if (ok)
		reasons_add(e, "the kernel's switch",
			    policy_masked(policy_all(POLICY_SHARE), mask));
	return ok;
}

static void print(const struct ctl *ctl, const struct reasons *e, const char *cloud)
{
	static const char *const titles[] = {"FIELD", "BECOMES", "BECAUSE OF"};
	struct ctl_table *t = ctl->json ? NULL : ctl_table_new(titles, 3);
	json_t *fields = json_object();

	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		json_t *why = reasons_of(e, f), *name;
		char mode[POLICY_FIELD_TEXT_MAX], text[1024] = "";
		size_t i, n = 0;

		policy_field_text(&e->effective, f, mode);
		json_array_foreach(why, i, name) if (n < sizeof(text)) n +=
			(size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? ", " : "",
					 json_string_value(name));
		if (t) {
			ctl_table_cell(t, "%s", policy_field_name(f));
			ctl_table_cell(t, "%s", mode);
			ctl_table_cell(t, "%s", text);
		}
		json_object_set_new(fields, policy_field_name(f),
				    json_pack("{s:s, s:o}", "mode", mode, "because", why));
	}
	if (t)
		ctl_table_print(t);
	else
		ctl_print_json(json_pack("{s:s, s:O}", "cloud", cloud, "fields", fields));
	json_decref(fields);
}

/* A misspelled name would only fit nothing. */
static bool names_known(const struct config *c, const struct policy_options *o)
{
	size_t i = 0;

	if (o->type && file_types_find(c->file_types, o->type) == FILE_TYPES_MAX) {
		ctl_error("policy explain: there is no file type '%s': expected one of "
			  "sluicectl types",
			  o->type);
		return false;
	}
	while (o->rule && i < c->rules && strcmp(c->rule[i].name, o->rule) != 0)
		i++;
	if (o->rule && i == c->rules)
		ctl_error("policy explain: there is no [rule %s]", o->rule);
	return !o->rule || i < c->rules;
}

int ctl_policy_explain(struct ctl *ctl, const struct policy_options *o, int argc, char **argv)
{
	static struct ctl_config cc;
	static struct reasons e;
	const struct config *c = &cc.config;
	struct policy p;
	size_t cloud = 0;

	if (argc != 1) {
		ctl_error("policy explain: expected CLOUD, with --rule, --vsys, --type and "
			  "--group as they are");
		return CTL_USAGE;
	}
	cc.path = o->config;
	if (!ctl_config_read(&cc))
		return CTL_FAILED;
	if (!names_known(c, o) || !ctl_policy_of_cloud("policy explain", &cc, argv[0], &p)) {
		config_free(&cc.config);
		return CTL_FAILED;
	}
	while (strcmp(c->cloud[cloud].name, argv[0]) != 0)
		cloud++;
	policy_files_read(&cc.config);
	collect(&e, c, cloud, o);
	if (!add_switches(&e) && !ctl->json)
		ctl_warning("policy explain: the module is not loaded: its switches are not "
			    "looked at");
	reasons_keys(&e, c->policy_keys[cloud]);
	print(ctl, &e, argv[0]);
	config_free(&cc.config);
	return CTL_OK;
}
