#pragma once
/*
 * session_mirror — the mirror's part in a session's clone: refreshes the mirror of a repository's project through the gate, with
 * this session's credential, and borrows from it. Trouble with the mirror itself is logged and costs speed; a repository that could
 * not be fetched is the session's failure, whatever the mirror has.
 */
#include "session_run.h"

/*
 * Afterwards r->mirror is the folder of objects to borrow and ret_tip the commit of the default branch; NULL and "" where there is
 * no mirror. Errors: ERR_SESSION_LOST and those of git_fetch_branch.
 */
bool session_mirror_refresh(struct session_run *run, struct repository *r, char ret_tip[COMMIT_SIZE], struct error *err) MUST_CHECK;

/* The disk is full: removes every mirror that nobody borrows from. Returns whether that freed something. */
bool session_mirror_make_room(const struct session_run *run);
