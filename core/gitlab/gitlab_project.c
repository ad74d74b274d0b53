#include "gitlab_api.h"

#include "alloc.h"
#include "gitlab_sentence.h"
#include <ctype.h>
#include <strings.h>

enum { LEVEL_DEVELOPER = 30 };

const char *gitlab_role_name(int access_level)
{
	static const struct {
		int level;
		const char *name;
	} roles[] = {
	        {60, "Admin"},    {50, "Owner"},   {40, "Maintainer"}, {30, "Developer"},     {25, "Security Manager"},
	        {20, "Reporter"}, {15, "Planner"}, {10, "Guest"},      {5, "Minimal Access"},
	};

	/* Levels between the known ones have at least the rights of the one below. */
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (access_level >= roles[i].level)
			return roles[i].name;
	return "No role";
}

/* The path goes into git addresses: only what GitLab's path_regex.rb lets into one. */
static bool path_is_plain(const char *path)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

	if (strlen(path) > LIMIT_URL_MAX || !strchr(path, '/'))
		return false;
	while (true) {
		size_t length = strspn(path, allowed);
		if (length == 0 || strspn(path, ".") == length)
			return false;
		if (path[length] != '/')
			return path[length] == '\0';
		path += length + 1;
	}
}

static int level_of(const json_t *permissions, const char *name)
{
	return (int)json_int_or(json_object_get(permissions, name), "access_level", 0);
}

static int highest_level(const json_t *answer)
{
	const json_t *permissions = json_object_get(answer, "permissions");
	int project = level_of(permissions, "project_access"), group = level_of(permissions, "group_access");

	return project > group ? project : group;
}

static bool has_text(const json_t *answer, const char *name)
{
	return json_string_or(answer, name, "")[0] != '\0';
}

/* A pull mirror counts every later update as an import too; its repository can be used meanwhile. */
static bool is_importing(const json_t *answer, const struct forge_project *project)
{
	const char *status = json_string_or(answer, "import_status", "");

	return (strcmp(status, "scheduled") == 0 || strcmp(status, "started") == 0) && (!project->mirror || project->empty);
}

/* GitLab's own web_url and http_url_to_repo may name another host (a wrong external_url): the token would go there. */
bool project_fill(const struct instance_url *instance, const json_t *answer, struct forge_project *ret)
{
	const char *path = json_string_or(answer, "path_with_namespace", ""),
	           *branch = json_string_or(answer, "default_branch", "");
	int64_t id = json_int_or(answer, "id", 0);

	if (id <= 0 || !path_is_plain(path) || strlen(branch) > LIMIT_URL_MAX)
		return false;
	*ret = (struct forge_project){
	        .id = id,
	        .path = xstrdup(path),
	        .web_url = xasprintf("%s/%s", instance->text, path),
	        .clone_url = xasprintf("%s/%s.git", instance->text, path),
	        .empty = json_bool_or(answer, "empty_repo", json_is_null(json_object_get(answer, "default_branch"))),
	        .archived = json_bool_or(answer, "archived", false),
	        .deleting = has_text(answer, "marked_for_deletion_at") || has_text(answer, "marked_for_deletion_on"),
	        .repository_disabled = strcmp(json_string_or(answer, "repository_access_level", ""), "disabled") == 0,
	        .mirror = json_bool_or(answer, "mirror", false),
	        .merge_requests_disabled = strcmp(json_string_or(answer, "merge_requests_access_level", ""), "disabled") == 0,
	        .access_level = highest_level(answer),
	};
	ret->importing = is_importing(answer, ret);
	ret->role = gitlab_role_name(ret->access_level);
	ret->api_url = xasprintf("%s%s/projects/%lld", instance->text, gitlab_words.api_root, (long long)id);
	if (branch[0] && !ret->empty)
		ret->default_branch = xstrdup(branch);
	return true;
}

/* "…/api/v4/projects/81" is where GitLab redirects an old path to; only the number is taken from it. 0: something else. */
static int64_t id_in_location(const char *location)
{
	static const char marker[] = "/api/v4/projects/";
	const char *at = strstr(location, marker);
	char *end;

	if (!at || !isdigit((unsigned char)at[sizeof(marker) - 1]))
		return 0;
	long long id = strtoll(at + sizeof(marker) - 1, &end, 10);
	return *end == '\0' || *end == '?' ? id : 0;
}

bool is_route_missing(const struct http_call *call)
{
	CLEANUP(json_decrefp) json_t *answer = call->status == 404 ? forge_json(call) : NULL;

	return strcmp(json_string_or(answer, "error", ""), "404 Not Found") == 0;
}

bool proxy_decodes(const char *host, struct error *err)
{
	return error_set(err, ERR_PROXY_DECODES_PATHS,
	                 "A proxy in front of %s alters encoded paths. Ask its administrator to pass %%2F unchanged "
	                 "(AllowEncodedSlashes NoDecode / nocanon).",
	                 host);
}

/* Whether the search itself met something that passes or that the user can mend, and that says nothing about the proxy. */
static bool search_failed(const struct http_call *call)
{
	return call->failure != HTTP_OK || call->status == 401 || call->status == 403 || call->status == 429 || call->status >= 500;
}

/* Finds the id of a path without putting the path into an address. */
static bool search_id(const struct forge_access *access, const char *host, const char *path, int64_t *ret_id, struct error *err)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep) char *name = api_segment(slash ? slash + 1 : path);
	CLEANUP(api_call_release) struct api_call call;
	CLEANUP(json_decrefp) json_t *answer = NULL;
	size_t index;
	const json_t *project;

	api_call_init(&call, access, "/projects?search=%s&membership=true&simple=true&per_page=100", name);
	gitlab_run(&call, 1, access);
	if (search_failed(&call.http))
		return gitlab_classify(&call.http, host, err);
	if (!gitlab_answer(&call.http, host, &answer, NULL))
		return proxy_decodes(host, err);
	json_array_foreach(answer, index, project)
	{
		if (strcasecmp(json_string_or(project, "path_with_namespace", ""), path) != 0)
			continue;
		*ret_id = json_int_or(project, "id", 0);
		return *ret_id > 0 ? true : proxy_decodes(host, err);
	}
	return proxy_decodes(host, err);
}

static bool answer_to_project(const struct forge_access *access, const struct http_call *call, const char *host, const char *path,
                              struct forge_project *ret, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = NULL;

	if (call->failure == HTTP_OK && call->status == 404 && (call->gitlab_meta || sentence_has(call->content_type_got, "json")))
		return sentence_not_found(path ? path : "The project", host, err);
	if (!gitlab_answer(call, host, &answer, err))
		return false;
	if (!project_fill(access->instance, answer, ret))
		return gitlab_not_gitlab(host, err);
	return true;
}

static bool get_by_id(const struct forge_access *access, int64_t id, const char *path, struct forge_project *ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(api_call_release) struct api_call call;

	api_call_init(&call, access, "/projects/%lld", (long long)id);
	gitlab_run(&call, 1, access);
	return answer_to_project(access, &call.http, host, path, ret, err);
}

static bool get_by_path(const struct forge_access *access, const char *path, struct forge_project *ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access), *encoded = api_segment(path);
	CLEANUP(api_call_release) struct api_call call;
	int64_t id = 0;

	api_call_init(&call, access, "/projects/%s", encoded);
	gitlab_run(&call, 1, access);
	if (call.http.status >= 301 && call.http.status <= 308)
		id = id_in_location(call.http.location);
	else if (is_route_missing(&call.http) && !search_id(access, host, path, &id, err))
		return false;
	if (id <= 0)
		return answer_to_project(access, &call.http, host, path, ret, err);
	if (!get_by_id(access, id, path, ret, err))
		return false;
	ret->moved = strcasecmp(ret->path, path) != 0;
	return true;
}

/*
 * `permissions` does not know groups the project is shared with (gitlab#3754). 404: not a member; 403: not shown. Other failures
 * are reported, since taking them for "no role" would send the user to a maintainer for nothing.
 */
static bool ask_membership(const struct forge_access *access, const char *user_id, struct forge_project *project, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access), *member = api_segment(user_id);
	CLEANUP(api_call_release) struct api_call call;
	CLEANUP(json_decrefp) json_t *answer = NULL;

	api_call_init(&call, access, "/projects/%lld/members/all/%s", (long long)project->id, member);
	gitlab_run(&call, 1, access);
	if (call.http.failure == HTTP_OK && (call.http.status == 404 || call.http.status == 403))
		return true;
	if (!gitlab_answer(&call.http, host, &answer, err))
		return false;
	int level = (int)json_int_or(answer, "access_level", 0);
	if (level > project->access_level)
		project->access_level = level;
	project->role = gitlab_role_name(project->access_level);
	return true;
}

bool gitlab_project_get(const struct forge_access *access, const char *path, int64_t id, const char *user_id,
                        struct forge_project *ret, struct error *err)
{
	CLEANUP(forge_project_release) struct forge_project project = FORGE_PROJECT_INIT;

	if (!(path ? get_by_path(access, path, &project, err) : get_by_id(access, id, NULL, &project, err)))
		return false;
	if (project.access_level < LEVEL_DEVELOPER && user_id && !ask_membership(access, user_id, &project, err))
		return false;
	*ret = project;
	project = (struct forge_project)FORGE_PROJECT_INIT;
	return true;
}
