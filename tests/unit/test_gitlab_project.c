#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gitlab_fixture.h"

#define PROJECT(path, level)                                                                                                       \
	"{\"id\":81,\"path_with_namespace\":\"" path "\",\"default_branch\":\"main\",\"empty_repo\":false,"                        \
	"\"web_url\":\"https://wrong.example/" path "\",\"http_url_to_repo\":\"https://wrong.example/" path ".git\","              \
	"\"permissions\":{\"project_access\":" level ",\"group_access\":null}}"

static void project_is_read_and_its_addresses_are_ours(void **state)
{
	static const struct reply replies[] = {
	        {API "/projects/Group%2Fsub%2Ffoo%2Ejson", OK, PROJECT("group/sub/foo.json", "{\"access_level\":40}")},
	        {NULL},
	};
	struct fixture *f = start(replies);
	struct forge_project project = FORGE_PROJECT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	if (!gitlab_project_get(&f->access, "Group/sub/foo.json", 0, "7", &project, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	CLEANUP(freep) char *web_url = xasprintf("%s/group/sub/foo.json", f->instance.text);
	CLEANUP(freep) char *clone_url = xasprintf("%s/group/sub/foo.json.git", f->instance.text);
	assert_int_equal(project.id, 81);
	assert_string_equal(project.path, "group/sub/foo.json");
	assert_string_equal(project.web_url, web_url);
	assert_string_equal(project.clone_url, clone_url);
	assert_string_equal(project.default_branch, "main");
	CLEANUP(freep) char *api_url = xasprintf("%s/api/v4/projects/81", f->instance.text);
	assert_string_equal(project.api_url, api_url);
	assert_int_equal(project.access_level, 40);
	assert_string_equal(project.role, "Maintainer");
	assert_false(project.moved);
	forge_project_release(&project);
	stop(f);
}

static void states_of_a_project_are_reported_not_judged(void **state)
{
	static const struct reply replies[] = {
	        {API "/projects/5", OK,
	         "{\"id\":5,\"path_with_namespace\":\"g/p\",\"default_branch\":null,\"empty_repo\":true,\"archived\":true,"
	         "\"marked_for_deletion_on\":\"2026-12-01\",\"repository_access_level\":\"disabled\",\"mirror\":true}"},
	        {NULL},
	};
	struct fixture *f = start(replies);
	struct forge_project project = FORGE_PROJECT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(gitlab_project_get(&f->access, NULL, 5, NULL, &project, &err));
	assert_true(project.archived && project.deleting && project.repository_disabled && project.mirror && project.empty);
	assert_null(project.default_branch);
	assert_int_equal(project.access_level, 0);
	assert_string_equal(project.role, "No role");
	forge_project_release(&project);
	stop(f);
}

static void membership_is_asked_where_permissions_are_not_enough(void **state)
{
	static const struct {
		const char *what, *status, *body;
		int level;
		enum error_code code;
	} rows[] = {
	        {"a member through a shared group", "200 OK", "{\"id\":7,\"access_level\":30}", 30, ERR_NONE},
	        {"a lower level changes nothing", "200 OK", "{\"id\":7,\"access_level\":10}", 20, ERR_NONE},
	        {"not a member", "404 Not Found", "{\"message\":\"404 Not found\"}", 20, ERR_NONE},
	        {"not shown", "403 Forbidden", "{\"message\":\"403 Forbidden\"}", 20, ERR_NONE},
	        {"not answered", "429 Too Many Requests", "{\"message\":{\"error\":\"later\"}}", 0, ERR_RATE_LIMITED},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {
		        {API "/projects/g%2Fp", OK, PROJECT("g/p", "{\"access_level\":20}")},
		        {API "/projects/81/members/all/7", rows[i].status, JSON_TYPE, rows[i].body},
		        {NULL},
		};
		struct fixture *f = start(replies);
		struct forge_project project = FORGE_PROJECT_INIT;
		struct error err = ERROR_INIT;
		bool found = gitlab_project_get(&f->access, "g/p", 0, "7", &project, &err);
		if (found != (rows[i].code == ERR_NONE) || err.code != rows[i].code || project.access_level != rows[i].level)
			fail_msg("%s: level %d, %s (%s)", rows[i].what, project.access_level, error_name(err.code), err.message);
		if (found)
			assert_string_equal(project.role, gitlab_role_name(project.access_level));
		forge_project_release(&project);
		stop(f);
	}
}

static void running_imports_are_told_from_updates_of_a_mirror(void **state)
{
	static const struct {
		const char *what, *fields;
		bool importing;
	} rows[] = {
	        {"not imported", "\"import_status\":\"none\"", false},
	        {"imported some time ago", "\"import_status\":\"finished\"", false},
	        {"waiting", "\"import_status\":\"scheduled\"", true},
	        {"running", "\"import_status\":\"started\"", true},
	        {"failed: what is there can be used", "\"import_status\":\"failed\"", false},
	        {"a mirror that is updated", "\"import_status\":\"started\",\"mirror\":true", false},
	        {"a mirror that is filled for the first time", "\"import_status\":\"started\",\"mirror\":true,\"empty_repo\":true",
	         true},
	        {"not told", "\"import_status\":null", false},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep)
		char *body = xasprintf("{\"id\":5,\"path_with_namespace\":\"g/p\",\"default_branch\":\"main\",%s}", rows[i].fields);
		const struct reply replies[] = {{API "/projects/5", OK, body}, {NULL}};
		struct fixture *f = start(replies);
		struct forge_project project = FORGE_PROJECT_INIT;
		struct error err = ERROR_INIT;
		assert_true(gitlab_project_get(&f->access, NULL, 5, NULL, &project, &err));
		if (project.importing != rows[i].importing)
			fail_msg("%s", rows[i].what);
		forge_project_release(&project);
		stop(f);
	}
}

static void renamed_project_is_followed_on_our_origin(void **state)
{
	static const struct reply replies[] = {
	        {API "/projects/old%2Fp", "301 Moved Permanently", "Location: http://internal.example/api/v4/projects/81\r\n",
	         "This resource has been moved permanently to http://internal.example/api/v4/projects/81"},
	        {API "/projects/81", OK, PROJECT("new/p", "{\"access_level\":30}")},
	        {NULL},
	};
	struct fixture *f = start(replies);
	struct forge_project project = FORGE_PROJECT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	if (!gitlab_project_get(&f->access, "old/p", 0, NULL, &project, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_true(project.moved);
	assert_string_equal(project.path, "new/p");
	forge_project_release(&project);
	stop(f);
}

static void proxy_that_decodes_paths_is_worked_around(void **state)
{
	static const struct reply found[] = {
	        {API "/projects/g%2Fp", "404 Not Found", JSON_TYPE, ROUTE_404},
	        {API "/projects?search=p&membership=true&simple=true&per_page=100", OK,
	         "[{\"id\":80,\"path_with_namespace\":\"g/p2\"},{\"id\":81,\"path_with_namespace\":\"G/P\"}]"},
	        {API "/projects/81", OK, PROJECT("G/P", "{\"access_level\":30}")},
	        {NULL},
	};
	static const struct reply not_found[] = {
	        {API "/projects/g%2Fp", "404 Not Found", JSON_TYPE, ROUTE_404},
	        {API "/projects?search=p&membership=true&simple=true&per_page=100", OK, "[]"},
	        {NULL},
	};
	struct forge_project project = FORGE_PROJECT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	struct fixture *f = start(found);
	if (!gitlab_project_get(&f->access, "g/p", 0, NULL, &project, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_int_equal(project.id, 81);
	assert_false(project.moved);
	forge_project_release(&project);
	stop(f);

	f = start(not_found);
	assert_false(gitlab_project_get(&f->access, "g/p", 0, NULL, &project, &err));
	assert_int_equal(err.code, ERR_PROXY_DECODES_PATHS);
	assert_non_null(strstr(err.message, "alters encoded paths. Ask its administrator to pass %2F unchanged"));
	stop(f);
}

static void search_that_fails_itself_blames_no_proxy(void **state)
{
	static const struct {
		const char *what, *status, *body;
		enum error_code code;
	} rows[] = {
	        {"too many requests", "429 Too Many Requests", "{}", ERR_RATE_LIMITED},
	        {"an error of the server", "502 Bad Gateway", "{}", ERR_INSTANCE_ERROR},
	        {"the token ended meanwhile", "401 Unauthorized", "{\"message\":\"401 Unauthorized\"}", ERR_TOKEN_INVALID},
	        {"a scope that is missing", "403 Forbidden", "{\"error\":\"insufficient_scope\",\"scope\":\"api\"}",
	         ERR_TOKEN_SCOPE_MISSING},
	        {"another missing route", "404 Not Found", ROUTE_404, ERR_PROXY_DECODES_PATHS},
	        {"something that is no list", "200 OK", "{}", ERR_PROXY_DECODES_PATHS},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {
		        {API "/projects/g%2Fp", "404 Not Found", JSON_TYPE, ROUTE_404},
		        {API "/projects?search=p&membership=true&simple=true&per_page=100", rows[i].status, JSON_TYPE,
		         rows[i].body},
		        {NULL},
		};
		struct fixture *f = start(replies);
		struct forge_project project = FORGE_PROJECT_INIT;
		struct error err = ERROR_INIT;
		if (gitlab_project_get(&f->access, "g/p", 0, NULL, &project, &err) || err.code != rows[i].code)
			fail_msg("%s: %s (%s)", rows[i].what, error_name(err.code), err.message);
		stop(f);
	}
}

static void unusable_projects_are_refused(void **state)
{
	static const struct {
		const char *what, *status, *body;
		enum error_code code;
	} rows[] = {
	        {"F32 not there or not shown", "404 Not Found", PROJECT_404, ERR_REPO_NOT_FOUND},
	        {"F13 the token died", "401 Unauthorized", "{\"message\":\"401 Unauthorized\"}", ERR_TOKEN_INVALID},
	        {"a path that would change the address", "200 OK", "{\"id\":1,\"path_with_namespace\":\"../../evil\"}",
	         ERR_INSTANCE_NOT_GITLAB},
	        {"a path that ends above it", "200 OK", "{\"id\":1,\"path_with_namespace\":\"g/..\"}", ERR_INSTANCE_NOT_GITLAB},
	        {"a path that begins where it is", "200 OK", "{\"id\":1,\"path_with_namespace\":\"./g/p\"}",
	         ERR_INSTANCE_NOT_GITLAB},
	        {"a path with a query", "200 OK", "{\"id\":1,\"path_with_namespace\":\"g/p?x=1\"}", ERR_INSTANCE_NOT_GITLAB},
	        {"no id", "200 OK", "{\"path_with_namespace\":\"g/p\"}", ERR_INSTANCE_NOT_GITLAB},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {{API "/projects/g%2Fp", rows[i].status, JSON_TYPE, rows[i].body}, {NULL}};
		struct fixture *f = start(replies);
		struct forge_project project = FORGE_PROJECT_INIT;
		struct error err = ERROR_INIT;
		if (gitlab_project_get(&f->access, "g/p", 0, NULL, &project, &err) || err.code != rows[i].code)
			fail_msg("%s: %s (%s)", rows[i].what, error_name(err.code), err.message);
		assert_null(project.path);
		if (err.code == ERR_REPO_NOT_FOUND)
			assert_int_equal(strncmp(err.message, "Repository not found. g/p was not found on 127.0.0.1:", 53), 0);
		stop(f);
	}
}

static void roles_have_names_at_every_level(void **state)
{
	static const struct {
		int level;
		const char *name;
	} rows[] = {{0, "No role"},    {5, "Minimal Access"}, {10, "Guest"},      {15, "Planner"}, {20, "Reporter"},
	            {30, "Developer"}, {35, "Developer"},     {40, "Maintainer"}, {50, "Owner"},   {60, "Admin"}};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(gitlab_role_name(rows[i].level), rows[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(project_is_read_and_its_addresses_are_ours),
	        cmocka_unit_test(states_of_a_project_are_reported_not_judged),
	        cmocka_unit_test(membership_is_asked_where_permissions_are_not_enough),
	        cmocka_unit_test(running_imports_are_told_from_updates_of_a_mirror),
	        cmocka_unit_test(renamed_project_is_followed_on_our_origin),
	        cmocka_unit_test(proxy_that_decodes_paths_is_worked_around),
	        cmocka_unit_test(search_that_fails_itself_blames_no_proxy),
	        cmocka_unit_test(unusable_projects_are_refused),
	        cmocka_unit_test(roles_have_names_at_every_level),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
