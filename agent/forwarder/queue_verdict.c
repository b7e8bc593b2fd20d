// SPDX-License-Identifier: MIT
/* What clouds think of samples, and when they are asked again. */
#include "forwarder/queue_db.h"

void queue_bind_verdict(sqlite3_stmt *s, int column, int32_t value)
{
	if (value != CLOUD_VERDICT_NONE)
		sqlite3_bind_int(s, column, value);
}

void queue_verdict_times(struct queue *q, const struct verdict_times *t)
{
	q->times = *t;
}

int32_t queue_verdict_column(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL ? CLOUD_VERDICT_NONE
							     : sqlite3_column_int(s, column);
}

static void bind_known(sqlite3_stmt *s, const struct verdict *v)
{
	queue_bind_verdict(s, 2, v->value);
	sqlite3_bind_int64(s, 3, v->since);
	if (v->next != INT64_MAX)
		sqlite3_bind_int64(s, 4, v->next);
	sqlite3_bind_int64(s, 5, v->until);
}

/* Of one that is pending already it is known since when, and when it is asked about. */
bool queue_learn(struct queue *q, int64_t number, const struct cloud_result *r, int64_t now)
{
	struct verdict v = verdict_first(&q->times, r->verdict, now);
	sqlite3_stmt *s = db_fresh(&q->db, S_LEARN);

	sqlite3_bind_int64(s, 1, number);
	bind_known(s, &v);
	return db_run(&q->db, s);
}

bool queue_verdict(struct queue *q, const char *cloud, const uint8_t sha256[static SHA256_SIZE],
		   int64_t now, bool *found, int32_t *value)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_VERDICT);
	int step;

	sqlite3_bind_text(s, 1, cloud, -1, SQLITE_STATIC);
	sqlite3_bind_blob(s, 2, sha256, SHA256_SIZE, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, now);
	step = sqlite3_step(s);
	*found = step == SQLITE_ROW;
	if (*found)
		*value = queue_verdict_column(s, 0);
	return db_done(&q->db, s, step);
}

/* The rows of a statement that has POLL_COLUMNS. */
static bool read_polls(struct queue *q, sqlite3_stmt *s, struct queue_poll *polls, size_t max,
		       size_t *count)
{
	int step = SQLITE_DONE;

	*count = 0;
	while (*count < max && (step = sqlite3_step(s)) == SQLITE_ROW) {
		struct queue_poll *p = &polls[*count];

		p->number = sqlite3_column_int64(s, 0);
		queue_text(s, 2, p->cloud, sizeof(p->cloud));
		p->verdict = (struct verdict){
			.value = queue_verdict_column(s, 4),
			.since = sqlite3_column_int64(s, 5),
			.next = sqlite3_column_type(s, 6) == SQLITE_NULL
					? INT64_MAX
					: sqlite3_column_int64(s, 6),
			.until = sqlite3_column_int64(s, 7),
			.polls = (uint32_t)sqlite3_column_int64(s, 8),
		};
		*count += db_blob(s, 1, p->id, sizeof(p->id)) &&
			  db_blob(s, 3, p->sha256, sizeof(p->sha256));
	}
	return db_done(&q->db, s, step);
}

bool queue_polls(struct queue *q, const char *cloud, int64_t now, struct queue_poll *polls,
		 size_t max, size_t *count)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_POLLS);

	sqlite3_bind_text(s, 1, cloud, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, now);
	sqlite3_bind_int64(s, 3, (int64_t)max);
	return read_polls(q, s, polls, max, count);
}

int64_t queue_poll_at(struct queue *q, const char *cloud)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_POLL_AT);
	int64_t at = INT64_MAX;

	sqlite3_bind_text(s, 1, cloud, -1, SQLITE_STATIC);
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
		at = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return at;
}

bool queue_polled(struct queue *q, const struct queue_poll *polls, size_t n)
{
	bool ok = db_begin(&q->db);

	if (!ok)
		return false;
	for (size_t i = 0; i < n && ok; i++) {
		sqlite3_stmt *s = db_fresh(&q->db, S_POLLED);

		sqlite3_bind_int64(s, 1, polls[i].number);
		bind_known(s, &polls[i].verdict);
		sqlite3_bind_int64(s, 6, polls[i].verdict.polls);
		ok = db_run(&q->db, s);
	}
	return db_end(&q->db, ok);
}

bool queue_verdicts_untold(struct queue *q, struct queue_poll *polls, size_t max, size_t *count)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_VERDICTS_UNTOLD);

	sqlite3_bind_int64(s, 1, (int64_t)max);
	return read_polls(q, s, polls, max, count);
}

bool queue_verdicts_told(struct queue *q, const struct queue_poll *polls, size_t n)
{
	bool ok = db_begin(&q->db);

	if (!ok)
		return false;
	for (size_t i = 0; i < n && ok; i++) {
		sqlite3_stmt *s = db_fresh(&q->db, S_VERDICT_TOLD);

		sqlite3_bind_int64(s, 1, polls[i].number);
		queue_bind_verdict(s, 2, polls[i].verdict.value);
		ok = db_run(&q->db, s);
	}
	return db_end(&q->db, ok);
}

bool queue_verdict_forget(struct queue *q, int64_t now)
{
	sqlite3_stmt *s = db_fresh(&q->db, S_VERDICT_FORGET);

	sqlite3_bind_int64(s, 1, now);
	sqlite3_bind_int64(s, 2, QUEUE_VERDICTS_MAX);
	return db_run(&q->db, s);
}
