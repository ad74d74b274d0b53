#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account_fixture.h"
#include "key_service.h"
#include "stored_value.h"

#define ALL (KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE)

struct key_files {
	char public_keys[PATH_SIZE], signing_key[PATH_SIZE], private_keys[PATH_SIZE];
	struct keyring_paths paths;
};

/* Where service_fixture_keys() made them. */
static void find_files(struct service_fixture *f, struct key_files *files)
{
	files->paths = (struct keyring_paths){folder_file(&f->folder, "public.keys", files->public_keys),
	                                      folder_file(&f->folder, "signing.key", files->signing_key),
	                                      folder_file(&f->folder, "private.keys", files->private_keys)};
}

static void reload(struct service_fixture *f, const struct key_files *files)
{
	struct error err = ERROR_INIT;

	keyring_freep(&f->keyring);
	must(keyring_load(&files->paths, ALL, &f->keyring, &err), &err);
	f->service.keyring = f->keyring;
}

static void rotate_files(struct service_fixture *f, const struct key_files *files)
{
	struct error err = ERROR_INIT;
	char kid[17];

	must(keyring_add_key(&files->paths, kid, &err), &err);
	must(keyring_activate(&files->paths, kid, &err), &err);
	reload(f, files);
}

static void connect_user(struct service_fixture *f, const char *user, const char *token)
{
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	must(fixture_connect(f, user, token, &verdict, &err), &err);
}

/* The numbers of values per key, in the keyring's order, and how many do not open. */
static void assert_census(struct service_fixture *f, unsigned flags, size_t first, size_t second, size_t broken)
{
	CLEANUP(key_census_release) struct key_census census = KEY_CENSUS_INIT;
	struct error err = ERROR_INIT;

	must(key_census_take(&f->service, flags, &census, &err), &err);
	assert_int_equal(census.keys[0].values, first);
	if (census.key_count > 1)
		assert_int_equal(census.keys[1].values, second);
	assert_int_equal(census.broken, broken);
	assert_int_equal(census.problem_count, broken);
}

static void every_value_gets_the_new_key_and_keeps_what_was_sealed(void **state UNUSED)
{
	struct service_fixture f;
	struct key_files files;
	struct key_reseal done;
	struct error err = ERROR_INIT;
	int64_t generation;

	service_fixture_make(&f);
	find_files(&f, &files);
	connect_user(&f, "alice", "glpat-first-token-0001");
	connect_user(&f, "bob", "glpat-second-token-002");
	generation = f.store.rows[0].generation;
	rotate_files(&f, &files);
	connect_user(&f, "carol", "glpat-third-token-0003");
	assert_census(&f, KEY_CENSUS_OPEN_EACH, 2, 1, 0);
	must(key_reseal_all(&f.service, 0, NULL, NULL, &done, &err), &err);
	assert_int_equal(done.seen, 3);
	assert_int_equal(done.sealed, 2);
	assert_census(&f, KEY_CENSUS_OPEN_EACH, 0, 3, 0);
	assert_opens_to(&f, "alice", "glpat-first-token-0001");
	assert_opens_to(&f, "bob", "glpat-second-token-002");
	assert_int_equal(f.store.rows[0].generation, generation);
	must(key_reseal_all(&f.service, 0, NULL, NULL, &done, &err), &err);
	assert_int_equal(done.sealed, 0); /* said again, it has nothing to do */
	service_fixture_remove(&f);
}

static void a_walk_that_was_stopped_is_begun_again(void **state UNUSED)
{
	struct service_fixture f;
	struct key_files files;
	struct key_reseal done;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	find_files(&f, &files);
	connect_user(&f, "alice", "glpat-first-token-0001");
	connect_user(&f, "bob", "glpat-second-token-002");
	rotate_files(&f, &files);
	f.store.lose_answer = true; /* the first value is written, and the walk ends there */
	assert_false(key_reseal_all(&f.service, 0, NULL, NULL, &done, &err));
	assert_int_equal(err.code, ERR_SECRET_STORE_UNAVAILABLE);
	assert_census(&f, KEY_CENSUS_OPEN_EACH, 1, 1, 0);
	must(key_reseal_all(&f.service, 0, NULL, NULL, &done, &err), &err);
	assert_int_equal(done.sealed, 1);
	assert_census(&f, KEY_CENSUS_OPEN_EACH, 0, 2, 0);
	service_fixture_remove(&f);
}

/* A store in which the user connects again between the reading and the writing of a value. */
static struct {
	struct service_fixture *f;
	const struct secret_store_ops *real;
	struct secret_store_ops ops;
} overtaking;

static bool replace_too_late(void *state, const struct secret_place *place, const struct sealed_value *expected,
                             const struct sealed_value *value, bool *ret_replaced, struct error *err)
{
	overtaking.f->service.secrets.ops = overtaking.real;
	connect_user(overtaking.f, "alice", "glpat-second-token-002");
	return overtaking.real->replace(state, place, expected, value, ret_replaced, err);
}

static void a_connect_meanwhile_wins(void **state UNUSED)
{
	struct service_fixture f;
	struct key_files files;
	struct key_reseal done;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	find_files(&f, &files);
	connect_user(&f, "alice", "glpat-first-token-0001");
	rotate_files(&f, &files);
	overtaking.f = &f;
	overtaking.real = f.service.secrets.ops;
	overtaking.ops = *overtaking.real;
	overtaking.ops.replace = replace_too_late;
	f.service.secrets.ops = &overtaking.ops;
	must(key_reseal_all(&f.service, 0, NULL, NULL, &done, &err), &err);
	assert_int_equal(done.overtaken, 1);
	assert_int_equal(done.sealed, 0);
	assert_opens_to(&f, "alice", "glpat-second-token-002");
	assert_census(&f, KEY_CENSUS_OPEN_EACH, 0, 1, 0);
	service_fixture_remove(&f);
}

static void what_does_not_open_is_told_and_left(void **state UNUSED)
{
	struct service_fixture f;
	struct key_files files;
	CLEANUP(key_census_release) struct key_census census = KEY_CENSUS_INIT;
	struct key_reseal done;
	struct error err = ERROR_INIT;
	char old[17];

	service_fixture_make(&f);
	find_files(&f, &files);
	connect_user(&f, "alice", "glpat-first-token-0001");
	connect_user(&f, "bob", "glpat-second-token-002");
	connect_user(&f, "carol", "glpat-third-token-0003");
	(void)snprintf(old, sizeof(old), "%s", keyring_active_kid(f.keyring));
	f.store.values[1].bytes[f.store.values[1].length - 1] ^= 1; /* a signature that does not fit */
	f.store.values[2].bytes[0] = 'X';                           /* no value of ours */
	must(key_census_take(&f.service, KEY_CENSUS_OPEN_EACH, &census, &err), &err);
	assert_int_equal(census.values, 3);
	assert_int_equal(census.broken, 2);
	assert_int_equal(census.problems[0].code, ERR_SEAL_BROKEN);
	assert_string_equal(census.problems[0].kid, old);
	assert_string_equal(census.problems[1].kid, "");
	rotate_files(&f, &files);
	must(keyring_retire(&files.paths, old, &err), &err); /* the service itself would have refused */
	reload(&f, &files);
	must(key_census_take(&f.service, 0, &census, &err), &err);
	assert_int_equal(census.broken, 3);
	assert_int_equal(census.problems[0].code, ERR_SEAL_KEY_MISSING);
	assert_int_equal(census.key_count, 2); /* the active one, and the one that is missing */
	assert_string_equal(census.keys[1].key.kid, old);
	assert_int_equal(census.keys[1].values, 2);
	assert_false(census.keys[1].key.can_open);
	must(key_reseal_all(&f.service, 0, NULL, NULL, &done, &err), &err);
	assert_int_equal(done.broken, 3);
	assert_int_equal(done.sealed, 0);
	assert_true(f.store.values[0].length > 0 && f.store.values[1].length > 0 && f.store.values[2].length > 0);
	service_fixture_remove(&f);
}

static void a_key_that_is_missing_condemns_no_token(void **state UNUSED)
{
	struct service_fixture f;
	struct key_files files;
	struct error err = ERROR_INIT;
	size_t checked = 0, invalid = 0;
	char old[17];

	service_fixture_make(&f);
	find_files(&f, &files);
	connect_user(&f, "alice", "glpat-first-token-0001");
	(void)snprintf(old, sizeof(old), "%s", keyring_active_kid(f.keyring));
	rotate_files(&f, &files);
	must(keyring_retire(&files.paths, old, &err), &err);
	reload(&f, &files);
	f.store.rows[0].last_checked_at = 1;
	must(account_recheck(&f.service, 10, &checked, &invalid, &err), &err);
	assert_int_equal(checked, 0);
	assert_true(f.store.rows[0].valid);
	service_fixture_remove(&f);
}

static void a_value_without_a_row_is_counted_and_stays(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(key_census_release) struct key_census census = KEY_CENSUS_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	connect_user(&f, "alice", "glpat-first-token-0001");
	connect_user(&f, "bob", "glpat-second-token-002");
	connection_release(&f.store.rows[0]);
	must(key_census_take(&f.service, KEY_CENSUS_ROWS, &census, &err), &err);
	assert_int_equal(census.values, 2);
	assert_int_equal(census.orphans, 1);
	assert_int_equal(census.broken, 0);
	assert_true(f.store.values[0].length > 0);
	service_fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_value_gets_the_new_key_and_keeps_what_was_sealed),
	        cmocka_unit_test(a_walk_that_was_stopped_is_begun_again),
	        cmocka_unit_test(a_connect_meanwhile_wins),
	        cmocka_unit_test(what_does_not_open_is_told_and_left),
	        cmocka_unit_test(a_key_that_is_missing_condemns_no_token),
	        cmocka_unit_test(a_value_without_a_row_is_counted_and_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
