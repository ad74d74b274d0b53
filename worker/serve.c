/*
 * serve — takes sessions from the store until it is asked to stop; each runs in a process of its own (supervisor).
 */
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "database.h"
#include "processes.h"
#include "supervisor.h"
#include "workspace.h"

enum { SWEEP_EVERY_MS = 15 * 1000, TROUBLE_EVERY_MS = 30 * 1000 };

struct server {
	struct worker *worker;
	struct session_store store;
	struct supervised *slots;
	size_t slot_count;
	int64_t sweep_at_ms;
	int64_t trouble_at_ms;  /* when the store's trouble may be logged again */
	int64_t drain_until_ms; /* 0: not asked to stop */
};

static size_t running_count(const struct server *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->slot_count; i++)
		count += s->slots[i].pid != 0;
	return count;
}

static struct supervised *free_slot(struct server *s)
{
	for (size_t i = 0; i < s->slot_count; i++)
		if (s->slots[i].pid == 0)
			return &s->slots[i];
	return NULL;
}

static void trouble(struct server *s, const struct error *err, const char *message)
{
	int64_t now = clock_monotonic_ms();

	if (now < s->trouble_at_ms)
		return;
	s->trouble_at_ms = now + TROUBLE_EVERY_MS;
	supervisor_log(s->worker, LOG_ERROR, NULL, err, message);
}

/* Takes one session if there is one and room for it. True: there may be another. */
static bool take(struct server *s)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	CLEANUP(secret_release) struct secret credential = SECRET_INIT;
	struct supervised *slot = free_slot(s);
	struct error err = ERROR_INIT;
	bool found = false;

	if (!slot)
		return false;
	if (!supervisor_claim(s->worker, s->store, NULL, &row, &credential, &found, &err)) {
		trouble(s, &err, "No session could be claimed");
		return false;
	}
	if (!found)
		return false;
	supervisor_log(s->worker, LOG_INFO, &row, NULL, "Session claimed");
	if (!supervisor_start(s->worker, slot, &row, &credential, &err)) {
		trouble(s, &err, "A session could not be started");
		return false;
	}
	if (slot->row.stop_requested)
		supervisor_end(slot, WHY_STOPPED);
	return true;
}

static void tend(struct server *s)
{
	for (size_t i = 0; i < s->slot_count; i++) {
		pid_t others[64];
		size_t count = 0;
		if (s->slots[i].pid == 0)
			continue;
		for (size_t other = 0; other < s->slot_count; other++)
			if (other != i && s->slots[other].pid)
				others[count++] = s->slots[other].pid;
		supervisor_beat(s->worker, s->store, &s->slots[i]);
		supervisor_reap(s->worker, s->store, &s->slots[i], others, count);
	}
}

/* Workspaces whose sessions were deleted. The folder is read first: a session is in the store before it has a workspace. */
static void sweep(struct server *s)
{
	const char *root = settings_get(s->worker->settings, WORKSPACES);
	char **found = NULL, **ids = NULL;
	size_t found_count = 0, id_count = 0;
	struct error err = ERROR_INIT;

	if (!workspace_list_ids(root, &found, &found_count, &err))
		trouble(s, &err, "The workspaces could not be listed");
	else if (found_count > 0 && !s->store.ops->ids(s->store.state, &ids, &id_count, &err))
		trouble(s, &err, "The sessions could not be listed");
	else if (found_count > 0)
		workspace_remove_strays(root, found, found_count, ids, id_count);
	workspace_free_ids(found, found_count);
	workspace_free_ids(ids, id_count);
}

/* The first signal lets running sessions finish for a while, the second does not wait. */
static void handle_signal(struct server *s, int number)
{
	if (number != SIGTERM && number != SIGINT)
		return;
	int64_t now = clock_monotonic_ms();
	s->drain_until_ms = s->drain_until_ms || running_count(s) == 0 ? now : now + DRAIN_MS;
	supervisor_log(s->worker, LOG_INFO, NULL, NULL, "Stopping: no more sessions are taken");
}

static void loop(struct server *s, const sigset_t *signals)
{
	const struct timespec beat = {.tv_nsec = POLL_MS * 1000000L};

	while (s->drain_until_ms == 0 || running_count(s) > 0) {
		handle_signal(s, sigtimedwait(signals, NULL, &beat));
		tend(s);
		int64_t now = clock_monotonic_ms();
		if (s->drain_until_ms == 0)
			while (take(s))
				;
		for (size_t i = 0; s->drain_until_ms && now >= s->drain_until_ms && i < s->slot_count; i++)
			if (s->slots[i].pid)
				supervisor_end(&s->slots[i], WHY_DRAINED);
		if (now >= s->sweep_at_ms && s->drain_until_ms == 0) {
			s->sweep_at_ms = now + SWEEP_EVERY_MS;
			sweep(s);
		}
	}
}

int serve(struct worker *worker, unsigned sessions)
{
	CLEANUP(database_freep) struct database *database = NULL;
	const struct database_options options = {
	        .path = settings_get(worker->settings, DATABASE), .connections = 1, .busy_timeout_ms = 10000};
	struct error err = ERROR_INIT;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	processes_adopt_orphans();
	if (!database_open(&options, &database, &err)) {
		supervisor_log(worker, LOG_ERROR, NULL, &err, "The database cannot be used");
		return EXIT_FAILED;
	}
	CLEANUP(freep) struct supervised *slots = xcalloc(sessions, sizeof(*slots));
	struct server server = {.worker = worker, .store = database_sessions(database), .slots = slots, .slot_count = sessions};
	supervisor_log(worker, LOG_INFO, NULL, NULL, "Worker started");
	loop(&server, &signals);
	supervisor_log(worker, LOG_INFO, NULL, NULL, "Worker stopped");
	return EXIT_DONE;
}
