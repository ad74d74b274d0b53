#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check.h"
#include "service_fixture.h"

#define TOKEN "glpat-first-token-0001"

/* States as text in the order of the checks: '+' passed, '-' failed, '.' not run. */
static void states_text(const struct check_report *report, char ret[CHECK_COUNT + 1])
{
	for (size_t i = 0; i < CHECK_COUNT; i++)
		ret[i] = ".+-"[report->checks.states[i]];
	ret[CHECK_COUNT] = '\0';
}

static void checks_are_judged_in_order(void **state UNUSED)
{
	/* plain http: the check `tls` (the fifth) never runs */
	static const struct {
		const char *sentence, *path, *provider, *start, *push, *expected;
		enum error_code code;
		bool blocks;
		struct small_gitlab gitlab;
	} rows[] = {
	        {"all is well", "/team/api.git", NULL, NULL, "ambient/x", "++++.++++++", ERR_NONE, false, SMALL_GITLAB_INIT},
	        {"reading alone", "/team/api", NULL, "main", NULL, "++++.++++.+", ERR_NONE, false, SMALL_GITLAB_INIT},
	        {"no address of a repository", "/team", NULL, NULL, NULL, "-..........", ERR_REPO_URL_INVALID, true,
	         SMALL_GITLAB_INIT},
	        {"a provider nobody knows", "/team/api", "svn", NULL, NULL, "+-.........", ERR_PROVIDER_UNKNOWN, true,
	         SMALL_GITLAB_INIT},
	        {"GitHub has no connections yet", "/team/api", "github", NULL, NULL, "++-........", ERR_NOT_CONNECTED, true,
	         SMALL_GITLAB_INIT},
	        {"a project that is not there", "/team/web", NULL, NULL, NULL, "++++.++-...", ERR_REPO_NOT_FOUND, true,
	         SMALL_GITLAB_INIT},
	        {"a dead token",
	         "/team/api",
	         NULL,
	         NULL,
	         NULL,
	         "++++.-.....",
	         ERR_TOKEN_REVOKED,
	         true,
	         {.username = "john", .user_id = 7, .scopes = "[\"api\"]", .access_level = 30, .dead_token = TOKEN}},
	        {"a read-only token blocks the push, not the clone",
	         "/team/api",
	         NULL,
	         NULL,
	         "ambient/x",
	         "++++.+-++.+",
	         ERR_TOKEN_SCOPE_MISSING,
	         false,
	         {.username = "john", .user_id = 7, .scopes = "[\"read_api\",\"read_repository\"]", .access_level = 30}},
	        {"scopes that are not enough are told also where the repository is hidden",
	         "/team/web",
	         NULL,
	         NULL,
	         "ambient/x",
	         "++++.+--...",
	         ERR_REPO_NOT_FOUND,
	         true,
	         {.username = "john", .user_id = 7, .scopes = "[\"read_api\",\"read_repository\"]", .access_level = 30}},
	        {"scopes that nobody tells are enough once git has served both ways",
	         "/team/api",
	         NULL,
	         NULL,
	         "ambient/x",
	         "++++.++++++",
	         ERR_NONE,
	         false,
	         {.username = "john", .user_id = 7, .access_level = 30}},
	        {"and not known where it has not",
	         "/team/api",
	         NULL,
	         NULL,
	         "ambient/x",
	         "++++.+.++-+",
	         ERR_REPO_NO_PUSH,
	         false,
	         {.username = "john",
	          .user_id = 7,
	          .access_level = 20,
	          .probe_refusal = "You are not allowed to push code to this project."}},
	        {"nor where there is nothing to serve",
	         "/team/web",
	         NULL,
	         NULL,
	         "ambient/x",
	         "++++.+.-...",
	         ERR_REPO_NOT_FOUND,
	         true,
	         {.username = "john", .user_id = 7, .access_level = 30}},
	        {"a role that may not push neither",
	         "/team/api",
	         NULL,
	         NULL,
	         "ambient/x",
	         "++++.++++-+",
	         ERR_REPO_NO_PUSH,
	         false,
	         {.username = "john",
	          .user_id = 7,
	          .scopes = "[\"api\"]",
	          .access_level = 20,
	          .probe_refusal = "You are not allowed to push code to this project."}},
	        {"no role at all, but the probe says yes",
	         "/team/api",
	         NULL,
	         NULL,
	         "ambient/x",
	         "++++.++++++",
	         ERR_NONE,
	         false,
	         {.username = "john", .user_id = 7, .scopes = "[\"api\"]", .access_level = 0}},
	        {"an archived project can still be cloned",
	         "/team/api",
	         NULL,
	         NULL,
	         "ambient/x",
	         "++++.++++-+",
	         ERR_REPO_ARCHIVED,
	         false,
	         {.username = "john", .user_id = 7, .scopes = "[\"api\"]", .access_level = 30, .archived = true}},
	        {"a protected branch blocks", "/team/api", NULL, NULL, "main", "++++.+++++-", ERR_BRANCH_PROTECTED, true,
	         SMALL_GITLAB_INIT},
	        {"a new branch under a wildcard too",
	         "/team/api",
	         NULL,
	         NULL,
	         "ambient/x",
	         "++++.+++++-",
	         ERR_BRANCH_PROTECTED,
	         true,
	         {.username = "john", .user_id = 7, .scopes = "[\"api\"]", .access_level = 30, .protects_branches = true}},
	        {"a start branch that is missing blocks", "/team/api", NULL, "develop", NULL, "++++.++++.-", ERR_BRANCH_NOT_FOUND,
	         true, SMALL_GITLAB_INIT},
	        {"an empty repository has no start branch",
	         "/team/api",
	         NULL,
	         "develop",
	         "ambient/x",
	         "++++.++++++",
	         ERR_NONE,
	         false,
	         {.username = "john", .user_id = 7, .scopes = "[\"api\"]", .access_level = 30, .empty = true}},
	        {"a server whose default branch would be an option of git",
	         "/team/api",
	         NULL,
	         NULL,
	         NULL,
	         "++++.++++.-",
	         ERR_BRANCH_INVALID,
	         true,
	         {.username = "john", .user_id = 7, .scopes = "[\"api\"]", .access_level = 30, .default_branch = "-x"}},
	        {"a name that is no branch", "/team/api", NULL, NULL, "a..b", "++++.+++++-", ERR_BRANCH_INVALID, true,
	         SMALL_GITLAB_INIT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct service_fixture f;
		CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
		CLEANUP(check_report_release) struct check_report report = CHECK_REPORT_INIT;
		struct check_request request = {.user_id = "alice",
		                                .provider = rows[i].provider,
		                                .start_branch = rows[i].start,
		                                .push_branch = rows[i].push,
		                                .access = rows[i].push ? CHECK_ACCESS_WRITE : CHECK_ACCESS_READ,
		                                .want_account = true};
		struct error err = ERROR_INIT;
		char url[128], states[CHECK_COUNT + 1];

		print_message("  %s\n", rows[i].sentence);
		service_fixture_make(&f);
		must(fixture_connect(&f, "alice", TOKEN, &verdict, &err), &err);
		f.gitlab = rows[i].gitlab;
		(void)snprintf(url, sizeof(url), "%s%s", f.url, rows[i].path);
		request.url = url;
		must(check_repository(&f.checks, &request, &report, &err), &err);
		states_text(&report, states);
		assert_string_equal(states, rows[i].expected);
		assert_int_equal(report.failure.code, rows[i].code);
		assert_int_equal(check_blocks_clone(&report), rows[i].blocks);
		assert_int_equal(f.store.rows[0].valid, rows[i].code != ERR_TOKEN_REVOKED);
		if (report.failure.code != ERR_NONE)
			assert_non_null(report.checks.errors[report.failed]);
		service_fixture_remove(&f);
	}
}

static void address_without_a_connection_says_where_to_connect(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(check_report_release) struct check_report report = CHECK_REPORT_INIT;
	const struct check_request request = {.user_id = "alice", .url = "https://gitlab.company.com/team/api"};
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(check_repository(&f.checks, &request, &report, &err), &err);
	assert_int_equal(report.failed, CHECK_CONNECTION);
	assert_int_equal(report.failure.code, ERR_NOT_CONNECTED);
	assert_string_equal(report.failure.message, "no GitLab credentials available. Connect GitLab on the Integrations page: "
	                                            "there is no connection to gitlab.company.com.");
	service_fixture_remove(&f);
}

static void what_the_time_does_not_suffice_for_is_not_asked(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct check_report reports[2];
	struct check_request requests[2] = {{.user_id = "alice", .until_ms = 1}, {.user_id = "alice"}};
	struct error err = ERROR_INIT;
	char url[128], states[CHECK_COUNT + 1];

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", TOKEN, &verdict, &err), &err);
	const unsigned before = http_peer_requests(f.peer);
	(void)snprintf(url, sizeof(url), "%s/team/api", f.url);
	requests[0].url = requests[1].url = url;
	must(check_repositories(&f.checks, requests, reports, 1, &err), &err);
	assert_int_equal(http_peer_requests(f.peer), before);
	states_text(&reports[0], states);
	assert_string_equal(states, "+++-.......");
	assert_int_equal(reports[0].failure.code, ERR_INSTANCE_TIMEOUT);
	assert_non_null(strstr(reports[0].failure.message, "was not asked about team/api"));
	assert_true(check_blocks_clone(&reports[0]));
	check_report_release(&reports[0]);

	must(check_repositories(&f.checks, requests, reports, 2, &err), &err);
	assert_false(check_is_valid(&reports[0]));
	assert_true(check_is_valid(&reports[1]));
	check_report_release(&reports[0]);
	check_report_release(&reports[1]);
	service_fixture_remove(&f);
}

/* Each further question would count against the user, or towards a ban of this server. */
static void what_an_instance_says_of_all_is_asked_once_in_a_list(void **state UNUSED)
{
	enum { COUNT = 40, WIDTH = 4 };
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct check_report reports[COUNT];
	struct check_request requests[COUNT];
	struct error err = ERROR_INIT;
	char url[128], states[CHECK_COUNT + 1];

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", TOKEN, &verdict, &err), &err);
	f.gitlab.dead_token = TOKEN;
	(void)snprintf(url, sizeof(url), "%s/team/api", f.url);
	for (size_t i = 0; i < COUNT; i++)
		requests[i] = (struct check_request){.user_id = "alice", .url = url};
	requests[COUNT - 1].url = "https://gitlab.company.com/team/api";
	const unsigned before = http_peer_requests(f.peer);
	must(check_repositories(&f.checks, requests, reports, COUNT, &err), &err);
	assert_in_range(http_peer_requests(f.peer) - before, 1, WIDTH);
	for (size_t i = 0; i < COUNT; i++) {
		states_text(&reports[i], states);
		assert_string_equal(states, i + 1 < COUNT ? "++++.-....." : "++-........");
		assert_int_equal(reports[i].failure.code, i + 1 < COUNT ? ERR_TOKEN_REVOKED : ERR_NOT_CONNECTED);
		check_report_release(&reports[i]);
	}
	service_fixture_remove(&f);
}

static void store_failure_is_no_verdict(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(check_report_release) struct check_report report = CHECK_REPORT_INIT;
	const struct check_request request = {.user_id = "alice", .url = "https://gitlab.com/team/api"};
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	f.store.fail_at = "list";
	assert_false(check_repository(&f.checks, &request, &report, &err));
	assert_int_equal(err.code, ERR_STORE_UNAVAILABLE);
	service_fixture_remove(&f);
}

static void listed_provider_is_believed_before_names(void **state UNUSED)
{
	static const struct {
		const char *sentence, *url, *asked;
		enum provider provider;
		const char *path;
	} rows[] = {
	        {"a GitHub of any name", "https://gitlab.corp/octo/hello/pull/3", NULL, PROVIDER_GITHUB, "octo/hello"},
	        {"in every form of its address", "git@gitlab.corp:octo/hello.git", NULL, PROVIDER_GITHUB, "octo/hello"},
	        {"what the request says is more", "https://gitlab.corp/octo/hello", "gitlab", PROVIDER_GITLAB, "octo/hello"},
	        {"another port is another server", "https://gitlab.corp:8443/octo/hello", NULL, PROVIDER_GITLAB, "octo/hello"},
	};
	struct service_fixture f;
	struct instance_entry entry = {.provider = PROVIDER_GITHUB};
	struct instances instances = {&entry, 1};

	service_fixture_make(&f);
	assert_true(instance_url_parse("https://gitlab.corp", &entry.url, NULL));
	f.service.instances = &instances;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(check_report_release) struct check_report report = CHECK_REPORT_INIT;
		const struct check_request request = {.user_id = "alice", .url = rows[i].url, .provider = rows[i].asked};

		print_message("%s\n", rows[i].sentence);
		assert_true(check_repository(&f.checks, &request, &report, NULL));
		assert_int_equal(report.provider, rows[i].provider);
		assert_string_equal(report.path, rows[i].path);
		assert_int_equal(report.failure.code, ERR_NOT_CONNECTED);
	}
	instance_url_release(&entry.url);
	service_fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(checks_are_judged_in_order),
	        cmocka_unit_test(listed_provider_is_believed_before_names),
	        cmocka_unit_test(address_without_a_connection_says_where_to_connect),
	        cmocka_unit_test(what_the_time_does_not_suffice_for_is_not_asked),
	        cmocka_unit_test(what_an_instance_says_of_all_is_asked_once_in_a_list),
	        cmocka_unit_test(store_failure_is_no_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
