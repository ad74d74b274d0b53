#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "github_fixture.h"

#define BRANCH(name, more) "{\"name\":\"" name "\",\"commit\":{\"sha\":\"6dcb09b5b57875f334f61aebed695e2e4193db5e\"}" more "}"
#define NO_BRANCH          NOT_FOUND, "{\"message\":\"Branch not found\"}"
#define BRANCH_AT          API "/repos/o/r/branches/f%2Fx%23"
#define RULES_AT           API "/repos/o/r/rules/branches/f%2Fx%23?per_page=100"
#define RULESET_AT         API "/repos/o/r/rulesets/7"
#define PULL_REQUEST       "[{\"type\":\"pull_request\",\"ruleset_id\":7}]"
#define NO_RULES           "[{\"type\":\"deletion\",\"ruleset_id\":7}]"

static void branches_are_judged_by_rules_and_protection(void **state)
{
	static const struct {
		const char *what;
		struct reply branch, rules, ruleset;
		int level;
		enum forge_branch_state state;
		bool is_protected;
	} rows[] = {
	        {"open",
	         {BRANCH_AT, OK, BRANCH("f/x#", ",\"protected\":false")},
	         {RULES_AT, OK, "[]"},
	         {NULL},
	         30,
	         FORGE_BRANCH_OPEN,
	         false},
	        {"protected by rules that let a push through",
	         {BRANCH_AT, OK, BRANCH("f/x#", ",\"protected\":true")},
	         {RULES_AT, OK, NO_RULES},
	         {NULL},
	         30,
	         FORGE_BRANCH_OPEN,
	         true},
	        {"a pull request is needed",
	         {BRANCH_AT, OK, BRANCH("f/x#", ",\"protected\":true")},
	         {RULES_AT, OK, PULL_REQUEST},
	         {RULESET_AT, OK, "{\"id\":7,\"current_user_can_bypass\":\"pull_requests_only\"}"},
	         30,
	         FORGE_BRANCH_PROTECTED,
	         true},
	        {"a pull request is needed, but not of this user",
	         {BRANCH_AT, OK, BRANCH("f/x#", ",\"protected\":false")},
	         {RULES_AT, OK, PULL_REQUEST},
	         {RULESET_AT, OK, "{\"id\":7,\"current_user_can_bypass\":\"always\"}"},
	         30,
	         FORGE_BRANCH_OPEN,
	         true},
	        {"the ruleset is not shown",
	         {BRANCH_AT, OK, BRANCH("f/x#", ",\"protected\":false")},
	         {RULES_AT, OK, PULL_REQUEST},
	         {RULESET_AT, NOT_FOUND, "{\"message\":\"Not Found\"}"},
	         50,
	         FORGE_BRANCH_PROTECTED,
	         true},
	        {"protection without rules closes it for writers",
	         {BRANCH_AT, OK, BRANCH("f/x#", ",\"protected\":true")},
	         {RULES_AT, OK, "[]"},
	         {NULL},
	         40,
	         FORGE_BRANCH_PROTECTED,
	         true},
	        {"administrators are exempt",
	         {BRANCH_AT, OK, BRANCH("f/x#", ",\"protected\":true")},
	         {RULES_AT, OK, "[]"},
	         {NULL},
	         50,
	         FORGE_BRANCH_OPEN,
	         true},
	        {"unless checks are required of everyone",
	         {BRANCH_AT, OK,
	          BRANCH("f/x#",
	                 ",\"protected\":true,\"protection\":{\"required_status_checks\":{\"enforcement_level\":\"everyone\"}}")},
	         {RULES_AT, OK, "[]"},
	         {NULL},
	         50,
	         FORGE_BRANCH_PROTECTED,
	         true},
	        {"an old server without rules",
	         {BRANCH_AT, OK, BRANCH("f/x#", ",\"protected\":false")},
	         {RULES_AT, NOT_FOUND, "{\"message\":\"Not Found\"}"},
	         {NULL},
	         30,
	         FORGE_BRANCH_OPEN,
	         false},
	        {"missing, and free", {BRANCH_AT, NO_BRANCH}, {RULES_AT, OK, "[]"}, {NULL}, 30, FORGE_BRANCH_MISSING, false},
	        {"missing, and would be protected",
	         {BRANCH_AT, NO_BRANCH},
	         {RULES_AT, OK, "[{\"type\":\"creation\",\"ruleset_id\":7}]"},
	         {RULESET_AT, OK, "{\"id\":7,\"current_user_can_bypass\":\"never\"}"},
	         30,
	         FORGE_BRANCH_PROTECTED,
	         true},
	        {"missing, and the rules are not shown",
	         {BRANCH_AT, NO_BRANCH},
	         {RULES_AT, "403 Forbidden", JSON_TYPE, "{\"message\":\"Upgrade to GitHub Pro\"}"},
	         {NULL},
	         30,
	         FORGE_BRANCH_UNKNOWN,
	         false},
	        {"renamed: missing under this name",
	         {BRANCH_AT, "301 Moved Permanently", JSON_TYPE, "{\"message\":\"Moved Permanently\"}"},
	         {RULES_AT, OK, "[]"},
	         {NULL},
	         30,
	         FORGE_BRANCH_MISSING,
	         false},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {rows[i].branch, rows[i].rules, rows[i].ruleset, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_project project = {.path = (char *)(uintptr_t) "o/r",
		                                .default_branch = (char *)(uintptr_t) "f/x#",
		                                .access_level = rows[i].level};
		struct forge_branch branch = {0};
		struct error err = ERROR_INIT;
		if (!github_forge.branch_get(&f->access, &project, NULL, "f/x#", &branch, &err) || branch.state != rows[i].state ||
		    branch.is_protected != rows[i].is_protected)
			fail_msg("%s: state %d, protected %d (%s)", rows[i].what, (int)branch.state, branch.is_protected,
			         err.message);
		bool exists = strncmp(rows[i].branch.status, "200", 3) == 0;
		assert_int_equal(strlen(branch.commit), exists ? 40 : 0);
		assert_int_equal(branch.is_default, exists);
		assert_int_equal(http_peer_requests(f->peer), rows[i].ruleset.target ? 3 : 2);
		github_fixture_stop(f);
	}
}

static void questions_about_a_branch_that_fail_are_failures(void **state)
{
	static const struct {
		const char *what;
		struct reply branch, rules;
		enum error_code code;
	} rows[] = {
	        {"the token may not read the code",
	         {BRANCH_AT, "403 Forbidden", JSON_TYPE, "{\"message\":\"Resource not accessible by personal access token\"}"},
	         {RULES_AT, OK, "[]"},
	         ERR_TOKEN_PERMISSION_MISSING},
	        {"the repository is gone",
	         {BRANCH_AT, NOT_FOUND, "{\"message\":\"Not Found\"}"},
	         {RULES_AT, OK, "[]"},
	         ERR_REPO_NOT_FOUND},
	        {"the rules are rate limited",
	         {BRANCH_AT, NO_BRANCH},
	         {RULES_AT, "403 Forbidden", JSON_TYPE, "{\"message\":\"API rate limit exceeded\"}"},
	         ERR_RATE_LIMITED},
	        {"no branch in the answer", {BRANCH_AT, OK, "{}"}, {RULES_AT, OK, "[]"}, ERR_INSTANCE_NOT_API},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {rows[i].branch, rows[i].rules, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_project project = {.path = (char *)(uintptr_t) "o/r", .access_level = 30};
		struct forge_branch branch = {0};
		struct error err = ERROR_INIT;
		assert_false(github_forge.branch_get(&f->access, &project, NULL, "f/x#", &branch, &err));
		if (err.code != rows[i].code)
			fail_msg("%s: %s, %s", rows[i].what, error_name(err.code), err.message);
		github_fixture_stop(f);
	}
}

/* ---- pushing ---- */

static void the_push_probe_asks_git_itself(void **state)
{
	static const struct {
		const char *what, *status, *headers, *body;
		enum error_code code;
	} rows[] = {
	        {"allowed", "200 OK", "Content-Type: application/x-git-receive-pack-advertisement\r\n",
	         "001f# service=git-receive-pack\n", ERR_NONE},
	        {"the role is missing", "403 Forbidden", "Content-Type: text/plain\r\n", "Permission to o/r.git denied to john.",
	         ERR_REPO_NO_PUSH},
	        {"the token may not", "403 Forbidden", "Content-Type: text/plain\r\n", "Write access to repository not granted.",
	         ERR_PUSH_FORBIDDEN},
	        {"archived", "403 Forbidden", "Content-Type: text/plain\r\n", "This repository was archived so it is read-only.",
	         ERR_REPO_ARCHIVED},
	        {"a wrong token", "401 Unauthorized", "Content-Type: text/plain\r\n", "Invalid username or token.",
	         ERR_TOKEN_INVALID},
	        {"gone", "404 Not Found", "Content-Type: text/plain\r\n", "Repository not found.", ERR_REPO_NOT_FOUND},
	        {"a redirect elsewhere", "301 Moved Permanently", "Location: https://evil.example/o/r.git\r\n", "",
	         ERR_GIT_REDIRECT_REFUSED},
	        {"a sign-in page", "200 OK", "Content-Type: text/html\r\n", "<html>sign in</html>", ERR_INSTANCE_NOT_API},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {
		        {"/o/r.git/info/refs?service=git-receive-pack", rows[i].status, rows[i].headers, rows[i].body}, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		CLEANUP(freep) char *clone_url = xasprintf("%s/o/r.git", f->instance.text);
		const struct forge_project project = {.path = (char *)(uintptr_t) "o/r", .clone_url = clone_url};
		struct error err = ERROR_INIT;
		bool ok = github_forge.git_probe(&f->access, &project, GIT_RECEIVE_PACK, &err);
		if (ok != (rows[i].code == ERR_NONE) || err.code != rows[i].code)
			fail_msg("%s: %s, %s", rows[i].what, error_name(err.code), err.message);
		github_fixture_stop(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(branches_are_judged_by_rules_and_protection),
	        cmocka_unit_test(questions_about_a_branch_that_fail_are_failures),
	        cmocka_unit_test(the_push_probe_asks_git_itself),
	};

	require(secret_library_init());
	json_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
