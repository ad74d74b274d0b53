#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repository.h"

static bool read_text(const char *text, struct repositories *ret, struct error *err)
{
	json_t *answer = json_parse_answer(text, strlen(text));

	assert_non_null(answer);
	bool ok = repositories_from_preflight(answer, ret, err);
	json_decref(answer);
	return ok;
}

static void preflight_answer_becomes_repositories(void **state)
{
	CLEANUP(repositories_release) struct repositories r = REPOSITORIES_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_true(read_text(
	        "{\"repositories\":[{\"name\":\"api\",\"url\":\"https://gitlab.com/team/"
	        "api\",\"provider\":\"gitlab\",\"valid\":true,"
	        "\"blocking\":false,\"webUrl\":\"https://gitlab.com/team/api\",\"projectPath\":\"team/api\",\"projectId\":7,"
	        "\"cloneUrl\":\"https://gitlab.com/team/"
	        "api.git\",\"defaultBranch\":\"main\",\"startBranch\":\"main\",\"empty\":false,"
	        "\"pushBranch\":\"feature/x\",\"branchUrl\":\"https://gitlab.com/team/api/-/tree/feature/x\",\"canPush\":true,"
	        "\"username\":\"john\",\"apiBase\":\"https://gitlab.com/api/v4\",\"gitUser\":\"oauth2\","
	        "\"credential\":\"token glpat-*** for user john\",\"commit\":{\"name\":\"John "
	        "Doe\",\"email\":\"john@example.com\"}}]}",
	        &r, &err));
	assert_int_equal(r.count, 1);
	assert_string_equal(r.items[0].push_branch, "feature/x");
	assert_string_equal(r.items[0].commit_email, "john@example.com");
	assert_int_equal(r.items[0].provider, PROVIDER_GITLAB);
	assert_string_equal(r.items[0].api_base, "https://gitlab.com/api/v4");
	assert_string_equal(r.items[0].git_user, "oauth2");
	assert_string_equal(r.items[0].credential, "token glpat-*** for user john");
}

static void unusable_answers_are_refused(void **state)
{
	static const struct {
		const char *why, *text;
		enum error_code code;
	} rows[] = {
	        {"no list", "{}", ERR_GIT_FAILED},
	        {"an empty list", "{\"repositories\":[]}", ERR_SESSION_NO_REPOSITORY},
	        {"no name", "{\"repositories\":[{\"cloneUrl\":\"https://x/y\"}]}", ERR_GIT_FAILED},
	        {"a name that climbs", "{\"repositories\":[{\"name\":\"..\",\"cloneUrl\":\"https://x/y\"}]}", ERR_GIT_FAILED},
	        {"a name with a slash", "{\"repositories\":[{\"name\":\"a/b\",\"cloneUrl\":\"https://x/y\"}]}", ERR_GIT_FAILED},
	        {"the agent's own folder", "{\"repositories\":[{\"name\":\"+home\",\"cloneUrl\":\"https://x/y\"}]}",
	         ERR_GIT_FAILED},
	        {"git's own folder", "{\"repositories\":[{\"name\":\".GIT\",\"cloneUrl\":\"https://x/y\"}]}", ERR_GIT_FAILED},
	        {"two alike",
	         "{\"repositories\":[{\"name\":\"a\",\"cloneUrl\":\"https://x/y\"},{\"name\":\"A\",\"cloneUrl\":\"https://x/z\"}]}",
	         ERR_GIT_FAILED},
	        {"no address", "{\"repositories\":[{\"name\":\"a\"}]}", ERR_GIT_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(repositories_release) struct repositories r = REPOSITORIES_INIT;
		struct error err = ERROR_INIT;
		if (read_text(rows[i].text, &r, &err) || err.code != rows[i].code)
			fail_msg("%s: got %s", rows[i].why, error_name(err.code));
	}
}

static void blocking_repository_keeps_the_gates_words(void **state)
{
	CLEANUP(repositories_release) struct repositories r = REPOSITORIES_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_true(read_text(
	        "{\"repositories\":[{\"name\":\"api\",\"url\":\"u\",\"valid\":false,\"blocking\":true,"
	        "\"error\":{\"code\":\"repo_not_found\",\"message\":\"Repository not found.\",\"remediation\":\"Check it.\"}}]}",
	        &r, &err));
	assert_int_equal(r.items[0].phase, REPOSITORY_FAILED);
	assert_int_equal(r.items[0].error.code, ERR_REPO_NOT_FOUND);
	assert_string_equal(r.items[0].error.message, "Repository not found.");
	assert_string_equal(error_remediation(&r.items[0].error), "Check it.");
}

static void a_repository_that_cannot_be_pushed_goes_on_with_a_warning(void **state)
{
	CLEANUP(repositories_release) struct repositories r = REPOSITORIES_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_true(read_text("{\"repositories\":[{\"name\":\"api\",\"url\":\"u\",\"cloneUrl\":\"https://x/"
	                      "y\",\"valid\":false,\"blocking\":false,"
	                      "\"error\":{\"code\":\"repo_archived\",\"message\":\"a/b is archived and read-only.\"}}]}",
	                      &r, &err));
	assert_int_equal(r.items[0].phase, REPOSITORY_PENDING);
	assert_int_equal(r.items[0].error.code, ERR_NONE);
	assert_int_equal(json_array_size(r.items[0].warnings), 1);
	const json_t *warning = json_array_get(r.items[0].warnings, 0);
	assert_string_equal(json_string_or(warning, "code", ""), "repo_archived");
	assert_string_equal(json_string_or(warning, "message", ""),
	                    "When the session started, a push would have failed: a/b is archived and read-only.");
}

static void repositories_join_and_leave(void **state)
{
	CLEANUP(repositories_release) struct repositories r = REPOSITORIES_INIT, joined = REPOSITORIES_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_true(read_text("{\"repositories\":[{\"name\":\"a\",\"cloneUrl\":\"https://x/a\"},"
	                      "{\"name\":\"b\",\"cloneUrl\":\"https://x/b\"}]}",
	                      &r, &err));
	assert_true(read_text("{\"repositories\":[{\"name\":\"c\",\"cloneUrl\":\"https://x/c\"}]}", &joined, &err));
	repositories_append(&r, &joined);
	assert_int_equal(joined.count, 0);
	repositories_remove(&r, 0);
	assert_int_equal(r.count, 2);
	assert_string_equal(r.items[0].name, "b");
	assert_string_equal(r.items[1].name, "c");
	repositories_remove(&r, 1);
	assert_int_equal(r.count, 1);
	assert_string_equal(r.items[0].name, "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(preflight_answer_becomes_repositories),
	        cmocka_unit_test(unusable_answers_are_refused),
	        cmocka_unit_test(blocking_repository_keeps_the_gates_words),
	        cmocka_unit_test(a_repository_that_cannot_be_pushed_goes_on_with_a_warning),
	        cmocka_unit_test(repositories_join_and_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
