/* SPDX-License-Identifier: MIT */
/*
 * Virtual systems and zones: names that the operator gave to parts of the network.
 *
 * A [vsys NAME] section is a list of conditions, and a session belongs to the first one,
 * in the order of the file, all of whose conditions hold.  Several sections may have the
 * same name: each is one more way into that system.  A [zone NAME] section names the
 * interfaces of one side.
 *
 * Paths of namespaces and names of VRFs mean something only at the moment: who can
 * look (supervisor/resolve.c) tells what they stand for now.  This here is pure.
 */
#ifndef SLUICE_POLICY_VSYS_H
#define SLUICE_POLICY_VSYS_H

#include "lib/sighting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VSYS_MAX 256	       /* sections of each kind */
#define VSYS_INTERFACES_MAX 16 /* patterns of one */
#define VSYS_INTERFACE_MAX 16  /* bytes of one, with its NUL: as the kernel has it */
#define VSYS_PATH_MAX 256      /* bytes of a namespace's path, with its NUL */
#define VSYS_KNOWN_MAX 40      /* what a name stands for, over namespaces and a while */
#define VSYS_KEEP_MS 60000     /* what it stood for before still counts: sessions go on */
#define VSYS_VLAN_MAX 4094
#define VSYS_CONNTRACK_ZONE_MAX 65535

/* The conditions, in this order everywhere. */
enum vsys_condition {
	VSYS_NETNS,
	VSYS_ZONE,
	VSYS_VRF,
	VSYS_VLAN,
	VSYS_INNER_VLAN,
	VSYS_INTERFACE,
	VSYS_CONDITION_COUNT
};

/* Name of its key. */
const char *vsys_condition_name(enum vsys_condition c);

/* What a path or a name stands for. */
struct vsys_known {
	uint64_t netns; /* where the name was looked up; 0: a path, the same everywhere */
	uint64_t value;
	uint64_t until; /* ms; UINT64_MAX: now */
};

struct vsys_resolved {
	struct vsys_known known[VSYS_KNOWN_MAX];
	size_t count;
};

struct vsys_patterns {
	char pattern[VSYS_INTERFACES_MAX][VSYS_INTERFACE_MAX];
	size_t count;
};

struct vsys {
	char name[256];
	int line;	/* of its section */
	uint32_t given; /* bits of its conditions */
	char netns[VSYS_PATH_MAX];
	uint64_t netns_inode; /* 0: netns is a path */
	uint32_t zone;
	char vrf[VSYS_INTERFACE_MAX];
	uint32_t vrf_index; /* 0: vrf is a name */
	uint32_t vlan, inner_vlan;
	struct vsys_patterns interfaces; /* of either side */
	struct vsys_resolved netns_now, vrf_now;
};

struct vsys_zone {
	char name[64];
	int line;
	char virtual_system[256]; /* only there; "": everywhere */
	struct vsys_patterns interfaces;
};

struct vsys_table {
	struct vsys vsys[VSYS_MAX];
	size_t count;
	struct vsys_zone zone[VSYS_MAX];
	size_t zones;
};

/*
 * Sets a condition from its text.  NULL, or what was expected instead.  interface is a
 * list, one word a call.
 */
const char *vsys_set(struct vsys *v, enum vsys_condition c, const char *text);
/* One more pattern; NULL, or what was expected. */
const char *vsys_pattern(struct vsys_patterns *p, const char *text);

/*
 * Whether whatever fits `later` fits `earlier` as well, as far as the text says: behind it
 * in the file `later` can never be chosen.
 */
bool vsys_covers(const struct vsys *earlier, const struct vsys *later);
bool vsys_zone_covers(const struct vsys_zone *earlier, const struct vsys_zone *later);

/*
 * The name stands for `value` now, in that namespace; 0: for nothing.  What it stood for
 * before is kept for VSYS_KEEP_MS; now is in ms, of a clock that only goes forward.  True
 * when something new is known.
 */
bool vsys_resolve(struct vsys_resolved *r, uint64_t netns, uint64_t value, uint64_t now);

/* The section that a session belongs to, or NULL. */
const struct vsys *vsys_find(const struct vsys_table *t, const struct session_info *s);
/* The zone of an interface of that virtual system (NULL: of none); NULL: it has none. */
const struct vsys_zone *vsys_zone_find(const struct vsys_table *t, const char *virtual_system,
				       const char interface[static 16]);

/*
 * Sets VIRTUAL_SYSTEM (otherwise: where no section fits; NULL: none), SENDER_ZONE and
 * RECEIVER_ZONE, and removes what was said there before.
 */
void vsys_complete(const struct vsys_table *t, const char *otherwise, struct sighting *s);

#endif
