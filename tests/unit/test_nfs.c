// SPDX-License-Identifier: MIT
/*
 * NFS by hand-made messages: v2, v3 and v4, over TCP and UDP.
 */
#include <kselftest_harness.h>

#include "conversation.h"

#include <endian.h>
#include <netinet/in.h>

#define SECOND 1000000000ull
#define UNSTABLE 0
#define FILE_SYNC 2

/* A message being made. */
struct xdr {
	uint8_t p[80000];
	size_t n;
};

struct world {
	struct conversation c;
	bool udp;
	struct xdr call, reply;
};

FIXTURE(nfs)
{
	struct world *w;
};

static struct proto_session *session(struct world *w, uint16_t port)
{
	w->c.info.id = port;
	w->c.info.end[DIR_OPENER].port = port;
	return proto_session_new(&w->c.env, &w->c.info);
}

static void over(struct world *w, uint8_t protocol)
{
	proto_session_free(w->c.ps, FILE_REASON_NONE, w->c.time);
	w->c.info.protocol = protocol;
	w->udp = protocol == IPPROTO_UDP;
	w->c.ps = session(w, 700);
}

/* The source has no more. */
static void finish(struct world *w)
{
	if (w->c.ps)
		conversation_close(&w->c, FILE_REASON_NONE);
	if (w->c.env.shared)
		shared_set_free(w->c.env.shared);
	w->c.env.shared = NULL;
}

FIXTURE_SETUP(nfs)
{
	struct shared_limits limits = SHARED_LIMITS_DEFAULT;

	self->w = calloc(1, sizeof(*self->w));
	ASSERT_NE(NULL, self->w);
	ASSERT_TRUE(conversation_begin(&self->w->c));
	self->w->c.env.shared = shared_set_new(&limits, &self->w->c.counters);
	self->w->c.time = SECOND;
	over(self->w, IPPROTO_TCP);
}

FIXTURE_TEARDOWN(nfs)
{
	finish(self->w);
	conversation_end(&self->w->c);
	free(self->w);
}

/* ------------------------------------------------------------------------ making */

static void add(struct xdr *x, const void *p, size_t n)
{
	memcpy(x->p + x->n, p, n);
	x->n += n;
}

static void w32(struct xdr *x, uint32_t v)
{
	v = htobe32(v);
	add(x, &v, 4);
}

static void w64(struct xdr *x, uint64_t v)
{
	w32(x, (uint32_t)(v >> 32));
	w32(x, (uint32_t)v);
}

static void zero(struct xdr *x, size_t n)
{
	memset(x->p + x->n, 0, n);
	x->n += n;
}

static void opaque(struct xdr *x, const void *p, size_t n)
{
	w32(x, (uint32_t)n);
	add(x, p, n);
	zero(x, (4 - n % 4) % 4);
}

static void string(struct xdr *x, const char *s)
{
	opaque(x, s, strlen(s));
}

/* Room for the mark comes first. */
static struct xdr *call(struct world *w, uint32_t xid, uint32_t version, uint32_t procedure)
{
	struct xdr *x = &w->call;

	x->n = 0;
	w32(x, 0);
	w32(x, xid);
	w32(x, 0);
	w32(x, 2);
	w32(x, 100003);
	w32(x, version);
	w32(x, procedure);
	w32(x, 1); /* AUTH_SYS */
	w32(x, 28);
	w32(x, 7);
	string(x, "box");
	w32(x, 1000);
	w32(x, 100);
	w32(x, 1);
	w32(x, 100);
	w64(x, 0);
	return x;
}

static struct xdr *reply(struct world *w, uint32_t xid)
{
	struct xdr *x = &w->reply;

	x->n = 0;
	w32(x, 0);
	w32(x, xid);
	w32(x, 1);
	zero(x, 16);
	return x;
}

static void marked(struct xdr *x)
{
	uint32_t mark = htobe32((uint32_t)(x->n - 4) | 0x80000000u);

	memcpy(x->p, &mark, 4);
}

static void transfer(struct world *w, enum dir dir, struct xdr *x)
{
	marked(x);
	if (w->udp)
		proto_session_datagram(w->c.ps, dir, x->p + 4, x->n - 4, w->c.time++);
	else
		say(&w->c, dir, x->p, x->n);
}

static void asked(struct world *w)
{
	transfer(w, DIR_OPENER, &w->call);
}

static void answered(struct world *w)
{
	transfer(w, DIR_ANSWERER, &w->reply);
}

/* ---------------------------------------------------------------------------- v3 */

static void fattr3(struct xdr *x, uint64_t size, uint32_t mtime)
{
	zero(x, 20);
	w64(x, size);
	zero(x, 40);
	w64(x, mtime);
	zero(x, 8);
}

static void attributes3(struct xdr *x, uint64_t size, uint32_t mtime)
{
	w32(x, 1);
	fattr3(x, size, mtime);
}

/* LOOKUP (3) or CREATE (8), of a new and empty file */
static void named3(struct world *w, uint32_t procedure, const char *dir, const char *name,
		   const char *file, uint64_t size)
{
	struct xdr *x = call(w, 100, 3, procedure);

	string(x, dir);
	string(x, name);
	if (procedure == 8) {
		w32(x, 0);
		zero(x, 12);
		w32(x, 1);
		w64(x, 0);
		zero(x, 8);
	}
	asked(w);
	x = reply(w, 100);
	w32(x, 0);
	if (procedure == 8)
		w32(x, 1);
	string(x, file);
	attributes3(x, size, 1);
	zero(x, 8);
	answered(w);
}

static void read3_call(struct world *w, uint32_t xid, const char *file, uint64_t offset,
		       uint32_t count)
{
	struct xdr *x = call(w, xid, 3, 6);

	string(x, file);
	w64(x, offset);
	w32(x, count);
}

static void read3_reply(struct world *w, uint32_t xid, uint64_t size, const char *data,
			bool eof)
{
	struct xdr *x = reply(w, xid);

	w32(x, 0);
	attributes3(x, size, 1);
	w32(x, (uint32_t)strlen(data));
	w32(x, eof);
	string(x, data);
}

static void read3(struct world *w, uint32_t xid, const char *file, uint64_t offset,
		  const char *data, uint64_t size)
{
	read3_call(w, xid, file, offset, 4096);
	asked(w);
	read3_reply(w, xid, size, data, offset + strlen(data) == size);
	answered(w);
}

static void write3_call(struct world *w, uint32_t xid, const char *file, uint64_t offset,
			const char *data)
{
	struct xdr *x = call(w, xid, 3, 7);

	string(x, file);
	w64(x, offset);
	w32(x, (uint32_t)strlen(data));
	w32(x, 0);
	string(x, data);
}

static void write3_reply(struct world *w, uint32_t xid, uint64_t size, uint32_t count,
			 uint32_t stable)
{
	struct xdr *x = reply(w, xid);

	w32(x, 0);
	w32(x, 1); /* before */
	zero(x, 24);
	attributes3(x, size, 2);
	w32(x, count);
	w32(x, stable);
	zero(x, 8);
}

static void write3(struct world *w, uint32_t xid, const char *file, uint64_t offset,
		   const char *data, uint64_t size, uint32_t stable)
{
	write3_call(w, xid, file, offset, data);
	asked(w);
	write3_reply(w, xid, size, (uint32_t)strlen(data), stable);
	answered(w);
}

static void commit3(struct world *w, uint32_t xid, const char *file, uint64_t size)
{
	struct xdr *x = call(w, xid, 3, 21);

	string(x, file);
	zero(x, 12);
	asked(w);
	x = reply(w, xid);
	w32(x, 0);
	w32(x, 0);
	attributes3(x, size, 2);
	zero(x, 8);
	answered(w);
}

static void setsize3(struct world *w, uint32_t xid, const char *file, uint64_t size)
{
	struct xdr *x = call(w, xid, 3, 2);

	string(x, file);
	zero(x, 12);
	w32(x, 1);
	w64(x, size);
	zero(x, 12);
	asked(w);
	x = reply(w, xid);
	w32(x, 0);
	w32(x, 0);
	attributes3(x, size, 2);
	answered(w);
}

/* Something else, later. */
static void later(struct world *w, uint64_t seconds)
{
	w->c.time += seconds * SECOND;
	named3(w, 3, "root", "other", "handle-of-other", 1);
}

static enum file_reason reason(struct world *w, size_t i)
{
	return i < w->c.files ? w->c.seen[i].reason : FILE_REASON_COUNT;
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

/* ---------------------------------------------------------------------------- v4 */

static struct xdr *compound(struct world *w, uint32_t xid, uint32_t minor, uint32_t ops)
{
	struct xdr *x = call(w, xid, 4, 1);

	string(x, "tag");
	w32(x, minor);
	w32(x, ops + (minor != 0));
	if (minor) {
		w32(x, 53); /* SEQUENCE */
		zero(x, 32);
	}
	return x;
}

static struct xdr *results(struct world *w, uint32_t xid, uint32_t minor, uint32_t ops)
{
	struct xdr *x = reply(w, xid);

	w32(x, 0);
	string(x, "tag");
	w32(x, ops + (minor != 0));
	if (minor) {
		w32(x, 53);
		zero(x, 40);
	}
	return x;
}

static void op(struct xdr *x, uint32_t opcode)
{
	w32(x, opcode);
}

static void putfh(struct xdr *x, const char *handle)
{
	op(x, 22);
	string(x, handle);
}

static void ok(struct xdr *x, uint32_t opcode)
{
	w32(x, opcode);
	w32(x, 0);
}

/* GETATTR: type, change and size */
static void ok_getattr(struct xdr *x, uint64_t change, uint64_t size)
{
	ok(x, 9);
	w32(x, 1);
	w32(x, 1u << 1 | 1u << 3 | 1u << 4);
	w32(x, 20);
	w32(x, 1);
	w64(x, change);
	w64(x, size);
}

/* PUTFH, OPEN, GETFH, GETATTR; a new, empty file when `create`. */
static void open4(struct world *w, uint32_t xid, uint32_t minor, const char *name,
		  const char *handle, bool create, uint64_t size)
{
	struct xdr *x = compound(w, xid, minor, 4);

	putfh(x, "root");
	op(x, 18);
	zero(x, 20);
	string(x, "owner");
	w32(x, create);
	if (create) {
		w32(x, 0); /* UNCHECKED */
		w32(x, 1);
		w32(x, 1u << 4);
		w32(x, 8);
		w64(x, 0);
	}
	w32(x, 0); /* CLAIM_NULL */
	string(x, name);
	op(x, 10);
	op(x, 9);
	w32(x, 1);
	w32(x, 1u << 1 | 1u << 3 | 1u << 4);
	asked(w);
	x = results(w, xid, minor, 4);
	ok(x, 22);
	ok(x, 18);
	zero(x, 40);
	w32(x, 0);
	w32(x, 2); /* a delegation to write */
	zero(x, 20);
	zero(x, 12);
	zero(x, 12);
	string(x, "who@where");
	ok(x, 10);
	string(x, handle);
	ok_getattr(x, 1, size);
	answered(w);
}

static void write4(struct world *w, uint32_t xid, uint32_t minor, const char *handle,
		   uint64_t offset, const char *data, uint32_t stable)
{
	struct xdr *x = compound(w, xid, minor, 3);

	putfh(x, handle);
	op(x, 38);
	zero(x, 16);
	w64(x, offset);
	w32(x, 0);
	string(x, data);
	op(x, 9);
	w32(x, 1);
	w32(x, 1u << 4);
	asked(w);
	x = results(w, xid, minor, 3);
	ok(x, 22);
	ok(x, 38);
	w32(x, (uint32_t)strlen(data));
	w32(x, stable);
	zero(x, 8);
	ok(x, 9);
	w32(x, 1);
	w32(x, 1u << 4);
	w32(x, 8);
	w64(x, offset + strlen(data));
	answered(w);
}

static void read4(struct world *w, uint32_t xid, uint32_t minor, const char *handle,
		  uint64_t offset, const char *data, bool eof)
{
	struct xdr *x = compound(w, xid, minor, 2);

	putfh(x, handle);
	op(x, 25);
	zero(x, 16);
	w64(x, offset);
	w32(x, 4096);
	asked(w);
	x = results(w, xid, minor, 2);
	ok(x, 22);
	ok(x, 25);
	w32(x, eof);
	string(x, data);
	answered(w);
}

/* PUTFH and an operation whose arguments and results are `n` and `m` bytes of zeros. */
static void simple4(struct world *w, uint32_t xid, uint32_t minor, const char *handle,
		    uint32_t opcode, size_t n, size_t m)
{
	struct xdr *x = compound(w, xid, minor, 2);

	putfh(x, handle);
	op(x, opcode);
	zero(x, n);
	asked(w);
	x = results(w, xid, minor, 2);
	ok(x, 22);
	ok(x, opcode);
	zero(x, m);
	answered(w);
}

static void close4(struct world *w, uint32_t xid, uint32_t minor, const char *handle)
{
	simple4(w, xid, minor, handle, 4, 20, 16);
}

TEST_F(nfs, version_4_read)
{
	struct world *w = self->w;

	for (uint32_t minor = 0; minor < 3; minor++) {
		open4(w, 1, minor, "four.exe", "file", false, 11);
		read4(w, 2, minor, "file", 0, "hello ", false);
		EXPECT_EQ(minor, w->c.files);
		read4(w, 3, minor, "file", 6, "world", true);
		EXPECT_TRUE(has_text(&w->c, minor, "hello world"));
		EXPECT_STREQ("four.exe", text_at(&w->c, minor, SIGHTING_FILENAME));
		EXPECT_STREQ("1000", text_at(&w->c, minor, SIGHTING_USER));
		close4(w, 4, minor, "file");
	}
	EXPECT_EQ(3, w->c.files);
}

TEST_F(nfs, version_4_close_before_the_end)
{
	struct world *w = self->w;

	open4(w, 1, 1, "four.exe", "file", false, 11);
	read4(w, 2, 1, "file", 0, "hello ", false);
	close4(w, 3, 1, "file");
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason(w, 0));
}

TEST_F(nfs, version_4_write)
{
	struct world *w = self->w;

	for (uint32_t minor = 0; minor < 3; minor++) {
		open4(w, 1, minor, "new", "file", true, 0);
		write4(w, 2, minor, "file", 0, "hello ", UNSTABLE);
		write4(w, 3, minor, "file", 6, "world", UNSTABLE);
		simple4(w, 4, minor, "file", 5, 12, 8); /* COMMIT */
		EXPECT_EQ(minor, w->c.files);
		close4(w, 5, minor, "file");
		EXPECT_TRUE(has_text(&w->c, minor, "hello world"));
		EXPECT_STREQ("new", text_at(&w->c, minor, SIGHTING_FILENAME));
	}
}

/* With a delegation a client may keep its CLOSE for long. */
TEST_F(nfs, version_4_without_close)
{
	struct world *w = self->w;

	open4(w, 1, 1, "new", "file", true, 0);
	write4(w, 2, 1, "file", 0, "hello", UNSTABLE);
	simple4(w, 3, 1, "file", 5, 12, 8);
	finish(w);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
}

TEST_F(nfs, version_4_part_written)
{
	struct world *w = self->w;

	open4(w, 1, 1, "old", "file", false, 100);
	write4(w, 2, 1, "file", 0, "hello", FILE_SYNC);
	close4(w, 3, 1, "file");
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[0].state);
}

TEST_F(nfs, version_4_changed_by_the_server)
{
	struct world *w = self->w;

	open4(w, 1, 2, "new", "file", true, 0);
	write4(w, 2, 2, "file", 0, "hello", FILE_SYNC);
	simple4(w, 3, 2, "file", 62, 32, 0); /* DEALLOCATE */
	close4(w, 4, 2, "file");
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[0].state);
}

TEST_F(nfs, version_4_read_plus)
{
	struct world *w = self->w;
	static const char want[] = "hello\0\0\0\0\0\0\0\0\0\0world";
	struct xdr *x;

	open4(w, 1, 2, "sparse", "file", false, 20);
	x = compound(w, 2, 2, 2);
	putfh(x, "file");
	op(x, 68);
	zero(x, 16);
	w64(x, 0);
	w32(x, 4096);
	asked(w);
	x = results(w, 2, 2, 2);
	ok(x, 22);
	ok(x, 68);
	w32(x, 1); /* eof */
	w32(x, 3);
	w32(x, 0);
	w64(x, 0);
	string(x, "hello");
	w32(x, 1);
	w64(x, 5);
	w64(x, 10);
	w32(x, 0);
	w64(x, 15);
	string(x, "world");
	answered(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_TRUE(has_content(&w->c, 0, want, 20));
}

/* A hole that would be more than was asked for, or more than a READ is. */
TEST_F(nfs, version_4_hole_without_measure)
{
	struct world *w = self->w;
	struct xdr *x;

	open4(w, 1, 2, "sparse", "file", false, 1ull << 40);
	for (uint32_t i = 0; i < 2; i++) {
		x = compound(w, 2 + i, 2, 2);
		putfh(x, "file");
		op(x, 68);
		zero(x, 16);
		w64(x, 0);
		w32(x, i ? 0xffffffff : 4096);
		asked(w);
		x = results(w, 2 + i, 2, 2);
		ok(x, 22);
		ok(x, 68);
		w32(x, 1);
		w32(x, 1);
		w32(x, 1);
		w64(x, 0);
		w64(x, 1ull << 40);
		answered(w);
	}
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[0].state);
	EXPECT_GE(4096, w->c.seen[0].seen);
}

/* Names by LOOKUP from the root; operations before GETFH are about what was found. */
TEST_F(nfs, version_4_lookup)
{
	struct world *w = self->w;
	struct xdr *x = compound(w, 1, 1, 7);

	op(x, 24); /* PUTROOTFH */
	op(x, 15);
	string(x, "export");
	op(x, 10); /* GETFH */
	op(x, 32); /* SAVEFH */
	op(x, 15);
	string(x, "f.bin");
	op(x, 10);
	op(x, 31); /* RESTOREFH */
	asked(w);
	x = results(w, 1, 1, 7);
	ok(x, 24);
	ok(x, 15);
	ok(x, 10);
	string(x, "exporthandle");
	ok(x, 32);
	ok(x, 15);
	ok(x, 10);
	string(x, "filehandle");
	ok(x, 31);
	answered(w);
	read4(w, 2, 1, "filehandle", 0, "hello", true);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
	EXPECT_STREQ("export/f.bin", text_at(&w->c, 0, SIGHTING_FILE_PATH));
}

TEST_F(nfs, version_4_unknown_operation)
{
	struct world *w = self->w;
	struct xdr *x = compound(w, 1, 2, 3);

	putfh(x, "file");
	op(x, 4711);
	zero(x, 40);
	asked(w);
	x = results(w, 1, 2, 2);
	ok(x, 22);
	ok(x, 4711);
	zero(x, 40);
	answered(w);
	read4(w, 2, 2, "file", 0, "hello", true);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
}

/* A compound that failed in the middle says nothing of what follows. */
TEST_F(nfs, version_4_failed_operation)
{
	struct world *w = self->w;
	struct xdr *x;

	open4(w, 1, 1, "new", "file", true, 0);
	x = compound(w, 2, 1, 2);
	putfh(x, "file");
	op(x, 38);
	zero(x, 16);
	w64(x, 0);
	w32(x, 0);
	string(x, "hello");
	asked(w);
	x = results(w, 2, 1, 2);
	ok(x, 22);
	op(x, 38);
	w32(x, 10008); /* DELAY */
	answered(w);
	close4(w, 3, 1, "file");
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[0].state);
}

/* A data server's handle stands for the file (pNFS). */
TEST_F(nfs, version_4_layout)
{
	struct world *w = self->w;
	struct xdr *x, body = {.n = 0};

	open4(w, 1, 1, "striped", "file", true, 0);
	x = compound(w, 2, 1, 2);
	putfh(x, "file");
	op(x, 50);
	zero(x, 12 + 24 + 16 + 4);
	asked(w);
	zero(&body, 32);
	w32(&body, 1);
	string(&body, "datahandle");
	x = results(w, 2, 1, 2);
	ok(x, 22);
	ok(x, 50);
	zero(x, 20);
	w32(x, 1);
	zero(x, 20);
	w32(x, 1);
	opaque(x, body.p, body.n);
	answered(w);
	write4(w, 3, 1, "datahandle", 0, "hello", FILE_SYNC);
	close4(w, 4, 1, "file");
	ASSERT_EQ(1, w->c.files);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
	EXPECT_STREQ("striped", text_at(&w->c, 0, SIGHTING_FILENAME));
}

/* The server calls back on the connection of its client. */
TEST_F(nfs, version_4_callback)
{
	struct world *w = self->w;
	uint32_t program = htobe32(0x40000000);
	struct xdr *x;

	open4(w, 1, 1, "four", "file", false, 5);
	x = call(w, 900, 1, 1);
	memcpy(x->p + 16, &program, 4);
	zero(x, 40);
	transfer(w, DIR_ANSWERER, x);
	x = reply(w, 900);
	zero(x, 12);
	transfer(w, DIR_OPENER, x);
	read4(w, 2, 1, "file", 0, "hello", true);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
}

TEST_HARNESS_MAIN
