#pragma once
/*
 * github_api — requests as GitHub wants them, what their answers say apart from asking for them, and the parts of github_forge.
 * Private to github. Floor: github.
 */
#include "forge_api.h"
#include "github_errors.h"

/* The headers of an answer that are looked at, besides those of struct http_call. */
enum github_header {
	HEADER_SCOPES,     /* of a classic or OAuth token */
	HEADER_EXPIRATION, /* of the token */
	HEADER_REQUEST_ID,
	HEADER_REMAINING, /* requests until the rate limit */
	HEADER_RESET,     /* when the rate limit ends, unix time */
	HEADER_SSO,
	HEADER_LINK,
	HEADER_PERMISSIONS, /* what a fine-grained token would need */
	HEADER_COUNT
};

/* One request; `api.http` borrows from the struct, which therefore stays where it was initialised. */
struct github_call {
	struct api_call api;
	struct http_header_wanted wanted[HEADER_COUNT];
};

/* `format` makes the path; text from outside in it is percent-encoded by the caller (github_encoded). */
void github_call_init(struct github_call *call, const struct forge_access *access, const char *format, ...) PRINTF_LIKE(3, 4);
void github_call_run(struct github_call *call, const struct forge_access *access);
/* All at once. */
void github_call_run_all(struct github_call *calls, size_t count, const struct forge_access *access);
void github_call_release(struct github_call *call);

/* The header's value; NULL: absent, or not asked for. */
const char *github_header(const struct http_call *call, enum github_header which);

/* The scopes of the call's token, joined by blanks; NULL: not known. Caller frees. */
char *github_scopes_of(const struct http_call *call) MUST_CHECK;

/* Percent-encodes everything but A-Za-z0-9-_.~ and, with `is_path`, the slash. Caller frees. */
char *github_encoded(const char *text, bool is_path) MUST_CHECK;

/* The highest page that a Link header names as "next" or "last"; 0: there is no further one. Only the number is taken from it. */
unsigned github_last_page(const char *link);

/* Whether it is "owner/repository" and nothing else. */
bool github_path_is_plain(const char *path);

/* Whether a list of scopes, separated by blanks or by commas and blanks, has this one. */
bool github_has_scope(const char *scopes, const char *scope);

/* The functions of github_forge (forge.h). */
bool github_account_get(const struct forge_access *access, struct forge_account *ret, struct error *err) MUST_CHECK;
bool github_project_get(const struct forge_access *access, const char *path, int64_t id, const char *user_id,
                        struct forge_project *ret, struct error *err) MUST_CHECK;
bool github_branch_get(const struct forge_access *access, const struct forge_project *project, const char *user_id,
                       const char *branch, struct forge_branch *ret, struct error *err) MUST_CHECK;
bool github_git_probe(const struct forge_access *access, const struct forge_project *project, enum git_service service,
                      struct error *err) MUST_CHECK;
bool github_find_ref(const struct forge_access *access, const struct forge_project *project, const char *pasted,
                     struct forge_ref *ret, struct error *err) MUST_CHECK;
bool github_branches(const struct forge_access *access, const struct forge_project *project, struct forge_branch_list *ret,
                     struct error *err) MUST_CHECK;
bool github_tree(const struct forge_access *access, const struct forge_project *project, const char *ref, const char *path,
                 struct forge_tree *ret, struct error *err) MUST_CHECK;
bool github_blob(const struct forge_access *access, const struct forge_project *project, const char *ref, const char *path,
                 struct strbuf *ret, struct error *err) MUST_CHECK;
bool github_pull_request_open(const struct forge_access *access, const struct forge_project *project,
                              const struct forge_merge_wish *wish, struct forge_merge_request *ret, struct error *err) MUST_CHECK;

/* The date ("YYYY-MM-DD", UTC) of "2026-12-31 10:00:00 UTC" or "… +0200"; NULL: none. Caller frees. */
char *github_expiry_date(const char *header) MUST_CHECK;
