// SPDX-License-Identifier: MIT
#include "supervisor/deliver.h"

#include "lib/log.h"
#include "policy/envelope.h"
#include "supervisor/sharing.h"

#include <stdio.h>
#include <string.h>

void deliver_init(struct deliver *d)
{
	msg_init(&d->msg);
	buf_init(&d->json, MSG_MAX);
	buf_init(&d->name, MSG_MAX);
	deliver_restart(d);
}

void deliver_free(struct deliver *d)
{
	msg_free(&d->msg);
	buf_free(&d->json);
	buf_free(&d->name);
}

void deliver_restart(struct deliver *d)
{
	d->wishes = 0;
	d->sent = 0;
	d->window = 0;
	d->more = true;
	d->blocked = false;
}

void deliver_added(struct deliver *d)
{
	d->more = true;
}

void deliver_acknowledged(struct deliver *d)
{
	if (d->window)
		d->window--;
}

uint32_t deliver_mask(struct deliver *d)
{
	uint32_t mask = 0, generation;
	bool ok = kernel_share_get(d->kernel, &mask, &generation);

	if (!ok && !d->kernel_failing)
		log_error("the kernel's switches cannot be read, no field is shared: %s",
			  d->kernel->error);
	else if (ok && d->kernel_failing)
		log_info("the kernel's switches can be read again");
	d->kernel_failing = !ok;
	return ok ? mask : 0;
}

bool deliver_wish(struct deliver *d, const struct msg_view *v)
{
	struct wish *w;

	if (d->wishes == DELIVER_WISHES_MAX)
		return false;
	w = &d->wish[(d->wish_first + d->wishes) % DELIVER_WISHES_MAX];
	if (!msg_get_exact(v, MSG_A_ID, w->id, sizeof(w->id)) ||
	    !msg_get_string(v, MSG_A_CLOUD, w->cloud, sizeof(w->cloud)) ||
	    !msg_get_u64(v, MSG_A_SLOT, &w->slot))
		return false;
	d->wishes++;
	return true;
}

/* The policy that holds now for it at a cloud, and that one's place; false: it has none. */
static bool policy_now(const struct deliver *d, const char *cloud, const struct sighting *s,
		       struct policy *p, size_t *place)
{
	for (size_t i = 0; i < d->c->clouds; i++) {
		if (strcmp(d->c->cloud[i].name, cloud) != 0 || !d->c->has_share[i])
			continue;
		*p = sharing_policy(d->c, d->users, i, s);
		*place = i;
		return true;
	}
	return false;
}

/* What the policy is can be shown later: it is on the disk before anything leaves. */
static bool make(struct deliver *d, const struct sighting *s, size_t cloud,
		 const struct policy *effective, struct permit_envelope *e,
		 char reason[static DELIVER_REASON_MAX])
{
	struct sharing sharing;
	bool ok = sharing_begin(&sharing, d->c, cloud, effective, d->counters);

	if (ok && !store_policy(d->store, sharing.id, &sharing.document,
				(int64_t)(users_clock() / 1000000))) {
		ok = false;
		snprintf(reason, DELIVER_REASON_MAX, "the policy cannot be kept: %s",
			 store_error(d->store));
	} else {
		ok = ok &&
		     envelope_render(s, &sharing.policy, &sharing.context, &d->json,
				     &e->report) &&
		     envelope_upload_name(s, &sharing.policy, &d->name);
		if (!ok)
			snprintf(reason, DELIVER_REASON_MAX, "out of memory for the envelope");
	}
	e->effective = sharing.policy;
	snprintf(e->policy, sizeof(e->policy), "%s", sharing.id);
	sharing_end(&sharing);
	return ok;
}

/*
 * The submission, and the policy that holds for it now; false with the reason for refusing.
 * The sighting is the caller's to free when true.
 */
static bool load(struct deliver *d, const uint8_t id[static SIGHTING_ID_SIZE],
		 const char *cloud, struct store_submission *sub, struct policy *effective,
		 size_t *place, char reason[static DELIVER_REASON_MAX])
{
	struct policy now;

	switch (store_load(d->store, id, cloud, sub)) {
	case STORE_OK:
		break;
	case STORE_ABSENT:
		snprintf(reason, DELIVER_REASON_MAX, "no such sighting goes to this cloud");
		return false;
	default:
		snprintf(reason, DELIVER_REASON_MAX, "%s", store_error(d->store));
		return false;
	}
	reason[0] = '\0';
	if (!sub->policy_readable) {
		snprintf(reason, DELIVER_REASON_MAX,
			 "the policy it was seen under cannot be read");
	} else if (!policy_now(d, cloud, &sub->sighting, &now, place)) {
		snprintf(reason, DELIVER_REASON_MAX, "there is no [share %s]", cloud);
	} else {
		*effective = policy_masked(policy_strictest(sub->policy, now),
					   sub->share_mask & deliver_mask(d));
		if (!envelope_allowed(&sub->sighting, effective))
			snprintf(reason, DELIVER_REASON_MAX,
				 "it is a link, and url is not shared now");
	}
	if (!reason[0])
		return true;
	sighting_free(&sub->sighting);
	return false;
}

bool deliver_effective(struct deliver *d, const uint8_t id[static SIGHTING_ID_SIZE],
		       const char *cloud, struct policy *effective,
		       uint8_t sample[static SHA256_SIZE],
		       char reason[static DELIVER_REASON_MAX])
{
	struct store_submission sub;
	size_t place;

	if (!load(d, id, cloud, &sub, effective, &place, reason))
		return false;
	memcpy(sample, sub.sighting.sha256, SHA256_SIZE);
	sighting_free(&sub.sighting);
	return true;
}

/* Fills json, name and envelope; false with the reason for refusing. */
static bool render(struct deliver *d, const struct wish *w, struct permit_envelope *e,
		   enum sighting_kind *kind, char reason[static DELIVER_REASON_MAX])
{
	struct store_submission sub;
	char hash[SHA256_TEXT];
	struct policy effective;
	size_t cloud;
	bool ok;

	if (!load(d, w->id, w->cloud, &sub, &effective, &cloud, reason))
		return false;
	ok = make(d, &sub.sighting, cloud, &effective, e, reason);
	if (ok && strcmp(buf_string(&d->name), sha256_text(sub.sighting.sha256, hash)) != 0)
		e->name_bytes = d->name.len;
	if (sub.sighting.kind == SIGHTING_KIND_LINK)
		e->link_bytes = (size_t)sub.sighting.size;
	*kind = sub.sighting.kind;
	sighting_free(&sub.sighting);
	return ok;
}

static enum msg_result answer(struct deliver *d, const struct wish *w, int fd)
{
	char id[SIGHTING_ID_TEXT], reason[DELIVER_REASON_MAX];
	enum sighting_kind kind = SIGHTING_KIND_FILE;
	struct permit_envelope e = {0};
	enum msg_result result;
	bool ok;

	buf_reset(&d->json);
	buf_reset(&d->name);
	ok = render(d, w, &e, &kind, reason);
	msg_begin(&d->msg, MSG_ENVELOPE);
	msg_put(&d->msg, MSG_A_ID, w->id, sizeof(w->id));
	msg_put_string(&d->msg, MSG_A_CLOUD, w->cloud);
	msg_put_u64(&d->msg, MSG_A_STATUS, !ok);
	if (ok) {
		msg_put_u64(&d->msg, MSG_A_KIND, kind);
		msg_put(&d->msg, MSG_A_JSON, d->json.data, d->json.len);
		msg_put(&d->msg, MSG_A_FILENAME, d->name.data, d->name.len);
	} else {
		msg_put_string(&d->msg, MSG_A_TEXT, reason);
	}
	result = msg_send(fd, &d->msg);
	if (result != MSG_OK)
		return result;
	counter_add(d->counters, ok ? COUNTER_ENVELOPES : COUNTER_ENVELOPES_REFUSED, 1);
	counter_add(d->counters, COUNTER_FIELDS_WITHHELD, e.report.withheld);
	if (ok)
		permits_rendered(d->permits, w->cloud, w->slot, w->id, &e);
	if (!ok)
		log_debug("no envelope of %s for cloud %s: %s", sighting_id_text(w->id, id),
			  w->cloud, reason);
	return MSG_OK;
}

static enum msg_result send_wishes(struct deliver *d, int fd)
{
	enum msg_result result;

	while (d->wishes) {
		result = answer(d, &d->wish[d->wish_first], fd);
		if (result != MSG_OK)
			return result;
		d->wish_first = (d->wish_first + 1) % DELIVER_WISHES_MAX;
		d->wishes--;
	}
	return MSG_OK;
}

static enum msg_result send_outbox(struct deliver *d, int fd)
{
	struct store_item items[DELIVER_WINDOW];
	enum msg_result result;
	size_t count;

	while (d->more && d->window < DELIVER_WINDOW) {
		size_t want = DELIVER_WINDOW - d->window;

		if (!store_outbox(d->store, d->sent, items, want, &count)) {
			log_warning_once("the outbox cannot be read: %s",
					 store_error(d->store));
			return MSG_OK;
		}
		for (size_t i = 0; i < count; i++) {
			msg_begin(&d->msg, MSG_SUBMIT);
			msg_put(&d->msg, MSG_A_ID, items[i].id, sizeof(items[i].id));
			msg_put_string(&d->msg, MSG_A_CLOUD, items[i].cloud);
			msg_put(&d->msg, MSG_A_SHA256, items[i].sha256,
				sizeof(items[i].sha256));
			msg_put_u64(&d->msg, MSG_A_SIZE, items[i].size);
			msg_put_u64(&d->msg, MSG_A_PRIORITY, items[i].priority);
			result = msg_send(fd, &d->msg);
			if (result != MSG_OK)
				return result;
			d->sent = items[i].number;
			d->window++;
		}
		d->more = count == want;
	}
	return MSG_OK;
}

enum msg_result deliver_send(struct deliver *d, int fd)
{
	enum msg_result result = send_wishes(d, fd);

	if (result == MSG_OK)
		result = send_outbox(d, fd);
	d->blocked = result == MSG_AGAIN;
	return d->blocked ? MSG_OK : result;
}
