// SPDX-License-Identifier: MIT
#include "supervisor/store.h"

#include "lib/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS                                      \
	"CREATE TABLE records ("                     \
	"	number INTEGER PRIMARY KEY AUTOINCREMENT," \
	"	log TEXT NOT NULL,"                        \
	"	share_mask INTEGER NOT NULL,"              \
	"	policy TEXT NOT NULL,"                     \
	"	cloud TEXT,"                               \
	"	outcome TEXT,"                             \
	"	verdict INTEGER,"                          \
	"	time INTEGER,"                             \
	"	message BLOB NOT NULL"                     \
	") STRICT;"                                  \
	"CREATE INDEX records_log ON records (log, number);"

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
			     "	priority INTEGER NOT NULL DEFAULT 1,"
			     "	PRIMARY KEY (id, cloud)"
			     ") STRICT, WITHOUT ROWID;"
			     "CREATE INDEX submissions_open ON submissions (sha256)"
			     "	WHERE outcome IS NULL;"
			     "CREATE INDEX submissions_sample ON submissions (sha256);"
			     "CREATE TABLE policies ("
			     "	id TEXT PRIMARY KEY,"
			     "	document TEXT NOT NULL,"
			     "	time INTEGER NOT NULL"
			     ") STRICT, WITHOUT ROWID;"
			     "CREATE TABLE outbox ("
			     "	number INTEGER PRIMARY KEY AUTOINCREMENT,"
			     "	id BLOB NOT NULL,"
			     "	cloud TEXT NOT NULL,"
			     "	UNIQUE (id, cloud)"
			     ") STRICT;" RECORDS;

/* X(CONSTANT, SQL) */
#define STATEMENTS(X)                                                                         \
	X(ADD, "INSERT INTO sightings (id, time, share_mask, message)"                        \
	       " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING")                        \
	X(SUBMIT, "INSERT INTO submissions (id, cloud, policy, time, sha256, size, priority)" \
		  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING")              \
	X(OUT, "INSERT INTO outbox (id, cloud) VALUES (?1, ?2) ON CONFLICT DO NOTHING")       \
	X(OUT_AGAIN, "INSERT INTO outbox (id, cloud) SELECT id, cloud FROM submissions"       \
		     " WHERE outcome IS NULL AND cloud = ?1 ORDER BY time"                    \
		     " ON CONFLICT DO NOTHING")                                               \
	X(OUTBOX, "SELECT number, id, cloud, sha256, size, priority"                          \
		  " FROM outbox JOIN submissions USING (id, cloud)"                           \
		  " WHERE number > ?1 ORDER BY number LIMIT ?2")                              \
	X(OPEN_COUNTS, "SELECT cloud, count(*) FROM submissions WHERE outcome IS NULL"        \
		       " GROUP BY cloud")                                                     \
	X(NEEDED, "SELECT 1 FROM submissions WHERE sha256 = ?1 AND outcome IS NULL LIMIT 1")  \
	X(UNQUEUE, "DELETE FROM outbox WHERE id = ?1 AND cloud = ?2")                         \
	X(POLICY, "INSERT INTO policies (id, document, time) VALUES (?1, ?2, ?3)"             \
		  " ON CONFLICT DO NOTHING")                                                  \
	X(POLICY_FIND, "SELECT document, time FROM policies WHERE id = ?1")                   \
	X(LOAD,                                                                               \
	  "SELECT message, share_mask, policy FROM submissions JOIN sightings USING (id)"     \
	  " WHERE id = ?1 AND cloud = ?2")                                                    \
	X(SIGHTING, "SELECT message, share_mask, '' FROM sightings WHERE id = ?1")            \
	X(LAST, "SELECT id FROM sightings ORDER BY time DESC, id LIMIT ?1")                   \
	X(RESULT, "UPDATE submissions SET outcome = ?3, verdict = ?4, detail = ?5, time = ?6" \
		  " WHERE id = ?1 AND cloud = ?2 AND outcome IS NULL")                        \
	X(VERDICT, "UPDATE submissions SET verdict = ?3 WHERE sha256 = ?1 AND cloud = ?2"     \
		   " AND outcome IN ('sent', 'known') AND verdict IS NOT ?3"                  \
		   " RETURNING id, outcome")                                                  \
	X(SAMPLE, "SELECT s.id, s.cloud, s.policy, s.outcome, s.verdict, s.detail, s.time,"   \
		  " sightings.time, share_mask, EXISTS (SELECT 1 FROM outbox AS o"            \
		  " WHERE o.id = s.id AND o.cloud = s.cloud), priority FROM submissions AS s" \
		  " JOIN sightings ON sightings.id = s.id WHERE s.sha256 = ?1"                \
		  " ORDER BY sightings.time DESC, s.id, s.cloud LIMIT ?2")                    \
	X(RECORD, "INSERT INTO records (message, log, share_mask, policy, cloud, outcome,"    \
		  " verdict, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                  \
	X(RECORDS,                                                                            \
	  "SELECT message, share_mask, policy, number, cloud, outcome, verdict,"              \
	  " time FROM records WHERE log = ?1 AND number > ?2 ORDER BY number LIMIT ?3")       \
	X(RECORDED, "DELETE FROM records WHERE log = ?1 AND number <= ?2")                    \
	X(RECORD_COUNTS, "SELECT log, count(*) FROM records GROUP BY log")                    \
	X(FORGET, "DELETE FROM sightings WHERE time < ?1 AND NOT EXISTS (SELECT 1 FROM"       \
		  " submissions WHERE submissions.id = sightings.id AND outcome IS NULL)")

enum statement { STATEMENTS(DB_ENUM) STATEMENT_COUNT };

static const char *const statement_sql[STATEMENT_COUNT] = {STATEMENTS(DB_SQL)};

static const struct db_upgrade upgrades[] = {
	{5, RECORDS},
	{6, "ALTER TABLE submissions ADD COLUMN priority INTEGER NOT NULL DEFAULT 1"},
};

static const struct db_kind kind = {
	.what = "store",
	.loss = " (what waits in it is then not sent)",
	.application = 0x536c7553, /* "SluS" */
	.version = 7,
	.settings = "PRAGMA foreign_keys = ON",
	.schema = schema,
	.upgrade = upgrades,
	.upgrades = sizeof(upgrades) / sizeof(upgrades[0]),
	.sql = statement_sql,
	.statements = STATEMENT_COUNT,
};

struct store {
	struct db db; /* first, see db_open() */
	struct msg msg;
};

const char *store_error(const struct store *s)
{
	return s->db.error;
}

void store_failing(const struct store *s, const char *doing)
{
	db_failing(&s->db, doing);
}

/* One that has an id and a cloud as its first two parameters. */
static sqlite3_stmt *fresh_for(struct store *s, enum statement which, const uint8_t *id,
			       const char *cloud)
{
	sqlite3_stmt *q = db_fresh(&s->db, which);

	sqlite3_bind_blob(q, 1, id, SIGHTING_ID_SIZE, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, cloud, -1, SQLITE_STATIC);
	return q;
}

bool store_begin(struct store *s)
{
	return db_begin(&s->db);
}

void store_rollback(struct store *s)
{
	db_end(&s->db, false);
}

bool store_commit(struct store *s)
{
	return db_end(&s->db, true);
}

static bool encode(struct store *s, const struct sighting *sighting)
{
	msg_begin(&s->msg, MSG_SIGHTING);
	/* What stands before the attributes belongs to sending. */
	buf_reset(&s->msg.buf);
	if (sighting_encode(sighting, &s->msg))
		return true;
	snprintf(s->db.error, sizeof(s->db.error), "a sighting cannot be encoded");
	return false;
}

enum store_result store_add(struct store *s, const struct sighting *sighting,
			    uint32_t share_mask, int64_t now)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_ADD);

	if (!encode(s, sighting))
		return STORE_FAILED;
	sqlite3_bind_blob(q, 1, sighting->id, SIGHTING_ID_SIZE, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, now);
	sqlite3_bind_int64(q, 3, share_mask);
	sqlite3_bind_blob(q, 4, s->msg.buf.data, (int)s->msg.buf.len, SQLITE_STATIC);
	if (!db_run(&s->db, q))
		return STORE_FAILED;
	return sqlite3_changes(s->db.sqlite) ? STORE_OK : STORE_REPEATED;
}

bool store_submit(struct store *s, const struct sighting *sighting, const char *cloud,
		  const struct policy *seen, enum rule_priority priority, int64_t now)
{
	char text[POLICY_TEXT_MAX];
	sqlite3_stmt *q = fresh_for(s, S_SUBMIT, sighting->id, cloud);

	sqlite3_bind_text(q, 3, policy_text(seen, text), -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 4, now);
	sqlite3_bind_blob(q, 5, sighting->sha256, SHA256_SIZE, SQLITE_STATIC);
	sqlite3_bind_int64(q, 6, (int64_t)sighting->size);
	sqlite3_bind_int(q, 7, (int)priority);
	return db_run(&s->db, q) && db_run(&s->db, fresh_for(s, S_OUT, sighting->id, cloud));
}

bool store_out_again(struct store *s, const char *cloud)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_OUT_AGAIN);

	sqlite3_bind_text(q, 1, cloud, -1, SQLITE_STATIC);
	return db_run(&s->db, q);
}

static bool counts(struct store *s, enum statement which,
		   void (*each)(void *arg, const char *name, uint64_t count), void *arg)
{
	sqlite3_stmt *q = db_fresh(&s->db, which);
	int code;

	while ((code = sqlite3_step(q)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(q, 0);

		if (name)
			each(arg, name, (uint64_t)sqlite3_column_int64(q, 1));
	}
	return db_done(&s->db, q, code);
}

bool store_open_counts(struct store *s,
		       void (*each)(void *arg, const char *cloud, uint64_t count), void *arg)
{
	return counts(s, S_OPEN_COUNTS, each, arg);
}

bool store_needed(struct store *s, const uint8_t sha256[static SHA256_SIZE], bool *needed)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_NEEDED);
	int code;

	sqlite3_bind_blob(q, 1, sha256, SHA256_SIZE, SQLITE_STATIC);
	code = sqlite3_step(q);
	*needed = code != SQLITE_DONE;
	return db_done(&s->db, q, code);
}

/* One of a table that somebody changed is normal. */
static enum rule_priority read_priority(sqlite3_stmt *q, int column)
{
	int value = sqlite3_column_int(q, column);

	return value >= 0 && value < RULE_PRIORITY_COUNT ? (enum rule_priority)value
							 : RULE_PRIORITY_NORMAL;
}

bool store_outbox(struct store *s, int64_t after, struct store_item *items, size_t max,
		  size_t *count)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_OUTBOX);
	int code;

	*count = 0;
	sqlite3_bind_int64(q, 1, after);
	sqlite3_bind_int64(q, 2, (int64_t)max);
	while ((code = sqlite3_step(q)) == SQLITE_ROW && *count < max) {
		struct store_item *i = &items[*count];
		const char *cloud = (const char *)sqlite3_column_text(q, 2);

		i->number = sqlite3_column_int64(q, 0);
		i->size = (uint64_t)sqlite3_column_int64(q, 4);
		i->priority = read_priority(q, 5);
		if (!cloud || strlen(cloud) >= sizeof(i->cloud) ||
		    !db_blob(q, 1, i->id, sizeof(i->id)) ||
		    !db_blob(q, 3, i->sha256, sizeof(i->sha256))) {
			sqlite3_reset(q);
			snprintf(s->db.error, sizeof(s->db.error),
				 "row %lld of the outbox is damaged", (long long)i->number);
			return false;
		}
		strcpy(i->cloud, cloud);
		(*count)++;
	}
	return db_done(&s->db, q, code);
}

static enum store_result changed(struct store *s, sqlite3_stmt *q)
{
	if (!db_run(&s->db, q))
		return STORE_FAILED;
	return sqlite3_changes(s->db.sqlite) ? STORE_OK : STORE_ABSENT;
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

static enum store_result load(struct store *s, sqlite3_stmt *q, struct store_submission *out)
{
	int code = sqlite3_step(q);
	bool readable = code != SQLITE_ROW || load_row(q, out);

	if (!db_done(&s->db, q, code))
		return STORE_FAILED;
	if (!readable) {
		snprintf(s->db.error, sizeof(s->db.error), "a stored sighting cannot be read");
		return STORE_FAILED;
	}
	return code == SQLITE_ROW ? STORE_OK : STORE_ABSENT;
}

enum store_result store_load(struct store *s, const uint8_t id[static SIGHTING_ID_SIZE],
			     const char *cloud, struct store_submission *out)
{
	return load(s, fresh_for(s, S_LOAD, id, cloud), out);
}

enum store_result store_sighting(struct store *s, const uint8_t id[static SIGHTING_ID_SIZE],
				 struct store_submission *out)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_SIGHTING);

	sqlite3_bind_blob(q, 1, id, SIGHTING_ID_SIZE, SQLITE_STATIC);
	return load(s, q, out);
}

bool store_last(struct store *s, size_t max, void (*each)(void *arg, const uint8_t *id),
		void *arg)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_LAST);
	uint8_t id[SIGHTING_ID_SIZE];
	int code;

	sqlite3_bind_int64(q, 1, (int64_t)max);
	while ((code = sqlite3_step(q)) == SQLITE_ROW)
		if (db_blob(q, 0, id, sizeof(id)))
			each(arg, id);
	return db_done(&s->db, q, code);
}

bool store_policy(struct store *s, const char *id, const struct buf *document, int64_t now)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_POLICY);

	sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, (const char *)document->data, (int)document->len,
			  SQLITE_STATIC);
	sqlite3_bind_int64(q, 3, now);
	return db_run(&s->db, q);
}

enum store_result store_policy_find(struct store *s, const char *id, struct buf *document,
				    int64_t *first)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_POLICY_FIND);
	int code;
	bool ok = true;

	sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC);
	code = sqlite3_step(q);
	if (code == SQLITE_ROW) {
		*first = sqlite3_column_int64(q, 1);
		ok = buf_add(document, sqlite3_column_text(q, 0),
			     (size_t)sqlite3_column_bytes(q, 0));
	}
	if (!db_done(&s->db, q, code))
		return STORE_FAILED;
	if (!ok) {
		snprintf(s->db.error, sizeof(s->db.error), "out of memory");
		return STORE_FAILED;
	}
	return code == SQLITE_ROW ? STORE_OK : STORE_ABSENT;
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

static bool find_outcome(const char *name, enum cloud_outcome *outcome)
{
	for (unsigned int i = 0; name && i < CLOUD_OUTCOME_COUNT; i++) {
		*outcome = (enum cloud_outcome)i;
		if (!strcmp(cloud_outcome_name(*outcome), name))
			return true;
	}
	return false;
}

bool store_verdict(struct store *s, const char *cloud, const uint8_t sha256[static SHA256_SIZE],
		   int32_t verdict,
		   void (*each)(void *arg, const uint8_t *id, enum cloud_outcome outcome),
		   void *arg)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_VERDICT);
	uint8_t id[SIGHTING_ID_SIZE];
	enum cloud_outcome outcome;
	int code;

	sqlite3_bind_blob(q, 1, sha256, SHA256_SIZE, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, cloud, -1, SQLITE_STATIC);
	sqlite3_bind_int(q, 3, verdict);
	/* All are changed before the first is returned. */
	while ((code = sqlite3_step(q)) == SQLITE_ROW)
		if (db_blob(q, 0, id, sizeof(id)) &&
		    find_outcome((const char *)sqlite3_column_text(q, 1), &outcome))
			each(arg, id, outcome);
	return db_done(&s->db, q, code);
}

static bool read_sent(sqlite3_stmt *q, struct store_sent *sent)
{
	const char *policy = (const char *)sqlite3_column_text(q, 2);

	if (!db_blob(q, 0, sent->id, sizeof(sent->id)))
		return false;
	sent->cloud = (const char *)sqlite3_column_text(q, 1);
	sent->policy_readable = policy_parse(policy ? policy : "", &sent->policy);
	sent->outcome = (const char *)sqlite3_column_text(q, 3);
	sent->verdict = sqlite3_column_type(q, 4) == SQLITE_NULL ? CLOUD_VERDICT_NONE
								 : sqlite3_column_int(q, 4);
	sent->detail = (const char *)sqlite3_column_text(q, 5);
	sent->ended = sent->outcome ? sqlite3_column_int64(q, 6) : 0;
	sent->queued = sqlite3_column_int64(q, 7);
	sent->share_mask = (uint32_t)sqlite3_column_int64(q, 8);
	sent->in_outbox = sqlite3_column_int(q, 9);
	sent->priority = read_priority(q, 10);
	return sent->cloud;
}

bool store_sample(struct store *s, const uint8_t sha256[static SHA256_SIZE], size_t max,
		  void (*each)(void *arg, const struct store_sent *sent), void *arg)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_SAMPLE);
	struct store_sent sent;
	int code;

	sqlite3_bind_blob(q, 1, sha256, SHA256_SIZE, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, (int64_t)max);
	while ((code = sqlite3_step(q)) == SQLITE_ROW) {
		if (!read_sent(q, &sent)) {
			sqlite3_reset(q);
			snprintf(s->db.error, sizeof(s->db.error),
				 "a stored submission cannot be read");
			return false;
		}
		each(arg, &sent);
	}
	return db_done(&s->db, q, code);
}

bool store_forget(struct store *s, int64_t before)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_FORGET);

	sqlite3_bind_int64(q, 1, before);
	return db_run(&s->db, q);
}

struct store *store_open(const char *path)
{
	struct store *s = db_open(sizeof(*s), path, &kind);

	if (s)
		msg_init(&s->msg);
	return s;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	db_close(&s->db);
	msg_free(&s->msg);
	free(s);
}

/* ------------------------------------------------------------- records of logs */

bool store_record(struct store *s, const char *log, const struct sighting *sighting,
		  uint32_t share_mask, const struct policy *seen, const struct store_end *end)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_RECORD);
	char text[POLICY_TEXT_MAX];

	if (!encode(s, sighting))
		return false;
	sqlite3_bind_blob(q, 1, s->msg.buf.data, (int)s->msg.buf.len, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, log, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 3, share_mask);
	sqlite3_bind_text(q, 4, policy_text(seen, text), -1, SQLITE_STATIC);
	if (end) {
		sqlite3_bind_text(q, 5, end->cloud, -1, SQLITE_STATIC);
		sqlite3_bind_text(q, 6, cloud_outcome_name(end->outcome), -1, SQLITE_STATIC);
		sqlite3_bind_int(q, 7, end->verdict);
		sqlite3_bind_int64(q, 8, end->time);
	}
	return db_run(&s->db, q);
}

static bool load_end(sqlite3_stmt *q, struct store_end *end)
{
	const char *cloud = (const char *)sqlite3_column_text(q, 4);
	const char *outcome = (const char *)sqlite3_column_text(q, 5);

	if (!cloud)
		return true;
	snprintf(end->cloud, sizeof(end->cloud), "%s", cloud);
	end->verdict = sqlite3_column_int(q, 6);
	end->time = sqlite3_column_int64(q, 7);
	return find_outcome(outcome, &end->outcome);
}

bool store_records(struct store *s, const char *log, int64_t after, size_t max,
		   bool (*each)(void *arg, const struct store_record *r), void *arg)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_RECORDS);
	bool more = true;
	int code;

	sqlite3_bind_text(q, 1, log, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, after);
	sqlite3_bind_int64(q, 3, (int64_t)max);
	while ((code = sqlite3_step(q)) == SQLITE_ROW && more) {
		struct store_record r = {.number = sqlite3_column_int64(q, 3)};

		r.readable = load_end(q, &r.end) && load_row(q, &r.what);
		more = each(arg, &r);
		if (r.readable)
			sighting_free(&r.what.sighting);
	}
	return db_done(&s->db, q, more ? code : SQLITE_DONE);
}

bool store_recorded(struct store *s, const char *log, int64_t number, uint64_t *removed)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_RECORDED);
	bool ok;

	sqlite3_bind_text(q, 1, log, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, number);
	ok = db_run(&s->db, q);
	*removed = ok ? (uint64_t)sqlite3_changes(s->db.sqlite) : 0;
	return ok;
}

bool store_record_counts(struct store *s,
			 void (*each)(void *arg, const char *log, uint64_t count), void *arg)
{
	return counts(s, S_RECORD_COUNTS, each, arg);
}
