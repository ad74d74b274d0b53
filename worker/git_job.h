#pragma once
/*
 * git_job — one git operation in a process of its own: confined to the session's folder and to the gate's port (Landlock), to the
 * system calls of git (seccomp), without privileges, with limits on time, memory, files and processes, and killed when it takes too
 * long. libgit2 has no time limits and reads what strangers and agents wrote; whatever goes wrong in there ends this process and
 * nothing else.
 *
 * A kernel that lacks one of these gets no job at all. `unconfined_allowed` makes up for Landlock alone, where it is missing or too
 * old for the port; system calls, privileges and limits are never given up.
 */
#include "json.h"

struct git_job_report; /* the job's way to its caller */

struct git_job {
	/* Runs in the child. Gives the result as JSON, or an error. */
	bool (*work)(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err);
	const void *input;
	const char *writable;        /* the only folder it may change */
	const char *const *objects;  /* folders of objects that it may read besides; NULL: none */
	const char *const *hidden;   /* as sandbox.h; may be NULL */
	const char *const *programs; /* files it may execute, besides what lies below /usr/lib; NULL: it starts no program */
	unsigned gate_port;          /* the only TCP port it may connect to; 0: any */
	bool gate_has_name;          /* and not an address: the job may send datagrams to ask for it, and the port is TCP's alone */
	bool unconfined_allowed;
	int64_t limit_ms;
	int interrupt_fd; /* processes.h; -1: none */

	/* In the caller, whenever the job reports progress (borrowed). May be NULL. */
	void (*on_progress)(void *context, const json_t *progress);
	/* In the caller, a few times a second, whatever the job does. False: the job is interrupted. NULL: nobody asks. */
	bool (*goes_on)(void *context);
	void *context;
};

/*
 * Runs it and waits. *ret_result: caller decrefs. Besides the job's own errors: ERR_GIT_STALLED (limit), ERR_GIT_FAILED (it died,
 * or did what git never does), ERR_AGENT_UNCONFINED (this kernel cannot confine it), ERR_SESSION_LOST (interrupted).
 */
bool git_job_run(const struct git_job *job, json_t **ret_result, struct error *err) MUST_CHECK;

/* In the job: tells how far it is. At most every 100 ms unless `last`; false: the caller is gone, stop. */
bool git_job_progress(struct git_job_report *report, const char *stage, int64_t done, int64_t total, int64_t bytes, bool last);
