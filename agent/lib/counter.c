// SPDX-License-Identifier: MIT
#include "lib/counter.h"

#include <string.h>

static const struct {
	const char *name;
	const char *help;
} counters[COUNTER_COUNT] = {
#define COUNTER_ROW(id, name, help) [COUNTER_##id] = {#name, help},
	COUNTERS(COUNTER_ROW)
#undef COUNTER_ROW
};

const char *counter_name(enum counter c)
{
	return counters[c].name;
}

const char *counter_help(enum counter c)
{
	return counters[c].help;
}

enum counter counter_find(const char *name)
{
	unsigned int c;

	for (c = 0; c < COUNTER_COUNT; c++)
		if (!strcmp(counters[c].name, name))
			break;
	return c;
}
