// SPDX-License-Identifier: MIT
#include "supervisor/passwd.h"

#include "supervisor/child.h"

#include <pwd.h>
#include <stdio.h>

#define PLACES 1024 /* a power of two; a uid has one, by its low bits */
#define NAME_ROOM 256
#define KEEP_MS 60000
#define ENTRY_ROOM 65536
#define SLOW_MS 500  /* a lookup that takes longer is waited for: by a directory, not a file */
#define SLOW_SHARE 9 /* times as long nobody is asked after it */

static struct place {
	uint32_t uid;
	uint64_t until; /* 0: empty */
	char name[NAME_ROOM];
} place[PLACES];

static uint64_t ask_at; /* not before */

static void ask(struct place *p, uint32_t uid, uint64_t now)
{
	static char room[ENTRY_ROOM];
	struct passwd entry, *found = NULL;
	uint64_t took;

	p->uid = uid;
	if (getpwuid_r(uid, &entry, room, sizeof(room), &found) == 0 && found &&
	    found->pw_name[0])
		snprintf(p->name, sizeof(p->name), "%s", found->pw_name);
	else
		snprintf(p->name, sizeof(p->name), "uid:%u", uid);
	took = child_clock() - now;
	if (took >= SLOW_MS)
		ask_at = now + took + SLOW_SHARE * took;
	p->until = now + took + KEEP_MS;
}

const char *passwd_name(uint32_t uid)
{
	static char number[16];
	struct place *p = &place[uid % PLACES];
	uint64_t now = child_clock();
	bool known = p->until && p->uid == uid;

	if (known && (now < p->until || now < ask_at))
		return p->name;
	if (now < ask_at) {
		snprintf(number, sizeof(number), "uid:%u", uid);
		return number;
	}
	ask(p, uid, now);
	return p->name;
}
