// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "supervisor/live.h"

#include <netlink/socket.h>

static struct supervisor s;
static struct config config = {.rings = 2};

/* Sockets that are not connected: whatever is asked of one leaves an error in its handle. */
FIXTURE(batch)
{
	struct child inspector;
	struct msg m;
};

FIXTURE_SETUP(batch)
{
	memset(&s, 0, sizeof(s));
	s.c = &config;
	s.namespaces = 2;
	s.kernel.sock = nl_socket_alloc();
	for (size_t i = 0; i < 2; i++) {
		s.namespace[i].kernel.sock = nl_socket_alloc();
		s.namespace[i].inode = 1 + i;
	}
	self->inspector = (struct child){.role = "inspector", .index = 3};
	msg_init(&self->m);
}

FIXTURE_TEARDOWN(batch)
{
	msg_free(&self->m);
	nl_socket_free(s.kernel.sock);
	for (size_t i = 0; i < 2; i++)
		nl_socket_free(s.namespace[i].kernel.sock);
}

static void begin(FIXTURE_DATA(batch) * self, uint16_t type)
{
	msg_begin(&self->m, type);
	msg_put_u64(&self->m, MSG_A_SESSION, 5);
}

static void take(FIXTURE_DATA(batch) * self)
{
	struct msg_view v = {.type = self->m.type,
			     .attrs = self->m.buf.data + 8,
			     .len = self->m.buf.len - 8};

	live_take(&s, &self->inspector, &v);
}

/* What an inspector asks for is asked of the namespace whose packets it sees. */
TEST_F(batch, the_kernel_of_its_namespace)
{
	begin(self, MSG_SHUNT);
	take(self);
	EXPECT_EQ(0, strncmp("shunt: ", s.namespace[1].kernel.error, 7));
	begin(self, MSG_SKIP);
	msg_put_u64(&self->m, MSG_A_DIRECTION, SLUICE_DIR_ANSWERER);
	msg_put_u64(&self->m, MSG_A_SEQUENCE, UINT32_MAX);
	msg_put_u64(&self->m, MSG_A_LENGTH, SLUICE_SKIP_MAX);
	take(self);
	EXPECT_EQ(0, strncmp("skip: ", s.namespace[1].kernel.error, 6));
	/* It is gone: there is nobody to ask. */
	s.namespace[1].inode = 0;
	s.namespace[1].kernel.error[0] = '\0';
	take(self);
	EXPECT_STREQ("", s.namespace[1].kernel.error);
	EXPECT_STREQ("", s.namespace[0].kernel.error);
	EXPECT_STREQ("", s.kernel.error);
	EXPECT_EQ(0, s.counters.value[COUNTER_MESSAGES_BAD]);
}

TEST_F(batch, skips_that_make_no_sense)
{
	static const uint64_t wrong[][3] = {
		{SLUICE_DIR_COUNT, 0, 1},
		{0, UINT32_MAX + 1ull, 1},
		{0, 0, 0},
		{0, 0, SLUICE_SKIP_MAX + 1ull},
	};

	for (size_t i = 0; i < 4; i++) {
		begin(self, MSG_SKIP);
		msg_put_u64(&self->m, MSG_A_DIRECTION, wrong[i][0]);
		msg_put_u64(&self->m, MSG_A_SEQUENCE, wrong[i][1]);
		msg_put_u64(&self->m, MSG_A_LENGTH, wrong[i][2]);
		take(self);
		EXPECT_EQ(i + 1, s.counters.value[COUNTER_MESSAGES_BAD]);
	}
	EXPECT_STREQ("", s.namespace[1].kernel.error);
}

TEST_HARNESS_MAIN
