// SPDX-License-Identifier: MIT
/*
 * NFS 2 and 3, and what all versions share: order, gaps, detection.
 */
#include <kselftest_harness.h>

#include "nfs_talk.h"

FIXTURE(nfs)
{
	struct world *w;
};

FIXTURE_SETUP(nfs)
{
	self->w = calloc(1, sizeof(*self->w));
	ASSERT_NE(NULL, self->w);
	ASSERT_TRUE(world_begin(self->w));
}

FIXTURE_TEARDOWN(nfs)
{
	world_end(self->w);
	free(self->w);
}

TEST_F(nfs, read_in_order)
{
	struct world *w = self->w;

	named3(w, 3, "root", "dir", "dirhandle", 0);
	named3(w, 3, "dirhandle", "a.exe", "file", 11);
	read3(w, 1, "file", 0, "hello ", 11);
	EXPECT_EQ(0, w->c.files);
	read3(w, 2, "file", 6, "world", 11);
	ASSERT_EQ(1, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "hello world"));
	EXPECT_STREQ("a.exe", text_at(&w->c, 0, SIGHTING_FILENAME));
	EXPECT_STREQ("dir/a.exe", text_at(&w->c, 0, SIGHTING_FILE_PATH));
	EXPECT_STREQ("1000", text_at(&w->c, 0, SIGHTING_USER));
	EXPECT_STREQ("nfs", text_at(&w->c, 0, SIGHTING_APPLICATION));
	EXPECT_STREQ("READ", text_at(&w->c, 0, SIGHTING_COMMAND));
	EXPECT_EQ(DIRECTION_DOWNLOAD, w->c.seen[0].direction);
	EXPECT_EQ(4, w->c.counters.value[COUNTER_NFS_CALLS]);
}

TEST_F(nfs, read_out_of_order_and_answers_crossed)
{
	struct world *w = self->w;

	read3_call(w, 1, "file", 6, 5);
	asked(w);
	read3_call(w, 2, "file", 0, 6);
	asked(w);
	read3_reply(w, 2, 11, "hello ", false);
	answered(w);
	read3_reply(w, 1, 11, "world", true);
	answered(w);
	EXPECT_TRUE(has_text(&w->c, 0, "hello world"));
}

TEST_F(nfs, part_of_a_file_is_none)
{
	struct world *w = self->w;

	read3(w, 1, "file", 0, "hello ", 11);
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_REASON_TIMEOUT, reason(w, 0));
}

TEST_F(nfs, end_of_file_where_no_size_is_said)
{
	struct world *w = self->w;
	struct xdr *x;

	read3_call(w, 1, "file", 0, 100);
	asked(w);
	x = reply(w, 1);
	w32(x, 0);
	w32(x, 0); /* no attributes */
	w32(x, 5);
	w32(x, 1);
	string(x, "hello");
	answered(w);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
}

TEST_F(nfs, other_version_between_reads)
{
	struct world *w = self->w;

	read3(w, 1, "file", 0, "hello ", 11);
	read3(w, 2, "file", 6, "there!", 12);
	finish(w);
	ASSERT_EQ(2, w->c.files);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason(w, 0));
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[1].state);
}

TEST_F(nfs, answer_repeated)
{
	struct world *w = self->w;

	over(w, IPPROTO_UDP);
	read3(w, 1, "file", 0, "hello", 5);
	answered(w);
	/* and the call as well */
	asked(w);
	answered(w);
	EXPECT_EQ(1, w->c.files);
}

/* Two programs of a client that began in the same second, one after the other. */
TEST_F(nfs, xid_used_again)
{
	struct world *w = self->w;

	over(w, IPPROTO_UDP);
	named3(w, 3, "root", "first", "file1", 5);
	read3(w, 1, "file1", 0, "hello", 5);
	named3(w, 3, "root", "second", "file2", 5);
	read3(w, 1, "file2", 0, "world", 5);
	ASSERT_EQ(2, w->c.files);
	EXPECT_STREQ("second", text_at(&w->c, 1, SIGHTING_FILENAME));
}

TEST_F(nfs, answer_before_its_call)
{
	struct world *w = self->w;

	named3(w, 3, "root", "a", "file", 5);
	read3_call(w, 1, "file", 0, 100);
	read3_reply(w, 1, 5, "hello", true);
	answered(w);
	EXPECT_EQ(0, w->c.files);
	asked(w);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
}

TEST_F(nfs, byte_by_byte)
{
	struct world *w = self->w;

	write3_call(w, 1, "file", 0, "hello");
	marked(&w->call);
	for (size_t i = 0; i < w->call.n; i++)
		say(&w->c, DIR_OPENER, w->call.p + i, 1);
	write3_reply(w, 1, 5, 5, FILE_SYNC);
	marked(&w->reply);
	for (size_t i = 0; i < w->reply.n; i++)
		say(&w->c, DIR_ANSWERER, w->reply.p + i, 1);
	read3_call(w, 2, "other", 0, 100);
	marked(&w->call);
	for (size_t i = 0; i < w->call.n; i++)
		say(&w->c, DIR_OPENER, w->call.p + i, 1);
	read3_reply(w, 2, 5, "world", true);
	marked(&w->reply);
	for (size_t i = 0; i < w->reply.n; i++)
		say(&w->c, DIR_ANSWERER, w->reply.p + i, 1);
	finish(w);
	ASSERT_EQ(2, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "world"));
	EXPECT_TRUE(has_text(&w->c, 1, "hello"));
}

/* A record in fragments, one of them within the data, one empty. */
TEST_F(nfs, fragments)
{
	struct world *w = self->w;
	static const size_t cuts[] = {4, 30, 30, 99, 110};
	size_t last = sizeof(cuts) / sizeof(cuts[0]);

	write3_call(w, 1, "file", 0, "hello, this is a file");
	for (size_t i = 0; i < last; i++) {
		size_t end = i + 1 < last ? cuts[i + 1] : w->call.n;
		uint32_t mark = (uint32_t)(end - cuts[i]);

		mark = htobe32(i + 1 < last ? mark : mark | 0x80000000u);
		say(&w->c, DIR_OPENER, &mark, 4);
		if (end > cuts[i])
			say(&w->c, DIR_OPENER, w->call.p + cuts[i], end - cuts[i]);
	}
	write3_reply(w, 1, 21, 21, FILE_SYNC);
	answered(w);
	finish(w);
	EXPECT_TRUE(has_text(&w->c, 0, "hello, this is a file"));
}

TEST_F(nfs, written_and_committed)
{
	struct world *w = self->w;

	named3(w, 8, "root", "new.exe", "file", 0);
	write3(w, 1, "file", 6, "world", 11, UNSTABLE);
	write3(w, 2, "file", 0, "hello ", 11, UNSTABLE);
	commit3(w, 3, "file", 11);
	EXPECT_EQ(0, w->c.files);
	later(w, 11);
	ASSERT_EQ(1, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "hello world"));
	EXPECT_STREQ("new.exe", text_at(&w->c, 0, SIGHTING_FILENAME));
	EXPECT_EQ(DIRECTION_UPLOAD, w->c.seen[0].direction);
	EXPECT_STREQ("WRITE", text_at(&w->c, 0, SIGHTING_COMMAND));
}

TEST_F(nfs, session_that_ends_after_commit)
{
	struct world *w = self->w;

	write3(w, 1, "file", 0, "hello", 5, UNSTABLE);
	commit3(w, 2, "file", 5);
	conversation_close(&w->c, FILE_REASON_NONE);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
}

TEST_F(nfs, append_after_commit_is_one_file)
{
	struct world *w = self->w;

	write3(w, 1, "file", 0, "hello ", 6, UNSTABLE);
	commit3(w, 2, "file", 6);
	later(w, 5);
	write3(w, 3, "file", 6, "world", 11, UNSTABLE);
	later(w, 12);
	EXPECT_EQ(0, w->c.files);
	commit3(w, 4, "file", 11);
	later(w, 12);
	ASSERT_EQ(1, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "hello world"));
}

/* Whatever ends here, a capture for one, may be the middle of a file. */
TEST_F(nfs, not_committed)
{
	struct world *w = self->w;

	write3(w, 1, "file", 0, "hello", 5, UNSTABLE);
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_REASON_TIMEOUT, reason(w, 0));
}

TEST_F(nfs, not_committed_but_left_alone)
{
	struct world *w = self->w;

	write3(w, 1, "file", 0, "hello", 5, UNSTABLE);
	later(w, 130);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
}

TEST_F(nfs, beginning_of_a_larger_file)
{
	struct world *w = self->w;

	write3(w, 1, "file", 0, "hello", 11, FILE_SYNC);
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[0].state);
}

TEST_F(nfs, hole_that_was_never_written)
{
	struct world *w = self->w;

	named3(w, 8, "root", "new", "file", 0);
	write3(w, 1, "file", 100, "hello", 105, FILE_SYNC);
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[0].state);
}

TEST_F(nfs, emptied_and_written_again)
{
	struct world *w = self->w;

	write3(w, 1, "file", 0, "hello", 5, FILE_SYNC);
	setsize3(w, 2, "file", 0);
	ASSERT_EQ(1, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
	write3(w, 3, "file", 0, "world", 5, FILE_SYNC);
	finish(w);
	ASSERT_EQ(2, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 1, "world"));
}

/* The CREATE comes by after the WRITE to what it made. */
TEST_F(nfs, emptied_before_whatever_came_first)
{
	struct world *w = self->w;

	over(w, IPPROTO_UDP);
	write3(w, 1, "file", 0, "hello ", 6, FILE_SYNC);
	named3(w, 8, "root", "new", "file", 0);
	write3(w, 2, "file", 0, "hello world", 11, FILE_SYNC);
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "hello world"));
}

/* Room is made for all of it before. */
TEST_F(nfs, size_set_before)
{
	struct world *w = self->w;

	named3(w, 8, "root", "new", "file", 0);
	setsize3(w, 1, "file", 11);
	write3(w, 2, "file", 0, "hello ", 11, FILE_SYNC);
	later(w, 11);
	EXPECT_EQ(0, w->c.files);
	write3(w, 3, "file", 6, "world", 11, FILE_SYNC);
	later(w, 11);
	EXPECT_TRUE(has_text(&w->c, 0, "hello world"));
}

TEST_F(nfs, write_without_an_answer)
{
	struct world *w = self->w;

	named3(w, 8, "root", "new", "file", 0);
	write3_call(w, 1, "file", 0, "hello");
	asked(w);
	commit3(w, 2, "file", 5);
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[0].state);
}

TEST_F(nfs, write_that_failed_and_came_again)
{
	struct world *w = self->w;
	struct xdr *x;

	write3_call(w, 1, "file", 0, "hello");
	asked(w);
	x = reply(w, 1);
	w32(x, 10008); /* JUKEBOX */
	zero(x, 8);
	answered(w);
	write3(w, 2, "other", 0, "other", 5, FILE_SYNC);
	write3(w, 3, "file", 0, "hello", 5, FILE_SYNC);
	finish(w);
	ASSERT_EQ(2, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "other"));
	EXPECT_TRUE(has_text(&w->c, 1, "hello"));
}

TEST_F(nfs, write_that_failed)
{
	struct world *w = self->w;
	struct xdr *x;

	write3(w, 1, "file", 0, "hello ", 6, FILE_SYNC);
	write3_call(w, 2, "file", 6, "world");
	asked(w);
	x = reply(w, 2);
	w32(x, 28); /* NOSPC */
	zero(x, 8);
	answered(w);
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[0].state);
}

TEST_F(nfs, short_write)
{
	struct world *w = self->w;

	write3_call(w, 1, "file", 0, "hello world");
	asked(w);
	write3_reply(w, 1, 6, 6, FILE_SYNC);
	answered(w);
	write3(w, 2, "file", 6, "world", 11, FILE_SYNC);
	finish(w);
	EXPECT_TRUE(has_text(&w->c, 0, "hello world"));
}

TEST_F(nfs, written_twice_with_other_content)
{
	struct world *w = self->w;

	write3(w, 1, "file", 0, "hello", 5, FILE_SYNC);
	write3(w, 2, "file", 0, "jello", 5, FILE_SYNC);
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_REASON_CONFLICT, reason(w, 0));
}

/* nconnect: two connections of a client, one file. */
TEST_F(nfs, two_connections)
{
	struct world *w = self->w;
	struct proto_session *first = w->c.ps;

	read3(w, 1, "file", 0, "hello ", 11);
	w->c.ps = session(w, 701);
	read3(w, 1, "file", 6, "world", 11);
	EXPECT_TRUE(has_text(&w->c, 0, "hello world"));
	EXPECT_EQ(700, w->c.seen[0].session.end[DIR_OPENER].port);
	conversation_close(&w->c, FILE_REASON_NONE);
	w->c.ps = first;
}

TEST_F(nfs, ports_that_change)
{
	struct world *w = self->w;

	over(w, IPPROTO_UDP);
	write3(w, 1, "file", 0, "hello ", 6, UNSTABLE);
	proto_session_free(w->c.ps, FILE_REASON_TIMEOUT, w->c.time);
	w->c.ps = session(w, 702);
	write3(w, 2, "file", 6, "world", 11, UNSTABLE);
	proto_session_free(w->c.ps, FILE_REASON_TIMEOUT, w->c.time);
	w->c.ps = session(w, 703);
	commit3(w, 3, "file", 11);
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "hello world"));
}

TEST_F(nfs, other_clients_file_of_that_handle)
{
	struct world *w = self->w;

	read3(w, 1, "file", 0, "hello ", 11);
	proto_session_free(w->c.ps, FILE_REASON_NONE, w->c.time);
	w->c.info.end[DIR_OPENER].ip[3] = 77;
	w->c.ps = session(w, 701);
	read3(w, 1, "file", 6, "world", 11);
	finish(w);
	EXPECT_EQ(2, w->c.files);
	EXPECT_EQ(0, w->c.counters.value[COUNTER_FILES_COMPLETE]);
}

TEST_F(nfs, names_of_a_directory)
{
	struct world *w = self->w;
	struct xdr *x = call(w, 5, 3, 17);

	string(x, "dirhandle");
	zero(x, 24);
	asked(w);
	x = reply(w, 5);
	w32(x, 0);
	attributes3(x, 4096, 1);
	zero(x, 8);
	for (int i = 0; i < 300; i++) {
		char name[32], handle[32];

		snprintf(name, sizeof(name), "name-%d", i);
		snprintf(handle, sizeof(handle), "handle-%d", i);
		w32(x, 1);
		w64(x, 7);
		string(x, name);
		w64(x, 9);
		attributes3(x, 5, 1);
		w32(x, 1);
		string(x, handle);
	}
	w32(x, 0);
	w32(x, 1);
	answered(w);
	named3(w, 3, "root", "dir", "dirhandle", 0);
	read3(w, 6, "handle-299", 0, "hello", 5);
	EXPECT_STREQ("name-299", text_at(&w->c, 0, SIGHTING_FILENAME));
	EXPECT_STREQ("dir/name-299", text_at(&w->c, 0, SIGHTING_FILE_PATH));
	read3(w, 7, "handle-0", 0, "hello", 5);
	EXPECT_STREQ("name-0", text_at(&w->c, 1, SIGHTING_FILENAME));
}

TEST_F(nfs, directories_in_a_circle)
{
	struct world *w = self->w;

	named3(w, 3, "a", "b", "b", 0);
	named3(w, 3, "b", "a", "a", 0);
	named3(w, 3, "a", "..", "b", 0);
	read3(w, 6, "a", 0, "hello", 5);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
	EXPECT_STREQ("a", text_at(&w->c, 0, SIGHTING_FILENAME));
}

/* ----------------------------------------------------------------------- gaps */

static void half_said(struct world *w, enum dir dir, struct xdr *x, size_t from, size_t lost)
{
	marked(x);
	say(&w->c, dir, x->p, from);
	proto_session_gap(w->c.ps, dir, lost, w->c.time++);
	say(&w->c, dir, x->p + from + lost, x->n - from - lost);
}

TEST_F(nfs, gap_in_what_is_read)
{
	struct world *w = self->w;

	named3(w, 3, "root", "x", "file", 0);
	read3_call(w, 1, "file", 0, 100);
	asked(w);
	read3_reply(w, 1, 21, "hello, this is a file", true);
	half_said(w, DIR_ANSWERER, &w->reply, w->reply.n - 12, 6);
	read3(w, 2, "other", 0, "world", 5);
	finish(w);
	ASSERT_EQ(2, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "world"));
	EXPECT_EQ(FILE_REASON_GAP, reason(w, 1));
}

TEST_F(nfs, gap_in_what_is_written)
{
	struct world *w = self->w;

	named3(w, 3, "root", "x", "file", 0);
	write3_call(w, 1, "file", 0, "hello, this is a file");
	half_said(w, DIR_OPENER, &w->call, w->call.n - 12, 6);
	write3_reply(w, 1, 21, 21, FILE_SYNC);
	answered(w);
	write3(w, 2, "other", 0, "world", 5, FILE_SYNC);
	finish(w);
	ASSERT_EQ(2, w->c.files);
	EXPECT_EQ(1, w->c.counters.value[COUNTER_FILES_COMPLETE]);
	EXPECT_EQ(1, w->c.counters.value[COUNTER_FILES_TRUNCATED_GAP]);
}

/* A call was lost: any file of the client may have been written by it. */
TEST_F(nfs, gap_of_whole_calls)
{
	struct world *w = self->w;

	write3(w, 1, "file", 0, "hello", 5, FILE_SYNC);
	write3_call(w, 2, "file", 0, "HELLO");
	proto_session_gap(w->c.ps, DIR_OPENER, w->call.n, w->c.time++);
	write3_reply(w, 2, 5, 5, FILE_SYNC);
	answered(w);
	/* the next record is found again */
	read3(w, 3, "other", 0, "world", 5);
	finish(w);
	ASSERT_EQ(2, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "world"));
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[1].state);
}

/* The same over UDP, where a reply without its call is all there is to notice. */
TEST_F(nfs, lost_datagram)
{
	struct world *w = self->w;

	over(w, IPPROTO_UDP);
	write3(w, 1, "file", 0, "hello", 5, FILE_SYNC);
	for (uint32_t xid = 50; xid < 80; xid++) {
		write3_reply(w, xid, 5, 5, FILE_SYNC);
		answered(w);
	}
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[0].state);
}

TEST_F(nfs, gap_that_begins_in_the_data)
{
	struct world *w = self->w;
	struct xdr *x = &w->reply;

	named3(w, 3, "root", "x", "file", 0);
	read3_call(w, 1, "file", 0, 100);
	asked(w);
	read3_reply(w, 1, 21, "hello, this is a file", true);
	marked(x);
	say(&w->c, DIR_ANSWERER, x->p, x->n - 12);
	proto_session_gap(w->c.ps, DIR_ANSWERER, 500, w->c.time++);
	/* in the middle of a record nobody knows, then one that is known */
	say(&w->c, DIR_ANSWERER, "\0\0\0\0\1\2\3\4\5\6\7", 11);
	read3(w, 2, "other", 0, "world", 5);
	finish(w);
	ASSERT_EQ(2, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "world"));
	EXPECT_EQ(FILE_REASON_GAP, reason(w, 1));
}

TEST_F(nfs, joined_in_the_middle_of_a_record)
{
	struct world *w = self->w;
	uint8_t noise[3000];

	memset(noise, 0x41, sizeof(noise));
	proto_session_free(w->c.ps, FILE_REASON_NONE, w->c.time);
	w->c.info.midstream = true;
	w->c.ps = session(w, 700);
	write3_reply(w, 9, 5, 5, FILE_SYNC);
	answered(w);
	memcpy(w->call.p, noise, sizeof(noise));
	read3_call(w, 1, "file", 0, 100);
	marked(&w->call);
	memmove(w->call.p + sizeof(noise), w->call.p, w->call.n);
	memcpy(w->call.p, noise, sizeof(noise));
	say(&w->c, DIR_OPENER, w->call.p, w->call.n + sizeof(noise));
	read3_reply(w, 1, 5, "hello", true);
	answered(w);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
}

/* ---------------------------------------------------------------- detection */

TEST_F(nfs, other_programs_are_others)
{
	struct world *w = self->w;
	struct xdr *x = call(w, 1, 3, 0);
	uint32_t mount = htobe32(100005);

	memcpy(x->p + 16, &mount, 4);
	asked(w);
	conversation_close(&w->c, FILE_REASON_NONE);
	EXPECT_EQ(1, w->c.counters.value[COUNTER_SESSIONS_UNKNOWN]);
}

/* The ACLs of NFS 3 have a program of their own on the same connection. */
TEST_F(nfs, other_program_on_the_connection)
{
	struct world *w = self->w;
	uint32_t acl = htobe32(100227);

	named3(w, 3, "root", "x", "file", 0);
	write3(w, 1, "file", 0, "hello", 5, FILE_SYNC);
	read3_call(w, 2, "file", 0, 5);
	memcpy(w->call.p + 16, &acl, 4);
	asked(w);
	read3_reply(w, 2, 5, "hello", true);
	answered(w);
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
	EXPECT_EQ(DIRECTION_UPLOAD, w->c.seen[0].direction);
}

TEST_F(nfs, encrypted_is_counted)
{
	struct world *w = self->w;
	struct xdr *x = &w->call;

	named3(w, 3, "root", "x", "file", 0);
	for (uint32_t i = 0; i < 100; i++) {
		x->n = 0;
		w32(x, 0);
		w32(x, 1000 + i);
		w32(x, 0);
		w32(x, 2);
		w32(x, 100003);
		w32(x, 4);
		w32(x, 1);
		w32(x, 6);
		w32(x, 20);
		w32(x, 1);
		w32(x, 0);
		w32(x, i);
		w32(x, 3); /* privacy */
		w32(x, 0);
		w64(x, 0);
		string(x, "nobody can read this, nobody can read this");
		asked(w);
	}
	EXPECT_LT(10, w->c.counters.value[COUNTER_NFS_ENCRYPTED]);
	EXPECT_FALSE(proto_session_wanted(w->c.ps));
}

TEST_F(nfs, tls)
{
	struct world *w = self->w;
	struct xdr *x = &w->call;

	x->n = 0;
	w32(x, 0);
	w32(x, 77);
	w32(x, 0);
	w32(x, 2);
	w32(x, 100003);
	w32(x, 4);
	w32(x, 0);
	w32(x, 7);
	zero(x, 12);
	asked(w);
	x = &w->reply;
	x->n = 0;
	w32(x, 0);
	w32(x, 77);
	w32(x, 1);
	w32(x, 0);
	w32(x, 0);
	string(x, "STARTTLS");
	w32(x, 0);
	answered(w);
	EXPECT_FALSE(proto_session_wanted(w->c.ps));
	EXPECT_EQ(1, w->c.counters.value[COUNTER_SESSIONS_TLS]);
}

/* RPCSEC_GSS with integrity: arguments and results have a frame. */
TEST_F(nfs, integrity)
{
	struct world *w = self->w;
	struct xdr *x = &w->call;

	x->n = 0;
	w32(x, 0);
	w32(x, 5);
	w32(x, 0);
	w32(x, 2);
	w32(x, 100003);
	w32(x, 3);
	w32(x, 6);
	w32(x, 6);
	w32(x, 20);
	w32(x, 1);
	w32(x, 0);
	w32(x, 1);
	w32(x, 2);
	w32(x, 0);
	w64(x, 0);
	w64(x, 0x2000000001);
	string(x, "file");
	w64(x, 0);
	w32(x, 100);
	string(x, "checksum");
	asked(w);
	x = reply(w, 5);
	w64(x, 0x9000000001);
	w32(x, 0);
	attributes3(x, 5, 1);
	w32(x, 5);
	w32(x, 1);
	string(x, "hello");
	string(x, "checksum");
	answered(w);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
	EXPECT_STREQ("", text_at(&w->c, 0, SIGHTING_USER));
}

TEST_F(nfs, one_side_alone)
{
	struct world *w = self->w;

	write3_call(w, 1, "file", 0, "hello");
	asked(w);
	read3_call(w, 2, "file", 0, 100);
	asked(w);
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[0].state);
}

TEST_F(nfs, noise_after_the_beginning)
{
	struct world *w = self->w;
	uint32_t state = 12345;
	uint8_t noise[50000];

	named3(w, 3, "root", "x", "file", 0);
	for (size_t i = 0; i < sizeof(noise); i++) {
		state = state * 1664525 + 1013904223;
		noise[i] = (uint8_t)(state >> 24);
	}
	say(&w->c, DIR_OPENER, noise, sizeof(noise));
	say(&w->c, DIR_ANSWERER, noise, sizeof(noise));
	read3(w, 3, "file", 0, "hello", 5);
	finish(w);
	for (size_t i = 0; i < w->c.files; i++)
		EXPECT_TRUE(has_text(&w->c, i, "hello"));
}

/* ---------------------------------------------------------------------------- v2 */

static void handle2(struct xdr *x, uint8_t which)
{
	memset(x->p + x->n, which, 32);
	x->n += 32;
}

static void fattr2(struct xdr *x, uint32_t size)
{
	zero(x, 20);
	w32(x, size);
	zero(x, 44);
}

TEST_F(nfs, version_2)
{
	struct world *w = self->w;
	struct xdr *x;

	over(w, IPPROTO_UDP);
	x = call(w, 1, 2, 4); /* LOOKUP */
	handle2(x, 1);
	string(x, "two.bin");
	asked(w);
	x = reply(w, 1);
	w32(x, 0);
	handle2(x, 2);
	fattr2(x, 5);
	answered(w);
	x = call(w, 2, 2, 6); /* READ */
	handle2(x, 2);
	w32(x, 0);
	w32(x, 8192);
	w32(x, 8192);
	asked(w);
	x = reply(w, 2);
	w32(x, 0);
	fattr2(x, 5);
	string(x, "hello");
	answered(w);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
	EXPECT_STREQ("two.bin", text_at(&w->c, 0, SIGHTING_FILENAME));
	x = call(w, 3, 2, 8); /* WRITE */
	handle2(x, 3);
	zero(x, 12);
	string(x, "world");
	asked(w);
	x = reply(w, 3);
	w32(x, 0);
	fattr2(x, 5);
	answered(w);
	finish(w);
	EXPECT_TRUE(has_text(&w->c, 1, "world"));
	EXPECT_EQ(DIRECTION_UPLOAD, w->c.seen[1].direction);
}

TEST_HARNESS_MAIN
