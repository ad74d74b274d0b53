#pragma once
/*
 * session_run — one claimed session from its pre-flight to its end, in a process of its own. The steps are in step_*.c; each
 * returns false only when the session as a whole cannot go on, and records what happens to a single repository in the repository.
 *
 * ERR_SESSION_LOST ends it without a word in the store: another worker has it, or it is to be stopped.
 */
#include "gate_client.h"
#include "git_job.h"
#include "session_status.h"
#include "session_store.h"
#include "worker.h"
#include "workspace.h"

struct session_run {
	const struct worker *worker;
	struct session_store store;
	const struct session_row *row;
	const struct secret *credential;
	int interrupt_fd;

	struct session_spec spec;
	struct gate_client gate;
	struct workspace workspace;
	struct repositories repositories;
	struct session_status status;
	json_t *record; /* of an earlier worker's finished agent; NULL: start from the beginning. Owned */
	int64_t last_save_ms;
	bool lost; /* a write told that the lease is gone */
};

/* True: it has ended, whatever its phase, and the store knows. False: interrupted or lost. */
bool session_run(const struct worker *worker, struct session_store store, const struct session_row *row,
                 const struct secret *credential, int interrupt_fd) MUST_CHECK;

/* The steps, in their order. */
bool step_preflight(struct session_run *run, struct error *err) MUST_CHECK;
bool step_clone(struct session_run *run, struct error *err) MUST_CHECK;
bool step_agent(struct session_run *run, struct error *err) MUST_CHECK;
bool step_push(struct session_run *run, struct error *err) MUST_CHECK;

/* For the steps: a new phase, written at once. ERR_SESSION_LOST. */
bool session_enter(struct session_run *run, enum session_phase phase, const char *message, struct error *err) MUST_CHECK;
/* Writes the status, at most twice a second unless `now`. ERR_SESSION_LOST; a store that is busy is asked again later. */
bool session_save(struct session_run *run, bool now, struct error *err) MUST_CHECK;
/* A log line with the session's and, unless NULL, the repository's name. */
void session_log(const struct session_run *run, enum log_level level, const struct repository *repository,
                 const struct error *error, const char *format, ...) PRINTF_LIKE(5, 6);
/* Runs a git job for this repository with the session's limits, showing its progress. As git_job_run; ERR_GIT_FAILED is explained
 * by the gate. */
bool session_git(struct session_run *run, struct repository *repository,
                 bool (*work)(const void *, struct git_job_report *, json_t **, struct error *), const void *input,
                 const char *operation, json_t **ret_result, struct error *err) MUST_CHECK;
