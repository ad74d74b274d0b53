#include "github_api.h"

#include "alloc.h"
#include "github_sentence.h"
#include <ctype.h>
#include <strings.h>

/* GitHub's permissions of a user, from the highest; `level` is GitLab's number for the same rights. */
static const struct role {
	const char *permission, *name;
	int level;
} roles[] = {
        {"admin", "Admin", 50}, {"maintain", "Maintain", 40}, {"push", "Write", 30}, {"triage", "Triage", 20}, {"pull", "Read", 20},
};

bool github_path_is_plain(const char *path)
{
	const char *slash = strchr(path, '/');

	if (strlen(path) > LIMIT_URL_MAX || !slash || slash == path || !slash[1] || path[0] == '.' || strcmp(slash, "/.") == 0 ||
	    strcmp(slash, "/..") == 0)
		return false;
	for (const char *c = path; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c) && c != slash)
			return false;
	return true;
}

static const struct role *role_of(const json_t *answer)
{
	const json_t *permissions = json_object_get(answer, "permissions");

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (json_bool_or(permissions, roles[i].permission, false))
			return &roles[i];
	return NULL; /* an installation's token has no role of its own */
}

/* GitHub's own html_url and clone_url may name another host (a server behind a proxy): the token would go there. */
static bool fill_project(const struct instance_url *instance, const json_t *answer, struct forge_project *ret)
{
	const char *path = json_string_or(answer, "full_name", ""), *branch = json_string_or(answer, "default_branch", "");
	const char *mirror = json_string_or(answer, "mirror_url", "");
	CLEANUP(strbuf_release) struct strbuf api_url = STRBUF_INIT((size_t)2 * LIMIT_URL_MAX);
	const struct role *role = role_of(answer);
	int64_t id = json_int_or(answer, "id", 0);

	if (id <= 0 || !github_path_is_plain(path) || strlen(branch) > LIMIT_URL_MAX)
		return false;
	github_forge.api_base(instance, &api_url);
	strbuf_addf(&api_url, "/repositories/%lld", (long long)id);
	*ret = (struct forge_project){
	        .id = id,
	        .path = xstrdup(path),
	        .web_url = xasprintf("%s/%s", instance->text, path),
	        .clone_url = xasprintf("%s/%s.git", instance->text, path),
	        .api_url = strbuf_detach(&api_url),
	        .default_branch = branch[0] ? xstrdup(branch) : NULL,
	        .archived = json_bool_or(answer, "archived", false),
	        .repository_disabled = json_bool_or(answer, "disabled", false),
	        .mirror = mirror[0] != '\0',
	        .access_level = role ? role->level : 0,
	        .role = role ? role->name : NULL,
	};
	return true;
}

/* An empty repository has a default branch by name as well; only its list of branches tells. */
static bool ask_if_empty(const struct forge_access *access, struct forge_project *project, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(github_call_release) struct github_call call;
	CLEANUP(json_decrefp) json_t *branches = NULL;

	github_call_init(&call, access, "/repos/%s/branches?per_page=1", project->path);
	github_call_run(&call, access);
	if (github_declined(&call.api.http))
		return true;
	if (call.api.http.status == 409)
		project->empty = true;
	else if (!github_answer(&call.api.http, host, &branches, err))
		return false;
	else
		project->empty = json_is_array(branches) && json_array_size(branches) == 0;
	if (project->empty)
		set_string(&project->default_branch, NULL);
	return true;
}

static bool read_answer(const struct forge_access *access, const struct http_call *call, const char *host, const char *path,
                        struct forge_project *ret, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = NULL;

	if (call->failure == HTTP_OK && call->status == 404 && (answer = forge_json(call)))
		return github_not_found(path ? path : "The repository", host, call, err);
	if (!github_answer(call, host, &answer, err))
		return false;
	if (!fill_project(access->instance, answer, ret))
		return github_error(err, ERR_INSTANCE_NOT_API, "%s does not look like a GitHub server.", host);
	/* The size is in KiB and counted late: 0 is no proof, another number is. */
	return json_int_or(answer, "size", 0) > 0 || ret->repository_disabled || ask_if_empty(access, ret, err);
}

static bool get_by_id(const struct forge_access *access, int64_t id, const char *path, struct forge_project *ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(github_call_release) struct github_call call;

	github_call_init(&call, access, "/repositories/%lld", (long long)id);
	github_call_run(&call, access);
	return read_answer(access, &call.api.http, host, path, ret, err);
}

/* "https://api.github.com/repositories/123": of where a renamed repository is now, only the number is taken. 0: something else. */
static int64_t id_in_address(const char *address)
{
	static const char marker[] = "/repositories/";
	const char *at = strstr(address, marker);
	int64_t id = 0;

	for (at = at ? at + strlen(marker) : ""; isdigit((unsigned char)*at) && id < INT64_MAX / 100; at++)
		id = id * 10 + (*at - '0');
	return *at == '\0' || *at == '/' || *at == '?' ? id : 0;
}

static int64_t moved_to(const struct http_call *call)
{
	CLEANUP(json_decrefp) json_t *answer = NULL;

	if (call->failure != HTTP_OK || call->status < 301 || call->status > 308 || !(answer = forge_json(call)))
		return 0;
	return id_in_address(call->location[0] ? call->location : json_string_or(answer, "url", ""));
}

static bool get_by_path(const struct forge_access *access, const char *path, struct forge_project *ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(github_call_release) struct github_call call;

	github_call_init(&call, access, "/repos/%s", path);
	github_call_run(&call, access);
	int64_t id = moved_to(&call.api.http);
	if (id == 0)
		return read_answer(access, &call.api.http, host, path, ret, err);
	if (!get_by_id(access, id, path, ret, err))
		return false;
	ret->moved = strcasecmp(ret->path, path) != 0;
	return true;
}

bool github_project_get(const struct forge_access *access, const char *path, int64_t id, const char *user_id,
                        struct forge_project *ret, struct error *err)
{
	CLEANUP(forge_project_release) struct forge_project project = FORGE_PROJECT_INIT;

	if (path && !github_path_is_plain(path))
		return error_set(err, ERR_REPO_URL_INVALID, "A repository on GitHub is owner/name; this address has another path.");
	(void)user_id; /* the answer has the rights of the token's own user */
	if (!(path ? get_by_path(access, path, &project, err) : get_by_id(access, id, NULL, &project, err)))
		return false;
	*ret = project;
	project = (struct forge_project)FORGE_PROJECT_INIT;
	return true;
}
