// SPDX-License-Identifier: MIT
/* What may leave, when its line is written, and when it may not any more. */
#include "lib/log.h"
#include "supervisor/deliver.h"
#include "supervisor/permit.h"

#include "kselftest_harness.h"
#include "scratch.h"

#include <errno.h>
#include <sys/socket.h>

/* In place of deliver.c: the policy of the moment, as a test says. */
static struct policy policy_now;
static uint32_t mask_now;
static const char *reason_now;
static uint8_t reason_of; /* only for that number; 0: for all */

bool deliver_effective(struct deliver *d, const uint8_t id[static SIGHTING_ID_SIZE],
		       const char *cloud, struct policy *effective,
		       uint8_t sample[static SHA256_SIZE],
		       char reason[static DELIVER_REASON_MAX])
{
	if (reason_now && (!reason_of || id[0] == reason_of)) {
		snprintf(reason, DELIVER_REASON_MAX, "%s", reason_now);
		return false;
	}
	*effective = policy_masked(policy_now, mask_now);
	memset(sample, 0xaa, SHA256_SIZE);
	return true;
}

uint32_t deliver_mask(struct deliver *d)
{
	return mask_now;
}

FIXTURE(permit)
{
	char dir[SCRATCH_MAX];
	struct config c;
	struct ledger ledger;
	struct counters counters;
	struct permits p;
	struct tally tally;
	int fd[2];
	uint8_t room[MSG_MAX];
	struct msg_view v;
};

FIXTURE_SETUP(permit)
{
	log_init("test", LOG_LEVEL_ERROR);
	ASSERT_TRUE(scratch_make(self->dir));
	memset(&self->c, 0, sizeof(self->c));
	self->c.clouds = 2;
	for (size_t i = 0; i < 2; i++) {
		snprintf(self->c.cloud[i].name, CLOUD_NAME_MAX, "cloud%zu", i);
		self->c.cloud[i].ops = cloud_find("wildfire");
	}
	memset(&self->p, 0, sizeof(self->p));
	memset(&self->counters, 0, sizeof(self->counters));
	ASSERT_TRUE(ledger_open(&self->ledger, self->dir));
	memset(&self->tally, 0, sizeof(self->tally));
	self->p.tally = &self->tally;
	ASSERT_TRUE(permits_init(&self->p, &self->c));
	self->p.ledger = &self->ledger;
	self->p.counters = &self->counters;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, self->fd));
	policy_now = policy_all(POLICY_SHARE);
	mask_now = SLUICE_SHARE_ALL;
	reason_now = NULL;
	reason_of = 0;
}

FIXTURE_TEARDOWN(permit)
{
	permits_free(&self->p);
	ledger_close(&self->ledger, 0);
	close(self->fd[0]);
	close(self->fd[1]);
	scratch_remove(self->dir);
}

static void id_of(uint8_t id[static SIGHTING_ID_SIZE], size_t number)
{
	memset(id, 0, SIGHTING_ID_SIZE);
	memcpy(id, &number, sizeof(number));
}

/* About `others` more, whose numbers follow. */
static bool ask_many(FIXTURE_DATA(permit) * self, const char *cloud, uint64_t slot,
		     size_t number, size_t others, uint64_t carries)
{
	uint8_t id[SIGHTING_ID_SIZE], hash[SHA256_SIZE];
	struct msg_view v;
	struct msg m;
	uint32_t length;
	uint16_t version = MSG_VERSION;
	bool ok;

	id_of(id, number);
	memset(hash, (int)number, sizeof(hash));
	msg_init(&m);
	msg_begin(&m, MSG_LEAVE);
	for (size_t i = 0; i <= others; i++) {
		id_of(id, number + i);
		msg_put(&m, MSG_A_ID, id, sizeof(id));
	}
	msg_put_string(&m, MSG_A_CLOUD, cloud);
	msg_put_u64(&m, MSG_A_SLOT, slot);
	msg_put_string(&m, MSG_A_TEXT, carries ? "submit/file" : "get/verdict");
	msg_put_string(&m, MSG_A_URL, "https://cloud.test/x");
	msg_put(&m, MSG_A_SHA256, hash, sizeof(hash));
	msg_put_u64(&m, MSG_A_SIZE, 1000 + number);
	msg_put_u64(&m, MSG_A_CARRIES, carries);
	length = (uint32_t)m.buf.len;
	memcpy(m.buf.data, &length, 4);
	memcpy(m.buf.data + 4, &m.type, 2);
	memcpy(m.buf.data + 6, &version, 2);
	ok = msg_parse(m.buf.data, m.buf.len, &v) && permits_ask(&self->p, &v);
	msg_free(&m);
	return ok;
}

static bool ask(FIXTURE_DATA(permit) * self, const char *cloud, uint64_t slot, size_t number,
		uint64_t carries)
{
	return ask_many(self, cloud, slot, number, 0, carries);
}

static void rendered(FIXTURE_DATA(permit) * self, const char *cloud, uint64_t slot,
		     size_t number)
{
	struct permit_envelope e = {
		.name_bytes = 5, .link_bytes = number == 3 ? 33 : 0, .policy = "1234abcd"};
	uint8_t id[SIGHTING_ID_SIZE];

	e.effective = policy_masked(policy_now, mask_now);
	for (int f = 0; f < SLUICE_FIELD_COUNT; f++)
		e.report.field[f].bytes = policy_mode(&e.effective, f) == POLICY_SHARE
						  ? 10u + (unsigned int)f
						  : 0;
	e.report.field[SLUICE_FIELD_USER].bytes = 0; /* the sighting has none */
	id_of(id, number);
	permits_rendered(&self->p, cloud, slot, id, &e);
}

/* The next message that came: its type, or MSG_NONE; its status is in *status. */
static uint16_t next(FIXTURE_DATA(permit) * self, uint64_t *status)
{
	*status = 99;
	if (msg_receive(self->fd[1], self->room, &self->v) != MSG_OK)
		return MSG_NONE;
	msg_get_u64(&self->v, MSG_A_STATUS, status);
	return self->v.type;
}

/* Line n of the ledger. */
static json_t *line(FIXTURE_DATA(permit) * self, size_t n)
{
	FILE *f = fopen(scratch_path(self->dir, LEDGER_NAME), "r");
	char *text = NULL;
	size_t room = 0;
	json_t *v = NULL;

	while (n-- && getline(&text, &room, f) > 0)
		;
	if (n == SIZE_MAX)
		v = json_loads(text, 0, NULL);
	free(text);
	fclose(f);
	return v;
}

static const char *text_at(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

#define SHARED (CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_NAME | CLOUD_CARRIES_ENVELOPE)

TEST_F(permit, a_line_is_written_and_then_it_may_leave)
{
	uint64_t status;
	json_t *v, *fields, *field;

	policy_set(&policy_now, SLUICE_FIELD_SOURCE_IP, POLICY_OMIT);
	rendered(self, "cloud1", 3, 7);
	ASSERT_TRUE(ask(self, "cloud1", 3, 7, SHARED));
	EXPECT_EQ(MSG_OK, permits_send(&self->p, self->fd[0]));
	EXPECT_EQ(MSG_NONE, next(self, &status));
	permits_step(&self->p, 1764000000000, false);
	v = line(self, 2); /* behind the start */
	EXPECT_EQ(MSG_NONE, next(self, &status));
	EXPECT_EQ(MSG_OK, permits_send(&self->p, self->fd[0]));
	EXPECT_EQ(MSG_GO, next(self, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(MSG_OK, permits_send(&self->p, self->fd[0]));
	EXPECT_EQ(MSG_NONE, next(self, &status));
	ASSERT_NE(NULL, v);
	EXPECT_STREQ("request", text_at(v, "type"));
	EXPECT_STREQ("cloud1", text_at(v, "cloud"));
	EXPECT_STREQ("wildfire", text_at(v, "kind"));
	EXPECT_STREQ("submit/file", text_at(v, "request"));
	EXPECT_STREQ("https://cloud.test/x", text_at(v, "url"));
	EXPECT_STREQ("1234abcd", text_at(v, "policy"));
	EXPECT_EQ(1007,
		  json_integer_value(json_object_get(json_object_get(v, "body"), "bytes")));
	EXPECT_EQ(64, strspn(text_at(json_object_get(v, "body"), "sha256"), "07"));
	EXPECT_EQ(64, strspn(text_at(v, "sample"), "a"));
	fields = json_object_get(v, "fields");
	/* All but the user, which has no value; the address is named, with nothing of it. */
	EXPECT_EQ(SLUICE_FIELD_COUNT - 1, json_object_size(fields));
	field = json_object_get(fields, "source_ip");
	EXPECT_STREQ("omit", text_at(field, "mode"));
	EXPECT_EQ(0, json_integer_value(json_object_get(field, "bytes")));
	field = json_object_get(fields, "source_port");
	EXPECT_STREQ("share", text_at(field, "mode"));
	EXPECT_EQ(10 + SLUICE_FIELD_SOURCE_PORT,
		  json_integer_value(json_object_get(field, "bytes")));
	json_decref(v);
	EXPECT_EQ(1, self->counters.value[COUNTER_REQUESTS]);
}

TEST_F(permit, a_question_tells_no_field_and_a_bare_upload_its_name_or_link)
{
	json_t *v;

	rendered(self, "cloud0", 1, 2);
	ASSERT_TRUE(ask(self, "cloud0", 0, 1, 0));
	ASSERT_TRUE(ask(self, "cloud0", 1, 2, CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_NAME));
	rendered(self, "cloud0", 2, 3);
	ASSERT_TRUE(ask(self, "cloud0", 2, 3, CLOUD_CARRIES_SAMPLE));
	permits_step(&self->p, 0, false);
	v = line(self, 2);
	EXPECT_EQ(0, json_object_size(json_object_get(v, "fields")));
	EXPECT_TRUE(json_is_null(json_object_get(v, "policy")));
	json_decref(v);
	v = line(self, 3);
	EXPECT_EQ(1, json_object_size(json_object_get(v, "fields")));
	EXPECT_EQ(5,
		  json_integer_value(json_object_get(
			  json_object_get(json_object_get(v, "fields"), "filename"), "bytes")));
	json_decref(v);
	v = line(self, 4);
	EXPECT_EQ(1, json_object_size(json_object_get(v, "fields")));
	EXPECT_EQ(33, json_integer_value(json_object_get(
			      json_object_get(json_object_get(v, "fields"), "url"), "bytes")));
	json_decref(v);
}

/* Asks, and expects a refusal and no line. */
static void refused(struct __test_metadata *_metadata, FIXTURE_DATA(permit) * self,
		    size_t number, uint64_t carries, const char *why)
{
	uint64_t lines = self->ledger.chain.n, status;
	char text[PERMIT_REFUSAL_MAX];

	ASSERT_TRUE(ask(self, "cloud0", 0, number, carries));
	permits_step(&self->p, 0, false);
	permits_send(&self->p, self->fd[0]);
	EXPECT_EQ(MSG_GO, next(self, &status));
	EXPECT_EQ(1, status);
	ASSERT_TRUE(msg_get_string(&self->v, MSG_A_TEXT, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, why))
	{
		TH_LOG("%s", text);
	}
	EXPECT_EQ(lines, self->ledger.chain.n);
}

TEST_F(permit, what_policy_does_not_allow_any_more_stays)
{
	for (unsigned int f = 0; f < SLUICE_FIELD_COUNT; f++) {
		rendered(self, "cloud0", 0, f);
		mask_now = SLUICE_SHARE_ALL & ~SLUICE_FIELD_BIT(f);
		refused(_metadata, self, f, SHARED, "stricter");
		/* Looser is no reason. */
		rendered(self, "cloud0", 0, f);
		mask_now = SLUICE_SHARE_ALL;
		ASSERT_TRUE(ask(self, "cloud0", 0, f, SHARED));
		permits_step(&self->p, 0, false);
		EXPECT_EQ(f + 1, self->counters.value[COUNTER_REQUESTS]);
		permits_restart(&self->p);
	}
	reason_now = "no policy";
	refused(_metadata, self, 1, 0, "no policy");
	reason_now = NULL;
	EXPECT_EQ(SLUICE_FIELD_COUNT + 1, self->counters.value[COUNTER_REQUESTS_REFUSED]);
}

TEST_F(permit, an_envelope_is_for_one_request_of_its_sighting)
{
	uint64_t status;

	refused(_metadata, self, 1, SHARED, "no envelope");
	rendered(self, "cloud0", 0, 1);
	refused(_metadata, self, 2, SHARED, "no envelope");
	rendered(self, "cloud0", 0, 1);
	ASSERT_TRUE(ask(self, "cloud0", 0, 1, SHARED));
	permits_step(&self->p, 0, false);
	permits_send(&self->p, self->fd[0]);
	EXPECT_EQ(MSG_GO, next(self, &status));
	refused(_metadata, self, 1, SHARED, "no envelope");
}

TEST_F(permit, nothing_leaves_while_the_ledger_cannot_be_written)
{
	int fd = self->ledger.fd;

	self->ledger.fd = -1;
	refused(_metadata, self, 1, 0, "ledger");
	rendered(self, "cloud0", 0, 1);
	refused(_metadata, self, 1, SHARED, "ledger");
	EXPECT_EQ(2, self->counters.value[COUNTER_LEDGER_FAILURES]);
	self->ledger.fd = fd;
	ASSERT_TRUE(ask(self, "cloud0", 0, 1, 0));
	permits_step(&self->p, 0, false);
	EXPECT_EQ(1, self->counters.value[COUNTER_REQUESTS]);
}

TEST_F(permit, a_round_is_one_batch)
{
	struct stat before, after;
	uint64_t status;

	for (size_t i = 0; i < CLOUD_ATTEMPTS; i++) {
		ASSERT_TRUE(ask(self, "cloud0", i, i, 0));
		ASSERT_TRUE(ask(self, "cloud1", i, 100 + i, 0));
	}
	stat(scratch_path(self->dir, LEDGER_HEAD_NAME), &before);
	permits_step(&self->p, 0, false);
	stat(scratch_path(self->dir, LEDGER_HEAD_NAME), &after);
	EXPECT_EQ(1 + 2 * CLOUD_ATTEMPTS, self->ledger.chain.n);
	/* All of them stand in the one head. */
	EXPECT_LT(2 * CLOUD_ATTEMPTS * 300, after.st_size - before.st_size);
	permits_send(&self->p, self->fd[0]);
	for (size_t i = 0; i < 2 * CLOUD_ATTEMPTS; i++)
		EXPECT_EQ(MSG_GO, next(self, &status));
	EXPECT_EQ(MSG_NONE, next(self, &status));
}

static void send_out(struct __test_metadata *_metadata, FIXTURE_DATA(permit) * self)
{
	uint64_t status;

	rendered(self, "cloud0", 0, 1);
	ASSERT_TRUE(ask(self, "cloud0", 0, 1, SHARED));
	ASSERT_TRUE(ask(self, "cloud1", 0, 2, 0));
	permits_step(&self->p, 0, false);
	permits_send(&self->p, self->fd[0]);
	EXPECT_EQ(MSG_GO, next(self, &status));
	EXPECT_EQ(MSG_GO, next(self, &status));
}

TEST_F(permit, a_switch_turned_off_ends_it_within_a_second)
{
	uint64_t status;

	EXPECT_EQ(UINT64_MAX, permits_at(&self->p, UINT64_MAX));
	send_out(_metadata, self);
	permits_watch(&self->p, 5000);
	EXPECT_EQ(6000, permits_at(&self->p, UINT64_MAX));
	permits_watch(&self->p, 6000);
	permits_send(&self->p, self->fd[0]);
	EXPECT_EQ(MSG_NONE, next(self, &status));
	mask_now &= ~SLUICE_FIELD_BIT(SLUICE_FIELD_URL);
	permits_watch(&self->p, 6999);
	permits_send(&self->p, self->fd[0]);
	EXPECT_EQ(MSG_NONE, next(self, &status));
	permits_watch(&self->p, 7000);
	permits_send(&self->p, self->fd[0]);
	/* The question of the other cloud tells nothing and goes on. */
	EXPECT_EQ(MSG_REVOKE, next(self, &status));
	EXPECT_EQ(MSG_NONE, next(self, &status));
	permits_watch(&self->p, 8000);
	EXPECT_EQ(UINT64_MAX, permits_at(&self->p, UINT64_MAX));
}

TEST_F(permit, a_reload_ends_what_it_makes_stricter)
{
	uint64_t status;

	send_out(_metadata, self);
	permits_reloaded(&self->p);
	permits_send(&self->p, self->fd[0]);
	EXPECT_EQ(MSG_NONE, next(self, &status));
	policy_set(&policy_now, SLUICE_FIELD_SOURCE_IP, POLICY_GENERALISE);
	permits_reloaded(&self->p);
	permits_send(&self->p, self->fd[0]);
	EXPECT_EQ(MSG_REVOKE, next(self, &status));
	EXPECT_EQ(MSG_NONE, next(self, &status));
}

TEST_F(permit, what_waits_for_the_socket_is_refused_when_it_became_stricter)
{
	uint64_t status;
	char byte = 0;

	rendered(self, "cloud0", 0, 1);
	ASSERT_TRUE(ask(self, "cloud0", 0, 1, SHARED));
	permits_step(&self->p, 0, false);
	while (send(self->fd[0], &byte, 1, 0) == 1)
		;
	EXPECT_EQ(MSG_OK, permits_send(&self->p, self->fd[0]));
	EXPECT_TRUE(self->p.blocked);
	policy_set(&policy_now, SLUICE_FIELD_USER, POLICY_OMIT);
	permits_reloaded(&self->p);
	while (recv(self->fd[1], &byte, 1, 0) == 1)
		;
	EXPECT_EQ(MSG_OK, permits_send(&self->p, self->fd[0]));
	EXPECT_FALSE(self->p.blocked);
	EXPECT_EQ(MSG_GO, next(self, &status));
	EXPECT_EQ(1, status);
}

TEST_F(permit, an_outcome_names_its_line)
{
	uint8_t id[SIGHTING_ID_SIZE];
	struct permit_result r = {.id = id,
				  .cloud = "cloud0",
				  .outcome = CLOUD_SENT,
				  .verdict = CLOUD_VERDICT_NONE,
				  .detail = "up\nloaded"};
	json_t *v;

	send_out(_metadata, self);
	id_of(id, 1);
	r.end = permits_end(&self->p, id, "cloud0");
	/* Another attempt in its place, before the outcome is stored. */
	ASSERT_TRUE(ask(self, "cloud0", 0, 2, 0));
	permits_result(&self->p, &r);
	/* Said again after it was forgotten, as after a restart. */
	r.end = permits_end(&self->p, id, "cloud0");
	permits_result(&self->p, &r);
	permits_step(&self->p, 0, true);
	EXPECT_EQ(5, self->ledger.chain.n);
	v = line(self, 4);
	EXPECT_STREQ("result", text_at(v, "type"));
	EXPECT_EQ(2, json_integer_value(json_object_get(v, "of")));
	EXPECT_STREQ("sent", text_at(v, "outcome"));
	EXPECT_STREQ("up\nloaded", text_at(v, "detail"));
	json_decref(v);
	v = line(self, 5);
	EXPECT_TRUE(json_is_null(json_object_get(v, "of")));
	json_decref(v);
	/* What it was of is not under way any more. */
	mask_now = 0;
	permits_watch(&self->p, 1);
	EXPECT_EQ(UINT64_MAX, permits_at(&self->p, UINT64_MAX));
}

/* An attempt that is to be repeated has no outcome, and stays until its place is taken. */
TEST_F(permit, an_outcome_is_that_of_the_last_attempt)
{
	uint8_t id[SIGHTING_ID_SIZE];
	struct permit_end end;

	for (uint64_t slot = CLOUD_ATTEMPTS; slot-- > 0;) {
		ASSERT_TRUE(ask(self, "cloud0", slot, 1, 0));
		permits_step(&self->p, 0, false);
		EXPECT_EQ(MSG_OK, permits_send(&self->p, self->fd[0]));
	}
	id_of(id, 1);
	EXPECT_EQ(0, permits_end(&self->p, id, "cloud1").line);
	end = permits_end(&self->p, id, "cloud0");
	EXPECT_EQ(1 + CLOUD_ATTEMPTS, end.line);
	EXPECT_EQ(0xaa, end.sample[0]);
	EXPECT_EQ(0, permits_end(&self->p, id, "cloud0").line);
}

TEST_F(permit, what_an_honest_forwarder_would_not_ask_is_not_taken)
{
	EXPECT_FALSE(ask(self, "cloud0", CLOUD_SLOTS, 1, 0));
	EXPECT_FALSE(ask(self, "cloud0", UINT64_MAX, 1, 0));
	EXPECT_FALSE(ask(self, "cloud2", 0, 1, 0));
	EXPECT_TRUE(ask(self, "cloud1", CLOUD_SLOT_LOOKUP, 1, 0));
	EXPECT_FALSE(ask(self, "cloud1", CLOUD_SLOT_LOOKUP, 1, 0));
	permits_restart(&self->p);
	EXPECT_TRUE(ask(self, "cloud1", CLOUD_SLOT_LOOKUP, 1, 0));
}

/* One line with all of them, and each of them ends with it. */
TEST_F(permit, a_question_about_many)
{
	uint8_t id[SIGHTING_ID_SIZE];
	uint64_t status;
	json_t *l;

	ASSERT_TRUE(ask_many(self, "cloud1", CLOUD_ATTEMPTS, 1, CLOUD_LOOKUP_MAX - 1, 0));
	permits_step(&self->p, 0, false);
	EXPECT_EQ(MSG_OK, permits_send(&self->p, self->fd[0]));
	ASSERT_EQ(MSG_GO, next(self, &status));
	EXPECT_EQ(0, status);
	l = line(self, 2);
	ASSERT_NE(NULL, l);
	EXPECT_EQ(CLOUD_LOOKUP_MAX, json_array_size(json_object_get(l, "samples")));
	EXPECT_EQ(CLOUD_LOOKUP_MAX, json_array_size(json_object_get(l, "sightings")));
	EXPECT_EQ(NULL, json_object_get(l, "sample"));
	json_decref(l);
	for (size_t i = 1; i <= CLOUD_LOOKUP_MAX; i++) {
		id_of(id, i);
		EXPECT_EQ(2, permits_end(&self->p, id, "cloud1").line);
	}
	id_of(id, CLOUD_LOOKUP_MAX + 1);
	EXPECT_EQ(0, permits_end(&self->p, id, "cloud1").line);
	EXPECT_FALSE(ask_many(self, "cloud1", 0, 1, CLOUD_LOOKUP_MAX, 0));
	EXPECT_FALSE(ask_many(self, "cloud1", 1, 1, 1, CLOUD_CARRIES_SAMPLE));
}

TEST_F(permit, of_a_question_those_that_may_not_leave_are_named)
{
	uint8_t id[SIGHTING_ID_SIZE], denied[SIGHTING_ID_SIZE];
	uint64_t status;

	reason_now = "not any more";
	reason_of = 2;
	ASSERT_TRUE(ask_many(self, "cloud0", CLOUD_ATTEMPTS, 1, 3, 0));
	permits_step(&self->p, 0, false);
	EXPECT_EQ(MSG_OK, permits_send(&self->p, self->fd[0]));
	ASSERT_EQ(MSG_GO, next(self, &status));
	EXPECT_EQ(1, status);
	id_of(id, 2);
	ASSERT_TRUE(msg_get_exact(&self->v, MSG_A_DENIED, denied, sizeof(denied)));
	EXPECT_EQ(0, memcmp(id, denied, sizeof(id)));
	EXPECT_EQ(0, self->ledger.chain.n);
}

#define CARRIED (CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_ENVELOPE)

/* A list of links 1 to 3, out; false: it is not. */
static bool list_out(FIXTURE_DATA(permit) * self)
{
	uint64_t status;

	for (size_t i = 0; i <= 3; i++) /* 0 does not come into it */
		rendered(self, "cloud0", CLOUD_SLOT_LINKS, i);
	if (!ask_many(self, "cloud0", CLOUD_SLOT_LINKS, 1, 2, CARRIED))
		return false;
	permits_step(&self->p, 0, false);
	return permits_send(&self->p, self->fd[0]) == MSG_OK && next(self, &status) == MSG_GO &&
	       !status;
}

TEST_F(permit, a_list_has_what_it_told_of_each)
{
	uint8_t id[SIGHTING_ID_SIZE];
	json_t *l;

	ASSERT_TRUE(list_out(self));
	l = line(self, 2);
	ASSERT_NE(NULL, l);
	EXPECT_EQ(3, json_array_size(json_object_get(l, "sightings")));
	EXPECT_EQ(3, json_array_size(json_object_get(l, "policies")));
	ASSERT_EQ(3, json_array_size(json_object_get(l, "fields")));
	EXPECT_NE(NULL,
		  json_object_get(json_array_get(json_object_get(l, "fields"), 2), "url"));
	json_decref(l);
	id_of(id, 3);
	EXPECT_EQ(2, permits_end(&self->p, id, "cloud0").line);
}

TEST_F(permit, a_list_needs_an_envelope_for_each)
{
	uint8_t id[SIGHTING_ID_SIZE], denied[SIGHTING_ID_SIZE];
	uint64_t status;

	rendered(self, "cloud0", CLOUD_SLOT_LINKS, 1);
	ASSERT_TRUE(ask_many(self, "cloud0", CLOUD_SLOT_LINKS, 1, 1, CARRIED));
	permits_step(&self->p, 0, false);
	permits_send(&self->p, self->fd[0]);
	ASSERT_EQ(MSG_GO, next(self, &status));
	EXPECT_EQ(1, status);
	id_of(id, 2);
	ASSERT_TRUE(msg_get_exact(&self->v, MSG_A_DENIED, denied, sizeof(denied)));
	EXPECT_EQ(0, memcmp(id, denied, sizeof(id)));
	/* What was made for that list is not for another. */
	ASSERT_TRUE(ask_many(self, "cloud0", CLOUD_SLOT_LINKS, 1, 0, CARRIED));
	permits_step(&self->p, 0, false);
	permits_send(&self->p, self->fd[0]);
	ASSERT_EQ(MSG_GO, next(self, &status));
	EXPECT_EQ(1, status);
	/* A question has no place there, and what carries something none in a question. */
	EXPECT_FALSE(ask_many(self, "cloud0", CLOUD_SLOT_LINKS, 1, 1, 0));
}

TEST_F(permit, a_list_ends_when_one_of_it_may_not_leave_any_more)
{
	uint64_t status;

	ASSERT_TRUE(list_out(self));
	permits_reloaded(&self->p);
	permits_send(&self->p, self->fd[0]);
	EXPECT_EQ(MSG_NONE, next(self, &status));
	reason_now = "not any more";
	reason_of = 2;
	permits_reloaded(&self->p);
	permits_send(&self->p, self->fd[0]);
	EXPECT_EQ(MSG_REVOKE, next(self, &status));
}

TEST_F(permit, a_list_ends_when_a_switch_is_turned_off)
{
	uint64_t status;

	ASSERT_TRUE(list_out(self));
	permits_watch(&self->p, 1000);
	mask_now &= ~SLUICE_FIELD_BIT(SLUICE_FIELD_URL);
	permits_watch(&self->p, 2001);
	permits_send(&self->p, self->fd[0]);
	EXPECT_EQ(MSG_REVOKE, next(self, &status));
}

TEST_F(permit, while_stopping_nothing_is_allowed)
{
	uint64_t status;

	ASSERT_TRUE(ask(self, "cloud0", 0, 1, 0));
	permits_step(&self->p, 0, true);
	permits_send(&self->p, self->fd[0]);
	EXPECT_EQ(MSG_NONE, next(self, &status));
	EXPECT_EQ(0, self->ledger.chain.n);
}

TEST_HARNESS_MAIN
