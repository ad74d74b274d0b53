#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "github_api.h"

/* A header of an answer. */
struct given {
	enum github_header which;
	const char *value;
};

struct row {
	const char *what;
	int status;
	const char *type, *body;
	const char *retry_after; /* NULL: none */
	struct given headers[3];
	enum error_code code;
	const char *begin; /* of the message */
	const char *part;  /* of the message; NULL: any */
	unsigned retry_after_s;
};

#define JSON        "application/json"
#define SAID(words) JSON, "{\"message\":\"" words "\",\"documentation_url\":\"https://docs.github.com/rest\"}"
#define NO_WAIT                                                                                                                    \
	NULL,                                                                                                                      \
	{                                                                                                                          \
		{                                                                                                                  \
			0                                                                                                          \
		}                                                                                                                  \
	}
#define PAGE "text/html", "<!DOCTYPE html><title>Unicorn!</title>"

static const struct row rows[] = {
        {"a token that GitHub does not know, or no longer", 401, SAID("Bad credentials"), NO_WAIT, ERR_TOKEN_INVALID,
         "Invalid token. GitHub at github.com does not accept this token", NULL, 0},
        {"the primary limit is told by the headers",
         403,
         SAID("API rate limit exceeded for user ID 1."),
         NULL,
         {{HEADER_REMAINING, "0"}, {HEADER_RESET, "4102444800"}},
         ERR_RATE_LIMITED,
         "GitHub API rate limit exceeded. Please wait a few minutes before retrying. GitHub.com allows 5000 requests per hour.",
         "GitHub asks to wait 86400 s.",
         86400},
        {"the secondary limit says how long",
         403,
         SAID("You have exceeded a secondary rate limit."),
         "90",
         {{HEADER_REMAINING, "4000"}, {HEADER_RESET, "4102444800"}},
         ERR_RATE_LIMITED,
         "GitHub API rate limit exceeded.",
         "GitHub asks to wait 90 s.",
         90},
        {"a limit without a time",
         429,
         SAID("Too many requests"),
         NULL,
         {{HEADER_REMAINING, "12"}, {HEADER_RESET, "4102444800"}},
         ERR_RATE_LIMITED,
         "GitHub API rate limit exceeded.",
         "Wait 60 s.",
         60},
        {"a limit as text", 429, "text/plain", "slow down", NO_WAIT, ERR_RATE_LIMITED, "GitHub API rate limit exceeded.", NULL, 60},
        {"single sign-on: the address without what it would authorize",
         403,
         SAID("Resource protected by organization SAML enforcement. You must grant your Personal Access token access."),
         NULL,
         {{HEADER_SSO, "required; url=https://github.com/orgs/octo/sso?authorization_request=AbC"}},
         ERR_SSO_REQUIRED,
         "Insufficient permissions. The organization requires single sign-on",
         "for it at https://github.com/orgs/octo/sso in a browser",
         0},
        {"single sign-on without an address", 403, SAID("Resource protected by organization SAML enforcement."), NO_WAIT,
         ERR_SSO_REQUIRED, "Insufficient permissions. The organization requires single sign-on",
         "authorize the token for it in a browser", 0},
        {"an IP allow list", 403,
         SAID("Although you appear to have the correct authorization credentials, the `octo` organization has an IP allow list "
              "enabled, and your IP address is not permitted to access this resource."),
         NO_WAIT, ERR_INSTANCE_BLOCKED, "Insufficient permissions. The organization allows only listed IP addresses",
         "`octo` organization", 0},
        {"classic tokens are not welcome", 403,
         SAID("`octo` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal "
              "access token with fine-grained permissions."),
         NO_WAIT, ERR_TOKEN_REFUSED, "Insufficient permissions. GitHub refuses this token: `octo` forbids access", NULL, 0},
        {"a permission is missing, and GitHub names it",
         403,
         SAID("Resource not accessible by personal access token"),
         NULL,
         {{HEADER_PERMISSIONS, "contents=read"}},
         ERR_TOKEN_PERMISSION_MISSING,
         "Insufficient permissions. The token may not",
         "GitHub asks for contents=read. It needs Contents: Read and write, and Metadata: Read.",
         0},
        {"a permission is missing", 403, SAID("Resource not accessible by integration"), NO_WAIT, ERR_TOKEN_PERMISSION_MISSING,
         "Insufficient permissions. The token may not do this in this repository. It needs Contents: Read and write", NULL, 0},
        {"the account is suspended", 403, SAID("Sorry. Your account was suspended"), NO_WAIT, ERR_ACCOUNT_BLOCKED,
         "GitHub says: Sorry. Your account was suspended", NULL, 0},
        {"too many failed logins", 403, SAID("Maximum number of login attempts exceeded. Please try again later."), NO_WAIT,
         ERR_IP_BANNED, "github.com temporarily blocks", NULL, 3600},
        {"another refusal is relayed", 403, SAID("Must have admin rights to Repository."), NO_WAIT, ERR_TOKEN_REFUSED,
         "Insufficient permissions. github.com refuses this request: Must have admin rights to Repository.", NULL, 0},
        {"a takedown", 451, SAID("Repository access blocked"), NO_WAIT, ERR_REPO_DISABLED,
         "GitHub has blocked this repository: Repository access blocked", NULL, 0},
        {"a blocked repository", 403, SAID("Repository access blocked"), NO_WAIT, ERR_REPO_DISABLED,
         "GitHub has blocked this repository: Repository access blocked", NULL, 0},
        {"nothing at this address", 404, SAID("Not Found"), NO_WAIT, ERR_INSTANCE_NOT_API,
         "github.com has no GitHub API at this address.", NULL, 0},
        {"a rename that nobody follows", 301, SAID("Moved Permanently"), NO_WAIT, ERR_REPO_NOT_FOUND, "Repository not found.", NULL,
         0},
        {"an input that GitHub refuses", 422, SAID("Validation Failed"), NO_WAIT, ERR_INSTANCE_ERROR,
         "github.com did not accept the request (422): Validation Failed", NULL, 0},
        {"an internal error, with the id that support asks for",
         502,
         SAID("Server Error"),
         NULL,
         {{HEADER_REQUEST_ID, "AB12:34"}},
         ERR_INSTANCE_ERROR,
         "github.com reported an internal error (502). Try again; request id AB12:34.",
         NULL,
         0},
        {"GitHub's page for an overload",
         503,
         PAGE,
         "120",
         {{0}},
         ERR_INSTANCE_ERROR,
         "github.com reported an internal error (503). Try again.",
         NULL,
         120},
        {"maintenance", 503, SAID("GitHub Enterprise is currently in maintenance mode"), NO_WAIT, ERR_INSTANCE_READ_ONLY,
         "github.com is in maintenance mode.", NULL, 0},
        {"a protection in front", 403, "text/html", "<html>checking your browser</html>", NO_WAIT, ERR_INSTANCE_BLOCKED,
         "github.com blocked this server's request", NULL, 0},
        {"no user agent", 403, "text/plain", "Request forbidden by administrative rules. ", NO_WAIT, ERR_INSTANCE_BLOCKED,
         "github.com blocked this server's request.", NULL, 0},
        {"a sign-in page", 200, "text/html", "<html>sign in</html>", NO_WAIT, ERR_INSTANCE_NOT_API,
         "github.com answered with a web page instead of the GitHub API.", NULL, 0},
        {"a page that does not say it is one, whose words are not GitHub's", 403, "text/plain", "<p>single sign-on</p>", NO_WAIT,
         ERR_TOKEN_REFUSED, "Insufficient permissions. github.com refuses this request: no reason given", NULL, 0},
        {"not GitHub at all", 200, "text/plain", "hello", NO_WAIT, ERR_INSTANCE_NOT_API, "github.com does not look like a GitHub",
         NULL, 0},
        {"control characters and a token in the words", 403,
         SAID("no\\nway for "
              "ghp_0123456789abcdefghijklmnopqrstuvwxyz"),
         NO_WAIT, ERR_TOKEN_REFUSED, "Insufficient permissions. github.com refuses this request: no way for ghp_***", NULL, 0},
};

static struct http_call make_call(const struct row *row, struct http_header_wanted *wanted)
{
	struct strbuf body = STRBUF_INIT(LIMIT_ANSWER);
	struct http_call call = {.url = "https://api.github.com/user", .status = row->status};

	strbuf_add_string(&body, row->body);
	call.answer = body;
	snprintf(call.content_type_got, sizeof(call.content_type_got), "%s", row->type);
	snprintf(call.retry_after, sizeof(call.retry_after), "%s", row->retry_after ? row->retry_after : "");
	for (size_t i = 0; i < ARRAY_SIZE(row->headers) && row->headers[i].value; i++) {
		wanted[row->headers[i].which].present = true;
		snprintf(wanted[row->headers[i].which].value, sizeof(wanted->value), "%s", row->headers[i].value);
	}
	call.wanted = wanted;
	call.wanted_count = HEADER_COUNT;
	return call;
}

static void refusals_are_classified_in_githubs_words(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_header_wanted wanted[HEADER_COUNT] = {{0}};
		CLEANUP(http_call_release) struct http_call call = make_call(&rows[i], wanted);
		struct error err = ERROR_INIT;

		assert_false(github_classify(&call, "github.com", &err));
		if (err.code != rows[i].code || strncmp(err.message, rows[i].begin, strlen(rows[i].begin)) != 0 ||
		    (rows[i].part && !strstr(err.message, rows[i].part)) || err.retry_after_s != rows[i].retry_after_s)
			fail_msg("%s: %s, %u s\n got  %s\n want %s", rows[i].what, error_name(err.code), err.retry_after_s,
			         err.message, rows[i].begin);
		if (strstr(err.message, "GitLab") || strstr(error_remediation(&err), "GitLab"))
			fail_msg("%s speaks of GitLab: %s %s", rows[i].what, err.message, error_remediation(&err));
	}
}

static void a_success_is_not_classified(void **state)
{
	static const struct row row = {.status = 200, .type = JSON, .body = "{\"id\":1}"};
	struct http_header_wanted wanted[HEADER_COUNT] = {{0}};
	CLEANUP(http_call_release) struct http_call call = make_call(&row, wanted);
	CLEANUP(json_decrefp) json_t *answer = NULL;
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(github_answer(&call, "github.com", &answer, &err));
	assert_int_equal(json_int_or(answer, "id", 0), 1);
}

static void only_a_plain_no_is_a_no(void **state)
{
	static const struct {
		const char *what;
		struct row row;
		bool declined;
	} cases[] = {
	        {"not there", {.status = 404, .type = JSON, .body = "{\"message\":\"Not Found\"}"}, true},
	        {"not shown", {.status = 403, .type = JSON, .body = "{\"message\":\"Upgrade to GitHub Pro\"}"}, true},
	        {"a limit", {.status = 403, .type = JSON, .body = "{\"message\":\"API rate limit exceeded\"}"}, false},
	        {"a page of a proxy", {.status = 404, .type = "text/html", .body = "<html>"}, false},
	        {"a failure", {.status = 500, .type = JSON, .body = "{}"}, false},
	        {"an answer", {.status = 200, .type = JSON, .body = "[]"}, false},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_header_wanted wanted[HEADER_COUNT] = {{0}};
		CLEANUP(http_call_release) struct http_call call = make_call(&cases[i].row, wanted);

		if (github_declined(&call) != cases[i].declined)
			fail_msg("%s", cases[i].what);
	}
}

static void the_last_page_is_read_from_the_link_header(void **state)
{
	static const struct {
		const char *link;
		unsigned page;
	} cases[] = {
	        {NULL, 0},
	        {"", 0},
	        {"<https://api.github.com/repositories/1/branches?per_page=100&page=2>; rel=\"next\", "
	         "<https://api.github.com/repositories/1/branches?per_page=100&page=34>; rel=\"last\"",
	         34},
	        {"<https://evil.example/?page=7>; rel=\"next\"", 7},
	        {"<https://x/?page=1>; rel=\"prev\", <https://x/?page=1>; rel=\"first\"", 0},
	        {"<https://x/?per_page=100>; rel=\"next\"", 0},
	        {"<https://x/?page=99999999999>; rel=\"next\"", 9999999},
	        {"<https://x/?page=3", 0},
	        {"<>; rel=\"next\"", 0},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (github_last_page(cases[i].link) != cases[i].page)
			fail_msg("%s: %u", cases[i].link, github_last_page(cases[i].link));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(refusals_are_classified_in_githubs_words),
	        cmocka_unit_test(a_success_is_not_classified),
	        cmocka_unit_test(only_a_plain_no_is_a_no),
	        cmocka_unit_test(the_last_page_is_read_from_the_link_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
