// SPDX-License-Identifier: MIT
/*
 * Settings that are lists: words in, entries and words out.
 */
#include <kselftest_harness.h>

#include "lib/list.h"

#include <string.h>

/* What comes out for a word; NULL: it is refused. */
struct row {
	const char *in, *out;
};

static const struct row port_rows[] = {
	{"69", "69"},	   {"1", "1"},	    {"65535", "65535"},	   {"1-65535", "1-65535"},
	{"69-69", "69"},   {"0069", "69"},  {"1000-1010", "1000-1010"},
	{"0", NULL},	   {"0-5", NULL},   {"65536", NULL},	   {"1-65536", NULL},
	{"9-8", NULL},	   {"-1", NULL},    {"1-", NULL},	   {"1-2-3", NULL},
	{"", NULL},	   {"tftp", NULL},  {"69 ", NULL},	   {"+69", NULL},
	{"0x45", NULL},	   {"69/udp", NULL}, {"99999999999999999999", NULL},
	{"4294967365", NULL},
};

static const struct row prefix_rows[] = {
	{"10.0.0.0/8", "10.0.0.0/8"},
	{"0.0.0.0/0", "0.0.0.0/0"},
	{"192.0.2.1", "192.0.2.1/32"},
	{"192.0.2.128/25", "192.0.2.128/25"},
	{"fd00::/8", "fd00::/8"},
	{"::/0", "::/0"},
	{"2001:db8::1", "2001:db8::1/128"},
	{"2001:DB8:0:0::/64", "2001:db8::/64"},
	{"10.0.0.1/8", NULL},
	{"192.0.2.128/24", NULL},
	{"fd00::1/127", NULL},
	{"10.0.0.0/33", NULL},
	{"fd00::/129", NULL},
	{"10.0.0.0/", NULL},
	{"10.0.0.0/8/8", NULL},
	{"10.0.0.0/-8", NULL},
	{"10.0.0.0/255.0.0.0", NULL},
	{"10/8", NULL},
	{"", NULL},
	{"/8", NULL},
	{"localhost", NULL},
	{"0000000000000000000000000000000000000000000000000000000000000000/8", NULL},
};

static void try_rows(struct __test_metadata *_metadata, const struct list_kind *kind,
		     const struct row *rows, size_t n)
{
	char text[LIST_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		struct list list = {0};
		const char *expected = list_add(kind, &list, rows[i].in);

		EXPECT_EQ(rows[i].out == NULL, expected != NULL) {
			TH_LOG("%s", rows[i].in);
		}
		if (rows[i].out) {
			EXPECT_EQ(1, list.n);
			EXPECT_EQ(kind->size, list_size(kind, &list));
			EXPECT_STREQ(rows[i].out, list_text(kind, list.bytes,
							    list_size(kind, &list), text));
		} else {
			EXPECT_EQ(kind->expected, expected);
			EXPECT_EQ(0, list.n);
		}
	}
}

TEST(ports)
{
	try_rows(_metadata, &list_kinds[LIST_UDP_PORTS], port_rows, ARRAY_SIZE(port_rows));
}

TEST(prefixes)
{
	try_rows(_metadata, &list_kinds[LIST_UDP_PREFIXES], prefix_rows, ARRAY_SIZE(prefix_rows));
}

TEST(none)
{
	const struct list_kind *kind = &list_kinds[LIST_UDP_PORTS];
	char text[LIST_TEXT_MAX];
	struct list list = {0};

	EXPECT_STREQ("none", list_text(kind, NULL, 0, text));
	EXPECT_EQ(NULL, list_add(kind, &list, "none"));
	EXPECT_TRUE(list.given);
	EXPECT_EQ(0, list_size(kind, &list));
	EXPECT_NE(NULL, list_add(kind, &list, "69"));
	list = (struct list){0};
	EXPECT_EQ(NULL, list_add(kind, &list, "69"));
	EXPECT_NE(NULL, list_add(kind, &list, "none"));
}

/* The longest list there can be fits into the text, one more entry is refused. */
TEST(full)
{
	const struct list_kind *kind = &list_kinds[LIST_UDP_PREFIXES];
	static const char word[] = "1111:2222:3333:4444:5555:6666:7777:8888/128";
	char text[LIST_TEXT_MAX];
	struct list list = {0};

	for (int i = 0; i < SLUICE_UDP_ENTRIES_MAX; i++)
		EXPECT_EQ(NULL, list_add(kind, &list, word));
	EXPECT_NE(NULL, list_add(kind, &list, word));
	EXPECT_EQ(SLUICE_UDP_ENTRIES_MAX, list.n);
	list_text(kind, list.bytes, list_size(kind, &list), text);
	EXPECT_EQ(SLUICE_UDP_ENTRIES_MAX * strlen(word) + SLUICE_UDP_ENTRIES_MAX - 1, strlen(text));
	/* What a kernel of another version might send. */
	EXPECT_STREQ("none", list_text(kind, list.bytes, kind->size - 1, text));
	EXPECT_STREQ(word, list_text(kind, list.bytes, kind->size + 1, text));
}

TEST_HARNESS_MAIN
