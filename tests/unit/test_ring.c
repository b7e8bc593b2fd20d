// SPDX-License-Identifier: MIT
/*
 * The reader of a ring, fed by a file that is laid out like one: what the kernel
 * does by mapping its pages twice is done here by writing them twice.
 */
#include <kselftest_harness.h>

#include "inspector/inspector.h"
#include "lib/msg.h"
#include "scratch.h"
#include "source/ring.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PAGE 4096u
#define SIZE (2 * PAGE)

FIXTURE(ring)
{
	int fd;
	uint8_t *map;
	struct sluice_ring_consumer *consumer;
	struct sluice_ring_producer *producer;
	struct counters counters;
	struct ring *ring;
	char error[RING_ERROR_MAX];
};

FIXTURE_SETUP(ring)
{
	ASSERT_EQ(PAGE, sysconf(_SC_PAGESIZE));
	self->fd = memfd_create("ring", MFD_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ftruncate(self->fd, 2 * PAGE + 2 * SIZE));
	self->map = mmap(NULL, 2 * PAGE + 2 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->fd, 0);
	ASSERT_NE(MAP_FAILED, self->map);
	self->consumer = (void *)self->map;
	self->producer = (void *)(self->map + PAGE);
	self->producer->data_size = SIZE;
	self->producer->abi_version = SLUICE_ABI_VERSION;
	self->ring = ring_open(self->fd, &self->counters, self->error);
	ASSERT_NE(NULL, self->ring);
}

FIXTURE_TEARDOWN(ring)
{
	ring_close(self->ring);
	munmap(self->map, 2 * PAGE + 2 * SIZE);
	close(self->fd);
}

static void put(FIXTURE_DATA(ring) * r, uint64_t position, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = (position + i) & (SIZE - 1);

		r->map[2 * PAGE + at] = r->map[2 * PAGE + SIZE + at] = ((const uint8_t *)p)[i];
	}
}

/* Reserves and writes a record of n bytes; flags go into its length. */
static uint64_t produce(FIXTURE_DATA(ring) * r, void *record, uint16_t type, size_t n,
			uint32_t flags)
{
	struct sluice_record *h = record;
	uint64_t position = r->producer->position;

	h->length = (uint32_t)n | flags;
	h->type = type;
	put(r, position, record, n);
	r->producer->position = position + ((n + 7) & ~7ull);
	return position;
}

static uint64_t produce_data(FIXTURE_DATA(ring) * r, uint64_t session, const char *text,
			     uint32_t flags)
{
	union {
		struct sluice_record_data d;
		uint8_t room[2 * SIZE];
	} u = {.d.session = session};

	memcpy(u.d.payload, text, strlen(text));
	return produce(r, &u, SLUICE_RECORD_DATA, sizeof(u.d) + strlen(text), flags);
}

/* Session number of the next record, 0: none. */
static uint64_t next(FIXTURE_DATA(ring) * r)
{
	const struct sluice_record_data *d = (const void *)ring_next(r->ring);

	return d ? d->session : 0;
}

TEST_F(ring, order_and_release)
{
	EXPECT_EQ(0, next(self));
	for (uint64_t i = 1; i <= 3; i++)
		produce_data(self, i, "odd", 0);
	for (uint64_t i = 1; i <= 3; i++)
		EXPECT_EQ(i, next(self));
	EXPECT_EQ(0, next(self));
	EXPECT_EQ(0, self->consumer->position);
	ring_release(self->ring);
	EXPECT_EQ(self->producer->position, self->consumer->position);
}

TEST_F(ring, around_the_end)
{
	char text[1000];

	for (uint64_t i = 1; i < 200; i++) {
		const struct sluice_record_data *d;
		size_t n = 1 + i * 37 % (sizeof(text) - 1);

		memset(text, 'a' + (int)(i % 26), n);
		text[n] = '\0';
		if (n == sizeof(text))
			continue;
		produce_data(self, i, text, 0);
		d = (const void *)ring_next(self->ring);
		ASSERT_NE(NULL, d);
		EXPECT_EQ(i, d->session);
		EXPECT_EQ(0, memcmp(d->payload, text, n));
		ring_release(self->ring);
	}
	EXPECT_LT(4 * SIZE, self->consumer->position);
	EXPECT_EQ(0, self->counters.value[COUNTER_RECORDS_BAD]);
}

TEST_F(ring, busy_and_discard)
{
	struct sluice_record_data d = {.session = 2};
	uint64_t busy;

	produce_data(self, 1, "", SLUICE_RECORD_DISCARD);
	busy = produce_data(self, 2, "", SLUICE_RECORD_BUSY);
	produce_data(self, 3, "", 0);
	EXPECT_EQ(0, next(self));
	ring_release(self->ring);
	EXPECT_EQ(busy, self->consumer->position);
	d.hdr.length = sizeof(d);
	d.hdr.type = SLUICE_RECORD_DATA;
	put(self, busy, &d, sizeof(d));
	EXPECT_EQ(2, next(self));
	EXPECT_EQ(3, next(self));
	EXPECT_EQ(0, next(self));
}

TEST_F(ring, nonsense)
{
	/* X(length, type, records that remain readable behind it) */
	static const struct {
		uint32_t length;
		uint16_t type;
		int bad;
		bool chain;
	} rows[] = {
		{sizeof(struct sluice_record_data) - 1, SLUICE_RECORD_DATA, 1, true},
		{sizeof(struct sluice_record_session) - 1, SLUICE_RECORD_SESSION, 1, true},
		{sizeof(struct sluice_record_end) - 1, SLUICE_RECORD_END, 1, true},
		{sizeof(struct sluice_record_lost) - 1, SLUICE_RECORD_LOST, 1, true},
		{8, 99, 0, true}, /* of a newer module */
		{8, 0, 0, true},
		{7, SLUICE_RECORD_DATA, 1, false},
		{0, SLUICE_RECORD_DATA, 1, false},
		{SIZE + 8, SLUICE_RECORD_DATA, 1, false},
		{SLUICE_RECORD_LENGTH_MASK, SLUICE_RECORD_DATA, 1, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t room[512] = {0};
		uint64_t at = produce(self, room, rows[i].type, sizeof(room), 0);
		struct sluice_record h = {.length = rows[i].length, .type = rows[i].type};

		if (rows[i].chain)
			self->producer->position = at + ((rows[i].length + 7) & ~7ull);
		put(self, at, &h, sizeof(h));
		self->counters.value[COUNTER_RECORDS_BAD] = 0;
		produce_data(self, 5, "x", 0);
		if (rows[i].chain)
			EXPECT_EQ(5, next(self));
		EXPECT_EQ(0, next(self));
		EXPECT_EQ(rows[i].bad, self->counters.value[COUNTER_RECORDS_BAD]);
		/* And it goes on. */
		produce_data(self, 6, "y", 0);
		EXPECT_EQ(6, next(self));
		ring_release(self->ring);
		EXPECT_EQ(self->producer->position, self->consumer->position);
	}
}

TEST_F(ring, refused)
{
	self->producer->abi_version = SLUICE_ABI_VERSION + 1;
	EXPECT_EQ(NULL, ring_open(self->fd, &self->counters, self->error));
	EXPECT_NE(NULL, strstr(self->error, "version"));
	self->producer->abi_version = SLUICE_ABI_VERSION;
	self->producer->data_size = SIZE + PAGE;
	EXPECT_EQ(NULL, ring_open(self->fd, &self->counters, self->error));
	EXPECT_NE(NULL, strstr(self->error, "power of two"));
	self->producer->data_size = SIZE;
	EXPECT_EQ(NULL, ring_open(-1, &self->counters, self->error));
}

/* --------------------------------------------------------------- inspector */

static void tuple(struct sluice_tuple *t, const char *src, uint16_t src_port, const char *dst,
		  uint16_t dst_port)
{
	inet_pton(AF_INET, src, t->src_ip);
	inet_pton(AF_INET, dst, t->dst_ip);
	t->src_port = htons(src_port);
	t->dst_port = htons(dst_port);
}

static void segment(FIXTURE_DATA(ring) * r, uint8_t dir, uint16_t flags, uint32_t sequence,
		    const char *text)
{
	union {
		struct sluice_record_data d;
		uint8_t room[1024];
	} u = {.d = {.hdr.flags = flags,
		     .session = 42,
		     .time = 7000,
		     .sequence = sequence,
		     .direction = dir}};

	memcpy(u.d.payload, text, strlen(text));
	produce(r, &u, SLUICE_RECORD_DATA, sizeof(u.d) + strlen(text), 0);
}

#define REQUEST "GET /f HTTP/1.1\r\nHost: h\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* A download behind source NAT, one record lost at the end, from records to messages. */
static void produce_session(FIXTURE_DATA(ring) * r)
{
	struct sluice_record_session s = {
		.session = 42,
		.time = 6000,
		.netns = 77,
		.zone = 3,
		.uid = SLUICE_UID_NONE,
		.share_mask = 0xfff,
		.family = AF_INET,
		.protocol = IPPROTO_TCP,
		.in_name = "eth0",
		.out_name = "0123456789abcdeX",
	};
	struct sluice_record_end e = {.session = 42, .time = 8000, .reason = SLUICE_END_FIN};
	struct sluice_record_lost l = {.records = 3, .bytes = 100};

	tuple(&s.original, "10.0.0.1", 1000, "192.0.2.1", 80);
	tuple(&s.reply, "192.0.2.1", 80, "198.51.100.1", 6000);
	produce(r, &s, SLUICE_RECORD_SESSION, sizeof(s), 0);
	segment(r, 0, SLUICE_DATA_SYN, 100, "");
	segment(r, 1, SLUICE_DATA_SYN | SLUICE_DATA_ACK, 200, "");
	segment(r, 0, SLUICE_DATA_ACK, 101, REQUEST);
	segment(r, 1, SLUICE_DATA_ACK, 201, ANSWER);
	segment(r, 1, SLUICE_DATA_FIN, 201 + strlen(ANSWER), "");
	segment(r, 9, SLUICE_DATA_ACK, 1, "no such direction");
	produce(r, &e, SLUICE_RECORD_END, sizeof(e), 0);
	produce(r, &l, SLUICE_RECORD_LOST, sizeof(l), 0);
}

static uint64_t counter_in(const struct msg_view *v, const char *name)
{
	const uint8_t *p;
	uint16_t tag;
	size_t at = 0, n;
	bool mine = false;

	while (msg_next(v, &at, &tag, &p, &n)) {
		if (tag == MSG_A_COUNTER_NAME) {
			mine = n == strlen(name) && memcmp(p, name, n) == 0;
		} else if (mine && tag == MSG_A_COUNTER_VALUE) {
			uint64_t value;

			memcpy(&value, p, sizeof(value));
			return value;
		}
	}
	return 0;
}

TEST_F(ring, inspector)
{
	static uint8_t room[MSG_MAX];
	char dir[SCRATCH_MAX], text[INET_TEXT_MAX];
	struct sighting s;
	struct msg_view v;
	int pair[2], status, sightings = 0, reports = 0;
	pid_t pid;

	ASSERT_TRUE(scratch_make(dir));
	ASSERT_TRUE(msg_pair(pair));
	produce_session(self);
	pid = fork();
	if (pid == 0) {
		struct inspector_config c = {
			.supervisor = pair[1],
			.ring_fd = self->fd,
			.spool.dir = dir,
			.files = FILE_LIMITS_DEFAULT,
		};

		close(pair[0]);
		exit(inspector_run(&c));
	}
	close(pair[1]);
	while (msg_receive(pair[0], room, &v) == MSG_OK) {
		if (v.type == MSG_SIGHTING) {
			sightings++;
			ASSERT_TRUE(sighting_decode(&s, &v));
			/* Everything before the signal is handled, whenever that comes. */
			kill(pid, SIGTERM);
		} else if (v.type == MSG_COUNTERS) {
			reports++;
			EXPECT_EQ(3, counter_in(&v, "ring_lost_records"));
			EXPECT_EQ(100, counter_in(&v, "ring_lost_bytes"));
			EXPECT_EQ(1, counter_in(&v, "records_bad"));
			EXPECT_EQ(5, counter_in(&v, "packets"));
			EXPECT_EQ(1, counter_in(&v, "sessions"));
		}
	}
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, sightings);
	EXPECT_EQ(1, reports);
	EXPECT_EQ(FILE_STATE_COMPLETE, s.state);
	EXPECT_EQ(5, s.size);
	EXPECT_EQ(DIRECTION_DOWNLOAD, s.direction);
	EXPECT_EQ(42, s.session.id);
	EXPECT_EQ(77, s.session.netns);
	EXPECT_EQ(3, s.session.zone);
	EXPECT_STREQ("10.0.0.1", inet_text(&s.session.end[DIR_OPENER], text));
	EXPECT_EQ(1000, s.session.end[DIR_OPENER].port);
	EXPECT_STREQ("198.51.100.1", inet_text(&s.session.nat[DIR_OPENER], text));
	EXPECT_EQ(6000, s.session.nat[DIR_OPENER].port);
	EXPECT_STREQ("192.0.2.1", inet_text(&s.session.end[DIR_ANSWERER], text));
	EXPECT_EQ(0, s.session.nat[DIR_ANSWERER].family);
	EXPECT_STREQ("eth0", s.session.in_name);
	EXPECT_STREQ("0123456789abcde", s.session.out_name);
	EXPECT_EQ(self->producer->position, self->consumer->position);
	sighting_free(&s);
	scratch_remove(dir);
	close(pair[0]);
}

TEST_F(ring, inspector_ends_with_its_supervisor)
{
	char dir[SCRATCH_MAX];
	int pair[2], status;
	pid_t pid;

	ASSERT_TRUE(scratch_make(dir));
	ASSERT_TRUE(msg_pair(pair));
	pid = fork();
	if (pid == 0) {
		struct inspector_config c = {
			.supervisor = pair[1],
			.ring_fd = self->fd,
			.spool.dir = dir,
			.files = FILE_LIMITS_DEFAULT,
		};

		close(pair[0]);
		exit(inspector_run(&c));
	}
	close(pair[1]);
	close(pair[0]);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	scratch_remove(dir);
}

TEST_HARNESS_MAIN
