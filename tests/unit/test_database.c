#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "clock.h"
#include "migrations.h"
#include "store_fixture.h"

static void must(bool ok, const struct error *err)
{
	if (!ok)
		fail_msg("%s: %s (%s)", error_name(err->code), err->message, err->detail);
}

/* From outside, as an operator with the sqlite3 shell would. */
static void tamper(const char *path, const char *sql)
{
	sqlite3 *sqlite = NULL;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
	if (sqlite3_exec(sqlite, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(sqlite);
}

static void copy_file(const char *from, const char *to)
{
	char bytes[4096];
	FILE *source = fopen(from, "re"), *target = fopen(to, "we");

	assert_non_null(source);
	assert_non_null(target);
	for (size_t length; (length = fread(bytes, 1, sizeof(bytes), source)) > 0;)
		assert_int_equal(fwrite(bytes, 1, length, target), length);
	fclose(source);
	fclose(target);
}

static void expect_state(const struct store_fixture *f, const char *expected)
{
	struct migration_status *list = NULL;
	struct error err = ERROR_INIT;
	const char *state = NULL;
	size_t count = 0;

	must(database_status(f->path, &list, &count, &state, &err), &err);
	free(list);
	assert_true(count > 0);
	assert_string_equal(state, expected);
}

static bool is_ready(struct store_fixture *f, struct error *err)
{
	return f->connections.ops->ready(f->connections.state, err);
}

static void expect_not_ready(struct store_fixture *f, const char *words)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error err = ERROR_INIT;

	assert_false(is_ready(f, &err));
	assert_int_equal(err.code, ERR_STORE_NOT_READY);
	if (!strstr(err.message, words) || !strstr(error_remediation(&err), "acp-gitlab"))
		fail_msg("%s / %s", err.message, error_remediation(&err));
	assert_false(sample_connect(&f->connections, "jane", GITLAB_COM_URL, "jane's", NULL, &err));
	assert_int_equal(err.code, ERR_STORE_NOT_READY);
	assert_false(f->connections.ops->list(f->connections.state, "john", &list, &err));
	assert_int_equal(err.code, ERR_STORE_NOT_READY);
}

static size_t connections_of(struct store_fixture *f, const char *user)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error err = ERROR_INIT;

	must(f->connections.ops->list(f->connections.state, user, &list, &err), &err);
	return list.count;
}

static void reopen(struct store_fixture *f)
{
	struct error err = ERROR_INIT;

	database_freep(&f->db);
	fixture_use(f, fixture_open(f, &err));
	if (!f->db)
		fail_msg("%s", err.message);
}

static void a_new_installation_is_ready_at_once(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	struct stat about;
	unsigned applied = 0;

	fixture_prepare(&f);
	expect_state(&f, "missing");
	must(database_migrate(f.path, INSTALLATION, &applied, &err), &err);
	assert_true(applied > 0);
	expect_state(&f, "ready");
	must(database_migrate(f.path, INSTALLATION, &applied, &err), &err);
	assert_int_equal(applied, 0);
	fixture_use(&f, fixture_open(&f, &err));
	assert_non_null(f.db);
	must(is_ready(&f, &err), &err);
	assert_int_equal(stat(f.path, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0600);
	assert_int_equal(stat(f.anchor, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0600);
}

/* Pools with users of their own: the database, its anchor and its journal belong to the folder's group, whatever the umask. */
static void a_shared_folder_shares_the_database_with_its_group(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(freep) char *journal = NULL;
	struct error err = ERROR_INIT;
	unsigned applied = 0;
	mode_t mask = umask(077);

	fixture_prepare(&f);
	journal = xasprintf("%s-journal", f.path);
	const char *const files[] = {f.path, f.anchor, journal};
	assert_int_equal(chmod(f.folder.path, 02770), 0);
	must(database_migrate(f.path, INSTALLATION, &applied, &err), &err);
	tamper(f.path, "PRAGMA journal_mode = TRUNCATE; UPDATE meta SET change = change");
	umask(mask);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct stat about;

		assert_int_equal(stat(files[i], &about), 0);
		assert_int_equal(about.st_mode & 07777, 0660);
	}
}

static void open_never_creates_a_database(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;

	fixture_prepare(&f);
	assert_null(fixture_open(&f, &err));
	assert_int_equal(err.code, ERR_STORE_NOT_READY);
	assert_non_null(strstr(error_remediation(&err), "db migrate"));
	assert_int_not_equal(access(f.path, F_OK), 0);
}

static void status_tells_each_migration(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(freep) struct migration_status *list = NULL;
	struct error err = ERROR_INIT;
	const char *name;
	size_t count;

	fixture_make(&f);
	must(database_status(f.path, &list, &count, &name, &err), &err);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(list[i].version, i + 1);
		assert_true(list[i].applied);
		assert_true(list[i].checksum_matches);
	}
	assert_string_equal(list[0].name, "0001_initial");
}

static void a_database_of_another_schema_is_not_ready(void **state UNUSED)
{
	static const struct {
		const char *sql;
		const char *state;
		const char *words;
		bool migrate_works;
	} rows[] = {
	        {"UPDATE schema_migrations SET checksum = 'x' WHERE version = 1", "newer", "another build", false},
	        {"INSERT INTO schema_migrations VALUES (99, 'future', 'x', 1)", "newer", "newer version", false},
	        {"DELETE FROM meta", "older", "older schema", true},
	        {"PRAGMA application_id = 7", "foreign", "another installation", false},
	        {"UPDATE meta SET installation = '" SECOND_INSTALLATION "'", "foreign", "another installation", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(fixture_remove) struct store_fixture f;
		struct error err = ERROR_INIT;
		unsigned applied;

		fixture_make(&f);
		tamper(f.path, rows[i].sql);
		expect_state(&f, rows[i].state);
		expect_not_ready(&f, rows[i].words);
		assert_int_equal(database_migrate(f.path, INSTALLATION, &applied, &err), rows[i].migrate_works);
		if (!rows[i].migrate_works)
			assert_int_equal(err.code, ERR_STORE_NOT_READY);
	}
}

static void a_file_that_was_never_migrated_is_older(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	unsigned applied;

	fixture_prepare(&f);
	fclose(fopen(f.path, "we"));
	expect_state(&f, "older");
	fixture_use(&f, fixture_open(&f, &err));
	assert_non_null(f.db);
	expect_not_ready(&f, "older schema");
	must(database_migrate(f.path, INSTALLATION, &applied, &err), &err);
	must(is_ready(&f, &err), &err); /* without a new start */
}

static void an_interrupted_first_migration_is_completed(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	unsigned applied;

	fixture_make(&f);
	unlink(f.anchor); /* the last step */
	expect_not_ready(&f, "older schema");
	must(database_migrate(f.path, INSTALLATION, &applied, &err), &err);
	must(is_ready(&f, &err), &err);
}

/* One value of the database as text, read from outside. */
static void peek(const char *path, const char *sql, char ret[64])
{
	sqlite3_stmt *statement = NULL;
	sqlite3 *sqlite = NULL;

	assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	snprintf(ret, 64, "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(sqlite);
}

/* A database as the first release left it, with a session that is running. */
static void make_first_release(const struct store_fixture *f)
{
	CLEANUP(freep)
	char *applied =
	        xasprintf("INSERT INTO schema_migrations VALUES (1, '%s', '%s', 1)", migrations[0].name, migrations[0].checksum);

	tamper(f->path, "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, "
	                "applied_at INTEGER NOT NULL) STRICT");
	tamper(f->path, migrations[0].sql);
	tamper(f->path, applied);
	tamper(f->path, "PRAGMA application_id = 1094930503");
	tamper(f->path, "INSERT INTO meta VALUES (1, '" INSTALLATION "', 1)");
	tamper(f->path, "INSERT INTO sessions (id, project, name, owner, object, status, phase, final, created_at) "
	                "VALUES ('id-1', 'alpha', 'one', 'john', '{}', '{}', 'Running', 0, 1)");
	tamper(f->path, "INSERT INTO session_bindings VALUES ('id-1', 'api', 'k1-x', 'https://gitlab.com', 'g/p', 42, NULL)");
}

static void a_database_of_the_first_release_keeps_what_it_has(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_binding_release) struct session_binding binding = SESSION_BINDING_INIT;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	unsigned applied = 0;
	bool found = false;
	char text[64];

	fixture_prepare(&f);
	make_first_release(&f);
	expect_state(&f, "older");
	must(database_migrate(f.path, INSTALLATION, &applied, &err), &err);
	assert_int_equal(applied, migration_count - 1);
	expect_state(&f, "ready");
	fixture_use(&f, fixture_open(&f, &err));
	assert_non_null(f.db);
	must(f.sessions.ops->find_by_id(f.sessions.state, "id-1", &row, &err), &err);
	assert_null(row.project_repositories);
	must(f.sessions.ops->binding(f.sessions.state, "id-1", "api", &binding, &found, &err), &err);
	assert_true(found);
	assert_string_equal(binding.provider, "gitlab");
	assert_string_equal(binding.credential, "k1-x");
	assert_string_equal(binding.project_path, "g/p");
	assert_int_equal(binding.project_id, 42);
	peek(f.path, "PRAGMA integrity_check", text);
	assert_string_equal(text, "ok");
}

static void housekeeping_and_lists_of_projects_use_their_indexes(void **state UNUSED)
{
	static const struct {
		const char *sql, *plan;
	} rows[] = {
	        {"EXPLAIN QUERY PLAN SELECT document FROM project_repositories WHERE project = 'a'",
	         "USING INDEX sqlite_autoindex_project_repositories_1"},
	        {"EXPLAIN QUERY PLAN SELECT account FROM github_installations WHERE user_id = 'a'", "USING PRIMARY KEY"},
	        {"EXPLAIN QUERY PLAN SELECT user_id FROM connections WHERE last_checked_at < 9 AND (last_checked_at, record_key) > "
	         "(1, "
	         "'k') AND state = 'live' ORDER BY last_checked_at, record_key LIMIT 10",
	         "USING INDEX connections_by_check"},
	};
	CLEANUP(fixture_remove) struct store_fixture f;

	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		sqlite3_stmt *statement = NULL;
		sqlite3 *sqlite = NULL;

		assert_int_equal(sqlite3_open(f.path, &sqlite), SQLITE_OK);
		assert_int_equal(sqlite3_prepare_v2(sqlite, rows[i].sql, -1, &statement, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		if (!strstr((const char *)sqlite3_column_text(statement, 3), rows[i].plan))
			fail_msg("%s", (const char *)sqlite3_column_text(statement, 3));
		assert_int_equal(sqlite3_step(statement), SQLITE_DONE); /* one step: nothing is sorted */
		sqlite3_finalize(statement);
		sqlite3_close(sqlite);
	}
}

static void another_programs_database_is_left_alone(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	unsigned applied;

	fixture_prepare(&f);
	tamper(f.path, "CREATE TABLE precious (a); INSERT INTO precious VALUES (1)");
	assert_false(database_migrate(f.path, INSTALLATION, &applied, &err));
	assert_int_equal(err.code, ERR_STORE_NOT_READY);
	expect_state(&f, "foreign");
	assert_false(database_accept(f.path, INSTALLATION, 0, &err));
	tamper(f.path, "INSERT INTO precious VALUES (2)"); /* still there */
}

static void a_damaged_file_is_refused_with_one_clear_line(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	FILE *file;

	fixture_make(&f);
	database_freep(&f.db);
	file = fopen(f.path, "r+e");
	assert_non_null(file);
	fputs("this is not a database any more", file);
	fclose(file);
	assert_null(fixture_open(&f, &err));
	assert_int_equal(err.code, ERR_STORE_NOT_READY);
	assert_non_null(strstr(err.message, "damaged"));
}

static void a_database_made_anew_stays_empty_until_it_is_accepted(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	uint64_t version;
	unsigned applied;

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);
	version = f.connections.ops->version(f.connections.state);
	unlink(f.path);
	expect_state(&f, "missing");
	expect_not_ready(&f, "no database");
	must(database_migrate(f.path, INSTALLATION, &applied, &err), &err);
	expect_state(&f, "empty");
	expect_not_ready(&f, "empty");
	must(database_migrate(f.path, INSTALLATION, &applied, &err), &err); /* again: no way around */
	expect_state(&f, "empty");
	must(database_accept(f.path, INSTALLATION, 0, &err), &err);
	expect_state(&f, "ready");
	must(is_ready(&f, &err), &err);
	assert_int_equal(connections_of(&f, "john"), 0);
	assert_true(f.connections.ops->version(f.connections.state) > version);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);
}

static void a_restored_database_is_not_ready_until_it_is_accepted(void **state UNUSED)
{
	/* The old file comes back over the same inode, or in place of it. */
	for (int in_place = 0; in_place < 2; in_place++) {
		CLEANUP(fixture_remove) struct store_fixture f;
		struct error err = ERROR_INIT;
		char backup[PATH_SIZE];
		int64_t before, lost, after;

		fixture_make(&f);
		must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", &before, &err), &err);
		copy_file(f.path, folder_file(&f.folder, "backup", backup));
		must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "lost", &lost, &err), &err);
		if (in_place)
			copy_file(backup, f.path);
		else
			assert_int_equal(rename(backup, f.path), 0);
		expect_state(&f, "restored");
		expect_not_ready(&f, "older than");
		must(database_accept(f.path, INSTALLATION, 0, &err), &err);
		must(is_ready(&f, &err), &err);
		assert_int_equal(connections_of(&f, "john"), 1);
		must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "third", &after, &err), &err);
		assert_true(after > lost); /* a sealed value of the lost generation never fits again */
		reopen(&f);
		must(is_ready(&f, &err), &err);
	}
}

static void a_database_in_use_without_its_anchor_counts_as_restored(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	unsigned applied;

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);
	unlink(f.anchor);
	expect_state(&f, "restored");
	expect_not_ready(&f, "older than");
	must(database_migrate(f.path, INSTALLATION, &applied, &err), &err);
	expect_state(&f, "restored");
	must(database_accept(f.path, INSTALLATION, 0, &err), &err);
	must(is_ready(&f, &err), &err);
	assert_int_equal(connections_of(&f, "john"), 1);
}

static void a_malformed_anchor_is_no_anchor(void **state UNUSED)
{
	static const char *const contents[] = {"", "short", "0123456789012345678901234567890123456789012345678901234567890123"};

	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		CLEANUP(fixture_remove) struct store_fixture f;
		struct error err = ERROR_INIT;
		FILE *file;

		fixture_make(&f);
		unlink(f.anchor);
		file = fopen(f.anchor, "we");
		fputs(contents[i], file);
		fclose(file);
		expect_state(&f, "restored");
		expect_not_ready(&f, "older than");
		must(database_accept(f.path, INSTALLATION, 0, &err), &err);
		must(is_ready(&f, &err), &err);
	}
}

static void a_foreign_database_can_be_taken_over(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f, other;
	struct error err = ERROR_INIT;

	fixture_make(&f);
	fixture_make(&other);
	tamper(other.path, "UPDATE meta SET installation = '" SECOND_INSTALLATION "'");
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);
	assert_int_equal(rename(other.path, f.path), 0);
	expect_not_ready(&f, "another installation");
	must(database_accept(f.path, INSTALLATION, 0, &err), &err);
	must(is_ready(&f, &err), &err);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);
}

static void rebuild_index_may_read_what_is_not_ready(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	struct database *any = NULL;

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);
	tamper(f.path, "UPDATE meta SET change = 1");
	expect_not_ready(&f, "older than");
	const struct database_options options = {.path = f.path, .connections = 1, .busy_timeout_ms = 1000, .any_state = true};
	must(database_open(&options, &any, &err), &err);
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	must(database_connections(any).ops->list(any, "john", &list, &err), &err);
	assert_int_equal(list.count, 1);
	database_freep(&any);
}

static void an_anchor_that_a_crash_left_behind_is_healed(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	uint64_t version;

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);
	version = f.connections.ops->version(f.connections.state);
	tamper(f.path, "UPDATE meta SET change = change + 5"); /* commits whose process died before the anchor */
	must(is_ready(&f, &err), &err);
	assert_int_equal(f.connections.ops->version(f.connections.state), version + 5);
}

static void a_database_in_wal_mode_is_converted_back(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	char wal[PATH_SIZE];

	fixture_make(&f);
	database_freep(&f.db);
	tamper(f.path, "PRAGMA journal_mode = WAL; CREATE TABLE x (a)");
	fixture_use(&f, fixture_open(&f, &err));
	assert_non_null(f.db);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);
	assert_int_not_equal(access(folder_file(&f.folder, "acp.db-wal", wal), F_OK), 0);
}

static void a_database_that_others_use_in_wal_mode_is_refused(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	sqlite3 *other = NULL;
	struct database *db = NULL;

	fixture_make(&f);
	database_freep(&f.db);
	assert_int_equal(sqlite3_open(f.path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "PRAGMA journal_mode = WAL; BEGIN; SELECT * FROM meta", NULL, NULL, NULL), SQLITE_OK);
	const struct database_options options = {.path = f.path, .connections = 1, .busy_timeout_ms = 50};
	assert_false(database_open(&options, &db, &err));
	assert_true(err.code == ERR_STORE_UNAVAILABLE || err.code == ERR_STORE_NOT_READY);
	sqlite3_close(other);
}

static void a_busy_database_is_unavailable_and_recovers(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error err = ERROR_INIT;
	sqlite3 *other = NULL;

	fixture_make(&f);
	database_freep(&f.db);
	const struct database_options options = {.path = f.path, .connections = 2, .busy_timeout_ms = 50};
	must(database_open(&options, &f.db, &err), &err);
	fixture_use(&f, f.db);
	assert_int_equal(sqlite3_open(f.path, &other), SQLITE_OK);

	/* Somebody reads for long: writing fails at the commit, reading goes on. */
	assert_int_equal(sqlite3_exec(other, "BEGIN; SELECT * FROM meta", NULL, NULL, NULL), SQLITE_OK);
	assert_false(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err));
	assert_int_equal(err.code, ERR_STORE_UNAVAILABLE);
	assert_true(err.detail[0] != '\0');
	assert_int_equal(connections_of(&f, "john"), 0);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);

	/* Somebody writes for long: neither. */
	assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	assert_false(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err));
	assert_int_equal(err.code, ERR_STORE_UNAVAILABLE);
	assert_false(f.connections.ops->list(f.connections.state, "john", &list, &err));
	assert_int_equal(err.code, ERR_STORE_UNAVAILABLE);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);
	assert_int_equal(connections_of(&f, "john"), 1);
	sqlite3_close(other);
}

static void deleted_values_leave_no_trace_in_the_file(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	static const char token[] = "a value that must not stay in the file";
	struct error err = ERROR_INIT;
	static char bytes[1024 * 1024];
	size_t length;
	FILE *file;

	fixture_make(&f);
	for (int round = 0; round < 2; round++) {
		if (round == 0)
			must(sample_connect(&f.connections, "john", GITLAB_COM_URL, token, NULL, &err), &err);
		else
			must(sample_disconnect(&f.connections, "john", NULL, &err), &err);
		file = fopen(f.path, "re");
		length = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		assert_int_equal(memmem(bytes, length, token, strlen(token)) != NULL, round == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_new_installation_is_ready_at_once),
	        cmocka_unit_test(a_shared_folder_shares_the_database_with_its_group),
	        cmocka_unit_test(open_never_creates_a_database),
	        cmocka_unit_test(status_tells_each_migration),
	        cmocka_unit_test(a_database_of_another_schema_is_not_ready),
	        cmocka_unit_test(a_file_that_was_never_migrated_is_older),
	        cmocka_unit_test(an_interrupted_first_migration_is_completed),
	        cmocka_unit_test(a_database_of_the_first_release_keeps_what_it_has),
	        cmocka_unit_test(housekeeping_and_lists_of_projects_use_their_indexes),
	        cmocka_unit_test(another_programs_database_is_left_alone),
	        cmocka_unit_test(a_damaged_file_is_refused_with_one_clear_line),
	        cmocka_unit_test(a_database_made_anew_stays_empty_until_it_is_accepted),
	        cmocka_unit_test(a_restored_database_is_not_ready_until_it_is_accepted),
	        cmocka_unit_test(a_database_in_use_without_its_anchor_counts_as_restored),
	        cmocka_unit_test(a_malformed_anchor_is_no_anchor),
	        cmocka_unit_test(a_foreign_database_can_be_taken_over),
	        cmocka_unit_test(rebuild_index_may_read_what_is_not_ready),
	        cmocka_unit_test(an_anchor_that_a_crash_left_behind_is_healed),
	        cmocka_unit_test(a_database_in_wal_mode_is_converted_back),
	        cmocka_unit_test(a_database_that_others_use_in_wal_mode_is_refused),
	        cmocka_unit_test(a_busy_database_is_unavailable_and_recovers),
	        cmocka_unit_test(deleted_values_leave_no_trace_in_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
