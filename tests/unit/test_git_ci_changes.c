#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "git_ci_changes.h"
#include "temporary_folder.h"

/* A commit of these files (names separated by blanks), each with this content. */
static void commit_files(git_repository *repository, const char *names, const char *content, char ret[COMMIT_SIZE])
{
	CLEANUP(git_index_freep) git_index *index = NULL;
	CLEANUP(git_tree_freep) git_tree *tree = NULL;
	CLEANUP(git_signature_freep) git_signature *signature = NULL;
	git_oid id;

	assert_int_equal(git_index_new(&index), 0);
	for (const char *at = names + strspn(names, " "); *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		CLEANUP(freep) char *name = xstrndup(at, length);
		git_index_entry entry = {.path = name, .mode = GIT_FILEMODE_BLOB};
		assert_int_equal(git_blob_create_from_buffer(&entry.id, repository, content, strlen(content)), 0);
		assert_int_equal(git_index_add(index, &entry), 0);
		at += length;
	}
	assert_int_equal(git_index_write_tree_to(&id, index, repository), 0);
	assert_int_equal(git_tree_lookup(&tree, repository, &id), 0);
	assert_int_equal(git_signature_new(&signature, "x", "x@y", 1, 0), 0);
	assert_int_equal(git_commit_create(&id, repository, NULL, signature, signature, NULL, content, tree, 0, NULL), 0);
	git_oid_tostr(ret, COMMIT_SIZE, &id);
}

static void what_ci_runs_is_named(void **state UNUSED)
{
	static const char unknown[] = "0123456789012345678901234567890123456789";
	static const struct {
		const char *sentence, *before, *after; /* before NULL: the repository was empty; "?": it cannot be read */
		bool same;                             /* the content is the same in both */
		const char *expected;
	} rows[] = {
	        {"nothing of it", "README.md", "README.md src/a.c", true, "[]"},
	        {"GitLab's file is new", "README.md", "README.md .gitlab-ci.yml", true, "[\".gitlab-ci.yml\"]"},
	        {"it is changed", ".gitlab-ci.yml", ".gitlab-ci.yml", false, "[\".gitlab-ci.yml\"]"},
	        {"it is deleted", ".gitlab-ci.yml a", "a", true, "[\".gitlab-ci.yml\"]"},
	        {"it is as it was", ".gitlab-ci.yml a", ".gitlab-ci.yml b", true, "[]"},
	        {"parts of it, at any depth", "a", "a .gitlab/ci/build.yml .gitlab/ci/x/y.yml", true,
	         "[\".gitlab/ci/build.yml\",\".gitlab/ci/x/y.yml\"]"},
	        {"GitHub's workflows", "a", "a .github/workflows/ci.yml .github/CODEOWNERS", true,
	         "[\".github/workflows/ci.yml\"]"},
	        {"names that only look alike", "a", "a x/.gitlab-ci.yml .gitlab-ci.yml.bak .gitlab/citadel .github/workflowsx",
	         true, "[]"},
	        {"the first commit", NULL, ".gitlab-ci.yml a", true, "[\".gitlab-ci.yml\"]"},
	        {"a start that is gone hides nothing", "?", ".gitlab-ci.yml a", true, "[\".gitlab-ci.yml\"]"},
	};
	struct temporary_folder folder;
	CLEANUP(git_repository_freep) git_repository *repository = NULL;

	folder_make(&folder);
	assert_int_equal(git_repository_init(&repository, folder.path, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char before[COMMIT_SIZE] = "", after[COMMIT_SIZE];
		struct error err = ERROR_INIT;
		json_t *paths = NULL;
		size_t count = 0;

		print_message("  %s\n", rows[i].sentence);
		if (rows[i].before && strcmp(rows[i].before, "?") == 0)
			snprintf(before, sizeof(before), "%s", unknown);
		else if (rows[i].before)
			commit_files(repository, rows[i].before, "one", before);
		commit_files(repository, rows[i].after, rows[i].same ? "one" : "two", after);
		assert_true(git_ci_changes(repository, before, after, &paths, &count, &err));
		char *text = json_dumps(paths, JSON_COMPACT);
		assert_string_equal(text, rows[i].expected);
		assert_int_equal(count, json_array_size(paths));
		free(text);
		json_decref(paths);
	}
	git_repository_freep(&repository);
	repository = NULL;
	folder_remove(&folder);
}

static void a_long_list_is_cut_and_counted(void **state UNUSED)
{
	struct temporary_folder folder;
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	CLEANUP(strbuf_release) struct strbuf names = STRBUF_INIT(65536);
	char commit[COMMIT_SIZE];
	struct error err = ERROR_INIT;
	json_t *paths = NULL;
	size_t count = 0;

	folder_make(&folder);
	assert_int_equal(git_repository_init(&repository, folder.path, 1), 0);
	for (int i = 0; i < CI_PATHS_MAX + 5; i++)
		strbuf_addf(&names, " .github/workflows/%d.yml", i);
	strbuf_add_string(&names, " .github/workflows/bad\xff.yml");
	commit_files(repository, names.data, "one", commit);
	assert_true(git_ci_changes(repository, "", commit, &paths, &count, &err));
	assert_int_equal(json_array_size(paths), CI_PATHS_MAX);
	assert_int_equal(count, CI_PATHS_MAX + 6);
	json_decref(paths);
	git_repository_freep(&repository);
	repository = NULL;
	folder_remove(&folder);
}

static int set_up(void **state UNUSED)
{
	struct error err = ERROR_INIT;

	return git_library_open(&err) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_ci_runs_is_named),
	        cmocka_unit_test(a_long_list_is_cut_and_counted),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
