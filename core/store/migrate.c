/*
 * The life of the file: made, migrated, looked at, accepted. Works on a handle of its own, before or beside any struct database.
 * schema_migrations is the one table that no migration makes: it says which of them ran.
 */
#include "alloc.h"
#include "clock.h"
#include "database.h"
#include "file.h"
#include "migrations.h"
#include "query.h"
#include "recognition.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000

#define QUOTE_(text) #text
#define QUOTE(text)  QUOTE_(text)

/* One transaction on a bare handle; rolled back unless it was committed. */
static void roll_back(struct handle **open)
{
	if (*open && !sqlite3_get_autocommit((*open)->sqlite) && !handle_execute(*open, "ROLLBACK", NULL))
		handle_close(*open);
}

/*
 * For its user alone, or for the group of a folder that is shared: the pools may have users of their own. SQLite gives its journal
 * the same mode. Done before SQLite knows the file, so that closing the descriptor drops no lock.
 */
static bool make_file(const char *path, struct error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool made = fd >= 0 && fchmod(fd, file_mode_in_folder(path, 0600, 0660)) == 0;
	int reason = errno;

	if (fd >= 0)
		close(fd);
	if (made || (fd < 0 && reason == EEXIST))
		return true;
	error_set(err, ERR_STORE_UNAVAILABLE, "The database cannot be created at the configured path.");
	return error_detail(err, "errno %d", reason);
}

static bool count_applied(struct handle *handle, const struct migration *migration, bool *ret_applied, bool *ret_matches,
                          struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	const char *checksum;
	bool row;

	if (!query_start(&query, handle, "SELECT checksum FROM schema_migrations WHERE version = ?", err))
		return false;
	query_bind_number(&query, migration->version);
	if (!query_next(&query, &row, err))
		return false;
	checksum = row ? query_peek(&query, 0) : NULL;
	*ret_applied = row;
	*ret_matches = checksum && strcmp(checksum, migration->checksum) == 0;
	return true;
}

static bool note_applied(struct handle *handle, const struct migration *migration, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	CLEANUP(freep) char *version = xasprintf("PRAGMA user_version = %u", migration->version);

	if (!query_start(&query, handle, "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
	                 err))
		return false;
	query_bind_number(&query, migration->version);
	query_bind_text(&query, migration->name);
	query_bind_text(&query, migration->checksum);
	query_bind_number(&query, clock_now_s());
	return query_run(&query, err) && handle_execute(handle, version, err);
}

/* Asked again inside the transaction: two programs may migrate at once. */
static bool apply_one(struct handle *handle, const struct migration *migration, unsigned *applied, struct error *err)
{
	CLEANUP(roll_back) struct handle *open UNUSED = handle;
	bool done, matches;

	if (!handle_execute(handle, "BEGIN IMMEDIATE", err) || !count_applied(handle, migration, &done, &matches, err))
		return false;
	if (done)
		return matches || store_state_error(STATE_ALTERED, err);
	if (!handle_execute(handle, migration->sql, err) || !note_applied(handle, migration, err) ||
	    !handle_execute(handle, "COMMIT", err))
		return false;
	(*applied)++;
	return true;
}

/* Marks a blank file as ours. A file with something else in it is left alone. */
static bool adopt(struct handle *handle, struct error *err)
{
	CLEANUP(roll_back) struct handle *open UNUSED = handle;
	bool blank;

	if (!handle_execute(handle, "BEGIN IMMEDIATE", err) || !is_blank(handle, &blank, err))
		return false;
	if (!blank)
		return true;
	return handle_execute(
	               handle,
	               "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, "
	               "applied_at INTEGER NOT NULL) STRICT",
	               err) &&
	       handle_execute(handle, "PRAGMA application_id = " QUOTE(APPLICATION_ID), err) &&
	       handle_execute(handle, "COMMIT", err);
}

/*
 * Whose database it is, written once. Where an anchor tells of an earlier database the number stays 0, and the new one does not
 * pass for the old one until database_accept().
 */
static bool write_meta(struct handle *handle, const char *path, const char *installation, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	CLEANUP(freep) char *beside = anchor_path(path);

	if (!query_start(&query, handle, "INSERT OR IGNORE INTO meta (id, installation, change) VALUES (1, ?, ?)", err))
		return false;
	query_bind_text(&query, installation);
	query_bind_number(&query, access(beside, F_OK) == 0 ? 0 : 1);
	return query_run(&query, err);
}

/* A new installation gets its anchor here; also when an earlier run was interrupted right before. */
static bool write_first_anchor(struct handle *handle, const char *path, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle, "SELECT installation FROM meta WHERE change = 1", err) || !query_next(&query, &row, err))
		return false;
	return !row || anchor_create(path, query_peek(&query, 0), 1, false, err);
}

static bool migrate(struct handle *handle, const char *path, const char *installation, unsigned *applied, struct error *err)
{
	CLEANUP(anchor_close) struct anchor none = ANCHOR_INIT;
	struct recognition found;

	if (!adopt(handle, err) || !recognise(handle, &none, &found, err))
		return false;
	if (found.state == STATE_NEWER || found.state == STATE_ALTERED || found.state == STATE_FOREIGN)
		return store_state_error(found.state, err);
	for (unsigned i = 0; i < migration_count; i++)
		if (!apply_one(handle, &migrations[i], applied, err))
			return false;
	return write_meta(handle, path, installation, err) && write_first_anchor(handle, path, err);
}

bool database_migrate(const char *path, const char *installation, unsigned *ret_applied, struct error *err)
{
	CLEANUP(handle_close) struct handle handle = HANDLE_INIT;
	unsigned applied = 0;

	if (strlen(installation) > INSTALLATION_MAX)
		return error_set(err, ERR_INTERNAL, "The installation's id is too long.");
	if (!make_file(path, err) || !handle_open(&handle, path, BUSY_TIMEOUT_MS, err) ||
	    !migrate(&handle, path, installation, &applied, err))
		return false;
	*ret_applied = applied;
	return true;
}

/* What is known without looking into the file. */
static struct migration_status *embedded_status(void)
{
	struct migration_status *list = xcalloc(migration_count, sizeof(*list));

	for (unsigned i = 0; i < migration_count; i++)
		list[i] = (struct migration_status){.version = migrations[i].version, .name = migrations[i].name};
	return list;
}

static bool fill_status(struct handle *handle, struct migration_status *list, struct error *err)
{
	bool blank;

	if (!is_blank(handle, &blank, err))
		return false;
	for (unsigned i = 0; !blank && i < migration_count; i++)
		if (!count_applied(handle, &migrations[i], &list[i].applied, &list[i].checksum_matches, err))
			return false;
	return true;
}

static bool look(const char *path, struct migration_status *list, enum store_state *ret, struct error *err)
{
	CLEANUP(handle_close) struct handle handle = HANDLE_INIT;
	CLEANUP(anchor_close) struct anchor anchor = ANCHOR_INIT;
	CLEANUP(freep) char *beside = anchor_path(path);
	struct file_identity identity;
	struct recognition found;

	if (!file_identity_of(path, &identity)) {
		*ret = STATE_MISSING;
		return true;
	}
	if (!anchor_open(beside, &anchor, err) || !handle_open(&handle, path, BUSY_TIMEOUT_MS, err) ||
	    !recognise(&handle, &anchor, &found, err))
		return false;
	*ret = found.state;
	/* Another program's file has no table of migrations to read. */
	return (found.state == STATE_FOREIGN && !found.schema_current) || fill_status(&handle, list, err);
}

bool database_status(const char *path, struct migration_status **ret, size_t *ret_count, const char **ret_state, struct error *err)
{
	struct migration_status *list = embedded_status();
	enum store_state state;

	if (!look(path, list, &state, err)) {
		free(list);
		return false;
	}
	*ret = list;
	*ret_count = migration_count;
	*ret_state = store_state_name(state);
	return true;
}

static bool renumber(struct handle *handle, const char *installation, uint64_t change, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "INSERT INTO meta (id, installation, change) VALUES (1, ?, ?) "
	                 "ON CONFLICT (id) DO UPDATE SET installation = excluded.installation, change = excluded.change",
	                 err))
		return false;
	query_bind_text(&query, installation);
	query_bind_number(&query, (int64_t)change);
	return query_run(&query, err);
}

/* The anchor is raised in place where it is ours, so that running processes see it at once; else it is replaced. */
static bool accept_into(struct anchor *anchor, const char *path, const char *installation, uint64_t change, struct error *err)
{
	if (anchor->record && strcmp(anchor_installation(anchor), installation) == 0) {
		anchor_raise(anchor, change);
		return true;
	}
	return anchor_create(path, installation, change, true, err);
}

bool database_doubt(const char *path, struct error *err)
{
	CLEANUP(handle_close) struct handle handle = HANDLE_INIT;

	return handle_open(&handle, path, BUSY_TIMEOUT_MS, err) && handle_execute(&handle, "UPDATE meta SET change = 0", err);
}

bool database_accept(const char *path, const char *installation, int64_t at_least, struct error *err)
{
	CLEANUP(handle_close) struct handle handle = HANDLE_INIT;
	CLEANUP(anchor_close) struct anchor anchor = ANCHOR_INIT;
	CLEANUP(freep) char *beside = anchor_path(path);
	struct recognition found;
	uint64_t change;

	if (strlen(installation) > INSTALLATION_MAX)
		return error_set(err, ERR_INTERNAL, "The installation's id is too long.");
	if (!anchor_open(beside, &anchor, err) || !handle_open(&handle, path, BUSY_TIMEOUT_MS, err))
		return false;
	CLEANUP(roll_back) struct handle *open UNUSED = &handle;
	if (!handle_execute(&handle, "BEGIN IMMEDIATE", err) || !recognise(&handle, &anchor, &found, err))
		return false;
	if (!found.schema_current)
		return store_state_error(found.state, err);
	change = found.change > anchor_change(&anchor) ? found.change : anchor_change(&anchor);
	change = (at_least > (int64_t)change ? (uint64_t)at_least : change) + 1;
	return renumber(&handle, installation, change, err) && handle_execute(&handle, "COMMIT", err) &&
	       accept_into(&anchor, path, installation, change, err);
}
