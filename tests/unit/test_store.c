// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "scratch.h"
#include "supervisor/store.h"

#include <sqlite3.h>
#include <sys/wait.h>

FIXTURE(store)
{
	char dir[SCRATCH_MAX], path[2 * SCRATCH_MAX];
	struct store *store;
	struct sighting s;
	struct policy policy;
};

static void number(FIXTURE_DATA(store) *self, uint32_t n)
{
	self->s.number = n;
	sighting_make_id(&self->s);
}

FIXTURE_SETUP(store)
{
	ASSERT_TRUE(scratch_make(self->dir));
	strcpy(self->path, scratch_path(self->dir, "supervisor.db"));
	self->store = store_open(self->path);
	ASSERT_NE(NULL, self->store);
	sighting_init(&self->s);
	self->s.state = FILE_STATE_COMPLETE;
	self->s.stored = true;
	self->s.size = self->s.seen = 77;
	memset(self->s.sha256, 5, SHA256_SIZE);
	sighting_set(&self->s, SIGHTING_USER, "alice", 5);
	number(self, 1);
	self->policy = policy_masked(policy_all(POLICY_SHARE), 0x5a5);
}

FIXTURE_TEARDOWN(store)
{
	store_close(self->store);
	sighting_free(&self->s);
	scratch_remove(self->dir);
}

static bool add(FIXTURE_DATA(store) *self, const char *cloud)
{
	return store_begin(self->store) &&
	       store_add(self->store, &self->s, 0x123, 1000) == STORE_OK &&
	       store_submit(self->store, &self->s, cloud, &self->policy, RULE_PRIORITY_NORMAL,
			    1000) &&
	       store_commit(self->store);
}

static void reopen(FIXTURE_DATA(store) *self)
{
	store_close(self->store);
	self->store = store_open(self->path);
}

static size_t outbox(FIXTURE_DATA(store) *self, int64_t after, struct store_item items[8])
{
	size_t count = 99;

	return store_outbox(self->store, after, items, 8, &count) ? count : 99;
}

struct sent {
	size_t count;
	int64_t queued[4], ended[4];
	char cloud[4][CLOUD_NAME_MAX], outcome[4][32], detail[4][32];
	int32_t verdict[4];
	bool in_outbox[4];
	uint32_t mask;
	struct policy policy;
};

static void take_sent(void *arg, const struct store_sent *sent)
{
	struct sent *all = arg;
	size_t i = all->count++;

	all->queued[i] = sent->queued;
	all->ended[i] = sent->ended;
	strcpy(all->cloud[i], sent->cloud);
	strcpy(all->outcome[i], sent->outcome ? sent->outcome : "");
	strcpy(all->detail[i], sent->detail ? sent->detail : "");
	all->verdict[i] = sent->verdict;
	all->in_outbox[i] = sent->in_outbox;
	all->mask = sent->share_mask;
	all->policy = sent->policy;
}

TEST_F(store, what_became_of_a_sample)
{
	struct sent sent = {0};

	ASSERT_TRUE(add(self, "a"));
	number(self, 2);
	ASSERT_TRUE(store_begin(self->store));
	ASSERT_EQ(STORE_OK, store_add(self->store, &self->s, 0x123, 2000));
	ASSERT_TRUE(store_submit(self->store, &self->s, "a", &self->policy,
				 RULE_PRIORITY_NORMAL, 2000));
	ASSERT_TRUE(store_submit(self->store, &self->s, "b", &self->policy,
				 RULE_PRIORITY_NORMAL, 2000));
	ASSERT_EQ(STORE_OK, store_unqueue(self->store, self->s.id, "a"));
	ASSERT_EQ(STORE_OK,
		  store_result(self->store, self->s.id, "a", CLOUD_SENT, 1, "taken", 5000));
	ASSERT_TRUE(store_commit(self->store));
	/* Another sample. */
	number(self, 3);
	self->s.sha256[0]++;
	ASSERT_TRUE(add(self, "a"));
	self->s.sha256[0]--;

	ASSERT_TRUE(store_sample(self->store, self->s.sha256, 4, take_sent, &sent));
	ASSERT_EQ(3, sent.count);
	EXPECT_STREQ("a", sent.cloud[0]);
	EXPECT_STREQ("b", sent.cloud[1]);
	EXPECT_EQ(2000, sent.queued[0]);
	EXPECT_EQ(5000, sent.ended[0]);
	EXPECT_STREQ(cloud_outcome_name(CLOUD_SENT), sent.outcome[0]);
	EXPECT_STREQ("taken", sent.detail[0]);
	EXPECT_EQ(1, sent.verdict[0]);
	EXPECT_FALSE(sent.in_outbox[0]);
	EXPECT_TRUE(sent.in_outbox[1]);
	EXPECT_STREQ("", sent.outcome[1]);
	EXPECT_EQ(0, sent.ended[1]);
	EXPECT_EQ(CLOUD_VERDICT_NONE, sent.verdict[1]);
	EXPECT_EQ(1000, sent.queued[2]);
	EXPECT_EQ(0x123, sent.mask);
	EXPECT_EQ(0, memcmp(&sent.policy, &self->policy, sizeof(sent.policy)));

	sent.count = 0;
	ASSERT_TRUE(store_sample(self->store, self->s.sha256, 1, take_sent, &sent));
	EXPECT_EQ(1, sent.count);
	self->s.sha256[5]++;
	sent.count = 0;
	ASSERT_TRUE(store_sample(self->store, self->s.sha256, 4, take_sent, &sent));
	EXPECT_EQ(0, sent.count);
}

TEST_F(store, private_file)
{
	struct stat st;

	ASSERT_EQ(0, stat(self->path, &st));
	EXPECT_EQ(0600, st.st_mode & 0777);
	ASSERT_TRUE(add(self, "a"));
	ASSERT_EQ(0, stat(scratch_path(self->dir, "supervisor.db-wal"), &st));
	EXPECT_EQ(0600, st.st_mode & 0777);
}

TEST_F(store, there_and_back)
{
	struct store_submission sub;
	struct store_item items[8];

	ASSERT_TRUE(add(self, "a"));
	reopen(self);
	ASSERT_NE(NULL, self->store);
	ASSERT_EQ(1, outbox(self, 0, items));
	EXPECT_STREQ("a", items[0].cloud);
	EXPECT_EQ(77, items[0].size);
	EXPECT_EQ(0, memcmp(items[0].id, self->s.id, SIGHTING_ID_SIZE));
	EXPECT_EQ(0, memcmp(items[0].sha256, self->s.sha256, SHA256_SIZE));
	EXPECT_EQ(0, outbox(self, items[0].number, items));

	ASSERT_EQ(STORE_OK, store_load(self->store, self->s.id, "a", &sub));
	EXPECT_STREQ("alice", sighting_get(&sub.sighting, SIGHTING_USER));
	EXPECT_EQ(0x123, sub.share_mask);
	EXPECT_TRUE(sub.policy_readable);
	EXPECT_EQ(0, memcmp(&sub.policy, &self->policy, sizeof(sub.policy)));
	sighting_free(&sub.sighting);
	EXPECT_EQ(STORE_ABSENT, store_load(self->store, self->s.id, "b", &sub));
}

/* Announced again: nothing is sent again. */
TEST_F(store, repeated)
{
	struct store_item items[8];

	ASSERT_TRUE(add(self, "a"));
	ASSERT_EQ(STORE_OK, store_unqueue(self->store, self->s.id, "a"));
	EXPECT_EQ(STORE_REPEATED, store_add(self->store, &self->s, 0, 2000));
	EXPECT_EQ(0, outbox(self, 0, items));
	EXPECT_EQ(STORE_ABSENT, store_unqueue(self->store, self->s.id, "a"));
}

TEST_F(store, rolled_back)
{
	struct store_item items[8];

	ASSERT_TRUE(store_begin(self->store));
	ASSERT_EQ(STORE_OK, store_add(self->store, &self->s, 0, 1000));
	ASSERT_TRUE(store_submit(self->store, &self->s, "a", &self->policy,
				 RULE_PRIORITY_NORMAL, 1000));
	store_rollback(self->store);
	EXPECT_EQ(0, outbox(self, 0, items));
	EXPECT_TRUE(add(self, "a"));
}

/* Killed at any moment: what was committed is there, whole; the rest is not. */
TEST_F(store, killed)
{
	struct store_item items[8];
	int status;
	pid_t pid;

	store_close(self->store);
	self->store = NULL;
	pid = fork();
	if (pid == 0) {
		self->store = store_open(self->path);
		add(self, "a");
		number(self, 2);
		store_begin(self->store);
		store_add(self->store, &self->s, 0, 1000);
		store_submit(self->store, &self->s, "b", &self->policy, RULE_PRIORITY_NORMAL,
			     1000);
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	reopen(self);
	ASSERT_NE(NULL, self->store);
	ASSERT_EQ(1, outbox(self, 0, items));
	EXPECT_STREQ("a", items[0].cloud);
}

TEST_F(store, outbox_in_order)
{
	struct store_item items[8];

	for (uint32_t i = 1; i <= 12; i++) {
		number(self, i);
		ASSERT_TRUE(add(self, "a"));
	}
	ASSERT_EQ(8, outbox(self, 0, items));
	for (int i = 1; i < 8; i++)
		EXPECT_LT(items[i - 1].number, items[i].number);
	EXPECT_EQ(4, outbox(self, items[7].number, items));
	EXPECT_EQ(0, memcmp(items[3].id, self->s.id, SIGHTING_ID_SIZE));
}

TEST_F(store, results_and_forgetting)
{
	struct store_submission sub;

	ASSERT_TRUE(add(self, "a"));
	ASSERT_EQ(STORE_ABSENT,
		  store_result(self->store, self->s.id, "b", CLOUD_SENT, 0, "", 1));
	/* Not ended: not forgotten, however old. */
	ASSERT_TRUE(store_forget(self->store, 9999));
	ASSERT_EQ(STORE_OK, store_load(self->store, self->s.id, "a", &sub));
	sighting_free(&sub.sighting);
	ASSERT_EQ(STORE_OK, store_result(self->store, self->s.id, "a", CLOUD_KNOWN, 1, "x", 1));
	/* Told again, as a forwarder does that died before it noted that it had. */
	ASSERT_EQ(STORE_ABSENT,
		  store_result(self->store, self->s.id, "a", CLOUD_SENT, 0, "", 2));
	ASSERT_TRUE(store_forget(self->store, 1000));
	ASSERT_EQ(STORE_OK, store_load(self->store, self->s.id, "a", &sub));
	sighting_free(&sub.sighting);
	ASSERT_TRUE(store_forget(self->store, 1001));
	EXPECT_EQ(STORE_ABSENT, store_load(self->store, self->s.id, "a", &sub));
}

/* A sample is needed until every submission of it has ended. */
TEST_F(store, needed_until_all_ended)
{
	static const uint8_t other[SHA256_SIZE];
	bool needed;

	ASSERT_TRUE(store_needed(self->store, self->s.sha256, &needed));
	EXPECT_FALSE(needed);
	ASSERT_TRUE(add(self, "a"));
	number(self, 2);
	ASSERT_TRUE(add(self, "b"));
	ASSERT_TRUE(store_needed(self->store, self->s.sha256, &needed));
	EXPECT_TRUE(needed);
	ASSERT_TRUE(store_needed(self->store, other, &needed));
	EXPECT_FALSE(needed);
	/* The forwarder has them: still. */
	ASSERT_EQ(STORE_OK, store_unqueue(self->store, self->s.id, "b"));
	ASSERT_EQ(STORE_OK, store_result(self->store, self->s.id, "b", CLOUD_SENT, 0, "", 1));
	ASSERT_TRUE(store_needed(self->store, self->s.sha256, &needed));
	EXPECT_TRUE(needed);
	number(self, 1);
	ASSERT_EQ(STORE_OK, store_unqueue(self->store, self->s.id, "a"));
	reopen(self);
	ASSERT_TRUE(store_needed(self->store, self->s.sha256, &needed));
	EXPECT_TRUE(needed);
	ASSERT_EQ(STORE_OK,
		  store_result(self->store, self->s.id, "a", CLOUD_REFUSED, 0, "", 1));
	ASSERT_TRUE(store_needed(self->store, self->s.sha256, &needed));
	EXPECT_FALSE(needed);
}

/* How it ended was told and not committed: it is asked again, once. */
TEST_F(store, offered_again)
{
	struct store_item items[8];

	ASSERT_TRUE(add(self, "a"));
	number(self, 2);
	ASSERT_TRUE(add(self, "a"));
	ASSERT_EQ(STORE_OK, store_unqueue(self->store, self->s.id, "a"));
	number(self, 3);
	ASSERT_TRUE(add(self, "a"));
	ASSERT_EQ(STORE_OK, store_unqueue(self->store, self->s.id, "a"));
	ASSERT_EQ(STORE_OK, store_result(self->store, self->s.id, "a", CLOUD_SENT, 0, "", 1));
	ASSERT_EQ(1, outbox(self, 0, items));
	ASSERT_TRUE(store_out_again(self->store, "b"));
	ASSERT_EQ(1, outbox(self, 0, items));
	ASSERT_TRUE(store_out_again(self->store, "a"));
	ASSERT_TRUE(store_out_again(self->store, "a"));
	ASSERT_EQ(2, outbox(self, 0, items));
	number(self, 2);
	EXPECT_EQ(0, memcmp(items[1].id, self->s.id, SIGHTING_ID_SIZE));
	EXPECT_EQ(77, items[1].size);
	EXPECT_EQ(0, memcmp(items[1].sha256, self->s.sha256, SHA256_SIZE));
}

static void damage(FIXTURE_DATA(store) *self, const char *sql)
{
	sqlite3 *db;

	store_close(self->store);
	self->store = NULL;
	sqlite3_open(self->path, &db);
	sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
}

/* Fails closed: an unreadable policy of old omits everything and is told apart. */
TEST_F(store, damaged_policy)
{
	struct store_submission sub;

	ASSERT_TRUE(add(self, "a"));
	damage(self, "UPDATE submissions SET policy = 'source_ip=share'");
	self->store = store_open(self->path);
	ASSERT_EQ(STORE_OK, store_load(self->store, self->s.id, "a", &sub));
	EXPECT_FALSE(sub.policy_readable);
	EXPECT_EQ(POLICY_OMIT, policy_mode(&sub.policy, SLUICE_FIELD_USER));
	sighting_free(&sub.sighting);
}

TEST_F(store, damaged_sighting)
{
	struct store_submission sub;

	ASSERT_TRUE(add(self, "a"));
	damage(self, "UPDATE sightings SET message = substr(message, 1, 100)");
	self->store = store_open(self->path);
	EXPECT_EQ(STORE_FAILED, store_load(self->store, self->s.id, "a", &sub));
}

/* What an older sluiced left is kept. */
TEST_F(store, upgraded)
{
	struct store_item items[4];
	size_t count;

	ASSERT_TRUE(add(self, "a"));
	damage(self, "DROP TABLE records; ALTER TABLE submissions DROP COLUMN priority;"
		     "PRAGMA user_version = 5");
	self->store = store_open(self->path);
	ASSERT_NE(NULL, self->store);
	ASSERT_TRUE(store_outbox(self->store, 0, items, 4, &count));
	EXPECT_EQ(1, count);
	EXPECT_EQ(RULE_PRIORITY_NORMAL, items[0].priority);
	/* One that fails leaves all as it was. */
	damage(self, "PRAGMA user_version = 5");
	EXPECT_EQ(NULL, store_open(self->path));
	damage(self, "PRAGMA user_version = 4");
	EXPECT_EQ(NULL, store_open(self->path));
	damage(self, "DROP TABLE records; ALTER TABLE submissions DROP COLUMN priority;"
		     "PRAGMA user_version = 5");
	self->store = store_open(self->path);
	EXPECT_NE(NULL, self->store);
}

TEST_F(store, refused_files)
{
	static const char garbage[8192] = "this is no database at all";

	damage(self, "PRAGMA user_version = 99");
	EXPECT_EQ(NULL, store_open(self->path));
	damage(self, "PRAGMA application_id = 1");
	EXPECT_EQ(NULL, store_open(self->path));
	scratch_write(self->dir, "supervisor.db", garbage, sizeof(garbage));
	EXPECT_EQ(NULL, store_open(self->path));
	EXPECT_EQ(NULL, store_open(scratch_path(self->dir, "absent/x.db")));
	EXPECT_EQ(NULL, store_open(self->dir));
}

TEST_HARNESS_MAIN
