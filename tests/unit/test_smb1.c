// SPDX-License-Identifier: MIT
/*
 * SMB 1: as DOS and Windows NT speak it, and how it gives way to SMB 2.
 */
#include "smb_fixture.h"

TEST_F(smb, version_1_in_unicode_and_in_bytes)
{
	for (int unicode = 0; unicode < 2; unicode++) {
		size_t i = unicode * 2;

		self->t.unicode = unicode;
		tree1(&self->t, "\\\\S\\DISK", "A:");
		nt_create1(&self->t, "\\dir\\a.exe", 11, CREATED, 0, 0);
		write1(&self->t, 11, 3, "def", 3, 0);
		write1(&self->t, 11, 0, "abc", 3, 1);
		close1(&self->t, 11);
		ASSERT_EQ(i + 1, self->c.files);
		EXPECT_TRUE(has_text(&self->c, i, "abcdef"));
		EXPECT_STREQ("a.exe", text_at(&self->c, i, SIGHTING_FILENAME));
		EXPECT_STREQ("\\dir\\a.exe", text_at(&self->c, i, SIGHTING_FILE_PATH));
		EXPECT_STREQ("\\\\S\\DISK", text_at(&self->c, i, SIGHTING_SHARE));
		nt_create1(&self->t, "\\b", 12, OPENED, 6, 0);
		read1(&self->t, 12, 3, "456", 3, 3);
		read1(&self->t, 12, 0, "123", 3, 0);
		EXPECT_TRUE(has_text(&self->c, i + 1, "123456"));
	}
}

/* What lies between the byte count and DataOffset is not written. */
TEST_F(smb, version_1_padding)
{
	for (size_t step = 1; step < 120; step += 7) {
		size_t i = self->c.files;

		self->t.step = step;
		nt_create1(&self->t, "\\a", 11, CREATED, 0, 0);
		write1(&self->t, 11, 0, "abc", 3, 50);
		close1(&self->t, 11);
		EXPECT_TRUE(has_text(&self->c, i, "abc")) TH_LOG("segments of %zu", step);
	}
}

TEST_F(smb, version_1_open_and_write_in_one_message)
{
	tree1(&self->t, "\\\\S\\DISK", "A:");
	head1(&self->t, 0xa2, false, 0);
	req_nt_create(&self->t, "\\a", 0x2f);
	req_write_andx(&self->t, 0, 0, "abc", 3, 9);
	ask_it(&self->t);
	head1(&self->t, 0xa2, true, 0);
	resp_nt_create(&self->t, 33, CREATED, 0, 0, 0x2f);
	resp_write_andx(&self->t, 3);
	answer_it(&self->t);
	self->t.mid++;
	write1(&self->t, 33, 3, "def", 3, 0);
	close1(&self->t, 33);
	EXPECT_TRUE(has_text(&self->c, 0, "abcdef"));
}

TEST_F(smb, version_1_pipes)
{
	tree1(&self->t, "\\\\S\\IPC$", "IPC");
	nt_create1(&self->t, "\\srvsvc", 1, OPENED, 0, 2);
	write1(&self->t, 1, 0, "abc", 3, 0);
	close1(&self->t, 1);
	self->t.tid++;
	tree1(&self->t, "\\\\S\\DISK", "A:");
	nt_create1(&self->t, "\\pipe\\x", 2, OPENED, 0, 2);
	write1(&self->t, 2, 0, "abc", 3, 0);
	close1(&self->t, 2);
	conversation_close(&self->c, FILE_REASON_NONE);
	EXPECT_EQ(0, self->c.files);
}

TEST_F(smb, version_1_large_file)
{
	nt_create1(&self->t, "\\a", 1, OPENED, 0x100000003ull, 0);
	read1(&self->t, 1, 0x100000000ull, "abc", 3, 0);
	close1(&self->t, 1);
	ASSERT_EQ(1, self->c.files);
	EXPECT_EQ(0x100000003ull, self->c.seen[0].declared);
	EXPECT_EQ(FILE_REASON_LIMIT, reason_of(&self->c, 0));
}

/* MS-CIFS 2.2.4.3 ff.: as DOS clients do it. */
TEST_F(smb, version_1_core_commands)
{
	tree1(&self->t, "\\\\S\\DISK", "A:");
	head1(&self->t, 0x03, false, 0);
	words(&self->t, 3);
	zeros(&self->t, 6);
	le(&self->t, 4, 2);
	buf_add(&self->t.message, "\4\\A", 4);
	ask_it(&self->t);
	head1(&self->t, 0x03, true, 0);
	words(&self->t, 1);
	le(&self->t, 5, 2);
	le(&self->t, 0, 2);
	answer_it(&self->t);
	self->t.mid++;
	head1(&self->t, 0x0b, false, 0);
	words(&self->t, 5);
	le(&self->t, 5, 2);
	le(&self->t, 3, 2);
	le(&self->t, 0, 4);
	le(&self->t, 0, 2);
	le(&self->t, 6, 2);
	buf_add(&self->t.message, "\1\3\0abc", 6);
	ask_it(&self->t);
	head1(&self->t, 0x0b, true, 0);
	words(&self->t, 1);
	le(&self->t, 3, 2);
	le(&self->t, 0, 2);
	answer_it(&self->t);
	self->t.mid++;
	head1(&self->t, 0x2c, false, 0);
	words(&self->t, 6);
	le(&self->t, 5, 2);
	le(&self->t, 3, 2);
	le(&self->t, 3, 4);
	le(&self->t, 0, 4);
	le(&self->t, 4, 2);
	buf_add(&self->t.message, "\0def", 4);
	ask_it(&self->t);
	head1(&self->t, 0x2c, true, 0);
	words(&self->t, 1);
	le(&self->t, 3, 2);
	le(&self->t, 0, 2);
	answer_it(&self->t);
	ASSERT_EQ(1, self->c.files);
	EXPECT_TRUE(has_text(&self->c, 0, "abcdef"));
	EXPECT_STREQ("A", text_at(&self->c, 0, SIGHTING_FILENAME));
}

/* Raw answers have no header: the frame says how long they are. */
TEST_F(smb, version_1_raw_read)
{
	nt_create1(&self->t, "\\a", 1, OPENED, 3, 0);
	head1(&self->t, 0x1a, false, 0);
	words(&self->t, 8);
	zeros(&self->t, 18);
	ask_it(&self->t);
	buf_add_string(&self->t.message, "raw bytes, whatever they are");
	answer_it(&self->t);
	self->t.mid++;
	read1(&self->t, 1, 0, "abc", 3, 0);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
}

TEST_F(smb, application_of_version_1)
{
	nt_create1(&self->t, "\\a", 1, OPENED, 3, 0);
	read1(&self->t, 1, 0, "abc", 3, 0);
	EXPECT_STREQ("ms-ds-smbv1", text_at(&self->c, 0, SIGHTING_APPLICATION));
}

TEST_F(smb, version_1_negotiates_version_2)
{
	head1(&self->t, 0x72, false, 0);
	words(&self->t, 0);
	le(&self->t, 14, 2);
	buf_add(&self->t.message, "\2NT LM 0.12\0\2\0", 14);
	ask_it(&self->t);
	resp(&self->t, NEGOTIATE, 0, 0);
	zeros(&self->t, 64);
	answer_it(&self->t);
	self->t.mid = 1;
	start2(&self->t);
	do_create(&self->t, "a", OPENED, 3, 1);
	do_read(&self->t, 1, 0, "abc", 3);
	EXPECT_TRUE(has_text(&self->c, 0, "abc"));
	EXPECT_STREQ("ms-ds-smbv3", text_at(&self->c, 0, SIGHTING_APPLICATION));
}

TEST_HARNESS_MAIN
