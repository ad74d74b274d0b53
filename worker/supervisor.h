#pragma once
/*
 * supervisor — the worker's side of one claimed session: its keeper, its lease, its limits, and what is left to do when it ends. A
 * session's process that crashes, hangs or loses its lease never takes the worker with it; a worker that dies, freezes or is cut
 * off from the store never leaves a session's process behind (keeper.h).
 */
#include "keeper.h"
#include "secret.h"
#include "session_store.h"
#include "worker.h"

/* Why a session's process was told to end. */
enum supervised_why { WHY_NONE, WHY_LOST, WHY_STOPPED, WHY_DRAINED, WHY_OVERDUE, WHY_INTERRUPTED };

struct supervised {
	struct keeper keeper; /* .pid 0: this slot is free */
	struct session_row row;
	int64_t renew_at_ms, look_at_ms, overdue_at_ms;
	int64_t kill_at_ms; /* after the SIGTERM; 0: none sent */
	enum supervised_why why;
};

/* A session that this worker has now, and may touch until `until_ms` (clock_boot_ms) without having renewed its lease. */
struct claim {
	struct session_row row;
	struct secret credential; /* for the gate; fresh */
	int64_t until_ms;
};
#define CLAIM_INIT ZERO_INIT
void claim_release(struct claim *claim);

/*
 * Claims the oldest waiting session, or `only_id`. *ret_found false: there is none. One that had all its attempts is not given out
 * but ended as failed: the workers that it, or its neighbours, took down could not say so.
 */
bool supervisor_claim(const struct worker *worker, struct session_store store, const char *only_id, struct claim *ret,
                      bool *ret_found, struct error *err) MUST_CHECK;

/* The same for one that has rested, has something to do now, and whose workspace this worker can reach. */
bool supervisor_claim_rested(const struct worker *worker, struct session_store store, struct claim *ret, bool *ret_found,
                             struct error *err) MUST_CHECK;

/* Starts the session's processes; takes the claim's row over. ERR_INTERNAL, ERR_WORKSPACE_FAILED: the session is given back. */
bool supervisor_start(struct worker *worker, struct session_store store, struct supervised *s, struct claim *claim,
                      struct error *err) MUST_CHECK;

/* Whether nothing is to be started beside it: if it takes this worker down once more, it takes nobody along. */
bool supervisor_is_last_try(const struct worker *worker, const struct supervised *s);

/* Renews the lease when due, and ends a process that must not go on. Call several times a second. */
void supervisor_beat(const struct worker *worker, struct session_store store, struct supervised *s);

/* Asks the process to end. It is killed if it does not. */
void supervisor_end(struct supervised *s, enum supervised_why why);

/* Whether the session's processes have ended; then concludes: a stopped session's row goes, a crashed one fails after its attempts,
 * one that rests was given back by its own process, another is released for the next worker. The slot is free afterwards. What it
 * leaves in the workspace is the sweeper's. `others` are the children that must live on. */
bool supervisor_reap(const struct worker *worker, struct session_store store, struct supervised *s, const pid_t *others,
                     size_t other_count);

/* Parent and child alike: a log line about a session. */
void supervisor_log(const struct worker *worker, enum log_level level, const struct session_row *row, const struct error *error,
                    const char *message);
