#include "handle.h"

#include "clock.h"
#include "secret.h"

#include <sys/stat.h>
#include <time.h>

/* Rows are at most a session's object and status (256 KiB each). */
#define ROW_MAX (4 * 1024 * 1024)
/* How long a writer sleeps before it asks again, half as long to one and a half times as long. A transaction takes a few fsyncs. */
#define BUSY_SLEEP_NS 2000000

bool file_identity_of(const char *path, struct file_identity *ret)
{
	struct stat about;

	if (stat(path, &about) != 0)
		return false;
	*ret = (struct file_identity){about.st_dev, about.st_ino};
	return true;
}

bool file_identity_equal(const struct file_identity *a, const struct file_identity *b)
{
	return a->device == b->device && a->inode == b->inode;
}

bool handle_error(const struct handle *handle, int result, struct error *err)
{
	int extended = handle->sqlite ? sqlite3_extended_errcode(handle->sqlite) : result;
	int error_number = handle->sqlite ? sqlite3_system_errno(handle->sqlite) : 0;

	switch (result & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		error_set(err, ERR_STORE_NOT_READY, "The database file is damaged.");
		error_remedy(err, "An operator must put a good copy in its place and run 'acp-gitlab rebuild-index'.");
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		error_set(err, ERR_STORE_UNAVAILABLE, "The database is busy.");
		break;
	case SQLITE_FULL:
		error_set(err, ERR_STORE_UNAVAILABLE, "There is no space left for the database.");
		break;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		error_set(err, ERR_INTERNAL, "The database refused a change.");
		break;
	default:
		error_set(err, ERR_STORE_UNAVAILABLE, "The database cannot be used at the moment.");
		break;
	}
	return error_detail(err, "sqlite %d/%d errno %d: %s", result, extended, error_number, sqlite3_errstr(result));
}

bool handle_execute(struct handle *handle, const char *sql, struct error *err)
{
	int result = sqlite3_exec(handle->sqlite, sql, NULL, NULL, NULL);

	return result == SQLITE_OK || handle_error(handle, result, err);
}

bool handle_prepare(struct handle *handle, const char *sql, sqlite3_stmt **ret, struct error *err)
{
	sqlite3_stmt *statement = NULL;
	int result;

	for (size_t i = 0; i < handle->prepared_count; i++) {
		if (handle->prepared[i].sql == sql) {
			*ret = handle->prepared[i].statement;
			return true;
		}
	}
	if (handle->prepared_count == STATEMENTS_MAX) {
		error_set(err, ERR_INTERNAL, "The database refused a change.");
		return error_detail(err, "STATEMENTS_MAX is too small");
	}
	result = sqlite3_prepare_v3(handle->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
	if (result != SQLITE_OK)
		return handle_error(handle, result, err);
	handle->prepared[handle->prepared_count].sql = sql;
	handle->prepared[handle->prepared_count++].statement = statement;
	*ret = statement;
	return true;
}

/* The first column of a pragma's answer; -1 with an error of SQLite. */
static bool ask(struct handle *handle, const char *pragma, char *ret, size_t size, struct error *err)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(handle->sqlite, pragma, -1, &statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		snprintf(ret, size, "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return result == SQLITE_ROW || handle_error(handle, result, err);
}

static bool configure(struct handle *handle, struct error *err)
{
	static const struct {
		int option;
		int value;
	} options[] = {
	        {SQLITE_DBCONFIG_DEFENSIVE, 1},
	        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
	        {SQLITE_DBCONFIG_DQS_DML, 0},
	        {SQLITE_DBCONFIG_DQS_DDL, 0},
	        {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
	        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, /* the schema has none of either: a file that has them is not ours */
	        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
	        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int result = sqlite3_db_config(handle->sqlite, options[i].option, options[i].value, NULL);

		if (result != SQLITE_OK)
			return handle_error(handle, result, err);
	}
	sqlite3_limit(handle->sqlite, SQLITE_LIMIT_LENGTH, ROW_MAX);
	sqlite3_limit(handle->sqlite, SQLITE_LIMIT_ATTACHED, 0);
	return true;
}

/*
 * Each setting is read back: a pragma that SQLite does not know, or cannot carry out now, is silent. The journal mode matters most:
 * in WAL mode this SQLite can lose commits (the WAL-reset race), and one process that opens the file so changes it for all.
 */
static bool apply_pragmas(struct handle *handle, struct error *err)
{
	static const struct {
		const char *set;
		const char *get;
		const char *expected;
	} pragmas[] = {
	        {"PRAGMA journal_mode = TRUNCATE", "PRAGMA journal_mode", "truncate"},
	        {"PRAGMA synchronous = FULL", "PRAGMA synchronous", "2"},
	        {"PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", "1"},
	        {"PRAGMA secure_delete = ON", "PRAGMA secure_delete", "1"},
	        {"PRAGMA cell_size_check = ON", "PRAGMA cell_size_check", "1"},
	        {"PRAGMA temp_store = MEMORY", "PRAGMA temp_store", "2"},
	        {"PRAGMA trusted_schema = OFF", "PRAGMA trusted_schema", "0"},
	};
	char answer[32];

	/* Its answer is empty where memory mapping is not compiled in. */
	if (!handle_execute(handle, "PRAGMA mmap_size = 0", err))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(pragmas); i++) {
		if (!handle_execute(handle, pragmas[i].set, err) || !ask(handle, pragmas[i].get, answer, sizeof(answer), err))
			return false;
		if (strcmp(answer, pragmas[i].expected) != 0) {
			error_set(err, ERR_STORE_NOT_READY,
			          "The database does not take a setting that it needs; is it open elsewhere?");
			return error_detail(err, "%s gives %s", pragmas[i].get, answer);
		}
	}
	return true;
}

/*
 * Asks again after a few milliseconds, each time anew at random, until the time is over. SQLite's own handler sleeps the longer the
 * longer it has waited, so that among several processes whoever came last gets the lock first, and some never.
 */
static int wait_a_little(void *context, int tries)
{
	struct handle *handle = context;
	uint32_t random;

	if (tries == 0)
		handle->busy_until_ms = clock_monotonic_ms() + handle->busy_timeout_ms;
	else if (clock_monotonic_ms() >= handle->busy_until_ms)
		return 0;
	random_bytes(&random, sizeof(random));
	const struct timespec time = {.tv_nsec = (long)(random % BUSY_SLEEP_NS) + BUSY_SLEEP_NS / 2};
	(void)nanosleep(&time, NULL);
	return 1;
}

bool handle_open(struct handle *handle, const char *path, int busy_timeout_ms, struct error *err)
{
	struct file_identity after;
	int result;

	if (!file_identity_of(path, &handle->identity)) {
		error_set(err, ERR_STORE_NOT_READY, "There is no database at the configured path.");
		return error_remedy(err, "An operator must run 'acp-gitlab db migrate'.");
	}
	result = sqlite3_open_v2(path, &handle->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (result != SQLITE_OK) {
		handle_error(handle, result, err);
		handle_close(handle);
		return false;
	}
	/* First of all: several processes open at once, and the journal mode already takes a lock. */
	handle->busy_timeout_ms = busy_timeout_ms;
	sqlite3_busy_handler(handle->sqlite, wait_a_little, handle);
	if (!configure(handle, err) || !apply_pragmas(handle, err)) {
		handle_close(handle);
		return false;
	}
	if (!file_identity_of(path, &after) || !file_identity_equal(&handle->identity, &after)) {
		handle_close(handle);
		return error_set(err, ERR_STORE_UNAVAILABLE, "The database is being replaced.");
	}
	return true;
}

void handle_close(struct handle *handle)
{
	for (size_t i = 0; i < handle->prepared_count; i++)
		sqlite3_finalize(handle->prepared[i].statement);
	sqlite3_close_v2(handle->sqlite);
	*handle = (struct handle)HANDLE_INIT;
}
