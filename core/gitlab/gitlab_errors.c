#include "gitlab_errors.h"

#include "clock.h"
#include "gitlab_api.h"
#include "gitlab_sentence.h"
#include "redact.h"

bool gitlab_not_gitlab(const char *host, struct error *err)
{
	return error_set(err, ERR_INSTANCE_NOT_GITLAB, "%s does not look like a GitLab server.", host);
}

/* The 401s that name a reason; everything else is a token this instance does not know. */
static bool classify_unauthorized(const json_t *answer, const char *host, struct error *err)
{
	const char *error = json_string_or(answer, "error", ""), *said = sentence_of_json(answer);
	CLEANUP(strbuf_release) struct strbuf relayed = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	if (sentence_has(said, "impersonation was disabled") || strcmp(error, "dpop_error") == 0 ||
	    strcmp(error, "restricted_language_server_client_error") == 0) {
		sentence_relay(said, strlen(said), &relayed);
		return error_set(err, ERR_TOKEN_REFUSED, "Invalid token. %s refuses this token: %s", host, relayed.data);
	}
	if (sentence_has(said, "expired"))
		return error_set(err, ERR_TOKEN_EXPIRED, "Invalid token. This token expired. Create a new one and reconnect.");
	if (sentence_has(said, "revoked"))
		return error_set(err, ERR_TOKEN_REVOKED,
		                 "Invalid token. This token was revoked in GitLab. Create a new one and reconnect.");
	return error_set(
	        err, ERR_TOKEN_INVALID,
	        "Invalid token. GitLab at %s does not know this token. Check it was copied completely and was created on %s, "
	        "not on another GitLab.",
	        host, host);
}

/* "…lacks the required permissions: [read_project] for …" gives "read_project". */
static void granular_list(const char *said, struct strbuf *to)
{
	const char *from = strchr(said, '['), *end = from ? strchr(from, ']') : NULL;

	if (end && end > from + 1)
		sentence_relay(from + 1, (size_t)(end - from - 1), to);
	else
		strbuf_add_string(to, "a needed permission");
}

static bool classify_granular(const char *said, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	granular_list(said, &list);
	return error_set(err, ERR_TOKEN_PERMISSION_MISSING,
	                 "Insufficient permissions. This fine-grained token lacks: %s. Permissions cannot be changed later: create "
	                 "a new one with "
	                 "User: Read, Project: Read, Code: Download and Push.",
	                 list.data);
}

static bool classify_forbidden(const json_t *answer, const char *host, struct error *err)
{
	const char *error = json_string_or(answer, "error", ""), *said = sentence_of_json(answer);
	CLEANUP(strbuf_release) struct strbuf relayed = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	if (strcmp(error, "insufficient_scope") == 0)
		return gitlab_scope_missing(NULL, json_string_or(answer, "scope", ""), err);
	if (strcmp(error, "insufficient_granular_scope") == 0)
		return classify_granular(said, err);
	if (sentence_judge(said, host, err))
		return false;
	sentence_relay(said, strlen(said), &relayed);
	return error_set(err, ERR_TOKEN_REFUSED, "Insufficient permissions. %s refuses this request: %s", host,
	                 relayed.length ? relayed.data : "no reason given");
}

bool gitlab_scope_missing(const char *has, const char *needs_one_of, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(3 * (size_t)LIMIT_GITLAB_SENTENCE);

	if (has) {
		strbuf_add_string(&text, " It has: ");
		sentence_relay(has, strlen(has), &text);
		strbuf_add_char(&text, '.');
	}
	if (needs_one_of[0]) {
		strbuf_add_string(&text, " GitLab needs one of: ");
		sentence_relay(needs_one_of, strlen(needs_one_of), &text);
		strbuf_add_char(&text, '.');
	}
	return error_set(err, ERR_TOKEN_SCOPE_MISSING,
	                 "Insufficient permissions. The token lacks a needed scope.%s Create a token with 'api' (or 'read_api' + "
	                 "'write_repository').",
	                 text.data);
}

static bool classify_missing(const struct http_call *call, const json_t *answer, const char *host, struct error *err)
{
	const char *said = sentence_of_json(answer);

	if (sentence_has(said, "Project Not Found") || sentence_has(said, "Repository Not Found"))
		return sentence_not_found("The project", host, err);
	if (!call->gitlab_meta && !sentence_has(said, "404"))
		return gitlab_not_gitlab(host, err);
	return error_set(err, ERR_INSTANCE_NOT_API, "%s has no GitLab API at this address. The URL may miss a sub-path.", host);
}

static bool classify_server_error(const struct http_call *call, const char *said, const char *host, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf id = STRBUF_INIT(sizeof(call->request_id_got));
	unsigned wait_s;

	if (!sentence_judge(said, host, err)) {
		sentence_relay(call->request_id_got, strlen(call->request_id_got), &id);
		error_set(err, ERR_INSTANCE_ERROR, "%s reported an internal error (%d). Try again%s%s.", host, call->status,
		          id.length ? "; request id " : "", id.data);
	}
	if (err && sentence_wait(call->retry_after, NULL, clock_now_s(), &wait_s))
		err->retry_after_s = wait_s;
	return false;
}

/* Too many addresses use the account, or this server is banned: an empty 403, sometimes with a time. */
static bool classify_empty_forbidden(const struct http_call *call, const char *host, struct error *err)
{
	unsigned wait_s;

	sentence_ip_banned(host, err);
	if (err && sentence_wait(call->retry_after, NULL, clock_now_s(), &wait_s))
		err->retry_after_s = wait_s;
	return false;
}

/* An answer whose body is no JSON: text, a page, or nothing. */
static bool classify_text(const struct http_call *call, const char *host, struct error *err)
{
	const char *said = page_free_text(call);

	if (page_judge(call, &gitlab_words, host, err))
		return false;
	if (call->status >= 500)
		return classify_server_error(call, said, host, err);
	if (call->status == 401 && call->gitlab_meta)
		return classify_unauthorized(NULL, host, err);
	if (call->status == 403)
		return sentence_judge(said, host, err) ? false : classify_empty_forbidden(call, host, err);
	return gitlab_not_gitlab(host, err);
}

static bool classify_json(const struct http_call *call, const json_t *answer, const char *host, struct error *err)
{
	const char *said = sentence_of_json(answer);
	CLEANUP(strbuf_release) struct strbuf relayed = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	switch (call->status) {
	case 401:
		return classify_unauthorized(answer, host, err);
	case 403:
		return classify_forbidden(answer, host, err);
	case 404:
		return classify_missing(call, answer, host, err);
	default:
		break;
	}
	if (call->status >= 500)
		return classify_server_error(call, said, host, err);
	if (call->status >= 200 && call->status < 300)
		return gitlab_not_gitlab(host, err);
	sentence_relay(said, strlen(said), &relayed);
	return error_set(err, ERR_INSTANCE_ERROR, "%s did not accept the request (%d): %s", host, call->status,
	                 relayed.length ? relayed.data : "no reason given");
}

static bool classify(const struct http_call *call, const char *host, struct error *err)
{
	if (call->status >= 300 && call->status < 400)
		redirect_classify(call, &gitlab_words, host, err);
	else if (call->status == 429)
		/* Rack Attack answers with text, the application with JSON; the headers say how long. */
		sentence_rate_limited(host, call->retry_after, call->ratelimit_reset, err);
	else {
		CLEANUP(json_decrefp) json_t *answer = forge_json(call);
		if (answer)
			classify_json(call, answer, host, err);
		else
			classify_text(call, host, err);
	}
	if (call->ratelimit_name[0])
		error_detail(err, "limit %s", call->ratelimit_name);
	return error_detail(err, "HTTP %d, request id %s", call->status, call->request_id_got[0] ? call->request_id_got : "none");
}

bool gitlab_classify(const struct http_call *call, const char *host, struct error *err)
{
	if (call->failure != HTTP_OK)
		return transport_classify(call, host, err);
	classify(call, host, err);
	forge_mask(call, err);
	return false;
}

bool gitlab_answer(const struct http_call *call, const char *host, json_t **ret_json, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = call->status >= 200 && call->status < 300 ? forge_json(call) : NULL;

	if (!answer)
		return gitlab_classify(call, host, err);
	*ret_json = TAKE(answer);
	return true;
}
