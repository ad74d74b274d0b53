/*
 * step_agent — lets the agent work, or waits for git/push where the agent runs elsewhere; then records that this part is over, so
 * that a worker that takes the session over goes on from here. A session that waits rests where its worker has others to do.
 */
#include "agent.h"
#include "agent_environment.h"
#include "session_record.h"

#include "alloc.h"
#include "clock.h"
#include "processes.h"

/* Of a session that ends here, in a sentence: what of its agent's work is at the remotes. */
static const char *tell_pushed(struct session_run *run)
{
	static const char *const sentences[] = {
	        [PUSHED_NOTHING] = "Nothing was pushed.",
	        [PUSHED_UNKNOWN] = "What it sent by itself was not found at the tip of its branch; nothing else was pushed.",
	        [PUSHED_THERE] = "Nothing but what it pushed by itself was pushed.",
	};
	enum session_pushed most = PUSHED_NOTHING;

	for (size_t i = 0; i < run->repositories.count; i++) {
		struct repository *r = &run->repositories.items[i];
		enum session_pushed pushed = r->phase == REPOSITORY_FAILED ? PUSHED_NOTHING : session_tell_pushed(run, r);
		most = pushed > most ? pushed : most;
	}
	return sentences[most];
}

static void not_measured(const char *pushed, struct error *err)
{
	error_set(err, ERR_AGENT_FAILED,
	          "What the agent took of the machine could not be measured: the measurement was ended or held up. %s", pushed);
	error_remedy(err, "See that the agent leaves processes alone that are not its own, and starts fewer at once.");
}

/* The agent's end, as an error of the session; true when it ended well. */
static bool judge(struct session_run *run, const struct agent_result *result, struct error *err)
{
	long long seconds = (long long)settings_number(run->worker->settings, AGENT_TIMEOUT);

	if (result->interrupted)
		return error_set(err, ERR_SESSION_LOST, "The session was interrupted.");
	bool ok = !result->timed_out && result->usage == USAGE_FINE && result->exit_code == 0;
	const char *pushed = ok ? "" : tell_pushed(run);
	if (result->usage == USAGE_FOLDER_TOO_LARGE)
		error_set(err, ERR_AGENT_TOO_LARGE, "The agent's workspace grew beyond %lld MiB. %s",
		          (long long)settings_number(run->worker->settings, WORKSPACE_MAX), pushed);
	else if (result->usage == USAGE_MEMORY_TOO_LARGE)
		error_set(err, ERR_AGENT_TOO_LARGE, "The agent took more than %lld MiB of memory. %s",
		          (long long)settings_number(run->worker->settings, AGENT_MEMORY_MAX), pushed);
	else if (result->usage == USAGE_NOT_MEASURED)
		not_measured(pushed, err);
	else if (result->timed_out)
		error_set(err, ERR_AGENT_TIMEOUT, "The agent did not finish within %lld seconds. %s", seconds, pushed);
	else if (result->exit_code != 0)
		error_set(err, ERR_AGENT_FAILED, "The agent failed with exit status %d. %s", result->exit_code, pushed);
	session_status_condition(&run->status, "AgentFinished", ok,
	                         result->timed_out                     ? "TimedOut"
	                         : result->usage == USAGE_NOT_MEASURED ? "NotMeasured"
	                         : result->usage != USAGE_FINE         ? "TooLarge"
	                         : ok                                  ? "Succeeded"
	                                                               : "Failed",
	                         "Exit status %d", result->exit_code);
	session_log(run, ok ? LOG_INFO : LOG_WARNING, NULL, ok ? NULL : err, "Agent ended with exit status %d", result->exit_code);
	return ok;
}

/* A lost session is noticed by those who end it. */
static void follow(void *context, struct agent_watch *watch)
{
	struct session_run *run = context;
	struct error ignored = ERROR_INIT;
	bool changed = false;

	run->agent = watch;
	bool alive = session_follow(run, true, &changed, &ignored);
	run->agent = NULL;

	(void)alive;
}

static bool run_agent(struct session_run *run, struct error *err)
{
	const struct settings *settings = run->worker->settings;
	CLEANUP(agent_environment_release) struct agent_environment environment = AGENT_ENVIRONMENT_INIT;
	CLEANUP(agent_result_release) struct agent_result result = AGENT_RESULT_INIT;

	if (!agent_environment_make(&run->workspace, &run->spec, &run->gate, &run->repositories, &environment, err))
		return false;
	CLEANUP(freep) const char **objects = xcalloc(run->repositories.count + 1, sizeof(*objects));
	for (size_t i = 0, count = 0; i < run->repositories.count; i++)
		if (run->repositories.items[i].mirror)
			objects[count++] = run->repositories.items[i].mirror;
	const struct agent agent = {
	        .command = settings_get(settings, AGENT_COMMAND),
	        .workspace = &run->workspace,
	        .environment = (const char *const *)environment.variables,
	        .objects = objects,
	        .hidden = run->worker->hidden,
	        .credential = run->credential,
	        .unconfined_allowed = settings_switch(settings, AGENT_UNCONFINED),
	        .timeout_ms = settings_number(settings, AGENT_TIMEOUT) * 1000,
	        .workspace_max_mib = settings_number(settings, WORKSPACE_MAX),
	        .memory_max_mib = settings_number(settings, AGENT_MEMORY_MAX),
	        .interrupt_fd = run->interrupt_fd,
	        .beat = follow,
	        .context = run,
	};
	if (!agent_run(&agent, &result, err))
		return false;
	run->status.agent_ran = true;
	run->status.agent_exit_code = result.exit_code;
	run->status.agent_output = TAKE(result.output);
	return judge(run, &result, err);
}

/*
 * True: a push was asked for, or run->rests. A store that does not answer is asked again; the lease is the worker's business. To
 * follow may take as long as a clone, so that what is asked for is read afterwards.
 */
static bool wait_for_push(struct session_run *run, struct error *err)
{
	for (;;) {
		CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
		bool changed = false;
		if (!session_follow(run, false, &changed, err) || (changed && !session_record_update(run, err)))
			return false;
		bool found = run->store.ops->find_by_id(run->store.state, run->row->id, &row, NULL);
		if (found && row.attempt != run->row->attempt)
			return error_set(err, ERR_SESSION_LOST, "Another worker has taken the session over.");
		if (found && row.push_requested)
			return true;
		if (found && clock_now_s() >= run->wait_until_s) {
			(void)tell_pushed(run);
			return error_set(err, ERR_AGENT_TIMEOUT, "No push was asked for within %lld seconds.",
			                 (long long)settings_number(run->worker->settings, AGENT_TIMEOUT));
		}
		if (found && run->worker->lets_rest && !row.stop_requested)
			return run->rests = true;
		if ((found && row.stop_requested) || !interrupt_sleep(run->interrupt_fd, POLL_MS))
			return error_set(err, ERR_SESSION_LOST, "The session was interrupted.");
	}
}

/* How long it may wait counts from when it began to, whoever it waited with. What somebody else's agent does in the workspace must
 * not be lost with this worker. */
static bool begin_to_wait(struct session_run *run, struct error *err)
{
	int64_t limit_s = settings_number(run->worker->settings, AGENT_TIMEOUT);

	run->wait_until_s = session_record_wait_until(run->record, clock_now_s() + limit_s);
	return run->resumes || session_record_write(run, true, err);
}

bool step_agent(struct session_run *run, struct error *err)
{
	bool here = *settings_get(run->worker->settings, AGENT_COMMAND) != '\0';

	if (run->record && !session_record_waits(run->record)) {
		session_record_take_agent(run);
		return true;
	}
	/* Who reads that it waits may write into its workspace at once. */
	if (!here && !begin_to_wait(run, err))
		return false;
	if (!session_enter(run, PHASE_RUNNING, here ? "The agent is working." : "Waiting for the agent to ask for a push.", err) ||
	    !(here ? run_agent(run, err) : wait_for_push(run, err)))
		return false;
	return run->rests || session_record_write(run, false, err);
}
