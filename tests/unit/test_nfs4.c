// SPDX-License-Identifier: MIT
/*
 * NFS 4: compounds.
 */
#include <kselftest_harness.h>

#include "nfs_talk.h"

FIXTURE(nfs4)
{
	struct world *w;
};

FIXTURE_SETUP(nfs4)
{
	self->w = calloc(1, sizeof(*self->w));
	ASSERT_NE(NULL, self->w);
	ASSERT_TRUE(world_begin(self->w));
}

FIXTURE_TEARDOWN(nfs4)
{
	world_end(self->w);
	free(self->w);
}

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

TEST_F(nfs4, read)
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

TEST_F(nfs4, close_before_the_end)
{
	struct world *w = self->w;

	open4(w, 1, 1, "four.exe", "file", false, 11);
	read4(w, 2, 1, "file", 0, "hello ", false);
	close4(w, 3, 1, "file");
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_REASON_PARTIAL, reason(w, 0));
}

TEST_F(nfs4, write)
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
TEST_F(nfs4, without_close)
{
	struct world *w = self->w;

	open4(w, 1, 1, "new", "file", true, 0);
	write4(w, 2, 1, "file", 0, "hello", UNSTABLE);
	simple4(w, 3, 1, "file", 5, 12, 8);
	finish(w);
	EXPECT_TRUE(has_text(&w->c, 0, "hello"));
}

TEST_F(nfs4, part_written)
{
	struct world *w = self->w;

	open4(w, 1, 1, "old", "file", false, 100);
	write4(w, 2, 1, "file", 0, "hello", FILE_SYNC);
	close4(w, 3, 1, "file");
	finish(w);
	ASSERT_EQ(1, w->c.files);
	EXPECT_EQ(FILE_STATE_TRUNCATED, w->c.seen[0].state);
}

TEST_F(nfs4, changed_by_the_server)
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

TEST_F(nfs4, read_plus)
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
TEST_F(nfs4, hole_without_measure)
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
TEST_F(nfs4, lookup)
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

TEST_F(nfs4, unknown_operation)
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
TEST_F(nfs4, failed_operation)
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
TEST_F(nfs4, layout)
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
TEST_F(nfs4, callback)
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
