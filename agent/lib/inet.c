// SPDX-License-Identifier: MIT
#include "lib/inet.h"

#include <arpa/inet.h>
#include <string.h>

static size_t inet_size(uint8_t family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

const char *inet_text(const struct endpoint *e, char text[static INET_TEXT_MAX])
{
	text[0] = 0;
	if (inet_size(e->family))
		inet_ntop(e->family, e->ip, text, INET_TEXT_MAX);
	return text;
}

bool inet_parse(const char *text, struct endpoint *e)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	size_t i;

	for (i = 0; i < sizeof(families); i++) {
		*e = (struct endpoint){.family = families[i]};
		if (inet_pton(families[i], text, e->ip) == 1)
			return true;
	}
	*e = (struct endpoint){0};
	return false;
}

bool inet_check(struct endpoint *e)
{
	size_t used = inet_size(e->family);

	if (!used && e->family)
		return false;
	e->reserved = 0;
	memset(e->ip + used, 0, sizeof(e->ip) - used);
	return true;
}

bool inet_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && a->port == b->port &&
	       !memcmp(a->ip, b->ip, inet_size(a->family));
}
