#pragma once
/*
 * git_pushed — whether a branch at the remote has what a session's agent or pod pushed to it without the worker, and what that
 * changed. Brings the branch's commits into the workspace, where they are needed for that; changes neither its branches nor its
 * files. The workspace must have been tamed, as git_commit does.
 */
#include "git_job.h"
#include "git_library.h"

struct git_pushed {
	struct git_gate gate;
	const char *path; /* the working copy */
	const char *branch;
	const char *start_commit; /* "": the repository was empty */
	char *const *sent;        /* commits that were sent to the branch, the newest first */
	size_t sent_count;
};

/*
 * The job's result: {"commit"?: where the branch is, "arrived": bool, "sent"?: the newest of `sent` that it has, "ciPaths"?,
 * "ciCount"?: as git_ci_changes}. Without "commit" there is no such branch. ERR_GIT_FAILED: the remote cannot be asked (the gate
 * knows more); ERR_WORKSPACE_FAILED.
 */
bool git_pushed_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err);
