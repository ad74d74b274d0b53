#include "gitlab_errors.h"

#include "alloc.h"
#include "clock.h"
#include "gitlab_sentence.h"

static bool http_disabled(const char *text, const char *host, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	sentence_relay(text, strlen(text), &said);
	return error_set(err, ERR_GIT_HTTP_DISABLED, "%s does not allow Git over HTTPS (%s).", host, said.data);
}

static bool no_download_scope(struct error *err)
{
	return error_set(err, ERR_TOKEN_SCOPE_MISSING,
	                 "Insufficient permissions. The token may not read repositories. "
	                 "Create a token with 'api' (or 'read_api' + 'write_repository').");
}

static bool other_refusal(const char *text, const char *host, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	sentence_relay(text, strlen(text), &said);
	return error_set(err, ERR_TOKEN_REFUSED, "Insufficient permissions. %s refuses this request: %s", host, said.data);
}

/* git_access.rb: "…code." speaks of the token's scope, "…code from/to this project." of the role. */
static bool classify_forbidden(const char *text, const char *host, const char *project_path, struct error *err)
{
	size_t length = strlen(text);

	if (length == 0 || strcmp(text, "Forbidden") == 0)
		return sentence_ip_banned(host, err);
	if (sentence_judge(text, host, err))
		return false;
	if (sentence_has(text, "not allowed to upload code"))
		return sentence_push_forbidden(err);
	if (sentence_has(text, "not allowed to push code"))
		return sentence_no_push_role(project_path, err);
	if (sentence_has(text, "not allowed to download code from"))
		return sentence_no_read_role(project_path, err);
	if (sentence_has(text, "not allowed to download code"))
		return no_download_scope(err);
	if (sentence_has(text, "archived project"))
		return sentence_archived(project_path, err);
	if (sentence_has(text, "over HTTP is not allowed"))
		return http_disabled(text, host, err);
	return other_refusal(text, host, err);
}

static bool classify_down(int status, const char *text, const char *retry_after, const char *host, struct error *err)
{
	unsigned wait_s;

	if (!sentence_judge(text, host, err)) {
		if (sentence_has(text, "due to load"))
			error_set(err, ERR_INSTANCE_ERROR, "%s is too busy to serve this repository. Try again.", host);
		else
			error_set(err, ERR_INSTANCE_ERROR, "%s reported an internal error (%d). Try again.", host, status);
	}
	if (err && sentence_wait(retry_after, NULL, clock_now_s(), &wait_s))
		err->retry_after_s = wait_s;
	return false;
}

static bool classify_status(enum git_service service, int status, const char *text, const char *retry_after, const char *host,
                            const char *project_path, struct error *err)
{
	switch (status) {
	case 401:
		return error_set(err, ERR_TOKEN_INVALID,
		                 "Authentication failed. %s did not accept the token of the connected account: it is wrong, "
		                 "expired or revoked, "
		                 "or the account is blocked. Reconnect and try again.",
		                 host);
	case 400:
		if (text[0] == '\0') /* of a proxy; a ban is a 403 */
			break;
		return classify_forbidden(text, host, project_path, err);
	case 403:
		return classify_forbidden(text, host, project_path, err);
	case 404:
	case 422: /* push to create was tried and refused: the project is not there */
		return sentence_not_found(project_path, host, err);
	case 413:
		return error_set(err, ERR_PUSH_REJECTED, "GitLab rejected the push: it is larger than %s accepts.", host);
	case 429:
		return sentence_rate_limited(host, retry_after, NULL, err);
	default:
		break;
	}
	if (status >= 300 && status < 400)
		return error_set(err, ERR_GIT_REDIRECT_REFUSED, "%s redirects Git to another page; the token was not sent.", host);
	if (status >= 500)
		return classify_down(status, text, retry_after, host, err);
	return error_set(err, ERR_GIT_FAILED, "%s did not answer %s as a Git server (%d).", host,
	                 service == GIT_RECEIVE_PACK ? "the push" : "the fetch", status);
}

/* Pages begin with a tag; GitLab's git routes answer in plain text. */
static bool is_page(const char *text)
{
	return text[0] == '<';
}

bool gitlab_classify_git(enum git_service service, int status, const char *body, size_t body_length, const char *retry_after,
                         const char *host, const char *project_path, struct error *err)
{
	CLEANUP(freep) char *text = sentence_of_body(body, body_length);

	if (is_page(text)) {
		struct http_call page = {.status = status, .content_type_got = "text/html"};
		if (status != 401 && status != 404 && status != 413 && status != 429 && page_judge(&page, &gitlab_words, host, err))
			return error_detail(err, "HTTP %d", status);
		text[0] = '\0'; /* not a sentence */
	}
	classify_status(service, status, text, retry_after, host, project_path, err);
	return error_detail(err, "HTTP %d", status);
}
