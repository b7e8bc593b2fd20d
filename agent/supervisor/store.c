// SPDX-License-Identifier: MIT
#include "supervisor/store.h"

#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_SCHEMA 2
#define STORE_APPLICATION 0x536c7553 /* "SluS", in the header of the file */
#define STORE_BUSY_MS 2000

static const char schema[] = "CREATE TABLE sightings ("
			     "	id BLOB PRIMARY KEY,"
			     "	time INTEGER NOT NULL,"
			     "	share_mask INTEGER NOT NULL,"
			     "	message BLOB NOT NULL"
			     ") STRICT;"
			     "CREATE INDEX sightings_time ON sightings (time);"
			     "CREATE TABLE submissions ("
			     "	id BLOB NOT NULL REFERENCES sightings (id) ON DELETE CASCADE,"
			     "	cloud TEXT NOT NULL,"
			     "	sha256 BLOB NOT NULL,"
			     "	size INTEGER NOT NULL,"
			     "	policy TEXT NOT NULL,"
			     "	outcome TEXT,"
			     "	verdict INTEGER,"
			     "	detail TEXT,"
			     "	time INTEGER NOT NULL,"
			     "	PRIMARY KEY (id, cloud)"
			     ") STRICT, WITHOUT ROWID;"
			     "CREATE INDEX submissions_open ON submissions (sha256)"
			     "	WHERE outcome IS NULL;"
			     "CREATE TABLE outbox ("
			     "	number INTEGER PRIMARY KEY AUTOINCREMENT,"
			     "	id BLOB NOT NULL,"
			     "	cloud TEXT NOT NULL,"
			     "	UNIQUE (id, cloud)"
			     ") STRICT;";

/* X(CONSTANT, SQL) */
#define STATEMENTS(X)                                                                         \
	X(BEGIN, "BEGIN IMMEDIATE")                                                           \
	X(COMMIT, "COMMIT")                                                                   \
	X(ROLLBACK, "ROLLBACK")                                                               \
	X(ADD, "INSERT INTO sightings (id, time, share_mask, message)"                        \
	       " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING")                        \
	X(SUBMIT, "INSERT INTO submissions (id, cloud, policy, time, sha256, size)"           \
		  " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING")                  \
	X(OUT, "INSERT INTO outbox (id, cloud) VALUES (?1, ?2) ON CONFLICT DO NOTHING")       \
	X(OUT_AGAIN, "INSERT INTO outbox (id, cloud) SELECT id, cloud FROM submissions"       \
		     " WHERE outcome IS NULL AND cloud = ?1 ORDER BY time"                    \
		     " ON CONFLICT DO NOTHING")                                               \
	X(OUTBOX, "SELECT number, id, cloud, sha256, size"                                    \
		  " FROM outbox JOIN submissions USING (id, cloud)"                           \
		  " WHERE number > ?1 ORDER BY number LIMIT ?2")                              \
	X(NEEDED, "SELECT 1 FROM submissions WHERE sha256 = ?1 AND outcome IS NULL LIMIT 1")  \
	X(UNQUEUE, "DELETE FROM outbox WHERE id = ?1 AND cloud = ?2")                         \
	X(LOAD,                                                                               \
	  "SELECT message, share_mask, policy FROM submissions JOIN sightings USING (id)"     \
	  " WHERE id = ?1 AND cloud = ?2")                                                    \
	X(RESULT, "UPDATE submissions SET outcome = ?3, verdict = ?4, detail = ?5, time = ?6" \
		  " WHERE id = ?1 AND cloud = ?2")                                            \
	X(FORGET, "DELETE FROM sightings WHERE time < ?1 AND NOT EXISTS (SELECT 1 FROM"       \
		  " submissions WHERE submissions.id = sightings.id AND outcome IS NULL)")

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

struct store {
	sqlite3 *db;
	sqlite3_stmt *statement[STATEMENT_COUNT];
	struct msg msg;
	char error[256];
};

const char *store_error(const struct store *s)
{
	return s->error;
}

static bool failed(struct store *s)
{
	snprintf(s->error, sizeof(s->error), "%s", sqlite3_errmsg(s->db));
	return false;
}

static sqlite3_stmt *fresh(struct store *s, enum statement which)
{
	sqlite3_reset(s->statement[which]);
	sqlite3_clear_bindings(s->statement[which]);
	return s->statement[which];
}

/* One that has an id and a cloud as its first two parameters. */
static sqlite3_stmt *fresh_for(struct store *s, enum statement which, const uint8_t *id,
			       const char *cloud)
{
	sqlite3_stmt *q = fresh(s, which);

	sqlite3_bind_blob(q, 1, id, SIGHTING_ID_SIZE, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, cloud, -1, SQLITE_STATIC);
	return q;
}

/* Runs a statement that returns nothing. */
static bool run(struct store *s, sqlite3_stmt *q)
{
	bool ok = sqlite3_step(q) == SQLITE_DONE;

	if (!ok)
		failed(s);
	sqlite3_reset(q);
	return ok;
}

bool store_begin(struct store *s)
{
	return run(s, fresh(s, S_BEGIN));
}

void store_rollback(struct store *s)
{
	/* Some errors have rolled back already. */
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_step(fresh(s, S_ROLLBACK));
	sqlite3_reset(s->statement[S_ROLLBACK]);
}

bool store_commit(struct store *s)
{
	if (run(s, fresh(s, S_COMMIT)))
		return true;
	store_rollback(s);
	return false;
}

enum store_result store_add(struct store *s, const struct sighting *sighting,
			    uint32_t share_mask, int64_t now)
{
	sqlite3_stmt *q = fresh(s, S_ADD);

	msg_begin(&s->msg, MSG_SIGHTING);
	/* What stands before the attributes belongs to sending. */
	buf_reset(&s->msg.buf);
	if (!sighting_encode(sighting, &s->msg)) {
		snprintf(s->error, sizeof(s->error), "a sighting cannot be encoded");
		return STORE_FAILED;
	}
	sqlite3_bind_blob(q, 1, sighting->id, SIGHTING_ID_SIZE, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, now);
	sqlite3_bind_int64(q, 3, share_mask);
	sqlite3_bind_blob(q, 4, s->msg.buf.data, (int)s->msg.buf.len, SQLITE_STATIC);
	if (!run(s, q))
		return STORE_FAILED;
	return sqlite3_changes(s->db) ? STORE_OK : STORE_REPEATED;
}

bool store_submit(struct store *s, const struct sighting *sighting, const char *cloud,
		  const struct policy *seen, int64_t now)
{
	char text[POLICY_TEXT_MAX];
	sqlite3_stmt *q = fresh_for(s, S_SUBMIT, sighting->id, cloud);

	sqlite3_bind_text(q, 3, policy_text(seen, text), -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 4, now);
	sqlite3_bind_blob(q, 5, sighting->sha256, SHA256_SIZE, SQLITE_STATIC);
	sqlite3_bind_int64(q, 6, (int64_t)sighting->size);
	return run(s, q) && run(s, fresh_for(s, S_OUT, sighting->id, cloud));
}

bool store_out_again(struct store *s, const char *cloud)
{
	sqlite3_stmt *q = fresh(s, S_OUT_AGAIN);

	sqlite3_bind_text(q, 1, cloud, -1, SQLITE_STATIC);
	return run(s, q);
}

bool store_needed(struct store *s, const uint8_t sha256[static SHA256_SIZE], bool *needed)
{
	sqlite3_stmt *q = fresh(s, S_NEEDED);
	int code;

	sqlite3_bind_blob(q, 1, sha256, SHA256_SIZE, SQLITE_STATIC);
	code = sqlite3_step(q);
	*needed = code != SQLITE_DONE;
	if (code != SQLITE_DONE && code != SQLITE_ROW)
		failed(s);
	sqlite3_reset(q);
	return code == SQLITE_DONE || code == SQLITE_ROW;
}

/* Copies a blob of exactly n bytes. */
static bool column_exact(sqlite3_stmt *q, int column, void *p, size_t n)
{
	const void *blob = sqlite3_column_blob(q, column);

	if (!blob || sqlite3_column_bytes(q, column) != (int)n)
		return false;
	memcpy(p, blob, n);
	return true;
}

bool store_outbox(struct store *s, int64_t after, struct store_item *items, size_t max,
		  size_t *count)
{
	sqlite3_stmt *q = fresh(s, S_OUTBOX);
	int code;

	*count = 0;
	sqlite3_bind_int64(q, 1, after);
	sqlite3_bind_int64(q, 2, (int64_t)max);
	while ((code = sqlite3_step(q)) == SQLITE_ROW && *count < max) {
		struct store_item *i = &items[*count];
		const char *cloud = (const char *)sqlite3_column_text(q, 2);

		i->number = sqlite3_column_int64(q, 0);
		i->size = (uint64_t)sqlite3_column_int64(q, 4);
		if (!cloud || strlen(cloud) >= sizeof(i->cloud) ||
		    !column_exact(q, 1, i->id, sizeof(i->id)) ||
		    !column_exact(q, 3, i->sha256, sizeof(i->sha256))) {
			sqlite3_reset(q);
			snprintf(s->error, sizeof(s->error),
				 "row %lld of the outbox is damaged", (long long)i->number);
			return false;
		}
		strcpy(i->cloud, cloud);
		(*count)++;
	}
	if (code != SQLITE_DONE && code != SQLITE_ROW)
		failed(s);
	sqlite3_reset(q);
	return code == SQLITE_DONE || code == SQLITE_ROW;
}

static enum store_result changed(struct store *s, sqlite3_stmt *q)
{
	if (!run(s, q))
		return STORE_FAILED;
	return sqlite3_changes(s->db) ? STORE_OK : STORE_ABSENT;
}

enum store_result store_unqueue(struct store *s, const uint8_t id[static SIGHTING_ID_SIZE],
				const char *cloud)
{
	return changed(s, fresh_for(s, S_UNQUEUE, id, cloud));
}

static bool load_row(sqlite3_stmt *q, struct store_submission *out)
{
	const char *policy = (const char *)sqlite3_column_text(q, 2);
	struct msg_view v = {
		.type = MSG_SIGHTING,
		.attrs = sqlite3_column_blob(q, 0),
		.len = (size_t)sqlite3_column_bytes(q, 0),
	};

	out->share_mask = (uint32_t)sqlite3_column_int64(q, 1);
	out->policy_readable = policy_parse(policy ? policy : "", &out->policy);
	return v.attrs && sighting_decode(&out->sighting, &v);
}

enum store_result store_load(struct store *s, const uint8_t id[static SIGHTING_ID_SIZE],
			     const char *cloud, struct store_submission *out)
{
	sqlite3_stmt *q = fresh_for(s, S_LOAD, id, cloud);
	enum store_result result = STORE_OK;

	switch (sqlite3_step(q)) {
	case SQLITE_ROW:
		if (!load_row(q, out)) {
			snprintf(s->error, sizeof(s->error),
				 "a stored sighting cannot be read");
			result = STORE_FAILED;
		}
		break;
	case SQLITE_DONE:
		result = STORE_ABSENT;
		break;
	default:
		failed(s);
		result = STORE_FAILED;
		break;
	}
	sqlite3_reset(q);
	return result;
}

enum store_result store_result(struct store *s, const uint8_t id[static SIGHTING_ID_SIZE],
			       const char *cloud, enum cloud_outcome outcome, int32_t verdict,
			       const char *detail, int64_t now)
{
	sqlite3_stmt *q = fresh_for(s, S_RESULT, id, cloud);

	sqlite3_bind_text(q, 3, cloud_outcome_name(outcome), -1, SQLITE_STATIC);
	if (verdict != CLOUD_VERDICT_NONE)
		sqlite3_bind_int(q, 4, verdict);
	sqlite3_bind_text(q, 5, detail, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 6, now);
	return changed(s, q);
}

bool store_forget(struct store *s, int64_t before)
{
	sqlite3_stmt *q = fresh(s, S_FORGET);

	sqlite3_bind_int64(q, 1, before);
	return run(s, q);
}

/* ----------------------------------------------------------------- opening */

/* The one number that a PRAGMA answers; -1: it failed. */
static int64_t pragma(struct store *s, const char *sql)
{
	sqlite3_stmt *q = NULL;
	int64_t v = -1;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int64(q, 0);
	else
		failed(s);
	sqlite3_finalize(q);
	return v;
}

static bool execute(struct store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || failed(s);
}

static bool make_schema(struct store *s)
{
	char marks[96];

	snprintf(marks, sizeof(marks), "PRAGMA user_version = %d; PRAGMA application_id = %d",
		 STORE_SCHEMA, STORE_APPLICATION);
	if (execute(s, "BEGIN IMMEDIATE") && execute(s, schema) && execute(s, marks) &&
	    execute(s, "COMMIT"))
		return true;
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

/* Whose file it is, and which version of it. */
static bool check_schema(struct store *s)
{
	int64_t application = pragma(s, "PRAGMA application_id");
	int64_t version = pragma(s, "PRAGMA user_version");
	int64_t tables = pragma(s, "SELECT count(*) FROM sqlite_schema");

	if (application < 0 || version < 0 || tables < 0)
		return false;
	if (!application && !version && !tables)
		return make_schema(s);
	if (application != STORE_APPLICATION) {
		snprintf(s->error, sizeof(s->error), "this is another program's database");
		return false;
	}
	if (version != STORE_SCHEMA) {
		snprintf(s->error, sizeof(s->error),
			 "it has version %lld, this sluiced reads version %d",
			 (long long)version, STORE_SCHEMA);
		return false;
	}
	return true;
}

static bool prepare(struct store *s)
{
	for (unsigned int i = 0; i < STATEMENT_COUNT; i++)
		if (sqlite3_prepare_v3(s->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &s->statement[i], NULL) != SQLITE_OK)
			return failed(s);
	return true;
}

/* The file with its mode; SQLite gives that to its companions too. */
static bool make_file(struct store *s, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && fchmod(fd, 0600) == 0) {
		close(fd);
		return true;
	}
	snprintf(s->error, sizeof(s->error), "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

static bool open_database(struct store *s, const char *path)
{
	if (!make_file(s, path))
		return false;
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return s->db ? failed(s) : false;
	sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
	return execute(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			  "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF") &&
	       check_schema(s) && prepare(s);
}

struct store *store_open(const char *path)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s) {
		log_error("%s: out of memory", path);
		return NULL;
	}
	msg_init(&s->msg);
	if (open_database(s, path))
		return s;
	log_error("cannot use the database %s: %s; to begin with an empty one move it away "
		  "(what waits in it is then not sent)",
		  path, s->error[0] ? s->error : "out of memory");
	store_close(s);
	return NULL;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (unsigned int i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(s->statement[i]);
	sqlite3_close(s->db);
	msg_free(&s->msg);
	free(s);
}
