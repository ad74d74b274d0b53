#pragma once
/*
 * session_service — creating, showing and ending agentic sessions. Floor: service.
 */
#include "session_store.h"

/* Checks the object, fills metadata (name, namespace, uid, creationTimestamp) and the owner, and creates it once. */
bool session_create(struct session_store *sessions, const char *project, const char *owner, const json_t *object,
		    const char *idempotency_key, struct session_row *ret, bool *ret_created, struct error *err) MUST_CHECK;

/* The AgenticSession with its status, as the API shows it. Caller decrefs. */
json_t *session_to_json(const struct session_row *row) MUST_CHECK;
