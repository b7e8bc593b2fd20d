// SPDX-License-Identifier: MIT
#include "supervisor/vsys_command.h"

#include "supervisor/live.h"

static bool given(const struct vsys *v, enum vsys_condition c)
{
	return v->given & (1u << c);
}

static json_t *patterns(const struct vsys_patterns *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->count; i++)
		json_array_append_new(list, json_string(p->pattern[i]));
	return list;
}

/* A name, or the number given instead. */
static json_t *name_or_number(const char *name, uint64_t n)
{
	return n ? json_integer((json_int_t)n) : json_string(name);
}

static json_t *condition(const struct vsys *v, enum vsys_condition c)
{
	switch (c) {
	case VSYS_NETNS:
		return name_or_number(v->netns, v->netns_inode);
	case VSYS_ZONE:
		return json_integer(v->zone);
	case VSYS_VRF:
		return name_or_number(v->vrf, v->vrf_index);
	case VSYS_VLAN:
		return json_integer(v->vlan);
	case VSYS_INNER_VLAN:
		return json_integer(v->inner_vlan);
	default:
		return patterns(&v->interfaces);
	}
}

/* Only what is so now, not what it was before. */
static json_t *now(const struct vsys *v)
{
	json_t *root = json_object(), *list;

	if (given(v, VSYS_NETNS)) {
		list = json_array();
		if (v->netns_inode)
			json_array_append_new(list, json_integer((json_int_t)v->netns_inode));
		for (size_t i = 0; i < v->netns_now.count; i++)
			if (v->netns_now.known[i].until == UINT64_MAX)
				json_array_append_new(
					list,
					json_integer((json_int_t)v->netns_now.known[i].value));
		json_object_set_new(root, "netns", list);
	}
	if (given(v, VSYS_VRF) && !v->vrf_index) {
		list = json_array();
		for (size_t i = 0; i < v->vrf_now.count; i++)
			if (v->vrf_now.known[i].until == UINT64_MAX)
				json_array_append_new(
					list, json_pack("{s:I, s:I}", "netns",
							(json_int_t)v->vrf_now.known[i].netns,
							"ifindex",
							(json_int_t)v->vrf_now.known[i].value));
		json_object_set_new(root, "vrf", list);
	}
	return root;
}

static void tell_vsys(struct control_client *client, const struct vsys *v)
{
	json_t *conditions = json_object();

	for (enum vsys_condition c = 0; c < VSYS_CONDITION_COUNT; c++)
		if (given(v, c))
			json_object_set_new(conditions, vsys_condition_name(c),
					    condition(v, c));
	control_line(client, json_pack("{s:s, s:i, s:o, s:o}", "vsys", v->name, "line", v->line,
				       "conditions", conditions, "now", now(v)));
}

static void tell_zone(struct control_client *client, const struct vsys_zone *z)
{
	json_t *line = json_pack("{s:s, s:i, s:o}", "zone", z->name, "line", z->line,
				 "interface", patterns(&z->interfaces));

	if (line && z->virtual_system[0])
		json_object_set_new(line, "virtual_system", json_string(z->virtual_system));
	control_line(client, line);
}

void vsys_command(struct control_client *client, void *arg, json_t *request)
{
	const struct supervisor *s = arg;
	const struct vsys_table *t = &s->c->vsys;

	(void)request;
	for (size_t i = 0; i < t->count; i++)
		tell_vsys(client, &t->vsys[i]);
	for (size_t i = 0; i < t->zones; i++)
		tell_zone(client, &t->zone[i]);
	for (size_t i = 0; i < s->namespaces; i++)
		control_line(client, json_pack("{s:s?, s:I}", "namespace", s->namespace[i].path,
					       "inode", (json_int_t)s->namespace[i].inode));
	control_line(client, json_pack("{s:s?}", "otherwise", s->c->virtual_system));
}
