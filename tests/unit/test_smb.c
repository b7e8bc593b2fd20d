// SPDX-License-Identifier: MIT
#include "smb_fixture.h"

static uint64_t counted(const struct conversation *c, enum counter which)
{
	return c->counters.value[which];
}

/* -------------------------------------------------------------- SMB 2: reading */

TEST_F(smb, read_with_everything_that_is_known)
{
	start2(&self->t);
	do_create(&self->t, "dir\\my file.exe", OPENED, 5, 100);
	do_read(&self->t, 100, 0, "hello", 5);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "hello"));
	EXPECT_STREQ("my file.exe", text_at(&self->c, 0, SIGHTING_FILENAME));
	EXPECT_STREQ("dir\\my file.exe", text_at(&self->c, 0, SIGHTING_FILE_PATH));
	EXPECT_STREQ("\\\\server\\share", text_at(&self->c, 0, SIGHTING_SHARE));
	EXPECT_STREQ("DOMAIN\\alice", text_at(&self->c, 0, SIGHTING_USER));
	EXPECT_STREQ("ms-ds-smbv3", text_at(&self->c, 0, SIGHTING_APPLICATION));
	EXPECT_EQ(DIRECTION_DOWNLOAD, self->c.seen[0].direction);
	do_close(&self->t, 100, NO_SIZE);
	EXPECT_EQ(1, self->c.files);
	EXPECT_EQ(1, counted(&self->c, COUNTER_SMB_FILES));
}

TEST_F(smb, read_out_of_order_and_twice)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 9, 1);
	do_read(&self->t, 1, 6, "ghi", 3);
	do_read(&self->t, 1, 3, "def", 3);
	do_read(&self->t, 1, 3, "def", 3);
	EXPECT_EQ(0, self->c.files);
	do_read(&self->t, 1, 0, "abc", 3);
	EXPECT_TRUE(has_text(&self->c, 0, "abcdefghi"));
	/* a second time round is no second file */
	do_read(&self->t, 1, 0, "abc", 3);
	do_close(&self->t, 1, 9);
	EXPECT_EQ(1, self->c.files);
}

TEST_F(smb, read_in_part)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 9, 1);
	do_read(&self->t, 1, 0, "abc", 3);
	do_read(&self->t, 1, 6, "ghi", 3);
	do_close(&self->t, 1, NO_SIZE);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
}

TEST_F(smb, reads_answered_in_another_order)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 6, 1);
	do_create(&self->t, "b", OPENED, 3, 2);
	req_read(&self->t, 1, 0, 3, 0);
	ask_it(&self->t);
	req_read(&self->t, 1, 3, 3, 0);
	ask_it(&self->t);
	req_read(&self->t, 2, 0, 3, 0);
	ask_it(&self->t);
	resp_read(&self->t, self->t.mid - 1, "BBB", 3);
	answer_it(&self->t);
	resp_read(&self->t, self->t.mid - 2, "def", 3);
	answer_it(&self->t);
	resp_read(&self->t, self->t.mid - 3, "abc", 3);
	answer_it(&self->t);
	EXPECT_TRUE(has_text(&self->c, 0, "BBB"));
	EXPECT_TRUE(has_text(&self->c, 1, "abcdef"));
}

TEST_F(smb, asynchronous_read)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 3, 1);
	req_read(&self->t, 1, 0, 3, 0);
	ask_it(&self->t);
	resp(&self->t, READ, self->t.mid - 1, PENDING);
	answer_it(&self->t);
	EXPECT_EQ(0, self->c.files);
	resp_read(&self->t, self->t.mid - 1, "abc", 3);
	answer_it(&self->t);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
}

TEST_F(smb, read_that_fails_is_repeated)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 3, 1);
	req_read(&self->t, 1, 0, 3, 0);
	ask_it(&self->t);
	resp(&self->t, READ, self->t.mid - 1, ACCESS_DENIED);
	answer_it(&self->t);
	/* nobody asked for this */
	resp_read(&self->t, 9999, "xyz", 3);
	answer_it(&self->t);
	EXPECT_EQ(0, self->c.files);
	do_read(&self->t, 1, 0, "abc", 3);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
}

TEST_F(smb, compound_of_create_read_close)
{
	uint64_t mid;

	start2(&self->t);
	mid = self->t.mid;
	req_create(&self->t, "a", 0);
	req_read(&self->t, SAME, 0, 100, RELATED);
	req_close(&self->t, SAME, RELATED);
	ask_it(&self->t);
	resp_create(&self->t, mid, OPENED, 3, 0x20, 77);
	resp_read(&self->t, mid + 1, "abc", 3);
	resp_close(&self->t, mid + 2, NO_SIZE);
	answer_it(&self->t);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
	EXPECT_STREQ("a", text_at(&self->c, 0, SIGHTING_FILENAME));
}

TEST_F(smb, size_grows_while_it_is_read)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 6, 1);
	do_read(&self->t, 1, 0, "abc", 3);
	do_read(&self->t, 1, 3, "defghi", 6);
	EXPECT_EQ(0, self->c.files);
	/* the server has no more: now it is known again */
	req_read(&self->t, 1, 9, 100, 0);
	ask_it(&self->t);
	resp(&self->t, READ, self->t.mid - 1, END_OF_FILE);
	answer_it(&self->t);
	EXPECT_TRUE(has_text(&self->c, 0, "abcdefghi"));
}

TEST_F(smb, size_asked_for_later)
{
	start2(&self->t);
	do_read(&self->t, 1, 0, "abc", 3);
	req(&self->t, QUERY, 0);
	le(&self->t, 41, 2);
	le(&self->t, 1, 1);
	le(&self->t, 5, 1);
	zeros(&self->t, 20);
	fid(&self->t, 1);
	ask_it(&self->t);
	resp(&self->t, QUERY, self->t.mid - 1, 0);
	le(&self->t, 9, 2);
	le(&self->t, 72, 2);
	le(&self->t, 24, 4);
	le(&self->t, 4096, 8);
	le(&self->t, 3, 8);
	zeros(&self->t, 8);
	answer_it(&self->t);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
}

/* -------------------------------------------------------------- SMB 2: writing */

TEST_F(smb, write_out_of_order_to_several_files)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_create(&self->t, "b", CREATED, 0, 2);
	do_write(&self->t, 1, 3, "def", 3);
	do_write(&self->t, 2, 0, "BBB", 3);
	do_write(&self->t, 1, 0, "abc", 3);
	do_close(&self->t, 2, NO_SIZE);
	do_close(&self->t, 1, 6);
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "BBB"));
	EXPECT_TRUE(has_text(&self->c, 1, "abcdef"));
	EXPECT_STREQ("a", text_at(&self->c, 1, SIGHTING_FILENAME));
	EXPECT_EQ(DIRECTION_UPLOAD, self->c.seen[1].direction);
}

TEST_F(smb, write_with_a_hole)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_write(&self->t, 1, 0, "abc", 3);
	do_write(&self->t, 1, 6, "ghi", 3);
	do_close(&self->t, 1, 9);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
}

TEST_F(smb, write_shorter_than_the_server_says)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_write(&self->t, 1, 0, "abc", 3);
	do_close(&self->t, 1, 9);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
}

TEST_F(smb, write_into_a_larger_file)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 9, 1);
	do_write(&self->t, 1, 0, "abc", 3);
	do_close(&self->t, 1, NO_SIZE);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
}

TEST_F(smb, write_over_a_whole_file)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 3, 1);
	do_write(&self->t, 1, 0, "abcdef", 6);
	do_close(&self->t, 1, NO_SIZE);
	EXPECT_TRUE(has_text(&self->c, 0, "abcdef"));
}

TEST_F(smb, write_after_truncation)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 9, 1);
	do_resize(&self->t, 1, 0);
	do_write(&self->t, 1, 0, "abc", 3);
	do_close(&self->t, 1, NO_SIZE);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
}

TEST_F(smb, written_twice_through_one_open)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_write(&self->t, 1, 0, "old one", 7);
	do_resize(&self->t, 1, 0);
	do_write(&self->t, 1, 0, "new", 3);
	do_close(&self->t, 1, 3);
	ASSERT_EQ(2, self->c.files);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
	EXPECT_TRUE(has_text(&self->c, 1, "new"));
}

TEST_F(smb, write_cut_off_again)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_write(&self->t, 1, 0, "abcdef", 6);
	do_resize(&self->t, 1, 4);
	do_close(&self->t, 1, 4);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
}

TEST_F(smb, write_that_was_refused)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	req_write(&self->t, 1, 0, "abc", 3, 0);
	ask_it(&self->t);
	resp(&self->t, WRITE, self->t.mid - 1, ACCESS_DENIED);
	answer_it(&self->t);
	do_close(&self->t, 1, NO_SIZE);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
}

TEST_F(smb, write_of_which_less_was_taken)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	req_write(&self->t, 1, 0, "abc", 3, 0);
	ask_it(&self->t);
	resp_write(&self->t, self->t.mid - 1, 2);
	answer_it(&self->t);
	do_close(&self->t, 1, NO_SIZE);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
}

TEST_F(smb, write_longer_than_its_message)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	req_write(&self->t, 1, 0, "abc", 3, 0);
	self->t.message.data[64 + 4] = 200;
	ask_it(&self->t);
	do_write(&self->t, 1, 0, "abc", 3);
	do_close(&self->t, 1, 3);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
}

TEST_F(smb, announced_and_never_closed)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_create(&self->t, "b", CREATED, 0, 2);
	do_create(&self->t, "c", CREATED, 0, 3);
	do_resize(&self->t, 1, 3);
	do_resize(&self->t, 2, 6);
	do_write(&self->t, 1, 0, "abc", 3);
	do_write(&self->t, 2, 0, "abc", 3);
	do_write(&self->t, 3, 0, "abc", 3);
	conversation_close(&self->c, FILE_REASON_RESET);
	ASSERT_EQ(3, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
	EXPECT_EQ(FILE_REASON_RESET, reason_of(&self->c, 1));
	EXPECT_EQ(FILE_REASON_RESET, reason_of(&self->c, 2));
}

TEST_F(smb, close_without_an_answer)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_write(&self->t, 1, 0, "abc", 3);
	req_close(&self->t, 1, 0);
	ask_it(&self->t);
	conversation_close(&self->c, FILE_REASON_TIMEOUT);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
}

TEST_F(smb, compound_of_create_write_close)
{
	uint64_t mid;

	start2(&self->t);
	mid = self->t.mid;
	req_create(&self->t, "d\\a", 0);
	req_write(&self->t, SAME, 0, "abc", 3, RELATED);
	req_close(&self->t, SAME, RELATED);
	ask_it(&self->t);
	resp_create(&self->t, mid, CREATED, 0, 0x20, 77);
	answer_it(&self->t);
	resp_write(&self->t, mid + 1, 3);
	answer_it(&self->t);
	EXPECT_EQ(0, self->c.files);
	resp_close(&self->t, mid + 2, NO_SIZE);
	answer_it(&self->t);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
	EXPECT_STREQ("d\\a", text_at(&self->c, 0, SIGHTING_FILE_PATH));
	EXPECT_STREQ("\\\\server\\share", text_at(&self->c, 0, SIGHTING_SHARE));
}

TEST_F(smb, compound_whose_create_was_refused)
{
	uint64_t mid;

	start2(&self->t);
	mid = self->t.mid;
	req_create(&self->t, "a", 0);
	req_write(&self->t, SAME, 0, "abc", 3, RELATED);
	req_close(&self->t, SAME, RELATED);
	ask_it(&self->t);
	resp(&self->t, CREATE, mid, ACCESS_DENIED);
	resp(&self->t, WRITE, mid + 1, ACCESS_DENIED);
	resp(&self->t, CLOSE, mid + 2, ACCESS_DENIED);
	answer_it(&self->t);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
}

TEST_F(smb, read_and_written_through_one_open)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 3, 1);
	do_read(&self->t, 1, 0, "abc", 3);
	do_write(&self->t, 1, 0, "xyz", 3);
	/* what comes back is the new one */
	do_read(&self->t, 1, 0, "xyz", 3);
	do_close(&self->t, 1, NO_SIZE);
	ASSERT_EQ(3, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
	EXPECT_TRUE(has_text(&self->c, 1, "xyz"));
	EXPECT_EQ(DIRECTION_DOWNLOAD, self->c.seen[1].direction);
	EXPECT_TRUE(has_text(&self->c, 2, "xyz"));
	EXPECT_EQ(DIRECTION_UPLOAD, self->c.seen[2].direction);
}

TEST_F(smb, written_while_it_is_read)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 6, 1);
	do_read(&self->t, 1, 0, "abc", 3);
	do_write(&self->t, 1, 0, "xyz", 3);
	do_read(&self->t, 1, 3, "def", 3);
	do_close(&self->t, 1, NO_SIZE);
	for (size_t i = 0; i < self->c.files; i++)
		EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, i));
}

TEST_F(smb, copied_within_the_server)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_write(&self->t, 1, 0, "abc", 3);
	req(&self->t, IOCTL, 0);
	le(&self->t, 57, 2);
	le(&self->t, 0, 2);
	le(&self->t, 0x001440f2, 4);
	fid(&self->t, 1);
	zeros(&self->t, 24);
	ask_it(&self->t);
	do_close(&self->t, 1, NO_SIZE);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
}

TEST_F(smb, empty_files_make_no_sighting)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_close(&self->t, 1, 0);
	do_create(&self->t, "a", OPENED, 0, 2);
	req_read(&self->t, 2, 0, 100, 0);
	ask_it(&self->t);
	resp(&self->t, READ, self->t.mid - 1, END_OF_FILE);
	answer_it(&self->t);
	do_close(&self->t, 2, NO_SIZE);
	conversation_close(&self->c, FILE_REASON_NONE);
	EXPECT_EQ(0, self->c.files);
}

/* ------------------------------------------------------------- what is no file */

TEST_F(smb, pipes_and_directories)
{
	start2(&self->t);
	req_create(&self->t, "dir", 0);
	ask_it(&self->t);
	resp_create(&self->t, self->t.mid - 1, OPENED, 0, 0x10, 1);
	answer_it(&self->t);
	do_close(&self->t, 1, NO_SIZE);
	self->t.tree = 6;
	connect_tree(&self->t, "\\\\server\\IPC$", 2);
	do_create(&self->t, "srvsvc", OPENED, 0, 2);
	do_write(&self->t, 2, 0, "request", 7);
	do_read(&self->t, 2, 0, "answer", 6);
	do_close(&self->t, 2, NO_SIZE);
	conversation_close(&self->c, FILE_REASON_NONE);
	EXPECT_EQ(0, self->c.files);
	EXPECT_EQ(0, counted(&self->c, COUNTER_SMB_FILES));
}

TEST_F(smb, pipe_in_a_share_nobody_saw_connected)
{
	do_create(&self->t, "srvsvc", OPENED, 0, 2);
	do_write(&self->t, 2, 0, "request", 7);
	do_close(&self->t, 2, NO_SIZE);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 0));
}

/* -------------------------------------------------------------- sessions and ends */

TEST_F(smb, tree_disconnect_and_logoff_close)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_write(&self->t, 1, 0, "abc", 3);
	self->t.tree = 6;
	do_create(&self->t, "b", CREATED, 0, 2);
	do_write(&self->t, 2, 0, "BBB", 3);
	self->t.tree = 5;
	req(&self->t, TREE_OFF, 0);
	ask_it(&self->t);
	unit(&self->t, TREE_OFF, 0, 1, self->t.mid - 1);
	answer_it(&self->t);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
	req(&self->t, LOGOFF, 0);
	ask_it(&self->t);
	unit(&self->t, LOGOFF, 0, 1, self->t.mid - 1);
	answer_it(&self->t);
	EXPECT_TRUE(has_text(&self->c, 1, "BBB"));
}

/* A file over two connections of one session (several channels of SMB 3). */
TEST_F(smb, several_channels)
{
	static const struct shared_limits limits = SHARED_LIMITS_DEFAULT;
	struct proto_session *first;

	self->c.env.shared = shared_set_new(&limits, &self->c.counters);
	first = self->c.ps;
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_create(&self->t, "b", OPENED, 6, 2);
	do_write(&self->t, 1, 0, "abc", 3);
	do_read(&self->t, 2, 0, "BBB", 3);

	self->c.info.id = 2;
	self->c.info.end[DIR_OPENER].port++;
	self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	self->t.mid = 0;
	negotiate(&self->t);
	do_write(&self->t, 1, 3, "def", 3);
	do_read(&self->t, 2, 3, "CCC", 3);
	EXPECT_TRUE(has_text(&self->c, 0, "BBBCCC"));
	/* one channel ends, the file does not */
	proto_session_free(first, FILE_REASON_RESET, self->c.time++);
	do_write(&self->t, 1, 6, "ghi", 3);
	/* known from the first channel only */
	do_create(&self->t, "c", OPENED, 3, 3);
	do_read(&self->t, 3, 0, "ccc", 3);
	do_close(&self->t, 1, 9);
	ASSERT_EQ(3, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 1, "ccc"));
	EXPECT_STREQ("\\\\server\\share", text_at(&self->c, 1, SIGHTING_SHARE));
	EXPECT_STREQ("DOMAIN\\alice", text_at(&self->c, 1, SIGHTING_USER));
	EXPECT_TRUE(has_text(&self->c, 2, "abcdefghi"));
	conversation_close(&self->c, FILE_REASON_NONE);
	shared_set_free(self->c.env.shared);
}

/* The lost message may have written to a file that this channel did not meet otherwise. */
TEST_F(smb, loss_on_another_channel)
{
	static const struct shared_limits limits = SHARED_LIMITS_DEFAULT;
	struct proto_session *first, *second;

	self->c.env.shared = shared_set_new(&limits, &self->c.counters);
	first = self->c.ps;
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_write(&self->t, 1, 0, "abc", 3);
	self->c.info.id = 2;
	second = self->c.ps = proto_session_new(&self->c.env, &self->c.info);
	negotiate(&self->t);
	proto_session_gap(second, DIR_OPENER, 200, self->c.time++);
	self->c.ps = first;
	do_close(&self->t, 1, NO_SIZE);
	do_create(&self->t, "b", CREATED, 0, 2);
	do_write(&self->t, 2, 0, "BBB", 3);
	do_close(&self->t, 2, NO_SIZE);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 0));
	EXPECT_TRUE(has_text(&self->c, 1, "BBB"));
	proto_session_free(second, FILE_REASON_NONE, self->c.time++);
	conversation_close(&self->c, FILE_REASON_NONE);
	shared_set_free(self->c.env.shared);
}

/* Picked up after the file was opened: nobody knows its name or size. */
TEST_F(smb, partial_session)
{
	do_write(&self->t, 1, 0, "abc", 3);
	do_close(&self->t, 1, 3);
	do_write(&self->t, 2, 0, "abc", 3);
	do_close(&self->t, 2, NO_SIZE);
	do_read(&self->t, 3, 0, "abc", 3);
	do_close(&self->t, 3, 3);
	do_read(&self->t, 4, 0, "abc", 3);
	do_close(&self->t, 4, NO_SIZE);
	do_read(&self->t, 5, 3, "def", 3);
	do_close(&self->t, 5, 6);
	ASSERT_EQ(5, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 1));
	EXPECT_TRUE(has_text(&self->c, 2, "abc"));
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 3));
	EXPECT_EQ(FILE_REASON_PARTIAL, reason_of(&self->c, 4));
}

TEST_F(smb, first_bytes_within_a_message)
{
	say(&self->c, DIR_OPENER, "tail of something", 17);
	do_write(&self->t, 1, 0, "abc", 3);
	do_close(&self->t, 1, 3);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
}

/* ------------------------------------------------------------------------ frames */

TEST_F(smb, segments_of_any_size)
{
	for (size_t step = 1; step < 90; step++) {
		size_t i = self->c.files;

		proto_session_free(self->c.ps, FILE_REASON_NONE, self->c.time);
		self->c.ps = proto_session_new(&self->c.env, &self->c.info);
		self->t.step = step;
		start2(&self->t);
		do_create(&self->t, "a", CREATED, 0, 1);
		do_write(&self->t, 1, 0, "abcdef", 6);
		do_write(&self->t, 1, 6, "ghi", 3);
		do_close(&self->t, 1, 9);
		ASSERT_EQ(i + 1, self->c.files) TH_LOG("segments of %zu", step);
		EXPECT_TRUE(has_text(&self->c, i, "abcdefghi"));
		if (i + 1 < SEEN_MAX)
			continue;
		while (self->c.files)
			sighting_free(&self->c.seen[--self->c.files]);
	}
}

TEST_F(smb, keepalives_and_frames_within_frames)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	say(&self->c, DIR_OPENER, "\x85\0\0\0", 4);
	say(&self->c, DIR_OPENER, "\0\0\0\0", 4);
	req_write(&self->t, 1, 0, "abc", 3, 0);
	say(&self->c, DIR_OPENER, (uint8_t[]){0, 0, 0, 4 + self->t.message.len}, 4);
	ask_it(&self->t);
	resp_write(&self->t, self->t.mid - 1, 3);
	answer_it(&self->t);
	do_write(&self->t, 1, 3, "def", 3);
	do_close(&self->t, 1, 6);
	EXPECT_TRUE(has_text(&self->c, 0, "abcdef"));
}

TEST_F(smb, session_request_of_netbios)
{
	uint8_t ask[72] = {0x81, 0, 0, 68, 32};

	memset(ask + 5, 'C', 32);
	ask[38] = 32;
	memset(ask + 39, 'A', 32);
	say(&self->c, DIR_OPENER, ask, 20);
	say(&self->c, DIR_OPENER, ask + 20, sizeof(ask) - 20);
	say(&self->c, DIR_ANSWERER, "\x82\0\0\0", 4);
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 3, 1);
	do_read(&self->t, 1, 0, "abc", 3);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
}

TEST_F(smb, other_protocols)
{
	static const char *const others[] = {
		"\x16\x03\x01\x02\x00\x01",
		"GET / HTTP/1.1\r\n",
		"\0\0\0\x20\xff"
		"SMC....",
		"\x80\0\0\x28\0\0\0\1",
		"\0\0\0\0\0\0\0\0",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct proto_head head[DIR_COUNT] = {{(const uint8_t *)others[i], 8, false}};

		EXPECT_EQ(PROBE_NO, proto_smb.probe(head)) TH_LOG("%zu", i);
	}
}

/* ---------------------------------------------------------------- loss and limits */

static void lose(struct talk *t, enum dir dir, uint64_t n)
{
	proto_session_gap(t->c->ps, dir, n, t->c->time++);
}

TEST_F(smb, loss_within_what_is_written)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_create(&self->t, "b", CREATED, 0, 2);
	req_write(&self->t, 1, 0, "abcdefghi", 9, 0);
	say(&self->c, DIR_OPENER, (uint8_t[]){0, 0, 0, self->t.message.len}, 4);
	say(&self->c, DIR_OPENER, self->t.message.data, self->t.message.len - 5);
	lose(&self->t, DIR_OPENER, 3);
	say(&self->c, DIR_OPENER, "hi", 2);
	buf_reset(&self->t.message);
	do_write(&self->t, 2, 0, "BBB", 3);
	do_close(&self->t, 1, 9);
	do_close(&self->t, 2, 3);
	ASSERT_EQ(2, self->c.files);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 0));
	EXPECT_TRUE(has_text(&self->c, 1, "BBB"));
}

TEST_F(smb, loss_of_what_was_read_is_read_again)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 6, 1);
	req_read(&self->t, 1, 0, 6, 0);
	ask_it(&self->t);
	resp_read(&self->t, self->t.mid - 1, "abcdef", 6);
	say(&self->c, DIR_ANSWERER, (uint8_t[]){0, 0, 0, self->t.message.len}, 4);
	say(&self->c, DIR_ANSWERER, self->t.message.data, self->t.message.len - 6);
	lose(&self->t, DIR_ANSWERER, 3);
	say(&self->c, DIR_ANSWERER, "def", 3);
	buf_reset(&self->t.message);
	do_read(&self->t, 1, 0, "abc", 3);
	EXPECT_TRUE(has_text(&self->c, 0, "abcdef"));
}

TEST_F(smb, loss_of_whole_messages)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_write(&self->t, 1, 0, "abc", 3);
	/* perhaps the rest of the file */
	lose(&self->t, DIR_OPENER, 200);
	say(&self->c, DIR_OPENER, "rest of a message", 17);
	do_create(&self->t, "b", CREATED, 0, 2);
	do_write(&self->t, 2, 0, "BBB", 3);
	do_close(&self->t, 2, NO_SIZE);
	do_close(&self->t, 1, NO_SIZE);
	ASSERT_EQ(2, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "BBB"));
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 1));
}

TEST_F(smb, loss_within_a_header)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_write(&self->t, 1, 0, "abc", 3);
	req_write(&self->t, 1, 3, "def", 3, 0);
	say(&self->c, DIR_OPENER, (uint8_t[]){0, 0, 0, self->t.message.len}, 4);
	say(&self->c, DIR_OPENER, self->t.message.data, 30);
	lose(&self->t, DIR_OPENER, 20);
	say(&self->c, DIR_OPENER, self->t.message.data + 50, self->t.message.len - 50);
	buf_reset(&self->t.message);
	do_close(&self->t, 1, NO_SIZE);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 0));
}

TEST_F(smb, loss_within_a_compound)
{
	uint64_t mid;
	size_t second;

	start2(&self->t);
	mid = self->t.mid;
	req_create(&self->t, "a", 0);
	req_write(&self->t, SAME, 0, "abc", 3, RELATED);
	while (self->t.message.len % 8)
		le(&self->t, 0, 1);
	second = self->t.message.len;
	req_write(&self->t, SAME, 3, "def", 3, RELATED);
	say(&self->c, DIR_OPENER,
	    (uint8_t[]){0, 0, self->t.message.len >> 8, self->t.message.len}, 4);
	say(&self->c, DIR_OPENER, self->t.message.data, second);
	lose(&self->t, DIR_OPENER, self->t.message.len - second);
	buf_reset(&self->t.message);
	resp_create(&self->t, mid, CREATED, 0, 0x20, 1);
	resp_write(&self->t, mid + 1, 3);
	answer_it(&self->t);
	do_close(&self->t, 1, NO_SIZE);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 0));
}

static void transform(struct talk *t, enum dir dir, const char *magic)
{
	buf_add(&t->message, magic, 4);
	zeros(t, 100);
	send_as(t, dir, true);
}

TEST_F(smb, encrypted)
{
	start2(&self->t);
	for (int i = 0; i < 64; i++) {
		EXPECT_EQ(0, self->c.shunts);
		transform(&self->t, DIR_OPENER, "\xfdSMB");
		transform(&self->t, DIR_ANSWERER, "\xfdSMB");
	}
	EXPECT_EQ(128, counted(&self->c, COUNTER_SMB_ENCRYPTED));
	EXPECT_EQ(1, self->c.shunts);
	EXPECT_EQ(0, self->c.files);
}

TEST_F(smb, compressed)
{
	start2(&self->t);
	do_create(&self->t, "a", CREATED, 0, 1);
	do_write(&self->t, 1, 0, "abc", 3);
	transform(&self->t, DIR_OPENER, "\xfcSMB");
	do_close(&self->t, 1, NO_SIZE);
	EXPECT_EQ(1, counted(&self->c, COUNTER_SMB_COMPRESSED));
	EXPECT_EQ(FILE_REASON_GAP, reason_of(&self->c, 0));
}

TEST_F(smb, too_many_requests_and_files)
{
	start2(&self->t);
	for (int i = 0; i < 3000; i++) {
		req_read(&self->t, 1, 0, 100, 0);
		ask_it(&self->t);
	}
	EXPECT_NE(0, counted(&self->c, COUNTER_SMB_LIMITS));
	self->c.counters.value[COUNTER_SMB_LIMITS] = 0;
	for (int i = 0; i < 5000; i++)
		do_create(&self->t, "a", CREATED, 0, i);
	EXPECT_NE(0, counted(&self->c, COUNTER_SMB_LIMITS));
	do_write(&self->t, 4999, 0, "abc", 3);
	do_close(&self->t, 4999, NO_SIZE);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
}

/* ----------------------------------------------------------------- who says what */

TEST_F(smb, application_is_named_by_dialect)
{
	static const struct {
		uint16_t dialect;
		const char *application;
	} cases[] = {
		{0x0202, "ms-ds-smbv2"},    {0x0210, "ms-ds-smbv2"}, {0x0300, "ms-ds-smbv3"},
		{0x0302, "ms-ds-smbv3"},    {0x0311, "ms-ds-smbv3"}, {0x02ff, "ms-ds-smb-base"},
		{0x0666, "ms-ds-smb-base"},
	};

	log_on(&self->t);
	connect_tree(&self->t, "\\\\server\\share", 1);
	do_create(&self->t, "a", OPENED, 3, 99);
	do_read(&self->t, 99, 0, "abc", 3);
	EXPECT_STREQ("ms-ds-smb-base", text_at(&self->c, 0, SIGHTING_APPLICATION));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		negotiate_dialect(&self->t, cases[i].dialect);
		do_create(&self->t, "a", OPENED, 3, i);
		do_read(&self->t, i, 0, "abc", 3);
		EXPECT_STREQ(cases[i].application,
			     text_at(&self->c, i + 1, SIGHTING_APPLICATION));
	}
}

/* An end that plays the other one changes nothing. */
TEST_F(smb, answers_from_the_wrong_end)
{
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 3, 1);
	req_read(&self->t, 1, 0, 3, 0);
	ask_it(&self->t);
	resp_read(&self->t, self->t.mid - 1, "xyz", 3);
	ask_it(&self->t);
	resp_read(&self->t, self->t.mid - 1, "abc", 3);
	answer_it(&self->t);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
}

TEST_HARNESS_MAIN
