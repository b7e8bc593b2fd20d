// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/rule.h"

#define PUBLIC 1u
#define PRIVATE 2u
#define OTHER 4u

FIXTURE(rule)
{
	struct sighting s;
	struct rule rule[3];
	size_t chosen;
};

FIXTURE_SETUP(rule)
{
	memset(self, 0, sizeof(*self));
	sighting_init(&self->s);
	self->s.direction = DIRECTION_DOWNLOAD;
	self->s.state = FILE_STATE_COMPLETE;
	sighting_set(&self->s, SIGHTING_APPLICATION, "http", 4);
	for (int i = 0; i < 3; i++) {
		self->rule[i].any_application = true;
		self->rule[i].direction = RULE_BOTH;
	}
}

FIXTURE_TEARDOWN(rule)
{
	sighting_free(&self->s);
}

TEST_F(rule, none_means_nothing)
{
	EXPECT_EQ(0, rule_match(NULL, 0, PRIVATE, &self->s, &self->chosen));
	EXPECT_EQ(0, self->chosen);
	EXPECT_EQ(0, rule_match(self->rule, 3, PRIVATE, &self->s, &self->chosen));
	EXPECT_EQ(3, self->chosen);
}

TEST_F(rule, union_of_all)
{
	self->rule[0].clouds = PUBLIC;
	self->rule[2].clouds = OTHER;
	EXPECT_EQ(PUBLIC | OTHER, rule_match(self->rule, 3, PRIVATE, &self->s, &self->chosen));
	EXPECT_EQ(0, self->chosen);
}

TEST_F(rule, private_goes_before_public)
{
	self->rule[0].clouds = PUBLIC;
	self->rule[1].clouds = PRIVATE | OTHER;
	EXPECT_EQ(PRIVATE, rule_match(self->rule, 3, PRIVATE, &self->s, &self->chosen));
	EXPECT_EQ(1, self->chosen);
	/* Not when its rule does not match. */
	self->rule[1].direction = RULE_UPLOAD;
	EXPECT_EQ(PUBLIC, rule_match(self->rule, 3, PRIVATE, &self->s, &self->chosen));
	EXPECT_EQ(0, self->chosen);
}

TEST_F(rule, direction)
{
	static const struct {
		enum rule_direction rule;
		enum direction file;
		bool match;
	} rows[] = {
		{RULE_BOTH, DIRECTION_DOWNLOAD, true}, {RULE_BOTH, DIRECTION_UPLOAD, true},
		{RULE_DOWNLOAD, DIRECTION_DOWNLOAD, true}, {RULE_DOWNLOAD, DIRECTION_UPLOAD, false},
		{RULE_UPLOAD, DIRECTION_DOWNLOAD, false}, {RULE_UPLOAD, DIRECTION_UPLOAD, true},
	};

	self->rule[0].clouds = PUBLIC;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		self->rule[0].direction = rows[i].rule;
		self->s.direction = rows[i].file;
		EXPECT_EQ(rows[i].match ? PUBLIC : 0,
			  rule_match(self->rule, 1, 0, &self->s, &self->chosen));
	}
}

TEST_F(rule, application)
{
	struct rule *r = &self->rule[0];

	r->clouds = PUBLIC;
	r->any_application = false;
	EXPECT_EQ(0, rule_match(r, 1, 0, &self->s, &self->chosen));
	strcpy(r->application[r->applications++], "smtp");
	EXPECT_EQ(0, rule_match(r, 1, 0, &self->s, &self->chosen));
	strcpy(r->application[r->applications++], "HTTP");
	EXPECT_EQ(PUBLIC, rule_match(r, 1, 0, &self->s, &self->chosen));
	sighting_set(&self->s, SIGHTING_APPLICATION, NULL, 0);
	EXPECT_EQ(0, rule_match(r, 1, 0, &self->s, &self->chosen));
}

TEST_F(rule, truncated_goes_nowhere)
{
	self->rule[0].clouds = PUBLIC;
	self->s.state = FILE_STATE_TRUNCATED;
	EXPECT_EQ(0, rule_match(self->rule, 1, 0, &self->s, &self->chosen));
	EXPECT_EQ(1, self->chosen);
}

TEST_F(rule, form_field_goes_nowhere)
{
	self->rule[0].clouds = PUBLIC;
	self->s.kind = SIGHTING_KIND_FORM_FIELD;
	EXPECT_EQ(0, rule_match(self->rule, 1, 0, &self->s, &self->chosen));
	EXPECT_EQ(1, self->chosen);
}

TEST_HARNESS_MAIN
