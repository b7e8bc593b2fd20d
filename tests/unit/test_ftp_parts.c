// SPDX-License-Identifier: MIT
/*
 * FTP: files that come in parts, by REST, by APPE, or as something was cut.
 */
#include "ftp_talk.h"

TEST_F(ftp, append_brings_a_whole_file)
{
	login(c);
	passive(c);
	turn(c, "APPE log\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_OPENER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
}

/* Who asks how much is there sends the rest. */
TEST_F(ftp, append_of_a_rest)
{
	login(c);
	turn(c, "SIZE log\r\n", "213 3\r\n");
	passive(c);
	turn(c, "APPE log\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_OPENER, "lo");
	answer(c, "226 done\r\n");
	EXPECT_CUT(0, "partial");
}

TEST_F(ftp, restart_is_a_part)
{
	login(c);
	passive(c);
	turn(c, "REST 3\r\n", "350 ok\r\n");
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "lo");
	answer(c, "226 done\r\n");
	EXPECT_CUT(0, "partial");
}

static void retr(struct conversation *k, const char *rest, const char *reply)
{
	passive(k);
	if (rest)
		turn(k, rest, "350 ok\r\n");
	turn(k, "RETR a\r\n", reply);
}

TEST_F(ftp, cut_and_resumed)
{
	login(c);
	retr(c, NULL, "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	hang_up(c, &self->data, FILE_REASON_RESET);
	answer(c, "426 broken\r\n");
	retr(c, "REST 2\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "llo");
	EXPECT_EQ(0, c->files);
	answer(c, "226 done\r\n");
	ASSERT_EQ(1, c->files);
	EXPECT_FILE(0, "hello");
	EXPECT_STREQ("RETR", text_at(c, 0, SIGHTING_COMMAND));
	EXPECT_EQ(1, c->counters.value[COUNTER_RANGES_JOINED]);
}

TEST_F(ftp, resumed_with_other_content)
{
	login(c);
	retr(c, NULL, "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	hang_up(c, &self->data, FILE_REASON_RESET);
	answer(c, "426 broken\r\n");
	retr(c, "REST 2\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "LLO");
	answer(c, "226 done\r\n");
	ASSERT_EQ(1, c->files);
	EXPECT_CUT(0, "conflict");
}

/* Segments over several control connections, each broken off where the next begins. */
TEST_F(ftp, segments)
{
	struct proto_session *control = c->ps;

	login(c);
	retr(c, NULL, "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hell");
	c->ps = proto_session_new(&c->env, &c->info);
	login(c);
	retr(c, "REST 3\r\n", "150 go on\r\n");
	proto_session_free(control, FILE_REASON_RESET, c->time++);
	control = self->data;
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "lo world");
	answer(c, "226 done\r\n");
	EXPECT_EQ(0, c->files);
	proto_session_free(control, FILE_REASON_RESET, c->time++);
	ASSERT_EQ(1, c->files);
	EXPECT_FILE(0, "hello world");
}

TEST_F(ftp, begun_anew_is_not_continued)
{
	login(c);
	retr(c, NULL, "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "HEL");
	hang_up(c, &self->data, FILE_REASON_RESET);
	answer(c, "426 broken\r\n");
	retr(c, NULL, "150 go on\r\n");
	ASSERT_EQ(1, c->files);
	EXPECT_EQ(FILE_REASON_RESET, c->seen[0].reason);
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	hang_up(c, &self->data, FILE_REASON_RESET);
	answer(c, "426 broken\r\n");
	retr(c, "REST 3\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "lo");
	answer(c, "226 done\r\n");
	ASSERT_EQ(2, c->files);
	EXPECT_FILE(1, "hello");
}

TEST_F(ftp, upload_resumed_by_append)
{
	login(c);
	passive(c);
	turn(c, "STOR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_OPENER, "hello");
	hang_up(c, &self->data, FILE_REASON_RESET);
	answer(c, "426 broken\r\n");
	turn(c, "SIZE a\r\n", "213 4\r\n");
	passive(c);
	turn(c, "APPE a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_OPENER, "o world");
	answer(c, "226 done\r\n");
	ASSERT_EQ(1, c->files);
	EXPECT_FILE(0, "hello world");
	EXPECT_STREQ("APPE", text_at(c, 0, SIGHTING_COMMAND));
}

/* Where lines are changed on the way no offset means anything. */
TEST_F(ftp, no_parts_in_ascii)
{
	login(c);
	turn(c, "TYPE A\r\n", "200 ok\r\n");
	retr(c, NULL, "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	hang_up(c, &self->data, FILE_REASON_RESET);
	ASSERT_EQ(1, c->files);
	EXPECT_EQ(FILE_REASON_RESET, c->seen[0].reason);
}

TEST_F(ftp, refused_restart)
{
	login(c);
	passive(c);
	turn(c, "REST 3\r\n", "502 no\r\n");
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
}

TEST_HARNESS_MAIN
