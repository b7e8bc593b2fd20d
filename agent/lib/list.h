/* SPDX-License-Identifier: MIT */
/*
 * The module's settings that are lists (SLUICE_LISTS), in words and in binary.
 */
#ifndef SLUICE_LIB_LIST_H
#define SLUICE_LIB_LIST_H

#include <linux/sluice.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIST_NONE "none"   /* the word for an empty list */
#define LIST_ENTRY_TEXT 64 /* one entry in words, at most */
#define LIST_TEXT_MAX (SLUICE_UDP_ENTRIES_MAX * LIST_ENTRY_TEXT)

struct list {
	bool given;  /* it was said what is in it, be it nothing */
	bool closed; /* it was said that it is empty */
	size_t n;
	union {
		struct sluice_port_range port[SLUICE_UDP_ENTRIES_MAX];
		struct sluice_prefix prefix[SLUICE_UDP_ENTRIES_MAX];
		uint8_t bytes[SLUICE_UDP_ENTRIES_MAX * sizeof(struct sluice_prefix)];
	};
};

struct list_kind {
	const char *name;
	uint16_t attr; /* SLUICE_A_SETTINGS_* */
	size_t size;   /* of an entry */
	bool (*parse)(const char *word, void *entry);
	void (*text)(const void *entry, char text[static LIST_ENTRY_TEXT]);
	const char *expected; /* what parse() takes */
	const char *help;
};

enum { LIST_UDP_PORTS, LIST_UDP_PREFIXES, LIST_KINDS };

extern const struct list_kind list_kinds[LIST_KINDS];

/*
 * Adds what one word says to a list that began as zero; "none" must stand alone.
 * NULL, or what was expected instead of the word.
 */
const char *list_add(const struct list_kind *kind, struct list *list, const char *word);
/* Bytes of its entries, as the module wants them. */
size_t list_size(const struct list_kind *kind, const struct list *list);
/* The entries of an attribute, separated by commas; "none" when there are none. */
const char *list_text(const struct list_kind *kind, const void *entries, size_t bytes,
		      char text[static LIST_TEXT_MAX]);

#endif
