// SPDX-License-Identifier: MIT
/*
 * Buckets are doubled when there are as many entries as buckets, up to the
 * limit.  Entries keep their hash, so growing never touches keys.
 */
#include "lib/table.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TABLE_FIRST 64

struct table {
	struct table_entry **bucket;
	size_t buckets; /* a power of two */
	size_t count;
	size_t limit;
	size_t key_offset;
	size_t key_size;
	struct table_entry *oldest;
	struct table_entry *newest;
	uint8_t key[16];
};

static uint64_t rotate(uint64_t v, unsigned int by)
{
	return v << by | v >> (64 - by);
}

static void sip_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012. */
uint64_t siphash24(const uint8_t key[static 16], const void *data, size_t n)
{
	uint64_t k0 = load_le64(key), k1 = load_le64(key + 8);
	uint64_t v[4] = {
		k0 ^ 0x736f6d6570736575ull,
		k1 ^ 0x646f72616e646f6dull,
		k0 ^ 0x6c7967656e657261ull,
		k1 ^ 0x7465646279746573ull,
	};
	const uint8_t *p = data;
	uint64_t last = (uint64_t)n << 56;
	size_t i;

	for (; n >= 8; p += 8, n -= 8) {
		uint64_t m = load_le64(p);

		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	for (i = 0; i < n; i++)
		last |= (uint64_t)p[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct table *table_new(size_t key_offset, size_t key_size, size_t limit)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct table){
		.buckets = TABLE_FIRST,
		.limit = limit,
		.key_offset = key_offset,
		.key_size = key_size,
	};
	t->bucket = calloc(t->buckets, sizeof(t->bucket[0]));
	/* 16 bytes are never cut short; without them the table is not safe. */
	if (!t->bucket || getrandom(t->key, sizeof(t->key), 0) != sizeof(t->key)) {
		table_free(t);
		return NULL;
	}
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	free(t->bucket);
	free(t);
}

static struct table_entry **table_bucket(struct table *t, uint64_t hash)
{
	return &t->bucket[hash & (t->buckets - 1)];
}

/* Without memory for more buckets the chains become longer, that is all. */
static void table_grow(struct table *t)
{
	size_t i, buckets = t->buckets * 2;
	struct table_entry **old = t->bucket, *e, *next, **head;
	struct table_entry **bucket = calloc(buckets, sizeof(bucket[0]));
	size_t old_buckets = t->buckets;

	if (!bucket)
		return;
	t->bucket = bucket;
	t->buckets = buckets;
	for (i = 0; i < old_buckets; i++) {
		for (e = old[i]; e; e = next) {
			next = e->next;
			head = table_bucket(t, e->hash);
			e->next = *head;
			*head = e;
		}
	}
	free(old);
}

static const void *table_key(const struct table *t, const struct table_entry *e)
{
	return (const uint8_t *)e + t->key_offset;
}

struct table_entry *table_find(struct table *t, const void *key)
{
	uint64_t hash = siphash24(t->key, key, t->key_size);
	struct table_entry *e;

	for (e = *table_bucket(t, hash); e; e = e->next)
		if (e->hash == hash && !memcmp(table_key(t, e), key, t->key_size))
			return e;
	return NULL;
}

static void table_link(struct table *t, struct table_entry *e)
{
	e->newer = NULL;
	e->older = t->newest;
	if (t->newest)
		t->newest->newer = e;
	else
		t->oldest = e;
	t->newest = e;
}

static void table_unlink(struct table *t, struct table_entry *e)
{
	if (e->older)
		e->older->newer = e->newer;
	else
		t->oldest = e->newer;
	if (e->newer)
		e->newer->older = e->older;
	else
		t->newest = e->older;
}

bool table_add(struct table *t, struct table_entry *e)
{
	struct table_entry **head;

	if (t->count >= t->limit)
		return false;
	if (t->count >= t->buckets)
		table_grow(t);
	e->hash = siphash24(t->key, table_key(t, e), t->key_size);
	head = table_bucket(t, e->hash);
	e->next = *head;
	*head = e;
	table_link(t, e);
	t->count++;
	return true;
}

void table_remove(struct table *t, struct table_entry *e)
{
	struct table_entry **at = table_bucket(t, e->hash);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	table_unlink(t, e);
	t->count--;
}

void table_touch(struct table *t, struct table_entry *e)
{
	if (t->newest == e)
		return;
	table_unlink(t, e);
	table_link(t, e);
}

struct table_entry *table_oldest(struct table *t)
{
	return t->oldest;
}

size_t table_count(const struct table *t)
{
	return t->count;
}
