/*
 * serve — takes sessions from the store until it is asked to stop; each runs in a process of its own (supervisor).
 */
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "alloc.h"
#include "clock.h"
#include "controller.h"
#include "database.h"
#include "processes.h"
#include "supervisor.h"
#include "sweeper.h"

enum { SWEEP_EVERY_MS = 15 * 1000, TROUBLE_EVERY_MS = 30 * 1000, CONTROLLER_EVERY_MS = 5 * 1000, CONTROLLER_END_MS = 8 * 1000 };

struct server {
	struct worker *worker;
	struct session_store store;
	struct supervised *slots;
	size_t slot_count;
	pid_t sweeper; /* 0: none is at work */
	int64_t sweep_at_ms;
	pid_t controller; /* of Kubernetes resources; 0: it does not run */
	int64_t controller_at_ms;
	int64_t trouble_at_ms;  /* when the store's trouble may be logged again */
	int64_t drain_until_ms; /* 0: not asked to stop */
};

static size_t running_count(const struct server *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->slot_count; i++)
		count += s->slots[i].keeper.pid != 0;
	return count;
}

static struct supervised *free_slot(struct server *s)
{
	for (size_t i = 0; i < s->slot_count; i++)
		if (s->slots[i].keeper.pid == 0)
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

/* Its neighbours would share its fate. */
static bool runs_a_last_try(const struct server *s)
{
	for (size_t i = 0; i < s->slot_count; i++)
		if (supervisor_is_last_try(s->worker, &s->slots[i]))
			return true;
	return false;
}

/* Takes one session if there is one and room for it. True: there may be another. */
static bool take(struct server *s)
{
	CLEANUP(claim_release) struct claim claim = CLAIM_INIT;
	struct supervised *slot = free_slot(s);
	struct error err = ERROR_INIT;
	bool found = false;

	if (!slot || runs_a_last_try(s))
		return false;
	if (!supervisor_claim_rested(s->worker, s->store, &claim, &found, &err) ||
	    (!found && !supervisor_claim(s->worker, s->store, NULL, &claim, &found, &err))) {
		trouble(s, &err, "No session could be claimed");
		return false;
	}
	if (!found)
		return false;
	supervisor_log(s->worker, LOG_INFO, &claim.row, NULL, "Session claimed");
	if (!supervisor_start(s->worker, s->store, slot, &claim, &err)) {
		trouble(s, &err, "A session could not be started");
		return false;
	}
	if (slot->row.stop_requested)
		supervisor_end(slot, WHY_STOPPED);
	return true;
}

/* Every child but that of the slot `but`. */
static size_t list_others(const struct server *s, size_t but, pid_t *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < s->slot_count; i++)
		if (i != but && s->slots[i].keeper.pid)
			ret[count++] = s->slots[i].keeper.pid;
	if (s->sweeper)
		ret[count++] = s->sweeper;
	if (s->controller)
		ret[count++] = s->controller;
	return count;
}

static void tend(struct server *s)
{
	for (size_t i = 0; i < s->slot_count; i++) {
		pid_t others[SESSIONS_MAX + 2];
		if (s->slots[i].keeper.pid == 0)
			continue;
		supervisor_beat(s->worker, s->store, &s->slots[i]);
		if (supervisor_reap(s->worker, s->store, &s->slots[i], others, list_others(s, i, others)))
			s->sweep_at_ms = 0;
	}
}

/* One sweeper at a time; it is not waited for. */
static void sweep(struct server *s, int64_t now_ms)
{
	if (s->sweeper && waitpid(s->sweeper, NULL, WNOHANG) == s->sweeper)
		s->sweeper = 0;
	if (s->sweeper || now_ms < s->sweep_at_ms)
		return;
	s->sweep_at_ms = now_ms + SWEEP_EVERY_MS;
	s->sweeper = sweeper_start(s->worker);
	if (s->sweeper < 0)
		s->sweeper = 0;
}

/* It is to run as long as the worker does: what has become of a session is told by it, also while the last ones finish. */
static void keep_controller(struct server *s, int64_t now_ms)
{
	if (s->controller && waitpid(s->controller, NULL, WNOHANG) == s->controller)
		s->controller = 0;
	if (s->controller || now_ms < s->controller_at_ms || !controller_is_wanted(s->worker))
		return;
	s->controller_at_ms = now_ms + CONTROLLER_EVERY_MS;
	s->controller = controller_start(s->worker);
	if (s->controller < 0)
		s->controller = 0;
}

static void end_controller(struct server *s)
{
	if (!s->controller)
		return;
	kill(s->controller, SIGTERM);
	(void)process_wait_or_kill(s->controller, clock_monotonic_ms() + CONTROLLER_END_MS);
	s->controller = 0;
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
			if (s->slots[i].keeper.pid)
				supervisor_end(&s->slots[i], WHY_DRAINED);
		sweep(s, now);
		keep_controller(s, now);
	}
}

int serve(struct worker *worker, unsigned sessions)
{
	CLEANUP(database_freep) struct database *database = NULL;
	const struct database_options options = {
	        .path = settings_get(worker->settings, DATABASE), .connections = 1, .busy_timeout_ms = 10000};
	struct error err = ERROR_INIT;
	sigset_t signals;

	process_begin_parent(&signals);
	worker->lets_rest = true;
	if (!database_open(&options, &database, &err)) {
		supervisor_log(worker, LOG_ERROR, NULL, &err, "The database cannot be used");
		return EXIT_FAILED;
	}
	CLEANUP(freep) struct supervised *slots = xcalloc(sessions, sizeof(*slots));
	struct server server = {.worker = worker, .store = database_sessions(database), .slots = slots, .slot_count = sessions};
	supervisor_log(worker, LOG_INFO, NULL, NULL, "Worker started");
	if (!worker->isolates)
		supervisor_log(worker, LOG_WARNING, NULL, NULL, "No PID namespace can be had here: sessions run without one");
	loop(&server, &signals);
	end_controller(&server);
	supervisor_log(worker, LOG_INFO, NULL, NULL, "Worker stopped");
	return EXIT_DONE;
}
