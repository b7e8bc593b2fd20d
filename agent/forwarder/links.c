// SPDX-License-Identifier: MIT
/* Links that are sent together. */
#include "forwarder/changes.h"
#include "forwarder/state.h"
#include "lib/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_LINE "panlnk\n"
#define LINK_MAX 8192		   /* bytes of one; longer ones go alone, and are refused */
#define LINES_MAX (512u << 10)	   /* bytes of all */
#define ENVELOPES_MAX (768u << 10) /* the same */
#define SPENT_MAX 60000 /* ms that a list may wait for the cloud; then all is asked again */
#define ALONE 3		/* failures after which a link goes by itself */

static struct job *list(const struct target *t)
{
	return (struct job *)&t->job[CLOUD_SLOT_LINKS];
}

/* The text of a link, to be freed; NULL: it cannot be read, or be a line. */
static char *read_link(const char *spool_dir, const struct queue_item *item)
{
	char path[SPOOL_PATH_MAX], *text = NULL;
	int fd = -1;
	bool ok;

	ok = item->size && item->size <= LINK_MAX &&
	     spool_path(spool_dir, item->sha256, path, sizeof(path));
	if (ok)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		text = calloc(1, (size_t)item->size + 1);
	ok = text && read(fd, text, (size_t)item->size) == (ssize_t)item->size;
	for (size_t i = 0; ok && i < item->size; i++)
		ok = (unsigned char)text[i] > ' ' && text[i] != 0x7f;
	if (fd >= 0)
		close(fd);
	if (ok)
		return text;
	free(text);
	return NULL;
}

static bool wanted(struct target *t)
{
	const struct cloud_config *c = t->config;

	if (!c->ops->links || c->link_batch <= 1)
		return false;
	if (!t->links) {
		t->links = calloc(1, sizeof(*t->links));
		if (!t->links)
			return false;
		buf_init(&t->links->batch.lines, LINES_MAX);
		buf_init(&t->links->batch.envelopes, ENVELOPES_MAX);
	}
	return !t->links->absent && t->links->count < c->link_batch;
}

bool links_take(struct job *job)
{
	struct target *t = job->target;
	struct links *k;
	char *text;

	if (job->submission.sample_kind != SIGHTING_KIND_LINK || job->item.failures >= ALONE ||
	    !wanted(t))
		return false;
	text = read_link(t->forwarder->config->spool_dir, &job->item);
	if (!text)
		return false;
	free(text);
	k = t->links;
	if (!k->count)
		k->since = t->forwarder->now;
	k->gathered[k->count++] = job->item;
	t->config->ops->cancel(&job->submission);
	job->state = JOB_FREE;
	t->running--;
	return true;
}

int64_t links_at(const struct target *t)
{
	const struct links *k = t->links;
	int64_t when;

	if (!k || !k->count || list(t)->state != JOB_FREE)
		return INT64_MAX;
	if (!target_places(t, true)) {
		when = quota_again(t->quota, t->config->quota, t->forwarder->now, NULL);
		return when ? when : INT64_MAX;
	}
	when = k->count >= t->config->link_batch ? 0 : k->since + t->config->link_wait * 1000LL;
	if (when < t->down_until)
		when = t->down_until;
	return when < t->asked_until ? t->asked_until : when;
}

int64_t links_stale(const struct target *t)
{
	const struct links *k = t->links;

	return k && k->count ? k->since + t->config->link_wait * 1000LL + SPENT_MAX : INT64_MAX;
}

void links_give_back(struct target *t)
{
	static struct changes c;
	struct links *k = t->links;

	changes_begin(&c);
	for (size_t i = 0; i < k->count; i++)
		changes_waiting(&c, &k->gathered[i], "waited too long for its turn",
				t->forwarder->now);
	if (!changes_store(t, &c))
		return;
	k->count = 0;
	t->next_due = 0;
}

/* --------------------------------------------------------------------- begin */

/* The next envelope that is wanted, or the request when all were. */
static void next(struct job *job)
{
	struct target *t = job->target;
	struct links *k = t->links;
	struct cloud_batch *batch = &k->batch;

	if (k->rendered < k->takens) {
		job->item = k->taken[k->rendered];
		job->state = JOB_RENDER;
		return;
	}
	if (!batch->count) {
		cloud_result_set(&job->result, CLOUD_RETRY, "%s", k->reason);
		job->ours = true;
		job->state = JOB_ENDED;
		return;
	}
	buf_add_string(&batch->envelopes, "]");
	job->item = k->item[0];
	memcpy(job->submission.id, job->item.id, SIGHTING_ID_SIZE);
	memcpy(job->submission.sha256, job->item.sha256, SHA256_SIZE);
	job->state = JOB_RUNNING;
	t->config->ops->begin(&t->forwarder->loop, &job->submission);
}

void links_begin(struct target *t)
{
	struct links *k = t->links;
	struct job *job = list(t);

	k->takens = k->count;
	memcpy(k->taken, k->gathered, k->count * sizeof(k->taken[0]));
	k->count = k->rendered = k->refuseds = 0;
	memset(k->denied, 0, sizeof(k->denied));
	k->batch.count = 0;
	k->batch.absent = false;
	k->batch.step = t->config->ops->links;
	buf_reset(&k->batch.lines);
	buf_reset(&k->batch.envelopes);
	buf_add_string(&k->batch.lines, FIRST_LINE);
	attempt_prepare(job, t, &k->taken[0]);
	job->submission.batch = &k->batch;
	job->submission.sample_kind = SIGHTING_KIND_LINK;
	job->items = k->item;
	job->denied = k->denied;
	job->charged[false] = true; /* it takes no place in the quota of queries */
	next(job);
}

/* Adds a link whose envelope is there; false: it does not fit, or its text is gone. */
static bool add(struct target *t, const struct queue_item *item, const char *json)
{
	struct links *k = t->links;
	struct cloud_batch *batch = &k->batch;
	char *text;

	/* Room for the bracket and the comma, and for a line's end. */
	if (batch->envelopes.len + strlen(json) + 2 > ENVELOPES_MAX ||
	    batch->lines.len + item->size + 1 > LINES_MAX)
		return false;
	text = read_link(t->forwarder->config->spool_dir, item);
	if (!text)
		return false;
	buf_printf(&batch->lines, "%s%s", batch->count ? "\n" : "", text);
	buf_printf(&batch->envelopes, "%s%s", batch->count ? "," : "[", json);
	free(text);
	k->item[batch->count] = *item;
	memcpy(batch->sha256[batch->count], item->sha256, SHA256_SIZE);
	batch->verdict[batch->count++] = CLOUD_VERDICT_NONE;
	return true;
}

void links_envelope(struct job *job, const char *json, const char *reason)
{
	struct links *k = job->target->links;
	const struct queue_item *item = &k->taken[k->rendered++];

	job->refusal = NULL;
	if (!json || !add(job->target, item, json)) {
		k->refused[k->refuseds++] = *item;
		snprintf(k->reason, sizeof(k->reason), "%s",
			 json ? "does not fit into the list" : reason);
	}
	next(job);
}

/* ----------------------------------------------------------------------- end */

/*
 * A cloud refuses a list as a whole: which link is the reason, each finds out by itself.  Or it
 * takes no lists.
 */
static void apart(struct target *t, struct changes *c)
{
	struct links *k = t->links;

	changes_settle(t, c);
	for (size_t i = 0; i < k->batch.count; i++) {
		changes_waiting(c, &k->item[i], "its list was refused", t->forwarder->now);
		c->change[c->count - 1].failures += ALONE;
	}
}

/* Those that the answer has were taken; the others go on alone. */
static void answered(struct job *job, struct changes *c)
{
	struct links *k = job->target->links;

	for (size_t i = 0; i < k->batch.count; i++) {
		struct cloud_result *r = changes_add(c, &k->item[i]);

		if (k->batch.verdict[i] != CLOUD_VERDICT_NONE) {
			cloud_result_set(r, CLOUD_SENT, "%s", job->result.detail);
			r->verdict = k->batch.verdict[i];
			continue;
		}
		cloud_result_set(r, CLOUD_RETRY, "%s: the answer says nothing about it",
				 job->leave.name);
		c->change[c->count - 1].failures += ALONE;
	}
	changes_settle(job->target, c);
}

bool links_settle(struct job *job)
{
	static struct changes c;
	struct target *t = job->target;
	struct links *k = t->links;
	const struct cloud_result *r = &job->result;
	bool good = r->outcome == CLOUD_SENT;

	changes_begin(&c);
	for (size_t i = 0; i < k->refuseds; i++)
		cloud_result_set(changes_add(&c, &k->refused[i]), CLOUD_RETRY, "%s", k->reason);
	if (good)
		answered(job, &c);
	else if (k->batch.absent || r->outcome == CLOUD_REFUSED)
		apart(t, &c);
	else
		changes_failed(t, &c, k->item, k->denied, k->batch.count, r);
	if (!changes_store(t, &c))
		return false;
	k->absent = k->absent || k->batch.absent;
	if (!good && k->batch.count)
		log_info("cloud %s: %zu links: %s: %s", t->config->name, k->batch.count,
			 k->batch.absent ? "one by one from now on"
					 : cloud_outcome_name(r->outcome),
			 r->detail);
	if (!job->ours && !k->batch.absent)
		target_learn(t, r);
	changes_count(t, &c, good);
	job->state = JOB_FREE;
	t->next_due = 0;
	return true;
}

void links_free(struct target *t)
{
	if (!t->links)
		return;
	buf_free(&t->links->batch.lines);
	buf_free(&t->links->batch.envelopes);
	free(t->links);
	t->links = NULL;
}
