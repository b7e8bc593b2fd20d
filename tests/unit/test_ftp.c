// SPDX-License-Identifier: MIT
#include "ftp_talk.h"

TEST_F(ftp, passive_download)
{
	login(c);
	turn(c, "CWD /pub\r\n", "250 ok\r\n");
	passive(c);
	ask(c, "RETR dir/a b.txt\r\n");
	answer(c, "150 Opening BINARY mode data connection for dir/a b.txt (5 bytes).\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	EXPECT_EQ(0, c->files);
	answer(c, "226 done\r\n");
	ASSERT_EQ(1, c->files);
	EXPECT_FILE(0, "hello");
	EXPECT_EQ(DIRECTION_DOWNLOAD, c->seen[0].direction);
	EXPECT_STREQ("ftp", text_at(c, 0, SIGHTING_APPLICATION));
	EXPECT_STREQ("RETR", text_at(c, 0, SIGHTING_COMMAND));
	EXPECT_STREQ("alice", text_at(c, 0, SIGHTING_USER));
	EXPECT_STREQ("a b.txt", text_at(c, 0, SIGHTING_FILENAME));
	EXPECT_STREQ("/pub/dir/a b.txt", text_at(c, 0, SIGHTING_FILE_PATH));
	EXPECT_STREQ("ftp://198.51.100.2/pub/dir/a%20b.txt", text_at(c, 0, SIGHTING_URL));
	EXPECT_TRUE(c->seen[0].size_known);
	EXPECT_EQ(5, c->seen[0].declared);
	EXPECT_EQ(1, c->seen[0].session.related);
	EXPECT_EQ(PASV_PORT, c->seen[0].session.end[DIR_ANSWERER].port);
	EXPECT_EQ(1, c->counters.value[COUNTER_FTP_TRANSFERS]);
	EXPECT_EQ(1, c->counters.value[COUNTER_SESSIONS_EXPECTED]);
}

TEST_F(ftp, passive_upload)
{
	login(c);
	passive(c);
	turn(c, "STOR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_OPENER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
	EXPECT_EQ(DIRECTION_UPLOAD, c->seen[0].direction);
	EXPECT_STREQ("STOR", text_at(c, 0, SIGHTING_COMMAND));
}

/* The server opens the connection, and what it sends is a download still. */
TEST_F(ftp, active_download)
{
	login(c);
	turn(c, "PORT 192,0,2,1,8,0\r\n", "200 ok\r\n");
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = announced(c, SERVER, 20, CLIENT, 2048);
	send_all(c, self->data, DIR_OPENER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
	EXPECT_EQ(DIRECTION_DOWNLOAD, c->seen[0].direction);
	EXPECT_EQ(2048, c->seen[0].session.end[DIR_OPENER].port);
	EXPECT_EQ(20, c->seen[0].session.end[DIR_ANSWERER].port);
}

TEST_F(ftp, active_upload)
{
	login(c);
	turn(c, "EPRT |1|192.0.2.1|2048|\r\n", "200 ok\r\n");
	turn(c, "STOR a\r\n", "150 go on\r\n");
	self->data = announced(c, SERVER, 20, CLIENT, 2048);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
	EXPECT_EQ(DIRECTION_UPLOAD, c->seen[0].direction);
}

/* No PORT at all: the port of the control connection (RFC 959 §3.2). */
TEST_F(ftp, active_without_port)
{
	login(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = announced(c, SERVER, 20, CLIENT, CLIENT_PORT);
	send_all(c, self->data, DIR_OPENER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
}

TEST_F(ftp, extended_passive)
{
	login(c);
	turn(c, "EPSV ALL\r\n", "200 ok\r\n");
	turn(c, "EPSV\r\n", "229 Extended Passive Mode (|||1025|)\r\n");
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
}

TEST_F(ftp, refused_extended_passive_then_passive)
{
	login(c);
	turn(c, "EPSV\r\n", "500 what?\r\n");
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
}

TEST_F(ftp, reply_before_the_end_of_data)
{
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	answer(c, "226 done\r\n");
	send_data(c, self->data, DIR_ANSWERER, "lo");
	EXPECT_EQ(0, c->files);
	proto_session_eof(self->data, DIR_ANSWERER, c->time++);
	EXPECT_FILE(0, "hello");
}

TEST_F(ftp, data_before_its_command)
{
	login(c);
	passive(c);
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_OPENER, "hello");
	hang_up(c, &self->data, FILE_REASON_NONE);
	turn(c, "STOR a\r\n", "150 go on\r\n");
	EXPECT_EQ(0, c->files);
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
	EXPECT_STREQ("a", text_at(c, 0, SIGHTING_FILENAME));
}

TEST_F(ftp, listing_before_its_command)
{
	login(c);
	passive(c);
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "drwx");
	turn(c, "LIST\r\n", "150 go on\r\n");
	answer(c, "226 done\r\n");
	EXPECT_EQ(0, c->files);
	EXPECT_EQ(0, c->counters.value[COUNTER_FILES]);
}

TEST_F(ftp, listings_are_no_files)
{
	static const char *const commands[] = {"LIST\r\n", "NLST x\r\n", "MLSD\r\n"};

	login(c);
	for (int i = 0; i < 3; i++) {
		passive(c);
		turn(c, commands[i], "150 go on\r\n");
		self->data = connect_passive(c);
		send_data(c, self->data, DIR_ANSWERER, "drwx");
		EXPECT_FALSE(proto_session_wanted(self->data));
		hang_up(c, &self->data, FILE_REASON_NONE);
		answer(c, "226 done\r\n");
	}
	EXPECT_EQ(0, c->files);
	EXPECT_EQ(3, c->shunts);
}

TEST_F(ftp, failed_after_fin)
{
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hel");
	hang_up(c, &self->data, FILE_REASON_NONE);
	EXPECT_EQ(0, c->files);
	answer(c, "426 broken\r\n");
	EXPECT_CUT(0, "reset");
}

TEST_F(ftp, failed_before_fin)
{
	login(c);
	passive(c);
	turn(c, "STOR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_OPENER, "hel");
	answer(c, "552 quota\r\n");
	proto_session_eof(self->data, DIR_OPENER, c->time++);
	EXPECT_CUT(0, "reset");
}

TEST_F(ftp, reset_is_no_end)
{
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	hang_up(c, &self->data, FILE_REASON_RESET);
	EXPECT_CUT(0, "reset");
	answer(c, "226 done\r\n");
	EXPECT_EQ(1, c->files);
}

/* All of the announced size came, so nothing can be missing. */
TEST_F(ftp, reset_behind_the_announced_size)
{
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 Opening BINARY mode data connection for a (5 bytes)\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hello");
	hang_up(c, &self->data, FILE_REASON_RESET);
	EXPECT_FILE(0, "hello");
}

TEST_F(ftp, fin_before_the_announced_size)
{
	login(c);
	turn(c, "SIZE a\r\n", "213 6\r\n");
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_CUT(0, "reset");
}

/* In ASCII more is sent than there is. */
TEST_F(ftp, size_means_nothing_in_ascii)
{
	login(c);
	turn(c, "TYPE A\r\n", "200 ok\r\n");
	passive(c);
	turn(c, "RETR a\r\n", "150 Opening ASCII mode data connection for a (9 bytes)\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "a\r\nb\r\n");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "a\r\nb\r\n");
	EXPECT_FALSE(c->seen[0].size_known);
}

TEST_F(ftp, refused_type_does_not_count)
{
	login(c);
	turn(c, "TYPE A\r\n", "504 no\r\n");
	turn(c, "SIZE a\r\n", "213 6\r\n");
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_CUT(0, "reset");
}

TEST_F(ftp, size_of_mlst)
{
	login(c);
	turn(c, "MLST a\r\n", "250-listing\r\n type=file;size=6;modify=1; a\r\n250 end\r\n");
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello!");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello!");
	EXPECT_EQ(6, c->seen[0].declared);
}

/* In a capture: see unwanted. */
TEST_F(ftp, gap_in_the_data)
{
	c->env.shunt = NULL;
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	proto_session_gap(self->data, DIR_ANSWERER, 5416642848, c->time++);
	send_all(c, self->data, DIR_ANSWERER, "lo");
	answer(c, "226 done\r\n");
	ASSERT_EQ(1, c->files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, c->seen[0].state);
	EXPECT_EQ(5416642853, c->seen[0].size);
}

/* The rest of a file that cannot become one is not read; who closes a session ends its file. */
TEST_F(ftp, unwanted)
{
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	EXPECT_TRUE(proto_session_wanted(self->data));
	proto_session_gap(self->data, DIR_ANSWERER, 1000, c->time++);
	send_data(c, self->data, DIR_ANSWERER, "lo");
	EXPECT_FALSE(proto_session_wanted(self->data));
	EXPECT_EQ(1, c->shunts);
	proto_session_free(self->data, FILE_REASON_NONE, c->time++);
	self->data = NULL;
	answer(c, "226 done\r\n");
	ASSERT_EQ(1, c->files);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(c, 0));
}

/* The reply that is missing may be the one of a failure. */
TEST_F(ftp, reply_lost)
{
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	proto_session_gap(c->ps, DIR_ANSWERER, 20, c->time++);
	turn(c, "NOOP\r\n", "200 what is left of a line\r\n");
	turn(c, "TYPE I\r\n", "200 ok\r\n");
	turn(c, "PASV\r\n", PASV);
	EXPECT_CUT(0, "gap");
}

TEST_F(ftp, no_reply_before_the_end)
{
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	EXPECT_EQ(0, c->files);
	conversation_close(c, FILE_REASON_TIMEOUT);
	EXPECT_FILE(0, "hello");
}

TEST_F(ftp, control_gone_while_data_comes)
{
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	conversation_close(c, FILE_REASON_TIMEOUT);
	send_all(c, self->data, DIR_ANSWERER, "lo");
	EXPECT_FILE(0, "hello");
}

TEST_F(ftp, control_gone_before_any_command)
{
	login(c);
	passive(c);
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	conversation_close(c, FILE_REASON_TIMEOUT);
	send_all(c, self->data, DIR_ANSWERER, "lo");
	EXPECT_EQ(0, c->files);
	EXPECT_EQ(0, c->counters.value[COUNTER_FILES]);
}

TEST_F(ftp, unannounced_data_is_nothing)
{
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = announced(c, OTHER, 50000, SERVER, PASV_PORT);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_EQ(0, c->files);
	EXPECT_EQ(0, c->counters.value[COUNTER_SESSIONS_EXPECTED]);
}

/* RFC 2577: the data goes to somebody else. */
TEST_F(ftp, bounce)
{
	login(c);
	turn(c, "PORT 203,0,113,3,8,0\r\n", "200 ok\r\n");
	EXPECT_EQ(1, c->counters.value[COUNTER_FTP_BOUNCES]);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = announced(c, SERVER, 20, OTHER, 2048);
	send_all(c, self->data, DIR_OPENER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
	EXPECT_EQ(DIRECTION_DOWNLOAD, c->seen[0].direction);
}

/* A server behind address translation says its inner address, and clients know better. */
TEST_F(ftp, passive_with_a_wrong_address)
{
	login(c);
	turn(c, "PASV\r\n", "227 =10,0,0,1,4,1\r\n");
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
}

TEST_F(ftp, all_commands_at_once)
{
	struct proto_session *two;

	answer(c, HELLO);
	ask(c, "USER a\r\nPASS b\r\nTYPE I\r\nPASV\r\nRETR x\r\nPASV\r\nSTOR y\r\nQUIT\r\n");
	answer(c, "331 ok\r\n230 ok\r\n200 ok\r\n227 (198,51,100,2,4,1)\r\n150 ok\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "one");
	answer(c, "226 ok\r\n227 (198,51,100,2,4,2)\r\n150 ok\r\n");
	EXPECT_FILE(0, "one");
	EXPECT_STREQ("x", text_at(c, 0, SIGHTING_FILENAME));
	two = announced(c, CLIENT, 50001, SERVER, 1026);
	send_all(c, two, DIR_OPENER, "two");
	answer(c, "226 ok\r\n221 bye\r\n");
	EXPECT_FILE(1, "two");
	EXPECT_STREQ("y", text_at(c, 1, SIGHTING_FILENAME));
	proto_session_free(two, FILE_REASON_NONE, c->time);
}

/* Captures show answers before their questions. */
TEST_F(ftp, replies_before_their_commands)
{
	login(c);
	answer(c, PASV);
	ask(c, "PASV\r\n");
	answer(c, "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_EQ(0, c->files);
	ask(c, "RETR a\r\n");
	EXPECT_FILE(0, "hello");
	passive(c);
	EXPECT_EQ(1, c->files);
}

TEST_F(ftp, multi_line_replies)
{
	answer(c, "220-hello\r\n 220 not the end\r\n226 neither\r\n220 end\r\n");
	turn(c, "USER a\r\n", "230-\r\n227 (1,2,3,4,5,6)\r\n230 end\r\n");
	turn(c, "TYPE I\r\n", "200 ok\r\n");
	passive(c);
	turn(c, "RETR a\r\n", "150-Accepted data connection\r\n150 0.4 kbytes to download\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226-File sent\r\n226 0.001 seconds\r\n");
	EXPECT_FILE(0, "hello");
}

TEST_F(ftp, byte_by_byte)
{
	static const char commands[] = "USER a\r\nTYPE I\r\nPASV\r\nRETR a\r\n";
	static const char replies[] =
		"220 ok\r\n230 ok\r\n200 ok\r\n" PASV "150 ok\r\n226 ok\r\n";

	for (const char *p = commands; *p; p++)
		say(c, DIR_OPENER, p, 1);
	for (const char *p = replies; *p; p++)
		say(c, DIR_ANSWERER, p, 1);
	self->data = connect_passive(c);
	for (const char *p = "hello"; *p; p++)
		proto_session_data(self->data, DIR_ANSWERER, (const uint8_t *)p, 1, c->time++);
	proto_session_eof(self->data, DIR_ANSWERER, c->time++);
	EXPECT_FILE(0, "hello");
}

/* The client's name counts; where it has none the server's is only the path. */
TEST_F(ftp, unique_names)
{
	login(c);
	passive(c);
	turn(c, "STOU a.txt\r\n", "150 FILE: a.txt.1\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_OPENER, "one");
	answer(c, "226 done\r\n");
	hang_up(c, &self->data, FILE_REASON_NONE);
	passive(c);
	turn(c, "STOU\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_OPENER, "two");
	answer(c, "226 Transfer complete (unique file name:ftp.7).\r\n");
	ASSERT_EQ(2, c->files);
	EXPECT_STREQ("a.txt", text_at(c, 0, SIGHTING_FILENAME));
	EXPECT_STREQ("a.txt.1", text_at(c, 0, SIGHTING_FILE_PATH));
	EXPECT_STREQ("<stou>", text_at(c, 1, SIGHTING_FILENAME));
	EXPECT_STREQ("ftp.7", text_at(c, 1, SIGHTING_FILE_PATH));
	EXPECT_STREQ("ftp://198.51.100.2/ftp.7", text_at(c, 1, SIGHTING_URL));
}

/* The only reply may be that to ABOR. */
TEST_F(ftp, aborted)
{
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	ask(c, "\xff\xf4\xff\xf2"
	       "ABOR\r\n");
	proto_session_eof(self->data, DIR_ANSWERER, c->time++);
	answer(c, "226 aborted\r\n");
	EXPECT_CUT(0, "reset");
}

/* A data connection asked for stays when its command was refused. */
TEST_F(ftp, refused_command_leaves_the_connection)
{
	login(c);
	passive(c);
	turn(c, "RETR nothing\r\n", "550 not there\r\n");
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
	EXPECT_STREQ("a", text_at(c, 0, SIGHTING_FILENAME));
}

TEST_F(ftp, status_while_data_comes)
{
	login(c);
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_data(c, self->data, DIR_ANSWERER, "hel");
	turn(c, "STAT\r\n", "213 half of it\r\n");
	turn(c, "NOOP\r\n", "200 ok\r\n");
	send_all(c, self->data, DIR_ANSWERER, "lo");
	answer(c, "451 disk\r\n");
	EXPECT_CUT(0, "reset");
}

TEST_F(ftp, tls)
{
	answer(c, HELLO);
	turn(c, "AUTH TLS\r\n", "234 go on\r\n");
	EXPECT_TRUE(proto_session_wanted(c->ps));
	tls_hellos(c);
	EXPECT_EQ(1, c->counters.value[COUNTER_SESSIONS_TLS]);
	EXPECT_FALSE(proto_session_wanted(c->ps));
}

TEST_F(ftp, kerberos)
{
	answer(c, HELLO);
	turn(c, "AUTH GSSAPI\r\n", "334 go on\r\n");
	EXPECT_EQ(1, c->counters.value[COUNTER_SESSIONS_TLS]);
	EXPECT_FALSE(proto_session_wanted(c->ps));
}

TEST_F(ftp, refused_tls)
{
	answer(c, HELLO);
	turn(c, "AUTH TLS\r\n", "530 no\r\n");
	EXPECT_EQ(0, c->counters.value[COUNTER_SESSIONS_TLS]);
	EXPECT_TRUE(proto_session_wanted(c->ps));
}

TEST_F(ftp, block_mode_is_not_the_file)
{
	login(c);
	turn(c, "MODE B\r\n", "200 ok\r\n");
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "\x40\x01\x05hello");
	answer(c, "226 done\r\n");
	EXPECT_CUT(0, "decode");
}

TEST_F(ftp, deflate_mode)
{
	/* zlib's stored block of "hello" */
	static const uint8_t coded[] = {0x78, 0x01, 0x01, 5,   0,    0xfa, 0xff, 'h',
					'e',  'l',  'l',  'o', 0x06, 0x2c, 0x02, 0x15};

	login(c);
	turn(c, "MODE Z\r\n", "200 ok\r\n");
	passive(c);
	turn(c, "RETR a\r\n", "150 go on\r\n");
	self->data = connect_passive(c);
	proto_session_data(self->data, DIR_ANSWERER, coded, sizeof(coded), c->time++);
	proto_session_eof(self->data, DIR_ANSWERER, c->time++);
	answer(c, "226 done\r\n");
	EXPECT_FILE(0, "hello");
}

TEST_F(ftp, client_alone)
{
	ask(c, "USER alice\r\n");
	ask(c, "PASS x\r\n");
	ask(c, "TYPE I\r\n");
	ask(c, "PORT 192,0,2,1,8,0\r\n");
	ask(c, "STOR a\r\n");
	self->data = announced(c, SERVER, 20, CLIENT, 2048);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	EXPECT_FILE(0, "hello");
	EXPECT_STREQ("alice", text_at(c, 0, SIGHTING_USER));
}

TEST_F(ftp, server_alone)
{
	answer(c, HELLO "331 ok\r\n230 ok\r\n" PASV);
	answer(c, "150 Opening BINARY mode data connection for /a/b.txt (5 bytes).\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	answer(c, "226 ok\r\n");
	EXPECT_FILE(0, "hello");
	EXPECT_STREQ("b.txt", text_at(c, 0, SIGHTING_FILENAME));
	EXPECT_STREQ("RETR", text_at(c, 0, SIGHTING_COMMAND));
	hang_up(c, &self->data, FILE_REASON_NONE);
	answer(c, PASV "150 Opening ASCII mode data connection for file list\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "drwx");
	answer(c, "226 ok\r\n");
	EXPECT_EQ(1, c->files);
}

TEST_F(ftp, seen_from_the_middle_with_the_ends_swapped)
{
	proto_session_free(c->ps, FILE_REASON_NONE, 1);
	c->info.midstream = true;
	inet_parse(SERVER, &c->info.end[DIR_OPENER]);
	inet_parse(CLIENT, &c->info.end[DIR_ANSWERER]);
	c->info.end[DIR_OPENER].port = FTP;
	c->ps = proto_session_new(&c->env, &c->info);
	answer(c, "TYPE I\r\n");
	ask(c, "200 ok\r\n");
	answer(c, "PASV\r\n");
	ask(c, PASV);
	answer(c, "RETR a\r\n");
	ask(c, "150 ok\r\n");
	self->data = connect_passive(c);
	send_all(c, self->data, DIR_ANSWERER, "hello");
	ask(c, "226 ok\r\n");
	EXPECT_FILE(0, "hello");
}

TEST_F(ftp, ipv6)
{
	proto_session_free(c->ps, FILE_REASON_NONE, 1);
	inet_parse("2001:db8::1", &c->info.end[DIR_OPENER]);
	inet_parse("2001:db8::2", &c->info.end[DIR_ANSWERER]);
	c->info.end[DIR_ANSWERER].port = 2121;
	c->ps = proto_session_new(&c->env, &c->info);
	login(c);
	turn(c, "EPRT |2|2001:db8::1|2048|\r\n", "200 ok\r\n");
	turn(c, "RETR a\r\n", "150 ok\r\n");
	self->data = announced(c, "2001:db8::2", 2120, "2001:db8::1", 2048);
	send_all(c, self->data, DIR_OPENER, "hello");
	answer(c, "226 ok\r\n");
	EXPECT_FILE(0, "hello");
	EXPECT_STREQ("ftp://[2001:db8::2]:2121/a", text_at(c, 0, SIGHTING_URL));
}

TEST_F(ftp, many_ports_announced)
{
	char port[64];

	login(c);
	for (int i = 0; i < 1000; i++) {
		snprintf(port, sizeof(port), "PORT 192,0,2,1,%d,%d\r\n", 8 + i / 256, i % 256);
		turn(c, port, "200 ok\r\n");
	}
	turn(c, "RETR a\r\n", "150 ok\r\n");
	self->data = announced(c, SERVER, 20, CLIENT, (uint16_t)((8 << 8) + 999));
	send_all(c, self->data, DIR_OPENER, "hello");
	answer(c, "226 ok\r\n");
	EXPECT_FILE(0, "hello");
}

/* Nobody reads the replies; nothing grows without end. */
TEST_F(ftp, transfers_without_replies)
{
	login(c);
	for (int i = 0; i < 1000; i++)
		ask(c, "PORT 192,0,2,1,8,0\r\nRETR a\r\n");
	self->data = announced(c, SERVER, 20, CLIENT, 2048);
	send_all(c, self->data, DIR_OPENER, "hello");
	conversation_close(c, FILE_REASON_NONE);
	EXPECT_EQ(1, c->files);
}

TEST_F(ftp, noise_is_given_up)
{
	login(c);
	for (int i = 0; i < 100; i++)
		answer(c, "nothing of ours\r\n");
	EXPECT_FALSE(proto_session_wanted(c->ps));
	EXPECT_EQ(1, c->counters.value[COUNTER_FTP_ERRORS]);
}

/* ---------------------------------------------------------------------- probe */

static enum probe probed(const char *client, const char *server)
{
	struct proto_head head[DIR_COUNT] = {
		{.p = (const uint8_t *)client, .n = strlen(client)},
		{.p = (const uint8_t *)server, .n = strlen(server)},
	};

	return proto_ftp.probe(head);
}

TEST(detection)
{
	EXPECT_EQ(PROBE_MORE, probed("", "220 hello\r\n"));
	EXPECT_EQ(PROBE_YES, probed("USER a\r\n", "220 hello\r\n"));
	EXPECT_EQ(PROBE_YES, probed("USER a\r\n", "220-hello\r\nwhat follows"));
	EXPECT_EQ(PROBE_YES, probed("AUTH TLS\r\n", "220 hello\r\n"));
	EXPECT_EQ(PROBE_MORE, probed("USE", "220 hello\r\n"));
	EXPECT_EQ(PROBE_NO, probed("EHLO x\r\n", "220 hello\r\n"));
	EXPECT_EQ(PROBE_NO, probed("USER a\r\n", "+OK hello\r\n"));
	EXPECT_EQ(PROBE_MORE, probed("USER a\r\nPASS b\r\n", ""));
	EXPECT_EQ(PROBE_YES, probed("USER a\r\nPASS b\r\nPASV\r\n", ""));
	EXPECT_EQ(PROBE_YES, probed("", "220 hello\r\n331 password\r\n"));
	EXPECT_EQ(PROBE_NO, probed("GET / HTTP/1.1\r\n", ""));
	EXPECT_EQ(PROBE_NO, probed("TYPE x\r\n", "+string\r\n"));
	EXPECT_EQ(PROBE_NO, probed("\x16\x03\x01", "220 hello\r\n"));
	EXPECT_EQ(PROBE_NO, probed("", "SSH-2.0-x\r\n"));
}

TEST_HARNESS_MAIN
