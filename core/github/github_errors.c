#include "github_errors.h"

#include "clock.h"
#include "github_api.h"
#include "github_sentence.h"

static const char *said_by(const json_t *answer, const struct http_call *call)
{
	return answer ? sentence_of_json(answer) : call->answer.data ? call->answer.data : "";
}

/* Primary and secondary limits come with 429 or with 403; a 403 of another kind can be the last request that the limit allowed. */
static bool is_rate_limit(const struct http_call *call, const char *said)
{
	return call->status == 429 ||
	       (call->status == 403 && (sentence_has(said, "rate limit") || sentence_has(said, "abuse detection")));
}

/* The reset is about the primary limit, which is meant only when nothing of it is left. */
static bool rate_limited(const struct http_call *call, const char *host, struct error *err)
{
	const char *remaining = github_header(call, HEADER_REMAINING), *reset = github_header(call, HEADER_RESET);

	return github_rate_limited(host, call->retry_after, remaining && strcmp(remaining, "0") == 0 ? reset : NULL, err);
}

bool github_declined(const struct http_call *call)
{
	CLEANUP(json_decrefp) json_t *answer = forge_json(call);

	return call->failure == HTTP_OK && (call->status == 403 || call->status == 404) && answer &&
	       !is_rate_limit(call, said_by(answer, call));
}

static bool classify_unauthorized(const char *host, struct error *err)
{
	return github_error(err, ERR_TOKEN_INVALID,
	                    "Invalid token. GitHub at %s does not accept this token: it is wrong, expired or revoked. Check it was "
	                    "copied completely and was created on %s.",
	                    host, host);
}

static bool classify_forbidden(const struct http_call *call, const char *said, const char *host, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf relayed = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	if (github_sentence_judge(call, said, host, err))
		return false;
	sentence_relay(said, strlen(said), &relayed);
	return github_error(err, ERR_TOKEN_REFUSED, "Insufficient permissions. %s refuses this request: %s", host,
	                    relayed.length ? relayed.data : "no reason given");
}

static bool classify_server_error(const struct http_call *call, const char *said, const char *host, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf id = STRBUF_INIT(sizeof(call->request_id_got));
	const char *request_id = github_header(call, HEADER_REQUEST_ID);
	unsigned wait_s;

	if (!github_sentence_judge(call, said, host, err)) {
		if (request_id)
			sentence_relay(request_id, strlen(request_id), &id);
		error_set(err, ERR_INSTANCE_ERROR, "%s reported an internal error (%d). Try again%s%s.", host, call->status,
		          id.length ? "; request id " : "", id.data);
	}
	if (err && sentence_wait(call->retry_after, NULL, clock_now_s(), &wait_s))
		err->retry_after_s = wait_s;
	return false;
}

static bool not_github(const char *host, struct error *err)
{
	return github_error(err, ERR_INSTANCE_NOT_API, "%s does not look like a GitHub server.", host);
}

/* An answer whose body is no JSON: text, a page, or nothing. */
static bool classify_text(const struct http_call *call, const char *host, struct error *err)
{
	const char *said = page_free_text(call);

	if (call->status >= 300 && call->status < 400)
		return redirect_classify(call, &github_words, host, err);
	if (page_judge(call, &github_words, host, err))
		return false;
	if (call->status >= 500)
		return classify_server_error(call, "", host, err);
	if (call->status == 403 && sentence_has(said, "administrative rules"))
		return github_error(err, ERR_INSTANCE_BLOCKED, "%s blocked this server's request.", host);
	if (call->status == 403)
		return classify_forbidden(call, said, host, err);
	return not_github(host, err);
}

static bool classify_json(const struct http_call *call, const char *said, const char *host, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf relayed = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	if (call->status >= 500)
		return classify_server_error(call, said, host, err);
	if (call->status >= 300 && call->status < 400)
		return github_error(err, ERR_REPO_NOT_FOUND, "Repository not found. It has moved on %s meanwhile; try again.",
		                    host);
	sentence_relay(said, strlen(said), &relayed);
	switch (call->status) {
	case 401:
		return classify_unauthorized(host, err);
	case 403:
		return classify_forbidden(call, said, host, err);
	case 404:
		if (!said[0])
			return not_github(host, err);
		return github_error(err, ERR_INSTANCE_NOT_API, "%s has no GitHub API at this address.", host);
	case 451:
		return github_error(err, ERR_REPO_DISABLED, "GitHub has blocked this repository: %s",
		                    relayed.length ? relayed.data : "no reason given");
	default:
		break;
	}
	if (call->status >= 200 && call->status < 300)
		return not_github(host, err);
	return error_set(err, ERR_INSTANCE_ERROR, "%s did not accept the request (%d): %s", host, call->status,
	                 relayed.length ? relayed.data : "no reason given");
}

static void classify(const struct http_call *call, const char *host, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = forge_json(call);
	const char *said = said_by(answer, call), *request_id = github_header(call, HEADER_REQUEST_ID);

	if (is_rate_limit(call, said))
		rate_limited(call, host, err);
	else if (answer)
		classify_json(call, said, host, err);
	else
		classify_text(call, host, err);
	error_detail(err, "HTTP %d, request id %s", call->status, request_id ? request_id : "none");
}

bool github_classify(const struct http_call *call, const char *host, struct error *err)
{
	if (call->failure != HTTP_OK)
		transport_classify(call, host, err);
	else
		classify(call, host, err);
	forge_mask(call, err);
	return github_remedy(err);
}

bool github_answer(const struct http_call *call, const char *host, json_t **ret_json, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = call->status >= 200 && call->status < 300 ? forge_json(call) : NULL;

	if (!answer)
		return github_classify(call, host, err);
	*ret_json = TAKE(answer);
	return true;
}
