/* SPDX-License-Identifier: MIT */
/*
 * An SQLite database of the agent: a file of its own (mode 0600) in WAL mode, synced at
 * every commit unless its kind sets otherwise, marked as ours, with one prepared statement
 * for all it is asked.
 *
 * Owners begin with a struct db, and use it from one thread.  Functions that return
 * false leave a text in `error`.
 */
#ifndef SLUICE_LIB_DB_H
#define SLUICE_LIB_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * An owner's statements stand in a table of X(CONSTANT, SQL): these make the enum to
 * name them by, and the list of their texts.
 */
#define DB_ENUM(id, sql) S_##id,
#define DB_SQL(id, sql) [S_##id] = sql,

/* What makes of a database of one version one of the next. */
struct db_upgrade {
	int from;
	const char *sql;
};

/* What one kind of database is; constant, outlives the databases. */
struct db_kind {
	const char *what;     /* for messages: "queue" */
	const char *loss;     /* said after the advice to begin with an empty one; or "" */
	const char *only;     /* the one process that may have it open; NULL: not locked */
	int application;      /* application_id, in the header of the file */
	int version;	      /* user_version; others are upgraded, or refused */
	bool checked;	      /* its pages are looked through at every start */
	const char *settings; /* PRAGMAs that come after those of every kind, or "" */
	const char *schema;
	const struct db_upgrade *upgrade; /* one version after the other, up to `version` */
	size_t upgrades;
	const char *const *sql; /* of the statements */
	size_t statements;
};

struct db {
	const struct db_kind *kind;
	/*
	 * Holds the lock.  Closing any descriptor of the file would drop SQLite's own
	 * locks of this process, so it stays open until the database is closed.
	 */
	int fd;
	sqlite3 *sqlite;
	sqlite3_stmt **statement; /* the kind's, then those for transactions */
	char *path;
	bool unsynced; /* the transaction that is open */
	int code;      /* SQLite's, of `error` */
	char error[256];
};

/*
 * Opens or makes the file, never through a symbolic link.  An owner of `size` bytes, zeroed
 * but for the struct db it begins with; after db_close() it is the caller's to free.  NULL
 * with a logged error that says which file and what to do.
 */
void *db_open(size_t size, const char *path, const struct db_kind *kind);
/* Finalizes the statements as well. */
void db_close(struct db *d);
/* Logs that `error` makes the database unusable, and what to do where that is known. */
void db_unusable(const struct db *d);
/* Logs the `error` of one that is in use and will be tried again every second. */
void db_failing(const struct db *d, const char *doing);

/* One transaction at a time, for writing from its begin. */
bool db_begin(struct db *d);
/*
 * The same for what a power failure may undo, as long as it undoes all that came after too:
 * it is synced with the next transaction that is.
 */
bool db_begin_unsynced(struct db *d);
/* Commits when all before went well, else, or when that fails, takes it back: false. */
bool db_end(struct db *d, bool ok);

/* A statement of the kind, reset, nothing bound; owned by d. */
sqlite3_stmt *db_fresh(struct db *d, size_t which);
/* Resets a statement; false when `step`, of its last sqlite3_step(), is an error. */
bool db_done(struct db *d, sqlite3_stmt *s, int step);
/* Runs a statement that returns no rows. */
bool db_run(struct db *d, sqlite3_stmt *s);
/* Copies a column that is a blob of exactly `size` bytes; false: it is not. */
bool db_blob(sqlite3_stmt *s, int column, void *to, size_t size);

#endif
