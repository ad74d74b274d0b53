#pragma once
/*
 * git_fetch — brings one branch through the gate into a repository, with the git program (git_program.h). Works in a git job, on a
 * repository of the job's own making; only where one joins a session whose agent works can somebody else reach it. No tags, no
 * other branches, no submodules, nothing deepened or pruned.
 *
 * Every object is hashed as it arrives, and nothing may be missing; its form is not judged (fetch.fsckObjects): that takes an
 * eighth of a first transfer, refuses old histories that their servers keep and git clones, and protects a checkout from nothing
 * that the checkout does not check itself.
 *
 * A repository that borrows objects sends their commits as what it has, if a reference of its own leads to them.
 */
#include "git_job.h"
#include "git_library.h"

struct git_fetch {
	struct git_gate gate;
	const char *git_folder; /* the repository, or its .git */
	const char *branch;
	const char *into; /* the reference that is set to it, whatever it was before: "refs/remotes/origin/main" */
};

/*
 * ERR_BRANCH_NOT_FOUND, ERR_GIT_FAILED (the gate knows more), ERR_WORKSPACE_FAILED (no space; more bytes or objects than
 * GIT_LIMIT_BYTES and GIT_LIMIT_OBJECTS).
 */
bool git_fetch_branch(const struct git_fetch *fetch, struct git_job_report *report, struct error *err) MUST_CHECK;

/*
 * The same into a bare repository that is made for it: `git_folder` must not exist, `into` is refs/heads/<branch> whatever it says.
 * Quicker for a first transfer: as everything comes in one pack, git can tell that nothing is missing while it indexes it, and need
 * not walk through it afterwards.
 */
bool git_fetch_first(const struct git_fetch *fetch, struct git_job_report *report, struct error *err) MUST_CHECK;

/* Whether a failed job met a full disk: making room may help. */
bool git_found_disk_full(const struct error *err);
