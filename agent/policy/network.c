// SPDX-License-Identifier: MIT
#include "policy/network.h"

#include "lib/list.h"

#include <string.h>
#include <sys/socket.h>

static const struct sluice_prefix internal[] = {
	{.family = AF_INET, .length = 8, .ip = {10}},
	{.family = AF_INET, .length = 12, .ip = {172, 16}},
	{.family = AF_INET, .length = 16, .ip = {192, 168}},
	{.family = AF_INET, .length = 10, .ip = {100, 64}},
	{.family = AF_INET, .length = 8, .ip = {127}},
	{.family = AF_INET, .length = 16, .ip = {169, 254}},
	{.family = AF_INET6, .length = 128, .ip = {[15] = 1}},
	{.family = AF_INET6, .length = 7, .ip = {0xfc}},
	{.family = AF_INET6, .length = 10, .ip = {0xfe, 0x80}},
};

static struct endpoint plain(const struct endpoint *e)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct endpoint v4 = {.family = AF_INET};

	if (e->family != AF_INET6 || memcmp(e->ip, mapped, sizeof(mapped)) != 0)
		return *e;
	memcpy(v4.ip, e->ip + sizeof(mapped), 4);
	return v4;
}

static bool holds(const struct sluice_prefix *p, const struct endpoint *e)
{
	size_t bytes = p->length / 8;
	unsigned int rest = p->length % 8;

	return p->family == e->family && memcmp(p->ip, e->ip, bytes) == 0 &&
	       (rest == 0 || (p->ip[bytes] ^ e->ip[bytes]) >> (8 - rest) == 0);
}

const char *network_add(struct networks *n, size_t network, const char *text)
{
	const struct list_kind *kind = &list_kinds[LIST_UDP_PREFIXES];

	if (n->entries == NETWORK_PREFIXES_MAX)
		return "4096 prefixes at most, in all networks";
	if (!kind->parse(text, &n->entry[n->entries].prefix))
		return kind->expected;
	n->entry[n->entries++].network = (uint32_t)network;
	return NULL;
}

const char *network_name(const struct networks *n, const struct endpoint *e)
{
	struct endpoint address = plain(e);
	const char *name = NULL;
	int longest = -1;

	for (size_t i = 0; n && i < n->entries; i++) {
		if (n->entry[i].prefix.length <= longest ||
		    !holds(&n->entry[i].prefix, &address))
			continue;
		longest = n->entry[i].prefix.length;
		name = n->network[n->entry[i].network].name;
	}
	for (size_t i = 0; !name && i < sizeof(internal) / sizeof(internal[0]); i++)
		if (holds(&internal[i], &address))
			name = "internal";
	return name ? name : "external";
}
