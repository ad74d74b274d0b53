#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "encoding.h"
#include "error.h"

static void set_fills_and_is_always_false(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	err.retry_after_s = 9;
	assert_false(error_set(&err, ERR_REPO_NOT_FOUND, "No project %s.", "a/b"));
	assert_int_equal(err.code, ERR_REPO_NOT_FOUND);
	assert_string_equal(err.message, "No project a/b.");
	assert_int_equal(err.retry_after_s, 0);
	assert_false(error_set(NULL, ERR_INTERNAL, "nobody listens"));
	assert_false(error_remedy(NULL, "nobody"));
	assert_false(error_detail(NULL, "nobody"));
}

static void set_forgets_remedy_and_detail_of_an_earlier_error(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	error_set(&err, ERR_INTERNAL, "first");
	error_remedy(&err, "Own remedy.");
	error_detail(&err, "detail");
	assert_string_equal(error_remediation(&err), "Own remedy.");
	error_set(&err, ERR_TOKEN_EXPIRED, "second");
	assert_string_equal(error_remediation(&err), "Create a new token in GitLab and reconnect.");
	assert_string_equal(err.detail, "");
}

static void detail_keeps_the_earlier_text_behind(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	error_set(&err, ERR_INTERNAL, "message");
	error_detail(&err, "errno %d", 2);
	error_detail(&err, "opening");
	assert_string_equal(err.detail, "opening: errno 2");
}

static void long_text_is_cut_between_characters(void **state)
{
	(void)state;
	char text[4000];
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "ü", 2);
	text[sizeof(text) - 2] = '\0';
	struct error err = ERROR_INIT;
	error_set(&err, ERR_INTERNAL, "x%s", text);
	assert_true(is_utf8(err.message, strlen(err.message)));
	assert_true(strlen(err.message) >= sizeof(err.message) - 3);
	error_detail(&err, "x%s", text);
	error_detail(&err, "more %s", text);
	assert_true(is_utf8(err.detail, strlen(err.detail)));
}

static void catalogue_names_are_distinct_and_found_again(void **state)
{
	(void)state;
	for (unsigned code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		assert_int_equal(error_code_of(error_name((enum error_code)code)), code);
		int status = error_status((enum error_code)code);
		if (status < 400 || status > 599)
			fail_msg("%s has status %d", error_name((enum error_code)code), status);
		struct error err = {.code = (enum error_code)code};
		assert_true(strlen(error_remediation(&err)) > 10);
	}
	assert_int_equal(error_code_of("no such name"), ERR_NONE);
	assert_int_equal(error_code_of(NULL), ERR_NONE);
}

static void token_errors_never_answer_401_or_403(void **state)
{
	(void)state;
	for (unsigned code = ERR_NONE + 1; code < ERR_COUNT; code++)
		if (strncmp(error_name((enum error_code)code), "token_", 6) == 0)
			assert_true(error_status((enum error_code)code) == 400 || code == ERR_TOKEN_IN_USE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(set_fills_and_is_always_false),
	        cmocka_unit_test(set_forgets_remedy_and_detail_of_an_earlier_error),
	        cmocka_unit_test(detail_keeps_the_earlier_text_behind),
	        cmocka_unit_test(long_text_is_cut_between_characters),
	        cmocka_unit_test(catalogue_names_are_distinct_and_found_again),
	        cmocka_unit_test(token_errors_never_answer_401_or_403),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
