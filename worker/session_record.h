#pragma once
/*
 * session_record — what a session's worker writes beside the workspace, for whoever takes the session up after it:
 *
 *   {"waiting": true | false, "agentRan": true | false, "exitCode": 0, "output": "…",
 *    "repositories": {"<name>": {"start": "<commit>", "mirror": "<folder of objects>", "warnings": […]}
 *                             | {"error": {"code": "…", "message": "…", "remediation": "…"}}},
 *    "preflight": {"repositories": […]}, "waitUntil": <unix seconds>}
 *
 * "output", "mirror" and "warnings" are left out where there are none, the last line where nothing is waited for. A session without
 * a record starts from the beginning. Where it lies, and that no agent reaches it, is the workspace's business (workspace.h).
 */
#include "session_run.h"

/* Writes it anew, with the run as it is. `waiting`: for git/push. ERR_WORKSPACE_FAILED. */
bool session_record_write(struct session_run *run, bool waiting, struct error *err) MUST_CHECK;
/* The same where there is one already, for the repositories' sake. ERR_WORKSPACE_FAILED. */
bool session_record_update(struct session_run *run, struct error *err) MUST_CHECK;

/* What an earlier worker's record, run->record, says. NULL says nothing of all this. */
bool session_record_waits(const json_t *record);
bool session_record_has_preflight(const json_t *record);
/* Until when it waits, unix seconds. */
int64_t session_record_wait_until(const json_t *record, int64_t otherwise_s);
/* Whether the repository was cloned: a commit of its is where the work started. */
bool session_record_has_started(const json_t *record, const char *repository);

/* The run takes over what run->record says. Of the repositories as the gate described them: they may all have been taken out.
 * Errors as repositories_from_preflight. */
bool session_record_take_preflight(struct session_run *run, struct error *err) MUST_CHECK;
/* Of each repository where it started, or why it never got that far. */
void session_record_take_repositories(struct session_run *run);
/* Of the agent that has finished. */
void session_record_take_agent(struct session_run *run);
