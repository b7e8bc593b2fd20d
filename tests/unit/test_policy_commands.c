// SPDX-License-Identifier: MIT
/*
 * What the control socket is asked about policies, without the socket.
 */
#include <kselftest_harness.h>

#include "lib/log.h"
#include "scratch.h"
#include "supervisor/live.h"
#include "supervisor/policy_commands.h"

#include <stdarg.h>
#include <stdio.h>

/* The answer, in place of control.c. */
struct control_client {
	json_t *line;
	char error[512];
};

void control_line(struct control_client *c, json_t *line)
{
	c->line = line;
}

void control_text(struct control_client *c, const char *text)
{
}

void control_error(struct control_client *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->error, sizeof(c->error), format, args);
	va_end(args);
}

static struct supervisor supervisor;

FIXTURE(commands)
{
	char dir[SCRATCH_MAX];
	struct control_client client;
};

FIXTURE_SETUP(commands)
{
	log_init("test", LOG_LEVEL_ERROR);
	memset(&supervisor, 0, sizeof(supervisor));
	ASSERT_TRUE(scratch_make(self->dir));
	supervisor.store = store_open(scratch_path(self->dir, "supervisor.db"));
	ASSERT_NE(NULL, supervisor.store);
	self->client = (struct control_client){0};
}

FIXTURE_TEARDOWN(commands)
{
	json_decref(self->client.line);
	store_close(supervisor.store);
	scratch_remove(self->dir);
}

static void ask(FIXTURE_DATA(commands) * self,
		void (*command)(struct control_client *c, void *arg, json_t *request),
		const char *name, const char *value)
{
	json_t *request = value ? json_pack("{s:s}", name, value) : json_object();

	json_decref(self->client.line);
	self->client = (struct control_client){0};
	command(&self->client, &supervisor, request);
	json_decref(request);
}

TEST_F(commands, show)
{
	struct policy p = policy_all(POLICY_SHARE);
	char id[POLICY_ID_MAX], other[POLICY_ID_MAX];
	struct networks networks = {0};
	struct buf document;

	policy_set(&p, SLUICE_FIELD_USER, POLICY_OMIT);
	buf_init(&document, 65536);
	ASSERT_TRUE(policy_document("x", &p, NULL, &networks, &document));
	ASSERT_TRUE(policy_id(&document, id));
	ASSERT_TRUE(store_policy(supervisor.store, id, &document, 1234));
	/* Used again: it was first used when it was. */
	ASSERT_TRUE(store_policy(supervisor.store, id, &document, 5678));
	buf_free(&document);

	ask(self, policy_command_show, "id", id);
	ASSERT_NE(NULL, self->client.line);
	EXPECT_EQ(1234, json_integer_value(json_object_get(self->client.line, "first")));
	EXPECT_STREQ("omit", json_string_value(json_object_get(
				     json_object_get(json_object_get(self->client.line, "document"),
						     "fields"),
				     "user")));

	memcpy(other, id, sizeof(other));
	other[0] = other[0] == '0' ? '1' : '0';
	ask(self, policy_command_show, "id", other);
	EXPECT_EQ(NULL, self->client.line);
	EXPECT_NE(NULL, strstr(self->client.error, "nothing was sent under"));
	ask(self, policy_command_show, "id", "1234");
	EXPECT_NE(NULL, strstr(self->client.error, "expected the member"));
	ask(self, policy_command_show, NULL, NULL);
	EXPECT_NE(NULL, strstr(self->client.error, "expected the member"));
}

/* Each is a line of the ledger, or an error and no line. */
TEST_F(commands, resolve)
{
	static const char *const good[] = {"p1:k1:00112233445566778899aabbccddeeff", "192.0.2.1",
					   "2001:db8::1"};
	static const char *const bad[] = {"", "p1:k1:0011", "alice", "192.0.2.1/24", NULL};
	uint64_t before;

	ASSERT_TRUE(ledger_open(&supervisor.ledger, self->dir));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		before = supervisor.ledger.bytes;
		ask(self, policy_command_resolve, "token", good[i]);
		EXPECT_STREQ("", self->client.error);
		EXPECT_LT(0, json_integer_value(json_object_get(self->client.line, "line")));
		EXPECT_LT(before, supervisor.ledger.bytes);
	}
	before = supervisor.ledger.bytes;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask(self, policy_command_resolve, "token", bad[i]);
		EXPECT_EQ(NULL, self->client.line);
		EXPECT_NE(NULL, strstr(self->client.error, "expected the member"));
	}
	EXPECT_EQ(before, supervisor.ledger.bytes);
	ledger_close(&supervisor.ledger, 0);
	/* Closed, as one that cannot be written. */
	ask(self, policy_command_resolve, "token", good[0]);
	EXPECT_EQ(NULL, self->client.line);
	EXPECT_NE(NULL, strstr(self->client.error, "nothing is looked up"));
}

TEST_HARNESS_MAIN
