// SPDX-License-Identifier: MIT
#include "supervisor/user_store.h"

#include "lib/db.h"
#include "policy/user_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Times are ns; an end that never comes is the largest number. */
static const char schema[] = "CREATE TABLE mappings ("
			     "	vsys TEXT NOT NULL,"
			     "	address TEXT NOT NULL,"
			     "	begin INTEGER NOT NULL,"
			     "	until INTEGER NOT NULL,"
			     "	user TEXT NOT NULL,"
			     "	source TEXT NOT NULL,"
			     "	PRIMARY KEY (vsys, address, begin)"
			     ") STRICT, WITHOUT ROWID;"
			     "CREATE INDEX mappings_until ON mappings (until);"
			     "CREATE TABLE members ("
			     "	name TEXT NOT NULL,"
			     "	user TEXT NOT NULL,"
			     "	PRIMARY KEY (name, user)"
			     ") STRICT, WITHOUT ROWID;";

/* X(CONSTANT, SQL) */
#define STATEMENTS(X)                                                                      \
	X(PUT, "INSERT INTO mappings (vsys, address, begin, until, user, source)"          \
	       " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET until = ?4,"    \
	       " user = ?5, source = ?6")                                                  \
	X(ALL, "SELECT vsys, address, begin, until, user, source FROM mappings"            \
	       " ORDER BY begin DESC")                                                     \
	X(EMPTY, "DELETE FROM members WHERE name = ?1")                                    \
	X(JOIN, "INSERT INTO members (name, user) VALUES (?1, ?2) ON CONFLICT DO NOTHING") \
	X(MEMBERS, "SELECT name, user FROM members")                                       \
	X(FORGET, "DELETE FROM mappings WHERE (vsys, address, begin) IN"                   \
		  " (SELECT vsys, address, begin FROM mappings WHERE until < ?1 LIMIT ?2)")

enum statement { STATEMENTS(DB_ENUM) STATEMENT_COUNT };

static const char *const statement_sql[STATEMENT_COUNT] = {STATEMENTS(DB_SQL)};

static const struct db_kind kind = {
	.what = "table of users",
	.loss = " (who was logged in is then not known until they log in again)",
	.application = 0x536c7555, /* "SluU" */
	.version = 1,
	/* Many small changes, none of which is worth a sync. */
	.settings = "PRAGMA synchronous = NORMAL",
	.schema = schema,
	.sql = statement_sql,
	.statements = STATEMENT_COUNT,
};

struct user_store {
	struct db db; /* first, see db_open() */
};

struct user_store *user_store_open(const char *path)
{
	return db_open(sizeof(struct user_store), path, &kind);
}

void user_store_close(struct user_store *s)
{
	if (!s)
		return;
	db_close(&s->db);
	free(s);
}

const char *user_store_error(const struct user_store *s)
{
	return s->db.error;
}

static sqlite3_int64 to_db(uint64_t ns)
{
	return ns > INT64_MAX ? INT64_MAX : (sqlite3_int64)ns;
}

static uint64_t from_db(sqlite3_int64 ns)
{
	return ns == INT64_MAX ? USER_FOREVER : ns < 0 ? 0 : (uint64_t)ns;
}

static const char *text_at(sqlite3_stmt *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q, column);

	return text ? text : "";
}

static enum user_source source_find(const char *text)
{
	unsigned int i = 0;

	while (i < USER_SOURCE_COUNT - 1 && strcmp(user_source_text(i), text) != 0)
		i++;
	return i;
}

bool user_store_load(struct user_store *s, struct user_table *t, uint64_t now)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_ALL);
	int step;

	while ((step = sqlite3_step(q)) == SQLITE_ROW) {
		struct user_mapping m = {
			.vsys = text_at(q, 0),
			.begin = from_db(sqlite3_column_int64(q, 2)),
			.end = from_db(sqlite3_column_int64(q, 3)),
			.user = text_at(q, 4),
			.source = source_find(text_at(q, 5)),
		};

		if (user_address_parse(text_at(q, 1), &m.address))
			user_table_login(t, &m, now);
	}
	if (!db_done(&s->db, q, step))
		return false;
	q = db_fresh(&s->db, S_MEMBERS);
	while ((step = sqlite3_step(q)) == SQLITE_ROW)
		user_names_join(user_table_names(t), text_at(q, 1), text_at(q, 0));
	user_table_none_dirty(t);
	return db_done(&s->db, q, step);
}

static bool put(struct user_store *s, const struct user_mapping *m)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_PUT);
	char address[INET_TEXT_MAX];

	sqlite3_bind_text(q, 1, m->vsys, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, inet_text(&m->address, address), -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 3, to_db(m->begin));
	sqlite3_bind_int64(q, 4, to_db(m->end));
	sqlite3_bind_text(q, 5, m->user, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 6, user_source_text(m->source), -1, SQLITE_STATIC);
	return db_run(&s->db, q);
}

static bool put_group(struct user_store *s, const struct user_name *group)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_EMPTY);
	bool ok;

	sqlite3_bind_text(q, 1, group->text, -1, SQLITE_STATIC);
	ok = db_run(&s->db, q);
	for (struct user_member *m = group->list; ok && m; m = m->next_user) {
		q = db_fresh(&s->db, S_JOIN);
		sqlite3_bind_text(q, 1, group->text, -1, SQLITE_STATIC);
		sqlite3_bind_text(q, 2, m->user->text, -1, SQLITE_STATIC);
		ok = db_run(&s->db, q);
	}
	return ok;
}

bool user_store_save(struct user_store *s, struct user_table *t, size_t most)
{
	struct user_names *names = user_table_names(t);
	struct user_name *group;
	struct user_mapping m;
	bool ok;

	if (!db_begin(&s->db))
		return false;
	group = user_names_take_dirty(names);
	ok = !group || put_group(s, group);
	user_names_put(names, group);
	while (ok && most-- && user_table_take_dirty(t, &m))
		ok = put(s, &m);
	if (db_end(&s->db, ok))
		return true;
	user_table_all_dirty(t);
	return false;
}

bool user_store_forget(struct user_store *s, uint64_t before, size_t most)
{
	sqlite3_stmt *q = db_fresh(&s->db, S_FORGET);

	sqlite3_bind_int64(q, 1, to_db(before));
	sqlite3_bind_int64(q, 2, (sqlite3_int64)most);
	return db_run(&s->db, q);
}
