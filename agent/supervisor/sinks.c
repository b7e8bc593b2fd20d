// SPDX-License-Identifier: MIT
#include "supervisor/sinks.h"

#include "lib/log.h"
#include "supervisor/sharing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 1000
#define PIECE (MSG_MAX - 1024) /* bytes of a batch in one message */
#define LINE_MAX_BYTES (4u << 20)

static const struct {
	const char *name, *help;
} figures[SINK_FIGURE_COUNT] = {
#define FIGURE(id, n, h) [SINK_FIGURE_##id] = {.name = #n, .help = h},
	SINK_FIGURES(FIGURE)
#undef FIGURE
};

const char *sink_figure_name(enum sink_figure f)
{
	return figures[f].name;
}

const char *sink_figure_help(enum sink_figure f)
{
	return figures[f].help;
}

void sink_count(struct sinks *k, struct sink *s, enum sink_figure f, uint64_t n)
{
	static const enum counter all[SINK_FIGURE_COUNT] = {
		[SINK_FIGURE_WRITTEN] = COUNTER_RECORDS_WRITTEN,
		[SINK_FIGURE_DROPPED] = COUNTER_RECORDS_DROPPED,
		[SINK_FIGURE_WITHHELD] = COUNTER_RECORDS_WITHHELD,
		[SINK_FIGURE_BREAKS] = COUNTER_LOG_BREAKS,
	};

	s->figure[f] += n;
	counter_add(k->counters, all[f], n);
}

/* A log that was configured once. */
struct gone {
	struct sinks *sinks;
	char log[SINK_NAME_MAX];
	uint64_t count;
};

static struct sink *find(struct sinks *k, const char *log)
{
	for (size_t i = 0; i < k->count; i++)
		if (!strcmp(k->sink[i].config->name, log))
			return &k->sink[i];
	return NULL;
}

static void take_count(void *arg, const char *log, uint64_t count)
{
	struct sink *s = find(arg, log);

	if (s)
		s->waiting = count;
}

/* One at a time, until there is none. */
static void find_gone(void *arg, const char *log, uint64_t count)
{
	struct gone *g = arg;

	if (g->count || find(g->sinks, log))
		return;
	snprintf(g->log, sizeof(g->log), "%s", log);
	g->count = count;
}

static void forget_gone(struct sinks *k)
{
	struct gone g;
	uint64_t removed;

	do {
		g = (struct gone){.sinks = k};
		if (!store_record_counts(k->store, find_gone, &g) || !g.count)
			return;
		log_warning("%" PRIu64 " records wait for [log %s], which is not configured: "
			    "they are forgotten",
			    g.count, g.log);
	} while (store_recorded(k->store, g.log, INT64_MAX, &removed) && removed);
}

void sinks_open(struct sinks *k)
{
	msg_init(&k->msg);
	buf_init(&k->line, LINE_MAX_BYTES);
	buf_init(&k->envelope, LINE_MAX_BYTES);
	k->count = k->c->sinks;
	if (gethostname(k->host, sizeof(k->host) - 1) < 0)
		k->host[0] = '\0';
	for (size_t i = 0; i < k->count; i++) {
		k->sink[i] = (struct sink){
			.config = &k->c->sink[i],
			.share = CONFIG_SINK_SHARE(i),
			.mask = UINT32_MAX,
		};
		buf_init(&k->sink[i].batch, LOGGER_BATCH_MAX);
	}
	if (!store_record_counts(k->store, take_count, k))
		log_warning("what waits for logs cannot be counted: %s", store_error(k->store));
	forget_gone(k);
}

/* -------------------------------------------------------------------- records */

/* There is no room for it; said once, until there is. */
static bool refused(struct sinks *k, struct sink *s)
{
	bool full = s->waiting >= s->config->max_waiting;

	if (full && !s->dropping)
		log_error("log %s: %" PRIu64 " records wait for it, which is max_waiting: what "
			  "comes is dropped",
			  s->config->name, s->waiting);
	s->dropping = full;
	s->drops += full;
	return full;
}

bool sinks_add(struct sinks *k, const struct sighting *what, uint32_t mask,
	       const struct store_end *end)
{
	struct policy all = policy_all(POLICY_SHARE);

	for (size_t i = 0; i < k->count; i++) {
		struct sink *s = &k->sink[i];
		struct policy seen = all;

		if (refused(k, s))
			continue;
		if (k->c->has_share[s->share])
			seen = sharing_policy(k->c, k->users, s->share, what);
		if (!store_record(k->store, s->config->name, what, mask, &seen, end))
			return false;
		s->waiting++;
	}
	return true;
}

void sinks_committed(struct sinks *k, bool ok)
{
	for (size_t i = 0; i < k->count; i++) {
		struct sink *s = &k->sink[i];

		s->more = s->more || ok;
		/* What was taken back waits for nothing, and is tried again. */
		if (ok)
			sink_count(k, s, SINK_FIGURE_DROPPED, s->drops);
		else
			s->waiting = 0;
		s->drops = 0;
	}
	if (!ok)
		store_record_counts(k->store, take_count, k);
}

/* ----------------------------------------------------- what the loggers say */

/* From the first record that was not recorded. */
static void begin(struct sink *s)
{
	s->sent = s->recorded;
	s->window = 0;
	s->at = 0;
	buf_reset(&s->batch);
	s->more = true;
	s->blocked = s->revoke = false;
	s->mask = UINT32_MAX;
}

void sinks_restart(struct sinks *k, size_t sink)
{
	k->sink[sink].up = false;
	k->sink[sink].opened = 0;
	begin(&k->sink[sink]);
}

static bool take_outlet(struct sinks *k, struct sink *s, const struct msg_view *v)
{
	uint64_t opened, up;

	if (!msg_get_u64(v, MSG_A_SEQUENCE, &opened) || !msg_get_u64(v, MSG_A_STATUS, &up))
		return false;
	sink_count(k, s, SINK_FIGURE_BREAKS, !up);
	s->up = up;
	s->opened = opened;
	begin(s);
	return true;
}

static bool take_recorded(struct sinks *k, struct sink *s, const struct msg_view *v)
{
	uint64_t opened, number;

	if (!msg_get_u64(v, MSG_A_SEQUENCE, &opened) || !msg_get_u64(v, MSG_A_NUMBER, &number))
		return false;
	while (opened == s->opened && s->window && s->under_way[s->first] <= (int64_t)number) {
		s->recorded = s->under_way[s->first];
		s->first = (s->first + 1) % LOGGER_WINDOW;
		s->window--;
	}
	return true;
}

bool sinks_take(struct sinks *k, size_t sink, const struct msg_view *v)
{
	if (v->type == MSG_OUTLET)
		return take_outlet(k, &k->sink[sink], v);
	return v->type == MSG_RECORDED && take_recorded(k, &k->sink[sink], v);
}

/* -------------------------------------------------------------------- sending */

static enum msg_result send_revoke(struct sinks *k, struct sink *s, int fd)
{
	enum msg_result result;

	msg_begin(&k->msg, MSG_REVOKE);
	result = msg_send(fd, &k->msg);
	if (result == MSG_OK) {
		/* It says when it is open again; until then nothing is sent. */
		s->up = false;
		begin(s);
	}
	return result;
}

/* A batch that was begun is sent to its end. */
static enum msg_result send_batch(struct sinks *k, struct sink *s, int fd)
{
	enum msg_result result = MSG_OK;

	while (s->at < s->batch.len && result == MSG_OK) {
		size_t n = s->batch.len - s->at < PIECE ? s->batch.len - s->at : PIECE;
		bool last = s->at + n == s->batch.len;

		msg_begin(&k->msg, MSG_RECORDS);
		msg_put_u64(&k->msg, MSG_A_SEQUENCE, s->opened);
		msg_put(&k->msg, MSG_A_TEXT, s->batch.data + s->at, n);
		if (last)
			msg_put_u64(&k->msg, MSG_A_NUMBER, (uint64_t)s->sent);
		result = msg_send(fd, &k->msg);
		if (result != MSG_OK)
			break;
		s->at += n;
		if (last) {
			s->under_way[(s->first + s->window) % LOGGER_WINDOW] = s->sent;
			s->window++;
		}
	}
	return result;
}

/* The last one was sent, and there may be another. */
static bool wants_batch(const struct sinks *k, const struct sink *s)
{
	return s->up && s->more && s->at == s->batch.len && s->window < LOGGER_WINDOW &&
	       !k->c->sink_held[s - k->sink];
}

enum msg_result sinks_send(struct sinks *k, size_t sink, int fd, uint64_t now)
{
	struct sink *s = &k->sink[sink];
	enum msg_result result = MSG_OK;

	if (s->revoke && s->up)
		result = send_revoke(k, s, fd);
	/* One batch a round: the others have their turn, however many records wait. */
	if (result == MSG_OK && wants_batch(k, s) && now >= k->again &&
	    !sinks_make(k, s, (int64_t)(users_clock() / 1000000)) && s->more)
		k->again = now + TICK_MS;
	if (result == MSG_OK && s->up)
		result = send_batch(k, s, fd);
	s->blocked = result == MSG_AGAIN;
	return s->blocked ? MSG_OK : result;
}

/* ----------------------------------------------------------------------- time */

static bool remove_recorded(struct sinks *k, struct sink *s)
{
	uint64_t removed;

	if (s->removed == s->recorded)
		return true;
	if (!store_recorded(k->store, s->config->name, s->recorded, &removed))
		return false;
	s->removed = s->recorded;
	s->waiting -= removed < s->waiting ? removed : s->waiting;
	sink_count(k, s, SINK_FIGURE_WRITTEN, removed);
	return true;
}

/* What is under way was made with switches that are off now: it is to be made anew. */
static void watch(struct sinks *k)
{
	uint32_t mask = 0;
	bool asked = false;

	for (size_t i = 0; i < k->count; i++) {
		struct sink *s = &k->sink[i];

		if (!k->c->has_share[s->share] || (!s->window && s->at == s->batch.len))
			continue;
		if (!asked)
			mask = deliver_mask(k->deliver);
		asked = true;
		s->revoke = s->revoke || (s->mask != UINT32_MAX && s->mask & ~mask);
	}
}

void sinks_tick(struct sinks *k, uint64_t now)
{
	bool ok = true;

	if (!k->count || now < k->tick_at)
		return;
	k->tick_at = now + TICK_MS;
	for (size_t i = 0; i < k->count; i++)
		ok = remove_recorded(k, &k->sink[i]) && ok;
	if (!ok && !k->failing)
		log_error("records that logs have cannot be removed: %s",
			  store_error(k->store));
	k->failing = !ok;
	watch(k);
}

void sinks_reloaded(struct sinks *k)
{
	for (size_t i = 0; i < k->count; i++)
		if (k->c->has_share[k->sink[i].share] || k->c->sink_held[i])
			k->sink[i].revoke = k->sink[i].up;
}

static bool busy(const struct sink *s)
{
	return s->window || s->removed != s->recorded || s->at < s->batch.len;
}

uint64_t sinks_at(const struct sinks *k, uint64_t when)
{
	for (size_t i = 0; i < k->count; i++) {
		if (busy(&k->sink[i]) && k->tick_at < when)
			when = k->tick_at;
		if (wants_batch(k, &k->sink[i]) && k->again < when)
			when = k->again;
	}
	return when;
}

void sinks_free(struct sinks *k)
{
	for (size_t i = 0; i < k->count; i++) {
		/* What stays although it arrived would only be written again. */
		remove_recorded(k, &k->sink[i]);
		buf_free(&k->sink[i].batch);
	}
	k->count = 0;
	msg_free(&k->msg);
	buf_free(&k->line);
	buf_free(&k->envelope);
}
