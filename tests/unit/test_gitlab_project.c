#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "gitlab_branch.h"
#include "http_peer.h"

#define JSON_TYPE   "Content-Type: application/json\r\nX-Gitlab-Meta: {}\r\n"
#define ROUTE_404   "{\"error\":\"404 Not Found\"}"
#define PROJECT_404 "{\"message\":\"404 Project Not Found\"}"

/* One answer of the peer; a request for any other target fails the test by an empty 500. */
struct reply {
	const char *target, *status, *headers, *body;
};

struct fixture {
	const struct reply *replies;
	struct http_peer *peer;
	struct address_policy *policy;
	struct instance_url instance;
	struct secret token;
	struct gitlab_access access;
};

static void handle(struct peer_exchange *x, void *context)
{
	struct fixture *f = context;
	char value[256];

	for (const struct reply *r = f->replies; r->target; r++) {
		if (strcmp(r->target, x->target) != 0)
			continue;
		if (!peer_header(x, "Authorization", value, sizeof(value)))
			peer_answer(x, "401 Unauthorized", JSON_TYPE, "{\"message\":\"401 Unauthorized\"}");
		else
			peer_answer(x, r->status, r->headers, r->body);
		return;
	}
	peer_answer(x, "500 Internal Server Error", "X-Request-Id: unexpected-target\r\n", "");
}

static struct fixture *start(const struct reply *replies)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct error err = ERROR_INIT;

	f->replies = replies;
	f->peer = http_peer_start(PEER_PLAIN, handle, f);
	f->policy = address_policy_new();
	CLEANUP(freep) char *allowed = xasprintf("127.0.0.1:%u", http_peer_port(f->peer));
	CLEANUP(freep) char *url = xasprintf("http://127.0.0.1:%u/gitlab", http_peer_port(f->peer));
	assert_true(address_policy_add(f->policy, allowed, &err));
	assert_true(instance_url_parse(url, &f->instance, &err));
	secret_set(&f->token, "glpat-good", 10);
	struct http_client_options options = {.policy = f->policy, .ca_file = "", .user_agent = "test"};
	assert_true(http_client_new(&options, &f->access.client, &err));
	f->access.instance = &f->instance;
	f->access.token = &f->token;
	return f;
}

static void stop(struct fixture *f)
{
	http_client_freep(&f->access.client);
	address_policy_freep(&f->policy);
	instance_url_release(&f->instance);
	secret_release(&f->token);
	http_peer_stop(f->peer);
	free(f);
}

#define API "/gitlab/api/v4"
#define PROJECT(path, level)                                                                                                       \
	"{\"id\":81,\"path_with_namespace\":\"" path "\",\"default_branch\":\"main\",\"empty_repo\":false,"                        \
	"\"web_url\":\"https://wrong.example/" path "\",\"http_url_to_repo\":\"https://wrong.example/" path ".git\","              \
	"\"permissions\":{\"project_access\":" level ",\"group_access\":null}}"
#define OK "200 OK", JSON_TYPE

static void project_is_read_and_its_addresses_are_ours(void **state)
{
	static const struct reply replies[] = {
	        {API "/projects/Group%2Fsub%2Ffoo%2Ejson", OK, PROJECT("group/sub/foo.json", "{\"access_level\":40}")},
	        {NULL},
	};
	struct fixture *f = start(replies);
	struct gitlab_project project = GITLAB_PROJECT_INIT;
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
	assert_int_equal(project.access_level, 40);
	assert_false(project.moved);
	gitlab_project_release(&project);
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
	struct gitlab_project project = GITLAB_PROJECT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(gitlab_project_get(&f->access, NULL, 5, NULL, &project, &err));
	assert_true(project.archived && project.deleting && project.repository_disabled && project.mirror && project.empty);
	assert_null(project.default_branch);
	assert_int_equal(project.access_level, 0);
	gitlab_project_release(&project);
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
		struct gitlab_project project = GITLAB_PROJECT_INIT;
		struct error err = ERROR_INIT;
		bool found = gitlab_project_get(&f->access, "g/p", 0, "7", &project, &err);
		if (found != (rows[i].code == ERR_NONE) || err.code != rows[i].code || project.access_level != rows[i].level)
			fail_msg("%s: level %d, %s (%s)", rows[i].what, project.access_level, error_name(err.code), err.message);
		gitlab_project_release(&project);
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
	struct gitlab_project project = GITLAB_PROJECT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	if (!gitlab_project_get(&f->access, "old/p", 0, NULL, &project, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_true(project.moved);
	assert_string_equal(project.path, "new/p");
	gitlab_project_release(&project);
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
	struct gitlab_project project = GITLAB_PROJECT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	struct fixture *f = start(found);
	if (!gitlab_project_get(&f->access, "g/p", 0, NULL, &project, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_int_equal(project.id, 81);
	assert_false(project.moved);
	gitlab_project_release(&project);
	stop(f);

	f = start(not_found);
	assert_false(gitlab_project_get(&f->access, "g/p", 0, NULL, &project, &err));
	assert_int_equal(err.code, ERR_PROXY_DECODES_PATHS);
	assert_non_null(strstr(err.message, "alters encoded paths. Ask its administrator to pass %2F unchanged"));
	stop(f);
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
	        {"a path with a query", "200 OK", "{\"id\":1,\"path_with_namespace\":\"g/p?x=1\"}", ERR_INSTANCE_NOT_GITLAB},
	        {"no id", "200 OK", "{\"path_with_namespace\":\"g/p\"}", ERR_INSTANCE_NOT_GITLAB},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {{API "/projects/g%2Fp", rows[i].status, JSON_TYPE, rows[i].body}, {NULL}};
		struct fixture *f = start(replies);
		struct gitlab_project project = GITLAB_PROJECT_INIT;
		struct error err = ERROR_INIT;
		if (gitlab_project_get(&f->access, "g/p", 0, NULL, &project, &err) || err.code != rows[i].code)
			fail_msg("%s: %s (%s)", rows[i].what, error_name(err.code), err.message);
		assert_null(project.path);
		if (err.code == ERR_REPO_NOT_FOUND)
			assert_int_equal(strncmp(err.message, "Repository not found. g/p was not found on 127.0.0.1:", 53), 0);
		stop(f);
	}
}

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
		enum gitlab_branch_state state;
	} rows[] = {
	        {"no rule", "feature/x", 30, GITLAB_BRANCH_MISSING},
	        {"an exact name above the role", "main", 30, GITLAB_BRANCH_PROTECTED},
	        {"an exact name within the role", "main", 40, GITLAB_BRANCH_MISSING},
	        {"no one may push", "release/1.0", 50, GITLAB_BRANCH_PROTECTED},
	        {"the most permissive rule counts", "release/open-1", 30, GITLAB_BRANCH_MISSING},
	        {"a group that may or may not be the user's", "team/x", 50, GITLAB_BRANCH_UNKNOWN},
	        {"the user himself", "mine/x", 30, GITLAB_BRANCH_MISSING},
	        {"a deploy key is not the user", "key/x", 50, GITLAB_BRANCH_PROTECTED},
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
		enum gitlab_branch_state state;
		enum error_code code;
	} rows[] = {
	        {81, "main", GITLAB_BRANCH_PROTECTED, ERR_NONE},      {81, "feature/x.1", GITLAB_BRANCH_OPEN, ERR_NONE},
	        {81, "mine", GITLAB_BRANCH_OPEN, ERR_NONE},           {81, "release/2", GITLAB_BRANCH_PROTECTED, ERR_NONE},
	        {81, "page2", GITLAB_BRANCH_PROTECTED, ERR_NONE},     {82, "x", GITLAB_BRANCH_UNKNOWN, ERR_NONE},
	        {83, "x", GITLAB_BRANCH_UNKNOWN, ERR_REPO_NOT_FOUND},
	};
	struct fixture *f = start(replies);
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gitlab_branch branch = {.state = GITLAB_BRANCH_UNKNOWN};
		struct error err = ERROR_INIT;
		bool found = gitlab_branch_get(&f->access, rows[i].project, 30, "7", rows[i].branch, &branch, &err);
		if (found != (rows[i].code == ERR_NONE) || err.code != rows[i].code || branch.state != rows[i].state)
			fail_msg("%s: state %d, %s (%s)", rows[i].branch, branch.state, error_name(err.code), err.detail);
		if (strcmp(rows[i].branch, "main") == 0) {
			assert_string_equal(branch.commit, "0123456789abcdef0123456789abcdef01234567");
			assert_true(branch.is_default);
		}
	}
	stop(f);
}

static void push_probe_reads_only_the_beginning(void **state)
{
	static char advertisement[100000];
	static const struct reply replies[] = {
	        {"/gitlab/g/p.git/info/refs?service=git-receive-pack", "200 OK",
	         "Content-Type: application/x-git-receive-pack-advertisement\r\n", advertisement},
	        {"/gitlab/g/no.git/info/refs?service=git-receive-pack", "403 Forbidden", "Content-Type: text/plain\r\n",
	         "You are not allowed to push code to this project."},
	        {NULL},
	};
	struct error err = ERROR_INIT;
	(void)state;

	memset(advertisement, 'x', sizeof(advertisement) - 1);
	struct fixture *f = start(replies);
	CLEANUP(freep) char *yes = xasprintf("%s/g/p.git", f->instance.text), *no = xasprintf("%s/g/no.git", f->instance.text);
	char path[] = "g/no";
	struct gitlab_project open = {.clone_url = yes, .path = path}, closed = {.clone_url = no, .path = path};
	if (!gitlab_push_probe(&f->access, &open, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_false(gitlab_push_probe(&f->access, &closed, &err));
	assert_int_equal(err.code, ERR_REPO_NO_PUSH);
	stop(f);
}

static void account_is_asked_for_with_two_requests(void **state)
{
	static const struct reply replies[] = {
	        {API "/user", OK, "{\"id\":7,\"username\":\"john\",\"name\":\"John\"}"},
	        {API "/personal_access_tokens/self", OK, "{\"active\":true,\"name\":\"t\",\"scopes\":[\"api\"]}"},
	        {NULL},
	};
	struct fixture *f = start(replies);
	struct gitlab_account account = GITLAB_ACCOUNT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	if (!gitlab_account_get(&f->access, &account, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_string_equal(account.id, "7");
	assert_string_equal(account.scopes, "api");
	assert_int_equal(http_peer_requests(f->peer), 2);
	gitlab_account_release(&account);
	stop(f);
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
	        cmocka_unit_test(renamed_project_is_followed_on_our_origin),
	        cmocka_unit_test(proxy_that_decodes_paths_is_worked_around),
	        cmocka_unit_test(unusable_projects_are_refused),
	        cmocka_unit_test(missing_branches_are_judged_by_the_wildcards),
	        cmocka_unit_test(wildcards_cover_any_characters),
	        cmocka_unit_test(branches_are_asked_for),
	        cmocka_unit_test(push_probe_reads_only_the_beginning),
	        cmocka_unit_test(account_is_asked_for_with_two_requests),
	        cmocka_unit_test(roles_have_names_at_every_level),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
