// SPDX-License-Identifier: MIT
/*
 * [vsys NAME] and [zone NAME], and the namespaces of [capture].
 */
#include "supervisor/config_parse.h"

#include <string.h>

static bool text_name_good(const char *name, size_t max)
{
	size_t n = strlen(name);

	return n > 0 && n <= max;
}

bool config_add_vsys(struct parse *p, const char *name)
{
	struct vsys_table *t = &p->c->vsys;
	struct vsys *v = &t->vsys[t->count];

	if (!text_name_good(name, sizeof(v->name) - 1)) {
		config_bad(p, "[vsys NAME]: expected a name of 1 to %zu bytes",
			   sizeof(v->name) - 1);
		return false;
	}
	if (t->count == VSYS_MAX) {
		config_bad(p, "more than %d sections of this kind", VSYS_MAX);
		return false;
	}
	memset(v, 0, sizeof(*v));
	strcpy(v->name, name);
	v->line = p->line;
	p->index = t->count++;
	return true;
}

bool config_add_zone(struct parse *p, const char *name)
{
	struct vsys_table *t = &p->c->vsys;
	struct vsys_zone *z = &t->zone[t->zones];

	if (!text_name_good(name, sizeof(z->name) - 1)) {
		config_bad(p, "[zone NAME]: expected a name of 1 to %zu bytes",
			   sizeof(z->name) - 1);
		return false;
	}
	if (t->zones == VSYS_MAX) {
		config_bad(p, "more than %d sections of this kind", VSYS_MAX);
		return false;
	}
	memset(z, 0, sizeof(*z));
	strcpy(z->name, name);
	z->line = p->line;
	p->index = t->zones++;
	return true;
}

static void add_interface(struct parse *p, const struct key *k, void *base, const char *word)
{
	config_expected(p, k, word, vsys_set(base, VSYS_INTERFACE, word));
}

void config_set_condition(struct parse *p, const struct key *k, void *base, const char *value)
{
	enum vsys_condition c = 0;

	while (strcmp(vsys_condition_name(c), k->name) != 0)
		c++;
	if (c == VSYS_INTERFACE)
		config_each_word(p, k, base, value, add_interface);
	else
		config_expected(p, k, value, vsys_set(base, c, value));
}

static void add_pattern(struct parse *p, const struct key *k, void *base, const char *word)
{
	struct vsys_zone *z = base;

	config_expected(p, k, word, vsys_pattern(&z->interfaces, word));
}

void config_set_zone_interface(struct parse *p, const struct key *k, void *base,
			       const char *value)
{
	config_each_word(p, k, base, value, add_pattern);
}

void config_set_zone_vsys(struct parse *p, const struct key *k, void *base, const char *value)
{
	struct vsys_zone *z = base;

	if (strlen(value) < sizeof(z->virtual_system))
		strcpy(z->virtual_system, value);
	else
		config_bad(p, "%s: longer than %zu bytes", k->name,
			   sizeof(z->virtual_system) - 1);
}

static const char *add_path(struct config *c, const char *word)
{
	if (word[0] != '/' || strlen(word) >= VSYS_PATH_MAX)
		return "an absolute path like /run/netns/blue";
	for (size_t i = 0; i < c->netns_count; i++)
		if (strcmp(c->netns[i], word) == 0)
			return "each namespace once";
	if (c->netns_count == CONFIG_NETNS_MAX)
		return "16 namespaces at most";
	strcpy(c->netns[c->netns_count++], word);
	return NULL;
}

static void add_netns(struct parse *p, const struct key *k, void *base, const char *word)
{
	config_expected(p, k, word, add_path(base, word));
}

void config_set_netns(struct parse *p, const struct key *k, void *base, const char *value)
{
	config_each_word(p, k, base, value, add_netns);
}

static bool vsys_named(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->vsys.count; i++)
		if (strcmp(c->vsys.vsys[i].name, name) == 0)
			return true;
	return c->virtual_system && strcmp(c->virtual_system, name) == 0;
}

static void finish_vsys(struct parse *p, size_t i)
{
	const struct vsys_table *t = &p->c->vsys;
	const struct vsys *v = &t->vsys[i];

	if (!v->given) {
		config_bad_at(p, v->line,
			      "[vsys %s] has no condition: expected netns, zone, vrf, vlan, "
			      "inner_vlan or interface (for everything else there is "
			      "virtual_system in [capture])",
			      v->name);
		return;
	}
	for (size_t k = 0; k < i; k++) {
		if (!t->vsys[k].given || !vsys_covers(&t->vsys[k], v))
			continue;
		config_bad_at(p, v->line,
			      "[vsys %s] can never be chosen: whatever fits it fits [vsys %s] "
			      "in line %d before it: expected a condition that one has not, or "
			      "the other order",
			      v->name, t->vsys[k].name, t->vsys[k].line);
		return;
	}
}

static void finish_zone(struct parse *p, size_t i)
{
	const struct vsys_table *t = &p->c->vsys;
	const struct vsys_zone *z = &t->zone[i];

	if (!z->interfaces.count) {
		config_bad_at(p, z->line,
			      "[zone %s] has no interface: expected interface = "
			      "NAME, ...",
			      z->name);
		return;
	}
	if (z->virtual_system[0] && !vsys_named(p->c, z->virtual_system))
		config_bad_at(p, z->line, "[zone %s]: virtual_system: there is no [vsys %s]",
			      z->name, z->virtual_system);
	for (size_t k = 0; k < i; k++) {
		if (!t->zone[k].interfaces.count || !vsys_zone_covers(&t->zone[k], z))
			continue;
		config_bad_at(p, z->line,
			      "[zone %s] can never be chosen: its interfaces are those of "
			      "[zone %s] in line %d before it",
			      z->name, t->zone[k].name, t->zone[k].line);
		return;
	}
}

void config_finish_vsys(struct parse *p)
{
	struct config *c = p->c;
	size_t namespaces = c->netns_count ? c->netns_count : 1;

	for (size_t i = 0; i < c->vsys.count; i++)
		finish_vsys(p, i);
	for (size_t i = 0; i < c->vsys.zones; i++)
		finish_zone(p, i);
	if (c->rings * namespaces > SLUICE_RINGS_MAX)
		config_bad_at(p, p->section_line[SECTION_CAPTURE],
			      "rings (%u) in %zu namespaces: expected %d rings at most in all",
			      c->rings, namespaces, SLUICE_RINGS_MAX);
}
