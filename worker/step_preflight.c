/*
 * step_preflight — asks the gate about every repository before anything is cloned; the gate binds each to its connection and
 * project. What it said holds for as long as the session waits.
 */
#include "session_record.h"

#include "processes.h"

enum { TRIES = 5, PAUSE_MS = 1000 };

/* A web server that restarts is no reason to fail a session. */
static bool ask_gate(const struct session_run *run, json_t **ret_answer, struct error *err)
{
	for (int tries = 1;; tries++) {
		if (gate_client_preflight(&run->gate, ret_answer, err))
			return true;
		bool again = error_status(err->code) == 503 || error_status(err->code) == 504;
		if (!again || tries == TRIES)
			return false;
		session_log(run, LOG_WARNING, NULL, err, "The pre-flight is tried again");
		if (!interrupt_sleep(run->interrupt_fd, PAUSE_MS))
			return error_set(err, ERR_SESSION_LOST, "The session was interrupted.");
	}
}

static bool judge(struct session_run *run, struct error *err)
{
	const struct repository *blocking = NULL;

	for (size_t i = 0; i < run->repositories.count; i++) {
		const struct repository *r = &run->repositories.items[i];
		if (r->blocking)
			session_log(run, LOG_WARNING, r, &r->error, "Pre-flight refused the repository");
		if (r->blocking && !blocking)
			blocking = r;
	}
	session_status_condition(&run->status, "PreflightPassed", !blocking,
	                         blocking ? "RepositoryRefused" : "AllRepositoriesUsable", "%s",
	                         blocking ? blocking->error.message : "");
	if (blocking)
		*err = blocking->error;
	return !blocking;
}

bool step_preflight(struct session_run *run, struct error *err)
{
	json_t *answer = NULL;

	if (run->resumes)
		return session_record_take_preflight(run, err);
	if (!session_enter(run, PHASE_PREFLIGHT, "Checking the repositories.", err) || !ask_gate(run, &answer, err))
		return false;
	bool ok = repositories_from_preflight(answer, &run->repositories, err);
	json_decref(answer);
	return ok && judge(run, err);
}
