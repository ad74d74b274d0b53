#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "github_fixture.h"

#define REPO(id, name, more) "{\"id\":" #id ",\"full_name\":\"" name "\",\"default_branch\":\"main\"" more "}"
#define RIGHTS(list)         ",\"size\":7,\"permissions\":{" list "}"
#define WRITE                RIGHTS("\"admin\":false,\"maintain\":false,\"push\":true,\"triage\":true,\"pull\":true")

static void project_is_read_and_its_addresses_are_ours(void **state)
{
	static const struct reply replies[] = {
	        {API "/repos/Octo/r.js", OK,
	         REPO(81, "octo/r.js",
	              WRITE
	              ",\"html_url\":\"https://wrong.example/octo/r.js\",\"clone_url\":\"https://wrong.example/octo/r.js.git\"")},
	        {NULL}};
	struct github_fixture *f = github_fixture_start(replies);
	struct forge_project project = FORGE_PROJECT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	if (!github_forge.project_get(&f->access, "Octo/r.js", 0, NULL, &project, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	CLEANUP(freep) char *web_url = xasprintf("%s/octo/r.js", f->instance.text);
	CLEANUP(freep) char *clone_url = xasprintf("%s/octo/r.js.git", f->instance.text);
	CLEANUP(freep) char *api_url = xasprintf("%s" API "/repositories/81", f->instance.text);
	assert_int_equal(project.id, 81);
	assert_string_equal(project.path, "octo/r.js");
	assert_string_equal(project.web_url, web_url);
	assert_string_equal(project.clone_url, clone_url);
	assert_string_equal(project.api_url, api_url);
	assert_string_equal(project.default_branch, "main");
	assert_int_equal(project.access_level, 30);
	assert_string_equal(project.role, "Write");
	assert_false(project.moved || project.empty || project.archived || project.deleting || project.repository_disabled);
	assert_int_equal(http_peer_requests(f->peer), 1);
	forge_project_release(&project);
	github_fixture_stop(f);
}

static void roles_have_githubs_names(void **state)
{
	static const struct {
		const char *permissions, *role;
		int level;
	} rows[] = {
	        {"\"admin\":true,\"maintain\":true,\"push\":true,\"triage\":true,\"pull\":true", "Admin", 50},
	        {"\"admin\":false,\"maintain\":true,\"push\":true,\"triage\":true,\"pull\":true", "Maintain", 40},
	        {"\"push\":true,\"pull\":true", "Write", 30},
	        {"\"push\":false,\"triage\":true,\"pull\":true", "Triage", 20},
	        {"\"push\":false,\"pull\":true", "Read", 20},
	        {"\"push\":false,\"pull\":false", NULL, 0},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *body = xasprintf(REPO(5, "o/r", RIGHTS("%s")), rows[i].permissions);
		const struct reply replies[] = {{API "/repositories/5", OK, body}, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_project project = FORGE_PROJECT_INIT;
		struct error err = ERROR_INIT;
		assert_true(github_forge.project_get(&f->access, NULL, 5, NULL, &project, &err));
		if (project.access_level != rows[i].level || !project.role != !rows[i].role ||
		    (rows[i].role && strcmp(project.role, rows[i].role) != 0))
			fail_msg("%s: %s", rows[i].permissions, project.role);
		forge_project_release(&project);
		github_fixture_stop(f);
	}
}

static void states_of_a_project_are_reported_not_judged(void **state)
{
	static const struct reply replies[] = {
	        {API "/repos/o/r", OK,
	         REPO(5, "o/r", ",\"size\":0,\"archived\":true,\"disabled\":true,\"mirror_url\":\"https://x/y\"")},
	        {NULL}};
	struct github_fixture *f = github_fixture_start(replies);
	struct forge_project project = FORGE_PROJECT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(github_forge.project_get(&f->access, "o/r", 0, NULL, &project, &err));
	assert_true(project.archived && project.repository_disabled && project.mirror && !project.empty);
	assert_int_equal(project.access_level, 0);
	forge_project_release(&project);
	github_fixture_stop(f);
}

static void emptiness_is_asked_about_only_where_the_size_is_no_proof(void **state)
{
	static const struct {
		const char *what, *status, *body;
		bool empty;
		enum error_code code;
	} rows[] = {
	        {"no branch", "200 OK", "[]", true, ERR_NONE},
	        {"a small repository", "200 OK", "[{\"name\":\"main\"}]", false, ERR_NONE},
	        {"GitHub says so", "409 Conflict", "{\"message\":\"Git Repository is empty.\"}", true, ERR_NONE},
	        {"not shown to this token", "403 Forbidden", "{\"message\":\"Resource not accessible by personal access token\"}",
	         false, ERR_NONE},
	        {"not answered", "502 Bad Gateway", "{\"message\":\"Server Error\"}", false, ERR_INSTANCE_ERROR},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {{API "/repos/o/r", OK, REPO(5, "o/r", ",\"size\":0")},
		                                {API "/repos/o/r/branches?per_page=1", rows[i].status, JSON_TYPE, rows[i].body},
		                                {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_project project = FORGE_PROJECT_INIT;
		struct error err = ERROR_INIT;
		bool found = github_forge.project_get(&f->access, "o/r", 0, NULL, &project, &err);
		if (found != (rows[i].code == ERR_NONE) || err.code != rows[i].code || project.empty != rows[i].empty ||
		    (found && !project.default_branch != rows[i].empty))
			fail_msg("%s: %s", rows[i].what, err.message);
		forge_project_release(&project);
		github_fixture_stop(f);
	}
}

static void a_rename_is_followed_by_number_on_our_own_origin(void **state)
{
	static const struct {
		const char *what, *headers, *body;
	} rows[] = {
	        {"named in the body", JSON_TYPE,
	         "{\"message\":\"Moved Permanently\",\"url\":\"https://evil.example/repositories/81\"}"},
	        {"named in the header", JSON_TYPE "Location: https://evil.example/api/v3/repositories/81\r\n",
	         "{\"message\":\"Moved Permanently\"}"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {{API "/repos/old/r", "301 Moved Permanently", rows[i].headers, rows[i].body},
		                                {API "/repositories/81", OK, REPO(81, "new/r", WRITE)},
		                                {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_project project = FORGE_PROJECT_INIT;
		struct error err = ERROR_INIT;
		if (!github_forge.project_get(&f->access, "old/r", 0, NULL, &project, &err))
			fail_msg("%s: %s", rows[i].what, err.message);
		assert_string_equal(project.path, "new/r");
		assert_true(project.moved);
		forge_project_release(&project);
		github_fixture_stop(f);
	}
}

static void projects_that_cannot_be_had_are_named(void **state)
{
	static const struct {
		const char *what, *path, *status, *headers, *body;
		enum error_code code;
		const char *part;
	} rows[] = {
	        {"not there", "o/r", NOT_FOUND, "{\"message\":\"Not Found\"}", ERR_REPO_NOT_FOUND,
	         "Repository not found. o/r was not found on"},
	        {"hidden from the token", "o/r", "404 Not Found", JSON_TYPE "X-OAuth-Scopes: public_repo, read:org\r\n",
	         "{\"message\":\"Not Found\"}", ERR_REPO_NOT_FOUND, "The token lacks the scope 'repo'"},
	        {"hidden from a token without any scope", "o/r", "404 Not Found", JSON_TYPE "X-OAuth-Scopes: \r\n",
	         "{\"message\":\"Not Found\"}", ERR_REPO_NOT_FOUND, "The token lacks the scope 'repo'"},
	        {"a takedown", "o/r", "451 Unavailable For Legal Reasons", JSON_TYPE,
	         "{\"message\":\"Repository access blocked\",\"block\":{\"reason\":\"dmca\"}}", ERR_REPO_DISABLED,
	         "GitHub has blocked"},
	        {"moved to nowhere", "o/r", "301 Moved Permanently", JSON_TYPE, "{\"message\":\"Moved Permanently\"}",
	         ERR_REPO_NOT_FOUND, "It has moved"},
	        {"a path that git must not see", "o/r", OK, "{\"id\":1,\"full_name\":\"o/../../x\"}", ERR_INSTANCE_NOT_API, NULL},
	        {"a page", "o/r", "200 OK", "Content-Type: text/html\r\n", "<html>", ERR_INSTANCE_NOT_API, NULL},
	        {"three segments", "group/sub/project", OK, "{}", ERR_REPO_URL_INVALID, "owner/name"},
	        {"one segment", "o", OK, "{}", ERR_REPO_URL_INVALID, "owner/name"},
	        {"a dot segment", "o/..", OK, "{}", ERR_REPO_URL_INVALID, "owner/name"},
	        {"a query in the path", "o/r?x", OK, "{}", ERR_REPO_URL_INVALID, "owner/name"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {{API "/repos/o/r", rows[i].status, rows[i].headers, rows[i].body}, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_project project = FORGE_PROJECT_INIT;
		struct error err = ERROR_INIT;
		assert_false(github_forge.project_get(&f->access, rows[i].path, 0, NULL, &project, &err));
		if (err.code != rows[i].code || (rows[i].part && !strstr(err.message, rows[i].part)))
			fail_msg("%s: %s, %s", rows[i].what, error_name(err.code), err.message);
		assert_null(project.path);
		github_fixture_stop(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(project_is_read_and_its_addresses_are_ours),
	        cmocka_unit_test(roles_have_githubs_names),
	        cmocka_unit_test(states_of_a_project_are_reported_not_judged),
	        cmocka_unit_test(emptiness_is_asked_about_only_where_the_size_is_no_proof),
	        cmocka_unit_test(a_rename_is_followed_by_number_on_our_own_origin),
	        cmocka_unit_test(projects_that_cannot_be_had_are_named),
	};

	require(secret_library_init());
	json_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
