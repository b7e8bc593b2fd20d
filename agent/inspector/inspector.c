// SPDX-License-Identifier: MIT
/*
 * The inspector's main loop, once for a capture file and once for a ring.
 * Everything else is theirs to share: sessions, protocols, files, messages.
 */
#include "inspector/inspector.h"

#include "inspector/judge.h"
#include "lib/log.h"
#include "lib/msg.h"
#include "lib/sandbox.h"
#include "mime/charset.h"
#include "proto/proto.h"
#include "source/pcap.h"
#include "source/ring.h"
#include "stream/frame.h"
#include "stream/tracker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000ull
#define COUNTERS_EVERY (2 * NS_PER_SECOND)
#define HEED_EVERY (NS_PER_SECOND / 50) /* while there is no time to wait */
/* After SIGTERM: how long to go on with what the ring already holds. */
#define DRAIN_TIME NS_PER_SECOND
/* Records after which their room is given back, and frames after which the clock is read. */
#define BATCH 64
#define NOTES_PER_SECOND 1000ull /* of sessions without files, live */
/* Bytes of archives taken apart between two batches, while the ring fills. */
#define ARCHIVE_BUDGET (256u << 10)

struct inspector {
	const struct inspector_config *config;
	struct counters counters;
	struct msg msg;
	struct spool *spool;
	struct file_types *own_types; /* the built-in table */
	struct media *media;
	struct file_set *files;
	struct judge judge;
	struct range_set *ranges;
	struct expect_set *expected;
	struct shared_set *shared;
	struct proto_env env;
	struct tracker *tracker;
	uint64_t reported;   /* monotonic time of the last counters message */
	uint64_t noted;	     /* packet time of the last session told */
	uint64_t notes_left; /* that may be told now, in 1/NS_PER_SECOND */
	uint64_t heeded; /* monotonic time of the last look for a message of the supervisor */
	bool orphaned;	 /* the supervisor is gone: nobody to work for */

	struct frame_decoder *decoder;
	struct pcap_source *capture;

	struct ring *ring;
};

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
	asked_to_stop = 1;
}

/* What SIGINT means is left to the supervisor, which gets it from the terminal too. */
static void signals_catch(bool capture)
{
	/* Reading a pipe that says nothing has to be interrupted. */
	struct sigaction stop = {.sa_handler = on_signal, .sa_flags = capture ? 0 : SA_RESTART};
	sigset_t none;

	sigaction(SIGTERM, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static uint64_t clock_read(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

/* ---------------------------------------------------------------- messages */

/* Waits while the supervisor is busy: that is what slows a reader of files down. */
static void send_message(struct inspector *i)
{
	enum msg_result r;

	if (i->orphaned)
		return;
	do
		r = msg_send(i->config->supervisor, &i->msg);
	while (r == MSG_ERROR && errno == EINTR);
	if (r == MSG_OK)
		return;
	if (r == MSG_BAD) {
		log_error("a message of type %s is too large", msg_type_text(i->msg.type));
		return;
	}
	if (r == MSG_ERROR)
		log_error("cannot write to the supervisor: %s", strerror(errno));
	i->orphaned = true;
}

static void on_file(void *arg, const struct sighting *s)
{
	struct inspector *i = arg;

	msg_begin(&i->msg, MSG_SIGHTING);
	if (sighting_encode(s, &i->msg))
		send_message(i);
	else
		log_error("a sighting does not fit into a message");
}

static void on_unwanted(void *arg, const struct session_info *s)
{
	struct inspector *i = arg;

	msg_begin(&i->msg, MSG_SHUNT);
	msg_put_u64(&i->msg, MSG_A_SESSION, s->id);
	counter_add(&i->counters, COUNTER_SHUNTS, 1);
	send_message(i);
}

/*
 * A line for a session costs more than its packets: on a live network no more go out than a
 * log can take.  By packet time, so that a burst is one however late it is read.
 */
static bool may_note(struct inspector *i, uint64_t now)
{
	uint64_t since = now > i->noted ? now - i->noted : 0;

	if (i->config->capture)
		return true;
	if (since > NS_PER_SECOND)
		since = NS_PER_SECOND;
	i->noted = now > i->noted ? now : i->noted;
	i->notes_left += since * NOTES_PER_SECOND;
	if (i->notes_left > NOTES_PER_SECOND * NS_PER_SECOND)
		i->notes_left = NOTES_PER_SECOND * NS_PER_SECOND;
	if (i->notes_left < NS_PER_SECOND) {
		counter_add(&i->counters, COUNTER_SESSIONS_UNLOGGED, 1);
		return false;
	}
	i->notes_left -= NS_PER_SECOND;
	return true;
}

static void on_note(void *arg, const struct session_note *n)
{
	struct inspector *i = arg;

	if (!may_note(i, n->time))
		return;
	if (session_note_encode(n, &i->msg))
		send_message(i);
	else
		log_error("a session does not fit into a message");
}

static const char *on_named(void *arg, const char *application, const char *host, size_t n)
{
	const struct inspector *i = arg;

	return application_refine(i->config->applications, application, host, n);
}

static void on_skip(void *arg, const struct session_info *s, enum dir dir, uint32_t sequence,
		    uint64_t n)
{
	struct inspector *i = arg;

	msg_begin(&i->msg, MSG_SKIP);
	msg_put_u64(&i->msg, MSG_A_SESSION, s->id);
	msg_put_u64(&i->msg, MSG_A_DIRECTION,
		    dir == DIR_OPENER ? SLUICE_DIR_OPENER : SLUICE_DIR_ANSWERER);
	msg_put_u64(&i->msg, MSG_A_SEQUENCE, sequence);
	msg_put_u64(&i->msg, MSG_A_LENGTH, n);
	send_message(i);
}

/* All of them, as they stand since the start of the process. */
static void report_counters(struct inspector *i)
{
	i->reported = clock_read(CLOCK_MONOTONIC);
	msg_begin(&i->msg, MSG_COUNTERS);
	for (enum counter c = 0; c < COUNTER_COUNT; c++) {
		if (!i->counters.value[c])
			continue;
		msg_put_string(&i->msg, MSG_A_COUNTER_NAME, counter_name(c));
		msg_put_u64(&i->msg, MSG_A_COUNTER_VALUE, i->counters.value[c]);
	}
	send_message(i);
}

static void report_finished(struct inspector *i, int status, const char *text)
{
	msg_begin(&i->msg, MSG_FINISHED);
	msg_put_u64(&i->msg, MSG_A_STATUS, (uint64_t)status);
	msg_put_string(&i->msg, MSG_A_TEXT, text);
	send_message(i);
}

static void report_when_due(struct inspector *i)
{
	if (clock_read(CLOCK_MONOTONIC) - i->reported >= COUNTERS_EVERY)
		report_counters(i);
}

/* What of other kinds than files somebody wants. */
static void apply_rules(struct inspector *i)
{
	i->env.private_talk = !i->config->judged && i->config->capture;
	i->env.whole_mails = i->env.private_talk ||
			     (i->config->judged && rule_wants_mails(&i->judge.rules.set));
}

/* Before the first packet: nothing is kept or left out under rules that are not known. */
static bool await_rules(struct inspector *i)
{
	bool ok = !i->config->judged || judge_await(&i->judge, i->config->supervisor);

	if (ok)
		apply_rules(i);
	return ok;
}

/* The supervisor sends rules, or closes its end. */
static void heed_supervisor(struct inspector *i)
{
	bool changed;

	i->heeded = clock_read(CLOCK_MONOTONIC);
	if (!judge_heed(&i->judge, i->config->supervisor, &changed))
		i->orphaned = true;
	else if (changed)
		apply_rules(i);
}

static void heed_when_due(struct inspector *i)
{
	if (clock_read(CLOCK_MONOTONIC) - i->heeded >= HEED_EVERY)
		heed_supervisor(i);
}

/* ------------------------------------------------------------ capture file */

static void handle_frame(struct inspector *i, const struct pcap_frame *p)
{
	struct frame f;

	counter_add(&i->counters, COUNTER_PACKETS, 1);
	if (p->wire_len > p->len)
		counter_add(&i->counters, COUNTER_PACKETS_CUT, 1);
	switch (frame_decode(i->decoder, p->link, p->p, p->len, p->wire_len, p->time, &f)) {
	case FRAME_UDP:
		counter_add(&i->counters, COUNTER_DATAGRAMS, 1);
		tracker_frame(i->tracker, &f);
		break;
	case FRAME_TCP:
		tracker_frame(i->tracker, &f);
		break;
	case FRAME_BAD:
		counter_add(&i->counters, COUNTER_PACKETS_UNDECODED, 1);
		break;
	case FRAME_OTHER:
		break;
	}
}

/* The source has no more. */
static void finish(struct inspector *i)
{
	tracker_finish(i->tracker);
	shared_set_finish(i->shared);
	range_set_finish(i->ranges);
	file_set_finish(i->files);
}

static int run_capture(struct inspector *i)
{
	char error[PCAP_ERROR_MAX] = "";
	enum pcap_next next = PCAP_FRAME;
	struct pcap_frame frame;
	int status = 0;

	for (unsigned int n = 1; !asked_to_stop && !i->orphaned; n++) {
		next = pcap_source_next(i->capture, &frame, error);
		if (next != PCAP_FRAME)
			break;
		handle_frame(i, &frame);
		if (n % BATCH == 0)
			report_when_due(i);
	}
	finish(i);
	if (next != PCAP_END) {
		status = 1;
		if (asked_to_stop)
			strcpy(error, "stopped before the end of the capture");
	}
	report_counters(i);
	report_finished(i, status, error);
	return status;
}

static bool open_capture(struct inspector *i)
{
	static const struct tracker_limits limits = TRACKER_CAPTURE_LIMITS;
	char error[PCAP_ERROR_MAX];

	i->capture = pcap_source_open(i->config->capture, error);
	if (!i->capture) {
		report_finished(i, 1, error);
		return false;
	}
	i->decoder = frame_decoder_new(&i->counters);
	i->tracker = tracker_new(TRACKER_CAPTURE, &limits, &i->env);
	if (i->decoder && i->tracker)
		return true;
	report_finished(i, 1, "out of memory");
	return false;
}

/* -------------------------------------------------------------------- ring */

static struct endpoint endpoint_of(uint8_t family, const uint8_t ip[16], __be16 port)
{
	struct endpoint e = {.family = family, .port = ntohs(port)};

	memcpy(e.ip, ip, family == AF_INET ? 4 : sizeof(e.ip));
	return e;
}

static void name_copy(char to[static 16], const char from[static 16])
{
	memcpy(to, from, 16);
	to[15] = '\0';
}

static enum session_local local_of(uint16_t flags)
{
	if (flags & SLUICE_SESSION_LOCAL_OUT)
		return SESSION_LOCAL_OPENER;
	return flags & SLUICE_SESSION_LOCAL_IN ? SESSION_LOCAL_ANSWERER : SESSION_LOCAL_NONE;
}

static void handle_session(struct inspector *i, const struct sluice_record_session *r)
{
	struct session_info info = {
		.id = r->session,
		.start = r->time,
		.related = r->related,
		.netns = r->netns,
		.zone = r->zone,
		.vrf = r->vrf_ifindex,
		.uid = r->uid,
		.local = local_of(r->hdr.flags),
		.ct_mark = r->ct_mark,
		.share_mask = r->share_mask,
		.protocol = r->protocol,
		.midstream = r->hdr.flags & SLUICE_SESSION_MIDSTREAM,
	};
	struct endpoint opener_as_seen, answerer_as_seen;

	if (r->family != AF_INET && r->family != AF_INET6) {
		counter_add(&i->counters, COUNTER_RECORDS_BAD, 1);
		return;
	}
	name_copy(info.in_name, r->in_name);
	name_copy(info.out_name, r->out_name);
	info.end[DIR_OPENER] = endpoint_of(r->family, r->original.src_ip, r->original.src_port);
	info.end[DIR_ANSWERER] = endpoint_of(r->family, r->reply.src_ip, r->reply.src_port);
	opener_as_seen = endpoint_of(r->family, r->reply.dst_ip, r->reply.dst_port);
	answerer_as_seen = endpoint_of(r->family, r->original.dst_ip, r->original.dst_port);
	if (!inet_equal(&opener_as_seen, &info.end[DIR_OPENER]))
		info.nat[DIR_OPENER] = opener_as_seen;
	if (!inet_equal(&answerer_as_seen, &info.end[DIR_ANSWERER]))
		info.nat[DIR_ANSWERER] = answerer_as_seen;
	if (!tracker_begin(i->tracker, &info))
		counter_add(&i->counters, COUNTER_RECORDS_BAD, 1);
}

static void handle_data(struct inspector *i, const struct sluice_record_data *r)
{
	size_t length = r->hdr.length & SLUICE_RECORD_LENGTH_MASK;
	/* A datagram uses the payload alone. */
	struct tcp_segment s = {
		.dir = r->direction == SLUICE_DIR_OPENER ? DIR_OPENER : DIR_ANSWERER,
		.flags = r->hdr.flags & 0xff,
		.sequence = r->sequence,
		.acknowledgment = r->acknowledgment,
		.urgent = r->urgent,
		.payload = r->payload,
		.len = length - sizeof(*r),
		.wire_len = length - sizeof(*r),
		.time = r->time,
		.lost_before = r->hdr.flags & SLUICE_DATA_LOST,
	};

	if (r->direction >= SLUICE_DIR_COUNT) {
		counter_add(&i->counters, COUNTER_RECORDS_BAD, 1);
		return;
	}
	counter_add(&i->counters, COUNTER_PACKETS, 1);
	if (r->hdr.flags & SLUICE_DATA_DATAGRAM) {
		counter_add(&i->counters, COUNTER_DATAGRAMS, 1);
		tracker_datagram(i->tracker, r->session, s.dir, s.payload, s.len, s.time);
		return;
	}
	tracker_segment(i->tracker, r->session, &s);
}

static void handle_end(struct inspector *i, const struct sluice_record_end *r)
{
	static const enum file_reason reasons[] = {
		[SLUICE_END_FIN] = FILE_REASON_NONE,
		[SLUICE_END_RST] = FILE_REASON_RESET,
		[SLUICE_END_TIMEOUT] = FILE_REASON_TIMEOUT,
		[SLUICE_END_EVICTED] = FILE_REASON_TIMEOUT,
		[SLUICE_END_REUSED] = FILE_REASON_RESET,
		[SLUICE_END_SHUNT] = FILE_REASON_TIMEOUT,
	};
	enum file_reason reason = FILE_REASON_TIMEOUT;

	if (r->reason < sizeof(reasons) / sizeof(reasons[0]))
		reason = reasons[r->reason];
	tracker_end(i->tracker, r->session, reason, r->time);
}

static void handle_record(struct inspector *i, const struct sluice_record *r)
{
	switch (r->type) {
	case SLUICE_RECORD_SESSION:
		handle_session(i, (const void *)r);
		break;
	case SLUICE_RECORD_DATA:
		handle_data(i, (const void *)r);
		break;
	case SLUICE_RECORD_END:
		handle_end(i, (const void *)r);
		break;
	case SLUICE_RECORD_LOST:
		counter_add(&i->counters, COUNTER_RING_LOST_RECORDS,
			    ((const struct sluice_record_lost *)(const void *)r)->records);
		counter_add(&i->counters, COUNTER_RING_LOST_BYTES,
			    ((const struct sluice_record_lost *)(const void *)r)->bytes);
		break;
	}
}

/* Handles what is committed; false when the ring was empty. */
static bool handle_batch(struct inspector *i)
{
	const struct sluice_record *r;
	unsigned int n;

	for (n = 0; n < BATCH && (r = ring_next(i->ring)); n++)
		handle_record(i, r);
	ring_release(i->ring);
	return n > 0;
}

static void wait_for_records(struct inspector *i)
{
	struct pollfd fds[] = {
		{.fd = i->config->ring_fd, .events = POLLIN},
		{.fd = i->config->supervisor, .events = POLLIN},
	};
	struct timespec second = {.tv_sec = 1};
	sigset_t stop, before;
	int n = 0;

	/* A signal between the test and the call would be slept through. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, &before);
	if (!asked_to_stop)
		n = ppoll(fds, 2, &second, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (n > 0 && fds[1].revents)
		heed_supervisor(i);
	if (n > 0 && fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) {
		log_error("the ring was closed by the kernel");
		asked_to_stop = 1;
	}
}

static void expire(struct inspector *i, uint64_t now)
{
	tracker_expire(i->tracker, now);
	expect_set_expire(i->expected, now);
	shared_set_expire(i->shared, now);
	range_set_expire(i->ranges, now);
}

static int run_ring(struct inspector *i)
{
	uint64_t stop_at = 0;
	bool busy;

	while (!i->orphaned) {
		if (asked_to_stop) {
			uint64_t now = clock_read(CLOCK_MONOTONIC);

			if (!stop_at)
				stop_at = now + DRAIN_TIME;
			if (now >= stop_at ||
			    (!handle_batch(i) && !file_set_work(i->files, ARCHIVE_BUDGET)))
				break;
			continue;
		}
		busy = handle_batch(i);
		busy |= file_set_work(i->files, ARCHIVE_BUDGET);
		if (!busy) {
			wait_for_records(i);
			expire(i, clock_read(CLOCK_REALTIME));
		}
		heed_when_due(i);
		report_when_due(i);
	}
	finish(i);
	report_counters(i);
	return 0;
}

static bool open_ring(struct inspector *i)
{
	static const struct tracker_limits limits = TRACKER_RING_LIMITS;
	char error[RING_ERROR_MAX];

	i->ring = ring_open(i->config->ring_fd, &i->counters, error);
	if (!i->ring) {
		log_error("%s", error);
		return false;
	}
	file_set_defer(i->files, true);
	i->env.shunt = on_unwanted;
	i->env.skip = on_skip;
	i->tracker = tracker_new(TRACKER_RING, &limits, &i->env);
	if (!i->tracker)
		log_error("out of memory");
	return i->tracker;
}

/* -------------------------------------------------------------------- main */

static bool open_types(struct inspector *i)
{
	const struct file_types *types = i->config->types;

	if (!types)
		types = i->own_types = file_types_read(NULL);
	if (!types)
		return false;
	i->media = media_open();
	file_set_types(i->files, types, i->media);
	return true;
}

static bool open_files(struct inspector *i)
{
	static const struct range_limits ranges = RANGE_LIMITS_DEFAULT;
	static const struct shared_limits shared = SHARED_LIMITS_DEFAULT;
	const struct inspector_config *c = i->config;

	i->spool = spool_open(&c->spool);
	if (!i->spool) {
		if (c->capture)
			report_finished(i, 1, "the spool cannot be opened");
		return false;
	}
	i->files = file_set_new(i->spool, &c->files, &i->counters, on_file, i);
	if (!i->files) {
		log_error("out of memory");
		return false;
	}
	if (!open_types(i))
		return false;
	i->judge.counters = &i->counters;
	if (c->judged)
		file_set_judge(i->files,
			       &(struct file_judge){.wanted = judge_wanted, .arg = &i->judge});
	i->ranges = range_set_new(i->files, &ranges, &i->counters);
	i->expected = expect_set_new(EXPECT_MAX, EXPECT_LIFETIME, &i->counters);
	i->shared = shared_set_new(&shared, &i->counters);
	if (!i->ranges || !i->expected || !i->shared) {
		log_error("out of memory");
		return false;
	}
	i->env = (struct proto_env){
		.files = i->files,
		.ranges = i->ranges,
		.expected = i->expected,
		.shared = i->shared,
		.counters = &i->counters,
		.decode = DECODE_LIMITS_DEFAULT,
		.refine = on_named,
		.note = c->log_sessions ? on_note : NULL,
		.arg = i,
	};
	return true;
}

static bool enter_sandbox(const struct inspector_config *c)
{
	const struct sandbox_path spool = {c->spool.dir, SANDBOX_WRITE};

	return !c->sandbox || sandbox_enter(SANDBOX_INSPECTOR, &spool, 1, false);
}

int inspector_run(const struct inspector_config *c)
{
	struct inspector i = {.config = c};
	int status = 1;

	signals_catch(c->capture);
	msg_init(&i.msg);
	charset_prepare();
	if (!open_files(&i) || !(c->capture ? open_capture(&i) : open_ring(&i)) ||
	    !await_rules(&i) || !enter_sandbox(c))
		goto out;
	i.reported = clock_read(CLOCK_MONOTONIC);
	status = c->capture ? run_capture(&i) : run_ring(&i);
out:
	tracker_free(i.tracker);
	frame_decoder_free(i.decoder);
	pcap_source_close(i.capture);
	ring_close(i.ring);
	expect_set_free(i.expected);
	shared_set_free(i.shared);
	range_set_free(i.ranges);
	if (i.files)
		file_set_free(i.files);
	media_close(i.media);
	file_types_free(i.own_types);
	if (i.spool)
		spool_close(i.spool);
	judge_free(&i.judge);
	msg_free(&i.msg);
	return status;
}
