// SPDX-License-Identifier: MIT
#include "supervisor/permit.h"

#include "lib/log.h"
#include "supervisor/deliver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_MS 1000
#define STRICTER "policy became stricter since the envelope was made"
#define NO_LEDGER "the ledger cannot be written"

static size_t count(const struct permits *p)
{
	return p->c->clouds * CLOUD_SLOTS;
}

bool permits_init(struct permits *p, const struct config *c)
{
	p->c = c;
	msg_init(&p->msg);
	p->permit = calloc(c->clouds ? c->clouds * CLOUD_SLOTS : 1, sizeof(*p->permit));
	if (!p->permit)
		log_error("out of memory");
	return p->permit;
}

static void forget(struct permit *t)
{
	free(t->url);
	for (size_t i = 0; i < t->members; i++)
		free(t->member[i].envelope);
	free(t->member);
	*t = (struct permit){0};
}

static void drop_results(struct permits *p)
{
	for (size_t i = 0; i < p->results; i++)
		json_decref(p->result[i]);
	p->results = 0;
}

void permits_free(struct permits *p)
{
	if (p->permit)
		permits_restart(p);
	drop_results(p);
	free(p->permit);
	p->permit = NULL;
	msg_free(&p->msg);
}

void permits_restart(struct permits *p)
{
	for (size_t i = 0; i < count(p); i++)
		forget(&p->permit[i]);
	p->watch_at = 0;
	p->blocked = false;
}

static const struct cloud_config *cloud_of(const struct permits *p, const struct permit *t)
{
	return &p->c->cloud[(size_t)(t - p->permit) / CLOUD_SLOTS];
}

/* NULL: no such cloud, or more attempts than it can have. */
static struct permit *find(const struct permits *p, const char *cloud, uint64_t slot)
{
	for (size_t i = 0; slot < CLOUD_SLOTS && i < p->c->clouds; i++)
		if (strcmp(p->c->cloud[i].name, cloud) == 0)
			return &p->permit[i * CLOUD_SLOTS + slot];
	return NULL;
}

/* One more envelope of a list of links that is being made. */
static void list_rendered(struct permit *t, const uint8_t id[static SIGHTING_ID_SIZE],
			  const struct permit_envelope *envelope)
{
	struct permit_envelope *copy = malloc(sizeof(*copy));

	if (t->state != PERMIT_RENDERED || t->members == PERMIT_RENDERED_MAX)
		forget(t);
	if (!t->member)
		t->member = calloc(PERMIT_RENDERED_MAX, sizeof(*t->member));
	if (!copy || !t->member) {
		free(copy);
		forget(t);
		return; /* it will be found to have none */
	}
	*copy = *envelope;
	t->state = PERMIT_RENDERED;
	memcpy(t->member[t->members].id, id, SIGHTING_ID_SIZE);
	t->member[t->members++].envelope = copy;
}

void permits_rendered(struct permits *p, const char *cloud, uint64_t slot,
		      const uint8_t id[static SIGHTING_ID_SIZE],
		      const struct permit_envelope *envelope)
{
	struct permit *t = find(p, cloud, slot);

	if (!t)
		return;
	if (slot == CLOUD_SLOT_LINKS) {
		list_rendered(t, id, envelope);
		return;
	}
	forget(t);
	t->state = PERMIT_RENDERED;
	memcpy(t->id, id, SIGHTING_ID_SIZE);
	t->rendered = true;
	t->envelope = *envelope;
}

/* The envelopes that were rendered go to those the request is about: the last of each. */
static void give_envelopes(struct permit *t, struct permit_member *old, size_t olds)
{
	for (size_t i = 0; i < t->members; i++)
		for (size_t k = olds; k-- > 0 && !t->member[i].envelope;)
			if (!memcmp(old[k].id, t->member[i].id, SIGHTING_ID_SIZE)) {
				t->member[i].envelope = old[k].envelope;
				old[k].envelope = NULL;
			}
	for (size_t k = 0; k < olds; k++)
		free(old[k].envelope);
	free(old);
}

/* The sightings of a request about several; false: malformed. */
static bool read_members(struct permit *t, const struct msg_view *v, bool list)
{
	struct permit_member *old = t->member;
	size_t olds = t->members;
	const uint8_t *p;
	size_t at = 0, n, count = 0;
	uint16_t tag;

	while (msg_next(v, &at, &tag, &p, &n)) {
		if (tag != MSG_A_ID)
			continue;
		if (n != SIGHTING_ID_SIZE || count == CLOUD_LOOKUP_MAX)
			return false;
		count++;
	}
	if (count == 1 && !list)
		return true;
	t->member = calloc(count, sizeof(*t->member));
	t->members = 0;
	if (!t->member) {
		t->member = old;
		t->members = olds;
		return false;
	}
	for (at = 0; msg_next(v, &at, &tag, &p, &n);)
		if (tag == MSG_A_ID)
			memcpy(t->member[t->members++].id, p, n);
	give_envelopes(t, old, olds);
	return true;
}

static bool read_request(struct permit *t, const struct msg_view *v)
{
	static char url[MSG_MAX];

	if (!msg_get_string(v, MSG_A_TEXT, t->request, sizeof(t->request)) ||
	    !msg_get_string(v, MSG_A_URL, url, sizeof(url)) ||
	    !msg_get_exact(v, MSG_A_SHA256, t->sha256, sizeof(t->sha256)) ||
	    !msg_get_u64(v, MSG_A_SIZE, &t->bytes) || t->bytes > INT64_MAX ||
	    !msg_get_u64(v, MSG_A_CARRIES, &t->carries))
		return false;
	free(t->url);
	t->url = strdup(url);
	return t->url;
}

bool permits_ask(struct permits *p, const struct msg_view *v)
{
	uint8_t id[SIGHTING_ID_SIZE];
	char cloud[CLOUD_NAME_MAX];
	struct permit *t;
	uint64_t slot;
	bool list;

	if (!msg_get_exact(v, MSG_A_ID, id, sizeof(id)) ||
	    !msg_get_string(v, MSG_A_CLOUD, cloud, sizeof(cloud)) ||
	    !msg_get_u64(v, MSG_A_SLOT, &slot))
		return false;
	t = find(p, cloud, slot);
	if (!t || t->state == PERMIT_ASKED || t->state == PERMIT_DECIDED)
		return false;
	/* Another attempt, or this one's next request: the envelope is for one alone. */
	list = slot == CLOUD_SLOT_LINKS;
	if (t->state != PERMIT_RENDERED || (!list && memcmp(t->id, id, sizeof(id)) != 0))
		forget(t);
	memcpy(t->id, id, sizeof(id));
	if (!read_members(t, v, list) || !read_request(t, v) ||
	    (t->members && list == !t->carries)) {
		forget(t);
		return false;
	}
	t->state = PERMIT_ASKED;
	return true;
}

/* The hash of the sample when the request is about that sighting, else NULL. */
static const uint8_t *sample_of(const struct permit *t,
				const uint8_t id[static SIGHTING_ID_SIZE])
{
	if (!t->members)
		return memcmp(t->id, id, SIGHTING_ID_SIZE) ? NULL : t->sample;
	for (size_t i = 0; i < t->members; i++)
		if (!memcmp(t->member[i].id, id, SIGHTING_ID_SIZE))
			return t->member[i].sample;
	return NULL;
}

struct permit_end permits_end(struct permits *p, const uint8_t id[static SIGHTING_ID_SIZE],
			      const char *cloud)
{
	struct permit_end end = {0};

	for (size_t i = 0; i < count(p); i++) {
		struct permit *t = &p->permit[i];
		const uint8_t *sample;

		if (t->state != PERMIT_OUT || strcmp(cloud_of(p, t)->name, cloud) != 0)
			continue;
		sample = sample_of(t, id);
		if (!sample)
			continue;
		/* Of an attempt before, whose slot nobody took since, it is not the end. */
		if (t->line > end.line) {
			end.line = t->line;
			memcpy(end.sample, sample, sizeof(end.sample));
		}
		if (!t->members)
			forget(t);
	}
	return end;
}

void permits_result(struct permits *p, const struct permit_result *r)
{
	json_t *line = p->results < PERMIT_RESULTS_MAX ? permit_line_result(r) : NULL;

	if (line)
		p->result[p->results++] = line;
	else
		counter_add(p->counters, COUNTER_LEDGER_RESULTS_LOST, 1);
}

/* ---------------------------------------------------------------- decisions */

static void refuse(struct permits *p, struct permit *t, const char *why, enum counter counter)
{
	char id[SIGHTING_ID_TEXT];

	if (why != t->refusal)
		snprintf(t->refusal, sizeof(t->refusal), "%s", why);
	counter_add(p->counters, counter, 1);
	tally_cloud(p->tally, p->c, cloud_of(p, t)->name, TALLY_CLOUD_REQUESTS_REFUSED, 1);
	log_debug("no leave for %s of %s to cloud %s: %s", t->request,
		  sighting_id_text(t->id, id), cloud_of(p, t)->name, t->refusal);
}

#define NO_ENVELOPE "no envelope was made for it"

/* NULL, or why what was made for an envelope may not leave now. */
static const char *stricter(const struct permit_envelope *e, const struct policy *now)
{
	return policy_within(&e->effective, now) ? NULL : STRICTER;
}

/* Whether policy lets a request about all of these leave; else with its refusal. */
static bool all_allowed(struct permits *p, struct permit *t)
{
	const char *cloud = cloud_of(p, t)->name;

	for (size_t i = 0; i < t->members; i++) {
		struct permit_member *m = &t->member[i];
		char reason[PERMIT_REFUSAL_MAX];
		const char *why = reason;
		struct policy now;

		if (deliver_effective(p->deliver, m->id, cloud, &now, m->sample, reason))
			why = !t->carries    ? NULL
			      : !m->envelope ? NO_ENVELOPE
					     : stricter(m->envelope, &now);
		m->denied = why;
		if (why)
			snprintf(t->refusal, sizeof(t->refusal), "%s", why);
	}
	return !t->refusal[0];
}

/* Whether policy lets it leave now; else with its refusal. */
static bool allowed(struct permits *p, struct permit *t)
{
	const char *why;
	struct policy now;

	t->refusal[0] = '\0';
	if (t->members)
		return all_allowed(p, t);
	if (!deliver_effective(p->deliver, t->id, cloud_of(p, t)->name, &now, t->sample,
			       t->refusal))
		return false;
	if (!t->carries)
		return true;
	why = t->rendered ? stricter(&t->envelope, &now) : NO_ENVELOPE;
	if (why)
		snprintf(t->refusal, sizeof(t->refusal), "%s", why);
	return !why;
}

/* A round's lines: of requests that may leave (whose permits are in of), then outcomes. */
struct round {
	json_t **line;
	uint64_t *number;
	struct permit **of;
	size_t requests, lines;
};

static void decide(struct permits *p, struct round *r)
{
	for (size_t i = 0; i < count(p); i++) {
		struct permit *t = &p->permit[i];
		json_t *line;

		if (t->state != PERMIT_ASKED)
			continue;
		t->state = PERMIT_DECIDED;
		if (!allowed(p, t)) {
			refuse(p, t, t->refusal, COUNTER_REQUESTS_REFUSED);
			continue;
		}
		line = permit_line_request(t, cloud_of(p, t));
		if (!line) {
			refuse(p, t, NO_LEDGER, COUNTER_LEDGER_FAILURES);
			continue;
		}
		r->of[r->requests++] = t;
		r->line[r->lines++] = line;
	}
}

static void write_round(struct permits *p, struct round *r, int64_t time)
{
	bool ok = ledger_append(p->ledger, r->line, r->lines, time, r->number);

	for (size_t i = 0; i < r->requests; i++) {
		struct permit *t = r->of[i];
		const char *cloud = cloud_of(p, t)->name;

		if (!ok) {
			refuse(p, t, NO_LEDGER, COUNTER_LEDGER_FAILURES);
			continue;
		}
		t->line = r->number[i];
		tally_cloud(p->tally, p->c, cloud, TALLY_CLOUD_REQUESTS, 1);
		tally_cloud(p->tally, p->c, cloud, TALLY_CLOUD_REQUEST_BYTES, t->bytes);
	}
	counter_add(p->counters, ok ? COUNTER_REQUESTS : COUNTER_LEDGER_RESULTS_LOST,
		    ok ? r->requests : r->lines - r->requests);
	for (size_t i = 0; i < r->lines; i++)
		json_decref(r->line[i]);
}

void permits_step(struct permits *p, int64_t time, bool stopping)
{
	json_t *line[CLOUD_MAX * CLOUD_SLOTS + PERMIT_RESULTS_MAX];
	uint64_t number[CLOUD_MAX * CLOUD_SLOTS + PERMIT_RESULTS_MAX];
	struct permit *of[CLOUD_MAX * CLOUD_SLOTS];
	struct round r = {.line = line, .number = number, .of = of};

	if (!stopping)
		decide(p, &r);
	for (size_t i = 0; i < p->results; i++)
		r.line[r.lines++] = p->result[i];
	p->results = 0;
	if (r.lines)
		write_round(p, &r, time);
}

/* -------------------------------------------------------------------- watch */

/* Decided and not told yet: it will be refused.  Out: it is ended. */
static void withdraw(struct permit *t)
{
	if (t->state == PERMIT_OUT)
		t->revoke = true;
	snprintf(t->refusal, sizeof(t->refusal), "%s", STRICTER);
}

static bool under_way(const struct permit *t)
{
	return t->carries && !t->refusal[0] &&
	       (t->state == PERMIT_DECIDED || t->state == PERMIT_OUT);
}

/* What policy still lets leave under these switches. */
static bool within_mask(const struct permit_envelope *e, uint32_t mask)
{
	struct policy masked = policy_masked(e->effective, mask);

	return policy_within(&e->effective, &masked);
}

static bool all_within_mask(const struct permit *t, uint32_t mask)
{
	for (size_t i = 0; i < t->members; i++)
		if (!within_mask(t->member[i].envelope, mask))
			return false;
	return t->members || within_mask(&t->envelope, mask);
}

void permits_watch(struct permits *p, uint64_t now)
{
	uint32_t mask = 0;
	bool asked = false;

	if (p->watch_at && now < p->watch_at)
		return;
	for (size_t i = 0; i < count(p); i++) {
		struct permit *t = &p->permit[i];

		if (!under_way(t))
			continue;
		if (p->watch_at && !asked)
			mask = deliver_mask(p->deliver);
		asked = true;
		if (!p->watch_at)
			break; /* the first look is in a second: it was just decided */
		if (!all_within_mask(t, mask))
			withdraw(t);
	}
	p->watch_at = asked ? now + WATCH_MS : 0;
}

uint64_t permits_at(const struct permits *p, uint64_t when)
{
	return p->watch_at && p->watch_at < when ? p->watch_at : when;
}

static bool still_allowed(struct permits *p, const struct permit *t,
			  const uint8_t id[static SIGHTING_ID_SIZE],
			  const struct permit_envelope *e)
{
	char reason[PERMIT_REFUSAL_MAX];
	uint8_t sample[SHA256_SIZE];
	struct policy now;

	return deliver_effective(p->deliver, id, cloud_of(p, t)->name, &now, sample, reason) &&
	       policy_within(&e->effective, &now);
}

static bool all_still_allowed(struct permits *p, const struct permit *t)
{
	for (size_t i = 0; i < t->members; i++)
		if (!still_allowed(p, t, t->member[i].id, t->member[i].envelope))
			return false;
	return t->members || still_allowed(p, t, t->id, &t->envelope);
}

void permits_reloaded(struct permits *p)
{
	for (size_t i = 0; i < count(p); i++) {
		struct permit *t = &p->permit[i];

		if (under_way(t) && !all_still_allowed(p, t))
			withdraw(t);
	}
}

/* ------------------------------------------------------------------ sending */

static enum msg_result tell(struct permits *p, struct permit *t, int fd)
{
	bool go = t->state == PERMIT_DECIDED;

	msg_begin(&p->msg, go ? MSG_GO : MSG_REVOKE);
	msg_put(&p->msg, MSG_A_ID, t->id, sizeof(t->id));
	msg_put_string(&p->msg, MSG_A_CLOUD, cloud_of(p, t)->name);
	if (go) {
		msg_put(&p->msg, MSG_A_SHA256, t->sha256, sizeof(t->sha256));
		msg_put_u64(&p->msg, MSG_A_STATUS, t->refusal[0] != '\0');
		for (size_t i = 0; i < t->members; i++)
			if (t->member[i].denied)
				msg_put(&p->msg, MSG_A_DENIED, t->member[i].id,
					SIGHTING_ID_SIZE);
	}
	if (t->refusal[0])
		msg_put_string(&p->msg, MSG_A_TEXT, t->refusal);
	return msg_send(fd, &p->msg);
}

enum msg_result permits_send(struct permits *p, int fd)
{
	p->blocked = false;
	for (size_t i = 0; i < count(p); i++) {
		struct permit *t = &p->permit[i];
		enum msg_result result;

		if (t->state != PERMIT_DECIDED && !t->revoke)
			continue;
		result = tell(p, t, fd);
		p->blocked = result == MSG_AGAIN;
		if (result != MSG_OK)
			return p->blocked ? MSG_OK : result;
		if (t->refusal[0])
			forget(t);
		else
			t->state = PERMIT_OUT;
	}
	return MSG_OK;
}
