#include "scope.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
	const char *sentence;
	const char *scopes;
	struct scope_verdict verdict;
} rows[] = {
        {"not known", NULL, {.can_read_api = true, .can_clone = true, .can_push = true}},
        {"a fine-grained token", "granular", {.can_read_api = true, .can_clone = true, .can_push = true, .granular = true}},
        {"granular among others is only a word",
         "granular api",
         {.known = true, .can_read_api = true, .can_clone = true, .can_push = true}},
        {"no scope at all", "", {.known = true}},
        {"api does everything", "api", {.known = true, .can_read_api = true, .can_clone = true, .can_push = true}},
        {"reading only", "read_api read_repository", {.known = true, .can_read_api = true, .can_clone = true}},
        {"the API's reader may clone", "read_api", {.known = true, .can_read_api = true, .can_clone = true}},
        {"cloning only", "read_repository", {.known = true, .can_clone = true}},
        {"writing includes cloning, not the API", "write_repository", {.known = true, .can_clone = true, .can_push = true}},
        {"least that works",
         "read_api write_repository",
         {.known = true, .can_read_api = true, .can_clone = true, .can_push = true}},
        {"who am I", "read_user", {.known = true}},
        {"unknown scopes are ignored", "read_user future_scope", {.known = true}},
        {"a scope is a whole word", "apiary my_api", {.known = true}},
        {"sudo is too much",
         "api sudo",
         {.known = true, .can_read_api = true, .can_clone = true, .can_push = true, .too_powerful = true}},
        {"admin_mode is too much", "admin_mode", {.known = true, .too_powerful = true}},
};

static void scopes_tell_what_a_token_may_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct scope_verdict verdict = scope_judge(rows[i].scopes);
		print_message("%s\n", rows[i].sentence);
		assert_int_equal(verdict.known, rows[i].verdict.known);
		assert_int_equal(verdict.can_read_api, rows[i].verdict.can_read_api);
		assert_int_equal(verdict.can_clone, rows[i].verdict.can_clone);
		assert_int_equal(verdict.can_push, rows[i].verdict.can_push);
		assert_int_equal(verdict.too_powerful, rows[i].verdict.too_powerful);
		assert_int_equal(verdict.granular, rows[i].verdict.granular);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(scopes_tell_what_a_token_may_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
