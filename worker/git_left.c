#include "git_left.h"

enum { BRANCHES_MAX = 100 /* an agent can make them without end */ };

/* Whether a commit of its history is in neither the result's nor in that of a branch of the remote. */
static bool has_own_commits(git_repository *repository, const git_oid *tip, const git_oid *pushed)
{
	git_revwalk *walk = NULL;
	git_oid first;
	bool own = git_revwalk_new(&walk, repository) == 0 && git_revwalk_push(walk, tip) == 0 &&
	           git_revwalk_hide(walk, pushed) == 0 && git_revwalk_hide_glob(walk, "refs/remotes/*") == 0 &&
	           git_revwalk_next(&first, walk) == 0;

	git_revwalk_free(walk);
	return own;
}

static void look_at(git_repository *repository, const git_reference *reference, const git_oid *pushed, struct git_left *ret)
{
	const git_oid *tip = git_reference_target(reference); /* NULL: it leads to another one */

	if (!tip || git_oid_equal(tip, pushed) || !has_own_commits(repository, tip, pushed))
		return;
	if (ret->branches++ == 0)
		snprintf(ret->first_branch, sizeof(ret->first_branch), "%s", git_reference_shorthand(reference));
}

void git_left_find_branches(git_repository *repository, const git_oid *pushed, struct git_left *ret)
{
	CLEANUP(git_reference_freep) git_reference *stash = NULL;
	git_branch_iterator *branches = NULL;
	git_branch_t type;

	if (git_branch_iterator_new(&branches, repository, GIT_BRANCH_LOCAL) == 0)
		for (int i = 0; i < BRANCHES_MAX; i++) {
			CLEANUP(git_reference_freep) git_reference *branch = NULL;
			if (git_branch_next(&branch, &type, branches) != 0)
				break;
			look_at(repository, branch, pushed, ret);
		}
	git_branch_iterator_free(branches);
	if (git_reference_lookup(&stash, repository, "refs/stash") == 0)
		look_at(repository, stash, pushed, ret);
}
