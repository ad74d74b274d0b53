#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gitlab_fixture.h"

static char project_path[] = "g/p";
static const struct forge_project project = {.id = 81, .path = project_path};

#define FIRST_PAGE "&per_page=100&page=1"
#define BRANCHES   API "/projects/81/repository/branches?search="
#define TAGS       API "/projects/81/repository/tags?search="

static void longest_name_wins_that_the_text_begins_with(void **state)
{
	static const struct {
		const char *what, *pasted, *search, *branches, *tags, *name, *path;
		bool is_tag;
	} rows[] = {
	        {"a branch alone", "main", "%5Emain", "[{\"name\":\"main\"}]", "[]", "main", ""},
	        {"a branch and a path", "main/docs/x.md", "%5Emain", "[{\"name\":\"main\"}]", "[]", "main", "docs/x.md"},
	        {"a branch with a slash", "feature/a/docs/x.md", "%5Efeature",
	         "[{\"name\":\"feature/b\"},{\"name\":\"feature/a\"}]", "[]", "feature/a", "docs/x.md"},
	        {"whole segments only", "feature/abc", "%5Efeature", "[{\"name\":\"feature/ab\"},{\"name\":\"feature/a\"}]", "[]",
	         NULL, ""},
	        {"a longer tag", "v1/2/x", "%5Ev1", "[{\"name\":\"v1\"}]", "[{\"name\":\"v1/2\"}]", "v1/2", "x", true},
	        {"a longer branch", "v1/2/x", "%5Ev1", "[{\"name\":\"v1/2\"}]", "[{\"name\":\"v1\"}]", "v1/2", "x", false},
	        {"of the same name the branch", "v1/x", "%5Ev1", "[{\"name\":\"v1\"}]", "[{\"name\":\"v1\"}]", "v1", "x", false},
	        {"another case is another name", "Main", "%5EMain", "[{\"name\":\"main\"}]", "[]", NULL, ""},
	        {"nothing found", "nothing/x", "%5Enothing", "[]", "[]", NULL, ""},
	        {"slashes around it", "/main//docs/", "%5Emain", "[{\"name\":\"main\"}]", "[]", "main", "docs"},
	        {"signs that addresses use", "fix#1&2%41+b.x/y", "%5Efix%231%262%2541%2Bb%2Ex", "[{\"name\":\"fix#1&2%41+b.x\"}]",
	         "[]", "fix#1&2%41+b.x", "y"},
	        {"letters beyond ASCII", "f\xc3\xbcr/x", "%5Ef%C3%BCr", "[{\"name\":\"f\xc3\xbcr\"}]", "[]", "f\xc3\xbcr", "x"},
	        {"a dollar would end GitLab's pattern", "cash$/x", "%5Ecash", "[{\"name\":\"cash$\"}]", "[]", "cash$", "x"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *branches = xasprintf(BRANCHES "%s" FIRST_PAGE, rows[i].search);
		CLEANUP(freep) char *tags = xasprintf(TAGS "%s" FIRST_PAGE, rows[i].search);
		/* They wait for each other: one after the other would hang. */
		const struct reply replies[] = {{branches, OK, rows[i].branches, true}, {tags, OK, rows[i].tags, true}, {NULL}};
		struct fixture *f = start(replies);
		struct forge_ref ref = FORGE_REF_INIT;
		struct error err = ERROR_INIT;
		if (!gitlab_find_ref(&f->access, &project, rows[i].pasted, &ref, &err))
			fail_msg("%s: %s (%s)", rows[i].what, err.message, err.detail);
		if ((ref.name != NULL) != (rows[i].name != NULL) || (ref.name && strcmp(ref.name, rows[i].name) != 0) ||
		    strcmp(ref.path, rows[i].path) != 0 || ref.is_tag != rows[i].is_tag)
			fail_msg("%s: '%s', '%s'", rows[i].what, ref.name ? ref.name : "none", ref.path);
		assert_int_equal(http_peer_requests(f->peer), 2);
		forge_ref_release(&ref);
		stop(f);
	}
}

static void nothing_is_asked_where_no_ref_can_be_meant(void **state)
{
	static const struct {
		const char *what, *pasted, *path;
		bool empty;
	} rows[] = {
	        {"a commit", "0123456789abcdef0123456789abcdef01234567", "", false},
	        {"a commit and a path", "0123456789ABCDEF0123456789abcdef01234567/docs/x.md", "docs/x.md", false},
	        {"a commit of SHA-256", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "", false},
	        {"no text", "", "", false},
	        {"a wildcard", "feature*/x", "", false},
	        {"a blank", "feature x", "", false},
	        {"more than a file name can hold",
	         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	         "xxxxxxxxxxx"
	         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	         "xxxxxxxxxxx"
	         "xxxxxxxxxxxxxxxxxxxx",
	         "", false},
	        {"an empty repository", "main/x", "", true},
	};
	struct fixture *f = start(NULL);
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct forge_project asked = {.id = 81, .path = project_path, .empty = rows[i].empty};
		struct forge_ref ref = FORGE_REF_INIT;
		struct error err = ERROR_INIT;
		if (!gitlab_find_ref(&f->access, &asked, rows[i].pasted, &ref, &err) || ref.name ||
		    strcmp(ref.path, rows[i].path) != 0)
			fail_msg("%s: %s", rows[i].what, err.message);
		forge_ref_release(&ref);
	}
	assert_int_equal(http_peer_requests(f->peer), 0);
	stop(f);
}

static void names_are_looked_for_on_all_pages(void **state)
{
	static const struct reply replies[] = {
	        {BRANCHES "%5Efeature" FIRST_PAGE, "200 OK", JSON_TYPE "X-Total-Pages: 3\r\n", "[{\"name\":\"feature\"}]"},
	        {BRANCHES "%5Efeature&per_page=100&page=2", OK, "[{\"name\":\"feature/a\"}]"},
	        {BRANCHES "%5Efeature&per_page=100&page=3", OK, "[{\"name\":\"feature/a/docs\"}]"},
	        {TAGS "%5Efeature" FIRST_PAGE, "200 OK", JSON_TYPE "X-Next-Page: 2\r\n", "[{\"name\":\"feature/0\"}]"},
	        {TAGS "%5Efeature&per_page=100&page=2", "200 OK", JSON_TYPE "X-Next-Page: \r\n", "[{\"name\":\"feature/1\"}]"},
	        {NULL},
	};
	struct fixture *f = start(replies);
	struct forge_ref ref = FORGE_REF_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	if (!gitlab_find_ref(&f->access, &project, "feature/a/docs/x.md", &ref, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_string_equal(ref.name, "feature/a/docs");
	assert_string_equal(ref.path, "x.md");
	assert_int_equal(http_peer_requests(f->peer), 5);
	forge_ref_release(&ref);
	stop(f);
}

static void search_that_fails_is_reported(void **state)
{
	static const struct {
		const char *what, *status, *headers, *body;
		enum error_code code;
	} rows[] = {
	        {"too many requests", "429 Too Many Requests", JSON_TYPE, "{}", ERR_RATE_LIMITED},
	        {"no project any more", "404 Not Found", JSON_TYPE, PROJECT_404, ERR_REPO_NOT_FOUND},
	        {"a row without a name", "200 OK", JSON_TYPE, "[{\"name\":7}]", ERR_INSTANCE_NOT_GITLAB},
	        {"no list", "200 OK", JSON_TYPE, "{\"name\":\"main\"}", ERR_INSTANCE_NOT_GITLAB},
	        {"more pages than anybody looks through", "200 OK", JSON_TYPE "X-Total-Pages: 101\r\n", "[]", ERR_LIST_TOO_LONG},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {
		        {BRANCHES "%5Emain" FIRST_PAGE, OK, "[{\"name\":\"main\"}]"},
		        {TAGS "%5Emain" FIRST_PAGE, rows[i].status, rows[i].headers, rows[i].body},
		        {NULL},
		};
		struct fixture *f = start(replies);
		struct forge_ref ref = FORGE_REF_INIT;
		struct error err = ERROR_INIT;
		if (gitlab_find_ref(&f->access, &project, "main", &ref, &err) || err.code != rows[i].code)
			fail_msg("%s: %s (%s)", rows[i].what, error_name(err.code), err.message);
		assert_null(ref.path);
		stop(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(longest_name_wins_that_the_text_begins_with),
	        cmocka_unit_test(nothing_is_asked_where_no_ref_can_be_meant),
	        cmocka_unit_test(names_are_looked_for_on_all_pages),
	        cmocka_unit_test(search_that_fails_is_reported),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
