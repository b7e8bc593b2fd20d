// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "scratch.h"
#include "supervisor/policy_files.h"
#include "supervisor/reload.h"
#include "supervisor/sharing.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY (86400ull * 1000000000ull)
#define BEGIN 1706702400000000000ull /* 2024-01-31T12:00:00Z */
#define LINE                       \
	"k1 2024-01-31T12:00:00Z " \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

FIXTURE(files)
{
	char dir[SCRATCH_MAX];
	struct config *c;
	char file[2 * SCRATCH_MAX];
};

static void put(FIXTURE_DATA(files) * self, const char *text, mode_t mode)
{
	FILE *f;

	unlink(self->file);
	f = fopen(self->file, "we");
	fputs(text, f);
	fclose(f);
	chmod(self->file, mode);
}

FIXTURE_SETUP(files)
{
	ASSERT_TRUE(scratch_make(self->dir));
	snprintf(self->file, sizeof(self->file), "%s/keys", self->dir);
	self->c = calloc(1, sizeof(*self->c));
	ASSERT_TRUE(config_default(self->c));
	self->c->policy_key_file[0] = strdup(self->file);
	self->c->policy_key_period[0] = 90 * 86400;
}

FIXTURE_TEARDOWN(files)
{
	config_free(self->c);
	free(self->c);
	scratch_remove(self->dir);
}

static size_t keys(FIXTURE_DATA(files) * self)
{
	policy_files_read(self->c);
	return self->c->policy_keys[0] ? self->c->policy_keys[0]->count : 0;
}

TEST_F(files, who_may_read_it)
{
	static const mode_t refused[] = {0640, 0604, 0620, 0601, 0666};

	put(self, LINE, 0600);
	EXPECT_EQ(1, keys(self));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		chmod(self->file, refused[i]);
		EXPECT_EQ(0, keys(self));
	}
	chmod(self->file, 0400);
	EXPECT_EQ(1, keys(self));
	if (geteuid() == 0) {
		ASSERT_EQ(0, chown(self->file, 1, 0));
		EXPECT_EQ(0, keys(self));
	}
	unlink(self->file);
	EXPECT_EQ(0, keys(self));
	ASSERT_EQ(0, mkdir(self->file, 0700));
	EXPECT_EQ(0, keys(self));
	rmdir(self->file);
}

/* The file cut after every one of its bytes: never a key that is not whole. */
TEST_F(files, half_written)
{
	static const char text[] =
		LINE "k2 2024-02-01T12:00:00Z "
		     "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
	char cut[sizeof(text)];

	ASSERT_NE(NULL, freopen("/dev/null", "w", stderr)); /* two hundred complaints */
	for (size_t n = 0; n < sizeof(text); n++) {
		snprintf(cut, n + 1, "%s", text);
		put(self, cut, 0600);
		EXPECT_EQ(n == strlen(LINE) ? 1 : n == strlen(text) ? 2 : 0, keys(self))
		{
			TH_LOG("after %zu bytes", n);
		}
	}
}

TEST_F(files, rotation)
{
	const struct policy_key *first, *now;
	struct stat st;
	char left[3 * SCRATCH_MAX];

	put(self, "# mine\n" LINE, 0600);
	ASSERT_EQ(1, keys(self));
	policy_files_rotate(self->c, BEGIN + 90 * DAY - 1);
	EXPECT_EQ(1, keys(self));
	/* What a crash left does not matter. */
	snprintf(left, sizeof(left), "%s.new", self->file);
	fclose(fopen(left, "we"));
	policy_files_rotate(self->c, BEGIN + 90 * DAY);
	EXPECT_NE(0, access(left, F_OK));
	ASSERT_EQ(2, keys(self));
	first = policy_keys_find(self->c->policy_keys[0], "k1");
	now = policy_keys_current(self->c->policy_keys[0]);
	ASSERT_NE(NULL, first);
	EXPECT_STREQ("k2", now->id);
	EXPECT_EQ(BEGIN + 90 * DAY, now->created);
	EXPECT_NE(0, memcmp(first->pseudonym, now->pseudonym, sizeof(now->pseudonym)));
	ASSERT_EQ(0, stat(self->file, &st));
	EXPECT_EQ(0600, st.st_mode & 0777);
	policy_files_rotate(self->c, BEGIN + 180 * DAY - 1);
	EXPECT_EQ(2, keys(self));
	/* Never, unless it is said when. */
	self->c->policy_key_period[0] = 0;
	policy_files_rotate(self->c, BEGIN + 9000 * DAY);
	EXPECT_EQ(2, keys(self));
}

/* Where the file cannot be replaced the old key stays, and an hour later that is tried again.
 */
TEST_F(files, rotation_fails)
{
	put(self, LINE, 0600);
	ASSERT_EQ(1, keys(self));
	unlink(self->file);
	rmdir(self->dir);
	policy_files_rotate(self->c, BEGIN + 90 * DAY);
	EXPECT_EQ(1, self->c->policy_keys[0]->count);
	EXPECT_EQ(BEGIN + 90 * DAY + POLICY_KEY_RETRY, self->c->policy_key_retry[0]);
	EXPECT_NE(0, access(self->file, F_OK));
	mkdir(self->dir, 0700);
	put(self, LINE, 0600);
	policy_files_rotate(self->c, BEGIN + 90 * DAY + POLICY_KEY_RETRY - 1);
	EXPECT_EQ(1, self->c->policy_keys[0]->count);
	policy_files_rotate(self->c, BEGIN + 90 * DAY + POLICY_KEY_RETRY);
	EXPECT_EQ(2, self->c->policy_keys[0]->count);
}

/* A policy has an id of its own, which its key and its networks change where they matter. */
TEST_F(files, policy_ids)
{
	struct policy p = policy_all(POLICY_SHARE);
	struct counters counters = {0};
	struct sharing s;
	char id[5][POLICY_ID_MAX];

	put(self, LINE, 0600);
	ASSERT_EQ(1, keys(self));
	ASSERT_TRUE(sharing_begin(&s, self->c, 0, &p, &counters));
	strcpy(id[0], s.id);
	EXPECT_EQ(NULL, strstr(buf_string(&s.document), "k1"));
	EXPECT_NE(NULL, strstr(buf_string(&s.document), "{\"cloud\":\"local\",\"fields\":{"
							"\"application\":\"share\","));
	sharing_end(&s);
	policy_files_rotate(self->c, BEGIN + 90 * DAY);
	ASSERT_TRUE(sharing_begin(&s, self->c, 0, &p, &counters));
	EXPECT_STREQ(id[0], s.id);
	sharing_end(&s);
	policy_set(&p, SLUICE_FIELD_USER, POLICY_PSEUDONYMISE);
	ASSERT_TRUE(sharing_begin(&s, self->c, 0, &p, &counters));
	strcpy(id[1], s.id);
	EXPECT_STRNE(id[0], id[1]);
	EXPECT_NE(NULL, strstr(buf_string(&s.document), "\"key\":\"k2\""));
	EXPECT_EQ(0, counters.value[COUNTER_POLICY_KEYS_MISSING]);
	sharing_end(&s);
	/* Without its key it is another policy. */
	unlink(self->file);
	ASSERT_EQ(0, keys(self));
	ASSERT_TRUE(sharing_begin(&s, self->c, 0, &p, &counters));
	EXPECT_EQ(POLICY_OMIT, policy_mode(&s.policy, SLUICE_FIELD_USER));
	EXPECT_EQ(1, counters.value[COUNTER_POLICY_KEYS_MISSING]);
	EXPECT_STRNE(id[1], s.id);
	sharing_end(&s);
}

static void configure(FIXTURE_DATA(files) * self, const char *more,
		      char path[static 2 * SCRATCH_MAX])
{
	FILE *f;

	snprintf(path, 2 * SCRATCH_MAX, "%.*s/conf", SCRATCH_MAX, self->dir);
	f = fopen(path, "we");
	fprintf(f, "[cloud a]\nkind = directory\n[rule r]\ncloud = a\n[share a]\n%s", more);
	fclose(f);
}

/* What SIGHUP takes over: modes, keys, networks and narrowings, and their end. */
TEST_F(files, reloaded)
{
	struct sighting sighting;
	struct policy p;
	char path[2 * SCRATCH_MAX], more[3 * SCRATCH_MAX];

	sighting_init(&sighting);
	sighting_set(&sighting, SIGHTING_RULE, "r", 1);
	put(self, LINE, 0600);
	config_free(self->c);
	configure(self, "default = share\n", path);
	ASSERT_TRUE(config_read(self->c, path));
	snprintf(more, sizeof(more),
		 "preset = balanced\nkey_file = %s\nkey_period = 90d\n"
		 "[network office]\nprefixes = 10.0.0.0/8\n"
		 "[narrow n]\nrule = r\nurl = omit\n",
		 self->file);
	configure(self, more, path);
	reload(self->c, path);
	EXPECT_EQ(90 * 86400, self->c->policy_key_period[0]);
	ASSERT_NE(NULL, self->c->policy_keys[0]);
	EXPECT_EQ(1, self->c->policy_keys[0]->count);
	ASSERT_NE(NULL, self->c->networks);
	EXPECT_EQ(1, self->c->networks->entries);
	p = sharing_policy(self->c, NULL, 0, &sighting);
	EXPECT_EQ(POLICY_OMIT, policy_mode(&p, SLUICE_FIELD_URL));
	EXPECT_EQ(POLICY_PSEUDONYMISE, policy_mode(&p, SLUICE_FIELD_USER));
	EXPECT_EQ(POLICY_TRUNCATE, policy_mode(&self->c->share[0], SLUICE_FIELD_URL));
	/* One with an error changes nothing. */
	configure(self, "default = share\nuser = hash\n", path);
	reload(self->c, path);
	EXPECT_NE(NULL, self->c->policy_keys[0]);
	EXPECT_EQ(1, self->c->narrows);
	configure(self, "default = share\n", path);
	reload(self->c, path);
	EXPECT_EQ(NULL, self->c->policy_keys[0]);
	EXPECT_EQ(NULL, self->c->networks);
	p = sharing_policy(self->c, NULL, 0, &sighting);
	EXPECT_EQ(POLICY_SHARE, policy_mode(&p, SLUICE_FIELD_URL));
	sighting_free(&sighting);
}

TEST_HARNESS_MAIN
