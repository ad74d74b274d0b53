#pragma once
/*
 * render_gate — what the gate tells the worker: the reports of a session's repositories, and what went wrong on the way to the
 * instance.
 */
#include "gate_service.h"

/* {"repositories":[…]}; `reports` has one per repository of the spec. Caller decrefs. */
json_t *render_preflight(const struct session_spec *spec, const struct check_report *reports) MUST_CHECK;

/* {"outcomes":[…]}. Caller decrefs. */
json_t *render_outcomes(const struct gate_outcome_list *list) MUST_CHECK;

/* {"number", "url", "existed", "unmarked"?}. Caller decrefs. */
json_t *render_merge_request(const struct forge_merge_request *request) MUST_CHECK;
