/* SPDX-License-Identifier: MIT */
/*
 * The database of the queue, for the files that are the queue: submissions, results, quotas and
 * pauses (queue.c), and what clouds think of samples (queue_verdict.c).
 */
#ifndef SLUICE_FORWARDER_QUEUE_DB_H
#define SLUICE_FORWARDER_QUEUE_DB_H

#include "forwarder/queue.h"
#include "lib/db.h"

#define WAITING "waiting"
#define STARTED "started"

#define POLL_COLUMNS                                                            \
	"SELECT number, id, cloud, sha256, value, since, next_at, until, polls" \
	" FROM verdict"

/* X(CONSTANT, SQL) */
#define STATEMENTS(X)                                                                          \
	X(ADD, "INSERT INTO queue (id, cloud, sha256, size, next_at, updated, priority)"       \
	       " VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT (id, cloud) DO UPDATE"        \
	       " SET told = 0 WHERE state NOT IN ('" WAITING "', '" STARTED "')")              \
	X(DUE, "SELECT number, id, cloud, sha256, size, attempts, failures, verdict"           \
	       " FROM queue AS q WHERE cloud = ?1 AND state = '" WAITING "'"                   \
	       " AND priority = ?3 AND next_at <= ?2 AND (NOT ?4 OR attempts = 0)"             \
	       " AND NOT EXISTS"                                                               \
	       " (SELECT 1 FROM queue WHERE cloud = q.cloud AND sha256 = q.sha256"             \
	       " AND state = '" STARTED "') ORDER BY next_at, number")                         \
	X(START, "UPDATE queue SET state = '" STARTED "', attempts = attempts + 1,"            \
		 " started_at = ?2, updated = ?2 WHERE number = ?1")                           \
	X(NEXT, "SELECT min(next_at) FROM queue WHERE cloud = ?1 AND state = '" WAITING "'"    \
		" AND priority = ?3 AND next_at > ?2")                                         \
	X(SETTLE, "UPDATE queue SET state = ?2, failures = ?3, next_at = ?4, verdict = ?5,"    \
		  " detail = ?6, updated = ?7, told = 0"                                       \
		  " WHERE number = ?1 AND state = '" STARTED "'")                              \
	/* Told again, a result has what is known by now. */                                   \
	X(UNTOLD, "SELECT number, id, cloud, state, ifnull((SELECT value FROM verdict AS v"    \
		  " WHERE v.cloud = queue.cloud AND v.sha256 = queue.sha256 AND value >= 0"    \
		  " AND queue.verdict = -100), verdict), detail FROM queue WHERE told = 0"     \
		  " AND state NOT IN ('" WAITING "', '" STARTED "')"                           \
		  " ORDER BY updated LIMIT ?1")                                                \
	X(TOLD, "UPDATE queue SET told = 1 WHERE number = ?1")                                 \
	X(FORGET, "DELETE FROM queue WHERE told = 1 AND updated < ?1"                          \
		  " AND state NOT IN ('" WAITING "', '" STARTED "')")                          \
	X(CLOUDS, "SELECT cloud, count(*) FROM queue"                                          \
		  " WHERE state IN ('" WAITING "', '" STARTED "') GROUP BY cloud")             \
	X(RECOVER, "UPDATE queue SET state = '" WAITING "', next_at = ?1"                      \
		   " WHERE state = '" STARTED "'")                                             \
	X(QUOTA_STORE, "INSERT OR REPLACE INTO quota (cloud, name, span, used)"                \
		       " VALUES (?1, ?2, ?3, ?4)")                                             \
	X(QUOTA_LOAD, "SELECT span, used FROM quota WHERE cloud = ?1 AND name = ?2")           \
	X(PAUSE_STORE, "INSERT OR REPLACE INTO pause (cloud, until) VALUES (?1, ?2)")          \
	X(PAUSE_LOAD, "SELECT until FROM pause WHERE cloud = ?1")                              \
	X(LEARN, "INSERT INTO verdict (cloud, sha256, id, value, since, next_at, until)"       \
		 " SELECT cloud, sha256, id, ?2, ?3, ?4, ?5 FROM queue WHERE number = ?1"      \
		 " ON CONFLICT (cloud, sha256) DO UPDATE SET id = excluded.id, value = ?2,"    \
		 " since = ?3, next_at = ?4, until = ?5, polls = 0"                            \
		 " WHERE ?4 IS NULL OR next_at IS NULL")                                       \
	X(VERDICT,                                                                             \
	  "SELECT value FROM verdict WHERE cloud = ?1 AND sha256 = ?2 AND until > ?3")         \
	X(ADD_KNOWN,                                                                           \
	  "INSERT INTO queue (id, cloud, sha256, size, next_at, updated, state, verdict,"      \
	  " detail, priority) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?7, ?8, '" QUEUE_KNOWN_DETAIL    \
	  "', ?6) ON CONFLICT DO NOTHING")                                                     \
	X(POLLS, POLL_COLUMNS " WHERE cloud = ?1 AND next_at <= ?2 ORDER BY next_at LIMIT ?3") \
	X(POLL_AT, "SELECT min(next_at) FROM verdict WHERE cloud = ?1"                         \
		   " AND next_at IS NOT NULL")                                                 \
	X(POLLED, "UPDATE verdict SET told = told AND value IS ?2, value = ?2, since = ?3,"    \
		  " next_at = ?4, until = ?5, polls = ?6 WHERE number = ?1")                   \
	X(VERDICTS_UNTOLD, POLL_COLUMNS " WHERE told = 0 LIMIT ?1")                            \
	X(VERDICT_TOLD, "UPDATE verdict SET told = 1 WHERE number = ?1 AND value IS ?2")       \
	X(VERDICT_FORGET, "DELETE FROM verdict WHERE (until <= ?1 OR number IN (SELECT number" \
			  " FROM verdict ORDER BY until DESC LIMIT -1 OFFSET ?2))"             \
			  " AND next_at IS NULL AND told = 1")                                 \
	X(VERDICT_CLOCK, "UPDATE verdict SET next_at = min(next_at, ?1),"                      \
			 " until = until - max(since - ?1, 0), since = min(since, ?1)"         \
			 " WHERE next_at > ?1 OR since > ?1")                                  \
	X(VERDICTS_AGAIN, "UPDATE verdict SET told = 0 WHERE value >= 0 AND polls > 0"         \
			  " AND since >= (SELECT max(since) FROM verdict) - ?1")               \
	X(CLOCK, "UPDATE queue SET next_at = ?1 WHERE state = '" WAITING "' AND next_at > ?1")

enum queue_statement { STATEMENTS(DB_ENUM) STATEMENT_COUNT };

struct queue {
	struct db db; /* first, see db_open() */
	struct verdict_times times;
};

/* Copies a column that is a text, "" for none, cut to size. */
void queue_text(sqlite3_stmt *s, int column, char *to, size_t size);
/* A verdict, NULL for CLOUD_VERDICT_NONE. */
void queue_bind_verdict(sqlite3_stmt *s, int column, int32_t value);
int32_t queue_verdict_column(sqlite3_stmt *s, int column);
/* Keeps what the end of that submission says of its sample. */
bool queue_learn(struct queue *q, int64_t number, const struct cloud_result *r, int64_t now);

#endif
