/* The JSON of accounts, member by member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check_list.h"
#include "render_account.h"
#include "render_fixture.h"

#define TOKEN                                                                                                                      \
	"\"token\":{\"name\":\"acp\",\"scopes\":[\"api\",\"read_user\"],\"expiresAt\":\"2026-12-22\",\"daysToExpiry\":30,"         \
	"\"canRead\":true,\"canPush\":true}"

/* What was checked: the list with nothing done. */
#define CHECK(name) "{\"name\":\"" name "\",\"ok\":null}"
#define CHECKS                                                                                                                           \
	"\"checks\":[" CHECK("address") "," CHECK("provider") "," CHECK("connection") "," CHECK("reachable") "," CHECK("tls") "," CHECK( \
	        "token") "," CHECK("scopes") "," CHECK("repository") "," CHECK("read") "," CHECK("push") "," CHECK("branch") "]"

static void connect_answers_with_account_token_and_warnings(void **state)
{
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;

	(void)state;
	fill(&verdict.connection, "https://gitlab.com", NOW_S);
	verdict.warnings[0] = (struct account_warning){WARN_TOKEN_CANNOT_PUSH, "It reads only."};
	verdict.warning_count = 1;
	assert_json(render_connected(&verdict, NOW_S),
	            "{\"userId\":\"user-123\",\"gitlabUserId\":\"456789\",\"username\":\"yourname\",\"instanceUrl\":\"https://"
	            "gitlab.com\","
	            "\"connected\":true,\"message\":\"GitLab account connected "
	            "successfully\",\"updatedAt\":\"2026-11-22T17:00:00Z\"," TOKEN
	            ",\"warnings\":[{\"code\":\"token_cannot_push\",\"message\":\"It reads only.\"}]," CHECKS "}");
}

static void status_without_connections_is_exactly_one_member(void **state)
{
	struct connection_list list = CONNECTION_LIST_INIT;

	(void)state;
	assert_json(render_status(&list, NOW_S), "{\"connected\":false}");
}

#define ACCOUNT(instance, updated)                                                                                                 \
	"\"username\":\"yourname\",\"instanceUrl\":\"" instance "\",\"gitlabUserId\":\"456789\"," TOKEN                            \
	",\"updatedAt\":\"" updated "\",\"warnings\":[],\"valid\":true,\"lastCheckedAt\":\"" updated "\""

static void status_shows_the_newest_and_lists_all(void **state)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct connection newest, older;

	(void)state;
	fill(&newest, "https://git.corp", NOW_S);
	fill(&older, "https://gitlab.com", NOW_S - 3600);
	connection_list_take(&list, &newest);
	connection_list_take(&list, &older);
	assert_json(render_status(&list, NOW_S),
	            "{\"connected\":true," ACCOUNT("https://git.corp", "2026-11-22T17:00:00Z") ",\"connections\":[{" ACCOUNT(
	                    "https://git.corp", "2026-11-22T17:00:00Z") "},{" ACCOUNT("https://gitlab.com",
	                                                                              "2026-11-22T16:00:00Z") "}]}");
}

static void refused_token_says_why_and_what_to_do(void **state)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct connection refused;
	json_t *answer;

	(void)state;
	fill(&refused, "https://gitlab.com", NOW_S);
	refused.valid = false;
	refused.check_code = xstrdup("token_revoked");
	connection_list_take(&list, &refused);
	answer = render_status(&list, NOW_S);
	assert_false(json_bool_or(answer, "valid", true));
	assert_string_equal(json_string_or(answer, "code", ""), "token_revoked");
	assert_string_equal(json_string_or(answer, "remediation", ""), "Create a new token in GitLab and reconnect.");
	json_decref(answer);
}

static void unknown_is_null_and_never_invented(void **state)
{
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	json_t *answer, *token;

	(void)state;
	fill(&verdict.connection, "https://gitlab.com", 0);
	set_string(&verdict.connection.token_name, NULL);
	set_string(&verdict.connection.scopes, NULL);
	set_string(&verdict.connection.expires_at, NULL);
	answer = render_connected(&verdict, NOW_S);
	token = json_object_get(answer, "token");
	assert_true(json_is_null(json_object_get(answer, "updatedAt")));
	assert_true(json_is_null(json_object_get(token, "name")));
	assert_true(json_is_null(json_object_get(token, "expiresAt")));
	assert_true(json_is_null(json_object_get(token, "daysToExpiry")));
	assert_int_equal(json_array_size(json_object_get(token, "scopes")), 0);
	json_decref(answer);
}

static void failed_test_says_code_remedy_and_which_check(void **state)
{
	CLEANUP(check_list_release) struct check_list checks = CHECK_LIST_INIT;
	struct error failure = ERROR_INIT;
	json_t *answer, *check;

	(void)state;
	error_set(&failure, ERR_TOKEN_EXPIRED, "Invalid token. It expired.");
	check_list_pass(&checks, CHECK_ADDRESS);
	check_list_fail(&checks, CHECK_TOKEN, &failure);
	answer = render_test_failed(&checks, &failure);
	assert_false(json_bool_or(answer, "valid", true));
	assert_string_equal(json_string_or(answer, "error", ""), "Invalid token. It expired.");
	assert_string_equal(json_string_or(answer, "code", ""), "token_expired");
	assert_string_not_equal(json_string_or(answer, "remediation", ""), "");
	assert_int_equal(json_array_size(json_object_get(answer, "checks")), CHECK_COUNT);
	check = json_array_get(json_object_get(answer, "checks"), CHECK_TOKEN);
	assert_false(json_bool_or(check, "ok", true));
	assert_string_equal(json_string_or(check, "code", ""), "token_expired");
	json_decref(answer);
}

static void github_account_has_githubs_words(void **state)
{
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	json_t *answer, *token;

	(void)state;
	fill(&verdict.connection, "https://github.com", NOW_S);
	set_string(&verdict.connection.provider, "github");
	set_string(&verdict.connection.scopes, "repo");
	answer = render_connected(&verdict, NOW_S);
	token = json_object_get(answer, "token");
	assert_string_equal(json_string_or(answer, "message", ""), "GitHub PAT saved successfully");
	assert_string_equal(json_string_or(answer, "githubUserId", ""), "456789");
	assert_null(json_object_get(answer, "gitlabUserId"));
	/* "repo" is no scope of GitLab's: it is judged by its own forge. */
	assert_true(json_bool_or(token, "canPush", false));
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(connect_answers_with_account_token_and_warnings),
	        cmocka_unit_test(status_without_connections_is_exactly_one_member),
	        cmocka_unit_test(status_shows_the_newest_and_lists_all),
	        cmocka_unit_test(refused_token_says_why_and_what_to_do),
	        cmocka_unit_test(unknown_is_null_and_never_invented),
	        cmocka_unit_test(failed_test_says_code_remedy_and_which_check),
	        cmocka_unit_test(github_account_has_githubs_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
