#include "github_api.h"

#include "alloc.h"
#include "forge_pasted.h"
#include "github_sentence.h"

enum { REFS_MAX = 4 * 1024 * 1024 }; /* bytes; about 12000 refs that share a first segment */

/* The longest ref in the answer that `pasted` begins with, as a whole or before a slash; 0: none. */
static size_t longest_match(const json_t *refs, const char *prefix, const char *pasted)
{
	size_t longest = 0, index, skip = strlen(prefix);
	const json_t *one;

	json_array_foreach(refs, index, one)
	{
		const char *ref = json_string_or(one, "ref", "");
		size_t length = strlen(ref);
		if (strncmp(ref, prefix, skip) != 0 || length <= skip)
			continue;
		length -= skip;
		bool fits = strncmp(pasted, ref + skip, length) == 0 && (pasted[length] == '\0' || pasted[length] == '/');
		if (fits && length > longest)
			longest = length;
	}
	return longest;
}

/* An empty repository has none. */
static bool read_refs(const struct http_call *call, const struct forge_project *project, const char *host, json_t **ret,
                      struct error *err)
{
	CLEANUP(json_decrefp) json_t *failure = call->failure == HTTP_OK && call->status >= 400 ? forge_json(call) : NULL;

	if (failure && call->status == 404)
		return github_not_found(project->path, host, call, err);
	if (!failure || call->status != 409)
		return github_answer(call, host, ret, err);
	*ret = json_array();
	return true;
}

struct ref_match {
	size_t length; /* of the name; 0: neither */
	bool is_tag;
};

static bool search_refs(const struct forge_access *access, const struct forge_project *project, const char *pasted,
                        struct ref_match *ret, struct error *err)
{
	CLEANUP(freep) char *first = xstrndup(pasted, strcspn(pasted, "/"));
	CLEANUP(freep) char *host = api_host(access), *encoded = github_encoded(first, false);
	CLEANUP(github_call_release) struct github_call about_heads, about_tags;
	CLEANUP(json_decrefp) json_t *heads = NULL, *tags = NULL;

	github_call_init(&about_heads, access, "/repos/%s/git/matching-refs/heads/%s", project->path, encoded);
	github_call_init(&about_tags, access, "/repos/%s/git/matching-refs/tags/%s", project->path, encoded);
	about_heads.api.http.max_body = about_tags.api.http.max_body = REFS_MAX;
	api_call_run_pair(&about_heads.api, &about_tags.api, access);
	if (!read_refs(&about_heads.api.http, project, host, &heads, err) ||
	    !read_refs(&about_tags.api.http, project, host, &tags, err))
		return false;
	size_t head = longest_match(heads, "refs/heads/", pasted), tag = longest_match(tags, "refs/tags/", pasted);
	*ret = (struct ref_match){.length = head >= tag ? head : tag, .is_tag = tag > head};
	return true;
}

bool github_find_ref(const struct forge_access *access, const struct forge_project *project, const char *pasted,
                     struct forge_ref *ret, struct error *err)
{
	const char *text = pasted_begin(pasted);
	size_t first = strcspn(text, "/");
	struct ref_match match = {0};

	if (pasted_is_commit_id(text, first)) {
		*ret = (struct forge_ref){.path = pasted_rest(text, first)};
		return true;
	}
	/* git lets no ref begin with a dot; as a segment of an address one would be resolved on the way. */
	bool is_name = first > 0 && first <= LIMIT_URL_MAX && text[0] != '.';
	if (is_name && !project->empty && !search_refs(access, project, text, &match, err))
		return false;
	*ret = (struct forge_ref){
	        .name = match.length ? xstrndup(text, match.length) : NULL,
	        .is_tag = match.is_tag,
	        .path = match.length ? pasted_rest(text, match.length) : xstrdup(""),
	};
	return true;
}
