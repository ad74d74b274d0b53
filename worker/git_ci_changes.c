#include "git_ci_changes.h"

/* The commit's tree; NULL with a code: it cannot be read. */
static int tree_of(git_repository *repository, const char *commit_id, git_tree **ret)
{
	CLEANUP(git_commit_freep) git_commit *commit = NULL;
	git_oid id;
	int code = git_oid_fromstr(&id, commit_id);

	if (code == 0)
		code = git_commit_lookup(&commit, repository, &id);
	if (code == 0)
		code = git_commit_tree(ret, commit);
	return code;
}

static int diff_of(git_repository *repository, git_tree *before, git_tree *after, git_diff **ret)
{
	char *places[] = {(char[]){".gitlab-ci.yml"}, (char[]){".gitlab/ci"}, (char[]){".github/workflows"}};
	git_diff_options options = GIT_DIFF_OPTIONS_INIT;

	/* Files and folders by name, not as patterns: only their part of the trees is read. */
	options.flags = GIT_DIFF_DISABLE_PATHSPEC_MATCH | GIT_DIFF_SKIP_BINARY_CHECK;
	options.pathspec = (git_strarray){.strings = places, .count = ARRAY_SIZE(places)};
	return git_diff_tree_to_tree(ret, repository, before, after, &options);
}

static void list_paths(const git_diff *diff, json_t *to)
{
	for (size_t i = 0; i < git_diff_num_deltas(diff) && i < CI_PATHS_MAX; i++) {
		const git_diff_delta *delta = git_diff_get_delta(diff, i);
		json_t *path = json_string(delta->new_file.path);
		json_array_append_new(to, path ? path : json_string("(a name that is not UTF-8)"));
	}
}

bool git_ci_changes(git_repository *repository, const char *from, const char *to, json_t **ret_paths, size_t *ret_count,
                    struct error *err)
{
	CLEANUP(git_tree_freep) git_tree *before = NULL;
	CLEANUP(git_tree_freep) git_tree *after = NULL;
	git_diff *diff = NULL;

	if (from[0] && tree_of(repository, from, &before) != 0)
		before = NULL;
	int code = tree_of(repository, to, &after);
	if (code == 0)
		code = diff_of(repository, before, after, &diff);
	if (code != 0 && before) /* its folders are gone, too */
		code = diff_of(repository, NULL, after, &diff);
	if (code != 0)
		return git_failure(code, ERR_WORKSPACE_FAILED, "What the session changed cannot be compared with its start.", err);
	*ret_paths = json_array();
	*ret_count = git_diff_num_deltas(diff);
	list_paths(diff, *ret_paths);
	git_diff_free(diff);
	return true;
}
