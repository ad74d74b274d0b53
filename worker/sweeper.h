#pragma once
/*
 * sweeper — removes the workspaces that nobody needs: of sessions that are gone, and of those that have ended and whose work is
 * pushed, or was kept long enough. A large workspace takes minutes to remove, so a child of the worker does it.
 *
 * Only under the session's lock, and only after having asked the store once more: a sweeper that was frozen in between removes
 * nothing that a later worker has. It never looks into a workspace.
 */
#include "session_store.h"
#include "worker.h"
#include <sys/types.h>

/* Whether nobody needs a workspace any more; `row` NULL: there is no such session. */
bool sweeper_may_remove(const struct session_row *row, int64_t now_s);

/* One session's workspace, if it may go. False: it stays, for now. */
bool sweeper_remove_one(const struct worker *worker, struct session_store store, const char *id);

/* Goes over all workspaces in a child, which the caller waits for. -1: it cannot be started. */
pid_t sweeper_start(const struct worker *worker);
