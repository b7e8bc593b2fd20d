// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/rule.h"

/* Types by bit, as a table might have them. */
#define PE 1u
#define PDF 2u
#define SCRIPT 4u
#define EML 8u
#define LINK 16u
#define NONE RULE_TYPE_OTHER
#define ZIP RULE_TYPE_ARCHIVE

/* Clouds by bit. */
#define PUBLIC 1u
#define PRIVATE 2u
#define OTHER 4u

#define FILE_ SIGHTING_KIND_FILE
#define DOWN DIRECTION_DOWNLOAD
#define UP DIRECTION_UPLOAD

FIXTURE(rule)
{
	struct rule rule[3];
	struct rule_types types;
	struct rule_set set;
	struct rule_file f;
	size_t chosen;
};

static void types_init(struct rule_types *t)
{
	for (size_t i = 0; i < FILE_TYPES_MAX; i++)
		t->limit[i] = UINT64_MAX;
	t->link = LINK;
	t->mail = EML;
}

FIXTURE_SETUP(rule)
{
	memset(self, 0, sizeof(*self));
	types_init(&self->types);
	for (int i = 0; i < 3; i++) {
		self->rule[i].any_application = true;
		self->rule[i].any_type = true;
		self->rule[i].direction = RULE_BOTH;
	}
	self->set = (struct rule_set){
		.rule = self->rule,
		.count = 3,
		.private_clouds = PRIVATE,
		.receiving = PUBLIC | PRIVATE | OTHER,
		.types = &self->types,
	};
	self->f = (struct rule_file){
		.kind = FILE_,
		.direction = DOWN,
		.application = "web-browsing",
		.types = PE,
		.size_known = true,
		.size = 1000,
	};
}

FIXTURE_TEARDOWN(rule)
{
}

static uint64_t match(FIXTURE_DATA(rule) *self)
{
	return rule_match(&self->set, &self->f, &self->chosen);
}

TEST_F(rule, none_means_nothing)
{
	EXPECT_EQ(0, match(self));
	EXPECT_EQ(3, self->chosen);
	self->set.count = 0;
	EXPECT_EQ(0, match(self));
	EXPECT_EQ(0, self->chosen);
	EXPECT_FALSE(rule_wants(&self->set, &self->f));
}

TEST_F(rule, union_of_all)
{
	self->rule[0].clouds = PUBLIC;
	self->rule[2].clouds = OTHER;
	EXPECT_EQ(PUBLIC | OTHER, match(self));
	EXPECT_EQ(0, self->chosen);
}

/* ------------------------------- application x type x direction x cloud */


static const char *const rule_applications[] = {"any", "web-browsing", "SMTP ftp", "nfs"};
static const struct {
	bool any;
	uint32_t types;
} rule_types_rows[] = {{true, 0}, {false, PE}, {false, PDF | EML}, {false, LINK}, {true, EML}};
static const char *const applications[] = {"web-browsing", "smtp", "ftp", "tftp", NULL};

static void set_applications(struct rule *r, const char *list)
{
	char copy[256], *word;

	r->any_application = strcmp(list, "any") == 0;
	r->applications = 0;
	strcpy(copy, list);
	for (word = strtok(copy, " "); word && !r->any_application; word = strtok(NULL, " "))
		strcpy(r->application[r->applications++], word);
}

/* What the words of sluice.conf(5) mean, said another way than the code says it. */
static const struct {
	const char *rule;
	bool web, smtp, ftp, tftp, unknown;
} application_truth[] = {
	{"any", true, true, true, true, true},
	{"web-browsing", true, false, false, false, false},
	{"SMTP ftp", false, true, true, false, false},
	{"nfs", false, false, false, false, false},
};

static const struct {
	size_t rule; /* of rule_types_rows */
	bool pe, pdf, eml, none, link, mail;
} type_truth[] = {
	/* any */ {0, true, true, true, true, true, false},
	/* pe */ {1, true, false, false, false, false, false},
	/* pdf, eml */ {2, false, true, true, false, false, true},
	/* email-link */ {3, false, false, false, false, true, false},
	/* any, eml */ {4, true, true, true, true, true, true},
};

static const struct {
	enum rule_direction rule;
	bool down, up;
} direction_truth[] = {
	{RULE_BOTH, true, true}, {RULE_DOWNLOAD, true, false}, {RULE_UPLOAD, false, true}};

TEST_F(rule, application_type_direction_cloud)
{
	static const uint64_t clouds[] = {PUBLIC, PRIVATE, PUBLIC | PRIVATE, OTHER};
	static const uint64_t sent[] = {PUBLIC, PRIVATE, PRIVATE, OTHER};
	struct rule *r = &self->rule[0];
	unsigned int rows = 0;

	self->set.count = 1;
	for (size_t a = 0; a < 4; a++)
		for (size_t t = 0; t < 5; t++)
			for (size_t d = 0; d < 3; d++)
				for (size_t c = 0; c < 4; c++) {
					const bool app_ok[] = {
						application_truth[a].web, application_truth[a].smtp,
						application_truth[a].ftp, application_truth[a].tftp,
						application_truth[a].unknown};
					const struct {
						enum sighting_kind kind;
						uint32_t types;
						bool ok;
					} file[] = {
						{FILE_, PE, type_truth[t].pe},
						{FILE_, PDF, type_truth[t].pdf},
						{FILE_, EML, type_truth[t].eml},
						{FILE_, NONE, type_truth[t].none},
						{SIGHTING_KIND_LINK, NONE, type_truth[t].link},
						{SIGHTING_KIND_LINK, PE, type_truth[t].link},
						{SIGHTING_KIND_MAIL, NONE, type_truth[t].mail},
						{SIGHTING_KIND_MAIL, PE, type_truth[t].mail},
						{SIGHTING_KIND_FORM_FIELD, PE, false},
						{SIGHTING_KIND_MAIL_TEXT, PE, false},
					};

					set_applications(r, rule_applications[a]);
					r->any_type = rule_types_rows[t].any;
					r->types = rule_types_rows[t].types;
					r->direction = direction_truth[d].rule;
					r->clouds = clouds[c];
					for (size_t i = 0; i < 5 * 10 * 2; i++) {
						bool up = i % 2, ok;
						size_t fi = i / 2 % 10, ai = i / 20;

						self->f.application = applications[ai];
						self->f.kind = file[fi].kind;
						self->f.types = file[fi].types;
						self->f.direction = up ? UP : DOWN;
						ok = app_ok[ai] && file[fi].ok &&
						     (up ? direction_truth[d].up
							 : direction_truth[d].down);
						ASSERT_EQ(ok ? sent[c] : 0, match(self)) {
							TH_LOG("rule %s, types %x, direction %u; file kind %u type "
							       "%x application %s up %u",
							       rule_applications[a], r->types, r->direction,
							       file[fi].kind, file[fi].types, applications[ai], up);
						}
						ASSERT_EQ(ok ? 0 : 1, self->chosen);
						ASSERT_EQ(ok, !rule_failures(&self->set, 0, &self->f));
						rows++;
					}
				}
	EXPECT_EQ(4 * 5 * 3 * 4 * 100, rows);
}

/* -------------------------------------------------------- private and public */

TEST_F(rule, private_goes_before_public)
{
	self->rule[0].clouds = PUBLIC;
	self->rule[1].clouds = PRIVATE | OTHER;
	EXPECT_EQ(PRIVATE, match(self));
	EXPECT_EQ(1, self->chosen);
	EXPECT_EQ(RULE_FATE_PRIVATE, rule_explain(&self->set, &self->f, 0));
	EXPECT_EQ(RULE_FATE_CHOSEN, rule_explain(&self->set, &self->f, 1));
	/* Not when its rule does not match. */
	self->rule[1].direction = RULE_UPLOAD;
	EXPECT_EQ(PUBLIC, match(self));
	EXPECT_EQ(0, self->chosen);
	EXPECT_EQ(RULE_FATE_CHOSEN, rule_explain(&self->set, &self->f, 0));
	EXPECT_EQ(RULE_FATE_NO_RULE, rule_explain(&self->set, &self->f, 1));
	/* By type: what the private cloud does not ask for goes to the public one. */
	self->rule[1] = self->rule[0];
	self->rule[1].clouds = PRIVATE;
	self->rule[1].any_type = false;
	self->rule[1].types = PDF;
	EXPECT_EQ(PUBLIC, match(self));
	self->f.types = PDF;
	EXPECT_EQ(PRIVATE, match(self));
}

TEST_F(rule, a_private_cloud_that_receives_nothing_still_keeps_it)
{
	self->rule[0].clouds = PUBLIC;
	self->rule[1].clouds = PRIVATE;
	self->set.receiving = PUBLIC;
	EXPECT_EQ(0, match(self));
	EXPECT_EQ(1, self->chosen);
	EXPECT_EQ(RULE_FATE_PRIVATE, rule_explain(&self->set, &self->f, 0));
	EXPECT_EQ(RULE_FATE_NO_SHARE, rule_explain(&self->set, &self->f, 1));
	/* Nobody gets it then: nobody has to keep it either. */
	self->set.receiving = 0;
	EXPECT_FALSE(rule_wants(&self->set, &self->f));
}

/* -------------------------------------------------------------------- limits */

TEST_F(rule, the_highest_priority_counts)
{
	self->rule[0].clouds = PUBLIC;
	self->rule[0].priority = RULE_PRIORITY_NORMAL;
	self->rule[1].clouds = PUBLIC | OTHER;
	self->rule[1].priority = RULE_PRIORITY_HIGH;
	self->rule[2].clouds = OTHER;
	self->rule[2].priority = RULE_PRIORITY_LOW;
	EXPECT_EQ(RULE_PRIORITY_HIGH, rule_priority(&self->set, &self->f, 0));
	EXPECT_EQ(RULE_PRIORITY_HIGH, rule_priority(&self->set, &self->f, 2));
	/* Of those that match, and name the cloud. */
	self->rule[1].direction = RULE_UPLOAD;
	EXPECT_EQ(RULE_PRIORITY_NORMAL, rule_priority(&self->set, &self->f, 0));
	EXPECT_EQ(RULE_PRIORITY_LOW, rule_priority(&self->set, &self->f, 2));
	EXPECT_EQ(RULE_PRIORITY_LOW, rule_priority_find(rule_priority_text(RULE_PRIORITY_LOW)));
	EXPECT_EQ(RULE_PRIORITY_COUNT, rule_priority_find("urgent"));
}

TEST_F(rule, limits)
{
	static const struct {
		uint32_t type;
		uint64_t size;
		bool sent;
	} rows[] = {
		{PE, 100, true}, {PE, 101, false}, {PDF, 50, true}, {PDF, 51, false},
		{PDF, 0, true}, {SCRIPT, UINT64_MAX, true}, {NONE, UINT64_MAX, true},
	};

	self->types.limit[0] = 100;
	self->types.limit[1] = 50;
	self->rule[0].clouds = PUBLIC;
	self->rule[1].clouds = PRIVATE;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		self->f.types = rows[i].type;
		self->f.size = rows[i].size;
		EXPECT_EQ(rows[i].sent ? PRIVATE : 0, match(self));
		EXPECT_EQ(!rows[i].sent, rule_over_limit(&self->set, &self->f));
		EXPECT_EQ(rows[i].sent, rule_wants(&self->set, &self->f));
		EXPECT_EQ(rows[i].sent ? 0 : 1u << RULE_SIZE,
			  rule_failures(&self->set, 0, &self->f));
		EXPECT_EQ(rows[i].sent ? RULE_FATE_CHOSEN : RULE_FATE_LIMIT,
			  rule_explain(&self->set, &self->f, 1));
	}
	/* Of two reasons the limit is not the one. */
	self->f.types = PE;
	self->rule[1].direction = RULE_UPLOAD;
	EXPECT_EQ(RULE_FATE_NO_RULE, rule_explain(&self->set, &self->f, 1));
	EXPECT_EQ(RULE_FATE_LIMIT, rule_explain(&self->set, &self->f, 0));
	self->rule[1].direction = RULE_BOTH;
	/* The limit of a link's type does not look at what its name might be. */
	self->f.kind = SIGHTING_KIND_LINK;
	self->f.size = 1000;
	EXPECT_EQ(PRIVATE, match(self));
}

TEST_F(rule, wanted_while_it_may_still_be)
{
	static const struct {
		uint32_t possible;
		uint64_t size;
		bool wanted;
	} rows[] = {
		{PE, 100, true}, {PE, 101, false}, {PE | PDF, 101, false}, {PDF, 10, false},
		{PE | NONE, 101, false}, {NONE, 1, false}, {PE | NONE, 1, true}, {0, 1, false},
		{ZIP, 1 << 30, true}, {ZIP | NONE, 1 << 30, true}, {ZIP | PDF, 1, true},
	};
	struct rule *r = &self->rule[0];

	self->types.limit[0] = 100;
	r->clouds = PUBLIC;
	r->any_type = false;
	r->types = PE;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		self->f.types = rows[i].possible;
		self->f.size = rows[i].size;
		EXPECT_EQ(rows[i].wanted, rule_wants(&self->set, &self->f)) {
			TH_LOG("row %zu", i);
		}
	}
	/* What its size is and what carries it may come later. */
	self->f.types = PE;
	self->f.size_known = false;
	EXPECT_TRUE(rule_wants(&self->set, &self->f));
	set_applications(r, "smtp");
	EXPECT_FALSE(rule_wants(&self->set, &self->f));
	self->f.application = NULL;
	EXPECT_TRUE(rule_wants(&self->set, &self->f));
	/* A link is never in an archive. */
	r->types = LINK;
	self->f.types = ZIP;
	EXPECT_FALSE(rule_wants(&self->set, &self->f));
}

TEST_F(rule, whole_mails)
{
	self->rule[0].clouds = PUBLIC;
	EXPECT_FALSE(rule_wants_mails(&self->set));
	self->rule[1].types = EML | PE;
	EXPECT_FALSE(rule_wants_mails(&self->set));
	self->rule[1].clouds = PUBLIC;
	EXPECT_TRUE(rule_wants_mails(&self->set));
	self->set.receiving = PRIVATE;
	EXPECT_FALSE(rule_wants_mails(&self->set));
	/* A table without mails. */
	self->set.receiving = PUBLIC;
	self->types.mail = 0;
	EXPECT_FALSE(rule_wants_mails(&self->set));
	self->f.kind = SIGHTING_KIND_MAIL;
	EXPECT_EQ(0, match(self));
}

TEST_F(rule, every_failure_is_told)
{
	struct rule *r = &self->rule[0];

	r->any_type = false;
	r->types = PDF;
	r->direction = RULE_UPLOAD;
	set_applications(r, "smtp");
	EXPECT_EQ(1u << RULE_CLOUD | 1u << RULE_DIRECTION | 1u << RULE_APPLICATION |
			  1u << RULE_FILE_TYPE,
		  rule_failures(&self->set, 0, &self->f));
	self->f.kind = SIGHTING_KIND_FORM_FIELD;
	EXPECT_NE(0, rule_failures(&self->set, 0, &self->f) & 1u << RULE_KIND);
	EXPECT_EQ(RULE_FATE_NO_RULE, rule_explain(&self->set, &self->f, 0));
	r->clouds = PUBLIC;
	EXPECT_EQ(RULE_FATE_KIND, rule_explain(&self->set, &self->f, 0));
	EXPECT_STREQ("file_type", rule_criterion_text(RULE_FILE_TYPE));
	EXPECT_STREQ("private-only", rule_fate_text(RULE_FATE_PRIVATE));
	EXPECT_STREQ("unknown", rule_fate_text(RULE_FATE_COUNT));
	EXPECT_STREQ("upload", rule_direction_text(RULE_UPLOAD));
}

/* ---------------------------------------------- properties, of random rules */

#define CONFIGURATIONS 5000
#define FILES_EACH 40
#define RULES_RANDOM 12

static uint64_t state;

static uint32_t any_number(uint32_t below)
{
	/* xorshift64*, Vigna 2014 */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 2685821657736338717ull) >> 32) % below;
}

static void random_rule(struct rule *r)
{
	memset(r, 0, sizeof(*r));
	set_applications(r, rule_applications[any_number(4)]);
	r->any_type = any_number(3) == 0;
	r->types = any_number(4) ? 1u << any_number(5) | 1u << any_number(5) : 0;
	r->direction = any_number(3);
	r->clouds = any_number(64);
}

static void random_file(struct rule_file *f)
{
	static const enum sighting_kind kinds[] = {
		FILE_, FILE_, FILE_, FILE_, SIGHTING_KIND_LINK, SIGHTING_KIND_MAIL,
		SIGHTING_KIND_FORM_FIELD, SIGHTING_KIND_MAIL_TEXT};
	static const uint32_t types[] = {PE, PDF, SCRIPT, EML, NONE};

	*f = (struct rule_file){
		.kind = kinds[any_number(8)],
		.direction = any_number(2) ? UP : DOWN,
		.application = applications[any_number(5)],
		.types = types[any_number(5)],
		.size_known = true,
		.size = any_number(20),
	};
}

/* Something that may still become this file. */
static struct rule_file before_it(const struct rule_file *f)
{
	struct rule_file b = *f;

	b.types |= any_number(32);
	if (any_number(2))
		b.types |= RULE_TYPE_OTHER;
	if (any_number(4) == 0)
		b.types |= RULE_TYPE_ARCHIVE;
	if (any_number(2)) {
		b.size_known = false;
		b.size = any_number(1000);
	}
	if (any_number(3) == 0)
		b.application = NULL;
	return b;
}

static uint64_t explained(const struct rule_set *set, const struct rule_file *f)
{
	uint64_t clouds = 0;

	for (size_t i = 0; i < 6; i++)
		if (rule_explain(set, f, i) == RULE_FATE_CHOSEN)
			clouds |= 1ull << i;
	return clouds;
}

TEST(properties)
{
	static struct rule rules[RULES_RANDOM], more[RULES_RANDOM + 1];
	unsigned long sent = 0, kept = 0;
	struct rule_types types;

	state = 20261124;
	types_init(&types);
	for (unsigned int n = 0; n < CONFIGURATIONS; n++) {
		struct rule_set set = {.rule = rules, .types = &types}, larger;
		size_t at;

		set.count = any_number(RULES_RANDOM + 1);
		set.private_clouds = any_number(64) & any_number(64);
		set.receiving = any_number(64) | any_number(64);
		for (size_t i = 0; i < set.count; i++)
			random_rule(&rules[i]);
		for (size_t i = 0; i < 5; i++)
			types.limit[i] = any_number(2) ? any_number(20) : UINT64_MAX;
		/* One rule more, anywhere. */
		at = any_number((uint32_t)set.count + 1);
		memcpy(more, rules, at * sizeof(rules[0]));
		random_rule(&more[at]);
		memcpy(more + at + 1, rules + at, (set.count - at) * sizeof(rules[0]));
		larger = set;
		larger.rule = more;
		larger.count++;

		for (unsigned int k = 0; k < FILES_EACH; k++) {
			struct rule_file f, early, container;
			uint64_t clouds, now;
			size_t chosen;

			random_file(&f);
			clouds = rule_match(&set, &f, &chosen);
			sent += clouds != 0;
			ASSERT_EQ(clouds, explained(&set, &f));
			ASSERT_EQ(0, clouds & ~set.receiving);
			/* Private and public never both. */
			ASSERT_TRUE(!(clouds & set.private_clouds) ||
				    !(clouds & ~set.private_clouds));
			if (clouds) {
				ASSERT_LT(chosen, set.count);
				ASSERT_EQ(0, rule_failures(&set, chosen, &f));
				/* What is sent was wanted at every earlier time, */
				early = before_it(&f);
				ASSERT_TRUE(rule_wants(&set, &f));
				ASSERT_TRUE(rule_wants(&set, &early));
				/* and what it may be a member of. */
				container = f;
				container.types = RULE_TYPE_ARCHIVE;
				container.size = any_number(1000);
				ASSERT_TRUE(f.kind != FILE_ || rule_wants(&set, &container));
			}
			/* Adding a rule takes nothing away, but for the private-only rule. */
			now = rule_match(&larger, &f, &chosen);
			for (size_t i = 0; i < 6; i++) {
				if (!(clouds & ~now & 1ull << i))
					continue;
				kept++;
				ASSERT_EQ(0, set.private_clouds & 1ull << i);
				ASSERT_EQ(RULE_FATE_PRIVATE, rule_explain(&larger, &f, i));
				ASSERT_EQ(0, rule_failures(&larger, at, &f));
				ASSERT_NE(0, more[at].clouds & set.private_clouds);
			}
		}
	}
	/* The properties were put to the test. */
	EXPECT_LT(10000, sent);
	EXPECT_LT(1000, kept);
}

TEST_HARNESS_MAIN
