#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gitlab_fixture.h"

static char project_path[] = "g/p";
static const struct forge_project project = {.id = 81, .path = project_path};
static const struct forge_project empty_project = {.id = 81, .path = project_path, .empty = true};

#define BRANCHES API "/projects/81/repository/branches?per_page=100&page="
#define TREE     API "/projects/81/repository/tree?path="
#define FILES    API "/projects/81/repository/files/"

static const char branch_of_gitlab[] =
        "[{\"name\":\"main\",\"protected\":true,\"default\":true,\"commit\":{\"id\":\"aa\",\"title\":\"Fix it\","
        "\"message\":\"Fix it\\n\\nLong\",\"author_name\":\"Ada\",\"committed_date\":\"2026-01-02T03:04:05.000+00:00\"}},"
        "{\"name\":\"old\",\"commit\":{\"id\":\"bb\",\"message\":\"Only\\nthis\",\"created_at\":\"2020-01-01T00:00:00Z\"}},"
        "{\"name\":\"bare\"}]";

static void branches_are_listed_with_their_newest_commits(void **state)
{
	static const struct reply replies[] = {{BRANCHES "1", OK, branch_of_gitlab}, {NULL}};
	struct fixture *f = start(replies);
	struct forge_branch_list list = FORGE_BRANCH_LIST_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	if (!gitlab_branches(&f->access, &project, &list, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.items[0].name, "main");
	assert_true(list.items[0].is_protected && list.items[0].is_default);
	assert_string_equal(list.items[0].sha, "aa");
	assert_string_equal(list.items[0].message, "Fix it");
	assert_string_equal(list.items[0].author, "Ada");
	assert_string_equal(list.items[0].timestamp, "2026-01-02T03:04:05.000+00:00");
	assert_string_equal(list.items[1].message, "Only");
	assert_string_equal(list.items[1].timestamp, "2020-01-01T00:00:00Z");
	assert_string_equal(list.items[2].sha, "");
	assert_false(list.items[2].is_protected || list.items[2].is_default);
	assert_int_equal(http_peer_requests(f->peer), 1);
	forge_branch_list_release(&list);
	stop(f);
}

/* Ten thousand rows are kept at once: none of them may be as long as a page. */
static void rows_of_a_server_that_sends_too_much_stay_short(void **state)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(SIZE_MAX);
	struct forge_branch_list branches = FORGE_BRANCH_LIST_INIT;
	struct forge_tree tree = FORGE_TREE_INIT;
	(void)state;

	strbuf_add_char(&text, 'x');
	while (text.length < 5000)
		strbuf_add_string(&text, "ü");
	const char *t = text.data;
	json_auto_t *branch = json_pack("{s:s, s:{s:s, s:s, s:s, s:s}}", "name", "main", "commit", "id", t, "title", t,
	                                "author_name", t, "committed_date", t);
	json_auto_t *long_branch = json_pack("{s:s}", "name", t),
	            *long_path = json_pack("{s:s, s:s, s:s}", "name", "a", "path", t, "type", "blob");
	assert_true(branch_row_take(branch, &branches));
	assert_int_equal(strlen(branches.items[0].message), 511); /* between two characters */
	assert_int_equal(strlen(branches.items[0].author), 511);
	assert_int_equal(strlen(branches.items[0].timestamp), 511);
	assert_int_equal(strlen(branches.items[0].sha), 511);
	assert_false(branch_row_take(long_branch, &branches));
	assert_false(tree_row_take(long_path, &tree));
	assert_int_equal(branches.count, 1);
	assert_int_equal(tree.count, 0);
	forge_branch_list_release(&branches);
}

/* A repository of 1234 branches, page by page. */
static bool many_branches(struct peer_exchange *x, const char *more)
{
	CLEANUP(strbuf_release) struct strbuf body = STRBUF_INIT(1024 * 1024);
	unsigned page;

	if (strncmp(x->target, BRANCHES, strlen(BRANCHES)) != 0)
		return false;
	page = (unsigned)strtoul(x->target + strlen(BRANCHES), NULL, 10);
	strbuf_add_char(&body, '[');
	for (unsigned i = (page - 1) * 100; i < page * 100 && i < 1234; i++)
		strbuf_addf(&body, "%s{\"name\":\"branch-%04u\"}", i % 100 ? "," : "", i);
	strbuf_add_char(&body, ']');
	CLEANUP(freep) char *next = page < 13 ? xasprintf("%u", page + 1) : xstrdup("");
	CLEANUP(freep) char *headers = xasprintf(JSON_TYPE "X-Next-Page: %s\r\n%s", next, more);
	peer_answer(x, "200 OK", headers, body.data);
	return true;
}

static bool numbered_branches(struct peer_exchange *x)
{
	return many_branches(x, "X-Total-Pages: 13\r\n");
}

static bool linked_branches(struct peer_exchange *x)
{
	return many_branches(x, "");
}

static bool endless_branches(struct peer_exchange *x)
{
	peer_answer(x, "200 OK", JSON_TYPE "X-Next-Page: 1\r\n", "[{\"name\":\"again\"}]");
	return true;
}

static void lists_are_read_to_their_last_page_in_order(void **state)
{
	static const struct {
		const char *what;
		bool (*answer)(struct peer_exchange *exchange);
		size_t count;
		unsigned requests;
	} rows[] = {
	        {"a server that says how many pages there are", numbered_branches, 1234, 13},
	        {"a server that only names the next page", linked_branches, 1234, 13},
	        {"a server whose next page is the one that was there", endless_branches, 1, 1},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = start(NULL);
		struct forge_branch_list list = FORGE_BRANCH_LIST_INIT;
		struct error err = ERROR_INIT;
		f->answer = rows[i].answer;
		if (!gitlab_branches(&f->access, &project, &list, &err))
			fail_msg("%s: %s (%s)", rows[i].what, err.message, err.detail);
		if (list.count != rows[i].count || http_peer_requests(f->peer) != rows[i].requests)
			fail_msg("%s: %zu in %u requests", rows[i].what, list.count, http_peer_requests(f->peer));
		for (size_t b = 0; b < list.count && list.count > 1; b++) {
			char name[32];
			snprintf(name, sizeof(name), "branch-%04zu", b);
			assert_string_equal(list.items[b].name, name);
		}
		forge_branch_list_release(&list);
		stop(f);
	}
}

static void further_pages_are_asked_for_at_once(void **state)
{
	static const struct reply replies[] = {
	        {BRANCHES "1", "200 OK", JSON_TYPE "X-Total-Pages: 3\r\n", "[{\"name\":\"a\"}]"},
	        {BRANCHES "2", OK, "[{\"name\":\"b\"}]", true},
	        {BRANCHES "3", OK, "[{\"name\":\"c\"}]", true},
	        {NULL},
	};
	struct fixture *f = start(replies);
	struct forge_branch_list list = FORGE_BRANCH_LIST_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(gitlab_branches(&f->access, &project, &list, &err));
	assert_int_equal(list.count, 3);
	assert_string_equal(list.items[2].name, "c");
	forge_branch_list_release(&list);
	stop(f);
}

static void branches_that_cannot_be_listed_are_an_error(void **state)
{
	static const struct {
		const char *what;
		const struct forge_project *project;
		const char *status, *headers, *body;
		enum error_code code;
		const char *says;
	} rows[] = {
	        {"an empty repository has none", &empty_project, OK, "[]", ERR_NONE, ""},
	        {"nor has one that is not there yet", &empty_project, "404 Not Found", JSON_TYPE,
	         "{\"message\":\"404 Repository Not Found\"}", ERR_NONE, ""},
	        {"too many", &project, "200 OK", JSON_TYPE "X-Total-Pages: 101\r\n", "[]", ERR_LIST_TOO_LONG,
	         "There are more than 10000 branches."},
	        {"gone", &project, "404 Not Found", JSON_TYPE, PROJECT_404, ERR_REPO_NOT_FOUND, "Repository not found. g/p "},
	        {"not for guests", &project, "403 Forbidden", JSON_TYPE, "{\"message\":\"403 Forbidden\"}", ERR_REPO_NO_READ,
	         "Insufficient permissions. The connected account may not read the code of g/p."},
	        {"a scope that is missing", &project, "403 Forbidden", JSON_TYPE, "{\"error\":\"insufficient_scope\"}",
	         ERR_TOKEN_SCOPE_MISSING, "Insufficient permissions."},
	        {"a page", &project, "200 OK", "Content-Type: text/html\r\n", "<html>", ERR_INSTANCE_NOT_API, "127.0.0.1"},
	        {"no list", &project, OK, "{}", ERR_INSTANCE_NOT_GITLAB, "127.0.0.1"},
	        {"rows that are none", &project, OK, "[null]", ERR_INSTANCE_NOT_GITLAB, "127.0.0.1"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {{BRANCHES "1", rows[i].status, rows[i].headers, rows[i].body}, {NULL}};
		struct fixture *f = start(replies);
		struct forge_branch_list list = FORGE_BRANCH_LIST_INIT;
		struct error err = ERROR_INIT;
		bool listed = gitlab_branches(&f->access, rows[i].project, &list, &err);
		if (listed != (rows[i].code == ERR_NONE) || err.code != rows[i].code ||
		    strncmp(err.message, rows[i].says, strlen(rows[i].says)) != 0)
			fail_msg("%s: %s (%s)", rows[i].what, error_name(err.code), err.message);
		assert_int_equal(list.count, 0);
		assert_int_equal(http_peer_requests(f->peer), 1);
		stop(f);
	}
}

static void entries_of_a_folder_are_listed(void **state)
{
	static const struct reply replies[] = {
	        {TREE "src%2Fa%20b&ref=feature%2Fx%231&per_page=100&page=1", OK,
	         "[{\"id\":\"11\",\"name\":\"lib\",\"type\":\"tree\",\"path\":\"src/a b/lib\",\"mode\":\"040000\"},"
	         "{\"id\":\"22\",\"name\":\"run\",\"type\":\"blob\",\"path\":\"src/a b/run\",\"mode\":\"100755\"},"
	         "{\"id\":\"33\",\"name\":\"sub\",\"type\":\"commit\",\"path\":\"src/a b/sub\",\"mode\":\"160000\"}]"},
	        {NULL},
	};
	struct fixture *f = start(replies);
	struct forge_tree tree = FORGE_TREE_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	if (!gitlab_tree(&f->access, &project, "feature/x#1", "src/a b", &tree, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_int_equal(tree.count, 3);
	assert_string_equal(tree.items[0].type, "tree");
	assert_string_equal(tree.items[1].name, "run");
	assert_string_equal(tree.items[1].path, "src/a b/run");
	assert_string_equal(tree.items[1].mode, "100755");
	assert_string_equal(tree.items[1].sha, "22");
	assert_int_equal(tree.items[1].size, -1);
	assert_string_equal(tree.items[2].type, "commit");
	forge_tree_release(&tree);
	stop(f);
}

static void missing_folders_are_told_from_missing_refs(void **state)
{
	static const struct {
		const char *what, *ref, *path, *target, *status, *body;
		enum error_code code;
		const char *message;
	} rows[] = {
	        {"no such ref", "nope", "docs", TREE "docs&ref=nope&per_page=100&page=1", "404 Not Found",
	         "{\"message\":\"404 Tree Not Found\"}", ERR_REF_NOT_FOUND, "g/p has no branch, tag or commit nope."},
	        {"no such ref, at the top", "nope", "", TREE "&ref=nope&per_page=100&page=1", "404 Not Found",
	         "{\"message\":\"404 invalid revision or path Not Found\"}", ERR_REF_NOT_FOUND, NULL},
	        {"no such folder", "main", "docs", TREE "docs&ref=main&per_page=100&page=1", "404 Not Found",
	         "{\"message\":\"404 invalid revision or path Not Found\"}", ERR_PATH_NOT_FOUND, "g/p has no folder docs at main."},
	        {"no such folder, says an old GitLab", "main", "docs", TREE "docs&ref=main&per_page=100&page=1", "200 OK", "[]",
	         ERR_PATH_NOT_FOUND, "g/p has no folder docs at main."},
	        {"no such folder on the default branch", NULL, "docs", TREE "docs&per_page=100&page=1", "404 Not Found",
	         "{\"message\":\"404 invalid revision or path Not Found\"}", ERR_PATH_NOT_FOUND, "g/p has no folder docs."},
	        {"a folder of an empty repository", NULL, "docs", TREE "docs&per_page=100&page=1", "404 Not Found",
	         "{\"message\":\"404 Tree Not Found\"}", ERR_PATH_NOT_FOUND, NULL},
	        {"the top of an empty repository", NULL, "", TREE "&per_page=100&page=1", "404 Not Found",
	         "{\"message\":\"404 Tree Not Found\"}", ERR_NONE, ""},
	        {"a top with nothing in it", "main", "", TREE "&ref=main&per_page=100&page=1", "200 OK", "[]", ERR_NONE, ""},
	        {"no such project", "main", "docs", TREE "docs&ref=main&per_page=100&page=1", "404 Not Found", PROJECT_404,
	         ERR_REPO_NOT_FOUND, NULL},
	        {"a kind that git does not have", "main", "docs", TREE "docs&ref=main&per_page=100&page=1", "200 OK",
	         "[{\"name\":\"x\",\"path\":\"docs/x\",\"type\":\"door\"}]", ERR_INSTANCE_NOT_GITLAB, NULL},
	        {"a line break in what was asked", "a\nb", "docs", TREE "docs&ref=a%0Ab&per_page=100&page=1", "404 Not Found",
	         "{\"message\":\"404 Tree Not Found\"}", ERR_REF_NOT_FOUND, "g/p has no branch, tag or commit a b."},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {{rows[i].target, rows[i].status, JSON_TYPE, rows[i].body}, {NULL}};
		struct fixture *f = start(replies);
		struct forge_tree tree = FORGE_TREE_INIT;
		struct error err = ERROR_INIT;
		bool listed = gitlab_tree(&f->access, &project, rows[i].ref, rows[i].path, &tree, &err);
		if (listed != (rows[i].code == ERR_NONE) || err.code != rows[i].code ||
		    (rows[i].message && strcmp(err.message, rows[i].message) != 0))
			fail_msg("%s: %s (%s, %s)", rows[i].what, error_name(err.code), err.message, err.detail);
		assert_int_equal(tree.count, 0);
		stop(f);
	}
}

static void bytes_of_a_file_are_given_as_they_are(void **state)
{
	static const struct {
		const char *what, *ref, *path, *target;
	} rows[] = {
	        {"a file in a folder", "feature/x", "docs/read me.md", FILES "docs%2Fread%20me%2Emd/raw?ref=feature%2Fx&lfs=false"},
	        {"the default branch", NULL, "README", FILES "README/raw?ref=HEAD&lfs=false"},
	        {"signs of addresses", "a#b&c?d%e", "x#y?z&w%41", FILES "x%23y%3Fz%26w%2541/raw?ref=a%23b%26c%3Fd%25e&lfs=false"},
	        {"letters beyond ASCII", "f\xc3\xbcr", "\xe2\x82\xac.txt", FILES "%E2%82%AC%2Etxt/raw?ref=f%C3%BCr&lfs=false"},
	        {"dots stay dots", "v1..2", "../x", FILES "%2E%2E%2Fx/raw?ref=v1%2E%2E2&lfs=false"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {
		        {rows[i].target, "200 OK", "Content-Type: application/octet-stream\r\n", "{not json\n"}, {NULL}};
		struct fixture *f = start(replies);
		CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(10);
		struct error err = ERROR_INIT;
		strbuf_add_string(&bytes, "before");
		if (!gitlab_blob(&f->access, &project, rows[i].ref, rows[i].path, &bytes, &err))
			fail_msg("%s: %s (%s)", rows[i].what, err.message, err.detail);
		assert_string_equal(bytes.data, "{not json\n");
		assert_int_equal(http_peer_requests(f->peer), 1);
		stop(f);
	}
}

static void files_that_cannot_be_read_are_an_error(void **state)
{
	static const struct {
		const char *what, *ref, *path, *status, *headers, *body;
		enum error_code code;
	} rows[] = {
	        {"no such file, or a folder", "main", "x", "404 Not Found", JSON_TYPE, "{\"message\":\"404 File Not Found\"}",
	         ERR_PATH_NOT_FOUND},
	        {"no such ref", "main", "x", "404 Not Found", JSON_TYPE, "{\"message\":\"404 Commit Not Found\"}",
	         ERR_REF_NOT_FOUND},
	        {"an empty repository has no files", NULL, "x", "404 Not Found", JSON_TYPE,
	         "{\"message\":\"404 Commit Not Found\"}", ERR_PATH_NOT_FOUND},
	        {"a path that GitLab takes for an attack", "main", "x", "400 Bad Request", JSON_TYPE,
	         "{\"error\":\"file_path should be a valid file path\"}", ERR_PATH_NOT_FOUND},
	        {"no such project", "main", "x", "404 Not Found", JSON_TYPE, PROJECT_404, ERR_REPO_NOT_FOUND},
	        {"a proxy decodes the path", "main", "x", "404 Not Found", JSON_TYPE, ROUTE_404, ERR_PROXY_DECODES_PATHS},
	        {"not for guests", "main", "x", "403 Forbidden", JSON_TYPE, "{\"message\":\"403 Forbidden\"}", ERR_REPO_NO_READ},
	        {"too often", "main", "x", "429 Too Many Requests", JSON_TYPE, "{}", ERR_RATE_LIMITED},
	        {"a sign-in page is no file", "main", "x", "200 OK", "Content-Type: text/html\r\n", "<html>", ERR_INSTANCE_NOT_API},
	        {"nor is a page somewhere else", "main", "x", "302 Found", "Location: /users/sign_in\r\n", "",
	         ERR_INSTANCE_NOT_API},
	        {"an error", "main", "x", "500 Internal Server Error", JSON_TYPE, "{}", ERR_INSTANCE_ERROR},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *target = xasprintf(FILES "x/raw?ref=%s&lfs=false", rows[i].ref ? rows[i].ref : "HEAD");
		const struct reply replies[] = {{target, rows[i].status, rows[i].headers, rows[i].body}, {NULL}};
		struct fixture *f = start(replies);
		CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(10);
		struct error err = ERROR_INIT;
		if (gitlab_blob(&f->access, &project, rows[i].ref, rows[i].path, &bytes, &err) || err.code != rows[i].code)
			fail_msg("%s: %s (%s)", rows[i].what, error_name(err.code), err.message);
		assert_int_equal(bytes.length, 0);
		stop(f);
	}
}

static bool large_file(struct peer_exchange *x)
{
	bool too_large = strstr(x->target, "large") != NULL;
	CLEANUP(freep) char *body = xmalloc((size_t)LIMIT_BLOB + 2);

	memset(body, 'x', (size_t)LIMIT_BLOB + 1);
	body[(size_t)LIMIT_BLOB + (too_large ? 1 : 0)] = '\0';
	peer_answer(x, "200 OK", "Content-Type: text/plain\r\n", body);
	return true;
}

static void file_is_given_up_to_its_cap_and_not_a_byte_more(void **state)
{
	struct fixture *f = start(NULL);
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(10), none = STRBUF_INIT(10);
	struct error err = ERROR_INIT;
	(void)state;

	f->answer = large_file;
	if (!gitlab_blob(&f->access, &project, "main", "full", &bytes, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_int_equal(bytes.length, LIMIT_BLOB);
	assert_false(gitlab_blob(&f->access, &project, "main", "large", &none, &err));
	assert_int_equal(err.code, ERR_FILE_TOO_LARGE);
	assert_string_equal(err.message, "The file is larger than 5 MiB.");
	assert_int_equal(none.length, 0);
	stop(f);
}

static void what_cannot_exist_is_not_asked_for(void **state)
{
	struct fixture *f = start(NULL);
	CLEANUP(freep) char *endless = xmalloc(5000);
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(10);
	struct forge_tree tree = FORGE_TREE_INIT;
	(void)state;

	memset(endless, 'x', 4999);
	endless[4999] = '\0';
	const struct {
		const char *what, *ref, *path;
		enum error_code code;
	} rows[] = {
	        {"a path that fits into no address", "main", endless, ERR_PATH_NOT_FOUND},
	        {"a ref that fits into no file name", endless, "x", ERR_REF_NOT_FOUND},
	        {"a ref without a name", "", "x", ERR_REF_NOT_FOUND},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error of_tree = ERROR_INIT, of_blob = ERROR_INIT;
		assert_false(gitlab_tree(&f->access, &project, rows[i].ref, rows[i].path, &tree, &of_tree));
		assert_false(gitlab_blob(&f->access, &project, rows[i].ref, rows[i].path, &bytes, &of_blob));
		if (of_tree.code != rows[i].code || of_blob.code != rows[i].code)
			fail_msg("%s: %s", rows[i].what, of_tree.message);
	}
	struct error err = ERROR_INIT;
	assert_false(gitlab_blob(&f->access, &project, "main", "", &bytes, &err));
	assert_int_equal(err.code, ERR_PATH_NOT_FOUND);
	assert_int_equal(http_peer_requests(f->peer), 0);
	stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(branches_are_listed_with_their_newest_commits),
	        cmocka_unit_test(rows_of_a_server_that_sends_too_much_stay_short),
	        cmocka_unit_test(lists_are_read_to_their_last_page_in_order),
	        cmocka_unit_test(further_pages_are_asked_for_at_once),
	        cmocka_unit_test(branches_that_cannot_be_listed_are_an_error),
	        cmocka_unit_test(entries_of_a_folder_are_listed),
	        cmocka_unit_test(missing_folders_are_told_from_missing_refs),
	        cmocka_unit_test(bytes_of_a_file_are_given_as_they_are),
	        cmocka_unit_test(files_that_cannot_be_read_are_an_error),
	        cmocka_unit_test(file_is_given_up_to_its_cap_and_not_a_byte_more),
	        cmocka_unit_test(what_cannot_exist_is_not_asked_for),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
