// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/table.h"

#include <stdlib.h>

struct item {
	uint64_t before;
	struct table_entry entry;
	uint32_t key;
	bool in;
};

#define KEY_OFFSET (offsetof(struct item, key) - offsetof(struct item, entry))

static struct item *item_of(struct table_entry *e)
{
	return e ? (struct item *)((char *)e - offsetof(struct item, entry)) : NULL;
}

/* The example of the SipHash paper, appendix A. */
TEST(siphash_known_value)
{
	uint8_t key[16], in[15];
	int i;

	for (i = 0; i < 16; i++)
		key[i] = i;
	for (i = 0; i < 15; i++)
		in[i] = i;
	EXPECT_EQ(0xa129ca6149be45e5ull, siphash24(key, in, sizeof(in)));
	/* The length is part of it: trailing zeros are not nothing. */
	EXPECT_NE(siphash24(key, "\0\0", 1), siphash24(key, "\0\0", 2));
}

TEST(limit)
{
	struct table *t = table_new(KEY_OFFSET, sizeof(uint32_t), 100);
	struct item *items = calloc(101, sizeof(*items));
	uint32_t i, key;

	ASSERT_NE(NULL, t);
	EXPECT_EQ(NULL, table_oldest(t));
	for (i = 0; i < 101; i++)
		items[i].key = i * 7;
	for (i = 0; i < 100; i++)
		EXPECT_TRUE(table_add(t, &items[i].entry));
	EXPECT_FALSE(table_add(t, &items[100].entry));
	EXPECT_EQ(100, table_count(t));
	key = 700;
	EXPECT_EQ(NULL, table_find(t, &key));
	table_remove(t, &items[50].entry);
	EXPECT_TRUE(table_add(t, &items[100].entry));
	EXPECT_EQ(&items[100].entry, table_find(t, &key));
	for (i = 0; i < 101; i++)
		if (i != 50)
			table_remove(t, &items[i].entry);
	EXPECT_EQ(0, table_count(t));
	EXPECT_EQ(NULL, table_oldest(t));
	table_free(t);
	free(items);
}

TEST(order_of_use)
{
	struct table *t = table_new(KEY_OFFSET, sizeof(uint32_t), 10);
	struct item items[4] = {{.key = 0}, {.key = 1}, {.key = 2}, {.key = 3}};
	static const int order[] = {2, 3, 0};
	unsigned int i;

	for (i = 0; i < 4; i++)
		table_add(t, &items[i].entry);
	EXPECT_EQ(&items[0], item_of(table_oldest(t)));
	table_touch(t, &items[0].entry);	/* oldest */
	table_touch(t, &items[0].entry);	/* newest already */
	EXPECT_EQ(&items[1], item_of(table_oldest(t)));
	table_remove(t, &items[1].entry);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(&items[order[i]], item_of(table_oldest(t)));
		table_remove(t, table_oldest(t));
	}
	EXPECT_EQ(NULL, table_oldest(t));
	table_free(t);
}

/* Random additions, removals and look-ups against an array, past several doublings. */
TEST(against_a_model)
{
	enum { KEYS = 5000 };
	struct table *t = table_new(KEY_OFFSET, sizeof(uint32_t), 4000);
	struct item *items = calloc(KEYS, sizeof(*items));
	size_t count = 0;
	uint32_t i, k;

	srandom(1);
	for (i = 0; i < KEYS; i++)
		items[i].key = i * 2654435761u;
	for (i = 0; i < 200000; i++) {
		k = random() % KEYS;
		ASSERT_EQ(items[k].in ? &items[k].entry : NULL, table_find(t, &items[k].key));
		if (!items[k].in) {
			ASSERT_EQ(count < 4000, table_add(t, &items[k].entry));
			items[k].in = count < 4000;
			count += items[k].in;
		} else if (random() % 3) {
			table_touch(t, &items[k].entry);
		} else {
			table_remove(t, &items[k].entry);
			items[k].in = false;
			count--;
		}
		ASSERT_EQ(count, table_count(t));
	}
	while (table_oldest(t)) {
		ASSERT_TRUE(item_of(table_oldest(t))->in);
		item_of(table_oldest(t))->in = false;
		table_remove(t, table_oldest(t));
		count--;
	}
	EXPECT_EQ(0, count);
	table_free(t);
	free(items);
}

TEST_HARNESS_MAIN
