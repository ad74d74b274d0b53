#pragma once
/*
 * keeper — one process a session, between the worker and the session's own process. It makes sure that a session's processes live
 * as long as the worker's lease on the session, and no longer:
 *
 *   - it starts the session's process only while it holds the session's lock (session_lock.h), so that never two do on one machine;
 *   - it ends them when the worker dies (the pipe between them closes), when the worker did not tell of a renewed lease in time
 *     because it is frozen or cut off from the store, and when it is told to;
 *   - where the kernel allows it, they live in a PID namespace of their own and end together whatever happens, and none of them can
 *     even see the keeper. Elsewhere the keeper inherits their orphans and ends them one after the other; there an agent of the
 *     same user could end the keeper first on kernels whose Landlock does not scope signals (before 6.12).
 *
 * It reads nothing that others wrote, holds no credential longer than it takes to start the session's process, and logs nothing.
 */
#include "workspace.h"
#include <sys/types.h>

struct keeper_work {
	/* The session's own process, SIGTERM and SIGINT blocked, no descriptor above 2. Gives its exit code, below KEEPER_BUSY. */
	int (*run)(void *context);
	void *context;
	const struct workspace *workspace;
	int64_t lease_until_ms; /* clock_boot_ms() */
	bool isolated;          /* pid_namespace_is_available() */
};

/* How it ends, beside the exit code of the session's process and 128 + the number of the signal that killed that. */
enum keeper_exit {
	KEEPER_BUSY = 100,   /* the session's lock is held by another process that does not end */
	KEEPER_FAILED = 101, /* the session's process could not be started */
	KEEPER_LAPSED = 102, /* the lease was not renewed in time */
	KEEPER_TOLD = 103,   /* keeper_end(), another worker's keeper, or the worker's death */
};

struct keeper {
	pid_t pid; /* a child of the caller, which waits for it */
	int lease; /* our end of the pipe; closing it ends the session's processes */
};

/* ERR_INTERNAL. */
bool keeper_start(const struct keeper_work *work, struct keeper *ret, struct error *err) MUST_CHECK;

/* The lease was renewed. */
void keeper_prolong(const struct keeper *keeper, int64_t lease_until_ms);
/* The session's process gets SIGTERM. */
void keeper_ask(const struct keeper *keeper);
/* All of the session's processes are killed. */
void keeper_end(const struct keeper *keeper);
/* After the keeper has been waited for. */
void keeper_release(struct keeper *keeper);
