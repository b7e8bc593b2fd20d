// SPDX-License-Identifier: MIT
#include "lib/db.h"

#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 2000

#define MOVE_AWAY "; move it away (with its -wal and -shm) to start with an empty %s%s"

/* Every kind has these behind its own. */
enum { BEGIN, COMMIT, ROLLBACK, COMMON_COUNT };

static const char *const common[COMMON_COUNT] = {"BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"};

static bool failed(struct db *d)
{
	d->code = sqlite3_errcode(d->sqlite) & 0xff;
	snprintf(d->error, sizeof(d->error), "%s", sqlite3_errmsg(d->sqlite));
	return false;
}

sqlite3_stmt *db_fresh(struct db *d, size_t which)
{
	sqlite3_reset(d->statement[which]);
	sqlite3_clear_bindings(d->statement[which]);
	return d->statement[which];
}

bool db_done(struct db *d, sqlite3_stmt *s, int step)
{
	bool ok = step == SQLITE_DONE || step == SQLITE_ROW;

	if (!ok)
		failed(d);
	sqlite3_reset(s);
	return ok;
}

bool db_run(struct db *d, sqlite3_stmt *s)
{
	return db_done(d, s, sqlite3_step(s));
}

static bool sync_commits(struct db *d, bool sync)
{
	return !sqlite3_exec(d->sqlite,
			     sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
			     NULL, NULL, NULL) ||
	       failed(d);
}

bool db_begin(struct db *d)
{
	return db_run(d, db_fresh(d, d->kind->statements + BEGIN));
}

bool db_begin_unsynced(struct db *d)
{
	d->unsynced = sync_commits(d, false);
	return d->unsynced && (db_begin(d) || db_end(d, false));
}

bool db_end(struct db *d, bool ok)
{
	sqlite3_stmt *rollback = db_fresh(d, d->kind->statements + ROLLBACK);

	ok = ok && db_run(d, db_fresh(d, d->kind->statements + COMMIT));
	/* Some errors have rolled back already. */
	if (!ok && !sqlite3_get_autocommit(d->sqlite))
		sqlite3_step(rollback);
	sqlite3_reset(rollback);
	if (d->unsynced)
		sync_commits(d, true);
	d->unsynced = false;
	return ok;
}

bool db_blob(sqlite3_stmt *s, int column, void *to, size_t size)
{
	const void *p = sqlite3_column_blob(s, column);

	if (!p || (size_t)sqlite3_column_bytes(s, column) != size)
		return false;
	memcpy(to, p, size);
	return true;
}

/* ----------------------------------------------------------------- opening */

/* Logs what is wrong and what to do; false: it is whole, as far as is known. */
static bool damaged(const struct db *d)
{
	const struct db_kind *k = d->kind;

	if (d->code != SQLITE_NOTADB && d->code != SQLITE_CORRUPT)
		return false;
	log_error("%s: damaged (%s)" MOVE_AWAY, d->path, d->error, k->what, k->loss);
	return true;
}

void db_unusable(const struct db *d)
{
	if (!damaged(d))
		log_error("%s: %s; expected a %s of sluiced that can be written", d->path,
			  d->error, d->kind->what);
}

void db_failing(const struct db *d, const char *doing)
{
	if (!damaged(d))
		log_error("%s: %s: %s; trying again every second", d->path, doing, d->error);
}

static bool execute(struct db *d, const char *sql)
{
	return !sqlite3_exec(d->sqlite, sql, NULL, NULL, NULL) || failed(d);
}

/* The first column of the first row. */
static bool ask(struct db *d, const char *sql, char *value, size_t size)
{
	sqlite3_stmt *s = NULL;
	bool ok = !sqlite3_prepare_v2(d->sqlite, sql, -1, &s, NULL) &&
		  sqlite3_step(s) == SQLITE_ROW;

	if (ok)
		snprintf(value, size, "%s", (const char *)sqlite3_column_text(s, 0));
	else
		failed(d);
	sqlite3_finalize(s);
	return ok;
}

static bool make_schema(struct db *d, const char *path)
{
	char marks[96];

	snprintf(marks, sizeof(marks), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 d->kind->application, d->kind->version);
	if (execute(d, "BEGIN IMMEDIATE") && execute(d, d->kind->schema) && execute(d, marks) &&
	    execute(d, "COMMIT"))
		return true;
	log_error("%s: cannot be set up: %s", path, d->error);
	return false;
}

static bool can_upgrade(const struct db_kind *k, int version)
{
	return k->upgrades && version >= k->upgrade[0].from && version < k->version;
}

/* All in one transaction: what fails leaves what was there. */
static bool upgrade(struct db *d, const char *path, int version)
{
	const struct db_kind *k = d->kind;
	bool ok = execute(d, "BEGIN IMMEDIATE");
	char mark[64];

	for (size_t i = 0; ok && i < k->upgrades; i++)
		ok = k->upgrade[i].from < version || execute(d, k->upgrade[i].sql);
	snprintf(mark, sizeof(mark), "PRAGMA user_version = %d; COMMIT", k->version);
	if (ok && execute(d, mark)) {
		log_info("%s: upgraded from version %d to %d", path, version, k->version);
		return true;
	}
	log_error("%s: cannot be upgraded from version %d to %d: %s", path, version, k->version,
		  d->error);
	return false;
}

/* Is it whole, ours, and of a version we know?  A new one is made. */
static bool check_schema(struct db *d, const char *path)
{
	const struct db_kind *k = d->kind;
	char application[32], version[32], tables[32], whole[128] = "ok";

	if (!ask(d, "PRAGMA application_id", application, sizeof(application)) ||
	    !ask(d, "PRAGMA user_version", version, sizeof(version)) ||
	    !ask(d, "SELECT count(*) FROM sqlite_schema", tables, sizeof(tables)) ||
	    (k->checked && !ask(d, "PRAGMA quick_check(1)", whole, sizeof(whole)))) {
		db_unusable(d);
		return false;
	}
	if (strcmp(whole, "ok")) {
		d->code = SQLITE_CORRUPT;
		snprintf(d->error, sizeof(d->error), "%s", whole);
		db_unusable(d);
		return false;
	}
	if (!atoi(tables) && !atoi(application) && !atoi(version))
		return make_schema(d, path);
	if (atoi(application) != k->application) {
		log_error(
			"%s: a database of something else, expected a %s of sluiced" MOVE_AWAY,
			path, k->what, k->what, k->loss);
		return false;
	}
	if (can_upgrade(k, atoi(version)))
		return upgrade(d, path, atoi(version));
	if (atoi(version) != k->version) {
		log_error("%s: has version %s, this sluiced knows version %d" MOVE_AWAY, path,
			  version, k->version, k->what, k->loss);
		return false;
	}
	return true;
}

static bool prepare(struct db *d)
{
	size_t n = d->kind->statements;

	d->statement = calloc(n + COMMON_COUNT, sizeof(*d->statement));
	if (!d->statement) {
		snprintf(d->error, sizeof(d->error), "out of memory");
		return false;
	}
	for (size_t i = 0; i < n + COMMON_COUNT; i++)
		if (sqlite3_prepare_v3(d->sqlite, i < n ? d->kind->sql[i] : common[i - n], -1,
				       SQLITE_PREPARE_PERSISTENT, &d->statement[i], NULL))
			return failed(d);
	return true;
}

/* Makes the file private before SQLite does it less private, and locks it. */
static bool open_file(struct db *d, const char *path)
{
	d->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (d->fd < 0 || fchmod(d->fd, 0600)) {
		log_error("%s: %s", path, strerror(errno));
		return false;
	}
	if (d->kind->only && flock(d->fd, LOCK_EX | LOCK_NB)) {
		log_error("%s: in use by another %s", path, d->kind->only);
		return false;
	}
	return true;
}

static bool open_database(struct db *d, const char *path)
{
	if (!open_file(d, path))
		return false;
	if (sqlite3_open_v2(path, &d->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL)) {
		log_error("%s: %s", path, sqlite3_errmsg(d->sqlite));
		return false;
	}
	sqlite3_busy_timeout(d->sqlite, BUSY_MS);
	if (!execute(d, "PRAGMA trusted_schema = OFF") ||
	    !execute(d, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL") ||
	    !execute(d, d->kind->settings)) {
		db_unusable(d);
		return false;
	}
	if (!check_schema(d, path))
		return false;
	if (prepare(d))
		return true;
	db_unusable(d);
	return false;
}

void *db_open(size_t size, const char *path, const struct db_kind *kind)
{
	struct db *d = calloc(1, size);

	if (!d) {
		log_error("%s: out of memory", path);
		return NULL;
	}
	d->kind = kind;
	d->fd = -1;
	d->path = strdup(path);
	if (d->path && open_database(d, path))
		return d;
	db_close(d);
	free(d);
	return NULL;
}

void db_close(struct db *d)
{
	for (size_t i = 0; d->statement && i < d->kind->statements + COMMON_COUNT; i++)
		sqlite3_finalize(d->statement[i]);
	free(d->statement);
	sqlite3_close(d->sqlite);
	free(d->path);
	if (d->fd >= 0)
		close(d->fd);
}
