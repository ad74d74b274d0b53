#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "gitlab_sentence.h"

/* An answer as a row can write it. */
struct row {
	const char *what;
	struct http_call call;
	const char *body; /* NULL: none */
	enum error_code code;
	const char *message;
	unsigned retry_after_s;
};

#define JSON .content_type_got = "application/json"
#define TEXT .content_type_got = "text/plain"
#define HTML .content_type_got = "text/html"
#define API  .url = "https://gitlab.corp/api/v4/user"
#define WEB_PAGE                                                                                                                   \
	"gitlab.corp answered with a web page instead of the GitLab API. The URL may miss a sub-path, or a single sign-on proxy "  \
	"is in front of it."
#define UNKNOWN_TOKEN                                                                                                              \
	"Invalid token. GitLab at gitlab.corp does not know this token. Check it was copied completely and was created on "        \
	"gitlab.corp, "                                                                                                            \
	"not on another GitLab."
#define PROTECTION                                                                                                                 \
	"gitlab.corp blocked this server's request (protection page). Retry later or ask the GitLab administrator to allow it."
#define RATE "GitLab API rate limit exceeded. Please wait a few minutes before retrying."

static void classify_row(const struct row *row, const char *host)
{
	struct http_call call = row->call;
	struct strbuf body = STRBUF_INIT(LIMIT_ANSWER);
	struct error err = ERROR_INIT;

	if (row->body)
		strbuf_add_string(&body, row->body);
	call.answer = body;
	assert_false(gitlab_classify(&call, host, &err));
	if (err.code != row->code)
		fail_msg("%s: %s (%s)", row->what, error_name(err.code), err.message);
	if (strcmp(err.message, row->message) != 0)
		fail_msg("%s:\n got  %s\n want %s", row->what, err.message, row->message);
	if (err.retry_after_s != row->retry_after_s)
		fail_msg("%s: retry after %u", row->what, err.retry_after_s);
	http_call_release(&call);
}

static void calls_without_answer_are_explained(void **state)
{
	static const struct row rows[] = {
	        {"F05 the name is unknown",
	         {.failure = HTTP_UNRESOLVABLE},
	         NULL,
	         ERR_INSTANCE_UNRESOLVABLE,
	         "The name gitlab.corp cannot be resolved from this server.",
	         0},
	        {"F06 nothing listens",
	         {.failure = HTTP_UNREACHABLE},
	         NULL,
	         ERR_INSTANCE_UNREACHABLE,
	         "gitlab.corp did not accept a connection. Check firewall and port.",
	         0},
	        {"F06 nothing answers",
	         {.failure = HTTP_TIMEOUT, .elapsed_us = 10001000},
	         NULL,
	         ERR_INSTANCE_TIMEOUT,
	         "gitlab.corp did not answer within 10 s. Check firewall and port.",
	         0},
	        {"F07 a private CA",
	         {.failure = HTTP_TLS, .tls_issuer = "Corp CA", .tls_reason = "unknown authority"},
	         NULL,
	         ERR_INSTANCE_TLS_UNTRUSTED,
	         "The certificate of gitlab.corp is not trusted: issued by 'Corp CA' (unknown authority). "
	         "Ask an administrator to add that CA for this instance.",
	         0},
	        {"F07 an expired certificate",
	         {.failure = HTTP_TLS, .tls_issuer = "R3", .tls_reason = "expired"},
	         NULL,
	         ERR_INSTANCE_TLS_UNTRUSTED,
	         "The certificate of gitlab.corp is not trusted: issued by 'R3' (expired).",
	         0},
	        {"F07 no common TLS",
	         {.failure = HTTP_TLS},
	         NULL,
	         ERR_INSTANCE_TLS_UNTRUSTED,
	         "No TLS connection to gitlab.corp could be made. TLS 1.2 or newer is needed.",
	         0},
	        {"F08 a refused address",
	         {.failure = HTTP_REFUSED_BY_POLICY},
	         NULL,
	         ERR_INSTANCE_FORBIDDEN,
	         "gitlab.corp points to an internal address that is not on the allow list.",
	         0},
	        {"a resting origin",
	         {.failure = HTTP_RESTING, .rest_s = 17},
	         NULL,
	         ERR_INSTANCE_RESTING,
	         "gitlab.corp failed several times in a row and is not asked again for 17 s.",
	         17},
	        {"an origin that asked for its rest",
	         {.failure = HTTP_RESTING, .rest_s = 890, .rest_asked = true},
	         NULL,
	         ERR_INSTANCE_RESTING,
	         "gitlab.corp blocks this server for a while; it is not asked again for 15 minutes.",
	         890},
	        {"a proxy that refuses",
	         {.failure = HTTP_PROXY, .proxy_status = 403},
	         NULL,
	         ERR_INSTANCE_UNREACHABLE,
	         "The proxy on the way to gitlab.corp answered with status 403 and made no connection.",
	         0},
	        {"a proxy that is not there",
	         {.failure = HTTP_PROXY},
	         NULL,
	         ERR_INSTANCE_UNREACHABLE,
	         "The proxy on the way to gitlab.corp could not be used.",
	         0},
	        {"an answer without end",
	         {.failure = HTTP_TOO_LARGE},
	         NULL,
	         ERR_INSTANCE_ERROR,
	         "gitlab.corp sent an answer that is too large.",
	         0},
	        {"a closed connection",
	         {.failure = HTTP_BROKEN},
	         NULL,
	         ERR_INSTANCE_UNREACHABLE,
	         "gitlab.corp closed the connection without an answer.",
	         0},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		classify_row(&rows[i], "gitlab.corp");
}

static void refused_address_tells_nothing_about_what_is_behind_it(void **state)
{
	static const char *const details[] = {"Couldn't connect to 10.0.0.5 port 22", "169.254.169.254", ""};
	struct error first = ERROR_INIT;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(details); i++) {
		struct http_call call = {.failure = HTTP_REFUSED_BY_POLICY, .elapsed_us = (int64_t)i * 1000000};
		struct error err = ERROR_INIT;
		snprintf(call.failure_text, sizeof(call.failure_text), "%s", details[i]);
		gitlab_classify(&call, "gitlab.corp", &err);
		if (i == 0)
			first = err;
		assert_memory_equal(&err, &first, sizeof(err));
	}
}

static void redirects_and_pages_are_explained(void **state)
{
	static const struct row rows[] = {
	        {"F09 another host",
	         {API, .status = 301, HTML, .location = "https://git.corp/api/v4/user"},
	         NULL,
	         ERR_INSTANCE_REDIRECTED,
	         "gitlab.corp redirects to https://git.corp. Use https://git.corp as the instance URL.",
	         0},
	        {"F09 https instead of http",
	         {.url = "http://gitlab.corp/api/v4/user", .status = 301, HTML, .location = "https://gitlab.corp/api/v4/user"},
	         NULL,
	         ERR_INSTANCE_REDIRECTED,
	         "gitlab.corp redirects to https://gitlab.corp. Use https://gitlab.corp as the instance URL.",
	         0},
	        {"F09 a relative root is kept",
	         {API, .status = 308, HTML, .location = "https://git.corp:8443/gitlab/api/v4/user?private_token=x"},
	         NULL,
	         ERR_INSTANCE_REDIRECTED,
	         "gitlab.corp redirects to https://git.corp:8443/gitlab. Use https://git.corp:8443/gitlab as the instance URL.",
	         0},
	        {"F09 a temporary redirect that keeps the API's path",
	         {API, .status = 302, HTML, .location = "https://git.corp/api/v4/user"},
	         NULL,
	         ERR_INSTANCE_REDIRECTED,
	         "gitlab.corp redirects to https://git.corp. Use https://git.corp as the instance URL.",
	         0},
	        {"F10 credentials in the target are not shown",
	         {API, .status = 301, HTML, .location = "https://u:p@git.corp/api/v4/user"},
	         NULL,
	         ERR_INSTANCE_NOT_API,
	         WEB_PAGE,
	         0},
	        {"F10 the sign-in page",
	         {API, .status = 302, HTML, .location = "https://gitlab.corp/users/sign_in"},
	         "<html><body>You are being <a href=\"https://gitlab.corp/users/sign_in\">redirected</a>.</body></html>",
	         ERR_INSTANCE_NOT_API,
	         WEB_PAGE,
	         0},
	        {"F10 a single sign-on proxy on another host",
	         {API, .status = 302, HTML, .location = "https://sso.corp/login?back=x"},
	         NULL,
	         ERR_INSTANCE_NOT_API,
	         WEB_PAGE,
	         0},
	        {"F10 a relative redirect",
	         {API, .status = 301, HTML, .location = "/gitlab/"},
	         NULL,
	         ERR_INSTANCE_NOT_API,
	         WEB_PAGE,
	         0},
	        {"F10 a page with 200", {API, .status = 200, HTML}, "<!DOCTYPE html>", ERR_INSTANCE_NOT_API, WEB_PAGE, 0},
	        {"F10 a page with 404", {API, .status = 404, HTML}, "<!DOCTYPE html>", ERR_INSTANCE_NOT_API, WEB_PAGE, 0},
	        {"F11 a protection page",
	         {API, .status = 403, HTML, .cf_ray = true},
	         "<title>Just a moment...</title>",
	         ERR_INSTANCE_BLOCKED,
	         PROTECTION,
	         0},
	        {"F11 Cloudflare's 503",
	         {API, .status = 503, HTML, .server = "cloudflare"},
	         "<title>Checking</title>",
	         ERR_INSTANCE_BLOCKED,
	         PROTECTION,
	         0},
	        {"F12 JSON of something else",
	         {API, .status = 200, JSON},
	         "{\"hello\":1}",
	         ERR_INSTANCE_NOT_GITLAB,
	         "gitlab.corp does not look like a GitLab server.",
	         0},
	        {"F12 text",
	         {API, .status = 200, TEXT},
	         "hello",
	         ERR_INSTANCE_NOT_GITLAB,
	         "gitlab.corp does not look like a GitLab server.",
	         0},
	        {"F12 broken JSON",
	         {API, .status = 200, JSON},
	         "{\"hello\":",
	         ERR_INSTANCE_NOT_GITLAB,
	         "gitlab.corp does not look like a GitLab server.",
	         0},
	        {"F12 another server's 404",
	         {API, .status = 404, JSON},
	         "{\"detail\":\"nope\"}",
	         ERR_INSTANCE_NOT_GITLAB,
	         "gitlab.corp does not look like a GitLab server.",
	         0},
	        {"GitLab's 404 of an unknown route",
	         {API, .status = 404, JSON, .gitlab_meta = true},
	         "{\"error\":\"404 Not Found\"}",
	         ERR_INSTANCE_NOT_API,
	         "gitlab.corp has no GitLab API at this address. The URL may miss a sub-path.",
	         0},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		classify_row(&rows[i], "gitlab.corp");
}

static void refused_tokens_are_explained(void **state)
{
	static const struct row rows[] = {
	        {"F13 unknown",
	         {API, .status = 401, JSON},
	         "{\"message\":\"401 Unauthorized\"}",
	         ERR_TOKEN_INVALID,
	         UNKNOWN_TOKEN,
	         0},
	        {"F13 without a body", {API, .status = 401, .gitlab_meta = true}, NULL, ERR_TOKEN_INVALID, UNKNOWN_TOKEN, 0},
	        {"F14 expired",
	         {API, .status = 401, JSON},
	         "{\"error\":\"invalid_token\",\"error_description\":\"Token is expired. You can either do re-authorization or "
	         "token refresh.\"}",
	         ERR_TOKEN_EXPIRED,
	         "Invalid token. This token expired. Create a new one and reconnect.",
	         0},
	        {"F15 revoked",
	         {API, .status = 401, JSON},
	         "{\"error\":\"invalid_token\",\"error_description\":\"Token was revoked. You have to re-authorize from the "
	         "user.\"}",
	         ERR_TOKEN_REVOKED,
	         "Invalid token. This token was revoked in GitLab. Create a new one and reconnect.",
	         0},
	        {"F16 impersonation disabled",
	         {API, .status = 401, JSON},
	         "{\"error\":\"invalid_token\",\"error_description\":\"Token is an impersonation token but impersonation was "
	         "disabled.\"}",
	         ERR_TOKEN_REFUSED,
	         "Invalid token. gitlab.corp refuses this token: Token is an impersonation token but impersonation was disabled.",
	         0},
	        {"F16 DPoP",
	         {API, .status = 401, JSON},
	         "{\"error\":\"dpop_error\",\"error_description\":\"DPoP validation error: DPoP header is missing\"}",
	         ERR_TOKEN_REFUSED,
	         "Invalid token. gitlab.corp refuses this token: DPoP validation error: DPoP header is missing",
	         0},
	        {"F17 scope",
	         {API, .status = 403, JSON},
	         "{\"error\":\"insufficient_scope\",\"error_description\":\"The request requires higher privileges than provided "
	         "by the access token.\","
	         "\"scope\":\"api read_api\"}",
	         ERR_TOKEN_SCOPE_MISSING,
	         "Insufficient permissions. The token lacks a needed scope. GitLab needs one of: api read_api. "
	         "Create a token with 'api' (or 'read_api' + 'write_repository').",
	         0},
	        {"F18 fine-grained",
	         {API, .status = 403, JSON},
	         "{\"error\":\"insufficient_granular_scope\",\"error_description\":\"Access denied: Your Personal Access Token "
	         "lacks the required permissions: "
	         "[read_project] for \\\"group/project\\\".\"}",
	         ERR_TOKEN_PERMISSION_MISSING,
	         "Insufficient permissions. This fine-grained token lacks: read_project. Permissions cannot be changed later: "
	         "create a new one with "
	         "User: Read, Project: Read, Code: Download and Push.",
	         0},
	        {"F20 blocked",
	         {API, .status = 403, JSON},
	         "{\"message\":\"403 Forbidden - Your account has been blocked.\"}",
	         ERR_ACCOUNT_BLOCKED,
	         "GitLab says: Your account has been blocked.",
	         0},
	        {"F20 pending",
	         {API, .status = 403, JSON},
	         "{\"message\":\"403 Forbidden - Your account is pending approval from your administrator and hence blocked.\"}",
	         ERR_ACCOUNT_BLOCKED,
	         "GitLab says: Your account is pending approval from your administrator and hence blocked.",
	         0},
	        {"F20 terms",
	         {API, .status = 403, JSON},
	         "{\"message\":\"403 Forbidden - You (@u) must accept the Terms of Service in order to perform this action.\"}",
	         ERR_ACCOUNT_TERMS,
	         "GitLab says: You (@u) must accept the Terms of Service in order to perform this action.",
	         0},
	        {"F20 deactivated",
	         {API, .status = 403, JSON},
	         "{\"message\":\"403 Forbidden - Your account has been deactivated by your administrator. Please log back in\"}",
	         ERR_ACCOUNT_DEACTIVATED,
	         "GitLab says: Your account has been deactivated by your administrator. Please log back in",
	         0},
	        {"F20 unconfirmed",
	         {API, .status = 403, JSON},
	         "{\"message\":\"403 Forbidden - Your primary email address is not confirmed.\"}",
	         ERR_ACCOUNT_UNCONFIRMED,
	         "GitLab says: Your primary email address is not confirmed.",
	         0},
	        {"F20 password",
	         {API, .status = 403, JSON},
	         "{\"message\":\"403 Forbidden - Your password expired. Please access GitLab from a web browser to update your "
	         "password.\"}",
	         ERR_ACCOUNT_PASSWORD_EXPIRED,
	         "GitLab says: Your password expired. Please access GitLab from a web browser to update your password.",
	         0},
	        {"an object as message",
	         {API, .status = 403, JSON},
	         "{\"message\":{\"base\":[\"Not today\"]}}",
	         ERR_TOKEN_REFUSED,
	         "Insufficient permissions. gitlab.corp refuses this request: Not today",
	         0},
	        {"GitLab's sentence is masked and one line",
	         {API, .status = 403, JSON},
	         "{\"message\":\"403 Forbidden - no\\r\\nglpat-abcdefghij0123456789 here\"}",
	         ERR_TOKEN_REFUSED,
	         "Insufficient permissions. gitlab.corp refuses this request: no glpat-*** here",
	         0},
	        {"F44 an empty 403 with a time",
	         {API, .status = 403, .retry_after = "120"},
	         NULL,
	         ERR_IP_BANNED,
	         "gitlab.corp temporarily blocks this server after failed logins. Such a block usually ends after 60 minutes.",
	         120},
	        {"F32 a project that is not shown",
	         {API, .status = 404, JSON},
	         "{\"message\":\"404 Project Not Found\"}",
	         ERR_REPO_NOT_FOUND,
	         "Repository not found. The project was not found on gitlab.corp, or the connected account may not see it. Check "
	         "spelling and membership "
	         "(private projects, IP restrictions and unaccepted SSO look the same).",
	         0},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		classify_row(&rows[i], "gitlab.corp");
}

static void limits_and_outages_are_explained(void **state)
{
	static const struct row rows[] = {
	        {"F26 the throttle's text",
	         {API, .status = 429, TEXT, .retry_after = "17"},
	         "Retry later\n",
	         ERR_RATE_LIMITED,
	         RATE " GitLab asks to wait 17 s.",
	         17},
	        {"F26 the application's object",
	         {API, .status = 429, JSON, .retry_after = "60"},
	         "{\"message\":{\"error\":\"This endpoint has been requested too many times. Try again later.\"}}",
	         ERR_RATE_LIMITED,
	         RATE " GitLab asks to wait 60 s.",
	         60},
	        {"F26 no time given", {API, .status = 429, TEXT}, "Retry later\n", ERR_RATE_LIMITED, RATE " Wait 60 s.", 60},
	        {"F26 a time that makes no sense is capped",
	         {API, .status = 429, TEXT, .retry_after = "99999999"},
	         NULL,
	         ERR_RATE_LIMITED,
	         RATE " GitLab asks to wait 86400 s.",
	         86400},
	        {"F26 a time in the past",
	         {API, .status = 429, TEXT, .retry_after = "Wed, 21 Oct 2015 07:28:00 GMT"},
	         NULL,
	         ERR_RATE_LIMITED,
	         RATE " GitLab asks to wait 1 s.",
	         1},
	        {"F26 an unreadable time",
	         {API, .status = 429, TEXT, .retry_after = "soon"},
	         NULL,
	         ERR_RATE_LIMITED,
	         RATE " Wait 60 s.",
	         60},
	        {"F27 an internal error",
	         {API, .status = 500, JSON, .request_id_got = "01ABC"},
	         "{\"message\":\"500 Internal Server Error\"}",
	         ERR_INSTANCE_ERROR,
	         "gitlab.corp reported an internal error (500). Try again; request id 01ABC.",
	         0},
	        {"F27 nginx in front of a booting GitLab",
	         {API, .status = 502, HTML},
	         "<html>Waiting for GitLab to boot</html>",
	         ERR_INSTANCE_ERROR,
	         "gitlab.corp reported an internal error (502). Try again.",
	         0},
	        {"F27 a proxy's page, whose words are not GitLab's",
	         {API, .status = 502, HTML},
	         "<html><body>Bad gateway<footer>Terms of Service</footer></body></html>",
	         ERR_INSTANCE_ERROR,
	         "gitlab.corp reported an internal error (502). Try again.",
	         0},
	        {"F27 a page that does not say it is one",
	         {API, .status = 500},
	         "\n<!DOCTYPE html><p>Your account has been blocked</p>",
	         ERR_INSTANCE_ERROR,
	         "gitlab.corp reported an internal error (500). Try again.",
	         0},
	        {"F27 503 with a time",
	         {API, .status = 503, TEXT, .retry_after = "5"},
	         "Service Unavailable",
	         ERR_INSTANCE_ERROR,
	         "gitlab.corp reported an internal error (503). Try again.",
	         5},
	        {"F28 maintenance",
	         {API, .status = 503, TEXT},
	         "GitLab Maintenance: system is in maintenance mode",
	         ERR_INSTANCE_READ_ONLY,
	         "gitlab.corp is in maintenance mode: reading works, pushing does not. Try later.",
	         0},
	        {"another refusal",
	         {API, .status = 422, JSON},
	         "{\"message\":\"Too odd\"}",
	         ERR_INSTANCE_ERROR,
	         "gitlab.corp did not accept the request (422): Too odd",
	         0},
	};
	static const struct row on_gitlab_com = {"F26 gitlab.com's documented limit",
	                                         {API, .status = 429, TEXT, .retry_after = "30"},
	                                         NULL,
	                                         ERR_RATE_LIMITED,
	                                         RATE " GitLab.com allows 300 requests per minute. GitLab asks to wait 30 s.",
	                                         30};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		classify_row(&rows[i], "gitlab.corp");
	classify_row(&on_gitlab_com, "gitlab.com");
}

static void waits_are_read_from_both_headers(void **state)
{
	static const struct {
		const char *what, *retry_after, *reset;
		bool known;
		unsigned wait_s;
	} rows[] = {
	        {"seconds", "5", "", true, 5},
	        {"a date", "Sat, 01 Jan 2000 00:01:30 GMT", "", true, 90},
	        {"the reset of the limit", "", "946684860", true, 60},
	        {"Retry-After wins", "5", "946684860", true, 5},
	        {"a reset stands in for an unreadable Retry-After", "x", "946684860", true, 60},
	        {"nothing", "", "", false, 0},
	        {"no headers at all", NULL, NULL, false, 0},
	        {"a negative number", "-1", "", false, 0},
	        {"more than a number holds", "99999999999999999999", "", false, 0},
	        {"zero is at least a second", "0", "", true, 1},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned wait_s = 0;
		if (sentence_wait(rows[i].retry_after, rows[i].reset, 946684800, &wait_s) != rows[i].known ||
		    wait_s != rows[i].wait_s)
			fail_msg("%s: %u", rows[i].what, wait_s);
	}
}

static void good_answer_is_parsed_and_others_are_classified(void **state)
{
	struct strbuf body = STRBUF_INIT(LIMIT_ANSWER);
	struct http_call call = {API, .status = 200, JSON};
	struct error err = ERROR_INIT;
	json_t *answer = NULL;
	(void)state;

	strbuf_add_string(&body, "{\"id\":7}");
	call.answer = body;
	assert_true(gitlab_answer(&call, "gitlab.corp", &answer, &err));
	assert_int_equal(json_int_or(answer, "id", 0), 7);
	json_decref(answer);
	answer = NULL;
	call.status = 401;
	assert_false(gitlab_answer(&call, "gitlab.corp", &answer, &err));
	assert_int_equal(err.code, ERR_TOKEN_INVALID);
	assert_null(answer);
	assert_false(gitlab_classify(&call, "gitlab.corp", NULL));
	http_call_release(&call);
}

static void token_of_any_shape_is_masked(void **state)
{
	static const char token[] = "mycorp_0123456789abcdefghij";
	struct secret secret = SECRET_INIT;
	struct strbuf body = STRBUF_INIT(LIMIT_ANSWER);
	struct error err = ERROR_INIT;
	(void)state;

	secret_set(&secret, token, strlen(token));
	strbuf_addf(&body, "{\"message\":\"403 Forbidden - %s is not welcome\"}", token);
	struct http_call call = {API, JSON, .status = 403, .bearer = &secret, .answer = body};
	assert_false(gitlab_classify(&call, "gitlab.corp", &err));
	assert_string_equal(err.message, "Insufficient permissions. gitlab.corp refuses this request: *** is not welcome");
	http_call_release(&call);
	secret_release(&secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(token_of_any_shape_is_masked),
	        cmocka_unit_test(calls_without_answer_are_explained),
	        cmocka_unit_test(refused_address_tells_nothing_about_what_is_behind_it),
	        cmocka_unit_test(redirects_and_pages_are_explained),
	        cmocka_unit_test(refused_tokens_are_explained),
	        cmocka_unit_test(limits_and_outages_are_explained),
	        cmocka_unit_test(waits_are_read_from_both_headers),
	        cmocka_unit_test(good_answer_is_parsed_and_others_are_classified),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
