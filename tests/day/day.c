// SPDX-License-Identifier: MIT
/*
 * day: the forwarder, the tally and the reserve of the agent through a day that takes seconds.
 *
 *	day DIR SUBMISSIONS SEED
 *
 * forwarder_run() is as it is in the agent, with its queue in DIR. What it waits by is ours:
 * curl_multi_poll() plays the supervisor and three clouds, and when nobody has anything more to
 * do at this moment the time of day goes on to the next one at which somebody has. The clouds
 * have quotas, say themselves that a day is used up, are away for hours, lose answers, and
 * refuse; the agent is restarted again and again.
 *
 * After each round the counters of each cloud must add up, and agree with what became of the
 * submissions one by one. A cloud that gets a sample twice, or more requests than its quotas
 * allow, ends the program, as does all else that must not be.
 */
#include "forwarder/forwarder.h"
#include "lib/log.h"
#include "lib/msg.h"
#include "supervisor/overload.h"
#include "supervisor/tally.h"

#include <dlfcn.h>
#include <err.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
/* 2026-11-24 05:00 UTC. */
#define BEGIN (20781 * DAY + 5 * HOUR)
#define DAYS_MAX 30 /* until all has ended */
#define CLOUDS 3
#define WINDOW 64 /* offered without the forwarder's word that it has them */
#define RESTART (90 * MINUTE)

struct submission {
	uint32_t cloud, sample;
	bool queued, open;
	enum cloud_outcome outcome;
	uint32_t told; /* ends, counted */
};

/* A request under way to a cloud. */
struct call {
	struct cloud_submission *s;
	enum { CALL_NONE, CALL_ASKED, CALL_QUESTION, CALL_WANTED, CALL_UPLOAD } step;
	bool granted;
	int64_t at; /* its answer comes */
	uint8_t sha256[SHA256_SIZE];
};

struct place {
	uint8_t *stored; /* by sample */
	struct call call[CLOUD_SLOTS];
	int64_t minute, day;		 /* spans of the counts below */
	uint64_t uploads[2], queries[2]; /* in that minute, on that day */
	uint64_t own_limit;		 /* uploads a day that the cloud takes; 0: any */
	int64_t away_from, away_until;	 /* since BEGIN */
	uint32_t lossy;			 /* of 1000 answers so many are lost */
};

static struct {
	const char *dir;
	int64_t now;
	uint64_t random;
	struct config *c;
	struct tally tally;
	struct overload overload;
	struct place place[CLOUDS];
	struct submission *submission;
	uint32_t submissions, made, samples, ended;
	uint32_t *offer; /* a queue of numbers */
	uint32_t offered, offers, window;
	int fd; /* to the forwarder; -1: it is to end */
	int64_t arrival, restart;
	uint64_t rounds, restarts, lost, repeats;
	bool busy;
	struct msg msg;
} d = {.fd = -1};

/* A generator of its own: the same seed is the same day. */
static uint32_t chance(uint32_t below)
{
	d.random ^= d.random << 13;
	d.random ^= d.random >> 7;
	d.random ^= d.random << 17;
	return (uint32_t)((d.random >> 32) % below);
}

/* ---------------------------------------------------------------------- time */

int clock_gettime(clockid_t clock, struct timespec *t)
{
	(void)clock;
	t->tv_sec = d.now / 1000;
	t->tv_nsec = d.now % 1000 * 1000000;
	return 0;
}

time_t time(time_t *t)
{
	if (t)
		*t = d.now / 1000;
	return d.now / 1000;
}

/* -------------------------------------------------------------------- clouds */

static struct place *place_of(const struct cloud_submission *s)
{
	return &d.place[s->cloud - d.c->cloud];
}

static uint32_t sample_of(const uint8_t sha256[static SHA256_SIZE])
{
	uint32_t n;

	memcpy(&n, sha256, sizeof(n));
	if (n >= d.samples)
		errx(1, "a sample that nobody saw");
	return n;
}

static bool away(const struct place *p)
{
	return d.now >= BEGIN + p->away_from && d.now < BEGIN + p->away_until;
}

/* A request arrives: no more of them than was allowed. */
static void count_request(struct place *p, const struct cloud_submission *s, bool upload)
{
	const uint32_t *quota = s->cloud->quota;
	uint64_t *n = upload ? p->uploads : p->queries;
	int minute = upload ? CLOUD_UPLOADS_PER_MINUTE : CLOUD_QUERIES_PER_MINUTE;
	int day = upload ? CLOUD_UPLOADS_PER_DAY : CLOUD_QUERIES_PER_DAY;
	int64_t today = (d.now + MINUTE) / DAY; /* it begins at 23:59: forwarder/quota.h */

	if (p->minute != d.now / MINUTE)
		p->uploads[0] = p->queries[0] = 0;
	if (p->day != today)
		p->uploads[1] = p->queries[1] = 0;
	p->minute = d.now / MINUTE;
	p->day = today;
	n[0]++;
	n[1]++;
	if ((quota[minute] && n[0] > quota[minute]) || (quota[day] && n[1] > quota[day]))
		errx(1, "cloud %s: %" PRIu64 " %s in a minute, %" PRIu64 " on a day",
		     s->cloud->name, n[0], upload ? "uploads" : "questions", n[1]);
}

static struct call *call_of(const struct cloud_submission *s)
{
	return s->kind;
}

static void end(struct call *call, const struct cloud_result *r)
{
	struct cloud_submission *s = call->s;

	*call = (struct call){0};
	s->kind = NULL;
	s->done(s, r);
}

static void end_with(struct call *call, enum cloud_outcome outcome, const char *text)
{
	struct cloud_result r;

	cloud_result_set(&r, outcome, "%s", text);
	end(call, &r);
}

static void want_leave(struct call *call, bool upload)
{
	uint64_t carries = CLOUD_CARRIES_SAMPLE | CLOUD_CARRIES_ENVELOPE;
	struct cloud_leave leave = {.name = upload ? "upload" : "question",
				    .url = "https://cloud.example/",
				    .sha256 = call->sha256,
				    .bytes = 1000,
				    .carries = upload ? carries : 0};

	for (size_t i = 0; i < SHA256_SIZE; i++)
		call->sha256[i] = (uint8_t)chance(256);
	call->step = CALL_WANTED;
	call->s->want_leave(call->s, &leave);
}

static void cloud_begin(struct cloud_loop *loop, struct cloud_submission *s)
{
	struct call *call = place_of(s)->call;

	(void)loop;
	while (call->s)
		call++;
	if (call == place_of(s)->call + CLOUD_SLOTS)
		errx(1, "too many attempts at once");
	*call = (struct call){.s = s};
	s->kind = call;
	if (s->verdict != CLOUD_VERDICT_NONE)
		s->want_envelope(s);
	else
		want_leave(call, false);
}

static void cloud_envelope(struct cloud_submission *s, const char *json, const char *name)
{
	(void)name;
	if (!json)
		errx(1, "no envelope");
	call_of(s)->granted = true; /* the next one is the upload */
	want_leave(call_of(s), true);
}

static void cloud_go(struct cloud_submission *s, bool granted)
{
	struct call *call = call_of(s);

	if (!granted)
		errx(1, "no leave");
	call->step = call->granted ? CALL_UPLOAD : CALL_QUESTION;
	call->at = d.now + 20 + chance(1500);
	if (!away(place_of(s)))
		count_request(place_of(s), s, call->step == CALL_UPLOAD);
}

/* One that is under way may have arrived. */
static void cloud_cancel(struct cloud_submission *s)
{
	struct call *call = call_of(s);

	if (call && call->step == CALL_UPLOAD && !away(place_of(s)) && chance(2)) {
		uint8_t *stored = &place_of(s)->stored[sample_of(s->sha256)];

		if (++*stored > 1)
			errx(1, "cloud %s has a sample twice", s->cloud->name);
	}
	if (call)
		*call = (struct call){0};
	s->kind = NULL;
}

static bool verdict_result(int32_t verdict, const struct cloud_history *history,
			   struct cloud_result *r)
{
	(void)history;
	if (verdict)
		return false;
	cloud_result_set(r, CLOUD_KNOWN, "known");
	r->verdict = verdict;
	return true;
}

static void answer_question(struct call *call)
{
	struct cloud_submission *s = call->s;
	const struct place *p = place_of(s);

	if (s->batch) {
		for (size_t i = 0; i < s->batch->count; i++)
			s->batch->verdict[i] =
				p->stored[sample_of(s->batch->sha256[i])] ? 0 : -102;
		end_with(call, CLOUD_KNOWN, "answered");
	} else if (p->stored[sample_of(s->sha256)]) {
		end_with(call, CLOUD_KNOWN, "known");
	} else {
		s->want_envelope(s);
	}
}

static void answer_upload(struct call *call)
{
	struct cloud_submission *s = call->s;
	struct place *p = place_of(s);
	struct cloud_result r;

	if (p->own_limit && p->uploads[1] > p->own_limit) {
		cloud_result_set(&r, CLOUD_DOWN, "HTTP 419, daily quota used up");
		r.asked = r.day_over = true;
		end(call, &r);
	} else if (chance(200) == 0) {
		cloud_result_set(&r, CLOUD_DOWN, "HTTP 429, too many requests");
		r.asked = true;
		r.retry_after = 1 + chance(300);
		end(call, &r);
	} else if (sample_of(s->sha256) % 97 == 0) {
		end_with(call, CLOUD_REFUSED, "type not supported");
	} else {
		if (++p->stored[sample_of(s->sha256)] > 1)
			errx(1, "cloud %s got a sample twice", s->cloud->name);
		if (chance(1000) < p->lossy) {
			d.lost++;
			end_with(call, CLOUD_RETRY, "connection reset");
		} else {
			end_with(call, CLOUD_SENT, "uploaded");
		}
	}
}

static void answer(struct call *call)
{
	const struct place *p = place_of(call->s);

	if (away(p))
		end_with(call, CLOUD_DOWN, "connection refused");
	else if (call->step == CALL_QUESTION && chance(1000) < p->lossy)
		end_with(call, CLOUD_RETRY, "connection reset");
	else if (call->step == CALL_QUESTION)
		answer_question(call);
	else
		answer_upload(call);
}

static const struct cloud_lookup lookup = {.verdict = verdict_result};
static const struct cloud_ops one_by_one = {.kind = "one",
					    .begin = cloud_begin,
					    .envelope = cloud_envelope,
					    .go = cloud_go,
					    .cancel = cloud_cancel};
static const struct cloud_ops many = {.kind = "many",
				      .begin = cloud_begin,
				      .envelope = cloud_envelope,
				      .go = cloud_go,
				      .cancel = cloud_cancel,
				      .lookup = &lookup};

/* ---------------------------------------------------------------- supervisor */

static void id_make(uint32_t n, uint8_t id[static SIGHTING_ID_SIZE])
{
	memset(id, 0x5a, SIGHTING_ID_SIZE);
	memcpy(id, &n, sizeof(n));
}

static struct submission *find(const uint8_t id[static SIGHTING_ID_SIZE])
{
	uint32_t n;

	memcpy(&n, id, sizeof(n));
	if (n >= d.made)
		errx(1, "a submission that nobody made");
	return &d.submission[n];
}

/* A sighting for one or more of the clouds, as the supervisor takes it. */
static void arrive(void)
{
	struct sighting s;
	uint64_t clouds = 1 + chance((1 << CLOUDS) - 1), refused;
	while ((uint32_t)__builtin_popcountll(clouds) > d.submissions - d.made)
		clouds &= clouds - 1;
	/* Half of them were seen before, most of those lately. */
	uint32_t sample = d.samples;

	if (d.samples && chance(2))
		sample = d.samples - 1 - chance(chance(3) && d.samples > 50 ? 50 : d.samples);
	d.samples += sample == d.samples;
	sighting_init(&s);
	s.state = FILE_STATE_COMPLETE;
	refused = overload_take(&d.overload, d.c, &d.tally, clouds);
	tally_sighting(&d.tally, d.c, &s, clouds & ~refused, refused, TALLY_REASON_OVERLOAD);
	overload_settled(&d.overload, d.c, &d.tally);
	for (uint32_t i = 0; i < CLOUDS; i++) {
		if (!(clouds >> i & 1))
			continue;
		d.submission[d.made] = (struct submission){.cloud = i, .sample = sample};
		if (!(refused >> i & 1)) {
			d.submission[d.made].open = true;
			d.offer[d.offers++] = d.made;
		} else {
			d.ended++; /* at once, and not accepted */
		}
		d.made++;
	}
	sighting_free(&s);
}

/* The day is busy from 9 to 17 o'clock. */
static int64_t next_arrival(void)
{
	int64_t hour = d.now % DAY / HOUR;
	int64_t mean = DAY * 2 / (int64_t)d.submissions;

	if (d.made == d.submissions)
		return INT64_MAX;
	return d.now +
	       (hour >= 9 && hour < 17 ? mean / 2 : mean * 2) * (1 + chance(1000)) / 500 + 1;
}

static bool say(void)
{
	enum msg_result result = msg_send(d.fd, &d.msg);

	if (result != MSG_OK && result != MSG_AGAIN)
		errx(1, "the forwarder cannot be told");
	d.busy = d.busy || result == MSG_OK;
	return result == MSG_OK;
}

static void begin_message(enum msg_type type, const uint8_t *id, uint32_t cloud)
{
	msg_begin(&d.msg, type);
	msg_put(&d.msg, MSG_A_ID, id, SIGHTING_ID_SIZE);
	msg_put_string(&d.msg, MSG_A_CLOUD, d.c->cloud[cloud].name);
}

static void offer(void)
{
	while (d.offered < d.offers && d.window < WINDOW) {
		const struct submission *s = &d.submission[d.offer[d.offered]];
		uint8_t id[SIGHTING_ID_SIZE], sha256[SHA256_SIZE] = {0};

		id_make(d.offer[d.offered], id);
		memcpy(sha256, &s->sample, sizeof(s->sample));
		begin_message(MSG_SUBMIT, id, s->cloud);
		msg_put(&d.msg, MSG_A_SHA256, sha256, sizeof(sha256));
		msg_put_u64(&d.msg, MSG_A_SIZE, 1000);
		msg_put_u64(&d.msg, MSG_A_PRIORITY, d.offer[d.offered] % RULE_PRIORITY_COUNT);
		if (!say())
			return;
		d.offered++;
		d.window++;
	}
}

static void on_result(struct submission *s, enum cloud_outcome outcome)
{
	if (!cloud_outcome_final(outcome))
		errx(1, "an end that is none");
	if (!s->open) {
		if (outcome != s->outcome)
			errx(1, "a second end, and another one");
		d.repeats++;
		return;
	}
	s->open = false;
	s->outcome = outcome;
	s->told++;
	d.ended++;
	tally_ended(&d.tally, d.c, d.c->cloud[s->cloud].name, NULL, outcome);
}

static void on_message(const struct msg_view *v)
{
	uint8_t id[SIGHTING_ID_SIZE], sha256[SHA256_SIZE];
	struct submission *s;
	uint64_t value = 0;

	if (v->type == MSG_COUNTERS || v->type == MSG_RETRIES || v->type == MSG_CLOUD_STATE)
		return;
	if (!msg_get_exact(v, MSG_A_ID, id, sizeof(id)))
		errx(1, "a message about nobody");
	s = find(id);
	switch (v->type) {
	case MSG_QUEUED:
		s->queued = true;
		d.window -= d.window > 0;
		break;
	case MSG_RENDER:
		begin_message(MSG_ENVELOPE, id, s->cloud);
		msg_put_u64(&d.msg, MSG_A_STATUS, 0);
		msg_put_u64(&d.msg, MSG_A_KIND, SIGHTING_KIND_FILE);
		msg_put_string(&d.msg, MSG_A_JSON, "{}");
		msg_put_string(&d.msg, MSG_A_FILENAME, "a");
		if (!say())
			errx(1, "no room for an envelope");
		break;
	case MSG_LEAVE:
		if (!msg_get_exact(v, MSG_A_SHA256, sha256, sizeof(sha256)))
			errx(1, "a request without a hash");
		begin_message(MSG_GO, id, s->cloud);
		msg_put(&d.msg, MSG_A_SHA256, sha256, sizeof(sha256));
		msg_put_u64(&d.msg, MSG_A_STATUS, 0);
		if (!say())
			errx(1, "no room for leave");
		tally_cloud(&d.tally, d.c, d.c->cloud[s->cloud].name, TALLY_CLOUD_REQUESTS, 1);
		break;
	case MSG_RESULT:
		if (!msg_get_u64(v, MSG_A_STATUS, &value))
			errx(1, "a result without one");
		on_result(s, (enum cloud_outcome)value);
		break;
	default:
		errx(1, "message %s", msg_type_text(v->type));
	}
}

static void receive(void)
{
	static uint8_t room[MSG_MAX];
	struct msg_view v;

	while (msg_receive(d.fd, room, &v) == MSG_OK) {
		d.busy = true;
		on_message(&v);
	}
}

/* ------------------------------------------------------------------ judgement */

static void judge(void)
{
	for (uint32_t i = 0; i < CLOUDS; i++) {
		const uint64_t *n = d.tally.cloud[i];

		if (n[TALLY_CLOUD_SEEN] != n[TALLY_CLOUD_OVERLOAD] + n[TALLY_CLOUD_ACCEPTED] ||
		    n[TALLY_CLOUD_CARRIED] + n[TALLY_CLOUD_ACCEPTED] !=
			    d.tally.waiting[i] + n[TALLY_CLOUD_SENT] + n[TALLY_CLOUD_KNOWN] +
				    n[TALLY_CLOUD_REFUSED])
			errx(1, "cloud %s: the counters do not add up", d.c->cloud[i].name);
		if (d.tally.waiting[i] > d.c->cloud[i].reserve)
			errx(1, "cloud %s: more waits than its reserve", d.c->cloud[i].name);
	}
}

/* The same, held against submissions one by one. */
static void judge_each(void)
{
	uint64_t open[CLOUDS] = {0}, ended = 0;

	for (uint32_t i = 0; i < d.made; i++) {
		open[d.submission[i].cloud] += d.submission[i].open;
		ended += !d.submission[i].open;
	}
	for (uint32_t i = 0; i < CLOUDS; i++)
		if (open[i] != d.tally.waiting[i])
			errx(1, "cloud %s: %" PRIu64 " wait, counted %" PRIu64,
			     d.c->cloud[i].name, open[i], d.tally.waiting[i]);
	if (ended != d.ended)
		errx(1, "%" PRIu64 " ended, counted %u", ended, d.ended);
}

static void open_queue(sqlite3 **db, sqlite3_stmt **s, const char *sql)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/queue.db", d.dir);
	if (sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE, NULL) ||
	    sqlite3_prepare_v2(*db, sql, -1, s, NULL))
		errx(1, "%s: %s", path, sqlite3_errmsg(*db));
}

/* The queue on the disk says the same of every one that was accepted. */
static void judge_queue(void)
{
	sqlite3_stmt *s;
	sqlite3 *db;
	uint32_t rows = 0, accepted = 0;

	open_queue(&db, &s, "SELECT id, cloud, state FROM queue");
	while (sqlite3_step(s) == SQLITE_ROW) {
		const struct submission *sub = find(sqlite3_column_blob(s, 0));
		const char *state = (const char *)sqlite3_column_text(s, 2);

		rows++;
		if (sub->told != 1 || strcmp(state, cloud_outcome_name(sub->outcome)) ||
		    strcmp((const char *)sqlite3_column_text(s, 1),
			   d.c->cloud[sub->cloud].name))
			errx(1, "a row of the queue is %s, told %u times", state, sub->told);
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	for (uint32_t i = 0; i < d.made; i++)
		accepted += d.submission[i].told;
	if (rows != accepted)
		errx(1, "%u rows in the queue, %u submissions accepted", rows, accepted);
}

/* ------------------------------------------------------------------- the loop */

/* What is next, and whether it is before `next`. */
static int64_t earliest(int64_t next)
{
	if (d.arrival < next)
		next = d.arrival;
	if (d.restart < next)
		next = d.restart;
	for (size_t i = 0; i < CLOUDS; i++)
		for (size_t j = 0; j < CLOUD_SLOTS; j++) {
			const struct call *call = &d.place[i].call[j];

			if (call->step >= CALL_QUESTION && call->step != CALL_WANTED &&
			    call->at < next)
				next = call->at;
		}
	return next;
}

static void happen(void)
{
	for (; d.now >= d.arrival; d.arrival = next_arrival())
		arrive();
	for (size_t i = 0; i < CLOUDS; i++)
		for (size_t j = 0; j < CLOUD_SLOTS; j++) {
			struct call *call = &d.place[i].call[j];

			if ((call->step == CALL_QUESTION || call->step == CALL_UPLOAD) &&
			    call->at <= d.now)
				answer(call);
		}
}

CURLMcode curl_multi_poll(CURLM *multi, struct curl_waitfd *fds, unsigned int count,
			  int timeout, int *ready)
{
	(void)multi, (void)fds, (void)count, (void)ready;
	if (d.fd < 0)
		return CURLM_OK;
	d.rounds++;
	d.busy = false;
	receive();
	offer();
	judge();
	if (d.rounds % 997 == 0)
		judge_each();
	if (d.busy)
		return CURLM_OK;
	/* Nobody has anything to do at this moment. */
	d.now = earliest(d.now + timeout);
	happen();
	if (d.now >= d.restart || (d.ended == d.submissions && d.made == d.submissions)) {
		close(d.fd);
		d.fd = -1;
	}
	if (d.now > BEGIN + DAYS_MAX * DAY)
		errx(1, "%u of %u ended after %d days", d.ended, d.submissions, DAYS_MAX);
	return CURLM_OK;
}

/* As a supervisor that starts: what is open is offered again, and counters begin anew. */
static void start_supervisor(bool first)
{
	uint64_t open[CLOUDS] = {0};

	d.offered = d.offers = d.window = 0;
	for (uint32_t i = 0; i < d.made; i++)
		if (d.submission[i].open) {
			d.offer[d.offers++] = i;
			open[d.submission[i].cloud]++;
		}
	d.restarts += !first;
	memset(&d.tally, 0, sizeof(d.tally));
	memset(&d.overload, 0, sizeof(d.overload));
	for (uint32_t i = 0; i < CLOUDS; i++)
		tally_waiting(&d.tally, d.c, d.c->cloud[i].name, open[i]);
}

static void life(void)
{
	struct forwarder_config f = {.spool_dir = d.dir,
				     .cloud = d.c->cloud,
				     .clouds = CLOUDS,
				     .retry_min = 10,
				     .retry_max = 600};
	char path[512];
	int fds[2];

	snprintf(path, sizeof(path), "%s/queue.db", d.dir);
	f.queue_path = path;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds))
		err(1, "socketpair");
	d.fd = fds[0];
	f.supervisor = fds[1];
	d.restart = d.now + RESTART / 2 + chance((uint32_t)RESTART);
	if (forwarder_run(&f) || d.fd >= 0)
		errx(1, "the forwarder ended by itself");
	close(fds[1]);
	memset(&d.place[0].call, 0, sizeof(d.place[0].call));
}

/* Quotas and reserves for a day of so many submissions; each cloud's third is its load. */
static void set_clouds(void)
{
	uint32_t third = d.submissions / CLOUDS;
	struct cloud_config *c = d.c->cloud;

	d.c->clouds = CLOUDS;
	for (uint32_t i = 0; i < CLOUDS; i++) {
		snprintf(c[i].name, sizeof(c[i].name), "cloud%u", i);
		c[i].ops = &one_by_one;
		c[i].reserve = d.submissions;
		d.place[i].stored = calloc(d.submissions, 1);
	}
	/* Asked about many at once, says itself that its day is over. */
	c[0].ops = &many;
	c[0].lookup_batch = CLOUD_LOOKUP_MAX;
	c[0].quota[CLOUD_UPLOADS_PER_MINUTE] = 1 + third / 800;
	d.place[0].own_limit = 1 + third / 4;
	d.place[0].lossy = 5;
	/* Away for hours, loses answers. */
	d.place[1].away_from = 3 * HOUR;
	d.place[1].away_until = 9 * HOUR;
	d.place[1].lossy = 30;
	/* Small: quotas of its own, and a reserve that is soon full. */
	c[2].quota[CLOUD_QUERIES_PER_MINUTE] = 1 + third / 900;
	c[2].quota[CLOUD_UPLOADS_PER_DAY] = 1 + third / 4;
	c[2].reserve = 1 + third / 20;
	d.place[2].away_from = 15 * HOUR;
	d.place[2].away_until = 16 * HOUR;
	d.place[2].lossy = 10;
}

static void report(void)
{
	uint64_t by[CLOUDS][CLOUD_OUTCOME_COUNT] = {{0}}, overload[CLOUDS] = {0};

	for (uint32_t i = 0; i < d.made; i++) {
		const struct submission *s = &d.submission[i];

		if (s->told)
			by[s->cloud][s->outcome]++;
		else
			overload[s->cloud]++;
	}
	for (uint32_t i = 0; i < CLOUDS; i++)
		printf("%s sent %" PRIu64 " known %" PRIu64 " refused %" PRIu64
		       " overload %" PRIu64 "\n",
		       d.c->cloud[i].name, by[i][CLOUD_SENT], by[i][CLOUD_KNOWN],
		       by[i][CLOUD_REFUSED], overload[i]);
	printf("submissions %u samples %u rounds %" PRIu64 " restarts %" PRIu64
	       " answers-lost %" PRIu64 " told-again %" PRIu64 " hours %" PRId64 "\n",
	       d.made, d.samples, d.rounds, d.restarts, d.lost, d.repeats,
	       (d.now - BEGIN) / HOUR);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "expected a folder, a number of submissions and a seed");
	log_init("day", LOG_LEVEL_ERROR);
	d.dir = argv[1];
	d.submissions = (uint32_t)atoi(argv[2]);
	d.random = 0x9e3779b97f4a7c15 ^ (uint64_t)atoi(argv[3]);
	d.now = BEGIN;
	d.c = calloc(1, sizeof(*d.c));
	d.submission = calloc(d.submissions, sizeof(*d.submission));
	d.offer = calloc(d.submissions, sizeof(*d.offer));
	if (!d.c || !d.submission || !d.offer)
		errx(1, "out of memory");
	msg_init(&d.msg);
	set_clouds();
	d.arrival = d.now;
	for (bool first = true; first || d.ended < d.submissions || d.made < d.submissions;
	     first = false) {
		start_supervisor(first);
		life();
	}
	judge();
	judge_each();
	judge_queue();
	report();
	return 0;
}
