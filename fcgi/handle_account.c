#include "handle_account.h"

#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "render_account.h"
#include "token_text.h"

enum { SECONDS_A_DAY = 86400, TOKEN_FIELD_MAX = 4096 /* a token with blanks around it; token_text has the real limits */ };

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
static bool read_token(struct call *call, struct secret *ret_token, const char **ret_instance, struct error *err)
{
	const char *text = NULL;

	if (!json_read_text(call->body, "personalAccessToken", JSON_REQUIRED, TOKEN_FIELD_MAX, &text, err) ||
	    !read_instance(call, ret_instance, err) || !token_text_parse(text, ret_token, err))
		return false;
	redactor_add(call->redactor, ret_token);
	return true;
}

static void log_connection(struct call *call, const struct connection *c)
{
	call_log(call, "instance", c->instance_url);
	call_log_message(call, xasprintf("[GitLab] Using token glpat-*** for user %s", c->username ? c->username : "unknown"));
}

bool handle_connect(struct call *call, struct error *err)
{
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	const char *instance = NULL;

	if (!read_token(call, &token, &instance, err))
		return false;
	call_log(call, "instance", instance);
	if (!account_connect(&call->app->accounts, call->caller.user_id, instance, &token, call->request->id, &verdict, err))
		return false;
	log_connection(call, &verdict.connection);
	response_json(&call->response, 200, render_connected(&verdict, clock_now_s()));
	return true;
}

/* What says something about the token or its instance is the answer of a test; anything else is a failure of the call. */
static bool is_verdict(enum error_code code)
{
	return code >= ERR_TOKEN_MALFORMED && code <= ERR_INSTANCE_RESTING;
}

bool handle_test(struct call *call, struct error *err)
{
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct error failure = ERROR_INIT;
	const char *instance = NULL;

	if (read_token(call, &token, &instance, &failure) &&
	    account_test(&call->app->accounts, call->caller.user_id, instance, &token, call->request->id, &verdict, &failure)) {
		log_connection(call, &verdict.connection);
		response_json(&call->response, 200, render_tested(&verdict, clock_now_s()));
		return true;
	}
	call_log(call, "instance", instance);
	if (!is_verdict(failure.code)) {
		*err = failure;
		return false;
	}
	call_log(call, "verdict", error_name(failure.code));
	response_json(&call->response, 200, render_test_failed(&failure));
	return true;
}

bool handle_status(struct call *call, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct connection_store *store = &call->app->accounts.connections;
	const char *user_id = call->caller.user_id;
	const int64_t now_s = clock_now_s(), now_ms = clock_monotonic_ms();
	uint64_t version;

	/* A database that is no longer the one we know must not be answered for from memory. */
	if (!status_cache_is_trusted(call->app->status_cache, now_ms)) {
		if (!store->ops->ready(store->state, err))
			return false;
		status_cache_trust(call->app->status_cache, now_ms);
	}
	version = store->ops->version(store->state);
	if (status_cache_get(call->app->status_cache, user_id, version, now_s / SECONDS_A_DAY, &call->response.body))
		return true;
	if (!store->ops->list(store->state, user_id, &list, err))
		return false;
	response_json(&call->response, 200, render_status(&list, now_s));
	status_cache_put(call->app->status_cache, user_id, version, now_s / SECONDS_A_DAY, call->response.body.data,
	                 call->response.body.length);
	return true;
}

bool handle_disconnect(struct call *call, struct error *err)
{
	CLEANUP(instance_url_release) struct instance_url instance = INSTANCE_URL_INIT;
	const char *given = NULL;

	if (!read_instance(call, &given, err))
		return false;
	if (given && !instance_url_parse(given, &instance, err))
		return false;
	call_log(call, "instance", given ? instance.text : "all");
	if (!account_disconnect(&call->app->accounts, call->caller.user_id, given ? instance.text : NULL, err))
		return false;
	response_json(&call->response, 200,
	              json_pack("{s:s, s:b}", "message", "GitLab account disconnected successfully", "connected", false));
	return true;
}

bool handle_integrations(struct call *call, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct connection_store *store = &call->app->accounts.connections;

	if (!store->ops->list(store->state, call->caller.user_id, &list, err))
		return false;
	response_json(&call->response, 200, render_integrations(&list));
	return true;
}
