#include "handle_account.h"

#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "render_account.h"
#include "token_text.h"

enum { TOKEN_FIELD_MAX = 4096 /* a token with blanks around it; token_text has the real limits */ };

/* How the API calls each provider's token. */
static const char *const token_fields[] = {[PROVIDER_GITLAB] = "personalAccessToken", [PROVIDER_GITHUB] = "token"};

/* An empty address means the same as none. */
static bool read_instance(struct call *call, const char **ret, struct error *err)
{
	if (!json_read_string(call->body, "instanceUrl", JSON_OPTIONAL, LIMIT_URL_MAX, ret, err))
		return false;
	if (*ret && !**ret)
		*ret = NULL;
	return true;
}

/* Token and address of connect and test; everything logged from here on masks the token. */
static bool read_request(struct call *call, enum provider provider, struct secret *token, struct account_request *ret,
                         struct error *err)
{
	const char *text = NULL;

	*ret = (struct account_request){
	        .provider = provider, .user_id = call->caller.user_id, .token = token, .request_id = call->request->id};
	if (!json_read_text(call->body, token_fields[provider], JSON_REQUIRED, TOKEN_FIELD_MAX, &text, err) ||
	    !read_instance(call, &ret->instance_url, err) || !token_text_parse(provider, text, token, err))
		return false;
	redactor_add(call->redactor, token);
	call_log(call, "instance", ret->instance_url);
	return true;
}

static void log_connection(struct call *call, enum provider provider, const struct connection *c)
{
	const char *name = c->username ? c->username : "unknown";

	call_log(call, "instance", c->instance_url);
	call_log_message(call, provider == PROVIDER_GITHUB ? xasprintf("[GitHub] Using token ghp_*** for user %s", name)
	                                                   : xasprintf("[GitLab] Using token glpat-*** for user %s", name));
}

static bool connect_account(struct call *call, enum provider provider, struct error *err)
{
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct account_request request;

	if (!read_request(call, provider, &token, &request, err) || !account_connect(&call->app->accounts, &request, &verdict, err))
		return false;
	log_connection(call, provider, &verdict.connection);
	response_json(&call->response, 200, render_connected(&verdict, clock_now_s()));
	return true;
}

/* What says something about the token or its instance is the answer of a test; anything else is a failure of the call. */
static bool is_verdict(enum error_code code)
{
	return code >= ERR_TOKEN_MALFORMED && code <= ERR_INSTANCE_RESTING;
}

/* Good or bad: a verdict on the token or its instance is an answer. */
static bool answer_good(struct call *call, enum provider provider, const struct account_verdict *verdict)
{
	log_connection(call, provider, &verdict->connection);
	response_json(&call->response, 200, render_tested(verdict, clock_now_s()));
	return true;
}

static bool answer_bad(struct call *call, const struct account_verdict *verdict, const struct error *failure, struct error *err)
{
	if (!is_verdict(failure->code)) {
		*err = *failure;
		return false;
	}
	call_log(call, "verdict", error_name(failure->code));
	response_json(&call->response, 200, render_test_failed(&verdict->checks, failure));
	return true;
}

static bool test_account(struct call *call, enum provider provider, struct error *err)
{
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct account_request request;
	struct error failure = ERROR_INIT;

	if (!read_request(call, provider, &token, &request, &failure))
		check_list_fail(&verdict.checks, check_of_error(failure.code), &failure);
	else if (account_test(&call->app->accounts, &request, &verdict, &failure))
		return answer_good(call, provider, &verdict);
	return answer_bad(call, &verdict, &failure, err);
}

/* The token was sealed when it came; nothing of it is in the request. */
static bool check_account(struct call *call, enum provider provider, struct error *err)
{
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct error failure = ERROR_INIT;
	const char *given = NULL;

	if (!read_instance(call, &given, err))
		return false;
	call_log(call, "instance", given ? given : "newest");
	if (account_check(&call->app->accounts, provider, call->caller.user_id, given, call->request->id, &verdict, &failure))
		return answer_good(call, provider, &verdict);
	return answer_bad(call, &verdict, &failure, err);
}

static bool disconnect_account(struct call *call, enum provider provider, json_t *answer, struct error *err)
{
	CLEANUP(json_decrefp) json_t *owned = answer;
	const char *given = NULL;

	if (!read_instance(call, &given, err))
		return false;
	call_log(call, "instance", given ? given : "all");
	if (!account_disconnect(&call->app->accounts, provider, call->caller.user_id, given, err))
		return false;
	response_json(&call->response, 200, TAKE(owned));
	return true;
}

bool handle_gitlab_connect(struct call *call, struct error *err)
{
	return connect_account(call, PROVIDER_GITLAB, err);
}

bool handle_gitlab_test(struct call *call, struct error *err)
{
	return test_account(call, PROVIDER_GITLAB, err);
}

bool handle_gitlab_disconnect(struct call *call, struct error *err)
{
	return disconnect_account(
	        call, PROVIDER_GITLAB,
	        json_pack("{s:s, s:b}", "message", "GitLab account disconnected successfully", "connected", false), err);
}

bool handle_gitlab_check(struct call *call, struct error *err)
{
	return check_account(call, PROVIDER_GITLAB, err);
}

bool handle_github_connect(struct call *call, struct error *err)
{
	return connect_account(call, PROVIDER_GITHUB, err);
}

bool handle_github_test(struct call *call, struct error *err)
{
	return test_account(call, PROVIDER_GITHUB, err);
}

bool handle_github_check(struct call *call, struct error *err)
{
	return check_account(call, PROVIDER_GITHUB, err);
}

bool handle_github_disconnect(struct call *call, struct error *err)
{
	return disconnect_account(call, PROVIDER_GITHUB,
	                          json_pack("{s:s, s:b}", "message", "GitHub PAT removed successfully", "configured", false), err);
}
