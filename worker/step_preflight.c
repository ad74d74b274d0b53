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

static const struct repository *find_refused(const struct session_run *run, size_t *ret_usable)
{
	const struct repository *first = NULL;

	*ret_usable = 0;
	for (size_t i = 0; i < run->repositories.count; i++) {
		const struct repository *r = &run->repositories.items[i];
		*ret_usable += !r->blocking;
		if (r->blocking && !first)
			first = r;
	}
	return first;
}

/* A branch that was open when the session began may be protected because it was pushed (the first one of an empty repository), and
 * where it started from is of no interest any more. What has become of its commit, the push finds out. */
static bool leaves_it_to_the_push(const struct repository *r)
{
	return r->clone_url && (r->error.code == ERR_BRANCH_PROTECTED || r->error.code == ERR_BRANCH_NOT_FOUND);
}

/* Of a session that has worked, and may have pushed: what is refused now is that repository's misfortune alone. */
static void judge_again(struct session_run *run)
{
	for (size_t i = 0; i < run->repositories.count; i++) {
		struct repository *r = &run->repositories.items[i];
		if (r->blocking && leaves_it_to_the_push(r))
			repository_readmit(r);
		else if (r->blocking)
			session_tell_sent(run, r);
	}
}

static bool judge(struct session_run *run, struct error *err)
{
	size_t usable;

	if (run->record)
		judge_again(run);
	for (size_t i = 0; i < run->repositories.count; i++)
		if (run->repositories.items[i].blocking)
			session_log(run, LOG_WARNING, &run->repositories.items[i], &run->repositories.items[i].error,
			            "Pre-flight refused the repository");
	const struct repository *refused = find_refused(run, &usable);
	session_status_condition(&run->status, "PreflightPassed", !refused, refused ? "RepositoryRefused" : "AllRepositoriesUsable",
	                         "%s", refused ? refused->error.message : "");
	if (!refused || (run->record && usable > 0))
		return true;
	*err = refused->error;
	return false;
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
