// SPDX-License-Identifier: MIT
#include "lib/list.h"

#include "lib/inet.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* A decimal number up to max, and nothing else; *end is behind it. */
static bool number(const char *p, unsigned int max, unsigned int *value, const char **end)
{
	const char *from = p;

	*value = 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		*value = *value * 10 + (unsigned int)(*p - '0');
		if (*value > max)
			return false;
	}
	*end = p;
	return p != from;
}

static bool udp_ports_parse(const char *word, void *entry)
{
	struct sluice_port_range *r = entry;
	unsigned int first, last;
	const char *end;

	if (!number(word, UINT16_MAX, &first, &end))
		return false;
	last = first;
	if (*end == '-' && !number(end + 1, UINT16_MAX, &last, &end))
		return false;
	*r = (struct sluice_port_range){.first = (uint16_t)first, .last = (uint16_t)last};
	return *end == '\0' && first >= 1 && first <= last;
}

static void udp_ports_text(const void *entry, char text[static LIST_ENTRY_TEXT])
{
	const struct sluice_port_range *r = entry;

	if (r->first == r->last)
		snprintf(text, LIST_ENTRY_TEXT, "%u", r->first);
	else
		snprintf(text, LIST_ENTRY_TEXT, "%u-%u", r->first, r->last);
}

static bool bits_clear(const uint8_t *ip, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++)
		if (ip[i / 8] & 0x80 >> i % 8)
			return false;
	return true;
}

static bool udp_prefixes_parse(const char *word, void *entry)
{
	struct sluice_prefix *p = entry;
	char address[INET_TEXT_MAX];
	const char *slash = strchr(word, '/'), *end;
	size_t n = slash ? (size_t)(slash - word) : strlen(word);
	unsigned int bits, length;
	struct endpoint e;

	if (n >= sizeof(address))
		return false;
	memcpy(address, word, n);
	address[n] = '\0';
	if (!inet_parse(address, &e))
		return false;
	bits = length = e.family == AF_INET ? 32 : 128;
	if (slash && (!number(slash + 1, bits, &length, &end) || *end))
		return false;
	*p = (struct sluice_prefix){.family = e.family, .length = (uint8_t)length};
	memcpy(p->ip, e.ip, sizeof(p->ip));
	return bits_clear(p->ip, length, bits);
}

static void udp_prefixes_text(const void *entry, char text[static LIST_ENTRY_TEXT])
{
	const struct sluice_prefix *p = entry;
	struct endpoint e = {.family = p->family};
	char address[INET_TEXT_MAX];

	memcpy(e.ip, p->ip, sizeof(e.ip));
	snprintf(text, LIST_ENTRY_TEXT, "%s/%u", inet_text(&e, address), p->length);
}

#define EXPECTED_UDP_PORTS "a port or a range such as 69 or 1000-1010, of 1 to 65535"
#define EXPECTED_UDP_PREFIXES                                                     \
	"an address or a prefix such as 10.0.0.0/8 or fd00::/8, with no bit set " \
	"beyond its length"

const struct list_kind list_kinds[LIST_KINDS] = {
#define LIST_ROW(id, name, type, help)                                                  \
	[LIST_##id] = {#name,	    SLUICE_A_SETTINGS_##id, sizeof(type), name##_parse, \
		       name##_text, EXPECTED_##id,	    help},
	SLUICE_LISTS(LIST_ROW)
#undef LIST_ROW
};

const char *list_add(const struct list_kind *kind, struct list *list, const char *word)
{
	bool first = !list->given;

	list->given = true;
	if (first && strcmp(word, LIST_NONE) == 0) {
		list->closed = true;
		return NULL;
	}
	if (list->closed)
		return "nothing besides " LIST_NONE;
	if (list->n == SLUICE_UDP_ENTRIES_MAX)
		return "32 entries at most";
	if (!kind->parse(word, list->bytes + list->n * kind->size))
		return kind->expected;
	list->n++;
	return NULL;
}

size_t list_size(const struct list_kind *kind, const struct list *list)
{
	return list->n * kind->size;
}

const char *list_text(const struct list_kind *kind, const void *entries, size_t bytes,
		      char text[static LIST_TEXT_MAX])
{
	const uint8_t *p = entries;
	char entry[LIST_ENTRY_TEXT];
	size_t n = 0;

	if (bytes < kind->size)
		return strcpy(text, LIST_NONE);
	for (size_t i = 0; i < bytes / kind->size && i < SLUICE_UDP_ENTRIES_MAX; i++) {
		kind->text(p + i * kind->size, entry);
		n += (size_t)snprintf(text + n, LIST_TEXT_MAX - n, "%s%s", n ? "," : "", entry);
	}
	return text;
}
