#pragma once
/*
 * supervisor — the parent's side of one claimed session: its process, its lease, its limits, and what is left to do when it ends. A
 * session's process that crashes, hangs or loses its lease never takes the worker with it.
 */
#include "secret.h"
#include "session_store.h"
#include "worker.h"

/* Why a session's process was told to end. */
enum supervised_why { WHY_NONE, WHY_LOST, WHY_STOPPED, WHY_DRAINED, WHY_OVERDUE, WHY_INTERRUPTED };

struct supervised {
	pid_t pid; /* 0: this slot is free */
	struct session_row row;
	int64_t renew_at_ms, look_at_ms, overdue_at_ms;
	int64_t kill_at_ms; /* after the SIGTERM; 0: none sent */
	enum supervised_why why;
};

/* Claims the oldest waiting session, or `only_id`. *ret_found false: there is none. The credential is fresh. */
bool supervisor_claim(const struct worker *worker, struct session_store store, const char *only_id, struct session_row *ret,
                      struct secret *ret_credential, bool *ret_found, struct error *err) MUST_CHECK;

/* Starts the session's process; takes the row over. ERR_INTERNAL. */
bool supervisor_start(struct worker *worker, struct supervised *s, struct session_row *row, const struct secret *credential,
                      struct error *err) MUST_CHECK;

/* Renews the lease when due, and ends a process that must not go on. Call several times a second. */
void supervisor_beat(const struct worker *worker, struct session_store store, struct supervised *s);

/* Tells the process to end. SIGKILL follows. */
void supervisor_end(struct supervised *s, enum supervised_why why);

/* Whether the process has ended; then concludes: a stopped session's workspace and row go, a crashed one fails after ATTEMPTS_MAX,
 * another is released for the next worker. The slot is free afterwards. `others` are the processes that must live on. */
bool supervisor_reap(const struct worker *worker, struct session_store store, struct supervised *s, const pid_t *others,
                     size_t other_count);

/* Parent and child alike: a log line about a session. */
void supervisor_log(const struct worker *worker, enum log_level level, const struct session_row *row, const struct error *error,
                    const char *message);
