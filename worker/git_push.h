#pragma once
/*
 * git_push — sends one branch through the gate, never forced, and believes nothing but the remote: libgit2 reports success when the
 * server refused the ref, so the ref's own status must have come, and afterwards the remote must name our commit.
 */
#include "git_job.h"
#include "git_library.h"
#include "provider.h"

struct git_push {
	struct git_gate gate;
	const char *path; /* the working copy */
	const char *branch;
	const char *commit;       /* what refs/heads/<branch> must be at the remote in the end */
	const char *web_url;      /* for recognising the merge-request address; may be NULL */
	const char *project_path; /* for messages; may be NULL */
	enum provider provider;   /* whose words a refusal is in */
};

/*
 * *ret_merge_request_url (caller frees) may be NULL. Errors: those of the forge's classify_push when the remote refused the ref,
 * ERR_PUSH_NOT_FAST_FORWARD, ERR_PUSH_UNCONFIRMED, ERR_PUSH_INTERRUPTED (the gate may know more), ERR_GIT_FAILED (it knows).
 */
bool git_push_branch(const struct git_push *push, struct git_job_report *report, char **ret_merge_request_url,
                     struct error *err) MUST_CHECK;

/* The same as a job: the result is {"mergeRequestUrl": "…"?}. */
bool git_push_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err);
