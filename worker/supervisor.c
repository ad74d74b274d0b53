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

enum {
	TERM_GRACE_MS = 8000,
	RENEWALS_A_LEASE = 4,
	MARGIN_MIN_MS = 1500,
	RELEASE_S = 1,
	EXIT_ENDED = 0,
	EXIT_LEFT = 1,
};

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

void claim_release(struct claim *claim)
{
	session_row_release(&claim->row);
	secret_release(&claim->credential);
}

/* The store counts whole seconds, and ending a process takes a moment: a worker stops that much before its lease does. */
static int64_t safe_until(const struct worker *worker, int64_t asked_at_ms)
{
	int64_t lease_ms = worker->lease_s * 1000, margin_ms = lease_ms / 6;

	return asked_at_ms + lease_ms - (margin_ms < MARGIN_MIN_MS ? MARGIN_MIN_MS : margin_ms);
}

static int64_t renewal_after(const struct worker *worker, int64_t now_ms)
{
	return now_ms + worker->lease_s * 1000 / RENEWALS_A_LEASE;
}

/* An agent that finished has left work; a session that ends without having pushed it keeps it for its owner. */
static void keep_work(const struct worker *worker, struct session_store store, const struct session_row *row)
{
	CLEANUP(workspace_release) struct workspace workspace = WORKSPACE_INIT;
	json_t *record = workspace_locate(settings_get(worker->settings, WORKSPACES), row->id, &workspace, NULL)
	                         ? workspace_read_record(&workspace)
	                         : NULL;
	struct error err = ERROR_INIT;

	if (record && !store.ops->keep_work(store.state, row->id, row->attempt,
	                                    clock_now_s() + settings_number(worker->settings, WORKSPACE_KEEP), &err))
		supervisor_log(worker, LOG_WARNING, row, &err, "The session's work could not be kept");
	json_decref(record);
}

/* {repository: the commit that was sent to its push branch last}. Its worker's, or its agent's: whoever knew more is gone. */
static json_t *sent_by(struct session_store store, const struct session_row *row)
{
	json_t *status = row->status ? json_parse_answer(row->status, strlen(row->status)) : NULL, *sent = json_object(),
	       *repository;
	size_t i;

	json_array_foreach(json_object_get(status, "repositories"), i, repository)
	{
		CLEANUP(id_list_release) struct id_list commits = ID_LIST_INIT;
		const char *name = json_string_or(repository, "name", "");
		if (store.ops->pushes(store.state, row->id, name, &commits, NULL) && commits.count > 0)
			json_object_set_new(sent, name, json_string(commits.items[0]));
	}
	json_decref(status);
	return sent;
}

static void save_end(const struct worker *worker, struct session_store store, const struct session_row *row, bool stopped,
                     const struct error *failure)
{
	CLEANUP(session_row_release) struct session_row stored = SESSION_ROW_INIT;
	CLEANUP(strbuf_release) struct strbuf status = STRBUF_INIT(LIMIT_ANSWER);
	CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
	struct error err = ERROR_INIT;

	bool found = store.ops->find_by_id(store.state, row->id, &stored, &err);
	CLEANUP(json_decrefp) json_t *sent = found ? sent_by(store, &stored) : NULL;
	enum session_phase phase =
	        session_status_end_stored(found ? stored.status : NULL, sent, stopped, failure, clock_now_s(), &status);
	if (phase != PHASE_COMPLETED && phase != PHASE_STOPPED)
		keep_work(worker, store, row);
	worker_notice(worker, row, status.data, &notice);
	if (found &&
	    store.ops->save_status(store.state, row->id, row->attempt, phase, status.data, notice.body ? &notice : NULL, &err))
		supervisor_log(worker, LOG_WARNING, row, failure, "Session ended by its worker");
	else
		supervisor_log(worker, LOG_WARNING, row, &err, "The end of the session could not be written");
}

static void give_up(const struct worker *worker, struct session_store store, const struct session_row *row, const char *detail)
{
	struct error failure = ERROR_INIT;

	error_set(&failure, ERR_INTERNAL, "The session's process or its worker died %lld times.", (long long)worker->attempts);
	error_remedy(&failure,
	             "Ask for less in one session. The worker's log, or the kernel's where memory ran out, has the reason.");
	error_detail(&failure, "%s", detail);
	save_end(worker, store, row, false, &failure);
}

static bool claim_one(const struct worker *worker, struct session_store store, const char *only_id, struct claim *ret,
                      bool *ret_found, struct error *err)
{
	char hash[GATE_HASH_SIZE];

	gate_credential_make(&ret->credential);
	gate_credential_digest(&ret->credential, hash);
	ret->until_ms = safe_until(worker, clock_boot_ms());
	return store.ops->claim(store.state, worker->name, only_id, worker->lease_s, hash, &ret->row, ret_found, err);
}

bool supervisor_claim(const struct worker *worker, struct session_store store, const char *only_id, struct claim *ret,
                      bool *ret_found, struct error *err)
{
	for (;;) {
		if (!claim_one(worker, store, only_id, ret, ret_found, err))
			return false;
		if (!*ret_found || ret->row.tries <= worker->attempts)
			return true;
		give_up(worker, store, &ret->row, "claimed once more");
		claim_release(ret);
	}
}

static bool can_reach(const struct worker *worker, const char *id)
{
	CLEANUP(workspace_release) struct workspace workspace = WORKSPACE_INIT;
	json_t *record = workspace_locate(settings_get(worker->settings, WORKSPACES), id, &workspace, NULL)
	                         ? workspace_read_record(&workspace)
	                         : NULL;
	bool there = record != NULL;

	json_decref(record);
	return there;
}

bool supervisor_claim_rested(const struct worker *worker, struct session_store store, struct claim *ret, bool *ret_found,
                             struct error *err)
{
	CLEANUP(id_list_release) struct id_list ids = ID_LIST_INIT;

	*ret_found = false;
	if (!store.ops->rested(store.state, &ids, err))
		return false;
	for (size_t i = 0; i < ids.count && !*ret_found; i++)
		if (can_reach(worker, ids.items[i]) && !supervisor_claim(worker, store, ids.items[i], ret, ret_found, err))
			return false;
	return true;
}

/* What the session's own process needs. */
struct child {
	struct worker *worker;
	const struct claim *claim;
};

/*
 * The session's process. The worker's database handle is not used here and its descriptors are closed before another is opened:
 * SQLite's locks belong to the process and would go with any of them.
 */
static int run_child(void *context)
{
	const struct child *child = context;
	CLEANUP(database_freep) struct database *database = NULL;
	const struct session_row *row = &child->claim->row;
	const struct database_options options = {
	        .path = settings_get(child->worker->settings, DATABASE), .connections = 1, .busy_timeout_ms = 10000};
	struct error err = ERROR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	processes_adopt_orphans();
	int interrupt = interrupt_open();
	if (interrupt < 0 || !database_open(&options, &database, &err)) {
		supervisor_log(child->worker, LOG_ERROR, row, &err, "The session's process could not start");
		return EXIT_LEFT;
	}
	bool ended = session_run(child->worker, database_sessions(database), row, &child->claim->credential, interrupt);
	return ended ? EXIT_ENDED : EXIT_LEFT;
}

static bool start(struct worker *worker, struct supervised *s, struct claim *claim, struct error *err)
{
	CLEANUP(workspace_release) struct workspace workspace = WORKSPACE_INIT;
	struct child child = {.worker = worker, .claim = claim};
	const struct keeper_work work = {
	        .run = run_child,
	        .context = &child,
	        .workspace = &workspace,
	        .lease_until_ms = claim->until_ms,
	        .isolated = worker->isolates,
	};
	struct keeper keeper;
	int64_t now = clock_monotonic_ms();

	if (!workspace_locate(settings_get(worker->settings, WORKSPACES), claim->row.id, &workspace, err) ||
	    !keeper_start(&work, &keeper, err))
		return false;
	*s = (struct supervised){
	        .keeper = keeper,
	        .row = claim->row,
	        .renew_at_ms = renewal_after(worker, now),
	        .overdue_at_ms = now + settings_number(worker->settings, AGENT_TIMEOUT) * 1000 + SESSION_MARGIN_MS,
	};
	claim->row = (struct session_row)SESSION_ROW_INIT;
	return true;
}

bool supervisor_start(struct worker *worker, struct session_store store, struct supervised *s, struct claim *claim,
                      struct error *err)
{
	struct error ignored = ERROR_INIT;
	bool stop = false;

	if (start(worker, s, claim, err))
		return true;
	/* Not soon: what is missing here is missing for the next one, too. */
	if (!store.ops->give_back(store.state, claim->row.id, claim->row.attempt, worker->lease_s, true, &stop, &ignored))
		supervisor_log(worker, LOG_WARNING, &claim->row, &ignored, "The session could not be released");
	return false;
}

bool supervisor_is_last_try(const struct worker *worker, const struct supervised *s)
{
	return s->keeper.pid && s->row.tries > 1 && s->row.tries >= worker->attempts;
}

void supervisor_end(struct supervised *s, enum supervised_why why)
{
	if (s->kill_at_ms == 0) {
		s->why = why;
		s->kill_at_ms = clock_monotonic_ms() + TERM_GRACE_MS;
		keeper_ask(&s->keeper);
	}
}

static void renew(const struct worker *worker, struct session_store store, struct supervised *s, int64_t now_ms)
{
	struct error err = ERROR_INIT;
	int64_t until_ms = safe_until(worker, clock_boot_ms());
	bool stop = false, push = false;

	s->renew_at_ms = renewal_after(worker, now_ms);
	if (store.ops->renew(store.state, s->row.id, s->row.attempt, worker->lease_s, &stop, &push, &err)) {
		keeper_prolong(&s->keeper, until_ms);
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
		keeper_end(&s->keeper);
	else if (s->kill_at_ms == 0 && now >= s->overdue_at_ms)
		supervisor_end(s, WHY_OVERDUE);
	else if (s->why != WHY_LOST && s->why != WHY_STOPPED && now >= s->renew_at_ms)
		renew(worker, store, s, now);
	else if (s->kill_at_ms == 0 && now >= s->look_at_ms)
		look(store, s, now);
}

/* Its removal was asked for: without a row its workspace is a stray, and the sweeper's. */
static void forget(const struct worker *worker, struct session_store store, const struct session_row *row)
{
	struct error err = ERROR_INIT;

	if (store.ops->forget(store.state, row->id, row->attempt, &err))
		supervisor_log(worker, LOG_INFO, row, NULL, "Session stopped and removed");
	else
		supervisor_log(worker, LOG_WARNING, row, &err, "A stopped session could not be forgotten");
}

/* Soon, so that the next worker need not wait for the lease to run out. */
static void release(const struct worker *worker, struct session_store store, const struct session_row *row, bool settled)
{
	struct error err = ERROR_INIT;
	bool stop = false;

	if (!store.ops->give_back(store.state, row->id, row->attempt, RELEASE_S, settled, &stop, &err))
		supervisor_log(worker, LOG_WARNING, row, &err, "The session could not be released");
	else if (stop)
		forget(worker, store, row);
	else
		supervisor_log(worker, LOG_INFO, row, NULL, "Session released for another worker");
}

/* It died, and was neither told to end nor left the session by itself. */
static bool has_crashed(const struct supervised *s, int status)
{
	bool left = WIFEXITED(status) && (WEXITSTATUS(status) == EXIT_LEFT || WEXITSTATUS(status) == KEEPER_BUSY ||
	                                  WEXITSTATUS(status) == KEEPER_LAPSED || WEXITSTATUS(status) == KEEPER_TOLD);

	return s->why == WHY_NONE && !left;
}

static void tell_unusual_end(const struct worker *worker, const struct supervised *s, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

	if (code == KEEPER_BUSY)
		supervisor_log(worker, LOG_WARNING, &s->row, NULL, "Another process on this machine still holds the session");
	else if (code == KEEPER_LAPSED)
		supervisor_log(worker, LOG_WARNING, &s->row, NULL,
		               "The lease was not renewed in time: the session's processes were ended");
	else if (code > EXIT_LEFT && code != KEEPER_TOLD)
		supervisor_log(worker, LOG_ERROR, &s->row, NULL, "The session's process ended abnormally");
}

static void conclude(const struct worker *worker, struct session_store store, const struct supervised *s, int status)
{
	bool ended = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_ENDED;
	struct error failure = ERROR_INIT;

	tell_unusual_end(worker, s, status);
	if (s->why == WHY_STOPPED) {
		forget(worker, store, &s->row);
	} else if (ended || s->why == WHY_LOST) {
		return;
	} else if (s->why == WHY_OVERDUE) {
		error_set(&failure, ERR_AGENT_TIMEOUT, "The session took too long and was ended.");
		save_end(worker, store, &s->row, false, &failure);
	} else if (s->why == WHY_INTERRUPTED) {
		error_set(&failure, ERR_SESSION_ENDED, "The session was interrupted.");
		save_end(worker, store, &s->row, true, &failure);
	} else if (has_crashed(s, status) && s->row.tries >= worker->attempts) {
		char detail[40];
		snprintf(detail, sizeof(detail), "wait status 0x%x", (unsigned)status);
		give_up(worker, store, &s->row, detail);
	} else {
		release(worker, store, &s->row, !has_crashed(s, status));
	}
}

bool supervisor_reap(const struct worker *worker, struct session_store store, struct supervised *s, const pid_t *others,
                     size_t other_count)
{
	int status = 0;

	if (waitpid(s->keeper.pid, &status, WNOHANG) != s->keeper.pid)
		return false;
	processes_end_children(others, other_count); /* what a keeper that was killed itself may have left came to us */
	conclude(worker, store, s, status);
	keeper_release(&s->keeper);
	session_row_release(&s->row);
	*s = (struct supervised){0};
	return true;
}
