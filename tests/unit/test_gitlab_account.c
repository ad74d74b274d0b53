#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gitlab_api.h"

#define USER "{\"id\":456789,\"username\":\"john\",\"name\":\"John Doe\",\"state\":\"active\",\"email\":\"john@corp.example\"}"
#define SELF                                                                                                                       \
	"{\"id\":1,\"name\":\"acp\",\"revoked\":false,\"active\":true,\"scopes\":[\"api\",\"read_user\"],\"expires_at\":\"2027-"   \
	"01-31\"}"
#define NO_SCOPE                                                                                                                   \
	"{\"error\":\"insufficient_scope\",\"error_description\":\"The request requires higher privileges than provided by the "   \
	"access token.\","                                                                                                         \
	"\"scope\":\"api read_api read_user\"}"
#define GRANULAR                                                                                                                   \
	"{\"error\":\"insufficient_granular_scope\",\"error_description\":\"lacks the required permissions: "                      \
	"[read_personal_access_token]\"}"

static struct http_call answer(int status, const char *body)
{
	struct strbuf text = STRBUF_INIT(LIMIT_ANSWER);
	struct http_call call = {
	        .url = "https://gitlab.corp/api/v4/user", .status = status, .content_type_got = "application/json"};

	strbuf_add_string(&text, body);
	call.answer = text;
	return call;
}

static bool judge(int user_status, const char *user_body, int self_status, const char *self_body, struct forge_account *ret,
                  struct error *err)
{
	CLEANUP(http_call_release) struct http_call user = answer(user_status, user_body);
	CLEANUP(http_call_release) struct http_call self = answer(self_status, self_body);

	return account_judge(&user, &self, "gitlab.corp", ret, err);
}

static void account_is_read_from_both_answers(void **state)
{
	struct forge_account account = FORGE_ACCOUNT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(judge(200, USER, 200, SELF, &account, &err));
	assert_string_equal(account.id, "456789");
	assert_string_equal(account.username, "john");
	assert_string_equal(account.name, "John Doe");
	assert_string_equal(account.email, "john@corp.example");
	assert_string_equal(account.token_name, "acp");
	assert_string_equal(account.scopes, "api read_user");
	assert_string_equal(account.expires_at, "2027-01-31");
	assert_false(account.is_bot);
	forge_account_release(&account);
}

static void account_without_introspection_has_unknown_scopes(void **state)
{
	static const struct {
		const char *what;
		int status;
		const char *body, *scopes;
	} rows[] = {
	        {"F25 no such route", 404, "{\"error\":\"404 Not Found\"}", NULL},
	        {"F25 taken for an id", 400, "{\"error\":\"id is invalid\"}", NULL},
	        {"F25 method not allowed", 405, "{\"error\":\"405 Not Allowed\"}", NULL},
	        {"a fine-grained token that may not look at itself", 403, GRANULAR, "granular"},
	        {"a fine-grained token that may", 200, "{\"active\":true,\"scopes\":[\"granular\"]}", "granular"},
	        {"a date that is none", 200, "{\"active\":true,\"scopes\":[\"api\"],\"expires_at\":\"a\\nb\"}", "api"},
	        {"no expiry", 200, "{\"active\":true,\"scopes\":[\"api\"],\"expires_at\":null}", "api"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct forge_account account = FORGE_ACCOUNT_INIT;
		struct error err = ERROR_INIT;
		if (!judge(200, USER, rows[i].status, rows[i].body, &account, &err))
			fail_msg("%s: %s", rows[i].what, err.message);
		if (rows[i].scopes)
			assert_string_equal(account.scopes, rows[i].scopes);
		else
			assert_null(account.scopes);
		assert_null(account.expires_at);
		forge_account_release(&account);
	}
}

static void unusable_tokens_are_refused(void **state)
{
	static const struct {
		const char *what;
		int user_status;
		const char *user;
		int self_status;
		const char *self;
		enum error_code code;
		const char *message;
	} rows[] = {
	        {"F14 inactive although /user answers: GitLab's word counts, not our clock", 200, USER, 200,
	         "{\"active\":false,\"revoked\":false,\"expires_at\":\"2999-01-01\",\"scopes\":[]}", ERR_TOKEN_EXPIRED,
	         "Invalid token. This token expired on 2999-01-01. Create a new one and reconnect."},
	        {"F15 revoked", 200, USER, 200, "{\"active\":false,\"revoked\":true,\"scopes\":[]}", ERR_TOKEN_REVOKED,
	         "Invalid token. This token was revoked in GitLab. Create a new one and reconnect."},
	        {"F22 an OAuth token", 200, USER, 400,
	         "{\"message\":\"400 Bad request - This endpoint requires token type to be a personal access token\"}",
	         ERR_TOKEN_WRONG_KIND, "This is a short-lived OAuth token. Use a personal access token."},
	        {"F17 the scopes it has are named", 403, NO_SCOPE, 200,
	         "{\"active\":true,\"scopes\":[\"write_repository\",\"read_registry\"]}", ERR_TOKEN_SCOPE_MISSING,
	         "Insufficient permissions. The token lacks a needed scope. It has: write_repository read_registry. "
	         "GitLab needs one of: api read_api read_user. Create a token with 'api' (or 'read_api' + 'write_repository')."},
	        {"F17 the scopes are not known", 403, NO_SCOPE, 404, "{\"error\":\"404 Not Found\"}", ERR_TOKEN_SCOPE_MISSING,
	         "Insufficient permissions. The token lacks a needed scope. "
	         "GitLab needs one of: api read_api read_user. Create a token with 'api' (or 'read_api' + 'write_repository')."},
	        {"F13 unknown to both", 401, "{\"message\":\"401 Unauthorized\"}", 401, "{\"message\":\"401 Unauthorized\"}",
	         ERR_TOKEN_INVALID, NULL},
	        {"F26 introspection was limited", 200, USER, 429, "{\"message\":{\"error\":\"too many\"}}", ERR_RATE_LIMITED, NULL},
	        {"F12 no GitLab", 200, "{\"hello\":1}", 200, SELF, ERR_INSTANCE_NOT_GITLAB,
	         "gitlab.corp does not look like a GitLab server."},
	        {"a name that would end a line", 200, "{\"id\":1,\"username\":\"a\\nb\"}", 200, SELF, ERR_INSTANCE_NOT_GITLAB,
	         "gitlab.corp does not look like a GitLab server."},
	        {"F12 a list", 200, "[]", 200, SELF, ERR_INSTANCE_NOT_GITLAB, "gitlab.corp does not look like a GitLab server."},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct forge_account account = FORGE_ACCOUNT_INIT;
		struct error err = ERROR_INIT;
		if (judge(rows[i].user_status, rows[i].user, rows[i].self_status, rows[i].self, &account, &err) ||
		    err.code != rows[i].code || (rows[i].message && strcmp(err.message, rows[i].message) != 0))
			fail_msg("%s: %s\n got  %s\n want %s", rows[i].what, error_name(err.code), err.message, rows[i].message);
		assert_null(account.id);
	}
}

static void bots_are_recognised(void **state)
{
	static const struct {
		const char *user;
		bool is_bot;
	} rows[] = {
	        {"{\"id\":1,\"username\":\"project_42_bot\"}", true},  {"{\"id\":1,\"username\":\"group_7_bot_0a1b2c\"}", true},
	        {"{\"id\":1,\"username\":\"ci\",\"bot\":true}", true}, {"{\"id\":1,\"username\":\"project_bot\"}", false},
	        {"{\"id\":1,\"username\":\"project_x_bot\"}", false},  {"{\"id\":1,\"username\":\"my_project_42_bot\"}", false},
	        {"{\"id\":1,\"username\":\"group_42_robot\"}", false},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct forge_account account = FORGE_ACCOUNT_INIT;
		struct error err = ERROR_INIT;
		assert_true(judge(200, rows[i].user, 200, SELF, &account, &err));
		if (account.is_bot != rows[i].is_bot)
			fail_msg("%s", rows[i].user);
		assert_string_equal(account.name, account.username);
		forge_account_release(&account);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(account_is_read_from_both_answers),
	        cmocka_unit_test(account_without_introspection_has_unknown_scopes),
	        cmocka_unit_test(unusable_tokens_are_refused),
	        cmocka_unit_test(bots_are_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
