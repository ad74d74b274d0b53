#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account_fixture.h"
#include "index_service.h"
#include "store_fixture.h"

#define FIRST  "glpat-first-token-0001"
#define SECOND "glpat-second-token-002"
#define THIRD  "glpat-third-token-0003"

/* An account service whose rows are in a real database and whose values stand alone, in memory. */
struct index_fixture {
	struct service_fixture service;
	struct store_fixture store;
};

static void use_database(struct index_fixture *f)
{
	f->service.service.connections = f->store.connections;
}

static void index_fixture_make(struct index_fixture *f)
{
	service_fixture_make(&f->service);
	fixture_make(&f->store);
	use_database(f);
}

static void index_fixture_remove(struct index_fixture *f)
{
	fixture_remove(&f->store);
	service_fixture_remove(&f->service);
}

static void connect_user(struct index_fixture *f, const char *user, const char *token)
{
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	must(fixture_connect(&f->service, user, token, &verdict, &err), &err);
}

static void disconnect_user(struct index_fixture *f, const char *user)
{
	struct error err = ERROR_INIT;

	must(account_disconnect(&f->service.service, PROVIDER_GITLAB, user, NULL, &err), &err);
}

static void get_row(struct index_fixture *f, const char *user, struct connection *ret)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error err = ERROR_INIT;

	must(f->store.connections.ops->list(f->store.connections.state, user, &list, &err), &err);
	assert_int_equal(list.count, 1);
	connection_copy(ret, &list.items[0]);
}

static size_t count_rows(struct index_fixture *f)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error err = ERROR_INIT;

	must(f->store.connections.ops->list_unchecked(f->store.connections.state, INT64_MAX, NULL, 100, &list, &err), &err);
	return list.count;
}

/* As the command does it: in any state, then accepted. */
static void rebuild(struct index_fixture *f, bool keep_going, bool of_ours, struct index_rebuild *ret)
{
	const struct database_options options = {
	        .path = f->store.path, .connections = 1, .busy_timeout_ms = 10000, .any_state = true};
	struct account_service service = f->service.service;
	struct error err = ERROR_INIT;
	struct database *db = NULL;

	must(database_open(&options, &db, &err), &err);
	service.connections = database_connections(db);
	must(index_rebuild(&service, keep_going, of_ours, ret, &err), &err);
	database_freep(&db);
	if (ret->changed)
		must(database_accept(f->store.path, INSTALLATION, ret->generation, &err), &err);
}

static void another_database(struct index_fixture *f, bool with_anchor)
{
	struct error err = ERROR_INIT;
	unsigned applied;

	database_freep(&f->store.db);
	assert_int_equal(unlink(f->store.path), 0);
	if (!with_anchor)
		assert_int_equal(unlink(f->store.anchor), 0);
	must(database_migrate(f->store.path, INSTALLATION, &applied, &err), &err);
	fixture_use(&f->store, fixture_open(&f->store, &err));
	assert_non_null(f->store.db);
	use_database(f);
}

static void a_lost_database_is_made_anew(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		bool with_anchor;
	} rows[] = {{"the file alone was lost", true}, {"the whole volume was lost", false}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(index_fixture_remove) struct index_fixture f;
		CLEANUP(index_rebuild_release) struct index_rebuild result = INDEX_REBUILD_INIT;
		CLEANUP(connection_release)
		struct connection before = CONNECTION_INIT, after = CONNECTION_INIT, next = CONNECTION_INIT;

		print_message("  %s\n", rows[i].sentence);
		index_fixture_make(&f);
		for (int k = 0; k < 5; k++)
			connect_user(&f, "alice", FIRST);
		connect_user(&f, "bob", SECOND);
		get_row(&f, "bob", &before);
		another_database(&f, rows[i].with_anchor);
		rebuild(&f, false, false, &result);
		assert_true(result.changed);
		assert_int_equal(result.opened, 2);
		assert_int_equal(result.restored, 2);
		assert_int_equal(result.dropped, 0);
		get_row(&f, "bob", &after);
		assert_int_equal(after.generation, before.generation);
		assert_string_equal(after.fingerprint, before.fingerprint);
		assert_string_equal(after.username, before.username);
		assert_string_equal(after.gitlab_user_id, before.gitlab_user_id);
		assert_string_equal(after.scopes, before.scopes);
		assert_string_equal(after.instance_url, before.instance_url);
		assert_opens_to(&f.service, "alice", FIRST);
		assert_opens_to(&f.service, "bob", SECOND);
		/* What comes is newer than all there was: else nobody could connect again. */
		connect_user(&f, "bob", THIRD);
		get_row(&f, "bob", &next);
		assert_true(next.generation > before.generation);
		assert_opens_to(&f.service, "bob", THIRD);
	}
}

/* A copy of the file as it is now; no write is under way. */
static void copy_file(const char *from, const char *to)
{
	char block[4096];
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	size_t got;

	assert_true(in && out);
	while ((got = fread(block, 1, sizeof(block), in)) > 0)
		assert_int_equal(fwrite(block, 1, got, out), got);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

static void a_database_of_yesterday_follows_the_records(void **state UNUSED)
{
	CLEANUP(index_fixture_remove) struct index_fixture f;
	CLEANUP(index_rebuild_release) struct index_rebuild result = INDEX_REBUILD_INIT;
	struct error err = ERROR_INIT;
	char yesterday[PATH_SIZE];

	index_fixture_make(&f);
	connect_user(&f, "alice", FIRST);
	connect_user(&f, "bob", SECOND);
	copy_file(f.store.path, folder_file(&f.store.folder, "yesterday.db", yesterday));
	connect_user(&f, "alice", THIRD);
	disconnect_user(&f, "bob");
	connect_user(&f, "carol", SECOND);
	database_freep(&f.store.db);
	assert_int_equal(rename(yesterday, f.store.path), 0);
	fixture_use(&f.store, fixture_open(&f.store, &err));
	use_database(&f);
	assert_false(f.store.connections.ops->ready(f.store.connections.state, &err));
	rebuild(&f, false, false, &result);
	assert_int_equal(result.restored, 2);
	assert_int_equal(result.dropped, 1);
	assert_opens_to(&f.service, "alice", THIRD);
	assert_opens_to(&f.service, "bob", "");
	assert_opens_to(&f.service, "carol", SECOND);
}

/* Its numbers may be greater, and its intents are about records of the same names. */
static void a_foreign_database_is_taken_over_without_harm(void **state UNUSED)
{
	CLEANUP(index_fixture_remove) struct index_fixture f;
	CLEANUP(index_rebuild_release) struct index_rebuild result = INDEX_REBUILD_INIT;
	CLEANUP(intent_list_release) struct intent_list hidden = INTENT_LIST_INIT, left = INTENT_LIST_INIT;
	CLEANUP(connection_release) struct connection row = CONNECTION_INIT;
	struct error err = ERROR_INIT;
	int64_t generation;
	size_t settled = 0;

	index_fixture_make(&f);
	connect_user(&f, "alice", FIRST);
	connect_user(&f, "bob", SECOND);
	get_row(&f, "alice", &row);
	generation = row.generation;
	another_database(&f, false);
	for (int i = 0; i < 20; i++)
		must(sample_connect(&f.store.connections, "alice", f.service.url, "theirs", NULL, &err), &err);
	must(sample_connect(&f.store.connections, "bob", f.service.url, "his", NULL, &err), &err);
	must(sample_connect(&f.store.connections, "stranger", f.service.url, "other", NULL, &err), &err);
	must(f.store.connections.ops->disconnect_begin(f.store.connections.state, "bob", "gitlab", NULL, &hidden, &err), &err);
	rebuild(&f, false, false, &result);
	assert_int_equal(result.restored, 2);
	get_row(&f, "alice", &row);
	assert_int_equal(row.generation, generation);
	must(account_reconcile(&f.service.service, &settled, &err), &err);
	must(f.store.connections.ops->intents_due(f.store.connections.state, INT64_MAX, &left, &err), &err);
	assert_int_equal(left.count, 0);
	assert_opens_to(&f.service, "alice", FIRST);
	assert_opens_to(&f.service, "bob", SECOND);
}

static void a_record_that_does_not_open_keeps_everything_as_it_is(void **state UNUSED)
{
	CLEANUP(index_fixture_remove) struct index_fixture f;
	CLEANUP(index_rebuild_release) struct index_rebuild first = INDEX_REBUILD_INIT, second = INDEX_REBUILD_INIT;
	unsigned char *last;

	index_fixture_make(&f);
	connect_user(&f, "alice", FIRST);
	connect_user(&f, "bob", SECOND);
	another_database(&f, false);
	last = &f.service.store.values[0].bytes[f.service.store.values[0].length - 1];
	*last ^= 1;
	rebuild(&f, false, false, &first);
	assert_false(first.changed);
	assert_int_equal(first.problem_count, 1);
	assert_int_equal(first.opened, 1);
	assert_int_equal(count_rows(&f), 0);
	rebuild(&f, true, false, &second);
	assert_true(second.changed);
	assert_int_equal(second.problem_count, 1);
	assert_int_equal(count_rows(&f), 1);
	*last ^= 1; /* it was not touched: with what was missing it comes back */
	index_rebuild_release(&second);
	rebuild(&f, false, true, &second);
	assert_int_equal(second.restored, 1);
	assert_opens_to(&f.service, "alice", FIRST);
	assert_opens_to(&f.service, "bob", SECOND);
}

/* Whoever may write to the Secret could else use up all the numbers that there are. */
static void the_number_of_what_does_not_open_is_no_reason_to_go_on_behind_it(void **state UNUSED)
{
	enum { AT_GENERATION = 8, LAST_OF_IT = 15 };
	CLEANUP(index_fixture_remove) struct index_fixture f;
	CLEANUP(index_rebuild_release) struct index_rebuild result = INDEX_REBUILD_INIT;
	CLEANUP(connection_release) struct connection before = CONNECTION_INIT, row = CONNECTION_INIT;
	unsigned char *planted;

	index_fixture_make(&f);
	connect_user(&f, "alice", FIRST);
	connect_user(&f, "bob", SECOND);
	get_row(&f, "bob", &before);
	another_database(&f, false);
	planted = f.service.store.values[0].bytes;
	memset(planted + AT_GENERATION, 0xff, LAST_OF_IT - AT_GENERATION);
	planted[LAST_OF_IT] = 0x7f;
	rebuild(&f, true, false, &result);
	assert_true(result.changed);
	assert_int_equal(result.problem_count, 1);
	assert_int_equal(result.generation, before.generation);
	connect_user(&f, "carol", THIRD);
	get_row(&f, "carol", &row);
	assert_true(row.generation > before.generation);
	assert_opens_to(&f.service, "bob", SECOND);
}

static void no_records_at_all_are_not_believed(void **state UNUSED)
{
	CLEANUP(index_fixture_remove) struct index_fixture f;
	CLEANUP(index_rebuild_release) struct index_rebuild first = INDEX_REBUILD_INIT, second = INDEX_REBUILD_INIT;

	index_fixture_make(&f);
	connect_user(&f, "alice", FIRST);
	f.service.store.value_keys[0][0] = '\0';
	rebuild(&f, false, true, &first);
	assert_false(first.changed);
	assert_int_equal(count_rows(&f), 1);
	rebuild(&f, true, true, &second);
	assert_int_equal(second.dropped, 1);
	assert_int_equal(count_rows(&f), 0);
}

static void a_healthy_database_stays_as_it_is(void **state UNUSED)
{
	CLEANUP(index_fixture_remove) struct index_fixture f;
	CLEANUP(index_rebuild_release) struct index_rebuild result = INDEX_REBUILD_INIT;
	CLEANUP(connection_release) struct connection before = CONNECTION_INIT, after = CONNECTION_INIT;

	index_fixture_make(&f);
	connect_user(&f, "alice", FIRST);
	get_row(&f, "alice", &before);
	rebuild(&f, false, true, &result);
	assert_int_equal(result.restored, 0);
	assert_int_equal(result.opened, 1);
	get_row(&f, "alice", &after);
	assert_string_equal(after.token_name, before.token_name); /* it is not sealed */
	assert_opens_to(&f.service, "alice", FIRST);
}

static void values_in_their_rows_are_only_looked_at(void **state UNUSED)
{
	CLEANUP(index_fixture_remove) struct index_fixture f;
	CLEANUP(index_rebuild_release) struct index_rebuild result = INDEX_REBUILD_INIT;
	struct error err = ERROR_INIT;

	index_fixture_make(&f);
	f.service.service.secrets = f.store.secrets;
	connect_user(&f, "alice", FIRST);
	must(sample_connect(&f.store.connections, "mallory", GITLAB_COM_URL, "planted", NULL, &err), &err);
	must(index_rebuild(&f.service.service, true, false, &result, &err), &err);
	assert_int_equal(result.opened, 1);
	assert_int_equal(result.problem_count, 1);
	assert_string_equal(result.problems[0].user_id, "mallory");
	assert_int_equal(result.dropped + result.restored, 0);
	assert_int_equal(count_rows(&f), 2);
	assert_opens_to(&f.service, "alice", FIRST);
}

static void a_database_made_beside_older_records_is_noticed(void **state UNUSED)
{
	CLEANUP(index_fixture_remove) struct index_fixture f;
	CLEANUP(index_rebuild_release) struct index_rebuild result = INDEX_REBUILD_INIT;
	struct error err = ERROR_INIT;
	bool missing = true;

	index_fixture_make(&f);
	must(index_is_missing(&f.service.service, &missing, &err), &err);
	assert_false(missing); /* there is nothing at all */
	f.service.store.crash_at = NULL;
	connect_user(&f, "alice", FIRST);
	must(index_is_missing(&f.service.service, &missing, &err), &err);
	assert_false(missing);
	another_database(&f, false);
	must(index_is_missing(&f.service.service, &missing, &err), &err);
	assert_true(missing);
	f.service.store.fail_at = "each";
	assert_false(index_is_missing(&f.service.service, &missing, &err));
	must(database_doubt(f.store.path, &err), &err);
	assert_false(f.store.connections.ops->ready(f.store.connections.state, &err));
	assert_non_null(strstr(err.remediation, "rebuild-index"));
	rebuild(&f, false, false, &result);
	must(f.store.connections.ops->ready(f.store.connections.state, &err), &err);
	assert_opens_to(&f.service, "alice", FIRST);
	must(index_is_missing(&f.service.service, &missing, &err), &err);
	assert_false(missing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_lost_database_is_made_anew),
	        cmocka_unit_test(a_database_of_yesterday_follows_the_records),
	        cmocka_unit_test(a_foreign_database_is_taken_over_without_harm),
	        cmocka_unit_test(a_record_that_does_not_open_keeps_everything_as_it_is),
	        cmocka_unit_test(the_number_of_what_does_not_open_is_no_reason_to_go_on_behind_it),
	        cmocka_unit_test(no_records_at_all_are_not_believed),
	        cmocka_unit_test(a_healthy_database_stays_as_it_is),
	        cmocka_unit_test(values_in_their_rows_are_only_looked_at),
	        cmocka_unit_test(a_database_made_beside_older_records_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
