/*
 * step_preflight — asks the gate about every repository before anything is cloned; the gate binds each to its connection and
 * project. What it said holds for as long as the session waits.
 */
#include "session_record.h"

enum { TRIES = 5 };

/* A web server that restarts is no reason to fail a session. */
static bool ask_gate(const struct session_run *run, json_t **ret_answer, struct error *err)
{
	for (int tries = 1; !gate_client_preflight(&run->gate, ret_answer, err); tries++)
		if (tries == TRIES || !session_gate_will_answer(err) ||
		    !session_pause(run, NULL, "The pre-flight is tried again", err))
			return false;
	return true;
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
