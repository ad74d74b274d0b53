#include "session_run.h"

#include <stdarg.h>

#include "agent.h"
#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "outcome_pace.h"
#include "processes.h"
#include "session_record.h"
#include "session_service.h"

enum { SAVE_EVERY_MS = 500, FINAL_TRIES = 15, PAUSE_MS = 1000 };

void session_log(const struct session_run *run, enum log_level level, const struct repository *repository,
                 const struct error *error, const char *format, ...)
{
	CLEANUP(strbuf_release) struct strbuf message = STRBUF_INIT(LIMIT_LOG_LINE / 2);
	json_t *fields = json_pack("{s:s, s:s, s:s, s:I}", "session", run->row->name, "project", run->row->project, "sessionId",
	                           run->row->id, "attempt", (json_int_t)run->row->attempt);
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&message, format, args);
	va_end(args);
	if (repository)
		json_object_set_new(fields, "repository", json_string(repository->name));
	if (error) {
		json_object_set_new(fields, "code", json_string(error_name(error->code)));
		json_object_set_new(fields, "error", json_string(error->message));
		if (error->detail[0])
			json_object_set_new(fields, "detail", json_string(error->detail));
	}
	log_event(&run->worker->logger, level, NULL, message.data, fields);
}

bool session_save(struct session_run *run, bool now, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_ANSWER);
	struct error failure = ERROR_INIT;
	int64_t at = clock_monotonic_ms();

	if (run->lost)
		return error_set(err, ERR_SESSION_LOST, "The session's lease is gone.");
	if (!now && at - run->last_save_ms < SAVE_EVERY_MS)
		return true;
	run->last_save_ms = at;
	session_status_write(&run->status, &text);
	if (run->store.ops->save_status(run->store.state, run->row->id, run->row->attempt, run->status.phase, text.data, NULL,
	                                &failure))
		return true;
	if (failure.code == ERR_SESSION_LOST) {
		run->lost = true;
		if (err)
			*err = failure;
		return false;
	}
	session_log(run, LOG_WARNING, NULL, &failure, "The status could not be written");
	return true;
}

bool session_enter(struct session_run *run, enum session_phase phase, const char *message, struct error *err)
{
	run->status.phase = phase;
	snprintf(run->status.message, sizeof(run->status.message), "%s", message);
	session_log(run, LOG_INFO, NULL, NULL, "%s", message);
	progress_line(run->worker->progress, "%s", message);
	if (interrupt_pending(run->interrupt_fd))
		return error_set(err, ERR_SESSION_LOST, "The session was interrupted.");
	return session_save(run, true, err);
}

bool session_pause(const struct session_run *run, const struct repository *repository, const char *message, struct error *err)
{
	session_log(run, LOG_WARNING, repository, err, "%s", message);
	return interrupt_sleep(run->interrupt_fd, PAUSE_MS) || error_set(err, ERR_SESSION_LOST, "The session was interrupted.");
}

bool session_gate_will_answer(const struct error *err)
{
	return error_status(err->code) == 503 || error_status(err->code) == 504;
}

/* Which repository a git job's progress is about. */
struct watched_repository {
	struct session_run *run;
	struct repository *repository;
};

static void on_progress(void *context, const json_t *progress)
{
	struct watched_repository *w = context;
	struct repository_progress *state = &w->repository->progress;

	snprintf(state->stage, sizeof(state->stage), "%s", json_string_or(progress, "stage", ""));
	state->done = json_int_or(progress, "done", 0);
	state->total = json_int_or(progress, "total", 0);
	state->bytes = json_int_or(progress, "bytes", 0);
	progress_bar(w->run->worker->progress, w->repository->name, state);
	if (!session_save(w->run, false, NULL))
		return; /* remembered in run->lost */
}

/* An agent is looked after, however long a clone beside it takes. */
static bool goes_on(void *context)
{
	const struct watched_repository *w = context;

	return !w->run->agent || agent_goes_on(w->run->agent);
}

bool session_job_run(struct session_run *run, struct repository *repository, const struct session_job *what, json_t **ret_result,
                     struct error *err)
{
	static const char *const programs[] = {"/usr/bin/git", NULL};
	const char *const objects[] = {repository->mirror, NULL};
	struct watched_repository watched = {.run = run, .repository = repository};
	int64_t since_s = clock_now_s() - OUTCOME_REPEAT_S; /* the gate does not write the same again and again */
	const struct git_job job = {
	        .work = what->work,
	        .input = what->input,
	        .writable = what->writable ? what->writable : run->workspace.path,
	        .objects = objects,
	        .programs = what->runs_git ? programs : NULL,
	        .hidden = run->worker->hidden,
	        .gate_port = run->gate.port,
	        .gate_has_name = run->gate.has_name,
	        .unconfined_allowed = settings_switch(run->worker->settings, AGENT_UNCONFINED),
	        .limit_ms = GIT_LIMIT_MS,
	        .interrupt_fd = run->interrupt_fd,
	        .on_progress = on_progress,
	        .goes_on = goes_on,
	        .context = &watched,
	};
	bool ok = git_job_run(&job, ret_result, err);

	repository->progress = (struct repository_progress){0};
	if (!ok && (err->code == ERR_GIT_FAILED || err->code == ERR_PUSH_INTERRUPTED))
		gate_client_explain(&run->gate, repository->name, what->operation, since_s, err);
	return ok;
}

bool session_git(struct session_run *run, struct repository *repository,
                 bool (*work)(const void *, struct git_job_report *, json_t **, struct error *), const void *input,
                 const char *operation, json_t **ret_result, struct error *err)
{
	const struct session_job job = {.work = work, .input = input, .operation = operation};

	return session_job_run(run, repository, &job, ret_result, err);
}

static bool prepare(struct session_run *run, struct error *err)
{
	const struct settings *settings = run->worker->settings;

	if (!session_row_spec(run->row, &run->spec, err) ||
	    !workspace_locate(settings_get(settings, WORKSPACES), run->row->id, &run->workspace, err) ||
	    !gate_client_open(settings_get(settings, GATE_URL), run->row->id, run->credential, &run->gate, err))
		return false;
	session_status_resume(&run->status, run->row->status);
	run->record = workspace_read_record(&run->workspace);
	if (run->row->has_rested && !run->record)
		return error_set(err, ERR_WORKSPACE_FAILED, "The workspace in which the session waited is not there any more.");
	run->resumes = run->row->phase == PHASE_RUNNING && session_record_has_preflight(run->record);
	if (run->resumes)
		session_status_go_on(&run->status, run->row->status);
	/* Asked before anything is cloned: a session that cannot be confined would only waste its owner's time. */
	return agent_check(settings_switch(settings, AGENT_UNCONFINED), err);
}

/* Whether finished work lies in the workspace that no remote has. Of an earlier attempt, too: a push that is asked for again may
 * fail in the pre-flight. */
static bool has_unpushed_work(const struct session_run *run)
{
	json_t *record = run->workspace.path ? workspace_read_record(&run->workspace) : NULL;
	bool unpushed = record && run->repositories.count == 0;

	for (size_t i = 0; record && i < run->repositories.count; i++) {
		const struct repository *r = &run->repositories.items[i];
		bool done = r->phase == REPOSITORY_PUSHED || r->phase == REPOSITORY_UNCHANGED;
		bool cloned = session_record_has_started(record, r->name);
		unpushed = unpushed || (cloned && !done && (r->push_branch || r->blocking));
	}
	json_decref(record);
	return unpushed;
}

/* Before the end is written: until then nobody can ask for another push, and afterwards the workspace may go. */
static void keep_work(struct session_run *run)
{
	int64_t until_s = clock_now_s() + settings_number(run->worker->settings, WORKSPACE_KEEP);
	char until[CLOCK_TEXT_SIZE];
	struct error err = ERROR_INIT;

	if (run->status.phase == PHASE_COMPLETED || !has_unpushed_work(run))
		return;
	if (!run->store.ops->keep_work(run->store.state, run->row->id, run->row->attempt, until_s, &err)) {
		session_log(run, LOG_WARNING, NULL, &err, "The session's work could not be kept");
		return;
	}
	clock_format(until_s, until);
	session_status_condition(&run->status, "WorkKept", true, "NotPushed", "Until %s; git/push pushes it again.", until);
}

/* The end must reach the store: everything was done for it. *ret_again: it has not ended, for another push was asked for. */
static bool save_end(struct session_run *run, bool *ret_again)
{
	*ret_again = false;
	for (int tries = 0; tries < FINAL_TRIES; tries++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_ANSWER);
		CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
		struct error err = ERROR_INIT;

		session_status_write(&run->status, &text);
		worker_notice(run->worker, run->row, text.data, &notice);
		if (run->store.ops->save_status(run->store.state, run->row->id, run->row->attempt, run->status.phase, text.data,
		                                notice.body ? &notice : NULL, &err))
			return true;
		if (err.code == ERR_PRECONDITION_FAILED) {
			*ret_again = true;
			return false;
		}
		session_log(run, LOG_WARNING, NULL, &err, "The end of the session could not be written");
		if (err.code == ERR_SESSION_LOST || !interrupt_sleep(run->interrupt_fd, PAUSE_MS))
			return false;
	}
	return false;
}

/* What would be lost by giving up is only a place of this worker. */
static bool rest(struct session_run *run, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_ANSWER);
	struct error failure = ERROR_INIT;

	session_status_write(&run->status, &text);
	while (!run->store.ops->rest(run->store.state, run->row->id, run->row->attempt, run->status.phase, text.data,
	                             run->wait_until_s, run->changes_seen, &failure)) {
		if (failure.code == ERR_SESSION_LOST || !interrupt_sleep(run->interrupt_fd, PAUSE_MS))
			return error_set(err, ERR_SESSION_LOST, "The session could not be given back.");
		session_log(run, LOG_WARNING, NULL, &failure, "The session could not be given back yet");
	}
	session_log(run, LOG_INFO, NULL, NULL, "The session rests until there is something to do");
	return true;
}

/* What the session's end has broken off. */
static void end_unfinished(struct session_run *run, const struct error *why)
{
	for (size_t i = 0; i < run->repositories.count; i++)
		if (run->repositories.items[i].phase == REPOSITORY_CLONING ||
		    run->repositories.items[i].phase == REPOSITORY_PUSHING)
			repository_fail(&run->repositories.items[i], why);
}

static void release(struct session_run *run)
{
	session_spec_release(&run->spec);
	gate_client_release(&run->gate);
	workspace_release(&run->workspace);
	session_status_release(&run->status);
	repositories_release(&run->repositories);
	json_decref(run->record);
	free(run->changes_seen);
}

/* What could not be pushed a moment ago is asked for again with the rest. */
static void readmit_failed(struct session_run *run)
{
	json_t *record = workspace_read_record(&run->workspace);

	for (size_t i = 0; i < run->repositories.count; i++) {
		struct repository *r = &run->repositories.items[i];
		if (r->phase != REPOSITORY_FAILED || r->blocking || !session_record_has_started(record, r->name))
			continue;
		repository_readmit(r);
		r->phase = REPOSITORY_READY;
	}
	json_decref(record);
}

/* Pushes once more what its owner asked for while it pushed. False: it is left. */
static bool finish(struct session_run *run, bool ok, struct error *err)
{
	for (;;) {
		bool again;
		if (!ok && err->code == ERR_SESSION_LOST) {
			session_log(run, LOG_WARNING, NULL, err, "The session is left");
			return false;
		}
		if (!ok)
			end_unfinished(run, err);
		session_status_finish(&run->status, ok ? NULL : err, clock_now_s());
		keep_work(run);
		if (save_end(run, &again)) {
			session_log(run, run->status.phase == PHASE_COMPLETED ? LOG_INFO : LOG_WARNING, NULL, ok ? NULL : err,
			            "Session ended: %s", session_phase_name(run->status.phase));
			return true;
		}
		if (!again)
			return false;
		session_log(run, LOG_INFO, NULL, NULL, "Another push was asked for during the last one");
		session_status_reopen(&run->status);
		readmit_failed(run);
		ok = step_push(run, err);
		processes_end_children(NULL, 0);
	}
}

bool session_run(const struct worker *worker, struct session_store store, const struct session_row *row,
                 const struct secret *credential, int interrupt_fd)
{
	struct error err = ERROR_INIT;
	CLEANUP(release)
	struct session_run run = {
	        .worker = worker, .store = store, .row = row, .credential = credential, .interrupt_fd = interrupt_fd};

	run.status.repositories = &run.repositories;
	bool ok = prepare(&run, &err) && step_preflight(&run, &err) && step_clone(&run, &err) && step_agent(&run, &err) &&
	          (run.rests ? rest(&run, &err) : step_push(&run, &err));
	processes_end_children(NULL, 0);
	return (ok && run.rests) || finish(&run, ok, &err);
}
