#pragma once
/*
 * session_repositories — repositories that join and leave a session after its creation. Apart from session_service, since adding
 * one checks it for its owner and binds it, for which the worker has neither use nor keys. Who may do it, the caller has asked.
 *
 * Nothing here waits for the worker: it looks every few seconds, clones what came and drops what went. Floor: service.
 */
#include "gate_service.h"

/* What is asked for. Borrowed. */
struct session_repository_request {
	struct session_addition addition;
	const char *request_id; /* the same request that comes again adds nothing again */
};

/*
 * Pre-flights the repository for the session's owner, and adds and binds it. Nothing is added unless it can be cloned: the error is
 * that of the check that failed. `row` is brought up to date; *ret_name (caller frees) is what the repository is called.
 * ERR_SESSION_ENDED; ERR_CONFLICT: the session has it already, pushes, or changed too often meanwhile; session_spec_add's errors.
 */
bool session_repository_add(struct gate_service *s, struct session_row *row, const struct session_repository_request *request,
                            char **ret_name, struct error *err) MUST_CHECK;

/*
 * Takes a repository out: it is not pushed, and the gate answers no further request for it. Its folder stays until the workspace
 * goes. One that was taken out before is success. ERR_NOT_FOUND: the session has none of this name; ERR_CONFLICT: it is the last
 * one, or the session pushes; ERR_SESSION_ENDED.
 */
bool session_repository_remove(struct session_store *sessions, struct session_row *row, const char *name,
                               struct error *err) MUST_CHECK;
