#include "record_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "strbuf.h"

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

/* Ids that a person, or a cleaning of names, may take for one another: they differ in punctuation, case or Unicode form alone. */
static const char *const marks[] = {"",  "-", "_", ".",   "@",      ":",      "/",      " ",      "  ",     "\t",
                                    "+", "~", ",", "%40", "\u2010", "\u2011", "\u00a0", "\u200b", "\uff20", "\u2044"};
static const char *const letters[] = {"e", "E", "\u00e9", "e\u0301", "\uff45", "\u0435", "\u212f"};

static void similar_id(size_t number, struct strbuf *ret)
{
	strbuf_clear(ret);
	strbuf_add_string(ret, "l");
	strbuf_add_string(ret, letters[number % ARRAY_SIZE(letters)]);
	number /= ARRAY_SIZE(letters);
	strbuf_add_string(ret, marks[number % ARRAY_SIZE(marks)]);
	number /= ARRAY_SIZE(marks);
	strbuf_add_string(ret, letters[number % ARRAY_SIZE(letters)]);
	number /= ARRAY_SIZE(letters);
	strbuf_add_string(ret, marks[number % ARRAY_SIZE(marks)]);
	number /= ARRAY_SIZE(marks);
	strbuf_add_string(ret, letters[number % ARRAY_SIZE(letters)]);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void a_hundred_thousand_similar_users_share_no_record(void **state)
{
	enum { IDS = 100000 };
	CLEANUP(strbuf_release) struct strbuf id = STRBUF_INIT(100);
	char(*keys)[RECORD_KEY_SIZE] = xcalloc(IDS, RECORD_KEY_SIZE);

	(void)state;
	for (size_t i = 0; i < IDS; i++) {
		similar_id(i, &id);
		record_key_make("gitlab", id.data, "https://gitlab.com", keys[i]);
	}
	qsort(keys, IDS, RECORD_KEY_SIZE, compare_keys);
	for (size_t i = 1; i < IDS; i++)
		assert_string_not_equal(keys[i - 1], keys[i]);
	free(keys);
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
	        cmocka_unit_test(a_hundred_thousand_similar_users_share_no_record),
	        cmocka_unit_test(key_of_a_record_never_changes),
	        cmocka_unit_test(valid_keys_are_only_those_that_can_be_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
