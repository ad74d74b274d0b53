#include "repo_path.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "strbuf.h"

static const struct {
	const char *sentence;
	const char *path;
	enum repo_path_kind kind;
	const char *project, *ref; /* "-": none */
	bool has_page;
} paths[] = {
        {"a project", "/group/project", REPO_PATH_GITLAB, "group/project", "-", false},
        {"a branch page", "/group/project/-/tree/main", REPO_PATH_GITLAB, "group/project", "main", false},
        {"blame of a file", "/group/project/-/blame/main/a.c", REPO_PATH_GITLAB, "group/project", "main/a.c", false},
        {"raw without the dash", "/group/project/raw/main/a.c", REPO_PATH_GITLAB, "group/project", "main/a.c", false},
        {"a page with nothing behind it names no ref", "/group/project/-/tree", REPO_PATH_GITLAB, "group/project", "-", true},
        {"a dash with nothing behind it", "/group/project/-/", REPO_PATH_GITLAB, "group/project", "-", true},
        {"a page that has no ref", "/group/project/-/pipelines/8", REPO_PATH_GITLAB, "group/project", "-", true},
        {"what git asks for", "/group/project.git/info/refs", REPO_PATH_GITLAB, "group/project", "-", true},
        {"a folder behind the suffix", "/group/project.git//sub/folder", REPO_PATH_GITLAB, "group/project", "-", true},
        {"a merge request without the dash", "/group/project/merge_requests/7", REPO_PATH_GITLAB, "group/project", "-", true},
        {"its list may as well be a project", "/group/project/merge_requests", REPO_PATH_GITLAB, "group/project/merge_requests",
         "-", false},
        {"a project called by a number, with its suffix", "/group/sub/issues/7.git", REPO_PATH_GITLAB, "group/sub/issues/7", "-",
         false},
        {"a reserved name right behind the group is a project", "/group/tree", REPO_PATH_GITLAB, "group/tree", "-", false},
        {"a branch page of GitHub", "/owner/repo/tree/feature/x", REPO_PATH_GITHUB, "owner/repo", "feature/x", false},
        {"a file of GitHub", "/owner/repo/blob/main/README.md", REPO_PATH_GITHUB, "owner/repo", "main/README.md", false},
        {"a pull request", "/owner/repo/pull/3", REPO_PATH_GITHUB, "owner/repo", "-", true},
        {"a tab of a pull request", "/owner/repo/pull/3/files", REPO_PATH_GITHUB, "owner/repo", "-", true},
        {"any third part is a page of GitHub", "/owner/repo/whatever", REPO_PATH_GITHUB, "owner/repo", "-", true},
        {"git paths have no pages", "group/tree/tree/main", REPO_PATH_GIT, "group/tree/tree/main", "-", false},
};

static void assert_span(struct span s, const char *text)
{
	assert_true(s.start ? span_is(s, text) : span_is(span_of("-"), text));
}

static void project_ends_where_a_page_begins(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct repo_path path;
		print_message("%s\n", paths[i].sentence);
		assert_null(repo_path_read(span_of(paths[i].path), paths[i].kind, &path));
		assert_span(path.project, paths[i].project);
		assert_span(path.ref, paths[i].ref);
		assert_int_equal(path.has_page, paths[i].has_page);
	}
}

static const struct {
	const char *sentence;
	const char *path;
	enum repo_path_kind kind;
} refused[] = {
        {"nothing", "", REPO_PATH_GITLAB},
        {"slashes", "///", REPO_PATH_GITLAB},
        {"a group alone", "/group/", REPO_PATH_GITLAB},
        {"a page of a group", "/groups/group/-/issues", REPO_PATH_GITLAB},
        {"a page of a group without the prefix", "/group/-/issues", REPO_PATH_GITLAB},
        {"a page of GitHub", "/settings/tokens", REPO_PATH_GITHUB},
        {"a page of an organisation", "/orgs/octo/repositories", REPO_PATH_GITHUB},
        {"only the suffix", "/group/.git", REPO_PATH_GITLAB},
        {"the suffix on the group", "/group.git/project", REPO_PATH_GITLAB},
        {"something behind the suffix of a git path", "group/project.git/x", REPO_PATH_GIT},
        {"a group that ends with a dot", "/group/sub./project", REPO_PATH_GITLAB},
        {"an empty part", "/group//project", REPO_PATH_GITLAB},
};

static void other_paths_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct repo_path path;
		print_message("%s\n", refused[i].sentence);
		assert_non_null(repo_path_read(span_of(refused[i].path), refused[i].kind, &path));
	}
}

static const struct {
	const char *sentence;
	const char *written;
	const char *decoded; /* "": it is none */
} refs[] = {
        {"a branch", "main", "main"},
        {"an escape", "fix%231", "fix#1"},
        {"an escaped slash", "feature%2Fx", "feature/x"},
        {"letters", "%C3%A4nderung", "änderung"},
        {"blanks in a file's name", "main/a b.txt", "main/a b.txt"},
        {"an escape that is cut off", "main%2", ""},
        {"an escape that is none", "main%zz", ""},
        {"a NUL", "main%00", ""},
        {"a line break", "main%0a", ""},
        {"a backslash", "main%5Cx", ""},
        {"half a character", "main%C3", ""},
        {"the way out", "main/../../x", ""},
        {"the way out, escaped", "%2e%2e/x", ""},
        {"an option of git", "--upload-pack=x", ""},
        {"nothing", "", ""},
};

static void refs_are_decoded_once_and_stay_inside(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refs); i++) {
		char decoded[64] = "";
		print_message("%s\n", refs[i].sentence);
		assert_int_equal(repo_path_decode_ref(span_of(refs[i].written), decoded), strlen(refs[i].decoded));
		if (refs[i].decoded[0])
			assert_string_equal(decoded, refs[i].decoded);
	}
}

static const struct {
	const char *sentence;
	const char *fragment;
	bool behind_suffix, on_page; /* whether it is a ref behind "project.git", and behind "project" */
} fragments[] = {
        {"a branch", "feature/login", true, true},
        {"a tag", "v1.2.3", true, true},
        {"a commit", "80948e8cc8f0e851e89a10bc7c2ee234d1a5fbe7", true, true},
        {"the readme of the page", "readme", true, false},
        {"in any case", "README", true, false},
        {"GitHub's readme", "readme-ov-file", true, false},
        {"a line", "L10", true, false},
        {"lines", "L10-L20", true, false},
        {"a branch that begins with L", "Llama", true, true},
        {"a note", "note_123456", true, false},
        {"a heading", "user-content-install", true, false},
        {"a range of versions", "semver:^1.0", false, false},
        {"a setting", "access_token=abc", false, false},
        {"a wildcard", "*", false, false},
        {"what git keeps for itself", "HEAD", false, false},
        {"the way out", "../x", false, false},
        {"nothing", "", false, false},
};

static void fragments_are_refs_where_they_cannot_be_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fragments); i++) {
		print_message("%s\n", fragments[i].sentence);
		assert_int_equal(repo_path_fragment_is_ref(span_of(fragments[i].fragment), true), fragments[i].behind_suffix);
		assert_int_equal(repo_path_fragment_is_ref(span_of(fragments[i].fragment), false), fragments[i].on_page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(project_ends_where_a_page_begins),
	        cmocka_unit_test(other_paths_are_refused),
	        cmocka_unit_test(refs_are_decoded_once_and_stay_inside),
	        cmocka_unit_test(fragments_are_refs_where_they_cannot_be_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
