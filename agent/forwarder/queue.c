// SPDX-License-Identifier: MIT
/* The forwarder's queue. */
#include "forwarder/queue_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A supervisor that died may not have stored what it was told.  Of results it asks itself; the
 * verdicts of so many ms before the last one are told again.
 */
#define VERDICTS_LOST 60000

#define DUE_INDEX "CREATE INDEX queue_due ON queue (cloud, state, priority, next_at);"
#define VERDICTS                                                                          \
	"CREATE TABLE verdict ("                                                          \
	"	number INTEGER PRIMARY KEY,"                                                    \
	"	cloud TEXT NOT NULL,"                                                           \
	"	sha256 BLOB NOT NULL,"                                                          \
	"	id BLOB NOT NULL,"                                                              \
	"	value INTEGER,"                                                                 \
	"	since INTEGER NOT NULL,"                                                        \
	"	next_at INTEGER,"                                                               \
	"	until INTEGER NOT NULL,"                                                        \
	"	polls INTEGER NOT NULL DEFAULT 0,"                                              \
	"	told INTEGER NOT NULL DEFAULT 1,"                                               \
	"	UNIQUE (cloud, sha256)"                                                         \
	") STRICT;"                                                                       \
	"CREATE INDEX verdict_due ON verdict (cloud, next_at) WHERE next_at IS NOT NULL;" \
	"CREATE INDEX verdict_until ON verdict (until);"                                  \
	"CREATE INDEX verdict_untold ON verdict (told) WHERE told = 0;"

static const char schema[] =
	"CREATE TABLE queue ("
	"	number INTEGER PRIMARY KEY,"
	"	id BLOB NOT NULL,"
	"	cloud TEXT NOT NULL,"
	"	sha256 BLOB NOT NULL,"
	"	size INTEGER NOT NULL,"
	"	state TEXT NOT NULL DEFAULT '" WAITING "',"
	"	attempts INTEGER NOT NULL DEFAULT 0,"
	"	failures INTEGER NOT NULL DEFAULT 0,"
	"	next_at INTEGER NOT NULL,"
	"	started_at INTEGER,"
	"	verdict INTEGER,"
	"	detail TEXT,"
	"	updated INTEGER NOT NULL,"
	"	told INTEGER NOT NULL DEFAULT 0,"
	"	priority INTEGER NOT NULL DEFAULT 1,"
	"	UNIQUE (id, cloud)"
	") STRICT;" DUE_INDEX
	"CREATE INDEX queue_sample ON queue (cloud, sha256) WHERE state = '" STARTED "';"
	"CREATE INDEX queue_untold ON queue (updated) WHERE told = 0 AND"
	"	state NOT IN ('" WAITING "', '" STARTED "');"
	"CREATE TABLE quota ("
	"	cloud TEXT NOT NULL,"
	"	name TEXT NOT NULL,"
	"	span INTEGER NOT NULL,"
	"	used INTEGER NOT NULL,"
	"	PRIMARY KEY (cloud, name)"
	") STRICT;"
	"CREATE TABLE pause (cloud TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;" VERDICTS;

static const char *const statement_sql[STATEMENT_COUNT] = {STATEMENTS(DB_SQL)};

static const struct db_upgrade upgrades[] = {
	{2, "ALTER TABLE queue ADD COLUMN priority INTEGER NOT NULL DEFAULT 1;"
	    "DROP INDEX queue_due;" DUE_INDEX},
	{3, VERDICTS},
};

static const struct db_kind kind = {
	.what = "queue",
	.loss = " (what waits is in supervisor.db as well, and comes again)",
	.only = "forwarder",
	.application = 0x536c7551, /* "SluQ" */
	.version = 4,
	.checked = true,
	.settings = "PRAGMA temp_store = MEMORY",
	.schema = schema,
	.upgrade = upgrades,
	.upgrades = sizeof(upgrades) / sizeof(upgrades[0]),
	.sql = statement_sql,
	.statements = STATEMENT_COUNT,
};

const char *queue_error(const struct queue *q)
{
	return q->db.error;
}

void queue_failing(const struct queue *q, const char *doing)
{
	db_failing(&q->db, doing);
}

static bool recover(struct db *d, int64_t again, int64_t latest)
{
	sqlite3_stmt *waiting = db_fresh(d, S_RECOVER);
	sqlite3_stmt *clock = db_fresh(d, S_CLOCK);
	sqlite3_stmt *verdicts = db_fresh(d, S_VERDICT_CLOCK);
	sqlite3_stmt *untold = db_fresh(d, S_VERDICTS_AGAIN);

	sqlite3_bind_int64(waiting, 1, again);
	sqlite3_bind_int64(clock, 1, latest);
	sqlite3_bind_int64(verdicts, 1, latest + VERDICT_POLL_MAX * 1000LL);
	sqlite3_bind_int64(untold, 1, VERDICTS_LOST);
	return db_begin(d) && db_end(d, db_run(d, waiting) && db_run(d, clock) &&
						db_run(d, verdicts) && db_run(d, untold));
}

struct queue *queue_open(const char *path, int64_t again, int64_t latest)
{
	struct queue *q = db_open(sizeof(*q), path, &kind);

	if (!q || recover(&q->db, again, latest))
		return q;
	db_unusable(&q->db);
	queue_close(q);
	return NULL;
}

void queue_close(struct queue *q)
{
	if (!q)
		return;
	db_close(&q->db);
	free(q);
}

/* -------------------------------------------------------------- submissions */

void queue_text(sqlite3_stmt *s, int column, char *to, size_t size)
{
	const unsigned char *p = sqlite3_column_text(s, column);

	snprintf(to, size, "%s", p ? (const char *)p : "");
}

/* One that begins with what is known of a submission. */
static sqlite3_stmt *fresh_for(struct queue *q, enum queue_statement which,
			       const struct queue_item *item, int64_t now)
{
	sqlite3_stmt *s = db_fresh(&q->db, which);

	sqlite3_bind_blob(s, 1, item->id, SIGHTING_ID_SIZE, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, item->cloud, -1, SQLITE_STATIC);
	sqlite3_bind_blob(s, 3, item->sha256, SHA256_SIZE, SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, (int64_t)item->size);
	sqlite3_bind_int64(s, 5, now);
	sqlite3_bind_int(s, 6, (int)item->priority);
	return s;
}

/* One that can end by what is known of its sample; *ended: it has. */
static bool add_known(struct queue *q, const struct queue_item *item, int64_t now, bool *ended)
{
	sqlite3_stmt *s;
	int32_t verdict;
	bool found;

	*ended = false;
	if (!queue_verdict(q, item->cloud, item->sha256, now, &found, &verdict))
		return false;
	if (!found)
		return true;
	s = fresh_for(q, S_ADD_KNOWN, item, now);
	sqlite3_bind_text(s, 7, cloud_outcome_name(CLOUD_KNOWN), -1, SQLITE_STATIC);
	queue_bind_verdict(s, 8, verdict);
	if (!db_run(&q->db, s))
		return false;
	*ended = sqlite3_changes(q->db.sqlite) > 0; /* else it is there already */
	return true;
}

static bool add(struct queue *q, const struct queue_item *item, int64_t now, size_t *known)
{
	bool ended = false;

	if (item->reuse && !add_known(q, item, now, &ended))
		return false;
	*known += ended;
	return ended || db_run(&q->db, fresh_for(q, S_ADD, item, now));
}

bool queue_add(struct queue *q, const struct queue_item *items, size_t n, int64_t now,
	       size_t *known)
{
	bool ok = db_begin(&q->db);

	*known = 0;
	if (!ok)
		return false;
	for (size_t i = 0; i < n && ok; i++)
		ok = add(q, &items[i], now, known);
	return db_end(&q->db, ok);
}

static bool read_item(struct queue *q, sqlite3_stmt *s, struct queue_item *item)
{
	item->number = sqlite3_column_int64(s, 0);
	queue_text(s, 2, item->cloud, sizeof(item->cloud));
	item->size = (uint64_t)sqlite3_column_int64(s, 4);
	item->attempts = (uint32_t)sqlite3_column_int64(s, 5) + 1;
	item->failures = (uint32_t)sqlite3_column_int64(s, 6);
	item->verdict = queue_verdict_column(s, 7);
	if (db_blob(s, 1, item->id, sizeof(item->id)) &&
	    db_blob(s, 3, item->sha256, sizeof(item->sha256)))
		return true;
	snprintf(q->db.error, sizeof(q->db.error), "row %lld: malformed",
		 (long long)item->number);
	return false;
}

static bool same_sample(const struct queue_item *items, size_t n, const struct queue_item *item)
{
	for (size_t i = 0; i < n; i++)
		if (!memcmp(items[i].sha256, item->sha256, sizeof(item->sha256)))
			return true;
	return false;
}

/* Those of a priority that are due, up to max with what is there, each of another sample. */
static bool due(struct queue *q, const char *cloud, int64_t now, bool fresh,
		enum rule_priority priority, struct queue_item *items, size_t max,
		size_t *count)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_DUE);
	int step = SQLITE_DONE;
	bool ok = true;

	sqlite3_bind_text(s, 1, cloud, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, now);
	sqlite3_bind_int(s, 3, (int)priority);
	sqlite3_bind_int(s, 4, fresh);
	while (ok && *count < max && (step = sqlite3_step(s)) == SQLITE_ROW) {
		items[*count].priority = priority;
		ok = read_item(q, s, &items[*count]);
		*count += ok && !same_sample(items, *count, &items[*count]);
	}
	return db_done(&q->db, s, step) && ok;
}

bool queue_take(struct queue *q, const char *cloud, int64_t now, bool fresh,
		struct queue_item *items, size_t max, size_t *count)
{
	bool ok = true;

	*count = 0;
	if (!db_begin_unsynced(&q->db))
		return false;
	for (int p = RULE_PRIORITY_COUNT; ok && p-- > 0;)
		ok = due(q, cloud, now, fresh, (enum rule_priority)p, items, max, count);
	for (size_t i = 0; ok && i < *count; i++) {
		sqlite3_stmt *s = db_fresh(&q->db, S_START);

		sqlite3_bind_int64(s, 1, items[i].number);
		sqlite3_bind_int64(s, 2, now);
		ok = db_run(&q->db, s);
	}
	if (db_end(&q->db, ok))
		return true;
	*count = 0;
	return false;
}

int64_t queue_next_due(struct queue *q, const char *cloud, int64_t now)
{
	int64_t next = INT64_MAX;

	for (int p = 0; p < RULE_PRIORITY_COUNT; p++) {
		sqlite3_stmt *s = db_fresh(&q->db, S_NEXT);

		sqlite3_bind_text(s, 1, cloud, -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 2, now);
		sqlite3_bind_int(s, 3, p);
		if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL &&
		    sqlite3_column_int64(s, 0) < next)
			next = sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
	}
	return next;
}

bool queue_clock(struct queue *q, int64_t latest)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_CLOCK);
	sqlite3_stmt *verdicts = db_fresh(&q->db, S_VERDICT_CLOCK);

	sqlite3_bind_int64(s, 1, latest);
	sqlite3_bind_int64(verdicts, 1, latest + VERDICT_POLL_MAX * 1000LL);
	return db_run(&q->db, s) && db_run(&q->db, verdicts);
}

static bool change(struct queue *q, int64_t number, const char *state,
		   const struct cloud_result *r, uint32_t failures, int64_t next_at,
		   int64_t now)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_SETTLE);

	sqlite3_bind_int64(s, 1, number);
	sqlite3_bind_text(s, 2, state, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, failures);
	sqlite3_bind_int64(s, 4, next_at);
	queue_bind_verdict(s, 5, r->verdict);
	sqlite3_bind_text(s, 6, r->detail, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 7, now);
	return db_run(&q->db, s);
}

static bool end(struct queue *q, int64_t number, const struct cloud_result *r, bool reused,
		int64_t now)
{
	bool learned = !reused && (r->outcome == CLOUD_SENT || r->outcome == CLOUD_KNOWN);

	return change(q, number, cloud_outcome_name(r->outcome), r, 0, now, now) &&
	       (!learned || queue_learn(q, number, r, now));
}

bool queue_end(struct queue *q, int64_t number, const struct cloud_result *r, int64_t now)
{
	return db_begin(&q->db) && db_end(&q->db, end(q, number, r, false, now));
}

bool queue_again(struct queue *q, int64_t number, const struct cloud_result *r,
		 uint32_t failures, int64_t next_at, int64_t now)
{
	return change(q, number, WAITING, r, failures, next_at, now);
}

bool queue_change(struct queue *q, const struct queue_change *changes, size_t n, int64_t now)
{
	bool ok = db_begin(&q->db);

	if (!ok)
		return false;
	for (size_t i = 0; i < n && ok; i++) {
		const struct queue_change *c = &changes[i];

		ok = cloud_outcome_final(c->result->outcome)
			     ? end(q, c->number, c->result, c->reused, now)
			     : queue_again(q, c->number, c->result, c->failures, c->next_at,
					   now);
	}
	return db_end(&q->db, ok);
}

/* ------------------------------------------------------------------ results */

static enum cloud_outcome outcome_find(const char *name)
{
	for (int o = 0; o < CLOUD_OUTCOME_COUNT; o++)
		if (!strcmp(cloud_outcome_name(o), name))
			return o;
	return CLOUD_OUTCOME_COUNT;
}

bool queue_untold(struct queue *q, struct queue_result *results, size_t max, size_t *count)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_UNTOLD);
	int step = SQLITE_DONE;
	char state[32];

	*count = 0;
	sqlite3_bind_int64(s, 1, (int64_t)max);
	while (*count < max && (step = sqlite3_step(s)) == SQLITE_ROW) {
		struct queue_result *r = &results[*count];

		r->number = sqlite3_column_int64(s, 0);
		queue_text(s, 2, r->cloud, sizeof(r->cloud));
		queue_text(s, 3, state, sizeof(state));
		r->outcome = outcome_find(state);
		r->verdict = queue_verdict_column(s, 4);
		queue_text(s, 5, r->detail, sizeof(r->detail));
		if (db_blob(s, 1, r->id, sizeof(r->id)) && r->outcome != CLOUD_OUTCOME_COUNT)
			++*count;
	}
	return db_done(&q->db, s, step);
}

bool queue_told(struct queue *q, const struct queue_result *results, size_t n)
{
	bool ok = db_begin_unsynced(&q->db);

	if (!ok)
		return false;
	for (size_t i = 0; i < n && ok; i++) {
		sqlite3_stmt *s = db_fresh(&q->db, S_TOLD);

		sqlite3_bind_int64(s, 1, results[i].number);
		ok = db_run(&q->db, s);
	}
	return db_end(&q->db, ok);
}

bool queue_forget(struct queue *q, int64_t before)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_FORGET);

	sqlite3_bind_int64(s, 1, before);
	return db_run(&q->db, s);
}

bool queue_clouds(struct queue *q, void (*each)(const char *cloud, uint64_t count, void *arg),
		  void *arg)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_CLOUDS);
	int step;

	while ((step = sqlite3_step(s)) == SQLITE_ROW)
		each((const char *)sqlite3_column_text(s, 0),
		     (uint64_t)sqlite3_column_int64(s, 1), arg);
	return db_done(&q->db, s, step);
}

/* ---------------------------------------------------------- quotas and pauses */

bool queue_quota_store(struct queue *q, const char *cloud,
		       const struct quota quota[static CLOUD_QUOTA_COUNT])
{
	bool ok = db_begin(&q->db);

	if (!ok)
		return false;
	for (int i = 0; i < CLOUD_QUOTA_COUNT && ok; i++) {
		sqlite3_stmt *s = db_fresh(&q->db, S_QUOTA_STORE);

		sqlite3_bind_text(s, 1, cloud, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 2, cloud_quota_name(i), -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 3, quota[i].span);
		sqlite3_bind_int64(s, 4, (int64_t)quota[i].used);
		ok = db_run(&q->db, s);
	}
	return db_end(&q->db, ok);
}

bool queue_quota_load(struct queue *q, const char *cloud,
		      struct quota quota[static CLOUD_QUOTA_COUNT])
{
	bool ok = true;

	for (int i = 0; i < CLOUD_QUOTA_COUNT && ok; i++) {
		sqlite3_stmt *s = db_fresh(&q->db, S_QUOTA_LOAD);
		int step;

		quota[i] = (struct quota){0};
		sqlite3_bind_text(s, 1, cloud, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 2, cloud_quota_name(i), -1, SQLITE_STATIC);
		step = sqlite3_step(s);
		if (step == SQLITE_ROW) {
			quota[i].span = sqlite3_column_int64(s, 0);
			quota[i].used = (uint64_t)sqlite3_column_int64(s, 1);
		}
		ok = db_done(&q->db, s, step);
	}
	return ok;
}

bool queue_pause_store(struct queue *q, const char *cloud, int64_t until)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_PAUSE_STORE);

	sqlite3_bind_text(s, 1, cloud, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, until);
	return db_run(&q->db, s);
}

bool queue_pause_load(struct queue *q, const char *cloud, int64_t *until)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_PAUSE_LOAD);
	int step;

	*until = 0;
	sqlite3_bind_text(s, 1, cloud, -1, SQLITE_STATIC);
	step = sqlite3_step(s);
	if (step == SQLITE_ROW)
		*until = sqlite3_column_int64(s, 0);
	return db_done(&q->db, s, step);
}
