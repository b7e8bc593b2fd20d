/* SPDX-License-Identifier: MIT */
/*
 * A hash table of entries that the caller embeds, keyed with SipHash-2-4 under
 * a random key, so that chosen addresses cannot make it slow.  The number of
 * entries is limited when the table is made.
 *
 * Entries are also kept in order of last use, so that the oldest can be
 * found for expiry and eviction in constant time.
 */
#ifndef SLUICE_LIB_TABLE_H
#define SLUICE_LIB_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_entry {
	struct table_entry *next; /* of the same bucket */
	struct table_entry *older;
	struct table_entry *newer;
	uint64_t hash;
};

struct table;

/*
 * key_offset and key_size: where the key stands relative to the start of the
 * embedded table_entry (padding in keys must be zeroed by the caller).
 * limit: entries at most.  NULL when out of memory.
 */
struct table *table_new(size_t key_offset, size_t key_size, size_t limit);
/* Frees the table, not its entries: empty it first. */
void table_free(struct table *t);

struct table_entry *table_find(struct table *t, const void *key);
/* False when the limit is reached; the key must not be in the table. */
bool table_add(struct table *t, struct table_entry *e);
void table_remove(struct table *t, struct table_entry *e);
/* Makes e the newest. */
void table_touch(struct table *t, struct table_entry *e);
/* The entry whose last touch is longest ago; NULL when empty. */
struct table_entry *table_oldest(struct table *t);
size_t table_count(const struct table *t);

/* SipHash-2-4 of n bytes under the given 128-bit key. */
uint64_t siphash24(const uint8_t key[static 16], const void *p, size_t n);

#endif
