/* SPDX-License-Identifier: MIT */
/*
 * A conversation of FTP for every test: its control connection, and one for data.
 */
#ifndef SLUICE_TESTS_UNIT_FTP_TALK_H
#define SLUICE_TESTS_UNIT_FTP_TALK_H

#include <kselftest_harness.h>

#include "announced.h"

#define FTP 21
#define HELLO "220 ready\r\n"

FIXTURE(ftp)
{
	struct conversation c;
	struct proto_session *data;
};

FIXTURE_SETUP(ftp)
{
	ASSERT_TRUE(announced_begin(&self->c, FTP, IPPROTO_TCP));
}

FIXTURE_TEARDOWN(ftp)
{
	proto_session_free(self->data, FILE_REASON_NONE, self->c.time);
	announced_end(&self->c);
}

#define c (&self->c)

/* A command and its reply. */
static void turn(struct conversation *k, const char *command, const char *reply)
{
	ask(k, command);
	answer(k, reply);
}

static void login(struct conversation *k)
{
	answer(k, HELLO);
	turn(k, "USER alice\r\n", "331 password\r\n");
	turn(k, "PASS secret\r\n", "230 welcome\r\n");
	turn(k, "TYPE I\r\n", "200 binary\r\n");
}

#define PASV "227 Entering Passive Mode (198,51,100,2,4,1).\r\n"
#define PASV_PORT 1025

static void passive(struct conversation *k)
{
	turn(k, "PASV\r\n", PASV);
}

static struct proto_session *connect_passive(struct conversation *k)
{
	return announced(k, CLIENT, 50000, SERVER, PASV_PORT);
}

static void send_data(struct conversation *k, struct proto_session *ps, enum dir dir,
		      const char *text)
{
	proto_session_data(ps, dir, (const uint8_t *)text, strlen(text), k->time++);
}

/* Text and FIN. */
static void send_all(struct conversation *k, struct proto_session *ps, enum dir dir,
		     const char *text)
{
	send_data(k, ps, dir, text);
	proto_session_eof(ps, dir, k->time++);
}

static void hang_up(struct conversation *k, struct proto_session **ps, enum file_reason reason)
{
	proto_session_free(*ps, reason, k->time++);
	*ps = NULL;
}

#define EXPECT_FILE(i, text)                       \
	do {                                       \
		EXPECT_LT(i, c->files);            \
		EXPECT_TRUE(has_text(c, i, text)); \
	} while (0)
/* What was cut may be continued, until nobody does. */
#define EXPECT_CUT(i, why)                                              \
	do {                                                            \
		range_set_finish(c->env.ranges);                        \
		ASSERT_LT(i, c->files);                                 \
		EXPECT_EQ(FILE_STATE_TRUNCATED, c->seen[i].state);      \
		EXPECT_STREQ(why, file_reason_text(c->seen[i].reason)); \
	} while (0)

#endif
