#pragma once
/*
 * gitlab_api — what GitLab's answers say, apart from asking for them, and the parts of gitlab_forge. Private to gitlab. Floor:
 * gitlab.
 */
#include "forge_api.h"
#include "gitlab_errors.h"

/* The functions of gitlab_forge (forge.h). */
bool gitlab_account_get(const struct forge_access *access, struct forge_account *ret, struct error *err) MUST_CHECK;
bool gitlab_project_get(const struct forge_access *access, const char *path, int64_t id, const char *user_id,
                        struct forge_project *ret, struct error *err) MUST_CHECK;
bool gitlab_branch_get(const struct forge_access *access, const struct forge_project *project, const char *user_id,
                       const char *branch, struct forge_branch *ret, struct error *err) MUST_CHECK;
bool gitlab_git_probe(const struct forge_access *access, const struct forge_project *project, enum git_service service,
                      struct error *err) MUST_CHECK;
bool gitlab_find_ref(const struct forge_access *access, const struct forge_project *project, const char *pasted,
                     struct forge_ref *ret, struct error *err) MUST_CHECK;
bool gitlab_branches(const struct forge_access *access, const struct forge_project *project, struct forge_branch_list *ret,
                     struct error *err) MUST_CHECK;
bool gitlab_tree(const struct forge_access *access, const struct forge_project *project, const char *ref, const char *path,
                 struct forge_tree *ret, struct error *err) MUST_CHECK;
bool gitlab_blob(const struct forge_access *access, const struct forge_project *project, const char *ref, const char *path,
                 struct strbuf *ret, struct error *err) MUST_CHECK;
bool gitlab_merge_request_open(const struct forge_access *access, const struct forge_project *project,
                               const struct forge_merge_wish *wish, struct forge_merge_request *ret, struct error *err) MUST_CHECK;

/* Runs the calls at once, and heeds a ban that an answer tells. Every call of this floor goes through here. */
void gitlab_run(struct api_call *calls, size_t count, const struct forge_access *access);

/*
 * A ban makes every further call prolong it, for all users of the instance: its origin is left alone for as long as the ban lasts
 * (Retry-After, else 15 minutes on gitlab.com and an hour elsewhere). Believed are only GitLab's own words for it as the whole text
 * of a 403: an empty 403 is also what a single account with too many addresses gets, and one user must not stop an instance for all
 * others. Such an answer is reported to its caller as a ban and changes nothing else.
 */
void gitlab_heed_ban(const struct http_call *call, const struct forge_access *access);
bool gitlab_says_banned(const struct http_call *call) MUST_CHECK;
/* gitlab_forge's git_ban: the same for an answer that did not come to an http_call. */
bool gitlab_git_ban(int status, const char *body, size_t body_length, const char *retry_after, const char *host,
                    unsigned *ret_seconds) MUST_CHECK;

/*
 * What answers say, for those who asked, and for the fuzzers. The takers return false for what GitLab does not send, and leave what
 * they fill as it was.
 */
bool project_fill(const struct instance_url *instance, const json_t *answer, struct forge_project *ret) MUST_CHECK;
void branch_fill(const json_t *answer, int access_level, struct forge_branch *ret);
bool branch_row_take(const json_t *row, void *branch_list) MUST_CHECK;
bool tree_row_take(const json_t *row, void *tree) MUST_CHECK;

/* A branch or tag that a pasted text may begin with. */
struct ref_search {
	const char *pasted;
	size_t length; /* of the longest name so far */
	bool is_tag;   /* that name is a tag's */
};
bool branch_name_take(const json_t *row, void *search) MUST_CHECK;
bool tag_name_take(const json_t *row, void *search) MUST_CHECK;

/* F33: a 404 of the router, because a proxy in front of GitLab has decoded %2F, so that the path matches no route. */
bool is_route_missing(const struct http_call *call) MUST_CHECK;
bool proxy_decodes(const char *host, struct error *err);

/* The account that the answers of /user and /personal_access_tokens/self describe together. */
bool account_judge(const struct http_call *user, const struct http_call *self, const char *host, struct forge_account *ret,
                   struct error *err) MUST_CHECK;
