/* Scripts tell the kinds of failure apart by the exit code: every error of the catalogue has its own here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli.h"

static const struct {
	const char *codes; /* separated by blanks */
	enum cli_exit exit;
} rows[] = {
        {"bad_json bad_request method_not_allowed conflict precondition_failed body_too_large unsupported_media_type internal",
         CLI_FAILED},
        {"file_too_large list_too_long github_app_not_configured git_failed push_rejected push_not_fast_forward push_unconfirmed "
         "merge_request_refused",
         CLI_FAILED},
        {"session_ended session_lost agent_failed agent_timeout agent_too_large agent_unconfined workspace_failed", CLI_FAILED},
        {"store_unavailable store_not_ready secret_store_unavailable secret_store_full secret_store_not_ready "
         "kubernetes_unavailable config_invalid "
         "service_unavailable "
         "service_timeout",
         CLI_FAILED},
        {"field_missing field_invalid instance_url_invalid instance_insecure repo_url_invalid branch_invalid session_invalid "
         "session_no_repository",
         CLI_USAGE},
        {"instance_not_api instance_not_gitlab instance_error instance_read_only not_connected provider_unknown", CLI_CHECK_FAILED},
        {"repo_identity_changed repo_archived repo_deleting repo_disabled proxy_decodes_paths branch_protected "
         "default_branch_missing installation_suspended git_http_disabled merge_requests_disabled keys_not_ready seal_broken "
         "seal_key_missing",
         CLI_CHECK_FAILED},
        {"unauthenticated token_malformed token_wrong_kind token_invalid token_expired token_revoked token_refused token_in_use",
         CLI_TOKEN_REFUSED},
        {"account_blocked account_terms account_password_expired account_unconfirmed account_deactivated git_credential",
         CLI_TOKEN_REFUSED},
        {"forbidden token_scope_missing token_permission_missing repo_no_read repo_no_push installation_not_yours sso_required "
         "git_ref_forbidden push_forbidden merge_request_forbidden",
         CLI_NO_PERMISSION},
        {"not_found repo_not_found branch_not_found ref_not_found path_not_found installation_not_found session_not_found",
         CLI_NOT_FOUND},
        {"instance_forbidden instance_redirected instance_unresolvable instance_unreachable instance_timeout "
         "instance_tls_untrusted "
         "instance_blocked instance_resting git_redirect_refused git_stalled push_interrupted",
         CLI_NO_NETWORK},
        {"too_many_requests rate_limited ip_banned", CLI_RATE_LIMITED},
};

static bool lists(const char *codes, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = codes; at[0] != '\0'; at += strcspn(at, " "), at += strspn(at, " "))
		if (strcspn(at, " ") == length && memcmp(at, name, length) == 0)
			return true;
	return false;
}

static void every_error_of_the_catalogue_has_its_exit_code(void **state)
{
	(void)state;
	for (unsigned code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		const char *name = error_name((enum error_code)code);
		size_t found = 0;

		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			if (!lists(rows[i].codes, name))
				continue;
			found++;
			if (cli_exit_of((enum error_code)code) != rows[i].exit || cli_exit_of_answer(name, 500) != rows[i].exit)
				fail_msg("%s gives %d", name, cli_exit_of((enum error_code)code));
		}
		if (found != 1)
			fail_msg("%s stands in %zu rows of this test", name, found);
	}
}

static void a_row_names_no_error_that_is_gone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *at = rows[i].codes;

		while (at[0] != '\0') {
			char name[64];

			(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, " "), at);
			if (error_code_of(name) == ERR_NONE)
				fail_msg("there is no %s", name);
			at += strcspn(at, " ");
			at += strspn(at, " ");
		}
	}
}

static void an_unknown_code_is_judged_by_its_status(void **state)
{
	static const struct {
		int status;
		enum cli_exit exit;
	} unknown[] = {{400, CLI_FAILED},    {401, CLI_TOKEN_REFUSED}, {403, CLI_NO_PERMISSION},
	               {404, CLI_NOT_FOUND}, {429, CLI_RATE_LIMITED},  {502, CLI_FAILED}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		assert_int_equal(cli_exit_of_answer("from_a_newer_service", unknown[i].status), unknown[i].exit);
		assert_int_equal(cli_exit_of_answer(NULL, unknown[i].status), unknown[i].exit);
	}
}

static void a_failed_check_is_never_a_plain_failure_or_usage(void **state)
{
	(void)state;
	assert_int_equal(cli_exit_of_check("repo_url_invalid"), CLI_CHECK_FAILED);
	assert_int_equal(cli_exit_of_check("internal"), CLI_CHECK_FAILED);
	assert_int_equal(cli_exit_of_check("from_a_newer_service"), CLI_CHECK_FAILED);
	assert_int_equal(cli_exit_of_check(NULL), CLI_CHECK_FAILED);
	assert_int_equal(cli_exit_of_check("token_expired"), CLI_TOKEN_REFUSED);
	assert_int_equal(cli_exit_of_check("rate_limited"), CLI_RATE_LIMITED);
}

static void no_error_gives_the_exit_code_of_success(void **state)
{
	(void)state;
	assert_int_equal(cli_exit_of(ERR_NONE), CLI_FAILED);
	assert_int_equal(cli_exit_of(ERR_COUNT), CLI_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_error_of_the_catalogue_has_its_exit_code),
	        cmocka_unit_test(a_row_names_no_error_that_is_gone),
	        cmocka_unit_test(an_unknown_code_is_judged_by_its_status),
	        cmocka_unit_test(a_failed_check_is_never_a_plain_failure_or_usage),
	        cmocka_unit_test(no_error_gives_the_exit_code_of_success),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
