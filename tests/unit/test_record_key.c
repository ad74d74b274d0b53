#include "record_key.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
	const char *provider, *user_id, *instance;
} records[] = {
        {"gitlab", "user-123", "https://gitlab.com"},
        {"gitlab", "user-124", "https://gitlab.com"},
        {"gitlab", "user-123", "https://gitlab.company.com"},
        {"github", "user-123", "https://gitlab.com"},
        {"gitlab", "user-123https://gitlab.com", ""}, /* parts that run together */
        {"gitlabuser-123", "", "https://gitlab.com"},
        {"gitlab", "a/b", "https://g.example"}, /* ids that a naive cleaning would make equal */
        {"gitlab", "a_b", "https://g.example"},
        {"gitlab", "A/B", "https://g.example"},
        {"gitlab", "a/b ", "https://g.example"},
        {"gitlab", "system:serviceaccount:ns:name", "https://g.example"},
};

static void different_records_have_different_keys(void **state)
{
	char keys[ARRAY_SIZE(records)][RECORD_KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		record_key_make(records[i].provider, records[i].user_id, records[i].instance, keys[i]);
		assert_true(record_key_is_valid(keys[i]));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(keys[i], keys[j]);
	}
}

/* Written down once: another value would lose every stored connection. */
static void key_of_a_record_never_changes(void **state)
{
	char key[RECORD_KEY_SIZE];

	(void)state;
	record_key_make("gitlab", "user-123", "https://gitlab.com", key);
	assert_string_equal(key, "k1-kqp6yhjmwlsv2myuairzdhdt2pfq57wavk4pnqpgztfoi6ffqnsq");
}

static void valid_keys_are_only_those_that_can_be_made(void **state)
{
	static const char *const bad[] = {
	        "",
	        "k1-",
	        "k2-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	        "k1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	        "k1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	        "k1-Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	        "k1-1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	        "k1-../aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	        "k1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
	};

	(void)state;
	assert_true(record_key_is_valid("k1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_false(record_key_is_valid(NULL));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(record_key_is_valid(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(different_records_have_different_keys),
	        cmocka_unit_test(key_of_a_record_never_changes),
	        cmocka_unit_test(valid_keys_are_only_those_that_can_be_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
