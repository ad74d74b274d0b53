/* Folders and files of github_forge. */
#include "github_api.h"

#include "alloc.h"
#include "github_sentence.h"

enum {
	REF_MAX = 512, /* bytes; git makes a file of a ref, whose name has at most 255 */
	/* Bytes: LIMIT_TREE_ENTRIES entries of a tree, or 1000 of a folder with all their addresses. */
	LISTING_MAX = 4 * 1024 * 1024,
};

/* The place that is asked for. */
struct place {
	const struct forge_project *project;
	const char *ref, *path;
};

static char *shown(const char *text)
{
	struct strbuf line = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	sentence_relay(text, strlen(text), &line);
	return strbuf_detach(&line);
}

static bool no_ref(const struct place *place, struct error *err)
{
	CLEANUP(freep) char *ref = shown(place->ref);

	return error_set(err, ERR_REF_NOT_FOUND, "%s has no branch, tag or commit '%s'.", place->project->path, ref);
}

static bool no_path(const struct place *place, const char *kind, struct error *err)
{
	CLEANUP(freep) char *ref = shown(place->ref), *path = shown(place->path);

	return error_set(err, ERR_PATH_NOT_FOUND, "%s has no %s '%s' at '%s'.", place->project->path, kind, path, ref);
}

static bool list_too_long(const struct place *place, struct error *err)
{
	CLEANUP(freep) char *path = shown(place->path);

	return error_set(err, ERR_LIST_TOO_LONG, "The folder '%s' of %s has too many entries.", path[0] ? path : "/",
	                 place->project->path);
}

/* Dot segments would be resolved on the way and ask for another address. */
static bool is_dot_segment(const char *text, size_t length)
{
	return (length == 1 && text[0] == '.') || (length == 2 && text[0] == '.' && text[1] == '.');
}

static bool path_is_usable(const char *path)
{
	if (strlen(path) > LIMIT_URL_MAX)
		return false;
	while (true) {
		size_t length = strcspn(path, "/");
		if (length == 0 || is_dot_segment(path, length))
			return false;
		if (path[length] == '\0')
			return true;
		path += length + 1;
	}
}

static bool ref_is_usable(const char *ref)
{
	return ref[0] && strlen(ref) <= REF_MAX && !is_dot_segment(ref, strlen(ref));
}

static const char *ref_or_default(const struct forge_project *project, const char *ref)
{
	return ref ? ref : project->default_branch ? project->default_branch : "HEAD";
}

/* A 404 or 409 below a repository that was found: "No commit found for the ref x", "This repository is empty.", "Not Found". */
static bool is_missing(const struct http_call *call, bool *ret_ref_is_missing)
{
	CLEANUP(json_decrefp) json_t *answer = NULL;

	if (call->failure != HTTP_OK || (call->status != 404 && call->status != 409) || !(answer = forge_json(call)))
		return false;
	const char *said = sentence_of_json(answer);
	*ret_ref_is_missing = sentence_has(said, "no commit found") || sentence_has(said, "is empty");
	return true;
}

static void contents_init(struct github_call *call, const struct forge_access *access, const struct place *place,
                          const char *accept, size_t max_body)
{
	CLEANUP(freep) char *path = github_encoded(place->path, true), *ref = github_encoded(place->ref, false);

	github_call_init(call, access, "/repos/%s/contents/%s?ref=%s", place->project->path, path, ref);
	call->api.http.accept = accept;
	call->api.http.max_body = max_body;
}

/* ---- folders ---- */

/* The id of the folder's tree; its own listing stops at 1000 entries and has no modes. */
static bool folder_sha(const struct forge_access *access, const struct place *place, char **ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(github_call_release) struct github_call call;
	CLEANUP(json_decrefp) json_t *folder = NULL;
	bool ref_is_missing;

	contents_init(&call, access, place, "application/vnd.github.object+json", LISTING_MAX);
	github_call_run(&call, access);
	if (call.api.http.failure == HTTP_TOO_LARGE)
		return list_too_long(place, err);
	if (is_missing(&call.api.http, &ref_is_missing))
		return ref_is_missing ? no_ref(place, err) : no_path(place, "folder", err);
	if (!github_answer(&call.api.http, host, &folder, err))
		return false;
	const char *sha = json_string_or(folder, "sha", "");
	if (strcmp(json_string_or(folder, "type", ""), "dir") != 0 || !sha[0])
		return no_path(place, "folder", err);
	*ret = github_encoded(sha, false);
	return true;
}

static bool is_entry(const json_t *entry)
{
	const char *type = json_string_or(entry, "type", "");

	return json_string_or(entry, "path", "")[0] &&
	       (strcmp(type, "blob") == 0 || strcmp(type, "tree") == 0 || strcmp(type, "commit") == 0);
}

static struct forge_tree_entry make_entry(const json_t *entry, const char *folder)
{
	const char *name = json_string_or(entry, "path", "");

	return (struct forge_tree_entry){
	        .name = xstrdup(name),
	        .path = xasprintf("%s%s%s", folder, folder[0] ? "/" : "", name),
	        .type = xstrdup(json_string_or(entry, "type", "")),
	        .mode = xstrdup(json_string_or(entry, "mode", "")),
	        .sha = xstrdup(json_string_or(entry, "sha", "")),
	        .size = json_int_or(entry, "size", -1),
	};
}

static void fill_tree(const json_t *entries, const char *folder, struct forge_tree *ret)
{
	struct forge_tree tree = {.items = xcalloc(json_array_size(entries) + 1, sizeof(*tree.items))};
	size_t index;
	const json_t *entry;

	json_array_foreach(entries, index, entry)
	{
		if (is_entry(entry))
			tree.items[tree.count++] = make_entry(entry, folder);
	}
	*ret = tree;
}

static bool get_tree(const struct forge_access *access, const struct place *place, const char *sha, struct forge_tree *ret,
                     struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(github_call_release) struct github_call call;
	CLEANUP(json_decrefp) json_t *answer = NULL;
	bool ref_is_missing;

	github_call_init(&call, access, "/repos/%s/git/trees/%s", place->project->path, sha);
	call.api.http.max_body = LISTING_MAX;
	github_call_run(&call, access);
	if (call.api.http.failure == HTTP_TOO_LARGE)
		return list_too_long(place, err);
	if (is_missing(&call.api.http, &ref_is_missing) || call.api.http.status == 422)
		return no_ref(place, err);
	if (!github_answer(&call.api.http, host, &answer, err))
		return false;
	const json_t *entries = json_object_get(answer, "tree");
	if (!json_is_array(entries))
		return github_error(err, ERR_INSTANCE_NOT_API, "%s does not look like a GitHub server.", host);
	if (json_bool_or(answer, "truncated", false) || json_array_size(entries) > LIMIT_TREE_ENTRIES)
		return list_too_long(place, err);
	fill_tree(entries, place->path, ret);
	return true;
}

bool github_tree(const struct forge_access *access, const struct forge_project *project, const char *ref, const char *path,
                 struct forge_tree *ret, struct error *err)
{
	const struct place place = {project, ref_or_default(project, ref), path};
	CLEANUP(freep) char *sha = NULL;

	if (project->empty && !path[0]) {
		*ret = (struct forge_tree)FORGE_TREE_INIT;
		return true;
	}
	if (!ref_is_usable(place.ref))
		return no_ref(&place, err);
	if (project->empty || (path[0] && !path_is_usable(path)))
		return no_path(&place, "folder", err);
	if (!path[0])
		sha = github_encoded(place.ref, false);
	else if (!folder_sha(access, &place, &sha, err))
		return false;
	return get_tree(access, &place, sha, ret, err);
}

/* ---- files ---- */

static bool file_too_large(const struct place *place, struct error *err)
{
	CLEANUP(freep) char *path = shown(place->path);

	return error_set(err, ERR_FILE_TOO_LARGE, "The file '%s' is larger than %d MiB.", path, LIMIT_BLOB / (1024 * 1024));
}

/* A file comes as it is, with a type of GitHub's own; folders and submodules come as JSON all the same. */
static bool is_file(const struct http_call *call)
{
	return call->status == 200 && strcmp(call->content_type_got, "application/json") != 0;
}

/* GitHub shows no file of more than 100 MB. */
static bool says_too_large(const struct http_call *call)
{
	CLEANUP(json_decrefp) json_t *answer = call->status == 403 ? forge_json(call) : NULL;

	return answer &&
	       (sentence_has(sentence_of_json(answer), "too large") || sentence_has(sentence_of_json(answer), "blobs up to"));
}

static bool read_blob(const struct http_call *call, const char *host, const struct place *place, struct strbuf *ret,
                      struct error *err)
{
	bool ref_is_missing;

	if (call->failure == HTTP_TOO_LARGE || (call->failure == HTTP_OK && says_too_large(call)))
		return file_too_large(place, err);
	if (is_missing(call, &ref_is_missing))
		return ref_is_missing ? no_ref(place, err) : no_path(place, "file", err);
	if (call->failure != HTTP_OK || call->status != 200)
		return github_classify(call, host, err);
	if (!is_file(call))
		return no_path(place, "file", err);
	strbuf_add(ret, call->answer.data, call->answer.length);
	return strbuf_ok(ret) || file_too_large(place, err);
}

bool github_blob(const struct forge_access *access, const struct forge_project *project, const char *ref, const char *path,
                 struct strbuf *ret, struct error *err)
{
	const struct place place = {project, ref_or_default(project, ref), path};

	if (!ref_is_usable(place.ref))
		return no_ref(&place, err);
	if (project->empty || !path_is_usable(path))
		return no_path(&place, "file", err);
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(github_call_release) struct github_call call;
	contents_init(&call, access, &place, "application/vnd.github.raw+json", LIMIT_BLOB);
	github_call_run(&call, access);
	return read_blob(&call.api.http, host, &place, ret, err);
}
