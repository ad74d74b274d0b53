#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "secret.h"

static void empty_secret_reads_as_empty_text(void **state)
{
	(void)state;
	CLEANUP(secret_release) struct secret s = SECRET_INIT;
	assert_string_equal(secret_bytes(&s), "");
	secret_set(&s, "x", 1);
	secret_set(&s, NULL, 0);
	assert_string_equal(secret_bytes(&s), "");
	assert_int_equal(s.length, 0);
}

static void set_copies_and_ends_with_nul(void **state)
{
	(void)state;
	CLEANUP(secret_release) struct secret s = SECRET_INIT, copy = SECRET_INIT;
	char token[] = "glpat-abc-and-more";
	secret_set(&s, token, 9);
	wipe(token, sizeof(token));
	assert_int_equal(token[0], 0);
	assert_string_equal(secret_bytes(&s), "glpat-abc");
	secret_copy(&copy, &s);
	secret_set(&s, secret_bytes(&s) + 6, 3);
	assert_string_equal(secret_bytes(&s), "abc");
	assert_string_equal(secret_bytes(&copy), "glpat-abc");
}

static void equality_is_of_length_and_bytes(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {{"", "", true}, {"abc", "abc", true}, {"abc", "abd", false}, {"abc", "abcd", false}, {"", "a", false}};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(secret_release) struct secret a = SECRET_INIT, b = SECRET_INIT;
		secret_set(&a, rows[i].a, strlen(rows[i].a));
		secret_set(&b, rows[i].b, strlen(rows[i].b));
		assert_true(secret_equals(&a, &b) == rows[i].equal);
	}
}

static void one_line_excludes_control_characters(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool ok;
	} rows[] = {{"abc ü", 6, true}, {"a\rb", 3, false}, {"a\n", 2, false},
	            {"a\0b", 3, false}, {"\x7f", 1, false}, {"\t", 1, false}};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(secret_release) struct secret s = SECRET_INIT;
		secret_set(&s, rows[i].bytes, rows[i].length);
		assert_true(secret_is_one_line(&s) == rows[i].ok);
	}
}

static void random_secrets_differ(void **state)
{
	(void)state;
	CLEANUP(secret_release) struct secret a = SECRET_INIT, b = SECRET_INIT;
	secret_random(&a, 32);
	secret_random(&b, 32);
	assert_int_equal(a.length, 32);
	assert_false(secret_equals(&a, &b));
}

int main(void)
{
	assert_true(secret_library_init());
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(empty_secret_reads_as_empty_text),
	        cmocka_unit_test(set_copies_and_ends_with_nul),
	        cmocka_unit_test(equality_is_of_length_and_bytes),
	        cmocka_unit_test(one_line_excludes_control_characters),
	        cmocka_unit_test(random_secrets_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
