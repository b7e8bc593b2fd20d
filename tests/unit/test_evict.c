// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "lib/log.h"
#include "scratch.h"
#include "supervisor/child.h"
#include "supervisor/config.h"
#include "supervisor/evict.h"
#include "supervisor/intake.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define AGE 1000 /* seconds, of the oldest sample that put() makes */

FIXTURE(evict)
{
	char dir[SCRATCH_MAX], db[2 * SCRATCH_MAX];
	struct spool_options options;
	struct spool *spool;
	struct store *store;
	struct counters counters;
	struct evict evict;
	struct policy policy;
	uint64_t now;	      /* ms */
	struct timespec told; /* everything up to the test's begin, to which all times relate */
};

#define SELF struct _test_data_evict *self

static bool open_all(SELF, uint64_t largest)
{
	self->spool = spool_open(&self->options);
	self->store = store_open(self->db);
	if (!self->spool || !self->store)
		return false;
	evict_init(&self->evict, self->spool, &self->options, largest, self->store,
		   &self->counters);
	return true;
}

static void close_all(SELF)
{
	evict_free(&self->evict);
	if (self->spool)
		spool_close(self->spool);
	store_close(self->store);
	self->spool = NULL;
	self->store = NULL;
}

static bool quota(SELF, uint64_t bytes, uint64_t files, uint64_t largest)
{
	close_all(self);
	self->options.max_bytes = bytes;
	self->options.max_files = files;
	return open_all(self, largest);
}

FIXTURE_SETUP(evict)
{
	log_init("test_evict", LOG_LEVEL_ERROR);
	ASSERT_TRUE(scratch_make(self->dir));
	strcpy(self->db, scratch_path(self->dir, "supervisor.db"));
	self->options = (struct spool_options){.dir = self->dir, .max_files = 20};
	ASSERT_TRUE(open_all(self, 1));
	self->policy = policy_all(POLICY_SHARE);
	self->now = 5000;
	clock_gettime(CLOCK_REALTIME, &self->told);
	self->told.tv_sec++;
}

FIXTURE_TEARDOWN(evict)
{
	close_all(self);
	scratch_remove(self->dir);
}

static void hash_of(uint32_t i, uint8_t sha256[static SHA256_SIZE])
{
	memset(sha256, 0, SHA256_SIZE);
	sha256[0] = (uint8_t)(i * 37); /* over the folders */
	memcpy(sha256 + 4, &i, sizeof(i));
}

static const char *place_of(SELF, uint32_t i)
{
	static char path[SPOOL_PATH_MAX];
	uint8_t sha256[SHA256_SIZE];

	hash_of(i, sha256);
	return spool_path(self->dir, sha256, path, sizeof(path)) ? path : NULL;
}

static bool is_there(SELF, uint32_t i)
{
	return !access(place_of(self, i), F_OK);
}

static size_t count(SELF, uint32_t from, uint32_t to)
{
	size_t n = 0;

	for (uint32_t i = from; i < to; i++)
		n += is_there(self, i);
	return n;
}

static enum spool_result commit(struct spool *s, uint32_t i, size_t size)
{
	static const uint8_t bytes[4096];
	uint8_t sha256[SHA256_SIZE];
	enum spool_result r;
	struct spool_file *f = spool_begin(s, &r);

	if (!f)
		return r;
	r = spool_write(f, 0, bytes, size);
	if (r != SPOOL_OK) {
		spool_abort(f);
		return r;
	}
	hash_of(i, sha256);
	return spool_commit(f, sha256);
}

static bool seen_at(SELF, uint32_t i, int64_t seconds_ago)
{
	struct timespec t[2] = {self->told, self->told};

	t[1].tv_sec -= seconds_ago;
	return !utimensat(AT_FDCWD, place_of(self, i), t, 0);
}

/* Sample i, seen the longer ago the smaller i is. */
static bool put(SELF, uint32_t i, size_t size)
{
	return commit(self->spool, i, size) == SPOOL_OK && seen_at(self, i, AGE - i);
}

static bool put_all(SELF, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		if (!put(self, i, 10))
			return false;
	return true;
}

static void sighting_of(uint32_t i, struct sighting *s)
{
	sighting_init(s);
	s->state = FILE_STATE_COMPLETE;
	s->stored = true;
	s->size = s->seen = 10;
	s->number = i;
	hash_of(i, s->sha256);
	sighting_make_id(s);
}

static bool submit(SELF, uint32_t i)
{
	struct sighting s;

	sighting_of(i, &s);
	return store_begin(self->store) && store_add(self->store, &s, 0, 1) == STORE_OK &&
	       store_submit(self->store, &s, "a", &self->policy, RULE_PRIORITY_NORMAL, 1) &&
	       store_commit(self->store);
}

static bool finish(SELF, uint32_t i)
{
	struct sighting s;

	sighting_of(i, &s);
	return store_result(self->store, s.id, "a", CLOUD_SENT, 0, "", 2) == STORE_OK;
}

static void step(SELF)
{
	evict_step(&self->evict, self->now, &self->told);
}

/* What is to be done now; how many steps it took. */
static unsigned int work(SELF)
{
	unsigned int steps = 0;

	while (evict_at(&self->evict) <= self->now && steps < 100000) {
		step(self);
		steps++;
	}
	return steps;
}

static int compare_times(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

TEST_F(evict, oldest_first_from_nine_tenths_to_eight)
{
	ASSERT_TRUE(put_all(self, 0, 17));
	EXPECT_EQ(UINT64_MAX, evict_at(&self->evict));
	EXPECT_EQ(0, work(self));
	ASSERT_TRUE(put_all(self, 17, 18));
	EXPECT_GT(work(self), 0);
	EXPECT_EQ(UINT64_MAX, evict_at(&self->evict));
	EXPECT_EQ(16, count(self, 0, 18));
	EXPECT_FALSE(is_there(self, 0));
	EXPECT_FALSE(is_there(self, 1));
	EXPECT_EQ(16, spool_usage(self->spool).files);
	EXPECT_EQ(160, spool_usage(self->spool).bytes);
	EXPECT_EQ(2, self->counters.value[COUNTER_SAMPLES_EVICTED]);
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
}

/* A sample is as old as its commit, not as its last byte: that may have come long before. */
TEST_F(evict, time_of_a_sample)
{
	uint8_t sha256[SHA256_SIZE];
	struct timespec before;
	enum spool_result r;
	struct spool_file *f = spool_begin(self->spool, &r);
	struct stat st;

	ASSERT_NE(NULL, f);
	ASSERT_EQ(SPOOL_OK, spool_write(f, 0, "x", 1));
	usleep(30000);
	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	hash_of(0, sha256);
	ASSERT_EQ(SPOOL_OK, spool_commit(f, sha256));
	ASSERT_EQ(0, stat(place_of(self, 0), &st));
	EXPECT_GE(compare_times(&st.st_mtim, &before), 0);
}

/* The gateway of years: never refused. */
TEST_F(evict, goes_on_for_ever)
{
	for (uint32_t i = 0; i < 500; i++) {
		ASSERT_EQ(SPOOL_OK, commit(self->spool, i, 10));
		ASSERT_TRUE(seen_at(self, i, AGE - i));
		work(self);
	}
	EXPECT_GE(self->counters.value[COUNTER_SAMPLES_EVICTED], 480);
	EXPECT_EQ(0, count(self, 0, 480));
}

TEST_F(evict, bytes_count_too)
{
	ASSERT_TRUE(quota(self, 10000, 0, 1));
	for (uint32_t i = 0; i < 8; i++)
		ASSERT_TRUE(put(self, i, 1000));
	ASSERT_TRUE(put(self, 8, 999));
	EXPECT_EQ(0, work(self));
	ASSERT_TRUE(put(self, 9, 1));
	work(self);
	EXPECT_EQ(9, count(self, 0, 10));
	EXPECT_FALSE(is_there(self, 0));
	EXPECT_EQ(8000, spool_usage(self->spool).bytes);
}

TEST_F(evict, room_for_the_largest_file)
{
	ASSERT_TRUE(quota(self, 10000, 0, 4000));
	for (uint32_t i = 0; i < 6; i++)
		ASSERT_TRUE(put(self, i, 1000));
	work(self);
	EXPECT_EQ(5, count(self, 0, 6));
	EXPECT_EQ(SPOOL_OK, commit(self->spool, 9, 4000));
	/* Larger than half of the quota: half of it is kept. */
	ASSERT_TRUE(quota(self, 10000, 0, 1000000));
	work(self);
	EXPECT_EQ(4000, spool_usage(self->spool).bytes);
	EXPECT_TRUE(is_there(self, 9));
}

TEST_F(evict, no_quota_no_eviction)
{
	ASSERT_TRUE(quota(self, 0, 0, 1));
	ASSERT_TRUE(put_all(self, 0, 30));
	EXPECT_EQ(UINT64_MAX, evict_at(&self->evict));
	EXPECT_EQ(0, work(self));
	EXPECT_EQ(30, count(self, 0, 30));
}

TEST_F(evict, smallest_quotas)
{
	for (uint32_t files = 1; files < 4; files++) {
		ASSERT_TRUE(quota(self, 0, files, 1));
		work(self);
		EXPECT_EQ(UINT64_MAX, evict_at(&self->evict));
		for (uint32_t i = 0; i < 10; i++) {
			EXPECT_EQ(SPOOL_OK, commit(self->spool, 100 * files + i, 10));
			ASSERT_TRUE(seen_at(self, 100 * files + i, AGE - i));
			work(self);
		}
	}
}

TEST_F(evict, what_waits_for_a_cloud_stays)
{
	ASSERT_TRUE(put_all(self, 0, 18));
	ASSERT_TRUE(submit(self, 0));
	ASSERT_TRUE(submit(self, 2));
	work(self);
	EXPECT_TRUE(is_there(self, 0));
	EXPECT_FALSE(is_there(self, 1));
	EXPECT_TRUE(is_there(self, 2));
	EXPECT_FALSE(is_there(self, 3));
	ASSERT_TRUE(finish(self, 0));
	ASSERT_TRUE(put_all(self, 18, 20));
	work(self);
	EXPECT_FALSE(is_there(self, 0));
	EXPECT_TRUE(is_there(self, 2));
	EXPECT_FALSE(is_there(self, 4));
}

/* A cloud away for long: nothing is lost, new ones are refused, and it is not asked all the
 * time. */
TEST_F(evict, all_wait)
{
	ASSERT_TRUE(put_all(self, 0, 20));
	for (uint32_t i = 0; i < 20; i++)
		ASSERT_TRUE(submit(self, i));
	EXPECT_GT(work(self), 0);
	EXPECT_EQ(20, count(self, 0, 20));
	EXPECT_EQ(SPOOL_FULL, commit(self->spool, 20, 10));
	EXPECT_TRUE(self->evict.short_of_room);
	EXPECT_GT(evict_at(&self->evict), self->now);
	EXPECT_EQ(0, work(self));
	/* It is back. */
	for (uint32_t i = 5; i < 20; i++)
		ASSERT_TRUE(finish(self, i));
	self->now += 60000;
	EXPECT_GT(work(self), 0);
	EXPECT_EQ(16, count(self, 0, 20));
	EXPECT_EQ(5, count(self, 0, 5));
	EXPECT_FALSE(self->evict.short_of_room);
	EXPECT_EQ(SPOOL_OK, commit(self->spool, 20, 10));
}

/* Two submissions of one sample: both must have ended. */
TEST_F(evict, several_submissions)
{
	struct sighting s;

	ASSERT_TRUE(put_all(self, 0, 18));
	ASSERT_TRUE(submit(self, 0));
	sighting_of(0, &s);
	ASSERT_TRUE(store_submit(self->store, &s, "b", &self->policy, RULE_PRIORITY_NORMAL, 1));
	ASSERT_TRUE(finish(self, 0));
	work(self);
	EXPECT_TRUE(is_there(self, 0));
	EXPECT_EQ(16, count(self, 0, 18));
}

/* Its sighting may still be on the way. */
TEST_F(evict, what_is_not_told_yet_stays)
{
	ASSERT_TRUE(put_all(self, 0, 18));
	self->told.tv_sec -= AGE - 1; /* exactly when sample 1 was seen */
	work(self);
	EXPECT_FALSE(is_there(self, 0));
	EXPECT_EQ(17, count(self, 0, 18));
	EXPECT_GT(evict_at(&self->evict), self->now);
	/* Times without fractions are of a second that may have gone on. */
	for (uint32_t i = 1; i < 18; i++) {
		struct timespec t[2] = {{.tv_sec = self->told.tv_sec},
					{.tv_sec = self->told.tv_sec}};

		ASSERT_EQ(0, utimensat(AT_FDCWD, place_of(self, i), t, 0));
	}
	ASSERT_EQ(SPOOL_OK, commit(self->spool, 20, 10));
	self->now += 60000;
	work(self);
	EXPECT_EQ(17, count(self, 1, 18));
	self->told.tv_sec++;
	self->now += 60000;
	work(self);
	EXPECT_EQ(15, count(self, 1, 18));
}

TEST_F(evict, clock_was_wrong)
{
	for (uint32_t i = 0; i < 20; i++) {
		ASSERT_TRUE(put(self, i, 10));
		ASSERT_TRUE(seen_at(self, i, -1000000 - (int64_t)i));
	}
	work(self);
	EXPECT_EQ(16, count(self, 0, 20));
}

/* Between listing and removal. */
TEST_F(evict, seen_again)
{
	uint8_t sha256[SHA256_SIZE];

	ASSERT_TRUE(put_all(self, 0, 18));
	while (self->evict.phase != EVICT_REMOVING)
		step(self);
	hash_of(0, sha256);
	ASSERT_TRUE(spool_known(self->spool, sha256, 10));
	ASSERT_TRUE(submit(self, 1));
	ASSERT_EQ(0, unlink(place_of(self, 2)));
	work(self);
	EXPECT_TRUE(is_there(self, 0));
	EXPECT_TRUE(is_there(self, 1));
	EXPECT_EQ(0, self->counters.value[COUNTER_SAMPLES_EVICTED]);
	self->now += 60000;
	work(self);
	EXPECT_TRUE(is_there(self, 0));
	EXPECT_TRUE(is_there(self, 1));
	EXPECT_FALSE(is_there(self, 3));
	EXPECT_EQ(16, spool_usage(self->spool).files);
}

/* The operator made room: what the count says is not worth a sample. */
TEST_F(evict, count_is_corrected_first)
{
	ASSERT_TRUE(put_all(self, 0, 18));
	ASSERT_EQ(0, unlink(place_of(self, 16)));
	ASSERT_EQ(0, unlink(place_of(self, 17)));
	EXPECT_EQ(18, spool_usage(self->spool).files);
	work(self);
	EXPECT_EQ(16, count(self, 0, 18));
	EXPECT_EQ(16, spool_usage(self->spool).files);
	EXPECT_EQ(160, spool_usage(self->spool).bytes);
}

/* Not more at a time than a loop can bear, and exactly the oldest that are needed. */
TEST_F(evict, many_in_small_steps)
{
	enum { N = 2500 };
	static bool there[N];
	uint64_t random = 7, bytes = 0, needed = 0;
	static uint32_t size[N];
	static uint32_t age[N];

	ASSERT_TRUE(quota(self, 1000000, 0, 1));
	for (uint32_t i = 0; i < N; i++) {
		size[i] = 1 + scratch_random(&random) % 1000;
		age[i] = i;
	}
	for (uint32_t i = N - 1; i; i--) {
		uint32_t j = scratch_random(&random) % (i + 1), t = age[i];

		age[i] = age[j];
		age[j] = t;
	}
	for (uint32_t i = 0; i < N && bytes + size[i] < 900000; i++) {
		ASSERT_EQ(SPOOL_OK, commit(self->spool, i, size[i]));
		ASSERT_TRUE(seen_at(self, i, 10 + age[i]));
		bytes += size[i];
		there[i] = true;
		if (age[i] % 3 == 0)
			needed += submit(self, i);
	}
	ASSERT_EQ(SPOOL_OK, commit(self->spool, N, 1000));
	ASSERT_GE(spool_usage(self->spool).bytes, 900000);
	bytes = spool_usage(self->spool).bytes;
	EXPECT_GT(needed, 100);
	/* What should be left. */
	for (uint32_t a = N; a-- && bytes > 800000;) {
		for (uint32_t i = 0; i < N; i++) {
			if (age[i] != a || !there[i] || a % 3 == 0)
				continue;
			there[i] = false;
			bytes -= size[i];
		}
	}
	EXPECT_GT(work(self), 15);
	EXPECT_EQ(bytes, spool_usage(self->spool).bytes);
	for (uint32_t i = 0; i < N; i++)
		ASSERT_EQ(there[i], is_there(self, i));
}

TEST_F(evict, strange_entries)
{
	ASSERT_TRUE(put_all(self, 0, 17));
	ASSERT_EQ(0, mkdir(scratch_path(self->dir, "samples/zz"), 0700));
	ASSERT_TRUE(scratch_write(self->dir, "samples/zz/x", "x", 1));
	ASSERT_TRUE(scratch_write(self->dir, "samples/00/name", "x", 1));
	ASSERT_EQ(0, symlink("/etc/passwd", scratch_path(self->dir, "samples/00/link")));
	ASSERT_EQ(0, mkdir(scratch_path(self->dir, "samples/00/folder"), 0700));
	ASSERT_TRUE(put_all(self, 17, 19));
	work(self);
	EXPECT_EQ(0, access(scratch_path(self->dir, "samples/00/name"), F_OK));
	/* A file that is no sample of ours counts where samples are, and stays. */
	EXPECT_EQ(16, count(self, 0, 20));
	EXPECT_EQ(17, spool_usage(self->spool).files);
}

/* What cannot be looked up stays. */
TEST_F(evict, database_fails)
{
	sqlite3 *db;

	ASSERT_TRUE(put_all(self, 0, 18));
	ASSERT_EQ(SQLITE_OK, sqlite3_open(self->db, &db));
	ASSERT_EQ(SQLITE_OK, sqlite3_exec(db, "DROP TABLE submissions", NULL, NULL, NULL));
	sqlite3_close(db);
	EXPECT_GT(work(self), 0);
	EXPECT_EQ(18, count(self, 0, 18));
	EXPECT_TRUE(self->evict.failure_logged);
	EXPECT_GT(evict_at(&self->evict), self->now);
}

/* ------------------------------------------------------- at every system call */

/* Runs act() in a child, stopped before and after each of its system calls. */
struct traced {
	pid_t pid;
	unsigned int stops;
	bool ended;
	int status;
};

static bool trace(struct traced *t, SELF, void (*act)(SELF))
{
	*t = (struct traced){.pid = fork()};
	if (t->pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		act(self);
		_exit(0);
	}
	return t->pid > 0 && waitpid(t->pid, &t->status, 0) == t->pid &&
	       WIFSTOPPED(t->status) &&
	       !ptrace(PTRACE_SETOPTIONS, t->pid, NULL,
		       (void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
}

/* To the next stop; false: it ended. */
static bool trace_next(struct traced *t)
{
	while (!t->ended) {
		ptrace(PTRACE_SYSCALL, t->pid, NULL, NULL);
		if (waitpid(t->pid, &t->status, 0) != t->pid || !WIFSTOPPED(t->status)) {
			t->ended = true;
		} else if (WSTOPSIG(t->status) == (SIGTRAP | 0x80)) {
			t->stops++;
			return true;
		}
	}
	return false;
}

static void trace_kill(struct traced *t)
{
	if (!t->ended) {
		kill(t->pid, SIGKILL);
		waitpid(t->pid, &t->status, 0);
	}
	t->ended = true;
}

/* Removes the oldest two, having listed before it is watched. */
static void remove_two(SELF)
{
	while (self->evict.phase == EVICT_REMOVING)
		step(self);
}

/*
 * Killed there, at every place: what is needed is there, everything that is there is
 * counted, and nothing is left over.
 */
TEST_F(evict, killed_anywhere)
{
	unsigned int stop, left = 0;
	struct traced t;
	bool ended = false;

	ASSERT_TRUE(put_all(self, 0, 18));
	ASSERT_TRUE(submit(self, 1));
	for (stop = 1; !ended && stop < 1000; stop++) {
		pid_t pid = fork();
		int status;

		/* A process between, since the store must not be shared with a child. */
		if (pid == 0) {
			close_all(self);
			if (!open_all(self, 1))
				_exit(2);
			while (self->evict.phase != EVICT_REMOVING)
				step(self);
			if (!trace(&t, self, remove_two))
				_exit(3);
			while (t.stops < stop && trace_next(&t))
				;
			ended = t.ended;
			trace_kill(&t);
			_exit(ended);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFEXITED(status));
		ASSERT_LE(WEXITSTATUS(status), 1);
		ended = WEXITSTATUS(status);

		left += scratch_entries(self->dir, "tmp") == 1;
		close_all(self);
		ASSERT_TRUE(open_all(self, 1));
		ASSERT_EQ(0, scratch_entries(self->dir, "tmp"));
		ASSERT_TRUE(is_there(self, 1));
		ASSERT_EQ(15, count(self, 3, 18));
		ASSERT_EQ(count(self, 0, 18), spool_usage(self->spool).files);
		ASSERT_EQ(10 * count(self, 0, 18), spool_usage(self->spool).bytes);
		ASSERT_TRUE(!ended || !count(self, 0, 1));
		for (uint32_t i = 0; i < 3; i += 2)
			ASSERT_TRUE(is_there(self, i) || put(self, i, 10));
	}
	EXPECT_TRUE(ended);
	EXPECT_GT(stop, 20);
	EXPECT_GT(left, 0); /* it was killed while one was in tmp/ */
}

static struct spool_sample listed(SELF, uint32_t i)
{
	struct spool_sample s = {.size = 10};
	struct stat st;

	hash_of(i, s.sha256);
	if (!stat(place_of(self, i), &st))
		s.seen = st.st_mtim;
	return s;
}

static struct spool_sample victim;

/* Its name while it is away. */
static void away_of(SELF, char path[static 2 * SCRATCH_MAX])
{
	char name[SHA256_TEXT + 16] = "tmp/evicted-";

	sha256_text(victim.sha256, name + strlen(name));
	strcpy(path, scratch_path(self->dir, name));
}

static void evict_victim(SELF)
{
	spool_evict(self->spool, &victim);
}

/* An inspector asks, at every place of an eviction: what it is told is there stays. */
TEST_F(evict, known_anywhere)
{
	unsigned int stop, yes = 0, no = 0, back = 0;
	uint8_t sha256[SHA256_SIZE];
	struct traced t = {0};

	hash_of(0, sha256);
	for (stop = 1; !t.ended && stop < 1000; stop++) {
		bool known = false, away;

		ASSERT_LE(commit(self->spool, 0, 10), SPOOL_KNOWN);
		ASSERT_TRUE(seen_at(self, 0, AGE));
		victim = listed(self, 0);
		ASSERT_TRUE(trace(&t, self, evict_victim));
		while (t.stops < stop && trace_next(&t))
			;
		if (!t.ended) {
			known = spool_known(self->spool, sha256, 10);
			yes += known;
			no += !known;
		}
		away = !is_there(self, 0);
		while (trace_next(&t))
			;
		ASSERT_TRUE(WIFEXITED(t.status));
		ASSERT_TRUE(!known || is_there(self, 0));
		back += away && is_there(self, 0);
		ASSERT_EQ(0, scratch_entries(self->dir, "tmp"));
		ASSERT_EQ(is_there(self, 0), spool_usage(self->spool).files);
		t.ended = t.stops < stop;
	}
	EXPECT_GT(yes, 5);
	EXPECT_GT(no, 3);
	/* Where it is away it is not known, so nobody marks it then. */
	EXPECT_EQ(0, back);
}

static void know_victim(SELF)
{
	_exit(spool_known(self->spool, victim.sha256, 10));
}

/* With a spool of its own, as an inspector has. */
static void commit_victim(SELF)
{
	struct spool *s = spool_open(&self->options);

	_exit(s ? (int)commit(s, 0, 10) : 99);
}

/* A whole eviction at every place where an inspector asks, or commits. */
static void evicted_anywhere(struct __test_metadata *_metadata, SELF, void (*act)(SELF),
			     unsigned int sure)
{
	unsigned int stop, evicted = 0, kept = 0;
	struct traced t = {0};

	for (stop = 1; !t.ended && stop < 1000; stop++) {
		bool is;

		ASSERT_LE(commit(self->spool, 0, 10), SPOOL_KNOWN);
		ASSERT_TRUE(seen_at(self, 0, AGE));
		victim = listed(self, 0);
		ASSERT_TRUE(trace(&t, self, act));
		while (t.stops < stop && trace_next(&t))
			;
		if (!t.ended) {
			is = spool_evict(self->spool, &victim) == SPOOL_EVICTED;
			evicted += is;
			kept += !is;
		}
		while (trace_next(&t))
			;
		ASSERT_TRUE(WIFEXITED(t.status));
		/* OK and KNOWN of a commit, true of a question. */
		is = act == know_victim ? WEXITSTATUS(t.status)
					: WEXITSTATUS(t.status) <= SPOOL_KNOWN;
		ASSERT_EQ(is, is_there(self, 0));
		ASSERT_TRUE(is || act == know_victim);
		ASSERT_EQ(0, scratch_entries(self->dir, "tmp"));
		ASSERT_EQ(is_there(self, 0), spool_usage(self->spool).files);
		t.ended = t.stops < stop;
	}
	EXPECT_GT(evicted, sure);
	EXPECT_GT(kept, sure);
}

TEST_F(evict, evicted_while_asked_for)
{
	evicted_anywhere(_metadata, self, know_victim, 0);
}

TEST_F(evict, evicted_while_committed)
{
	evicted_anywhere(_metadata, self, commit_victim, 3);
}

TEST_F(evict, evicted_while_committed_without_tmpfile)
{
	self->options.no_tmpfile = true;
	ASSERT_TRUE(quota(self, 0, 20, 1));
	evicted_anywhere(_metadata, self, commit_victim, 3);
}

/* Marked, and away: the mark came in the middle of the system call that took it away. */
TEST_F(evict, put_back)
{
	struct traced t;
	bool seen = false;
	char away[2 * SCRATCH_MAX];

	ASSERT_TRUE(put(self, 0, 10));
	victim = listed(self, 0);
	away_of(self, away);
	ASSERT_TRUE(trace(&t, self, evict_victim));
	while (trace_next(&t)) {
		if (seen || access(away, F_OK))
			continue;
		seen = true;
		ASSERT_EQ(0, utimensat(AT_FDCWD, away, NULL, 0));
	}
	EXPECT_TRUE(seen);
	EXPECT_TRUE(is_there(self, 0));
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
	EXPECT_EQ(1, spool_usage(self->spool).files);
}

/* The same, and it was written again meanwhile. */
TEST_F(evict, put_back_where_another_is)
{
	struct traced t;
	bool seen = false;
	char away[2 * SCRATCH_MAX];

	ASSERT_TRUE(put(self, 0, 10));
	victim = listed(self, 0);
	away_of(self, away);
	ASSERT_TRUE(trace(&t, self, evict_victim));
	while (trace_next(&t)) {
		if (seen || access(away, F_OK))
			continue;
		seen = true;
		ASSERT_EQ(0, utimensat(AT_FDCWD, away, NULL, 0));
		ASSERT_EQ(SPOOL_OK, commit(self->spool, 0, 10));
	}
	EXPECT_TRUE(seen);
	EXPECT_TRUE(is_there(self, 0));
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
	EXPECT_EQ(1, spool_usage(self->spool).files);
}

TEST_F(evict, leftovers)
{
	char away[2 * SCRATCH_MAX];
	int fd;

	ASSERT_TRUE(put_all(self, 0, 3));
	/* 0: nothing at its place; 1: written again; 2: being evicted by another right now. */
	for (uint32_t i = 0; i < 3; i++) {
		victim = listed(self, i);
		away_of(self, away);
		ASSERT_EQ(0, rename(place_of(self, i), away));
		if (i == 1)
			ASSERT_EQ(SPOOL_OK, commit(self->spool, 1, 10));
	}
	fd = open(away, O_RDONLY);
	ASSERT_EQ(0, flock(fd, LOCK_EX | LOCK_NB));
	ASSERT_TRUE(scratch_write(self->dir, "tmp/evicted-nonsense", "x", 1));
	close_all(self);
	ASSERT_TRUE(open_all(self, 1));
	EXPECT_TRUE(is_there(self, 0));
	EXPECT_TRUE(is_there(self, 1));
	EXPECT_FALSE(is_there(self, 2));
	EXPECT_EQ(1, scratch_entries(self->dir, "tmp"));
	EXPECT_EQ(2, spool_usage(self->spool).files);
	close(fd);
	close_all(self);
	ASSERT_TRUE(open_all(self, 1));
	EXPECT_TRUE(is_there(self, 2));
	EXPECT_EQ(0, scratch_entries(self->dir, "tmp"));
	EXPECT_EQ(3, spool_usage(self->spool).files);
}

/* ------------------------------------------------------------- its neighbours */

/* No sighting leaves without bytes. */
TEST_F(evict, intake_without_a_sample)
{
	struct sighting s;
	uint64_t clouds = 5;

	sighting_of(3, &s);
	ASSERT_TRUE(put(self, 3, 10));
	intake_check(self->spool, &self->counters, &s, &clouds);
	EXPECT_EQ(5, clouds);
	EXPECT_TRUE(s.stored);
	ASSERT_EQ(0, unlink(place_of(self, 3)));
	clouds = 0; /* nobody wants it: nobody minds */
	intake_check(self->spool, &self->counters, &s, &clouds);
	EXPECT_TRUE(s.stored);
	clouds = 5;
	intake_check(self->spool, &self->counters, &s, &clouds);
	EXPECT_EQ(0, clouds);
	EXPECT_FALSE(s.stored);
	EXPECT_EQ(FILE_REASON_SPOOL_ERROR, s.reason);
	EXPECT_EQ(1, self->counters.value[COUNTER_SAMPLES_MISSING]);
	/* Of another size: not these bytes. */
	ASSERT_TRUE(put(self, 3, 9));
	sighting_of(3, &s);
	clouds = 1;
	intake_check(self->spool, &self->counters, &s, &clouds);
	EXPECT_EQ(0, clouds);
}

/* What was said before a message came is told; a child that is gone has told all. */
TEST_F(evict, children_tell)
{
	struct child c[2] = {{.fd = 7}, {.fd = 8}};
	struct timespec before, told;

	child_started(&c[0], 1, 7);
	child_started(&c[1], 1, 8);
	before = child_told(c, 2);
	usleep(20000);
	child_quiet(&c[0]);
	child_quiet(&c[1]);
	told = child_told(c, 2);
	EXPECT_EQ(0, compare_times(&before, &told)); /* nobody said anything */
	child_heard(&c[0]);
	told = child_told(c, 2);
	EXPECT_EQ(0, compare_times(&before, &told)); /* the other did not */
	child_heard(&c[1]);
	told = child_told(c, 2);
	EXPECT_GT(compare_times(&told, &before), 0);
	c[1].fd = -1;
	usleep(20000);
	child_quiet(&c[0]);
	child_heard(&c[0]);
	before = told;
	told = child_told(c, 2);
	EXPECT_GT(compare_times(&told, &before), 0);
	EXPECT_EQ(0, compare_times(&told, &c[0].told));
}

TEST_HARNESS_MAIN
