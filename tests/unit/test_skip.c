// SPDX-License-Identifier: MIT
/*
 * What nobody wants and the source leaves out: TCP order against a kernel that is played
 * here, and HTTP behind it.
 */
#include <kselftest_harness.h>

#include "conversation.h"
#include "stream/tracker.h"

#include <netinet/in.h>

#define SECOND 1000000000ull
#define MB (1u << 20)

/* ------------------------------------------------------------------ TCP order */

/* The byte at a place of a stream. */
static uint8_t byte_at(uint64_t place)
{
	return (uint8_t)(place * 2654435761u >> 13);
}

struct flow_seen {
	uint64_t place; /* of the next byte */
	uint64_t data, gap;
	int eofs;
	bool wrong;
	uint64_t want_skip; /* said once data reached this place, 0: never */
	uint64_t skip_n;
	uint64_t wanted_gap; /* gaps outside of what was not wanted */
	uint64_t skip_from, skip_to;
};

struct tcp_world {
	struct counters counters;
	struct tcp_limits limits;
	struct tcp *tcp;
	uint32_t first; /* sequence number of the answerer's first byte */
	struct flow_seen seen;
	/* what the kernel was asked for */
	size_t asked;
	uint64_t ask_from, ask_to; /* places */
};

static void maybe_skip(struct tcp_world *w)
{
	struct flow_seen *f = &w->seen;

	if (!f->want_skip || f->place < f->want_skip)
		return;
	f->skip_from = f->place;
	f->skip_to = f->skip_n > UINT64_MAX - f->place ? UINT64_MAX : f->place + f->skip_n;
	f->want_skip = 0;
	tcp_skip(w->tcp, DIR_ANSWERER, f->skip_n);
}

static void on_data(void *arg, enum dir dir, const uint8_t *p, size_t n, uint64_t time)
{
	struct tcp_world *w = arg;
	struct flow_seen *f = &w->seen;

	if (dir != DIR_ANSWERER)
		return;
	f->wrong |= f->eofs;
	for (size_t i = 0; i < n; i++)
		f->wrong |= p[i] != byte_at(f->place + i);
	f->place += n;
	f->data += n;
	maybe_skip(w);
}

static void on_gap(void *arg, enum dir dir, uint64_t n, uint64_t time)
{
	struct tcp_world *w = arg;
	struct flow_seen *f = &w->seen;

	if (dir != DIR_ANSWERER)
		return;
	f->wrong |= f->eofs || !n;
	if (f->place < f->skip_from || f->place + n > f->skip_to)
		f->wanted_gap += n;
	f->place += n;
	f->gap += n;
	maybe_skip(w);
}

static void on_eof(void *arg, enum dir dir, uint64_t time)
{
	struct tcp_world *w = arg;

	w->seen.eofs += dir == DIR_ANSWERER;
}

static void on_skip(void *arg, enum dir dir, uint32_t sequence, uint64_t n)
{
	struct tcp_world *w = arg;
	uint64_t from =
		w->seen.place + (uint32_t)(sequence - w->first - (uint32_t)w->seen.place);

	w->asked++;
	w->ask_from = from;
	w->ask_to = from + n;
}

static void tcp_world_open(struct tcp_world *w, uint32_t isn)
{
	static const struct tcp_sink sink = {on_data, on_gap, on_eof, on_skip};

	memset(w, 0, sizeof(*w));
	w->limits = (struct tcp_limits)TCP_LIMITS_DEFAULT;
	w->tcp = tcp_new(&w->limits, &w->counters, &sink, w);
	w->first = isn + 1;
	tcp_segment(w->tcp,
		    &(struct tcp_segment){.dir = DIR_OPENER, .flags = TCP_SYN, .sequence = 10});
	tcp_segment(w->tcp, &(struct tcp_segment){.dir = DIR_ANSWERER,
						  .flags = TCP_SYN | TCP_ACK,
						  .sequence = isn,
						  .acknowledgment = 11});
}

/* Bytes of the answerer from that place on. */
static enum tcp_end put(struct tcp_world *w, uint64_t place, size_t n, uint8_t flags, bool lost)
{
	uint8_t *p = malloc(n ? n : 1);
	struct tcp_segment s = {
		.dir = DIR_ANSWERER,
		.flags = TCP_ACK | flags,
		.sequence = w->first + (uint32_t)place,
		.acknowledgment = 11,
		.payload = p,
		.len = n,
		.wire_len = n,
		.time = SECOND,
		.lost_before = lost,
	};
	enum tcp_end end;

	for (size_t i = 0; i < n; i++)
		p[i] = byte_at(place + i);
	end = tcp_segment(w->tcp, &s);
	free(p);
	return end;
}

/* The opener says what it has got, with a byte of its own or with other flags. */
static enum tcp_end got(struct tcp_world *w, uint64_t place, uint8_t flags)
{
	return tcp_segment(w->tcp, &(struct tcp_segment){
					   .dir = DIR_OPENER,
					   .flags = TCP_ACK | flags,
					   .sequence = 11,
					   .acknowledgment = w->first + (uint32_t)place,
					   .time = SECOND,
				   });
}

static void skip_at(struct tcp_world *w, uint64_t place, uint64_t n)
{
	w->seen.want_skip = place;
	w->seen.skip_n = n;
}

TEST(left_out)
{
	struct tcp_world w;

	tcp_world_open(&w, 1000);
	skip_at(&w, 100, MB);
	put(&w, 0, 100, 0, false);
	EXPECT_EQ(1, w.asked);
	EXPECT_EQ(100, w.ask_from);
	EXPECT_EQ(100 + MB, w.ask_to);
	EXPECT_EQ(100, w.seen.place);
	/* At once, and exactly. */
	put(&w, 100 + MB, 50, 0, false);
	EXPECT_EQ(150 + MB, w.seen.place);
	EXPECT_EQ(MB, w.seen.gap);
	EXPECT_FALSE(w.seen.wrong);
	EXPECT_EQ(0, w.counters.value[COUNTER_TCP_GAPS]);
	EXPECT_EQ(0, w.counters.value[COUNTER_TCP_OUT_OF_ORDER]);
	EXPECT_EQ(1, w.counters.value[COUNTER_SKIPS]);
	EXPECT_EQ(MB, w.counters.value[COUNTER_SKIP_BYTES]);
	EXPECT_EQ(MB, w.counters.value[COUNTER_SKIPPED_BYTES]);
	put(&w, 150 + MB, 0, TCP_FIN, false);
	EXPECT_EQ(1, w.seen.eofs);
	tcp_free(w.tcp);
}

TEST(too_few)
{
	struct tcp_world w;

	tcp_world_open(&w, 1000);
	skip_at(&w, 100, 65535);
	put(&w, 0, 100, 0, false);
	EXPECT_EQ(0, w.asked);
	skip_at(&w, 200, 65536);
	put(&w, 100, 100, 0, false);
	EXPECT_EQ(1, w.asked);
	tcp_free(w.tcp);
}

/* What has come already is not asked for, where that leaves too few. */
TEST(came_already)
{
	struct tcp_world w;

	tcp_world_open(&w, 1000);
	skip_at(&w, 100, 80000);
	put(&w, 60000, 30000, 0, false);
	put(&w, 0, 100, 0, false);
	EXPECT_EQ(0, w.asked);
	tcp_free(w.tcp);
}

TEST(acknowledged)
{
	struct tcp_world w;

	tcp_world_open(&w, 1000);
	skip_at(&w, 100, MB);
	put(&w, 0, 100, 0, false);
	got(&w, 5000, 0);
	EXPECT_EQ(5000, w.seen.place);
	/* Late, and older than that: it came again, whatever it is. */
	put(&w, 100, 1000, 0, false);
	EXPECT_EQ(5000, w.seen.place);
	put(&w, 4000, 2000, 0, false);
	EXPECT_EQ(6000, w.seen.place);
	got(&w, 100 + MB, 0);
	EXPECT_EQ(100 + MB, w.seen.place);
	/* What is behind is waited for like anything else. */
	got(&w, 200 + MB, 0);
	EXPECT_EQ(100 + MB, w.seen.place);
	EXPECT_EQ(0, w.seen.wanted_gap);
	EXPECT_FALSE(w.seen.wrong);
	tcp_free(w.tcp);
}

TEST(the_first_byte_behind_is_late)
{
	struct tcp_world w;

	tcp_world_open(&w, 1000);
	skip_at(&w, 100, MB);
	put(&w, 0, 100, 0, false);
	put(&w, 150 + MB, 50, 0, false);
	EXPECT_EQ(100 + MB, w.seen.place);
	put(&w, 100 + MB, 50, 0, false);
	EXPECT_EQ(200 + MB, w.seen.place);
	EXPECT_EQ(MB, w.seen.gap);
	EXPECT_FALSE(w.seen.wrong);
	tcp_free(w.tcp);
}

TEST(lost_by_the_source_within_and_behind)
{
	struct tcp_world w;

	tcp_world_open(&w, 1000);
	skip_at(&w, 100, MB);
	put(&w, 0, 100, 0, false);
	put(&w, 5000, 100, 0, true);
	EXPECT_EQ(5100, w.seen.place);
	put(&w, 150 + MB, 50, 0, true);
	EXPECT_EQ(200 + MB, w.seen.place);
	EXPECT_EQ(1, w.counters.value[COUNTER_TCP_GAPS]);
	EXPECT_EQ(50, w.counters.value[COUNTER_TCP_GAP_BYTES]);
	EXPECT_EQ(50, w.seen.wanted_gap);
	EXPECT_FALSE(w.seen.wrong);
	tcp_free(w.tcp);
}

TEST(fin_within)
{
	struct tcp_world w;

	tcp_world_open(&w, 1000);
	skip_at(&w, 100, UINT64_MAX);
	put(&w, 0, 100, 0, false);
	EXPECT_EQ(1, w.asked);
	put(&w, 7000, 0, TCP_FIN, false);
	EXPECT_EQ(7000, w.seen.place);
	EXPECT_EQ(1, w.seen.eofs);
	EXPECT_EQ(TCP_CLOSED_FIN, got(&w, 7001, TCP_FIN));
	tcp_free(w.tcp);
}

TEST(reset_within)
{
	struct tcp_world w;

	tcp_world_open(&w, 1000);
	skip_at(&w, 100, MB);
	put(&w, 0, 100, 0, false);
	/* Of a sequence number that is not of this stream, or by the other end. */
	EXPECT_EQ(TCP_OPEN, put(&w, 101 + 2 * MB, 0, TCP_RST, false));
	EXPECT_EQ(TCP_CLOSED_RST, put(&w, 9000, 0, TCP_RST, false));
	EXPECT_EQ(9000, w.seen.place);
	tcp_free(w.tcp);

	tcp_world_open(&w, 1000);
	skip_at(&w, 100, MB);
	put(&w, 0, 100, 0, false);
	EXPECT_EQ(TCP_CLOSED_RST, got(&w, 9000, TCP_RST));
	EXPECT_EQ(9000, w.seen.place);
	tcp_free(w.tcp);
}

/* Gigabytes are asked for in parts, and sequence numbers come round again. */
TEST(in_parts)
{
	uint64_t end = 100 + (5ull << 30);
	struct tcp_world w;

	tcp_world_open(&w, 4000000000u);
	skip_at(&w, 100, 5ull << 30);
	put(&w, 0, 100, 0, false);
	for (size_t part = 1; part <= 10; part++) {
		EXPECT_EQ(part, w.asked);
		EXPECT_EQ(w.seen.place, w.ask_from + (part > 1 ? 1000 : 0));
		put(&w, w.ask_to, 1000, 0, false);
	}
	EXPECT_EQ(10, w.asked);
	EXPECT_EQ(end, w.ask_to);
	EXPECT_EQ(end + 1000, w.seen.place);
	EXPECT_EQ(10 * 1000 + 100, w.seen.data);
	EXPECT_EQ(0, w.seen.wanted_gap);
	EXPECT_FALSE(w.seen.wrong);
	tcp_free(w.tcp);
}

/*
 * Packets of all sizes, in disorder, more than once, from a kernel that leaves out what it
 * was asked to as it does (kmod/request.c), some time after it was asked.
 */
struct play {
	struct tcp_world w;
	uint64_t from, to; /* what the kernel leaves out by now */
	unsigned int delay;
	uint64_t captured, left_out;
};

static void play_packet(struct play *p, uint64_t at, uint64_t end, bool last)
{
	uint8_t flags = last ? TCP_FIN : 0;
	uint64_t n = end - at;

	if (p->w.asked && p->delay && --p->delay == 0) {
		p->from = p->w.ask_from;
		p->to = p->w.ask_to;
	}
	if (at >= p->from && end <= p->to)
		at = end;
	else if (at >= p->from && at < p->to)
		at = p->to;
	else if (at < p->from && end > p->from && end <= p->to && !last)
		end = p->from;
	p->captured += end - at;
	p->left_out += n - (end - at);
	if (end > at || last)
		put(&p->w, at, end - at, flags, false);
}

static unsigned int below(unsigned int *seed, unsigned int n)
{
	return (unsigned int)rand_r(seed) % n;
}

TEST(played)
{
	size_t rounds = 0; /* in which there was enough to be left out */

	for (unsigned int round = 0; round < 300; round++) {
		unsigned int seed = round, count = 0;
		uint64_t at = 0, total = 200000 + below(&seed, 200000);
		struct {
			uint64_t at, end;
		} packet[600];
		struct play p = {.delay = 1 + below(&seed, 20)};

		tcp_world_open(&p.w, (uint32_t)rand_r(&seed) * 2);
		skip_at(&p.w, 1 + below(&seed, 60000), 70000 + below(&seed, 60000));
		while (at < total) {
			uint64_t n = 1 + below(&seed, below(&seed, 8) ? 1448 : 40000);

			packet[count].at = at;
			at += n;
			packet[count++].end = at < total ? at : total;
		}
		for (unsigned int i = 0; i < count; i++) {
			/* Later, and something else before it. */
			unsigned int other = i + below(&seed, below(&seed, 4) ? 1 : 6);

			if (other < count && other != i) {
				play_packet(&p, packet[other].at, packet[other].end,
					    other == count - 1);
			}
			play_packet(&p, packet[i].at, packet[i].end, i == count - 1);
			if (!below(&seed, 16)) /* has the opener got it? */
				got(&p.w, packet[i].at, 0);
			if (i && !below(&seed, 10))
				play_packet(&p, packet[i - 1].at, packet[i - 1].end, false);
		}
		EXPECT_FALSE(p.w.seen.wrong);
		EXPECT_EQ(total, p.w.seen.place);
		EXPECT_EQ(0, p.w.seen.wanted_gap);
		EXPECT_EQ(1, p.w.seen.eofs);
		EXPECT_EQ(0, p.w.counters.value[COUNTER_TCP_GAPS]);
		rounds += p.w.asked;
		EXPECT_EQ(total, p.w.seen.data + p.w.seen.gap);
		tcp_free(p.w.tcp);
	}
	EXPECT_LT(250, rounds);
}

/* -------------------------------------------------------------------- HTTP */

struct ring_world {
	struct conversation c;
	struct tracker *tracker;
	uint32_t next[DIR_COUNT];
	uint64_t time;
	size_t asked;
	enum dir ask_dir;
	uint32_t ask_sequence;
	uint64_t ask_n;
};

static void ring_skip(void *arg, const struct session_info *s, enum dir dir, uint32_t sequence,
		      uint64_t n)
{
	struct ring_world *w = arg;

	w->asked++;
	w->ask_dir = dir;
	w->ask_sequence = sequence;
	w->ask_n = n;
}

static void ring_shunt(void *arg, const struct session_info *s)
{
	((struct ring_world *)arg)->c.shunts++;
}

static void ring_segment(struct ring_world *w, enum dir dir, uint8_t flags, const void *p,
			 size_t n)
{
	struct tcp_segment s = {
		.dir = dir,
		.flags = flags | TCP_ACK,
		.sequence = w->next[dir],
		.acknowledgment = w->next[dir_other(dir)],
		.payload = p,
		.len = n,
		.wire_len = n,
		.time = w->time += SECOND / 1000,
	};

	w->next[dir] += (uint32_t)n + !!(flags & (TCP_SYN | TCP_FIN));
	tracker_segment(w->tracker, 7, &s);
}

static void ring_text(struct ring_world *w, enum dir dir, const char *text)
{
	ring_segment(w, dir, 0, text, strlen(text));
}

/* Zeros, as far as the kernel was not asked to leave them out. */
static void ring_body(struct ring_world *w, enum dir dir, uint64_t n)
{
	static const uint8_t zero[16384];

	while (n) {
		size_t part = n < sizeof(zero) ? n : sizeof(zero);
		uint32_t behind = w->next[dir] - w->ask_sequence;

		if (w->asked && w->ask_dir == dir && behind < w->ask_n &&
		    behind + part <= w->ask_n)
			w->next[dir] += (uint32_t)part;
		else
			ring_segment(w, dir, 0, zero, part);
		n -= part;
	}
}

static void ring_world_open(struct ring_world *w)
{
	static const struct tracker_limits limits = TRACKER_RING_LIMITS;
	struct file_limits files = {.max_size = 100000, .max_open = 100, .max_holes = 10};
	struct session_info info;

	memset(w, 0, sizeof(*w));
	conversation_begin(&w->c);
	file_set_free(w->c.env.files);
	w->c.env.files =
		file_set_new(w->c.spool, &files, &w->c.counters, conversation_sink, &w->c);
	w->c.env.skip = ring_skip;
	w->c.env.shunt = ring_shunt;
	w->c.env.arg = w;
	w->tracker = tracker_new(TRACKER_RING, &limits, &w->c.env);
	w->time = SECOND;
	info = w->c.info;
	info.id = 7;
	info.protocol = IPPROTO_TCP;
	tracker_begin(w->tracker, &info);
	w->next[DIR_OPENER] = 100;
	w->next[DIR_ANSWERER] = 4294900000u;
	ring_segment(w, DIR_OPENER, TCP_SYN, NULL, 0);
	ring_segment(w, DIR_ANSWERER, TCP_SYN, NULL, 0);
}

static void ring_world_close(struct ring_world *w)
{
	tracker_free(w->tracker);
	conversation_end(&w->c);
}

#define GET(name) "GET /" name " HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK_OF(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"

TEST(http_downloads_in_a_row)
{
	struct ring_world w;

	ring_world_open(&w);
	for (size_t i = 1; i <= 3; i++) {
		ring_text(&w, DIR_OPENER, GET("large"));
		ring_text(&w, DIR_ANSWERER, OK_OF("5000000"));
		ring_body(&w, DIR_ANSWERER, 5000000);
		EXPECT_EQ(i, w.asked);
		EXPECT_EQ(DIR_ANSWERER, w.ask_dir);
		ring_text(&w, DIR_OPENER, GET("small"));
		/* The request says that the answer before it was got. */
		EXPECT_EQ(2 * i - 1, w.c.files);
		ring_text(&w, DIR_ANSWERER, OK_OF("5") "hello");
		EXPECT_EQ(2 * i, w.c.files);
		EXPECT_EQ(FILE_REASON_LIMIT, reason_of(&w.c, 2 * i - 2));
		EXPECT_EQ(5000000, w.c.seen[2 * i - 2].size);
		EXPECT_TRUE(has_text(&w.c, 2 * i - 1, "hello"));
	}
	EXPECT_EQ(0, w.c.counters.value[COUNTER_TCP_GAPS]);
	EXPECT_EQ(0, w.c.counters.value[COUNTER_HTTP_ERRORS]);
	EXPECT_EQ(6, w.c.counters.value[COUNTER_HTTP_TRANSACTIONS]);
	EXPECT_GT(200000, w.c.counters.value[COUNTER_SKIP_BYTES] -
				  w.c.counters.value[COUNTER_SKIPPED_BYTES]);
	ring_world_close(&w);
}

TEST(http_pipelined)
{
	struct ring_world w;

	ring_world_open(&w);
	ring_text(&w, DIR_OPENER, GET("large") GET("small") GET("other"));
	ring_text(&w, DIR_ANSWERER, OK_OF("5000000"));
	ring_body(&w, DIR_ANSWERER, 5000000);
	ring_text(&w, DIR_ANSWERER, OK_OF("5") "hello" OK_OF("3") "you");
	EXPECT_EQ(3, w.c.files);
	EXPECT_EQ(FILE_REASON_LIMIT, reason_of(&w.c, 0));
	EXPECT_TRUE(has_text(&w.c, 1, "hello"));
	EXPECT_TRUE(has_text(&w.c, 2, "you"));
	EXPECT_STREQ("http://h/other", text_at(&w.c, 2, SIGHTING_URL));
	EXPECT_EQ(0, w.c.counters.value[COUNTER_HTTP_ERRORS]);
	ring_world_close(&w);
}

TEST(http_upload)
{
	struct ring_world w;

	ring_world_open(&w);
	ring_text(&w, DIR_OPENER,
		  "PUT /large HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n");
	ring_body(&w, DIR_OPENER, 5000000);
	EXPECT_EQ(1, w.asked);
	EXPECT_EQ(DIR_OPENER, w.ask_dir);
	ring_text(&w, DIR_ANSWERER, OK_OF("2") "ok");
	ring_text(&w, DIR_OPENER,
		  "PUT /small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
	ASSERT_EQ(3, w.c.files);
	EXPECT_EQ(FILE_REASON_LIMIT, reason_of(&w.c, 0));
	EXPECT_TRUE(has_text(&w.c, 1, "ok"));
	EXPECT_TRUE(has_text(&w.c, 2, "hello"));
	ring_world_close(&w);
}

/* How long it is shows only once it is too long. */
TEST(http_up_to_the_end)
{
	struct ring_world w;

	ring_world_open(&w);
	ring_text(&w, DIR_OPENER, "GET /large HTTP/1.0\r\n\r\n");
	ring_text(&w, DIR_ANSWERER, "HTTP/1.0 200 OK\r\n\r\n");
	ring_body(&w, DIR_ANSWERER, 90000);
	EXPECT_EQ(0, w.asked);
	ring_body(&w, DIR_ANSWERER, 5000000);
	EXPECT_EQ(1, w.asked);
	ring_segment(&w, DIR_ANSWERER, TCP_FIN, NULL, 0);
	ASSERT_EQ(1, w.c.files);
	EXPECT_EQ(FILE_REASON_LIMIT, reason_of(&w.c, 0));
	EXPECT_EQ(5090000, w.c.seen[0].size);
	ring_world_close(&w);
}

/* Nothing can be said of what a form, a chunk or a header still brings. */
TEST(http_not_known)
{
	struct ring_world w;

	ring_world_open(&w);
	ring_text(&w, DIR_OPENER, GET("large"));
	ring_text(&w, DIR_ANSWERER,
		  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7a120\r\n");
	ring_body(&w, DIR_ANSWERER, 500000);
	ring_text(&w, DIR_ANSWERER, "\r\n0\r\n\r\n");
	ring_text(&w, DIR_OPENER,
		  "POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n"
		  "Content-Type: multipart/form-data; boundary=B\r\n\r\n"
		  "--B\r\nContent-Disposition: form-data; name=f; "
		  "filename=f\r\n\r\n");
	ring_body(&w, DIR_OPENER, 300000);
	EXPECT_EQ(1, w.c.files);
	EXPECT_EQ(0, w.asked);
	ring_world_close(&w);
}

TEST(http_loss_behind)
{
	struct ring_world w;

	ring_world_open(&w);
	ring_text(&w, DIR_OPENER, GET("large"));
	ring_text(&w, DIR_ANSWERER, OK_OF("5000000"));
	ring_body(&w, DIR_ANSWERER, 5000000);
	ring_text(&w, DIR_OPENER, GET("lost"));
	/* The head of the answer does not come, then all goes on. */
	w.next[DIR_ANSWERER] += strlen(OK_OF("5"));
	ring_text(&w, DIR_ANSWERER, "hello");
	for (int i = 0; i < 3000; i++)
		ring_text(&w, DIR_OPENER, "");
	ring_text(&w, DIR_OPENER, GET("small"));
	ring_text(&w, DIR_ANSWERER, OK_OF("3") "you");
	ASSERT_LE(2, w.c.files);
	EXPECT_EQ(FILE_REASON_LIMIT, reason_of(&w.c, 0));
	EXPECT_TRUE(has_text(&w.c, w.c.files - 1, "you"));
	ring_world_close(&w);
}

TEST(reset_while_left_out)
{
	struct ring_world w;

	ring_world_open(&w);
	ring_text(&w, DIR_OPENER, GET("large"));
	ring_text(&w, DIR_ANSWERER, OK_OF("5000000"));
	ring_body(&w, DIR_ANSWERER, 3000000);
	EXPECT_EQ(1, w.asked);
	ring_segment(&w, DIR_OPENER, TCP_RST, NULL, 0);
	ASSERT_EQ(1, w.c.files);
	EXPECT_EQ(FILE_REASON_LIMIT, reason_of(&w.c, 0));
	EXPECT_EQ(3000000, w.c.seen[0].size);
	ring_world_close(&w);
}

/* A session found in its middle is no different. */
TEST(midstream)
{
	struct ring_world w;
	struct session_info info;

	ring_world_open(&w);
	tracker_end(w.tracker, 7, FILE_REASON_NONE, w.time);
	info = w.c.info;
	info.id = 7;
	info.protocol = IPPROTO_TCP;
	info.midstream = true;
	tracker_begin(w.tracker, &info);
	ring_text(&w, DIR_OPENER, GET("large"));
	ring_text(&w, DIR_ANSWERER, OK_OF("5000000"));
	ring_body(&w, DIR_ANSWERER, 5000000);
	EXPECT_EQ(1, w.asked);
	ring_text(&w, DIR_OPENER, GET("small"));
	ring_text(&w, DIR_ANSWERER, OK_OF("5") "hello");
	ASSERT_EQ(2, w.c.files);
	EXPECT_TRUE(has_text(&w.c, 1, "hello"));
	ring_world_close(&w);
}

/* A source that cannot: the same files. */
TEST(nothing_left_out)
{
	struct ring_world w;

	ring_world_open(&w);
	tracker_end(w.tracker, 7, FILE_REASON_NONE, w.time);
	w.c.env.skip = NULL;
	tracker_begin(w.tracker, &(struct session_info){.id = 7, .protocol = IPPROTO_TCP});
	ring_text(&w, DIR_OPENER, GET("large"));
	ring_text(&w, DIR_ANSWERER, OK_OF("500000"));
	ring_body(&w, DIR_ANSWERER, 500000);
	ring_text(&w, DIR_OPENER, GET("small"));
	ring_text(&w, DIR_ANSWERER, OK_OF("5") "hello");
	EXPECT_EQ(0, w.asked);
	ASSERT_EQ(2, w.c.files);
	EXPECT_EQ(FILE_REASON_LIMIT, reason_of(&w.c, 0));
	EXPECT_EQ(500000, w.c.seen[0].size);
	EXPECT_TRUE(has_text(&w.c, 1, "hello"));
	ring_world_close(&w);
}

TEST_HARNESS_MAIN
