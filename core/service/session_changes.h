#pragma once
/*
 * session_changes — the text in which a session row keeps the repositories that were added and removed after its creation: a JSON
 * array of steps in their order, [{"add": {name, url, branch?, provider?, autoPush, requestId}}, {"remove": name}]. The step says
 * the name, so that a repository is called the same for as long as the session lives. Floor: service.
 */
#include "session.h"

/* Carries the steps out on the specification that the session began with. `changes` NULL: none. ERR_INTERNAL: it is no such text.
 */
bool session_changes_apply(const char *changes, struct session_spec *spec, struct error *err) MUST_CHECK;

/* The text with one more step. `before` NULL: none yet. Caller frees. */
char *session_changes_add(const char *before, const struct session_repository *added, const char *request_id) MUST_CHECK;
char *session_changes_remove(const char *before, const char *name) MUST_CHECK;

/* Whether the repository of this name was taken out: its name is not given again, so that it stays closed. */
bool session_changes_removed(const char *changes, const char *name);

/* The name of the repository that this very request has added before; NULL: it has not. Caller frees. */
char *session_changes_of_request(const char *changes, const char *request_id) MUST_CHECK;
