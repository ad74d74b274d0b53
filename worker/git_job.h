#pragma once
/*
 * git_job — one git operation in a process of its own: confined to the session's folder and to the gate's port, with limits on
 * time, memory and files, and killed when it takes too long. libgit2 has no time limits and reads what strangers and agents wrote;
 * whatever goes wrong in there ends this process and nothing else.
 */
#include "json.h"

struct git_job_report; /* the job's way to its caller */

struct git_job {
	/* Runs in the child. Gives the result as JSON, or an error. */
	bool (*work)(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err);
	const void *input;
	const char *writable;      /* the only folder it may see */
	const char *const *hidden; /* as sandbox.h; may be NULL */
	unsigned gate_port;        /* the only TCP port it may connect to; 0: any */
	bool unconfined_allowed;
	int64_t limit_ms;
	int interrupt_fd; /* processes.h; -1: none */

	/* In the caller, whenever the job reports progress (borrowed). May be NULL. */
	void (*on_progress)(void *context, const json_t *progress);
	void *context;
};

/*
 * Runs it and waits. *ret_result: caller decrefs. Besides the job's own errors: ERR_GIT_STALLED (limit), ERR_GIT_FAILED (it died),
 * ERR_SESSION_LOST (interrupted).
 */
bool git_job_run(const struct git_job *job, json_t **ret_result, struct error *err) MUST_CHECK;

/* In the job: tells how far it is. At most every 100 ms unless `last`; false: the caller is gone, stop. */
bool git_job_progress(struct git_job_report *report, const char *stage, int64_t done, int64_t total, int64_t bytes, bool last);
