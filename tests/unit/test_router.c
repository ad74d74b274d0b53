/* The table of routes, and how a request finds its row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "router.h"

static bool find(const char *method, const char *path, unsigned pools, const struct route **ret,
                 struct route_parameters *parameters, char allow[64], struct error *err)
{
	CLEANUP(request_release) struct request request = REQUEST_INIT;

	request.method = xstrdup(method);
	if (!request_split_path(path, strlen(path), &request, err))
		return false;
	return router_find(&request, pools, ret, parameters, allow, 64, err);
}

/* A path that the pattern stands for: {project} becomes "project-1" and so on. */
static void fill_pattern(const char *pattern, struct strbuf *to)
{
	for (const char *c = pattern; *c; c++)
		if (*c == '}')
			strbuf_add_string(to, "-1");
		else if (*c != '{')
			strbuf_add_char(to, *c);
}

static void every_row_is_reachable_in_its_pools_and_only_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < route_count; i++) {
		CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(512);

		fill_pattern(routes[i].pattern, &path);
		for (unsigned pool = POOL_STATUS; pool <= POOL_GIT; pool *= 2) {
			CLEANUP(route_parameters_release) struct route_parameters parameters = ROUTE_PARAMETERS_INIT;
			const struct route *found = NULL;
			struct error err = ERROR_INIT;
			char allow[64] = "";
			bool here = routes[i].pools & pool;

			if (find(routes[i].method, path.data, pool, &found, &parameters, allow, &err) != here ||
			    (here && found != &routes[i]))
				fail_msg("%s %s in pool %s", routes[i].method, path.data, pool_name(pool));
		}
	}
}

static void parameters_are_cut_out_of_the_path(void **state)
{
	CLEANUP(route_parameters_release) struct route_parameters parameters = ROUTE_PARAMETERS_INIT;
	const struct route *route = NULL;
	struct error err = ERROR_INIT;
	char allow[64] = "";

	(void)state;
	assert_true(find("POST", "/api/projects/alpha/agentic-sessions/one/git/push", POOL_ALL, &route, &parameters, allow, &err));
	assert_string_equal(parameters.project, "alpha");
	assert_string_equal(parameters.session, "one");
	assert_null(parameters.repository);
	route_parameters_release(&parameters);
	assert_true(find("GET", "/git/1-2-3/my.repo.git.git/info/refs", POOL_ALL, &route, &parameters, allow, &err));
	assert_string_equal(parameters.session, "1-2-3");
	assert_string_equal(parameters.repository, "my.repo.git");
}

static void what_opens_tokens_is_served_by_the_pool_that_can(void **state)
{
	static const struct {
		const char *method, *path;
		unsigned pool;
	} rows[] = {
	        {"POST", "/api/auth/github/pat", POOL_CONNECT},
	        {"DELETE", "/api/auth/github/pat", POOL_CONNECT},
	        {"POST", "/api/auth/github/test", POOL_CONNECT},
	        {"POST", "/api/auth/github/disconnect", POOL_CONNECT},
	        {"GET", "/api/auth/github/pat/status", POOL_STATUS},
	        {"GET", "/api/auth/github/status", POOL_STATUS},
	        {"POST", "/api/auth/github/install", POOL_REPOSITORIES},
	        {"POST", "/api/projects/alpha/repositories/validate", POOL_REPOSITORIES},
	        {"GET", "/api/projects/alpha/repositories", POOL_REPOSITORIES},
	        {"PUT", "/api/projects/alpha/repositories", POOL_REPOSITORIES},
	        {"GET", "/api/projects/alpha/repo/branches", POOL_REPOSITORIES},
	        {"GET", "/api/projects/alpha/repo/tree", POOL_REPOSITORIES},
	        {"GET", "/api/projects/alpha/repo/blob", POOL_REPOSITORIES},
	        {"POST", "/api/projects/alpha/agentic-sessions/one/preflight", POOL_REPOSITORIES},
	        {"POST", "/git/1-2-3/preflight", POOL_GIT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(route_parameters_release) struct route_parameters parameters = ROUTE_PARAMETERS_INIT;
		const struct route *route = NULL;
		char allow[64] = "";

		if (!find(rows[i].method, rows[i].path, POOL_ALL, &route, &parameters, allow, NULL) || route->pools != rows[i].pool)
			fail_msg("%s %s", rows[i].method, rows[i].path);
	}
}

static void what_is_no_row_is_not_found_or_not_allowed(void **state)
{
	static const struct {
		const char *sentence, *method, *path;
		unsigned pools;
		enum error_code code;
		const char *allow;
	} rows[] = {
	        {"an unknown path", "GET", "/api/nothing", POOL_ALL, ERR_NOT_FOUND, ""},
	        {"a trailing slash", "GET", "/api/version/", POOL_ALL, ERR_NOT_FOUND, ""},
	        {"a doubled slash", "GET", "//api/version", POOL_ALL, ERR_NOT_FOUND, ""},
	        {"a longer path", "GET", "/api/version/x", POOL_ALL, ERR_NOT_FOUND, ""},
	        {"a shorter path", "GET", "/api", POOL_ALL, ERR_NOT_FOUND, ""},
	        {"another case", "GET", "/API/version", POOL_ALL, ERR_NOT_FOUND, ""},
	        {"a repository without a name", "GET", "/git/s/.git/info/refs", POOL_GIT, ERR_NOT_FOUND, ""},
	        {"a repository without .git", "GET", "/git/s/r/info/refs", POOL_GIT, ERR_NOT_FOUND, ""},
	        {"the dumb protocol", "GET", "/git/s/r.git/HEAD", POOL_GIT, ERR_NOT_FOUND, ""},
	        {"a route of another pool", "POST", "/api/auth/gitlab/connect", POOL_STATUS, ERR_NOT_FOUND, ""},
	        {"a wrong method", "GET", "/api/auth/gitlab/connect", POOL_CONNECT, ERR_METHOD_NOT_ALLOWED, "POST"},
	        {"two methods are allowed", "GET", "/api/auth/gitlab/disconnect", POOL_CONNECT, ERR_METHOD_NOT_ALLOWED,
	         "POST, DELETE"},
	        {"a list is read or replaced", "POST", "/api/projects/p/repositories", POOL_REPOSITORIES, ERR_METHOD_NOT_ALLOWED,
	         "GET, HEAD, PUT"},
	        {"HEAD goes with GET", "POST", "/api/version", POOL_STATUS, ERR_METHOD_NOT_ALLOWED, "GET, HEAD"},
	        {"but not where git streams", "HEAD", "/git/s/r.git/info/refs", POOL_GIT, ERR_METHOD_NOT_ALLOWED, "GET"},
	        {"methods have one case", "get", "/api/version", POOL_ALL, ERR_METHOD_NOT_ALLOWED, "GET, HEAD"},
	        {"no method", "", "/api/version", POOL_ALL, ERR_METHOD_NOT_ALLOWED, "GET, HEAD"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(route_parameters_release) struct route_parameters parameters = ROUTE_PARAMETERS_INIT;
		const struct route *route = NULL;
		struct error err = ERROR_INIT;
		char allow[64] = "";

		if (find(rows[i].method, rows[i].path, rows[i].pools, &route, &parameters, allow, &err) ||
		    err.code != rows[i].code || strcmp(allow, rows[i].allow) != 0)
			fail_msg("%s: code %s, allow '%s'", rows[i].sentence, error_name(err.code), allow);
	}
}

static void head_finds_the_row_of_get(void **state)
{
	CLEANUP(route_parameters_release) struct route_parameters parameters = ROUTE_PARAMETERS_INIT;
	const struct route *route = NULL;
	char allow[64] = "";

	(void)state;
	assert_true(find("HEAD", "/livez", POOL_STATUS, &route, &parameters, allow, NULL));
	assert_string_equal(route->pattern, "/livez");
}

/* What a row with this right may be: a wrong one would let somebody write who may only look. */
static bool right_fits(const struct route *r)
{
	const bool looks = strcmp(r->method, "GET") == 0, sessions = strstr(r->pattern, "/agentic-sessions") != NULL;

	switch (r->access) {
	case ACCESS_PROJECT_GET:
		return !sessions && (looks || strstr(r->pattern, "/auth/") || strstr(r->pattern, "/validate"));
	case ACCESS_SESSIONS_GET:
		return sessions && (looks || strstr(r->pattern, "/preflight"));
	case ACCESS_PROJECT_UPDATE:
		return !sessions && !looks;
	case ACCESS_SESSIONS_CREATE:
	case ACCESS_SESSIONS_UPDATE:
	case ACCESS_SESSIONS_DELETE:
		return sessions && !looks;
	default:
		return false;
	}
}

static void table_keeps_its_promises(void **state)
{
	(void)state;
	for (size_t i = 0; i < route_count; i++) {
		const struct route *r = &routes[i];
		bool in_project = strstr(r->pattern, "{project}") != NULL, public = r->access == ACCESS_PUBLIC;

		if (in_project != right_fits(r))
			fail_msg("%s %s: a project in the path is always checked, for what is done there", r->method, r->pattern);
		if ((strncmp(r->pattern, "/git/", 5) == 0) != (r->access == ACCESS_SESSION))
			fail_msg("%s: the gate takes sessions' credentials and nothing else does", r->pattern);
		if (public && strncmp(r->pattern, "/api/", 5) == 0 && strcmp(r->pattern, "/api/version") != 0 &&
		    strcmp(r->pattern, "/api/openapi.json") != 0)
			fail_msg("%s: everything under /api but the version and the description needs a caller", r->pattern);
		if ((r->body == BODY_JSON || r->body == BODY_JSON_OPTIONAL) && r->body_max == 0)
			fail_msg("%s: a body has a cap", r->pattern);
		if (strstr(r->pattern, "/auth/") && r->body_max > LIMIT_BODY_AUTH)
			fail_msg("%s: bodies of /api/auth are at most 16 KiB", r->pattern);
		if (r->pools & POOL_STATUS && !public && r->body != BODY_NONE)
			fail_msg("%s: pool status takes no bodies", r->pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_row_is_reachable_in_its_pools_and_only_there),
	        cmocka_unit_test(parameters_are_cut_out_of_the_path),
	        cmocka_unit_test(what_opens_tokens_is_served_by_the_pool_that_can),
	        cmocka_unit_test(what_is_no_row_is_not_found_or_not_allowed),
	        cmocka_unit_test(head_finds_the_row_of_get),
	        cmocka_unit_test(table_keeps_its_promises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
