#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "store_fixture.h"

#define GITHUB_COM_URL "https://github.com"

/* The store under test, as short names. */
#define CALL(f, function, ...) ((f)->projects.ops->function((f)->projects.state, __VA_ARGS__))

static void must(bool ok, const struct error *err)
{
	if (!ok)
		fail_msg("%s: %s (%s)", error_name(err->code), err->message, err->detail);
}

static bool put(struct store_fixture *f, const char *project, int64_t expected, const char *document, int64_t *ret_version,
                struct error *err)
{
	CLEANUP(project_list_release) struct project_list list = {xstrdup(document), xstrdup("{\"gitlab.com/g/p\":42}"), 0};

	if (!CALL(f, put, project, expected, &list, err))
		return false;
	*ret_version = list.version;
	return true;
}

static void expect_document(struct store_fixture *f, const char *project, const char *document, int64_t version)
{
	CLEANUP(project_list_release) struct project_list list = PROJECT_LIST_INIT;
	struct error err = ERROR_INIT;

	must(CALL(f, get, project, &list, &err), &err);
	assert_string_equal(list.document, document);
	assert_int_equal(list.version, version);
}

static void a_list_comes_back_as_it_was_written(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(project_list_release) struct project_list list = PROJECT_LIST_INIT;
	struct error err = ERROR_INIT;
	int64_t version = 0;

	fixture_make(&f);
	must(put(&f, "alpha", 0, "{\"repositories\":[],\"note\":\"ä\"}", &version, &err), &err);
	assert_true(version > 0);
	must(CALL(&f, get, "alpha", &list, &err), &err);
	assert_string_equal(list.document, "{\"repositories\":[],\"note\":\"ä\"}");
	assert_string_equal(list.identities, "{\"gitlab.com/g/p\":42}");
	assert_int_equal(list.version, version);
	must(CALL(&f, get, "beta", &list, &err), &err);
	assert_null(list.document);
	assert_null(list.identities);
	assert_int_equal(list.version, 0);
}

static void a_list_of_the_largest_size_fits(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(project_list_release) struct project_list list = PROJECT_LIST_INIT, found = PROJECT_LIST_INIT;
	struct error err = ERROR_INIT;
	enum { SIZE = 256 * 1024 };

	fixture_make(&f);
	list.document = xmalloc(SIZE + 1);
	memset(list.document, 'x', SIZE);
	list.document[SIZE] = '\0';
	must(CALL(&f, put, "alpha", PROJECT_VERSION_ANY, &list, &err), &err);
	must(CALL(&f, get, "alpha", &found, &err), &err);
	assert_int_equal(strlen(found.document), SIZE);
	assert_string_equal(found.identities, "{}");
}

static void a_write_needs_the_version_it_read(void **state UNUSED)
{
	enum { NEVER, CURRENT, OLD, FUTURE, ANY };
	static const struct {
		int expected;
		bool works;
		const char *why;
	} rows[] = {
	        {CURRENT, true, "the version that was read"},
	        {OLD, false, "a version that was replaced"},
	        {NEVER, false, "no list was expected, and there is one"},
	        {FUTURE, false, "a version that never was"},
	        {ANY, true, "whatever it is"},
	        {CURRENT, true, "the version after that"},
	};
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	int64_t versions[FUTURE + 1] = {0}, fresh = 0;

	fixture_make(&f);
	assert_false(put(&f, "alpha", 1, "{}", &fresh, &err));
	assert_int_equal(err.code, ERR_PRECONDITION_FAILED);
	must(put(&f, "alpha", 0, "{}", &versions[OLD], &err), &err);
	must(put(&f, "alpha", versions[OLD], "{}", &versions[CURRENT], &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *document = xasprintf("{\"row\":%zu}", i);
		int64_t expected;
		bool ok;

		versions[FUTURE] = versions[CURRENT] + 1;
		expected = rows[i].expected == ANY ? PROJECT_VERSION_ANY : versions[rows[i].expected];
		ok = put(&f, "alpha", expected, document, &fresh, &err);
		if (ok != rows[i].works || (!ok && err.code != ERR_PRECONDITION_FAILED) || (ok && fresh <= versions[CURRENT]))
			fail_msg("%s", rows[i].why);
		if (ok) {
			versions[CURRENT] = fresh;
			expect_document(&f, "alpha", document, fresh);
		}
	}
}

static void projects_do_not_meet(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	int64_t alpha, beta;

	fixture_make(&f);
	must(put(&f, "alpha", 0, "{\"a\":1}", &alpha, &err), &err);
	must(put(&f, "beta", 0, "{\"b\":1}", &beta, &err), &err);
	expect_document(&f, "alpha", "{\"a\":1}", alpha);
	expect_document(&f, "beta", "{\"b\":1}", beta);
	assert_int_not_equal(alpha, beta);
}

enum { WRITERS = 8, ROUNDS = 20 };

struct writer {
	struct store_fixture *f;
	pthread_t thread;
	int number;
	int64_t expected, version; /* version 0: another one was faster */
	struct error failure;
};

static void *write_once(void *argument)
{
	struct writer *w = argument;
	CLEANUP(freep) char *document = xasprintf("{\"writer\":%d}", w->number);

	w->version = 0;
	w->failure = (struct error)ERROR_INIT;
	if (!put(w->f, "alpha", w->expected, document, &w->version, &w->failure))
		w->version = 0;
	return NULL;
}

static void of_writers_with_the_same_version_one_wins(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct writer writers[WRITERS];
	int64_t version = 0;

	fixture_make(&f);
	for (int round = 0; round < ROUNDS; round++) {
		const struct writer *winner = NULL;
		char expected[32];

		for (int i = 0; i < WRITERS; i++) {
			writers[i] = (struct writer){.f = &f, .number = i, .expected = version};
			assert_int_equal(pthread_create(&writers[i].thread, NULL, write_once, &writers[i]), 0);
		}
		for (int i = 0; i < WRITERS; i++) {
			pthread_join(writers[i].thread, NULL);
			if (writers[i].version == 0) {
				assert_int_equal(writers[i].failure.code, ERR_PRECONDITION_FAILED);
				continue;
			}
			assert_null(winner);
			winner = &writers[i];
		}
		assert_non_null(winner);
		assert_true(winner->version > version);
		version = winner->version;
		snprintf(expected, sizeof(expected), "{\"writer\":%d}", winner->number);
		expect_document(&f, "alpha", expected, version);
	}
}

/* ---- Installations ---- */

static bool add(struct store_fixture *f, const char *user, int64_t id, const char *account, int64_t at, struct error *err)
{
	CLEANUP(installation_release)
	struct installation installation = {
	        .user_id = xstrdup(user),
	        .instance_url = xstrdup(GITHUB_COM_URL),
	        .installation_id = id,
	        .account = xstrdup(account),
	        .installed_at = at,
	        .updated_at = at,
	};

	return CALL(f, installation_put, &installation, err);
}

static void installations_of_a_user_come_newest_first(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(installation_list_release) struct installation_list list = INSTALLATION_LIST_INIT;
	struct error err = ERROR_INIT;

	fixture_make(&f);
	must(add(&f, "john", 1, "john", 1000, &err), &err);
	must(add(&f, "john", 2, "team", 2000, &err), &err);
	must(add(&f, "jane", 2, "team", 3000, &err), &err); /* an organization's installation serves several */
	must(CALL(&f, installations, "john", &list, &err), &err);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.items[0].installation_id, 2);
	assert_string_equal(list.items[0].account, "team");
	assert_string_equal(list.items[0].user_id, "john");
	assert_string_equal(list.items[0].instance_url, GITHUB_COM_URL);

	must(add(&f, "john", 1, "john-renamed", 4000, &err), &err);
	must(CALL(&f, installations, "john", &list, &err), &err);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].account, "john-renamed");
	assert_int_equal(list.items[0].installed_at, 1000);
	assert_int_equal(list.items[0].updated_at, 4000);
}

static void removing_takes_a_users_installations_and_no_one_elses(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(installation_list_release) struct installation_list list = INSTALLATION_LIST_INIT;
	struct error err = ERROR_INIT;

	fixture_make(&f);
	must(add(&f, "john", 1, "john", 1000, &err), &err);
	must(add(&f, "jane", 2, "team", 1000, &err), &err);
	for (int i = 0; i < 2; i++)
		must(CALL(&f, installations_remove, "john", &err), &err);
	must(CALL(&f, installations, "john", &list, &err), &err);
	assert_int_equal(list.count, 0);
	must(CALL(&f, installations, "jane", &list, &err), &err);
	assert_int_equal(list.count, 1);
}

/* ---- The change number ---- */

static void each_change_is_seen_by_caches_and_nothing_else_is(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(project_list_release) struct project_list list = PROJECT_LIST_INIT;
	struct error err = ERROR_INIT;
	int64_t version;
	bool changed[6];
	static const bool expected[6] = {true, false, false, true, true, false};

	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
		uint64_t before = f.connections.ops->version(f.connections.state);

		if (i == 0)
			must(put(&f, "alpha", 0, "{}", &version, &err), &err);
		else if (i == 1)
			must(CALL(&f, get, "alpha", &list, &err), &err);
		else if (i == 2)
			assert_false(put(&f, "alpha", 0, "{}", &version, &err));
		else if (i == 3)
			must(add(&f, "john", 1, "john", 1000, &err), &err);
		else
			must(CALL(&f, installations_remove, "john", &err), &err);
		changed[i] = f.connections.ops->version(f.connections.state) > before;
		assert_int_equal(changed[i], expected[i]);
	}
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

/* What was lost is noticed, and what comes after it has versions that the lost lists never had. */
static void a_restored_database_that_lost_a_list_is_not_ready(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(project_list_release) struct project_list list = PROJECT_LIST_INIT;
	struct error err = ERROR_INIT;
	char backup[PATH_SIZE];
	int64_t kept = 0, lost = 0, after = 0;

	fixture_make(&f);
	folder_file(&f.folder, "backup.db", backup);
	must(put(&f, "alpha", 0, "{\"kept\":1}", &kept, &err), &err);
	copy_file(f.path, backup);
	must(put(&f, "alpha", kept, "{\"lost\":1}", &lost, &err), &err);
	database_freep(&f.db);
	assert_int_equal(rename(backup, f.path), 0);
	fixture_use(&f, fixture_open(&f, &err));
	assert_non_null(f.db);
	assert_false(CALL(&f, get, "alpha", &list, &err));
	assert_int_equal(err.code, ERR_STORE_NOT_READY);
	assert_false(put(&f, "alpha", kept, "{}", &after, &err));
	assert_int_equal(err.code, ERR_STORE_NOT_READY);

	must(database_accept(f.path, INSTALLATION, 0, &err), &err);
	database_freep(&f.db);
	fixture_use(&f, fixture_open(&f, &err));
	assert_false(put(&f, "alpha", lost, "{}", &after, &err));
	assert_int_equal(err.code, ERR_PRECONDITION_FAILED);
	must(put(&f, "alpha", kept, "{}", &after, &err), &err);
	assert_true(after > lost);
}

static void projects_with_a_list_are_known_by_name(void **state UNUSED)
{
	static const char *const written[] = {"team-b", "alpha", "team-a"};
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(id_list_release) struct id_list all = ID_LIST_INIT, two = ID_LIST_INIT;
	struct error err = ERROR_INIT;
	int64_t version = 0;

	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(written); i++)
		must(put(&f, written[i], 0, "{}", &version, &err), &err);
	must(CALL(&f, names, 10, &all, &err), &err);
	assert_int_equal(all.count, 3);
	assert_string_equal(all.items[0], "alpha");
	assert_string_equal(all.items[2], "team-b");
	must(CALL(&f, names, 2, &two, &err), &err);
	assert_int_equal(two.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_list_comes_back_as_it_was_written),
	        cmocka_unit_test(a_list_of_the_largest_size_fits),
	        cmocka_unit_test(a_write_needs_the_version_it_read),
	        cmocka_unit_test(projects_do_not_meet),
	        cmocka_unit_test(of_writers_with_the_same_version_one_wins),
	        cmocka_unit_test(installations_of_a_user_come_newest_first),
	        cmocka_unit_test(removing_takes_a_users_installations_and_no_one_elses),
	        cmocka_unit_test(each_change_is_seen_by_caches_and_nothing_else_is),
	        cmocka_unit_test(a_restored_database_that_lost_a_list_is_not_ready),
	        cmocka_unit_test(projects_with_a_list_are_known_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
