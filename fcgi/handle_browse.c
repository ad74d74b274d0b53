#include "handle_browse.h"

#include <string.h>

#include "alloc.h"
#include "branch_name.h"
#include "clock.h"
#include "render_project.h"

enum { BROWSE_MS = 50 * 1000 }; /* many pages of a slow server; less than the patience of nginx */

/* What is looked at, and with what. */
struct browse {
	struct check_opened opened;
	struct forge_access access;
	char *ref;  /* NULL: the default branch */
	char *path; /* "": the top */
};
#define BROWSE_INIT ZERO_INIT

static void browse_release(struct browse *browse)
{
	check_opened_release(&browse->opened);
	free(browse->ref);
	free(browse->path);
}

/* ---- the query ---- */

static bool has_odd_segment(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/' && at != path;
		size_t length = strcspn(at, "/");

		if (length == 0 || (length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.'))
			return true;
	}
	return false;
}

bool browse_path(const char *given, char **ret, struct error *err)
{
	CLEANUP(freep) char *path = NULL;
	size_t length;

	given += strspn(given, "/");
	length = strlen(given);
	while (length > 0 && given[length - 1] == '/')
		length--;
	path = xstrndup(given, length);
	if (length > 0 && has_odd_segment(path))
		return error_set(err, ERR_PATH_NOT_FOUND,
		                 "There is no file or folder of this name: a path has no empty parts, '.' or '..'.");
	*ret = TAKE(path);
	return true;
}

static bool is_object_id(const char *text)
{
	size_t length = strspn(text, "0123456789abcdefABCDEF");

	return length >= 4 && length <= 64 && text[length] == '\0';
}

bool browse_ref_check(const char *ref, struct error *err)
{
	if (strcmp(ref, "HEAD") == 0 || is_object_id(ref) || branch_name_check(ref, NULL))
		return true;
	return error_set(err, ERR_REF_NOT_FOUND, "There is no branch, tag or commit of this name.");
}

static bool read_repository(const struct call *call, struct strbuf *repository, struct error *err)
{
	bool present = false;

	if (!request_query_text(call->request, "repo", repository, &present, err))
		return false;
	return present || error_set(err, ERR_FIELD_MISSING, "repo query parameter required");
}

/* ---- the checks up to the repository ---- */

static bool open_repository(struct call *call, const char *repository, const struct repo_url *url, struct browse *browse,
                            struct error *err)
{
	struct check_request request = {.user_id = call->caller.user_id,
	                                .project = call->parameters.project,
	                                .url = repository,
	                                .access = CHECK_ACCESS_READ,
	                                .request_id = call->request->id};
	struct check_opened *opened = &browse->opened;

	request.until_ms = clock_monotonic_ms() + BROWSE_MS;
	call_log(call, "instance", url->host);
	if (!project_expected_id(&call->app->projects, call->parameters.project, url, &request.expected_id, err) ||
	    !check_open(&call->app->checks, &request, opened, err))
		return false;
	redactor_add(call->redactor, &opened->credential.token);
	call_log(call, "project_path", opened->project.path);
	browse->access = credential_access(&call->app->credentials, &opened->credential, call->request->id);
	browse->access.until_ms = request.until_ms;
	return true;
}

/* The whole commit id that a pasted "<id>/docs" begins with; NULL: another text. Caller frees. */
static char *commit_of(const char *pasted)
{
	size_t length = strspn(pasted, "0123456789abcdefABCDEF");
	bool whole = (length == 40 || length == 64) && (pasted[length] == '/' || pasted[length] == '\0');

	return whole ? xstrndup(pasted, length) : NULL;
}

/* Branch or tag, and perhaps a path, as the pasted address has them: only the server can tell them apart. */
static bool take_pasted(struct browse *browse, const char *pasted, struct error *err)
{
	CLEANUP(forge_ref_release) struct forge_ref found = FORGE_REF_INIT;

	if (!browse->access.forge->find_ref(&browse->access, &browse->opened.project, pasted, &found, err))
		return false;
	browse->ref = found.name ? TAKE(found.name) : commit_of(pasted);
	if (!browse->ref)
		return error_set(err, ERR_REF_NOT_FOUND, "The address names a branch or tag that the repository does not have.");
	if (!browse->path)
		return browse_path(found.path ? found.path : "", &browse->path, err);
	return true;
}

/* `ref` and `path` as the query gives them, else as the address has them, else the default branch and the top. */
static bool read_place(const struct call *call, struct browse *browse, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf ref = STRBUF_INIT(LIMIT_URL_MAX), path = STRBUF_INIT((size_t)2 * LIMIT_URL_MAX);
	bool has_ref = false, has_path = false;

	if (!request_query_text(call->request, "ref", &ref, &has_ref, err) ||
	    !request_query_text(call->request, "path", &path, &has_path, err) || (has_ref && !browse_ref_check(ref.data, err)) ||
	    (has_path && !browse_path(path.data, &browse->path, err)))
		return false;
	browse->ref = has_ref ? strbuf_detach(&ref) : NULL;
	return true;
}

static bool has_path(const struct browse *browse, struct error *err)
{
	if (browse->path && *browse->path)
		return true;
	error_set(err, ERR_FIELD_MISSING, "path query parameter required");
	return false;
}

/* `needs_path`: the top will not do. */
static bool open_place(struct call *call, bool needs_path, struct browse *browse, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf repository = STRBUF_INIT((size_t)2 * LIMIT_URL_MAX);
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;

	if (!read_repository(call, &repository, err) || !read_place(call, browse, err) ||
	    !repo_url_parse(repository.data, &url, err))
		return false;
	const bool pasted = !browse->ref && url.ref;

	/* What will be missing is told before anything is asked. */
	if (needs_path && !pasted && !has_path(browse, err))
		return false;
	if (!open_repository(call, repository.data, &url, browse, err) || (pasted && !take_pasted(browse, url.ref, err)))
		return false;
	if (!browse->path)
		browse->path = xstrdup("");
	return !needs_path || has_path(browse, err);
}

/* What the forge says about the token is kept, whatever became of the request. */
static bool note(struct call *call, const struct browse *browse, bool worked, const struct error *failure)
{
	credential_note_use(&call->app->credentials, &browse->opened.credential, worked ? NULL : failure);
	return worked;
}

/* ---- the three ways to look ---- */

bool handle_branches(struct call *call, struct error *err)
{
	CLEANUP(browse_release) struct browse browse = BROWSE_INIT;
	CLEANUP(forge_branch_list_release) struct forge_branch_list list = FORGE_BRANCH_LIST_INIT;
	CLEANUP(strbuf_release) struct strbuf repository = STRBUF_INIT((size_t)2 * LIMIT_URL_MAX);
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;

	if (!read_repository(call, &repository, err) || !repo_url_parse(repository.data, &url, err) ||
	    !open_repository(call, repository.data, &url, &browse, err) ||
	    !note(call, &browse, browse.access.forge->branches(&browse.access, &browse.opened.project, &list, err), err))
		return false;
	response_json(&call->response, 200, render_branches(&list));
	return true;
}

bool handle_tree(struct call *call, struct error *err)
{
	CLEANUP(browse_release) struct browse browse = BROWSE_INIT;
	CLEANUP(forge_tree_release) struct forge_tree tree = FORGE_TREE_INIT;

	if (!open_place(call, false, &browse, err) ||
	    !note(call, &browse,
	          browse.access.forge->tree(&browse.access, &browse.opened.project, browse.ref, browse.path, &tree, err), err))
		return false;
	response_json(&call->response, 200,
	              render_tree(browse.path, browse.ref ? browse.ref : browse.opened.project.default_branch, &tree));
	return true;
}

bool handle_blob(struct call *call, struct error *err)
{
	CLEANUP(browse_release) struct browse browse = BROWSE_INIT;
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(LIMIT_BLOB);

	if (!open_place(call, true, &browse, err) ||
	    !note(call, &browse,
	          browse.access.forge->blob(&browse.access, &browse.opened.project, browse.ref, browse.path, &bytes, err), err))
		return false;
	response_json(&call->response, 200, render_blob(&bytes));
	return true;
}
