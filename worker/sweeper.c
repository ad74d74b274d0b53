#include "sweeper.h"

#include <unistd.h>

#include "clock.h"
#include "database.h"
#include "processes.h"
#include "session_lock.h"
#include "supervisor.h"
#include "workspace.h"

enum { SWEEPER_NICE = 10 };

bool sweeper_may_remove(const struct session_row *row, int64_t now_s)
{
	return !row || (session_phase_is_final(row->phase) && row->work_kept_until <= now_s);
}

/* A store that does not answer means that the workspace stays. */
static bool ask(struct session_store store, const char *id)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;

	if (store.ops->find_by_id(store.state, id, &row, &err))
		return sweeper_may_remove(&row, clock_now_s());
	return err.code == ERR_SESSION_NOT_FOUND && sweeper_may_remove(NULL, clock_now_s());
}

bool sweeper_remove_one(const struct worker *worker, struct session_store store, const char *id)
{
	CLEANUP(workspace_release) struct workspace workspace = WORKSPACE_INIT;
	CLEANUP(session_lock_release) struct session_lock lock = SESSION_LOCK_INIT;
	struct error err = ERROR_INIT;

	if (!ask(store, id) || !workspace_locate(settings_get(worker->settings, WORKSPACES), id, &workspace, NULL) ||
	    !session_lock_take(&workspace, 0, &lock, NULL) || !ask(store, id))
		return false;
	if (!workspace_remove(&workspace, &err)) {
		supervisor_log(worker, LOG_WARNING, NULL, &err, "A workspace could not be removed");
		return false;
	}
	session_lock_remove(&lock);
	return true;
}

static void sweep(const struct worker *worker, struct session_store store)
{
	char **ids = NULL;
	size_t count = 0;
	struct error err = ERROR_INIT;

	if (!workspace_list_ids(settings_get(worker->settings, WORKSPACES), &ids, &count, &err))
		supervisor_log(worker, LOG_ERROR, NULL, &err, "The workspaces could not be listed");
	for (size_t i = 0; i < count; i++)
		(void)sweeper_remove_one(worker, store, ids[i]);
	workspace_free_ids(ids, count);
}

static NORETURN void run_child(const struct worker *worker, pid_t parent)
{
	CLEANUP(database_freep) struct database *database = NULL;
	const struct database_options options = {
	        .path = settings_get(worker->settings, DATABASE), .connections = 1, .busy_timeout_ms = 10000};
	struct error err = ERROR_INIT;

	setpgid(0, 0);
	process_begin_child(parent, NULL, 0);
	if (nice(SWEEPER_NICE) == -1)
		supervisor_log(worker, LOG_DEBUG, NULL, NULL, "The sweeper runs with the worker's own priority");
	if (!database_open(&options, &database, &err)) {
		supervisor_log(worker, LOG_ERROR, NULL, &err, "The workspaces cannot be swept");
		_exit(EXIT_FAILED);
	}
	sweep(worker, database_sessions(database));
	_exit(EXIT_DONE);
}

pid_t sweeper_start(const struct worker *worker)
{
	pid_t parent = getpid(), child = fork();

	if (child == 0)
		run_child(worker, parent);
	return child;
}
