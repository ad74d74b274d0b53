#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube_secrets.h"
#include "record_key.h"

#include <string.h>

static void names_are_the_seeds_and_numbered(void **state)
{
	char name[KUBE_SECRET_NAME_SIZE];

	(void)state;
	assert_true(kube_secret_name("gitlab", 0, name));
	assert_string_equal(name, "gitlab-user-tokens");
	assert_true(kube_secret_name("github", 15, name));
	assert_string_equal(name, "github-user-tokens-015");
	assert_false(kube_secret_name("gitea", 0, name));
	assert_false(kube_secret_name("gitlab", KUBE_SHARDS_MAX, name));
}

static void records_spread_evenly_over_every_number_of_secrets(void **state)
{
	enum { RECORDS = 20000 };

	(void)state;
	for (unsigned shards = 1; shards <= KUBE_SHARDS_MAX; shards *= 2) {
		unsigned counts[KUBE_SHARDS_MAX] = {0};

		for (unsigned i = 0; i < RECORDS; i++) {
			char user[32], key[RECORD_KEY_SIZE];

			snprintf(user, sizeof(user), "user-%u", i);
			record_key_make("gitlab", user, "https://gitlab.com", key);
			unsigned shard = kube_secret_shard(key, shards);
			assert_in_range(shard, 0, shards - 1);
			counts[shard]++;
		}
		for (unsigned shard = 0; shard < shards; shard++) {
			assert_true(counts[shard] > RECORDS / shards / 3);
			assert_true(counts[shard] < RECORDS / shards * 3);
		}
	}
}

static void a_number_that_is_no_power_of_two_is_refused(void **state)
{
	static const unsigned rows[] = {0, 3, 15, 257, 512};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct kube_secrets_options options = {.namespace_ = "vteam-backend", .shards = rows[i]};
		struct kube_secrets *secrets = NULL;
		struct error err = ERROR_INIT;

		assert_false(kube_secrets_new(&options, &secrets, &err));
		assert_int_equal(err.code, ERR_CONFIG_INVALID);
	}
}

static void what_is_no_namespace_is_refused(void **state)
{
	static const char *const rows[] = {"", "Team", "a/b", "-a", "a-", "a.b", "a?b=c"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct kube_secrets_options options = {.namespace_ = rows[i], .shards = 16};
		struct kube_secrets *secrets = NULL;
		struct error err = ERROR_INIT;

		assert_false(kube_secrets_new(&options, &secrets, &err));
		assert_int_equal(err.code, ERR_CONFIG_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_are_the_seeds_and_numbered),
	        cmocka_unit_test(records_spread_evenly_over_every_number_of_secrets),
	        cmocka_unit_test(a_number_that_is_no_power_of_two_is_refused),
	        cmocka_unit_test(what_is_no_namespace_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
