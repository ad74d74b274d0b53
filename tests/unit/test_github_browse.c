#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "github_fixture.h"

#define RAW      "application/vnd.github.raw+json"
#define RAW_TYPE "200 OK", "Content-Type: application/vnd.github.raw+json; charset=utf-8\r\n"
#define OBJECT   "application/vnd.github.object+json"
#define NO_REF   NOT_FOUND, "{\"message\":\"No commit found for the ref gone\"}"
#define NO_PATH  NOT_FOUND, "{\"message\":\"Not Found\"}"

static struct forge_project project_of(bool empty)
{
	return (struct forge_project){
	        .path = (char *)(uintptr_t) "o/r", .default_branch = empty ? NULL : (char *)(uintptr_t) "main", .empty = empty};
}

/* ---- branches ---- */

enum { PAGES = 12 };

/* Pages of one branch each, "b01" … "b12", as a server gives them that counts further than it said on the first page. */
static void many_pages(struct peer_exchange *x, void *context)
{
	const char *at = strstr(x->target, "&page=");
	long page = at ? strtol(at + 6, NULL, 10) : 0, last = page == 1 ? PAGES - 1 : PAGES;
	CLEANUP(freep)
	char *link =
	        xasprintf(JSON_TYPE "Link: <https://other.example/repositories/1/branches?per_page=100&page=%ld>; rel=\"next\", "
	                            "<https://other.example/repositories/1/branches?per_page=100&page=%ld>; rel=\"last\"\r\n",
	                  page + 1, last);
	CLEANUP(freep)
	char *body = xasprintf("[{\"name\":\"b%02ld\",\"protected\":%s,\"commit\":{\"sha\":\"%040ld\"}}]", page,
	                       page == 2 ? "true" : "false", page);

	(void)context;
	require(page >= 1 && page <= PAGES);
	peer_answer(x, "200 OK", page < PAGES ? link : JSON_TYPE, body);
}

static void all_pages_of_branches_come_in_order(void **state)
{
	static const struct reply none[] = {{NULL}};
	struct github_fixture *f = github_fixture_start(none);
	struct http_peer *plain = f->peer;
	struct forge_project project = project_of(false);
	struct forge_branch_list list = FORGE_BRANCH_LIST_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	f->peer = http_peer_start(PEER_PLAIN, many_pages, NULL);
	CLEANUP(freep) char *allowed = xasprintf("127.0.0.1:%u", http_peer_port(f->peer));
	CLEANUP(freep) char *url = xasprintf("http://%s", allowed);
	assert_true(address_policy_add(f->policy, allowed, &err));
	instance_url_release(&f->instance);
	assert_true(instance_url_parse(url, &f->instance, &err));
	project.default_branch = (char *)(uintptr_t) "b03";
	if (!github_forge.branches(&f->access, &project, &list, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_int_equal(list.count, PAGES);
	for (size_t i = 0; i < list.count; i++) {
		CLEANUP(freep) char *name = xasprintf("b%02zu", i + 1), *sha = xasprintf("%040zu", i + 1);
		assert_string_equal(list.items[i].name, name);
		assert_string_equal(list.items[i].sha, sha);
		assert_string_equal(list.items[i].message, "");
		assert_int_equal(list.items[i].is_protected, i == 1);
		assert_int_equal(list.items[i].is_default, i == 2);
	}
	forge_branch_list_release(&list);
	http_peer_stop(plain);
	github_fixture_stop(f);
}

#define FIRST_PAGE API "/repos/o/r/branches?per_page=100&page=1"

static void lists_of_branches_that_cannot_be_had_are_named(void **state)
{
	static const struct {
		const char *what;
		struct reply reply;
		enum error_code code;
	} rows[] = {
	        {"an empty repository has none", {FIRST_PAGE, OK, "[]"}, ERR_NONE},
	        {"more than anybody reads",
	         {FIRST_PAGE, "200 OK",
	          JSON_TYPE "Link: <https://x/?page=2>; rel=\"next\", <https://x/?page=101>; rel=\"last\"\r\n", "[]"},
	         ERR_LIST_TOO_LONG},
	        {"no list", {FIRST_PAGE, OK, "{}"}, ERR_INSTANCE_NOT_API},
	        {"not allowed",
	         {FIRST_PAGE, "403 Forbidden", JSON_TYPE, "{\"message\":\"Resource not accessible by personal access token\"}"},
	         ERR_TOKEN_PERMISSION_MISSING},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {rows[i].reply, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_project project = project_of(false);
		struct forge_branch_list list = FORGE_BRANCH_LIST_INIT;
		struct error err = ERROR_INIT;
		if (github_forge.branches(&f->access, &project, &list, &err) != (rows[i].code == ERR_NONE) ||
		    err.code != rows[i].code)
			fail_msg("%s: %s, %s", rows[i].what, error_name(err.code), err.message);
		assert_int_equal(list.count, 0);
		forge_branch_list_release(&list);
		github_fixture_stop(f);
	}
}

/* ---- folders ---- */

#define TREE                                                                                                                       \
	"{\"sha\":\"cd8274d\",\"tree\":["                                                                                          \
	"{\"path\":\"a b.md\",\"mode\":\"100644\",\"type\":\"blob\",\"size\":30,\"sha\":\"44b4fc6\"},"                             \
	"{\"path\":\"sub\",\"mode\":\"040000\",\"type\":\"tree\",\"sha\":\"f484d24\"},"                                            \
	"{\"path\":\"lib\",\"mode\":\"160000\",\"type\":\"commit\",\"sha\":\"3c4fc44\"}],\"truncated\":false}"

static void check_tree(const struct forge_tree *tree, const char *folder)
{
	CLEANUP(freep) char *path = xasprintf("%sa b.md", folder);

	assert_int_equal(tree->count, 3);
	assert_string_equal(tree->items[0].name, "a b.md");
	assert_string_equal(tree->items[0].path, path);
	assert_string_equal(tree->items[0].type, "blob");
	assert_string_equal(tree->items[0].mode, "100644");
	assert_string_equal(tree->items[0].sha, "44b4fc6");
	assert_int_equal(tree->items[0].size, 30);
	assert_string_equal(tree->items[1].type, "tree");
	assert_int_equal(tree->items[1].size, -1);
	assert_string_equal(tree->items[2].type, "commit");
}

static void folders_are_listed_with_modes_and_sizes(void **state)
{
	static const struct {
		const char *ref, *path, *folder;
		struct reply contents, tree;
	} rows[] = {
	        {NULL, "", "", {API "/repos/o/r/git/trees/main", OK, TREE}, {NULL}},
	        {"f/x#%", "", "", {API "/repos/o/r/git/trees/f%2Fx%23%25", OK, TREE}, {NULL}},
	        {"f/x&y",
	         "docs/a b?#%\xc3\xa9",
	         "docs/a b?#%\xc3\xa9/",
	         {API "/repos/o/r/contents/docs/a%20b%3F%23%25%C3%A9?ref=f%2Fx%26y", OK,
	          "{\"type\":\"dir\",\"sha\":\"cd8274d\",\"entries\":[]}", OBJECT},
	         {API "/repos/o/r/git/trees/cd8274d", OK, TREE}},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {rows[i].contents, rows[i].tree, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_project project = project_of(false);
		struct forge_tree tree = FORGE_TREE_INIT;
		struct error err = ERROR_INIT;
		if (!github_forge.tree(&f->access, &project, rows[i].ref, rows[i].path, &tree, &err))
			fail_msg("%s %s: %s", rows[i].ref, rows[i].path, err.message);
		check_tree(&tree, rows[i].folder);
		forge_tree_release(&tree);
		github_fixture_stop(f);
	}
}

static void folders_that_cannot_be_had_are_named(void **state)
{
	static const struct {
		const char *what, *ref, *path;
		struct reply first, second;
		enum error_code code;
	} rows[] = {
	        {"no such ref at the top", "gone", "", {API "/repos/o/r/git/trees/gone", NO_PATH}, {NULL}, ERR_REF_NOT_FOUND},
	        {"no ref at all",
	         "-x",
	         "",
	         {API "/repos/o/r/git/trees/-x", "422 Unprocessable Entity", JSON_TYPE, "{\"message\":\"bad\"}"},
	         {NULL},
	         ERR_REF_NOT_FOUND},
	        {"emptied meanwhile",
	         NULL,
	         "",
	         {API "/repos/o/r/git/trees/main", "409 Conflict", JSON_TYPE, "{\"message\":\"Git Repository is empty.\"}"},
	         {NULL},
	         ERR_REF_NOT_FOUND},
	        {"no such ref",
	         "gone",
	         "docs",
	         {API "/repos/o/r/contents/docs?ref=gone", NO_REF, OBJECT},
	         {NULL},
	         ERR_REF_NOT_FOUND},
	        {"no such folder",
	         NULL,
	         "gone",
	         {API "/repos/o/r/contents/gone?ref=main", NO_PATH, OBJECT},
	         {NULL},
	         ERR_PATH_NOT_FOUND},
	        {"a file",
	         NULL,
	         "a.md",
	         {API "/repos/o/r/contents/a.md?ref=main", OK, "{\"type\":\"file\",\"sha\":\"1\"}", OBJECT},
	         {NULL},
	         ERR_PATH_NOT_FOUND},
	        {"a submodule",
	         NULL,
	         "lib",
	         {API "/repos/o/r/contents/lib?ref=main", OK, "{\"type\":\"submodule\",\"sha\":\"1\"}", OBJECT},
	         {NULL},
	         ERR_PATH_NOT_FOUND},
	        {"cut by GitHub",
	         NULL,
	         "",
	         {API "/repos/o/r/git/trees/main", OK, "{\"tree\":[],\"truncated\":true}"},
	         {NULL},
	         ERR_LIST_TOO_LONG},
	        {"no tree", NULL, "", {API "/repos/o/r/git/trees/main", OK, "{}"}, {NULL}, ERR_INSTANCE_NOT_API},
	        {"a way up", NULL, "docs/../../../user", {NULL}, {NULL}, ERR_PATH_NOT_FOUND},
	        {"two slashes", NULL, "docs//x", {NULL}, {NULL}, ERR_PATH_NOT_FOUND},
	        {"a ref that is a way up", "..", "", {NULL}, {NULL}, ERR_REF_NOT_FOUND},
	        {"an empty ref", "", "", {NULL}, {NULL}, ERR_REF_NOT_FOUND},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {rows[i].first, rows[i].second, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_project project = project_of(false);
		struct forge_tree tree = FORGE_TREE_INIT;
		struct error err = ERROR_INIT;
		assert_false(github_forge.tree(&f->access, &project, rows[i].ref, rows[i].path, &tree, &err));
		if (err.code != rows[i].code)
			fail_msg("%s: %s, %s", rows[i].what, error_name(err.code), err.message);
		assert_int_equal(http_peer_requests(f->peer), rows[i].first.target ? 1 : 0);
		github_fixture_stop(f);
	}
}

static void an_empty_repository_has_an_empty_top_and_nothing_else(void **state)
{
	static const struct reply replies[] = {{NULL}};
	struct github_fixture *f = github_fixture_start(replies);
	struct forge_project project = project_of(true);
	struct forge_tree tree = FORGE_TREE_INIT;
	CLEANUP(strbuf_release) struct strbuf file = STRBUF_INIT(LIMIT_BLOB);
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(github_forge.tree(&f->access, &project, NULL, "", &tree, &err));
	assert_int_equal(tree.count, 0);
	assert_false(github_forge.tree(&f->access, &project, NULL, "docs", &tree, &err));
	assert_int_equal(err.code, ERR_PATH_NOT_FOUND);
	assert_false(github_forge.blob(&f->access, &project, NULL, "a.md", &file, &err));
	assert_int_equal(err.code, ERR_PATH_NOT_FOUND);
	assert_int_equal(http_peer_requests(f->peer), 0);
	github_fixture_stop(f);
}

/* ---- files ---- */

static void files_come_as_they_are(void **state)
{
	static const struct reply replies[] = {
	        {API "/repos/o/r/contents/a%20dir/x%23%25.json?ref=f%2Fx", RAW_TYPE, "{\"not\": \"ours\"}\n", RAW}, {NULL}};
	struct github_fixture *f = github_fixture_start(replies);
	struct forge_project project = project_of(false);
	CLEANUP(strbuf_release) struct strbuf file = STRBUF_INIT(LIMIT_BLOB);
	struct error err = ERROR_INIT;
	(void)state;

	if (!github_forge.blob(&f->access, &project, "f/x", "a dir/x#%.json", &file, &err))
		fail_msg("%s", err.message);
	assert_string_equal(file.data, "{\"not\": \"ours\"}\n");
	github_fixture_stop(f);
}

#define A_MD API "/repos/o/r/contents/a.md?ref=main"

static void files_that_cannot_be_had_are_named(void **state)
{
	static const struct {
		const char *what, *path;
		struct reply reply;
		enum error_code code;
	} rows[] = {
	        {"no such file", "a.md", {A_MD, NO_PATH, RAW}, ERR_PATH_NOT_FOUND},
	        {"no such ref", "a.md", {A_MD, NO_REF, RAW}, ERR_REF_NOT_FOUND},
	        {"a folder", "a.md", {A_MD, OK, "[{\"type\":\"file\"}]", RAW}, ERR_PATH_NOT_FOUND},
	        {"a submodule", "a.md", {A_MD, OK, "{\"type\":\"submodule\"}", RAW}, ERR_PATH_NOT_FOUND},
	        {"too large for GitHub",
	         "a.md",
	         {A_MD, "403 Forbidden", JSON_TYPE, "{\"message\":\"This API returns blobs up to 100 MB in size.\"}", RAW},
	         ERR_FILE_TOO_LARGE},
	        {"not allowed",
	         "a.md",
	         {A_MD, "403 Forbidden", JSON_TYPE, "{\"message\":\"Resource not accessible by personal access token\"}", RAW},
	         ERR_TOKEN_PERMISSION_MISSING},
	        {"the top", "", {NULL}, ERR_PATH_NOT_FOUND},
	        {"a way up", "../a.md", {NULL}, ERR_PATH_NOT_FOUND},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {rows[i].reply, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_project project = project_of(false);
		CLEANUP(strbuf_release) struct strbuf file = STRBUF_INIT(LIMIT_BLOB);
		struct error err = ERROR_INIT;
		assert_false(github_forge.blob(&f->access, &project, NULL, rows[i].path, &file, &err));
		if (err.code != rows[i].code)
			fail_msg("%s: %s, %s", rows[i].what, error_name(err.code), err.message);
		assert_int_equal(file.length, 0);
		github_fixture_stop(f);
	}
}

static void a_file_beyond_the_limit_is_refused(void **state)
{
	CLEANUP(freep) char *body = xmalloc(LIMIT_BLOB + 2);
	memset(body, 'x', LIMIT_BLOB + 1);
	body[LIMIT_BLOB + 1] = '\0';
	const struct reply replies[] = {{A_MD, RAW_TYPE, body, RAW}, {NULL}};
	struct github_fixture *f = github_fixture_start(replies);
	struct forge_project project = project_of(false);
	CLEANUP(strbuf_release) struct strbuf file = STRBUF_INIT(LIMIT_BLOB);
	struct error err = ERROR_INIT;
	(void)state;

	assert_false(github_forge.blob(&f->access, &project, NULL, "a.md", &file, &err));
	assert_int_equal(err.code, ERR_FILE_TOO_LARGE);
	body[LIMIT_BLOB] = '\0';
	if (!github_forge.blob(&f->access, &project, NULL, "a.md", &file, &err))
		fail_msg("%s", err.message);
	assert_int_equal(file.length, LIMIT_BLOB);
	github_fixture_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(all_pages_of_branches_come_in_order),
	        cmocka_unit_test(lists_of_branches_that_cannot_be_had_are_named),
	        cmocka_unit_test(folders_are_listed_with_modes_and_sizes),
	        cmocka_unit_test(folders_that_cannot_be_had_are_named),
	        cmocka_unit_test(an_empty_repository_has_an_empty_top_and_nothing_else),
	        cmocka_unit_test(files_come_as_they_are),
	        cmocka_unit_test(files_that_cannot_be_had_are_named),
	        cmocka_unit_test(a_file_beyond_the_limit_is_refused),
	};

	require(secret_library_init());
	json_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
