#pragma once
/*
 * github_sentence — GitHub's own words recognised, and the sentences and remedies of ours that speak of GitHub. Private to github.
 * Floor: github.
 */
#include "forge_sentence.h"
#include "github_errors.h"

/* Gives an error without a remedy of its own the one that fits GitHub, where the catalogue's speaks of GitLab. Returns false. */
bool github_remedy(struct error *err);

/* As error_set, with that remedy. */
bool github_error(struct error *err, enum error_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/*
 * States that GitHub reports with a refusal, whatever was asked: single sign-on, IP allow lists, refused kinds of token, missing
 * permissions, suspended accounts, blocked repositories, maintenance. `call` (NULL: none) has headers that tell more. True: err is
 * filled.
 */
bool github_sentence_judge(const struct http_call *call, const char *text, const char *host, struct error *err);

/* The texts that several callers need. All return false. */
bool github_rate_limited(const char *host, const char *retry_after, const char *reset, struct error *err);
bool github_not_found(const char *project_path, const char *host, const struct http_call *call,
                      struct error *err); /* call: or NULL */
bool github_archived(const char *project_path, struct error *err);
bool github_no_push_role(const char *project_path, const char *said, struct error *err);
bool github_push_forbidden(const char *said, struct error *err);
