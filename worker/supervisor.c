#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caps.h"
#include "clock.h"
#include "database.h"
#include "gate_credential.h"
#include "processes.h"
#include "session_run.h"
#include "session_status.h"

enum { TERM_GRACE_MS = 8000, EXIT_ENDED = 0, EXIT_LEFT = 1, RELEASE_LEASE_S = 1 };

void supervisor_log(const struct worker *worker, enum log_level level, const struct session_row *row, const struct error *error,
                    const char *message)
{
	json_t *fields = json_object();

	if (row)
		json_object_update_new(fields, json_pack("{s:s, s:s, s:s, s:I}", "session", row->name, "project", row->project,
		                                         "sessionId", row->id, "attempt", (json_int_t)row->attempt));
	if (error && error->code != ERR_NONE)
		json_object_update_new(fields, json_pack("{s:s, s:s, s:s}", "code", error_name(error->code), "error",
		                                         error->message, "detail", error->detail));
	log_event(&worker->logger, level, NULL, message, fields);
}

bool supervisor_claim(const struct worker *worker, struct session_store store, const char *only_id, struct session_row *ret,
                      struct secret *ret_credential, bool *ret_found, struct error *err)
{
	char hash[GATE_HASH_SIZE];

	gate_credential_make(ret_credential);
	gate_credential_digest(ret_credential, hash);
	return store.ops->claim(store.state, worker->name, only_id, LEASE_S, hash, ret, ret_found, err);
}

/*
 * The session's process. The parent's database handle is not used here and its descriptors are closed before another is opened:
 * SQLite's locks belong to the process and would go with any of them.
 */
static NORETURN void run_child(struct worker *worker, const struct session_row *row, const struct secret *credential, pid_t parent)
{
	CLEANUP(database_freep) struct database *database = NULL;
	const struct database_options options = {
	        .path = settings_get(worker->settings, DATABASE), .connections = 1, .busy_timeout_ms = 10000};
	struct error err = ERROR_INIT;

	setpgid(0, 0);
	process_begin_child(parent, NULL, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	processes_adopt_orphans();
	int interrupt = interrupt_open();
	if (interrupt < 0 || !database_open(&options, &database, &err)) {
		supervisor_log(worker, LOG_ERROR, row, &err, "The session's process could not start");
		_exit(EXIT_LEFT);
	}
	bool ended = session_run(worker, database_sessions(database), row, credential, interrupt);
	database_freep(&database);
	_exit(ended ? EXIT_ENDED : EXIT_LEFT);
}

bool supervisor_start(struct worker *worker, struct supervised *s, struct session_row *row, const struct secret *credential,
                      struct error *err)
{
	int64_t now = clock_monotonic_ms();
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		run_child(worker, row, credential, parent);
	if (pid < 0) {
		error_set(err, ERR_INTERNAL, "The session's process cannot be started.");
		return error_detail(err, "fork: %s", strerror(errno));
	}
	*s = (struct supervised){
	        .pid = pid,
	        .row = *row,
	        .renew_at_ms = now + RENEW_EVERY_MS,
	        .overdue_at_ms = now + settings_number(worker->settings, AGENT_TIMEOUT) * 1000 + SESSION_MARGIN_MS,
	};
	*row = (struct session_row)SESSION_ROW_INIT;
	return true;
}

void supervisor_end(struct supervised *s, enum supervised_why why)
{
	if (s->kill_at_ms == 0) {
		s->why = why;
		s->kill_at_ms = clock_monotonic_ms() + TERM_GRACE_MS;
		kill(s->pid, SIGTERM);
	}
}

static void renew(const struct worker *worker, struct session_store store, struct supervised *s, int64_t now_ms)
{
	struct error err = ERROR_INIT;
	bool stop = false, push = false;

	s->renew_at_ms = now_ms + RENEW_EVERY_MS;
	if (store.ops->renew(store.state, s->row.id, s->row.attempt, LEASE_S, &stop, &push, &err)) {
		if (stop)
			supervisor_end(s, WHY_STOPPED);
		return;
	}
	if (err.code == ERR_SESSION_LOST) {
		/* Either the session has ended and its process is about to, or another worker has it. */
		supervisor_end(s, WHY_LOST);
		return;
	}
	supervisor_log(worker, LOG_WARNING, &s->row, &err, "The lease could not be renewed");
	s->renew_at_ms = now_ms + 1000;
}

/* Between two renewals a cheap look tells whether a stop was asked for. */
static void look(struct session_store store, struct supervised *s, int64_t now_ms)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;

	s->look_at_ms = now_ms + LOOK_EVERY_MS;
	if (store.ops->find_by_id(store.state, s->row.id, &row, NULL) && row.stop_requested)
		supervisor_end(s, WHY_STOPPED);
}

void supervisor_beat(const struct worker *worker, struct session_store store, struct supervised *s)
{
	int64_t now = clock_monotonic_ms();

	if (s->kill_at_ms && now >= s->kill_at_ms)
		kill(s->pid, SIGKILL);
	else if (s->kill_at_ms == 0 && now >= s->overdue_at_ms)
		supervisor_end(s, WHY_OVERDUE);
	else if (s->why != WHY_LOST && s->why != WHY_STOPPED && now >= s->renew_at_ms)
		renew(worker, store, s, now);
	else if (s->kill_at_ms == 0 && now >= s->look_at_ms)
		look(store, s, now);
}

/* Its removal was asked for: nothing of it stays. */
static void forget(const struct worker *worker, struct session_store store, const struct session_row *row)
{
	CLEANUP(workspace_release) struct workspace workspace = WORKSPACE_INIT;
	struct error err = ERROR_INIT;

	if (!workspace_locate(settings_get(worker->settings, WORKSPACES), row->id, &workspace, &err) ||
	    !workspace_remove(&workspace, &err))
		supervisor_log(worker, LOG_WARNING, row, &err, "The workspace of a stopped session could not be removed");
	if (store.ops->forget(store.state, row->id, row->attempt, &err))
		supervisor_log(worker, LOG_INFO, row, NULL, "Session stopped and removed");
	else
		supervisor_log(worker, LOG_WARNING, row, &err, "A stopped session could not be forgotten");
}

static void save_end(const struct worker *worker, struct session_store store, const struct session_row *row,
                     enum session_phase phase, const struct error *failure)
{
	CLEANUP(session_row_release) struct session_row stored = SESSION_ROW_INIT;
	CLEANUP(strbuf_release) struct strbuf status = STRBUF_INIT(LIMIT_ANSWER);
	struct error err = ERROR_INIT;

	bool found = store.ops->find_by_id(store.state, row->id, &stored, &err);
	session_status_end_stored(found ? stored.status : NULL, phase, failure, clock_now_s(), &status);
	if (found && store.ops->save_status(store.state, row->id, row->attempt, phase, status.data, &err))
		supervisor_log(worker, LOG_WARNING, row, failure, "Session ended by its worker");
	else
		supervisor_log(worker, LOG_WARNING, row, &err, "The end of the session could not be written");
}

/* A short last lease, so that the next worker need not wait for the long one to run out. */
static void release(const struct worker *worker, struct session_store store, const struct session_row *row)
{
	struct error err = ERROR_INIT;
	bool stop = false, push = false;

	if (!store.ops->renew(store.state, row->id, row->attempt, RELEASE_LEASE_S, &stop, &push, &err))
		supervisor_log(worker, LOG_WARNING, row, &err, "The session could not be released");
	else if (stop)
		forget(worker, store, row);
	else
		supervisor_log(worker, LOG_INFO, row, NULL, "Session released for another worker");
}

static void conclude(const struct worker *worker, struct session_store store, const struct supervised *s, int status)
{
	bool ended = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_ENDED;
	bool left = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_LEFT;
	struct error failure = ERROR_INIT;

	if (s->why == WHY_STOPPED) {
		forget(worker, store, &s->row);
	} else if (ended || s->why == WHY_LOST) {
		return;
	} else if (s->why == WHY_OVERDUE) {
		error_set(&failure, ERR_AGENT_TIMEOUT, "The session took too long and was ended.");
		save_end(worker, store, &s->row, PHASE_FAILED, &failure);
	} else if (s->why == WHY_INTERRUPTED) {
		error_set(&failure, ERR_SESSION_ENDED, "The session was interrupted.");
		save_end(worker, store, &s->row, PHASE_STOPPED, &failure);
	} else if (s->why == WHY_NONE && !left && s->row.attempt >= ATTEMPTS_MAX) {
		error_set(&failure, ERR_INTERNAL, "The session's worker died %d times.", ATTEMPTS_MAX);
		error_detail(&failure, "wait status 0x%x", (unsigned)status);
		save_end(worker, store, &s->row, PHASE_FAILED, &failure);
	} else {
		release(worker, store, &s->row);
	}
}

bool supervisor_reap(const struct worker *worker, struct session_store store, struct supervised *s, const pid_t *others,
                     size_t other_count)
{
	int status = 0;

	if (waitpid(s->pid, &status, WNOHANG) != s->pid)
		return false;
	processes_end_children(others, other_count); /* what a killed session left came to us */
	conclude(worker, store, s, status);
	session_row_release(&s->row);
	*s = (struct supervised){0};
	return true;
}
