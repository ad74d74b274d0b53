/* The JSON of accounts, member by member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "render_account.h"

enum { NOW_S = 1795366800 /* 2026-11-22T17:00:00Z */ };

static void fill(struct connection *c, const char *instance, int64_t updated_at)
{
	*c = (struct connection){.user_id = xstrdup("user-123"),
	                         .provider = xstrdup("gitlab"),
	                         .instance_url = xstrdup(instance),
	                         .gitlab_user_id = xstrdup("456789"),
	                         .username = xstrdup("yourname"),
	                         .token_name = xstrdup("acp"),
	                         .scopes = xstrdup("api read_user"),
	                         .expires_at = xstrdup("2026-12-22"),
	                         .generation = 1,
	                         .connected_at = updated_at,
	                         .updated_at = updated_at,
	                         .valid = true,
	                         .last_checked_at = updated_at};
}

static void assert_json(json_t *actual, const char *expected)
{
	char *text = json_dumps(actual, JSON_COMPACT | JSON_SORT_KEYS);
	json_t *wanted = json_loads(expected, 0, NULL);
	char *wanted_text = json_dumps(wanted, JSON_COMPACT | JSON_SORT_KEYS);

	assert_non_null(wanted);
	assert_string_equal(text, wanted_text);
	free(text);
	free(wanted_text);
	json_decref(wanted);
	json_decref(actual);
}

#define TOKEN                                                                                                                      \
	"\"token\":{\"name\":\"acp\",\"scopes\":[\"api\",\"read_user\"],\"expiresAt\":\"2026-12-22\",\"daysToExpiry\":30,"         \
	"\"canRead\":true,\"canPush\":true}"

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
	            ",\"warnings\":[{\"code\":\"token_cannot_push\",\"message\":\"It reads only.\"}]}");
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

static void failed_test_says_code_and_remedy(void **state)
{
	struct error failure = ERROR_INIT;

	(void)state;
	error_set(&failure, ERR_TOKEN_EXPIRED, "Invalid token. It expired.");
	assert_json(render_test_failed(&failure),
	            "{\"valid\":false,\"error\":\"Invalid token. It expired.\",\"code\":\"token_expired\","
	            "\"remediation\":\"Create a new token in GitLab and reconnect.\"}");
}

static void integrations_name_every_provider(void **state)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct connection connection;

#define OTHERS                                                                                                                     \
	"\"github\":{\"installed\":false,\"pat\":{\"configured\":false}},\"google\":{\"connected\":false},\"jira\":{"              \
	"\"connected\":"                                                                                                           \
	"false},\"coderabbit\":{\"connected\":false},\"gerrit\":{\"instances\":[]}}"
	(void)state;
	assert_json(render_integrations(&list), "{\"gitlab\":{\"connected\":false}," OTHERS);
	fill(&connection, "https://gitlab.com", NOW_S);
	connection_list_take(&list, &connection);
	assert_json(render_integrations(&list),
	            "{\"gitlab\":{\"connected\":true,\"instanceUrl\":\"https://gitlab.com\",\"updatedAt\":"
	            "\"2026-11-22T17:00:00Z\",\"valid\":true}," OTHERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(connect_answers_with_account_token_and_warnings),
	        cmocka_unit_test(status_without_connections_is_exactly_one_member),
	        cmocka_unit_test(status_shows_the_newest_and_lists_all),
	        cmocka_unit_test(refused_token_says_why_and_what_to_do),
	        cmocka_unit_test(unknown_is_null_and_never_invented),
	        cmocka_unit_test(failed_test_says_code_and_remedy),
	        cmocka_unit_test(integrations_name_every_provider),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
