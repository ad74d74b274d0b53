#include "gitlab_pages.h"

#include "alloc.h"
#include "forge_pasted.h"

enum { SEGMENT_MAX = 255 }; /* git makes a file name of it */

/* Whether the text begins with the name, up to its end or a slash. */
static bool begins_with(const char *pasted, const char *name, size_t length)
{
	return strncmp(pasted, name, length) == 0 && (pasted[length] == '\0' || pasted[length] == '/');
}

static bool take_name(struct ref_search *search, const json_t *row, bool is_tag)
{
	const char *name = json_string_or(row, "name", "");
	size_t length = strlen(name);

	if (length == 0)
		return false;
	/* Of a branch and a tag with one name the branch is meant, and branches come first. */
	if (length > search->length && begins_with(search->pasted, name, length)) {
		search->length = length;
		search->is_tag = is_tag;
	}
	return true;
}

bool branch_name_take(const json_t *row, void *search)
{
	return take_name(search, row, false);
}

bool tag_name_take(const json_t *row, void *search)
{
	return take_name(search, row, true);
}

/* "^feature", which GitLab reads as "begins with". A "$" at the end would have a meaning too; without it more is found, not less.
 */
static char *search_term(const char *pasted)
{
	size_t length = strcspn(pasted, "/");

	while (length > 0 && pasted[length - 1] == '$')
		length--;
	CLEANUP(freep) char *begin = xasprintf("^%.*s", (int)length, pasted);
	return api_segment(begin);
}

static bool search_refs(const struct forge_access *access, const struct forge_project *project, struct ref_search *search,
                        struct error *err)
{
	CLEANUP(freep) char *term = search_term(search->pasted);
	CLEANUP(freep) char *branches = xasprintf("/projects/%lld/repository/branches?search=%s&", (long long)project->id, term);
	CLEANUP(freep) char *tags = xasprintf("/projects/%lld/repository/tags?search=%s&", (long long)project->id, term);
	struct page_walk walks[] = {
	        {.list = branches, .what = "branches that begin like it", .take = branch_name_take},
	        {.list = tags, .what = "tags that begin like it", .take = tag_name_take},
	};
	struct api_call first[ARRAY_SIZE(walks)];
	bool found = true;

	for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
		walks[i].max_rows = LIMIT_BRANCHES;
		walks[i].context = search;
		page_walk_begin(&walks[i], access, &first[i]);
	}
	gitlab_run(first, ARRAY_SIZE(first), access);
	for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
		found = found && page_walk_finish(&walks[i], access, &first[i], err);
		api_call_release(&first[i]);
	}
	return found;
}

bool gitlab_find_ref(const struct forge_access *access, const struct forge_project *project, const char *pasted,
                     struct forge_ref *ret, struct error *err)
{
	const char *text = pasted_begin(pasted);
	size_t first = strcspn(text, "/");
	struct ref_search search = {.pasted = text};

	/* No ref has one of these in its name, and GitLab would take the star for a wildcard. */
	bool is_name = first > 0 && first <= SEGMENT_MAX && strcspn(text, "*?[\\^~: ") >= first;
	if (pasted_is_commit_id(text, first)) {
		*ret = (struct forge_ref){.path = pasted_rest(text, first)};
		return true;
	}
	if (is_name && !project->empty && !search_refs(access, project, &search, err))
		return false;
	*ret = (struct forge_ref){
	        .name = search.length ? xstrndup(text, search.length) : NULL,
	        .is_tag = search.is_tag,
	        .path = search.length ? pasted_rest(text, search.length) : xstrdup(""),
	};
	return true;
}
