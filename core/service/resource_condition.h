#pragma once
/*
 * resource_condition — the conditions in a resource's status, as Kubernetes has them (metav1.Condition). No I/O. Floor: service.
 */
#include "json.h"

/* The status's condition of this type, borrowed; NULL: it has none. */
json_t *resource_condition(const json_t *status, const char *type);
bool resource_condition_is_true(const json_t *status, const char *type);

/*
 * A new condition; one that is in the same state in the status that was seen keeps the time since when it is. `state`: "True",
 * "False" or "Unknown". `message` is taken over. `now`: unix seconds. Caller decrefs.
 */
json_t *resource_condition_new(const json_t *seen, const char *type, const char *state, const char *reason, json_t *message,
                               int64_t now) MUST_CHECK;
