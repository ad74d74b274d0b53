#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "alloc.h"
#include "report.h"

static json_t *parse(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	return value;
}

static void exit_code_is_that_of_the_first_failed_check(void **state)
{
	static const struct {
		const char *why, *report;
		int exit;
	} rows[] = {
	        {"valid", "{\"valid\": true, \"checks\": [{\"name\": \"address\", \"ok\": true}]}", CLI_OK},
	        {"a role",
	         "{\"valid\": false, \"checks\": [{\"ok\": true}, {\"ok\": false, \"code\": \"repo_no_push\"}, {\"ok\": null}]}",
	         CLI_NO_PERMISSION},
	        {"the first counts",
	         "{\"valid\": false, \"checks\": [{\"ok\": false, \"code\": \"rate_limited\"}, {\"ok\": false, \"code\": "
	         "\"repo_no_push\"}]}",
	         CLI_RATE_LIMITED},
	        {"an address", "{\"valid\": false, \"checks\": [{\"ok\": false, \"code\": \"repo_url_invalid\"}]}",
	         CLI_CHECK_FAILED},
	        {"the code of a passed check is a note",
	         "{\"valid\": false, \"checks\": [{\"ok\": true, \"code\": \"not_found\"}, {\"ok\": false}]}", CLI_CHECK_FAILED},
	        {"not valid, for no reason", "{\"valid\": false}", CLI_CHECK_FAILED},
	        {"no verdict", "{\"checks\": [{\"ok\": true}]}", CLI_CHECK_FAILED},
	        {"members of other types", "{\"valid\": \"true\", \"checks\": {\"ok\": false}}", CLI_CHECK_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(json_decrefp) json_t *report = parse(rows[i].report);

		if (report_exit(report) != rows[i].exit)
			fail_msg("%s: %d", rows[i].why, report_exit(report));
	}
	assert_int_equal(report_exit(NULL), CLI_CHECK_FAILED);
}

static char *printed(void (*print)(FILE *to, const json_t *json), const char *text)
{
	CLEANUP(json_decrefp) json_t *json = parse(text);
	char *written = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&written, &size);

	print(to, json);
	(void)fclose(to);
	return written;
}

static void a_failure_has_its_message_and_remedy_below_it(void **state)
{
	CLEANUP(freep)
	char *text = printed(report_print, "{\"valid\": false, \"checks\": ["
	                                   "{\"name\": \"address\", \"ok\": true, \"code\": \"x\", \"message\": \"A note.\"},"
	                                   "{\"name\": \"push\", \"ok\": false, \"message\": \"No.\", \"remediation\": \"Ask.\"},"
	                                   "{\"name\": \"branch\", \"ok\": null}]}");

	(void)state;
	assert_string_equal(text, "  ok   address\n"
	                          "         A note.\n"
	                          "  FAIL push\n"
	                          "         No.\n"
	                          "         Ask.\n"
	                          "  -    branch\n"
	                          "Not valid: the check 'push' failed.\n");
}

static void a_valid_report_ends_with_who_may_do_what(void **state)
{
	CLEANUP(freep)
	char *text =
	        printed(report_print,
	                "{\"valid\": true, \"host\": \"gitlab.com\", \"projectPath\": \"a/b\", \"account\": \"john\", \"role\": "
	                "{\"name\": \"Developer\"}, \"can\": {\"read\": true, \"push\": true}, \"defaultBranch\": \"main\"}");
	CLEANUP(freep) char *bare = printed(report_print, "{\"valid\": true, \"role\": null, \"can\": 1, \"account\": null}");

	(void)state;
	assert_string_equal(text, "Valid: gitlab.com/a/b can be read and pushed to by john (Developer); default branch main.\n");
	assert_string_equal(bare, "Valid: ?/? was found.\n");
}

static void what_a_server_says_cannot_steer_the_terminal(void **state)
{
	CLEANUP(freep)
	char *text = printed(report_checks_print, "[{\"name\": \"a\\u001b[2J\", \"ok\": false, \"message\": \"b\\u009b31m\\nok   "
	                                          "push\", \"remediation\": \"c\\u202e\"}]");

	(void)state;
	assert_string_equal(text, "  FAIL a [2J\n         b 31m ok   push\n         c \n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(exit_code_is_that_of_the_first_failed_check),
	        cmocka_unit_test(a_failure_has_its_message_and_remedy_below_it),
	        cmocka_unit_test(a_valid_report_ends_with_who_may_do_what),
	        cmocka_unit_test(what_a_server_says_cannot_steer_the_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
