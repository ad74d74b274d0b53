#pragma once
/*
 * github_errors — what an answer of GitHub that is not a success means: API calls, git over HTTP, refused pushes. Where the product
 * has a sentence for the case, the message begins with it; GitHub's own sentence is relayed masked. Floor: github.
 */
#include "forge_transport_errors.h"
#include "github.h"

extern const struct forge_words github_words;

/* What an API call that was not answered with 2xx JSON means. Always fills err (masked), returns false. `host` is shown to the
 * user. */
bool github_classify(const struct http_call *call, const char *host, struct error *err);

/* Whether the call has a 2xx answer in JSON; otherwise classifies. *ret_json: caller decrefs. */
bool github_answer(const struct http_call *call, const char *host, json_t **ret_json, struct error *err) MUST_CHECK;

/* Whether GitHub answered, with 403 or 404, that this is not to be had: not a rate limit, not a failure. */
bool github_declined(const struct http_call *call);

/* github_forge's classify_git and classify_push. */
bool github_classify_git(enum git_service service, int status, const char *body, size_t body_length, const char *retry_after,
                         const char *host, const char *project_path, struct error *err);
bool github_classify_push(const char *sideband, const char *reason, const char *branch, const char *project_path,
                          struct error *err);
