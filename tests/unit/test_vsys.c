// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/vsys.h"

#include <stdlib.h>
#include <string.h>

FIXTURE(vsys)
{
	struct vsys_table *t;
	struct session_info s;
};

FIXTURE_SETUP(vsys)
{
	self->t = calloc(1, sizeof(*self->t));
	ASSERT_NE(NULL, self->t);
	self->s = (struct session_info){
		.netns = 4026531840, .in_name = "lan0", .out_name = "wan0"};
}

FIXTURE_TEARDOWN(vsys)
{
	free(self->t);
}

static struct vsys *add(struct vsys_table *t, const char *name)
{
	struct vsys *v = &t->vsys[t->count++];

	strcpy(v->name, name);
	return v;
}

static const char *found(const struct vsys_table *t, const struct session_info *s)
{
	const struct vsys *v = vsys_find(t, s);

	return v ? v->name : "-";
}

/* One condition, one session that has it and one that has not. */
TEST_F(vsys, each_condition)
{
	static const struct {
		enum vsys_condition c;
		const char *text;
		struct session_info yes, no;
	} cases[] = {
		{VSYS_NETNS, "7", {.netns = 7}, {.netns = 8}},
		{VSYS_NETNS, "7", {.netns = 7, .zone = 3}, {.netns = 0}},
		{VSYS_ZONE, "3", {.netns = 1, .zone = 3}, {.netns = 1, .zone = 4}},
		{VSYS_ZONE, "0", {.netns = 1}, {.netns = 0}}, /* a capture has no zones */
		{VSYS_VRF, "12", {.netns = 1, .vrf = 12}, {.netns = 1, .vrf = 13}},
		{VSYS_VRF, "12", {.vrf = 12}, {.vrf = 0}},
		{VSYS_VLAN, "100", {.vlan = {100, 200}}, {.vlan = {200, 100}}},
		{VSYS_INNER_VLAN, "200", {.vlan = {100, 200}}, {.vlan = {200, 100}}},
		{VSYS_INTERFACE, "lan0", {.in_name = "lan0"}, {.in_name = "lan1"}},
		{VSYS_INTERFACE, "lan0", {.out_name = "lan0"}, {.out_name = "lan00"}},
		{VSYS_INTERFACE, "lan*", {.out_name = "lan7"}, {.out_name = "wlan7"}},
		{VSYS_INTERFACE, "lan?", {.in_name = "lan7"}, {.in_name = "lan77"}},
		{VSYS_INTERFACE, "lan[0-3]", {.in_name = "lan3"}, {.in_name = "lan4"}},
		{VSYS_INTERFACE,
		 "*",
		 {.in_name = "x"},
		 {.netns = 1}}, /* no name fits nothing */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(self->t, 0, sizeof(*self->t));
		EXPECT_EQ(NULL, vsys_set(add(self->t, "v"), cases[i].c, cases[i].text));
		EXPECT_STREQ("v", found(self->t, &cases[i].yes))
		TH_LOG("case %zu", i);
		EXPECT_STREQ("-", found(self->t, &cases[i].no))
		TH_LOG("case %zu", i);
	}
}

TEST_F(vsys, texts_that_are_none)
{
	static const struct {
		enum vsys_condition c;
		const char *text;
	} cases[] = {
		{VSYS_NETNS, ""},
		{VSYS_NETNS, "blue"},
		{VSYS_NETNS, "0"},
		{VSYS_NETNS, "-1"},
		{VSYS_NETNS, "18446744073709551616"},
		{VSYS_ZONE, "65536"},
		{VSYS_ZONE, "a"},
		{VSYS_ZONE, "1 2"},
		{VSYS_VRF, "sixteen.letters_"},
		{VSYS_VRF, "v*"},
		{VSYS_VRF, "a/b"},
		{VSYS_VLAN, "0"},
		{VSYS_VLAN, "4095"},
		{VSYS_VLAN, "0x1"},
		{VSYS_INNER_VLAN, "4095"},
		{VSYS_INTERFACE, "sixteen.letters_"},
		{VSYS_INTERFACE, "a b"},
		{VSYS_INTERFACE, ""},
	};
	char path[VSYS_PATH_MAX + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vsys v = {0};

		EXPECT_NE(NULL, vsys_set(&v, cases[i].c, cases[i].text))
		TH_LOG("case %zu: %s", i, cases[i].text);
		EXPECT_EQ(0, v.given);
	}
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[VSYS_PATH_MAX] = 0;
	EXPECT_NE(NULL, vsys_set(add(self->t, "v"), VSYS_NETNS, path));
	path[VSYS_PATH_MAX - 1] = 0;
	EXPECT_EQ(NULL, vsys_set(add(self->t, "v"), VSYS_NETNS, path));
	for (size_t i = 0; i < VSYS_INTERFACES_MAX; i++)
		EXPECT_EQ(NULL, vsys_set(&self->t->vsys[0], VSYS_INTERFACE, "a"));
	EXPECT_NE(NULL, vsys_set(&self->t->vsys[0], VSYS_INTERFACE, "a"));
}

TEST_F(vsys, all_conditions_must_hold_and_the_first_section_wins)
{
	struct vsys *v = add(self->t, "both");

	vsys_set(v, VSYS_ZONE, "3");
	vsys_set(v, VSYS_INTERFACE, "lan0");
	vsys_set(add(self->t, "zone"), VSYS_ZONE, "3");
	vsys_set(add(self->t, "lan"), VSYS_INTERFACE, "lan0");
	vsys_set(add(self->t, "any"), VSYS_INTERFACE, "*");

	EXPECT_STREQ("lan", found(self->t, &self->s));
	self->s.zone = 3;
	EXPECT_STREQ("both", found(self->t, &self->s));
	strcpy(self->s.in_name, "lan1");
	EXPECT_STREQ("zone", found(self->t, &self->s));
	self->s.zone = 4;
	EXPECT_STREQ("any", found(self->t, &self->s));
	self->s.in_name[0] = self->s.out_name[0] = 0;
	EXPECT_STREQ("-", found(self->t, &self->s));
}

TEST_F(vsys, what_a_path_stands_for_changes)
{
	struct vsys *v = add(self->t, "blue");

	vsys_set(v, VSYS_NETNS, "/run/netns/blue");
	EXPECT_STREQ("-", found(self->t, &self->s));
	EXPECT_FALSE(vsys_resolve(&v->netns_now, 0, 0, 1000));
	EXPECT_TRUE(vsys_resolve(&v->netns_now, 0, 4026531840, 1000));
	EXPECT_FALSE(vsys_resolve(&v->netns_now, 0, 4026531840, 1001));
	EXPECT_STREQ("blue", found(self->t, &self->s));
	/* A session of the old one goes on for a while beside those of the new one. */
	EXPECT_TRUE(vsys_resolve(&v->netns_now, 0, 77, 2000));
	EXPECT_STREQ("blue", found(self->t, &self->s));
	self->s.netns = 77;
	EXPECT_STREQ("blue", found(self->t, &self->s));
	EXPECT_FALSE(vsys_resolve(&v->netns_now, 0, 77, 2000 + VSYS_KEEP_MS));
	EXPECT_STREQ("blue", found(self->t, &self->s));
	self->s.netns = 4026531840;
	EXPECT_STREQ("-", found(self->t, &self->s));
	/* Gone, and the same again before it was forgotten. */
	EXPECT_TRUE(vsys_resolve(&v->netns_now, 0, 0, 200000));
	EXPECT_TRUE(vsys_resolve(&v->netns_now, 0, 77, 200001));
	EXPECT_FALSE(vsys_resolve(&v->netns_now, 0, 77, 900000));
	EXPECT_EQ(1, v->netns_now.count);
}

TEST_F(vsys, a_vrf_has_a_number_in_each_namespace)
{
	struct vsys *v = add(self->t, "red");

	vsys_set(v, VSYS_VRF, "red");
	vsys_resolve(&v->vrf_now, 100, 5, 0);
	vsys_resolve(&v->vrf_now, 200, 6, 0);
	for (unsigned int netns = 100; netns <= 200; netns += 100)
		for (unsigned int vrf = 4; vrf < 8; vrf++) {
			struct session_info s = {.netns = netns, .vrf = vrf};
			bool want = netns == 100 ? vrf == 5 : vrf == 6;

			EXPECT_STREQ(want ? "red" : "-", found(self->t, &s));
		}
	/* Bounded, and what is now stays. */
	for (unsigned int i = 0; i < 1000; i++)
		vsys_resolve(&v->vrf_now, 100, 1000 + i, 1);
	EXPECT_EQ(VSYS_KNOWN_MAX, v->vrf_now.count);
	self->s = (struct session_info){.netns = 200, .vrf = 6};
	EXPECT_STREQ("red", found(self->t, &self->s));
	self->s = (struct session_info){.netns = 100, .vrf = 1999};
	EXPECT_STREQ("red", found(self->t, &self->s));
}

TEST_F(vsys, what_can_never_be_chosen)
{
	static const struct {
		const char *earlier[3], *later[3]; /* zone, vlan, interface */
		bool covers;
	} cases[] = {
		{{"1"}, {"1"}, true},
		{{"1"}, {"2"}, false},
		{{"1"}, {"1", "5"}, true},
		{{"1", "5"}, {"1"}, false},
		{{"1", "5"}, {"1", "5"}, true},
		{{NULL, "5"}, {"1"}, false},
		{{NULL, NULL, "a"}, {NULL, NULL, "a"}, true},
		{{NULL, NULL, "a"}, {NULL, NULL, "b"}, false},
		{{NULL, NULL, "*"}, {NULL, NULL, "b"}, true},
		{{NULL, NULL, "a*"},
		 {NULL, NULL, "ab"},
		 false}, /* one that is right after all */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const enum vsys_condition of[] = {VSYS_ZONE, VSYS_VLAN, VSYS_INTERFACE};
		struct vsys a = {0}, b = {0};

		for (size_t k = 0; k < 3; k++) {
			if (cases[i].earlier[k])
				vsys_set(&a, of[k], cases[i].earlier[k]);
			if (cases[i].later[k])
				vsys_set(&b, of[k], cases[i].later[k]);
		}
		EXPECT_EQ(cases[i].covers, vsys_covers(&a, &b))
		TH_LOG("case %zu", i);
	}
}

static void zone(struct vsys_table *t, const char *name, const char *vsys, const char *pattern)
{
	struct vsys_zone *z = &t->zone[t->zones++];

	strcpy(z->name, name);
	strcpy(z->virtual_system, vsys);
	vsys_pattern(&z->interfaces, pattern);
}

static const char *text(const struct sighting *s, enum sighting_text which)
{
	return sighting_get(s, which) ? sighting_get(s, which) : "-";
}

TEST_F(vsys, zones_by_who_sent_the_file)
{
	struct sighting s = {.session = self->s};

	zone(self->t, "blue-lan", "blue", "lan*");
	zone(self->t, "lan", "", "lan*");
	zone(self->t, "wan", "", "wan0");

	sighting_set(&s, SIGHTING_VIRTUAL_SYSTEM, "forged", 6);
	for (int upload = 0; upload < 2; upload++) {
		s.direction = upload ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD;
		vsys_complete(self->t, NULL, &s);
		EXPECT_STREQ("-", text(&s, SIGHTING_VIRTUAL_SYSTEM));
		EXPECT_STREQ(upload ? "lan" : "wan", text(&s, SIGHTING_SENDER_ZONE));
		EXPECT_STREQ(upload ? "wan" : "lan", text(&s, SIGHTING_RECEIVER_ZONE));
	}
	vsys_complete(self->t, "blue", &s);
	EXPECT_STREQ("blue", text(&s, SIGHTING_VIRTUAL_SYSTEM));
	EXPECT_STREQ("blue-lan", text(&s, SIGHTING_SENDER_ZONE));
	vsys_set(add(self->t, "red"), VSYS_INTERFACE, "wan0");
	vsys_complete(self->t, "blue", &s);
	EXPECT_STREQ("red", text(&s, SIGHTING_VIRTUAL_SYSTEM));
	EXPECT_STREQ("lan", text(&s, SIGHTING_SENDER_ZONE));
	strcpy(s.session.in_name, "dmz");
	vsys_complete(self->t, "blue", &s);
	EXPECT_STREQ("-", text(&s, SIGHTING_SENDER_ZONE));
	sighting_free(&s);
}

TEST_HARNESS_MAIN
