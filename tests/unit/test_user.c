// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "policy/user_change.h"
#include "policy/user_list.h"
#include "policy/user_time.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define S USER_NS
#define MINUTE (60 * S)
#define NOON (1000000ull * S) /* some time, long after 1970 */

static struct endpoint at(const char *text)
{
	struct endpoint e;

	if (!user_address_parse(text, &e))
		memset(&e, 0xff, sizeof(e));
	return e;
}

static enum user_result login(struct user_table *t, const char *address, const char *vsys,
			      const char *user, uint64_t begin, uint64_t seconds)
{
	struct user_mapping m = {
		.address = at(address),
		.vsys = vsys,
		.user = user,
		.begin = begin,
		.end = seconds ? begin + seconds * S : USER_FOREVER,
	};

	return user_table_login(t, &m, begin);
}

static const char *who(struct user_table *t, const char *address, const char *vsys, uint64_t time)
{
	struct endpoint e = at(address);
	const char *user;

	e.port = 1234; /* of no meaning */
	user = user_table_find(t, &e, vsys, time);
	return user ? user : "-";
}

FIXTURE(table)
{
	struct user_table *t;
};

FIXTURE_SETUP(table)
{
	self->t = user_table_new(1000);
	ASSERT_NE(NULL, self->t);
}

FIXTURE_TEARDOWN(table)
{
	user_table_free(self->t);
}

TEST_F(table, begins_and_expires)
{
	EXPECT_STREQ("-", who(self->t, "10.0.0.1", NULL, NOON));
	EXPECT_EQ(USER_OK, login(self->t, "10.0.0.1", "", "alice", NOON, 600));
	EXPECT_EQ(USER_OK, login(self->t, "2001:db8::1", "", "bob", NOON, 0));
	EXPECT_STREQ("-", who(self->t, "10.0.0.1", NULL, NOON - 1));
	EXPECT_STREQ("alice", who(self->t, "10.0.0.1", NULL, NOON));
	EXPECT_STREQ("alice", who(self->t, "10.0.0.1", NULL, NOON + 600 * S - 1));
	EXPECT_STREQ("-", who(self->t, "10.0.0.1", NULL, NOON + 600 * S));
	EXPECT_STREQ("bob", who(self->t, "2001:db8::1", NULL, NOON + 1000000 * S));
	EXPECT_STREQ("-", who(self->t, "2001:db8::2", NULL, NOON));
	/* IPv4 in IPv6 is IPv4, whoever writes it so. */
	EXPECT_STREQ("alice", who(self->t, "::ffff:10.0.0.1", NULL, NOON));
	EXPECT_STREQ("-", who(self->t, "0.0.0.0", NULL, NOON));
}

TEST_F(table, an_address_of_no_family_is_nobody)
{
	struct endpoint none = {0};

	EXPECT_EQ(NULL, user_table_find(self->t, &none, NULL, NOON));
}

/* Who was there then counts, whoever came later. */
TEST_F(table, replaced)
{
	login(self->t, "10.0.0.1", "", "alice", NOON, 3600);
	login(self->t, "10.0.0.1", "", "bob", NOON + 10 * S, 60);
	EXPECT_STREQ("alice", who(self->t, "10.0.0.1", NULL, NOON + 10 * S - 1));
	EXPECT_STREQ("bob", who(self->t, "10.0.0.1", NULL, NOON + 10 * S));
	/* Alice is not there again when Bob is gone. */
	EXPECT_STREQ("-", who(self->t, "10.0.0.1", NULL, NOON + 70 * S));
	EXPECT_EQ(2, user_table_count(self->t));
	/* At the same moment the last word counts. */
	login(self->t, "10.0.0.1", "", "carol", NOON + 10 * S, 60);
	EXPECT_STREQ("carol", who(self->t, "10.0.0.1", NULL, NOON + 10 * S));
	EXPECT_EQ(2, user_table_count(self->t));
}

TEST_F(table, logged_in_again)
{
	for (int i = 0; i < 100; i++)
		EXPECT_EQ(USER_OK, login(self->t, "10.0.0.1", "", "alice",
					 NOON + (uint64_t)i * 50 * S, 60));
	EXPECT_EQ(1, user_table_count(self->t));
	EXPECT_STREQ("alice", who(self->t, "10.0.0.1", NULL, NOON));
	EXPECT_STREQ("alice", who(self->t, "10.0.0.1", NULL, NOON + 99 * 50 * S + 59 * S));
	EXPECT_STREQ("-", who(self->t, "10.0.0.1", NULL, NOON + 99 * 50 * S + 60 * S));
	/* After a pause it is another mapping: between the two nobody was there. */
	login(self->t, "10.0.0.1", "", "alice", NOON + 10000 * S, 60);
	EXPECT_EQ(2, user_table_count(self->t));
	EXPECT_STREQ("-", who(self->t, "10.0.0.1", NULL, NOON + 9999 * S));
}

TEST_F(table, logout)
{
	struct endpoint a = at("10.0.0.1");

	login(self->t, "10.0.0.1", "", "alice", NOON, 0);
	EXPECT_FALSE(user_table_logout(self->t, &a, "", "bob", NOON + S));
	EXPECT_FALSE(user_table_logout(self->t, &a, "blue", NULL, NOON + S));
	EXPECT_TRUE(user_table_logout(self->t, &a, "", "alice", NOON + S));
	EXPECT_FALSE(user_table_logout(self->t, &a, "", "alice", NOON + 2 * S));
	EXPECT_STREQ("alice", who(self->t, "10.0.0.1", NULL, NOON + S - 1));
	EXPECT_STREQ("-", who(self->t, "10.0.0.1", NULL, NOON + S));
	login(self->t, "10.0.0.1", "", "alice", NOON + 3 * S, 0);
	login(self->t, "10.0.0.2", "", "alice", NOON + 3 * S, 0);
	login(self->t, "10.0.0.2", "blue", "alice", NOON + 3 * S, 0);
	login(self->t, "10.0.0.3", "", "bob", NOON + 3 * S, 0);
	EXPECT_EQ(1, user_table_logout_user(self->t, "alice", "blue", NOON + 4 * S));
	EXPECT_EQ(2, user_table_logout_user(self->t, "alice", NULL, NOON + 5 * S));
	EXPECT_EQ(0, user_table_logout_user(self->t, "nobody", NULL, NOON + 5 * S));
	EXPECT_STREQ("alice", who(self->t, "10.0.0.2", NULL, NOON + 4 * S));
	EXPECT_STREQ("-", who(self->t, "10.0.0.2", NULL, NOON + 5 * S));
	EXPECT_STREQ("bob", who(self->t, "10.0.0.3", NULL, NOON + 5 * S));
}

TEST_F(table, overlapping_vsys)
{
	login(self->t, "10.0.0.1", "red", "alice", NOON, 60);
	login(self->t, "10.0.0.1", "blue", "bob", NOON, 60);
	login(self->t, "10.0.0.1", "", "carol", NOON, 120);
	EXPECT_STREQ("alice", who(self->t, "10.0.0.1", "red", NOON));
	EXPECT_STREQ("bob", who(self->t, "10.0.0.1", "blue", NOON));
	EXPECT_STREQ("carol", who(self->t, "10.0.0.1", "green", NOON));
	EXPECT_STREQ("carol", who(self->t, "10.0.0.1", NULL, NOON));
	EXPECT_STREQ("carol", who(self->t, "10.0.0.1", "", NOON));
	/* Where its own has ended the one of all holds. */
	EXPECT_STREQ("carol", who(self->t, "10.0.0.1", "red", NOON + 60 * S));
	/* A name that is a user's is none of a virtual system. */
	EXPECT_STREQ("carol", who(self->t, "10.0.0.1", "alice", NOON));
}

/* Times that come in any order, as a file may have them. */
TEST_F(table, out_of_order)
{
	login(self->t, "10.0.0.1", "", "carol", NOON + 200 * S, 100);
	login(self->t, "10.0.0.1", "", "alice", NOON, 1000);
	login(self->t, "10.0.0.1", "", "bob", NOON + 100 * S, 1000);
	EXPECT_STREQ("alice", who(self->t, "10.0.0.1", NULL, NOON + 99 * S));
	EXPECT_STREQ("bob", who(self->t, "10.0.0.1", NULL, NOON + 199 * S));
	EXPECT_STREQ("carol", who(self->t, "10.0.0.1", NULL, NOON + 200 * S));
	EXPECT_STREQ("-", who(self->t, "10.0.0.1", NULL, NOON + 300 * S));
}

TEST_F(table, history_is_bounded)
{
	char name[16];

	for (unsigned int i = 0; i < 3 * USER_HISTORY_MAX; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		login(self->t, "10.0.0.1", "", name, NOON + i * S, 0);
	}
	EXPECT_EQ(USER_HISTORY_MAX, user_table_count(self->t));
	EXPECT_STREQ("user95", who(self->t, "10.0.0.1", NULL, NOON + 1000 * S));
	EXPECT_STREQ("user64", who(self->t, "10.0.0.1", NULL, NOON + 64 * S));
	EXPECT_STREQ("-", who(self->t, "10.0.0.1", NULL, NOON + 63 * S));
}

TEST_F(table, kept_then_forgotten)
{
	login(self->t, "10.0.0.1", "", "alice", NOON, 60);
	login(self->t, "10.0.0.2", "", "bob", NOON, 120);
	login(self->t, "10.0.0.3", "", "carol", NOON, 0);
	EXPECT_EQ(0, user_table_expire(self->t, NOON + 60 * S + USER_KEEP - 1, 100));
	EXPECT_STREQ("alice", who(self->t, "10.0.0.1", NULL, NOON));
	EXPECT_EQ(1, user_table_expire(self->t, NOON + 60 * S + USER_KEEP, 100));
	EXPECT_STREQ("-", who(self->t, "10.0.0.1", NULL, NOON));
	EXPECT_EQ(1, user_table_expire(self->t, NOON + 10 * USER_KEEP, 100));
	EXPECT_EQ(1, user_table_count(self->t));
	EXPECT_STREQ("carol", who(self->t, "10.0.0.3", NULL, NOON + 10 * USER_KEEP));
}

TEST(bounds)
{
	struct user_table *t = user_table_new(3);

	EXPECT_EQ(USER_OK, login(t, "10.0.0.1", "", "a", NOON, 60));
	EXPECT_EQ(USER_OK, login(t, "10.0.0.2", "", "b", NOON, 50));
	EXPECT_EQ(USER_OK, login(t, "10.0.0.3", "", "c", NOON, 0));
	EXPECT_EQ(USER_FULL, login(t, "10.0.0.4", "", "d", NOON + 49 * S, 0));
	/* Whoever is there may stay, and room is made of what ended first. */
	EXPECT_EQ(USER_OK, login(t, "10.0.0.3", "", "c", NOON + 49 * S, 0));
	EXPECT_EQ(2, user_table_room(t, NOON + 60 * S));
	EXPECT_EQ(USER_OK, login(t, "10.0.0.4", "", "d", NOON + 60 * S, 0));
	EXPECT_EQ(1, user_table_evicted(t));
	EXPECT_STREQ("-", who(t, "10.0.0.2", NULL, NOON));
	EXPECT_STREQ("a", who(t, "10.0.0.1", NULL, NOON));
	EXPECT_STREQ("d", who(t, "10.0.0.4", NULL, NOON + 60 * S));
	user_table_free(t);
}

static void count_one(void *arg, const struct user_mapping *m)
{
	(*(unsigned int *)arg)++;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Against the simplest thing that could be right. */
TEST(as_a_list_of_everything)
{
	enum { HOSTS = 8, TIMES = 400, MOST = HOSTS * TIMES };
	static char says[HOSTS][TIMES];
	struct user_table *t = user_table_new(MOST);
	uint32_t state = 1;

	for (unsigned int now = 0; now < TIMES; now++) {
		unsigned int h = next_random(&state) % HOSTS, kind = next_random(&state) % 8;
		unsigned int last = now + 1 + next_random(&state) % 40;
		char address[16], user[2] = {(char)('a' + next_random(&state) % 3), 0};
		struct endpoint e;

		snprintf(address, sizeof(address), "10.0.0.%u", h);
		e = at(address);
		if (kind == 0) {
			user_table_logout(t, &e, "", NULL, NOON + now * S);
			memset(&says[h][now], 0, TIMES - now);
		} else {
			login(t, address, "", user, NOON + now * S, last - now);
			memset(&says[h][now], 0, TIMES - now);
			for (unsigned int i = now; i < last && i < TIMES; i++)
				says[h][i] = user[0];
		}
	}
	for (unsigned int h = 0; h < HOSTS; h++)
		for (unsigned int now = TIMES - 50; now < TIMES; now++) {
			char address[16], want[2] = {says[h][now] ? says[h][now] : '-', 0};

			snprintf(address, sizeof(address), "10.0.0.%u", h);
			EXPECT_STREQ(want, who(t, address, NULL, NOON + now * S));
		}
	user_table_free(t);
}

TEST(walk)
{
	struct user_table *t = user_table_new(1000);
	unsigned int n = 0;
	size_t from = 0;
	char address[16];

	for (unsigned int i = 0; i < 100; i++) {
		snprintf(address, sizeof(address), "10.0.1.%u", i);
		login(t, address, "", i % 2 ? "odd" : "even", NOON, i % 2 ? 0 : 10);
	}
	user_table_expire(t, NOON + 2 * USER_KEEP, 25);
	do {
		from = user_table_walk(t, from, 7, count_one, &n);
		/* What comes meanwhile takes places that are free, or new ones. */
		if (from == 49)
			login(t, "10.0.2.1", "", "late", NOON, 0);
	} while (from);
	EXPECT_LE(75, n);
	EXPECT_GE(76, n);
	user_table_free(t);
}

TEST(groups)
{
	struct user_table *t = user_table_new(100);
	struct user_names *n = user_table_names(t);
	struct user_name *g;

	EXPECT_TRUE(user_names_join(n, "alice", "staff"));
	EXPECT_TRUE(user_names_join(n, "alice", "staff"));
	EXPECT_TRUE(user_names_join(n, "alice", "admins"));
	EXPECT_TRUE(user_names_join(n, "bob", "staff"));
	EXPECT_EQ(2, user_names_find(n, USER_NAME_GROUP, "staff")->count);
	EXPECT_EQ(2, user_names_find(n, USER_NAME_USER, "alice")->count);
	EXPECT_EQ(97, user_names_room(n));
	EXPECT_TRUE(user_table_dirty(t));
	user_names_empty(n, "staff");
	EXPECT_EQ(NULL, user_names_find(n, USER_NAME_USER, "bob"));
	EXPECT_EQ(1, user_names_find(n, USER_NAME_USER, "alice")->count);
	/* That it is empty is still to be saved. */
	for (int i = 0; i < 2; i++) {
		g = user_names_take_dirty(n);
		ASSERT_NE(NULL, g);
		EXPECT_EQ(strcmp(g->text, "staff") ? 1 : 0, g->count);
		user_names_put(n, g);
	}
	EXPECT_EQ(NULL, user_names_take_dirty(n));
	EXPECT_FALSE(user_table_dirty(t));
	EXPECT_EQ(NULL, user_names_find(n, USER_NAME_GROUP, "staff"));
	EXPECT_NE(NULL, user_names_find(n, USER_NAME_GROUP, "admins"));
	user_table_free(t);
}

TEST(what_is_to_be_saved)
{
	struct user_table *t = user_table_new(100);
	struct user_mapping m;

	login(t, "10.0.0.1", "red", "alice", NOON, 60);
	ASSERT_TRUE(user_table_take_dirty(t, &m));
	EXPECT_STREQ("alice", m.user);
	EXPECT_STREQ("red", m.vsys);
	EXPECT_EQ(NOON, m.begin);
	EXPECT_EQ(NOON + 60 * S, m.end);
	EXPECT_FALSE(user_table_take_dirty(t, &m));
	login(t, "10.0.0.1", "red", "bob", NOON + S, 60);
	/* The new one, and the end of the old one. */
	EXPECT_TRUE(user_table_take_dirty(t, &m));
	EXPECT_TRUE(user_table_take_dirty(t, &m));
	EXPECT_FALSE(user_table_dirty(t));
	user_table_all_dirty(t);
	EXPECT_TRUE(user_table_take_dirty(t, &m));
	user_table_none_dirty(t);
	EXPECT_FALSE(user_table_dirty(t));
	user_table_free(t);
}

/* ---------------------------------------------------------------------- lists */

static struct user_changes changes;

static const char *read_list(const char *text)
{
	user_changes_free(&changes);
	user_changes_init(&changes, 1000);
	return user_list_read(&changes, text, strlen(text)) ? "" : changes.error;
}

TEST(list)
{
	const struct user_change *c;

	EXPECT_STREQ("", read_list("# who\n"
				   "10.0.0.1 corp\\alice\n"
				   "\n"
				   "10.0.0.2,bob,8h\r\n"
				   "  2001:db8::1 \"Carol \"\"C\"\" C., X\" never vsys=red # her\n"
				   "10.0.0.3 dave vsys=\"the blue\" group=staff group=admins "
				   "begin=2026-01-01T00:00:00Z end=2026-01-01T02:00:00+01:00\n"
				   "10.0.0.4 erin=x"));
	ASSERT_EQ(7, changes.count);
	c = changes.change;
	EXPECT_STREQ("corp\\alice", user_changes_at(&changes, c[0].user));
	EXPECT_FALSE(c[0].has_timeout);
	EXPECT_STREQ("bob", user_changes_at(&changes, c[1].user));
	EXPECT_EQ(8 * 3600, c[1].timeout);
	EXPECT_STREQ("Carol \"C\" C., X", user_changes_at(&changes, c[2].user));
	EXPECT_STREQ("red", user_changes_at(&changes, c[2].vsys));
	EXPECT_TRUE(c[2].has_timeout);
	EXPECT_EQ(0, c[2].timeout);
	EXPECT_STREQ("the blue", user_changes_at(&changes, c[3].vsys));
	EXPECT_EQ(1767225600ull * S, c[3].begin);
	EXPECT_EQ(1767229200ull * S, c[3].end);
	EXPECT_STREQ("admins", user_changes_at(&changes, c[5].group));
	EXPECT_STREQ("dave", user_changes_at(&changes, c[5].user));
	EXPECT_STREQ("erin=x", user_changes_at(&changes, c[6].user));
}

TEST(list_errors)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"10.0.0.1 a\n10.0.0 b", "line 2: '10.0.0': expected an address"},
		{"\n\n10.0.0.1", "line 3: expected ADDRESS USER"},
		{"10.0.0.1 a 45", "line 1: timeout '45': expected a number with"},
		{"10.0.0.1 a 0m", "line 1: timeout '0m'"},
		{"10.0.0.1 a 45m 46m", "line 1: '46m': expected vsys="},
		{"10.0.0.1 a colour=red", "line 1: 'colour=': expected vsys="},
		{"10.0.0.1 a begin=yesterday", "line 1: begin 'yesterday': expected a time"},
		{"10.0.0.1 a end=2026-02-29T00:00:00Z", "line 1: end '2026-02-29"},
		{"10.0.0.1 a 5m end=2026-02-28T00:00:00Z", "line 1: expected a timeout or end="},
		{"10.0.0.1 a begin=2026-02-28T00:00:01Z end=2026-02-28T00:00:01Z",
		 "line 1: it ends before it begins"},
		{"10.0.0.1 \"a", "line 1: expected a quote to close 'a'"},
		{"10.0.0.1 \xff", "line 1: '\xff': expected a user of 1 to 255 bytes"},
		{"10.0.0.1 a\x01", "line 1: 'a\x01': expected a user"},
		{"10.0.0.1 \"\"", "line 1: '': expected a user"},
		{"10.0.0.1,,a", "line 1: '': expected a user"},
	};
	char text[1024];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *error = read_list(cases[i].text);

		EXPECT_EQ(0, strncmp(cases[i].error, error, strlen(cases[i].error)))
			TH_LOG("%s: %s", cases[i].text, error);
	}
	memset(text, 'x', sizeof(text));
	memcpy(text, "10.0.0.1 ", 9);
	text[9 + USER_NAME_MAX] = '\0';
	EXPECT_STREQ("", read_list(text));
	text[9 + USER_NAME_MAX] = 'x';
	text[9 + USER_NAME_MAX + 1] = '\0';
	EXPECT_NE(NULL, strstr(read_list(text), "1 to 255 bytes"));
	text[sizeof(text) - 1] = '\0';
	memset(text + 9, 'x', sizeof(text) - 10);
	EXPECT_NE(NULL, strstr(read_list(text), "a value of more than"));
	EXPECT_FALSE(user_list_read(&changes, "10.0.0.1 a\0b", 12));
}

TEST(times)
{
	uint64_t n;
	char text[USER_TIME_TEXT];

	EXPECT_TRUE(user_time_parse("1970-01-01T00:00:00Z", &n));
	EXPECT_EQ(0, n);
	EXPECT_TRUE(user_time_parse("2024-02-29t23:59:60.25-01:30", &n));
	EXPECT_EQ(1709256600ull * S + S / 4, n);
	EXPECT_STREQ("2024-03-01T01:30:00.250Z", user_time_text(n, text));
	EXPECT_FALSE(user_time_parse("1970-01-01T00:00:00+00:01", &n));
	EXPECT_FALSE(user_time_parse("2024-02-29T23:59:59", &n));
	EXPECT_FALSE(user_time_parse("2024-02-30T00:00:00Z", &n));
	EXPECT_FALSE(user_time_parse("2024-02-29T00:00:00Zx", &n));
	EXPECT_FALSE(user_time_parse("2024-02-29T00:00:00.Z", &n));
	EXPECT_TRUE(user_timeout_parse("3660d", &n));
	EXPECT_FALSE(user_timeout_parse("3661d", &n));
	EXPECT_FALSE(user_timeout_parse("99999999999999999999s", &n));
	EXPECT_FALSE(user_timeout_parse("45mm", &n));
	EXPECT_FALSE(user_timeout_parse("", &n));
}

/* -------------------------------------------------------------------- applying */

static const struct user_defaults live = {.now = NOON, .begin = NOON, .timeout = 2700};

TEST(apply)
{
	struct user_table *t = user_table_new(100);
	struct user_changed done;

	read_list("10.0.0.1 alice\n10.0.0.2 bob 1h group=staff\n10.0.0.3 carol never\n"
		  "10.0.0.4 dave begin=1970-01-01T00:00:01Z");
	ASSERT_TRUE(user_changes_apply(&changes, t, &live, &done));
	EXPECT_EQ(4, done.logins);
	EXPECT_EQ(1, done.joins);
	EXPECT_STREQ("-", who(t, "10.0.0.1", NULL, NOON - 1));
	EXPECT_STREQ("alice", who(t, "10.0.0.1", NULL, NOON + 2699 * S));
	EXPECT_STREQ("-", who(t, "10.0.0.1", NULL, NOON + 2700 * S));
	EXPECT_STREQ("-", who(t, "10.0.0.2", NULL, NOON + 3600 * S));
	EXPECT_STREQ("carol", who(t, "10.0.0.3", NULL, NOON + 999999 * S));
	EXPECT_STREQ("dave", who(t, "10.0.0.4", NULL, 2700 * S));
	EXPECT_STREQ("-", who(t, "10.0.0.4", NULL, 2701 * S));
	user_table_free(t);
}

/* All or nothing. */
TEST(apply_without_room)
{
	struct user_table *t = user_table_new(2);
	struct user_changed done;

	login(t, "10.0.0.1", "", "alice", NOON - S, 0);
	read_list("10.0.0.1 alice\n10.0.0.2 bob\n10.0.0.3 carol\n");
	EXPECT_FALSE(user_changes_apply(&changes, t, &live, &done));
	EXPECT_STREQ("2 mappings more than there were, and room for 1", changes.error);
	EXPECT_EQ(0, done.logins);
	EXPECT_STREQ("-", who(t, "10.0.0.2", NULL, NOON));
	read_list("10.0.0.1 alice\n10.0.0.2 bob group=a group=b group=c\n");
	EXPECT_FALSE(user_changes_apply(&changes, t, &live, &done));
	EXPECT_STREQ("3 memberships of groups, and room for 2", changes.error);
	EXPECT_STREQ("-", who(t, "10.0.0.2", NULL, NOON));
	read_list("10.0.0.1 alice\n10.0.0.2 bob\n");
	EXPECT_TRUE(user_changes_apply(&changes, t, &live, &done));
	user_table_free(t);
}

/* Far below a second for ten thousand, as many at once as one wants. */
TEST(many)
{
	struct user_table *t = user_table_new(1000000);
	struct user_changed done;
	struct timespec a, b;
	struct buf text;
	double seconds;

	buf_init(&text, 1u << 30);
	for (unsigned int i = 0; i < 100000; i++)
		buf_printf(&text, "10.%u.%u.%u,corp\\user%u,45m\n", i >> 16, i >> 8 & 255,
			   i & 255, i % 30000);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	user_changes_init(&changes, 1000000);
	ASSERT_TRUE(user_list_read(&changes, (char *)text.data, text.len));
	ASSERT_TRUE(user_changes_apply(&changes, t, &live, &done));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	TH_LOG("100000 mappings in %.3f seconds", seconds);
	EXPECT_GT(5.0, seconds);
	EXPECT_EQ(100000, user_table_count(t));
	EXPECT_STREQ("corp\\user9999", who(t, "10.1.134.159", NULL, NOON));
	buf_free(&text);
	user_changes_free(&changes);
	user_table_free(t);
}

TEST_HARNESS_MAIN
