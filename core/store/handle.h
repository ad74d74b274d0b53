#pragma once
/*
 * handle — one SQLite connection, hardened, with the statements that were prepared on it. Used by one thread at a time.
 *
 * The database file is opened by SQLite alone: a descriptor of ours on the same file would drop SQLite's locks when it is closed
 * (POSIX). Floor: store, private.
 */
#include "error.h"

#include <sqlite3.h>
#include <sys/types.h>

#define STATEMENTS_MAX 80

/* Which file a path names. A database that was deleted or replaced has another identity. */
struct file_identity {
	dev_t device;
	ino_t inode;
};
bool file_identity_of(const char *path, struct file_identity *ret) MUST_CHECK; /* false: there is no such file */
bool file_identity_equal(const struct file_identity *a, const struct file_identity *b);

struct handle {
	sqlite3 *sqlite; /* NULL: not open */
	struct file_identity identity;
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} prepared[STATEMENTS_MAX];
	size_t prepared_count;
	int busy_timeout_ms;
	int64_t busy_until_ms; /* of the wait that is going on */
};
#define HANDLE_INIT ZERO_INIT

/* Opens an existing file; the handle stays where it is until it is closed. ERR_STORE_NOT_READY: missing, damaged, or in WAL mode
 * and in use. ERR_STORE_UNAVAILABLE. */
bool handle_open(struct handle *handle, const char *path, int busy_timeout_ms, struct error *err) MUST_CHECK;
void handle_close(struct handle *handle);

/* The statement for this text, prepared once; `sql` is a string constant. */
bool handle_prepare(struct handle *handle, const char *sql, sqlite3_stmt **ret, struct error *err) MUST_CHECK;

/* Runs text that gives no rows (BEGIN, migrations, …). */
bool handle_execute(struct handle *handle, const char *sql, struct error *err) MUST_CHECK;

/* What SQLite's result means to us; the one place that translates. Returns false. */
bool handle_error(const struct handle *handle, int result, struct error *err);
