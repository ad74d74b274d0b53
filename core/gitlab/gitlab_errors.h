#pragma once
/*
 * gitlab_errors — what an answer that is not a success means: API calls and git over HTTP. Texts follow the product's list of
 * failure modes; where the seed has a sentence, the message begins with it. Floor: gitlab.
 */
#include "forge_transport_errors.h"
#include "gitlab.h"

extern const struct forge_words gitlab_words;

/* What an API call that was not answered with 2xx JSON means. Always fills err (masked), returns false. `host` is shown to the
 * user. */
bool gitlab_classify(const struct http_call *call, const char *host, struct error *err);

/* "Does not look like a GitLab server". Returns false. */
bool gitlab_not_gitlab(const char *host, struct error *err);

/* Whether the call has a 2xx answer in JSON; otherwise classifies. *ret_json: caller decrefs. */
bool gitlab_answer(const struct http_call *call, const char *host, json_t **ret_json, struct error *err) MUST_CHECK;

/* ERR_TOKEN_SCOPE_MISSING. `has`: the token's scopes, NULL when not known; `needs_one_of`: as GitLab lists them, or "". Returns
 * false. */
bool gitlab_scope_missing(const char *has, const char *needs_one_of, struct error *err);

/*
 * What an HTTP answer of GitLab's git routes means: status and up to the first 4 KiB of a text body. Always fills err, returns
 * false. `retry_after` is the header's value, NULL or "" without one. Recognises the sentences of GitLab (git_access.rb,
 * git_http_controller.rb): scope, role, archived, read-only, http disabled, SSO, IP ban, rate limit, not found.
 */
bool gitlab_classify_git(enum git_service service, int status, const char *body, size_t body_length, const char *retry_after,
                         const char *host, const char *project_path, struct error *err);

/* gitlab_forge's classify_push. */
bool gitlab_classify_push(const char *sideband, const char *reason, const char *branch, const char *project_path,
                          struct error *err);
