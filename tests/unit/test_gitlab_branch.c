#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gitlab_branch.h"
#include "gitlab_fixture.h"

#define RULES                                                                                                                      \
	"[{\"name\":\"main\",\"push_access_levels\":[{\"access_level\":40}]},"                                                     \
	"{\"name\":\"release/*\",\"push_access_levels\":[{\"access_level\":0}]},"                                                  \
	"{\"name\":\"team/*\",\"push_access_levels\":[{\"access_level\":40,\"group_id\":9}]},"                                     \
	"{\"name\":\"mine/*\",\"push_access_levels\":[{\"access_level\":40,\"user_id\":7}]},"                                      \
	"{\"name\":\"key/*\",\"push_access_levels\":[{\"access_level\":40,\"deploy_key_id\":1}]},"                                 \
	"{\"name\":\"release/open-*\",\"push_access_levels\":[{\"access_level\":30}]}]"

static void missing_branches_are_judged_by_the_wildcards(void **state)
{
	static const struct {
		const char *what, *branch;
		int level;
		enum forge_branch_state state;
	} rows[] = {
	        {"no rule", "feature/x", 30, FORGE_BRANCH_MISSING},
	        {"an exact name above the role", "main", 30, FORGE_BRANCH_PROTECTED},
	        {"an exact name within the role", "main", 40, FORGE_BRANCH_MISSING},
	        {"no one may push", "release/1.0", 50, FORGE_BRANCH_PROTECTED},
	        {"the most permissive rule counts", "release/open-1", 30, FORGE_BRANCH_MISSING},
	        {"a group that may or may not be the user's", "team/x", 50, FORGE_BRANCH_UNKNOWN},
	        {"the user himself", "mine/x", 30, FORGE_BRANCH_MISSING},
	        {"a deploy key is not the user", "key/x", 50, FORGE_BRANCH_PROTECTED},
	};
	json_t *rules = json_parse_answer(RULES, strlen(RULES));
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (branch_state_of_rules(rules, rows[i].branch, rows[i].level, 7) != rows[i].state)
			fail_msg("%s", rows[i].what);
	json_decref(rules);
}

static void wildcards_cover_any_characters(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} rows[] = {
	        {"main", "main", true},
	        {"main", "mainline", false},
	        {"*", "a/b", true},
	        {"release/*", "release/1/2", true},
	        {"release/*", "release", false},
	        {"*-stable", "1-2-stable", true},
	        {"*-stable", "1-stable-2", false},
	        {"a*b*c", "a-b-b-c", true},
	        {"a*b*c", "a-c-b", false},
	        {"**", "", true},
	        {"", "x", false},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (branch_matches(rows[i].pattern, rows[i].name) != rows[i].matches)
			fail_msg("'%s' and '%s'", rows[i].pattern, rows[i].name);
}

static void branches_are_asked_for(void **state)
{
	static const struct reply replies[] = {
	        {API "/projects/81/repository/branches/main", OK,
	         "{\"name\":\"main\",\"protected\":true,\"can_push\":false,\"default\":true,\"commit\":{\"id\":"
	         "\"0123456789abcdef0123456789abcdef01234567\"}}"},
	        {API "/projects/81/repository/branches/feature%2Fx%2E1", OK,
	         "{\"name\":\"feature/x.1\",\"protected\":false,\"can_push\":true}"},
	        {API "/projects/81/repository/branches/mine", OK, "{\"name\":\"mine\",\"protected\":true,\"can_push\":true}"},
	        {API "/projects/81/repository/branches/release%2F2", "404 Not Found", JSON_TYPE,
	         "{\"message\":\"404 Branch Not Found\"}"},
	        {API "/projects/81/repository/branches/page2", "404 Not Found", JSON_TYPE,
	         "{\"message\":\"404 Branch Not Found\"}"},
	        {API "/projects/81/protected_branches?per_page=100&page=1", "200 OK", JSON_TYPE "X-Next-Page: 2\r\n", RULES},
	        {API "/projects/81/protected_branches?per_page=100&page=2", "200 OK", JSON_TYPE "X-Next-Page: \r\n",
	         "[{\"name\":\"page2\",\"push_access_levels\":[]}]"},
	        {API "/projects/82/repository/branches/x", "404 Not Found", JSON_TYPE, "{\"message\":\"404 Branch Not Found\"}"},
	        {API "/projects/82/protected_branches?per_page=100&page=1", "403 Forbidden", JSON_TYPE,
	         "{\"message\":\"403 Forbidden\"}"},
	        {API "/projects/83/repository/branches/x", "404 Not Found", JSON_TYPE, PROJECT_404},
	        {NULL},
	};
	static const struct {
		int64_t project;
		const char *branch;
		enum forge_branch_state state;
		enum error_code code;
	} rows[] = {
	        {81, "main", FORGE_BRANCH_PROTECTED, ERR_NONE},      {81, "feature/x.1", FORGE_BRANCH_OPEN, ERR_NONE},
	        {81, "mine", FORGE_BRANCH_OPEN, ERR_NONE},           {81, "release/2", FORGE_BRANCH_PROTECTED, ERR_NONE},
	        {81, "page2", FORGE_BRANCH_PROTECTED, ERR_NONE},     {82, "x", FORGE_BRANCH_UNKNOWN, ERR_NONE},
	        {83, "x", FORGE_BRANCH_UNKNOWN, ERR_REPO_NOT_FOUND},
	};
	struct fixture *f = start(replies);
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct forge_branch branch = {.state = FORGE_BRANCH_UNKNOWN};
		struct error err = ERROR_INIT;
		const struct forge_project project = {.id = rows[i].project, .access_level = 30};
		bool found = gitlab_branch_get(&f->access, &project, "7", rows[i].branch, &branch, &err);
		if (found != (rows[i].code == ERR_NONE) || err.code != rows[i].code || branch.state != rows[i].state)
			fail_msg("%s: state %d, %s (%s)", rows[i].branch, branch.state, error_name(err.code), err.detail);
		if (strcmp(rows[i].branch, "main") == 0) {
			assert_string_equal(branch.commit, "0123456789abcdef0123456789abcdef01234567");
			assert_true(branch.is_default);
		}
	}
	stop(f);
}

/* Both requests wait for each other, so that one after the other would hang. */
static void branch_and_its_rules_are_asked_for_at_once(void **state)
{
	static const struct {
		const char *what, *branch_status, *branch, *rules_status, *rules;
		enum forge_branch_state state;
		bool is_protected;
		enum error_code code;
	} rows[] = {
	        {"a branch that is there", "200 OK", "{\"name\":\"x\",\"can_push\":true}", "200 OK", "[]", FORGE_BRANCH_OPEN, false,
	         ERR_NONE},
	        {"its rules do not matter then", "200 OK", "{\"name\":\"x\",\"can_push\":true}", "500 Internal Server Error", "{}",
	         FORGE_BRANCH_OPEN, false, ERR_NONE},
	        {"a new branch without a rule", "404 Not Found", "{\"message\":\"404 Branch Not Found\"}", "200 OK", "[]",
	         FORGE_BRANCH_MISSING, false, ERR_NONE},
	        {"a new branch that would be protected", "404 Not Found", "{\"message\":\"404 Branch Not Found\"}", "200 OK",
	         "[{\"name\":\"*\",\"push_access_levels\":[{\"access_level\":40}]}]", FORGE_BRANCH_PROTECTED, true, ERR_NONE},
	        {"a protected one that this user may create", "404 Not Found", "{\"message\":\"404 Branch Not Found\"}", "200 OK",
	         "[{\"name\":\"*\",\"push_access_levels\":[{\"access_level\":30}]}]", FORGE_BRANCH_MISSING, true, ERR_NONE},
	        {"rules that are not shown", "404 Not Found", "{\"message\":\"404 Branch Not Found\"}", "403 Forbidden",
	         "{\"message\":\"403 Forbidden\"}", FORGE_BRANCH_UNKNOWN, false, ERR_NONE},
	        {"rules on no route of an old server", "404 Not Found", "{\"message\":\"404 Branch Not Found\"}", "404 Not Found",
	         ROUTE_404, FORGE_BRANCH_UNKNOWN, false, ERR_NONE},
	        {"rules that could not be asked for", "404 Not Found", "{\"message\":\"404 Branch Not Found\"}",
	         "429 Too Many Requests", "{}", FORGE_BRANCH_UNKNOWN, false, ERR_RATE_LIMITED},
	        {"rules that are none", "404 Not Found", "{\"message\":\"404 Branch Not Found\"}", "200 OK", "[1]",
	         FORGE_BRANCH_UNKNOWN, false, ERR_INSTANCE_NOT_GITLAB},
	};
	const struct forge_project project = {.id = 81, .access_level = 30};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {
		        {API "/projects/81/repository/branches/x", rows[i].branch_status, JSON_TYPE, rows[i].branch, true},
		        {API "/projects/81/protected_branches?per_page=100&page=1", rows[i].rules_status, JSON_TYPE, rows[i].rules,
		         true},
		        {NULL},
		};
		struct fixture *f = start(replies);
		struct forge_branch branch = {.state = FORGE_BRANCH_UNKNOWN};
		struct error err = ERROR_INIT;
		bool found = gitlab_branch_get(&f->access, &project, "7", "x", &branch, &err);
		if (found != (rows[i].code == ERR_NONE) || err.code != rows[i].code || branch.state != rows[i].state ||
		    branch.is_protected != rows[i].is_protected)
			fail_msg("%s: state %d, %s (%s)", rows[i].what, branch.state, error_name(err.code), err.message);
		assert_int_equal(http_peer_requests(f->peer), 2);
		stop(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(missing_branches_are_judged_by_the_wildcards),
	        cmocka_unit_test(wildcards_cover_any_characters),
	        cmocka_unit_test(branches_are_asked_for),
	        cmocka_unit_test(branch_and_its_rules_are_asked_for_at_once),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
