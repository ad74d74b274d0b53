#include "github_api.h"

#include "alloc.h"

const struct forge_words github_words = {.title = "GitHub", .api_root = "/api/v3"};

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length > tail && strcmp(text + length - tail, end) == 0;
}

/* GitHub's own clouds have their API on a host of its own, which belongs to the instance as much as the web pages do. */
static void api_base(const struct instance_url *instance, struct strbuf *to)
{
	bool cloud = instance->https && instance->port == 443 && instance->root[0] == '\0' &&
	             (strcmp(instance->host, "github.com") == 0 || ends_with(instance->host, ".ghe.com"));

	if (cloud)
		strbuf_addf(to, "https://api.%s", instance->host);
	else
		strbuf_addf(to, "%s%s", instance->text, github_words.api_root);
}

static void api_project(const struct instance_url *instance, const char *path, struct strbuf *to)
{
	api_base(instance, to);
	strbuf_add_string(to, "/repos/");
	strbuf_add_percent_encoded(to, path, "/");
}

struct scope_verdict github_judge_scopes(const char *scopes)
{
	static const char *const powerful[] = {"site_admin", "admin:enterprise", "admin:org", "delete_repo"};
	struct scope_verdict verdict = {.can_read_api = true, .can_clone = true, .can_push = true};

	if (!scopes)
		return verdict;
	verdict.known = true;
	verdict.can_push = github_has_scope(scopes, "repo") || github_has_scope(scopes, "public_repo");
	for (size_t i = 0; i < ARRAY_SIZE(powerful); i++)
		verdict.too_powerful |= github_has_scope(scopes, powerful[i]);
	return verdict;
}

const struct forge github_forge = {
        .provider = PROVIDER_GITHUB,
        .title = "GitHub",
        .git_user = "x-access-token",
        .token_shown = "ghp_***",
        .api_base = api_base,
        .api_project = api_project,
        .judge_scopes = github_judge_scopes,
        .account_get = github_account_get,
        .project_get = github_project_get,
        .branch_get = github_branch_get,
        .git_probe = github_git_probe,
        .find_ref = github_find_ref,
        .branches = github_branches,
        .tree = github_tree,
        .blob = github_blob,
        .merge_request_open = github_pull_request_open,
        .classify_git = github_classify_git,
        .classify_push = github_classify_push,
};
