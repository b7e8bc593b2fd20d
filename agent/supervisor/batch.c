// SPDX-License-Identifier: MIT
/*
 * What children say, and how it is made durable.
 *
 * Lines of the local log are written before the commit and after it nothing can
 * be missing from it: a crash in between leaves a line about a file that
 * does not leave, never the reverse.
 */
#include "supervisor/live.h"

#include "lib/log.h"
#include "supervisor/intake.h"
#include "supervisor/sharing.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DISK_MS 1000 /* between attempts to commit */

int64_t live_wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Why it goes nowhere, if it does: where a rule sends it, only the policy can still say no. */
static unsigned int reason_of(const struct supervisor *s, const struct pending *p)
{
	/* The inspector found no room; that it is for what waits is known here. */
	if (p->sighting.reason == FILE_REASON_SPOOL_FULL && s->evict.short_of_room)
		return TALLY_REASON_OVERLOAD;
	if (p->sighting.state != FILE_STATE_COMPLETE || !p->sighting.stored)
		return p->sighting.reason;
	if (p->clouds)
		return TALLY_REASON_POLICY;
	if (p->overload)
		return TALLY_REASON_OVERLOAD;
	return intake_oversize(s->c, &p->sighting) ? TALLY_REASON_OVERSIZE
						   : TALLY_REASON_NO_RULE;
}

/* Announced again, it has the place that it had. */
static bool is_stored(struct supervisor *s, const struct sighting *sighting)
{
	struct store_submission sub;

	if (store_sighting(s->store, sighting->id, &sub) != STORE_OK)
		return false;
	sighting_free(&sub.sighting);
	return true;
}

static void take_overload(struct supervisor *s, struct pending *p)
{
	p->overload = overload_take(&s->overload, s->c, &s->tally, p->clouds);
	if (p->overload && is_stored(s, &p->sighting))
		p->overload = 0;
	p->clouds &= ~p->overload;
	if (p->overload)
		overload_name(s->c, p->overload, &p->sighting);
}

static bool take_sighting(struct supervisor *s, struct child *c, const struct msg_view *v)
{
	struct pending *p = &s->pending[s->pendings];

	if (!intake_sighting(s->c, s->users, &s->counters, v, &p->sighting, &p->clouds))
		return true; /* counted there */
	intake_check(s->spool, &s->counters, &p->sighting, &p->clouds);
	take_overload(s, p);
	p->reason = reason_of(s, p);
	p->logged = p->repeated = false;
	s->pendings++;
	return true;
}

/* At once: nothing leaves because of it, so that it need not wait for a commit. */
static bool take_session(struct supervisor *s, struct child *c, const struct msg_view *v)
{
	return s->sessions.fd >= 0 && intake_session(s->c, &s->counters, v, &s->sessions);
}

/* The session may have ended meanwhile, which is no error. */
static bool take_shunt(struct supervisor *s, struct child *c, const struct msg_view *v)
{
	struct kernel *kernel;
	uint64_t session;

	if (!msg_get_u64(v, MSG_A_SESSION, &session))
		return false;
	kernel = namespaces_kernel(s, c);
	if (kernel && !kernel_shunt(kernel, session))
		log_debug("%s", kernel->error);
	return true;
}

/* The same; and what comes all the same is nobody's worry. */
static bool take_skip(struct supervisor *s, struct child *c, const struct msg_view *v)
{
	uint64_t session, direction, sequence, length;
	struct kernel *kernel;

	if (!msg_get_u64(v, MSG_A_SESSION, &session) ||
	    !msg_get_u64(v, MSG_A_DIRECTION, &direction) || direction >= SLUICE_DIR_COUNT ||
	    !msg_get_u64(v, MSG_A_SEQUENCE, &sequence) || sequence > UINT32_MAX ||
	    !msg_get_u64(v, MSG_A_LENGTH, &length) || !length || length > SLUICE_SKIP_MAX)
		return false;
	kernel = namespaces_kernel(s, c);
	if (kernel && !kernel_skip(kernel, session, (enum sluice_direction)direction,
				   (uint32_t)sequence, length))
		log_debug("%s", kernel->error);
	return true;
}

static bool take_finished(struct supervisor *s, struct child *c, const struct msg_view *v)
{
	char text[1024];

	if (!msg_get_string(v, MSG_A_TEXT, text, sizeof(text)))
		return false;
	log_error("%s", text);
	return true;
}

static bool take_word(struct supervisor *s, struct child *c, const struct msg_view *v)
{
	struct word *w = &s->word[s->words];
	uint64_t outcome, verdict;

	memset(w, 0, sizeof(*w));
	w->type = v->type;
	if (!msg_get_exact(v, MSG_A_ID, w->id, sizeof(w->id)) ||
	    !msg_get_string(v, MSG_A_CLOUD, w->cloud, sizeof(w->cloud)))
		return false;
	if (v->type == MSG_VERDICT) {
		if (!msg_get_exact(v, MSG_A_SHA256, w->sha256, sizeof(w->sha256)) ||
		    !msg_get_u64(v, MSG_A_VERDICT, &verdict))
			return false;
		w->verdict = (int32_t)(int64_t)verdict;
	}
	if (v->type == MSG_RESULT) {
		if (!msg_get_u64(v, MSG_A_STATUS, &outcome) || outcome >= CLOUD_OUTCOME_COUNT ||
		    !cloud_outcome_final((enum cloud_outcome)outcome) ||
		    !msg_get_u64(v, MSG_A_VERDICT, &verdict) ||
		    !msg_get_string(v, MSG_A_TEXT, w->detail, sizeof(w->detail)))
			return false;
		w->outcome = (enum cloud_outcome)outcome;
		w->verdict = (int32_t)(int64_t)verdict;
		w->end = permits_end(&s->permits, w->id, w->cloud);
	}
	s->words++;
	return true;
}

static bool take_retries(struct supervisor *s, struct child *c, const struct msg_view *v)
{
	char cloud[CLOUD_NAME_MAX];
	uint64_t n;

	if (!msg_get_string(v, MSG_A_CLOUD, cloud, sizeof(cloud)) ||
	    !msg_get_u64(v, MSG_A_COUNTER_VALUE, &n))
		return false;
	tally_cloud(&s->tally, s->c, cloud, TALLY_CLOUD_RETRIES, n);
	return true;
}

static bool take_cloud_state(struct supervisor *s, struct child *c, const struct msg_view *v)
{
	return cloud_state_take(s->cloud_state, s->c, v);
}

static bool take_leave(struct supervisor *s, struct child *c, const struct msg_view *v)
{
	return permits_ask(&s->permits, v);
}

static bool take_render(struct supervisor *s, struct child *c, const struct msg_view *v)
{
	return deliver_wish(&s->deliver, v);
}

/* Who may say what. */
static const struct {
	uint16_t type;
	bool forwarder;
	bool (*take)(struct supervisor *s, struct child *c, const struct msg_view *v);
} handlers[] = {
	{MSG_SIGHTING, false, take_sighting},
	{MSG_SHUNT, false, take_shunt},
	{MSG_SKIP, false, take_skip},
	{MSG_FINISHED, false, take_finished},
	{MSG_SESSION, false, take_session},
	{MSG_QUEUED, true, take_word},
	{MSG_RESULT, true, take_word},
	{MSG_RENDER, true, take_render},
	{MSG_LEAVE, true, take_leave},
	{MSG_RETRIES, true, take_retries},
	{MSG_CLOUD_STATE, true, take_cloud_state},
	{MSG_VERDICT, true, take_word},
};

void live_take(struct supervisor *s, struct child *c, const struct msg_view *v)
{
	bool forwarder = c == s->forwarder, ok = false;
	size_t sink = live_sink(s, c);
	char name[32];

	if (sink < SINK_MAX) {
		ok = sinks_take(&s->sinks, sink, v);
	} else if (v->type == MSG_COUNTERS) {
		ok = child_counters(c, v);
	} else {
		for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
			if (handlers[i].type == v->type && handlers[i].forwarder == forwarder)
				ok = handlers[i].take(s, c, v);
	}
	if (ok)
		return;
	counter_add(&s->counters, COUNTER_MESSAGES_BAD, 1);
	log_warning_once("%s sent a message \"%s\" that makes no sense", live_name(c, name),
			 msg_type_text(v->type));
}

static bool write_lines(struct supervisor *s)
{
	for (size_t i = 0; i < s->pendings; i++) {
		if (s->pending[i].logged)
			continue;
		if (!journal_append(&s->journal, &s->pending[i].sighting))
			return false;
		s->pending[i].logged = true;
	}
	return true;
}

static bool store_pending(struct supervisor *s, struct pending *p, uint32_t mask)
{
	struct rule_set rules = config_rules(s->c);
	struct rule_file file;
	int64_t now = live_wall();

	/* The strictest of what held when the session began and what holds now. */
	mask &= p->sighting.session.share_mask;
	intake_withhold(s->c, s->users, &s->counters, &p->sighting, mask, &p->clouds);
	p->repeated = false;
	if (!p->clouds)
		return sinks_add(&s->sinks, &p->sighting, mask, NULL);
	switch (store_add(s->store, &p->sighting, mask, now)) {
	case STORE_REPEATED:
		p->repeated = true;
		return true;
	case STORE_OK:
		break;
	default:
		return false;
	}
	file = intake_rule_file(s->c, &p->sighting);
	for (size_t i = 0; i < s->c->clouds; i++) {
		struct policy seen = sharing_policy(s->c, s->users, i, &p->sighting);

		if ((p->clouds & (1ull << i)) &&
		    !store_submit(s->store, &p->sighting, s->c->cloud[i].name, &seen,
				  rule_priority(&rules, &file, i), now))
			return false;
	}
	return sinks_add(&s->sinks, &p->sighting, mask, NULL);
}

/* The sighting is there as long as its submission is. */
static bool record_end(struct supervisor *s, const struct word *w, const uint8_t *id,
		       enum cloud_outcome outcome)
{
	struct store_end end = {.outcome = outcome, .verdict = w->verdict, .time = live_wall()};
	struct store_submission sub;
	bool ok = true;

	if (!s->sinks.count)
		return true;
	snprintf(end.cloud, sizeof(end.cloud), "%s", w->cloud);
	switch (store_sighting(s->store, id, &sub)) {
	case STORE_OK:
		ok = sinks_add(&s->sinks, &sub.sighting, sub.share_mask, &end);
		sighting_free(&sub.sighting);
		return ok;
	case STORE_FAILED:
		return false;
	default:
		return true;
	}
}

struct verdict_records {
	struct supervisor *s;
	const struct word *w;
	bool ok;
};

static void record_verdict(void *arg, const uint8_t *id, enum cloud_outcome outcome)
{
	struct verdict_records *r = arg;

	r->ok = r->ok && record_end(r->s, r->w, id, outcome);
}

static bool store_verdict_word(struct supervisor *s, const struct word *w)
{
	struct verdict_records r = {.s = s, .w = w, .ok = true};

	return store_verdict(s->store, w->cloud, w->sha256, w->verdict, record_verdict, &r) &&
	       r.ok;
}

static bool store_word(struct supervisor *s, struct word *w, unsigned int *acknowledged)
{
	enum store_result r;

	if (w->type == MSG_VERDICT)
		return store_verdict_word(s, w);
	if (w->type == MSG_QUEUED) {
		r = store_unqueue(s->store, w->id, w->cloud);
		*acknowledged += r == STORE_OK;
	} else {
		r = store_result(s->store, w->id, w->cloud, w->outcome, w->verdict, w->detail,
				 live_wall());
		w->told = r == STORE_OK;
		if (w->told && !record_end(s, w, w->id, w->outcome))
			return false;
	}
	/* STORE_ABSENT: said twice, or forgotten. */
	return r != STORE_FAILED;
}

static bool store_all(struct supervisor *s, unsigned int *acknowledged)
{
	uint32_t mask = s->pendings ? deliver_mask(&s->deliver) : 0;
	bool ok = store_begin(s->store);

	for (size_t i = 0; ok && i < s->pendings; i++)
		ok = store_pending(s, &s->pending[i], mask);
	for (size_t i = 0; ok && i < s->words; i++)
		ok = store_word(s, &s->word[i], acknowledged);
	if (ok)
		ok = store_commit(s->store);
	else
		store_rollback(s->store);
	sinks_committed(&s->sinks, ok);
	return ok;
}

/* The type is the sighting's, which the forwarder does not know. */
static void count_outcome(struct supervisor *s, const struct word *w)
{
	struct store_submission sub;
	bool known = store_sighting(s->store, w->id, &sub) == STORE_OK;

	tally_ended(&s->tally, s->c, w->cloud,
		    known ? sighting_get(&sub.sighting, SIGHTING_FILE_TYPE) : NULL, w->outcome);
	if (known)
		sighting_free(&sub.sighting);
}

static void tell_outcome(struct supervisor *s, const struct word *w)
{
	count_outcome(s, w);
	permits_result(&s->permits, &(struct permit_result){
					    .end = w->end,
					    .id = w->id,
					    .cloud = w->cloud,
					    .outcome = w->outcome,
					    .verdict = w->verdict,
					    .detail = w->detail,
				    });
}

static void count_sighting(struct supervisor *s, const struct pending *p)
{
	counter_add(&s->counters, COUNTER_SIGHTINGS_REPEATED, p->repeated);
	tally_sighting(&s->tally, s->c, &p->sighting, p->repeated ? 0 : p->clouds,
		       p->repeated ? 0 : p->overload,
		       p->repeated ? TALLY_REASON_REPEATED : p->reason);
}

static void clear(struct supervisor *s)
{
	for (size_t i = 0; i < s->pendings; i++)
		sighting_free(&s->pending[i].sighting);
	s->pendings = 0;
	s->words = 0;
	overload_settled(&s->overload, s->c, &s->tally);
}

void live_commit(struct supervisor *s)
{
	unsigned int acknowledged = 0;
	bool logged;

	if ((!s->pendings && !s->words) || s->now < s->disk_again)
		return;
	logged = write_lines(s);
	if (!logged || !store_all(s, &acknowledged)) {
		if (logged && !s->disk_failing)
			store_failing(s->store, "cannot be written");
		s->disk_failing = true;
		s->disk_again = s->now + DISK_MS;
		return;
	}
	if (s->disk_failing)
		log_info("the state directory can be written again");
	s->disk_failing = false;
	s->disk_again = 0;
	for (size_t i = 0; i < s->pendings; i++)
		count_sighting(s, &s->pending[i]);
	for (size_t i = 0; i < s->words; i++)
		if (s->word[i].told)
			tell_outcome(s, &s->word[i]);
	if (s->pendings)
		deliver_added(&s->deliver);
	for (unsigned int i = 0; i < acknowledged; i++)
		deliver_acknowledged(&s->deliver);
	clear(s);
}

void live_abandon(struct supervisor *s)
{
	if (s->pendings)
		log_error("%zu sightings are lost: they could not be stored before the end",
			  s->pendings);
	clear(s);
}
