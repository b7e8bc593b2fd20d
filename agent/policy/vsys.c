// SPDX-License-Identifier: MIT
#include "policy/vsys.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

const char *vsys_condition_name(enum vsys_condition c)
{
	static const char *const names[VSYS_CONDITION_COUNT] = {
		[VSYS_NETNS] = "netns",
		[VSYS_ZONE] = "zone",
		[VSYS_VRF] = "vrf",
		[VSYS_VLAN] = "vlan",
		[VSYS_INNER_VLAN] = "inner_vlan",
		[VSYS_INTERFACE] = "interface",
	};

	return (unsigned int)c < VSYS_CONDITION_COUNT ? names[c] : "unknown";
}

/* -------------------------------------------------------------------- texts */

/* A decimal number without a sign; false: it is none, or out of range. */
static bool number(const char *text, uint64_t min, uint64_t max, uint64_t *n)
{
	*n = 0;
	if (!text[0])
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(*n, 10, n) ||
		    __builtin_add_overflow(*n, (uint64_t)(*text - '0'), n))
			return false;
	return *n >= min && *n <= max;
}

/* A name the kernel would give to an interface, wildcards included. */
static bool interface_good(const char *text)
{
	size_t n = strcspn(text, "/: \t");

	return n > 0 && n < VSYS_INTERFACE_MAX && !text[n];
}

const char *vsys_pattern(struct vsys_patterns *p, const char *text)
{
	if (!interface_good(text))
		return "the name of an interface, at most 15 bytes, * and ? and [...] allowed";
	if (p->count == VSYS_INTERFACES_MAX)
		return "at most 16 of them";
	strcpy(p->pattern[p->count++], text);
	return NULL;
}

static const char *set_number(uint32_t *to, const char *text, uint64_t min, uint64_t max,
			      const char *expected)
{
	uint64_t n;

	if (!number(text, min, max, &n))
		return expected;
	*to = (uint32_t)n;
	return NULL;
}

static const char *set_netns(struct vsys *v, const char *text)
{
	if (number(text, 1, UINT64_MAX, &v->netns_inode))
		return NULL;
	v->netns_inode = 0;
	if (text[0] != '/' || strlen(text) >= sizeof(v->netns))
		return "an absolute path like /run/netns/blue, or an inode number";
	strcpy(v->netns, text);
	return NULL;
}

static const char *set_vrf(struct vsys *v, const char *text)
{
	uint64_t n;

	if (number(text, 1, INT32_MAX, &n)) {
		v->vrf_index = (uint32_t)n;
		return NULL;
	}
	if (!interface_good(text) || strpbrk(text, "*?["))
		return "the name of a VRF's interface, or its index";
	strcpy(v->vrf, text);
	return NULL;
}

const char *vsys_set(struct vsys *v, enum vsys_condition c, const char *text)
{
	const char *expected = NULL;

	switch (c) {
	case VSYS_NETNS:
		expected = set_netns(v, text);
		break;
	case VSYS_ZONE:
		expected = set_number(&v->zone, text, 0, VSYS_CONNTRACK_ZONE_MAX,
				      "a conntrack zone, 0 to 65535");
		break;
	case VSYS_VRF:
		expected = set_vrf(v, text);
		break;
	case VSYS_VLAN:
		expected = set_number(&v->vlan, text, 1, VSYS_VLAN_MAX, "a VLAN id, 1 to 4094");
		break;
	case VSYS_INNER_VLAN:
		expected = set_number(&v->inner_vlan, text, 1, VSYS_VLAN_MAX,
				      "a VLAN id, 1 to 4094");
		break;
	default:
		expected = vsys_pattern(&v->interfaces, text);
	}
	if (!expected)
		v->given |= 1u << c;
	return expected;
}

/* --------------------------------------------------------------- never chosen */

static bool patterns_cover(const struct vsys_patterns *earlier,
			   const struct vsys_patterns *later)
{
	for (size_t i = 0; i < later->count; i++) {
		size_t k = 0;

		while (k < earlier->count &&
		       strcmp(earlier->pattern[k], later->pattern[i]) != 0 &&
		       strcmp(earlier->pattern[k], "*") != 0)
			k++;
		if (k == earlier->count)
			return false;
	}
	return true;
}

bool vsys_covers(const struct vsys *earlier, const struct vsys *later)
{
	uint32_t given = earlier->given;

	if (given & ~later->given)
		return false;
	if (given & (1u << VSYS_NETNS) && (earlier->netns_inode != later->netns_inode ||
					   strcmp(earlier->netns, later->netns) != 0))
		return false;
	if (given & (1u << VSYS_ZONE) && earlier->zone != later->zone)
		return false;
	if (given & (1u << VSYS_VRF) &&
	    (earlier->vrf_index != later->vrf_index || strcmp(earlier->vrf, later->vrf) != 0))
		return false;
	if (given & (1u << VSYS_VLAN) && earlier->vlan != later->vlan)
		return false;
	if (given & (1u << VSYS_INNER_VLAN) && earlier->inner_vlan != later->inner_vlan)
		return false;
	return !(given & (1u << VSYS_INTERFACE)) ||
	       patterns_cover(&earlier->interfaces, &later->interfaces);
}

bool vsys_zone_covers(const struct vsys_zone *earlier, const struct vsys_zone *later)
{
	if (earlier->virtual_system[0] &&
	    strcmp(earlier->virtual_system, later->virtual_system) != 0)
		return false;
	return patterns_cover(&earlier->interfaces, &later->interfaces);
}

/* ------------------------------------------------------------------ resolution */

static void expire(struct vsys_resolved *r, uint64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++)
		if (r->known[i].until > now)
			r->known[kept++] = r->known[i];
	r->count = kept;
}

/* Room for one more; what ends soonest has to go where there is none. */
static struct vsys_known *place(struct vsys_resolved *r)
{
	struct vsys_known *oldest = &r->known[0];

	if (r->count < VSYS_KNOWN_MAX)
		return &r->known[r->count++];
	for (size_t i = 1; i < r->count; i++)
		if (r->known[i].until < oldest->until)
			oldest = &r->known[i];
	return oldest;
}

bool vsys_resolve(struct vsys_resolved *r, uint64_t netns, uint64_t value, uint64_t now)
{
	bool there = false, changed = false;

	expire(r, now);
	for (size_t i = 0; i < r->count; i++) {
		struct vsys_known *k = &r->known[i];

		if (k->netns != netns)
			continue;
		if (k->value == value) {
			there = true;
			changed |= k->until != UINT64_MAX;
			k->until = UINT64_MAX;
		} else if (k->until == UINT64_MAX) {
			changed = true;
			k->until = now + VSYS_KEEP_MS;
		}
	}
	if (!there && value) {
		*place(r) = (struct vsys_known){netns, value, UINT64_MAX};
		changed = true;
	}
	return changed;
}

static bool stands_for(const struct vsys_resolved *r, uint64_t netns, uint64_t value)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->known[i].netns == netns && r->known[i].value == value)
			return true;
	return false;
}

/* -------------------------------------------------------------------- matching */

static bool patterns_match(const struct vsys_patterns *p, const char name[static 16])
{
	if (!name[0])
		return false;
	for (size_t i = 0; i < p->count; i++)
		if (fnmatch(p->pattern[i], name, 0) == 0)
			return true;
	return false;
}

static bool holds(const struct vsys *v, enum vsys_condition c, const struct session_info *s)
{
	switch (c) {
	case VSYS_NETNS:
		return v->netns_inode ? s->netns == v->netns_inode
				      : s->netns && stands_for(&v->netns_now, 0, s->netns);
	case VSYS_ZONE:
		/* A capture file has no zones: zone 0 is one of a live session. */
		return s->netns && s->zone == v->zone;
	case VSYS_VRF:
		if (!s->vrf)
			return false;
		return v->vrf_index ? s->vrf == v->vrf_index
				    : stands_for(&v->vrf_now, s->netns, s->vrf);
	case VSYS_VLAN:
		return s->vlan[0] == v->vlan;
	case VSYS_INNER_VLAN:
		return s->vlan[1] == v->inner_vlan;
	default:
		return patterns_match(&v->interfaces, s->in_name) ||
		       patterns_match(&v->interfaces, s->out_name);
	}
}

static bool fits(const struct vsys *v, const struct session_info *s)
{
	for (enum vsys_condition c = 0; c < VSYS_CONDITION_COUNT; c++)
		if (v->given & (1u << c) && !holds(v, c, s))
			return false;
	return v->given != 0;
}

const struct vsys *vsys_find(const struct vsys_table *t, const struct session_info *s)
{
	for (size_t i = 0; i < t->count; i++)
		if (fits(&t->vsys[i], s))
			return &t->vsys[i];
	return NULL;
}

const struct vsys_zone *vsys_zone_find(const struct vsys_table *t, const char *virtual_system,
				       const char interface[static 16])
{
	for (size_t i = 0; i < t->zones; i++) {
		const struct vsys_zone *z = &t->zone[i];

		if (z->virtual_system[0] &&
		    (!virtual_system || strcmp(z->virtual_system, virtual_system) != 0))
			continue;
		if (patterns_match(&z->interfaces, interface))
			return z;
	}
	return NULL;
}

static void set(struct sighting *s, enum sighting_text which, const char *text)
{
	sighting_set(s, which, text, text ? strlen(text) : 0);
}

void vsys_complete(const struct vsys_table *t, const char *otherwise, struct sighting *s)
{
	const struct vsys *v = vsys_find(t, &s->session);
	const char *name = v ? v->name : otherwise;
	/* in_name is the opener's side. */
	const char *sides[DIR_COUNT] = {s->session.in_name, s->session.out_name};
	enum dir sender = sighting_sender(s);
	const struct vsys_zone *from = vsys_zone_find(t, name, sides[sender]);
	const struct vsys_zone *to = vsys_zone_find(t, name, sides[dir_other(sender)]);

	set(s, SIGHTING_VIRTUAL_SYSTEM, name);
	set(s, SIGHTING_SENDER_ZONE, from ? from->name : NULL);
	set(s, SIGHTING_RECEIVER_ZONE, to ? to->name : NULL);
}
