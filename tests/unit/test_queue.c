// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "forwarder/backoff.h"
#include "forwarder/queue.h"
#include "lib/log.h"
#include "scratch.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define NOW 1000000

FIXTURE(store)
{
	char dir[SCRATCH_MAX];
	char path[2 * SCRATCH_MAX];
	struct queue *q;
};

static struct queue *reopen(struct queue *q, const char *path, int64_t again, int64_t latest)
{
	queue_close(q);
	return queue_open(path, again, latest);
}

FIXTURE_SETUP(store)
{
	ASSERT_TRUE(scratch_make(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/queue.db", self->dir);
	self->q = queue_open(self->path, NOW, NOW);
	ASSERT_NE(NULL, self->q);
}

FIXTURE_TEARDOWN(store)
{
	queue_close(self->q);
	scratch_remove(self->dir);
}

static size_t known_ends; /* of the last queue_add() */

/* What it says of a sample now; false: nothing. */
static bool knows(struct queue *q, const char *cloud, const uint8_t *sha256, int32_t *value)
{
	bool found = false;

	return queue_verdict(q, cloud, sha256, NOW, &found, value) && found;
}

/* Sighting n of sample s. */
static struct queue_item item(const char *cloud, uint8_t n, uint8_t s)
{
	struct queue_item i = {.size = 100u + s};

	snprintf(i.cloud, sizeof(i.cloud), "%s", cloud);
	memset(i.id, n, sizeof(i.id));
	memset(i.sha256, s, sizeof(i.sha256));
	return i;
}

static struct cloud_result result(enum cloud_outcome outcome, int32_t verdict)
{
	struct cloud_result r;

	cloud_result_set(&r, outcome, "because of %s", "something");
	r.verdict = verdict;
	return r;
}

static size_t take(struct queue *q, const char *cloud, int64_t now, struct queue_item *items,
		   size_t max)
{
	size_t count = 99;

	return queue_take(q, cloud, now, false, items, max, &count) ? count : 999;
}

TEST_F(store, private_file)
{
	struct stat st;

	ASSERT_EQ(0, stat(self->path, &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
}

TEST_F(store, add_and_take)
{
	struct queue_item in[] = {item("a", 1, 1), item("b", 1, 1), item("a", 2, 2)}, out[8];

	EXPECT_EQ(0, take(self->q, "a", NOW, out, 8));
	ASSERT_TRUE(queue_add(self->q, in, 3, NOW, &known_ends));
	EXPECT_EQ(0, take(self->q, "a", NOW - 1, out, 8));
	EXPECT_EQ(0, take(self->q, "c", NOW, out, 8));
	EXPECT_EQ(1, take(self->q, "a", NOW, out, 1));
	EXPECT_EQ(1, out[0].id[0]);
	EXPECT_EQ(101, out[0].size);
	EXPECT_EQ(1, out[0].attempts);
	EXPECT_EQ(0, out[0].failures);
	EXPECT_STREQ("a", out[0].cloud);
	EXPECT_EQ(1, take(self->q, "a", NOW, out, 8));
	EXPECT_EQ(0, take(self->q, "a", NOW, out, 8));
	EXPECT_EQ(1, take(self->q, "b", NOW, out, 8));
}

TEST_F(store, one_of_each_sample_at_a_time)
{
	struct queue_item in[6], out[8];

	for (uint8_t i = 0; i < 6; i++)
		in[i] = item("a", i, i / 3);
	ASSERT_TRUE(queue_add(self->q, in, 6, NOW, &known_ends));
	ASSERT_EQ(2, take(self->q, "a", NOW, out, 8));
	EXPECT_EQ(0, out[0].id[0]);
	EXPECT_EQ(3, out[1].id[0]);
	EXPECT_EQ(0, take(self->q, "a", NOW, out, 8));
}

/* Only what a cloud has counts, and only that cloud's. */
TEST_F(store, brought_by_another_sighting)
{
	struct queue_item in[] = {item("a", 1, 1), item("a", 2, 2), item("a", 3, 3)}, out[8];
	struct cloud_result ends[] = {result(CLOUD_SENT, CLOUD_VERDICT_NONE),
				      result(CLOUD_REFUSED, CLOUD_VERDICT_NONE)};
	int32_t value;

	ASSERT_TRUE(queue_add(self->q, in, 3, NOW, &known_ends));
	ASSERT_EQ(3, take(self->q, "a", NOW, out, 8));
	for (size_t i = 0; i < 2; i++)
		ASSERT_TRUE(queue_end(self->q, out[i].number, &ends[i], NOW));
	for (size_t i = 0; i < 3; i++) {
		EXPECT_EQ(i == 0, knows(self->q, "a", out[i].sha256, &value));
		EXPECT_FALSE(knows(self->q, "b", out[i].sha256, &value));
	}
}

TEST_F(store, several_changes_are_one)
{
	struct queue_item in[] = {item("a", 1, 1), item("a", 2, 2)}, out[8];
	struct cloud_result known = result(CLOUD_KNOWN, 1), retry = result(CLOUD_RETRY, -1);
	struct queue_change changes[2] = {
		{.result = &known}, {.result = &retry, .failures = 3, .next_at = NOW + 5}};
	struct queue_result told[8];
	size_t count;

	ASSERT_TRUE(queue_add(self->q, in, 2, NOW, &known_ends));
	ASSERT_EQ(2, take(self->q, "a", NOW, out, 8));
	EXPECT_EQ(CLOUD_VERDICT_NONE, out[1].verdict);
	changes[0].number = out[0].number;
	changes[1].number = out[1].number;
	ASSERT_TRUE(queue_change(self->q, changes, 2, NOW));
	ASSERT_TRUE(queue_untold(self->q, told, 8, &count));
	ASSERT_EQ(1, count);
	EXPECT_EQ(1, told[0].verdict);
	EXPECT_EQ(0, take(self->q, "a", NOW, out, 8));
	ASSERT_EQ(1, take(self->q, "a", NOW + 5, out, 8));
	EXPECT_EQ(3, out[0].failures);
	EXPECT_EQ(-1, out[0].verdict);
}

TEST_F(store, added_twice)
{
	struct queue_item in[] = {item("a", 1, 1), item("a", 1, 1)}, out[8];
	struct queue_result told[8];
	struct cloud_result sent = result(CLOUD_SENT, CLOUD_VERDICT_NONE);
	size_t count;

	ASSERT_TRUE(queue_add(self->q, in, 2, NOW, &known_ends));
	ASSERT_TRUE(queue_add(self->q, in, 1, NOW, &known_ends));
	ASSERT_EQ(1, take(self->q, "a", NOW, out, 8));
	ASSERT_TRUE(queue_add(self->q, in, 1, NOW, &known_ends));
	EXPECT_EQ(0, take(self->q, "a", NOW, out, 8));
	ASSERT_TRUE(queue_end(self->q, out[0].number, &sent, NOW));
	ASSERT_TRUE(queue_untold(self->q, told, 8, &count));
	ASSERT_EQ(1, count);
	ASSERT_TRUE(queue_told(self->q, told, 1));
	ASSERT_TRUE(queue_untold(self->q, told, 8, &count));
	EXPECT_EQ(0, count);
	/* Submitted again by a supervisor that did not hear: told again, not sent again. */
	ASSERT_TRUE(queue_add(self->q, in, 1, NOW, &known_ends));
	EXPECT_EQ(0, take(self->q, "a", NOW + 99999, out, 8));
	ASSERT_TRUE(queue_untold(self->q, told, 8, &count));
	EXPECT_EQ(1, count);
}

/* Of a queue without priorities what waits is normal. */
TEST_F(store, upgraded)
{
	struct queue_item in[] = {item("a", 1, 1), item("a", 2, 2)}, out[8];
	sqlite3 *db;

	ASSERT_TRUE(queue_add(self->q, in, 1, NOW, &known_ends));
	queue_close(self->q);
	ASSERT_EQ(SQLITE_OK, sqlite3_open(self->path, &db));
	ASSERT_EQ(SQLITE_OK,
		  sqlite3_exec(db,
			       "DROP INDEX queue_due;"
			       "ALTER TABLE queue DROP COLUMN priority;"
			       "CREATE INDEX queue_due ON queue (cloud, state, next_at);"
			       "DROP TABLE verdict; PRAGMA user_version = 2",
			       NULL, NULL, NULL));
	sqlite3_close(db);
	self->q = queue_open(self->path, NOW, NOW);
	ASSERT_NE(NULL, self->q);
	in[1].priority = RULE_PRIORITY_HIGH;
	ASSERT_TRUE(queue_add(self->q, &in[1], 1, NOW, &known_ends));
	ASSERT_EQ(2, take(self->q, "a", NOW, out, 8));
	EXPECT_EQ(2, out[0].id[0]);
	EXPECT_EQ(RULE_PRIORITY_NORMAL, out[1].priority);
}

TEST_F(store, one_of_a_sample_at_a_time)
{
	struct queue_item in[] = {item("a", 1, 7), item("a", 2, 7), item("a", 3, 8),
				  item("b", 1, 7)};
	struct queue_item out[8], other[8];
	struct cloud_result sent = result(CLOUD_SENT, CLOUD_VERDICT_NONE);

	ASSERT_TRUE(queue_add(self->q, in, 4, NOW, &known_ends));
	ASSERT_EQ(2, take(self->q, "a", NOW, out, 8));
	EXPECT_EQ(7, out[0].sha256[0]);
	EXPECT_EQ(8, out[1].sha256[0]);
	EXPECT_EQ(1, take(self->q, "b", NOW, other, 8));
	EXPECT_EQ(0, take(self->q, "a", NOW, other, 8));
	ASSERT_TRUE(queue_end(self->q, out[0].number, &sent, NOW));
	ASSERT_EQ(1, take(self->q, "a", NOW, other, 8));
	EXPECT_EQ(2, other[0].id[0]);
}

/* Higher ones first, of these the oldest; one that is not due yet is in nobody's way. */
TEST_F(store, higher_first)
{
	struct queue_item in[] = {item("a", 1, 1), item("a", 2, 2), item("a", 3, 3),
				  item("a", 4, 4), item("a", 5, 5)};
	struct cloud_result retry = result(CLOUD_RETRY, CLOUD_VERDICT_NONE);
	struct queue_item out[8];

	in[0].priority = RULE_PRIORITY_LOW;
	in[1].priority = in[2].priority = RULE_PRIORITY_NORMAL;
	in[3].priority = in[4].priority = RULE_PRIORITY_HIGH;
	ASSERT_TRUE(queue_add(self->q, &in[2], 3, NOW, &known_ends));
	ASSERT_TRUE(queue_add(self->q, in, 2, NOW + 1, &known_ends));
	ASSERT_EQ(2, take(self->q, "a", NOW + 1, out, 2));
	EXPECT_EQ(4, out[0].id[0]);
	EXPECT_EQ(5, out[1].id[0]);
	EXPECT_EQ(RULE_PRIORITY_HIGH, out[1].priority);
	ASSERT_TRUE(queue_again(self->q, out[0].number, &retry, 1, NOW + 500, NOW));
	ASSERT_TRUE(queue_again(self->q, out[1].number, &retry, 1, NOW + 700, NOW));
	ASSERT_EQ(3, take(self->q, "a", NOW + 1, out, 8));
	EXPECT_EQ(3, out[0].id[0]);
	EXPECT_EQ(2, out[1].id[0]);
	EXPECT_EQ(1, out[2].id[0]);
	ASSERT_TRUE(queue_again(self->q, out[2].number, &retry, 1, NOW + 600, NOW));
	EXPECT_EQ(NOW + 500, queue_next_due(self->q, "a", NOW + 1));
	EXPECT_EQ(NOW + 600, queue_next_due(self->q, "a", NOW + 500));
	ASSERT_EQ(3, take(self->q, "a", NOW + 900, out, 8));
	EXPECT_EQ(4, out[0].id[0]);
	EXPECT_EQ(1, out[2].id[0]);
}

/* To ask about, while nothing can be uploaded. */
TEST_F(store, never_begun)
{
	struct queue_item in[] = {item("a", 1, 1), item("a", 2, 2)}, out[8];
	struct cloud_result retry = result(CLOUD_RETRY, CLOUD_VERDICT_NONE);
	size_t count;

	ASSERT_TRUE(queue_add(self->q, in, 1, NOW, &known_ends));
	ASSERT_EQ(1, take(self->q, "a", NOW, out, 8));
	ASSERT_TRUE(queue_again(self->q, out[0].number, &retry, 0, NOW, NOW));
	ASSERT_TRUE(queue_take(self->q, "a", NOW, true, out, 8, &count));
	EXPECT_EQ(0, count);
	ASSERT_TRUE(queue_add(self->q, &in[1], 1, NOW, &known_ends));
	ASSERT_TRUE(queue_take(self->q, "a", NOW, true, out, 8, &count));
	ASSERT_EQ(1, count);
	EXPECT_EQ(2, out[0].id[0]);
	EXPECT_EQ(1, take(self->q, "a", NOW, out, 8));
}

TEST_F(store, again_later)
{
	struct queue_item in = item("a", 1, 1), out[8];
	struct cloud_result retry = result(CLOUD_RETRY, CLOUD_VERDICT_NONE);

	ASSERT_TRUE(queue_add(self->q, &in, 1, NOW, &known_ends));
	ASSERT_EQ(1, take(self->q, "a", NOW, out, 8));
	EXPECT_EQ(INT64_MAX, queue_next_due(self->q, "a", NOW));
	ASSERT_TRUE(queue_again(self->q, out[0].number, &retry, 3, NOW + 500, NOW));
	EXPECT_EQ(NOW + 500, queue_next_due(self->q, "a", NOW));
	EXPECT_EQ(INT64_MAX, queue_next_due(self->q, "b", NOW));
	EXPECT_EQ(0, take(self->q, "a", NOW + 499, out, 8));
	ASSERT_EQ(1, take(self->q, "a", NOW + 500, out, 8));
	EXPECT_EQ(3, out[0].failures);
	EXPECT_EQ(2, out[0].attempts);
}

TEST_F(store, results)
{
	struct queue_item in[] = {item("a", 1, 1), item("a", 2, 2), item("a", 3, 3)}, out[8];
	struct cloud_result ends[] = {result(CLOUD_KNOWN, -100), result(CLOUD_REFUSED, -103),
				      result(CLOUD_SENT, CLOUD_VERDICT_NONE)};
	struct queue_result told[8];
	size_t count;

	ASSERT_TRUE(queue_add(self->q, in, 3, NOW, &known_ends));
	ASSERT_EQ(3, take(self->q, "a", NOW, out, 8));
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(queue_end(self->q, out[i].number, &ends[i], NOW + i));
	}
	self->q = reopen(self->q, self->path, NOW, NOW);
	ASSERT_NE(NULL, self->q);
	ASSERT_TRUE(queue_untold(self->q, told, 2, &count));
	ASSERT_EQ(2, count);
	ASSERT_TRUE(queue_untold(self->q, told, 8, &count));
	ASSERT_EQ(3, count);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(i + 1, told[i].id[0]);
		EXPECT_EQ(ends[i].outcome, told[i].outcome);
		EXPECT_EQ(ends[i].verdict, told[i].verdict);
		EXPECT_STREQ("because of something", told[i].detail);
	}
	/* Only what was told is forgotten, and only when it is old. */
	ASSERT_TRUE(queue_told(self->q, told, 2));
	ASSERT_TRUE(queue_forget(self->q, NOW + 1));
	ASSERT_TRUE(queue_add(self->q, in, 3, NOW, &known_ends));
	EXPECT_EQ(1, take(self->q, "a", NOW, out, 8));
	EXPECT_EQ(1, out[0].id[0]);
}

/* Killed in the middle: what was started waits again, what was added is there. */
TEST_F(store, killed)
{
	struct queue_item in[] = {item("a", 1, 1), item("a", 2, 2)}, out[8];
	int status;
	pid_t pid;

	queue_close(self->q);
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		struct queue *q = queue_open(self->path, NOW, NOW);

		queue_add(q, in, 2, NOW, &known_ends);
		take(q, "a", NOW, out, 1);
		raise(SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	self->q = queue_open(self->path, NOW + 700, NOW + 700);
	ASSERT_NE(NULL, self->q);
	ASSERT_EQ(1, take(self->q, "a", NOW, out, 8));
	EXPECT_EQ(2, out[0].id[0]);
	EXPECT_EQ(NOW + 700, queue_next_due(self->q, "a", NOW));
	ASSERT_EQ(1, take(self->q, "a", NOW + 700, out, 8));
	EXPECT_EQ(1, out[0].id[0]);
	EXPECT_EQ(2, out[0].attempts);
}

/* A clock that was far ahead must not make submissions wait for years. */
TEST_F(store, clock_went_back)
{
	struct queue_item in = item("a", 1, 1), out[8];

	ASSERT_TRUE(queue_add(self->q, &in, 1, NOW * 1000ll, &known_ends));
	self->q = reopen(self->q, self->path, NOW, NOW + 5);
	ASSERT_NE(NULL, self->q);
	EXPECT_EQ(1, take(self->q, "a", NOW + 5, out, 8));
}

static void count_cloud(const char *cloud, uint64_t count, void *arg)
{
	snprintf((char *)arg + strlen(arg), 64, "%s=%llu ", cloud, (unsigned long long)count);
}

TEST_F(store, clouds)
{
	struct queue_item in[] = {item("a", 1, 1), item("b", 1, 1), item("a", 2, 2),
				  item("c", 2, 2)};
	struct queue_item out[8];
	struct cloud_result sent = result(CLOUD_SENT, CLOUD_VERDICT_NONE);
	char text[256] = "";

	ASSERT_TRUE(queue_add(self->q, in, 4, NOW, &known_ends));
	ASSERT_EQ(1, take(self->q, "c", NOW, out, 8));
	ASSERT_TRUE(queue_end(self->q, out[0].number, &sent, NOW));
	ASSERT_EQ(1, take(self->q, "b", NOW, out, 8));
	ASSERT_TRUE(queue_clouds(self->q, count_cloud, text));
	EXPECT_STREQ("a=2 b=1 ", text);
}

TEST_F(store, quotas_and_pause)
{
	struct quota quota[CLOUD_QUOTA_COUNT] = {0}, back[CLOUD_QUOTA_COUNT];
	int64_t until = 5;

	ASSERT_TRUE(queue_quota_load(self->q, "a", back));
	EXPECT_EQ(0, memcmp(quota, back, sizeof(back)));
	ASSERT_TRUE(queue_pause_load(self->q, "a", &until));
	EXPECT_EQ(0, until);
	quota_charge(quota, true, NOW);
	quota_charge(quota, true, NOW);
	quota_charge(quota, false, NOW);
	ASSERT_TRUE(queue_quota_store(self->q, "a", quota));
	ASSERT_TRUE(queue_pause_store(self->q, "a", 7));
	ASSERT_TRUE(queue_pause_store(self->q, "a", 8));
	self->q = reopen(self->q, self->path, NOW, NOW);
	ASSERT_NE(NULL, self->q);
	ASSERT_TRUE(queue_quota_load(self->q, "a", back));
	EXPECT_EQ(2, back[CLOUD_UPLOADS_PER_DAY].used);
	EXPECT_EQ(1, back[CLOUD_QUERIES_PER_MINUTE].used);
	EXPECT_EQ(0, memcmp(quota, back, sizeof(back)));
	ASSERT_TRUE(queue_quota_load(self->q, "b", back));
	EXPECT_EQ(0, back[CLOUD_UPLOADS_PER_DAY].used);
	ASSERT_TRUE(queue_pause_load(self->q, "a", &until));
	EXPECT_EQ(8, until);
}

TEST_F(store, second_forwarder)
{
	EXPECT_EQ(NULL, queue_open(self->path, NOW, NOW));
}

TEST_F(store, not_ours)
{
	sqlite3 *db;

	queue_close(self->q);
	self->q = NULL;
	/* another version */
	ASSERT_EQ(0, sqlite3_open(self->path, &db));
	ASSERT_EQ(0, sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL));
	sqlite3_close(db);
	EXPECT_EQ(NULL, queue_open(self->path, NOW, NOW));
	/* another database */
	ASSERT_EQ(0, sqlite3_open(self->path, &db));
	ASSERT_EQ(0, sqlite3_exec(db, "PRAGMA application_id = 5", NULL, NULL, NULL));
	sqlite3_close(db);
	EXPECT_EQ(NULL, queue_open(self->path, NOW, NOW));
	/* no database */
	ASSERT_TRUE(scratch_write(self->dir, "queue.db", "this is a letter to my aunt\n", 28));
	EXPECT_EQ(NULL, queue_open(self->path, NOW, NOW));
	/* no folder */
	EXPECT_EQ(NULL, queue_open(scratch_path(self->dir, "missing/queue.db"), NOW, NOW));
	/* a link */
	ASSERT_EQ(0, symlink(self->path, scratch_path(self->dir, "link")));
	EXPECT_EQ(NULL, queue_open(scratch_path(self->dir, "link"), NOW, NOW));
}

/* A disk that is full: an error, nothing changed, and all well when there is room. */
TEST_F(store, disk_full)
{
	struct queue_item in[64], out[64];
	int status;
	pid_t pid;

	for (int i = 0; i < 64; i++)
		in[i] = item("a", (uint8_t)(i + 1), (uint8_t)(i + 1));
	ASSERT_TRUE(queue_add(self->q, in, 1, NOW, &known_ends));
	queue_close(self->q);
	self->q = NULL;
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		struct rlimit limit = {30000, 30000};
		struct queue *q = queue_open(self->path, NOW, NOW);
		bool ok;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		for (int i = 0; (ok = queue_add(q, in, 64, NOW, &known_ends)) && i < 5; i++)
			in[0].id[1]++;
		_exit(!ok && *queue_error(q) && take(q, "b", NOW, out, 1) == 0 ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	self->q = queue_open(self->path, NOW, NOW);
	ASSERT_NE(NULL, self->q);
	ASSERT_TRUE(queue_add(self->q, in, 64, NOW, &known_ends));
	EXPECT_LE(64, take(self->q, "a", NOW, out, 64));
}

TEST(backoff)
{
	static const uint32_t randoms[] = {0, 1, UINT32_MAX / 2, UINT32_MAX};

	/* Without luck it doubles, up to the limit. */
	EXPECT_EQ(10000, backoff_delay(10, 3600, 1, 0));
	EXPECT_EQ(20000, backoff_delay(10, 3600, 2, 0));
	EXPECT_EQ(2560000, backoff_delay(10, 3600, 9, 0));
	EXPECT_EQ(3600000, backoff_delay(10, 3600, 10, 0));
	EXPECT_EQ(3600000, backoff_delay(10, 3600, UINT32_MAX, 0));
	EXPECT_EQ(3600000, backoff_delay(10, 3600, 4000, 0));
	/* With it, less, but never less than the least. */
	EXPECT_EQ(1800000, backoff_delay(10, 3600, 50, UINT32_MAX));
	EXPECT_EQ(10000, backoff_delay(10, 3600, 1, UINT32_MAX));
	EXPECT_EQ(0, backoff_delay(0, 0, 7, 5));
	for (uint32_t n = 0; n < 100; n++)
		for (size_t i = 0; i < 4; i++) {
			EXPECT_LE(1000, backoff_delay(1, UINT32_MAX, n, randoms[i]));
			EXPECT_GE((int64_t)UINT32_MAX * 1000,
				  backoff_delay(1, UINT32_MAX, n, randoms[i]));
		}
}

static const struct verdict_times times = {
	.poll = 30, .wait = 86400, .benign = 3600, .malicious = 864000};

/* The first submission of sample 1 to cloud "a" ends that way. */
static bool ended(struct queue *q, enum cloud_outcome outcome, int32_t verdict)
{
	struct queue_item in = item("a", 1, 1), out;
	struct cloud_result r = result(outcome, verdict);

	queue_verdict_times(q, &times);
	return queue_add(q, &in, 1, NOW, &known_ends) && take(q, "a", NOW, &out, 1) == 1 &&
	       queue_end(q, out.number, &r, NOW);
}

TEST_F(store, an_answer_is_good_for_the_next_sighting)
{
	struct queue_item in[] = {item("a", 2, 1), item("a", 3, 1), item("b", 4, 1),
				  item("a", 5, 2)},
			  out[8];
	struct queue_result told[8];
	size_t count;

	ASSERT_TRUE(ended(self->q, CLOUD_KNOWN, 0));
	ASSERT_TRUE(queue_untold(self->q, told, 8, &count));
	ASSERT_TRUE(queue_told(self->q, told, count));
	in[0].reuse = in[2].reuse = in[3].reuse = true;
	ASSERT_TRUE(queue_add(self->q, in, 4, NOW + 3599999, &known_ends));
	EXPECT_EQ(1, known_ends);
	/* One of them ended: the same sample, the same cloud, and it may. */
	ASSERT_TRUE(queue_untold(self->q, told, 8, &count));
	ASSERT_EQ(1, count);
	EXPECT_EQ(2, told[0].id[0]);
	EXPECT_EQ(CLOUD_KNOWN, told[0].outcome);
	EXPECT_EQ(0, told[0].verdict);
	EXPECT_STREQ(QUEUE_KNOWN_DETAIL, told[0].detail);
	EXPECT_EQ(2, take(self->q, "a", NOW + 3599999, out, 8));
	EXPECT_EQ(1, take(self->q, "b", NOW + 3599999, out, 8));
	/* Its life is over. */
	in[0] = item("a", 6, 1);
	in[0].reuse = true;
	ASSERT_TRUE(queue_told(self->q, told, 1));
	ASSERT_TRUE(queue_add(self->q, in, 1, NOW + 3600000, &known_ends));
	ASSERT_TRUE(queue_untold(self->q, told, 8, &count));
	EXPECT_EQ(0, count);
	/* Added again, it is told again, and no other. */
	in[0] = item("a", 2, 1);
	in[0].reuse = true;
	ASSERT_TRUE(queue_add(self->q, in, 1, NOW + 3599999, &known_ends));
	EXPECT_EQ(0, known_ends);
	ASSERT_TRUE(queue_untold(self->q, told, 8, &count));
	EXPECT_EQ(1, count);
}

TEST_F(store, what_was_refused_is_not_known)
{
	int32_t value;
	uint8_t one[SHA256_SIZE];

	memset(one, 1, sizeof(one));
	ASSERT_TRUE(ended(self->q, CLOUD_REFUSED, CLOUD_VERDICT_NONE));
	EXPECT_FALSE(knows(self->q, "a", one, &value));
}

TEST_F(store, a_verdict_that_is_pending_is_asked_for_and_told)
{
	struct queue_poll polls[4], told[4];
	struct queue_item again = item("a", 9, 1), out;
	struct cloud_result pending = result(CLOUD_KNOWN, CLOUD_VERDICT_PENDING);
	size_t count;
	bool late;

	EXPECT_EQ(INT64_MAX, queue_poll_at(self->q, "a"));
	ASSERT_TRUE(ended(self->q, CLOUD_SENT, CLOUD_VERDICT_PENDING));
	EXPECT_EQ(NOW + 30000, queue_poll_at(self->q, "a"));
	EXPECT_EQ(INT64_MAX, queue_poll_at(self->q, "b"));
	ASSERT_TRUE(queue_polls(self->q, "a", NOW + 29999, polls, 4, &count));
	EXPECT_EQ(0, count);
	ASSERT_TRUE(queue_polls(self->q, "a", NOW + 30000, polls, 4, &count));
	ASSERT_EQ(1, count);
	EXPECT_EQ(1, polls[0].id[0]);
	EXPECT_EQ(1, polls[0].sha256[0]);
	EXPECT_STREQ("a", polls[0].cloud);

	/* Still pending: nothing to tell. Another sighting does not begin anew. */
	polls[0].verdict = verdict_next(&times, &polls[0].verdict, CLOUD_VERDICT_PENDING,
					NOW + 30000, &late);
	ASSERT_TRUE(queue_polled(self->q, polls, 1));
	EXPECT_EQ(NOW + 90000, queue_poll_at(self->q, "a"));
	ASSERT_TRUE(queue_add(self->q, &again, 1, NOW + 40000, &known_ends));
	ASSERT_EQ(1, take(self->q, "a", NOW + 40000, &out, 1));
	ASSERT_TRUE(queue_end(self->q, out.number, &pending, NOW + 40000));
	EXPECT_EQ(NOW + 90000, queue_poll_at(self->q, "a"));
	ASSERT_TRUE(queue_verdicts_untold(self->q, told, 4, &count));
	EXPECT_EQ(0, count);

	/* The verdict: told until it was. */
	ASSERT_TRUE(queue_polls(self->q, "a", NOW + 90000, polls, 4, &count));
	ASSERT_EQ(1, count);
	EXPECT_EQ(1, polls[0].verdict.polls);
	polls[0].verdict = verdict_next(&times, &polls[0].verdict, 1, NOW + 90000, &late);
	ASSERT_TRUE(queue_polled(self->q, polls, 1));
	EXPECT_EQ(INT64_MAX, queue_poll_at(self->q, "a"));
	queue_close(self->q);
	self->q = queue_open(self->path, NOW + 90000, NOW + 90000);
	ASSERT_NE(NULL, self->q);
	ASSERT_TRUE(queue_verdicts_untold(self->q, told, 4, &count));
	ASSERT_EQ(1, count);
	EXPECT_EQ(1, told[0].verdict.value);
	ASSERT_TRUE(queue_verdict_forget(self->q, NOW + 90000 + 864000000LL));
	ASSERT_TRUE(queue_verdicts_told(self->q, told, 1));
	ASSERT_TRUE(queue_verdicts_untold(self->q, told, 4, &count));
	EXPECT_EQ(0, count);
	/* Who heard it may have died before it was stored. */
	queue_close(self->q);
	self->q = queue_open(self->path, NOW + 90000, NOW + 90000);
	ASSERT_TRUE(queue_verdicts_untold(self->q, told, 4, &count));
	EXPECT_EQ(1, count);
	ASSERT_TRUE(queue_verdicts_told(self->q, told, 1));

	/* And forgotten when its life is over. */
	ASSERT_TRUE(queue_verdict_forget(self->q, NOW + 90000 + 863999999LL));
	EXPECT_TRUE(knows(self->q, "a", polls[0].sha256, &told[0].verdict.value));
	ASSERT_TRUE(queue_verdict_forget(self->q, NOW + 90000 + 864000000LL));
	EXPECT_FALSE(knows(self->q, "a", polls[0].sha256, &told[0].verdict.value));
}

/* A clock that was wrong when the question was put off. */
TEST_F(store, a_question_is_not_put_off_beyond_the_latest)
{
	ASSERT_TRUE(ended(self->q, CLOUD_SENT, CLOUD_VERDICT_PENDING));
	ASSERT_TRUE(queue_clock(self->q, NOW));
	EXPECT_EQ(NOW + 30000, queue_poll_at(self->q, "a"));
	ASSERT_TRUE(queue_clock(self->q, NOW - 4000000));
	EXPECT_EQ(NOW - 400000, queue_poll_at(self->q, "a"));
}

TEST_HARNESS_MAIN
