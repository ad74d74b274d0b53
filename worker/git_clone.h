#pragma once
/*
 * git_clone — brings one branch of a repository into a folder: measured before it is written, checked out without filters and
 * without symbolic links. Nothing of the repository is executed; submodules stay empty.
 *
 * With a mirror the folder borrows the default branch's objects, which the mirror's refresh has just received or confirmed with
 * this session's credential; another branch is fetched on top of it, through the gate. Without one, the branch is fetched whole.
 */
#include "git_job.h"
#include "git_library.h"
#include "git_tree_survey.h"

struct git_clone {
	struct git_gate gate;
	const char *path;                       /* the folder; must not exist */
	const char *clone_url;                  /* recorded as "origin": the real address, without credentials */
	const char *start_branch;               /* NULL: the repository is empty */
	const char *objects;                    /* borrowed: those of a mirror; NULL: none */
	const char *mirrored_branch;            /* whose objects they are, ... */
	const char *mirrored_commit;            /* ... and where it is */
	const char *work_branch;                /* the branch that is checked out; created at the start branch's commit */
	const char *commit_name, *commit_email; /* for the agent's own commits; may be NULL */
};

/*
 * ret_commit: "" for an empty repository. ERR_GIT_FAILED (the gate knows more), ERR_BRANCH_NOT_FOUND, ERR_WORKSPACE_FAILED (space,
 * too many files or bytes).
 */
bool git_clone_branch(const struct git_clone *clone, struct git_job_report *report, char ret_commit[COMMIT_SIZE],
                      struct git_tree_survey *ret_survey, struct error *err) MUST_CHECK;

/*
 * Makes the index younger than the files that it lists. What is as old as its index is read again when changes are looked for, and
 * through the filters of .gitattributes, which a checkout here does not apply: lines that end with CR LF would be changes that
 * nobody made.
 */
void git_settle_index(git_repository *repository);

/* Whether it takes a transfer: the job must be allowed to start the git program. */
bool git_clone_fetches(const struct git_clone *clone);

/* The same as a job (git_job.h): `input` is a struct git_clone, the result {"commit": "…", "pointers": n,
 * "firstPointer": "…", "submodules": n, "firstSubmodule": "…"}. */
bool git_clone_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err);
