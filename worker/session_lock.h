#pragma once
/*
 * session_lock — on one machine, one process at a time may touch a session's workspace, whatever clocks and the store say.
 *
 * A record lock of the kernel on <session id>.lock beside the workspace: it goes with its holder, however that ended, and no child
 * inherits it. Its holders are keepers (keeper.h) and sweepers (sweeper.h), which end all that they started when they get SIGHUP;
 * so a worker that was given a session can take the lock from one that was frozen and lost it. Never held by a worker itself.
 */
#include "workspace.h"

struct session_lock {
	int fd;
	char *path; /* owned */
};
#define SESSION_LOCK_INIT                                                                                                          \
	{                                                                                                                          \
		.fd = -1                                                                                                           \
	}

/*
 * Waits up to wait_ms for the lock; unless that is 0, its holder is woken and told to end. ERR_SESSION_LOST: it is still held.
 * ERR_WORKSPACE_FAILED: the file cannot be made.
 */
bool session_lock_take(const struct workspace *workspace, int64_t wait_ms, struct session_lock *ret, struct error *err) MUST_CHECK;

/* Gives it back; the file stays. */
void session_lock_release(struct session_lock *lock);
/* Removes the file as well, for a session of which nothing is left. */
void session_lock_remove(struct session_lock *lock);
