#include "gitlab_api.h"

const struct forge_words gitlab_words = {.title = "GitLab", .api_root = "/api/v4"};

static void api_base(const struct instance_url *instance, struct strbuf *to)
{
	strbuf_add_string(to, instance->text);
	strbuf_add_string(to, gitlab_words.api_root);
}

static void api_project(const struct instance_url *instance, const char *path, struct strbuf *to)
{
	api_base(instance, to);
	strbuf_add_string(to, "/projects/");
	strbuf_add_percent_encoded(to, path, NULL);
}

const struct forge gitlab_forge = {
        .provider = PROVIDER_GITLAB,
        .title = "GitLab",
        .git_user = "oauth2",
        .token_shown = "glpat-***",
        .api_base = api_base,
        .api_project = api_project,
        .judge_scopes = scope_judge,
        .account_get = gitlab_account_get,
        .project_get = gitlab_project_get,
        .branch_get = gitlab_branch_get,
        .git_probe = gitlab_git_probe,
        .find_ref = gitlab_find_ref,
        .branches = gitlab_branches,
        .tree = gitlab_tree,
        .blob = gitlab_blob,
        .merge_request_open = gitlab_merge_request_open,
        .classify_git = gitlab_classify_git,
        .git_ban = gitlab_git_ban,
        .classify_push = gitlab_classify_push,
};
