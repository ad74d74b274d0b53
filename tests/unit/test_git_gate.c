/* What the gate takes for git, before anything is sent anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "git_gate.h"
#include "github.h"
#include "gitlab.h"
#include "render_gate.h"

static void only_the_smart_protocol_is_spoken(void **state)
{
	static const struct {
		const char *sentence;
		char query[64];
		bool valid;
		enum git_service service;
	} rows[] = {
	        {"fetching", "service=git-upload-pack", true, GIT_UPLOAD_PACK},
	        {"pushing", "service=git-receive-pack", true, GIT_RECEIVE_PACK},
	        {"the dumb protocol", "", false, 0},
	        {"archives", "service=git-upload-archive", false, 0},
	        {"a longer name", "service=git-upload-packs", false, 0},
	        {"no value", "service=", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char query[64];
		struct request request = {.query = query};
		enum git_service service = GIT_UPLOAD_PACK;
		struct error err = ERROR_INIT;

		memcpy(query, rows[i].query, sizeof(query));
		if (git_gate_service(&request, &service, &err) != rows[i].valid || (rows[i].valid && service != rows[i].service) ||
		    (!rows[i].valid && err.code != ERR_BAD_REQUEST))
			fail_msg("%s", rows[i].sentence);
	}
}

static void post_has_gits_headers(void **state)
{
	static const struct {
		const char *sentence;
		enum git_service service;
		char type[64], encoding[16];
		bool valid;
	} rows[] = {
	        {"a fetch", GIT_UPLOAD_PACK, "application/x-git-upload-pack-request", "", true},
	        {"a compressed fetch", GIT_UPLOAD_PACK, "application/x-git-upload-pack-request", "gzip", true},
	        {"a push", GIT_RECEIVE_PACK, "application/x-git-receive-pack-request", "", true},
	        {"a compressed push could hide its refs", GIT_RECEIVE_PACK, "application/x-git-receive-pack-request", "gzip",
	         false},
	        {"another encoding", GIT_UPLOAD_PACK, "application/x-git-upload-pack-request", "br", false},
	        {"the other service's type", GIT_RECEIVE_PACK, "application/x-git-upload-pack-request", "", false},
	        {"a form", GIT_UPLOAD_PACK, "application/x-www-form-urlencoded", "", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char type[64], encoding[16];
		struct request request = {.content_type = type, .content_encoding = encoding};
		struct error err = ERROR_INIT;

		memcpy(type, rows[i].type, sizeof(type));
		memcpy(encoding, rows[i].encoding, sizeof(encoding));
		if (git_gate_check_headers(&request, rows[i].service, &err) != rows[i].valid ||
		    (!rows[i].valid && err.code != ERR_UNSUPPORTED_MEDIA_TYPE))
			fail_msg("%s", rows[i].sentence);
	}
}

/* The text of one JSON member, or "(absent)". */
static const char *text_at(const json_t *object, const char *name)
{
	return json_string_or(object, name, "(absent)");
}

static void preflight_shows_what_the_worker_needs(void **state)
{
	char name[] = "backend", url[] = "https://gitlab.com/t/backend", branch[] = "feature/x", path[] = "t/backend",
	     web[] = "https://gitlab.com/t/backend", clone[] = "https://gitlab.com/t/backend.git", main_branch[] = "main",
	     user[] = "john", host[] = "gitlab.com", id[] = "7";
	struct session_repository asked = {.name = name, .url = url, .push_branch = branch};
	struct session_spec spec = {.repositories = &asked, .repository_count = 1};
	struct check_report report = {
	        .provider = PROVIDER_GITLAB,
	        .can_push = true,
	        .start_branch = main_branch,
	        .project = {.id = 42, .path = path, .web_url = web, .clone_url = clone, .default_branch = main_branch},
	        .account = {.id = id, .username = user},
	        .credential = {.source = CREDENTIAL_CONNECTION,
	                       .forge = &gitlab_forge,
	                       .connection = {.username = user},
	                       .instance = {.host = host, .text = url}}};
	json_t *answer, *repository, *commit;

	(void)state;
	for (unsigned check = 0; check < CHECK_COUNT; check++)
		report.checks.states[check] = CHECK_OK;
	answer = render_preflight(&spec, &report);
	repository = json_array_get(json_object_get(answer, "repositories"), 0);
	commit = json_object_get(repository, "commit");
	assert_true(json_bool_or(repository, "valid", false));
	assert_false(json_bool_or(repository, "blocking", true));
	assert_null(json_object_get(repository, "error"));
	assert_string_equal(text_at(repository, "provider"), "gitlab");
	assert_string_equal(text_at(repository, "cloneUrl"), clone);
	assert_string_equal(text_at(repository, "gitUser"), "oauth2");
	assert_string_equal(text_at(repository, "credential"), "token glpat-*** for user john");
	assert_string_equal(text_at(repository, "branchUrl"), "https://gitlab.com/t/backend/-/tree/feature/x");
	assert_int_equal(json_int_or(repository, "projectId", 0), 42);
	assert_int_equal(json_array_size(json_object_get(repository, "checks")), CHECK_COUNT);
	assert_string_equal(text_at(commit, "name"), "john");
	assert_string_equal(text_at(commit, "email"), "7-john@users.noreply.gitlab.com");
	json_decref(answer);
}

static void github_has_its_own_private_address_pages_and_api(void **state)
{
	static const struct {
		const char *sentence, *instance;
		enum credential_source source;
		const char *branch_url, *email, *api, *credential;
	} rows[] = {
	        {"github.com", "https://github.com", CREDENTIAL_CONNECTION, "https://github.com/t/backend/tree/feature/x",
	         "583231+mona@users.noreply.github.com", "https://api.github.com", "token ghp_*** for user mona"},
	        {"a GitHub Enterprise Server", "https://git.corp.example:8443", CREDENTIAL_CONNECTION,
	         "https://git.corp.example:8443/t/backend/tree/feature/x", "583231+mona@users.noreply.git.corp.example",
	         "https://git.corp.example:8443/api/v3", "token ghp_*** for user mona"},
	        {"GitHub Enterprise Cloud with data residency", "https://corp.ghe.com", CREDENTIAL_INSTALLATION,
	         "https://corp.ghe.com/t/backend/tree/feature/x", "583231+mona@users.noreply.corp.ghe.com",
	         "https://api.corp.ghe.com", "the token of the GitHub App"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *web = xasprintf("%s/t/backend", rows[i].instance);
		char name[] = "backend", branch[] = "feature/x", user[] = "mona", id[] = "583231";
		struct session_repository asked = {.name = name, .url = web, .push_branch = branch};
		struct session_spec spec = {.repositories = &asked, .repository_count = 1};
		struct check_report report = {
		        .provider = PROVIDER_GITHUB,
		        .project = {.id = 9, .path = name, .web_url = web, .clone_url = web},
		        .account = {.id = id, .username = user},
		        .credential = {.source = rows[i].source, .forge = &github_forge, .connection = {.username = user}}};

		print_message("  %s\n", rows[i].sentence);
		assert_true(instance_url_parse(rows[i].instance, &report.credential.instance, NULL));
		json_t *answer = render_preflight(&spec, &report);
		const json_t *repository = json_array_get(json_object_get(answer, "repositories"), 0);
		assert_string_equal(text_at(repository, "branchUrl"), rows[i].branch_url);
		assert_string_equal(text_at(json_object_get(repository, "commit"), "email"), rows[i].email);
		assert_string_equal(text_at(repository, "apiBase"), rows[i].api);
		assert_string_equal(text_at(repository, "gitUser"), "x-access-token");
		assert_string_equal(text_at(repository, "credential"), rows[i].credential);
		json_decref(answer);
		instance_url_release(&report.credential.instance);
	}
}

static void preflight_explains_the_failed_check(void **state)
{
	char name[] = "backend", url[] = "https://gitlab.com/t/backend";
	struct session_repository asked = {.name = name, .url = url};
	struct session_spec spec = {.repositories = &asked, .repository_count = 1};
	struct check_report report = {.provider = PROVIDER_GITLAB, .failed = CHECK_CONNECTION};
	json_t *answer, *repository, *checks;

	(void)state;
	check_list_pass(&report.checks, CHECK_ADDRESS);
	check_list_pass(&report.checks, CHECK_PROVIDER);
	error_set(&report.failure, ERR_NOT_CONNECTED, "no GitLab credentials available.");
	check_list_fail(&report.checks, CHECK_CONNECTION, &report.failure);
	answer = render_preflight(&spec, &report);
	repository = json_array_get(json_object_get(answer, "repositories"), 0);
	checks = json_object_get(repository, "checks");
	assert_false(json_bool_or(repository, "valid", true));
	assert_string_equal(text_at(json_object_get(repository, "error"), "code"), "not_connected");
	assert_int_equal(json_int_or(json_object_get(repository, "error"), "statusCode", 0), 409);
	assert_true(json_bool_or(json_array_get(checks, CHECK_ADDRESS), "ok", false));
	assert_string_equal(text_at(json_array_get(checks, CHECK_CONNECTION), "code"), "not_connected");
	assert_true(json_is_null(json_object_get(json_array_get(checks, CHECK_READ), "ok")));
	assert_true(json_is_null(json_object_get(repository, "commit")));
	json_decref(answer);
	check_list_release(&report.checks);
}

/* The report keeps the check's own words. */
static void a_token_that_ended_is_told_as_failed_authentication(void **state)
{
	char name[] = "backend", url[] = "https://gitlab.com/t/backend";
	struct session_repository asked = {.name = name, .url = url};
	struct session_spec spec = {.repositories = &asked, .repository_count = 1};
	struct check_report report = {.provider = PROVIDER_GITLAB, .failed = CHECK_TOKEN};
	json_t *answer, *repository;

	(void)state;
	error_set(&report.failure, ERR_TOKEN_EXPIRED, "Invalid token. This token expired.");
	check_list_fail(&report.checks, CHECK_TOKEN, &report.failure);
	answer = render_preflight(&spec, &report);
	repository = json_array_get(json_object_get(answer, "repositories"), 0);
	assert_string_equal(text_at(json_object_get(repository, "error"), "message"),
	                    "Authentication failed: Invalid token. This token expired.");
	assert_string_equal(text_at(json_array_get(json_object_get(repository, "checks"), CHECK_TOKEN), "message"),
	                    "Invalid token. This token expired.");
	json_decref(answer);
	check_list_release(&report.checks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(only_the_smart_protocol_is_spoken),
	        cmocka_unit_test(post_has_gits_headers),
	        cmocka_unit_test(preflight_shows_what_the_worker_needs),
	        cmocka_unit_test(github_has_its_own_private_address_pages_and_api),
	        cmocka_unit_test(preflight_explains_the_failed_check),
	        cmocka_unit_test(a_token_that_ended_is_told_as_failed_authentication),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
