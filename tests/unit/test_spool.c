// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/log.h"
#include "lib/sandbox.h"
#include "sample/spool.h"
#include "scratch.h"

#include <errno.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const uint8_t hash_a[SHA256_SIZE] = {0xaa, 1}, hash_b[SHA256_SIZE] = {0xbb, 2};

#define PLACE_A "samples/aa/aa01000000000000000000000000000000000000000000000000000000000000"

FIXTURE(a_spool)
{
	char dir[SCRATCH_MAX];
	struct spool_options options;
	struct spool *spool;
};

FIXTURE_VARIANT(a_spool)
{
	bool no_tmpfile;
	bool sync;
};

FIXTURE_VARIANT_ADD(a_spool, tmpfile) {.sync = false};
FIXTURE_VARIANT_ADD(a_spool, tmpfile_sync) {.sync = true};
FIXTURE_VARIANT_ADD(a_spool, named) {.no_tmpfile = true};
FIXTURE_VARIANT_ADD(a_spool, named_sync) {.no_tmpfile = true, .sync = true};

FIXTURE_SETUP(a_spool)
{
	log_init("test_spool", LOG_LEVEL_ERROR);
	ASSERT_TRUE(scratch_make(self->dir));
	self->options = (struct spool_options){
		.dir = self->dir,
		.no_tmpfile = variant->no_tmpfile,
		.sync = variant->sync,
		.max_bytes = 1000,
		.max_files = 3,
	};
	self->spool = spool_open(&self->options);
	ASSERT_NE(NULL, self->spool);
}

FIXTURE_TEARDOWN(a_spool)
{
	if (self->spool)
		spool_close(self->spool);
	scratch_remove(self->dir);
}

/* n bytes written and committed. */
static enum spool_result put(struct spool *s, const uint8_t sha256[static SHA256_SIZE], size_t n)
{
	enum spool_result result;
	struct spool_file *f = spool_begin(s, &result);
	uint8_t bytes[4096];

	memset(bytes, 'x', sizeof(bytes));
	if (!f)
		return result;
	result = spool_write(f, 0, bytes, n);
	if (result != SPOOL_OK) {
		spool_abort(f);
		return result;
	}
	return spool_commit(f, sha256);
}

static void reopen(struct spool **s, const struct spool_options *o)
{
	spool_close(*s);
	*s = spool_open(o);
}

TEST_F(a_spool, commit)
{
	enum spool_result result;
	struct spool_file *f = spool_begin(self->spool, &result);
	char path[SPOOL_PATH_MAX], got[16];
	struct stat st;
	int fd;

	ASSERT_NE(NULL, f);
	EXPECT_EQ(SPOOL_OK, result);
	/* Out of order, with a hole for a while. */
	EXPECT_EQ(SPOOL_OK, spool_write(f, 6, "world", 5));
	EXPECT_EQ(11, spool_read(f, 0, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, "\0\0\0\0\0\0world", 11));
	EXPECT_EQ(SPOOL_OK, spool_write(f, 0, "hello ", 6));
	EXPECT_EQ(3, spool_read(f, 8, got, sizeof(got)));
	EXPECT_EQ(0, spool_read(f, 11, got, sizeof(got)));
	EXPECT_EQ(0, scratch_entries(self->dir, "samples"));
	EXPECT_EQ(variant->no_tmpfile, scratch_entries(self->dir, "tmp"));
	EXPECT_FALSE(spool_known(self->spool, hash_a, 11));
	EXPECT_EQ(SPOOL_OK, spool_commit(f, hash_a));
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
	EXPECT_TRUE(spool_known(self->spool, hash_a, 11));
	EXPECT_FALSE(spool_known(self->spool, hash_a, 10));
	EXPECT_FALSE(spool_known(self->spool, hash_b, 11));

	ASSERT_TRUE(spool_path(self->dir, hash_a, path, sizeof(path)));
	EXPECT_STREQ(scratch_path(self->dir, PLACE_A), path);
	EXPECT_FALSE(spool_path(self->dir, hash_a, path, strlen(path)));
	ASSERT_TRUE(spool_path(self->dir, hash_a, path, sizeof(path)));
	fd = open(path, O_RDONLY);
	ASSERT_EQ(11, read(fd, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, "hello world", 11));
	EXPECT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(S_IFREG | 0600, st.st_mode);
	EXPECT_EQ(1, st.st_nlink);
	close(fd);
	EXPECT_EQ(0, stat(scratch_path(self->dir, "samples/aa"), &st));
	EXPECT_EQ(S_IFDIR | 0700, st.st_mode);
	EXPECT_EQ(0, stat(scratch_path(self->dir, "tmp"), &st));
	EXPECT_EQ(S_IFDIR | 0700, st.st_mode);
}

TEST_F(a_spool, known)
{
	EXPECT_EQ(SPOOL_OK, put(self->spool, hash_a, 5));
	EXPECT_EQ(SPOOL_KNOWN, put(self->spool, hash_a, 5));
	reopen(&self->spool, &self->options);
	EXPECT_EQ(SPOOL_KNOWN, put(self->spool, hash_a, 5));
	EXPECT_EQ(1, scratch_entries(self->dir, "samples/aa"));
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
}

/* The name is there, the bytes are not: a crash before an unsynced file was written. */
TEST_F(a_spool, broken_sample_is_replaced)
{
	ASSERT_EQ(0, mkdir(scratch_path(self->dir, "samples/aa"), 0700));
	ASSERT_TRUE(scratch_write(self->dir, PLACE_A, "", 0));
	EXPECT_FALSE(spool_known(self->spool, hash_a, 5));
	EXPECT_EQ(SPOOL_OK, put(self->spool, hash_a, 5));
	EXPECT_TRUE(spool_known(self->spool, hash_a, 5));
	EXPECT_EQ(1, scratch_entries(self->dir, "samples/aa"));
}

TEST_F(a_spool, abort_leaves_nothing)
{
	enum spool_result result;
	struct spool_file *f = spool_begin(self->spool, &result);

	ASSERT_NE(NULL, f);
	EXPECT_EQ(SPOOL_OK, spool_write(f, 0, "x", 1));
	spool_abort(f);
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
	EXPECT_EQ(0, scratch_entries(self->dir, "samples"));
}

TEST_F(a_spool, quota_bytes)
{
	enum spool_result result;
	struct spool_file *f, *g;
	uint8_t bytes[1001] = {0};

	EXPECT_EQ(SPOOL_FULL, put(self->spool, hash_a, 1001));
	EXPECT_EQ(SPOOL_OK, put(self->spool, hash_a, 900));
	EXPECT_EQ(SPOOL_FULL, put(self->spool, hash_b, 101));
	/* What is being written counts, whoever writes it, until it is thrown away. */
	f = spool_begin(self->spool, &result);
	ASSERT_NE(NULL, f);
	g = spool_begin(self->spool, &result);
	ASSERT_NE(NULL, g);
	EXPECT_EQ(SPOOL_OK, spool_write(f, 0, bytes, 60));
	EXPECT_EQ(SPOOL_FULL, spool_write(g, 0, bytes, 41));
	EXPECT_EQ(SPOOL_OK, spool_write(g, 0, bytes, 40));
	EXPECT_EQ(SPOOL_FULL, spool_write(f, 60, bytes, 1));
	spool_abort(g);
	EXPECT_EQ(SPOOL_OK, spool_write(f, 60, bytes, 40));
	EXPECT_EQ(SPOOL_OK, spool_commit(f, hash_b));
	/* A sample that is known takes no room. */
	EXPECT_EQ(SPOOL_FULL, put(self->spool, hash_b, 100));
	reopen(&self->spool, &self->options);
	EXPECT_EQ(SPOOL_FULL, put(self->spool, (uint8_t[SHA256_SIZE]){1}, 1));
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
}

TEST_F(a_spool, quota_files)
{
	struct spool_file *f;
	enum spool_result result;
	uint8_t hash[SHA256_SIZE] = {0};
	int i;

	f = spool_begin(self->spool, &result);
	ASSERT_NE(NULL, f);
	for (i = 0; i < 3; i++) {
		hash[0] = i;
		EXPECT_EQ(SPOOL_OK, put(self->spool, hash, 1));
	}
	/* Begun while there was room, too late now. */
	EXPECT_EQ(SPOOL_FULL, spool_commit(f, hash_a));
	EXPECT_EQ(NULL, spool_begin(self->spool, &result));
	EXPECT_EQ(SPOOL_FULL, result);
	reopen(&self->spool, &self->options);
	EXPECT_EQ(NULL, spool_begin(self->spool, &result));
	EXPECT_EQ(SPOOL_FULL, result);
	/* Somebody made room. */
	scratch_remove(scratch_path(self->dir, "samples/01"));
	reopen(&self->spool, &self->options);
	EXPECT_EQ(SPOOL_OK, put(self->spool, hash_a, 1));
	EXPECT_EQ(3, scratch_entries(self->dir, "samples"));
}

/* Two inspectors have one quota. */
TEST_F(a_spool, shared_quota)
{
	struct spool *other = spool_open(&self->options);

	ASSERT_NE(NULL, other);
	EXPECT_EQ(SPOOL_OK, put(self->spool, hash_a, 600));
	EXPECT_EQ(SPOOL_FULL, put(other, hash_b, 500));
	EXPECT_EQ(SPOOL_OK, put(other, hash_b, 400));
	EXPECT_EQ(SPOOL_FULL, put(self->spool, (uint8_t[SHA256_SIZE]){1}, 1));
	/* One goes and comes back: the count stays. */
	reopen(&other, &self->options);
	EXPECT_EQ(SPOOL_FULL, put(other, (uint8_t[SHA256_SIZE]){1}, 1));
	spool_close(other);
}

TEST_F(a_spool, left_overs)
{
	struct spool *other;
	int fd;

	ASSERT_TRUE(scratch_write(self->dir, "tmp/dead", "x", 1));
	ASSERT_TRUE(scratch_write(self->dir, "tmp/alive", "x", 1));
	fd = open(scratch_path(self->dir, "tmp/alive"), O_RDWR);
	ASSERT_EQ(0, flock(fd, LOCK_EX));
	other = spool_open(&self->options);
	ASSERT_NE(NULL, other);
	EXPECT_EQ(1, scratch_entries(self->dir, "tmp"));
	EXPECT_EQ(0, access(scratch_path(self->dir, "tmp/alive"), F_OK));
	close(fd);
	spool_close(other);

	/* A file being written in this process survives another's start. */
	if (variant->no_tmpfile) {
		enum spool_result result;
		struct spool_file *f = spool_begin(self->spool, &result);

		ASSERT_NE(NULL, f);
		other = spool_open(&self->options);
		ASSERT_NE(NULL, other);
		spool_close(other);
		EXPECT_EQ(SPOOL_OK, spool_write(f, 0, "x", 1));
		EXPECT_EQ(SPOOL_OK, spool_commit(f, hash_a));
	}
}

TEST_F(a_spool, errors)
{
	enum spool_result result;
	struct spool_file *f = spool_begin(self->spool, &result);
	struct rlimit limit;

	ASSERT_NE(NULL, f);
	EXPECT_EQ(SPOOL_ERROR, spool_write(f, UINT64_MAX - 5, "x", 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(SPOOL_OK, spool_write(f, 0, "x", 1));
	/* The folder of samples is gone. */
	scratch_remove(scratch_path(self->dir, "samples"));
	EXPECT_EQ(SPOOL_ERROR, spool_commit(f, hash_a));
	EXPECT_EQ(ENOENT, errno);
	/* No descriptor is left. */
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 3;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(NULL, spool_begin(self->spool, &result));
	EXPECT_EQ(SPOOL_ERROR, result);
	EXPECT_EQ(EMFILE, errno);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* After the sandbox is entered everything still works, and nothing outside does. */
TEST_F(a_spool, in_the_sandbox)
{
	const struct sandbox_path path = {self->dir, SANDBOX_WRITE};
	int status;
	pid_t child = fork();

	if (!child) {
		/* As the inspector does it: opened by the process that uses it. */
		struct spool *s = spool_open(&self->options);
		enum spool_result result;
		struct spool_file *f;

		if (!s || !sandbox_enter(SANDBOX_INSPECTOR, &path, 1, false))
			_exit(10);
		if (put(s, hash_a, 5) != SPOOL_OK || put(s, hash_a, 5) != SPOOL_KNOWN)
			_exit(11);
		f = spool_begin(s, &result);
		if (!f || spool_write(f, 0, "x", 1) != SPOOL_OK)
			_exit(12);
		spool_abort(f);
		if (put(s, hash_b, 1000) != SPOOL_FULL)
			_exit(13);
		if (put(s, hash_b, 995) != SPOOL_OK)
			_exit(14);
		spool_close(s);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(spool_known(self->spool, hash_a, 5));
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
}

/* A disk without room, in a name space of our own. */
TEST_F(a_spool, disk_full)
{
	enum spool_result result;
	struct spool_file *f;
	uint8_t bytes[4096] = {1};
	uint64_t at;

	spool_close(self->spool);
	self->spool = NULL;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", self->dir, "tmpfs", 0, "size=64k,mode=700"))
		SKIP(return, "no mount name space: not root");
	self->options.max_bytes = 0;
	self->options.max_files = 0;
	self->spool = spool_open(&self->options);
	ASSERT_NE(NULL, self->spool);
	/* Without a quota nothing is counted. */
	EXPECT_NE(0, access(scratch_path(self->dir, "tmp/usage"), F_OK));
	f = spool_begin(self->spool, &result);
	ASSERT_NE(NULL, f);
	for (at = 0; at < 20 * sizeof(bytes); at += sizeof(bytes)) {
		result = spool_write(f, at, bytes, sizeof(bytes));
		if (result != SPOOL_OK)
			break;
	}
	EXPECT_EQ(SPOOL_FULL, result);
	spool_abort(f);
	EXPECT_EQ(SPOOL_OK, put(self->spool, hash_a, 4096));
	spool_close(self->spool);
	self->spool = NULL;
	umount2(self->dir, MNT_DETACH);
}

TEST(cannot_open)
{
	char dir[SCRATCH_MAX];
	struct spool_options options = {0};
	char path[2 * SCRATCH_MAX];

	log_init("test_spool", LOG_LEVEL_ERROR);
	ASSERT_TRUE(scratch_make(dir));
	ASSERT_TRUE(scratch_write(dir, "file", "", 0));
	options.dir = strcpy(path, scratch_path(dir, "file"));
	EXPECT_EQ(NULL, spool_open(&options));
	options.dir = strcpy(path, scratch_path(dir, "missing/deep"));
	EXPECT_EQ(NULL, spool_open(&options));
	ASSERT_EQ(0, mkdir(scratch_path(dir, "s"), 0700));
	ASSERT_TRUE(scratch_write(dir, "s/samples", "", 0));
	options.dir = strcpy(path, scratch_path(dir, "s"));
	EXPECT_EQ(NULL, spool_open(&options));
	scratch_remove(dir);
}

TEST_HARNESS_MAIN
