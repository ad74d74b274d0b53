#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "check_list.h"
#include "encoding.h"

static struct error failure_of(enum error_code code)
{
	struct error failure = ERROR_INIT;

	error_set(&failure, code, "It failed.");
	return failure;
}

/* One letter a check, in order: '+' passed, '!' failed, '.' not run. */
static void states_of(const struct check_list *list, char ret[CHECK_COUNT + 1])
{
	for (size_t i = 0; i < CHECK_COUNT; i++)
		ret[i] = ".+!"[list->states[i]];
	ret[CHECK_COUNT] = '\0';
}

static void assert_states(const struct check_list *list, const char *expected)
{
	char states[CHECK_COUNT + 1];

	states_of(list, states);
	assert_string_equal(states, expected);
}

static void names_are_those_of_the_report_in_its_order(void **state UNUSED)
{
	static const char *const names[] = {"address", "provider",   "connection", "reachable", "tls",   "token",
	                                    "scopes",  "repository", "read",       "push",      "branch"};
	static const char *const notes[] = {
	        "none",       "url_credentials_dropped", "address_corrected", "repo_moved",          "repo_empty", "repo_mirror",
	        "branch_new", "branch_exists",           "ref_is_tag",        "branch_rules_unknown"};

	assert_int_equal(ARRAY_SIZE(names), CHECK_COUNT);
	for (enum check_name i = 0; i < CHECK_COUNT; i++)
		assert_string_equal(check_name_text(i), names[i]);
	assert_int_equal(ARRAY_SIZE(notes), NOTE_COUNT);
	for (enum check_note_code i = 0; i < NOTE_COUNT; i++)
		assert_string_equal(check_note_name(i), notes[i]);
}

static void an_error_belongs_to_the_check_that_it_answers(void **state UNUSED)
{
	static const struct {
		enum error_code code;
		enum check_name check;
	} rows[] = {
	        {ERR_REPO_URL_INVALID, CHECK_ADDRESS},
	        {ERR_PROVIDER_UNKNOWN, CHECK_PROVIDER},
	        {ERR_NOT_CONNECTED, CHECK_CONNECTION},
	        {ERR_SEAL_BROKEN, CHECK_CONNECTION},
	        {ERR_APP_NOT_CONFIGURED, CHECK_CONNECTION},
	        {ERR_INSTALLATION_NOT_FOUND, CHECK_CONNECTION},
	        {ERR_INSTALLATION_NOT_YOURS, CHECK_CONNECTION},
	        {ERR_INSTALLATION_SUSPENDED, CHECK_CONNECTION},
	        {ERR_INSTANCE_UNRESOLVABLE, CHECK_REACHABLE},
	        {ERR_INSTANCE_FORBIDDEN, CHECK_REACHABLE},
	        {ERR_RATE_LIMITED, CHECK_REACHABLE},
	        {ERR_INSTANCE_TLS_UNTRUSTED, CHECK_TLS},
	        {ERR_TOKEN_REVOKED, CHECK_TOKEN},
	        {ERR_TOKEN_REFUSED, CHECK_TOKEN},
	        {ERR_TOKEN_MALFORMED, CHECK_TOKEN},
	        {ERR_TOKEN_IN_USE, CHECK_TOKEN},
	        {ERR_ACCOUNT_BLOCKED, CHECK_TOKEN},
	        {ERR_TOKEN_SCOPE_MISSING, CHECK_SCOPES},
	        {ERR_REPO_NOT_FOUND, CHECK_REPOSITORY},
	        {ERR_PATH_NOT_FOUND, CHECK_REPOSITORY},
	        {ERR_FILE_TOO_LARGE, CHECK_REPOSITORY},
	        {ERR_REPO_NO_READ, CHECK_READ},
	        {ERR_SSO_REQUIRED, CHECK_READ},
	        {ERR_REPO_NO_PUSH, CHECK_PUSH},
	        {ERR_REPO_ARCHIVED, CHECK_PUSH},
	        {ERR_BRANCH_PROTECTED, CHECK_BRANCH},
	        {ERR_REF_NOT_FOUND, CHECK_BRANCH},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (check_of_error(rows[i].code) != rows[i].check)
			fail_msg("%s belongs to %s", error_name(rows[i].code), check_name_text(check_of_error(rows[i].code)));
}

static void a_failure_proves_what_had_to_work_before_it(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		enum error_code code;
		bool https;
		const char *states; /* address provider connection | reachable tls token scopes | repository read push branch */
	} rows[] = {
	        {"nothing was asked without a connection", ERR_NOT_CONNECTED, true, "..!........"},
	        {"no answer at all", ERR_INSTANCE_TIMEOUT, true, "...!......."},
	        {"a certificate shows that someone is there", ERR_INSTANCE_TLS_UNTRUSTED, true, "...+!......"},
	        {"a refused token came over a good connection", ERR_TOKEN_REVOKED, true, "...++!....."},
	        {"plain http has no certificate", ERR_TOKEN_REVOKED, false, "...+.!....."},
	        {"a missing scope is told to a good token", ERR_TOKEN_SCOPE_MISSING, true, "...+++!...."},
	        {"a missing project is told to a token that may look", ERR_REPO_NOT_FOUND, true, "...++++!..."},
	        {"a refused push to a project that can be read", ERR_REPO_NO_PUSH, true, "...++++++!."},
	        {"a missing branch says nothing about pushing", ERR_BRANCH_NOT_FOUND, true, "...++++++.!"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(check_list_release) struct check_list list = CHECK_LIST_INIT;
		const struct error failure = failure_of(rows[i].code);
		enum check_name check = check_list_fail_by_error(&list, &failure, rows[i].https);

		print_message("  %s\n", rows[i].sentence);
		assert_states(&list, rows[i].states);
		assert_int_equal(check, check_of_error(rows[i].code));
		assert_int_equal(list.errors[check]->code, rows[i].code);
	}
}

static void the_first_failure_of_a_check_counts(void **state UNUSED)
{
	CLEANUP(check_list_release) struct check_list list = CHECK_LIST_INIT;
	const struct error first = failure_of(ERR_REPO_NO_PUSH), second = failure_of(ERR_REPO_ARCHIVED);

	check_list_pass(&list, CHECK_PUSH);
	assert_true(check_list_fail(&list, CHECK_PUSH, &first));
	assert_false(check_list_fail(&list, CHECK_PUSH, &second));
	check_list_pass(&list, CHECK_PUSH);
	assert_states(&list, ".........!.");
	assert_int_equal(list.errors[CHECK_PUSH]->code, ERR_REPO_NO_PUSH);
}

static void a_check_that_passed_may_carry_one_note(void **state UNUSED)
{
	CLEANUP(check_list_release) struct check_list list = CHECK_LIST_INIT;
	const struct error failure = failure_of(ERR_REPO_NOT_FOUND);

	check_list_pass(&list, CHECK_REPOSITORY);
	check_list_note(&list, CHECK_REPOSITORY, NOTE_REPO_MOVED, "%s is now %s.", "a/b", "c/d");
	check_list_note(&list, CHECK_REPOSITORY, NOTE_REPO_EMPTY, "It is empty.");
	assert_int_equal(list.notes[CHECK_REPOSITORY]->code, NOTE_REPO_MOVED);
	assert_string_equal(list.notes[CHECK_REPOSITORY]->message, "a/b is now c/d.");
	assert_true(check_list_fail(&list, CHECK_REPOSITORY, &failure));
	assert_null(list.notes[CHECK_REPOSITORY]);
	check_list_note(&list, CHECK_REPOSITORY, NOTE_REPO_EMPTY, "It is empty.");
	assert_null(list.notes[CHECK_REPOSITORY]);
}

static void a_note_is_cut_between_characters(void **state UNUSED)
{
	CLEANUP(check_list_release) struct check_list list = CHECK_LIST_INIT;
	char name[600] = "x";

	for (size_t i = 1; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, "ü", 3);
	check_list_note(&list, CHECK_BRANCH, NOTE_BRANCH_NEW, "%s", name);
	const char *message = list.notes[CHECK_BRANCH]->message;
	assert_int_equal(strlen(message), 511);
	assert_true(is_utf8(message, strlen(message)));
	check_list_note(&list, CHECK_PUSH, NOTE_REPO_MIRROR, "x%s", name);
	message = list.notes[CHECK_PUSH]->message;
	assert_int_equal(strlen(message), 510);
	assert_true(is_utf8(message, strlen(message)));
}

static void release_leaves_a_list_to_be_used_again(void **state UNUSED)
{
	struct check_list list = CHECK_LIST_INIT;
	const struct error failure = failure_of(ERR_REPO_NOT_FOUND);

	check_list_fail_by_error(&list, &failure, true);
	check_list_release(&list);
	assert_states(&list, "...........");
	check_list_release(&list);
	check_list_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_are_those_of_the_report_in_its_order),
	        cmocka_unit_test(an_error_belongs_to_the_check_that_it_answers),
	        cmocka_unit_test(a_failure_proves_what_had_to_work_before_it),
	        cmocka_unit_test(the_first_failure_of_a_check_counts),
	        cmocka_unit_test(a_check_that_passed_may_carry_one_note),
	        cmocka_unit_test(a_note_is_cut_between_characters),
	        cmocka_unit_test(release_leaves_a_list_to_be_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
