#include "gitlab_pages.h"

#include "alloc.h"
#include "encoding.h"
#include "gitlab_sentence.h"
#include "redact.h"
#include <limits.h>
#include <strings.h>

/* Longer ones cannot exist: git makes a file of a ref, and an address has no room for a longer path. */
enum { REF_MAX = 1024, FILE_PATH_MAX = LIMIT_URL_MAX };

/* Of what a row of a list says besides: ten thousand rows are kept, and a title may be as long as the page it is on. */
enum { TEXT_MAX = 512 };

/* What is looked at. */
struct place {
	const struct forge_project *project;
	const char *ref;  /* NULL: the default branch */
	const char *path; /* "" for the top */
	const char *kind; /* "folder" or "file" */
};

/* Text of the caller's in a sentence: one line, masked. */
static char *shown(const char *text)
{
	struct strbuf line = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	redact_sentence(NULL, text, strlen(text), LIMIT_BRANCH_MAX, &line);
	return strbuf_detach(&line);
}

static bool ref_missing(const struct place *place, struct error *err)
{
	CLEANUP(freep) char *ref = shown(place->ref);

	return error_set(err, ERR_REF_NOT_FOUND, "%s has no branch, tag or commit %s.", place->project->path, ref);
}

static bool path_missing(const struct place *place, struct error *err)
{
	CLEANUP(freep) char *path = shown(place->path), *ref = shown(place->ref ? place->ref : "");

	return error_set(err, ERR_PATH_NOT_FOUND, "%s has no %s %s%s%s.", place->project->path, place->kind, path,
	                 place->ref ? " at " : "", ref);
}

/* Texts that no repository can have are refused here; GitLab would speak of its parameters. */
static bool can_exist(const struct place *place, struct error *err)
{
	if (place->ref && (place->ref[0] == '\0' || strlen(place->ref) > REF_MAX))
		return ref_missing(place, err);
	if (strlen(place->path) > FILE_PATH_MAX)
		return path_missing(place, err);
	return true;
}

/* What an answer of the repository's routes says is not there. GitLab says "Tree" where it finds no commit. */
enum missing { MISSING_OTHER, MISSING_PROJECT, MISSING_REF, MISSING_PATH };

static enum missing missing_of(const struct http_call *call)
{
	static const struct {
		int status;
		const char *part;
		enum missing missing;
	} words[] = {
	        {404, "Project Not Found", MISSING_PROJECT},
	        {404, "Repository Not Found", MISSING_PROJECT},
	        {404, "File Not Found", MISSING_PATH},
	        {404, "invalid revision or path", MISSING_PATH},
	        {404, "Commit Not Found", MISSING_REF},
	        {404, "Tree Not Found", MISSING_REF},
	        {400, "path should be a valid file", MISSING_PATH},
	        {400, "ref is invalid", MISSING_REF},
	};
	CLEANUP(json_decrefp) json_t *answer = forge_json(call);
	const char *said = sentence_of_json(answer);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (call->status == words[i].status && sentence_has(said, words[i].part))
			return words[i].missing;
	return MISSING_OTHER;
}

static bool is_plain_forbidden(const struct http_call *call)
{
	CLEANUP(json_decrefp) json_t *answer = call->status == 403 ? forge_json(call) : NULL;

	return strcmp(sentence_of_json(answer), "403 Forbidden") == 0;
}

static bool refuse(const struct http_call *call, const char *host, const struct place *place, struct error *err)
{
	enum missing missing = missing_of(call);

	/* The top is always there: what is missing is its commit. */
	if (missing == MISSING_PATH && !place->path[0] && place->ref)
		missing = MISSING_REF;
	if (missing == MISSING_PROJECT)
		return sentence_not_found(place->project->path, host, err);
	if (missing == MISSING_REF && place->ref)
		return ref_missing(place, err);
	if (missing != MISSING_OTHER)
		return path_missing(place, err);
	if (is_route_missing(call))
		return proxy_decodes(host, err);
	if (is_plain_forbidden(call))
		return sentence_no_read_role(place->project->path, err);
	return gitlab_classify(call, host, err);
}

/* A list that grows: room for one more. */
static void *one_more(void *items, size_t count, size_t size)
{
	/* A power of two is full. */
	return (count & (count - 1)) == 0 ? xrealloc(items, (count ? 2 * count : 1) * size) : items;
}

static char *shortened(const char *text, size_t length)
{
	return xstrndup(text, utf8_cut(text, length, TEXT_MAX));
}

static char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_or(object, name, "");

	return shortened(text, strlen(text));
}

/* The first line of a commit's message. */
static char *title_of(const json_t *commit)
{
	const char *text = json_string_or(commit, "title", json_string_or(commit, "message", ""));

	return shortened(text, strcspn(text, "\r\n"));
}

bool branch_row_take(const json_t *row, void *branch_list)
{
	struct forge_branch_list *list = branch_list;
	const json_t *commit = json_object_get(row, "commit");
	const char *name = json_string_or(row, "name", "");

	if (!name[0] || strlen(name) > REF_MAX)
		return false;
	list->items = one_more(list->items, list->count, sizeof(*list->items));
	list->items[list->count++] = (struct forge_branch_row){
	        .name = xstrdup(name),
	        .is_protected = json_bool_or(row, "protected", false),
	        .is_default = json_bool_or(row, "default", false),
	        .sha = text_of(commit, "id"),
	        .message = title_of(commit),
	        .author = text_of(commit, "author_name"),
	        .timestamp = text_of(commit, json_object_get(commit, "committed_date") ? "committed_date" : "created_at"),
	};
	return true;
}

/* What is asked of branches has no path: the sentences are about the project alone. */
struct branch_question {
	struct forge_branch_list list;
	struct place place;
};

static bool take_branch(const json_t *row, void *context)
{
	struct branch_question *question = context;

	return branch_row_take(row, &question->list);
}

static bool refuse_branches(const struct http_call *call, const char *host, const void *context, struct error *err)
{
	const struct branch_question *question = context;

	return refuse(call, host, &question->place, err);
}

/* An empty project has no repository on disk before its first push. */
static bool has_no_repository(const struct api_call *first, const struct forge_project *project)
{
	return project->empty && first->http.failure == HTTP_OK && missing_of(&first->http) == MISSING_PROJECT;
}

bool gitlab_branches(const struct forge_access *access, const struct forge_project *project, struct forge_branch_list *ret,
                     struct error *err)
{
	CLEANUP(freep) char *list = xasprintf("/projects/%lld/repository/branches?", (long long)project->id);
	CLEANUP(api_call_release) struct api_call first;
	struct branch_question question = {.place = {.project = project, .path = "", .kind = "branch"}};
	struct page_walk walk = {.list = list,
	                         .what = "branches",
	                         .max_rows = LIMIT_BRANCHES,
	                         .take = take_branch,
	                         .refuse = refuse_branches,
	                         .context = &question};

	page_walk_begin(&walk, access, &first);
	gitlab_run(&first, 1, access);
	if (!has_no_repository(&first, project) && !page_walk_finish(&walk, access, &first, err)) {
		forge_branch_list_release(&question.list);
		return false;
	}
	*ret = question.list;
	return true;
}

bool tree_row_take(const json_t *row, void *tree)
{
	struct forge_tree *list = tree;
	const char *name = json_string_or(row, "name", ""), *path = json_string_or(row, "path", ""),
	           *type = json_string_or(row, "type", "");

	/* A repository may hold longer paths than can be asked for, but none longer than a system call takes. */
	if (!name[0] || !path[0] || strlen(name) > PATH_MAX || strlen(path) > PATH_MAX ||
	    (strcmp(type, "blob") != 0 && strcmp(type, "tree") != 0 && strcmp(type, "commit") != 0))
		return false;
	list->items = one_more(list->items, list->count, sizeof(*list->items));
	list->items[list->count++] = (struct forge_tree_entry){
	        .name = xstrdup(name),
	        .path = xstrdup(path),
	        .type = xstrdup(type),
	        .mode = text_of(row, "mode"),
	        .sha = text_of(row, "id"),
	        .size = -1,
	};
	return true;
}

struct tree_question {
	struct forge_tree tree;
	struct place place;
};

static bool take_entry(const json_t *row, void *context)
{
	struct tree_question *question = context;

	return tree_row_take(row, &question->tree);
}

static bool refuse_tree(const struct http_call *call, const char *host, const void *context, struct error *err)
{
	const struct tree_question *question = context;

	return refuse(call, host, &question->place, err);
}

/* Without a commit on the default branch there is a top, with nothing in it. */
static bool is_empty_top(const struct api_call *first, const struct place *place)
{
	enum missing missing = first->http.failure == HTTP_OK ? missing_of(&first->http) : MISSING_OTHER;

	return !place->ref && !place->path[0] &&
	       (missing == MISSING_REF || missing == MISSING_PATH || has_no_repository(first, place->project));
}

static char *tree_list(const struct forge_project *project, const char *ref, const char *path)
{
	CLEANUP(freep) char *encoded_path = api_segment(path), *encoded_ref = ref ? api_segment(ref) : NULL;

	return xasprintf("/projects/%lld/repository/tree?path=%s&%s%s%s", (long long)project->id, encoded_path, ref ? "ref=" : "",
	                 ref ? encoded_ref : "", ref ? "&" : "");
}

bool gitlab_tree(const struct forge_access *access, const struct forge_project *project, const char *ref, const char *path,
                 struct forge_tree *ret, struct error *err)
{
	CLEANUP(freep) char *list = tree_list(project, ref, path);
	CLEANUP(api_call_release) struct api_call first = {0};
	struct tree_question question = {.place = {.project = project, .ref = ref, .path = path, .kind = "folder"}};
	struct page_walk walk = {.list = list,
	                         .what = "entries in this folder",
	                         .max_rows = LIMIT_TREE_ENTRIES,
	                         .take = take_entry,
	                         .refuse = refuse_tree,
	                         .context = &question};

	if (!can_exist(&question.place, err))
		return false;
	page_walk_begin(&walk, access, &first);
	gitlab_run(&first, 1, access);
	bool answered = is_empty_top(&first, &question.place) || page_walk_finish(&walk, access, &first, err);
	/* git keeps no empty folders: an old GitLab says so of a path that is not there. */
	if (answered && question.tree.count == 0 && path[0])
		answered = path_missing(&question.place, err);
	if (!answered) {
		forge_tree_release(&question.tree);
		return false;
	}
	*ret = question.tree;
	return true;
}

/* The file's bytes have any type but a page's: GitLab gives HTML as plain text. */
static bool is_file(const struct http_call *call)
{
	return call->failure == HTTP_OK && call->status == 200 &&
	       (call->gitlab_meta || !sentence_has(call->content_type_got, "html"));
}

bool gitlab_blob(const struct forge_access *access, const struct forge_project *project, const char *ref, const char *path,
                 struct strbuf *ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access), *file = api_segment(path);
	/* HEAD, since GitLab before 15 wants a ref. */
	CLEANUP(freep) char *encoded_ref = api_segment(ref ? ref : "HEAD");
	CLEANUP(api_call_release) struct api_call call = {0};
	const struct place place = {.project = project, .ref = ref, .path = path, .kind = "file"};

	if (!can_exist(&place, err))
		return false;
	if (!path[0])
		return path_missing(&place, err);
	api_call_init(&call, access, "/projects/%lld/repository/files/%s/raw?ref=%s&lfs=false", (long long)project->id, file,
	              encoded_ref);
	call.http.accept = "*/*";
	call.http.max_body = LIMIT_BLOB;
	gitlab_run(&call, 1, access);
	if (call.http.failure == HTTP_TOO_LARGE)
		return error_set(err, ERR_FILE_TOO_LARGE, "The file is larger than %d MiB.", LIMIT_BLOB / (1024 * 1024));
	if (!is_file(&call.http))
		return refuse(&call.http, host, &place, err);
	strbuf_release(ret);
	*ret = call.http.answer;
	call.http.answer = (struct strbuf)STRBUF_INIT(0);
	return true;
}
