#include "github_api.h"

#include "alloc.h"
#include "github_sentence.h"

enum { PER_PAGE = 100, MAX_PAGES = LIMIT_BRANCHES / PER_PAGE, PAGES_AT_ONCE = 8, REF_MAX = 1024, ID_MAX = 64 };

static bool too_many(const struct forge_project *project, struct error *err)
{
	return error_set(err, ERR_LIST_TOO_LONG, "%s has more than %d branches.", project->path, (int)LIMIT_BRANCHES);
}

/* GitHub's list has no more of a commit than its id; one question a branch would use up the account's requests. */
static void add_row(const json_t *branch, const struct forge_project *project, struct forge_branch_list *list)
{
	const char *name = json_string_or(branch, "name", ""), *sha = json_string_or(json_object_get(branch, "commit"), "sha", "");

	/* Ten thousand rows are kept: none is longer than a server that means it has them. */
	if (!name[0] || strlen(name) > REF_MAX)
		return;
	list->items[list->count++] = (struct forge_branch_row){
	        .name = xstrdup(name),
	        .is_protected = json_bool_or(branch, "protected", false),
	        .is_default = project->default_branch && strcmp(name, project->default_branch) == 0,
	        .sha = xstrndup(sha, strnlen(sha, ID_MAX)),
	        .message = xstrdup(""),
	        .author = xstrdup(""),
	        .timestamp = xstrdup(""),
	};
}

static bool add_page(const struct http_call *call, const char *host, const struct forge_project *project,
                     struct forge_branch_list *list, struct error *err)
{
	CLEANUP(json_decrefp) json_t *page = NULL;
	size_t index;
	const json_t *branch;

	if (!github_answer(call, host, &page, err))
		return false;
	if (!json_is_array(page))
		return github_error(err, ERR_INSTANCE_NOT_API, "%s does not look like a GitHub server.", host);
	if (list->count + json_array_size(page) > LIMIT_BRANCHES)
		return too_many(project, err);
	list->items = xrealloc(list->items, (list->count + json_array_size(page) + 1) * sizeof(*list->items));
	json_array_foreach(page, index, branch)
	{
		add_row(branch, project, list);
	}
	return true;
}

/* Asks for the pages from `first` on, at most PAGES_AT_ONCE, and adds them in order. *last grows with what their headers say. */
static bool add_pages(const struct forge_access *access, const struct forge_project *project, unsigned first, unsigned *last,
                      struct forge_branch_list *list, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	struct github_call calls[PAGES_AT_ONCE];
	unsigned count = *last - first + 1 < PAGES_AT_ONCE ? *last - first + 1 : PAGES_AT_ONCE;
	bool ok = true;

	for (unsigned i = 0; i < count; i++)
		github_call_init(&calls[i], access, "/repos/%s/branches?per_page=%d&page=%u", project->path, (int)PER_PAGE,
		                 first + i);
	github_call_run_all(calls, count, access);
	for (unsigned i = 0; i < count; i++) {
		unsigned further = github_last_page(github_header(&calls[i].api.http, HEADER_LINK));
		if (further > *last)
			*last = further;
		ok = ok && add_page(&calls[i].api.http, host, project, list, err);
		github_call_release(&calls[i]);
	}
	return ok;
}

bool github_branches(const struct forge_access *access, const struct forge_project *project, struct forge_branch_list *ret,
                     struct error *err)
{
	CLEANUP(forge_branch_list_release) struct forge_branch_list list = FORGE_BRANCH_LIST_INIT;
	unsigned last = 1;

	for (unsigned first = 1; first <= last; first += first == 1 ? 1 : PAGES_AT_ONCE) {
		if (!add_pages(access, project, first, &last, &list, err))
			return false;
		if (last > MAX_PAGES)
			return too_many(project, err);
	}
	*ret = list;
	list = (struct forge_branch_list)FORGE_BRANCH_LIST_INIT;
	return true;
}
