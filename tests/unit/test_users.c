// SPDX-License-Identifier: MIT
/*
 * Users with a disk and a clock: what is kept and what not, and whose a sighting is.
 */
#include <kselftest_harness.h>

#include "policy/user_list.h"
#include "scratch.h"
#include "supervisor/user_store.h"
#include "supervisor/users.h"

#include <sqlite3.h>

#define NOW (1767225600ull * USER_NS)

FIXTURE(users)
{
	char dir[SCRATCH_MAX], db[2 * SCRATCH_MAX], file[2 * SCRATCH_MAX];
	struct counters counters;
	struct users_config config;
	struct user_table *t;
	struct sighting s;
};

FIXTURE_SETUP(users)
{
	ASSERT_TRUE(scratch_make(self->dir));
	strcpy(self->db, scratch_path(self->dir, "users.db"));
	strcpy(self->file, scratch_path(self->dir, "users.list"));
	memset(&self->counters, 0, sizeof(self->counters));
	self->config = (struct users_config){.timeout = 60, .max = 100};
	self->t = user_table_new(100);
	ASSERT_NE(NULL, self->t);
	sighting_init(&self->s);
	user_address_parse("192.0.2.1", &self->s.session.end[DIR_OPENER]);
	user_address_parse("192.0.2.2", &self->s.session.end[DIR_ANSWERER]);
	self->s.session.uid = UINT32_MAX;
	self->s.direction = DIRECTION_DOWNLOAD;
	self->s.begin = users_clock();
}

FIXTURE_TEARDOWN(users)
{
	sighting_free(&self->s);
	user_table_free(self->t);
	scratch_remove(self->dir);
}

static struct endpoint at(const char *text)
{
	struct endpoint e;

	if (!user_address_parse(text, &e))
		abort();
	return e;
}

static enum user_result login(struct user_table *t, const char *address, const char *user,
			      uint64_t begin, uint64_t end)
{
	struct user_mapping m = {.address = at(address),
				 .vsys = "",
				 .user = user,
				 .begin = begin,
				 .end = end,
				 .source = USER_SOURCE_UID};

	return user_table_login(t, &m, NOW);
}

static const char *who(struct user_table *t, const char *address, uint64_t time)
{
	struct endpoint e = at(address);
	const char *user = user_table_find(t, &e, NULL, time);

	return user ? user : "-";
}

/* By somebody else, who has the database open as well. */
static bool alter(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	bool ok = !sqlite3_open(path, &db) && !sqlite3_exec(db, sql, NULL, NULL, NULL);

	sqlite3_close(db);
	return ok;
}

static struct user_table *loaded(FIXTURE_DATA(users) * self, size_t max)
{
	struct user_store *s = user_store_open(self->db);
	struct user_table *t = user_table_new(max);

	if (!s || !t || !user_store_load(s, t, NOW))
		abort();
	user_store_close(s);
	return t;
}

/* -------------------------------------------------------------------- on disk */

TEST_F(users, kept_in_batches)
{
	struct user_store *s = user_store_open(self->db);
	struct user_table *t;

	ASSERT_NE(NULL, s);
	login(self->t, "10.0.0.1", "alice", 0, USER_FOREVER);
	login(self->t, "10.0.0.2", "bob", 5, NOW + 1);
	login(self->t, "2001:db8::3", "carol", NOW, USER_FOREVER - 1);
	ASSERT_TRUE(user_names_join(user_table_names(self->t), "alice", "staff"));
	EXPECT_TRUE(user_store_save(s, self->t, 2));
	EXPECT_TRUE(user_table_dirty(self->t));
	EXPECT_TRUE(user_store_save(s, self->t, 2));
	EXPECT_FALSE(user_table_dirty(self->t));
	user_store_close(s);
	t = loaded(self, 100);
	EXPECT_FALSE(user_table_dirty(t));
	EXPECT_EQ(3, user_table_count(t));
	EXPECT_STREQ("alice", who(t, "10.0.0.1", 0));
	EXPECT_STREQ("alice", who(t, "10.0.0.1", USER_FOREVER - 1));
	EXPECT_STREQ("-", who(t, "10.0.0.2", 4));
	EXPECT_STREQ("bob", who(t, "10.0.0.2", NOW));
	EXPECT_STREQ("-", who(t, "10.0.0.2", NOW + 1));
	EXPECT_STREQ("carol", who(t, "2001:db8::3", NOW));
	EXPECT_NE(NULL, user_names_find(user_table_names(t), USER_NAME_GROUP, "staff"));
	user_table_free(t);
}

/* Of what the table has no room for the oldest stays on the disk, even if all of it holds. */
TEST_F(users, larger_than_the_table)
{
	struct user_store *s = user_store_open(self->db);
	struct user_table *t;
	char address[32];

	for (unsigned int i = 1; i <= 9; i++) {
		snprintf(address, sizeof(address), "10.0.0.%u", i);
		login(self->t, address, address, i, USER_FOREVER);
	}
	ASSERT_TRUE(user_store_save(s, self->t, 100));
	user_store_close(s);
	t = loaded(self, 4);
	EXPECT_EQ(4, user_table_count(t));
	EXPECT_STREQ("-", who(t, "10.0.0.5", NOW));
	EXPECT_STREQ("10.0.0.6", who(t, "10.0.0.6", NOW));
	EXPECT_STREQ("10.0.0.9", who(t, "10.0.0.9", NOW));
	user_table_free(t);
}

TEST_F(users, rows_of_somebody_else)
{
	struct user_table *t;

	user_store_close(user_store_open(self->db));
	ASSERT_TRUE(alter(self->db,
			  "INSERT INTO mappings VALUES ('', 'nowhere', 1, 2, 'x', 'file'),"
			  " ('', '10.0.0.1', -5, 9, 'alice', 'nobody told'),"
			  " ('', '10.0.0.2', 9, 5, 'bob', 'file')"));
	t = loaded(self, 100);
	EXPECT_EQ(2, user_table_count(t));
	EXPECT_STREQ("alice", who(t, "10.0.0.1", 0));
	EXPECT_STREQ("-", who(t, "10.0.0.2", 9));
	user_table_free(t);
}

TEST_F(users, what_cannot_be_saved_is_saved_later)
{
	struct user_store *s = user_store_open(self->db);

	login(self->t, "10.0.0.1", "alice", 0, USER_FOREVER);
	ASSERT_TRUE(user_names_join(user_table_names(self->t), "alice", "staff"));
	ASSERT_TRUE(alter(self->db, "ALTER TABLE mappings RENAME TO away"));
	EXPECT_FALSE(user_store_save(s, self->t, 100));
	EXPECT_NE(NULL, strstr(user_store_error(s), "no such table"));
	EXPECT_FALSE(user_store_forget(s, NOW, 1));
	EXPECT_TRUE(user_table_dirty(self->t));
	EXPECT_TRUE(user_names_dirty(user_table_names(self->t)));
	EXPECT_FALSE(user_store_load(s, self->t, NOW));
	ASSERT_TRUE(alter(self->db, "ALTER TABLE away RENAME TO mappings"));
	EXPECT_TRUE(user_store_save(s, self->t, 100));
	EXPECT_FALSE(user_table_dirty(self->t));
	user_store_close(s);
}

TEST_F(users, forgotten_a_few_at_a_time)
{
	static const size_t left[] = {3, 2, 2};
	struct user_store *s = user_store_open(self->db);
	struct user_table *t;

	login(self->t, "10.0.0.1", "a", 0, 5);
	login(self->t, "10.0.0.2", "b", 0, 6);
	login(self->t, "10.0.0.3", "c", 0, 7);
	login(self->t, "10.0.0.4", "d", 0, USER_FOREVER);
	ASSERT_TRUE(user_store_save(s, self->t, 100));
	for (unsigned int i = 0; i < 3; i++) {
		EXPECT_TRUE(user_store_forget(s, 7, 1));
		t = loaded(self, 100);
		EXPECT_EQ(left[i], user_table_count(t));
		user_table_free(t);
	}
	user_store_close(s);
}

TEST_F(users, saved_when_it_is_time)
{
	struct users *u = users_open(&self->config, self->db, &self->counters);
	struct user_changes changes;
	struct user_changed done;
	struct user_table *t;

	ASSERT_NE(NULL, u);
	users_step(u, 1000);
	EXPECT_EQ(61000, users_at(u, UINT64_MAX));
	user_changes_init(&changes, 10);
	ASSERT_TRUE(user_list_read(&changes, "10.0.0.1 alice\n", 15));
	ASSERT_TRUE(users_change(u, &changes, USER_SOURCE_IMPORT, &done));
	user_changes_free(&changes);
	EXPECT_EQ(1, self->counters.value[COUNTER_USERS_LOGINS]);
	ASSERT_TRUE(alter(self->db, "ALTER TABLE mappings RENAME TO away"));
	users_step(u, 2000);
	EXPECT_EQ(4000, users_at(u, UINT64_MAX));
	users_step(u, 3999);
	EXPECT_EQ(4000, users_at(u, UINT64_MAX));
	/* It fails, and is tried again. */
	users_step(u, 4000);
	EXPECT_EQ(9000, users_at(u, UINT64_MAX));
	EXPECT_EQ(5, users_at(u, 5));
	ASSERT_TRUE(alter(self->db, "ALTER TABLE away RENAME TO mappings"));
	users_step(u, 9000);
	t = loaded(self, 100);
	EXPECT_EQ(1, user_table_count(t));
	user_table_free(t);
	users_step(u, 9000);
	EXPECT_EQ(61000, users_at(u, UINT64_MAX));
	users_close(u);
}

/* ---------------------------------------------------------------- of a sighting */

static const char *text(FIXTURE_DATA(users) * self, enum sighting_text which)
{
	const char *value = sighting_get(&self->s, which);

	return value ? value : "-";
}

static const char *user_of(FIXTURE_DATA(users) * self, struct users *u)
{
	sighting_set(&self->s, SIGHTING_USER, "typed", 5);
	users_resolve(u, &self->s);
	return text(self, SIGHTING_USER);
}

static struct users *with_file(FIXTURE_DATA(users) * self, const char *list)
{
	self->config.file = self->file;
	if (!scratch_write(self->dir, "users.list", list, strlen(list)))
		abort();
	return users_open(&self->config, self->db, &self->counters);
}

TEST_F(users, the_owner_of_a_socket_goes_first)
{
	struct users *u = with_file(self, "192.0.2.1 client\n192.0.2.2 server\n");

	ASSERT_NE(NULL, u);
	EXPECT_STREQ("client", user_of(self, u));
	EXPECT_STREQ("server", text(self, SIGHTING_SENDER_USER));
	EXPECT_STREQ("typed", text(self, SIGHTING_LOGIN));
	/* No name has that uid. */
	self->s.session.uid = 3999999999u;
	EXPECT_STREQ("client", user_of(self, u));
	self->s.session.local = SESSION_LOCAL_OPENER;
	EXPECT_STREQ("uid:3999999999", user_of(self, u));
	EXPECT_STREQ("server", text(self, SIGHTING_SENDER_USER));
	self->s.session.local = SESSION_LOCAL_ANSWERER;
	EXPECT_STREQ("client", user_of(self, u));
	EXPECT_STREQ("uid:3999999999", text(self, SIGHTING_SENDER_USER));
	self->s.direction = DIRECTION_UPLOAD;
	EXPECT_STREQ("client", user_of(self, u));
	EXPECT_STREQ("uid:3999999999", text(self, SIGHTING_RECEIVER_USER));
	EXPECT_EQ(5, self->counters.value[COUNTER_USERS_FOUND]);
	/* Where nobody is known there is who the protocol says. */
	user_address_parse("192.0.2.9", &self->s.session.end[DIR_OPENER]);
	EXPECT_STREQ("typed", user_of(self, u));
	EXPECT_STREQ("-", text(self, SIGHTING_SENDER_USER));
	EXPECT_EQ(5, self->counters.value[COUNTER_USERS_FOUND]);
	users_close(u);
}

TEST_F(users, a_file_that_began_before_the_list_changed)
{
	struct users *u = with_file(self, "192.0.2.1 first\n");
	uint64_t begin = self->s.begin;

	ASSERT_NE(NULL, u);
	EXPECT_STREQ("first", user_of(self, u));
	scratch_write(self->dir, "users.list", "192.0.2.1 second\n", 17);
	users_reload(u);
	EXPECT_STREQ("first", user_of(self, u));
	self->s.begin = users_clock();
	EXPECT_STREQ("second", user_of(self, u));
	/* One with an error, and none at all, leave what was. */
	scratch_write(self->dir, "users.list", "192.0.2.1 third\nnonsense\n", 25);
	EXPECT_FALSE(users_check(&self->config));
	users_reload(u);
	EXPECT_STREQ("second", user_of(self, u));
	unlink(self->file);
	EXPECT_FALSE(users_check(&self->config));
	users_reload(u);
	EXPECT_STREQ("second", user_of(self, u));
	self->s.begin = begin;
	EXPECT_STREQ("first", user_of(self, u));
	/* No file is configured any more. */
	self->config.file = NULL;
	EXPECT_TRUE(users_check(&self->config));
	users_reload(u);
	self->s.begin = users_clock();
	EXPECT_STREQ("typed", user_of(self, u));
	users_close(u);
}

TEST_F(users, what_is_no_list)
{
	struct users *u = with_file(self, "");

	/* Empty is one. */
	EXPECT_NE(NULL, u);
	users_close(u);
	self->config.file = self->dir;
	EXPECT_EQ(NULL, users_open(&self->config, self->db, &self->counters));
	/* More than there is room for. */
	self->config.max = 2;
	EXPECT_EQ(NULL, with_file(self, "10.0.0.1 a\n10.0.0.2 b\n10.0.0.3 c\n"));
	u = with_file(self, "10.0.0.1 a\n10.0.0.2 b\n");
	EXPECT_NE(NULL, u);
	users_close(u);
	/* And a database that is none. */
	ASSERT_TRUE(scratch_write(self->dir, "users.db", "no database at all", 18));
	unlink(scratch_path(self->dir, "users.db-wal"));
	EXPECT_EQ(NULL, with_file(self, ""));
}

TEST_HARNESS_MAIN
