#pragma once
/* handle_gate — what a session's worker asks the gate in JSON: may its repositories be used, why did git fail, and that the merge
 * request be opened. */
#include "call.h"

bool handle_preflight(struct call *call, struct error *err) MUST_CHECK;
bool handle_outcomes(struct call *call, struct error *err) MUST_CHECK;
bool handle_merge_request(struct call *call, struct error *err) MUST_CHECK;
