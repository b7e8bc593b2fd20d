// SPDX-License-Identifier: MIT
/* Messages from and to the supervisor. */
#include "forwarder/state.h"
#include "lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_WAIT 60000 /* ms for the supervisor to answer MSG_RENDER and MSG_LEAVE */

/* ----------------------------------------------------- from the supervisor */

static void bad_message(struct forwarder *f, const struct msg_view *v)
{
	counter_add(&f->counters, COUNTER_MESSAGES_BAD, 1);
	log_warning_once("supervisor: message \"%s\" not understood", msg_type_text(v->type));
}

static void on_submit(struct forwarder *f, const struct msg_view *v)
{
	struct queue_item *item = &f->batch[f->batched];
	uint64_t priority = RULE_PRIORITY_COUNT;
	struct target *t;

	*item = (struct queue_item){0};
	if (!msg_get_exact(v, MSG_A_ID, item->id, sizeof(item->id)) ||
	    !msg_get_string(v, MSG_A_CLOUD, item->cloud, sizeof(item->cloud)) ||
	    !*item->cloud ||
	    !msg_get_exact(v, MSG_A_SHA256, item->sha256, sizeof(item->sha256)) ||
	    !msg_get_u64(v, MSG_A_SIZE, &item->size) || item->size > INT64_MAX ||
	    !msg_get_u64(v, MSG_A_PRIORITY, &priority) || priority >= RULE_PRIORITY_COUNT) {
		bad_message(f, v);
		return;
	}
	item->priority = (enum rule_priority)priority;
	t = forwarder_target(f, item->cloud);
	item->reuse = t && attempt_reuses(t);
	f->batched++;
}

/* The attempt of that sighting that is in that state; NULL: none is. */
static struct job *find_job(struct target *t, const uint8_t id[static SIGHTING_ID_SIZE],
			    enum job_state state)
{
	for (size_t i = 0; i < CLOUD_SLOTS; i++)
		if (t->job[i].state == state &&
		    !memcmp(t->job[i].item.id, id, SIGHTING_ID_SIZE))
			return &t->job[i];
	return NULL;
}

/* Keeps the supervisor's reason until the attempt ends, which is at once. */
static void refused(struct job *job, const struct msg_view *v, const char *what,
		    const char *otherwise)
{
	static char refusal[CLOUD_DETAIL_MAX + 32];
	char reason[CLOUD_DETAIL_MAX];

	snprintf(refusal, sizeof(refusal), "%s%s", what,
		 msg_get_string(v, MSG_A_TEXT, reason, sizeof(reason)) ? reason : otherwise);
	job->refusal = refusal;
}

static void on_envelope(struct forwarder *f, const struct msg_view *v)
{
	static char json[MSG_MAX], filename[MSG_MAX];
	char cloud[CLOUD_NAME_MAX];
	uint8_t id[SIGHTING_ID_SIZE];
	struct target *t;
	struct job *job;
	uint64_t status, kind = SIGHTING_KIND_FILE;

	if (!msg_get_exact(v, MSG_A_ID, id, sizeof(id)) ||
	    !msg_get_string(v, MSG_A_CLOUD, cloud, sizeof(cloud)) ||
	    !msg_get_u64(v, MSG_A_STATUS, &status) ||
	    (status == 0 &&
	     (!msg_get_u64(v, MSG_A_KIND, &kind) || kind >= SIGHTING_KIND_COUNT ||
	      !msg_get_string(v, MSG_A_JSON, json, sizeof(json)) ||
	      !msg_get_string(v, MSG_A_FILENAME, filename, sizeof(filename))))) {
		bad_message(f, v);
		return;
	}
	t = forwarder_target(f, cloud);
	job = t ? find_job(t, id, JOB_ENVELOPE) : NULL;
	if (!job)
		return; /* the attempt ended while the answer was on its way */
	job->submission.sample_kind = (enum sighting_kind)kind;
	if (status)
		refused(job, v,
			"no envelope: ", "the cloud's policy allows nothing to be sent");
	attempt_envelope(job, status ? NULL : json, filename, job->refusal);
}

/* Those of a question that are the reason why it may not leave. */
static void deny(struct job *job, const struct msg_view *v)
{
	const uint8_t *p;
	uint16_t tag;
	size_t at = 0, n;

	while (msg_next(v, &at, &tag, &p, &n))
		if (tag == MSG_A_DENIED && n == SIGHTING_ID_SIZE)
			for (size_t i = 0; i < job->submission.batch->count; i++)
				if (!memcmp(job->items[i].id, p, n))
					job->denied[i] = true;
}

static void on_go(struct forwarder *f, const struct msg_view *v)
{
	uint8_t id[SIGHTING_ID_SIZE], sha256[SHA256_SIZE];
	char cloud[CLOUD_NAME_MAX];
	struct target *t;
	struct job *job;
	uint64_t status;

	if (!msg_get_exact(v, MSG_A_ID, id, sizeof(id)) ||
	    !msg_get_string(v, MSG_A_CLOUD, cloud, sizeof(cloud)) ||
	    !msg_get_exact(v, MSG_A_SHA256, sha256, sizeof(sha256)) ||
	    !msg_get_u64(v, MSG_A_STATUS, &status)) {
		bad_message(f, v);
		return;
	}
	t = forwarder_target(f, cloud);
	job = t ? find_job(t, id, JOB_PERMIT) : NULL;
	/* One for a request that we stopped waiting for is not for another. */
	if (!job || memcmp(job->leave.sha256, sha256, sizeof(sha256)))
		return;
	job->state = JOB_RUNNING;
	if (status) {
		refused(job, v, "no leave: ", "not allowed");
		job->ours = true;
		if (job->submission.batch)
			deny(job, v);
	} else if (!target_charge(job)) {
		job->refusal = "no leave: the quota cannot be counted";
		job->ours = true;
		status = 1;
	}
	t->config->ops->go(&job->submission, !status);
}

static void on_revoke(struct forwarder *f, const struct msg_view *v)
{
	char cloud[CLOUD_NAME_MAX];
	uint8_t id[SIGHTING_ID_SIZE];
	struct target *t;
	struct job *job;

	if (!msg_get_exact(v, MSG_A_ID, id, sizeof(id)) ||
	    !msg_get_string(v, MSG_A_CLOUD, cloud, sizeof(cloud))) {
		bad_message(f, v);
		return;
	}
	t = forwarder_target(f, cloud);
	job = t && t->config->ops->revoke ? find_job(t, id, JOB_RUNNING) : NULL;
	if (!job || !job->leave.carries)
		return; /* it has ended */
	refused(job, v, "revoked: ", "not allowed any more");
	job->ours = true;
	counter_add(&f->counters, COUNTER_REQUESTS_REVOKED, 1);
	t->config->ops->revoke(&job->submission);
}

/* Requests that are made already keep what they have. */
static bool replace(char **secret, const struct msg_view *v, uint16_t tag)
{
	static char text[MSG_MAX];
	char *new;

	if (!msg_get_string(v, tag, text, sizeof(text)))
		return false;
	new = strdup(text);
	explicit_bzero(text, strlen(text));
	if (!new)
		return false;
	if (*secret)
		explicit_bzero(*secret, strlen(*secret));
	free(*secret);
	*secret = new;
	return true;
}

static void on_credentials(struct forwarder *f, const struct msg_view *v)
{
	char name[CLOUD_NAME_MAX];
	struct target *t;
	bool ok = msg_get_string(v, MSG_A_CLOUD, name, sizeof(name));

	t = ok ? forwarder_target(f, name) : NULL;
	if (t) {
		struct cloud_config *c = &f->config->cloud[t - f->target];

		ok = replace(&c->key, v, MSG_A_KEY) && replace(&c->token, v, MSG_A_TOKEN);
		/* It may be what the cloud was waiting for. */
		t->down_until = 0;
	}
	if (!ok)
		bad_message(f, v);
}

static const struct {
	uint16_t type;
	void (*handle)(struct forwarder *f, const struct msg_view *v);
} handlers[] = {
	{MSG_SUBMIT, on_submit}, {MSG_ENVELOPE, on_envelope},	    {MSG_GO, on_go},
	{MSG_REVOKE, on_revoke}, {MSG_CREDENTIALS, on_credentials},
};

void talk_receive(struct forwarder *f)
{
	static uint8_t room[MSG_MAX];

	while (f->exit < 0 && !f->committed && f->batched < BATCH) {
		struct msg_view v;
		size_t i;

		switch (msg_receive(f->config->supervisor, room, &v)) {
		case MSG_OK:
			break;
		case MSG_AGAIN:
			return;
		case MSG_CLOSED:
			f->exit = 0;
			return;
		case MSG_BAD:
			log_error("supervisor: malformed message");
			f->exit = 1;
			return;
		case MSG_ERROR:
			log_error("supervisor: %s", strerror(errno));
			f->exit = 1;
			return;
		}
		for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
			if (handlers[i].type == v.type)
				break;
		if (i < sizeof(handlers) / sizeof(handlers[0]))
			handlers[i].handle(f, &v);
		else
			bad_message(f, &v);
	}
}

void talk_commit(struct forwarder *f)
{
	size_t known;

	if (!f->batched || f->committed || f->now < f->disk_again)
		return;
	if (!queue_add(f->queue, f->batch, f->batched, f->now, &known)) {
		forwarder_disk_failed(f, "submissions cannot be stored");
		return;
	}
	forwarder_disk_works(f);
	f->committed = true;
	f->acknowledged = 0;
	f->untold = true; /* some may have been here before, and ended */
	counter_add(&f->counters, COUNTER_QUEUED, f->batched);
	counter_add(&f->counters, COUNTER_KNOWN, known);
	for (size_t i = 0; i < f->batched; i++) {
		struct target *t = forwarder_target(f, f->batch[i].cloud);

		if (t)
			t->next_due = 0;
		else
			log_warning("submission for cloud \"%s\", which is not configured: "
				    "kept",
				    f->batch[i].cloud);
	}
}

/* ------------------------------------------------------- to the supervisor */

/* Sends f->msg; false when the supervisor has no room or is gone. */
static bool send_message(struct forwarder *f)
{
	switch (msg_send(f->config->supervisor, &f->msg)) {
	case MSG_OK:
		return true;
	case MSG_AGAIN:
		f->blocked = true;
		return false;
	case MSG_CLOSED:
		f->exit = 0;
		return false;
	default:
		log_error("supervisor: message \"%s\" cannot be sent: %s",
			  msg_type_text(f->msg.type), strerror(errno));
		f->exit = 1;
		return false;
	}
}

static void begin_message(struct forwarder *f, enum msg_type type,
			  const uint8_t id[static SIGHTING_ID_SIZE], const char *cloud)
{
	msg_begin(&f->msg, type);
	msg_put(&f->msg, MSG_A_ID, id, SIGHTING_ID_SIZE);
	msg_put_string(&f->msg, MSG_A_CLOUD, cloud);
}

static bool send_acknowledgements(struct forwarder *f)
{
	if (!f->committed)
		return true;
	for (; f->acknowledged < f->batched; f->acknowledged++) {
		const struct queue_item *item = &f->batch[f->acknowledged];

		begin_message(f, MSG_QUEUED, item->id, item->cloud);
		if (!send_message(f))
			return false;
	}
	f->committed = false;
	f->batched = 0;
	return true;
}

static bool send_wish(struct forwarder *f, struct job *job, uint64_t slot)
{
	bool leave = job->state == JOB_LEAVE;

	begin_message(f, leave ? MSG_LEAVE : MSG_RENDER, job->item.id, job->item.cloud);
	for (size_t i = 1; leave && job->submission.batch && i < job->submission.batch->count;
	     i++)
		msg_put(&f->msg, MSG_A_ID, job->items[i].id, SIGHTING_ID_SIZE);
	msg_put_u64(&f->msg, MSG_A_SLOT, slot);
	if (leave) {
		msg_put_string(&f->msg, MSG_A_TEXT, job->leave.name);
		msg_put_string(&f->msg, MSG_A_URL, job->leave.url);
		msg_put(&f->msg, MSG_A_SHA256, job->leave.sha256, SHA256_SIZE);
		msg_put_u64(&f->msg, MSG_A_SIZE, job->leave.bytes);
		msg_put_u64(&f->msg, MSG_A_CARRIES, job->leave.carries);
	}
	if (!send_message(f))
		return false;
	job->state = leave ? JOB_PERMIT : JOB_ENVELOPE;
	job->deadline = f->now + ANSWER_WAIT;
	return true;
}

static bool send_wishes(struct forwarder *f)
{
	for (size_t i = 0; i < f->config->clouds; i++) {
		for (size_t j = 0; j < CLOUD_SLOTS; j++) {
			struct job *job = &f->target[i].job[j];

			if ((job->state == JOB_RENDER || job->state == JOB_LEAVE) &&
			    !send_wish(f, job, j))
				return false;
		}
	}
	return true;
}

/* Rows of the queue that are to be told: a kind of them. */
struct telling {
	bool (*read)(struct forwarder *f, size_t *count); /* the next BATCH at most */
	void (*put)(struct forwarder *f, size_t i);	  /* one of these, as f->msg */
	bool (*told)(struct forwarder *f, size_t n);	  /* the first n */
	const char *cannot_read, *cannot_mark;
};

static bool tell(struct forwarder *f, const struct telling *t, bool *some)
{
	size_t count, sent;

	while (*some && f->now >= f->disk_again) {
		if (!t->read(f, &count)) {
			forwarder_disk_failed(f, t->cannot_read);
			return true;
		}
		for (sent = 0; sent < count; sent++) {
			t->put(f, sent);
			if (!send_message(f))
				break;
		}
		if (sent && !t->told(f, sent)) {
			/* They will be told twice, which the supervisor does not mind. */
			forwarder_disk_failed(f, t->cannot_mark);
			return true;
		}
		if (sent < count)
			return false;
		*some = count == BATCH;
	}
	return true;
}

static struct queue_result results[BATCH];

static bool read_results(struct forwarder *f, size_t *count)
{
	return queue_untold(f->queue, results, BATCH, count);
}

static void put_result(struct forwarder *f, size_t i)
{
	const struct queue_result *r = &results[i];

	begin_message(f, MSG_RESULT, r->id, r->cloud);
	msg_put_u64(&f->msg, MSG_A_STATUS, r->outcome);
	msg_put_u64(&f->msg, MSG_A_VERDICT, (uint64_t)(int64_t)r->verdict);
	msg_put_string(&f->msg, MSG_A_TEXT, r->detail);
}

static bool told_results(struct forwarder *f, size_t n)
{
	return queue_told(f->queue, results, n);
}

static const struct telling tell_results = {
	.read = read_results,
	.put = put_result,
	.told = told_results,
	.cannot_read = "results cannot be read",
	.cannot_mark = "results cannot be marked as told",
};

static struct queue_poll verdicts[BATCH];

static bool read_verdicts(struct forwarder *f, size_t *count)
{
	return queue_verdicts_untold(f->queue, verdicts, BATCH, count);
}

static void put_verdict(struct forwarder *f, size_t i)
{
	const struct queue_poll *p = &verdicts[i];

	begin_message(f, MSG_VERDICT, p->id, p->cloud);
	msg_put(&f->msg, MSG_A_SHA256, p->sha256, SHA256_SIZE);
	msg_put_u64(&f->msg, MSG_A_VERDICT, (uint64_t)(int64_t)p->verdict.value);
}

static bool told_verdicts(struct forwarder *f, size_t n)
{
	return queue_verdicts_told(f->queue, verdicts, n);
}

static const struct telling tell_verdicts = {
	.read = read_verdicts,
	.put = put_verdict,
	.told = told_verdicts,
	.cannot_read = "verdicts cannot be read",
	.cannot_mark = "verdicts cannot be marked as told",
};

static bool send_counters(struct forwarder *f)
{
	if (!memcmp(&f->counters, &f->sent, sizeof(f->counters)))
		return true;
	msg_begin(&f->msg, MSG_COUNTERS);
	for (int c = 0; c < COUNTER_COUNT; c++) {
		if (f->counters.value[c] == f->sent.value[c])
			continue;
		msg_put_string(&f->msg, MSG_A_COUNTER_NAME, counter_name(c));
		msg_put_u64(&f->msg, MSG_A_COUNTER_VALUE, f->counters.value[c]);
	}
	if (!send_message(f))
		return false;
	f->sent = f->counters;
	return true;
}

/* The counters say how many there were, these say of which cloud. */
static bool send_retries(struct forwarder *f)
{
	for (size_t i = 0; i < f->config->clouds; i++) {
		struct target *t = &f->target[i];

		if (!t->retries)
			continue;
		msg_begin(&f->msg, MSG_RETRIES);
		msg_put_string(&f->msg, MSG_A_CLOUD, t->config->name);
		msg_put_u64(&f->msg, MSG_A_COUNTER_VALUE, t->retries);
		if (!send_message(f))
			return false;
		t->retries = 0;
	}
	return true;
}

static struct shown to_show(const struct target *t)
{
	int64_t now = t->forwarder->now;
	int64_t until = t->down_until > t->asked_until ? t->down_until : t->asked_until;
	struct shown s = {.paused_until = until > now ? until : 0};

	for (unsigned int q = 0; q < CLOUD_QUOTA_COUNT; q++)
		if (t->config->quota[q])
			s.used[q] = quota_used(t->quota, q, now, &s.renewed[q]);
	return s;
}

static bool send_states(struct forwarder *f)
{
	for (size_t i = 0; i < f->config->clouds; i++) {
		struct target *t = &f->target[i];
		const struct shown s = to_show(t);

		if (!memcmp(&s, &t->shown, sizeof(s)))
			continue;
		msg_begin(&f->msg, MSG_CLOUD_STATE);
		msg_put_string(&f->msg, MSG_A_CLOUD, t->config->name);
		msg_put_u64(&f->msg, MSG_A_UNTIL, (uint64_t)s.paused_until);
		msg_put_string(&f->msg, MSG_A_TEXT, s.paused_until ? t->why : "");
		msg_put(&f->msg, MSG_A_USED, s.used, sizeof(s.used));
		msg_put(&f->msg, MSG_A_RENEWED, s.renewed, sizeof(s.renewed));
		if (!send_message(f))
			return false;
		t->shown = s;
	}
	return true;
}

/* The end of an attempt is said before what another asks in its place. */
void talk_send(struct forwarder *f)
{
	f->blocked = false;
	if (send_acknowledgements(f) && tell(f, &tell_results, &f->untold) &&
	    tell(f, &tell_verdicts, &f->verdicts) && send_wishes(f) && send_retries(f) &&
	    send_states(f))
		send_counters(f);
}
