// SPDX-License-Identifier: MIT
/*
 * What the control socket says that would leave now, without the socket and the kernel.
 */
#include <kselftest_harness.h>

#include "lib/json.h"
#include "lib/log.h"
#include "scratch.h"
#include "supervisor/live.h"
#include "supervisor/preview_command.h"

#include <stdarg.h>
#include <stdio.h>

/* The answer, in place of control.c. */
struct control_client {
	json_t *lines;
	char error[512];
};

void control_line(struct control_client *c, json_t *line)
{
	json_array_append_new(c->lines, line);
}

void control_error(struct control_client *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->error, sizeof(c->error), format, args);
	va_end(args);
}

/* In place of deliver.c: the kernel's switches. */
static uint32_t switches;

uint32_t deliver_mask(struct deliver *d)
{
	return switches;
}

static struct supervisor supervisor;
static struct config config;

FIXTURE(preview)
{
	char dir[SCRATCH_MAX], id[SIGHTING_ID_TEXT], hash[SHA256_TEXT];
	struct control_client client;
	struct sighting s;
};

static void write_config(const char *path)
{
	FILE *f = fopen(path, "w");

	fputs("[cloud a]\nkind = directory\npath = /srv/a\n[share a]\ndefault = share\n"
	      "[cloud b]\nkind = directory\npath = /srv/b\n[share b]\ndefault = share\n"
	      "[rule all]\ncloud = a, b\n",
	      f);
	fclose(f);
}

static void text(struct sighting *s, enum sighting_text which, const char *value)
{
	sighting_set(s, which, value, strlen(value));
}

FIXTURE_SETUP(preview)
{
	struct policy seen = policy_all(POLICY_SHARE);
	const char *path;

	log_init("test", LOG_LEVEL_ERROR);
	switches = SLUICE_SHARE_ALL;
	memset(&supervisor, 0, sizeof(supervisor));
	ASSERT_TRUE(scratch_make(self->dir));
	path = scratch_path(self->dir, "conf");
	write_config(path);
	ASSERT_TRUE(config_read(&config, path));
	supervisor.c = &config;
	supervisor.spool_dir = self->dir;
	supervisor.store = store_open(scratch_path(self->dir, "supervisor.db"));
	ASSERT_NE(NULL, supervisor.store);
	sighting_init(&self->s);
	self->s.state = FILE_STATE_COMPLETE;
	self->s.stored = true;
	self->s.size = self->s.seen = 3;
	text(&self->s, SIGHTING_USER, "alice");
	text(&self->s, SIGHTING_FILENAME, "name.exe");
	text(&self->s, SIGHTING_URL, "http://a.example/");
	sighting_make_id(&self->s);
	sighting_id_text(self->s.id, self->id);
	sha256_text(self->s.sha256, self->hash);
	policy_set(&seen, SLUICE_FIELD_USER, POLICY_OMIT);
	ASSERT_EQ(STORE_OK, store_add(supervisor.store, &self->s, SLUICE_SHARE_ALL, 1));
	ASSERT_TRUE(
		store_submit(supervisor.store, &self->s, "a", &seen, RULE_PRIORITY_NORMAL, 1));
	self->client = (struct control_client){.lines = json_array()};
}

FIXTURE_TEARDOWN(preview)
{
	json_decref(self->client.lines);
	sighting_free(&self->s);
	store_close(supervisor.store);
	config_free(&config);
	scratch_remove(self->dir);
}

static json_t *ask(FIXTURE_DATA(preview) * self,
		   void (*command)(struct control_client *c, void *arg, json_t *request),
		   json_t *request)
{
	json_array_clear(self->client.lines);
	self->client.error[0] = '\0';
	command(&self->client, &supervisor, request);
	json_decref(request);
	return json_array_get(self->client.lines, 0);
}

static json_t *ask_cloud(FIXTURE_DATA(preview) * self, const char *cloud)
{
	return ask(self, preview_command,
		   json_pack("{s:s, s:s}", "sighting", self->id, "cloud", cloud));
}

/* The policy of when it was seen, that of now and the switches: the strictest, and whose it is.
 */
TEST_F(preview, now)
{
	json_t *o = ask_cloud(self, "a");

	ASSERT_NE(NULL, o);
	EXPECT_STREQ("shared", json_text_at(o, "fields.filename.mark"));
	EXPECT_STREQ("left out", json_text_at(o, "fields.user.mark"));
	EXPECT_STREQ("alice", json_text_at(o, "fields.user.seen"));
	EXPECT_STREQ("the policy when it was seen",
		     json_string_value(json_array_get(json_at(o, "fields.user.because"), 0)));
	EXPECT_EQ(NULL, strstr(json_text_at(o, "envelope_text"), "alice"));
	EXPECT_STREQ("name.exe", json_text_at(o, "upload_name"));

	switches &= ~(1u << SLUICE_FIELD_FILENAME);
	o = ask_cloud(self, "a");
	EXPECT_STREQ("left out", json_text_at(o, "fields.filename.mark"));
	EXPECT_STREQ("the kernel's switch", json_string_value(json_array_get(
						    json_at(o, "fields.filename.because"), 0)));
	EXPECT_EQ(NULL, strstr(json_text_at(o, "envelope_text"), "name.exe"));
	EXPECT_STREQ(self->hash, json_text_at(o, "upload_name"));

	policy_set(&config.share[0], SLUICE_FIELD_URL, POLICY_OMIT);
	o = ask_cloud(self, "a");
	EXPECT_STREQ("left out", json_text_at(o, "fields.url.mark"));
	EXPECT_STREQ("[share a]",
		     json_string_value(json_array_get(json_at(o, "fields.url.because"), 0)));
}

/* One that it did not go to gets nothing of it, whatever rules say now. */
TEST_F(preview, passed)
{
	json_t *o = ask_cloud(self, "b");

	ASSERT_NE(NULL, o);
	EXPECT_NE(NULL, strstr(json_text_at(o, "refused"), "before the configuration"));
	EXPECT_EQ(NULL, json_object_get(o, "envelope"));
	config.has_share[0] = false;
	EXPECT_NE(NULL, strstr(json_text_at(ask_cloud(self, "a"), "refused"), "no [share]"));
	ask_cloud(self, "c");
	EXPECT_NE(NULL, strstr(self->client.error, "no [cloud c]"));
}

/* What another configuration needs. */
TEST_F(preview, about)
{
	json_t *o = ask(self, preview_command, json_pack("{s:s}", "sighting", self->id));
	const char *hex = json_text_at(o, "message");

	ASSERT_NE(NULL, hex);
	EXPECT_EQ(0, strlen(hex) % 2);
	EXPECT_EQ(2, json_array_size(json_object_get(o, "clouds")));
	EXPECT_EQ(SLUICE_SHARE_ALL, json_integer_value(json_object_get(o, "switches")));
	EXPECT_NE(NULL, strstr(json_text_at(o, "sample_path"), self->hash));
}

TEST_F(preview, which)
{
	json_t *o = ask(self, preview_command_sightings, json_pack("{s:i}", "last", 5));

	EXPECT_EQ(1, json_array_size(self->client.lines));
	EXPECT_STREQ(self->id, json_text_at(o, "sighting"));
	o = ask(self, preview_command_sightings, json_pack("{s:s}", "sample", self->hash));
	EXPECT_EQ(1, json_array_size(self->client.lines));
	EXPECT_STREQ(self->id, json_text_at(o, "sighting"));
	ask(self, preview_command_sightings, json_pack("{s:i}", "last", 0));
	EXPECT_NE(NULL, strstr(self->client.error, "expected the member"));
	ask(self, preview_command_sightings, json_pack("{s:s}", "sample", "12"));
	EXPECT_NE(NULL, strstr(self->client.error, "expected the member"));
	ask(self, preview_command, json_pack("{s:s}", "sighting", "nobody"));
	EXPECT_NE(NULL, strstr(self->client.error, "expected the member"));
	ask(self, preview_command,
	    json_pack("{s:s}", "sighting", "00000000-0000-8000-8000-000000000000"));
	EXPECT_NE(NULL, strstr(self->client.error, "went to no cloud"));
}

TEST_HARNESS_MAIN
