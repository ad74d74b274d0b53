#include "github_errors.h"

#include "alloc.h"
#include "clock.h"
#include "github_sentence.h"

/* GitHub says the same of a missing role and of a token that lacks a scope. */
static bool no_access(enum git_service service, const char *project_path, const char *said, struct error *err)
{
	if (service == GIT_RECEIVE_PACK)
		return github_no_push_role(project_path, said, err);
	return github_error(err, ERR_REPO_NO_READ,
	                    "Insufficient permissions. The connected account may not read the code of %s. GitHub says: %s",
	                    project_path, said);
}

/* GitHub speaks of write access also where a token may not even read. */
static bool not_granted(enum git_service service, const char *project_path, const char *said, struct error *err)
{
	if (service == GIT_RECEIVE_PACK)
		return github_push_forbidden(said, err);
	return github_error(
	        err, ERR_TOKEN_PERMISSION_MISSING,
	        "Insufficient permissions. The token may not read the code of %s. It needs Contents: Read and write, and "
	        "Metadata: Read.",
	        project_path);
}

static bool classify_forbidden(enum git_service service, const char *text, const char *retry_after, const char *host,
                               const char *project_path, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	sentence_relay(text, strlen(text), &said);
	if (sentence_has(text, "archived so it is read-only"))
		return github_archived(project_path, err);
	if (sentence_has(text, "rate limit"))
		return github_rate_limited(host, retry_after, NULL, err);
	if (sentence_has(text, "Write access to repository not granted"))
		return not_granted(service, project_path, said.data, err);
	if (sentence_has(text, "Permission to ") && sentence_has(text, " denied to "))
		return no_access(service, project_path, said.data, err);
	if (github_sentence_judge(NULL, text, host, err))
		return false;
	if (service == GIT_RECEIVE_PACK && said.length == 0)
		return no_access(service, project_path, "no reason given", err);
	return github_error(err, ERR_TOKEN_REFUSED, "Insufficient permissions. %s refuses this request: %s", host,
	                    said.length ? said.data : "no reason given");
}

static bool classify_down(int status, const char *text, const char *retry_after, const char *host, struct error *err)
{
	unsigned wait_s;

	if (!github_sentence_judge(NULL, text, host, err))
		error_set(err, ERR_INSTANCE_ERROR, "%s reported an internal error (%d). Try again.", host, status);
	if (err && sentence_wait(retry_after, NULL, clock_now_s(), &wait_s))
		err->retry_after_s = wait_s;
	return false;
}

static bool classify_status(enum git_service service, int status, const char *text, const char *retry_after, const char *host,
                            const char *project_path, struct error *err)
{
	switch (status) {
	case 401:
		return github_error(err, ERR_TOKEN_INVALID,
		                    "Authentication failed. %s did not accept the token of the connected account: it is wrong, "
		                    "expired or revoked. Reconnect and try again.",
		                    host);
	case 403:
		return classify_forbidden(service, text, retry_after, host, project_path, err);
	case 404:
		return github_not_found(project_path, host, NULL, err);
	case 413:
		return github_error(err, ERR_PUSH_REJECTED, "GitHub rejected the push: it is larger than %s accepts.", host);
	case 429:
		return github_rate_limited(host, retry_after, NULL, err);
	case 451:
		return github_error(err, ERR_REPO_DISABLED, "GitHub has blocked %s.", project_path);
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

/* The statuses whose meaning does not depend on what a page says. */
static bool speaks_for_itself(int status)
{
	return status == 401 || status == 404 || status == 413 || status == 429 || status == 451;
}

bool github_classify_git(enum git_service service, int status, const char *body, size_t body_length, const char *retry_after,
                         const char *host, const char *project_path, struct error *err)
{
	CLEANUP(freep) char *text = sentence_of_body(body, body_length);

	if (text[0] == '<') { /* a page; GitHub's git routes answer in plain text */
		struct http_call page = {.status = status, .content_type_got = "text/html"};
		if (!speaks_for_itself(status) && page_judge(&page, &github_words, host, err)) {
			error_detail(err, "HTTP %d", status);
			return github_remedy(err);
		}
		text[0] = '\0';
	}
	classify_status(service, status, text, retry_after, host, project_path, err);
	error_detail(err, "HTTP %d", status);
	return github_remedy(err);
}
