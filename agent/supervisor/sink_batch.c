// SPDX-License-Identifier: MIT
/* Batches: records as a log gets them, and the line of the ledger for what leaves. */
#include "supervisor/sinks.h"

#include "lib/json.h"
#include "lib/log.h"
#include "policy/ecs.h"
#include "policy/envelope.h"
#include "record/journal.h"
#include "record/syslog.h"
#include "supervisor/sharing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A batch being made. */
struct making {
	struct sinks *k;
	struct sink *s;
	uint32_t mask; /* the switches now */
	int64_t time;
	unsigned int records;
	json_t *sightings, *policies; /* for the ledger */
	bool failed;
};

/* ------------------------------------------------------------------- documents */

/* Of the file itself, which is in none of the twelve fields. */
static bool add_state(json_t *root, const struct sighting *s)
{
	bool complete = s->state == FILE_STATE_COMPLETE;
	const char *type = sighting_get(s, SIGHTING_FILE_TYPE);

	return json_set_at(root, "sluice.kind", json_string(sighting_kind_text(s->kind))) &&
	       json_set_at(root, "sluice.file.state",
			   json_string(complete ? "complete" : "truncated")) &&
	       json_set_at(root, "sluice.file.reason",
			   json_string(file_reason_text(s->reason))) &&
	       (!type || json_set_at(root, "sluice.file.type", ecs_text(type, strlen(type))));
}

/* An envelope, as the log's policy has it; NULL: withheld, or out of memory (failed). */
static json_t *narrowed(struct making *m, const struct store_record *r)
{
	struct sinks *k = m->k;
	const struct sighting *s = &r->what.sighting;
	struct policy effective =
		policy_masked(policy_strictest(r->what.policy,
					       sharing_policy(k->c, k->users, m->s->share, s)),
			      r->what.share_mask & m->mask);
	struct envelope_report report;
	struct sharing sharing;
	json_t *root = NULL;
	bool ok;

	if (!envelope_allowed(s, &effective)) {
		sink_count(k, m->s, SINK_FIGURE_WITHHELD, 1);
		return NULL;
	}
	buf_reset(&k->envelope);
	ok = sharing_begin(&sharing, k->c, m->s->share, &effective, k->counters) &&
	     store_policy(k->store, sharing.id, &sharing.document, m->time) &&
	     envelope_render(s, &sharing.policy, &sharing.context, &k->envelope, &report);
	if (ok)
		root = json_loadb((const char *)k->envelope.data, k->envelope.len, 0, NULL);
	ok = root && add_state(root, s);
	if (ok) {
		char id[SIGHTING_ID_TEXT];

		counter_add(k->counters, COUNTER_FIELDS_WITHHELD, report.withheld);
		json_object_set_new(m->policies, sharing.id, json_true());
		json_array_append_new(m->sightings, json_string(sighting_id_text(s->id, id)));
	}
	sharing_end(&sharing);
	if (ok)
		return root;
	m->failed = true;
	json_decref(root);
	return NULL;
}

static bool add_end(json_t *root, const struct store_end *end)
{
	return !end->cloud[0] ||
	       (json_set_at(root, "@timestamp", ecs_time((uint64_t)end->time * 1000000)) &&
		json_set_at(root, "event.dataset", json_string("sluice.outcome")) &&
		json_set_at(root, "sluice.cloud.name", json_string(end->cloud)) &&
		json_set_at(root, "sluice.cloud.outcome",
			    json_string(cloud_outcome_name(end->outcome))) &&
		(end->verdict == CLOUD_VERDICT_NONE ||
		 json_set_at(root, "sluice.cloud.verdict", json_integer(end->verdict))));
}

static json_t *document(struct making *m, const struct store_record *r)
{
	json_t *root;

	if (m->k->c->has_share[m->s->share]) {
		root = narrowed(m, r);
	} else {
		root = envelope_local(&r->what.sighting);
		m->failed = m->failed || !root;
	}
	if (root && !add_end(root, &r->end)) {
		m->failed = true;
		json_decref(root);
		root = NULL;
	}
	return root;
}

/* --------------------------------------------------------------------- records */

/* What a cloud says of a sample that is no good: its verdict as WildFire numbers them. */
static bool bad(const struct store_end *end)
{
	return end->cloud[0] && end->verdict > 0;
}

static bool add_record(struct making *m, const json_t *root, const struct store_record *r)
{
	const char *kind = sighting_kind_text(r->what.sighting.kind);
	struct buf *line = &m->k->line, *out = &m->s->batch;
	const struct syslog_head head = {
		.severity = bad(&r->end) ? SYSLOG_WARNING : SYSLOG_INFO,
		.time = json_text_at(root, "@timestamp"),
		.host = m->k->host,
		.id = r->end.cloud[0] ? "outcome" : kind,
		.sequence = (uint64_t)r->number,
	};

	switch (m->s->config->kind) {
	case SINK_SYSLOG:
		return syslog_frame(&head, line->data, line->len, out);
	case SINK_JOURNAL:
		return journal_entry(&head, root, line->data, line->len, out);
	default:
		buf_add(out, line->data, line->len);
		return buf_add(out, "\n", 1);
	}
}

static void take(struct making *m, const struct store_record *r)
{
	struct record_context context = {.host = m->k->host};
	json_t *root = r->readable ? document(m, r) : NULL;

	if (!r->readable)
		log_error("log %s: record %" PRId64 " is damaged and left out",
			  m->s->config->name, r->number);
	if (!root)
		return;
	buf_reset(&m->k->line);
	if (!record_render(m->s->config->format, root, &context, &m->k->line) ||
	    !add_record(m, root, r))
		m->failed = true;
	json_decref(root);
	m->records++;
}

static size_t most(const struct making *m)
{
	/* An entry of the journal is a batch of its own. */
	return m->s->config->kind == SINK_JOURNAL ? 1 : SINK_BATCH_RECORDS;
}

static bool each(void *arg, const struct store_record *r)
{
	struct making *m = arg;

	take(m, r);
	if (m->failed)
		return false;
	m->s->sent = r->number;
	return m->records < most(m) && m->s->batch.len < SINK_BATCH_BYTES;
}

/* ---------------------------------------------------------------------- ledger */

static json_t *keys_of(json_t *object)
{
	json_t *list = json_array();
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) json_array_append_new(list, json_string(key));
	return list;
}

/* Synced before a byte of it leaves. */
static bool write_ledger(struct making *m)
{
	const struct sink_config *c = m->s->config;
	char hash[LEDGER_HASH_TEXT];
	uint64_t number;
	json_t *line;
	bool ok;

	ledger_hash(m->s->batch.data, m->s->batch.len, hash);
	line = json_pack("{s:s, s:s, s:s, s:o, s:i, s:O, s:o, s:{s:s, s:I}}", "type", "log",
			 "log", c->name, "format", c->format->name, "url",
			 json_sprintf(strchr(c->host, ':') ? "syslog-tls://[%s]:%u"
							   : "syslog-tls://%s:%u",
				      c->host, c->port),
			 "records", (int)m->records, "sightings", m->sightings, "policies",
			 keys_of(m->policies), "body", "sha256", hash, "bytes",
			 (json_int_t)m->s->batch.len);
	ok = line && ledger_append(m->k->ledger, &line, 1, m->time, &number);
	json_decref(line);
	if (!ok)
		counter_add(m->k->counters, COUNTER_LEDGER_FAILURES, 1);
	return ok;
}

bool sinks_make(struct sinks *k, struct sink *s, int64_t time)
{
	struct making m = {.k = k, .s = s, .time = time};
	int64_t before = s->sent;
	bool ok, policy = k->c->has_share[s->share];

	m.sightings = json_array();
	m.policies = json_object();
	m.mask = policy ? deliver_mask(k->deliver) : UINT32_MAX;
	buf_reset(&s->batch);
	s->at = 0;
	ok = store_records(k->store, s->config->name, s->sent, most(&m), each, &m);
	if (!ok)
		log_warning_once("log %s: records cannot be read: %s", s->config->name,
				 store_error(k->store));
	ok = ok && !m.failed && !s->batch.failed;
	s->more = !ok || s->sent != before;
	if (ok && m.records && sink_leaves(s->config))
		ok = write_ledger(&m);
	if (ok && policy)
		s->mask &= m.mask;
	if (!ok) {
		/* Made again later, from the first. */
		buf_reset(&s->batch);
		s->sent = before;
		s->more = true;
	} else if (!m.records && !s->window) {
		s->recorded = s->sent; /* nothing of it may be told */
	}
	json_decref(m.sightings);
	json_decref(m.policies);
	return ok && m.records;
}
