// SPDX-License-Identifier: MIT
#include <kselftest_harness.h>

#include "scratch.h"
#include "supervisor/metrics.h"
#include "supervisor/metrics_server.h"
#include "supervisor/overload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the text */

FIXTURE(metrics)
{
	struct config c;
	struct counters counters;
	struct tally tally;
	struct cloud_state state[CLOUD_MAX];
	struct sighting s;
	struct buf text;
};

FIXTURE_SETUP(metrics)
{
	memset(self, 0, sizeof(*self));
	self->c.file_types = file_types_read(NULL);
	ASSERT_NE(NULL, self->c.file_types);
	self->c.clouds = 2;
	strcpy(self->c.cloud[0].name, "plain");
	strcpy(self->c.cloud[1].name, "q\"b\\n\n");
	buf_init(&self->text, METRICS_TEXT_MAX);
	sighting_init(&self->s);
}

FIXTURE_TEARDOWN(metrics)
{
	sighting_free(&self->s);
	buf_free(&self->text);
	file_types_free(self->c.file_types);
}

static bool has(FIXTURE_DATA(metrics) * self, const char *line)
{
	const struct metrics m = {.c = &self->c,
				  .counters = &self->counters,
				  .tally = &self->tally,
				  .state = self->state,
				  .now = 1000000};

	buf_reset(&self->text);
	metrics_render(&m, &self->text);
	return !self->text.failed && strstr(buf_string(&self->text), line);
}

static void see(FIXTURE_DATA(metrics) * self, const char *type, uint64_t clouds,
		unsigned int reason)
{
	sighting_set(&self->s, SIGHTING_FILE_TYPE, type, strlen(type));
	tally_sighting(&self->tally, &self->c, &self->s, clouds, 0, reason);
}

TEST_F(metrics, a_sighting_and_its_ends)
{
	see(self, "pe", 3, TALLY_REASON_NO_RULE);
	see(self, "pe", 0, TALLY_REASON_OVERSIZE);
	see(self, "no-such-type", 1, 0);
	EXPECT_TRUE(has(self, "\n# TYPE sluice_type_seen_total counter\n"));
	EXPECT_TRUE(has(self, "\nsluice_type_seen_total{type=\"pe\"} 2\n"));
	EXPECT_TRUE(has(self, "\nsluice_type_accepted_total{type=\"pe\"} 1\n"));
	EXPECT_TRUE(has(self, "\nsluice_type_accepted_total{type=\"other\"} 1\n"));
	EXPECT_TRUE(has(self, "\nsluice_unsent_total{reason=\"oversize\"} 1\n"));
	EXPECT_TRUE(has(self, "\nsluice_unsent_total{reason=\"no-rule\"} 0\n"));
	EXPECT_TRUE(has(self, "\nsluice_unsent_total{reason=\"not-kept\"} 0\n"));
	EXPECT_TRUE(has(self, "\n# TYPE sluice_cloud_waiting "
			      "gauge\nsluice_cloud_waiting{cloud=\"plain\"} 2\n"));

	tally_ended(&self->tally, &self->c, "plain", "pe", CLOUD_SENT);
	tally_ended(&self->tally, &self->c, "plain", NULL, CLOUD_REFUSED);
	tally_ended(&self->tally, &self->c, "no such cloud", "pe", CLOUD_SENT);
	EXPECT_TRUE(has(self, "\nsluice_cloud_waiting{cloud=\"plain\"} 0\n"));
	EXPECT_TRUE(has(self, "\nsluice_cloud_sent_total{cloud=\"plain\"} 1\n"));
	EXPECT_TRUE(has(self, "\nsluice_cloud_refused_total{cloud=\"plain\"} 1\n"));
	EXPECT_TRUE(has(self, "\nsluice_type_sent_total{type=\"pe\"} 1\n"));
	/* The second cloud's submission has not ended; what ended before it began cannot
	 * either. */
	EXPECT_EQ(1, self->tally.waiting[1]);
	tally_ended(&self->tally, &self->c, "plain", "pe", CLOUD_KNOWN);
	EXPECT_EQ(0, self->tally.waiting[0]);
}

/* A reserve of two: what has no room in it is refused, what leaves makes room. */
TEST_F(metrics, a_full_reserve)
{
	struct overload o = {0};

	self->c.cloud[0].reserve = 2;
	self->c.cloud[1].reserve = 20;
	tally_waiting(&self->tally, &self->c, "plain", 1);
	EXPECT_EQ(0, overload_take(&o, &self->c, &self->tally, 1));
	EXPECT_EQ(1, overload_take(&o, &self->c, &self->tally, 3));
	EXPECT_EQ(0, overload_take(&o, &self->c, &self->tally, 2));
	see(self, "pe", 1, 0);
	overload_settled(&o, &self->c, &self->tally);
	EXPECT_EQ(1, overload_take(&o, &self->c, &self->tally, 1));
	EXPECT_TRUE(o.full[0]);
	EXPECT_FALSE(o.full[1]);
	overload_name(&self->c, 3, &self->s);
	EXPECT_STREQ("plain\nq\"b\\n\n", sighting_get(&self->s, SIGHTING_OVERLOAD));
	tally_ended(&self->tally, &self->c, "plain", "pe", CLOUD_SENT);
	overload_settled(&o, &self->c, &self->tally);
	EXPECT_FALSE(o.full[0]);
	EXPECT_EQ(0, overload_take(&o, &self->c, &self->tally, 1));
	/* One that wants to send less than waits since before. */
	tally_waiting(&self->tally, &self->c, "plain", 5);
	EXPECT_EQ(1, overload_take(&o, &self->c, &self->tally, 1));
}

/* Of each cloud what came is what waits and what ended, after every step. */
static bool adds_up(const struct tally *t)
{
	for (size_t i = 0; i < CLOUD_MAX; i++) {
		const uint64_t *n = t->cloud[i];

		if (n[TALLY_CLOUD_SEEN] != n[TALLY_CLOUD_OVERLOAD] + n[TALLY_CLOUD_ACCEPTED] ||
		    n[TALLY_CLOUD_CARRIED] + n[TALLY_CLOUD_ACCEPTED] !=
			    t->waiting[i] + n[TALLY_CLOUD_SENT] + n[TALLY_CLOUD_KNOWN] +
				    n[TALLY_CLOUD_REFUSED])
			return false;
	}
	return true;
}

TEST_F(metrics, a_life_adds_up)
{
	static const enum cloud_outcome ends[] = {CLOUD_RETRY, CLOUD_SENT,    CLOUD_DOWN,
						  CLOUD_KNOWN, CLOUD_REFUSED, CLOUD_SENT};

	tally_waiting(&self->tally, &self->c, "plain", 3);
	tally_waiting(&self->tally, &self->c, "no such cloud", 2);
	EXPECT_TRUE(adds_up(&self->tally));
	see(self, "pe", 1, 0);
	EXPECT_TRUE(adds_up(&self->tally));
	see(self, "pe", 3, 0);
	see(self, "pe", 0, TALLY_REASON_OVERSIZE);
	EXPECT_TRUE(adds_up(&self->tally));
	tally_sighting(&self->tally, &self->c, &self->s, 1, 2, 0);
	tally_sighting(&self->tally, &self->c, &self->s, 0, 2, TALLY_REASON_OVERLOAD);
	EXPECT_TRUE(adds_up(&self->tally));
	EXPECT_EQ(2, self->tally.cloud[1][TALLY_CLOUD_OVERLOAD]);
	EXPECT_EQ(1, self->tally.unsent[TALLY_REASON_OVERLOAD]);
	EXPECT_EQ(6, self->tally.waiting[0]);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		tally_ended(&self->tally, &self->c, "plain", "pe", ends[i]);
		EXPECT_TRUE(adds_up(&self->tally));
	}
	EXPECT_EQ(2, self->tally.waiting[0]);
	EXPECT_EQ(1, self->tally.waiting[1]);
}

TEST_F(metrics, quotas_and_pauses)
{
	self->c.cloud[0].quota[CLOUD_UPLOADS_PER_DAY] = 7;
	self->state[0].used[CLOUD_UPLOADS_PER_DAY] = 5;
	self->state[0].renewed[CLOUD_UPLOADS_PER_DAY] = 1000001;
	self->state[0].paused_until = 1060001;
	EXPECT_TRUE(has(self, "\n# TYPE sluice_cloud_uploads_per_day_used gauge\n"
			      "sluice_cloud_uploads_per_day_used{cloud=\"plain\"} 5\n# "));
	EXPECT_TRUE(has(self, "\nsluice_cloud_uploads_per_day_limit{cloud=\"plain\"} 7\n# "));
	EXPECT_TRUE(has(self, "\nsluice_cloud_paused_seconds{cloud=\"plain\"} 61\n"));
	/* What was used up to a moment ago, and was left alone until then. */
	self->state[0].renewed[CLOUD_UPLOADS_PER_DAY] = 1000000;
	self->state[0].paused_until = 1000000;
	EXPECT_TRUE(has(self, "\nsluice_cloud_uploads_per_day_used{cloud=\"plain\"} 0\n"));
	EXPECT_TRUE(has(self, "\nsluice_cloud_paused_seconds{cloud=\"plain\"} 0\n"));
}

TEST_F(metrics, labels_are_escaped)
{
	EXPECT_TRUE(has(self, "\nsluice_cloud_sent_total{cloud=\"q\\\"b\\\\n\\n\"} 0\n"));
}

TEST_F(metrics, no_room)
{
	buf_free(&self->text);
	buf_init(&self->text, 1000);
	EXPECT_FALSE(has(self, ""));
}

/* ---------------------------------------------------------------- the server */

FIXTURE(server)
{
	char dir[SCRATCH_MAX], path[SCRATCH_MAX + 8];
	struct counters counters;
	struct metrics_server *k;
	uint64_t now;
	unsigned int rendered;
	size_t bytes;
};

static void render(void *arg, struct buf *out)
{
	FIXTURE_DATA(server) *self = arg;

	self->rendered++;
	buf_printf(out, "%0*d\n", (int)self->bytes, 7);
}

FIXTURE_SETUP(server)
{
	memset(self, 0, sizeof(*self));
	ASSERT_TRUE(scratch_make(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/m", self->dir);
	self->now = 1000;
	self->bytes = 5;
	self->k = metrics_server_open(self->path, self->dir, render, self, &self->counters);
	ASSERT_NE(NULL, self->k);
}

FIXTURE_TEARDOWN(server)
{
	metrics_server_close(self->k);
	EXPECT_NE(0, access(self->path, F_OK));
	scratch_remove(self->dir);
}

static int dial(FIXTURE_DATA(server) * self, const char *text)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(to.sun_path, self->path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
	    send(fd, text, strlen(text), MSG_NOSIGNAL) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void steps(FIXTURE_DATA(server) * self, int n)
{
	while (n-- > 0)
		metrics_server_step(self->k, self->now);
}

static size_t connections(FIXTURE_DATA(server) * self)
{
	struct pollfd fds[METRICS_FDS_MAX];

	return metrics_server_poll(self->k, fds) - 1;
}

/* Bytes that are there; -1: none, and more may come; 0: hung up. */
static ssize_t hear(int fd, char *room, size_t n)
{
	ssize_t got = recv(fd, room, n - 1, 0);

	room[got > 0 ? got : 0] = '\0';
	return got;
}

TEST_F(server, rendered_once_for_all_who_ask_at_once)
{
	char room[4096];
	int fd[3];

	for (size_t i = 0; i < 3; i++)
		ASSERT_LE(0, fd[i] = dial(self, "GET /metrics HTTP/1.1\r\n\r\n"));
	steps(self, 3);
	EXPECT_EQ(1, self->rendered);
	EXPECT_EQ(3, self->counters.value[COUNTER_METRICS_REQUESTS]);
	for (size_t i = 0; i < 3; i++) {
		ASSERT_LT(0, hear(fd[i], room, sizeof(room)));
		EXPECT_NE(NULL, strstr(room, "Content-Length: 6\r\n"));
		EXPECT_STREQ("00007\n", strstr(room, "\r\n\r\n") + 4);
		EXPECT_EQ(0, hear(fd[i], room, sizeof(room)));
		close(fd[i]);
	}
	steps(self, 1);
	EXPECT_EQ(0, connections(self));
	EXPECT_EQ(0, self->counters.value[COUNTER_METRICS_DROPPED]);
}

/* For one more goes who has an answer already, else who came first. */
TEST_F(server, one_too_many)
{
	int fd[METRICS_CLIENTS_MAX], more[2];
	char room[4096];

	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++) {
		fd[i] = dial(self, i == 3 ? "GET /metrics HTTP/1.1\r\n\r\n" : "GET");
		ASSERT_LE(0, fd[i]);
		steps(self, 1);
	}
	EXPECT_EQ(METRICS_CLIENTS_MAX, connections(self));
	ASSERT_LE(0, more[0] = dial(self, "G"));
	steps(self, 1);
	EXPECT_EQ(0, self->counters.value[COUNTER_METRICS_DROPPED]);
	EXPECT_EQ(-1, hear(fd[0], room, sizeof(room)));
	ASSERT_LE(0, more[1] = dial(self, "GET /metrics HTTP/1.1\r\n\r\n"));
	steps(self, 2);
	EXPECT_EQ(1, self->counters.value[COUNTER_METRICS_DROPPED]);
	EXPECT_EQ(METRICS_CLIENTS_MAX, connections(self));
	EXPECT_EQ(0, hear(fd[0], room, sizeof(room)));
	EXPECT_EQ(-1, hear(fd[1], room, sizeof(room)));
	EXPECT_LT(0, hear(more[1], room, sizeof(room)));
	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++)
		close(fd[i]);
	close(more[0]);
	close(more[1]);
}

TEST_F(server, time_is_up)
{
	char room[4096];
	int half, deaf;

	self->bytes = 900000; /* more than a socket holds */
	ASSERT_LE(0, half = dial(self, "GET /met"));
	ASSERT_LE(0, deaf = dial(self, "GET /metrics HTTP/1.1\r\n\r\n"));
	steps(self, 2);
	EXPECT_EQ(1000 + METRICS_TIME_MS, metrics_server_at(self->k, UINT64_MAX));
	self->now += METRICS_TIME_MS - 1;
	EXPECT_EQ(1, send(half, "r", 1, MSG_NOSIGNAL));
	steps(self, 2);
	EXPECT_EQ(2, connections(self));
	self->now++;
	steps(self, 1);
	EXPECT_EQ(0, connections(self));
	EXPECT_EQ(2, self->counters.value[COUNTER_METRICS_DROPPED]);
	EXPECT_EQ(0, hear(half, room, sizeof(room)));
	EXPECT_EQ(UINT64_MAX, metrics_server_at(self->k, UINT64_MAX));
	close(half);
	close(deaf);
}

TEST_F(server, a_text_that_could_not_be_made)
{
	char room[4096];
	int fd;

	self->bytes = METRICS_TEXT_MAX;
	ASSERT_LE(0, fd = dial(self, "GET /metrics HTTP/1.1\r\n\r\n"));
	steps(self, 2);
	ASSERT_LT(0, hear(fd, room, sizeof(room)));
	EXPECT_EQ(0, strncmp(room, "HTTP/1.1 503 ", 13));
	close(fd);
}

TEST_HARNESS_MAIN
