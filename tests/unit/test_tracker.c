// SPDX-License-Identifier: MIT
/*
 * Sessions of a source: where they begin, who opened them, how they end.
 */
#include <kselftest_harness.h>

#include "conversation.h"
#include "stream/tracker.h"

#include <netinet/in.h>

#define SECOND 1000000000ull
#define REQUEST "GET /f HTTP/1.1\r\nHost: h\r\n\r\n"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
#define ANSWER HEAD "hello"

struct world {
	struct conversation c;
	struct tracker *tracker;
	uint64_t time;
	uint16_t vlan;
	uint16_t port; /* of the client */
};

static void world_open_limited(struct world *w, size_t sessions)
{
	struct tracker_limits limits = TRACKER_CAPTURE_LIMITS;

	memset(w, 0, sizeof(*w));
	conversation_begin(&w->c);
	limits.sessions = sessions;
	w->tracker = tracker_new(TRACKER_CAPTURE, &limits, &w->c.env);
	w->time = 1000 * SECOND;
	w->port = 40000;
}

static void world_open(struct world *w)
{
	world_open_limited(w, 100);
}

static void world_close(struct world *w)
{
	tracker_free(w->tracker);
	conversation_end(&w->c);
}

static uint64_t sessions(const struct world *w)
{
	return w->c.counters.value[COUNTER_SESSIONS];
}

/* A frame between client 10.0.0.1 and server 10.0.0.2:80. */
static void frame(struct world *w, bool client, uint8_t flags, uint32_t sequence, uint32_t ack,
		  const char *text)
{
	struct frame f = {
		.protocol = IPPROTO_TCP,
		.vlan = {w->vlan},
		.tcp =
			{
				.flags = flags,
				.sequence = sequence,
				.acknowledgment = ack,
				.payload = (const uint8_t *)text,
				.len = strlen(text),
				.wire_len = strlen(text),
				.time = w->time,
			},
	};
	struct endpoint *c = client ? &f.source : &f.destination;
	struct endpoint *s = client ? &f.destination : &f.source;

	inet_parse("10.0.0.1", c);
	inet_parse("10.0.0.2", s);
	c->port = w->port;
	s->port = 80;
	tracker_frame(w->tracker, &f);
}

static void handshake(struct world *w, uint32_t isn)
{
	frame(w, true, TCP_SYN, isn, 0, "");
	frame(w, false, TCP_SYN | TCP_ACK, isn + 5000, isn + 1, "");
}

static void transaction(struct world *w, uint32_t isn, const char *answer_text)
{
	frame(w, true, TCP_ACK, isn + 1, isn + 5001, REQUEST);
	frame(w, false, TCP_ACK, isn + 5001, isn + 1 + strlen(REQUEST), answer_text);
}

static void fins(struct world *w, uint32_t isn)
{
	uint32_t client = isn + 1 + strlen(REQUEST), server = isn + 5001 + strlen(ANSWER);

	frame(w, false, TCP_FIN | TCP_ACK, server, client, "");
	frame(w, true, TCP_FIN | TCP_ACK, client, server + 1, "");
}

static void download(struct world *w, uint32_t isn)
{
	handshake(w, isn);
	transaction(w, isn, ANSWER);
	fins(w, isn);
}

TEST(download_in_a_session)
{
	struct world w;
	const struct session_info *s;

	world_open(&w);
	download(&w, 100);
	ASSERT_EQ(1, w.c.files);
	EXPECT_TRUE(has_text(&w.c, 0, "hello"));
	s = &w.c.seen[0].session;
	EXPECT_EQ(1, s->id);
	EXPECT_EQ(1000 * SECOND, s->start);
	EXPECT_EQ(40000, s->end[DIR_OPENER].port);
	EXPECT_EQ(1, s->end[DIR_OPENER].ip[3]);
	EXPECT_EQ(80, s->end[DIR_ANSWERER].port);
	EXPECT_EQ(0, s->nat[DIR_OPENER].family);
	EXPECT_EQ(UINT32_MAX, s->uid);
	EXPECT_FALSE(s->midstream);
	EXPECT_EQ(DIRECTION_DOWNLOAD, w.c.seen[0].direction);
	world_close(&w);
}

TEST(same_ports_again)
{
	struct world w;

	world_open(&w);
	download(&w, 100);
	/* Late packets of the old one, its SYN too, are not a session. */
	frame(&w, true, TCP_SYN, 100, 0, "");
	frame(&w, true, TCP_ACK, 101, 5101, REQUEST);
	frame(&w, false, TCP_RST, 9, 0, "");
	EXPECT_EQ(1, sessions(&w));
	download(&w, 70000);
	download(&w, 0xfffffff0);
	EXPECT_EQ(3, sessions(&w));
	EXPECT_EQ(3, w.c.files);
	EXPECT_EQ(3, w.c.seen[2].session.id);
	world_close(&w);
}

TEST(same_ports_while_open)
{
	struct world w;

	world_open(&w);
	handshake(&w, 100);
	frame(&w, true, TCP_ACK, 101, 5101, REQUEST);
	/* A forged SYN ends nothing, whatever answer is forged with it. */
	frame(&w, true, TCP_SYN, 777, 0, "");
	frame(&w, false, TCP_SYN | TCP_ACK, 888, 12345, "");
	frame(&w, false, TCP_ACK, 5101, 0, ANSWER);
	EXPECT_EQ(1, sessions(&w));
	EXPECT_EQ(1, w.c.files);
	/* One that the other end answers does. */
	handshake(&w, 900000);
	EXPECT_EQ(2, sessions(&w));
	transaction(&w, 900000, ANSWER);
	EXPECT_EQ(2, w.c.files);
	EXPECT_TRUE(has_text(&w.c, 1, "hello"));
	EXPECT_EQ(40000, w.c.seen[1].session.end[DIR_OPENER].port);
	world_close(&w);

	/* Where only one side is captured the SYN has to do. */
	world_open(&w);
	frame(&w, true, TCP_SYN, 100, 0, "");
	frame(&w, true, TCP_SYN, 100, 0, "");
	EXPECT_EQ(1, sessions(&w));
	frame(&w, true, TCP_SYN, 5000, 0, "");
	EXPECT_EQ(2, sessions(&w));
	world_close(&w);
}

TEST(vlans_are_apart)
{
	struct world w;

	world_open(&w);
	for (w.vlan = 10; w.vlan <= 20; w.vlan += 10)
		handshake(&w, 100);
	for (w.vlan = 10; w.vlan <= 20; w.vlan += 10)
		transaction(&w, 100, ANSWER);
	EXPECT_EQ(2, w.c.files);
	EXPECT_EQ(10, w.c.seen[0].session.vlan[0]);
	EXPECT_EQ(20, w.c.seen[1].session.vlan[0]);
	world_close(&w);
}

TEST(begin_not_seen)
{
	struct world w;

	/* The first packet is the server's, in the middle. */
	world_open(&w);
	frame(&w, false, TCP_ACK, 5101, 101, "");
	transaction(&w, 100, ANSWER);
	tracker_finish(w.tracker);
	ASSERT_EQ(1, w.c.files);
	EXPECT_EQ(80, w.c.seen[0].session.end[DIR_ANSWERER].port);
	EXPECT_TRUE(w.c.seen[0].session.midstream);
	EXPECT_EQ(DIRECTION_DOWNLOAD, w.c.seen[0].direction);
	world_close(&w);

	/* Only SYN was missed. */
	world_open(&w);
	frame(&w, false, TCP_SYN | TCP_ACK, 5100, 101, "");
	transaction(&w, 100, ANSWER);
	fins(&w, 100);
	ASSERT_EQ(1, w.c.files);
	EXPECT_EQ(80, w.c.seen[0].session.end[DIR_ANSWERER].port);
	world_close(&w);

	/* Or came after SYN/ACK. */
	world_open(&w);
	frame(&w, false, TCP_SYN | TCP_ACK, 5100, 101, "");
	frame(&w, true, TCP_SYN, 100, 0, "");
	transaction(&w, 100, ANSWER);
	EXPECT_EQ(1, sessions(&w));
	EXPECT_EQ(1, w.c.files);
	world_close(&w);
}

TEST(reset_cuts_a_file)
{
	struct world w;

	world_open(&w);
	handshake(&w, 100);
	transaction(&w, 100, HEAD "he");
	frame(&w, false, TCP_RST, 999999, 0, "");
	EXPECT_EQ(0, w.c.files);
	frame(&w, false, TCP_RST, 5101 + strlen(HEAD "he"), 0, "");
	ASSERT_EQ(1, w.c.files);
	EXPECT_EQ(FILE_REASON_RESET, w.c.seen[0].reason);
	frame(&w, false, TCP_ACK, 5101 + strlen(HEAD "he"), 0, "llo");
	EXPECT_EQ(1, sessions(&w));
	world_close(&w);
}

TEST(idle)
{
	struct world w;

	world_open(&w);
	handshake(&w, 100);
	transaction(&w, 100, HEAD "he");
	w.time += 300 * SECOND;
	w.port = 50000;
	frame(&w, true, TCP_SYN, 1, 0, "");
	EXPECT_EQ(0, w.c.files);
	w.time += 1;
	frame(&w, true, TCP_ACK, 2, 0, "");
	ASSERT_EQ(1, w.c.files);
	EXPECT_EQ(FILE_REASON_TIMEOUT, w.c.seen[0].reason);
	world_close(&w);
}

TEST(table_full)
{
	struct world w;

	world_open_limited(&w, 4);
	handshake(&w, 100);
	transaction(&w, 100, HEAD "he");
	for (w.port = 1; w.port < 4; w.port++)
		handshake(&w, 100);
	w.port = 40000;
	frame(&w, true, TCP_ACK, 101 + strlen(REQUEST), 0, ""); /* so it is not the oldest */
	w.port = 5;
	handshake(&w, 100);
	EXPECT_EQ(0, w.c.files);
	for (w.port = 6; w.port < 9; w.port++)
		handshake(&w, 100);
	ASSERT_EQ(1, w.c.files);
	EXPECT_EQ(FILE_REASON_TIMEOUT, w.c.seen[0].reason);
	EXPECT_EQ(8, sessions(&w));
	world_close(&w);
}

TEST(unwanted)
{
	static const char odd[] = "\x16\x03\x01 not a protocol of ours";
	uint32_t client = 101, server = 5101;
	struct world w;

	world_open(&w);
	handshake(&w, 100);
	/* Detection gives a session more than one chance. */
	for (int i = 0; i < 20; i++) {
		frame(&w, true, TCP_ACK, client, server, odd);
		frame(&w, false, TCP_ACK, server, client, odd);
		client += strlen(odd);
		server += strlen(odd);
	}
	EXPECT_EQ(1, w.c.shunts);
	EXPECT_EQ(1, w.c.counters.value[COUNTER_SESSIONS_UNKNOWN]);
	frame(&w, true, TCP_ACK, client, server, REQUEST);
	frame(&w, false, TCP_ACK, server, client, ANSWER);
	EXPECT_EQ(1, sessions(&w));
	EXPECT_EQ(0, w.c.files);
	world_close(&w);
}

TEST(ring)
{
	struct tracker_limits limits = TRACKER_RING_LIMITS;
	struct session_info info = {.id = 7, .start = 5, .protocol = IPPROTO_TCP};
	struct tcp_segment s = {.flags = TCP_SYN, .sequence = 100, .time = 6};
	struct world w;
	struct tracker *t;

	world_open(&w);
	limits.sessions = 2;
	t = tracker_new(TRACKER_RING, &limits, &w.c.env);
	ASSERT_NE(NULL, t);
	EXPECT_TRUE(tracker_begin(t, &info));
	EXPECT_FALSE(tracker_begin(t, &info));
	tracker_segment(t, 7, &s);
	s = (struct tcp_segment){.sequence = 101,
				 .payload = (const uint8_t *)REQUEST,
				 .len = strlen(REQUEST),
				 .wire_len = strlen(REQUEST),
				 .time = 7};
	tracker_segment(t, 7, &s);
	s = (struct tcp_segment){
		.dir = DIR_ANSWERER, .flags = TCP_SYN, .sequence = 200, .time = 8};
	tracker_segment(t, 7, &s);
	s = (struct tcp_segment){.dir = DIR_ANSWERER,
				 .sequence = 201,
				 .payload = (const uint8_t *)HEAD "he",
				 .len = strlen(HEAD "he"),
				 .wire_len = strlen(HEAD "he"),
				 .time = 9};
	tracker_segment(t, 7, &s);
	tracker_segment(t, 8, &s);
	EXPECT_EQ(1, w.c.counters.value[COUNTER_SESSIONS_REFUSED]);
	tracker_end(t, 8, FILE_REASON_NONE, 10);
	EXPECT_EQ(0, w.c.files);
	tracker_end(t, 7, FILE_REASON_RESET, 10);
	ASSERT_EQ(1, w.c.files);
	EXPECT_EQ(FILE_REASON_RESET, w.c.seen[0].reason);
	EXPECT_EQ(7, w.c.seen[0].session.id);
	/* The number may come again; a full table gives up the idlest. */
	EXPECT_TRUE(tracker_begin(t, &info));
	info.id = 8;
	EXPECT_TRUE(tracker_begin(t, &info));
	info.id = 9;
	EXPECT_TRUE(tracker_begin(t, &info));
	info.id = 7;
	EXPECT_TRUE(tracker_begin(t, &info));
	tracker_expire(t, 5 + 901 * SECOND);
	info.id = 9;
	EXPECT_TRUE(tracker_begin(t, &info));
	tracker_free(t);
	world_close(&w);
}

/* --------------------------------------------------------------------- UDP */

/* What a parser was told of a session, for as long as a test lives. */
static struct {
	struct session_info info;
	int opened, closed;
	enum file_reason reason;
	char text[DIR_COUNT][64];
} heard;

static void *listener_open(struct proto_session *ps)
{
	proto_session_expected(ps);
	heard.info = *proto_session_info(ps);
	heard.opened++;
	return &heard;
}

static void listener_datagram(void *state, enum dir dir, const uint8_t *p, size_t n,
			      uint64_t time)
{
	strncat(heard.text[dir], (const char *)p, n);
}

static void listener_close(void *state, enum file_reason reason, uint64_t time)
{
	heard.closed++;
	heard.reason = reason;
}

static const struct proto_ops listener = {
	.name = "listener",
	.open = listener_open,
	.datagram = listener_datagram,
	.close = listener_close,
};

static void expected_release(void *arg)
{
}

/* Somebody is expected to talk by UDP to 10.0.0.1, that port. */
static void expect_datagrams(struct world *w, const struct session_info *by, uint16_t port)
{
	struct expectation e = {
		.protocol = IPPROTO_UDP, .ops = &listener, .release = expected_release};

	memset(&heard, 0, sizeof(heard));
	if (!w->c.env.expected)
		w->c.env.expected =
			expect_set_new(EXPECT_MAX, EXPECT_LIFETIME, &w->c.counters);
	inet_parse("10.0.0.1", &e.answerer);
	e.answerer.port = port;
	expect_add(w->c.env.expected, by, &e, w->time);
}

static void world_close_expecting(struct world *w)
{
	struct expect_set *set = w->c.env.expected;

	world_close(w);
	expect_set_free(set);
}

/* Between 10.0.0.1 and 10.0.0.2; which of them is "client" says who sends. */
static void datagram_cut(struct world *w, bool client, uint16_t source, uint16_t destination,
			 const char *text, size_t cut)
{
	struct frame f = {
		.protocol = IPPROTO_UDP,
		.vlan = {w->vlan},
		.udp =
			{
				.payload = (const uint8_t *)text,
				.len = strlen(text) - cut,
				.wire_len = strlen(text),
				.time = w->time,
			},
	};

	inet_parse(client ? "10.0.0.1" : "10.0.0.2", &f.source);
	inet_parse(client ? "10.0.0.2" : "10.0.0.1", &f.destination);
	f.source.port = source;
	f.destination.port = destination;
	tracker_frame(w->tracker, &f);
}

static void datagram(struct world *w, bool client, uint16_t source, uint16_t destination,
		     const char *text)
{
	datagram_cut(w, client, source, destination, text, 0);
}

static struct session_info shunted;

static void keep_shunted(void *arg, const struct session_info *s)
{
	struct conversation *c = arg;

	shunted = *s;
	c->shunts++;
}

TEST(udp_answer_from_another_port_is_found)
{
	struct session_info by = {.protocol = IPPROTO_UDP};
	struct world w;

	world_open(&w);
	expect_datagrams(&w, &by, 40000);
	datagram(&w, false, 5000, 40000, "one");
	ASSERT_EQ(1, heard.opened);
	EXPECT_EQ(IPPROTO_UDP, heard.info.protocol);
	EXPECT_FALSE(heard.info.midstream);
	EXPECT_EQ(5000, heard.info.end[DIR_OPENER].port);
	EXPECT_EQ(2, heard.info.end[DIR_OPENER].ip[3]);
	EXPECT_EQ(40000, heard.info.end[DIR_ANSWERER].port);
	datagram(&w, true, 40000, 5000, "ack");
	datagram(&w, false, 5000, 40000, "two");
	EXPECT_STREQ("onetwo", heard.text[DIR_OPENER]);
	EXPECT_STREQ("ack", heard.text[DIR_ANSWERER]);
	EXPECT_EQ(1, sessions(&w));
	EXPECT_EQ(1, w.c.counters.value[COUNTER_SESSIONS_EXPECTED]);
	world_close_expecting(&w);
}

TEST(udp_idle)
{
	struct session_info by = {.protocol = IPPROTO_UDP};
	struct world w;

	world_open(&w);
	expect_datagrams(&w, &by, 40000);
	datagram(&w, false, 5000, 40000, "one");
	w.time += 60 * SECOND;
	datagram(&w, true, 1000, 2000, "no matter");
	EXPECT_EQ(0, heard.closed);
	w.time += 1;
	datagram(&w, true, 1000, 2000, "no matter");
	ASSERT_EQ(1, heard.closed);
	EXPECT_EQ(FILE_REASON_TIMEOUT, heard.reason);
	world_close_expecting(&w);
}

TEST(udp_nobody_wants_is_asked_once)
{
	struct world w;

	world_open(&w);
	for (int i = 0; i < 10; i++) {
		datagram(&w, true, 40000, 53, "\x12\x34\x01\x20 a question");
		datagram(&w, false, 53, 40000, "\x12\x34\x81\x20 an answer");
	}
	EXPECT_EQ(1, sessions(&w));
	EXPECT_EQ(1, w.c.shunts);
	EXPECT_EQ(1, w.c.counters.value[COUNTER_SESSIONS_UNKNOWN]);
	world_close(&w);
}

TEST(udp_opener)
{
	static const struct {
		uint16_t source, destination;
		bool source_opened;
	} cases[] = {
		{40000, 53, true},   {53, 40000, false}, {5000, 40000, true},
		{40000, 5000, true}, {123, 123, true},	 {800, 2049, true},
		{2049, 800, false},  {2049, 40000, false}, {40000, 2049, true},
		{2049, 80, true},    {80, 2049, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool as_said = cases[i].source_opened;
		struct world w;

		world_open(&w);
		w.c.env.shunt = keep_shunted;
		for (int n = 0; n < DATAGRAMS_PROBED; n++)
			datagram(&w, true, cases[i].source, cases[i].destination, "?");
		EXPECT_EQ(1, w.c.shunts);
		EXPECT_EQ(as_said ? 1 : 2, shunted.end[DIR_OPENER].ip[3])
		{
			TH_LOG("%u to %u", cases[i].source, cases[i].destination);
		}
		EXPECT_EQ(as_said ? cases[i].source : cases[i].destination,
			  shunted.end[DIR_OPENER].port);
		EXPECT_EQ(!as_said, shunted.midstream);
		world_close(&w);
	}
}

TEST(udp_cut_by_the_capture_is_not_read)
{
	struct session_info by = {.protocol = IPPROTO_UDP};
	struct world w;

	world_open(&w);
	expect_datagrams(&w, &by, 40000);
	datagram(&w, false, 5000, 40000, "one");
	datagram_cut(&w, false, 5000, 40000, "two", 1);
	datagram(&w, false, 5000, 40000, "three");
	EXPECT_STREQ("onethree", heard.text[DIR_OPENER]);
	EXPECT_EQ(1, w.c.counters.value[COUNTER_DATAGRAMS_CUT]);
	world_close_expecting(&w);
}

TEST(udp_flood_costs_no_session_of_tcp)
{
	struct session_info by = {.protocol = IPPROTO_UDP};
	struct tracker_limits limits = TRACKER_CAPTURE_LIMITS;
	struct world w;

	world_open(&w);
	tracker_free(w.tracker);
	limits.sessions = limits.udp_sessions = 4;
	w.tracker = tracker_new(TRACKER_CAPTURE, &limits, &w.c.env);
	handshake(&w, 100);
	transaction(&w, 100, HEAD "he");
	expect_datagrams(&w, &by, 40000);
	datagram(&w, false, 80, 40000, "the same ports as with TCP");
	EXPECT_EQ(1, heard.opened);
	for (uint16_t port = 1; port < 100; port++)
		datagram(&w, true, port, 53, "?");
	EXPECT_EQ(1, heard.closed);
	EXPECT_EQ(FILE_REASON_TIMEOUT, heard.reason);
	EXPECT_EQ(0, w.c.files);
	frame(&w, false, TCP_ACK, 5101 + strlen(HEAD "he"), 0, "llo");
	ASSERT_EQ(1, w.c.files);
	EXPECT_TRUE(has_text(&w.c, 0, "hello"));
	world_close_expecting(&w);
}

TEST(udp_ring)
{
	struct tracker_limits limits = TRACKER_RING_LIMITS;
	struct session_info info = {.id = 7, .start = 5, .protocol = IPPROTO_UDP};
	struct session_info stream = {.id = 8, .start = 5, .protocol = IPPROTO_TCP};
	struct tcp_segment s = {.flags = TCP_SYN, .sequence = 100, .time = 6};
	struct world w;
	struct tracker *t;

	world_open(&w);
	inet_parse("10.0.0.2", &info.end[DIR_OPENER]);
	inet_parse("10.0.0.1", &info.end[DIR_ANSWERER]);
	info.end[DIR_ANSWERER].port = 40000;
	expect_datagrams(&w, &info, 40000);
	t = tracker_new(TRACKER_RING, &limits, &w.c.env);
	ASSERT_NE(NULL, t);
	EXPECT_TRUE(tracker_begin(t, &info));
	EXPECT_TRUE(tracker_begin(t, &stream));
	EXPECT_FALSE(tracker_begin(t, &info));
	info.protocol = IPPROTO_TCP;
	EXPECT_FALSE(tracker_begin(t, &info));
	tracker_datagram(t, 7, DIR_OPENER, (const uint8_t *)"one", 3, 6);
	tracker_datagram(t, 7, DIR_ANSWERER, (const uint8_t *)"two", 3, 7);
	EXPECT_STREQ("one", heard.text[DIR_OPENER]);
	EXPECT_STREQ("two", heard.text[DIR_ANSWERER]);
	/* A record of the wrong kind finds nobody. */
	EXPECT_EQ(0, w.c.counters.value[COUNTER_SESSIONS_REFUSED]);
	tracker_segment(t, 7, &s);
	tracker_datagram(t, 8, DIR_OPENER, (const uint8_t *)"one", 3, 8);
	tracker_datagram(t, 9, DIR_OPENER, (const uint8_t *)"one", 3, 8);
	EXPECT_EQ(3, w.c.counters.value[COUNTER_SESSIONS_REFUSED]);
	tracker_end(t, 7, FILE_REASON_TIMEOUT, 9);
	EXPECT_EQ(1, heard.closed);
	EXPECT_EQ(FILE_REASON_TIMEOUT, heard.reason);
	tracker_free(t);
	world_close_expecting(&w);
}

TEST_HARNESS_MAIN
