#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "github_fixture.h"

#define USER "{\"id\":583231,\"login\":\"octocat\",\"name\":\"The Octocat\",\"email\":null,\"type\":\"User\"}"

/* ---- addresses and scopes ---- */

static void api_addresses_follow_the_kind_of_instance(void **state)
{
	static const struct {
		const char *instance, *project;
	} rows[] = {
	        {"https://github.com", "https://api.github.com/repos/o/r.js"},
	        {"https://octo.ghe.com", "https://api.octo.ghe.com/repos/o/r.js"},
	        {"https://github.corp.example", "https://github.corp.example/api/v3/repos/o/r.js"},
	        {"https://github.corp.example:8443", "https://github.corp.example:8443/api/v3/repos/o/r.js"},
	        {"https://notgithub.com", "https://notgithub.com/api/v3/repos/o/r.js"},
	        {"https://github.com.evil.example", "https://github.com.evil.example/api/v3/repos/o/r.js"},
	        {"https://github.com:8443", "https://github.com:8443/api/v3/repos/o/r.js"},
	        {"http://github.com", "http://github.com/api/v3/repos/o/r.js"},
	        {"https://ghe.com", "https://ghe.com/api/v3/repos/o/r.js"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(instance_url_release) struct instance_url instance = INSTANCE_URL_INIT;
		CLEANUP(strbuf_release) struct strbuf url = STRBUF_INIT(LIMIT_URL_MAX);
		assert_true(instance_url_parse(rows[i].instance, &instance, NULL));
		github_forge.api_project(&instance, "o/r.js", &url);
		assert_string_equal(url.data, rows[i].project);
	}
}

static void scopes_tell_what_a_classic_token_may_do(void **state)
{
	static const struct {
		const char *scopes;
		struct scope_verdict verdict;
	} rows[] = {
	        {NULL, {.can_read_api = true, .can_clone = true, .can_push = true}},
	        {"repo workflow", {.known = true, .can_read_api = true, .can_clone = true, .can_push = true}},
	        {"public_repo", {.known = true, .can_read_api = true, .can_clone = true, .can_push = true}},
	        {"repo:status read:org", {.known = true, .can_read_api = true, .can_clone = true}},
	        {"", {.known = true, .can_read_api = true, .can_clone = true}},
	        {"admin:org repo",
	         {.known = true, .can_read_api = true, .can_clone = true, .can_push = true, .too_powerful = true}},
	        {"delete_repo", {.known = true, .can_read_api = true, .can_clone = true, .too_powerful = true}},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct scope_verdict got = github_judge_scopes(rows[i].scopes), want = rows[i].verdict;
		if (got.known != want.known || got.can_read_api != want.can_read_api || got.can_clone != want.can_clone ||
		    got.can_push != want.can_push || got.too_powerful != want.too_powerful || got.granular)
			fail_msg("%s", rows[i].scopes ? rows[i].scopes : "unknown");
	}
}

/* ---- account ---- */

static void account_is_read_with_what_the_headers_tell(void **state)
{
	static const struct {
		const char *what, *headers, *scopes, *expires_at;
	} rows[] = {
	        {"a classic token", JSON_TYPE "X-OAuth-Scopes: repo, workflow\r\n", "repo workflow", NULL},
	        {"a classic token without scopes", JSON_TYPE "X-OAuth-Scopes: \r\n", "", NULL},
	        {"a fine-grained token", JSON_TYPE "github-authentication-token-expiration: 2026-12-31 10:00:00 UTC\r\n", NULL,
	         "2026-12-31"},
	        {"an expiry with an offset", JSON_TYPE "github-authentication-token-expiration: 2026-12-31 23:30:00 -0800\r\n",
	         NULL, "2027-01-01"},
	        {"an expiry in another form", JSON_TYPE "github-authentication-token-expiration: tomorrow\r\n", NULL, NULL},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {{API "/user", "200 OK", rows[i].headers, USER}, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_account account = FORGE_ACCOUNT_INIT;
		struct error err = ERROR_INIT;
		if (!github_forge.account_get(&f->access, &account, &err))
			fail_msg("%s: %s (%s)", rows[i].what, err.message, err.detail);
		assert_string_equal(account.id, "583231");
		assert_string_equal(account.username, "octocat");
		assert_string_equal(account.name, "The Octocat");
		assert_null(account.email);
		assert_null(account.token_name);
		assert_false(account.is_bot);
		if (!account.scopes != !rows[i].scopes || (account.scopes && strcmp(account.scopes, rows[i].scopes) != 0) ||
		    !account.expires_at != !rows[i].expires_at ||
		    (account.expires_at && strcmp(account.expires_at, rows[i].expires_at) != 0))
			fail_msg("%s: %s, %s", rows[i].what, account.scopes, account.expires_at);
		forge_account_release(&account);
		github_fixture_stop(f);
	}
}

static void an_installations_token_has_the_account_of_the_app(void **state)
{
	static const struct reply replies[] = {
	        {API "/user", "403 Forbidden", JSON_TYPE, "{\"message\":\"Resource not accessible by integration\"}"}, {NULL}};
	struct github_fixture *f = github_fixture_start(replies);
	struct forge_account account = FORGE_ACCOUNT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(github_forge.account_get(&f->access, &account, &err));
	assert_string_equal(account.id, "0");
	assert_string_equal(account.username, "x-access-token");
	assert_true(account.is_bot);
	assert_null(account.scopes);
	forge_account_release(&account);
	github_fixture_stop(f);
}

static void tokens_that_do_not_work_are_named(void **state)
{
	static const struct {
		const char *status, *body;
		enum error_code code;
	} rows[] = {
	        {"401 Unauthorized", "{\"message\":\"Bad credentials\"}", ERR_TOKEN_INVALID},
	        {"403 Forbidden", "{\"message\":\"Sorry. Your account was suspended\"}", ERR_ACCOUNT_BLOCKED},
	        {"200 OK", "{\"hello\":1}", ERR_INSTANCE_NOT_API},
	        {"200 OK", "{\"id\":1,\"login\":\"a\\nb\"}", ERR_INSTANCE_NOT_API},
	        {"404 Not Found", "{\"message\":\"404 Not Found\"}", ERR_INSTANCE_NOT_API},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {{API "/user", rows[i].status, JSON_TYPE, rows[i].body}, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_account account = FORGE_ACCOUNT_INIT;
		struct error err = ERROR_INIT;
		assert_false(github_forge.account_get(&f->access, &account, &err));
		if (err.code != rows[i].code)
			fail_msg("%s: %s", rows[i].body, error_name(err.code));
		assert_null(account.id);
		github_fixture_stop(f);
	}
}

static void only_an_active_admin_owns_an_organization(void **state)
{
	static const struct {
		const char *status, *body;
		bool answered, owner;
	} rows[] = {
	        {"200 OK", "{\"state\":\"active\",\"role\":\"admin\"}", true, true},
	        {"200 OK", "{\"state\":\"active\",\"role\":\"member\"}", true, false},
	        {"200 OK", "{\"state\":\"pending\",\"role\":\"admin\"}", true, false},
	        {"200 OK", "{\"state\":\"active\"}", true, false},
	        {"404 Not Found", "{\"message\":\"Not Found\"}", true, false},
	        {"403 Forbidden", "{\"message\":\"Resource not accessible by personal access token\"}", true, false},
	        {"403 Forbidden", "{\"message\":\"API rate limit exceeded for user ID 1.\"}", false, false},
	        {"401 Unauthorized", "{\"message\":\"Bad credentials\"}", false, false},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {{API "/user/memberships/orgs/octo%2Forg", rows[i].status, JSON_TYPE, rows[i].body},
		                                {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct error err = ERROR_INIT;
		bool owner = !rows[i].owner;
		if (github_is_owner(&f->access, "octo/org", &owner, &err) != rows[i].answered ||
		    (rows[i].answered && owner != rows[i].owner))
			fail_msg("%s: %s", rows[i].body, err.message);
		github_fixture_stop(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(api_addresses_follow_the_kind_of_instance),
	        cmocka_unit_test(scopes_tell_what_a_classic_token_may_do),
	        cmocka_unit_test(account_is_read_with_what_the_headers_tell),
	        cmocka_unit_test(an_installations_token_has_the_account_of_the_app),
	        cmocka_unit_test(tokens_that_do_not_work_are_named),
	        cmocka_unit_test(only_an_active_admin_owns_an_organization),
	};

	require(secret_library_init());
	json_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
