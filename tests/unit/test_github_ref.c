#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "github_fixture.h"

#define HEADS(first) API "/repos/o/r/git/matching-refs/heads/" first
#define TAGS(first)  API "/repos/o/r/git/matching-refs/tags/" first

static void the_longest_ref_of_a_pasted_address_is_found(void **state)
{
	static const struct {
		const char *what, *pasted;
		struct reply heads, tags;
		const char *name, *path;
		bool is_tag;
	} rows[] = {
	        {"a branch and a path",
	         "main/docs/guide.md",
	         {HEADS("main"), OK, "[{\"ref\":\"refs/heads/main\"},{\"ref\":\"refs/heads/main2\"}]"},
	         {TAGS("main"), OK, "[]"},
	         "main",
	         "docs/guide.md",
	         false},
	        {"a branch with slashes",
	         "f/x/y/a.md",
	         {HEADS("f"), OK, "[{\"ref\":\"refs/heads/f/x\"},{\"ref\":\"refs/heads/f/x/y\"},{\"ref\":\"refs/heads/f/x/y/a\"}]"},
	         {TAGS("f"), OK, "[]"},
	         "f/x/y",
	         "a.md",
	         false},
	        {"a tag that is longer",
	         "v1/rc/x",
	         {HEADS("v1"), OK, "[{\"ref\":\"refs/heads/v1\"}]"},
	         {TAGS("v1"), OK, "[{\"ref\":\"refs/tags/v1/rc\"}]"},
	         "v1/rc",
	         "x",
	         true},
	        {"of two with one name the branch",
	         "v1",
	         {HEADS("v1"), OK, "[{\"ref\":\"refs/heads/v1\"}]"},
	         {TAGS("v1"), OK, "[{\"ref\":\"refs/tags/v1\"}]"},
	         "v1",
	         "",
	         false},
	        {"a name that needs encoding",
	         "a#b/",
	         {HEADS("a%23b"), OK, "[{\"ref\":\"refs/heads/a#b\"}]"},
	         {TAGS("a%23b"), OK, "[]"},
	         "a#b",
	         "",
	         false},
	        {"neither", "gone/x", {HEADS("gone"), OK, "[]"}, {TAGS("gone"), OK, "[]"}, NULL, "", false},
	        {"an empty repository",
	         "main",
	         {HEADS("main"), "409 Conflict", JSON_TYPE, "{\"message\":\"Git Repository is empty.\"}"},
	         {TAGS("main"), "409 Conflict", JSON_TYPE, "{\"message\":\"Git Repository is empty.\"}"},
	         NULL,
	         "",
	         false},
	        {"a commit is not asked about",
	         "6dcb09b5b57875f334f61aebed695e2e4193db5e/docs/",
	         {NULL},
	         {NULL},
	         NULL,
	         "docs",
	         false},
	        {"a way up is not asked about", "../x", {NULL}, {NULL}, NULL, "", false},
	        {"nothing", "", {NULL}, {NULL}, NULL, "", false},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {rows[i].heads, rows[i].heads.target ? rows[i].tags : (struct reply){NULL}, {NULL}};
		struct github_fixture *f = github_fixture_start(replies);
		struct forge_project project = {.path = (char *)(uintptr_t) "o/r"};
		struct forge_ref ref = FORGE_REF_INIT;
		struct error err = ERROR_INIT;
		if (!github_forge.find_ref(&f->access, &project, rows[i].pasted, &ref, &err))
			fail_msg("%s: %s", rows[i].what, err.message);
		if (!ref.name != !rows[i].name || (ref.name && strcmp(ref.name, rows[i].name) != 0) ||
		    ref.is_tag != rows[i].is_tag || strcmp(ref.path, rows[i].path) != 0)
			fail_msg("%s: %s and %s", rows[i].what, ref.name, ref.path);
		forge_ref_release(&ref);
		github_fixture_stop(f);
	}
}

static void refs_that_are_not_answered_are_a_failure(void **state)
{
	static const struct reply replies[] = {
	        {HEADS("main"), OK, "[]"}, {TAGS("main"), NOT_FOUND, "{\"message\":\"Not Found\"}"}, {NULL}};
	struct github_fixture *f = github_fixture_start(replies);
	struct forge_project project = {.path = (char *)(uintptr_t) "o/r"};
	struct forge_ref ref = FORGE_REF_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	assert_false(github_forge.find_ref(&f->access, &project, "main", &ref, &err));
	assert_int_equal(err.code, ERR_REPO_NOT_FOUND);
	assert_null(ref.path);
	github_fixture_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_longest_ref_of_a_pasted_address_is_found),
	        cmocka_unit_test(refs_that_are_not_answered_are_a_failure),
	};

	require(secret_library_init());
	json_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
