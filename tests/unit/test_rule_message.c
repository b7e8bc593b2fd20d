// SPDX-License-Identifier: MIT
/* Rules written as messages and read again ask for the same files. */
#include <kselftest_harness.h>

#include "policy/rule_message.h"

FIXTURE(rule_message)
{
	struct rule *rule;
	struct rule_types types;
	struct rule_set set;
	struct rule_receiver r;
	struct msg m;
	unsigned int messages;
	bool changed;
};

FIXTURE_SETUP(rule_message)
{
	memset(self, 0, sizeof(*self));
	self->rule = calloc(RULES_MAX + 1, sizeof(*self->rule));
	msg_init(&self->m);
	for (size_t i = 0; i < FILE_TYPES_MAX; i++)
		self->types.limit[i] = 1000 + i;
	self->types.link = 1;
	self->types.mail = 2;
	self->set = (struct rule_set){
		.rule = self->rule, .receiving = 1, .private_clouds = 2, .types = &self->types};
}

FIXTURE_TEARDOWN(rule_message)
{
	msg_free(&self->m);
	rule_receiver_free(&self->r);
	free(self->rule);
}

static bool take(FIXTURE_DATA(rule_message) *self)
{
	struct msg_view v = {
		.type = self->m.type, .attrs = (uint8_t *)self->m.buf.data + 8, .len = self->m.buf.len - 8};

	return rule_message_take(&self->r, &v, &self->changed);
}

/* The whole set; false when a message was refused, or the last one did not complete it. */
static bool carry(FIXTURE_DATA(rule_message) *self)
{
	size_t next = 0;

	self->messages = 0;
	while (next != SIZE_MAX) {
		if (!rule_message_put(&self->set, &next, &self->m) ||
		    self->m.buf.len > MSG_MAX || !take(self))
			return false;
		self->messages++;
	}
	return self->r.valid;
}

TEST_F(rule_message, what_inspectors_need_arrives)
{
	struct rule *r = self->rule;

	self->set.count = 3;
	strcpy(r[0].name, "secret name");
	r[0].any_type = true;
	r[0].types = 6;
	r[0].direction = RULE_UPLOAD;
	r[0].clouds = 3;
	strcpy(r[0].application[r[0].applications++], "smtp");
	strcpy(r[0].application[r[0].applications++], "web-browsing");
	r[1] = r[0];
	r[1].clouds = 2; /* receives nothing */
	r[2].any_application = true;
	r[2].types = 1u << 23;
	r[2].clouds = 1;
	ASSERT_TRUE(carry(self));
	EXPECT_EQ(1, self->messages);
	EXPECT_TRUE(self->changed);
	ASSERT_EQ(2, self->r.set.count);
	EXPECT_EQ(0, memcmp(&self->types, self->r.set.types, sizeof(self->types)));
	r = (struct rule *)self->r.set.rule;
	EXPECT_STREQ("", r[0].name);
	EXPECT_EQ(1, r[0].clouds);
	EXPECT_EQ(1, self->r.set.receiving);
	EXPECT_TRUE(r[0].any_type);
	EXPECT_FALSE(r[0].any_application);
	EXPECT_EQ(6, r[0].types);
	EXPECT_EQ(RULE_UPLOAD, r[0].direction);
	ASSERT_EQ(2, r[0].applications);
	EXPECT_STREQ("web-browsing", r[0].application[1]);
	EXPECT_EQ(1u << 23, r[1].types);
	EXPECT_TRUE(r[1].any_application);
	EXPECT_EQ(RULE_BOTH, r[1].direction);
}

TEST_F(rule_message, none)
{
	struct rule_file f = {.types = RULE_TYPE_OTHER};

	ASSERT_TRUE(carry(self));
	EXPECT_EQ(1, self->messages);
	EXPECT_EQ(0, self->r.set.count);
	EXPECT_FALSE(rule_wants(&self->r.set, &f));
}

TEST_F(rule_message, as_many_as_there_can_be)
{
	self->set.count = RULES_MAX;
	for (size_t i = 0; i < RULES_MAX; i++) {
		struct rule *r = &self->rule[i];

		r->clouds = 1;
		r->types = (uint32_t)i;
		for (r->applications = 0; r->applications < RULE_APPLICATIONS_MAX; r->applications++) {
			memset(r->application[r->applications], 'a', RULE_NAME_MAX - 1);
			snprintf(r->application[r->applications], 8, "%07zx", i * 100 + r->applications);
			r->application[r->applications][7] = 'x';
		}
	}
	ASSERT_TRUE(carry(self));
	EXPECT_LT(8, self->messages);
	ASSERT_EQ(RULES_MAX, self->r.set.count);
	for (size_t i = 0; i < RULES_MAX; i++) {
		EXPECT_EQ(0, memcmp(self->rule[i].application, self->r.set.rule[i].application,
				    sizeof(self->rule[i].application)));
		EXPECT_EQ(i, self->r.set.rule[i].types);
	}
}

/* Until the last message of a set has come the one before holds. */
TEST_F(rule_message, half_a_set_changes_nothing)
{
	size_t next = 0;

	self->set.count = 1;
	self->rule[0].clouds = 1;
	ASSERT_TRUE(carry(self));
	self->set.count = RULES_MAX;
	for (size_t i = 0; i < RULES_MAX; i++) {
		self->rule[i].clouds = 1;
		self->rule[i].applications = RULE_APPLICATIONS_MAX;
		for (size_t k = 0; k < RULE_APPLICATIONS_MAX; k++)
			strcpy(self->rule[i].application[k], "application");
	}
	ASSERT_TRUE(rule_message_put(&self->set, &next, &self->m));
	ASSERT_NE(SIZE_MAX, next);
	ASSERT_TRUE(take(self));
	EXPECT_FALSE(self->changed);
	EXPECT_EQ(1, self->r.set.count);
	/* Begun anew, as after a second reload. */
	ASSERT_TRUE(carry(self));
	EXPECT_EQ(RULES_MAX, self->r.set.count);
}

TEST_F(rule_message, nonsense_is_refused)
{
	uint8_t head[8 + sizeof(struct rule_types)] = {1}, body[8] = {0}, far[8] = {[6] = 9};
	const struct {
		uint16_t tag[3];
		const void *p[3];
		size_t n[3];
	} rows[] = {
		{{MSG_A_RULE}, {body}, {8}},
		{{MSG_A_RULE_APPLICATION}, {"x"}, {1}},
		{{MSG_A_RULE_LIMITS}, {head}, {8}},
		{{MSG_A_RULE_LIMITS, MSG_A_RULE}, {head, body}, {sizeof(head), 7}},
		{{MSG_A_RULE_LIMITS, MSG_A_RULE}, {head, far}, {sizeof(head), 8}},
		{{MSG_A_RULE_LIMITS, MSG_A_RULE, MSG_A_RULE}, {head, body, body}, {sizeof(head), 8, 8}},
		{{MSG_A_RULE_LIMITS, MSG_A_RULE_APPLICATION}, {head, "x"}, {sizeof(head), 1}},
		{{MSG_A_RULE_LIMITS, MSG_A_RULE, MSG_A_RULE_APPLICATION}, {head, body, "x\0y"},
		 {sizeof(head), 8, 3}},
		{{MSG_A_RULE_LIMITS, MSG_A_RULE, MSG_A_RULE_APPLICATION}, {head, body, "x"},
		 {sizeof(head), 8, 0}},
		{{MSG_A_CLOUD}, {"x"}, {1}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		msg_begin(&self->m, MSG_RULES);
		for (size_t k = 0; k < 3 && rows[i].tag[k]; k++)
			ASSERT_TRUE(msg_put(&self->m, rows[i].tag[k], rows[i].p[k], rows[i].n[k]));
		EXPECT_FALSE(take(self)) {
			TH_LOG("row %zu was taken", i);
		}
		EXPECT_FALSE(self->r.valid);
	}
	/* More rules than there may be. */
	head[1] = 1;
	msg_begin(&self->m, MSG_RULES);
	msg_put(&self->m, MSG_A_RULE_LIMITS, head, sizeof(head));
	EXPECT_FALSE(take(self));
	/* And what is right still is. */
	EXPECT_TRUE(carry(self));
}

TEST_HARNESS_MAIN
