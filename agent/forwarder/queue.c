// SPDX-License-Identifier: MIT
/* The forwarder's queue. */
#include "forwarder/queue.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUEUE_SCHEMA 1
#define QUEUE_APPLICATION 0x536c7551 /* "SluQ", in the header of the file */

#define WAITING "waiting"
#define STARTED "started"

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
	"	UNIQUE (id, cloud)"
	") STRICT;"
	"CREATE INDEX queue_due ON queue (cloud, state, next_at);"
	"CREATE INDEX queue_sample ON queue (cloud, sha256) WHERE state = '" STARTED "';"
	"CREATE INDEX queue_untold ON queue (updated) WHERE told = 0 AND"
	"	state NOT IN ('" WAITING "', '" STARTED "');";

/* X(CONSTANT, SQL) */
#define STATEMENTS(X)                                                                          \
	X(BEGIN, "BEGIN IMMEDIATE")                                                            \
	X(COMMIT, "COMMIT")                                                                    \
	X(ROLLBACK, "ROLLBACK")                                                                \
	X(ADD, "INSERT INTO queue (id, cloud, sha256, size, next_at, updated)"                 \
	       " VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (id, cloud) DO UPDATE"            \
	       " SET told = 0 WHERE state NOT IN ('" WAITING "', '" STARTED "')")              \
	X(DUE, "SELECT number, id, cloud, sha256, size, attempts, failures FROM queue AS q"    \
	       " WHERE cloud = ?1 AND state = '" WAITING "' AND next_at <= ?2 AND NOT EXISTS"  \
	       " (SELECT 1 FROM queue WHERE cloud = q.cloud AND sha256 = q.sha256"             \
	       " AND state = '" STARTED "') ORDER BY next_at, number LIMIT 1")                 \
	X(START, "UPDATE queue SET state = '" STARTED "', attempts = attempts + 1,"            \
		 " started_at = ?2, updated = ?2 WHERE number = ?1")                           \
	X(NEXT, "SELECT min(next_at) FROM queue WHERE cloud = ?1 AND state = '" WAITING "'"    \
		" AND next_at > ?2")                                                           \
	X(SETTLE, "UPDATE queue SET state = ?2, failures = ?3, next_at = ?4, verdict = ?5,"    \
		  " detail = ?6, updated = ?7, told = 0"                                       \
		  " WHERE number = ?1 AND state = '" STARTED "'")                              \
	X(UNTOLD, "SELECT number, id, cloud, state, verdict, detail FROM queue WHERE told = 0" \
		  " AND state NOT IN ('" WAITING "', '" STARTED "')"                           \
		  " ORDER BY updated LIMIT ?1")                                                \
	X(TOLD, "UPDATE queue SET told = 1 WHERE number = ?1")                                 \
	X(FORGET, "DELETE FROM queue WHERE told = 1 AND updated < ?1"                          \
		  " AND state NOT IN ('" WAITING "', '" STARTED "')")                          \
	X(CLOUDS, "SELECT cloud, count(*) FROM queue"                                          \
		  " WHERE state IN ('" WAITING "', '" STARTED "') GROUP BY cloud")             \
	X(RECOVER, "UPDATE queue SET state = '" WAITING "', next_at = ?1"                      \
		   " WHERE state = '" STARTED "'")                                             \
	X(CLOCK, "UPDATE queue SET next_at = ?1 WHERE state = '" WAITING "' AND next_at > ?1")

enum statement {
#define STATEMENT_ENUM(id, sql) S_##id,
	STATEMENTS(STATEMENT_ENUM)
#undef STATEMENT_ENUM
		STATEMENT_COUNT
};

static const char *const statement_sql[STATEMENT_COUNT] = {
#define STATEMENT_SQL(id, sql) [S_##id] = sql,
	STATEMENTS(STATEMENT_SQL)
#undef STATEMENT_SQL
};

struct queue {
	/*
	 * Holds the lock.  Closing any descriptor of the file would drop SQLite's own
	 * locks of this process, so it stays open until the database is closed.
	 */
	int fd;
	sqlite3 *db;
	sqlite3_stmt *statement[STATEMENT_COUNT];
	char error[256];
};

const char *queue_error(const struct queue *q)
{
	return q->error;
}

static bool failed(struct queue *q)
{
	snprintf(q->error, sizeof(q->error), "%s", sqlite3_errmsg(q->db));
	return false;
}

static sqlite3_stmt *fresh(struct queue *q, enum statement which)
{
	sqlite3_reset(q->statement[which]);
	sqlite3_clear_bindings(q->statement[which]);
	return q->statement[which];
}

/* Runs a statement that returns nothing. */
static bool run(struct queue *q, sqlite3_stmt *s)
{
	bool ok = sqlite3_step(s) == SQLITE_DONE;

	if (!ok)
		failed(q);
	sqlite3_reset(s);
	return ok;
}

/* Ends a transaction: commits when all before went well, else takes it back. */
static bool settle(struct queue *q, bool ok)
{
	if (ok && run(q, fresh(q, S_COMMIT)))
		return true;
	if (!sqlite3_get_autocommit(q->db))
		sqlite3_step(fresh(q, S_ROLLBACK));
	sqlite3_reset(q->statement[S_ROLLBACK]);
	return false;
}

/* ----------------------------------------------------------------- opening */

static bool pragma(struct queue *q, const char *sql, char *value, size_t size)
{
	sqlite3_stmt *s;
	bool ok = !sqlite3_prepare_v2(q->db, sql, -1, &s, NULL);
	int step = ok ? sqlite3_step(s) : SQLITE_ERROR;

	if (step == SQLITE_ROW && value)
		snprintf(value, size, "%s", (const char *)sqlite3_column_text(s, 0));
	ok = step == SQLITE_ROW || step == SQLITE_DONE;
	if (!ok)
		failed(q);
	sqlite3_finalize(s);
	return ok;
}

static bool make_schema(struct queue *q)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 QUEUE_APPLICATION, QUEUE_SCHEMA);
	return !sqlite3_exec(q->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) &&
	       !sqlite3_exec(q->db, schema, NULL, NULL, NULL) &&
	       !sqlite3_exec(q->db, sql, NULL, NULL, NULL) &&
	       !sqlite3_exec(q->db, "COMMIT", NULL, NULL, NULL);
}

/* Says why a database cannot be used, and what to do where that is known. */
static bool unusable(struct queue *q, const char *path, const char *why)
{
	int code = sqlite3_errcode(q->db) & 0xff;

	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT || code == SQLITE_OK)
		log_error("%s: damaged (%s); move it away (with its -wal and -shm) to start "
			  "with an empty queue",
			  path, why);
	else
		log_error("%s: %s; expected a queue of sluiced that can be written", path, why);
	return false;
}

/* Is it ours, whole, and of a version we know?  A new one is made. */
static bool check_schema(struct queue *q, const char *path)
{
	char application[32] = "", version[32] = "", tables[32] = "", whole[128] = "";

	if (!pragma(q, "PRAGMA application_id", application, sizeof(application)) ||
	    !pragma(q, "PRAGMA user_version", version, sizeof(version)) ||
	    !pragma(q, "SELECT count(*) FROM sqlite_schema", tables, sizeof(tables)) ||
	    !pragma(q, "PRAGMA quick_check(1)", whole, sizeof(whole)))
		return unusable(q, path, queue_error(q));
	if (strcmp(whole, "ok"))
		return unusable(q, path, whole);
	if (!strcmp(tables, "0") && !strcmp(application, "0")) {
		if (make_schema(q))
			return true;
		log_error("%s: cannot be set up: %s", path, sqlite3_errmsg(q->db));
		return false;
	}
	if (atoi(application) != QUEUE_APPLICATION) {
		log_error("%s: a database of something else, expected a queue of sluiced",
			  path);
		return false;
	}
	if (atoi(version) != QUEUE_SCHEMA) {
		log_error("%s: has version %s, this sluiced knows version %d", path, version,
			  QUEUE_SCHEMA);
		return false;
	}
	return true;
}

static bool prepare(struct queue *q)
{
	for (int i = 0; i < STATEMENT_COUNT; i++)
		if (sqlite3_prepare_v3(q->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &q->statement[i], NULL))
			return failed(q);
	return true;
}

static bool recover(struct queue *q, int64_t again, int64_t latest)
{
	if (!run(q, fresh(q, S_BEGIN)))
		return false;
	sqlite3_bind_int64(fresh(q, S_RECOVER), 1, again);
	sqlite3_bind_int64(fresh(q, S_CLOCK), 1, latest);
	return settle(q, run(q, q->statement[S_RECOVER]) && run(q, q->statement[S_CLOCK]));
}

/* Makes the file private before SQLite does it less private, and locks it. */
static bool lock_file(struct queue *q, const char *path)
{
	q->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (q->fd < 0 || fchmod(q->fd, 0600)) {
		log_error("%s: %s", path, strerror(errno));
		return false;
	}
	if (flock(q->fd, LOCK_EX | LOCK_NB)) {
		log_error("%s: in use by another forwarder", path);
		return false;
	}
	return true;
}

struct queue *queue_open(const char *path, int64_t again, int64_t latest)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q) {
		log_error("%s: out of memory", path);
		return NULL;
	}
	q->fd = -1;
	if (!lock_file(q, path))
		goto out;
	if (sqlite3_open_v2(path, &q->db, SQLITE_OPEN_READWRITE, NULL)) {
		log_error("%s: %s", path, q->db ? sqlite3_errmsg(q->db) : "out of memory");
		goto out;
	}
	sqlite3_extended_result_codes(q->db, 1);
	sqlite3_busy_timeout(q->db, 2000);
	if (!pragma(q, "PRAGMA trusted_schema = OFF", NULL, 0) ||
	    !pragma(q, "PRAGMA temp_store = MEMORY", NULL, 0) ||
	    !pragma(q, "PRAGMA journal_mode = WAL", NULL, 0) ||
	    !pragma(q, "PRAGMA synchronous = FULL", NULL, 0)) {
		unusable(q, path, queue_error(q));
		goto out;
	}
	if (!check_schema(q, path))
		goto out;
	if (!prepare(q) || !recover(q, again, latest)) {
		unusable(q, path, queue_error(q));
		goto out;
	}
	return q;
out:
	queue_close(q);
	return NULL;
}

void queue_close(struct queue *q)
{
	if (!q)
		return;
	for (int i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(q->statement[i]);
	sqlite3_close(q->db);
	if (q->fd >= 0)
		close(q->fd);
	free(q);
}

/* -------------------------------------------------------------- submissions */

static bool blob(sqlite3_stmt *s, int column, void *to, size_t size)
{
	const void *p = sqlite3_column_blob(s, column);

	if (!p || (size_t)sqlite3_column_bytes(s, column) != size)
		return false;
	memcpy(to, p, size);
	return true;
}

static void text(sqlite3_stmt *s, int column, char *to, size_t size)
{
	const unsigned char *p = sqlite3_column_text(s, column);

	snprintf(to, size, "%s", p ? (const char *)p : "");
}

bool queue_add(struct queue *q, const struct queue_item *items, size_t n, int64_t now)
{
	bool ok = run(q, fresh(q, S_BEGIN));

	if (!ok)
		return false;
	for (size_t i = 0; i < n && ok; i++) {
		sqlite3_stmt *s = fresh(q, S_ADD);

		sqlite3_bind_blob(s, 1, items[i].id, SIGHTING_ID_SIZE, SQLITE_STATIC);
		sqlite3_bind_text(s, 2, items[i].cloud, -1, SQLITE_STATIC);
		sqlite3_bind_blob(s, 3, items[i].sha256, SHA256_SIZE, SQLITE_STATIC);
		sqlite3_bind_int64(s, 4, (int64_t)items[i].size);
		sqlite3_bind_int64(s, 5, now);
		ok = run(q, s);
	}
	return settle(q, ok);
}

/* The next due submission: 1, none: 0, -1. */
static int due(struct queue *q, const char *cloud, int64_t now, struct queue_item *item)
{
	sqlite3_stmt *s = fresh(q, S_DUE);
	int step, found = 0;

	sqlite3_bind_text(s, 1, cloud, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, now);
	step = sqlite3_step(s);
	if (step == SQLITE_ROW) {
		item->number = sqlite3_column_int64(s, 0);
		text(s, 2, item->cloud, sizeof(item->cloud));
		item->size = (uint64_t)sqlite3_column_int64(s, 4);
		item->attempts = (uint32_t)sqlite3_column_int64(s, 5) + 1;
		item->failures = (uint32_t)sqlite3_column_int64(s, 6);
		found = 1;
		if (!blob(s, 1, item->id, sizeof(item->id)) ||
		    !blob(s, 3, item->sha256, sizeof(item->sha256))) {
			snprintf(q->error, sizeof(q->error), "row %lld: malformed",
				 (long long)item->number);
			found = -1;
		}
	} else if (step != SQLITE_DONE) {
		failed(q);
		found = -1;
	}
	sqlite3_reset(s);
	return found;
}

bool queue_take(struct queue *q, const char *cloud, int64_t now, struct queue_item *items,
		size_t max, size_t *count)
{
	int found = 0;

	*count = 0;
	if (!run(q, fresh(q, S_BEGIN)))
		return false;
	while (*count < max && (found = due(q, cloud, now, &items[*count])) == 1) {
		sqlite3_stmt *s = fresh(q, S_START);

		sqlite3_bind_int64(s, 1, items[*count].number);
		sqlite3_bind_int64(s, 2, now);
		if (!run(q, s)) {
			found = -1;
			break;
		}
		++*count;
	}
	if (settle(q, found >= 0))
		return true;
	*count = 0;
	return false;
}

int64_t queue_next_due(struct queue *q, const char *cloud, int64_t now)
{
	sqlite3_stmt *s = fresh(q, S_NEXT);
	int64_t next = INT64_MAX;

	sqlite3_bind_text(s, 1, cloud, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, now);
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
		next = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return next;
}

static bool change(struct queue *q, int64_t number, const char *state,
		   const struct cloud_result *r, uint32_t failures, int64_t next_at,
		   int64_t now)
{
	sqlite3_stmt *s = fresh(q, S_SETTLE);

	sqlite3_bind_int64(s, 1, number);
	sqlite3_bind_text(s, 2, state, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, failures);
	sqlite3_bind_int64(s, 4, next_at);
	if (r->verdict != CLOUD_VERDICT_NONE)
		sqlite3_bind_int(s, 5, r->verdict);
	sqlite3_bind_text(s, 6, r->detail, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 7, now);
	return run(q, s);
}

bool queue_end(struct queue *q, int64_t number, const struct cloud_result *r, int64_t now)
{
	return change(q, number, cloud_outcome_name(r->outcome), r, 0, now, now);
}

bool queue_again(struct queue *q, int64_t number, const struct cloud_result *r,
		 uint32_t failures, int64_t next_at, int64_t now)
{
	return change(q, number, WAITING, r, failures, next_at, now);
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
	sqlite3_stmt *s = fresh(q, S_UNTOLD);
	int step = SQLITE_DONE;
	char state[32];

	*count = 0;
	sqlite3_bind_int64(s, 1, (int64_t)max);
	while (*count < max && (step = sqlite3_step(s)) == SQLITE_ROW) {
		struct queue_result *r = &results[*count];

		r->number = sqlite3_column_int64(s, 0);
		text(s, 2, r->cloud, sizeof(r->cloud));
		text(s, 3, state, sizeof(state));
		r->outcome = outcome_find(state);
		r->verdict = CLOUD_VERDICT_NONE;
		if (sqlite3_column_type(s, 4) != SQLITE_NULL)
			r->verdict = sqlite3_column_int(s, 4);
		text(s, 5, r->detail, sizeof(r->detail));
		if (blob(s, 1, r->id, sizeof(r->id)) && r->outcome != CLOUD_OUTCOME_COUNT)
			++*count;
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		failed(q);
	sqlite3_reset(s);
	return step == SQLITE_ROW || step == SQLITE_DONE;
}

bool queue_told(struct queue *q, const struct queue_result *results, size_t n)
{
	bool ok = run(q, fresh(q, S_BEGIN));

	if (!ok)
		return false;
	for (size_t i = 0; i < n && ok; i++) {
		sqlite3_bind_int64(fresh(q, S_TOLD), 1, results[i].number);
		ok = run(q, q->statement[S_TOLD]);
	}
	return settle(q, ok);
}

bool queue_forget(struct queue *q, int64_t before)
{
	sqlite3_bind_int64(fresh(q, S_FORGET), 1, before);
	return run(q, q->statement[S_FORGET]);
}

bool queue_clouds(struct queue *q, void (*each)(const char *cloud, uint64_t count, void *arg),
		  void *arg)
{
	sqlite3_stmt *s = fresh(q, S_CLOUDS);
	int step;

	while ((step = sqlite3_step(s)) == SQLITE_ROW)
		each((const char *)sqlite3_column_text(s, 0),
		     (uint64_t)sqlite3_column_int64(s, 1), arg);
	if (step != SQLITE_DONE)
		failed(q);
	sqlite3_reset(s);
	return step == SQLITE_DONE;
}
