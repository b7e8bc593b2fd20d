// SPDX-License-Identifier: MIT
/*
 * [share NAME] and [network NAME].
 */
#include "supervisor/config_parse.h"

#include "policy/preset.h"
#include "policy/user_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 1024

#define MODES "share, truncate, encrypt, pseudonymise, generalise or omit"

static void set_preset(struct parse *p, struct share *share, const char *value)
{
	share->has_preset = preset_find(value, &share->preset);
	if (!share->has_preset)
		config_bad(p, "preset: '%s': expected one of %s", value, preset_names());
}

static void set_key_file(struct parse *p, struct share *share, const char *value)
{
	if (value[0] != '/' || strlen(value) > PATH_BYTES) {
		config_bad(p, "key_file: '%s': expected an absolute path", value);
		return;
	}
	share->key_file = strdup(value);
	if (!share->key_file)
		config_bad(p, "key_file: out of memory");
}

static void set_key_period(struct parse *p, struct share *share, const char *value)
{
	if (!user_timeout_parse(value, &share->key_period))
		config_bad(p, "key_period: '%s': expected a time like 90d or 12h, or never",
			   value);
}

static void set_rest(struct parse *p, struct share *share, const char *value)
{
	unsigned int mode = policy_mode_find(value);

	share->has_default = true;
	share->rest = mode;
	if (mode == POLICY_MODE_COUNT)
		config_bad(p, "default: '%s': expected " MODES, value);
}

static const struct {
	const char *name;
	void (*set)(struct parse *p, struct share *share, const char *value);
} settings[] = {
	{"default", set_rest},
	{"preset", set_preset},
	{"key_file", set_key_file},
	{"key_period", set_key_period},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* False, and reported: it was given before. */
static bool first_time(struct parse *p, struct share *share, const char *name, uint32_t bit)
{
	if (share->given & bit) {
		config_bad(p, "%s: given twice in [share %s]", name, share->name);
		return false;
	}
	share->given |= bit;
	return true;
}

void config_set_share(struct parse *p, const char *name, const char *value)
{
	struct share *share = &p->share[p->index];
	enum sluice_field field = policy_field_find(name);

	for (size_t i = 0; i < SETTINGS; i++) {
		if (strcmp(settings[i].name, name) != 0)
			continue;
		if (first_time(p, share, name, 1u << (SLUICE_FIELD_COUNT + i)))
			settings[i].set(p, share, value);
		return;
	}
	if (field == SLUICE_FIELD_COUNT) {
		config_bad(p,
			   "'%s' is no field: expected default, preset, key_file, key_period "
			   "or one of the twelve fields (sluice.conf(5))",
			   name);
		return;
	}
	if (first_time(p, share, name, SLUICE_FIELD_BIT(field)) &&
	    !policy_field_parse(field, value, &share->policy.field[field]))
		config_bad(p, "%s: '%s': expected %s", name, value,
			   policy_field_expected(field));
}

static bool needs_key(const struct policy *p)
{
	unsigned int missing = 0;

	policy_keyless(*p, &missing);
	return missing;
}

/* What nobody names is as the preset or the default says, else omitted: fail closed. */
static void complete(struct parse *p, struct share *share)
{
	if (share->has_preset && share->has_default)
		config_bad_at(p, share->line,
			      "[share %s]: expected default or preset, not both", share->name);
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		if (share->given & SLUICE_FIELD_BIT(f))
			continue;
		if (share->has_preset)
			share->policy.field[f] = policy_get(&share->preset, f);
		else
			policy_set(&share->policy, f,
				   share->has_default ? share->rest : POLICY_OMIT);
	}
	if (needs_key(&share->policy) && !share->key_file)
		config_warn_at(p, share->line,
			       "[share %s]: what it encrypts or pseudonymises is omitted: "
			       "there is no key_file",
			       share->name);
	if (share->key_period && !share->key_file)
		config_bad_at(p, share->line, "[share %s]: key_period without a key_file",
			      share->name);
}

void config_finish_share(struct parse *p, struct share *share, size_t place)
{
	struct config *c = p->c;

	complete(p, share);
	c->share[place] = share->policy;
	c->has_share[place] = true;
	c->policy_key_file[place] = share->key_file;
	share->key_file = NULL;
	c->policy_key_period[place] = share->key_period;
}

/* ----------------------------------------------------------------- networks */

bool config_add_network(struct parse *p, const char *name)
{
	struct networks *n = p->c->networks;
	int line = 0;

	if (!n)
		n = p->c->networks = calloc(1, sizeof(*n));
	if (!n) {
		config_bad(p, "out of memory");
		return false;
	}
	for (size_t i = 0; i < n->count && !line; i++)
		if (strcmp(n->network[i].name, name) == 0)
			line = n->network[i].line;
	if (line)
		config_bad(p, "this section stands in line %d already", line);
	else if (strcmp(name, "internal") == 0 || strcmp(name, "external") == 0)
		config_bad(p, "[network %s]: that is what addresses of no network are called",
			   name);
	else if (n->count == NETWORK_NAMES_MAX)
		config_bad(p, "too many sections of this kind");
	else {
		snprintf(n->network[n->count].name, NETWORK_NAME_MAX, "%s", name);
		n->network[n->count].line = p->line;
		p->index = n->count++;
		return true;
	}
	return false;
}

static void add_prefix(struct parse *p, const struct key *k, void *base, const char *word)
{
	config_expected(p, k, word, network_add(p->c->networks, p->index, word));
}

void config_set_prefixes(struct parse *p, const struct key *k, void *base, const char *value)
{
	config_each_word(p, k, base, value, add_prefix);
}
