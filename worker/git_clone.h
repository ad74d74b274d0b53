#pragma once
/*
 * git_clone — brings one branch of a repository into a folder: a fetch of that branch alone through the gate, measured before it is
 * written, checked out without filters and without symbolic links. Nothing of the repository is executed; submodules stay empty.
 */
#include "git_job.h"
#include "git_library.h"

struct git_clone {
	struct git_gate gate;
	const char *path;                       /* the folder; must not exist */
	const char *clone_url;                  /* recorded as "origin": the real address, without credentials */
	const char *start_branch;               /* NULL: the repository is empty */
	const char *work_branch;                /* the branch that is checked out; created at the start branch's commit */
	const char *commit_name, *commit_email; /* for the agent's own commits; may be NULL */
};

/*
 * ret_commit: "" for an empty repository. ERR_GIT_FAILED (the gate knows more), ERR_BRANCH_NOT_FOUND, ERR_WORKSPACE_FAILED (space,
 * too many files or bytes).
 */
bool git_clone_branch(const struct git_clone *clone, struct git_job_report *report, char ret_commit[COMMIT_SIZE],
                      struct error *err) MUST_CHECK;

/* Files and bytes of a commit's tree, counted up to the limits. ERR_WORKSPACE_FAILED: beyond them. */
bool git_measure_tree(git_repository *repository, const git_tree *tree, uint64_t max_files, uint64_t max_bytes,
                      struct error *err) MUST_CHECK;

/* The same as a job (git_job.h): `input` is a struct git_clone, the result {"commit": "…"}. */
bool git_clone_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err);
