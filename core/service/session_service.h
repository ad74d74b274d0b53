#pragma once
/*
 * session_service — creating, showing and ending agentic sessions. Floor: service.
 */
#include "project_store.h"
#include "session_store.h"

/*
 * Checks the object (session_spec_parse's errors; ERR_SESSION_NO_REPOSITORY; ERR_SESSION_INVALID for another metadata.namespace)
 * and creates the session once, for `owner`. What is stored is the object as it was asked for, with its name, without credentials
 * in addresses and without what is not the caller's to say (status, uid, times): the same request gives the same text, so that a
 * repeated one is recognised. With an idempotency key and no name, the name follows from owner and key.
 *
 * A session that names no repository takes those of the project as they are now; they lie beside the object, so that a later change
 * of the project's list changes neither this session nor what counts as the same request.
 */
bool session_create(struct session_store *sessions, struct project_store *projects, const char *project, const char *owner,
                    const json_t *object, const char *idempotency_key, struct session_row *ret, bool *ret_created,
                    struct error *err) MUST_CHECK;

/*
 * Creates the session of an AgenticSession resource once, for its verified `owner`: its id is metadata.uid, its project
 * metadata.namespace. Errors as session_create's; ERR_CONFLICT: another session of the project has the name.
 */
bool session_adopt(struct session_store *sessions, struct project_store *projects, const char *owner, const json_t *resource,
                   struct session_row *ret, struct error *err) MUST_CHECK;

/* The AgenticSession with metadata (name, namespace, uid, creationTimestamp) and status, as the API shows it: a token that somebody
 * wrote into a description or a variable is masked. Caller decrefs. */
json_t *session_to_json(const struct session_row *row) MUST_CHECK;

/* A session whose removal was asked for is Stopped for its readers, though a worker may still be cleaning up. */
enum session_phase session_shown_phase(const struct session_row *row);

/* The array status.repositories as it is now: those that its worker has not reached yet are Pending in it, and those that were
 * removed are not in it. Caller decrefs. */
json_t *session_shown_repositories(const struct session_row *row) MUST_CHECK;

/* The specification of a stored session; the project's repositories, where it took them, stand as its spec.repositories, and those
 * that were added or removed since its creation are in their places. ERR_INTERNAL: what is stored is none. */
bool session_row_spec(const struct session_row *row, struct session_spec *ret, struct error *err) MUST_CHECK;
